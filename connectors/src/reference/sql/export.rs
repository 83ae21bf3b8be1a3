//! Reads the reference data of a store as a file that says the same.

use super::{SCHEMA, consents, held::Held, row::decode};
use crate::{
    cipher::Cipher,
    reference::ReferenceError,
    sql::{Connection, Database, Location},
};
use processors::reference::{Consent, OptOut, Rows};
use std::{sync::Arc, time::Duration};

/// Opt-outs or consents of one statement.
const PAGE: usize = 5_000;
/// How long reading all of it may take: opt-outs and consents may be millions.
const PATIENCE: Duration = Duration::from_secs(600);

/// All rows of a store as they stood at one moment, opt-outs and consents too, in an order that two stores share.
///
/// # Errors
/// A store that lacks migrations, is away, or was written with another key.
pub fn export(location: &Location, cipher: &Arc<Cipher>) -> Result<Rows, ReferenceError> {
    SCHEMA.ready(location)?;
    let mut database = Database::connect(location, &SCHEMA)?.patient(PATIENCE);
    let rows = database.snapshot(async |connection| {
        let mut held = Held::default();
        held.fetch(connection, cipher, -1).await?;
        let opt_outs = opt_outs(connection, cipher).await?;
        let mut usernames: Vec<String> = held.customers.keys().cloned().collect();
        usernames.sort_unstable();
        Ok(Rows { opt_outs, consents: consents(connection, cipher, &usernames).await?, ..held.rows() })
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

async fn consents(connection: &mut Connection, cipher: &Cipher, usernames: &[String]) -> sqlx::Result<Vec<Consent>> {
    let mut all: Vec<Consent> = Vec::new();
    for username in usernames {
        let mut last: (Vec<u8>, String, String) = Default::default();
        loop {
            let text = consents_text();
            let (lookup, channel, kind) = (&*last.0, &*last.1, &*last.2);
            let query = connection.query(&text).bind(username.as_str()).bind(lookup).bind(lookup);
            let page = query.bind(channel).bind(channel).bind(kind).fetch_all().await?;
            for record in &page {
                all.push(consents::read(record, cipher)?);
            }
            let Some(record) = page.last().filter(|_| page.len() == PAGE) else { break };
            last = (record.get("recipient_lookup")?, record.get("channel")?, record.get("kind")?);
        }
    }
    // Hashes say nothing about order, and differ between stores with two keys.
    all.sort_unstable_by_key(Consent::key);
    Ok(all)
}

/// The question for the next ones of a customer. Over several customers at once MariaDB reads the table by pieces of two
/// indexes, and sorts all of it for each page.
pub(super) fn consents_text() -> String {
    format!(
        "SELECT * FROM consents WHERE username = ? AND recipient_lookup >= ? \
         AND (recipient_lookup > ? OR channel > ? OR (channel = ? AND kind > ?)) \
         ORDER BY recipient_lookup, channel, kind LIMIT {PAGE}"
    )
}
