//! The promises of the store of reports, on files.

use super::*;
use processors::ports::{Logged, Move, Sink, Written};
use schemas::{Channel, MessageType, Origin, Report, ReportKind, State, StepReport, Topic};
use std::path::PathBuf;

const NOW_MS: i64 = 1_772_377_199_999;

struct Store {
    folder: tempfile::TempDir,
    next: i64,
}

impl Store {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), next: 0 }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("reports.db")
    }

    /// Writes reports in one batch, after the ones written before.
    fn write(&mut self, reports: &[Report]) {
        let topic = Topic::report(Channel::At);
        let from = (self.next > 0).then_some(self.next);
        let logged = |(offset, record)| Logged { topic, partition: 0, offset, record };
        let batch: Vec<_> = (self.next..).zip(reports.iter().cloned()).map(logged).collect();
        self.next += reports.len() as i64;
        let moves = [Move { topic, partition: 0, from, to: self.next }];
        assert_eq!(ReportSink::reports(&self.path()).unwrap().write(&batch, &moves), Ok(Written::Moved));
    }

    fn reader(&self) -> ReportReader {
        ReportReader::open(&self.path()).unwrap()
    }

    fn found(&self, message_id: &str) -> Vec<Report> {
        let found = self.reader().by_message_id("hanbit-shop", None, message_id, 10).unwrap();
        found.into_iter().map(|found| found.report).collect()
    }
}

fn report(track_id: &str, state: State) -> Report {
    Report {
        track_id: track_id.into(),
        username: "hanbit-shop".into(),
        service_key: "K1".into(),
        message_id: "order-1".into(),
        channel: Channel::At,
        message_type: Some(MessageType::At),
        kind: ReportKind::State,
        state,
        terminal: state == State::Delivered,
        origin: Origin::Vendor,
        code: "0000".into(),
        message: "성공".into(),
        requested_at: NOW_MS,
        sent_at: Some(NOW_MS + 8),
        reported_at: NOW_MS + 20,
        steps: vec![StepReport { channel: Channel::At, message_type: MessageType::At, state, ..StepReport::default() }],
        ..Report::default()
    }
}

#[test]
fn the_newest_state_of_a_message_is_what_a_customer_is_told() {
    let mut store = Store::new();
    let [sent, delivered] = [report("A", State::Sent), report("A", State::Delivered)];
    store.write(std::slice::from_ref(&sent));
    assert_eq!(store.found("order-1"), [sent]);
    // The same in one batch and in the next.
    store.write(&[report("A", State::Sent), delivered.clone()]);
    assert_eq!(store.found("order-1"), std::slice::from_ref(&delivered));
    assert_eq!(store.reader().by_track_id("A").unwrap(), Some(Found { report: delivered, late: None }));
    assert_eq!(store.reader().by_track_id("B").unwrap(), None);
}

#[test]
fn a_refused_duplicate_never_stands_for_the_message_it_repeated() {
    let mut store = Store::new();
    let first = report("A", State::Delivered);
    let duplicate = Report { code: "2030".into(), requested_at: NOW_MS + 500, ..report("B", State::Rejected) };
    store.write(&[first.clone(), duplicate.clone()]);
    assert_eq!(store.found("order-1"), [first, duplicate.clone()]);
    assert_eq!(store.reader().by_track_id("B").unwrap().unwrap().report, duplicate);
}

#[test]
fn an_id_used_again_after_a_day_stands_for_the_newer_message() {
    let mut store = Store::new();
    let older = report("B", State::Delivered);
    let newer = Report { requested_at: NOW_MS + 90_000_000, ..report("A", State::Failed) };
    store.write(&[newer.clone(), older.clone()]);
    assert_eq!(store.found("order-1"), [newer, older]);
}

#[test]
fn news_after_the_end_stands_beside_the_report_and_changes_nothing_in_it() {
    let mut store = Store::new();
    let uncertain = Report { terminal: true, ..report("A", State::Uncertain) };
    let late = Report { kind: ReportKind::Late, terminal: false, ..report("A", State::Delivered) };
    store.write(&[uncertain.clone(), late.clone()]);
    let found = store.reader().by_track_id("A").unwrap();
    assert_eq!(found, Some(Found { report: uncertain, late: Some(late) }));
}

#[test]
fn another_customers_or_keys_message_is_not_found() {
    let mut store = Store::new();
    let other_key = Report { service_key: "K2".into(), ..report("B", State::Failed) };
    store.write(&[report("A", State::Delivered), other_key.clone()]);
    let mut reader = store.reader();
    let mut ids = |username, key, id| -> Vec<String> {
        let found = reader.by_message_id(username, key, id, 10).unwrap();
        found.into_iter().map(|found| found.report.track_id).collect()
    };
    assert_eq!(ids("hanbit-shop", Some("K1"), "order-1"), ["A"]);
    assert_eq!(ids("hanbit-shop", Some("K2"), "order-1"), ["B"]);
    assert_eq!(ids("hanbit-shop", None, "order-1").len(), 2);
    assert!(ids("other-shop", None, "order-1").is_empty());
    assert!(ids("hanbit-shop", None, "ORDER-1").is_empty());
}
