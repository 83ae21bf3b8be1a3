//! Where this deployment keeps what: a file for each store, or a server for those that have one.

use crate::{
    config::{AnalysisConfig, AnalysisKind, Config, ReferenceKind, StateConfig, StateKind, StoreConfig},
    exit::usage,
};
use connectors::{
    analysis::{
        Analysis, AnalysisSink, AnalysisTable, SqliteAnalysis,
        mongo::{MongoAnalysis, MongoSettings, MongoSink},
    },
    cipher::Cipher,
    claims,
    files::{FileSettings, FileStore, FilesError},
    history::HistoryTable,
    redis::RedisSettings,
    reference,
    reports::ReportTable,
    sql::{Location, Schema, StoreError, Table},
};
use processors::ports::{Away, Sink};
use schemas::AnalyzeLog;
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// The relational stores as configured.
#[derive(Debug, Clone)]
pub struct Stores(StoreConfig);

impl Stores {
    /// As configured; opens nothing.
    pub fn of(config: &Config) -> Self {
        Self(config.store.clone())
    }

    /// History and statistics.
    pub fn history(&self) -> Result<Location, StoreError> {
        self.server_or_file("history")
    }

    /// The newest report of each message.
    pub fn reports(&self) -> Result<Location, StoreError> {
        self.server_or_file("reports")
    }

    /// Reference data of kind "sql".
    pub fn reference(&self) -> Result<Location, StoreError> {
        self.server_or_file("reference")
    }

    /// The key of personal data. Beside a file it is made when it is missing; processes that share a server must share
    /// it too, so there it is never made.
    pub fn cipher(&self) -> Result<Cipher, StoreError> {
        match self.key_file() {
            (path, false) => Cipher::from_file(&path),
            (_, true) => self.existing_cipher(),
        }
    }

    /// The same for who only reads: a key that is missing is not made.
    pub fn existing_cipher(&self) -> Result<Cipher, StoreError> {
        let (path, named) = self.key_file();
        let digits = std::fs::read_to_string(&path).map_err(|error| StoreError::Key(keyless(&path, named, &error)))?;
        Cipher::parse(&digits)
    }

    /// The file of the key, and whether the configuration names it.
    fn key_file(&self) -> (PathBuf, bool) {
        let Self(config) = self;
        match config.key_file.as_os_str().is_empty() {
            true => (config.file.with_extension("key"), false),
            false => (config.key_file.clone(), true),
        }
    }

    /// Files of customers, opened.
    pub fn files(&self, settings: &FileSettings, cipher: &Arc<Cipher>) -> Result<FileStore, FilesError> {
        FileStore::open(settings, &self.beside("files"), Arc::clone(cipher))
    }

    fn server_or_file(&self, what: &str) -> Result<Location, StoreError> {
        let Self(config) = self;
        if config.url.is_empty() {
            return Ok(Location::file(self.file(what)));
        }
        let path = Some(&*config.password_file).filter(|path| !path.as_os_str().is_empty());
        Location::server(&config.url, path)
    }

    /// Each store has a file of its own beside the configured one: one writer never waits for another.
    pub fn file(&self, what: &str) -> PathBuf {
        self.beside(&format!("{what}.sqlite"))
    }

    fn beside(&self, what: &str) -> PathBuf {
        let stem = self.0.file.file_stem().map_or_else(|| "ims".into(), |s| s.to_string_lossy());
        self.0.file.with_file_name(format!("{stem}-{what}"))
    }
}

/// Why there is no key of personal data, with what makes it.
fn keyless(path: &Path, named: bool, error: &io::Error) -> String {
    let path = path.display();
    match (named, error.kind()) {
        (true, io::ErrorKind::NotFound) => format!(
            "store.key_file {path}: {error}: of a new store make it, once for as long as the store lives, with `openssl rand \
             -hex 32 > {path}`; of one that is in use, bring the file that its other processes have"
        ),
        (true, _) => format!("store.key_file {path}: {error}"),
        (false, io::ErrorKind::NotFound) => format!(
            "{path}, which stands beside store.file, or where store.key_file says: {error}: `ims run` and `ims reference \
             import` make it with a new store; of one that is in use, name its store.file"
        ),
        (false, _) => format!("{path}, which stands beside store.file, or where store.key_file says: {error}"),
    }
}

/// Where analysis is kept.
#[derive(Debug, Clone)]
pub enum AnalysisStore {
    /// A file of this process.
    File(PathBuf),
    /// A replica set that processes share.
    Mongo(Box<MongoSettings>),
}

impl AnalysisStore {
    /// As configured; opens nothing but the file of the password.
    pub fn of(config: &Config) -> anyhow::Result<Self> {
        let AnalysisConfig { kind, url, password_file, database } = &config.analysis;
        if *kind == AnalysisKind::Sqlite {
            return Ok(Self::File(Stores::of(config).file("analysis")));
        }
        let days = u64::from(config.store.retention_days);
        let keep = (days > 0).then(|| Duration::from_secs(days * 24 * 3600));
        let settings = MongoSettings::new(url, database, keep).map_err(|error| usage(error.to_string()))?;
        if password_file.as_os_str().is_empty() {
            return Ok(Self::Mongo(Box::new(settings)));
        }
        let password = std::fs::read_to_string(password_file)
            .map_err(|e| usage(format!("analysis.password_file {}: {e}", password_file.display())))?;
        Ok(Self::Mongo(Box::new(settings.with_password(password.trim_end_matches(['\r', '\n'])))))
    }

    /// Keeps what ANALYZE-LOG brings. A file is opened or made; MongoDB is not asked yet.
    pub fn sink(&self) -> Result<Box<dyn Sink<AnalyzeLog>>, Away> {
        Ok(match self {
            Self::File(path) => Box::new(AnalysisSink::analysis(path).map_err(|error| error.away("analysis store"))?),
            Self::Mongo(settings) => Box::new(MongoSink::new(settings.as_ref().clone())?),
        })
    }

    /// Reads it, beside the sink.
    pub fn reader(&self) -> Result<Box<dyn Analysis>, Away> {
        Ok(match self {
            Self::File(path) => Box::new(SqliteAnalysis::open(path).map_err(|error| error.away("analysis store"))?),
            Self::Mongo(settings) => Box::new(MongoAnalysis::new(settings.as_ref().clone())?),
        })
    }
}

impl AnalysisStore {
    /// For a command that only reads: it is there, of no newer program and not changed by hand.
    pub fn must_fit(&self) -> anyhow::Result<()> {
        self.is_there().map_err(usage)?;
        if let Self::File(path) = self {
            AnalysisTable::SCHEMA.check(&Location::file(path))?;
        }
        Ok(())
    }

    /// Whether it is there, for who only reads and makes none.
    pub fn is_there(&self) -> Result<(), String> {
        match self {
            Self::File(path) if !path.exists() => {
                let path = path.display();
                Err(format!("{path} is not there: name the analyzer's store.file, or set analysis.kind"))
            }
            Self::File(_) | Self::Mongo(_) => Ok(()),
        }
    }
}

/// Redis as configured, with what its files hold.
pub fn redis(config: &StateConfig) -> anyhow::Result<RedisSettings> {
    let read =
        |key: &str, path: &Path| std::fs::read(path).map_err(|e| usage(format!("{key} {}: {e}", path.display())));
    let mut settings = RedisSettings::new(&config.url, Duration::from_millis(config.timeout_ms))
        .map_err(|error| usage(error.to_string()))?;
    if !config.password_file.as_os_str().is_empty() {
        let password = read("state.password_file", &config.password_file)?;
        settings = settings.with_password(String::from_utf8_lossy(&password).trim_end_matches(['\r', '\n']));
    }
    if !config.ca_file.as_os_str().is_empty() {
        let authorities = read("state.ca_file", &config.ca_file)?;
        settings = settings.with_authorities(authorities).map_err(|error| usage(error.to_string()))?;
    }
    Ok(settings)
}

/// Every store of a deployment with its tables. A server is there once: one database has all its tables.
pub fn schemas(config: &Config) -> Result<Vec<(Location, Schema)>, StoreError> {
    let stores = Stores::of(config);
    let mut all = vec![(stores.history()?, HistoryTable::SCHEMA)];
    if config.store.url.is_empty() {
        all.push((stores.reports()?, ReportTable::SCHEMA));
        // Mailboxes that are gone stand there also where reference data are a file.
        if config.reference.kind == ReferenceKind::Sql || stores.file("reference").exists() {
            all.push((stores.reference()?, reference::SCHEMA));
        }
    }
    if config.analysis.kind == AnalysisKind::Sqlite {
        all.push((Location::file(stores.file("analysis")), AnalysisTable::SCHEMA));
    }
    if config.state.kind == StateKind::Sqlite {
        all.push((Location::file(&config.state.file), claims::SCHEMA));
    }
    Ok(all)
}
