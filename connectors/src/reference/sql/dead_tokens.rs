//! Push tokens that their service called dead: asked for in batches by the HMAC of the token.

use super::{
    SCHEMA,
    lots::lots_of,
    push_tokens::{die, registered},
};
use crate::{
    cipher::Cipher,
    sql::{Connection, Database, Dialect, Insert, Location, Merge, StoreError, question_marks},
};
use processors::{
    ports::{Away, DEAD_FOR, DeadToken, DeadTokens},
    push::was_known,
};
use rustc_hash::FxHashMap;
use std::{sync::Arc, time::Duration};

/// How long an answer may take. Nobody waits for it for that long; what comes late is not lost.
const PATIENCE: Duration = Duration::from_secs(5);

/// Expired tokens that are forgotten at once, more than are noted: those of a campaign expire all in one moment.
const FORGOTTEN: usize = 2_000;

/// Dead tokens of a store.
#[derive(Debug)]
pub struct SqlDeadTokens {
    database: Database,
    cipher: Arc<Cipher>,
    insert: Insert,
    forget: &'static str,
}

impl SqlDeadTokens {
    /// Connects.
    pub fn open(location: &Location, cipher: Arc<Cipher>) -> Result<Self, StoreError> {
        let anew =
            location.dialect().on_conflict("vendor, token_lookup", Merge::Replace, &["code", "dead_since", "noted_at"]);
        let head = "INSERT INTO dead_push_tokens (vendor, token_lookup, code, dead_since, noted_at)";
        let database = Database::connect(location, &SCHEMA)?.patient(PATIENCE);
        let forget = match location.dialect() {
            Dialect::Sqlite => {
                "DELETE FROM dead_push_tokens WHERE (vendor, token_lookup) IN
                 (SELECT vendor, token_lookup FROM dead_push_tokens WHERE noted_at <= ? ORDER BY noted_at LIMIT ?)"
            }
            Dialect::MySql => "DELETE FROM dead_push_tokens WHERE noted_at <= ? ORDER BY noted_at LIMIT ?",
        };
        Ok(Self { database, cipher, insert: Insert::new(head, &anew), forget })
    }
}

impl DeadTokens for SqlDeadTokens {
    fn known(&mut self, asked: &[(String, String)], now_ms: i64) -> Result<Vec<Option<String>>, Away> {
        let Self { database, cipher, .. } = self;
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        database.run(async |connection| known(connection, cipher, asked, now_ms).await)
    }

    fn note(&mut self, dead: &[DeadToken], now_ms: i64) -> Result<(), Away> {
        let Self { database, cipher, insert, forget } = self;
        // In one order in every process: who writes the same rows waits, and nobody waits for him.
        let mut rows: Vec<_> = dead.iter().map(|dead| (dead, cipher.lookup(&dead.token))).collect();
        rows.sort_by(|(a, a_lookup), (b, b_lookup)| (&a.vendor, a_lookup).cmp(&(&b.vendor, b_lookup)));
        database.transact(
            async |connection| {
                let lookups: Vec<&[u8]> = rows.iter().map(|(_, lookup)| lookup.as_slice()).collect();
                let registered = registered(connection, &lookups).await?;
                let of = |lookup: &Vec<u8>| registered.get(lookup).map_or(&[][..], Vec::as_slice);
                // What was registered after its service last saw it dead lives.
                let lives = |dead: &DeadToken, at_ms: i64| at_ms > dead.since_ms;
                rows.retain(|(dead, lookup)| !of(lookup).iter().any(|of| lives(dead, of.registered_at_ms)));
                insert
                    .rows(connection, &rows, |(dead, lookup), to| {
                        to.put(dead.vendor.as_str())?.put(lookup.as_slice())?.put(dead.code.as_str())?;
                        to.put(dead.since_ms)?.put(now_ms).map(drop)
                    })
                    .await?;
                for (_, lookup) in rows.iter().filter(|(dead, _)| was_known(&dead.code)) {
                    for of in of(lookup) {
                        die(connection, lookup, of).await?;
                    }
                }
                let most = FORGOTTEN.max(2 * rows.len());
                connection.query(forget).bind(expired_ms(now_ms)).bind(most as i64).execute().await.map(drop)
            },
            |()| true,
        )
    }
}

fn expired_ms(now_ms: i64) -> i64 {
    now_ms.saturating_sub(DEAD_FOR.as_millis() as i64)
}

async fn known(
    connection: &mut Connection,
    cipher: &Cipher,
    asked: &[(String, String)],
    now_ms: i64,
) -> sqlx::Result<Vec<Option<String>>> {
    let mut by_vendor: FxHashMap<&str, Vec<(usize, Vec<u8>)>> = FxHashMap::default();
    for (place, (vendor, token)) in asked.iter().enumerate() {
        by_vendor.entry(vendor).or_default().push((place, cipher.lookup(token)));
    }
    let mut said = vec![None; asked.len()];
    for (vendor, places) in by_vendor {
        let mut found: FxHashMap<Vec<u8>, String> = FxHashMap::default();
        for (size, lot) in lots_of(&places) {
            let text = text(size);
            let query = connection.query(&text).bind(expired_ms(now_ms)).bind(vendor);
            let query = lot.fold(query, |query, (_, lookup)| query.bind(lookup.as_slice()));
            for row in query.fetch_all().await? {
                found.insert(row.get("token_lookup")?, row.get("code")?);
            }
        }
        for (place, lookup) in &places {
            said[*place] = found.get(lookup).cloned();
        }
    }
    Ok(said)
}

/// The question for so many.
pub(super) fn text(size: usize) -> String {
    let lookups = question_marks(size);
    format!(
        "SELECT token_lookup, code FROM dead_push_tokens WHERE noted_at > ? AND vendor = ? AND token_lookup IN ({lookups})"
    )
}
