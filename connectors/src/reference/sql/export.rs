//! Reads the reference data of a store as a file that says the same.

use super::{SCHEMA, held::Held, row::decode};
use crate::{
    cipher::Cipher,
    reference::ReferenceError,
    sql::{Connection, Database, Location},
};
use processors::reference::{OptOut, Rows};
use std::{sync::Arc, time::Duration};

/// Opt-outs of one statement.
const PAGE: usize = 5_000;
/// How long reading all of it may take: opt-outs may be millions.
const PATIENCE: Duration = Duration::from_secs(600);

/// All rows of a store as they stood at one moment, opt-outs too, in an order that two stores share.
///
/// # Errors
/// A store that lacks migrations, is away, or was written with another key.
pub fn export(location: &Location, cipher: &Arc<Cipher>) -> Result<Rows, ReferenceError> {
    SCHEMA.ready(location)?;
    let mut database = Database::connect(location, &SCHEMA)?.patient(PATIENCE);
    let rows = database.snapshot(async |connection| {
        let mut held = Held::default();
        held.fetch(connection, cipher, -1).await?;
        Ok(Rows { opt_outs: opt_outs(connection, cipher).await?, ..held.rows() })
    })?;
    Ok(rows)
}

async fn opt_outs(connection: &mut Connection, cipher: &Cipher) -> sqlx::Result<Vec<OptOut>> {
    let mut all: Vec<OptOut> = Vec::new();
    let mut last: (String, Vec<u8>) = Default::default();
    loop {
        let text = opt_outs_text();
        let page = connection.query(&text).bind(last.0.as_str()).bind(last.0.as_str()).bind(last.1.as_slice());
        let page = page.fetch_all().await?;
        for row in &page {
            let (username, sealed): (String, Vec<u8>) = (row.get("username")?, row.get("recipient")?);
            let opened = cipher.open(&format!("opt_outs/{username}/recipient"), &sealed);
            let recipient = opened.map_err(|error| decode("recipient", error))?;
            let recipient = String::from_utf8(recipient).map_err(|error| decode("recipient", error.utf8_error()))?;
            last = (username.clone(), row.get("recipient_lookup")?);
            all.push(OptOut { username, recipient });
        }
        if page.len() < PAGE {
            // Hashes say nothing about order, and differ between stores with two keys.
            all.sort_unstable_by(|a, b| (&a.username, &a.recipient).cmp(&(&b.username, &b.recipient)));
            return Ok(all);
        }
    }
}

/// The question for the next ones, by the primary key.
pub(super) fn opt_outs_text() -> String {
    format!(
        "SELECT username, recipient_lookup, recipient FROM opt_outs \
         WHERE username >= ? AND (username > ? OR recipient_lookup > ?) ORDER BY username, recipient_lookup LIMIT {PAGE}"
    )
}
