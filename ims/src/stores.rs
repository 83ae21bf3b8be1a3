//! Where this deployment keeps what: a file for each store, or a server for those that have one.

use crate::{
    config::{Config, StateConfig, StateKind, StoreConfig},
    exit::usage,
};
use connectors::{
    analysis::AnalysisTable,
    cipher::Cipher,
    claims,
    history::HistoryTable,
    redis::RedisSettings,
    reports::ReportTable,
    sql::{Location, Schema, StoreError, Table},
};
use std::{
    path::{Path, PathBuf},
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

    /// Analysis: a file always.
    pub fn analysis(&self) -> PathBuf {
        self.file("analysis")
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
        let name = if named { "store.key_file " } else { "" };
        let digits =
            std::fs::read_to_string(&path).map_err(|e| StoreError::Key(format!("{name}{}: {e}", path.display())))?;
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

    fn server_or_file(&self, what: &str) -> Result<Location, StoreError> {
        let Self(config) = self;
        if config.url.is_empty() {
            return Ok(Location::file(self.file(what)));
        }
        let path = &config.password_file;
        if path.as_os_str().is_empty() {
            return Location::server(&config.url, None);
        }
        let password = std::fs::read_to_string(path)
            .map_err(|e| StoreError::Key(format!("store.password_file {}: {e}", path.display())))?;
        Location::server(&config.url, Some(password.trim_end_matches(['\r', '\n'])))
    }

    /// Each store has a file of its own beside the configured one: one writer never waits for another.
    fn file(&self, what: &str) -> PathBuf {
        let stem = self.0.file.file_stem().map_or_else(|| "ims".into(), |s| s.to_string_lossy());
        self.0.file.with_file_name(format!("{stem}-{what}.sqlite"))
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
    }
    all.push((Location::file(stores.analysis()), AnalysisTable::SCHEMA));
    if config.state.kind == StateKind::Sqlite {
        all.push((Location::file(&config.state.file), claims::SCHEMA));
    }
    Ok(all)
}
