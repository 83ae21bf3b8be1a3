//! One member of a group, driven by hand.

use super::{Deadline, Fixture};
use schemas::Topic;
use std::time::Duration;
use topology::log::{Limits, LogError, Offsets, Place, Polled, Position, Record, Stream, StreamSpec};

/// Takes what is there; waits a moment, so that a loop of polls is not a busy one.
pub const SOME: Limits = Limits { records: 1000, bytes: 1 << 20, wait: Duration::from_millis(10) };

/// A stream, what it owns, and what it read and nobody took yet.
pub struct Member<'f> {
    fixture: &'f dyn Fixture,
    pub stream: Box<dyn Stream>,
    pub owned: Vec<Position>,
    pub unread: Vec<Record>,
}

impl<'f> Member<'f> {
    /// Joins, without waiting for partitions.
    pub fn join(fixture: &'f dyn Fixture, group: &str, sources: &[Topic]) -> Self {
        Self::with(fixture, group, sources, Offsets::Log)
    }

    /// Joins as a sink that keeps its offsets itself.
    pub fn sink(fixture: &'f dyn Fixture, group: &str, sources: &[Topic]) -> Self {
        Self::with(fixture, group, sources, Offsets::Sink)
    }

    fn with(fixture: &'f dyn Fixture, group: &str, sources: &[Topic], offsets: Offsets) -> Self {
        let spec = StreamSpec {
            name: group.to_owned(),
            sources: sources.to_vec(),
            offsets,
            urgent: false,
            produces: offsets == Offsets::Log,
        };
        Self { fixture, stream: fixture.log().stream(spec).unwrap(), owned: vec![], unread: vec![] }
    }

    /// Joins and waits until it owns partitions.
    pub fn settled(fixture: &'f dyn Fixture, group: &str, sources: &[Topic]) -> Self {
        let mut member = Self::join(fixture, group, sources);
        member.until_assigned();
        member
    }

    /// One poll.
    pub fn poll(&mut self, limits: Limits) -> Polled {
        let polled = self.stream.poll(limits, &mut self.unread).unwrap();
        match &polled {
            Polled::Records => {}
            Polled::Revoking => {}
            Polled::Lost => self.forget(),
            Polled::Assigned(positions) => {
                self.forget();
                self.owned.clone_from(positions);
                self.owned.sort_by_key(|position| position.place);
            }
        }
        polled
    }

    /// One poll, and the release that a revoke asks for.
    pub fn turn(&mut self) -> Polled {
        let polled = self.poll(SOME);
        if matches!(polled, Polled::Revoking) {
            self.release();
        }
        polled
    }

    /// Gives the partitions up.
    pub fn release(&mut self) {
        self.stream.release().unwrap();
        self.forget();
    }

    fn forget(&mut self) {
        self.owned.clear();
        self.unread.clear();
    }

    /// Polls until partitions are assigned.
    #[track_caller]
    pub fn until_assigned(&mut self) {
        let deadline = Deadline::of(self.fixture, "an assignment");
        while !matches!(self.poll(SOME), Polled::Assigned(_)) {
            deadline.check();
        }
    }

    /// Polls until so many records were read, and takes them. No rebalance may come between.
    #[track_caller]
    pub fn read(&mut self, count: usize) -> Vec<Record> {
        let deadline = Deadline::of(self.fixture, "records");
        while self.unread.len() < count {
            deadline.check();
            let polled = self.poll(SOME);
            assert!(matches!(polled, Polled::Records), "{polled:?} instead of records");
        }
        std::mem::take(&mut self.unread)
    }

    /// Polls a number of times and expects nothing at all.
    #[track_caller]
    pub fn reads_nothing(&mut self) {
        for _ in 0..20 {
            let polled = self.poll(SOME);
            assert!(matches!(polled, Polled::Records), "{polled:?} instead of nothing");
            assert!(self.unread.is_empty(), "{:?} instead of nothing", self.unread);
        }
    }

    /// Where it begins to read a partition that it owns.
    #[track_caller]
    pub fn start_of(&self, topic: Topic, partition: i32) -> &Position {
        let place = Place { topic, partition };
        self.owned.iter().find(|position| position.place == place).expect("an owned partition")
    }

    /// Says that a partition is done before `next`.
    pub fn commit(&mut self, topic: Topic, partition: i32, next: i64) -> Result<(), LogError> {
        self.stream.commit(&[], &[at(topic, partition, next, "")])
    }
}

/// A position.
pub fn at(topic: Topic, partition: i32, next: i64, metadata: &str) -> Position {
    Position { place: Place { topic, partition }, next, metadata: metadata.to_owned() }
}

/// The value of a record as text.
pub fn text(record: &Record) -> String {
    String::from_utf8(record.value.as_deref().unwrap_or_default().to_vec()).unwrap()
}

/// The values of records as text.
pub fn texts(records: &[Record]) -> Vec<String> {
    records.iter().map(text).collect()
}

/// Polls both until the old member is to give its partitions up, which it does not do here; the new one gets none.
#[track_caller]
pub fn until_revoking(old: &mut Member<'_>, new: &mut Member<'_>) {
    let deadline = Deadline::of(old.fixture, "a revoke");
    while !matches!(old.poll(SOME), Polled::Revoking) {
        deadline.check();
        let polled = new.poll(SOME);
        assert!(matches!(polled, Polled::Records), "{polled:?} while another member owns the partitions");
    }
}

/// Turns all members until each owns as many partitions as told.
#[track_caller]
pub fn settle(members: &mut [&mut Member<'_>], partitions: &[usize]) {
    let deadline = Deadline::of(members[0].fixture, "all members to settle");
    while members.iter().map(|member| member.owned.len()).ne(partitions.iter().copied()) {
        deadline.check();
        for member in members.iter_mut() {
            member.turn();
        }
    }
}
