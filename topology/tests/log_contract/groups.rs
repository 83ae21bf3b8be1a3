//! Members of a group: who owns what, and when it changes hands.

use super::member::{Member, SOME, at, settle, texts, until_revoking};
use super::{Deadline, Fixture, append, committed, outgoing};
use std::time::Instant;
use topology::log::{LogError, Place, Polled};

pub fn a_new_member_takes_over_only_after_release(fixture: &dyn Fixture) {
    let source = fixture.topic(2);
    let group = fixture.group(&[source]);
    let mut old = Member::settled(fixture, &group, &[source]);
    let mut new = Member::join(fixture, &group, &[source]);
    until_revoking(&mut old, &mut new);
    new.reads_nothing();
    assert_eq!(new.owned, []);
    old.release();
    settle(&mut [&mut old, &mut new], &[1, 1]);
    assert_ne!(old.owned[0].place, new.owned[0].place);
}

pub fn what_is_committed_before_release_is_not_read_again(fixture: &dyn Fixture) {
    let source = fixture.topic(2);
    let group = fixture.group(&[source]);
    append(fixture, source, 0, &["a", "b"]);
    append(fixture, source, 1, &["c", "d"]);
    let mut old = Member::settled(fixture, &group, &[source]);
    old.read(4);
    let mut new = Member::join(fixture, &group, &[source]);
    until_revoking(&mut old, &mut new);
    old.stream.commit(&[], &[at(source, 0, 2, ""), at(source, 1, 1, "half")]).unwrap();
    old.release();
    settle(&mut [&mut old, &mut new], &[1, 1]);
    let mut owned = [old.owned[0].clone(), new.owned[0].clone()];
    owned.sort_by_key(|position| position.place);
    assert_eq!(owned, [at(source, 0, 2, ""), at(source, 1, 1, "half")]);
}

pub fn nothing_is_read_between_revoking_and_release(fixture: &dyn Fixture) {
    let source = fixture.topic(2);
    let group = fixture.group(&[source]);
    let mut old = Member::settled(fixture, &group, &[source]);
    let mut new = Member::join(fixture, &group, &[source]);
    until_revoking(&mut old, &mut new);
    append(fixture, source, 0, &["a"]);
    append(fixture, source, 1, &["b"]);
    old.reads_nothing();
    old.release();
    settle(&mut [&mut old, &mut new], &[1, 1]);
    assert_eq!(old.read(1).len() + new.read(1).len(), 2);
}

pub fn nothing_is_committed_after_release(fixture: &dyn Fixture) {
    let source = fixture.topic(2);
    let group = fixture.group(&[source]);
    let mut old = Member::settled(fixture, &group, &[source]);
    let mut new = Member::join(fixture, &group, &[source]);
    until_revoking(&mut old, &mut new);
    old.release();
    for stale in [old.stream.mark(&[at(source, 0, 1, "")]), old.commit(source, 0, 1)] {
        assert!(matches!(stale, Err(LogError::Stop(_))), "{stale:?}");
    }
    settle(&mut [&mut old, &mut new], &[1, 1]);
    assert_eq!((old.owned[0].next, new.owned[0].next), (0, 0));
}

pub fn a_commit_that_fails_while_partitions_go_is_told_and_then_that_they_go(fixture: &dyn Fixture) {
    let (source, target) = (fixture.topic(2), fixture.topic(1));
    let group = fixture.group(&[source]);
    append(fixture, source, 0, &["a"]);
    append(fixture, source, 1, &["b"]);
    let mut old = Member::settled(fixture, &group, &[source]);
    old.read(2);
    let mut new = Member::join(fixture, &group, &[source]);
    until_revoking(&mut old, &mut new);
    fixture.fail_next_commit(&group);
    let failed = old.stream.commit(&[outgoing(target, 0, "lost")], &[at(source, 0, 1, "")]);
    assert!(matches!(failed, Err(LogError::Rewound(_))), "{failed:?}");
    let told = [old.poll(SOME), old.poll(SOME)];
    assert!(matches!(told, [Polled::Assigned(_), Polled::Revoking]), "{told:?}");
    assert_eq!(old.owned, [at(source, 0, 0, ""), at(source, 1, 0, "")]);
    old.reads_nothing();
    // What is in flight has an end still.
    old.stream.commit(&[outgoing(target, 0, "kept")], &[at(source, 0, 1, "")]).unwrap();
    old.release();
    let released = Instant::now();
    settle(&mut [&mut old, &mut new], &[1, 1]);
    assert!(released.elapsed() < fixture.session(), "the group waited for {:?}", released.elapsed());
    assert_eq!(old.owned[0].next + new.owned[0].next, 1);
    assert_eq!(committed(fixture, target, 0), ["kept"]);
}

pub fn partitions_go_after_a_commit_that_failed(fixture: &dyn Fixture) {
    let (source, target) = (fixture.topic(2), fixture.topic(1));
    let group = fixture.group(&[source]);
    let mut old = Member::settled(fixture, &group, &[source]);
    let mut new = Member::join(fixture, &group, &[source]);
    until_revoking(&mut old, &mut new);
    fixture.fail_next_commit(&group);
    old.stream.commit(&[outgoing(target, 0, "lost")], &[at(source, 0, 0, "")]).unwrap_err();
    old.release();
    let released = Instant::now();
    settle(&mut [&mut old, &mut new], &[1, 1]);
    assert!(released.elapsed() < fixture.session(), "the group waited for {:?}", released.elapsed());
    assert_eq!(committed(fixture, target, 0), [""; 0]);
}

pub fn one_member_owns_the_same_partition_of_every_source(fixture: &dyn Fixture) {
    let sources = [fixture.topic(3), fixture.topic(3)];
    let group = fixture.group(&sources);
    let mut first = Member::join(fixture, &group, &sources);
    let mut second = Member::join(fixture, &group, &sources);
    let deadline = Deadline::of(fixture, "all members to settle");
    // Two partitions of each source to one member, one to the other; which is the log's to say.
    while first.owned.len().min(second.owned.len()) != 2 || first.owned.len() + second.owned.len() != 6 {
        deadline.check();
        first.turn();
        second.turn();
    }
    for member in [&first, &second] {
        let partitions = |topic| -> Vec<i32> {
            let of_topic = member.owned.iter().filter(|position| position.place.topic == topic);
            of_topic.map(|position| position.place.partition).collect()
        };
        assert_eq!(partitions(sources[0]), partitions(sources[1]));
    }
}

pub fn leave_hands_over_at_once(fixture: &dyn Fixture) {
    let source = fixture.topic(2);
    let group = fixture.group(&[source]);
    let mut leaver = Member::join(fixture, &group, &[source]);
    let mut heir = Member::join(fixture, &group, &[source]);
    settle(&mut [&mut leaver, &mut heir], &[1, 1]);
    let left = Instant::now();
    leaver.stream.leave();
    settle(&mut [&mut heir], &[2]);
    assert!(left.elapsed() < fixture.session(), "the leaver's session had to run out: {:?}", left.elapsed());
}

pub fn a_new_assignment_has_nothing_paused(fixture: &dyn Fixture) {
    let (source, target) = (fixture.topic(1), fixture.topic(1));
    let group = fixture.group(&[source]);
    let mut member = Member::settled(fixture, &group, &[source]);
    member.stream.pause(&[Place { topic: source, partition: 0 }]).unwrap();
    append(fixture, source, 0, &["a"]);
    member.reads_nothing();
    fixture.fail_next_commit(&group);
    member.stream.commit(&[outgoing(target, 0, "lost")], &[at(source, 0, 0, "")]).unwrap_err();
    member.until_assigned();
    assert_eq!(texts(&member.read(1)), ["a"]);
}

pub fn a_partition_that_comes_back_is_not_paused(fixture: &dyn Fixture) {
    let source = fixture.topic(2);
    let group = fixture.group(&[source]);
    let mut stays = Member::settled(fixture, &group, &[source]);
    stays.stream.pause(&[0, 1].map(|partition| Place { topic: source, partition })).unwrap();
    let mut guest = Member::join(fixture, &group, &[source]);
    until_revoking(&mut stays, &mut guest);
    stays.release();
    settle(&mut [&mut stays, &mut guest], &[1, 1]);
    guest.stream.leave();
    settle(&mut [&mut stays], &[2]);
    append(fixture, source, 0, &["a"]);
    append(fixture, source, 1, &["b"]);
    let mut read = texts(&stays.read(2));
    read.sort();
    assert_eq!(read, ["a", "b"]);
}

pub fn a_member_that_is_in_touch_is_confirmed(fixture: &dyn Fixture) {
    let source = fixture.topic(1);
    let group = fixture.group(&[source]);
    let mut member = Member::settled(fixture, &group, &[source]);
    assert!(member.stream.since_confirmed() < fixture.session());
    let before = Instant::now();
    member.commit(source, 0, 0).unwrap();
    assert!(member.stream.since_confirmed() <= before.elapsed());
}
