//! NHN Cloud's SMS API v3.0 as its customers see it: send, list what was sent, list results.
//!
//! Source: as connectors/src/vendors/nhn names it; written apart from it, so that a mistake of one shows at the other.

mod body;
mod file;
mod list;
mod webhook;

pub use webhook::Nhn;

use super::{attempts::Attempts, push::after, spoiled::spoil};
use crate::{
    simulator::{Answering, Asked, Simulator, receipts::Due},
    vendors::Shared,
};
use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, RawQuery, State},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use body::{Kind, Message};
use processors::{codes::judge, ports::Reply, reference::CodeTable};
use rustc_hash::FxHashMap;
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64},
    time::Duration,
};

/// Results that a vendor lists; older ones are forgotten, as vendors do.
const LISTED: usize = 500_000;
/// Bytes of a request.
const MOST_BODY: usize = 6 << 20;

struct Served {
    simulator: Arc<Simulator>,
    vendors: Vec<Shared>,
    attempts: Attempts,
    /// Images that were uploaded.
    files: AtomicU64,
    /// Results that came up to now, by vendor, in the order of their coming.
    results: Mutex<FxHashMap<String, Vec<Due>>>,
}

impl Drop for Served {
    fn drop(&mut self) {
        let results = std::mem::take(self.results.get_mut().unwrap_or_else(PoisonError::into_inner));
        results.into_values().for_each(|due| self.simulator.deliveries.give_back(due));
    }
}

impl Served {
    /// The vendor whose customer it is; None: nobody's.
    fn vendor(&self, app_key: &str, headers: &HeaderMap) -> Option<&Shared> {
        let secret = headers.get("x-secret-key")?.to_str().ok()?;
        self.vendors.iter().find(|shared| shared.app_key == app_key && shared.key == secret)
    }

    fn results(&self) -> MutexGuard<'_, FxHashMap<String, Vec<Due>>> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The paths of these vendors.
pub fn pages(simulator: Arc<Simulator>, vendors: Vec<Shared>) -> Router {
    let served = Served {
        simulator,
        vendors,
        attempts: Attempts::default(),
        files: AtomicU64::default(),
        results: Mutex::default(),
    };
    let mut pages = Router::new()
        .route("/sms/v3.0/appKeys/{app_key}/message-results", get(list::results))
        .route("/sms/v3.0/appKeys/{app_key}/attachfile/binaryUpload", post(file::take));
    for kind in Kind::ALL {
        let path = format!("/sms/v3.0/appKeys/{{app_key}}/sender/{}", kind.path());
        let take = move |State(served): State<Arc<Served>>,
                         Path(app_key): Path<String>,
                         headers: HeaderMap,
                         body: Bytes| async move { send(&served, kind, &app_key, &headers, &body).await };
        let mut way = post(take);
        if kind.lists() {
            way = way.get(
                move |State(served): State<Arc<Served>>,
                      Path(app_key): Path<String>,
                      RawQuery(query): RawQuery,
                      headers: HeaderMap| async move {
                    list::sent(&served, &app_key, &headers, query.as_deref().unwrap_or_default())
                },
            );
        }
        pages = pages.route(&path, way);
    }
    pages.layer(DefaultBodyLimit::max(MOST_BODY)).with_state(Arc::new(served))
}

async fn send(served: &Served, kind: Kind, app_key: &str, headers: &HeaderMap, body: &[u8]) -> Response {
    let Some(shared) = served.vendor(app_key, headers) else { return refused(-1000) };
    let json = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !json.starts_with("application/json") {
        return refused(-9996);
    }
    let messages = match body::read(kind, body) {
        Ok(messages) => messages,
        Err(code) => return refused(code),
    };
    let (mut latency_ms, mut told) = (0, Vec::new());
    let (mut whole, mut spoiling) = (None, None);
    let first = messages.first().map(|message| request_id(&message.serial_number)).unwrap_or_default();
    for (seq, Message { to, serial_number, family }) in (1..).zip(messages) {
        let attempt = served.attempts.next(&serial_number);
        let asked = Asked { family, serial_number: &serial_number, part: "", known_by: None, attempt };
        let Answering { after_ms, reply, spoiled } = served.simulator.serve(&shared.vendor, &asked);
        latency_ms = latency_ms.max(after_ms);
        spoiling = spoiling.or(spoiled);
        match reply {
            Reply::Code { code, .. } if of_recipient(&code) => told.push(json!({
                "recipientNo": to, "resultCode": code.parse::<i64>().unwrap_or(-9999), "resultMessage": words(&code),
                "recipientSeq": seq, "recipientGroupingKey": serial_number,
            })),
            other => whole = Some(other),
        }
    }
    tokio::time::sleep(Duration::from_millis(latency_ms.max(0).unsigned_abs())).await;
    let said = match whole {
        None => success(json!({"body": {"data": {
            "requestId": first, "statusCode": "2", "senderGroupingKey": null, "sendResultList": told,
        }}})),
        Some(Reply::Code { code, .. }) => refused(code.parse().unwrap_or(-9999)),
        Some(Reply::Throttled(time)) => after(time, StatusCode::TOO_MANY_REQUESTS.into_response()),
        // The socket is open: what a refused connection would be, is here a gateway that reaches nobody.
        Some(Reply::NotSent(_)) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        // Until the customer gives up.
        Some(Reply::NoAnswer(_) | Reply::Forgotten(_) | Reply::Unasked { .. } | Reply::Tokens(_)) => {
            std::future::pending().await
        }
    };
    spoil(said, spoiling, &shared.vendor).await
}

/// What an answer says of a recipient and not of the request.
fn of_recipient(code: &str) -> bool {
    matches!(code, "0" | "-2018" | "-2019" | "-2044" | "-2045" | "-2046" | "-2047" | "-6001")
}

/// The same for a message wherever it is named: 25 characters, as published.
fn request_id(serial_number: &str) -> String {
    let mut id = hex::encode(&digest(&SHA256, serial_number.as_bytes()).as_ref()[..13]);
    id.truncate(25);
    id
}

fn words(code: &str) -> &'static str {
    if code == "0" { "SUCCESS" } else { judge(CodeTable::NhnSms, code).meaning }
}

fn refused(code: i64) -> Response {
    let header = json!({"isSuccessful": false, "resultCode": code, "resultMessage": words(&code.to_string())});
    said(json!({"header": header}))
}

fn success(mut rest: Value) -> Response {
    rest["header"] = json!({"isSuccessful": true, "resultCode": 0, "resultMessage": "SUCCESS"});
    said(rest)
}

fn said(body: Value) -> Response {
    ([(CONTENT_TYPE, "application/json;charset=UTF-8")], body.to_string()).into_response()
}
