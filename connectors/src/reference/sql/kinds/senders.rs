//! What customers send as: sender profiles, templates and sender numbers.

use super::super::{
    held::key_of,
    row::{Kind, Owned, Placed, json, maybe_of_json, said, understood},
};
use crate::{
    cipher::Cipher,
    sql::{Arguments, Record, word},
};
use aws_lc_rs::digest::{SHA256, digest};
use processors::reference::{Rows, SenderNumber, SenderProfile, Template};
use std::sync::Arc;

/// Bytes of a text that a line of the audit has in full.
const LONGEST_TOLD: usize = 4_096;

impl Kind for SenderProfile {
    const TABLE: &'static str = "sender_profiles";
    const KEY: usize = 1;
    const COLUMNS: &'static [&'static str] = &["sender_key", "username", "state"];

    fn key(Placed { row, .. }: &Placed<Self>) -> String {
        row.sender_key.clone()
    }

    fn username(&self) -> Option<&str> {
        Some(&self.username)
    }

    fn bind<'q>(Placed { row, .. }: &'q Placed<Self>, _: &Cipher, to: &mut Arguments<'q>) -> sqlx::Result<()> {
        to.put(row.sender_key.as_str())?.put(row.username.as_str())?.put(said(&row.state)?).map(drop)
    }

    fn read(record: &Record, _: &Cipher) -> sqlx::Result<Placed<Self>> {
        Ok(Placed::from(Self {
            sender_key: record.get("sender_key")?,
            username: record.get("username")?,
            state: understood(record, "state")?,
        }))
    }
}

impl Owned for SenderProfile {
    const NAME: &'static [&'static str] = &["sender_key"];

    fn alone(rows: Vec<Arc<Self>>) -> Rows {
        Rows { sender_profiles: rows, ..Rows::default() }
    }
}

impl Kind for Template {
    const TABLE: &'static str = "templates";
    const KEY: usize = 3;
    const COLUMNS: &'static [&'static str] = &[
        "channel",
        "username",
        "code",
        "sender_key",
        "state",
        "auth_allowed",
        "message",
        "title",
        "header",
        "html",
        "attachment",
        "supplement",
    ];

    fn key(Placed { row, .. }: &Placed<Self>) -> String {
        key_of(&[row.channel.as_str(), &row.username, &row.code])
    }

    fn username(&self) -> Option<&str> {
        Some(&self.username)
    }

    fn bind<'q>(Placed { row, .. }: &'q Placed<Self>, _: &Cipher, to: &mut Arguments<'q>) -> sqlx::Result<()> {
        to.put(row.channel.as_str())?.put(row.username.as_str())?.put(row.code.as_str())?;
        to.put(row.sender_key.as_deref())?.put(said(&row.state)?)?.put(row.auth_allowed)?;
        to.put(row.message.as_str())?.put(row.title.as_deref())?.put(row.header.as_deref())?;
        to.put(row.html.as_deref())?;
        to.put(row.attachment.as_ref().map(json).transpose()?)?;
        to.put(row.supplement.as_ref().map(json).transpose()?).map(drop)
    }

    fn read(record: &Record, _: &Cipher) -> sqlx::Result<Placed<Self>> {
        Ok(Placed::from(Self {
            channel: word(record, "channel")?,
            username: record.get("username")?,
            code: record.get("code")?,
            sender_key: record.get("sender_key")?,
            state: understood(record, "state")?,
            auth_allowed: record.get("auth_allowed")?,
            message: record.get("message")?,
            title: record.get("title")?,
            header: record.get("header")?,
            html: record.get("html")?,
            attachment: maybe_of_json(record, "attachment")?,
            supplement: maybe_of_json(record, "supplement")?,
        }))
    }

    /// A long text is told by its length and its digest: the line stays for years, and a template may be changed every second.
    fn told(&self) -> serde_json::Value {
        let mut told = serde_json::to_value(self).unwrap_or_default();
        for name in ["message", "html"] {
            let long = told[name].as_str().filter(|text| text.len() > LONGEST_TOLD);
            if let Some(text) = long {
                let sha256 = hex::encode(digest(&SHA256, text.as_bytes()));
                told[name] = serde_json::json!({"bytes": text.len(), "sha256": sha256});
            }
        }
        told
    }

    fn bytes(&self) -> usize {
        self.message.len() + self.html.as_ref().map_or(0, String::len)
    }
}

impl Owned for Template {
    const NAME: &'static [&'static str] = &["channel", "code"];

    fn alone(rows: Vec<Arc<Self>>) -> Rows {
        Rows { templates: rows, ..Rows::default() }
    }
}

impl Kind for SenderNumber {
    const TABLE: &'static str = "sender_numbers";
    const KEY: usize = 3;
    const COLUMNS: &'static [&'static str] = &["channel", "username", "number", "state"];

    fn key(Placed { row, .. }: &Placed<Self>) -> String {
        key_of(&[row.channel.as_str(), &row.username, &row.number])
    }

    fn username(&self) -> Option<&str> {
        Some(&self.username)
    }

    fn bind<'q>(Placed { row, .. }: &'q Placed<Self>, _: &Cipher, to: &mut Arguments<'q>) -> sqlx::Result<()> {
        to.put(row.channel.as_str())?.put(row.username.as_str())?.put(row.number.as_str())?;
        to.put(said(&row.state)?).map(drop)
    }

    fn read(record: &Record, _: &Cipher) -> sqlx::Result<Placed<Self>> {
        Ok(Placed::from(Self {
            channel: word(record, "channel")?,
            username: record.get("username")?,
            number: record.get("number")?,
            state: understood(record, "state")?,
        }))
    }
}

impl Owned for SenderNumber {
    const NAME: &'static [&'static str] = &["channel", "number"];

    fn alone(rows: Vec<Arc<Self>>) -> Rows {
        Rows { sender_numbers: rows, ..Rows::default() }
    }
}
