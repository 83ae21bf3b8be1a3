//! Commits: outputs and positions together, or nothing.

use super::member::{Member, SOME, at, settle};
use super::{Fixture, append, committed, outgoing};
use topology::log::{LogError, METADATA_LIMIT, Outgoing, Place, Polled};

pub fn both_or_neither_become_visible(fixture: &dyn Fixture) {
    let (source, target) = (fixture.topic(1), fixture.topic(2));
    let group = fixture.group(&[source]);
    append(fixture, source, 0, &["a", "b", "c"]);
    let mut member = Member::settled(fixture, &group, &[source]);
    member.read(3);
    let outputs = [outgoing(target, 0, "a0"), outgoing(target, 1, "a1")];
    member.stream.commit(&outputs, &[at(source, 0, 1, "")]).unwrap();
    let refused = [outgoing(target, 0, "b0"), outgoing(target, 1, "b1")];
    let too_long = "x".repeat(METADATA_LIMIT + 1);
    member.stream.commit(&refused, &[at(source, 0, 2, &too_long)]).unwrap_err();
    member.stream.leave();

    assert_eq!(committed(fixture, target, 0), ["a0"]);
    assert_eq!(committed(fixture, target, 1), ["a1"]);
    let next = Member::settled(fixture, &group, &[source]);
    assert_eq!(next.start_of(source, 0).next, 1);
}

pub fn a_rewound_commit_gives_an_assignment_at_the_committed_offsets(fixture: &dyn Fixture) {
    let (source, target) = (fixture.topic(2), fixture.topic(1));
    let group = fixture.group(&[source]);
    append(fixture, source, 0, &["a", "b", "c"]);
    append(fixture, source, 1, &["d"]);
    let mut member = Member::settled(fixture, &group, &[source]);
    member.read(4);
    member.stream.commit(&[], &[at(source, 0, 1, "one")]).unwrap();

    fixture.fail_next_commit(&group);
    let failed = member.stream.commit(&[outgoing(target, 0, "lost")], &[at(source, 0, 3, ""), at(source, 1, 1, "")]);
    assert!(matches!(failed, Err(LogError::Rewound(_))), "{failed:?}");
    let polled = member.poll(SOME);
    assert!(matches!(polled, Polled::Assigned(_)), "{polled:?}");
    assert_eq!(member.owned, [at(source, 0, 1, "one"), at(source, 1, 0, "")]);

    let again = member.read(3);
    let mut offsets: Vec<(i32, i64)> = again.iter().map(|record| (record.place.partition, record.offset)).collect();
    offsets.sort_unstable();
    assert_eq!(offsets, [(0, 1), (0, 2), (1, 0)]);
    member.stream.commit(&[outgoing(target, 0, "kept")], &[at(source, 0, 3, "")]).unwrap();
    assert_eq!(committed(fixture, target, 0), ["kept"]);
}

pub fn a_member_that_lost_its_session_commits_nothing(fixture: &dyn Fixture) {
    let (source, target) = (fixture.topic(2), fixture.topic(1));
    let group = fixture.group(&[source]);
    append(fixture, source, 0, &["a", "b"]);
    let mut zombie = Member::settled(fixture, &group, &[source]);
    zombie.read(2);
    // It polls no more: whoever joins now waits for its session, and then owns everything.
    let mut heir = Member::join(fixture, &group, &[source]);
    settle(&mut [&mut heir], &[2]);

    let marked = zombie.stream.mark(&[at(source, 0, 1, "started")]);
    assert!(matches!(marked, Err(LogError::Rewound(_))), "{marked:?}");
    let late = zombie.stream.commit(&[outgoing(target, 0, "late")], &[at(source, 0, 2, "")]);
    assert!(matches!(late, Err(LogError::Rewound(_))), "{late:?}");
    assert_eq!(committed(fixture, target, 0), [""; 0]);
    assert_eq!(heir.start_of(source, 0), &at(source, 0, 0, ""));

    let polled = zombie.poll(SOME);
    assert!(matches!(polled, Polled::Lost), "{polled:?}");
    settle(&mut [&mut zombie, &mut heir], &[1, 1]);
    for member in [&zombie, &heir] {
        assert_eq!(member.owned[0].next, 0, "nothing was committed");
    }
}

pub fn a_position_outside_the_assignment_is_a_stop(fixture: &dyn Fixture) {
    let (source, other) = (fixture.topic(1), fixture.topic(1));
    let group = fixture.group(&[source]);
    let mut member = Member::settled(fixture, &group, &[source]);
    let refused = member.stream.commit(&[outgoing(other, 0, "x")], &[at(other, 0, 1, "")]);
    assert!(matches!(refused, Err(LogError::Stop(_))), "{refused:?}");
    assert_eq!(committed(fixture, other, 0), [""; 0]);
}

pub fn offset_metadata_comes_back(fixture: &dyn Fixture) {
    let source = fixture.topic(2);
    let group = fixture.group(&[source]);
    append(fixture, source, 0, &["a"]);
    append(fixture, source, 1, &["b"]);
    let full: String = ('!'..='~').cycle().take(METADATA_LIMIT).collect();
    let mut member = Member::settled(fixture, &group, &[source]);
    member.read(2);
    member.stream.commit(&[], &[at(source, 0, 1, &full)]).unwrap();
    member.stream.mark(&[at(source, 1, 1, "started")]).unwrap();
    member.stream.leave();

    let next = Member::settled(fixture, &group, &[source]);
    assert_eq!(next.owned, [at(source, 0, 1, &full), at(source, 1, 1, "started")]);
}

pub fn metadata_of_4097_is_refused(fixture: &dyn Fixture) {
    let source = fixture.topic(1);
    let group = fixture.group(&[source]);
    append(fixture, source, 0, &["a"]);
    let mut member = Member::settled(fixture, &group, &[source]);
    member.read(1);
    let too_long = [at(source, 0, 1, &"x".repeat(4097))];
    let marked = member.stream.mark(&too_long);
    assert!(matches!(marked, Err(LogError::Stop(_))), "{marked:?}");
    let committed = member.stream.commit(&[], &too_long);
    assert!(matches!(committed, Err(LogError::Stop(_))), "{committed:?}");
    member.stream.leave();
    assert_eq!(Member::settled(fixture, &group, &[source]).owned, [at(source, 0, 0, "")]);
}

pub fn of_a_mark_and_a_commit_the_later_one_counts(fixture: &dyn Fixture) {
    let (source, target) = (fixture.topic(1), fixture.topic(1));
    let group = fixture.group(&[source]);
    append(fixture, source, 0, &["a", "b", "c", "d"]);
    let mut member = Member::settled(fixture, &group, &[source]);
    member.read(4);
    for next in 0..4 {
        member.stream.mark(&[at(source, 0, next, "started")]).unwrap();
        let output = outgoing(target, 0, "done");
        member.stream.commit(&[output], &[at(source, 0, next + 1, "done")]).unwrap();
    }
    member.stream.mark(&[at(source, 0, 4, "marked last")]).unwrap();
    member.stream.leave();
    assert_eq!(Member::settled(fixture, &group, &[source]).owned, [at(source, 0, 4, "marked last")]);
}

/// Hashes of Kafka's own `UtilsTest.testMurmur2` and librdkafka's `unittest_murmur2`, whose figures come from Java.
const JAVA_MURMUR2: &[(&str, u32)] = &[
    ("21", -973_932_308_i32 as u32),
    ("foobar", -790_332_482_i32 as u32),
    ("a-little-bit-long-string", -985_981_536_i32 as u32),
    ("abc", 479_470_107),
    ("kafka", 0xd067_cf64),
    ("giberish123456789", 0x8f55_2b0c),
    ("4", 0x5a4b_5ca1),
];

pub fn keys_land_where_java_puts_them(fixture: &dyn Fixture) {
    const PARTITIONS: i32 = 20;
    let (source, target) = (fixture.topic(1), fixture.topic(PARTITIONS));
    let keyed = |key: &str| Outgoing {
        topic: target,
        partition: None,
        key: Some(key.to_owned().into()),
        value: Some(key.to_owned().into()),
        headers: vec![],
    };
    let records: Vec<Outgoing> = JAVA_MURMUR2.iter().map(|(key, _)| keyed(key)).collect();
    fixture.log().producer().unwrap().append(&records).unwrap();
    let mut member = Member::settled(fixture, &fixture.group(&[source]), &[source]);
    member.stream.commit(&records, &[at(source, 0, 0, "")]).unwrap();

    let mut reader = fixture.log().reader().unwrap();
    assert_eq!(reader.partitions(target).unwrap().len(), PARTITIONS as usize);
    for (key, hash) in JAVA_MURMUR2 {
        let partition = ((hash & 0x7fff_ffff) % PARTITIONS as u32) as i32;
        let (start, end) = reader.bounds(Place { topic: target, partition }).unwrap();
        let mut found = 0;
        let mut count =
            |record: topology::log::Record| found += i32::from(record.key.as_deref() == Some(key.as_bytes()));
        reader.read(Place { topic: target, partition }, start, end, &mut count).unwrap();
        assert_eq!(found, 2, "{key}: once by the producer, once by the stream, in partition {partition}");
    }
}
