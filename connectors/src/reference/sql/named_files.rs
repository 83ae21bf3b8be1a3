//! Which files of customers there are: asked for in batches, and remembered for a while.

use super::{SCHEMA, lots::lots_of};
use crate::sql::{Connection, Database, Location, StoreError, word};
use processors::{
    center::file::goes_with,
    ports::{Away, Files, NamedFile},
};
use rustc_hash::{FxHashMap, FxHashSet};
use schemas::Channel;
use std::{iter::repeat_n, time::Duration};

/// How long an answer may take: rows by their key, which a lane waits for.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a file that was there is taken to be there: of a campaign every message names the same ones. What is taken out
/// meanwhile is its sender's to miss, as what is taken out after.
const REMEMBERED_MS: i64 = 60_000;
/// Most files that are remembered.
const MOST: usize = 10_000;

/// Files of a store.
#[derive(Debug)]
pub struct SqlFiles {
    database: Database,
    /// By customer and key: what it was uploaded for, and its bytes. What is not there is not remembered: it may come any moment.
    known: FxHashMap<(String, String), (Channel, u64)>,
    forgotten_at_ms: i64,
}

impl SqlFiles {
    /// Connects.
    pub fn open(location: &Location) -> Result<Self, StoreError> {
        let database = Database::connect(location, &SCHEMA)?.patient(PATIENCE);
        Ok(Self { database, known: FxHashMap::default(), forgotten_at_ms: i64::MIN })
    }
}

impl Files for SqlFiles {
    fn there(&mut self, asked: &[NamedFile], now_ms: i64) -> Result<Vec<Option<u64>>, Away> {
        let Self { database, known, forgotten_at_ms } = self;
        if now_ms >= *forgotten_at_ms || known.len() > MOST {
            known.clear();
            *forgotten_at_ms = now_ms + REMEMBERED_MS;
        }
        let name = |file: &NamedFile| (file.username.clone(), file.key.clone());
        let unknown: FxHashSet<_> = asked.iter().map(name).filter(|name| !known.contains_key(name)).collect();
        if !unknown.is_empty() {
            let unknown: Vec<_> = unknown.into_iter().collect();
            known.extend(database.run(async |connection| kept(connection, &unknown).await)?);
        }
        let there = |file: &NamedFile| {
            let (of, bytes) = known.get(&name(file))?;
            goes_with(*of, file.channel).then_some(*bytes)
        };
        Ok(asked.iter().map(there).collect())
    }
}

type Kept = Vec<((String, String), (Channel, u64))>;

async fn kept(connection: &mut Connection, names: &[(String, String)]) -> sqlx::Result<Kept> {
    let mut found = Vec::new();
    for (size, lot) in lots_of(names) {
        let text = text(size);
        let query = lot
            .fold(connection.query(&text), |query, (username, key)| query.bind(username.as_str()).bind(key.as_str()));
        for row in query.fetch_all().await? {
            let bytes: i64 = row.get("bytes")?;
            let of = (word(&row, "channel")?, bytes.max(0).unsigned_abs());
            found.push(((row.get("username")?, row.get("file_key")?), of));
        }
    }
    Ok(found)
}

/// The question for so many. As an OR of pairs it goes by the primary key on every server; row values do so on some.
pub(super) fn text(size: usize) -> String {
    let pairs = repeat_n("(username = ? AND file_key = ?)", size).collect::<Vec<_>>().join(" OR ");
    format!("SELECT username, file_key, channel, bytes FROM files WHERE state = 'kept' AND ({pairs})")
}
