//! Places of which nobody has more than a share.

use rustc_hash::FxHashMap;
use std::{
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// So many places, and who has how many of them.
pub struct Shares<K: Eq + Hash> {
    all: usize,
    each: usize,
    taken: Arc<Mutex<Taken<K>>>,
}

struct Taken<K> {
    all: usize,
    of: FxHashMap<K, usize>,
}

/// A place, until it is dropped.
pub struct Share<K: Eq + Hash> {
    taken: Arc<Mutex<Taken<K>>>,
    key: K,
}

impl<K: Eq + Hash + Clone> Shares<K> {
    /// So many in all, and so many for each, one at least.
    pub fn of(all: usize, each: usize) -> Self {
        Self { all, each: each.max(1), taken: Arc::new(Mutex::new(Taken { all: 0, of: FxHashMap::default() })) }
    }

    /// So many in all, and half of them for each.
    pub fn half(all: usize) -> Self {
        Self::of(all, all.div_ceil(2))
    }

    /// A place for somebody who has fewer than his share, if there is one.
    pub fn take(&self, key: K) -> Option<Share<K>> {
        let mut taken = locked(&self.taken);
        let own = taken.of.get(&key).copied().unwrap_or(0);
        if taken.all == self.all || own == self.each {
            return None;
        }
        taken.all += 1;
        taken.of.insert(key.clone(), own + 1);
        Some(Share { taken: Arc::clone(&self.taken), key })
    }

    /// How many are taken.
    #[cfg(test)]
    pub fn taken(&self) -> usize {
        locked(&self.taken).all
    }
}

impl<K: Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        let mut taken = locked(&self.taken);
        taken.all -= 1;
        if let Some(own) = taken.of.get_mut(&self.key) {
            *own -= 1;
            if *own == 0 {
                taken.of.remove(&self.key);
            }
        }
    }
}

fn locked<K>(taken: &Mutex<Taken<K>>) -> MutexGuard<'_, Taken<K>> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_share_and_gives_it_back() {
        let shares = Shares::of(3, 2);
        let (first, second) = (shares.take("a"), shares.take("a"));
        assert!(first.is_some() && second.is_some() && shares.take("a").is_none());
        let third = shares.take("b");
        assert!(third.is_some() && shares.take("c").is_none(), "there are no more");
        drop(first);
        assert!(shares.take("a").is_some());
        drop((second, third));
        assert!(shares.taken() == 0 && locked(&shares.taken).of.is_empty(), "who has none takes no room");
    }
}
