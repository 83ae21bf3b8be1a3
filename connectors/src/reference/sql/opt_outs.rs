//! Who refused the ads of whom: asked for in batches by the HMAC of the recipient.

use super::{SCHEMA, lots::lots_of};
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
    for (size, lot) in lots_of(&keys) {
        let text = text(size);
        let query = lot
            .fold(connection.query(&text), |query, (username, lookup)| query.bind(*username).bind(lookup.as_slice()));
        for row in query.fetch_all().await? {
            found.insert((row.get("username")?, row.get("recipient_lookup")?));
        }
    }
    Ok(keys.into_iter().map(|(username, lookup)| found.contains(&(username.to_owned(), lookup))).collect())
}

/// The question for so many. As an OR of pairs it goes by the primary key on every server; row values do so on some.
pub(super) fn text(size: usize) -> String {
    let pairs = repeat_n("(username = ? AND recipient_lookup = ?)", size).collect::<Vec<_>>().join(" OR ");
    format!("SELECT username, recipient_lookup FROM opt_outs WHERE {pairs}")
}
