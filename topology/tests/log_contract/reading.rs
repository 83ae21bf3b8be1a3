//! Reading: by streams and by readers.

use super::member::{Member, SOME, at, texts};
use super::{Deadline, Fixture, append, committed, outgoing};
use bytes::Bytes;
use std::time::Instant;
use topology::log::{Limits, Outgoing, Place, Polled, Record};

pub fn records_come_in_order_and_within_limits(fixture: &dyn Fixture) {
    let source = fixture.topic(1);
    let group = fixture.group(&[source]);
    let values: Vec<String> = (0..100).map(|n| format!("{n:010}")).collect();
    append(fixture, source, 0, &values.iter().map(String::as_str).collect::<Vec<_>>());
    let mut member = Member::settled(fixture, &group, &[source]);
    let mut got: Vec<Record> = Vec::new();
    // Ten values of ten bytes fit in a hundred; the second bound is the tighter one in turn.
    let bounds = [Limits { records: 7, ..SOME }, Limits { bytes: 100, ..SOME }, Limits { bytes: 1, ..SOME }];
    let deadline = Deadline::of(fixture, "records");
    for (limits, most) in bounds.iter().zip([7, 10, 1]).cycle() {
        deadline.check();
        assert!(matches!(member.poll(*limits), Polled::Records));
        assert!(member.unread.len() <= most, "{} of {most}", member.unread.len());
        got.append(&mut member.unread);
        if got.len() == values.len() {
            break;
        }
    }
    assert_eq!(texts(&got), values);
    assert!(got.iter().map(|record| record.offset).eq(0..100));
}

pub fn a_waiting_poll_wakes_for_a_record(fixture: &dyn Fixture) {
    let source = fixture.topic(1);
    let group = fixture.group(&[source]);
    let mut member = Member::settled(fixture, &group, &[source]);
    let place = [Place { topic: source, partition: 0 }];
    for pauses_before in [false, true] {
        if pauses_before {
            member.stream.pause(&place).unwrap();
            member.stream.resume(&place).unwrap();
        }
        member.reads_nothing();
        let started = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| append(fixture, source, 0, &["a"]));
            while member.unread.is_empty() {
                member.poll(Limits { wait: fixture.patience(), ..SOME });
            }
        });
        member.unread.clear();
        assert!(started.elapsed() < fixture.patience() / 2, "it waited to the end: {:?}", started.elapsed());
    }
}

pub fn tombstones_and_headers_come_back(fixture: &dyn Fixture) {
    let (source, target) = (fixture.topic(1), fixture.topic(1));
    let group = fixture.group(&[source]);
    let header = |name: &str, value: &'static [u8]| (name.to_owned(), Bytes::from_static(value));
    let written = [
        Outgoing {
            topic: source,
            partition: Some(0),
            key: Some("나비".into()),
            value: None,
            headers: vec![header("reason", b"a"), header("reason", b""), header("bytes", &[0, 159, 255])],
        },
        Outgoing { topic: source, partition: Some(0), key: None, value: Some(Bytes::new()), headers: vec![] },
    ];
    fixture.log().producer().unwrap().append(&written).unwrap();
    let mut member = Member::settled(fixture, &group, &[source]);
    let got = member.read(2);
    let again: Vec<Outgoing> = written.iter().map(|record| Outgoing { topic: target, ..record.clone() }).collect();
    member.stream.commit(&again, &[at(source, 0, 2, "")]).unwrap();

    let place = Place { topic: target, partition: 0 };
    let mut reader = fixture.log().reader().unwrap();
    let (start, end) = reader.bounds(place).unwrap();
    let mut read = Vec::new();
    reader.read(place, start, end, &mut |record| read.push(record)).unwrap();
    for records in [got, read] {
        for (record, written) in records.iter().zip(&written) {
            assert_eq!(record.key, written.key);
            assert_eq!(record.value, written.value);
            assert_eq!(record.headers, written.headers);
        }
    }
}

pub fn a_paused_partition_gives_nothing_and_goes_on_after_resume(fixture: &dyn Fixture) {
    let source = fixture.topic(2);
    let group = fixture.group(&[source]);
    append(fixture, source, 0, &["a"]);
    append(fixture, source, 1, &["b"]);
    let mut member = Member::settled(fixture, &group, &[source]);
    member.read(2);
    let slot = [Place { topic: source, partition: 0 }];
    member.stream.pause(&slot).unwrap();
    append(fixture, source, 0, &["c", "d"]);
    append(fixture, source, 1, &["e"]);
    assert_eq!(texts(&member.read(1)), ["e"]);
    member.reads_nothing();
    member.stream.resume(&slot).unwrap();
    assert_eq!(texts(&member.read(2)), ["c", "d"]);
}

pub fn what_is_paused_as_it_is_assigned_is_read_from_its_position_after_resume(fixture: &dyn Fixture) {
    let (source, target) = (fixture.topic(1), fixture.topic(1));
    let group = fixture.group(&[source]);
    append(fixture, source, 0, &["a", "b", "c"]);
    let mut first = Member::settled(fixture, &group, &[source]);
    first.read(3);
    first.stream.commit(&[outgoing(target, 0, "a")], &[at(source, 0, 1, "")]).unwrap();
    first.stream.leave();
    let mut member = Member::settled(fixture, &group, &[source]);
    let place = [Place { topic: source, partition: 0 }];
    member.stream.pause(&place).unwrap();
    member.reads_nothing();
    member.stream.resume(&place).unwrap();
    assert_eq!(texts(&member.read(2)), ["b", "c"]);
}

pub fn seek_reads_again(fixture: &dyn Fixture) {
    let source = fixture.topic(1);
    let group = fixture.group(&[source]);
    append(fixture, source, 0, &["a", "b", "c"]);
    let mut member = Member::settled(fixture, &group, &[source]);
    member.read(3);
    let place = Place { topic: source, partition: 0 };
    member.stream.seek(place, 1).unwrap();
    assert_eq!(texts(&member.read(2)), ["b", "c"]);
    member.stream.seek(place, 3).unwrap();
    member.reads_nothing();
}

pub fn a_sink_reads_from_where_it_seeks(fixture: &dyn Fixture) {
    let source = fixture.topic(1);
    let group = fixture.group(&[source]);
    append(fixture, source, 0, &["a", "b", "c"]);
    let mut sink = Member::sink(fixture, &group, &[source]);
    sink.until_assigned();
    sink.stream.seek(Place { topic: source, partition: 0 }, 2).unwrap();
    assert_eq!(texts(&sink.read(1)), ["c"]);
}

pub fn lag_counts_what_is_not_read(fixture: &dyn Fixture) {
    let source = fixture.topic(2);
    let group = fixture.group(&[source]);
    append(fixture, source, 0, &["a", "b", "c"]);
    let mut member = Member::settled(fixture, &group, &[source]);
    member.read(3);
    member.stream.seek(Place { topic: source, partition: 0 }, 1).unwrap();
    member.stream.pause(&[Place { topic: source, partition: 0 }]).unwrap();
    append(fixture, source, 0, &["d"]);
    let expected = [(Place { topic: source, partition: 0 }, 3), (Place { topic: source, partition: 1 }, 0)];
    let deadline = Deadline::of(fixture, "the lag");
    loop {
        let mut lag = member.stream.lag();
        lag.sort_unstable();
        if lag == expected {
            break;
        }
        deadline.check();
        member.poll(SOME);
    }
}

pub fn a_reader_sees_committed_records_only(fixture: &dyn Fixture) {
    let (source, target) = (fixture.topic(1), fixture.topic(1));
    let group = fixture.group(&[source]);
    let mut member = Member::settled(fixture, &group, &[source]);
    let mut commit = |value: &str| member.stream.commit(&[outgoing(target, 0, value)], &[at(source, 0, 0, "")]);
    commit("first").unwrap();
    fixture.fail_next_commit(&group);
    commit("aborted").unwrap_err();
    member.until_assigned();
    let mut commit = |value: &str| member.stream.commit(&[outgoing(target, 0, value)], &[at(source, 0, 0, "")]);
    commit("second").unwrap();
    assert_eq!(committed(fixture, target, 0), ["first", "second"]);
}

pub fn a_reader_reads_exactly_the_range(fixture: &dyn Fixture) {
    let topic = fixture.topic(2);
    let place = Place { topic, partition: 1 };
    append(fixture, topic, 1, &["a", "b"]);
    append(fixture, topic, 1, &["c", "d", "e"]);
    let mut reader = fixture.log().reader().unwrap();
    assert_eq!(reader.partitions(topic).unwrap(), [0, 1]);
    assert_eq!(reader.bounds(place).unwrap(), (0, 5));
    assert_eq!(reader.bounds(Place { topic, partition: 0 }).unwrap(), (0, 0));
    let mut read = |from, to| {
        let mut records = Vec::new();
        reader.read(place, from, to, &mut |record| records.push(record)).unwrap();
        texts(&records)
    };
    assert_eq!(read(1, 4), ["b", "c", "d"]);
    assert_eq!(read(3, 3), [""; 0]);
    assert_eq!(read(0, 5), ["a", "b", "c", "d", "e"]);
}

pub fn offset_at_finds_the_first_record_of_a_time(fixture: &dyn Fixture) {
    let topic = fixture.topic(1);
    let place = Place { topic, partition: 0 };
    let mut reader = fixture.log().reader().unwrap();
    assert_eq!(reader.offset_at(place, 0).unwrap(), None, "the partition is empty");
    // Appends until the log's clock has ticked: at least two different timestamps.
    let deadline = Deadline::of(fixture, "the clock to tick");
    let mut times: Vec<i64> = Vec::new();
    while times.first() == times.last() {
        deadline.check();
        append(fixture, topic, 0, &["x"]);
        times.clear();
        let (start, end) = reader.bounds(place).unwrap();
        reader.read(place, start, end, &mut |record| times.push(record.timestamp_ms)).unwrap();
    }
    let (first, last) = (times[0], times[times.len() - 1]);
    let first_of = |time: i64| times.iter().position(|&at| at >= time).map(|index| index as i64);
    for time in [0, first, first + 1, last, last + 1] {
        assert_eq!(reader.offset_at(place, time).unwrap(), first_of(time), "{time} in {times:?}");
    }
}
