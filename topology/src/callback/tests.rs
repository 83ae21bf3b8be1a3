//! The worker on the log in process, with a batch in an order in which Kafka gives one too.

use super::*;
use crate::{
    driver::ManualClock,
    engine::Headline,
    log::{
        Limits, Offsets, Outgoing,
        memory::{MemoryLog, Settings},
    },
    send::CAPACITY,
};
use bytes::Bytes;
use processors::{
    callback::{Call, Called, Reply},
    ports::{Away, NoPending, SchemaSource},
    reference::{Customer, Reference, Seed, ServiceKey},
};
use schemas::{
    Channel, Record as _, Schemas, Topic,
    examples::{self, seed},
};
use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

const KEY: &str = "IMSDEMO0SERVICEKEY0000000000000000000001";
/// An id that the registry alone knows.
const FOREIGN: u32 = 4711;

/// An endpoint that says yes at once; the track_id of each call.
struct Line {
    asked: Arc<Mutex<Vec<String>>>,
    said: Vec<Called>,
}

impl Caller for Line {
    fn call(&mut self, call: Call) {
        self.asked.lock().unwrap().push(call.id);
        let reply = Reply::Status { status: 200, retry_after: None };
        self.said.push(Called { ticket: call.ticket, reply, at_ms: seed::NOW_MS });
    }

    fn answers(&mut self, _wait: Duration, into: &mut Vec<Called>) {
        into.append(&mut self.said);
    }
}

/// A registry that is away when it is first asked.
#[derive(Default)]
struct Registry(AtomicBool);

impl SchemaSource for Registry {
    fn schema(&self, id: u32, _foreign: Option<Topic>) -> Result<Option<String>, Away> {
        match self.0.swap(true, Ordering::SeqCst) {
            false => Err(Away { dependency: "registry", cause: "the test has taken it away".to_owned() }),
            true => Ok((id == FOREIGN).then(|| Report::SCHEMA.to_owned())),
        }
    }
}

struct Fixed(Arc<Reference>);

impl ReferenceSource for Fixed {
    fn current(&self) -> Arc<Reference> {
        Arc::clone(&self.0)
    }
}

/// A worker, and what its endpoint is asked.
fn worker(log: &MemoryLog, clock: Arc<dyn Clock>) -> (CallbackWorker, Arc<Mutex<Vec<String>>>) {
    let key = ServiceKey {
        key: KEY.into(),
        username: "shop".into(),
        active: true,
        callback_uri: Some("https://shop.example/".into()),
        callback_secrets: vec![format!("whsec_{}", "A".repeat(32)).try_into().unwrap()],
        ..ServiceKey::default()
    };
    let customers = vec![Customer { username: "shop".into(), ..Customer::default() }];
    let reference = Reference::new(Seed { customers, service_keys: vec![key], ..Seed::default() }).unwrap();
    let (schemas, asked) = (Arc::new(Schemas::embedded()), Arc::new(Mutex::default()));
    let spec = StreamSpec {
        name: "callback".into(),
        sources: vec![Topic::report(Channel::At)],
        offsets: Offsets::Log,
        urgent: false,
        produces: true,
    };
    let parts = CallbackParts {
        caller: Box::new(Line { asked: Arc::clone(&asked), said: Vec::new() }),
        pending: Box::new(NoPending),
        clock,
        reference: Arc::new(Fixed(Arc::new(reference))),
        rings: Arc::default(),
        decoder: Decoder::new(Arc::clone(&schemas), Arc::new(Registry::default())),
        out: Outputs::new(schemas),
        settings: CallbackSettings::default(),
    };
    (CallbackWorker::new(log, spec, parts).unwrap(), asked)
}

fn outgoing(partition: i32, value: Vec<u8>, terminal: &'static str) -> Outgoing {
    let headers = vec![(Headline::TERMINAL.to_owned(), Bytes::from_static(terminal.as_bytes()))];
    Outgoing {
        topic: Topic::report(Channel::At),
        partition: Some(partition),
        key: None,
        value: Some(value.into()),
        headers,
    }
}

#[test]
fn no_report_behind_a_full_window_is_passed_over_when_the_registry_is_away_meanwhile() {
    let clock: Arc<dyn Clock> = ManualClock::at(seed::NOW_MS);
    let partitions = |topic| if topic == Topic::report(Channel::At) { 2 } else { 1 };
    let log = MemoryLog::new(Arc::clone(&clock), Settings::default(), partitions);
    let (mut worker, asked) = worker(&log, clock);
    while worker.turn(Duration::ZERO).unwrap() == Progress::Worked {}
    let report = |track_id: &str| {
        let report = Report { track_id: track_id.into(), service_key: KEY.into(), ..examples::report() };
        worker.out.schemas().encode(&report)
    };
    let mut foreign = report("other");
    foreign[1..5].copy_from_slice(&FOREIGN.to_be_bytes());
    // The first one keeps the window where it is until it is told: the one at CAPACITY finds it full.
    let mut records = vec![outgoing(0, report("first"), "true")];
    records.extend((1..CAPACITY).map(|_| outgoing(0, Vec::new(), "false")));
    records.extend(["refused", "behind it", "last"].map(|id| outgoing(0, report(id), "true")));
    records.push(outgoing(1, foreign, "true"));
    log.producer().unwrap().append(&records).unwrap();

    let mut polled = Vec::new();
    let limits = Limits { records: 2 * CAPACITY, bytes: usize::MAX, wait: Duration::ZERO };
    worker.stream.poll(limits, &mut polled).unwrap();
    assert_eq!(polled.len(), CAPACITY + 4);
    // The other partition's comes between them.
    let other = polled.iter().position(|record| record.place.partition == 1).unwrap();
    let other = polled.remove(other);
    polled.insert(CAPACITY + 1, other);
    worker.batch.extend(polled);

    worker.turn(Duration::ZERO).unwrap();
    assert_eq!(*asked.lock().unwrap(), ["first"], "it is told, and the window moves");
    (0..5).for_each(|_| _ = worker.turn(Duration::ZERO).unwrap());
    assert_eq!(*asked.lock().unwrap(), ["first", "other", "refused", "behind it", "last"]);
}
