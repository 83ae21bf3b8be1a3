//! Statements with their values, and the rows that they answer with.

use super::Connection;
use futures_util::TryStreamExt as _;
use schemas::UnknownWord;
use sqlx::mysql::{MySqlArguments, MySqlRow};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments as _, Decode, Encode, MySql, Row as _, Sqlite, Type};
use std::future::ready;
use std::str::FromStr;

/// What both dialects can store.
pub trait Value<'q>: Encode<'q, Sqlite> + Type<Sqlite> + Encode<'q, MySql> + Type<MySql> + 'q {}

impl<'q, T> Value<'q> for T where T: Encode<'q, Sqlite> + Type<Sqlite> + Encode<'q, MySql> + Type<MySql> + 'q {}

/// The values of a statement, in the order of its placeholders.
pub enum Arguments<'q> {
    /// For a file.
    Sqlite(SqliteArguments<'q>),
    /// For a server.
    MySql(MySqlArguments),
}

impl<'q> Arguments<'q> {
    /// For a statement on this connection.
    pub(super) fn of(connection: &Connection) -> Self {
        match connection {
            Connection::Sqlite(_) => Self::Sqlite(SqliteArguments::default()),
            Connection::MySql(_) => Self::MySql(MySqlArguments::default()),
        }
    }

    /// The value of the next placeholder.
    pub fn put(&mut self, value: impl Value<'q>) -> sqlx::Result<&mut Self> {
        match self {
            Self::Sqlite(arguments) => arguments.add(value),
            Self::MySql(arguments) => sqlx::Arguments::add(arguments, value),
        }
        .map_err(sqlx::Error::Encode)?;
        Ok(self)
    }
}

/// A statement that is being put together.
pub struct Query<'c, 'q> {
    connection: &'c mut Connection,
    text: &'q str,
    arguments: sqlx::Result<Arguments<'q>>,
    persistent: bool,
}

impl<'c, 'q> Query<'c, 'q> {
    pub(super) fn new(connection: &'c mut Connection, text: &'q str) -> Self {
        let arguments = Ok(Arguments::of(connection));
        Self { connection, text, arguments, persistent: true }
    }

    /// The value of the next placeholder.
    pub fn bind(mut self, value: impl Value<'q>) -> Self {
        self.arguments = self.arguments.and_then(|mut arguments| {
            arguments.put(value)?;
            Ok(arguments)
        });
        self
    }

    /// All values at once.
    pub(super) fn with(mut self, arguments: Arguments<'q>) -> Self {
        self.arguments = Ok(arguments);
        self
    }

    /// Not worth a place in the cache of statements: its text hardly ever comes again.
    pub fn once(mut self) -> Self {
        self.persistent = false;
        self
    }

    /// Runs it; how many rows were written.
    pub async fn execute(self) -> sqlx::Result<u64> {
        Ok(match (self.connection, self.arguments?) {
            (Connection::Sqlite(connection), Arguments::Sqlite(arguments)) => {
                let query = sqlx::query_with(self.text, arguments).persistent(self.persistent);
                query.execute(connection).await?.rows_affected()
            }
            (Connection::MySql(connection), Arguments::MySql(arguments)) => {
                let query = sqlx::query_with(self.text, arguments).persistent(self.persistent);
                query.execute(connection).await?.rows_affected()
            }
            _ => return Err(mixed()),
        })
    }

    /// Each of its rows as it comes: many of them take a kilobyte each, and none is kept.
    pub async fn for_each(self, mut take: impl FnMut(Record) -> sqlx::Result<()>) -> sqlx::Result<()> {
        match (self.connection, self.arguments?) {
            (Connection::Sqlite(connection), Arguments::Sqlite(arguments)) => {
                let query = sqlx::query_with(self.text, arguments).persistent(self.persistent);
                query.fetch(connection).try_for_each(|row| ready(take(Record::Sqlite(row)))).await
            }
            (Connection::MySql(connection), Arguments::MySql(arguments)) => {
                let query = sqlx::query_with(self.text, arguments).persistent(self.persistent);
                query.fetch(connection).try_for_each(|row| ready(take(Record::MySql(row)))).await
            }
            _ => Err(mixed()),
        }
    }

    /// All its rows.
    pub async fn fetch_all(self) -> sqlx::Result<Vec<Record>> {
        let mut rows = Vec::new();
        self.for_each(|row| {
            rows.push(row);
            Ok(())
        })
        .await?;
        Ok(rows)
    }

    /// Its first row, if it has one.
    pub async fn fetch_optional(self) -> sqlx::Result<Option<Record>> {
        Ok(self.fetch_all().await?.into_iter().next())
    }

    /// Its first row.
    pub async fn fetch_one(self) -> sqlx::Result<Record> {
        self.fetch_optional().await?.ok_or(sqlx::Error::RowNotFound)
    }
}

fn mixed() -> sqlx::Error {
    sqlx::Error::Protocol("values of one dialect for a statement of the other".into())
}

/// A row.
pub enum Record {
    /// Of a file.
    Sqlite(SqliteRow),
    /// Of a server.
    MySql(MySqlRow),
}

impl Record {
    /// A column's value.
    pub fn get<'r, T>(&'r self, column: &str) -> sqlx::Result<T>
    where
        T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, MySql>,
    {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            // Unchecked: sqlx takes text whose collation is binary for bytes and would refuse to read it as text.
            Self::MySql(row) => row.try_get_unchecked(column),
        }
    }
}

/// A word of the schema in a text column.
pub fn word<W: FromStr<Err = UnknownWord>>(row: &Record, column: &str) -> sqlx::Result<W> {
    let text: &str = row.get(column)?;
    text.parse().map_err(|e: UnknownWord| sqlx::Error::Decode(e.into()))
}
