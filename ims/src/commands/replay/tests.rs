use super::*;
use crate::config;
use bytes::Bytes;
use processors::ports::Clock;
use schemas::{Delayed, Lane, Schemas, SendRequest, examples, topics::Ring};
use std::{sync::Arc, time::Duration};
use topology::{
    driver::ManualClock,
    engine::{ORIGIN_HEADER, Outputs, REASON_HEADER},
    log::{
        Outgoing, Record,
        memory::{MemoryLog, Settings},
    },
};

/// A Wednesday morning.
const NOW_MS: i64 = 1_773_273_600_000;

/// A log whose API-MASS has had some records, each of which became a dead letter.
struct Case {
    clock: Arc<ManualClock>,
    log: MemoryLog,
    config: Config,
}

impl Case {
    fn new() -> Self {
        let clock = ManualClock::at(NOW_MS);
        let as_clock: Arc<dyn Clock> = Arc::clone(&clock) as _;
        let log = MemoryLog::new(as_clock, Settings::default(), |topic| match topic.kind() {
            Kind::DeadLetter(_) => 1,
            Kind::Delay(_) => 256,
            _ => 3,
        });
        Self { clock, log, config: config::load(None, []).unwrap() }
    }

    fn append(&self, records: &[Outgoing]) {
        self.clock.advance(Duration::from_secs(1));
        self.log.producer().unwrap().append(records).unwrap();
    }

    fn records(&self, topic: Topic) -> Vec<Record> {
        let mut reader = self.log.reader().unwrap();
        let mut records = Vec::new();
        for partition in reader.partitions(topic).unwrap() {
            let place = Place { topic, partition };
            let (from, to) = reader.bounds(place).unwrap();
            reader.read(place, from, to, &mut |record| records.push(record)).unwrap();
        }
        records
    }

    /// What ingest does with a record that it cannot read.
    fn dead_letter(&self, record: &Record, reason: &str) {
        let mut out = Outputs::new(Arc::new(Schemas::embedded()));
        out.dead_letter(record, reason);
        self.append(out.records());
    }

    /// A record that became a dead letter.
    fn broken(&self, topic: Topic, value: &str, reason: &str) {
        let (key, value) = (Some(Bytes::from_static(b"id-1")), Some(Bytes::copy_from_slice(value.as_bytes())));
        let headers = vec![("tenant".to_owned(), Bytes::from_static(b"seven"))];
        self.append(&[Outgoing { topic, partition: None, key, value, headers }]);
        let newest = self.records(topic).into_iter().max_by_key(|record| record.timestamp_ms).unwrap();
        self.dead_letter(&newest, reason);
    }

    fn replay(&self, args: &Args) -> Replayed {
        self.clock.advance(Duration::from_secs(1));
        let What::Letters(source) = what_of(&args.topic).unwrap() else { panic!("{} has reports", args.topic) };
        replay(args, source, None, &self.log, &self.config, true).unwrap()
    }
}

fn args(topic: Topic) -> Args {
    Args {
        topic: topic.dead_letters().to_string(),
        from: None,
        to: None,
        reason: None,
        dry_run: false,
        mended: None,
        again: false,
        customer: None,
        to_callback: false,
        to_topic: None,
        rate: None,
    }
}

fn mass() -> Topic {
    Topic::api(Lane::Mass)
}

#[test]
fn a_letter_comes_back_as_it_was_with_its_origin_and_without_its_reason() {
    let case = Case::new();
    case.broken(mass(), "garbage", "not a SendRequest");
    let first = case.records(mass()).remove(0);
    assert_eq!(case.replay(&args(mass())).replayed, 1);
    let back = case.records(mass()).into_iter().find(|record| record.offset != first.offset).unwrap();
    assert_eq!((&back.key, &back.value, back.place), (&first.key, &first.value, first.place));
    assert_eq!(letters::header(&back, "tenant").unwrap(), "seven");
    assert_eq!(letters::header(&back, REASON_HEADER), None);
    let origin = format!("{}/{}/{}/{}", mass(), first.place.partition, first.offset, first.timestamp_ms);
    assert_eq!(letters::header(&back, ORIGIN_HEADER).unwrap(), origin);
}

#[test]
fn what_came_back_stays_out_of_the_next_replay_unless_it_is_asked_for_again() {
    let case = Case::new();
    case.broken(mass(), "a", "reason");
    assert_eq!(case.replay(&args(mass())).replayed, 1);
    case.broken(mass(), "b", "reason");
    let second = case.replay(&args(mass()));
    assert_eq!((second.replayed, second.left_out), (1, 1));
    assert_eq!(case.replay(&args(mass())).replayed, 0);
    assert_eq!(case.replay(&Args { again: true, ..args(mass()) }).replayed, 2);
}

#[test]
fn what_failed_again_after_a_replay_comes_back_once_more() {
    let case = Case::new();
    case.broken(mass(), "a", "reason");
    case.replay(&args(mass()));
    let back = case.records(mass()).into_iter().max_by_key(|record| record.timestamp_ms).unwrap();
    case.dead_letter(&back, "another reason");
    let second = case.replay(&args(mass()));
    assert_eq!((second.replayed, second.left_out), (1, 1));
    assert_eq!(second.letters[0].reason, "another reason");
}

#[test]
fn offsets_and_reasons_choose_and_a_dry_run_brings_nothing() {
    let case = Case::new();
    for (value, reason) in [("a", "schema id 7"), ("b", "schema id 8"), ("c", "schema id 7"), ("d", "schema id 7")] {
        case.broken(mass(), value, reason);
    }
    let some = Args {
        from: Some(Bound::Offset(1)),
        to: Some(Bound::Offset(2)),
        reason: Some("id 7".into()),
        dry_run: true,
        ..args(mass())
    };
    let chosen = case.replay(&some);
    assert_eq!(chosen.letters.iter().map(|letter| letter.offset).collect::<Vec<_>>(), [2]);
    assert_eq!(case.records(mass()).len(), 4);
    case.replay(&Args { dry_run: false, ..some });
    assert_eq!(case.records(mass()).len(), 5);
}

#[test]
fn a_mended_request_replaces_the_value_and_keeps_the_origin() {
    let case = Case::new();
    case.broken(mass(), "garbage", "reason");
    let schemas = Schemas::embedded();
    let value = mended::value(mass(), examples::REQUESTS[0].json.as_bytes(), &schemas).unwrap();
    case.clock.advance(Duration::from_secs(1));
    replay(&args(mass()), mass(), Some(value), &case.log, &case.config, true).unwrap();
    let back = case.records(mass()).into_iter().max_by_key(|record| record.timestamp_ms).unwrap();
    assert_eq!(schemas.decode::<SendRequest>(&back.value.clone().unwrap()).unwrap(), examples::REQUESTS[0].request());
    assert!(letters::header(&back, ORIGIN_HEADER).is_some());
}

#[test]
fn a_mended_record_of_another_kind_is_refused_with_the_field() {
    let schemas = Schemas::embedded();
    let refusal = |topic: Topic, json: &str| mended::value(topic, json.as_bytes(), &schemas).unwrap_err();
    assert!(refusal(mass(), r#"{"mesage":"x"}"#).contains("mesage"));
    assert!(refusal(Topic::result(Lane::Mass), r#"{"due":1}"#).starts_with("no Result: unknown field `due`"));
    let delayed = serde_json::to_string(&examples::delayed()).unwrap();
    let value = mended::value(Topic::delay(Ring::Hours), delayed.as_bytes(), &schemas).unwrap();
    assert_eq!(schemas.decode::<Delayed>(&value).unwrap(), examples::delayed());
}

#[test]
fn what_waited_in_a_ring_comes_back_into_a_slot_that_is_open() {
    let case = Case::new();
    let topic = Topic::delay(Ring::Days);
    case.broken(topic, "garbage", "reason");
    case.replay(&args(topic));
    let back = case.records(topic).into_iter().max_by_key(|record| record.timestamp_ms).unwrap();
    let slot = processors::ring::Slot { ring: Ring::Days, partition: back.place.partition };
    assert!(Rings::default().is_open(slot, now_ms()), "{slot:?}");
}

#[test]
fn only_dead_letters_and_reports_can_be_replayed() {
    for wrong in ["API-MASS", "DLQ-OPEN-MASS", "HIST-AT", "nonsense"] {
        assert_eq!(Exit::of(&what_of(wrong).err().unwrap()), Exit::Usage, "{wrong}");
    }
}
