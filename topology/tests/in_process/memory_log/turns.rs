//! Turn by turn on one thread, as the test driver runs it: polls do not wait and the clock stands still.

use super::{Memory, SESSION};
use crate::log_contract::member::{Member, SOME};
use crate::log_contract::{Fixture, append};
use std::time::Duration;
use topology::driver::ManualClock;
use topology::log::{Limits, LogError, Polled};

const STREAM: &str = "outcome-MASS";
const AT_ONCE: Limits = Limits { wait: Duration::ZERO, ..SOME };

#[test]
fn polls_alone_move_a_rebalance_on() {
    let memory = Memory::new(ManualClock::at(0), u64::MAX);
    let source = memory.topic(3);
    let mut members: Vec<Member> = Vec::new();
    let round = |members: &mut Vec<Member>| {
        for member in members.iter_mut() {
            if let Polled::Revoking = member.poll(AT_ONCE) {
                member.release();
            }
        }
    };
    for count in 1..=3 {
        members.push(Member::join(&memory, STREAM, &[source]));
        // One round to release, one to hear what was given.
        round(&mut members);
        round(&mut members);
        let owned: usize = members.iter().map(|member| member.owned.len()).sum();
        assert_eq!((owned, members.iter().all(|member| !member.owned.is_empty())), (3, true), "{count} members");
    }
    members.remove(0).stream.leave();
    round(&mut members);
    round(&mut members);
    assert_eq!(members.iter().map(|member| member.owned.len()).collect::<Vec<_>>(), [2, 1]);
}

#[test]
fn a_member_may_take_a_session_to_release_and_no_longer() {
    let clock = ManualClock::at(0);
    let memory = Memory::new(clock.clone(), u64::MAX);
    let source = memory.topic(2);
    let mut slow = Member::settled(&memory, STREAM, &[source]);
    let mut heir = Member::join(&memory, STREAM, &[source]);
    clock.advance(SESSION - Duration::from_millis(1));
    assert!(matches!(heir.poll(AT_ONCE), Polled::Records));
    slow.commit(source, 0, 0).unwrap();
    clock.advance(Duration::from_millis(1));
    assert!(matches!(heir.poll(AT_ONCE), Polled::Assigned(_)));
    assert_eq!(heir.owned.len(), 2);
    let late = slow.commit(source, 0, 0);
    assert!(matches!(late, Err(LogError::Rewound(_))), "{late:?}");
}

#[test]
fn partitions_take_turns() {
    let memory = Memory::new(ManualClock::at(0), u64::MAX);
    let source = memory.topic(3);
    for partition in 0..3 {
        append(&memory, source, partition, &["x"; 100]);
    }
    let mut member = Member::settled(&memory, STREAM, &[source]);
    for _ in 0..3 {
        member.poll(Limits { records: 10, ..AT_ONCE });
    }
    let mut seen: Vec<i32> = member.unread.iter().map(|record| record.place.partition).collect();
    seen.dedup();
    seen.sort_unstable();
    assert_eq!(seen, [0, 1, 2]);
}
