//! The simulated vendors behind a socket, in real time.

use crate::{
    assemble::{self, SystemClock},
    cli::Globals,
    config::Config,
    exit::{Exit, usage},
    logging, output, signal,
};
use anyhow::Context;
use connectors::{
    simulator::{Listener, Simulator, SmppListener, SmtpListener},
    vendors::Shared,
};
use processors::reference::Protocol;
use std::sync::Arc;

/// Where it listens.
pub struct Ports<'a> {
    /// For what goes over HTTP.
    pub http: Option<&'a str>,
    /// For SMPP.
    pub smpp: Option<&'a str>,
    /// For SMTP.
    pub smtp: Option<&'a str>,
}

/// Answers until a signal comes.
pub fn run(config: Config, ports: Ports<'_>, seed: Option<u64>, globals: &Globals) -> anyhow::Result<Exit> {
    logging::start(&config.logs, globals.verbose)?;
    let vendors = assemble::open_vendors(&config, assemble::open_reference(&config)?);
    vendors.can_be_used().map_err(|error| usage(error.to_string()))?;
    let (mut carriers, mut relays, mut dealers) = (Vec::new(), Vec::new(), Vec::new());
    for shared in vendors.shared() {
        match shared.vendor.protocol {
            Protocol::Smpp => carriers.push(shared),
            Protocol::Smtp => relays.push(shared),
            _ => dealers.push(shared),
        }
    }
    let mut settings = config.simulator;
    settings.seed = seed.unwrap_or(settings.seed);
    settings.request_log = settings.request_log.filter(|path| !path.as_os_str().is_empty());
    let simulator = Simulator::open(settings, Arc::new(SystemClock)).context("simulator.request_log")?;
    let refused = |option: &str, address: &str, error: std::io::Error| {
        usage(format!("{option} {address:?}: {error}: write address:port of a port that is free"))
    };
    let names =
        |vendors: &[Shared]| -> Vec<String> { vendors.iter().map(|shared| shared.vendor.name.clone()).collect() };
    let mut told = serde_json::Map::new();
    let mut lines = Vec::new();
    let mut open = (None, None, None);
    if let Some(address) = ports.http {
        let names = names(&dealers);
        if names.is_empty() {
            return Err(usage(
                "no vendor of the reference data has a protocol and a key: see docs/vendors.md, or leave --listen out",
            ));
        }
        let listener = Listener::open(Arc::clone(&simulator), address, dealers)
            .map_err(|error| refused("--listen", address, error))?;
        let at = listener.address().to_string();
        lines.push(format!("{} at {}", names.join(", "), listener.url()));
        told.insert("listening".into(), at.into());
        told.insert("vendors".into(), names.into());
        open.0 = Some(listener);
    }
    if let Some(address) = ports.smpp {
        let names = names(&carriers);
        if names.is_empty() {
            return Err(usage(
                "no vendor of the reference data speaks SMPP and has a password: see docs/vendors.md, or leave --smpp out",
            ));
        }
        let listener = SmppListener::open(Arc::clone(&simulator), address, carriers)
            .map_err(|error| refused("--smpp", address, error))?;
        let at = listener.address().to_string();
        lines.push(format!("{} at {}", names.join(", "), listener.url()));
        told.insert("smpp".into(), at.into());
        told.insert("carriers".into(), names.into());
        open.1 = Some(listener);
    }
    if let Some(address) = ports.smtp {
        let names = names(&relays);
        if names.is_empty() {
            return Err(usage(
                "no vendor of the reference data speaks SMTP and has settings: see docs/vendors.md, or leave --smtp out",
            ));
        }
        let listener = SmtpListener::open(Arc::clone(&simulator), address, relays)
            .map_err(|error| refused("--smtp", address, error))?;
        let at = listener.address().to_string();
        lines.push(format!("{} at {}", names.join(", "), listener.url()));
        told.insert("smtp".into(), at.into());
        told.insert("mail_servers".into(), names.into());
        open.2 = Some(listener);
    }
    output::result(globals.json, &told, || lines.join("\n"))?;
    signal::until(|| false)?;
    Ok(Exit::Done)
}
