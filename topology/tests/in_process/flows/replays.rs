//! Steps of accepted messages that were dead letters and come back.

use super::{
    ends::answering,
    stage::Stage,
    unreadable::{GARBAGE, spoil},
};
use connectors::simulator::{Behaviour, ReceiptBehaviour, SimulatorSettings, Spread};
use schemas::{Channel, Lane, ReportKind, State, Topic, topics::Kind};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use topology::{
    engine::{ORIGIN_HEADER, REASON_HEADER},
    graph::{Role, chain},
    log::{Outgoing, Record},
};

/// Where a message is when its record cannot be read.
struct Case {
    stage: Stage,
    role: Role,
    stream: &'static str,
}

impl Case {
    /// The example "sms" before this role takes it.
    fn new(mut stage: Stage, role: Role, stream: &'static str) -> Self {
        stage.driver.kill(role);
        stage.send("sms", |_| {});
        stage.advance(Duration::from_millis(100));
        Self { stage, role, stream }
    }

    /// What the role would take next cannot be read, and becomes a dead letter: the records as they were, and their letters.
    fn spoil(&mut self) -> Vec<(Record, Record)> {
        let log = Arc::clone(&self.stage.driver.parts().log);
        let topics = chain().unwrap().nodes().iter().find(|node| node.name() == self.stream).unwrap().sources.clone();
        let were = spoil(&*log, self.stream, &topics);
        self.stage.driver.join(&[self.role]).unwrap();
        self.stage.settle();
        let letters = topics.iter().flat_map(|topic| self.stage.driver.records(topic.dead_letters()).unwrap());
        let pairs: Vec<_> = were.into_iter().zip(letters).collect();
        assert!(!pairs.is_empty() && pairs.iter().all(|(_, letter)| letter.value.as_deref() == Some(GARBAGE)));
        pairs
    }

    /// A letter comes back with this value, as `ims replay` brings it.
    fn replay(&mut self, (was, letter): &(Record, Record), value: &[u8]) {
        let mut headers = letter.headers.clone();
        headers.retain(|(name, _)| name != REASON_HEADER);
        assert!(headers.iter().any(|(name, _)| name == ORIGIN_HEADER));
        // What waited comes into the slot that has just opened.
        let partition = match was.place.topic.kind() {
            Kind::Delay(ring) => {
                let parts = self.stage.driver.parts();
                let size = parts.rings.size(ring);
                let turn = parts.clock.now_ms().div_euclid(i64::from(size.width_ms));
                Some(turn.rem_euclid(i64::from(size.slots)) as i32)
            }
            _ => None,
        };
        let value = Some(bytes_of(value));
        let record = Outgoing { topic: was.place.topic, partition, key: letter.key.clone(), value, headers };
        self.stage.driver.parts().log.producer().unwrap().append(&[record]).unwrap();
        self.stage.advance(Duration::from_secs(30));
    }

    /// What was told of the message, in order: kind, state, terminal.
    fn told(&self) -> Vec<(ReportKind, State, bool)> {
        let mut reports = self.stage.reports();
        reports.sort_by_key(|report| report.reported_at);
        reports.into_iter().map(|report| (report.kind, report.state, report.terminal)).collect()
    }
}

fn bytes_of(value: &[u8]) -> bytes::Bytes {
    bytes::Bytes::copy_from_slice(value)
}

const FAILED: (ReportKind, State, bool) = (ReportKind::State, State::Failed, true);

const fn late(state: State) -> (ReportKind, State, bool) {
    (ReportKind::Late, state, false)
}

/// The message ended as its record became a dead letter. When it comes back and still cannot be read nothing is told; when it
/// can, what becomes of it is late.
fn comes_back(mut case: Case, becomes: &[(ReportKind, State, bool)]) {
    let letters = case.spoil();
    assert_eq!(case.told(), [FAILED]);
    for pair in &letters {
        case.replay(pair, GARBAGE);
    }
    assert_eq!(case.told(), [FAILED], "it ends once");
    for pair in &letters {
        case.replay(pair, pair.0.value.as_deref().unwrap());
    }
    case.stage.advance_by_minutes(Duration::from_secs(3_600));
    assert_eq!(case.told(), [&[FAILED][..], becomes].concat());
    let balance = case.stage.balance();
    // What the router takes stands in RECV twice here: as it was and spoilt.
    let wrong = balance.wrong.iter().find(|line| case.role != Role::Router || !line.ends_with("was accepted twice"));
    assert_eq!((wrong, balance.accepted, balance.waiting), (None, 1, 0), "{balance:#?}");
    assert_eq!(balance.ended, BTreeMap::from([("failed".to_owned(), 1)]));
}

/// Vendors take every text and deliver it, of which they report after 20 seconds.
fn delivering() -> Stage {
    let codes = BTreeMap::from([("1000".to_owned(), 1.0)]);
    let receipts = ReceiptBehaviour { delay_ms: Spread::exactly(20_000.0), codes, ..Behaviour::perfect().receipts };
    let every_vendor = Behaviour { receipts, ..Behaviour::perfect() };
    Stage::with(SimulatorSettings { every_vendor, ..SimulatorSettings::default() })
}

#[test]
fn a_request_that_comes_back_is_not_its_own_duplicate() {
    let mut stage = Stage::perfect();
    let (api, recv) = (Topic::api(Lane::Realtime), Topic::recv(Channel::At, Lane::Realtime));
    let duplicates = |stage: &Stage| stage.reports().iter().filter(|report| report.code == "2030").count();
    stage.send("at", |_| {});
    stage.settle();
    let first = stage.driver.records(api).unwrap().remove(0);
    let Record { place, offset, timestamp_ms, key, value, .. } = first;
    let again = |headers| Outgoing { topic: api, partition: None, key: key.clone(), value: value.clone(), headers };
    let append = |stage: &Stage, record| stage.driver.parts().log.producer().unwrap().append(&[record]).unwrap();
    let origin = format!("{}/{}/{offset}/{timestamp_ms}", place.topic, place.partition);
    append(&stage, again(vec![(ORIGIN_HEADER.to_owned(), origin.into())]));
    stage.advance(Duration::from_secs(1));
    let keys: Vec<_> = stage.driver.records(recv).unwrap().into_iter().map(|record| record.key.unwrap()).collect();
    assert!(keys.len() == 2 && keys[0] == keys[1], "accepted again, as the message that it was: {keys:?}");
    assert_eq!(duplicates(&stage), 0);

    append(&stage, again(vec![]));
    stage.settle();
    assert_eq!((duplicates(&stage), stage.driver.records(recv).unwrap().len()), (1, 2), "without its origin it is one");
}

#[test]
fn what_becomes_of_a_message_that_the_router_could_not_read_is_late() {
    let case = Case::new(delivering(), Role::Router, "router-REALTIME");
    comes_back(case, &[late(State::Sent), late(State::Delivered)]);
}

#[test]
fn what_becomes_of_a_message_that_its_sender_could_not_read_is_late() {
    let case = Case::new(delivering(), Role::Text, "text-REALTIME");
    comes_back(case, &[late(State::Sent), late(State::Delivered)]);
}

#[test]
fn what_outcome_could_not_read_is_late() {
    // By then its receipt has come, and waits for it.
    comes_back(Case::new(delivering(), Role::Outcome, "outcome-REALTIME"), &[late(State::Delivered)]);
}

#[test]
fn what_becomes_of_a_message_that_waited_in_a_record_which_could_not_be_read_is_late() {
    // No vendor takes it: it is tried again after a while.
    let stage = Stage::with(answering(&[("text-one", "2001"), ("text-two", "2001")]));
    comes_back(Case::new(stage, Role::Delay, "delay"), &[late(State::Failed)]);
}

#[test]
fn what_comes_back_before_it_is_due_waits_on_and_is_late() {
    let stage = Stage::with(answering(&[("text-one", "2001"), ("text-two", "2001")]));
    let mut case = Case::new(stage, Role::Delay, "delay");
    let letters = case.spoil();
    let slot = letters[0].0.place;
    case.replay(&letters[0], letters[0].0.value.as_deref().unwrap());
    let waits = case.stage.driver.records(slot.topic).unwrap();
    assert!(waits.iter().filter(|record| record.place == slot).count() > 2, "it was brought to its slot");
    case.stage.advance_by_minutes(Duration::from_secs(3_600));
    assert_eq!(case.told(), [FAILED, late(State::Failed)]);
}
