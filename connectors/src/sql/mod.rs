//! The relational store: a SQLite file, or a MySQL or MariaDB server. One shape for both, blocking on the outside: sqlx
//! is async, the engine's threads are not.
//!
//! Statements are written in the words that both dialects have; what they say differently stands in `dialect`.

mod connection;
mod database;
mod dialect;
mod insert;
mod location;
mod migrations;
mod query;
mod retention;
mod sink;

pub use connection::Connection;
pub use database::Database;
pub use dialect::{Dialect, Merge};
pub use insert::Insert;
pub use location::{Location, Server};
pub(crate) use migrations::embedded;
pub use migrations::{Schema, Script, Scripts, Standing};
pub use query::{Arguments, Query, Record, Value, word};
pub(crate) use retention::NEWEST_HISTORY;
pub use retention::{Purge, Retention};
pub use sink::{SqlSink, Table};
/// What a statement can fail with.
pub use sqlx::Error as SqlError;

use processors::ports::Away;
use std::iter::repeat_n;

/// Placeholders of so many values: `?, ?, ?`.
pub fn question_marks(count: usize) -> String {
    repeat_n("?", count).collect::<Vec<_>>().join(", ")
}

/// Why a store cannot be used. `store` is the file, or the server and database without the password.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store has migrations that this program does not know.
    #[error(
        "{store}: written by a newer version (migration {migration}): upgrade this program, or give it another store"
    )]
    Newer {
        /// Which store.
        store: String,
        /// The first unknown migration.
        migration: i64,
    },
    /// A migration that was applied is not the one this program has.
    #[error(
        "{store}: migration {migration} is not the one that was applied: it was edited after the fact, or this store is \
         another program's; take the program that wrote it, or another store"
    )]
    Altered {
        /// Which store.
        store: String,
        /// The migration.
        migration: i64,
    },
    /// A migration of a file that was begun and not ended. Here each ends with its row or leaves nothing, so somebody else
    /// was at it.
    #[error(
        "{store}: migration {migration} is marked as not ended (success = 0 in its table _sqlx_migrations), as this program \
         leaves none: take a copy from before, or set success = 1 if the tables are whole"
    )]
    HalfDone {
        /// Which store.
        store: String,
        /// The migration.
        migration: i64,
    },
    /// The store is older than this program, and who asks may not change it.
    #[error("{store}: {pending} not applied yet: run `ims migrate`")]
    Pending {
        /// Which store.
        store: String,
        /// The migrations that it lacks.
        pending: String,
    },
    /// The file cannot be opened or is no database.
    #[error("{store}: cannot be opened: {cause}; check the folder, its rights and the free space")]
    Open {
        /// Which store.
        store: String,
        /// What SQLite says.
        cause: String,
    },
    /// The server does not answer, or not as it should.
    #[error("{store}: {cause}; check the server, store.url and its password")]
    Away {
        /// Which store.
        store: String,
        /// What was said, without secrets.
        cause: String,
    },
    /// The address of the server cannot be understood.
    #[error("store.url: {0}; write mysql://USER@HOST:PORT/DATABASE")]
    Url(String),
    /// The key of the personal data cannot be used.
    #[error("encryption key: {0}")]
    Key(String),
}

impl StoreError {
    /// The same as something to wait for.
    pub fn away(self, dependency: &'static str) -> Away {
        Away { dependency, cause: self.to_string() }
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
