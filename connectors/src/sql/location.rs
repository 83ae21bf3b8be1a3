//! Where a store is.

use super::{Connection, Dialect, StoreError, dialect::is_locked};
use sqlx::ConnectOptions;
use sqlx::mysql::MySqlConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, Instant};

/// How long a statement waits for another process's write lock before the store counts as away.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Where pages are kept as they were before a statement; in a file of its own each costs a write.
pub(super) const TEMP_STORE: &str = "MEMORY";
/// How long a connection that the lock kept out waits before it tries again.
const PAUSE_OF_THE_LOCKED_OUT: Duration = Duration::from_millis(5);
/// Pages of the write-ahead log (4 KiB each) between two checkpoints: a checkpoint is the only time a commit waits for
/// the disk, so fewer are faster and the log beside the file grows to 32 MiB.
const PAGES_BETWEEN_CHECKPOINTS: u32 = 8192;
/// Page cache of one connection, KiB: a process has some ten, and what they leave out the system keeps.
const CACHE_KIB: u32 = 3072;
/// How long a server may take to let us in.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A batch is read from the log in 2 MB; encrypted and with its JSON it stays far below this. A server that takes less
/// would hang up in the middle of a batch, each time again.
const PACKET_BYTES: u64 = 16 << 20;
/// Without strict mode a text that is too long is cut and stored; read committed locks the rows it touches, no gaps.
///
/// A process that stands still in a transaction holds its locks until the server gives its connection up: whoever took
/// its work over waits so long (`wait_timeout`, seconds).
const SESSION: [&str; 4] = [
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET SESSION innodb_lock_wait_timeout = 5",
    "SET SESSION wait_timeout = 20",
];

/// A file, or a database of a server.
#[derive(Clone)]
pub enum Location {
    /// A SQLite file, made when it is missing.
    File(PathBuf),
    /// A database on MySQL or MariaDB.
    Server(Box<Server>),
}

/// A database on a server, and who asks for it.
#[derive(Clone)]
pub struct Server {
    options: MySqlConnectOptions,
    /// Holds the password alone; None: the options hold it.
    password_file: Option<PathBuf>,
}

impl Server {
    /// With the password that the file holds now: one that was exchanged is that of the next connection.
    fn options(&self) -> Result<MySqlConnectOptions, StoreError> {
        let Some(path) = &self.password_file else { return Ok(self.options.clone()) };
        let password = std::fs::read_to_string(path)
            .map_err(|e| StoreError::Key(format!("store.password_file {}: {e}", path.display())))?;
        Ok(self.options.clone().password(password.trim_end_matches(['\r', '\n'])))
    }
}

impl Location {
    /// A file.
    pub fn file(path: impl AsRef<Path>) -> Self {
        Self::File(path.as_ref().to_owned())
    }

    /// A server, by `mysql://user:password@host:port/database?ssl-mode=…`. The password that a
    /// file beside it holds wins, and is read for each connection.
    pub fn server(url: &str, password_file: Option<&Path>) -> Result<Self, StoreError> {
        let refused = |cause: String| StoreError::Url(cause);
        if !url.starts_with("mysql://") {
            return Err(refused("no mysql:// address".into()));
        }
        let options = MySqlConnectOptions::from_str(url).map_err(|e| refused(e.to_string()))?;
        if options.get_database().is_none_or(str::is_empty) {
            return Err(refused("names no database".into()));
        }
        let options = options.disable_statement_logging();
        let server = Server { options, password_file: password_file.map(Path::to_owned) };
        // One that is not there is told at once.
        server.options()?;
        Ok(Self::Server(Box::new(server)))
    }

    /// Another database of the same server; a file is the same file.
    pub fn with_database(&self, name: &str) -> Self {
        match self {
            Self::File(_) => self.clone(),
            Self::Server(server) => {
                let Server { options, password_file } = server.as_ref().clone();
                Self::Server(Box::new(Server { options: options.database(name), password_file }))
            }
        }
    }

    /// What is spoken there.
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::File(_) => Dialect::Sqlite,
            Self::Server(_) => Dialect::MySql,
        }
    }

    /// A connection of one's own.
    pub(super) async fn connect(&self) -> Result<Connection, StoreError> {
        match self {
            Self::File(path) => {
                let options = SqliteConnectOptions::new()
                    .filename(path)
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Normal)
                    .busy_timeout(BUSY_TIMEOUT)
                    .pragma("wal_autocheckpoint", PAGES_BETWEEN_CHECKPOINTS.to_string())
                    .pragma("cache_size", format!("-{CACHE_KIB}"))
                    .pragma("temp_store", TEMP_STORE)
                    .disable_statement_logging();
                Ok(Connection::Sqlite(connect_to_file(&options).await.map_err(|e| self.refused(&e))?))
            }
            Self::Server(server) => {
                let options = server.options()?;
                let connecting = tokio::time::timeout(CONNECT_TIMEOUT, options.connect());
                let connection = connecting.await.map_err(|e| self.refused(&e))?.map_err(|e| self.refused(&e))?;
                let mut connection = Connection::MySql(connection);
                for statement in SESSION {
                    connection.execute(statement).await.map_err(|e| self.refused(&e))?;
                }
                let packet = connection.query("SELECT @@max_allowed_packet AS bytes").fetch_one().await;
                let bytes: u64 = packet.and_then(|row| row.get("bytes")).map_err(|e| self.refused(&e))?;
                if bytes < PACKET_BYTES {
                    let cause = format!("max_allowed_packet is {bytes}: set it to {PACKET_BYTES} or more");
                    return Err(self.refused(&cause));
                }
                Ok(connection)
            }
        }
    }

    /// Why this store cannot be used now.
    pub(crate) fn refused(&self, cause: &dyn fmt::Display) -> StoreError {
        let (store, cause) = (self.to_string(), cause.to_string());
        match self {
            Self::File(_) => StoreError::Open { store, cause },
            Self::Server(_) => StoreError::Away { store, cause },
        }
    }
}

/// Two processes that make one file at the same time both turn to its write-ahead log: SQLite tells one of them at once
/// that the file is locked, whatever its timeout, as neither could wait for the other.
async fn connect_to_file(options: &SqliteConnectOptions) -> sqlx::Result<SqliteConnection> {
    let began = Instant::now();
    loop {
        match options.connect().await {
            Err(error) if is_locked(&error) && began.elapsed() < BUSY_TIMEOUT => {
                tokio::time::sleep(PAUSE_OF_THE_LOCKED_OUT).await;
            }
            done => return done,
        }
    }
}

/// Without the password.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Server(server) => {
                let Server { options, .. } = server.as_ref();
                let database = options.get_database().unwrap_or_default();
                write!(f, "mysql://{}@{}:{}/{database}", options.get_username(), options.get_host(), options.get_port())
            }
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
