//! Who refused the ads of whom: asked for in batches by the HMAC of the recipient.

use super::SCHEMA;
use crate::{
    cipher::Cipher,
    sql::{Connection, Database, Location, StoreError},
};
use processors::{
    ports::{Away, OptOuts},
    reference::OptOut,
};
use rustc_hash::FxHashSet;
use std::{iter::repeat_n, sync::Arc, time::Duration};

/// Opt-outs asked for in one statement, of which SQLite takes expressions 1000 deep; few sizes stay in the connection's
/// cache of statements.
const ASKED_AT_ONCE: [usize; 3] = [5, 50, 500];

/// How long an answer may take: rows by their key, which a lane waits for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Opt-outs of a store.
#[derive(Debug)]
pub struct SqlOptOuts {
    database: Database,
    cipher: Arc<Cipher>,
}

impl SqlOptOuts {
    /// Connects.
    pub fn open(location: &Location, cipher: Arc<Cipher>) -> Result<Self, StoreError> {
        Ok(Self { database: Database::connect(location, &SCHEMA)?.patient(PATIENCE), cipher })
    }
}

impl OptOuts for SqlOptOuts {
    fn refused(&mut self, asked: &[OptOut]) -> Result<Vec<bool>, Away> {
        let Self { database, cipher } = self;
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        database.run(async |connection| known(connection, cipher, asked).await)
    }
}

/// Which of these stand in the store.
pub(super) async fn known(connection: &mut Connection, cipher: &Cipher, asked: &[OptOut]) -> sqlx::Result<Vec<bool>> {
    let keys: Vec<(&str, Vec<u8>)> =
        asked.iter().map(|out| (out.username.as_str(), cipher.lookup(&out.recipient))).collect();
    let mut found: FxHashSet<(String, Vec<u8>)> = FxHashSet::default();
    let mut rest = &keys[..];
    while let Some(last) = rest.last() {
        let holds = |size: &&usize| rest.len() <= **size;
        let size = ASKED_AT_ONCE.iter().find(holds).copied().unwrap_or(ASKED_AT_ONCE[ASKED_AT_ONCE.len() - 1]);
        let (some, others) = rest.split_at(size.min(rest.len()));
        let text = text(size);
        // The last stands in for those that are missing to a whole statement.
        let asked = some.iter().chain(repeat_n(last, size - some.len()));
        let query = asked
            .fold(connection.query(&text), |query, (username, lookup)| query.bind(*username).bind(lookup.as_slice()));
        for row in query.fetch_all().await? {
            found.insert((row.get("username")?, row.get("recipient_lookup")?));
        }
        rest = others;
    }
    Ok(keys.into_iter().map(|(username, lookup)| found.contains(&(username.to_owned(), lookup))).collect())
}

/// The question for so many. As an OR of pairs it goes by the primary key on every server; row values do so on some.
pub(super) fn text(size: usize) -> String {
    let pairs = repeat_n("(username = ? AND recipient_lookup = ?)", size).collect::<Vec<_>>().join(" OR ");
    format!("SELECT username, recipient_lookup FROM opt_outs WHERE {pairs}")
}
