//! What may be forgotten, and what not.

use super::Memory;
use crate::log_contract::member::{Member, SOME, at};
use crate::log_contract::{Fixture, append, committed};
use schemas::{Lane, Topic};
use std::sync::Arc;
use std::time::Duration;
use topology::driver::ManualClock;
use topology::log::{Log, LogError, Outgoing, Place};

const LIMIT: u64 = 100_000;
/// A twentieth of what the log keeps, overhead aside.
const VALUE_BYTES: usize = 5_000;

fn small() -> (Memory, Arc<ManualClock>) {
    let clock = ManualClock::at(0);
    (Memory::new(clock.clone(), LIMIT), clock)
}

/// Appends so many values, each a millisecond after the one before.
fn fill(memory: &Memory, clock: &ManualClock, topic: Topic, count: usize) {
    for _ in 0..count {
        clock.advance(Duration::from_millis(1));
        append(memory, topic, 0, &[&"x".repeat(VALUE_BYTES)]);
    }
}

fn bounds(memory: &Memory, topic: Topic) -> (i64, i64) {
    memory.log.reader().unwrap().bounds(Place { topic, partition: 0 }).unwrap()
}

fn keyed(topic: Topic, key: &'static str, value: Option<&str>) -> Outgoing {
    let value = value.map(|value| value.to_owned().into());
    Outgoing { topic, partition: Some(0), key: Some(key.into()), value, headers: vec![] }
}

#[test]
fn the_oldest_records_go_when_the_log_is_full() {
    let (memory, clock) = small();
    let (old, young) = (memory.topic(1), memory.topic(1));
    fill(&memory, &clock, old, 10);
    fill(&memory, &clock, young, 9);
    assert_eq!(bounds(&memory, old), (0, 10), "below the limit nothing goes");
    fill(&memory, &clock, young, 5);
    let (start, end) = bounds(&memory, old);
    assert!((2..10).contains(&start), "some of the older topic's: {start}");
    assert_eq!((end, bounds(&memory, young)), (10, (0, 14)));
    let kept = memory.log.reader().unwrap().offset_at(Place { topic: old, partition: 0 }, 0).unwrap();
    assert_eq!(kept, Some(start));
}

#[test]
fn what_a_group_has_not_committed_stays() {
    let (memory, clock) = small();
    let topic = memory.topic(1);
    let mut quick = Member::settled(&memory, "store-MASS", &[topic]);
    let mut slow = Member::settled(&memory, "outcome-MASS", &[topic]);
    fill(&memory, &clock, topic, 40);
    quick.commit(topic, 0, 40).unwrap();
    slow.commit(topic, 0, 7).unwrap();
    fill(&memory, &clock, topic, 10);
    assert_eq!(bounds(&memory, topic), (7, 50));
    slow.commit(topic, 0, 45).unwrap();
    fill(&memory, &clock, topic, 10);
    let (start, _) = bounds(&memory, topic);
    assert!((30..45).contains(&start), "{start}");
}

#[test]
fn a_sink_keeps_what_it_was_given_last() {
    let (memory, clock) = small();
    let topic = memory.topic(1);
    let mut sink = Member::sink(&memory, "store-MASS", &[topic]);
    sink.until_assigned();
    fill(&memory, &clock, topic, 30);
    sink.read(30);
    fill(&memory, &clock, topic, 10);
    assert_eq!(bounds(&memory, topic), (0, 40), "the sink may still be writing them");
    sink.read(10);
    fill(&memory, &clock, topic, 10);
    let (start, _) = bounds(&memory, topic);
    assert!((1..=30).contains(&start), "{start}");
}

#[test]
fn a_position_before_the_first_record_is_a_loud_stop() {
    let (memory, clock) = small();
    let topic = memory.topic(1);
    let mut member = Member::settled(&memory, "outcome-MASS", &[topic]);
    fill(&memory, &clock, topic, 15);
    member.read(15);
    member.commit(topic, 0, 15).unwrap();
    fill(&memory, &clock, topic, 15);
    let (start, end) = bounds(&memory, topic);
    assert!(start > 0);
    let place = Place { topic, partition: 0 };
    let stops = |result: Result<(), LogError>| assert!(matches!(result, Err(LogError::Stop(_))), "{result:?}");
    for lost in [start - 1, end + 1] {
        member.stream.seek(place, lost).unwrap();
        stops(member.stream.poll(SOME, &mut vec![]).map(|_| ()));
    }
    stops(memory.log.reader().unwrap().read(place, start - 1, end, &mut |_| ()));
    // A group that is new begins at 0, and that is gone.
    let mut new = Member::settled(&memory, "store-MASS", &[topic]);
    assert_eq!(new.owned, [at(topic, 0, 0, "")]);
    stops(new.stream.poll(SOME, &mut vec![]).map(|_| ()));
}

#[test]
fn a_compacted_topic_keeps_the_newest_of_each_key() {
    let (memory, clock) = small();
    let open = Topic::open(Lane::Mass);
    let other = memory.topic(1);
    let mut producer = memory.log.producer().unwrap();
    let mut put = |key, value| producer.append(&[keyed(open, key, value)]).unwrap();
    for (key, value) in [("a", Some("a1")), ("b", Some("b1")), ("c", Some("c1")), ("a", Some("a2")), ("c", None)] {
        put(key, value);
    }
    assert_eq!(committed(&memory, open, 0), ["a1", "b1", "c1", "a2", ""]);
    fill(&memory, &clock, other, 25);
    assert_eq!(committed(&memory, open, 0), ["b1", "a2", ""]);
    assert_eq!(bounds(&memory, open), (0, 5), "offsets stay");
    put("b", Some("b2"));
    assert_eq!(committed(&memory, open, 0), ["b1", "a2", "", "b2"]);
}

#[test]
fn a_tombstone_goes_one_compaction_after_what_it_takes_back() {
    let (memory, clock) = small();
    let (open, other) = (Topic::open(Lane::Mass), memory.topic(1));
    let mut producer = memory.log.producer().unwrap();
    let mut put = |key, value| producer.append(&[keyed(open, key, value)]).unwrap();
    ["a", "b"].into_iter().for_each(|key| put(key, Some("1")));
    // Who has read so far knows of it, and meets what takes it back.
    let place = Place { topic: open, partition: 0 };
    put("a", None);
    fill(&memory, &clock, other, 25);
    let mut rest = Vec::new();
    memory.log.reader().unwrap().read(place, 2, 3, &mut |record| rest.push(record.value)).unwrap();
    assert_eq!(rest, [None]);
    ["b", "c", "d"].into_iter().for_each(|key| put(key, Some("2")));
    fill(&memory, &clock, other, 25);
    assert_eq!(committed(&memory, open, 0), ["2", "2", "2"]);
}

#[test]
fn a_compacted_topic_is_left_alone_until_it_has_doubled() {
    let (memory, clock) = small();
    let (open, other) = (Topic::open(Lane::Mass), memory.topic(1));
    let mut producer = memory.log.producer().unwrap();
    let mut put = |key, value| producer.append(&[keyed(open, key, Some(value))]).unwrap();
    ["a", "b", "c", "d"].into_iter().for_each(|key| put(key, "1"));
    fill(&memory, &clock, other, 25);
    put("a", "2");
    fill(&memory, &clock, other, 25);
    assert_eq!(committed(&memory, open, 0), ["1", "1", "1", "1", "2"]);
    ["b", "c", "d"].into_iter().for_each(|key| put(key, "2"));
    fill(&memory, &clock, other, 25);
    assert_eq!(committed(&memory, open, 0), ["2", "2", "2", "2"]);
}

#[test]
fn what_compaction_frees_saves_records_of_other_topics() {
    let (memory, clock) = small();
    let (open, other) = (Topic::open(Lane::Mass), memory.topic(1));
    let mut producer = memory.log.producer().unwrap();
    fill(&memory, &clock, other, 6);
    for _ in 0..20 {
        producer.append(&[keyed(open, "a", Some(&"x".repeat(VALUE_BYTES)))]).unwrap();
    }
    assert_eq!(bounds(&memory, other), (0, 6));
}

#[test]
fn a_stream_goes_on_over_the_gaps_of_compaction() {
    let (memory, clock) = small();
    let (open, other) = (Topic::open(Lane::Mass), memory.topic(1));
    let mut producer = memory.log.producer().unwrap();
    let first = [keyed(open, "a", Some("a1")), keyed(open, "b", Some("b1")), keyed(open, "a", None)];
    producer.append(&first).unwrap();
    fill(&memory, &clock, other, 25);
    assert_eq!(committed(&memory, open, 0), ["b1", ""]);
    let mut member = Member::settled(&memory, "reader", &[open]);
    assert_eq!(member.read(2).iter().map(|record| record.offset).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(member.stream.lag(), [(Place { topic: open, partition: 0 }, 0)]);
    producer.append(&[keyed(open, "a", Some("a2"))]).unwrap();
    assert_eq!(member.read(1)[0].offset, 3);
}
