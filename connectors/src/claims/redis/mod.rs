//! Claims in Redis: shared by every ingest process, one round trip a batch.
//!
//! A claim is `SET key value NX GET PX`: whoever comes first holds it, whoever comes later is told who holds it. Redis's
//! own expiry only clears up; whether a claim still counts is decided by the time in its value, by the clock that made
//! it. Every batch also counts itself in each part that it asks: a count that does not grow tells that Redis has lost
//! what it held (`known`).

mod keys;
mod known;

pub use known::{Doubt, Doubts, describe_metrics};

use super::expired_at;
use crate::redis::{Batch, NAME, Redis, RedisSettings};
use ::redis::Value;
use keys::{Held, Key, Keys, PARTS};
use known::{Counts, Found};
use processors::ports::{Away, CLAIM_WINDOW, Claim, Claims, MessageName};
use schemas::TrackId;

/// How long a claim stays in Redis, milliseconds: ten minutes longer than it counts, so that no clock of an ingest
/// process that is a little late finds a claim gone that counts for it.
const KEPT_MS: i64 = CLAIM_WINDOW.as_millis() as i64 + 600_000;
/// Takes over a claim that does not count any more, unless somebody else just has; then tells who.
const TAKE_OVER: &[u8] = b"local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return held end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return false";
/// Commands of one round trip at most: some 20 ms of a server's time.
const AT_ONCE: usize = 10_000;

/// One stream's view of the claims.
#[derive(Debug)]
pub struct RedisClaims {
    redis: Redis,
    keys: Keys,
    counts: Counts,
    doubts: &'static Doubts,
    kept_ms: String,
    batch: Batch,
    answers: Vec<Value>,
}

impl RedisClaims {
    /// Asks nothing yet. Deployments that share a Redis are kept apart by their names; `doubts` hears of what it lost.
    pub fn new(settings: RedisSettings, deployment: &str, doubts: &'static Doubts) -> Self {
        let keys = Keys::of(deployment);
        let counts = Counts::new(keys.lost(deployment));
        Self {
            redis: Redis::new(settings),
            keys,
            counts,
            doubts,
            kept_ms: KEPT_MS.to_string(),
            batch: Batch::default(),
            answers: Vec::new(),
        }
    }

    fn some(&mut self, claims: &[Claim], now_ms: i64, answers: &mut Vec<Option<TrackId>>) -> Result<(), Away> {
        if !self.redis.is_connected() {
            self.look_at_all(now_ms)?;
        }
        let Self { redis, keys, counts, kept_ms, batch, answers: told, .. } = self;
        batch.clear();
        let keyed: Vec<(Key, usize)> =
            claims.iter().map(|claim| keys.key(&claim.service_key, &claim.message_id)).collect();
        let mut asked = [false; PARTS];
        for (_, part) in &keyed {
            asked[*part] = true;
        }
        let parts: Vec<usize> = (0..PARTS).filter(|part| asked[*part]).collect();
        for part in &parts {
            let part = keys.part(*part);
            batch.push(part.slot, &[b"INCR", &part.count]);
        }
        for (claim, (key, part)) in claims.iter().zip(&keyed) {
            let mine = Held { by: claim.track_id, claimed_ms: now_ms }.to_bytes();
            let words: [&[u8]; 7] = [b"SET", key, &mine, b"NX", b"GET", b"PX", kept_ms.as_bytes()];
            batch.push(keys.part(*part).slot, &words);
        }
        redis.ask(batch, told)?;
        let (grown, told) = told.split_at(parts.len());
        let lost = counts.note(parts.iter().copied().zip(grown))? == Found::Lost;

        let begin = answers.len();
        let mut expired = Vec::new();
        let mut new = 0;
        for (at, (claim, told)) in claims.iter().zip(told).enumerate() {
            let held = held(told)?;
            new += u64::from(held.is_none());
            if held.is_some_and(|held| held.claimed_ms <= expired_at(now_ms)) {
                expired.push(at);
            }
            answers.push(held.map(|held| held.by).filter(|by| *by != claim.track_id));
        }
        if !expired.is_empty() {
            let old: Vec<Vec<u8>> = expired.iter().map(|&at| bytes(&told[at]).unwrap_or_default().to_vec()).collect();
            new += expired.len() as u64;
            self.take_over(claims, &keyed, &expired, &old, now_ms, &mut answers[begin..])?;
        }
        if lost {
            self.look_at_all(now_ms)?;
        }
        self.doubts.count(new, now_ms);
        Ok(())
    }

    /// Claims that do not count any more become these claims' own, in their order.
    fn take_over(
        &mut self,
        claims: &[Claim],
        keyed: &[(Key, usize)],
        expired: &[usize],
        old: &[Vec<u8>],
        now_ms: i64,
        answers: &mut [Option<TrackId>],
    ) -> Result<(), Away> {
        let Self { redis, keys, kept_ms, batch, answers: told, .. } = self;
        batch.clear();
        for (&at, old) in expired.iter().zip(old) {
            let (key, part) = &keyed[at];
            let mine = Held { by: claims[at].track_id, claimed_ms: now_ms }.to_bytes();
            let words: [&[u8]; 7] = [b"EVAL", TAKE_OVER, b"1", key, old, &mine, kept_ms.as_bytes()];
            batch.push(keys.part(*part).slot, &words);
        }
        redis.ask(batch, told)?;
        for (&at, told) in expired.iter().zip(told.iter()) {
            answers[at] = held(told)?.map(|held| held.by).filter(|by| *by != claims[at].track_id);
        }
        Ok(())
    }

    /// Looks at every part: on a new connection, and when one part was found empty. So a loss is told once.
    fn look_at_all(&mut self, now_ms: i64) -> Result<(), Away> {
        let Self { redis, keys, counts, doubts, batch, answers, .. } = self;
        batch.clear();
        for part in 0..PARTS {
            let part = keys.part(part);
            batch.push(part.slot, &[b"INCR", &part.count]);
        }
        batch.push(keys.part(0).slot, &[b"GET", counts.lost_key()]);
        redis.ask(batch, answers)?;
        let (said, grown) = answers.split_last().unwrap_or((&Value::Nil, &[]));
        let said = bytes(said).and_then(|said| std::str::from_utf8(said).ok()?.parse().ok());
        counts.note(grown.iter().enumerate())?;
        if !counts.settle(said, doubts, now_ms) {
            return Ok(());
        }
        // Told to processes that start later: those that run see it by themselves.
        batch.clear();
        let (lost_ms, kept) = (now_ms.to_string(), CLAIM_WINDOW.as_millis().to_string());
        batch.push(keys.part(0).slot, &[b"SET", counts.lost_key(), lost_ms.as_bytes(), b"PX", kept.as_bytes()]);
        redis.ask(batch, answers)
    }
}

impl Claims for RedisClaims {
    fn claim(&mut self, claims: &[Claim], now_ms: i64) -> Result<Vec<Option<TrackId>>, Away> {
        let mut answers = Vec::with_capacity(claims.len());
        for claims in claims.chunks(AT_ONCE) {
            self.some(claims, now_ms, &mut answers)?;
        }
        Ok(answers)
    }

    /// Counts no batch: a loss is for those to tell who claim.
    fn holders(&mut self, asked: &[MessageName], now_ms: i64) -> Result<Vec<Option<TrackId>>, Away> {
        let Self { redis, keys, batch, answers: told, .. } = self;
        let mut answers = Vec::with_capacity(asked.len());
        for asked in asked.chunks(AT_ONCE) {
            batch.clear();
            for MessageName { service_key, message_id } in asked {
                let (key, part) = keys.key(service_key, message_id);
                batch.push(keys.part(part).slot, &[b"GET", &key]);
            }
            redis.ask(batch, told)?;
            for told in told.iter() {
                let held = held(told)?.filter(|held| held.claimed_ms > expired_at(now_ms));
                answers.push(held.map(|held| held.by));
            }
        }
        Ok(answers)
    }
}

fn bytes(told: &Value) -> Option<&[u8]> {
    match told {
        Value::BulkString(bytes) => Some(bytes),
        _ => None,
    }
}

/// Who holds a claim, by the answer to it.
fn held(told: &Value) -> Result<Option<Held>, Away> {
    let strange = || Away {
        dependency: NAME,
        cause: "holds something else under a claim's key: give IMS a database of its own".into(),
    };
    match told {
        Value::Nil => Ok(None),
        told => bytes(told).and_then(Held::of_bytes).map(Some).ok_or_else(strange),
    }
}

#[cfg(test)]
mod tests;
