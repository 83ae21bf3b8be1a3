//! Claims in a file: they survive kill -9 with the log they belong to.

use super::expired_at;
use crate::sql::{Connection, Database, Insert, Location, Schema, StoreError, embedded, question_marks};
use processors::ports::{Away, CLAIM_WINDOW, Claim, Claims, MessageName};
use rustc_hash::FxHashMap;
use schemas::{TrackId, UnknownWord};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::iter::repeat_n;
use std::path::Path;

/// A file only: the claims of more than one process live in Redis.
pub const SCHEMA: Schema = Schema { name: "claims", file: embedded::CLAIMS, server: Cow::Borrowed(&[]) };
/// Expired claims that a batch removes for each claim it makes: more than one, so that the file stops growing.
const REMOVED_PER_CLAIM: i64 = 2;
/// Ids asked for in one statement: two placeholders each, far below SQLite's 32,766.
const ASKED_AT_ONCE: usize = 1000;

/// One writer at a time; further processes on the same file wait for each other's batches.
#[derive(Debug)]
pub struct SqliteClaims {
    database: Database,
    /// Takes what is free or expired. What someone holds stays as it is and counts as not affected.
    take: Insert,
    /// Gives service keys numbers, unless they have one.
    name: Insert,
    /// The file's numbers for service keys. It never takes one back.
    numbers: FxHashMap<String, i64>,
}

impl SqliteClaims {
    /// Opens the file, or makes it.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let take = Insert::new(
            "INSERT INTO claims (message_id, service_key, track_id, claimed_at)",
            &format!(
                "ON CONFLICT (message_id, service_key) DO UPDATE
                 SET track_id = excluded.track_id, claimed_at = excluded.claimed_at
                 WHERE claims.claimed_at <= excluded.claimed_at - {}",
                CLAIM_WINDOW.as_millis()
            ),
        );
        let database = Database::open(&Location::file(path), &SCHEMA)?;
        let name = Insert::new("INSERT INTO service_keys (service_key)", "ON CONFLICT DO NOTHING");
        Ok(Self { database, take, name, numbers: FxHashMap::default() })
    }

    /// Learns the numbers of these claims' service keys, in a transaction of its own: what is remembered is committed.
    fn learn(&mut self, claims: &[Claim]) -> Result<(), Away> {
        let Self { database, name, numbers, .. } = self;
        let unknown = unknown(numbers, claims.iter().map(|claim| &*claim.service_key));
        if unknown.is_empty() {
            return Ok(());
        }
        let learnt = database.transact(
            async |connection| {
                name.rows(connection, &unknown, |key, row| row.put(*key).map(drop)).await?;
                numbers_of(connection, &unknown).await
            },
            |_| true,
        )?;
        numbers.extend(learnt);
        Ok(())
    }
}

#[cfg(test)]
impl SqliteClaims {
    pub(super) fn rows(&mut self) -> i64 {
        let count = async |connection: &mut Connection| {
            connection.query("SELECT count(*) AS n FROM claims").fetch_one().await?.get("n")
        };
        self.database.run(count).expect("the file is there")
    }
}

/// A claim beside the number of its service key.
type Numbered<'c> = (i64, &'c Claim);
/// The number of a service key, and a message_id.
type Named<'n> = (i64, &'n str);

impl Claims for SqliteClaims {
    fn of_this_process(&self) -> Option<&'static str> {
        Some("the file of state.file")
    }

    fn claim(&mut self, claims: &[Claim], now_ms: i64) -> Result<Vec<Option<TrackId>>, Away> {
        self.learn(claims)?;
        let Self { database, take, numbers, .. } = self;
        let numbered: Vec<Numbered<'_>> = claims.iter().map(|claim| (numbers[&claim.service_key], claim)).collect();
        let work = async |connection: &mut Connection| {
            let taken = take
                .rows(connection, &numbered, |(number, claim), row| {
                    row.put(&claim.message_id)?.put(*number)?.put(claim.track_id.to_string())?.put(now_ms)?;
                    Ok(())
                })
                .await?
                .affected;
            forget(connection, expired_at(now_ms), claims.len() as i64 * REMOVED_PER_CLAIM).await?;
            if taken == claims.len() as u64 {
                return Ok(vec![None; claims.len()]);
            }
            let mut holders = Holders::default();
            let asked: Vec<Named<'_>> = numbered.iter().map(|(number, claim)| (*number, &*claim.message_id)).collect();
            for asked in asked.chunks(ASKED_AT_ONCE) {
                ask(connection, asked, expired_at(now_ms), &mut holders).await?;
            }
            let answers = numbered
                .iter()
                .map(|(number, claim)| {
                    let by = holders.get(&(*number, claim.message_id.clone())).copied();
                    by.filter(|by| *by != claim.track_id)
                })
                .collect();
            Ok(answers)
        };
        database.transact(work, |_| true)
    }

    fn holders(&mut self, asked: &[MessageName], now_ms: i64) -> Result<Vec<Option<TrackId>>, Away> {
        let Self { database, numbers, .. } = self;
        database.run(async |connection| {
            let unknown = unknown(numbers, asked.iter().map(|name| &*name.service_key));
            numbers.extend(numbers_of(connection, &unknown).await?);
            let named = asked.iter().filter_map(|name| Some((*numbers.get(&name.service_key)?, &*name.message_id)));
            let named: Vec<Named<'_>> = named.collect();
            let mut holders = Holders::default();
            for asked in named.chunks(ASKED_AT_ONCE) {
                ask(connection, asked, expired_at(now_ms), &mut holders).await?;
            }
            let holder = |name: &MessageName| {
                let number = *numbers.get(&name.service_key)?;
                holders.get(&(number, name.message_id.clone())).copied()
            };
            Ok(asked.iter().map(holder).collect())
        })
    }
}

/// Those of these service keys that have no number here, each once.
fn unknown<'k>(numbers: &FxHashMap<String, i64>, service_keys: impl Iterator<Item = &'k str>) -> Vec<&'k str> {
    let unknown: BTreeSet<&str> = service_keys.filter(|key| !numbers.contains_key(*key)).collect();
    unknown.into_iter().collect()
}

/// The numbers that stand for these service keys in the file; those that it does not know are left out.
async fn numbers_of(connection: &mut Connection, service_keys: &[&str]) -> sqlx::Result<Vec<(String, i64)>> {
    let mut numbers = Vec::with_capacity(service_keys.len());
    for asked in service_keys.chunks(ASKED_AT_ONCE) {
        let keys = question_marks(asked.len());
        let text = format!("SELECT service_key, id FROM service_keys WHERE service_key IN ({keys})");
        let query = asked.iter().fold(connection.query(&text).once(), |query, key| query.bind(*key));
        for row in query.fetch_all().await? {
            numbers.push((row.get("service_key")?, row.get("id")?));
        }
    }
    Ok(numbers)
}

/// Who holds which message_id of which service key.
type Holders = FxHashMap<(i64, String), TrackId>;

/// Who holds so many ids. Columns stand as in the key: in another order SQLite does not find them by it.
pub(super) fn asking(ids: usize) -> String {
    let ids = repeat_n("(?, ?)", ids).collect::<Vec<_>>().join(", ");
    format!(
        "SELECT service_key, message_id, track_id FROM claims
         WHERE (message_id, service_key) IN (VALUES {ids}) AND claimed_at > ?"
    )
}

/// The oldest of what has expired, so many.
pub(super) const FORGET: &str = "DELETE FROM claims WHERE (message_id, service_key) IN
    (SELECT message_id, service_key FROM claims WHERE claimed_at <= ? ORDER BY claimed_at LIMIT ?)";

/// Asks who holds these ids.
async fn ask(
    connection: &mut Connection,
    asked: &[Named<'_>],
    expired_at: i64,
    holders: &mut Holders,
) -> sqlx::Result<()> {
    let text = asking(asked.len());
    let mut query = connection.query(&text).once();
    for (number, message_id) in asked {
        query = query.bind(*message_id).bind(*number);
    }
    query = query.bind(expired_at);
    for row in query.fetch_all().await? {
        let by: &str = row.get("track_id")?;
        let by = by.parse().map_err(|e: UnknownWord| sqlx::Error::Decode(e.into()))?;
        holders.insert((row.get("service_key")?, row.get("message_id")?), by);
    }
    Ok(())
}

/// Removes some of what has expired.
async fn forget(connection: &mut Connection, expired_at: i64, most: i64) -> sqlx::Result<()> {
    connection.query(FORGET).bind(expired_at).bind(most).execute().await?;
    Ok(())
}
