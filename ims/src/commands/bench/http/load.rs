//! Requests over many connections, each with one request under way: as fast as they are answered, or at a rate.

use anyhow::Context;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hdrhistogram::Histogram;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    client::conn::http1::{self, SendRequest},
    header::{CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use schemas::examples::REQUESTS;
use serde_json::Value;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{net::TcpStream, runtime::Builder, task::JoinSet, time::Instant};

/// Longest time that is told, microseconds.
const LONGEST_US: u64 = 60_000_000;
/// Connections that are made at a time.
const CONNECTING: u64 = 100;

/// A request that is sent again and again, each time with a message_id that no other has.
#[derive(Clone)]
pub struct Request {
    path: String,
    key: String,
    /// Before and after the message_id.
    body: (Arc<str>, Arc<str>),
}

/// How fast requests follow each other.
#[derive(Clone, Copy)]
pub enum Pace {
    /// The next when the last is answered.
    Unbounded,
    /// So many a second over all connections; one that comes late counts from when it was due.
    PerSecond(f64),
}

/// What came of requests.
pub struct Load {
    /// Answered with 0000.
    pub answered: u64,
    /// Answered otherwise, or not.
    pub failed: u64,
    seconds: f64,
    /// From when each was due to the last byte of its answer, microseconds.
    took_us: Histogram<u64>,
}

impl Request {
    /// An example as a customer of the demo writes it, with what is changed in it.
    pub fn of(username: &str, example: &str, path: &str, change: impl FnOnce(&mut Value)) -> anyhow::Result<Self> {
        const HERE: &str = "MESSAGE-ID";
        let example = REQUESTS.iter().find(|known| known.name == example).context("an example")?;
        let mut body: Value = serde_json::from_str(example.json)?;
        change(&mut body);
        body["message_id"] = HERE.into();
        let service_key = body["service_key"].as_str().context("a service key")?;
        let path = format!("/ims/{service_key}/{path}/sendMessage");
        let body = body.to_string();
        let (before, after) = body.split_once(HERE).context("a message_id")?;
        let key = STANDARD.encode(format!("{username}:demo-only-secret-of-{username}"));
        Ok(Self { path, key, body: (before.into(), after.into()) })
    }

    fn numbered(&self, connection: u64, number: u64) -> anyhow::Result<hyper::Request<Full<Bytes>>> {
        let (before, after) = &self.body;
        let body = format!("{before}b-{connection}-{number}{after}");
        Ok(hyper::Request::post(&self.path)
            .header(HOST, "localhost")
            .header(CONTENT_TYPE, "application/json")
            .header("x-ims-key", &self.key)
            .body(Full::from(body))?)
    }
}

impl Load {
    fn new() -> anyhow::Result<Self> {
        Ok(Self { answered: 0, failed: 0, seconds: 0.0, took_us: Histogram::new_with_max(LONGEST_US, 3)? })
    }

    /// Answered requests a second.
    pub fn per_second(&self) -> f64 {
        self.answered as f64 / self.seconds.max(f64::MIN_POSITIVE)
    }

    /// The longest of ninety-nine in a hundred, microseconds.
    pub fn p99_us(&self) -> u64 {
        self.took_us.value_at_quantile(0.99)
    }

    /// How long they took, microseconds.
    pub fn quantiles(&self) -> serde_json::Value {
        let at = |quantile| self.took_us.value_at_quantile(quantile);
        serde_json::json!({ "p50": at(0.5), "p99": at(0.99), "p99.9": at(0.999), "max": self.took_us.max() })
    }

    fn add(&mut self, other: &Self) -> anyhow::Result<()> {
        self.answered += other.answered;
        self.failed += other.failed;
        Ok(self.took_us.add(&other.took_us)?)
    }
}

type Open = SendRequest<Full<Bytes>>;

async fn connect(address: SocketAddr) -> anyhow::Result<Open> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

/// Whether a request was answered with 0000.
async fn ask(connection: &mut Open, request: hyper::Request<Full<Bytes>>) -> anyhow::Result<bool> {
    connection.ready().await?;
    let answer = connection.send_request(request).await?;
    let body = answer.into_body().collect().await?.to_bytes();
    Ok(body.starts_with(br#"{"code":"0000""#))
}

async fn one_connection(
    number: u64,
    address: SocketAddr,
    request: Request,
    every: Option<Duration>,
    until: Instant,
) -> anyhow::Result<Load> {
    let (mut load, mut connection) = (Load::new()?, connect(address).await?);
    let mut due = Instant::now();
    // Ids of two runs differ.
    let mut id = crate::assemble::now_ms() as u64 % 1_000_000_000 * 1_000_000;
    while due < until {
        match every {
            Some(_) => tokio::time::sleep_until(due).await,
            None => due = Instant::now(),
        }
        id += 1;
        match ask(&mut connection, request.numbered(number, id)?).await {
            Ok(true) => {
                load.answered += 1;
                load.took_us.saturating_record(due.elapsed().as_micros() as u64);
            }
            Ok(false) => load.failed += 1,
            Err(_) => {
                load.failed += 1;
                connection = connect(address).await?;
            }
        }
        due = every.map_or_else(Instant::now, |every| due + every);
    }
    Ok(load)
}

/// Sends for so long.
pub fn run(
    address: SocketAddr,
    request: &Request,
    connections: u64,
    pace: Pace,
    for_: Duration,
) -> anyhow::Result<Load> {
    let every = match pace {
        Pace::Unbounded => None,
        Pace::PerSecond(rate) => Some(Duration::from_secs_f64(connections as f64 / rate)),
    };
    Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let (began, mut tasks) = (Instant::now(), JoinSet::new());
        for number in 0..connections {
            // Spread over the time between two requests of one connection.
            let wait = every.map_or(Duration::ZERO, |every| every.mul_f64(number as f64 / connections as f64));
            let request = request.clone();
            tasks.spawn(async move {
                tokio::time::sleep(wait).await;
                one_connection(number, address, request, every, began + for_).await
            });
        }
        let mut load = Load::new()?;
        while let Some(done) = tasks.join_next().await {
            load.add(&done??)?;
        }
        load.seconds = began.elapsed().as_secs_f64();
        Ok(load)
    })
}

/// Opens so many connections, sends one request over each, and holds all until the last is answered.
pub fn open(address: SocketAddr, request: &Request, connections: u64) -> anyhow::Result<Load> {
    Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let (mut load, mut held) = (Load::new()?, Vec::new());
        let began = Instant::now();
        for first in (0..connections).step_by(CONNECTING as usize) {
            let mut tasks = JoinSet::new();
            for number in first..connections.min(first + CONNECTING) {
                let request = request.numbered(number, crate::assemble::now_ms() as u64)?;
                tasks.spawn(async move {
                    let mut connection = connect(address).await?;
                    let answered = ask(&mut connection, request).await?;
                    anyhow::Ok((connection, answered))
                });
            }
            while let Some(done) = tasks.join_next().await {
                match done? {
                    Ok((connection, true)) => {
                        load.answered += 1;
                        held.push(connection);
                    }
                    Ok(_) | Err(_) => load.failed += 1,
                }
            }
        }
        load.seconds = began.elapsed().as_secs_f64();
        Ok(load)
    })
}
