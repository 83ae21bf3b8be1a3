//! How long an AUTH message takes from its API topic to SEND, seen by a reader of committed records, and to the request
//! at its vendor: alone, and while a MASS backlog drains through the same process.

use super::hops::Bench;
use crate::{assemble::now_ms, config::Config};
use connectors::simulator::{RequestLog, Requested};
use hdrhistogram::Histogram;
use schemas::{Dispatch, Family, Lane, SendRequest, Serial, Topic, examples};
use std::{
    ops::Range,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};
use topology::{
    engine::Runtime,
    graph::{Node, Role, chain},
    log::{Limits, Log, LogError, Offsets, Outgoing, Place, Polled, Stream, StreamSpec},
};

/// Longest latency that is told, an hour: what a lane that stands still makes of it must show.
const LONGEST_MS: u64 = 3_600_000;

/// MASS messages that warm the broker up.
const WARMING: u64 = 1_000_000;

/// How long AUTH messages pass before anything is measured.
const WARMING_SECONDS: u64 = 40;

/// How fast MASS drains.
struct Drain<'b> {
    bench: &'b Bench,
    began: Instant,
    taken: u64,
}

impl<'b> Drain<'b> {
    fn begin(bench: &'b Bench) -> Self {
        Self { bench, began: Instant::now(), taken: bench.taken(MASS) }
    }

    fn per_second(&self) -> f64 {
        (self.bench.taken(MASS) - self.taken) as f64 / self.began.elapsed().as_secs_f64()
    }
}

/// The last stream of MASS that runs here.
const MASS: &str = "router-MASS";

/// The stream that watches AUTH come out.
pub(super) const WATCH: &str = "watch";

/// What it reads.
pub(super) fn seen() -> Topic {
    Topic::send(Family::At, Lane::Auth)
}

/// A reader of it, outside the chain that is measured.
pub(super) fn watch(bench: &Bench) -> Result<Box<dyn Stream>, LogError> {
    bench.log.stream(StreamSpec {
        name: WATCH.to_owned(),
        sources: vec![seen()],
        offsets: Offsets::Sink,
        urgent: true,
        produces: false,
    })
}

/// Runs the bench.
pub fn run(config: &Config, seconds: u64, rate: u64, backlog: u64) -> anyhow::Result<serde_json::Value> {
    let topology = chain()?;
    let wanted = |n: &&Node| match n.lane {
        Some(Lane::Auth) => matches!(n.role, Role::Ingest | Role::Router | Role::Kakao),
        Some(Lane::Mass) => matches!(n.role, Role::Ingest | Role::Router),
        _ => false,
    };
    let nodes: Vec<&Node> = topology.nodes().iter().filter(wanted).collect();
    let bench = Bench::open(config, &nodes, &[(WATCH, vec![seen()])])?;
    let workers = nodes.iter().map(|n| bench.deployment.worker(n)).collect::<Result<_, _>>()?;
    let runtime = Runtime::start(workers, Duration::from_secs(5))?;
    let mut watch = watch(&bench)?;
    // The first seconds join groups, and a broker's JVM compiles what it runs often: a cold one is twice as slow.
    bench.fill("warming", Lane::Mass, WARMING)?;
    measure(&bench, &mut *watch, WARMING_SECONDS, rate, None)?;
    let idle_from_ms = now_ms();
    let idle = measure(&bench, &mut *watch, seconds, rate, None)?;
    bench.fill("backlog", Lane::Mass, backlog)?;
    let alone = Drain::begin(&bench);
    thread::sleep(Duration::from_secs(seconds / 3));
    let alone_per_second = alone.per_second();
    let loaded_from_ms = now_ms();
    let meanwhile = Drain::begin(&bench);
    let loaded = measure(&bench, &mut *watch, seconds, rate, None)?;
    let mass_per_second = meanwhile.per_second();
    let mass_left = WARMING + backlog - bench.taken(MASS);
    runtime.stop();
    runtime.join()?;
    let requests = RequestLog::read(&bench.request_log())?;
    let idle_requests = to_vendor(&requests, idle_from_ms..loaded_from_ms)?;
    let loaded_requests = to_vendor(&requests, loaded_from_ms..i64::MAX)?;
    Ok(serde_json::json!({
        "bench": "auth",
        "rate": rate,
        "idle_ms": quantiles(&idle),
        "idle_to_vendor_ms": quantiles(&idle_requests),
        "under_load_ms": quantiles(&loaded),
        "under_load_to_vendor_ms": quantiles(&loaded_requests),
        "mass_per_second_alone": alone_per_second,
        "mass_per_second_meanwhile": mass_per_second,
        "mass_beside_alone": mass_per_second / alone_per_second,
        "mass_left_at_the_end": mass_left,
        "p99_under_load_beside_idle": loaded.value_at_quantile(0.99) as f64 / idle.value_at_quantile(0.99).max(1) as f64,
    }))
}

pub(super) fn quantiles(times: &Histogram<u32>) -> serde_json::Value {
    let at = |share| times.value_at_quantile(share);
    serde_json::json!({"count": times.len(), "p50": at(0.5), "p99": at(0.99), "p999": at(0.999), "max": times.max()})
}

/// From the API topic to the first request at the vendor, of the messages that came in this time.
pub(super) fn to_vendor(requests: &[Requested], came_ms: Range<i64>) -> anyhow::Result<Histogram<u32>> {
    let mut times = Histogram::new_with_max(LONGEST_MS, 3)?;
    for request in requests.iter().filter(|request| request.attempt == 1) {
        let requested_ms = request.serial_number.parse::<Serial>()?.track_id.timestamp_ms();
        if came_ms.contains(&requested_ms) {
            times.saturating_record(u64::try_from(request.at_ms - requested_ms).unwrap_or(0));
        }
    }
    Ok(times)
}

/// What is sent to MASS with the n-th message of AUTH.
pub(super) type Beside<'b> = &'b (dyn Fn(u64) -> SendRequest + Sync);

/// Sends at a steady rate from a thread of its own, and watches.
pub(super) fn measure(
    bench: &Bench,
    watch: &mut dyn Stream,
    seconds: u64,
    rate: u64,
    beside: Option<Beside<'_>>,
) -> anyhow::Result<Histogram<u32>> {
    let begun_ms = now_ms();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let sending = scope.spawn(|| {
            let sent = send(bench, seconds, rate, begun_ms, beside);
            done.store(true, Ordering::SeqCst);
            sent
        });
        let seen = observe(bench, watch, seconds * rate, begun_ms, &done);
        sending.join().map_err(|_| anyhow::anyhow!("the sending thread ended without a reason"))??;
        seen
    })
}

fn send(bench: &Bench, seconds: u64, rate: u64, begun_ms: i64, beside: Option<Beside<'_>>) -> anyhow::Result<()> {
    let mut producer = bench.log.producer()?;
    let mut code = examples::request("at_otp");
    let schemas = bench.deployment.schemas();
    let record = |lane: Lane, request: &SendRequest| {
        let key = Some(request.message_id.clone().into_bytes().into());
        let value = Some(schemas.encode(request).into());
        Outgoing { topic: Topic::api(lane), partition: None, key, value, headers: vec![] }
    };
    let begun = Instant::now();
    for n in 0..seconds * rate {
        let due = begun + Duration::from_secs_f64(n as f64 / rate as f64);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        code.message_id = format!("A{begun_ms}-{n}");
        let mut records = vec![record(Lane::Auth, &code)];
        records.extend(beside.map(|request| record(Lane::Mass, &request(n))));
        producer.append(&records)?;
    }
    Ok(())
}

/// Longest time to wait for the last ones.
const PATIENCE: Duration = Duration::from_secs(20);

fn observe(
    bench: &Bench,
    watch: &mut dyn Stream,
    wanted: u64,
    since_ms: i64,
    done: &AtomicBool,
) -> anyhow::Result<Histogram<u32>> {
    let mut times = Histogram::new_with_max(LONGEST_MS, 3)?;
    let mut records = Vec::new();
    let mut reader = bench.log.reader()?;
    let mut sent_all: Option<Instant> = None;
    while times.len() < wanted {
        if done.load(Ordering::SeqCst) && sent_all.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
            anyhow::bail!("{} of {wanted} AUTH messages came out", times.len());
        }
        records.clear();
        let limits = Limits { records: 1_000, bytes: 1 << 20, wait: Duration::from_millis(50) };
        match watch.poll(limits, &mut records)? {
            Polled::Assigned(positions) => {
                for Place { topic, partition } in positions.iter().map(|p| p.place) {
                    let place = Place { topic, partition };
                    watch.seek(place, reader.bounds(place)?.0)?;
                }
            }
            Polled::Revoking => watch.release()?,
            Polled::Records | Polled::Lost => {}
        }
        let seen_ms = now_ms();
        for record in &records {
            let Ok(dispatch) =
                bench.deployment.schemas().decode::<Dispatch>(record.value.as_deref().unwrap_or_default())
            else {
                continue;
            };
            let requested_ms = dispatch.accepted.requested_at;
            if requested_ms >= since_ms {
                times.saturating_record(u64::try_from(seen_ms - requested_ms).unwrap_or(0));
            }
        }
    }
    Ok(times)
}
