//! How a kind of rows stands in its table.

use crate::{
    cipher::Cipher,
    sql::{Arguments, Record},
};
use processors::reference::Rows;
use serde::{Serialize, de::DeserializeOwned};
use std::sync::Arc;

/// Between the parts of a key.
pub(super) const PARTS: char = '\u{1f}';

/// A kind of rows.
pub trait Kind: Serialize + PartialEq + Sized {
    /// Its table.
    const TABLE: &'static str;
    /// Columns of the primary key, first of `COLUMNS`.
    const KEY: usize;
    /// Its columns without `version` and `removed`, in the order in which `bind` puts them.
    const COLUMNS: &'static [&'static str];

    /// The values of the primary key.
    fn key(row: &Placed<Self>) -> String;

    /// Its values.
    fn bind<'q>(row: &'q Placed<Self>, cipher: &Cipher, to: &mut Arguments<'q>) -> sqlx::Result<()>;

    /// The row that a record holds.
    fn read(record: &Record, cipher: &Cipher) -> sqlx::Result<Placed<Self>>;

    /// Whose it is; None: nobody's.
    fn username(&self) -> Option<&str> {
        None
    }

    /// What the audit says of it: no personal data, no secrets.
    fn told(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// What the audit calls it.
    fn subject(key: &str) -> String {
        key.replace(PARTS, "/")
    }

    /// What stays of it when it is removed.
    fn remains(row: &Placed<Self>) -> Placed<Self> {
        row.clone()
    }

    /// About how many bytes its texts have; 0: few.
    fn bytes(&self) -> usize {
        0
    }
}

/// Rows of customers, which are changed one by one.
pub trait Owned: Kind + Clone {
    /// Columns that name one of a customer's rows: the key without the customer.
    const NAME: &'static [&'static str];

    /// The same rows, to be held against the rules.
    fn alone(rows: Vec<Arc<Self>>) -> Rows;
}

/// A row, and its place among the others of its kind where their order means something.
#[derive(Debug, PartialEq)]
pub struct Placed<K> {
    pub position: i32,
    pub row: Arc<K>,
}

impl<K> Clone for Placed<K> {
    fn clone(&self) -> Self {
        Self { position: self.position, row: Arc::clone(&self.row) }
    }
}

impl<K> From<K> for Placed<K> {
    fn from(row: K) -> Self {
        Self { position: 0, row: Arc::new(row) }
    }
}

/// A word of the seed file.
pub(super) fn said(word: &impl Serialize) -> sqlx::Result<String> {
    match serde_json::to_value(word).map_err(encode)? {
        serde_json::Value::String(word) => Ok(word),
        other => Err(encode(format!("{other} is no word"))),
    }
}

/// A word of the seed file in a text column.
pub(super) fn understood<W: DeserializeOwned>(record: &Record, column: &str) -> sqlx::Result<W> {
    let word: String = record.get(column)?;
    serde_json::from_value(word.into()).map_err(|error| decode(column, error))
}

/// The same where there may be none.
pub(super) fn maybe_understood<W: DeserializeOwned>(record: &Record, column: &str) -> sqlx::Result<Option<W>> {
    let word: Option<String> = record.get(column)?;
    word.map(|word| serde_json::from_value(word.into()).map_err(|error| decode(column, error))).transpose()
}

/// JSON for a text column.
pub(super) fn json(value: &impl Serialize) -> sqlx::Result<String> {
    serde_json::to_string(value).map_err(encode)
}

/// JSON of a text column.
pub(super) fn of_json<V: DeserializeOwned>(record: &Record, column: &str) -> sqlx::Result<V> {
    let text: &str = record.get(column)?;
    serde_json::from_str(text).map_err(|error| decode(column, error))
}

/// The same where there may be none.
pub(super) fn maybe_of_json<V: DeserializeOwned>(record: &Record, column: &str) -> sqlx::Result<Option<V>> {
    let text: Option<&str> = record.get(column)?;
    text.map(|text| serde_json::from_str(text).map_err(|error| decode(column, error))).transpose()
}

/// A number that is never below 0.
pub(super) fn count(record: &Record, column: &str) -> sqlx::Result<u32> {
    let number: i64 = record.get(column)?;
    u32::try_from(number).map_err(|error| decode(column, error))
}

/// The same where there may be none.
pub(super) fn maybe_count(record: &Record, column: &str) -> sqlx::Result<Option<u32>> {
    let number: Option<i64> = record.get(column)?;
    number.map(|number| u32::try_from(number).map_err(|error| decode(column, error))).transpose()
}

pub(super) fn encode(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> sqlx::Error {
    sqlx::Error::Encode(error.into())
}

/// Names the column, not what stands there.
pub(super) fn decode(column: &str, error: impl std::fmt::Display) -> sqlx::Error {
    sqlx::Error::Decode(format!("column {column}: {error}").into())
}

/// The end of a service key, which tells it from others and opens no door.
pub(super) fn tail(key: &str) -> String {
    format!("…{}", key.get(key.len().saturating_sub(4)..).unwrap_or_default())
}
