//! The promises of the store of reports, on a file and on MariaDB.

use super::*;
use crate::sql::testing::{Store, on_both};
use processors::ports::{Logged, Move, Sink, Written};
use schemas::{Channel, MessageType, Origin, Report, ReportKind, State, StepReport, Topic};

const NOW_MS: i64 = 1_772_377_199_999;

on_both! {
    the_newest_state_of_a_message_is_what_a_customer_is_told
    a_refused_duplicate_never_stands_for_the_message_it_repeated
    an_id_used_again_after_a_day_stands_for_the_newer_message
    news_after_the_end_stands_beside_the_report_and_changes_nothing_in_it
    another_customers_or_keys_message_is_not_found
}

/// Writes reports in one batch each, after the ones written before.
struct Reports<'s> {
    store: &'s Store,
    next: i64,
}

impl<'s> Reports<'s> {
    fn of(store: &'s Store) -> Self {
        Self { store, next: 0 }
    }

    fn write(&mut self, reports: &[Report]) {
        let topic = Topic::report(Channel::At);
        let from = (self.next > 0).then_some(self.next);
        let logged = |(offset, record)| Logged { topic, partition: 0, offset, record };
        let batch: Vec<_> = (self.next..).zip(reports.iter().cloned()).map(logged).collect();
        self.next += reports.len() as i64;
        let moves = [Move { topic, partition: 0, from, to: self.next }];
        assert_eq!(ReportSink::reports(&self.store.location).unwrap().write(&batch, &moves), Ok(Written::Moved));
    }

    fn reader(&self) -> ReportReader {
        ReportReader::open(&self.store.location).unwrap()
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

fn the_newest_state_of_a_message_is_what_a_customer_is_told(store: &Store) {
    let mut store = Reports::of(store);
    let [sent, delivered] = [report("A", State::Sent), report("A", State::Delivered)];
    store.write(std::slice::from_ref(&sent));
    assert_eq!(store.found("order-1"), [sent]);
    // The same in one batch and in the next.
    store.write(&[report("A", State::Sent), delivered.clone()]);
    assert_eq!(store.found("order-1"), std::slice::from_ref(&delivered));
    assert_eq!(store.reader().by_track_id("A").unwrap(), Some(Found { report: delivered, late: None }));
    assert_eq!(store.reader().by_track_id("B").unwrap(), None);
}

fn a_refused_duplicate_never_stands_for_the_message_it_repeated(store: &Store) {
    let mut store = Reports::of(store);
    let first = report("A", State::Delivered);
    let duplicate = Report { code: "2030".into(), requested_at: NOW_MS + 500, ..report("B", State::Rejected) };
    let current = |store: &Reports<'_>| store.reader().current("hanbit-shop", "K1", "order-1").unwrap();
    // The first may wait in its lane, unreported.
    store.write(std::slice::from_ref(&duplicate));
    assert_eq!(current(&store), None);
    store.write(std::slice::from_ref(&first));
    assert_eq!(current(&store).unwrap().report, first);
    assert_eq!(store.found("order-1"), [first, duplicate.clone()]);
    assert_eq!(store.reader().by_track_id("B").unwrap().unwrap().report, duplicate);
}

fn an_id_used_again_after_a_day_stands_for_the_newer_message(store: &Store) {
    let mut store = Reports::of(store);
    let older = report("B", State::Delivered);
    let newer = Report { requested_at: NOW_MS + 90_000_000, ..report("A", State::Failed) };
    store.write(&[newer.clone(), older.clone()]);
    assert_eq!(store.found("order-1"), [newer, older]);
}

fn news_after_the_end_stands_beside_the_report_and_changes_nothing_in_it(store: &Store) {
    let mut store = Reports::of(store);
    let uncertain = Report { terminal: true, ..report("A", State::Uncertain) };
    let late = Report { kind: ReportKind::Late, terminal: false, ..report("A", State::Delivered) };
    store.write(&[uncertain.clone(), late.clone()]);
    let found = store.reader().by_track_id("A").unwrap();
    assert_eq!(found, Some(Found { report: uncertain, late: Some(late) }));
}

fn another_customers_or_keys_message_is_not_found(store: &Store) {
    let mut store = Reports::of(store);
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
