//! Pending reports in Redis, under their names as they are: whoever has access may look.

use super::{PendingReports, ReportName};
use crate::redis::{Batch, NAME, Redis, RedisSettings, Room, slot_of};
use ::redis::Value;
use processors::ports::Away;

/// A report whose removal was lost goes by itself after 31 days, milliseconds: a day after its REPORT topic has
/// forgotten it too (schemas/src/topics.rs), so no pending one goes before.
const KEPT_MS: &[u8] = b"2678400000";

/// A connection of its own.
#[derive(Debug)]
pub struct RedisPending {
    redis: Redis,
    batch: Batch,
    answers: Vec<Value>,
    room: Room,
}

impl RedisPending {
    /// Asks nothing yet.
    pub fn new(settings: RedisSettings) -> Self {
        Self { redis: Redis::new(settings), batch: Batch::default(), answers: Vec::new(), room: Room::default() }
    }

    fn push(&mut self, command: &[u8], name: &ReportName, more: &[&[u8]]) {
        let key = name.to_string();
        let words = [&[command, key.as_bytes()], more].concat();
        self.batch.push(slot_of(key.as_bytes()), &words);
    }

    fn ask(&mut self) -> Result<(), Away> {
        let asked = self.redis.ask(&self.batch, &mut self.answers);
        self.batch.clear();
        asked
    }
}

impl PendingReports for RedisPending {
    fn put(&mut self, reports: &[(ReportName, String)]) -> Result<bool, Away> {
        if !self.room.is_left(&mut self.redis)? {
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
