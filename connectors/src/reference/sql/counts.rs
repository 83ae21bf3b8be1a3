//! How many rows customers have, and may have.

use super::edit::Unchanged;
use crate::sql::{Connection, Merge};
use serde::{Deserialize, Serialize};

/// Opt-outs, as rows are counted.
pub(super) const OPT_OUTS: &str = "opt_outs";

/// How many rows a customer may have of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// KakaoTalk sender profiles.
    pub sender_profiles: u32,
    /// Groups of them.
    pub sender_groups: u32,
    /// Sender numbers, chatbot ids and addresses.
    pub sender_numbers: u32,
    /// Templates.
    pub templates: u32,
    /// Service keys.
    pub service_keys: u32,
    /// Users, of a customer or of nobody's.
    pub users: u32,
    /// Opt-outs.
    pub opt_outs: u32,
    /// Consents to ads, those that were taken back too.
    pub consents: u32,
    /// Push tokens.
    pub push_tokens: u32,
    /// Files.
    pub files: u32,
    /// Bytes of its files.
    pub file_bytes: u64,
}

/// What was removed stays as a row, so that others hear of it: so many times as many rows as may be in force.
const REMOVED_TOO: u64 = 10;

impl Bounds {
    /// Of a table whose rows are few enough to be counted.
    fn of(&self, table: &str) -> Option<u32> {
        match table {
            "sender_profiles" => Some(self.sender_profiles),
            "sender_groups" => Some(self.sender_groups),
            "sender_numbers" => Some(self.sender_numbers),
            "templates" => Some(self.templates),
            "service_keys" => Some(self.service_keys),
            "users" => Some(self.users),
            // A customer has two secret keys at most, which is a rule of its own.
            _ => None,
        }
    }

    /// Refuses so many more rows of a table, if they are too many.
    pub(super) async fn check<E>(
        &self,
        connection: &mut Connection,
        table: &'static str,
        username: &str,
        more: usize,
    ) -> sqlx::Result<Result<(), Unchanged<E>>> {
        let Some(most) = self.of(table).filter(|_| more > 0) else { return Ok(Ok(())) };
        let text = format!(
            "SELECT COUNT(*) AS stand, COUNT(CASE WHEN NOT removed THEN 1 END) AS live FROM {table} WHERE username = ?"
        );
        let counted = connection.query(&text).bind(username).fetch_one().await?;
        let (all, live): (i64, i64) = (counted.get("stand")?, counted.get("live")?);
        let fits = |rows: i64, most: u64| u64::try_from(rows).unwrap_or(0) + more as u64 <= most;
        Ok(match fits(live, most.into()) && fits(all, u64::from(most) * REMOVED_TOO) {
            true => Ok(()),
            false => Err(Unchanged::Full { what: table, most: most.into() }),
        })
    }
}

/// How many rows of a kind there are now, which is counted with them.
pub(super) async fn counted(connection: &mut Connection, username: &str, kind: &str) -> sqlx::Result<u64> {
    let text = "SELECT counted FROM row_counts WHERE username = ? AND kind = ?";
    let row = connection.query(text).bind(username).bind(kind).fetch_optional().await?;
    let counted: i64 = row.map_or(Ok(0), |row| row.get("counted"))?;
    Ok(counted.max(0).unsigned_abs())
}

/// Counts rows that were added, or removed.
pub(super) async fn count(connection: &mut Connection, username: &str, kind: &str, more: i64) -> sqlx::Result<()> {
    if more == 0 {
        return Ok(());
    }
    let tail = connection.dialect().on_conflict("username, kind", Merge::Add, &["counted"]);
    let text = format!("INSERT INTO row_counts (username, kind, counted) VALUES (?, ?, ?) {tail}");
    connection.query(&text).bind(username).bind(kind).bind(more).execute().await.map(drop)
}
