//! The least that a sender can do: requests over connections that each wait for the answer before the next.

use crate::commands::bench::usage::{Cost, Measured};
use anyhow::{Context, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request,
    client::conn::http1,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use schemas::examples;
use serde_json::json;
use std::{
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::{net::TcpStream, runtime::Builder, task::JoinSet};

/// The customer's key at the simulator.
pub const KEY: &str = "bench-key";

/// Runs the client in a process of its own; what it cost there.
pub fn measured(mut command: Command) -> anyhow::Result<Cost> {
    let told = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).output()?;
    ensure!(told.status.success(), "the bare client ended with {}", told.status);
    Ok(serde_json::from_slice(&told.stdout)?)
}

/// Sends so many requests, so many at a time, on one thread as a sender does; the first tenth is not counted.
pub fn run(address: &str, in_flight: u32, messages: u64) -> anyhow::Result<Cost> {
    let body = body();
    let (sent, begun) = (Arc::new(AtomicU64::new(0)), Arc::new(std::sync::Mutex::new(None)));
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut connections = JoinSet::new();
        for _ in 0..in_flight {
            let (sent, begun, address, body) =
                (Arc::clone(&sent), Arc::clone(&begun), address.to_owned(), body.clone());
            connections.spawn(async move {
                let stream = TcpStream::connect(&address).await?;
                stream.set_nodelay(true)?;
                let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
                tokio::spawn(connection);
                loop {
                    let number = sent.fetch_add(1, Ordering::Relaxed);
                    if number >= messages {
                        return anyhow::Ok(());
                    }
                    if number == messages / 10 {
                        *begun.lock().expect("nobody panics with it") = Some(Measured::begin());
                    }
                    sender.ready().await?;
                    let answer = sender.send_request(request(&address, &body, number)?).await?;
                    ensure!(answer.status().is_success(), "the simulator answers {}", answer.status());
                    let answer = answer.into_body().collect().await?.to_bytes();
                    ensure!(find(&answer, b"A000"), "the simulator refuses: {}", String::from_utf8_lossy(&answer));
                }
            });
        }
        while let Some(ended) = connections.join_next().await {
            ended??;
        }
        let begun = begun.lock().expect("nobody panics with it").take().context("too few messages")?;
        Ok(begun.end(messages - messages / 10))
    })
}

fn find(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|found| found == word)
}

/// Before and after the number of a request: as the sender's are, in what the vendor publishes.
fn body() -> (String, String) {
    const HERE: &str = "SERIAL-NUMBER";
    let example = examples::request("at");
    let body = json!({
        "destinations": [{"to": "01012345678"}],
        "messageFlow": [{"alimtalk": {
            "msgType": "AT", "senderKey": "0".repeat(40), "templateCode": example.template_code, "text": example.message,
            "responseMethod": "push",
        }}],
        "idempotencyKey": HERE, "idempotencyTtl": 86_400, "ref": "bench",
    });
    let body = body.to_string();
    let (before, after) = body.split_once(HERE).expect("it was written there");
    (before.to_owned(), after.to_owned())
}

fn request(address: &str, (before, after): &(String, String), number: u64) -> anyhow::Result<Request<Full<Bytes>>> {
    Ok(Request::post("/api/comm/v1/send/omni")
        .header(HOST, address)
        .header(AUTHORIZATION, KEY)
        .header(CONTENT_TYPE, "application/json")
        .body(Full::from(format!("{before}01KKCJ3N1F{number:016}-0M{after}")))?)
}
