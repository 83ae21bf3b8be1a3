//! The promises of the store of analysis, on files.

use super::*;
use processors::ports::{Logged, Move, Sink, Written};
use schemas::{AnalyzeLog, Channel, Lane, LogEvent, MessageType, Origin, State, Topic};

/// The beginning of a minute.
const MINUTE_MS: i64 = 1_772_377_200_000;
const ALL: std::ops::Range<i64> = 0..i64::MAX;

fn event(event: LogEvent, state: State, code: &str) -> AnalyzeLog {
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
    }
}

fn store(events: &[AnalyzeLog]) -> (tempfile::TempDir, AnalysisReader) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("analysis.db");
    let mut sink = AnalysisSink::analysis(&path).unwrap();
    let topic = Topic::analyze_log();
    for (offset, record) in (0..).zip(events.iter().cloned()) {
        let moves = [Move { topic, partition: 2, from: (offset > 0).then_some(offset), to: offset + 1 }];
        assert_eq!(sink.write(&[Logged { topic, partition: 2, offset, record }], &moves), Ok(Written::Moved));
    }
    (folder, AnalysisReader::open(&path).unwrap())
}

#[test]
fn volumes_are_told_by_the_minute() {
    let step = event(LogEvent::Step, State::Delivered, "0000");
    let next = AnalyzeLog { at: MINUTE_MS + 60_000, ..step.clone() };
    let text = AnalyzeLog { channel: Channel::Mt, ..step.clone() };
    let (_folder, mut reader) = store(&[step.clone(), next, text, step]);
    let volume = |minute_ms, channel, count| Volume { minute_ms, channel, event: LogEvent::Step, count };
    let first = [volume(MINUTE_MS, Channel::At, 2), volume(MINUTE_MS, Channel::Mt, 1)];
    assert_eq!(reader.volumes(MINUTE_MS..MINUTE_MS + 60_000).unwrap(), first);
    let all = [first.to_vec(), vec![volume(MINUTE_MS + 60_000, Channel::At, 1)]].concat();
    assert_eq!(reader.volumes(ALL).unwrap(), all);
}

#[test]
fn a_steps_end_tells_its_whole_way_and_an_attempt_only_its_request() {
    let attempt = AnalyzeLog { at: MINUTE_MS + 112, ..event(LogEvent::Attempt, State::Failed, "9998") };
    let fallback = AnalyzeLog { step: 1, ..event(LogEvent::Step, State::Delivered, "1000") };
    let refused = AnalyzeLog { accepted_at: None, ..event(LogEvent::Rejected, State::Rejected, "2010") };
    let late = event(LogEvent::Late, State::Delivered, "0000");
    let (_folder, mut reader) =
        store(&[attempt, event(LogEvent::Step, State::Delivered, "0000"), fallback, refused, late]);
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
    assert_eq!(reader.latencies(ALL).unwrap(), expected);
    assert_eq!(reader.latencies(0..MINUTE_MS).unwrap(), []);
}

#[test]
fn failure_reasons_come_the_most_frequent_first() {
    let failed = event(LogEvent::Step, State::Failed, "3018");
    let refused =
        AnalyzeLog { vendor: String::new(), origin: Origin::Ims, ..event(LogEvent::Rejected, State::Rejected, "2010") };
    let attempt = event(LogEvent::Attempt, State::Failed, "9998");
    let delivered = event(LogEvent::Step, State::Delivered, "0000");
    let (_folder, mut reader) = store(&[refused, failed.clone(), attempt, delivered, failed]);
    let failure = |vendor: &str, origin, code: &str, count| Failure {
        channel: Channel::At,
        vendor: vendor.into(),
        origin,
        code: code.into(),
        count,
    };
    let most = failure("kakao-a", Origin::Vendor, "3018", 2);
    assert_eq!(reader.failures(ALL, 1).unwrap(), std::slice::from_ref(&most));
    assert_eq!(reader.failures(ALL, 9).unwrap(), [most, failure("", Origin::Ims, "2010", 1)]);
}

#[test]
fn a_batch_that_was_stored_is_not_counted_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("analysis.db");
    let topic = Topic::analyze_log();
    let record = event(LogEvent::Step, State::Delivered, "0000");
    let batch = [Logged { topic, partition: 0, offset: 0, record }];
    let moves = [Move { topic, partition: 0, from: None, to: 1 }];
    let mut sink = AnalysisSink::analysis(&path).unwrap();
    assert_eq!(sink.write(&batch, &moves), Ok(Written::Moved));
    assert_eq!(sink.write(&batch, &moves), Ok(Written::Stale));
    assert_eq!(AnalysisReader::open(&path).unwrap().volumes(ALL).unwrap()[0].count, 1);
}
