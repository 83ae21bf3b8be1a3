//! What one process with all roles takes to drain backlogs: memory, and CPU for each message, which neither the length
//! of the backlog nor the number of its customers may raise.

use super::{
    chain::{Chain, Customers},
    usage::{Cost, Measured},
};
use crate::config::Config;
use schemas::Lane;

/// Customers of the backlogs that are of few.
const FEW: u64 = 10;
/// A rate that limits nothing.
const TPS: u32 = 1_000_000;

/// Runs the bench.
pub fn run(config: &Config, small: u64, backlog: u64, customers: u64) -> anyhow::Result<serde_json::Value> {
    let mut chain = Chain::start(config, Customers { count: customers, tps: TPS, watched: false })?;
    let idle_mb = chain.process().peak_mb();
    // The first messages meet cold caches, and groups that settle.
    drain(&mut chain, small, FEW)?;
    let short = drain(&mut chain, small, FEW)?;
    let long = drain(&mut chain, backlog, FEW)?;
    let many = drain(&mut chain, backlog, customers)?;
    Ok(serde_json::json!({
        "bench": "drain",
        "idle_mb": idle_mb,
        "peak_mb": many.peak_mb,
        "short": short,
        "long": long,
        "many_customers": many,
        "cpu_long_beside_short": long.cpu_us_per_message / short.cpu_us_per_message,
        "cpu_many_customers_beside_few": many.cpu_us_per_message / long.cpu_us_per_message,
    }))
}

fn drain(chain: &mut Chain, messages: u64, customers: u64) -> anyhow::Result<Cost> {
    let measured = Measured::of(chain.process());
    chain.send(Lane::Mass, messages, 0..customers)?;
    chain.until_drained()?;
    Ok(measured.end(messages))
}
