use super::*;
use crate::{
    config::{self, ReferenceKind},
    stores::Stores,
};
use bytes::Bytes;
use connectors::{reference, sql::Database};
use processors::ports::Clock;
use schemas::{Delayed, Lane, Schemas, SendRequest, examples, topics::Ring};
use serde_json::{Value, json};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use topology::{
    driver::ManualClock,
    engine::{CUT_HEADER, ORIGIN_HEADER, Outputs, REASON_HEADER},
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
        let (replayed, done) = replay(args, source, None, &self.log, &self.config, true).unwrap();
        done.unwrap();
        replayed
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

/// Looked at, brought, left out.
fn told(replayed: &Replayed) -> Value {
    let json = serde_json::to_value(replayed).unwrap();
    json!([json["looked_at"], json["brought"], json["left_out"]])
}

fn mass() -> Topic {
    Topic::api(Lane::Mass)
}

#[test]
fn a_letter_comes_back_as_it_was_with_its_origin_and_without_its_reason() {
    let case = Case::new();
    case.broken(mass(), "garbage", "not a SendRequest");
    let first = case.records(mass()).remove(0);
    assert_eq!(case.replay(&args(mass())).audit.brought, 1);
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
    assert_eq!(case.replay(&args(mass())).audit.brought, 1);
    case.broken(mass(), "b", "reason");
    let second = case.replay(&args(mass()));
    assert_eq!(told(&second), json!([2, 1, {"came back before": 1}]));
    assert_eq!(case.replay(&args(mass())).audit.brought, 0);
    assert_eq!(case.replay(&Args { again: true, ..args(mass()) }).audit.brought, 2);
}

#[test]
fn what_failed_again_after_a_replay_comes_back_once_more() {
    let case = Case::new();
    case.broken(mass(), "a", "reason");
    case.replay(&args(mass()));
    let back = case.records(mass()).into_iter().max_by_key(|record| record.timestamp_ms).unwrap();
    case.dead_letter(&back, "another reason");
    let second = case.replay(&args(mass()));
    assert_eq!(told(&second), json!([2, 1, {"a newer letter stands for it": 1}]));
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
    assert_eq!(told(&chosen), json!([2, 1, {"of another reason": 1}]));
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
    replay(&args(mass()), mass(), Some(value), &case.log, &case.config, true).unwrap().1.unwrap();
    let back = case.records(mass()).into_iter().max_by_key(|record| record.timestamp_ms).unwrap();
    assert_eq!(schemas.decode::<SendRequest>(&back.value.clone().unwrap()).unwrap(), examples::REQUESTS[0].request());
    assert!(letters::header(&back, ORIGIN_HEADER).is_some());
}

#[test]
fn a_letter_that_was_cut_comes_back_mended_alone() {
    let case = Case::new();
    case.broken(mass(), &"0".repeat(5_000_000), "garbage");
    let left_out = case.replay(&args(mass()));
    assert_eq!(told(&left_out), json!([1, 0, {"not whole: too large to be kept, give it with --mended": 1}]));
    let value = Bytes::from_static(b"mended");
    case.clock.advance(Duration::from_secs(1));
    replay(&args(mass()), mass(), Some(value.clone()), &case.log, &case.config, true).unwrap().1.unwrap();
    let back = case.records(mass()).into_iter().max_by_key(|record| record.timestamp_ms).unwrap();
    assert_eq!((back.value.as_ref(), letters::header(&back, CUT_HEADER)), (Some(&value), None));
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
fn letters_come_back_no_faster_than_they_may() {
    let case = Case::new();
    for value in ["a", "b", "c", "d"] {
        case.broken(mass(), value, "reason");
    }
    let began = Instant::now();
    case.replay(&Args { rate: Some(20), dry_run: true, ..args(mass()) });
    assert_eq!(case.records(mass()).len(), 4);
    // Two at once, two a tenth of a second behind.
    case.replay(&Args { rate: Some(20), ..args(mass()) });
    assert!(began.elapsed() >= Duration::from_millis(100), "{:?}", began.elapsed());
    assert_eq!(case.records(mass()).len(), 8);
}

#[test]
fn a_replay_of_letters_stands_in_the_audit_before_and_after_or_brings_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut case = Case::new();
    case.broken(mass(), "garbage", "not a SendRequest");
    case.config.store.file = folder.path().join("ims.sqlite");
    case.config.reference.kind = ReferenceKind::Sql;
    let unready = replay(&args(mass()), mass(), None, &case.log, &case.config, true).err().unwrap();
    assert_eq!((Exit::of(&unready), case.records(mass()).len()), (Exit::Stopped, 1), "{unready:#}");

    let location = Stores::of(&case.config).reference().unwrap();
    reference::SCHEMA.migrate(&location).unwrap();
    case.replay(&Args { dry_run: true, ..args(mass()) });
    let replayed = case.replay(&Args { reason: Some("SendRequest".into()), ..args(mass()) });
    let mut database = Database::connect(&location, &reference::SCHEMA).unwrap();
    let lines =
        database.run(async |connection| connection.query("SELECT * FROM audit ORDER BY id").fetch_all().await).unwrap();
    let states: Vec<Value> =
        lines.iter().map(|line| serde_json::from_str(&line.get::<String>("state_after").unwrap()).unwrap()).collect();
    assert_eq!(states.len(), 2, "nothing of the dry run: {states:?}");
    for (state, brought, ended) in [(&states[0], 0, false), (&states[1], 1, true)] {
        assert_eq!((&state["brought"], state["ended_at"].is_string()), (&json!(brought), ended));
        assert_eq!((&state["topic"], &state["target"]), (&json!("DLQ-API-MASS"), &json!("topic API-MASS")));
        assert_eq!((&state["reason"], &state["per_second"]), (&json!("SendRequest"), &json!(1_000)));
    }
    let text = replayed.text();
    assert!(text.contains("brought 1 dead letters of DLQ-API-MASS to topic API-MASS\naudit: replay "), "{text}");
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
