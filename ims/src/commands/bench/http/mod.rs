//! The HTTP door, a process of its own with the role `api`, beside a bare handler that appends the same bytes.

pub mod bare;
mod fair;
mod load;
mod server;

use super::{HttpArgs, Topics, hops::on_its_own, usage::Cost};
use crate::{config::Config, log::open_kafka};
use load::{Load, Pace, Request};
use serde_json::{Value, json};
use server::Server;
use std::time::Duration;

/// Whose examples are sent.
const CUSTOMER: &str = "hanbit-shop";
/// Receivers of the request with many.
const RECEIVERS: usize = 1_000;
/// Connections that bring these: a request is 100 KB and more.
const BRINGING_MANY: u64 = 4;
/// Requests of each server before it is measured: connections, caches, the broker's logs.
const WARM_UP: Duration = Duration::from_secs(3);

/// A server at work: what it did as fast as it could, and how long requests took at half of that.
struct Measured {
    cost: Cost,
    full: Load,
    half: Load,
}

/// Runs the bench.
pub fn run(config: &Config, args: &HttpArgs) -> anyhow::Result<serde_json::Value> {
    let folder = tempfile::tempdir()?;
    let mut config = on_its_own(config, folder.path());
    // The load speaks HTTP/1.1 in the clear.
    (config.http.certificate_file, config.http.key_file) = Default::default();
    config.http.connections = (args.open + args.connections + BRINGING_MANY + fair::CONNECTIONS) as usize;
    let one = Request::of(CUSTOMER, "at", "at", |_| {})?;
    let many =
        Request::of(CUSTOMER, "sms_many", "mt", |body| body["receiver_list"] = receivers(&body["receiver_list"][0]))?;
    let seconds = Duration::from_secs(args.seconds);
    let _topics = Topics(open_kafka(&config)?);
    server::make_topics(&config, folder.path())?;

    let bare = Server::start(&mut config, folder.path(), &["bench", "http", "--bare"])?;
    let beside = measure(&bare, &one, args.connections, seconds)?;
    drop(bare);
    let door = Server::start(&mut config, folder.path(), &["run", "--roles", "api"])?;
    let measured = measure(&door, &one, args.connections, seconds)?;
    let of_many = load::run(door.address(), &many, BRINGING_MANY, Pace::Unbounded, seconds)?;
    let before_mb = door.process().resident_mb();
    let open = load::open(door.address(), &one, args.open)?;
    let with_mb = door.process().resident_mb();
    drop(door);
    let fair = fair::run(&mut config, folder.path(), seconds)?;

    let per_core_second = |cost: &Cost| 1e6 / cost.cpu_us_per_message;
    let told = |measured: &Measured| {
        json!({
            "cost": measured.cost,
            "requests_per_core_second": per_core_second(&measured.cost),
            "failed": measured.full.failed + measured.half.failed,
            "full_load_us": measured.full.quantiles(),
            "half_load_us": measured.half.quantiles(),
        })
    };
    Ok(json!({
        "bench": "http",
        "connections": args.connections,
        "bare": told(&beside),
        "door": told(&measured),
        "cpu_efficiency_beside_bare": beside.cost.cpu_us_per_message / measured.cost.cpu_us_per_message,
        "rate_beside_bare": measured.cost.per_second / beside.cost.per_second,
        "receiver_list": {
            "receivers": RECEIVERS,
            "failed": of_many.failed,
            "messages_per_second": of_many.per_second() * RECEIVERS as f64,
        },
        "open_connections": { "open": open.answered, "failed": open.failed, "more_mb": with_mb.saturating_sub(before_mb) },
        "fair": fair,
    }))
}

fn measure(server: &Server, request: &Request, connections: u64, seconds: Duration) -> anyhow::Result<Measured> {
    load::run(server.address(), request, connections, Pace::Unbounded, WARM_UP)?;
    let measured = super::usage::Measured::of(server.process());
    let full = load::run(server.address(), request, connections, Pace::Unbounded, seconds)?;
    let cost = measured.end(full.answered);
    let half = Pace::PerSecond(full.per_second() / 2.0);
    Ok(Measured { half: load::run(server.address(), request, connections, half, seconds)?, cost, full })
}

/// Many like one.
fn receivers(one: &Value) -> Value {
    let numbered = |n: usize| {
        let mut receiver = one.clone();
        receiver["phone_number"] = format!("010{n:08}").into();
        if let Some(fields) = receiver.as_object_mut() {
            fields.remove("message_id");
        }
        receiver
    };
    (0..RECEIVERS).map(numbered).collect()
}
