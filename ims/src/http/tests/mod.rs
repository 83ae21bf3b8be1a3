//! The door with its routes, on a log in process.

mod attacks;
pub mod authority;
mod center;
mod cors;
mod described;
mod duplicates;
mod ends;
mod history;
mod http2;
mod keys;
pub mod limits;
pub mod log;
mod paths;
mod repeats;
pub mod sockets;
mod tls;
mod unsubscribe;

use super::{
    append::Appender,
    center::{Endpoints, Exports, Files, Trials, ask_of},
    claimed::Claimed,
    desk::Desk,
    gate::Gate,
    lookup::Reports,
    routes::{Door, Peer, routes},
    shares::Shares,
    unsubscribe::Unsubscribe,
};
use crate::{
    assemble::{backends::SharedClaims, memory_log},
    config,
    stores::{AnalysisStore, Stores},
};
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode, request::Builder, response::Parts},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use connectors::{
    callback::System,
    files::FileStore,
    reference::{DEMO, parse},
    reports::ReportSink,
};
use processors::{
    ports::{Clock, Logged, Move, NoRegistry, ReferenceSource, Sink, Written},
    reference::{Reference, Seed},
};
use schemas::{Lane, Report, Schemas, SendRequest, Topic, examples};
use serde_json::Value;
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicI64, Ordering},
};
use std::time::Duration;
use topology::engine::Decoder;
use topology::log::{self as topology_log, Log, LogError, Outgoing, Place, Told, memory::MemoryLog};
use tower_service::Service;

pub const SHOP: &str = "IMSDEMO0SERVICEKEY0000000000000000000001";
pub const BANK: &str = "IMSDEMO0SERVICEKEY0000000000000000000002";
pub const SHOP_SECRET: &str = "demo-only-secret-of-hanbit-shop";
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Moved(AtomicI64);

impl Moved {
    pub fn at(now_ms: i64) -> Self {
        Self(AtomicI64::new(now_ms))
    }

    pub fn move_to(&self, now_ms: i64) {
        self.0.store(now_ms, Ordering::SeqCst);
    }
}

impl Clock for Moved {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

pub struct Exchanged(Mutex<Arc<Reference>>);

impl ReferenceSource for Exchanged {
    fn current(&self) -> Arc<Reference> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A log that never acknowledges.
struct Away;

impl Away {
    fn cause() -> LogError {
        LogError::Away("no broker answers".into())
    }
}

impl topology_log::Appender for Away {
    fn append(&mut self, records: Vec<(Outgoing, Told)>, _: Duration) {
        records.into_iter().for_each(|(_, told)| told(Err(Self::cause())));
    }

    fn reach(&mut self, _: Topic, _: Duration) -> Result<(), LogError> {
        Err(Self::cause())
    }
}

pub fn started(log: Box<dyn topology_log::Appender>) -> Appender {
    Appender::start("test", log, Topic::api(Lane::Realtime)).unwrap()
}

pub struct Fixture {
    pub door: Arc<Door>,
    pub log: MemoryLog,
    pub seed: Seed,
    reference: Arc<Exchanged>,
    pub clock: Arc<Moved>,
    /// As ingest claims.
    pub claims: SharedClaims,
    /// As senders read them.
    pub files: FileStore,
    stores: Stores,
    /// Reports that were written.
    stored: AtomicI64,
    _folder: tempfile::TempDir,
}

impl Fixture {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// On a door that the test changes first.
    pub fn with(change: impl FnOnce(&mut Door)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ims-store.sqlite").display().to_string();
        let config = config::load(None, [("IMS__STORE__FILE".to_owned(), file)]).unwrap();
        let (log, stores) = (memory_log(&config).unwrap(), Stores::of(&config));
        let seed = parse("demo", DEMO).unwrap();
        let reference = Arc::new(Exchanged(Mutex::new(Arc::new(Reference::new(seed.clone()).unwrap()))));
        let clock = Arc::new(Moved::at(examples::seed::NOW_MS));
        let appender = || started(log.appender("test", PATIENCE).unwrap());
        let files = FileStore::in_memory(Arc::new(stores.cipher().unwrap()));
        let decoder = Decoder::new(Arc::new(Schemas::embedded()), Arc::new(NoRegistry));
        let claims = SharedClaims::default();
        let mut door = Door {
            gate: Gate::new(reference.clone(), clock.clone(), 100).unwrap(),
            clock: clock.clone(),
            schemas: Arc::new(Schemas::embedded()),
            settings: processors::ingest::Settings::default(),
            urgent: appender(),
            others: appender(),
            reports: Reports::start(stores.reports().unwrap()).unwrap(),
            history: super::history(&stores, &Arc::new(stores.cipher().unwrap())).unwrap(),
            exports: Exports::default(),
            lists: super::lists().unwrap(),
            editor: None,
            claims: true,
            trials: Trials::new(config.callback.caller(), Arc::new(System)),
            calls: ask_of(AnalysisStore::of(&config).unwrap()).unwrap(),
            endpoints: Endpoints::start(Arc::new(log.clone()), decoder, clock.clone()).unwrap(),
            files: Files::new(files.clone(), &config.files),
            unsubscribe: Unsubscribe::default(),
            desk: Desk::alone(clock.clone()),
            claimed: Claimed::start(Some(Box::new(claims.clone())), clock.clone()).unwrap(),
            acknowledged_within: PATIENCE,
            body_bytes: 1_000_000,
            body_within: PATIENCE,
            places: Shares::half(100),
        };
        change(&mut door);
        let stored = AtomicI64::new(0);
        Self { door: Arc::new(door), log, seed, reference, clock, claims, files, stores, stored, _folder: folder }
    }

    /// With a log that is away.
    pub fn without_log() -> Self {
        Self::with(|door| door.others = started(Box::new(Away)))
    }

    pub fn routes(&self) -> Router {
        routes(Arc::clone(&self.door))
    }

    pub async fn call(&self, request: Request<Body>) -> (StatusCode, HeaderMap, Value) {
        self.call_from("127.0.0.1:1", request).await
    }

    /// The shop asks for what its key may see.
    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        let (status, _, answer) = self.call(signed(Request::get(path)).body(Body::empty()).unwrap()).await;
        (status, answer)
    }

    /// The head and the bytes of an answer.
    pub async fn raw(&self, peer: &str, mut request: Request<Body>) -> (Parts, Vec<u8>) {
        request.extensions_mut().insert(Peer(peer.parse().unwrap()));
        let response = self.routes().call(request).await.unwrap();
        let (head, body) = response.into_parts();
        (head, to_bytes(body, usize::MAX).await.unwrap().to_vec())
    }

    pub async fn call_from(&self, peer: &str, request: Request<Body>) -> (StatusCode, HeaderMap, Value) {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let (head, body) = self.raw(peer, request).await;
        assert_eq!(head.headers["content-type"], "application/json");
        assert!(head.headers.contains_key("x-request-id"));
        let json: Value = serde_json::from_slice(&body).unwrap();
        // Statistics of all channels have a shape of their own.
        if json.get("email").is_none() {
            assert!(json["code"].is_string() && (json["message"].is_string() || !json["data"].is_null()), "{json}");
        }
        described::fits(&method, &path, &head, &json);
        (head.status, head.headers, json)
    }

    /// Exchanges the reference data, as a reload does.
    pub fn reload(&mut self, change: impl FnOnce(&mut Seed)) {
        change(&mut self.seed);
        *self.reference.0.lock().unwrap() = Arc::new(Reference::new(self.seed.clone()).unwrap());
    }

    pub fn at(&self, now_ms: i64) {
        self.clock.move_to(now_ms);
    }

    /// Writes a report as the role `reports` does.
    pub fn store(&self, report: &Report) {
        let (topic, offset) = (Topic::report(report.channel), self.stored.fetch_add(1, Ordering::SeqCst));
        let (store, record) = (self.stores.reports().unwrap(), report.clone());
        let written = std::thread::spawn(move || {
            let batch = [Logged { topic, partition: 0, offset, record }];
            let moves = [Move { topic, partition: 0, from: (offset > 0).then_some(offset), to: offset + 1 }];
            ReportSink::reports(&store).unwrap().write(&batch, &moves)
        });
        assert_eq!(written.join().unwrap(), Ok(Written::Moved));
    }

    /// What stands in a topic, with its key.
    pub fn written<R: schemas::Record>(&self, topic: Topic) -> Vec<(String, R)> {
        let mut reader = self.log.reader().unwrap();
        let mut records = Vec::new();
        for partition in reader.partitions(topic).unwrap() {
            let place = Place { topic, partition };
            let (first, end) = reader.bounds(place).unwrap();
            reader
                .read(place, first, end, &mut |record| {
                    let key = String::from_utf8(record.key.unwrap().to_vec()).unwrap();
                    records.push((key, self.door.schemas.decode(&record.value.unwrap()).unwrap()));
                })
                .unwrap();
        }
        records
    }
}

/// As the shop.
pub fn signed(request: Builder) -> Builder {
    request.header("x-ims-key", key("hanbit-shop", SHOP_SECRET))
}

pub fn key(username: &str, secret: &str) -> String {
    STANDARD.encode(format!("{username}:{secret}"))
}

/// The example of a text message by its path.
pub fn post(service_key: &str) -> Builder {
    Request::post(format!("/ims/{service_key}/mt/sendMessage")).header("content-type", "application/json")
}

pub fn sms() -> String {
    let example = examples::REQUESTS.iter().find(|example| example.name == "sms").unwrap();
    example.json.to_owned()
}

pub fn sms_id() -> String {
    let request: SendRequest = examples::request("sms");
    assert_eq!(request.service_key, SHOP);
    request.message_id
}
