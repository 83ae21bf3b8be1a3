//! A connection to either kind of store.

use super::{Dialect, Query};
use sqlx::Executor as _;
use sqlx::migrate::Migrate;
use sqlx::mysql::MySqlConnection;
use sqlx::sqlite::SqliteConnection;
use std::time::Duration;

/// A connection to a SQLite file, or to MySQL or MariaDB.
#[derive(Debug)]
pub enum Connection {
    /// A file.
    Sqlite(SqliteConnection),
    /// A server.
    MySql(MySqlConnection),
}

impl Connection {
    /// What it speaks.
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::MySql(_) => Dialect::MySql,
        }
    }

    /// A statement, prepared once for each text; its values follow by [`Query::bind`].
    pub fn query<'c, 'q>(&'c mut self, text: &'q str) -> Query<'c, 'q> {
        Query::new(self, text)
    }

    /// A statement without values.
    pub async fn execute(&mut self, text: &str) -> sqlx::Result<()> {
        match self {
            Self::Sqlite(connection) => connection.execute(text).await.map(drop),
            Self::MySql(connection) => connection.execute(text).await.map(drop),
        }
    }

    /// How long statements from now on wait for what other writers hold.
    pub(super) async fn wait_for_locks(&mut self, longest: Duration) -> sqlx::Result<()> {
        self.execute(&match self.dialect() {
            Dialect::Sqlite => format!("PRAGMA busy_timeout = {}", longest.as_millis()),
            Dialect::MySql => format!("SET innodb_lock_wait_timeout = {}", longest.as_secs().max(1)),
        })
        .await
    }

    /// What follows becomes visible together, by COMMIT.
    pub(super) async fn begin(&mut self) -> sqlx::Result<()> {
        // Immediate: a transaction that reads first and then waits for the write lock could never get it.
        self.execute(match self.dialect() {
            Dialect::Sqlite => "BEGIN IMMEDIATE",
            Dialect::MySql => "START TRANSACTION",
        })
        .await
    }

    /// What follows reads the store as it is at this moment, until COMMIT.
    pub(super) async fn begin_reading(&mut self) -> sqlx::Result<()> {
        match self.dialect() {
            // From the first statement on.
            Dialect::Sqlite => self.execute("BEGIN").await,
            Dialect::MySql => {
                self.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?;
                self.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT").await
            }
        }
    }

    pub(super) fn migrations(&mut self) -> &mut dyn Migrate {
        match self {
            Self::Sqlite(connection) => connection,
            Self::MySql(connection) => connection,
        }
    }
}
