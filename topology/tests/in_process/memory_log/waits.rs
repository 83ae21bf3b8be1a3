//! Polls that wait: until something concerns them, and no longer.

use super::Memory;
use crate::log_contract::member::{Member, SOME};
use crate::log_contract::{Fixture, append};
use std::time::{Duration, Instant};
use topology::log::{Limits, Polled};

const STREAM: &str = "outcome-MASS";

#[test]
fn a_poll_that_finds_nothing_waits_its_time() {
    let memory = Memory::default();
    let source = memory.topic(1);
    append(&memory, source, 0, &["a"]);
    let mut member = Member::settled(&memory, STREAM, &[source]);
    member.read(1);
    let started = Instant::now();
    let wait = Duration::from_millis(40);
    assert!(matches!(member.poll(Limits { wait, ..SOME }), Polled::Records));
    assert!(started.elapsed() >= wait, "{:?}", started.elapsed());
}

#[test]
fn a_waiting_member_is_woken_by_a_rebalance() {
    let memory = Memory::default();
    let source = memory.topic(2);
    let mut old = Member::settled(&memory, STREAM, &[source]);
    let started = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut new = Member::join(&memory, STREAM, &[source]);
            new.until_assigned();
        });
        while !matches!(old.poll(Limits { wait: memory.patience(), ..SOME }), Polled::Revoking) {}
        old.release();
    });
    assert!(started.elapsed() < memory.patience() / 2, "it waited to the end: {:?}", started.elapsed());
}
