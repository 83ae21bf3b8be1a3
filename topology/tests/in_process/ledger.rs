//! The ledger as it is read from a log: where it begins, what it counts, what it refuses.

use processors::ports::NoRegistry;
use schemas::{Api, Channel, Lane, Report, ResultKind, Schemas, State, StepResult, Topic, TrackId, examples};
use std::{sync::Arc, time::Duration};
use topology::{
    driver::ManualClock,
    engine::{Decoder, ORIGIN_HEADER, Outputs},
    ledger::{self, Balance, Checkpoint},
    log::{
        Log, LogError, Outgoing,
        memory::{MemoryLog, Settings},
    },
};

const NOW_MS: i64 = 1_773_273_600_000;

/// A log with one partition for each topic, and what is written to it by hand.
struct Case {
    clock: Arc<ManualClock>,
    log: MemoryLog,
    schemas: Arc<Schemas>,
}

impl Case {
    fn new() -> Self {
        Self::with(|_| 1)
    }

    fn with(partitions: impl Fn(Topic) -> i32) -> Self {
        let clock = ManualClock::at(NOW_MS);
        let log = MemoryLog::new(Arc::clone(&clock) as _, Settings::default(), partitions);
        Self { clock, log, schemas: Arc::new(Schemas::embedded()) }
    }

    fn append(&self, records: &[Outgoing]) {
        self.log.producer().unwrap().append(records).unwrap();
    }

    fn out(&self) -> Outputs {
        Outputs::new(Arc::clone(&self.schemas))
    }

    /// The n-th request of API-MASS, counted from 0.
    fn request(&self) {
        let mut out = self.out();
        out.emit(Topic::api(Lane::Mass), "message", &examples::request("at"));
        self.append(out.records());
    }

    fn accept(&self, id: TrackId) {
        let mut out = self.out();
        out.emit(Topic::recv(Channel::At, Lane::Mass), &id.to_string(), &examples::accepted());
        self.append(out.records());
    }

    fn deliver(&self, id: TrackId) {
        let mut out = self.out();
        let report = Report { track_id: id.to_string(), state: State::Delivered, terminal: true, ..examples::report() };
        out.report(&report);
        self.append(out.records());
    }

    fn read(&self, since: &Checkpoint) -> Result<(Balance, Checkpoint), LogError> {
        let decoder = Decoder::new(Arc::clone(&self.schemas), Arc::new(NoRegistry));
        let mut seen = (0, 0);
        let mut reader = self.log.reader()?;
        let (books, upto) = ledger::read(&mut *reader, &decoder, 0, since, &mut |done, all| {
            assert!(seen.0 < done && done <= all, "progress goes on and ends at its end: {seen:?}, {done} of {all}");
            seen = (done, all);
        })?;
        Ok((books.balance(), upto))
    }

    fn announced(&self, since_ms: i64) -> Vec<String> {
        let decoder = Decoder::new(Arc::clone(&self.schemas), Arc::new(NoRegistry));
        ledger::announced(&mut *self.log.reader().unwrap(), &decoder, since_ms).unwrap()
    }
}

/// The id of the n-th request.
fn id(offset: u64) -> TrackId {
    TrackId::new(NOW_MS, Api { cluster: 0, lane: Lane::Mass, partition: 0, offset, receiver: 0 })
}

#[test]
fn a_later_reading_goes_on_where_the_checkpoint_stands() {
    let case = Case::new();
    (0..3).for_each(|_| case.request());
    case.accept(id(0));
    case.accept(id(1));
    case.deliver(id(0));
    let (first, checkpoint) = case.read(&Checkpoint::default()).unwrap();
    assert_eq!((first.requested, first.accepted, first.waiting, first.at_the_door), (3, 2, 1, 1));
    assert_eq!((&checkpoint.under_way, &checkpoint.at_the_door), (&vec![id(1).to_string()], &vec![id(2).to_string()]));

    case.accept(id(2));
    case.deliver(id(1));
    let (second, _) = case.read(&checkpoint).unwrap();
    assert_eq!((second.requested, second.accepted, second.ended["delivered"], second.waiting), (2, 2, 1, 1));
    assert!(second.balances(), "{second:?}");
    case.deliver(id(1));
    let (third, _) = case.read(&checkpoint).unwrap();
    assert_eq!(third.wrong, [format!("{} ended twice", id(1))]);
}

#[test]
fn what_a_replay_brought_back_was_accepted_once() {
    let case = Case::new();
    case.request();
    case.accept(id(0));
    let recv = Topic::recv(Channel::At, Lane::Mass);
    let mut out = case.out();
    out.emit(recv, &id(0).to_string(), &examples::accepted());
    let mut back = out.records()[0].clone();
    back.headers.push((ORIGIN_HEADER.to_owned(), format!("{recv}/0/0/{NOW_MS}").into()));
    case.append(&[back]);
    assert!(case.read(&Checkpoint::default()).unwrap().0.balances());
    case.accept(id(0));
    assert_eq!(case.read(&Checkpoint::default()).unwrap().0.wrong, [format!("{} was accepted twice", id(0))]);
}

#[test]
fn a_checkpoint_of_another_log_and_a_log_without_topics_are_no_balance() {
    let case = Case::new();
    let place = format!("{}/0", Topic::api(Lane::Mass));
    let beyond = Checkpoint { offsets: [(place.clone(), 7)].into(), ..Checkpoint::default() };
    let error = case.read(&beyond).unwrap_err().to_string();
    assert!(error.contains(&place) && error.contains("stands at 7"), "{error}");
    let error = Case::with(|_| 0).read(&Checkpoint::default()).unwrap_err();
    assert!(matches!(&error, LogError::Stop(text) if text.contains("ims topics create")), "{error}");
}

#[test]
fn only_attempts_that_ended_announce_another_request() {
    let case = Case::new();
    let mut out = case.out();
    for (kind, serial) in [(ResultKind::Attempt, "a"), (ResultKind::Final, "b"), (ResultKind::Attempt, "a")] {
        let result = StepResult { kind, serial_number: serial.into(), ..examples::result() };
        out.emit(Topic::result(Lane::Auth), "id", &result);
    }
    case.append(out.records());
    assert_eq!(case.announced(NOW_MS), ["a", "a"]);
    case.clock.advance(Duration::from_secs(1));
    assert!(case.announced(NOW_MS + 1).is_empty(), "what is older than the record of requests announces nothing in it");
}
