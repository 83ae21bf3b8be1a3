//! What a claim costs this process in Redis: `cargo bench -p connectors --bench redis`, with `IMS_TEST_REDIS` and
//! `IMS_TEST_REDIS_CLUSTER` as ./test sets them.
//!
//! Times are CPU times of the calling thread, which does all the work: the same on a busy machine. The server's own are
//! in `redis-cli info cpu`.

#![allow(missing_docs, clippy::print_stderr, reason = "a bench that has no server says so")]

use connectors::claims::{Doubts, RedisClaims};
use connectors::redis::RedisSettings;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use processors::ports::{Claim, Claims};
use schemas::{Api, Lane, TrackId};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Unix milliseconds of the first claim; each further one is a millisecond later.
const START_MS: i64 = 1_772_377_000_000;
static DOUBTS: Doubts = Doubts::none();

criterion_group!(redis, claims);
criterion_main!(redis);

/// "<nanoseconds on a CPU> <nanoseconds waiting for one> <turns>"
fn cpu_time() -> Duration {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(times.split(' ').next().unwrap().parse().unwrap())
}

fn claim(n: u64) -> Claim {
    let api = Api { cluster: 0, lane: Lane::Mass, partition: (n % 20) as u16, offset: n, receiver: 0 };
    Claim {
        service_key: format!("HanbitShopServiceKey00000000000000{:06}", n % 10),
        message_id: format!("order-{n}"),
        track_id: TrackId::new(START_MS + n as i64, api),
    }
}

fn claims(criterion: &mut Criterion) {
    for (name, variable) in [("server", "IMS_TEST_REDIS"), ("cluster", "IMS_TEST_REDIS_CLUSTER")] {
        let Ok(urls) = std::env::var(variable) else {
            eprintln!("{variable} names no Redis: not measured");
            continue;
        };
        let settings = RedisSettings::new(&urls, Duration::from_secs(10)).unwrap();
        let run = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let mut store = RedisClaims::new(settings, &format!("bench-{run}"), &DOUBTS);
        let mut group = criterion.benchmark_group(format!("claims/{name}"));
        let mut n = 0;
        for batch in [1, 100, 1000] {
            group.throughput(Throughput::Elements(batch));
            group.bench_function(batch.to_string(), |bencher| {
                bencher.iter_custom(|batches| {
                    let new = |at: u64| (at..at + batch).map(claim).collect();
                    let batches: Vec<Vec<Claim>> = (0..batches).map(|at| new(n + at * batch)).collect();
                    n += batches.len() as u64 * batch;
                    let began = cpu_time();
                    for claims in &batches {
                        let answers = store.claim(claims, START_MS + n as i64).unwrap();
                        assert!(answers.iter().all(Option::is_none));
                    }
                    cpu_time() - began
                });
            });
        }
        group.finish();
    }
}
