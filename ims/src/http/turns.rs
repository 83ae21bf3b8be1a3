//! A queue in which each customer has its own turn: what one asks for waits behind its own, and behind one of each other.

use rustc_hash::FxHashMap;
use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

/// What waits, by whose it is.
pub struct Turns<Q> {
    /// Of all, and of one.
    most: (usize, usize),
    /// Of one at a time.
    together: usize,
    waiting: Mutex<Waiting<Q>>,
    there: Condvar,
}

struct Waiting<Q> {
    of: FxHashMap<Arc<str>, Own<Q>>,
    /// Who comes next.
    order: VecDeque<Arc<str>>,
    all: usize,
    closed: bool,
}

/// What is one's.
struct Own<Q> {
    waits: VecDeque<Q>,
    /// Taken and not done.
    under_way: usize,
    /// Whether it stands in the order.
    in_order: bool,
}

/// Something taken; until it is dropped it counts as under way.
pub struct Turn<'t, Q> {
    turns: &'t Turns<Q>,
    whose: Arc<str>,
}

impl<Q> Turns<Q> {
    /// So many may wait, half of them one's; of one so many are under way at a time.
    pub fn new(most: usize, together: usize) -> Self {
        let waiting = Waiting { of: FxHashMap::default(), order: VecDeque::new(), all: 0, closed: false };
        Self { most: (most, most.div_ceil(2)), together, waiting: Mutex::new(waiting), there: Condvar::new() }
    }

    /// Queues behind what else is somebody's; false: too much waits.
    pub fn put(&self, whose: &Arc<str>, what: Q) -> bool {
        let mut waiting = self.lock();
        let (all, of_one) = self.most;
        if waiting.all == all || waiting.of.get(whose).is_some_and(|own| own.waits.len() == of_one) {
            return false;
        }
        waiting.all += 1;
        let nothing = || Own { waits: VecDeque::new(), under_way: 0, in_order: false };
        waiting.of.entry(Arc::clone(whose)).or_insert_with(nothing).waits.push_back(what);
        self.line_up(&mut waiting, whose);
        true
    }

    /// Waits for what comes next; None: nothing more comes.
    pub fn next(&self) -> Option<(Q, Turn<'_, Q>)> {
        let mut waiting = self.lock();
        loop {
            if waiting.closed {
                return None;
            }
            if let Some(whose) = waiting.order.pop_front()
                && let Some(own) = waiting.of.get_mut(&whose)
            {
                own.in_order = false;
                if let Some(what) = own.waits.pop_front() {
                    own.under_way += 1;
                    waiting.all -= 1;
                    self.line_up(&mut waiting, &whose);
                    return Some((what, Turn { turns: self, whose }));
                }
            }
            waiting = self.there.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Nothing more is taken.
    pub fn close(&self) {
        self.lock().closed = true;
        self.there.notify_all();
    }

    /// Puts somebody into the order who has something to wait for and may have more under way.
    fn line_up(&self, waiting: &mut Waiting<Q>, whose: &Arc<str>) {
        let Some(own) = waiting.of.get_mut(whose) else { return };
        if own.waits.is_empty() && own.under_way == 0 {
            waiting.of.remove(whose);
        } else if !own.waits.is_empty() && !own.in_order && own.under_way < self.together {
            own.in_order = true;
            waiting.order.push_back(Arc::clone(whose));
            self.there.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<Q>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Q> Drop for Turn<'_, Q> {
    fn drop(&mut self) {
        let mut waiting = self.turns.lock();
        if let Some(own) = waiting.of.get_mut(&self.whose) {
            own.under_way -= 1;
        }
        self.turns.line_up(&mut waiting, &self.whose);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(turns: &Turns<u32>, whose: &str, what: u32) -> bool {
        turns.put(&whose.into(), what)
    }

    #[test]
    fn each_has_its_turn_however_much_one_asks_for() {
        let turns = Turns::new(8, 1);
        assert_eq!(
            [1, 2, 3, 4, 5].map(|what| put(&turns, "a", what)),
            [true, true, true, true, false],
            "half is one's"
        );
        assert!(put(&turns, "b", 6) && put(&turns, "c", 7) && put(&turns, "c", 8));
        assert!(put(&turns, "d", 9) && !put(&turns, "e", 10), "no more wait");
        let order: Vec<u32> = (0..8).filter_map(|_| turns.next().map(|(what, _turn)| what)).collect();
        assert_eq!(order, [1, 6, 7, 9, 2, 8, 3, 4]);
        assert!(turns.lock().of.is_empty() && turns.lock().all == 0, "who waits for nothing takes no room");
    }

    #[test]
    fn one_has_no_more_under_way_than_its_share() {
        let turns = Turns::new(8, 2);
        for what in 1..=4 {
            assert!(put(&turns, "a", what));
        }
        let (first, second) = (turns.next().unwrap(), turns.next().unwrap());
        assert_eq!((first.0, second.0), (1, 2));
        assert!(put(&turns, "b", 5));
        assert_eq!(turns.next().unwrap().0, 5, "the third of a waits until one is done");
        drop(second);
        assert_eq!(turns.next().unwrap().0, 3);
        turns.close();
        assert!(turns.next().is_none());
    }
}
