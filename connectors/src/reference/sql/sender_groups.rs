//! Groups of sender profiles in their table.

use super::row::{Kind, Owned, Placed, json, of_json, said, understood};
use crate::{
    cipher::Cipher,
    sql::{Arguments, Record},
};
use processors::reference::{Rows, SenderGroup};
use std::sync::Arc;

impl Kind for SenderGroup {
    const TABLE: &'static str = "sender_groups";
    const KEY: usize = 1;
    const COLUMNS: &'static [&'static str] = &["group_key", "username", "name", "state", "sender_keys"];

    fn key(Placed { row, .. }: &Placed<Self>) -> String {
        row.group_key.clone()
    }

    fn username(&self) -> Option<&str> {
        Some(&self.username)
    }

    fn bind<'q>(Placed { row, .. }: &'q Placed<Self>, _: &Cipher, to: &mut Arguments<'q>) -> sqlx::Result<()> {
        to.put(row.group_key.as_str())?.put(row.username.as_str())?.put(row.name.as_str())?;
        to.put(said(&row.state)?)?.put(json(&row.sender_keys)?).map(drop)
    }

    fn read(record: &Record, _: &Cipher) -> sqlx::Result<Placed<Self>> {
        Ok(Placed::from(Self {
            group_key: record.get("group_key")?,
            username: record.get("username")?,
            name: record.get("name")?,
            state: understood(record, "state")?,
            sender_keys: of_json(record, "sender_keys")?,
        }))
    }

    fn bytes(&self) -> usize {
        self.sender_keys.iter().map(|member| member.len() + 3).sum()
    }
}

impl Owned for SenderGroup {
    const NAME: &'static [&'static str] = &["group_key"];

    fn alone(rows: Vec<Arc<Self>>) -> Rows {
        Rows { sender_groups: rows, ..Rows::default() }
    }
}
