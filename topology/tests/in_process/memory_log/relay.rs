//! Whatever happens to its members, a group relays each record once.

use super::{Memory, SESSION};
use crate::log_contract::member::{Member, at, text};
use crate::log_contract::{Fixture, append, committed, outgoing};
use proptest::prelude::*;
use schemas::Topic;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use topology::driver::ManualClock;
use topology::log::memory::{Call, When};
use topology::log::{Limits, Log, LogError, Offsets, Place, Polled, Position, Record, Stream, StreamSpec};

const STREAM: &str = "router-MASS";
const PARTITIONS: i32 = 3;
const RECORDS: usize = 60;

/// One thing that can happen.
#[derive(Debug, Clone)]
enum Event {
    Poll(usize),
    Commit(usize),
    Join,
    Leave(usize),
    Expel(usize),
    Rebalance,
    Fail(When),
    Pass(Duration),
}

fn event() -> impl Strategy<Value = Event> {
    let member = 0..4_usize;
    prop_oneof![
        12 => member.clone().prop_map(Event::Poll),
        8 => member.clone().prop_map(Event::Commit),
        1 => Just(Event::Join),
        1 => member.clone().prop_map(Event::Leave),
        1 => member.prop_map(Event::Expel),
        1 => Just(Event::Rebalance),
        1 => prop_oneof![Just(When::Before), Just(When::After)].prop_map(Event::Fail),
        1 => (0..2 * SESSION.as_millis() as u64).prop_map(|ms| Event::Pass(Duration::from_millis(ms))),
    ]
}

/// A relay: what it read and did not commit yet.
struct Relay {
    stream: Box<dyn Stream>,
    target: Topic,
    held: Vec<Record>,
}

impl Relay {
    fn join(log: &dyn Log, source: Topic, target: Topic) -> Self {
        let spec = StreamSpec {
            name: STREAM.to_owned(),
            sources: vec![source],
            offsets: Offsets::Log,
            urgent: false,
            produces: true,
        };
        Self { stream: log.stream(spec).unwrap(), target, held: vec![] }
    }

    /// Takes a few records on top of what is held.
    fn poll(&mut self, wait: Duration) {
        match self.stream.poll(Limits { records: 7, bytes: 1 << 20, wait }, &mut self.held).unwrap() {
            Polled::Records => {}
            Polled::Assigned(_) | Polled::Lost => self.held.clear(),
            Polled::Revoking => {
                self.commit();
                self.stream.release().unwrap();
                self.held.clear();
            }
        }
    }

    fn commit(&mut self) {
        let relayed = |record: &Record| outgoing(self.target, record.place.partition, &text(record));
        let outputs: Vec<_> = self.held.iter().map(relayed).collect();
        let mut next: BTreeMap<Place, i64> = BTreeMap::new();
        next.extend(self.held.iter().map(|record| (record.place, record.offset + 1)));
        let positions: Vec<Position> =
            next.into_iter().map(|(place, next)| at(place.topic, place.partition, next, "")).collect();
        match self.stream.commit(&outputs, &positions) {
            Ok(()) | Err(LogError::Rewound(_)) => self.held.clear(),
            Err(error) => panic!("{error}"),
        }
    }
}

fn values(count: usize) -> Vec<String> {
    (0..count).map(|n| n.to_string()).collect()
}

proptest! {
    #[test]
    fn whatever_happens_each_record_is_relayed_once(events in prop::collection::vec(event(), 0..200)) {
        let clock = ManualClock::at(0);
        let memory = Memory::new(clock.clone(), u64::MAX);
        let (source, target) = (memory.topic(PARTITIONS), memory.topic(PARTITIONS));
        let values = values(RECORDS);
        for partition in 0..PARTITIONS {
            append(&memory, source, partition, &values.iter().map(String::as_str).collect::<Vec<_>>());
        }
        let mut relays = vec![Relay::join(&memory.log, source, target)];
        let faults = memory.log.faults();
        for event in events {
            let count = relays.len();
            match event {
                Event::Poll(nth) => relays[nth % count].poll(Duration::ZERO),
                Event::Commit(nth) => relays[nth % count].commit(),
                Event::Join if count < 4 => relays.push(Relay::join(&memory.log, source, target)),
                Event::Leave(nth) if count > 1 => drop(relays.remove(nth % count)),
                Event::Join | Event::Leave(_) => {}
                Event::Expel(nth) => { faults.expel(STREAM, nth); }
                Event::Rebalance => faults.rebalance(STREAM),
                Event::Fail(when) => faults.fail(STREAM, Call::Commit, 1, when),
                Event::Pass(time) => clock.advance(time),
            }
        }
        // Enough rounds for three members to settle and read 180 records by sevens, faults that are left over included.
        for _ in 0..300 {
            for relay in &mut relays {
                relay.poll(Duration::ZERO);
                relay.commit();
            }
        }
        for partition in 0..PARTITIONS {
            prop_assert_eq!(committed(&memory, target, partition), values.clone());
        }
    }
}

#[test]
fn members_on_threads_come_and_go_and_each_record_is_relayed_once() {
    let memory = Memory::default();
    let (source, target) = (memory.topic(PARTITIONS), memory.topic(PARTITIONS));
    let values = values(5_000);
    let done = AtomicBool::new(false);
    let relay = |turns: usize| {
        while !done.load(Ordering::Relaxed) {
            let mut relay = Relay::join(&memory.log, source, target);
            for _ in 0..turns {
                relay.poll(Duration::from_millis(1));
                relay.commit();
            }
        }
    };
    std::thread::scope(|scope| {
        for turns in [20, 50, 90] {
            let relay = &relay;
            scope.spawn(move || relay(turns));
        }
        for value in &values {
            for partition in 0..PARTITIONS {
                append(&memory, source, partition, &[value]);
            }
        }
        let mut watcher = memory.log.reader().unwrap();
        let deadline = crate::log_contract::Deadline::of(&memory, "all records");
        let mut all = |partition| watcher.bounds(Place { topic: target, partition }).unwrap().1 >= values.len() as i64;
        while !(0..PARTITIONS).all(&mut all) {
            deadline.check();
            std::thread::yield_now();
        }
        done.store(true, Ordering::Relaxed);
    });
    for partition in 0..PARTITIONS {
        assert!(
            committed(&memory, target, partition) == values,
            "partition {partition}: lost, doubled or out of order"
        );
    }
}

#[test]
fn a_transaction_is_seen_whole_or_not_at_all() {
    const PAIRS: usize = 20_000;
    let memory = Memory::default();
    let target = memory.topic(2);
    let mut member = Member::settled(&memory, "analyzer-MASS", &[target]);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut producer = memory.log.producer().unwrap();
            for _ in 0..PAIRS {
                producer.append(&[outgoing(target, 0, "left"), outgoing(target, 1, "right")]).unwrap();
            }
        });
        let limits = Limits { records: usize::MAX >> 1, bytes: usize::MAX, wait: Duration::from_millis(1) };
        let (mut left, mut right) = (0, 0);
        let deadline = crate::log_contract::Deadline::of(&memory, "all pairs");
        while left < PAIRS {
            deadline.check();
            member.poll(limits);
            left += member.unread.iter().filter(|record| record.place.partition == 0).count();
            right += member.unread.iter().filter(|record| record.place.partition == 1).count();
            member.unread.clear();
            assert_eq!(left, right, "half a transaction was seen");
        }
    });
}
