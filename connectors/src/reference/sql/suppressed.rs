//! Mailboxes that are not written to any more: asked for in batches by the HMAC of the address, until an operator takes
//! them out.

use super::{
    SCHEMA,
    edit::{By, Editor},
    lots::lots_of,
    writing::{Writing, Written},
};
use crate::{
    cipher::Cipher,
    sql::{Connection, Database, Insert, Location, Merge, StoreError, question_marks},
};
use processors::ports::{Away, DeadToken, DeadTokens};
use rustc_hash::FxHashMap;
use std::{sync::Arc, time::Duration};

/// How long an answer may take. Nobody waits for it for that long; what comes late is not lost.
const PATIENCE: Duration = Duration::from_secs(5);

/// The suppression list of a store.
#[derive(Debug)]
pub struct SqlSuppressed {
    database: Database,
    cipher: Arc<Cipher>,
    insert: Insert,
}

/// What is known of a mailbox that is not written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppressed {
    /// Enhanced code that a server gave.
    pub code: String,
    /// When, Unix milliseconds.
    pub since_ms: i64,
}

impl SqlSuppressed {
    /// Opens the store, and brings it to this program's version: the list is kept also where reference data are a file.
    pub fn open(location: &Location, cipher: Arc<Cipher>) -> Result<Self, StoreError> {
        // What is known stays as it was.
        let kept = location.dialect().on_conflict("address_lookup", Merge::Replace, &["address_lookup"]);
        let insert = Insert::new("INSERT INTO suppressed_addresses (address_lookup, code, suppressed_at)", &kept);
        Ok(Self { database: Database::open(location, &SCHEMA)?.patient(PATIENCE), cipher, insert })
    }
}

impl DeadTokens for SqlSuppressed {
    fn known(&mut self, asked: &[(String, String)], _: i64) -> Result<Vec<Option<String>>, Away> {
        let Self { database, cipher, .. } = self;
        let lookups: Vec<Vec<u8>> = asked.iter().map(|(_, address)| cipher.lookup(address)).collect();
        let found = database.run(async |connection| found(connection, &lookups).await)?;
        Ok(lookups.iter().map(|lookup| found.get(lookup).map(|known| known.code.clone())).collect())
    }

    fn note(&mut self, dead: &[DeadToken], _: i64) -> Result<(), Away> {
        let Self { database, cipher, insert } = self;
        // In one order in every process: who writes the same rows waits, and nobody waits for him.
        let mut rows: Vec<_> = dead.iter().map(|dead| (cipher.lookup(&dead.token), dead)).collect();
        rows.sort_by(|(a, _), (b, _)| a.cmp(b));
        rows.dedup_by(|(a, _), (b, _)| a == b);
        database.run(async |connection| {
            let inserted = insert.rows(connection, &rows, |(lookup, dead), to| {
                to.put(lookup.as_slice())?.put(dead.code.as_str())?.put(dead.since_ms).map(drop)
            });
            inserted.await.map(drop)
        })
    }
}

impl Editor {
    /// What is known of a mailbox that is not written to.
    pub fn suppressed(&mut self, address: &str) -> Result<Option<Suppressed>, Away> {
        let Self { database, cipher, .. } = self;
        let lookup = cipher.lookup(address);
        let found = database.run(async |connection| found(connection, std::slice::from_ref(&lookup)).await)?;
        Ok(found.into_values().next())
    }

    /// Lets a mailbox be written to again; whether it was not.
    pub fn unsuppress(&mut self, by: &By, address: &str) -> Result<bool, Away> {
        let Self { database, cipher, .. } = self;
        let lookup = cipher.lookup(address);
        database.transact(
            async |connection| {
                let mut writing = Writing::beside(connection, cipher, &by.actor, by.at_ms).await?;
                let text = "DELETE FROM suppressed_addresses WHERE address_lookup = ?";
                let gone = writing.connection.query(text).bind(lookup.as_slice()).execute().await?;
                writing.note_unsuppressed(&hex::encode(&lookup), gone);
                Ok(matches!(writing.end().await?, Written::Rows))
            },
            |gone| *gone,
        )
    }
}

async fn found(connection: &mut Connection, lookups: &[Vec<u8>]) -> sqlx::Result<FxHashMap<Vec<u8>, Suppressed>> {
    let mut found = FxHashMap::default();
    for (size, lot) in lots_of(lookups) {
        let text = text(size);
        let query = lot.fold(connection.query(&text), |query, lookup| query.bind(lookup.as_slice()));
        for row in query.fetch_all().await? {
            let known = Suppressed { code: row.get("code")?, since_ms: row.get("suppressed_at")? };
            found.insert(row.get("address_lookup")?, known);
        }
    }
    Ok(found)
}

/// The question for so many.
pub(super) fn text(size: usize) -> String {
    let lookups = question_marks(size);
    format!("SELECT address_lookup, code, suppressed_at FROM suppressed_addresses WHERE address_lookup IN ({lookups})")
}
