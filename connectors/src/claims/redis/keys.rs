//! Keys and values of claims, as small as Redis lets them be: 20 bytes and 24, one size class of its allocator each.
//!
//! They outlive the program that wrote them: what is told here can never change without losing a day of claims.

use crate::redis::{SLOTS, slot_of};
use aws_lc_rs::digest::{SHA256, digest};
use schemas::TrackId;

/// Parts that claims are spread over. All keys of a part share a slot of a cluster, and so the part's count of batches
/// does: whatever loses the one loses the other. Enough for a cluster of ten masters to be loaded evenly.
pub(super) const PARTS: usize = 32;
/// Bytes of a claim's key: `c{tt}` and 15 bytes of hash.
const KEY_BYTES: usize = 20;
const TAG: std::ops::Range<usize> = 1..5;

/// The key of a claim.
pub(super) type Key = [u8; KEY_BYTES];

/// The keys of one deployment.
#[derive(Debug)]
pub(super) struct Keys {
    parts: Vec<Part>,
    /// What is hashed begins with the deployment: two of them may share a Redis and number their records alike.
    hashed: Vec<u8>,
    begin: usize,
}

/// A part of the claims.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) slot: u16,
    tag: [u8; 4],
    /// Counts the batches that asked this part.
    pub(super) count: Vec<u8>,
}

impl Keys {
    pub(super) fn of(deployment: &str) -> Self {
        let part = |number: usize| {
            let (tag, slot) = tag(number);
            let count = [b"n", tag.as_slice(), deployment.as_bytes()].concat();
            Part { slot, tag, count }
        };
        let hashed = digest(&SHA256, deployment.as_bytes()).as_ref()[..16].to_vec();
        Self { parts: (0..PARTS).map(part).collect(), begin: hashed.len(), hashed }
    }

    pub(super) fn part(&self, number: usize) -> &Part {
        &self.parts[number]
    }

    /// Says when claims were found lost; in the first part, wherever it was found.
    pub(super) fn lost(&self, deployment: &str) -> Vec<u8> {
        [b"l", self.parts[0].tag.as_slice(), deployment.as_bytes()].concat()
    }

    /// The key of a claim and its part. 120 bits of SHA-256 stand for an id: no two ids meet, by chance or by design.
    pub(super) fn key(&mut self, service_key: &str, message_id: &str) -> (Key, usize) {
        self.hashed.truncate(self.begin);
        self.hashed.extend_from_slice(&(service_key.len() as u32).to_be_bytes());
        self.hashed.extend_from_slice(service_key.as_bytes());
        self.hashed.extend_from_slice(message_id.as_bytes());
        let hash = digest(&SHA256, &self.hashed);
        let hash = hash.as_ref();
        let part = usize::from(hash[31]) % PARTS;
        let mut key = [b'c'; KEY_BYTES];
        key[TAG].copy_from_slice(&self.parts[part].tag);
        key[TAG.end..].copy_from_slice(&hash[..KEY_BYTES - TAG.end]);
        (key, part)
    }
}

/// The tag of a part and its slot: the first pair of letters and digits whose slot lies in the part's share of all
/// slots, so that nodes that have an even share of the slots have an even share of the parts.
fn tag(number: usize) -> ([u8; 4], u16) {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let share = usize::from(SLOTS) / PARTS;
    let tags = LETTERS.iter().flat_map(|&first| LETTERS.iter().map(move |&second| [b'{', first, second, b'}']));
    let mut with_slots = tags.map(|tag| (tag, slot_of(&tag)));
    with_slots.find(|(_, slot)| usize::from(*slot) / share == number).expect("a tag for each part, as a test shows")
}

/// Who claimed, and when by the clock of ingest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) by: TrackId,
    pub(super) claimed_ms: i64,
}

impl Held {
    pub(super) fn to_bytes(self) -> [u8; 24] {
        let mut bytes = [0; 24];
        bytes[..16].copy_from_slice(&self.by.as_u128().to_be_bytes());
        bytes[16..].copy_from_slice(&self.claimed_ms.to_be_bytes());
        bytes
    }

    /// None: no claim of ours.
    pub(super) fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let (by, claimed_ms) = bytes.split_first_chunk()?;
        Some(Self {
            by: TrackId::from_u128(u128::from_be_bytes(*by)),
            claimed_ms: i64::from_be_bytes(claimed_ms.try_into().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_what_they_are_for_ever() {
        let (key, part) = Keys::of("ims").key("k", "m");
        let hash: String = key[5..].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((&key[..5], hash.as_str(), part), (b"c{bb}".as_slice(), "21da97eb8d0310fb6e19fcd3fa0789", 16));
        let held = Held { by: TrackId::from_u128(7 << 100 | 9), claimed_ms: 1_772_377_199_999 };
        assert_eq!(Held::of_bytes(&held.to_bytes()), Some(held));
        assert_eq!(Held::of_bytes(b"12"), None);
    }

    #[test]
    fn parts_lie_evenly_in_the_slots_of_a_cluster() {
        let keys = Keys::of("ims");
        for (number, part) in keys.parts.iter().enumerate() {
            assert_eq!(usize::from(part.slot) / (usize::from(SLOTS) / PARTS), number);
            assert_eq!(slot_of(&part.count), part.slot);
        }
        let mut keys = Keys::of("ims");
        for number in 0..100 {
            let (key, part) = keys.key("k", &number.to_string());
            assert_eq!(slot_of(&key), keys.part(part).slot);
        }
    }

    #[test]
    fn every_part_of_an_id_counts() {
        let key =
            |deployment: &str, service_key: &str, message_id: &str| Keys::of(deployment).key(service_key, message_id).0;
        let keys = [key("a", "k", "mm"), key("b", "k", "mm"), key("a", "km", "m"), key("a", "k", "mM")];
        assert!(keys.iter().enumerate().all(|(at, key)| !keys[..at].contains(key)));
    }
}
