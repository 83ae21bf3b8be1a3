//! The simulated vendors behind a socket, in real time.

use crate::{
    assemble::{self, SystemClock},
    cli::Globals,
    config::Config,
    exit::{Exit, usage},
    logging, output, signal,
};
use anyhow::Context;
use connectors::simulator::{Listener, Simulator};
use serde_json::json;
use std::sync::Arc;

/// Answers until a signal comes.
pub fn run(config: Config, address: &str, seed: Option<u64>, globals: &Globals) -> anyhow::Result<Exit> {
    logging::start(&config.logs, globals.verbose)?;
    let vendors = assemble::open_vendors(&config, assemble::open_reference(&config)?);
    vendors.can_be_used().map_err(|error| usage(error.to_string()))?;
    let vendors = vendors.shared();
    if vendors.is_empty() {
        return Err(usage(
            "no vendor of the reference data has a protocol and a key: see docs/vendors.md, or leave --listen out",
        ));
    }
    let names: Vec<String> = vendors.iter().map(|shared| shared.vendor.name.clone()).collect();
    let mut settings = config.simulator;
    settings.seed = seed.unwrap_or(settings.seed);
    settings.request_log = settings.request_log.filter(|path| !path.as_os_str().is_empty());
    let simulator = Simulator::open(settings, Arc::new(SystemClock)).context("simulator.request_log")?;
    let listener = Listener::open(simulator, address, vendors)
        .map_err(|error| usage(format!("--listen {address:?}: {error}: write address:port of a port that is free")))?;
    let at = listener.address().to_string();
    output::result(globals.json, &json!({"listening": at, "vendors": names}), || {
        format!("{} at http://{at}", names.join(", "))
    })?;
    signal::until(|| false)?;
    Ok(Exit::Done)
}
