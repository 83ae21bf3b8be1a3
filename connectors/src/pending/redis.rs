//! Pending reports in Redis, under their names as they are: whoever has access may look.

use super::{PendingReports, ReportName};
use crate::redis::{Batch, NAME, Redis, RedisSettings, SLOTS, slot_of};
use ::redis::Value;
use processors::ports::Away;
use std::time::{Duration, Instant};

/// A report whose removal was lost goes by itself after 31 days, milliseconds: a day after its REPORT topic has
/// forgotten it too (schemas/src/topics.rs), so no pending one goes before.
const KEPT_MS: &[u8] = b"2678400000";

/// A server that is fuller than this, in percent of its maxmemory, takes no more of them: claims need the room, and
/// ingest waits while they have none.
const FULLEST: u64 = 75;
/// How often that is asked.
const LOOK: Duration = Duration::from_secs(5);
/// One slot of so many is asked, so that each master of a cluster is.
const ASKED_SLOT: usize = 512;

/// A connection of its own.
#[derive(Debug)]
pub struct RedisPending {
    redis: Redis,
    batch: Batch,
    answers: Vec<Value>,
    /// Whether there was room, and when that was asked.
    room: Option<(bool, Instant)>,
}

impl RedisPending {
    /// Asks nothing yet.
    pub fn new(settings: RedisSettings) -> Self {
        Self { redis: Redis::new(settings), batch: Batch::default(), answers: Vec::new(), room: None }
    }

    fn push(&mut self, command: &[u8], name: &ReportName, more: &[&[u8]]) {
        let key = name.to_string();
        let words = [&[command, key.as_bytes()], more].concat();
        self.batch.push(slot_of(key.as_bytes()), &words);
    }

    fn has_room(&mut self) -> Result<bool, Away> {
        if let Some((room, asked)) = self.room
            && asked.elapsed() < LOOK
        {
            return Ok(room);
        }
        for slot in (0..SLOTS).step_by(ASKED_SLOT) {
            self.batch.push(slot, &[b"INFO", b"memory"]);
        }
        self.ask()?;
        let room = self.answers.iter().all(has_room);
        self.room = Some((room, Instant::now()));
        Ok(room)
    }

    fn ask(&mut self) -> Result<(), Away> {
        let asked = self.redis.ask(&self.batch, &mut self.answers);
        self.batch.clear();
        asked
    }
}

impl PendingReports for RedisPending {
    fn put(&mut self, reports: &[(ReportName, String)]) -> Result<bool, Away> {
        if !self.has_room()? {
            return Ok(false);
        }
        for (name, json) in reports {
            self.push(b"SET", name, &[json.as_bytes(), b"PX", KEPT_MS]);
        }
        self.ask().map(|()| true)
    }

    fn remove(&mut self, names: &[ReportName]) -> Result<(), Away> {
        for name in names {
            self.push(b"DEL", name, &[]);
        }
        self.ask()
    }

    fn get(&mut self, name: &ReportName) -> Result<Option<String>, Away> {
        self.push(b"GET", name, &[]);
        self.ask()?;
        match self.answers.pop() {
            Some(Value::BulkString(json)) => String::from_utf8(json)
                .map(Some)
                .map_err(|_| Away { dependency: NAME, cause: "holds no text under a report's name".into() }),
            _ => Ok(None),
        }
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
