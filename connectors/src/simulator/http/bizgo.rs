//! Infobank Bizgo's Communication API v1 as its customers see it: send, poll reports, acknowledge them, upload images,
//! register templates and sender profiles.
//!
//! Source: as connectors/src/vendors/bizgo names it; written apart from it, so that a mistake of one shows at the other.

mod body;
mod file;
mod profile;
mod template;
mod webhook;

pub use webhook::Bizgo;

use super::{push::after, spoiled::spoil};
use crate::{
    simulator::{
        Answering, Asked, Simulator,
        attempts::Attempts,
        receipts::{Due, confirmation},
    },
    vendors::Shared,
};
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::{
        HeaderMap, StatusCode,
        header::{AUTHORIZATION, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use jiff::{Timestamp, tz::Offset};
use processors::{codes::judge, ports::Reply, reference::Vendor};
use rustc_hash::FxHashMap;
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Reports of one poll at most.
const BATCH: usize = 500;
/// Bytes of a request.
const MOST_BODY: usize = 6 << 20;

struct Served {
    simulator: Arc<Simulator>,
    vendors: Vec<Shared>,
    attempts: Attempts,
    state: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// By vendor: reports that were given and not acknowledged, and their id.
    given: FxHashMap<String, (String, Vec<Due>)>,
    batches: u64,
    templates: FxHashMap<template::Key, template::Template>,
    channels: FxHashMap<profile::Key, profile::Channel>,
}

impl Drop for Served {
    fn drop(&mut self) {
        let kept = std::mem::take(self.state.get_mut().unwrap_or_else(PoisonError::into_inner));
        kept.given.into_values().for_each(|(_, due)| self.simulator.deliveries.give_back(due));
    }
}

/// The paths of these vendors.
pub fn pages(simulator: Arc<Simulator>, vendors: Vec<Shared>) -> Router {
    let shared = Arc::new(Served { simulator, vendors, attempts: Attempts::default(), state: Mutex::default() });
    Router::new()
        .route("/api/comm/v1/send/omni", post(send))
        .route("/api/comm/v1/report/polling", get(poll))
        .route("/api/comm/v1/report/polling/{report_id}", delete(acknowledge))
        .merge(file::pages())
        .merge(profile::pages())
        .merge(template::pages())
        .layer(DefaultBodyLimit::max(MOST_BODY))
        .with_state(shared)
}

impl Served {
    /// The vendor whose customer it is; None: nobody's.
    fn vendor(&self, headers: &HeaderMap) -> Option<Arc<Vendor>> {
        let key = headers.get(AUTHORIZATION)?.to_str().ok()?;
        self.vendors.iter().find(|shared| shared.key == key).map(|shared| Arc::clone(&shared.vendor))
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn send(State(shared): State<Arc<Served>>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(vendor) = shared.vendor(&headers) else { return gateway(401, "Unauthorized") };
    let (reference, messages) = match body::read(&body) {
        Ok(read) => read,
        Err(code) => return service(code),
    };
    let (mut latency_ms, mut told) = (0, Vec::new());
    let (mut whole, mut spoiling) = (None, None);
    for body::Message { to, serial_number, known_by, family, lasts } in messages {
        let attempt = shared.attempts.next(&serial_number);
        let known_by = known_by.as_deref();
        let asked = Asked { family, serial_number: &serial_number, part: "", known_by, attempt, lasts };
        let Answering { after_ms, reply, spoiled } = shared.simulator.serve(&vendor, &asked);
        latency_ms = latency_ms.max(after_ms);
        spoiling = spoiling.or(spoiled);
        match reply {
            Reply::Code { code, text } if of_destination(&code) => {
                told.push(json!({"to": to, "msgKey": msg_key(&serial_number), "code": code, "result": text}));
            }
            other => whole = Some(other),
        }
    }
    tokio::time::sleep(Duration::from_millis(latency_ms.max(0) as u64)).await;
    let said = match whole {
        None => {
            let mut service = json!({"code": "A000", "result": "Success", "data": {"destinations": told}});
            if let Some(reference) = reference {
                service["ref"] = reference.into();
            }
            json_of(StatusCode::OK, &json!({"common": passed(), "data": service}))
        }
        Some(Reply::Code { code, .. }) => match code.strip_prefix("common.") {
            Some(auth_code) => gateway(auth_code[1..].parse().unwrap_or(500), judge(vendor.codes, &code).meaning),
            None => service(&code),
        },
        Some(Reply::Throttled(time)) => after(time, service("A020")),
        // The socket is open: what a refused connection would be, is here a gateway that reaches nobody.
        Some(Reply::NotSent(_)) => gateway(503, "Service Unavailable"),
        // Until the customer gives up.
        Some(
            Reply::NoAnswer(_) | Reply::Forgotten(_) | Reply::Undecided(_) | Reply::Unasked { .. } | Reply::Tokens(_),
        ) => std::future::pending().await,
    };
    spoil(said, spoiling, &vendor).await
}

async fn poll(State(shared): State<Arc<Served>>, headers: HeaderMap) -> Response {
    let Some(vendor) = shared.vendor(&headers) else { return gateway(401, "Unauthorized") };
    if shared.simulator.settings.of(&vendor.name).receipts.webhook_url.is_some() {
        // The key is set to receive reports by webhook.
        return service("A801");
    }
    let mut kept = shared.lock();
    if !kept.given.contains_key(&vendor.name) {
        let due = shared.simulator.deliveries.due_of(&vendor.name, BATCH);
        if due.is_empty() {
            return answer(StatusCode::OK, "A000", "Success", json!({"reportId": "", "report": null}));
        }
        kept.batches += 1;
        let id = format!("{}-{}", shared.simulator.clock.now_ms(), kept.batches);
        kept.given.insert(vendor.name.clone(), (id, due));
    }
    let Some((id, due)) = kept.given.get(&vendor.name) else { return service("A999") };
    let reports: Vec<Value> = due.iter().map(|due| report(&vendor, &shared.simulator.as_told(due))).collect();
    answer(StatusCode::OK, "A000", "Success", json!({"reportId": id, "report": reports}))
}

async fn acknowledge(State(shared): State<Arc<Served>>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let Some(vendor) = shared.vendor(&headers) else { return gateway(401, "Unauthorized") };
    let mut kept = shared.lock();
    let confirmed = match kept.given.get(&vendor.name) {
        Some((given, due)) if *given == id => due.iter().map(|due| confirmation(&due.receipt)).collect::<Vec<_>>(),
        _ => return service("A802"),
    };
    if let Err(error) = shared.simulator.confirm(&confirmed) {
        tracing::error!(%error, "acknowledged reports cannot be noted");
        return service("A910");
    }
    kept.given.remove(&vendor.name);
    answer(StatusCode::OK, "A000", "Success", Value::Null)
}

fn report(vendor: &Vendor, Due { receipt, family, .. }: &Due) -> Value {
    let (service_type, msg_type) = match family.as_str() {
        "AT" => ("ALIMTALK", "AT"),
        "FT" | "BT" => ("BRANDMESSAGE", "FT"),
        "RCS" => ("RCS", "RS"),
        "SMS" => ("SMS", "SM"),
        _ => ("MMS", "MM"),
    };
    let at = Timestamp::from_millisecond(receipt.at_ms).unwrap_or_default();
    let at = Offset::constant(9).to_datetime(at).strftime("%Y-%m-%dT%H:%M:%S+09:00").to_string();
    json!({
        "msgKey": msg_key(&receipt.serial_number), "serviceType": service_type, "msgType": msg_type,
        "sendTime": at, "reportTime": at, "reportType": "1", "reportCode": receipt.code,
        "reportText": judge(vendor.codes, &receipt.code).meaning, "ref": receipt.serial_number,
    })
}

/// The same for a message wherever it is named.
fn msg_key(serial_number: &str) -> String {
    format!("{}BZG", serial_number.replace('-', ""))
}

/// What an answer says of a destination and not of the request.
fn of_destination(code: &str) -> bool {
    matches!(code, "A000" | "A301" | "A306" | "A324")
}

fn gateway(status: u16, words: &str) -> Response {
    let body = json!({"common": {"authCode": format!("A{status}"), "authResult": words, "infobankTrId": "simulated"}});
    json_of(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), &body)
}

/// The published status of a code of the service.
fn service(code: &str) -> Response {
    let status = match code {
        "A001" | "A100" => 401,
        "A002" | "A110" | "A111" | "A113" | "A802" => 403,
        "A020" => 429,
        "A910" | "A999" => 500,
        "A920" => 503,
        _ => 400,
    };
    let words = judge(processors::reference::CodeTable::Bizgo, code).meaning;
    answer(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), code, words, Value::Null)
}

fn answer(status: StatusCode, code: &str, words: &str, data: Value) -> Response {
    let mut service = json!({"code": code, "result": words});
    if !data.is_null() {
        service["data"] = data;
    }
    json_of(status, &json!({"common": passed(), "data": service}))
}

/// What the gateway says of a request that it lets pass.
fn passed() -> Value {
    json!({"authCode": "A000", "authResult": "Success", "infobankTrId": "simulated"})
}

fn json_of(status: StatusCode, body: &Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
