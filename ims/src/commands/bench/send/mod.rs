//! A sender process against the simulator over HTTP, beside a bare client that sends as large requests to the same one.

pub mod bare;

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
use connectors::{
    simulator::{Behaviour, ReceiptBehaviour, Spread},
    vendors::VendorSettings,
};
use processors::reference::{CodeTable, Protocol, Vendor};
use schemas::{Lane, Topic};
use std::{
    net::TcpStream,
    process::Child,
    thread,
    time::{Duration, Instant},
};
use topology::log::{Log as _, Outgoing};

/// How long the vendor takes for each answer.
const LATENCY_MS: f64 = 50.0;
/// A rate that limits nothing.
const TPS: u32 = 1_000_000;
/// Longest time without progress.
const PATIENCE: Duration = Duration::from_secs(60);
/// Records of one append.
const APPEND: u64 = 10_000;
/// The streams that are watched.
const ROUTER: &str = "router-MASS";
const SENDER: &str = "kakao-MASS";
/// The metric of requests that are under way.
const IN_FLIGHT: &str = "ims_send_in_flight{vendor=\"talk-one\"} ";

/// The simulator; it ends with this.
struct Simulator(Child);

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
    seed.vendors.push(Vendor {
        codes: CodeTable::Bizgo,
        protocol: Protocol::Bizgo,
        url: format!("http://{simulated_at}"),
        max_in_flight: args.in_flight,
        receipts: true,
        ..vendor
    });
    config.reference.file = folder.path().join("reference.toml");
    std::fs::write(&config.reference.file, toml::to_string(&seed)?)?;
    let key_file = folder.path().join("vendor.key");
    std::fs::write(&key_file, bare::KEY)?;
    config.vendors.insert(VENDOR.to_owned(), VendorSettings { key_file, ..VendorSettings::default() });
    config.simulator.request_log = None;
    config.simulator.vendors.insert(VENDOR.to_owned(), behaviour());
    // Load comes by Kafka.
    config.http.listen.clear();
    config.admin.listen.clone_from(&listen);
    let ims = program(&config, folder.path())?;
    let _topics = Topics(open_kafka(&config)?);
    let made = ims(&["topics", "create"]).status()?;
    ensure!(made.success(), "`ims topics create` ended with {made}");

    let sender = || Running::start(ims(&["run", "--roles", "kakao"]), &listen);
    let idle_mb = sender()?.process().peak_mb();
    fill(&config, &customers, args.messages, Running::start(ims(&["run", "--roles", "ingest,router"]), &listen)?)?;
    let simulator = Simulator(ims(&["simulate", "--listen", &simulated_at]).spawn()?);
    until_open(&simulated_at)?;
    let sent = drain(sender()?, args.messages)?;
    drop(simulator);
    let simulator = Simulator(ims(&["simulate", "--listen", &simulated_at]).spawn()?);
    until_open(&simulated_at)?;
    let asking = ims(&[
        "bench",
        "send",
        "--bare",
        &simulated_at,
        "--in-flight",
        &args.in_flight.to_string(),
        "--messages",
        &args.messages.to_string(),
    ]);
    let bare = bare::measured(asking)?;
    drop(simulator);

    let per_core_second = |cost: &Cost| 1e6 / cost.cpu_us_per_message;
    Ok(serde_json::json!({
        "bench": "send",
        "latency_ms": LATENCY_MS,
        "in_flight": args.in_flight,
        "sender": sent.cost,
        "messages_per_core_second": per_core_second(&sent.cost),
        "most_in_flight": sent.most_in_flight,
        "idle_mb": idle_mb,
        "more_mb": sent.peak_mb.saturating_sub(idle_mb),
        "bare": bare,
        "bare_messages_per_core_second": per_core_second(&bare),
        "cpu_efficiency_beside_bare": bare.cpu_us_per_message / sent.cost.cpu_us_per_message,
        "rate_beside_bare": sent.cost.per_second / bare.per_second,
    }))
}

/// It takes everything in the same time, and reports nothing later.
fn behaviour() -> Behaviour {
    Behaviour {
        latency_ms: Spread::exactly(LATENCY_MS),
        codes: [("A000".to_owned(), 1.0)].into(),
        no_answer_share: 0.0,
        throttled_share: 0.0,
        receipts: ReceiptBehaviour { never_share: 1.0, ..ReceiptBehaviour::default() },
        ..Behaviour::default()
    }
}

/// Brings messages before the sender.
fn fill(config: &Config, customers: &Customers, messages: u64, mut filling: Running) -> anyhow::Result<()> {
    let (schemas, _) = open_schemas(config)?;
    let log = open_kafka(config)?;
    let mut producer = log.producer()?;
    for first in (0..messages).step_by(APPEND as usize) {
        let numbers = first..messages.min(first + APPEND);
        let record = |n: u64| {
            let request = customers.request(n % customers.count, n);
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
fn drain(mut sender: Running, messages: u64) -> anyhow::Result<Sent> {
    let (mut before, mut moved, mut most_in_flight) = (0, Instant::now(), 0);
    let mut begun: Option<(Measured, u64)> = None;
    while before < messages {
        let page = sender.page("/metrics")?.unwrap_or_default();
        let in_flight = page.lines().find_map(|line| line.strip_prefix(IN_FLIGHT)).and_then(|n| n.parse::<f64>().ok());
        most_in_flight = most_in_flight.max(in_flight.unwrap_or(0.0) as u64);
        moves(&mut before, taken(&page, SENDER), &mut moved, SENDER, messages)?;
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
