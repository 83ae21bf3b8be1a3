//! A sender process against the simulator over a wire; over HTTP beside a bare client that sends as large requests to the
//! same one.

pub mod bare;
mod wire;

pub use wire::Wire;

use super::{
    SendArgs, Topics,
    chain::{Customers, LOOK, Running, VENDOR, free_address, program},
    hops::{on_its_own, taken},
    usage::{Cost, Measured},
};
use crate::{
    config::Config,
    log::{open_kafka, open_schemas},
};
use anyhow::{Context, ensure};
use clap::ValueEnum as _;
use schemas::{Lane, SendRequest, Topic};
use serde_json::json;
use std::{
    net::TcpStream,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};
use topology::log::{Log as _, Outgoing};

/// A rate that limits nothing.
const TPS: u32 = 1_000_000;
/// Longest time without progress.
const PATIENCE: Duration = Duration::from_secs(60);
/// Records of one append.
const APPEND: u64 = 10_000;
/// The stream that brings messages before the sender.
const ROUTER: &str = "router-MASS";
/// The metric of requests that are under way.
const IN_FLIGHT: &str = "ims_send_in_flight{vendor=\"talk-one\"} ";

/// The simulator; it ends with this.
pub struct Simulator(Child);

impl Simulator {
    /// Starts it, and waits until it takes connections at this address.
    pub fn start(mut command: Command, address: &str) -> anyhow::Result<Self> {
        let simulator = Self(command.spawn()?);
        until_open(address)?;
        Ok(simulator)
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the sender did.
struct Sent {
    cost: Cost,
    most_in_flight: u64,
    peak_mb: u64,
}

/// Runs the bench.
pub fn run(config: &Config, args: &SendArgs) -> anyhow::Result<serde_json::Value> {
    let folder = tempfile::tempdir()?;
    let mut config = on_its_own(config, folder.path());
    let (simulated_at, listen) = (free_address()?, free_address()?);
    let customers = Customers { count: 10, tps: TPS, watched: false };
    let mut seed = customers.reference()?;
    let vendor = seed.vendors.pop().context("the vendor of the bench")?;
    seed.vendors.push(args.wire.row(vendor, &simulated_at, args.in_flight));
    config.reference.file = folder.path().join("reference.toml");
    std::fs::write(&config.reference.file, toml::to_string(&seed)?)?;
    let key_file = folder.path().join("vendor.key");
    std::fs::write(&key_file, args.wire.key(&simulated_at)?)?;
    config.vendors.insert(VENDOR.to_owned(), args.wire.settings(key_file));
    config.simulator.request_log = None;
    config.simulator.vendors.insert(VENDOR.to_owned(), args.wire.behaviour());
    // Load comes by Kafka.
    config.http.listen.clear();
    config.admin.listen.clone_from(&listen);
    let ims = program(&config, folder.path())?;
    let _topics = Topics(open_kafka(&config)?);
    let made = ims(&["topics", "create"]).status()?;
    ensure!(made.success(), "`ims topics create` ended with {made}");

    let sender = || Running::start(ims(&["run", "--roles", args.wire.role()]), &listen);
    let simulator = || Simulator::start(ims(&["simulate", args.wire.option(), &simulated_at]), &simulated_at);
    let idle_mb = sender()?.process().peak_mb();
    let filling = Running::start(ims(&["run", "--roles", "ingest,router"]), &listen)?;
    fill(&config, |n| args.wire.request(&customers, n), args.messages, filling)?;
    let first = simulator()?;
    let Sent { cost, most_in_flight, peak_mb } = drain(sender()?, args)?;
    drop(first);
    let mut told = json!({
        "bench": "send",
        "wire": args.wire.to_possible_value().map(|wire| wire.get_name().to_owned()),
        "latency_ms": args.wire.latency_ms(),
        "in_flight": args.in_flight,
        "messages_per_core_second": per_core_second(&cost),
        "most_in_flight": most_in_flight,
        "idle_mb": idle_mb,
        "more_mb": peak_mb.saturating_sub(idle_mb),
        "sender": &cost,
    });
    if args.wire == Wire::Bizgo {
        let _second = simulator()?;
        let (in_flight, messages) = (args.in_flight.to_string(), args.messages.to_string());
        let asking =
            ims(&["bench", "send", "--bare", &simulated_at, "--in-flight", &in_flight, "--messages", &messages]);
        let bare = bare::measured(asking)?;
        told["bare_messages_per_core_second"] = per_core_second(&bare).into();
        told["cpu_efficiency_beside_bare"] = (bare.cpu_us_per_message / cost.cpu_us_per_message).into();
        told["rate_beside_bare"] = (cost.per_second / bare.per_second).into();
        told["bare"] = json!(bare);
    }
    Ok(told)
}

fn per_core_second(cost: &Cost) -> f64 {
    1e6 / cost.cpu_us_per_message
}

/// Brings messages before the sender.
fn fill(
    config: &Config,
    request: impl Fn(u64) -> SendRequest,
    messages: u64,
    mut filling: Running,
) -> anyhow::Result<()> {
    let (schemas, _) = open_schemas(config)?;
    let log = open_kafka(config)?;
    let mut producer = log.producer()?;
    for first in (0..messages).step_by(APPEND as usize) {
        let numbers = first..messages.min(first + APPEND);
        let record = |n: u64| {
            let request = request(n);
            let key = Some(request.message_id.clone().into_bytes().into());
            let value = Some(schemas.encode(&request).into());
            Outgoing { topic: Topic::api(Lane::Mass), partition: None, key, value, headers: vec![] }
        };
        producer.append(&numbers.map(record).collect::<Vec<_>>())?;
    }
    let (mut before, mut moved) = (0, Instant::now());
    while before < messages {
        let now = filling.page("/metrics")?.map_or(0, |page| taken(&page, ROUTER));
        moves(&mut before, now, &mut moved, ROUTER, messages)?;
    }
    Ok(())
}

/// Measures from the first tenth on: the process joins its groups and opens its connections before.
fn drain(mut sender: Running, args: &SendArgs) -> anyhow::Result<Sent> {
    let (stream, messages) = (format!("{}-MASS", args.wire.role()), args.messages);
    let (mut before, mut moved, mut most_in_flight) = (0, Instant::now(), 0);
    let mut begun: Option<(Measured, u64)> = None;
    while before < messages {
        let page = sender.page("/metrics")?.unwrap_or_default();
        let in_flight = page.lines().find_map(|line| line.strip_prefix(IN_FLIGHT)).and_then(|n| n.parse::<f64>().ok());
        most_in_flight = most_in_flight.max(in_flight.unwrap_or(0.0) as u64);
        moves(&mut before, taken(&page, &stream), &mut moved, &stream, messages)?;
        if begun.is_none() && before >= messages / 10 {
            begun = Some((Measured::of(sender.process()), before));
        }
    }
    let (measured, from) = begun.context("the steady part")?;
    let cost = measured.end(before - from);
    Ok(Sent { peak_mb: sender.process().peak_mb(), cost, most_in_flight })
}

/// Notes how far a stream is, and waits for the next look.
fn moves(before: &mut u64, now: u64, moved: &mut Instant, stream: &str, of: u64) -> anyhow::Result<()> {
    if now > *before {
        (*before, *moved) = (now, Instant::now());
    }
    ensure!(moved.elapsed() < PATIENCE, "nothing has moved for a minute: {stream} took {before} of {of}");
    if *before < of {
        thread::sleep(LOOK);
    }
    Ok(())
}

fn until_open(address: &str) -> anyhow::Result<()> {
    let until = Instant::now() + PATIENCE;
    while TcpStream::connect(address).is_err() {
        ensure!(Instant::now() < until, "`ims simulate --listen {address}` takes no connection");
        thread::sleep(LOOK);
    }
    Ok(())
}
