//! Senders on the log in process, against vendors that do what the test says, on a clock that the test moves.

mod doubt;
mod fair;
mod flow;
mod laws;
mod limits;
mod rebalance;

use super::*;
use crate::{
    driver::ManualClock,
    engine::{Decoder, Outputs},
    log::{
        Log, Offsets, Outgoing, Place,
        memory::{MemoryLog, Settings},
    },
    send::BreakerSettings,
    steps::DelayWorker,
};
use processors::{
    ports::{Answer, NoRegistry, Provider, ReferenceSource, Reply, Request},
    reference::{CodeTable, Customer, InDoubt, NightAds, Reference, Seed, Vendor},
};
use schemas::{
    Accepted, Api, Channel, Delayed, Dispatch, Family, MessageType, Record as Schema, ResultKind, Schemas, Serial,
    State, StepResult, Topic, TrackId, topics::Ring,
};
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard},
};

/// 2026-03-02 12:00 in Seoul.
const NOON: i64 = 1_772_420_400_000;
const HOUR: i64 = 3_600_000;

/// A request as a vendor saw it.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    ticket: u64,
    at_ms: i64,
    vendor: String,
    serial_number: String,
    customer: String,
    attempt: i32,
    in_doubt: bool,
    /// Whether it reached the vendor: a refused connection did not.
    left: bool,
}

/// When an answer comes, and what it is; None: not before the test says so.
type Script = Box<dyn FnMut(&Request, i64) -> Option<(i64, Reply)> + Send>;

/// Vendors that follow a script.
struct Vendors {
    clock: Arc<ManualClock>,
    script: Mutex<Script>,
    seen: Mutex<Vec<Seen>>,
}

/// One sender's connection; answers die with it, as they do when a process dies.
struct Line {
    vendors: Arc<Vendors>,
    due: Vec<(i64, Answer)>,
    said: Arc<Mutex<VecDeque<Answer>>>,
}

impl Provider for Line {
    fn submit(&mut self, request: Request) {
        let now_ms = self.vendors.clock.now_ms();
        let Request { ticket, dispatch, vendor } = &request;
        let answer = (lock(&self.vendors.script))(&request, now_ms);
        lock(&self.vendors.seen).push(Seen {
            ticket: *ticket,
            at_ms: now_ms,
            vendor: vendor.name.clone(),
            serial_number: dispatch.serial_number.clone(),
            customer: dispatch.accepted.username.clone(),
            attempt: dispatch.attempt,
            in_doubt: dispatch.in_doubt,
            left: !matches!(answer, Some((_, Reply::NotSent(_)))),
        });
        if let Some((after_ms, reply)) = answer {
            let at_ms = now_ms + after_ms;
            self.due.push((at_ms, Answer { ticket: *ticket, reply, at_ms }));
        }
    }

    fn answers(&mut self, _wait: Duration, into: &mut Vec<Answer>) {
        let now_ms = self.vendors.clock.now_ms();
        let (due, rest) = self.due.drain(..).partition(|(at_ms, _)| *at_ms <= now_ms);
        self.due = rest;
        let due: Vec<(i64, Answer)> = due;
        into.extend(due.into_iter().map(|(_, answer)| answer));
        into.extend(lock(&self.said).drain(..));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

/// Reference data that a test may change.
struct Changing(Mutex<Arc<Reference>>);

impl ReferenceSource for Changing {
    fn current(&self) -> Arc<Reference> {
        Arc::clone(&lock(&self.0))
    }
}

fn reference(vendors: Vec<Vendor>) -> Arc<Reference> {
    let customer = |name: &str, night_ads| Customer { username: name.into(), night_ads, ..Customer::default() };
    let customers = vec![customer("shop", NightAds::Hold), customer("strict", NightAds::Fail)];
    Arc::new(Reference::new(Seed { vendors, customers, ..Seed::default() }).unwrap())
}

/// A process with senders, and the log around it.
struct Bench {
    clock: Arc<ManualClock>,
    log: MemoryLog,
    schemas: Arc<Schemas>,
    reference: Arc<Changing>,
    vendors: Arc<Vendors>,
    allowance: Arc<Allowance>,
    settings: SenderSettings,
    senders: Vec<Sender>,
    /// How the test answers for each sender.
    lines: Vec<Arc<Mutex<VecDeque<Answer>>>>,
    delay: Option<DelayWorker>,
    sent: u64,
}

const SOURCES: [Family; 3] = [Family::Sms, Family::Lms, Family::Mms];

fn vendor(name: &str) -> Vendor {
    Vendor {
        name: name.into(),
        families: SOURCES.to_vec(),
        codes: CodeTable::Text,
        weight: 1,
        tps: 100_000,
        max_in_flight: 100_000,
        timeout_ms: 10_000,
        receipts: false,
        receipt_hours: 25,
        in_doubt: InDoubt::Repeat,
        title_bytes: 50,
        paused: false,
        cost_krw: Default::default(),
        receipt_hours_of: Default::default(),
        protocol: Default::default(),
        url: String::new(),
    }
}

fn code(code: &str) -> Reply {
    Reply::Code { code: code.into(), text: String::new() }
}

fn delivered(_: &Request, _: i64) -> Option<(i64, Reply)> {
    Some((0, code("1000")))
}

fn silent(_: &Request, _: i64) -> Option<(i64, Reply)> {
    None
}

impl Bench {
    /// Vendors that deliver at once.
    fn new(vendors: Vec<Vendor>) -> Self {
        Self::with_partitions(vendors, 3)
    }

    fn with_partitions(vendors: Vec<Vendor>, partitions: i32) -> Self {
        let clock = ManualClock::at(NOON);
        let rings = Rings::default();
        let size = move |topic: Topic| match topic.kind() {
            schemas::topics::Kind::Delay(ring) => rings.size(ring).slots as i32,
            _ => partitions,
        };
        let log = MemoryLog::new(Arc::clone(&clock) as Arc<dyn Clock>, Settings::default(), size);
        let reference = Arc::new(Changing(Mutex::new(reference(vendors))));
        let vendors =
            Vendors { clock: Arc::clone(&clock), script: Mutex::new(Box::new(delivered)), seen: Mutex::default() };
        let allowance = Allowance::new(Arc::clone(&clock) as Arc<dyn Clock>, BreakerSettings::default());
        // The process runs all lanes, whichever of them the test looks at.
        for (family, lane) in SOURCES.iter().flat_map(|family| Lane::ALL.iter().map(move |lane| (*family, *lane))) {
            allowance.own(Topic::send(family, lane), lane, partitions as u32, partitions as u32);
        }
        Self {
            allowance,
            reference,
            schemas: Arc::new(Schemas::embedded()),
            vendors: Arc::new(vendors),
            settings: SenderSettings::default(),
            senders: Vec::new(),
            lines: Vec::new(),
            delay: None,
            sent: 0,
            clock,
            log,
        }
    }

    /// The reference data were reloaded.
    fn reload(&self, vendors: Vec<Vendor>) {
        *lock(&self.reference.0) = reference(vendors);
    }

    fn script(&self, script: impl FnMut(&Request, i64) -> Option<(i64, Reply)> + Send + 'static) {
        *lock(&self.vendors.script) = Box::new(script);
    }

    /// Another process joins with a text sender on a lane. It shares nothing with the others but log and vendors.
    fn join(&mut self, lane: Lane) {
        self.enlist(lane);
        self.turns();
    }

    fn enlist(&mut self, lane: Lane) {
        let said = Arc::new(Mutex::default());
        let provider = Line { vendors: Arc::clone(&self.vendors), due: Vec::new(), said: Arc::clone(&said) };
        let spec = StreamSpec {
            name: format!("text-{lane}"),
            sources: SOURCES.map(|family| Topic::send(family, lane)).to_vec(),
            offsets: Offsets::Log,
            urgent: lane == Lane::Auth,
            produces: true,
        };
        let parts = SenderParts {
            lane,
            provider: Box::new(provider),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            reference: Arc::clone(&self.reference) as Arc<dyn ReferenceSource>,
            night: Night::default(),
            paces: Paces::default(),
            rings: Arc::new(Rings::default()),
            allowance: Arc::clone(&self.allowance),
            decoder: Decoder::new(Arc::clone(&self.schemas), Arc::new(NoRegistry)),
            out: Outputs::new(Arc::clone(&self.schemas)),
            settings: self.settings,
        };
        self.senders.push(Sender::new(&self.log, spec, parts).unwrap());
        self.lines.push(said);
    }

    /// Lets what waits come back when it is due.
    fn with_delay(mut self) -> Self {
        let spec = StreamSpec {
            name: "delay".into(),
            sources: Ring::ALL.map(Topic::delay).to_vec(),
            offsets: Offsets::Log,
            urgent: false,
            produces: true,
        };
        let decoder = Decoder::new(Arc::clone(&self.schemas), Arc::new(NoRegistry));
        let out = Outputs::new(Arc::clone(&self.schemas));
        let (clock, rings) = (Arc::clone(&self.clock) as Arc<dyn Clock>, Arc::new(Rings::default()));
        self.delay = Some(DelayWorker::new(&self.log, spec, clock, rings, decoder, out).unwrap());
        self
    }

    /// A sender dies without a word.
    fn kill(&mut self, nth: usize) {
        self.senders.remove(nth);
        self.lines.remove(nth);
    }

    /// Turns everybody until nobody finds anything to do.
    fn turns(&mut self) {
        loop {
            let mut worked = false;
            for sender in &mut self.senders {
                worked |= sender.turn(Duration::ZERO).unwrap() == Progress::Worked;
            }
            if let Some(delay) = &mut self.delay {
                worked |= delay.turn(Duration::ZERO).unwrap() == Progress::Worked;
            }
            if !worked {
                return;
            }
        }
    }

    fn advance(&mut self, ms: i64) {
        self.clock.advance(Duration::from_millis(ms as u64));
        self.turns();
    }

    /// Moves the clock in steps, with everybody at work.
    fn run(&mut self, ms: i64, step_ms: i64) {
        (0..ms / step_ms).for_each(|_| self.advance(step_ms));
    }

    /// A step as the router writes it.
    fn dispatch(&mut self, lane: Lane, vendor: &str, customer: &str) -> Dispatch {
        self.sent += 1;
        let api = Api { cluster: 0, lane, partition: 0, offset: self.sent, receiver: 0 };
        let track_id = TrackId::new(NOON, api);
        let now_ms = self.clock.now_ms();
        Dispatch {
            serial_number: Serial { track_id, step: 0, priority: lane }.to_string(),
            priority: lane,
            vendor: vendor.into(),
            attempt: 1,
            routed_at: now_ms,
            accepted: Accepted {
                track_id: track_id.to_string(),
                username: customer.into(),
                channel: Channel::Mt,
                message_type: MessageType::Sms,
                requested_channel: Channel::Mt,
                requested_type: MessageType::Sms,
                lane,
                expires_at: now_ms + 24 * HOUR,
                ..Accepted::default()
            },
            ..Dispatch::default()
        }
    }

    fn append(&self, dispatches: &[Dispatch]) {
        let outgoing = |dispatch: &Dispatch| Outgoing {
            topic: Topic::send(Family::Sms, dispatch.priority),
            partition: None,
            key: Some(dispatch.accepted.track_id.clone().into()),
            value: Some(self.schemas.encode(dispatch).into()),
            headers: vec![],
        };
        let records: Vec<_> = dispatches.iter().map(outgoing).collect();
        self.log.producer().unwrap().append(&records).unwrap();
    }

    /// The router writes so many steps of a customer.
    fn send(&mut self, count: usize, lane: Lane, vendor: &str, customer: &str) -> Vec<String> {
        let dispatches: Vec<_> = (0..count).map(|_| self.dispatch(lane, vendor, customer)).collect();
        self.append(&dispatches);
        dispatches.into_iter().map(|dispatch| dispatch.serial_number).collect()
    }

    /// The vendor says at last what it has to say to a sender's requests.
    fn say(&self, sender: usize, seen: &[Seen], reply: &Reply) {
        let at_ms = self.clock.now_ms();
        let answers = seen.iter().map(|s| Answer { ticket: s.ticket, reply: reply.clone(), at_ms });
        lock(&self.lines[sender]).extend(answers);
    }

    fn seen(&self) -> Vec<Seen> {
        lock(&self.vendors.seen).clone()
    }

    fn read<R: Schema>(&self, topics: impl IntoIterator<Item = Topic>) -> Vec<R> {
        let mut reader = self.log.reader().unwrap();
        let mut records = Vec::new();
        for topic in topics {
            for partition in reader.partitions(topic).unwrap() {
                let place = Place { topic, partition };
                let (first, end) = reader.bounds(place).unwrap();
                reader.read(place, first, end, &mut |record| records.push(record)).unwrap();
            }
        }
        records.iter().map(|record| self.schemas.decode(record.value.as_deref().unwrap()).unwrap()).collect()
    }

    fn results(&self) -> Vec<StepResult> {
        self.read(Lane::ALL.iter().map(|lane| Topic::result(*lane)))
    }

    /// Results of one kind.
    fn of_kind(&self, kind: ResultKind) -> Vec<StepResult> {
        self.results().into_iter().filter(|result| result.kind == kind).collect()
    }

    /// What waits in DELAY, and was not let go.
    fn delayed(&self) -> Vec<(Delayed, Dispatch)> {
        let waiting: Vec<Delayed> = self.read(Ring::ALL.map(Topic::delay));
        waiting.into_iter().map(|w| (w.clone(), self.schemas.decode(&w.payload).unwrap())).collect()
    }
}
