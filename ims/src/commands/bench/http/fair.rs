//! A customer that keeps to its rate, alone and beside one that sends far more than its own.

use super::{
    CUSTOMER,
    load::{self, Load, Pace, Request},
    server::Server,
};
use crate::config::Config;
use connectors::reference::DEMO;
use serde_json::json;
use std::{path::Path, thread, time::Duration};

/// What the loud customer may send a second, and sends.
const RATE: u64 = 100;
const LOUD: f64 = 2_000.0;
const LOUD_CONNECTIONS: u64 = 64;
/// The other one, which has no bound.
const OTHER: &str = "dure-bank";
const QUIET: f64 = 100.0;
const QUIET_CONNECTIONS: u64 = 16;
/// Of both at a time.
pub const CONNECTIONS: u64 = LOUD_CONNECTIONS + QUIET_CONNECTIONS;

/// Measures both; the loud one is [`CUSTOMER`].
pub fn run(config: &mut Config, folder: &Path, for_: Duration) -> anyhow::Result<serde_json::Value> {
    let file = folder.join("bounded.toml");
    let bounded = format!("username = \"{CUSTOMER}\"\nrate_per_second = {RATE}\n");
    std::fs::write(&file, DEMO.replacen(&format!("username = \"{CUSTOMER}\"\n"), &bounded, 1))?;
    config.reference.file = file;
    let loud = Request::of(CUSTOMER, "at", "at", |_| {})?;
    let quiet = Request::of(OTHER, "sms", "mt", |body| {
        body["service_key"] = "IMSDEMO0SERVICEKEY0000000000000000000002".into();
        body["callback"] = "15990000".into();
    })?;
    let door = Server::start(config, folder, &["run", "--roles", "api"])?;
    let address = door.address();
    let of_quiet = || load::run(address, &quiet, QUIET_CONNECTIONS, Pace::PerSecond(QUIET), for_);
    // Its key is known after the first, and connections are made.
    load::run(address, &quiet, QUIET_CONNECTIONS, Pace::PerSecond(QUIET), super::WARM_UP)?;
    let alone = of_quiet()?;
    let (beside, loud) = thread::scope(|scope| {
        let of_loud = scope.spawn(|| load::run(address, &loud, LOUD_CONNECTIONS, Pace::PerSecond(LOUD), for_));
        let beside = of_quiet();
        let of_loud = of_loud.join().map_err(|_| anyhow::anyhow!("the load panicked"));
        anyhow::Ok((beside?, of_loud??))
    })?;
    let told = |load: &Load| json!({ "answered": load.answered, "failed": load.failed, "us": load.quantiles() });
    Ok(json!({
        "alone": told(&alone),
        "beside": told(&beside),
        "p99_beside_alone": beside.p99_us() as f64 / alone.p99_us().max(1) as f64,
        "loud": {
            "rate_per_second": RATE,
            "sent_per_second": (loud.answered + loud.failed) as f64 / for_.as_secs_f64(),
            "answered": loud.answered,
            "refused": loud.failed,
        },
    }))
}
