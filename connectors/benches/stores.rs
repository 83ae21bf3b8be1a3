//! What a row costs in the embedded stores: `cargo bench -p connectors --bench stores`.
//!
//! Times are CPU times of the whole process, SQLite's threads included, not of the clock on the wall: the same on a busy
//! machine, and what the other roles of the process have to do without. A disk that is slower than the CPU shows only
//! on the wall.

#![allow(missing_docs)]

use aws_lc_rs::aead::{AES_256_GCM, Aad, RandomizedNonceKey};
use connectors::analysis::AnalysisSink;
use connectors::cipher::Cipher;
use connectors::claims::{MemoryClaims, SqliteClaims};
use connectors::history::HistorySink;
use connectors::reports::ReportSink;
use connectors::sql::Location;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use processors::ports::{Claim, Claims, Logged, Move, Sink};
use schemas::{
    AnalyzeLog, Api, Channel, Lane, LogEvent, MessageType, Origin, Report, State, StepReport, Topic, TrackId, examples,
};
use std::sync::Arc;
use std::time::Duration;

/// CPU time of this process's threads so far.
fn cpu_time() -> Duration {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    // "<nanoseconds on a CPU> <nanoseconds waiting for one> <turns>"
    let on_cpu = |task: std::fs::DirEntry| {
        let times = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        times.split(' ').next().and_then(|ns| ns.parse::<u64>().ok()).unwrap_or_default()
    };
    Duration::from_nanos(threads.map(|task| on_cpu(task.unwrap())).sum())
}

/// Rows of a batch while the store catches up.
const BATCH: u64 = 1000;
/// Unix milliseconds of the first row; each further one is a millisecond later.
const START_MS: i64 = 1_772_377_000_000;

criterion_group!(stores, cipher, claims, history, reports, analysis);
criterion_main!(stores);

fn track_id(n: u64) -> TrackId {
    let api = Api { cluster: 0, lane: Lane::Mass, partition: (n % 20) as u16, offset: n, receiver: 0 };
    TrackId::new(START_MS + n as i64, api)
}

fn service_key(n: u64) -> String {
    format!("HanbitShopServiceKey00000000000000{:06}", n % 10)
}

/// A row's three values under the key of their day, and the same bytes under one key that is at hand.
fn cipher(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cipher");
    let row = examples::step(START_MS, 1);
    let recipient = serde_json::to_vec(&row.recipient).unwrap();
    let (title, message) = (row.title.unwrap(), row.message.unwrap());
    let values = [("recipient", &*recipient), ("title", title.as_bytes()), ("message", message.as_bytes())];
    let cipher = Cipher::ephemeral().unwrap();
    group.bench_function("seal a row", |bencher| {
        bencher.iter(|| values.map(|(place, plain)| cipher.seal(place, plain).unwrap()));
    });
    let sealed = values.map(|(place, plain)| (place, cipher.seal(place, plain).unwrap()));
    group.bench_function("open a row", |bencher| {
        bencher.iter(|| sealed.each_ref().map(|(place, sealed)| cipher.open(place, sealed).unwrap()));
    });
    let one = RandomizedNonceKey::new(&AES_256_GCM, &[7; 32]).unwrap();
    group.bench_function("seal a row, one key", |bencher| {
        bencher.iter(|| {
            values.map(|(place, plain)| {
                let mut sealed = Vec::with_capacity(29 + plain.len());
                sealed.extend_from_slice(&[0; 13]);
                sealed.extend_from_slice(plain);
                let (nonce, tag) = one.seal_in_place_separate_tag(Aad::from(place), &mut sealed[13..]).unwrap();
                sealed[1..13].copy_from_slice(nonce.as_ref());
                sealed.extend_from_slice(tag.as_ref());
                sealed
            })
        });
    });
    group.finish();
}

fn claims(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let mut group = criterion.benchmark_group("claims");
    group.throughput(Throughput::Elements(BATCH));
    let claim = |n| Claim { service_key: service_key(n), message_id: format!("order-{n}"), track_id: track_id(n) };
    let mut measure = |name: &str, claims: &mut dyn Claims| {
        let mut n = 0;
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|batches| {
                let mut spent = Duration::ZERO;
                for _ in 0..batches {
                    let batch: Vec<Claim> = (n..n + BATCH).map(claim).collect();
                    n += BATCH;
                    let began = cpu_time();
                    claims.claim(&batch, START_MS + n as i64).unwrap();
                    spent += cpu_time() - began;
                }
                spent
            });
        });
    };
    measure("memory", &mut MemoryClaims::default());
    measure("sqlite", &mut SqliteClaims::open(&folder.path().join("claims.db")).unwrap());
    group.finish();
}

/// Writes endless batches of `record(n)` into a sink.
fn sink<R>(criterion: &mut Criterion, name: &str, topic: Topic, sink: &mut dyn Sink<R>, record: impl Fn(u64) -> R) {
    let mut group = criterion.benchmark_group("sinks");
    group.throughput(Throughput::Elements(BATCH));
    let (mut next, mut from) = (0, None);
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|batches| {
            let mut spent = Duration::ZERO;
            for _ in 0..batches {
                let logged = |n| Logged { topic, partition: 0, offset: n as i64, record: record(n) };
                let batch: Vec<Logged<R>> = (next..next + BATCH).map(logged).collect();
                next += BATCH;
                let began = cpu_time();
                sink.write(&batch, &[Move { topic, partition: 0, from, to: next as i64 }]).unwrap();
                spent += cpu_time() - began;
                from = Some(next as i64);
            }
            spent
        });
    });
    group.finish();
}

fn history(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let cipher = Arc::new(Cipher::ephemeral().unwrap());
    let mut store = HistorySink::history(&Location::file(folder.path().join("history.db")), cipher).unwrap();
    sink(criterion, "history", Topic::hist(Channel::At), &mut store, |n| examples::step(START_MS, n));
}

fn reports(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let mut store = ReportSink::reports(&Location::file(folder.path().join("reports.db"))).unwrap();
    sink(criterion, "reports", Topic::report(Channel::At), &mut store, |n| Report {
        track_id: track_id(n).to_string(),
        username: "hanbit-shop".into(),
        service_key: service_key(n),
        message_id: format!("order-{n}"),
        message_type: Some(MessageType::At),
        state: State::Delivered,
        terminal: true,
        origin: Origin::Vendor,
        code: "0000".into(),
        vendor: "talk-one".into(),
        requested_at: START_MS + n as i64,
        sent_at: Some(START_MS + n as i64 + 9),
        reported_at: START_MS + n as i64 + 60,
        steps: vec![StepReport { state: State::Delivered, code: "0000".into(), attempts: 1, ..StepReport::default() }],
        ..Report::default()
    });
}

fn analysis(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let mut store = AnalysisSink::analysis(&folder.path().join("analysis.db")).unwrap();
    sink(criterion, "analysis", Topic::analyze_log(), &mut store, |n| AnalyzeLog {
        event: LogEvent::Step,
        track_id: track_id(n).to_string(),
        at: START_MS + n as i64 + 60,
        username: format!("customer-{}", n % 5),
        service_key: service_key(n),
        channel: Channel::ALL[(n % 7) as usize],
        message_type: Some(MessageType::At),
        priority: Lane::ALL[(n % 4) as usize],
        vendor: "talk-one".into(),
        state: if n.is_multiple_of(20) { State::Failed } else { State::Delivered },
        origin: Origin::Vendor,
        code: if n.is_multiple_of(20) { "3018".into() } else { "0000".into() },
        requested_at: START_MS + n as i64,
        accepted_at: Some(START_MS + n as i64 + (n % 5) as i64),
        routed_at: Some(START_MS + n as i64 + 4 + (n % 9) as i64),
        sent_at: Some(START_MS + n as i64 + 9 + (n % 31) as i64),
        ..AnalyzeLog::default()
    });
}
