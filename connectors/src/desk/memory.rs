//! Answers by key in memory: a restart forgets them, and then a repeated request is written again, to be found a duplicate
//! of its message_id.

use super::Repeat;
use processors::access::{Begun, End, KEPT, Kept, RepeatKey};
use processors::rest::rests;
use rustc_hash::FxHashMap;
use std::{collections::VecDeque, time::Duration};

/// Bytes of answers at most; beyond, the oldest go.
const MOST_BYTES: usize = 64 << 20;
/// What an entry takes besides its value: key, map, queue.
const ENTRY_BYTES: usize = 160;

/// Entries of the queue that may stand for nothing, besides as many as are held.
const SLACK: usize = 1024;

/// Answers by key.
#[derive(Debug, Default)]
pub struct MemoryRepeats {
    held: FxHashMap<RepeatKey, Held>,
    /// Keys by when they were noted, oldest first, with the number of the note; those that were noted again or left stand
    /// there until they are the oldest or as many as those that are held.
    order: VecDeque<(i64, u64, RepeatKey)>,
    bytes: usize,
    notes: u64,
}

#[derive(Debug)]
struct Held {
    value: Vec<u8>,
    until_ms: i64,
    note: u64,
}

impl MemoryRepeats {
    /// What a request is told that has begun before.
    pub fn known(&self, repeat: &Repeat, now_ms: i64) -> Option<Begun> {
        let held = self.held.get(&repeat.key).filter(|held| rests(held.until_ms, KEPT.as_millis() as i64, now_ms))?;
        Some(Kept::of_bytes(&held.value)?.tells(repeat.contents, repeat.mark))
    }

    /// Begins a request: it is under way for so long at most.
    pub fn begin(&mut self, repeat: &Repeat, lease: Duration, now_ms: i64) -> Begun {
        if let Some(known) = self.known(repeat, now_ms) {
            return known;
        }
        let under_way = Kept { contents: repeat.contents, end: End::UnderWay(repeat.mark) };
        self.note(repeat.key, under_way.to_bytes(), now_ms, lease);
        Begun::First
    }

    /// Keeps its answer.
    pub fn answer(&mut self, repeat: &Repeat, answer: &[u8], now_ms: i64) {
        if self.is_mine(repeat) {
            let answered = Kept { contents: repeat.contents, end: End::Answered(answer) };
            self.note(repeat.key, answered.to_bytes(), now_ms, KEPT);
        }
    }

    /// Forgets it.
    pub fn leave(&mut self, repeat: &Repeat) {
        if self.is_mine(repeat) {
            self.remove(&repeat.key);
        }
    }

    /// Whether nobody else has taken the key over since it began.
    fn is_mine(&self, repeat: &Repeat) -> bool {
        let kept = self.held.get(&repeat.key).and_then(|held| Kept::of_bytes(&held.value));
        kept.is_none_or(|kept| kept.end == End::UnderWay(repeat.mark))
    }

    fn note(&mut self, key: RepeatKey, value: Vec<u8>, now_ms: i64, kept: Duration) {
        self.remove(&key);
        self.bytes += value.len() + ENTRY_BYTES;
        let until_ms = now_ms + kept.as_millis() as i64;
        self.notes += 1;
        self.held.insert(key, Held { value, until_ms, note: self.notes });
        self.order.push_back((now_ms, self.notes, key));
        if self.order.len() > 2 * self.held.len() + SLACK {
            let Self { held, order, .. } = self;
            order.retain(|(_, note, key)| held.get(key).is_some_and(|held| held.note == *note));
        }
        while let Some((noted_ms, note, oldest)) = self.order.front().copied()
            && (noted_ms + KEPT.as_millis() as i64 <= now_ms || self.bytes > MOST_BYTES)
        {
            self.order.pop_front();
            // One that was noted again stands further behind.
            if self.held.get(&oldest).is_some_and(|held| held.note == note) {
                self.remove(&oldest);
            }
        }
    }

    fn remove(&mut self, key: &RepeatKey) {
        if let Some(held) = self.held.remove(key) {
            self.bytes -= held.value.len() + ENTRY_BYTES;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use processors::access::Contents;

    fn repeat(n: u32) -> Repeat {
        let mut key = [0; 32];
        key[..4].copy_from_slice(&n.to_be_bytes());
        Repeat { key: RepeatKey(key), contents: Contents([1; 32]), mark: [1; 16] }
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_go() {
        let (mut repeats, lease) = (MemoryRepeats::default(), Duration::from_secs(5));
        let answer = vec![b'a'; 1 << 20];
        for n in 0..200 {
            repeats.begin(&repeat(n), lease, i64::from(n));
            repeats.answer(&repeat(n), &answer, i64::from(n));
            assert!(repeats.bytes <= MOST_BYTES + answer.len() + 1024, "{}", repeats.bytes);
        }
        assert_eq!(repeats.begin(&repeat(0), lease, 200), Begun::First, "forgotten");
        assert_eq!(repeats.begin(&repeat(199), lease, 200), Begun::Same(answer));
    }

    #[test]
    fn what_came_to_nothing_takes_no_room() {
        let (mut repeats, lease) = (MemoryRepeats::default(), Duration::from_secs(5));
        for n in 0..100 {
            repeats.begin(&repeat(n), lease, 0);
            repeats.answer(&repeat(n), b"{}", 0);
        }
        for n in 100..100_000 {
            repeats.begin(&repeat(n), lease, 1);
            repeats.leave(&repeat(n));
            assert!(repeats.order.len() <= 2 * 101 + SLACK, "{}", repeats.order.len());
        }
        let kept = (0..100).all(|n| repeats.begin(&repeat(n), lease, 2) == Begun::Same(b"{}".to_vec()));
        assert!(kept, "what was answered is kept");
    }

    #[test]
    fn nothing_is_left_of_what_is_a_day_old() {
        let (mut repeats, lease, day) = (MemoryRepeats::default(), Duration::from_secs(5), KEPT.as_millis() as i64);
        for n in 0..100 {
            repeats.begin(&repeat(n), lease, 0);
            repeats.answer(&repeat(n), b"{}", 1);
        }
        repeats.begin(&repeat(100), lease, day + 1);
        assert_eq!((repeats.held.len(), repeats.order.len()), (1, 1));
        assert_eq!(repeats.bytes, repeats.held[&repeat(100).key].value.len() + ENTRY_BYTES);
    }
}
