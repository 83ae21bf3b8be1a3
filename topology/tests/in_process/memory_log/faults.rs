//! The log fails as it is told, and no more than that.

use super::{Memory, SESSION};
use crate::log_contract::member::{Member, SOME, at, settle, texts};
use crate::log_contract::{Fixture, append, committed, outgoing};
use processors::ports::Clock;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use topology::driver::ManualClock;
use topology::log::memory::{Call, When};
use topology::log::{Log, LogError, Place, Polled};

const STREAM: &str = "outcome-MASS";

fn hand_moved() -> (Memory, Arc<ManualClock>) {
    let clock = ManualClock::at(0);
    (Memory::new(clock.clone(), u64::MAX), clock)
}

#[test]
fn a_commit_whose_answer_is_lost_took_effect() {
    let memory = Memory::default();
    let (source, target) = (memory.topic(1), memory.topic(2));
    append(&memory, source, 0, &["a", "b"]);
    let mut member = Member::settled(&memory, STREAM, &[source]);
    member.read(2);
    memory.log.faults().fail(STREAM, Call::Commit, 1, When::After);
    let outputs = [outgoing(target, 0, "a0"), outgoing(target, 1, "a1")];
    let lost = member.stream.commit(&outputs, &[at(source, 0, 1, "noted")]);
    assert!(matches!(lost, Err(LogError::Rewound(_))), "{lost:?}");
    assert_eq!(committed(&memory, target, 0), ["a0"]);
    assert_eq!(committed(&memory, target, 1), ["a1"]);
    assert!(matches!(member.poll(SOME), Polled::Assigned(_)));
    assert_eq!(member.owned, [at(source, 0, 1, "noted")]);
    assert_eq!(texts(&member.read(1)), ["b"]);
}

#[test]
fn the_nth_commit_fails_and_no_other_call() {
    let memory = Memory::default();
    let source = memory.topic(1);
    let mut member = Member::settled(&memory, STREAM, &[source]);
    let mut other = Member::settled(&memory, "router-MASS", &[source]);
    memory.log.faults().fail(STREAM, Call::Commit, 3, When::Before);
    for commit in 1..=5 {
        other.commit(source, 0, 0).unwrap();
        member.stream.mark(&[at(source, 0, 0, "")]).unwrap();
        let committed = member.commit(source, 0, 0);
        assert_eq!(committed.is_err(), commit == 3, "commit {commit}: {committed:?}");
        if committed.is_err() {
            assert!(matches!(member.poll(SOME), Polled::Assigned(_)));
        }
    }
}

#[test]
fn a_mark_can_fail_alone() {
    let memory = Memory::default();
    let source = memory.topic(1);
    let mut member = Member::settled(&memory, STREAM, &[source]);
    memory.log.faults().fail(STREAM, Call::Mark, 1, When::Before);
    let marked = member.stream.mark(&[at(source, 0, 0, "started")]);
    assert!(matches!(marked, Err(LogError::Rewound(_))), "{marked:?}");
    let early = member.commit(source, 0, 0);
    assert!(matches!(early, Err(LogError::Rewound(_))), "before the next poll nothing is committed: {early:?}");
    member.until_assigned();
    assert_eq!(member.owned, [at(source, 0, 0, "")]);
    member.commit(source, 0, 0).unwrap();
}

#[test]
fn while_the_log_is_away_nothing_changes_and_then_it_goes_on() {
    let (memory, clock) = hand_moved();
    let (source, target) = (memory.topic(1), memory.topic(1));
    append(&memory, source, 0, &["a"]);
    let mut member = Member::settled(&memory, STREAM, &[source]);
    member.read(1);
    let (mut producer, mut reader) = (memory.log.producer().unwrap(), memory.log.reader().unwrap());
    let place = Place { topic: target, partition: 0 };
    let (output, position) = ([outgoing(target, 0, "x")], [at(source, 0, 1, "")]);

    memory.log.faults().away();
    clock.advance(Duration::from_millis(70));
    let mut buffer = Vec::new();
    let refused = [
        member.stream.poll(SOME, &mut buffer).map(|_| ()),
        member.stream.commit(&output, &position),
        member.stream.mark(&position),
        producer.append(&output),
        reader.bounds(place).map(|_| ()),
        reader.offset_at(place, 0).map(|_| ()),
        reader.read(place, 0, 1, &mut |_| ()),
        reader.partitions(target).map(|_| ()),
    ];
    for (nth, call) in refused.into_iter().enumerate() {
        assert!(matches!(call, Err(LogError::Away(_))), "call {nth}: {call:?}");
    }
    assert_eq!(member.stream.since_confirmed(), Duration::from_millis(70));

    memory.log.faults().back();
    assert_eq!(committed(&memory, target, 0), [""; 0]);
    member.stream.commit(&output, &position).unwrap();
    assert_eq!(committed(&memory, target, 0), ["x"]);
    assert_eq!(member.stream.since_confirmed(), Duration::ZERO);
}

#[test]
fn an_expelled_member_is_a_zombie_until_it_polls() {
    let memory = Memory::default();
    let source = memory.topic(2);
    let mut members: Vec<Member> = (0..2).map(|_| Member::join(&memory, STREAM, &[source])).collect();
    let [zombie, heir] = &mut members[..] else { unreachable!() };
    settle(&mut [zombie, heir], &[1, 1]);
    let position = zombie.owned.clone();

    assert!(memory.log.faults().expel(STREAM, 0));
    assert!(!memory.log.faults().expel(STREAM, 1), "one member is left");
    assert!(zombie.stream.since_confirmed() >= SESSION, "it must launch nothing more");
    settle(&mut [heir], &[2]);
    let late = zombie.stream.mark(&position);
    assert!(matches!(late, Err(LogError::Rewound(_))), "{late:?}");
    assert!(matches!(zombie.poll(SOME), Polled::Lost));
    let stale = zombie.stream.commit(&[], &position);
    assert!(matches!(stale, Err(LogError::Stop(_))), "what it held should have been dropped: {stale:?}");
    settle(&mut [zombie, heir], &[1, 1]);
    assert!(zombie.stream.since_confirmed() < SESSION);
}

#[test]
fn a_forced_rebalance_takes_everything_and_gives_it_back() {
    let memory = Memory::default();
    let source = memory.topic(3);
    let mut member = Member::settled(&memory, STREAM, &[source]);
    memory.log.faults().rebalance(STREAM);
    assert!(matches!(member.poll(SOME), Polled::Revoking));
    member.release();
    assert!(matches!(member.poll(SOME), Polled::Assigned(_)));
    assert_eq!(member.owned.len(), 3);
}

/// Steps back by a second each time it is asked.
struct SteppingBack(AtomicI64);

impl Clock for SteppingBack {
    fn now_ms(&self) -> i64 {
        self.0.fetch_sub(1_000, Ordering::Relaxed)
    }
}

#[test]
fn timestamps_do_not_fall_when_the_clock_steps_back() {
    let memory = Memory::new(Arc::new(SteppingBack(AtomicI64::new(9_000))), u64::MAX);
    let topic = memory.topic(1);
    let place = Place { topic, partition: 0 };
    for value in ["a", "b", "c"] {
        append(&memory, topic, 0, &[value]);
    }
    let mut reader = memory.log.reader().unwrap();
    let mut times = Vec::new();
    reader.read(place, 0, 3, &mut |record| times.push(record.timestamp_ms)).unwrap();
    assert_eq!(times, [9_000; 3]);
    assert_eq!(reader.offset_at(place, 9_001).unwrap(), None);
}
