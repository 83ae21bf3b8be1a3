//! One SQLite file behind a blocking face: sqlx is async, the engine's threads are not.

mod insert;
mod retention;
mod sink;

pub use insert::{Insert, Row};
pub use retention::{Purge, Retention};
pub use sink::{SqliteSink, Table};

use processors::ports::Away;
use schemas::UnknownWord;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteRow, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Row as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// How long a statement waits for another process's write lock before the store counts as away.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Pages of the write-ahead log (4 KiB each) between two checkpoints: a checkpoint is the only time a commit waits for
/// the disk, so fewer are faster and the log beside the file grows to 32 MiB.
const PAGES_BETWEEN_CHECKPOINTS: u32 = 8192;
/// Page cache of one connection, KiB.
const CACHE_KIB: u32 = 8192;

/// Why a store cannot be used: always a reason to stop, with the remedy.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file has migrations that this program does not know.
    #[error(
        "{path}: written by a newer version (migration {migration}): upgrade this program, or give it another file"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The first unknown migration.
        migration: i64,
    },
    /// A migration that was applied is not the one this program has.
    #[error("{path}: migration {migration} is not the one that was applied: this file is another program's")]
    Altered {
        /// The file.
        path: PathBuf,
        /// The migration.
        migration: i64,
    },
    /// The file cannot be opened or is no database.
    #[error("{path}: cannot be opened: {cause}; check the folder, its rights and the free space")]
    Open {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        cause: String,
    },
    /// The key of the personal data cannot be used.
    #[error("encryption key: {0}")]
    Key(String),
}

/// One connection to one file.
///
/// Commits survive the process (kill -9); after a power loss the newest may be missing, whole transactions at a time,
/// offsets with their rows.
#[derive(Debug)]
pub struct Database {
    connection: SqliteConnection,
    runtime: Runtime,
    name: &'static str,
}

impl Database {
    /// Opens the file, makes it when it is missing, and brings it to this program's version. `name` is what
    /// /health/ready calls it.
    pub fn open(name: &'static str, path: &Path, migrations: &Migrator) -> Result<Self, StoreError> {
        let refused = |cause: &dyn std::fmt::Display| StoreError::Open { path: path.into(), cause: cause.to_string() };
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("wal_autocheckpoint", PAGES_BETWEEN_CHECKPOINTS.to_string())
            .pragma("cache_size", format!("-{CACHE_KIB}"))
            .disable_statement_logging();
        let runtime = Builder::new_current_thread().build().map_err(|e| refused(&e))?;
        let connection = runtime.block_on(async {
            let mut connection = options.connect().await.map_err(|e| refused(&e))?;
            migrations.run_direct(&mut connection).await.map_err(|e| match e {
                MigrateError::VersionMissing(migration) => StoreError::Newer { path: path.into(), migration },
                MigrateError::VersionMismatch(migration) => StoreError::Altered { path: path.into(), migration },
                other => refused(&other),
            })?;
            Ok(connection)
        })?;
        Ok(Self { connection, runtime, name })
    }

    /// Runs statements and waits for them. A failure is an [`Away`]: a full disk, a locked or damaged file may be mended
    /// while the caller waits.
    pub fn run<T>(&mut self, work: impl AsyncFnOnce(&mut SqliteConnection) -> sqlx::Result<T>) -> Result<T, Away> {
        self.runtime
            .block_on(work(&mut self.connection))
            .map_err(|e| Away { dependency: self.name, cause: e.to_string() })
    }

    /// Runs statements that become visible together or, when one fails or the answer is None, not at all.
    pub fn transact<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut SqliteConnection) -> sqlx::Result<Option<T>>,
    ) -> Result<Option<T>, Away> {
        self.run(async |connection| {
            // Immediate: a transaction that reads first and then waits for the write lock could never get it.
            let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
            let done = work(&mut transaction).await?;
            match done {
                Some(_) => transaction.commit().await?,
                None => transaction.rollback().await?,
            }
            Ok(done)
        })
    }
}

/// A word of the schema in a text column.
pub fn word<W: FromStr<Err = UnknownWord>>(row: &SqliteRow, column: &str) -> sqlx::Result<W> {
    let text: &str = row.try_get(column)?;
    text.parse().map_err(|e: UnknownWord| sqlx::Error::Decode(e.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::migrate::{Migration, MigrationType};
    use std::borrow::Cow;

    fn migrations(of: &[(i64, &'static str)]) -> Migrator {
        let migration = |&(version, sql): &(i64, &'static str)| {
            Migration::new(version, "a step".into(), MigrationType::Simple, sql.into(), false)
        };
        Migrator { migrations: Cow::Owned(of.iter().map(migration).collect()), ..Migrator::DEFAULT }
    }

    const FIRST: (i64, &str) = (1, "CREATE TABLE a (x INTEGER)");
    const SECOND: (i64, &str) = (2, "CREATE TABLE b (x INTEGER)");

    #[test]
    fn a_file_of_a_newer_version_is_refused_and_an_older_one_is_brought_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        Database::open("store", &path, &migrations(&[FIRST])).unwrap();
        Database::open("store", &path, &migrations(&[FIRST, SECOND])).unwrap();
        let refused = Database::open("store", &path, &migrations(&[FIRST])).unwrap_err();
        assert!(matches!(refused, StoreError::Newer { migration: 2, .. }), "{refused}");
    }

    #[test]
    fn a_file_of_another_history_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        Database::open("store", &path, &migrations(&[FIRST])).unwrap();
        let refused = Database::open("store", &path, &migrations(&[(1, SECOND.1)])).unwrap_err();
        assert!(matches!(refused, StoreError::Altered { migration: 1, .. }), "{refused}");
    }

    #[test]
    fn what_is_no_database_is_refused_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        std::fs::write(
            &path,
            "these are the notes of a meeting, longer than a header would be, and no database".repeat(20),
        )
        .unwrap();
        let refused = Database::open("store", &path, &migrations(&[FIRST])).unwrap_err();
        assert!(refused.to_string().contains("notes.txt"), "{refused}");
        let missing = folder.path().join("no/such/folder/store.db");
        assert!(matches!(Database::open("store", &missing, &migrations(&[])), Err(StoreError::Open { .. })));
    }
}
