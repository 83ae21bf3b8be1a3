//! Whether a server has room for what is not as dear as claims.

use super::{Batch, Redis, SLOTS};
use ::redis::Value;
use processors::ports::Away;
use std::time::{Duration, Instant};

/// A server that is fuller than this, in percent of its maxmemory, takes no more of it: claims need the room, and ingest
/// waits while they have none.
const FULLEST: u64 = 75;
/// How often that is asked.
const LOOK: Duration = Duration::from_secs(5);
/// One slot of so many is asked, so that each master of a cluster is.
const ASKED_SLOT: usize = 512;

/// Whether there was room, and when that was asked.
#[derive(Debug, Default)]
pub struct Room(Option<(bool, Instant)>);

impl Room {
    /// Whether there is some, as of the last seconds.
    pub fn is_left(&mut self, redis: &mut Redis) -> Result<bool, Away> {
        if let Some((room, asked)) = self.0
            && asked.elapsed() < LOOK
        {
            return Ok(room);
        }
        let (mut batch, mut answers) = (Batch::default(), Vec::new());
        for slot in (0..SLOTS).step_by(ASKED_SLOT) {
            batch.push(slot, &[b"INFO", b"memory"]);
        }
        redis.ask(&batch, &mut answers)?;
        let room = answers.iter().all(has_room);
        self.0 = Some((room, Instant::now()));
        Ok(room)
    }
}

/// By what INFO tells; a server without a limit has room.
fn has_room(told: &Value) -> bool {
    let Value::BulkString(text) = told else { return true };
    let text = String::from_utf8_lossy(text);
    let value = |key: &str| -> Option<u64> {
        text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?.trim().parse().ok()
    };
    match (value("used_memory"), value("maxmemory")) {
        (Some(used), Some(most)) if most > 0 => used.saturating_mul(100) <= most.saturating_mul(FULLEST),
        _ => true,
    }
}
