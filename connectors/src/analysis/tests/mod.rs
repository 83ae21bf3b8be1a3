//! The promises of the store of analysis, on files and on MongoDB.

use super::mongo::{MongoAnalysis, MongoSink, testing::Base};
use super::*;
use crate::sql::{Database, Location, Schema, Table};
use processors::anomaly::{Activity, Anomaly, Kind, Series};
use processors::ports::{Logged, Move, Sink, Written};
use schemas::{AnalyzeLog, Channel, Lane, LogEvent, MessageType, Origin, State, Topic};

/// Each promise, a function of a `&Kept`, as a test on both.
macro_rules! on_both {
    ($($promise:ident)*) => {
        mod on_a_file {
            $(#[test] fn $promise() { super::$promise(&super::Kept::File(tempfile::tempdir().unwrap())); })*
        }
        mod on_mongodb {
            $(#[test] fn $promise() {
                if let Some(base) = super::Base::shared() {
                    super::$promise(&super::Kept::Mongo(base));
                }
            })*
        }
    };
}
/// The beginning of a minute.
const MINUTE_MS: i64 = 1_772_377_200_000;
/// As far as MongoDB's dates reach.
const ALL: std::ops::Range<i64> = 0..1 << 48;

on_both! {
    volumes_are_told_by_the_minute
    a_steps_end_tells_its_whole_way_and_an_attempt_only_its_request
    what_many_batches_measured_adds_up
    failure_reasons_come_the_most_frequent_first
    customer_channel_and_vendor_are_asked_for
    a_batch_that_was_stored_is_not_counted_again
    what_a_replay_tells_once_more_is_not_counted
    calls_of_a_message_are_told_in_their_order_and_of_no_other
    what_followed_from_calls_is_told_by_customer
    what_a_stalled_writer_brings_after_its_successor_is_not_counted
    a_batch_of_no_records_moves_the_positions
    activities_are_what_vendors_did_for_customers
    an_anomaly_is_kept_once_and_ends_once
    a_watcher_sees_a_jump_of_failures_and_its_end
}

/// A store that nobody else uses and that ends with its test.
pub(crate) enum Kept {
    File(tempfile::TempDir),
    Mongo(Base),
}

impl Kept {
    fn path(folder: &tempfile::TempDir) -> std::path::PathBuf {
        folder.path().join("analysis.db")
    }

    pub(crate) fn sink(&self) -> Box<dyn Sink<AnalyzeLog>> {
        match self {
            Self::File(folder) => Box::new(AnalysisSink::analysis(&Self::path(folder)).unwrap()),
            Self::Mongo(base) => Box::new(MongoSink::new(base.settings()).unwrap()),
        }
    }

    pub(crate) fn reader(&self) -> Box<dyn Analysis> {
        match self {
            Self::File(folder) => Box::new(SqliteAnalysis::open(&Self::path(folder)).unwrap()),
            Self::Mongo(base) => Box::new(MongoAnalysis::new(base.settings()).unwrap()),
        }
    }

    /// Stores events, each in a batch of its own.
    pub(crate) fn store(&self, events: &[AnalyzeLog]) -> Box<dyn Analysis> {
        let mut sink = self.sink();
        let topic = Topic::analyze_log();
        for (offset, record) in (0..).zip(events.iter().cloned()) {
            let moves = [Move { topic, partition: 2, from: (offset > 0).then_some(offset), to: offset + 1 }];
            assert_eq!(sink.write(&[Logged { topic, partition: 2, offset, record }], &moves), Ok(Written::Moved));
        }
        self.reader()
    }
}

pub(crate) fn event(event: LogEvent, state: State, code: &str) -> AnalyzeLog {
    AnalyzeLog {
        event,
        track_id: "01KJMXCWW00000000000000001".into(),
        at: MINUTE_MS + 140,
        username: "hanbit-shop".into(),
        service_key: "K1".into(),
        channel: Channel::At,
        message_type: Some(MessageType::At),
        priority: Lane::Auth,
        step: 0,
        attempt: 1,
        vendor: "kakao-a".into(),
        state,
        origin: Origin::Vendor,
        code: code.into(),
        vendor_code: code.into(),
        ambiguous: false,
        requested_at: MINUTE_MS + 100,
        accepted_at: Some(MINUTE_MS + 101),
        routed_at: Some(MINUTE_MS + 103),
        sent_at: Some(MINUTE_MS + 110),
        replay: String::new(),
        endpoint: String::new(),
        outcome: String::new(),
        next_at: None,
    }
}

fn volumes_are_told_by_the_minute(kept: &Kept) {
    let step = event(LogEvent::Step, State::Delivered, "0000");
    let next = AnalyzeLog { at: MINUTE_MS + 60_000, ..step.clone() };
    let text = AnalyzeLog { channel: Channel::Mt, ..step.clone() };
    let mut reader = kept.store(&[step.clone(), next, text, step]);
    let volume = |minute_ms, channel, count| Volume { minute_ms, channel, event: LogEvent::Step, count };
    let first = [volume(MINUTE_MS, Channel::At, 2), volume(MINUTE_MS, Channel::Mt, 1)];
    assert_eq!(reader.volumes(&Asked::all(MINUTE_MS..MINUTE_MS + 60_000)).unwrap(), first);
    let all = [first.to_vec(), vec![volume(MINUTE_MS + 60_000, Channel::At, 1)]].concat();
    assert_eq!(reader.volumes(&Asked::all(ALL)).unwrap(), all);
}

fn a_steps_end_tells_its_whole_way_and_an_attempt_only_its_request(kept: &Kept) {
    let attempt = AnalyzeLog { at: MINUTE_MS + 112, ..event(LogEvent::Attempt, State::Failed, "9998") };
    let fallback = AnalyzeLog { step: 1, ..event(LogEvent::Step, State::Delivered, "1000") };
    let refused = AnalyzeLog { accepted_at: None, ..event(LogEvent::Rejected, State::Rejected, "2010") };
    let late = event(LogEvent::Late, State::Delivered, "0000");
    let mut reader = kept.store(&[attempt, event(LogEvent::Step, State::Delivered, "0000"), fallback, refused, late]);
    let latency =
        |phase, count, p50_ms, p99_ms| Latency { phase, priority: Lane::Auth, count, p50_ms, p99_ms, p999_ms: p99_ms };
    let expected = [
        latency(Phase::Accept, 1, 1, 1),
        latency(Phase::Route, 1, 2, 2),
        latency(Phase::Queue, 2, 7, 7),
        // 2 ms for the attempt, 30 for each end of a step.
        latency(Phase::Vendor, 3, 30, 30),
        // 40 ms stands in the bucket of 40 and 41.
        latency(Phase::Whole, 2, 41, 41),
    ];
    assert_eq!(reader.latencies(&Asked::all(ALL)).unwrap(), expected);
    assert_eq!(reader.latencies(&Asked::all(0..MINUTE_MS)).unwrap(), []);
}

fn what_a_replay_tells_once_more_is_not_counted(kept: &Kept) {
    let told = event(LogEvent::Callback, State::Delivered, "200");
    let again = AnalyzeLog { replay: "R1".into(), ..told.clone() };
    let mut reader = kept.store(&[told, again.clone(), again]);
    let counts: Vec<i64> = reader.volumes(&Asked::all(ALL)).unwrap().iter().map(|volume| volume.count).collect();
    assert_eq!(counts, [1]);
}

/// A call that ended so many milliseconds after the minute began.
fn called(at: i64, attempt: i32, code: &str, outcome: &str) -> AnalyzeLog {
    AnalyzeLog {
        at: MINUTE_MS + at,
        sent_at: Some(MINUTE_MS + at - 20),
        attempt,
        vendor: String::new(),
        endpoint: "https://shop.example".into(),
        outcome: outcome.into(),
        next_at: (outcome == "again").then_some(MINUTE_MS + at + 60_000),
        ..event(LogEvent::Callback, State::Delivered, code)
    }
}

fn calls_of_a_message_are_told_in_their_order_and_of_no_other(kept: &Kept) {
    let lost = AnalyzeLog { sent_at: None, endpoint: String::new(), ..called(500, 1, "lost", "again") };
    let other = AnalyzeLog { track_id: "01KJMXCWW00000000000000002".into(), ..called(600, 1, "200", "told") };
    // Written by a version that knew nothing of endpoints and outcomes.
    let old = AnalyzeLog { endpoint: String::new(), ..called(400, 1, "503", "") };
    let replayed = AnalyzeLog { replay: "R1".into(), ..called(90_000, 1, "204", "told") };
    let step = event(LogEvent::Step, State::Delivered, "0000");
    let all = [step, called(70_000, 2, "200", "told"), lost, other.clone(), old, replayed];
    let mut reader = kept.store(&all);
    let call = |at: i64, attempt, code: &str, outcome: &str| Call {
        track_id: "01KJMXCWW00000000000000001".into(),
        username: "hanbit-shop".into(),
        service_key: "K1".into(),
        endpoint: "https://shop.example".into(),
        attempt,
        code: code.into(),
        sent_at: Some(MINUTE_MS + at - 20),
        at: MINUTE_MS + at,
        outcome: outcome.into(),
        next_at: None,
        replay: String::new(),
    };
    let expected = [
        Call { endpoint: String::new(), ..call(400, 1, "503", "again") },
        Call {
            endpoint: String::new(),
            sent_at: None,
            next_at: Some(MINUTE_MS + 60_500),
            ..call(500, 1, "lost", "again")
        },
        call(70_000, 2, "200", "told"),
        Call { replay: "R1".into(), ..call(90_000, 1, "204", "told") },
    ];
    assert_eq!(reader.calls("01KJMXCWW00000000000000001").unwrap(), expected);
    let of_other = [Call { track_id: other.track_id.clone(), ..call(600, 1, "200", "told") }];
    assert_eq!(reader.calls(&other.track_id).unwrap(), of_other);
    assert_eq!(reader.calls("nobody").unwrap(), []);
}

fn what_followed_from_calls_is_told_by_customer(kept: &Kept) {
    let of = |username: &str, call: AnalyzeLog| AnalyzeLog { username: username.into(), ..call };
    let mut reader = kept.store(&[
        of("shop", called(0, 1, "500", "again")),
        of("shop", called(60_000, 2, "200", "told")),
        of("shop", called(60_000, 1, "200", "told")),
        of("bank", called(1, 11, "timed_out", "given_up")),
        // Of a version that said nothing of outcomes.
        of("bank", called(1, 1, "410", "")),
        AnalyzeLog { replay: "R1".into(), ..of("shop", called(2, 1, "200", "told")) },
        AnalyzeLog { channel: Channel::Mt, ..of("club", called(2, 1, "200", "told")) },
        event(LogEvent::Step, State::Delivered, "0000"),
    ]);
    let outcomes = |username: &str, told, again, given_up, disabled| Outcomes {
        username: username.into(),
        told,
        again,
        given_up,
        disabled,
    };
    let (bank, shop, club) = (outcomes("bank", 0, 0, 1, 1), outcomes("shop", 2, 1, 0, 0), outcomes("club", 1, 0, 0, 0));
    let all = Asked::all(ALL);
    assert_eq!(reader.outcomes(&all, 9).unwrap(), [bank.clone(), shop, club.clone()]);
    assert_eq!(reader.outcomes(&all, 1).unwrap(), std::slice::from_ref(&bank));
    let minute = reader.outcomes(&Asked::all(MINUTE_MS..MINUTE_MS + 60_000), 9).unwrap();
    assert_eq!(minute, [bank.clone(), outcomes("shop", 0, 1, 0, 0), club.clone()]);
    assert_eq!(reader.outcomes(&Asked { username: Some("bank".into()), ..all.clone() }, 9).unwrap(), [bank]);
    assert_eq!(reader.outcomes(&Asked { channel: Some(Channel::Mt), ..all.clone() }, 9).unwrap(), [club]);
    assert_eq!(reader.outcomes(&Asked { vendor: Some("kakao-a".into()), ..all }, 9).unwrap(), []);
}

#[test]
fn calls_are_found_by_an_index_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = Kept::path(&folder);
    drop(AnalysisSink::analysis(&path).unwrap());
    let mut database = Database::connect(&Location::file(&path), &AnalysisTable::SCHEMA).unwrap();
    let plan = database.run(async |connection| {
        let text = format!("EXPLAIN QUERY PLAN {}", super::sqlite::CALLS);
        let rows = connection.query(&text).bind("T").bind(1).fetch_all().await?;
        rows.iter().map(|row| row.get::<String>("detail")).collect::<sqlx::Result<Vec<_>>>()
    });
    let plan = plan.unwrap();
    assert!(plan[0].contains("SEARCH events USING INDEX events_calls"), "{plan:?}");
}

/// The store as a version with so many migrations made it.
fn earlier(path: &std::path::Path, migrations: usize) -> Database {
    let file = AnalysisTable::SCHEMA.file[..migrations].to_vec().into();
    Database::open(&Location::file(path), &Schema { file, ..AnalysisTable::SCHEMA }).unwrap()
}

#[test]
fn calls_of_a_file_that_an_earlier_version_made_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = Kept::path(&folder);
    let mut earlier = earlier(&path, 3);
    let events = [
        called(0, 1, "500", "again"),
        event(LogEvent::Step, State::Delivered, "0000"),
        called(60_000, 2, "200", "told"),
    ];
    let written = earlier.run(async |connection| {
        for (offset, event) in (0i64..).zip(&events) {
            let row = connection.query("INSERT INTO events (partition, log_offset, at, event) VALUES (1, ?, ?, ?)");
            row.bind(offset).bind(event.at).bind(serde_json::to_string(event).unwrap()).execute().await?;
        }
        Ok(())
    });
    written.unwrap();
    drop(earlier);
    drop(AnalysisSink::analysis(&path).unwrap());
    let calls = SqliteAnalysis::open(&path).unwrap().calls(&events[0].track_id).unwrap();
    assert_eq!(calls.iter().map(|call| call.attempt).collect::<Vec<_>>(), [1, 2]);
}

/// So many steps, whose vendor took 0, 1, … 79 ms and so on.
fn of_many_durations(steps: i64) -> Vec<AnalyzeLog> {
    let step = event(LogEvent::Step, State::Delivered, "0000");
    (0..steps).map(|n| AnalyzeLog { sent_at: Some(step.at - n % 80), ..step.clone() }).collect()
}

fn what_many_batches_measured_adds_up(kept: &Kept) {
    let latencies = kept.store(&of_many_durations(480)).latencies(&Asked::all(ALL)).unwrap();
    let told = |l: &Latency| (l.phase, l.count, l.p50_ms, l.p99_ms, l.p999_ms);
    let vendor: Vec<_> = latencies.iter().map(told).filter(|(phase, ..)| *phase == Phase::Vendor).collect();
    // The 240th took 39 ms, the 476th and the last 79, which ends the bucket of 76 to 79.
    assert_eq!(vendor, [(Phase::Vendor, 480, 39, 79, 79)]);
}

#[test]
fn a_row_that_many_batches_add_to_stays_small() {
    let folder = tempfile::tempdir().unwrap();
    let path = Kept::path(&folder);
    let kept = Kept::File(folder);
    kept.store(&of_many_durations(1_920));
    let mut file = Database::connect(&Location::file(&path), &AnalysisTable::SCHEMA).unwrap();
    let row = "SELECT length(took) AS bytes FROM latencies";
    let bytes: i64 = file.run(async |file| file.query(row).fetch_one().await?.get("bytes")).unwrap();
    // So many batches add some 45 bytes each: more than this without being added up.
    assert!((1_000..65_536).contains(&bytes), "{bytes}");
}

#[test]
fn latencies_of_an_older_file_are_read_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = earlier(&Kept::path(&folder), 4);
    let old = [("VENDOR", "a", 30, 2), ("VENDOR", "a", 31, 1), ("WHOLE", "a", 40, 2), ("VENDOR", "b", 30, 4)];
    file.run(async |file| {
        for (phase, username, bucket, count) in old {
            let row = "INSERT INTO latencies VALUES (?, ?, 'AT', 'AUTH', ?, 'kakao-a', ?, ?)";
            file.query(row).bind(MINUTE_MS).bind(phase).bind(username).bind(bucket).bind(count).execute().await?;
        }
        Ok(())
    })
    .unwrap();
    drop(file);
    let kept = Kept::File(folder);
    let of = |username: &str| {
        let asked = Asked { username: Some(username.into()), ..Asked::all(ALL) };
        let latencies = kept.reader().latencies(&asked).unwrap();
        latencies.iter().map(|l| (l.phase, l.priority, l.count, l.p99_ms)).collect::<Vec<_>>()
    };
    assert_eq!(of("a"), [(Phase::Vendor, Lane::Auth, 3, 31), (Phase::Whole, Lane::Auth, 2, 49)]);
    assert_eq!(of("b"), [(Phase::Vendor, Lane::Auth, 4, 30)]);
}

fn failure_reasons_come_the_most_frequent_first(kept: &Kept) {
    let failed = event(LogEvent::Step, State::Failed, "3018");
    let refused =
        AnalyzeLog { vendor: String::new(), origin: Origin::Ims, ..event(LogEvent::Rejected, State::Rejected, "2010") };
    let attempt = event(LogEvent::Attempt, State::Failed, "9998");
    let delivered = event(LogEvent::Step, State::Delivered, "0000");
    let mut reader = kept.store(&[refused, failed.clone(), attempt, delivered, failed]);
    let failure = |vendor: &str, origin, code: &str, count| Failure {
        channel: Channel::At,
        vendor: vendor.into(),
        origin,
        code: code.into(),
        count,
    };
    let most = failure("kakao-a", Origin::Vendor, "3018", 2);
    assert_eq!(reader.failures(&Asked::all(ALL), 1).unwrap(), std::slice::from_ref(&most));
    assert_eq!(reader.failures(&Asked::all(ALL), 9).unwrap(), [most, failure("", Origin::Ims, "2010", 1)]);
}

fn customer_channel_and_vendor_are_asked_for(kept: &Kept) {
    let one = event(LogEvent::Step, State::Failed, "3018");
    let customer = AnalyzeLog { username: "other".into(), ..one.clone() };
    let channel = AnalyzeLog { channel: Channel::Mt, ..one.clone() };
    let vendor = AnalyzeLog { vendor: "kakao-b".into(), ..one.clone() };
    let mut reader = kept.store(&[one, customer, channel, vendor]);
    let all = Asked::all(ALL);
    let by_customer = Asked { username: Some("other".into()), ..all.clone() };
    let by_channel = Asked { channel: Some(Channel::Mt), ..all.clone() };
    let by_vendor = Asked { vendor: Some("kakao-b".into()), ..all.clone() };
    let by_all = Asked {
        username: Some("hanbit-shop".into()),
        channel: Some(Channel::At),
        vendor: Some("kakao-a".into()),
        ..all
    };
    for asked in [by_customer, by_channel, by_vendor, by_all] {
        let told = |count: Option<i64>| count.unwrap_or_default();
        let volumes: i64 = reader.volumes(&asked).unwrap().iter().map(|volume| volume.count).sum();
        let latencies = reader.latencies(&asked).unwrap().iter().map(|latency| latency.count).max();
        let failures: i64 = reader.failures(&asked, 9).unwrap().iter().map(|failure| failure.count).sum();
        assert_eq!([volumes, told(latencies), failures], [1; 3], "{asked:?}");
    }
}

fn a_batch_that_was_stored_is_not_counted_again(kept: &Kept) {
    let topic = Topic::analyze_log();
    let record = event(LogEvent::Step, State::Delivered, "0000");
    let batch = [Logged { topic, partition: 0, offset: 0, record }];
    let moves = [Move { topic, partition: 0, from: None, to: 1 }];
    let mut sink = kept.sink();
    assert_eq!(sink.positions(&[(topic, 0), (topic, 1)]), Ok(vec![None, None]));
    assert_eq!(sink.write(&batch, &moves), Ok(Written::Moved));
    assert_eq!(sink.write(&batch, &moves), Ok(Written::Stale));
    let later = [Move { from: Some(7), to: 8, ..moves[0] }];
    assert_eq!(sink.write(&batch, &later), Ok(Written::Stale), "nothing was read from there");
    assert_eq!(kept.sink().positions(&[(topic, 0), (topic, 1)]), Ok(vec![Some(1), None]));
    assert_eq!(kept.reader().volumes(&Asked::all(ALL)).unwrap()[0].count, 1);
}

fn what_a_stalled_writer_brings_after_its_successor_is_not_counted(kept: &Kept) {
    let topic = Topic::analyze_log();
    let batch: Vec<_> = (0..2)
        .map(|offset| Logged { topic, partition: 3, offset, record: event(LogEvent::Step, State::Delivered, "0000") })
        .collect();
    // Both read from the beginning: the first took one record, its successor two.
    let moves = |to| [Move { topic, partition: 3, from: None, to }, Move { topic, partition: 1, from: None, to: 5 }];
    let (mut stalled, mut successor) = (kept.sink(), kept.sink());
    for sink in [&mut stalled, &mut successor] {
        sink.positions(&[(topic, 3), (topic, 1)]).unwrap();
    }
    assert_eq!(successor.write(&batch, &moves(2)), Ok(Written::Moved));
    assert_eq!(stalled.write(&batch[..1], &moves(1)), Ok(Written::Stale));
    assert_eq!(kept.sink().positions(&[(topic, 3), (topic, 1)]), Ok(vec![Some(2), Some(5)]));
    assert_eq!(kept.reader().volumes(&Asked::all(ALL)).unwrap()[0].count, 2);
    assert_eq!(kept.reader().latencies(&Asked::all(ALL)).unwrap()[0].count, 2);
}

fn a_batch_of_no_records_moves_the_positions(kept: &Kept) {
    let topic = Topic::analyze_log();
    let moves = [Move { topic, partition: 0, from: None, to: 3 }];
    assert_eq!(kept.sink().write(&[], &moves), Ok(Written::Moved));
    assert_eq!(kept.sink().positions(&[(topic, 0)]), Ok(vec![Some(3)]));
}

fn activities_are_what_vendors_did_for_customers(kept: &Kept) {
    let delivered = event(LogEvent::Step, State::Delivered, "0000");
    let attempt = event(LogEvent::Attempt, State::Failed, "9998");
    let uncertain = AnalyzeLog { channel: Channel::Mt, ..event(LogEvent::Step, State::Uncertain, "5030") };
    let none_of_it = [
        event(LogEvent::Step, State::Cancelled, "5020"),
        event(LogEvent::Late, State::Delivered, "0000"),
        AnalyzeLog { vendor: String::new(), ..event(LogEvent::Step, State::Failed, "5040") },
        AnalyzeLog { at: MINUTE_MS + 60_000, ..delivered.clone() },
    ];
    let events = [vec![delivered.clone(), attempt, delivered, uncertain], none_of_it.to_vec()].concat();
    let mut activities = kept.store(&events).activities(MINUTE_MS..MINUTE_MS + 60_000).unwrap();
    activities.sort_by(|a, b| a.series.cmp(&b.series));
    let series = |channel| Series { vendor: "kakao-a".into(), channel, username: "hanbit-shop".into() };
    // 30 ms each; the step that was cancelled and the attempt took as long.
    let activity = |channel, requests, failures, durations| {
        let durations = vec![(processors::histogram::bucket_of(30), durations)];
        Activity { series: series(channel), requests, failures, durations }
    };
    let mut expected = vec![activity(Channel::At, 3, 1, 4), activity(Channel::Mt, 1, 1, 1)];
    expected.sort_by(|a, b| a.series.cmp(&b.series));
    assert_eq!(activities, expected);
}

fn an_anomaly_is_kept_once_and_ends_once(kept: &Kept) {
    let series = Series { vendor: "kakao-a".into(), channel: Channel::At, username: "hanbit-shop".into() };
    let open = Anomaly {
        kind: Kind::Latency,
        series,
        opened_ms: MINUTE_MS,
        closed_ms: None,
        share: 0.5,
        norm: 0.04,
        events: 120,
        slow_ms: Some(1_500),
    };
    let mut analysis = kept.reader();
    let again = Anomaly { share: 0.7, ..open.clone() };
    let later = Anomaly { opened_ms: MINUTE_MS + 600_000, kind: Kind::Failures, slow_ms: None, ..open.clone() };
    analysis.note(&[open.clone(), again]).unwrap();
    assert_eq!(analysis.anomalies(&Asked::all(ALL)).unwrap(), std::slice::from_ref(&open));
    let end = |closed_ms| Anomaly { closed_ms: Some(closed_ms), ..open.clone() };
    analysis.note(&[end(MINUTE_MS + 300_000), later.clone()]).unwrap();
    kept.reader().note(&[end(MINUTE_MS + 360_000)]).unwrap();
    let ended = end(MINUTE_MS + 300_000);
    assert_eq!(analysis.anomalies(&Asked::all(ALL)).unwrap(), [ended.clone(), later.clone()]);
    // Asked for is what lasted at some time of the span.
    let mut within = |from: i64, to: i64| analysis.anomalies(&Asked::all(MINUTE_MS + from..MINUTE_MS + to)).unwrap();
    assert_eq!(within(-60_000, 0), []);
    assert_eq!(within(120_000, 180_000), std::slice::from_ref(&ended));
    assert_eq!(within(360_000, 420_000), []);
    assert_eq!(within(1 << 40, 1 << 41), [later]);
    for (username, found) in [("hanbit-shop", 2), ("other", 0)] {
        let asked = Asked { username: Some(username.into()), ..Asked::all(ALL) };
        assert_eq!(analysis.anomalies(&asked).unwrap().len(), found, "{username}");
    }
}

/// A minute of a customer: so many of 120 failed.
fn minute(minute: i64, failed: usize) -> impl Iterator<Item = AnalyzeLog> {
    (0..120).map(move |at| {
        let (state, code) = if at < failed { (State::Failed, "3018") } else { (State::Delivered, "0000") };
        let ended_at = MINUTE_MS + minute * 60_000 + at as i64 * 500;
        AnalyzeLog { at: ended_at, sent_at: Some(ended_at - 30), ..event(LogEvent::Step, state, code) }
    })
}

fn a_watcher_sees_a_jump_of_failures_and_its_end(kept: &Kept) {
    let (mut sink, topic, mut next) = (kept.sink(), Topic::analyze_log(), 0);
    let mut happens = |events: &mut dyn Iterator<Item = AnalyzeLog>| {
        let place = |(offset, record)| Logged { topic, partition: 0, offset, record };
        let batch: Vec<_> = (next..).zip(events).map(place).collect();
        let moves = [Move { topic, partition: 0, from: (next > 0).then_some(next), to: next + batch.len() as i64 }];
        assert_eq!(sink.write(&batch, &moves), Ok(Written::Moved));
        next += batch.len() as i64;
    };
    happens(&mut (0..40).flat_map(|at| minute(at, 2)));
    let at = |minute: i64| MINUTE_MS + minute * 60_000;
    let mut watcher = Watcher::new(kept.reader());
    assert_eq!(watcher.turn(at(40)), Ok(Seen { news: vec![], open: vec![], unwatched: 0 }));
    happens(&mut minute(40, 40));
    let seen = watcher.turn(at(41)).unwrap();
    assert!(!seen.news.is_empty() && seen.open == seen.news, "{seen:?}");
    let of_customer: Vec<_> = seen.open.iter().filter(|seen| seen.series.username == "hanbit-shop").collect();
    let [jump] = of_customer[..] else { panic!("{seen:?}") };
    assert_eq!((jump.kind, jump.opened_ms, jump.closed_ms), (Kind::Failures, at(41), None));
    assert!(jump.norm < 0.03 && jump.share > 0.15, "{jump:?}");
    // Another one, which begins now, finds it kept and says nothing new.
    let second = Watcher::new(kept.reader()).turn(at(41)).unwrap();
    assert_eq!(second, Seen { news: vec![], open: seen.open.clone(), unwatched: 0 });
    let mut ended = Vec::new();
    for minute_ in 41..60 {
        happens(&mut minute(minute_, 2));
        ended.extend(watcher.turn(at(minute_ + 1)).unwrap().news);
    }
    assert_eq!(ended.len(), seen.open.len(), "each ends once, and none begins: {ended:?}");
    assert!(ended.iter().all(|anomaly| anomaly.closed_ms.is_some()));
    assert_eq!(kept.reader().anomalies(&Asked::all(ALL)).unwrap().len(), seen.open.len());
}
