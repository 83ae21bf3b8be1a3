//! Usage and answers in Redis: one key each, one round trip for a batch of questions.

use super::{Ask, Repeat, Take, Told};
use crate::redis::{Batch, KEY_BYTES, NAME, Redis, RedisSettings, Room, key_of, slot_of};
use ::redis::Value;
use processors::{
    access::{Begun, End, KEPT, Kept, Taken, Verdict},
    ports::Away,
};

/// By the server's time, or by that of who asks.
macro_rules! take {
    ($now:literal) => {
        concat!("local now = ", $now, "\n", include_str!("take.lua")).as_bytes()
    };
}
const TAKE: &[u8] = take!("redis.call('TIME') now = tonumber(now[1]) * 1000000 + tonumber(now[2])");
const TAKE_AT: &[u8] = take!("tonumber(ARGV[6])");
/// Puts an answer in the place of what is under way, unless somebody else has taken over.
const ANSWER: &[u8] = b"local held = redis.call('GET', KEYS[1])
if not held or held == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 1";
/// Takes away what is under way, unless somebody else has taken over.
const LEAVE: &[u8] = b"if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1";

/// What all doors of a deployment know, in Redis.
#[derive(Debug)]
pub struct RedisDesk {
    redis: Redis,
    deployment: String,
    take: &'static [u8],
    batch: Batch,
    answers: Vec<Value>,
    room: Room,
}

impl RedisDesk {
    /// Asks nothing yet. Deployments that share a Redis are kept apart by their names.
    pub fn new(settings: RedisSettings, deployment: &str) -> Self {
        let (redis, deployment) = (Redis::new(settings), deployment.to_owned());
        Self { redis, deployment, take: TAKE, batch: Batch::default(), answers: Vec::new(), room: Room::default() }
    }

    /// Counts by the time of each question instead of the server's, which no test can move.
    pub fn by_the_time_of_who_asks(self) -> Self {
        Self { take: TAKE_AT, ..self }
    }

    /// Asks all of it; the answers in order. When a connection breaks some may have been asked twice: then a customer
    /// has used twice what it took in this batch.
    pub fn ask(&mut self, asked: &[Ask], now_ms: i64) -> Result<Vec<Told>, Away> {
        self.batch.clear();
        let keeps = asked.iter().any(|ask| matches!(ask, Ask::Answer(..))) && self.room.is_left(&mut self.redis)?;
        for ask in asked {
            self.push(ask, keeps, now_ms);
        }
        self.redis.ask(&self.batch, &mut self.answers)?;
        asked.iter().zip(&self.answers).map(|(ask, answer)| told(ask, answer)).collect()
    }

    fn push(&mut self, ask: &Ask, keeps: bool, now_ms: i64) {
        match ask {
            Ask::Take(Take { username, limits, using, known, unreported }) => {
                let words = [
                    limits.cost_us(using.receivers),
                    i64::from(using.messages),
                    limits.daily_quota.map_or(-1, i64::from),
                    *known,
                    *unreported,
                    now_ms * 1000,
                ]
                .map(|word| word.to_string());
                let key = self.key(b'u', username.as_bytes());
                let [cost, messages, quota, known, unreported, now] = words.each_ref().map(|word| word.as_bytes());
                let words = [b"EVAL", self.take, b"1", &key, cost, messages, quota, known, unreported, now];
                self.batch.push(slot_of(&key), &words);
            }
            Ask::Begin(repeat, lease) => {
                let (key, under_way) = self.under_way(repeat);
                let lease = lease.as_millis().to_string();
                self.batch.push(slot_of(&key), &[b"SET", &key, &under_way, b"NX", b"GET", b"PX", lease.as_bytes()]);
            }
            Ask::Answer(repeat, answer) if keeps => {
                let (key, under_way) = self.under_way(repeat);
                let answered = Kept { contents: repeat.contents, end: End::Answered(answer) }.to_bytes();
                let kept = KEPT.as_millis().to_string();
                let words = [b"EVAL", ANSWER, b"1", &key, &under_way, &answered, kept.as_bytes()];
                self.batch.push(slot_of(&key), &words);
            }
            // Where there is no room for its answer it is asked again, and its message_id makes one message of it.
            Ask::Answer(repeat, _) | Ask::Leave(repeat) => {
                let (key, under_way) = self.under_way(repeat);
                self.batch.push(slot_of(&key), &[b"EVAL", LEAVE, b"1", &key, &under_way]);
            }
        }
    }

    fn under_way(&self, repeat: &Repeat) -> ([u8; KEY_BYTES], Vec<u8>) {
        let under_way = Kept { contents: repeat.contents, end: End::UnderWay(repeat.mark) };
        (self.key(b'i', &repeat.key.0), under_way.to_bytes())
    }

    fn key(&self, kind: u8, of: &[u8]) -> [u8; KEY_BYTES] {
        key_of(kind, &self.deployment, of)
    }
}

fn told(ask: &Ask, answer: &Value) -> Result<Told, Away> {
    let strange = || Away {
        dependency: NAME,
        cause: "holds something else under a key of ours: give IMS a database of its own".into(),
    };
    match (ask, answer) {
        (Ask::Take(_), Value::Array(numbers)) => {
            let numbers: Vec<i64> = numbers.iter().filter_map(number).collect();
            let [verdict, wait_us, missing_us, used] = numbers[..] else { return Err(strange()) };
            let verdict = match verdict {
                0 => Verdict::Granted,
                1 => Verdict::OverRate { wait_ms: (wait_us + 999) / 1000 },
                _ => Verdict::OverQuota,
            };
            Ok(Told::Taken(Taken { verdict, missing_us, used }))
        }
        (Ask::Begin(..), Value::Nil) => Ok(Told::Begun(Begun::First)),
        (Ask::Begin(repeat, _), Value::BulkString(held)) => {
            let kept = Kept::of_bytes(held).ok_or_else(strange)?;
            Ok(Told::Begun(kept.tells(repeat.contents, repeat.mark)))
        }
        (Ask::Answer(..) | Ask::Leave(_), _) => Ok(Told::Done),
        _ => Err(strange()),
    }
}

fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        _ => None,
    }
}
