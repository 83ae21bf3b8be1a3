//! Ids in Redis, shared by all processes: one key each, one round trip for a batch.

use crate::redis::{Batch, NAME, Redis, RedisSettings, Room, key_of, slot_of};
use ::redis::Value;
use processors::ports::{Away, Half, Meeting, MessageIds};

/// Ids of a deployment.
#[derive(Debug)]
pub struct RedisMessageIds {
    redis: Redis,
    deployment: String,
    batch: Batch,
    answers: Vec<Value>,
    room: Room,
}

impl RedisMessageIds {
    /// Asks nothing yet. Deployments that share a Redis are kept apart by their names.
    pub fn new(settings: RedisSettings, deployment: &str) -> Self {
        let (redis, deployment) = (Redis::new(settings), deployment.to_owned());
        Self { redis, deployment, batch: Batch::default(), answers: Vec::new(), room: Room::default() }
    }
}

impl MessageIds for RedisMessageIds {
    fn meet(&mut self, meetings: &[Meeting], _: i64) -> Result<Vec<Option<Half>>, Away> {
        if !self.room.is_left(&mut self.redis)? {
            return Err(Away { dependency: NAME, cause: "has no room for vendors' ids of messages".into() });
        }
        self.batch.clear();
        for meeting in meetings {
            // A vendor's name has no NUL.
            let of = [meeting.vendor.as_bytes(), meeting.message_id.as_bytes()].join(&0);
            let key = key_of(b'm', &self.deployment, &of);
            let (half, kept) = (written(&meeting.half), meeting.kept.as_millis().to_string());
            let words: &[&[u8]] = match meeting.half {
                Half::Sent { .. } => &[b"SET", &key, half.as_bytes(), b"GET", b"PX", kept.as_bytes()],
                Half::Reported { .. } => &[b"SET", &key, half.as_bytes(), b"NX", b"GET", b"PX", kept.as_bytes()],
            };
            self.batch.push(slot_of(&key), words);
        }
        self.redis.ask(&self.batch, &mut self.answers)?;
        meetings.iter().zip(&self.answers).map(|(meeting, answer)| told(&meeting.half, answer)).collect()
    }
}

fn written(half: &Half) -> String {
    match half {
        Half::Sent { serial_number, last: true } => format!("s{serial_number}"),
        Half::Sent { serial_number, last: false } => format!("p{serial_number}"),
        Half::Reported { code, at_ms } => format!("r{at_ms} {code}"),
    }
}

fn told(asked: &Half, answer: &Value) -> Result<Option<Half>, Away> {
    let strange = || Away {
        dependency: NAME,
        cause: "holds something else under a key of ours: give IMS a database of its own".into(),
    };
    let Value::BulkString(held) = answer else {
        return if *answer == Value::Nil { Ok(None) } else { Err(strange()) };
    };
    let held = std::str::from_utf8(held).ok().and_then(read).ok_or_else(strange)?;
    let other = matches!(asked, Half::Sent { .. }) != matches!(held, Half::Sent { .. });
    Ok(other.then_some(held))
}

fn read(held: &str) -> Option<Half> {
    let (kind, rest) = held.split_at_checked(1)?;
    match kind {
        "s" | "p" => Some(Half::Sent { serial_number: rest.to_owned(), last: kind == "s" }),
        "r" => {
            let (at_ms, code) = rest.split_once(' ')?;
            Some(Half::Reported { code: code.to_owned(), at_ms: at_ms.parse().ok()? })
        }
        _ => None,
    }
}
