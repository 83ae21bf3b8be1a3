//! Places of which nobody has more than a share.

use rustc_hash::FxHashMap;
use std::{
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

/// Who has how many places, of as many as each may have.
pub struct Shares<K: Eq + Hash> {
    most: usize,
    taken: Arc<Taken<K>>,
}

type Taken<K> = Mutex<FxHashMap<K, usize>>;

/// A place, until it is dropped.
pub struct Share<K: Eq + Hash> {
    taken: Arc<Taken<K>>,
    key: K,
}

impl<K: Eq + Hash + Clone> Shares<K> {
    /// Of so many for each, and one at least.
    pub fn of(most: usize) -> Self {
        Self { most: most.max(1), taken: Arc::default() }
    }

    /// A place for somebody who has fewer than that.
    pub fn take(&self, key: K) -> Option<Share<K>> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let places = taken.entry(key.clone()).or_default();
        if *places == self.most {
            return None;
        }
        *places += 1;
        Some(Share { taken: Arc::clone(&self.taken), key })
    }

    /// Whether nobody has any.
    #[cfg(test)]
    pub fn is_free(&self) -> bool {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

impl<K: Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = taken.get_mut(&self.key) {
            *places -= 1;
            if *places == 0 {
                taken.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_share_and_gives_it_back() {
        let shares = Shares::of(2);
        let (first, second) = (shares.take("a"), shares.take("a"));
        assert!(first.is_some() && second.is_some() && shares.take("a").is_none());
        assert!(shares.take("b").is_some(), "others have their own");
        drop(first);
        assert!(shares.take("a").is_some());
        drop(second);
        assert!(shares.is_free(), "who has none takes no room");
    }
}
