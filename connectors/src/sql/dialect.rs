//! What SQLite and MySQL say differently.

use sqlx::{error::DatabaseError as _, mysql::MySqlDatabaseError, sqlite::SqliteError};

/// Which words a store understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// MySQL 8 and MariaDB 10.11.
    MySql,
}

/// What becomes of a column whose row is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merge {
    /// The new value takes the place of the old.
    Replace,
    /// The new value is added to the old.
    Add,
    /// The larger one stays.
    Largest,
}

impl Dialect {
    /// The beginning of an INSERT inside a transaction that ends with its error. SQLite would first undo what the statement
    /// did before, for which it copies every page that each statement touches.
    pub fn insert_in_transaction(self) -> &'static str {
        match self {
            Self::Sqlite => "INSERT OR FAIL INTO",
            Self::MySql => "INSERT INTO",
        }
    }

    /// The function that tells the larger of two values.
    const fn larger(self) -> &'static str {
        match self {
            Self::Sqlite => "MAX",
            Self::MySql => "GREATEST",
        }
    }

    /// The end of an INSERT: what becomes of these columns when a row of the same `key` is there. MySQL looks at every
    /// unique key of the table, so it must have no other.
    pub fn on_conflict(self, key: &str, merge: Merge, columns: &[&str]) -> String {
        let sets = columns.iter().map(|column| {
            let new = match self {
                Self::Sqlite => format!("excluded.{column}"),
                Self::MySql => format!("VALUES({column})"),
            };
            match merge {
                Merge::Replace => format!("{column} = {new}"),
                Merge::Add => format!("{column} = {column} + {new}"),
                Merge::Largest => format!("{column} = {}({column}, {new})", self.larger()),
            }
        });
        let sets = sets.collect::<Vec<_>>().join(", ");
        match self {
            Self::Sqlite => format!("ON CONFLICT ({key}) DO UPDATE SET {sets}"),
            Self::MySql => format!("ON DUPLICATE KEY UPDATE {sets}"),
        }
    }
}

/// Why the server can never store a row, in words without the row's own; None for every other error.
///
/// A value that fits no column fails each time again: waiting would stop the lane for ever. SQLite's columns take
/// values of every length.
pub(super) fn unfit(error: &sqlx::Error) -> Option<String> {
    let error = error.as_database_error()?.try_downcast_ref::<MySqlDatabaseError>()?;
    // Class 22 of SQLSTATE is "data exception": too long, out of range. 1366: characters that the column cannot hold.
    let of_the_data = error.code().is_some_and(|state| state.starts_with("22")) || error.number() == 1366;
    // "… for column 'name' at row 1", or with the whole `database`.`table`.`column`.
    let column = error.message().split_once("column ").and_then(|(_, rest)| rest.split_once(" at row"));
    let column = column.map(|(name, _)| name.rsplit('.').next().unwrap_or(name).trim_matches(['\'', '`']));
    of_the_data.then(|| match column {
        Some(column) => format!("the store cannot hold its {column} (MySQL error {})", error.number()),
        None => format!("the store cannot hold it (MySQL error {})", error.number()),
    })
}

/// Whether another writer held what a statement needs for as long as it waited.
pub(super) fn is_locked(error: &sqlx::Error) -> bool {
    let Some(error) = error.as_database_error() else { return false };
    if let Some(error) = error.try_downcast_ref::<MySqlDatabaseError>() {
        // ER_LOCK_WAIT_TIMEOUT
        return error.number() == 1205;
    }
    // SQLITE_BUSY; further bits say of what sort.
    let code = error.try_downcast_ref::<SqliteError>().and_then(|error| error.code()?.parse::<i32>().ok());
    code.is_some_and(|code| code & 0xff == 5)
}

/// Whether a table is not there.
pub(super) fn no_such_table(error: &sqlx::Error) -> bool {
    let Some(error) = error.as_database_error() else { return false };
    match error.try_downcast_ref::<MySqlDatabaseError>() {
        Some(error) => error.number() == 1146,
        None => error.message().contains("no such table"),
    }
}
