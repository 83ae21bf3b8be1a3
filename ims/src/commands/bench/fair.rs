//! One customer's bulk in front of another customer's single messages.

use super::{
    auth::{quantiles, to_vendor},
    chain::{Chain, Customers, next_ms},
};
use crate::config::Config;
use connectors::simulator::RequestLog;
use hdrhistogram::Histogram;
use schemas::Lane;
use std::{
    ops::Range,
    thread,
    time::{Duration, Instant},
};

/// What the vendor of the lane takes a second.
const TPS: u32 = 500;
/// The customer of the bulk.
const BULK: Range<u64> = 0..1;
/// The other one.
const OTHER: Range<u64> = 1..2;
/// From one single message to the next.
const EVERY: Duration = Duration::from_millis(500);
/// How long the last of them may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the bench.
pub fn run(config: &Config, bulk: u64, singles: u64) -> anyhow::Result<serde_json::Value> {
    let mut chain = Chain::start(config, Customers { count: 2, tps: TPS, watched: true })?;
    // The first messages meet cold caches, and groups that settle.
    send_singles(&mut chain, 2)?;
    let alone = send_singles(&mut chain, singles)?;
    chain.until_drained()?;
    chain.send(Lane::Mass, bulk, BULK)?;
    let behind = send_singles(&mut chain, singles)?;
    let requests = RequestLog::read(chain.request_log())?.len() as u64;
    Ok(serde_json::json!({
        "bench": "fair",
        "vendor_tps": TPS,
        "bulk": bulk,
        // With none left nothing was shown.
        "bulk_left_at_the_end": (bulk + 2 * singles + 2).saturating_sub(requests),
        "alone_to_vendor_ms": quantiles(&alone),
        "behind_bulk_to_vendor_ms": quantiles(&behind),
        "longest_delay_ms": behind.max().saturating_sub(alone.value_at_quantile(0.5)),
    }))
}

/// Sends single messages one after the other; how long each took from its API topic to its vendor.
fn send_singles(chain: &mut Chain, singles: u64) -> anyhow::Result<Histogram<u32>> {
    let (since_ms, began) = (next_ms(), Instant::now());
    for n in 1..=singles {
        chain.send(Lane::Mass, 1, OTHER)?;
        thread::sleep((began + EVERY * n as u32).saturating_duration_since(Instant::now()));
    }
    let until = Instant::now() + PATIENCE;
    loop {
        let times = to_vendor(&RequestLog::read(chain.request_log())?, since_ms..i64::MAX)?;
        if times.len() >= singles {
            return Ok(times);
        }
        anyhow::ensure!(Instant::now() < until, "{} of {singles} single messages reached their vendor", times.len());
        thread::sleep(EVERY);
    }
}
