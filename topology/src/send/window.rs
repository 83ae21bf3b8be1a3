//! Which records beyond the committed offset are untouched, started or done: the only type that says what may be
//! committed. It travels in the commit's metadata, two bits an offset, so that the next owner of the partition knows
//! what may have left.

use crate::log::METADATA_LIMIT;
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use std::collections::VecDeque;

/// Offsets that a window can tell apart: 3,000 bytes, 4,000 characters of Base64 below the broker's 4,096.
pub const CAPACITY: usize = 12_000;

/// First character of the metadata; another layout takes another one.
const VERSION: char = '1';

const _: () = assert!(VERSION.len_utf8() + (CAPACITY / 4).div_ceil(3) * 4 <= METADATA_LIMIT);

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Mark {
    /// No request has left.
    Untouched = 0,
    /// A request may have left.
    Started = 1,
    /// Its result is in the log, or it needs none.
    Done = 2,
}

/// Metadata that no sender wrote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the committed metadata is not a sender's ({reason}): another program committed for this group. Which requests \
     were in flight is lost; look at the vendor's log, then commit the offset again without metadata"
)]
pub struct NotAWindow {
    reason: &'static str,
}

/// The window of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Everything before is done: the offset to commit.
    base: i64,
    /// The next offset that was not yet read.
    next: i64,
    /// From `base` on, as far as anything is known.
    marks: VecDeque<Mark>,
}

impl Window {
    /// The window that a commit describes. Records are read again from its base on.
    pub fn restore(base: i64, metadata: &str) -> Result<Self, NotAWindow> {
        let refused = |reason| NotAWindow { reason };
        let mut marks = VecDeque::new();
        if !metadata.is_empty() {
            let text = metadata.strip_prefix(VERSION).ok_or(refused("it begins with no known version"))?;
            let bytes = BASE64.decode(text).map_err(|_| refused("it is not Base64"))?;
            for byte in bytes {
                for shift in [0, 2, 4, 6] {
                    marks.push_back(match byte >> shift & 0b11 {
                        0 => Mark::Untouched,
                        1 => Mark::Started,
                        2 => Mark::Done,
                        _ => return Err(refused("it holds a mark that does not exist")),
                    });
                }
            }
            if marks.len() > CAPACITY {
                return Err(refused("it is too long"));
            }
        }
        let mut this = Self { base, next: base, marks };
        this.advance();
        Ok(this)
    }

    /// Takes the record read next and says what is known of it. None: the window is full, the record must be read
    /// again when it has moved. Offsets passed over hold no records (transaction markers, aborted ones): they are done.
    pub fn take(&mut self, offset: i64) -> Option<Mark> {
        if offset < self.base {
            return Some(Mark::Done);
        }
        if self.is_empty() && self.index(offset) >= CAPACITY {
            // Nothing is open: a passage without records, of any length, is simply passed.
            self.marks.clear();
            (self.base, self.next) = (offset, offset);
        }
        let index = self.index(offset);
        if index >= CAPACITY {
            return None;
        }
        while self.marks.len() <= index {
            self.marks.push_back(Mark::Untouched);
        }
        for passed in self.index(self.next.max(self.base))..index {
            self.marks[passed] = Mark::Done;
        }
        self.next = self.next.max(offset + 1);
        let mark = self.marks[index];
        self.advance();
        Some(mark)
    }

    /// A request for this record is about to leave.
    pub fn start(&mut self, offset: i64) {
        self.set(offset, Mark::Started);
    }

    /// The request did not leave after all.
    pub fn untouch(&mut self, offset: i64) {
        self.set(offset, Mark::Untouched);
    }

    /// The record's result goes into the transaction that commits this window.
    pub fn done(&mut self, offset: i64) {
        self.set(offset, Mark::Done);
        self.advance();
    }

    /// Whether a record that was refused can be read again without being refused at once.
    pub fn has_room_for(&self, offset: i64) -> bool {
        self.is_empty() || self.index(offset) < CAPACITY / 2
    }

    /// What is known of an offset.
    pub fn mark(&self, offset: i64) -> Mark {
        if offset < self.base {
            return Mark::Done;
        }
        self.marks.get(self.index(offset)).copied().unwrap_or(Mark::Untouched)
    }

    /// The offset to commit: no record before it is undone.
    pub fn base(&self) -> i64 {
        self.base
    }

    /// The next offset to be read.
    pub fn next(&self) -> i64 {
        self.next
    }

    /// Offsets between the committed one and the next to be read.
    pub fn len(&self) -> usize {
        usize::try_from(self.next - self.base).unwrap_or(0)
    }

    /// Records that are read and not done, less those that are done and not read: a window that was restored knows some
    /// that are read again.
    pub fn undone(&self) -> i64 {
        (self.next - self.base) - self.marks.iter().filter(|mark| **mark == Mark::Done).count() as i64
    }

    /// Whether every record read is done.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What to commit beside the base: nothing when nothing beyond it was touched.
    pub fn metadata(&self) -> String {
        let Some(last) = self.marks.iter().rposition(|mark| *mark != Mark::Untouched) else { return String::new() };
        let mut bytes = vec![0u8; last / 4 + 1];
        for (index, mark) in self.marks.iter().take(last + 1).enumerate() {
            bytes[index / 4] |= (*mark as u8) << (index % 4 * 2);
        }
        let mut text = String::with_capacity(1 + bytes.len().div_ceil(3) * 4);
        text.push(VERSION);
        BASE64.encode_string(bytes, &mut text);
        text
    }

    fn set(&mut self, offset: i64, mark: Mark) {
        if offset >= self.base
            && let index = self.index(offset)
            && let Some(known) = self.marks.get_mut(index)
        {
            *known = mark;
        }
    }

    fn advance(&mut self) {
        while self.marks.front() == Some(&Mark::Done) {
            self.marks.pop_front();
            self.base += 1;
        }
        self.next = self.next.max(self.base);
    }

    fn index(&self, offset: i64) -> usize {
        usize::try_from(offset - self.base).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[derive(Debug, Clone)]
    enum Step {
        /// Reads a record after a gap of so many offsets.
        Read(i64),
        /// Marks one of the records read, counted from the oldest.
        Start(usize),
        Done(usize),
        /// The process dies and the next owner restores what was committed.
        Crash,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => (0i64..3).prop_map(Step::Read),
            3 => any::<usize>().prop_map(Step::Start),
            4 => any::<usize>().prop_map(Step::Done),
            1 => Just(Step::Crash),
        ]
    }

    #[test]
    fn what_is_read_is_undone_until_it_is_done_and_what_was_done_is_not_undone_when_it_is_read_again() {
        let mut window = Window::restore(100, "").unwrap();
        assert!((100..110).all(|offset| window.take(offset).is_some()));
        (101..105).for_each(|offset| window.done(offset));
        assert_eq!((window.base(), window.undone()), (100, 6));
        let mut restored = Window::restore(window.base(), &window.metadata()).unwrap();
        let unread = 10;
        assert_eq!(unread + restored.undone(), 6);
        assert!((100..103).all(|offset| restored.take(offset).is_some()));
        assert_eq!(unread - 3 + restored.undone(), 6);
        window.done(100);
        assert_eq!((window.base(), window.undone()), (105, 5));
    }

    proptest! {
        #[test]
        fn a_commit_never_passes_an_undone_record_and_no_mark_is_lost(
            base in 0i64..1_000, steps in prop::collection::vec(step(), 0..200),
        ) {
            let mut window = Window::restore(base, "").unwrap();
            let mut model: BTreeMap<i64, Mark> = BTreeMap::new();
            let mut log_end = base;
            for step in steps {
                match step {
                    Step::Read(gap) => {
                        log_end += gap;
                        prop_assert_eq!(window.take(log_end), Some(Mark::Untouched));
                        model.insert(log_end, Mark::Untouched);
                        log_end += 1;
                    }
                    Step::Start(n) | Step::Done(n) if !model.is_empty() => {
                        let offset = *model.keys().nth(n % model.len()).unwrap();
                        if model[&offset] == Mark::Done {
                            continue;
                        }
                        let mark = if matches!(step, Step::Start(_)) { Mark::Started } else { Mark::Done };
                        if mark == Mark::Done { window.done(offset) } else { window.start(offset) }
                        model.insert(offset, mark);
                    }
                    Step::Start(_) | Step::Done(_) => {}
                    Step::Crash => {
                        window = Window::restore(window.base(), &window.metadata()).unwrap();
                        for (&offset, &mark) in &model {
                            prop_assert_eq!(window.take(offset), Some(mark), "offset {}", offset);
                        }
                    }
                }
                let undone = model.iter().find(|(_, mark)| **mark != Mark::Done).map(|(offset, _)| *offset);
                prop_assert!(undone.is_none_or(|offset| window.base() <= offset));
                prop_assert!(window.base() <= window.next() && window.next() <= log_end);
                if undone.is_none() {
                    prop_assert!(window.is_empty(), "all is done and {} offsets are open", window.len());
                }
            }
        }

        #[test]
        fn metadata_fits_a_commit_and_comes_back_as_it_was(
            marks in prop::collection::vec(0u8..3, 0..CAPACITY), base in 0i64..1 << 40,
        ) {
            let mut window = Window::restore(base, "").unwrap();
            for (offset, mark) in (base..).zip(&marks) {
                window.take(offset);
                match mark {
                    1 => window.start(offset),
                    2 => window.done(offset),
                    _ => {}
                }
            }
            let metadata = window.metadata();
            prop_assert!(metadata.len() <= METADATA_LIMIT);
            let restored = Window::restore(window.base(), &metadata).unwrap();
            for offset in base..base + marks.len() as i64 {
                prop_assert_eq!(restored.mark(offset), window.mark(offset), "offset {}", offset);
            }
        }

        #[test]
        fn foreign_metadata_is_refused_and_never_panics(metadata in "(.{1,60}|1[A-Za-z0-9+/]{1,60})") {
            if let Ok(window) = Window::restore(7, &metadata) {
                prop_assert!(metadata.starts_with(VERSION));
                prop_assert!(window.base() >= 7);
            }
        }
    }

    #[test]
    fn a_full_window_takes_no_record_until_its_oldest_is_done() {
        let mut window = Window::restore(0, "").unwrap();
        for offset in 0..CAPACITY as i64 {
            assert_eq!(window.take(offset), Some(Mark::Untouched));
            if offset > 0 {
                window.done(offset);
            }
        }
        let beyond = CAPACITY as i64;
        assert_eq!(window.take(beyond), None);
        assert_eq!(window.next(), beyond, "it is to be read again");
        assert!(window.metadata().len() <= METADATA_LIMIT);
        window.done(0);
        assert_eq!(window.base(), beyond);
        assert_eq!(window.take(beyond), Some(Mark::Untouched));
    }

    #[test]
    fn a_gap_longer_than_the_window_waits_for_the_record_before_it() {
        let mut window = Window::restore(0, "").unwrap();
        window.take(0);
        window.start(0);
        let after = 5_000_000;
        assert_eq!(window.take(after), None);
        window.done(0);
        assert_eq!(window.base(), 1);
        assert_eq!(window.take(after), Some(Mark::Untouched));
        assert_eq!(window.base(), after);
    }

    #[test]
    fn what_was_started_is_in_doubt_for_the_next_owner_and_what_is_done_is_skipped() {
        let mut window = Window::restore(10, "").unwrap();
        for offset in 10..14 {
            window.take(offset);
        }
        window.start(10);
        window.start(11);
        window.done(12);
        let mut next = Window::restore(window.base(), &window.metadata()).unwrap();
        assert_eq!(next.base(), 10);
        let found: Vec<_> = (10..14).map(|offset| next.take(offset).unwrap()).collect();
        assert_eq!(found, [Mark::Started, Mark::Started, Mark::Done, Mark::Untouched]);
    }
}
