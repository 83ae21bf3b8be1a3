//! Claims in memory, for a log that ends with its process. With a log that survives, a lost claim would let a duplicate
//! through: there, use the file.

use super::expired_at;
use processors::ports::{Away, Claim, Claims, MessageName};
use rustc_hash::FxHashMap;
use schemas::TrackId;
use std::collections::VecDeque;
use std::collections::hash_map::{Entry, RandomState};
use std::hash::BuildHasher;

/// Claims are forgotten by the minute: small enough that no batch waits for a long sweep.
const BUCKET_MS: i64 = 60_000;

/// About 80 bytes per claim, and nothing for claims that expired more than a minute ago.
#[derive(Debug, Default)]
pub struct MemoryClaims {
    held: FxHashMap<u128, Held>,
    /// Claims by the minute they were made in, oldest first.
    buckets: VecDeque<(i64, Vec<u128>)>,
    hashers: [RandomState; 2],
}

#[derive(Debug, Clone, Copy)]
struct Held {
    by: TrackId,
    claimed_ms: i64,
}

impl MemoryClaims {
    /// 128 bits of two keyed hashes stand for an id: no two ids meet, by chance or by a customer's design.
    fn key(&self, service_key: &str, message_id: &str) -> u128 {
        let [high, low] = &self.hashers;
        let id = (service_key, message_id);
        u128::from(high.hash_one(id)) << 64 | u128::from(low.hash_one(id))
    }

    fn forget(&mut self, expired_at: i64) {
        while let Some((minute, _)) = self.buckets.front()
            && (minute + 1) * BUCKET_MS <= expired_at
        {
            for key in self.buckets.pop_front().into_iter().flat_map(|(_, keys)| keys) {
                // Claimed again since: it stands in a later bucket too.
                if self.held.get(&key).is_some_and(|held| held.claimed_ms <= expired_at) {
                    self.held.remove(&key);
                }
            }
        }
        if self.held.capacity() > 4 * self.held.len() + 1024 {
            self.held.shrink_to(2 * self.held.len());
        }
    }

    fn note(&mut self, key: u128, now_ms: i64) {
        let minute = now_ms.div_euclid(BUCKET_MS);
        match self.buckets.back_mut() {
            // A clock that was set back: the last bucket is late, which only keeps its claims a little longer.
            Some((last, keys)) if *last >= minute => keys.push(key),
            _ => self.buckets.push_back((minute, vec![key])),
        }
    }
}

impl Claims for MemoryClaims {
    fn claim(&mut self, claims: &[Claim], now_ms: i64) -> Result<Vec<Option<TrackId>>, Away> {
        let expired_at = expired_at(now_ms);
        self.forget(expired_at);
        let mut answers = Vec::with_capacity(claims.len());
        for claim in claims {
            let key = self.key(&claim.service_key, &claim.message_id);
            let mine = Held { by: claim.track_id, claimed_ms: now_ms };
            let answer = match self.held.entry(key) {
                Entry::Occupied(held) if held.get().claimed_ms > expired_at => {
                    let by = held.get().by;
                    (by != claim.track_id).then_some(by)
                }
                Entry::Occupied(mut expired) => {
                    expired.insert(mine);
                    self.note(key, now_ms);
                    None
                }
                Entry::Vacant(free) => {
                    free.insert(mine);
                    self.note(key, now_ms);
                    None
                }
            };
            answers.push(answer);
        }
        Ok(answers)
    }

    fn holders(&mut self, asked: &[MessageName], now_ms: i64) -> Result<Vec<Option<TrackId>>, Away> {
        let holder = |name: &MessageName| {
            let held = self.held.get(&self.key(&name.service_key, &name.message_id));
            held.filter(|held| held.claimed_ms > expired_at(now_ms)).map(|held| held.by)
        };
        Ok(asked.iter().map(holder).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::{Api, Lane};

    #[test]
    fn memory_holds_one_day_of_claims_however_long_it_runs() {
        let mut claims = MemoryClaims::default();
        let mut most = 0;
        for minute in 0..4 * 24 * 60 {
            let now_ms = minute * BUCKET_MS;
            let api = Api { cluster: 0, lane: Lane::Mass, partition: 0, offset: minute as u64, receiver: 0 };
            let claim =
                Claim { service_key: "k".into(), message_id: minute.to_string(), track_id: TrackId::new(now_ms, api) };
            claims.claim(&[claim], now_ms).unwrap();
            most = most.max(claims.held.len());
        }
        // One claim a minute, and the minute that is just expiring.
        assert_eq!(most, 24 * 60 + 1);
        assert_eq!(claims.buckets.len(), 24 * 60 + 1);
    }
}
