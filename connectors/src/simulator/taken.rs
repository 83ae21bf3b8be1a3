//! Which serial numbers were taken: the memory behind the refusal of duplicates.

use rustc_hash::{FxHashSet, FxHasher};
use std::hash::{Hash, Hasher};

/// Serial numbers of one generation; two are kept, 16 MB at most. Vendors forget after a while too.
const GENERATION: usize = 500_000;

/// A bounded memory of hashes: of a million, two agree by chance once in 30 million runs.
#[derive(Debug, Default)]
pub struct Taken {
    newer: FxHashSet<u64>,
    older: FxHashSet<u64>,
}

impl Taken {
    /// Whether a vendor has taken this serial number.
    pub fn contains(&self, vendor: &str, serial_number: &str) -> bool {
        let hash = hash(vendor, serial_number);
        self.newer.contains(&hash) || self.older.contains(&hash)
    }

    /// Remembers a serial number.
    pub fn insert(&mut self, vendor: &str, serial_number: &str) {
        let hash = hash(vendor, serial_number);
        if self.newer.len() >= GENERATION {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(hash);
    }
}

fn hash(vendor: &str, serial_number: &str) -> u64 {
    let mut hasher = FxHasher::default();
    (vendor, serial_number).hash(&mut hasher);
    hasher.finish()
}
