//! A chain on the in-process log with the simulator behind it, and what a test asks of it.

use connectors::{
    claims::MemoryClaims,
    reference::FileReference,
    simulator::{Behaviour, Simulator, SimulatorSettings},
};
use processors::{
    callback::{Call, Called, Failure, Reply},
    center::consent::Agreed,
    ingest,
    night::Night,
    outcome::Patience,
    ports::{
        AppUser, AskedConsent, Away, Caller, Claim, Claims, Clock, Consents, Files, HeldConsents, HeldOptOuts,
        HeldPushTokens, Logged, MessageName, Move, NamedFile, OptOuts, PendingNotes, Provider, PushTokens, Receipts,
        ReferenceSource, SchemaSource, Sink, Written,
    },
    reference::OptOut,
    retry::Paces,
    ring::Rings,
};
use schemas::{
    AnalyzeLog, Channel, History, Lane, Report, Schemas, SendRequest, State, Topic, TrackId, examples, examples::seed,
    topics::Partitions,
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};
use topology::{
    assembly::{Backends, Parts},
    callback::CallbackSettings,
    driver::{Driver, ManualClock},
    engine::BatchLimits,
    graph::{Role, chain},
    ledger::{Balance, Books, Checkpoint, read},
    log::memory::{MemoryLog, Settings},
    send::{Allowance, BreakerSettings, SenderSettings},
};

/// The chain, its vendors, and what its stores hold.
pub struct Stage {
    pub driver: Driver,
    pub history: Store<History>,
    pub endpoints: Endpoints,
    /// Whether nobody can be asked who refused ads.
    pub opt_outs_away: Arc<AtomicBool>,
}

impl Stage {
    /// Every vendor answers at once, with the codes that it gives on other days.
    pub fn perfect() -> Self {
        Self::with(perfect())
    }

    /// Vendors as the settings say; the time is that of the examples, a Wednesday morning in Seoul.
    pub fn with(settings: SimulatorSettings) -> Self {
        Self::at(seed::NOW_MS, settings)
    }

    /// The same at another time.
    pub fn at(now_ms: i64, settings: SimulatorSettings) -> Self {
        Self::knowing(FileReference::demo().unwrap(), now_ms, settings)
    }

    /// The same with other reference data than the demo's.
    pub fn knowing(reference: impl ReferenceSource + 'static, now_ms: i64, settings: SimulatorSettings) -> Self {
        // A test looks back at every record.
        Self::keeping(u64::MAX, Store::default(), reference, now_ms, settings)
    }

    /// The same for more messages than there is memory for: records go when they have been read, rows when they have been
    /// counted.
    pub fn forgetting(reference: impl ReferenceSource + 'static, now_ms: i64, settings: SimulatorSettings) -> Self {
        Self::keeping(64 << 20, Store::forgetting(), reference, now_ms, settings)
    }

    fn keeping(
        retention_bytes: u64,
        history: Store<History>,
        reference: impl ReferenceSource + 'static,
        now_ms: i64,
        settings: SimulatorSettings,
    ) -> Self {
        let clock = ManualClock::at(now_ms);
        let as_clock = || Arc::clone(&clock) as Arc<dyn Clock>;
        let rings = Arc::new(Rings::default());
        let sizes = Arc::clone(&rings);
        let keeps = Settings { retention_bytes, ..Settings::default() };
        let log = MemoryLog::new(as_clock(), keeps, move |topic| match topic.partitions() {
            Partitions::Configured => 3,
            Partitions::Slots(ring) => sizes.size(ring).slots as i32,
            Partitions::One => 1,
        });
        let simulator = Simulator::open(settings, as_clock()).unwrap();
        let reference: Arc<dyn ReferenceSource> = Arc::new(reference);
        let endpoints = Endpoints::new(as_clock());
        let opt_outs_away = Arc::default();
        let backends = Embedded {
            reference: Arc::clone(&reference),
            claims: SharedClaims::default(),
            simulator: Arc::clone(&simulator),
            history: history.clone(),
            endpoints: endpoints.clone(),
            opt_outs_away: Arc::clone(&opt_outs_away),
        };
        let parts = Parts {
            log: Arc::new(log.clone()),
            cluster: 0,
            schemas: Arc::new(Schemas::embedded()),
            schema_source: Arc::new(Registry),
            clock: as_clock(),
            reference,
            night: Night::default(),
            rings,
            ingest: ingest::Settings::default(),
            patience: Patience::default(),
            allowance: Allowance::new(as_clock(), BreakerSettings::default()),
            paces: Paces::default(),
            sender: SenderSettings::default(),
            callback: CallbackSettings::default(),
            limits: BatchLimits::default(),
            backends: Box::new(backends),
        };
        let driver = Driver::new(chain().unwrap(), clock, log, parts).unwrap();
        let mut stage = Self { driver, history, endpoints, opt_outs_away };
        stage.settle();
        stage
    }

    pub fn settle(&mut self) {
        self.driver.settle().unwrap();
    }

    /// Sends an example, changed.
    pub fn send(&mut self, name: &str, change: impl FnOnce(&mut SendRequest)) {
        let mut request = examples::request(name);
        change(&mut request);
        let lane = examples::REQUESTS.iter().find(|e| e.name == name).unwrap().lane;
        self.send_over(lane, &request);
    }

    pub fn send_over(&mut self, lane: Lane, request: &SendRequest) {
        self.driver.append(Topic::api(lane), &request.message_id, request).unwrap();
    }

    /// Moves the clock second by second.
    pub fn advance(&mut self, by: Duration) {
        self.driver.advance(by, Duration::from_secs(1)).unwrap();
    }

    /// Moves the clock by tenths of a second: for rates, which never save up more.
    pub fn advance_finely(&mut self, by: Duration) {
        self.driver.advance(by, Duration::from_millis(100)).unwrap();
    }

    /// Moves the clock hour by hour: for days.
    pub fn advance_by_hours(&mut self, by: Duration) {
        self.driver.advance(by, Duration::from_secs(3600)).unwrap();
    }

    /// Moves the clock minute by minute: for hours.
    pub fn advance_by_minutes(&mut self, by: Duration) {
        self.driver.advance(by, Duration::from_secs(60)).unwrap();
    }

    pub fn reports(&self) -> Vec<Report> {
        self.driver.decoded(Channel::ALL.iter().map(|&c| Topic::report(c))).unwrap()
    }

    /// The one terminal report of each message_id.
    pub fn ends(&self) -> BTreeMap<String, Report> {
        let mut ends = BTreeMap::new();
        for report in self.reports().into_iter().filter(|r| r.terminal && r.state != State::Rejected) {
            let id = report.message_id.clone();
            assert!(ends.insert(id.clone(), report).is_none(), "{id} ended twice");
        }
        ends
    }

    pub fn end(&self, message_id: &str) -> Report {
        self.ends().remove(message_id).unwrap_or_else(|| panic!("{message_id} has not ended: {:#?}", self.reports()))
    }

    pub fn balance(&self) -> Balance {
        let mut reader = self.driver.parts().log.reader().unwrap();
        let decoder = self.driver.parts().decoder();
        let (books, _): (Books, Checkpoint) =
            read(&mut *reader, &decoder, 0, &Checkpoint::default(), &mut |_, _| {}).unwrap();
        books.balance()
    }
}

/// A store in memory that keeps offsets as a database does.
pub struct Store<R>(Arc<Mutex<Kept<R>>>);

struct Kept<R> {
    rows: Vec<R>,
    forgets: bool,
    written: usize,
    positions: HashMap<(Topic, i32), i64>,
}

impl<R> Default for Store<R> {
    fn default() -> Self {
        Self::new(false)
    }
}

impl<R> Store<R> {
    fn new(forgets: bool) -> Self {
        Self(Arc::new(Mutex::new(Kept { rows: vec![], forgets, written: 0, positions: HashMap::new() })))
    }

    /// One that counts its rows.
    fn forgetting() -> Self {
        Self::new(true)
    }

    /// How many rows were written.
    pub fn written(&self) -> usize {
        self.0.lock().unwrap().written
    }
}

impl<R> Clone for Store<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<R: Clone> Store<R> {
    pub fn rows(&self) -> Vec<R> {
        self.0.lock().unwrap().rows.clone()
    }
}

impl<R: Clone + Send> Sink<R> for Store<R> {
    fn positions(&mut self, places: &[(Topic, i32)]) -> Result<Vec<Option<i64>>, Away> {
        let kept = self.0.lock().unwrap();
        Ok(places.iter().map(|place| kept.positions.get(place).copied()).collect())
    }

    fn write(&mut self, batch: &[Logged<R>], moves: &[Move]) -> Result<Written, Away> {
        let mut kept = self.0.lock().unwrap();
        if moves.iter().any(|m| kept.positions.get(&(m.topic, m.partition)).copied() != m.from) {
            return Ok(Written::Stale);
        }
        kept.written += batch.len();
        if !kept.forgets {
            kept.rows.extend(batch.iter().map(|logged| logged.record.clone()));
        }
        kept.positions.extend(moves.iter().map(|m| ((m.topic, m.partition), m.to)));
        Ok(Written::Moved)
    }
}

/// A schema id that makes whoever asks for it panic.
pub const DEFECT: u32 = 666;

/// A registry that knows no schemas but ours.
struct Registry;

impl SchemaSource for Registry {
    fn schema(&self, id: u32, _: Option<Topic>) -> Result<Option<String>, Away> {
        assert_ne!(id, DEFECT);
        Ok(None)
    }
}

#[derive(Clone, Default)]
struct SharedClaims(Arc<Mutex<MemoryClaims>>);

impl Claims for SharedClaims {
    fn claim(&mut self, claims: &[Claim], now_ms: i64) -> Result<Vec<Option<TrackId>>, Away> {
        self.0.lock().unwrap().claim(claims, now_ms)
    }

    fn holders(&mut self, asked: &[MessageName], now_ms: i64) -> Result<Vec<Option<TrackId>>, Away> {
        self.0.lock().unwrap().holders(asked, now_ms)
    }
}

struct Embedded {
    reference: Arc<dyn ReferenceSource>,
    claims: SharedClaims,
    simulator: Arc<Simulator>,
    history: Store<History>,
    endpoints: Endpoints,
    opt_outs_away: Arc<AtomicBool>,
}

/// What an endpoint does with a call; None: it hangs until it is given up.
type Script = Box<dyn FnMut(&Call, i64) -> Option<Reply> + Send>;

/// Customers' endpoints, which answer at once by a script, or after 15 seconds not at all.
#[derive(Clone)]
pub struct Endpoints {
    clock: Arc<dyn Clock>,
    script: Arc<Mutex<Script>>,
    calls: Arc<Mutex<Vec<(i64, Call)>>>,
    answer_ms: Arc<AtomicI64>,
    notes: Arc<Mutex<Vec<(&'static str, String)>>>,
}

/// One worker's line to them; what is under way dies with it.
struct Line {
    endpoints: Endpoints,
    due: Vec<Called>,
}

impl Endpoints {
    fn new(clock: Arc<dyn Clock>) -> Self {
        let script: Script = Box::new(|_, _| Some(Reply::Status { status: 200, retry_after: None }));
        Self {
            clock,
            script: Arc::new(Mutex::new(script)),
            calls: Arc::default(),
            answer_ms: Arc::default(),
            notes: Arc::default(),
        }
    }

    pub fn script(&self, script: impl FnMut(&Call, i64) -> Option<Reply> + Send + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    /// Answers come so long after their calls, milliseconds.
    pub fn slow(&self, answer_ms: i64) {
        self.answer_ms.store(answer_ms, Ordering::SeqCst);
    }

    /// What was noted of pending reports: "failed" or "ended", and the track_id.
    pub fn notes(&self) -> Vec<(&'static str, String)> {
        self.notes.lock().unwrap().clone()
    }

    /// Every call so far and when it came.
    pub fn calls(&self) -> Vec<(i64, Call)> {
        self.calls.lock().unwrap().clone()
    }
}

impl PendingNotes for Endpoints {
    fn failed(&mut self, reports: &[Report]) {
        self.notes.lock().unwrap().extend(reports.iter().map(|report| ("failed", report.track_id.clone())));
    }

    fn ended(&mut self, reports: &[Report]) {
        self.notes.lock().unwrap().extend(reports.iter().map(|report| ("ended", report.track_id.clone())));
    }
}

impl Caller for Line {
    fn call(&mut self, call: Call) {
        let now_ms = self.endpoints.clock.now_ms();
        let reply = (self.endpoints.script.lock().unwrap())(&call, now_ms);
        let (reply, at_ms) = match reply {
            Some(reply) => (reply, now_ms + self.endpoints.answer_ms.load(Ordering::SeqCst)),
            None => (Reply::Failed(Failure::TimedOut), now_ms + 15_000),
        };
        self.due.push(Called { ticket: call.ticket, reply, at_ms });
        self.endpoints.calls.lock().unwrap().push((now_ms, call));
    }

    fn answers(&mut self, _wait: Duration, into: &mut Vec<Called>) {
        let now_ms = self.endpoints.clock.now_ms();
        into.extend(self.due.extract_if(.., |called| called.at_ms <= now_ms));
    }
}

/// Opt-outs, consents, files and push tokens of a store that can be away.
struct AtTimesAway {
    held: HeldOptOuts,
    consents: HeldConsents,
    push_tokens: HeldPushTokens,
    away: Arc<AtomicBool>,
}

impl OptOuts for AtTimesAway {
    fn refused(&mut self, asked: &[OptOut]) -> Result<Vec<bool>, Away> {
        match self.away.load(Ordering::SeqCst) {
            true => Err(Away { dependency: "opt-outs", cause: "the test has taken them away".to_owned() }),
            false => self.held.refused(asked),
        }
    }
}

impl Consents for AtTimesAway {
    fn agreed(&mut self, asked: &[AskedConsent]) -> Result<Vec<Agreed>, Away> {
        match self.away.load(Ordering::SeqCst) {
            true => Err(Away { dependency: "consents", cause: "the test has taken them away".to_owned() }),
            false => self.consents.agreed(asked),
        }
    }
}

impl PushTokens for AtTimesAway {
    fn of(&mut self, users: &[AppUser]) -> Result<Vec<Vec<String>>, Away> {
        if self.away.load(Ordering::SeqCst) {
            return Err(Away { dependency: "push tokens", cause: "the test has taken them away".to_owned() });
        }
        self.push_tokens.of(users)
    }
}

/// Vendors that take and deliver everything.
pub fn perfect() -> SimulatorSettings {
    SimulatorSettings { every_vendor: Behaviour::perfect(), ..SimulatorSettings::default() }
}

/// Reference data of this text.
pub fn known(text: &str) -> FileReference {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    FileReference::open(file.path()).unwrap()
}

/// An image that a customer uploaded, 300 KB.
pub const IMAGE: &str = "4ZQ2M0X9K4T1B8C5D3F6G7H2J9";

impl Files for AtTimesAway {
    fn there(&mut self, asked: &[NamedFile], _: i64) -> Result<Vec<Option<u64>>, Away> {
        if self.away.load(Ordering::SeqCst) {
            return Err(Away { dependency: "files", cause: "the test has taken them away".to_owned() });
        }
        let known = |key: &str| key == IMAGE || seed::FILE_KEYS.contains(&key);
        let there = |file: &NamedFile| file.username == "hanbit-shop" && known(&file.key);
        // Each is as large as an image may be.
        Ok(asked.iter().map(|file| there(file).then_some(307_200)).collect())
    }
}

impl Embedded {
    fn at_times_away(&self) -> AtTimesAway {
        AtTimesAway {
            held: HeldOptOuts(Arc::clone(&self.reference)),
            consents: HeldConsents(Arc::clone(&self.reference)),
            push_tokens: HeldPushTokens(Arc::clone(&self.reference)),
            away: Arc::clone(&self.opt_outs_away),
        }
    }
}

impl Backends for Embedded {
    fn claims(&self) -> Result<Box<dyn Claims>, Away> {
        Ok(Box::new(self.claims.clone()))
    }
    fn opt_outs(&self) -> Result<Box<dyn OptOuts>, Away> {
        Ok(Box::new(self.at_times_away()))
    }
    fn consents(&self) -> Result<Box<dyn Consents>, Away> {
        Ok(Box::new(self.at_times_away()))
    }
    fn files(&self) -> Result<Box<dyn Files>, Away> {
        Ok(Box::new(self.at_times_away()))
    }
    fn push_tokens(&self) -> Result<Box<dyn PushTokens>, Away> {
        Ok(Box::new(self.at_times_away()))
    }
    fn provider(&self, _role: Role, _lane: Lane) -> Result<Box<dyn Provider>, Away> {
        Ok(self.simulator.provider())
    }
    fn receipts(&self) -> Result<Box<dyn Receipts>, Away> {
        Ok(self.simulator.receipts())
    }
    fn caller(&self) -> Result<Box<dyn Caller>, Away> {
        Ok(Box::new(Line { endpoints: self.endpoints.clone(), due: Vec::new() }))
    }
    fn pending(&self) -> Result<Box<dyn PendingNotes>, Away> {
        Ok(Box::new(self.endpoints.clone()))
    }
    fn history(&self) -> Result<Box<dyn Sink<History>>, Away> {
        Ok(Box::new(self.history.clone()))
    }
    fn reports(&self) -> Result<Box<dyn Sink<Report>>, Away> {
        Ok(Box::new(Store::<Report>::forgetting()))
    }
    fn analysis(&self) -> Result<Box<dyn Sink<AnalyzeLog>>, Away> {
        Ok(Box::new(Store::<AnalyzeLog>::forgetting()))
    }
}
