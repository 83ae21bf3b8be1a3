//! What the log in process costs by itself: `cargo bench -p topology --bench memory_log`.

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use processors::ports::Clock;
use schemas::{Channel, Family, Lane, Topic};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};
use topology::log::memory::{MemoryLog, Settings};
use topology::log::{Limits, Log, Offsets, Outgoing, Place, Polled, Position, Record, Stream, StreamSpec};

const BATCH: usize = 1_000;
/// About the size of a Dispatch.
const VALUE_BYTES: usize = 350;
const LIMITS: Limits = Limits { records: BATCH, bytes: 4 << 20, wait: Duration::from_millis(100) };

struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
    }
}

/// A small log, so that what retention costs is in every figure.
fn log() -> MemoryLog {
    let settings = Settings { retention_bytes: 64 << 20, ..Settings::default() };
    MemoryLog::new(Arc::new(SystemClock), settings, |_| 3)
}

fn stream(log: &MemoryLog, name: &str, source: Topic) -> Box<dyn Stream> {
    let spec = StreamSpec {
        name: name.to_owned(),
        sources: vec![source],
        offsets: Offsets::Log,
        urgent: false,
        produces: true,
    };
    let mut stream = log.stream(spec).expect("a stream");
    while !matches!(stream.poll(LIMITS, &mut vec![]).expect("a poll"), Polled::Assigned(_)) {}
    stream
}

/// Records with keys as track_ids are: all different.
fn records(topic: Topic, count: usize) -> Vec<Outgoing> {
    let value = Bytes::from(vec![b'x'; VALUE_BYTES]);
    let record = |n: usize| Outgoing {
        topic,
        partition: None,
        key: Some(format!("{n:026}").into()),
        value: Some(value.clone()),
        headers: vec![],
    };
    (0..count).map(record).collect()
}

fn next_of(records: &[Record]) -> Vec<Position> {
    let next: BTreeMap<Place, i64> = records.iter().map(|record| (record.place, record.offset + 1)).collect();
    next.into_iter().map(|(place, next)| Position { place, next, metadata: String::new() }).collect()
}

/// Takes and commits until `count` records have passed, each appended to every target.
fn relay(mut stream: Box<dyn Stream>, targets: &[Topic], count: usize) {
    let (mut batch, mut outputs, mut passed) = (Vec::new(), Vec::new(), 0);
    while passed < count {
        batch.clear();
        outputs.clear();
        stream.poll(LIMITS, &mut batch).expect("a poll");
        for record in &batch {
            outputs.extend(targets.iter().map(|&topic| Outgoing {
                topic,
                partition: None,
                key: record.key.clone(),
                value: record.value.clone(),
                headers: vec![],
            }));
        }
        stream.commit(&outputs, &next_of(&batch)).expect("a commit");
        passed += batch.len();
    }
    stream.leave();
}

fn batches(c: &mut Criterion) {
    let log = log();
    let (source, target) = (Topic::api(Lane::Mass), Topic::recv(Channel::At, Lane::Mass));
    let mut committing = stream(&log, "committing", source);
    let outputs = records(target, BATCH);
    let positions: Vec<Position> = (0..3)
        .map(|partition| Position { place: Place { topic: source, partition }, next: 0, metadata: String::new() })
        .collect();
    let mut group = c.benchmark_group("batch of 1000");
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function("commit", |b| b.iter(|| committing.commit(&outputs, &positions).expect("a commit")));

    log.producer().and_then(|mut producer| producer.append(&records(source, 3 * BATCH))).expect("an append");
    let mut batch = Vec::with_capacity(BATCH);
    group.bench_function("poll", |b| {
        b.iter(|| {
            for partition in 0..3 {
                committing.seek(Place { topic: source, partition }, 0).expect("a seek");
            }
            batch.clear();
            committing.poll(LIMITS, &mut batch).expect("a poll");
            assert!(batch.len() > BATCH / 2);
        });
    });
    group.finish();
}

/// The life of a message: four hops on a thread each, eight appends.
fn chain(c: &mut Criterion) {
    const COUNT: usize = 100_000;
    let (api, recv) = (Topic::api(Lane::Mass), Topic::recv(Channel::At, Lane::Mass));
    let (send, result) = (Topic::send(Family::At, Lane::Mass), Topic::result(Lane::Mass));
    let ends = [Topic::report(Channel::At), Topic::hist(Channel::At), Topic::open(Lane::Mass)];
    let hops: [(&str, Topic, &[Topic]); 4] = [
        ("ingest", api, &[recv]),
        ("router", recv, &[send, Topic::analyze_log()]),
        ("sender", send, &[result]),
        ("outcome", result, &ends),
    ];
    let requests = records(api, COUNT);
    let mut group = c.benchmark_group("chain");
    group.sample_size(10).throughput(Throughput::Elements(COUNT as u64));
    group.bench_function("four hops of 100k messages", |b| {
        b.iter_custom(|rounds| {
            let mut spent = Duration::ZERO;
            for _ in 0..rounds {
                let log = log();
                let streams = hops.map(|(name, source, targets)| (stream(&log, name, source), targets));
                let mut producer = log.producer().expect("a producer");
                let started = Instant::now();
                std::thread::scope(|scope| {
                    for (stream, targets) in streams {
                        scope.spawn(move || relay(stream, targets, COUNT));
                    }
                    requests.chunks(BATCH).for_each(|chunk| producer.append(chunk).expect("an append"));
                });
                spent += started.elapsed();
            }
            spent
        });
    });
    group.finish();
}

/// A record there and its answer back, between two threads that wait for each other.
fn wake_up(c: &mut Criterion) {
    let log = log();
    let (there, back) = (Topic::api(Lane::Auth), Topic::result(Lane::Auth));
    let done = AtomicBool::new(false);
    let mut echo = stream(&log, "echo", there);
    let mut asking = stream(&log, "asking", back);
    let mut producer = log.producer().expect("a producer");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut batch = Vec::new();
            while !done.load(Ordering::Relaxed) {
                batch.clear();
                echo.poll(LIMITS, &mut batch).expect("a poll");
                echo.commit(&records(back, batch.len()), &next_of(&batch)).expect("a commit");
            }
        });
        c.bench_function("there and back", |b| {
            let mut batch = Vec::new();
            b.iter(|| {
                producer.append(&records(there, 1)).expect("an append");
                batch.clear();
                while batch.is_empty() {
                    asking.poll(LIMITS, &mut batch).expect("a poll");
                }
                asking.commit(&[], &next_of(&batch)).expect("a commit");
            });
        });
        done.store(true, Ordering::Relaxed);
    });
}

criterion_group!(benches, batches, chain, wake_up);
criterion_main!(benches);
