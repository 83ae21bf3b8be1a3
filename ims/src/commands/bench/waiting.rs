//! What a process holds of callbacks that wait in DELAY, and how late those come back that are due.

use super::{
    WaitingArgs,
    chain::{Chain, Customers},
    usage::Process,
};
use crate::{assemble::now_ms, config::Config};
use anyhow::{Context, ensure};
use hdrhistogram::Histogram;
use processors::ring::Rings;
use rustc_hash::FxHashMap;
use schemas::{Api, Callback, Delayed, Lane, Topic, TrackId, examples};
use serde_json::{Value, json};
use std::{
    thread,
    time::{Duration, Instant},
};
use topology::log::{Log, Outgoing, Place, Reader};

/// When the first and the last of those are due that wait: as the ninth and the tenth retry.
const WAIT_MS: std::ops::Range<i64> = 73 * 60_000..91 * 60_000;
/// When the first of those is due that are due meanwhile: time to write them.
const SOON_MS: i64 = 5_000;
/// Records of one append.
const APPEND: u64 = 10_000;
/// Longest wait for what is due.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs the bench.
pub fn run(config: &Config, args: &WaitingArgs) -> anyhow::Result<Value> {
    let WaitingArgs { callbacks, due, seconds } = *args;
    let chain = Chain::start(config, Customers { count: 10, tps: 1, watched: false })?;
    let rings = Rings::new(config.rings)?;
    let span = Duration::from_secs(seconds);
    let alone = rest(chain.process(), span);

    let step_ms = |n: u64, of: u64, span_ms: i64| span_ms * n as i64 / of.max(1) as i64;
    let begun_ms = now_ms();
    let wait = |n| begun_ms + WAIT_MS.start + step_ms(n, callbacks, WAIT_MS.end - WAIT_MS.start);
    append(&chain, &rings, 0..callbacks, wait)?;
    let waiting = rest(chain.process(), span);

    let soon_ms = now_ms() + SOON_MS;
    let soon = |n| soon_ms + step_ms(n - callbacks, due, span.as_millis() as i64);
    let due_ms = append(&chain, &rings, callbacks..callbacks + due, soon)?;
    thread::sleep(span + Duration::from_millis(SOON_MS as u64));
    let late_ms = lateness(&chain, &due_ms)?;
    let within = |quantile| late_ms.value_at_quantile(quantile);
    Ok(json!({
        "bench": "waiting",
        "callbacks": callbacks,
        "seconds": seconds,
        "alone": alone,
        "waiting": waiting,
        "peak_mb": chain.process().peak_mb(),
        "due": due,
        "late_ms": {"p50": within(0.5), "p99": within(0.99), "longest": within(1.0)},
    }))
}

/// Memory of a process that has nothing to do for so long, and its share of a core.
fn rest(process: Process, span: Duration) -> Value {
    let (began, cpu) = (Instant::now(), process.cpu());
    thread::sleep(span);
    let share = (process.cpu() - cpu).as_secs_f64() / began.elapsed().as_secs_f64();
    json!({"cpu_percent_of_a_core": share * 100.0, "peak_mb": process.peak_mb()})
}

/// Lets these wait, as the callback role does after a call that failed; when each is due.
fn append(
    chain: &Chain,
    rings: &Rings,
    which: std::ops::Range<u64>,
    due_ms: impl Fn(u64) -> i64,
) -> anyhow::Result<FxHashMap<String, i64>> {
    let mut producer = chain.log().producer()?;
    let mut all = FxHashMap::default();
    let example = examples::callback();
    for first in which.clone().step_by(APPEND as usize) {
        let mut records = Vec::new();
        for n in first..(first + APPEND).min(which.end) {
            let api = Api { cluster: 0, lane: Lane::Realtime, partition: 0, offset: n, receiver: 0 };
            let (now_ms, due_at) = (now_ms(), due_ms(n));
            let track_id = TrackId::new(now_ms, api).to_string();
            let mut callback = Callback { track_id: track_id.clone(), ..example.clone() };
            callback.reports.iter_mut().for_each(|report| report.track_id.clone_from(&track_id));
            let payload = chain.schemas().encode(&callback).into();
            let target = Topic::callback().name().to_owned();
            let delayed = Delayed { track_id: track_id.clone(), due_at, target, payload, ..Delayed::default() };
            let slot = rings.place(due_at, now_ms, false).context("a callback that is due already")?;
            records.push(Outgoing {
                topic: Topic::delay(slot.ring),
                partition: Some(slot.partition),
                key: Some(track_id.clone().into_bytes().into()),
                value: Some(chain.schemas().encode(&delayed).into()),
                headers: vec![],
            });
            all.insert(track_id, due_at);
        }
        producer.append(&records)?;
    }
    Ok(all)
}

/// How long after its time each came back to CALLBACK, as the broker stamped it.
fn lateness(chain: &Chain, due_ms: &FxHashMap<String, i64>) -> anyhow::Result<Histogram<u64>> {
    let mut reader = chain.log().reader()?;
    let until = Instant::now() + PATIENCE;
    loop {
        let late_ms = back(&mut *reader, due_ms)?;
        if late_ms.len() >= due_ms.len() as u64 {
            return Ok(late_ms);
        }
        ensure!(Instant::now() < until, "of {} callbacks that were due {} came back", due_ms.len(), late_ms.len());
        thread::sleep(Duration::from_millis(200));
    }
}

fn back(reader: &mut dyn Reader, due_ms: &FxHashMap<String, i64>) -> anyhow::Result<Histogram<u64>> {
    let (mut late_ms, mut early) = (Histogram::<u64>::new(3)?, 0);
    for partition in reader.partitions(Topic::callback())? {
        let place = Place { topic: Topic::callback(), partition };
        let (first, end) = reader.bounds(place)?;
        reader.read(place, first, end, &mut |record| {
            let key = std::str::from_utf8(record.key.as_deref().unwrap_or_default()).unwrap_or_default();
            match due_ms.get(key).map(|due| u64::try_from(record.timestamp_ms - due)) {
                Some(Ok(late)) => late_ms.saturating_record(late),
                Some(Err(_)) => early += 1,
                None => {}
            }
        })?;
    }
    ensure!(early == 0, "{early} callbacks came back before they were due");
    Ok(late_ms)
}
