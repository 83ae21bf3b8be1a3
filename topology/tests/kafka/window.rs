//! A sender whose first request is never answered, on Kafka: it reads as far as the committed metadata can tell.

use crate::support::{
    Deployment, brokers,
    observer::Done,
    relay::{limits, positions, spec},
    settings,
};
use processors::{
    night::Night,
    ports::{Answer, Clock, NoRegistry, Provider, ReferenceSource, Reply, Request},
    reference::{CodeTable, Customer, InDoubt, Reference, Seed, Vendor},
    retry::Paces,
    ring::Rings,
};
use rdkafka::producer::Producer as _;
use schemas::{
    Accepted, Api, Channel, Dispatch, Family, Lane, MessageType, ResultKind, Schemas, Serial, StepResult, Topic,
    TrackId,
};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, atomic::AtomicBool},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use topology::{
    engine::{Decoder, Outputs, Worker},
    log::{Log, Offsets, Outgoing, Place, StreamSpec, kafka::KafkaSettings},
    send::{Allowance, BreakerSettings, CAPACITY, Sender, SenderParts, SenderSettings},
};

/// Somewhat more than one partition's window.
const STEPS: usize = CAPACITY + 3_000;
const PATIENCE: Duration = Duration::from_secs(90);

#[test]
fn a_full_window_stops_reading_and_goes_on_when_its_first_request_is_answered() {
    let Some(brokers) = brokers() else { return };
    let deployment = Deployment::new(KafkaSettings { partitions: 1, ..settings(&brokers) });
    let (source, results) = (Topic::send(Family::Sms, Lane::Mass), Topic::result(Lane::Mass));
    deployment.log.admin().unwrap().create(&[source, results], &[("text-MASS", &[source])]).unwrap();
    let schemas = Arc::new(Schemas::embedded());
    let mut producer = deployment.log.producer().unwrap();
    let steps: Vec<Outgoing> = (0..STEPS).map(|n| step(&schemas, source, n)).collect();
    steps.chunks(2_000).for_each(|part| producer.append(part).unwrap());
    let vendor = Arc::new(Mutex::new(Asked::default()));
    let mut sender = sender(&deployment, &schemas, Arc::clone(&vendor));

    turn_until(&mut sender, || vendor.lock().unwrap().asked.len() >= CAPACITY);
    let still_full = |sender: &mut Sender| {
        (0..50).for_each(|_| _ = sender.turn(Duration::from_millis(5)).unwrap());
        assert_eq!(vendor.lock().unwrap().asked.len(), CAPACITY, "beyond what the metadata can tell");
    };
    still_full(&mut sender);
    // All but the first are answered: their results are in the log, and the window is as full as before.
    vendor.lock().unwrap().answer_from(1);
    turn_until(&mut sender, || ends(&deployment, &schemas).len() == CAPACITY - 1);
    still_full(&mut sender);
    vendor.lock().unwrap().answer_from(0);
    turn_until(&mut sender, || {
        vendor.lock().unwrap().answer_from(0);
        vendor.lock().unwrap().asked.len() == STEPS
    });
    turn_until(&mut sender, || {
        vendor.lock().unwrap().answer_from(0);
        ends(&deployment, &schemas).len() == STEPS
    });
    let asked: BTreeSet<String> = vendor.lock().unwrap().asked.iter().cloned().collect();
    assert_eq!(asked.len(), STEPS, "each step was requested once");
    Box::new(sender).finish(Duration::from_secs(5));
}

#[test]
fn a_window_with_a_request_in_flight_is_not_passed_and_an_empty_one_goes_on_behind_the_passage() {
    let Some(brokers) = brokers() else { return };
    let deployment = Deployment::new(KafkaSettings { partitions: 1, ..settings(&brokers) });
    let (source, results) = (Topic::send(Family::Sms, Lane::Mass), Topic::result(Lane::Mass));
    let sources = [source];
    let groups = ["text-MASS", "other-MASS"].map(|stream| (stream, &sources[..]));
    deployment.log.admin().unwrap().create(&[source, results], &groups).unwrap();
    let schemas = Arc::new(Schemas::embedded());
    let mut producer = deployment.log.producer().unwrap();
    let steps: Vec<Outgoing> = (0..5).map(|n| step(&schemas, source, n)).collect();
    producer.append(&steps[..3]).unwrap();
    deployment.open_transaction(&steps[3]).commit_transaction(PATIENCE).unwrap();
    let end = 5;
    let vendor = Arc::new(Mutex::new(Asked::default()));
    let mut sender = sender(&deployment, &schemas, Arc::clone(&vendor));
    let mut other = deployment.log.stream(spec("other-MASS", &sources)).unwrap();
    let [sent, passed] = groups.map(|(stream, _)| deployment.observer(stream, source, 1));
    let asked = |steps| vendor.lock().unwrap().asked.len() == steps;

    // All but the first are answered.
    turn_until(&mut sender, || asked(4));
    vendor.lock().unwrap().answer_from(1);
    turn_until(&mut sender, || ends(&deployment, &schemas).len() == 3);
    turn_until(&mut sender, || {
        let mut batch = Vec::new();
        other.poll(limits(10), &mut batch).unwrap();
        if !batch.is_empty() {
            other.mark(&positions(&batch)).unwrap();
        }
        passed.committed() == end
    });
    assert_eq!(sent.committed(), 0, "its request is in flight");
    vendor.lock().unwrap().answer_from(0);
    turn_until(&mut sender, || sent.committed() == end);
    // Its window begins before the passage still.
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| deployment.observer("text-MASS", source, 1).never_goes_back(&done));
        let _done = Done(&done);
        producer.append(&steps[4..]).unwrap();
        turn_until(&mut sender, || asked(5));
        assert_eq!(sent.committed(), end, "started, with a mark beside the position");
        vendor.lock().unwrap().answer_from(0);
        turn_until(&mut sender, || sent.committed() == end + 1);
    });
    assert_eq!(ends(&deployment, &schemas).len(), 5);
    Box::new(sender).finish(Duration::from_secs(5));
}

/// What a vendor was asked, and what it has to say.
#[derive(Default)]
struct Asked {
    /// Serial numbers in the order of the requests.
    asked: Vec<String>,
    /// Tickets that were not answered, in that order.
    open: Vec<u64>,
    said: Vec<Answer>,
}

impl Asked {
    /// Answers all open requests but so many of the first.
    fn answer_from(&mut self, first: usize) {
        let at_ms = now_ms();
        let delivered = || Reply::Code { code: "1000".into(), text: String::new() };
        let answered = self.open.split_off(first.min(self.open.len()));
        self.said.extend(answered.into_iter().map(|ticket| Answer { ticket, reply: delivered(), at_ms }));
    }
}

struct Line(Arc<Mutex<Asked>>);

impl Provider for Line {
    fn submit(&mut self, request: Request) {
        let mut asked = self.0.lock().unwrap();
        asked.asked.push(request.dispatch.serial_number.clone());
        asked.open.push(request.ticket);
    }

    fn answers(&mut self, _wait: Duration, into: &mut Vec<Answer>) {
        into.append(&mut self.0.lock().unwrap().said);
    }
}

struct Now;

impl Clock for Now {
    fn now_ms(&self) -> i64 {
        now_ms()
    }
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

struct Fixed(Arc<Reference>);

impl ReferenceSource for Fixed {
    fn current(&self) -> Arc<Reference> {
        Arc::clone(&self.0)
    }
}

fn sender(deployment: &Deployment, schemas: &Arc<Schemas>, asked: Arc<Mutex<Asked>>) -> Sender {
    let vendor = Vendor {
        name: "slow".into(),
        families: vec![Family::Sms],
        codes: CodeTable::Text,
        weight: 1,
        tps: 100_000,
        max_in_flight: 100_000,
        timeout_ms: 600_000,
        receipts: false,
        receipt_hours: 25,
        in_doubt: InDoubt::Repeat,
        title_bytes: 50,
        paused: false,
        cost_krw: Default::default(),
        receipt_hours_of: Default::default(),
        protocol: Default::default(),
        url: String::new(),
    };
    let customers = vec![Customer { username: "shop".into(), ..Customer::default() }];
    let reference = Reference::new(Seed { vendors: vec![vendor], customers, ..Seed::default() }).unwrap();
    let spec = StreamSpec {
        name: "text-MASS".into(),
        sources: vec![Topic::send(Family::Sms, Lane::Mass)],
        offsets: Offsets::Log,
        urgent: false,
        produces: true,
    };
    let clock: Arc<dyn Clock> = Arc::new(Now);
    let parts = SenderParts {
        lane: Lane::Mass,
        provider: Box::new(Line(asked)),
        clock: Arc::clone(&clock),
        reference: Arc::new(Fixed(Arc::new(reference))),
        night: Night::default(),
        paces: Paces::default(),
        rings: Arc::new(Rings::default()),
        allowance: Allowance::new(clock, BreakerSettings::default()),
        decoder: Decoder::new(Arc::clone(schemas), Arc::new(NoRegistry)),
        out: Outputs::new(Arc::clone(schemas)),
        settings: SenderSettings::default(),
    };
    Sender::new(&deployment.log, spec, parts).unwrap()
}

fn step(schemas: &Schemas, topic: Topic, number: usize) -> Outgoing {
    let api = Api { cluster: 0, lane: Lane::Mass, partition: 0, offset: number as u64, receiver: 0 };
    let (now_ms, track_id) = (now_ms(), TrackId::new(now_ms(), api));
    let dispatch = Dispatch {
        serial_number: Serial { track_id, step: 0, priority: Lane::Mass }.to_string(),
        priority: Lane::Mass,
        vendor: "slow".into(),
        attempt: 1,
        routed_at: now_ms,
        accepted: Accepted {
            track_id: track_id.to_string(),
            username: "shop".into(),
            channel: Channel::Mt,
            message_type: MessageType::Sms,
            requested_channel: Channel::Mt,
            requested_type: MessageType::Sms,
            lane: Lane::Mass,
            expires_at: now_ms + 3_600_000,
            ..Accepted::default()
        },
        ..Dispatch::default()
    };
    let value = Some(schemas.encode(&dispatch).into());
    Outgoing { topic, partition: None, key: Some(dispatch.accepted.track_id.into()), value, headers: vec![] }
}

/// Serial numbers of the steps whose end is in the log.
fn ends(deployment: &Deployment, schemas: &Schemas) -> BTreeSet<String> {
    let mut reader = deployment.log.reader().unwrap();
    let place = Place { topic: Topic::result(Lane::Mass), partition: 0 };
    let (first, end) = reader.bounds(place).unwrap();
    let mut ends = BTreeSet::new();
    let mut count = |result: StepResult| {
        if result.kind == ResultKind::Final {
            assert!(ends.insert(result.serial_number.clone()), "{} ended twice", result.serial_number);
        }
    };
    reader.read(place, first, end, &mut |r| count(schemas.decode(&r.value.unwrap_or_default()).unwrap())).unwrap();
    ends
}

fn turn_until(sender: &mut Sender, mut there: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    let mut turns = 0;
    loop {
        sender.turn(Duration::from_millis(5)).unwrap();
        turns += 1;
        if turns % 20 == 0 && there() {
            return;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}");
    }
}
