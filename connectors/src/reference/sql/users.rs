//! Users in their table.

use super::row::{Kind, Owned, Placed, decode, said, tail, understood};
use crate::{
    cipher::Cipher,
    sql::{Arguments, Record},
};
use jiff::Timestamp;
use processors::reference::{Rows, User};
use std::sync::Arc;

impl Kind for User {
    const TABLE: &'static str = "users";
    const KEY: usize = 1;
    const COLUMNS: &'static [&'static str] = &["login", "username", "role", "hash", "active", "created_at"];

    fn key(Placed { row, .. }: &Placed<Self>) -> String {
        row.login.clone()
    }

    fn username(&self) -> Option<&str> {
        self.username.as_deref()
    }

    fn bind<'q>(Placed { row, .. }: &'q Placed<Self>, _: &Cipher, to: &mut Arguments<'q>) -> sqlx::Result<()> {
        // Lists ask for those of nobody by an empty name, which no customer has.
        to.put(row.login.as_str())?.put(row.username.as_deref().unwrap_or_default())?.put(said(&row.role)?)?;
        to.put(row.hash.as_str())?.put(row.active)?.put(row.created_at.map(|at| at.as_millisecond())).map(drop)
    }

    fn read(record: &Record, _: &Cipher) -> sqlx::Result<Placed<Self>> {
        let username: String = record.get("username")?;
        let hash: &str = record.get("hash")?;
        let created_at: Option<i64> = record.get("created_at")?;
        let created_at = created_at.map(Timestamp::from_millisecond).transpose();
        Ok(Placed::from(Self {
            login: record.get("login")?,
            username: (!username.is_empty()).then_some(username),
            role: understood(record, "role")?,
            hash: hash.parse().map_err(|e| decode("hash", e))?,
            active: record.get("active")?,
            created_at: created_at.map_err(|e| decode("created_at", e))?,
        }))
    }

    /// The end of a hash tells it from another.
    fn told(&self) -> serde_json::Value {
        let mut told = serde_json::to_value(self).unwrap_or_default();
        told["hash"] = tail(self.hash.as_str()).into();
        told
    }
}

impl Owned for User {
    const NAME: &'static [&'static str] = &["login"];

    fn alone(rows: Vec<Arc<Self>>) -> Rows {
        Rows { users: rows, ..Rows::default() }
    }
}
