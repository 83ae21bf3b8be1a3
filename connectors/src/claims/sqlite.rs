//! Claims in a file: they survive kill -9 with the log they belong to.

use super::expired_at;
use crate::sqlite::{Database, Insert, StoreError};
use processors::ports::{Away, CLAIM_WINDOW, Claim, Claims};
use rustc_hash::FxHashMap;
use schemas::{TrackId, UnknownWord};
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Row as _};
use std::path::Path;

const MIGRATIONS: Migrator = sqlx::migrate!("../migrations/sqlite/claims");
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
}

impl SqliteClaims {
    /// Opens the file, or makes it.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let take = Insert::new(
            "INSERT INTO claims (service_key, message_id, track_id, claimed_at)",
            &format!(
                "ON CONFLICT (service_key, message_id) DO UPDATE
                 SET track_id = excluded.track_id, claimed_at = excluded.claimed_at
                 WHERE claims.claimed_at <= excluded.claimed_at - {}",
                CLAIM_WINDOW.as_millis()
            ),
        );
        Ok(Self { database: Database::open("claims", path, &MIGRATIONS)?, take })
    }
}

#[cfg(test)]
impl SqliteClaims {
    pub(super) fn rows(&mut self) -> i64 {
        let count = sqlx::query_scalar("SELECT count(*) FROM claims");
        self.database.run(async |connection| count.fetch_one(connection).await).expect("the file is there")
    }
}

impl Claims for SqliteClaims {
    fn claim(&mut self, claims: &[Claim], now_ms: i64) -> Result<Vec<Option<TrackId>>, Away> {
        let Self { database, take } = self;
        let answers = database.transact(async |connection| {
            let taken = take
                .rows(&mut *connection, claims, |claim, row| {
                    row.put(&claim.service_key)?
                        .put(&claim.message_id)?
                        .put(claim.track_id.to_string())?
                        .put(now_ms)?;
                    Ok(())
                })
                .await?;
            forget(connection, expired_at(now_ms), claims.len() as i64 * REMOVED_PER_CLAIM).await?;
            if taken == claims.len() as u64 {
                return Ok(Some(vec![None; claims.len()]));
            }
            let mut holders = Holders::default();
            for claims in claims.chunks(ASKED_AT_ONCE) {
                ask(connection, claims, &mut holders).await?;
            }
            let answers = claims
                .iter()
                .map(|claim| {
                    let by = holders.get(&(claim.service_key.clone(), claim.message_id.clone())).copied();
                    by.filter(|by| *by != claim.track_id)
                })
                .collect();
            Ok(Some(answers))
        })?;
        Ok(answers.unwrap_or_default())
    }
}

/// Who holds which message_id of which service key.
type Holders = FxHashMap<(String, String), TrackId>;

/// Asks who holds these ids.
async fn ask(connection: &mut SqliteConnection, claims: &[Claim], holders: &mut Holders) -> sqlx::Result<()> {
    let mut query =
        QueryBuilder::new("SELECT service_key, message_id, track_id FROM claims WHERE (service_key, message_id) IN ");
    query.push_tuples(claims, |mut id, claim| {
        id.push_bind(&claim.service_key).push_bind(&claim.message_id);
    });
    // Any number of ids: not worth a place in the statement cache.
    for row in query.build().persistent(false).fetch_all(connection).await? {
        let by: &str = row.try_get("track_id")?;
        let by = by.parse().map_err(|e: UnknownWord| sqlx::Error::Decode(e.into()))?;
        holders.insert((row.try_get("service_key")?, row.try_get("message_id")?), by);
    }
    Ok(())
}

/// Removes some of what has expired.
async fn forget(connection: &mut SqliteConnection, expired_at: i64, most: i64) -> sqlx::Result<()> {
    sqlx::query(
        "DELETE FROM claims WHERE (service_key, message_id) IN
         (SELECT service_key, message_id FROM claims WHERE claimed_at <= ? ORDER BY claimed_at LIMIT ?)",
    )
    .bind(expired_at)
    .bind(most)
    .execute(connection)
    .await?;
    Ok(())
}
