//! NHN Cloud's SMS API v3.0 and KakaoTalk Bizmessage API v2.3 as their customers see them: send, list what was sent, list
//! results, upload images.
//!
//! Source: as connectors/src/vendors/nhn names it; written apart from it, so that a mistake of one shows at the other.

mod body;
mod file;
mod kakao;
mod list;
mod webhook;

pub use webhook::Nhn;

use super::{push::after, spoiled::spoil};
use crate::{
    simulator::{Answering, Asked, Simulator, attempts::Attempts, receipts::Due},
    vendors::Shared,
};
use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
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

/// A request that was read, and how its answer is written.
struct Asking {
    table: CodeTable,
    messages: Result<Vec<Message>, i64>,
    /// What a repeat is known by.
    known_by: Option<String>,
    /// The answer that accepts: request id, results of the recipients.
    accepted: fn(String, Vec<Value>) -> Value,
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
        .route("/sms/v3.0/appKeys/{app_key}/message-results", get(list::text_results))
        .route("/alimtalk/v2.3/appkeys/{app_key}/message-results", get(list::talk_results))
        .route("/sms/v3.0/appKeys/{app_key}/attachfile/binaryUpload", post(file::take));
    for kind in Kind::ALL {
        let ask = move |headers: &HeaderMap, body: &[u8]| Asking {
            table: CodeTable::NhnSms,
            messages: json(headers).and_then(|()| body::read(kind, body)),
            known_by: None,
            accepted: |id, told| {
                json!({"body": {"data": {
                    "requestId": id, "statusCode": "2", "senderGroupingKey": null, "sendResultList": told,
                }}})
            },
        };
        let take = move |State(served): State<Arc<Served>>,
                         Path(app_key): Path<String>,
                         headers: HeaderMap,
                         body: Bytes| async move {
            let asking = ask(&headers, &body);
            send(&served, &app_key, &headers, asking).await
        };
        let mut way = post(take);
        if kind.lists() {
            way = way.get(list::texts);
        }
        pages = pages.route(&format!("/sms/v3.0/appKeys/{{app_key}}/sender/{}", kind.path()), way);
    }
    for (auth, before) in [(false, ""), (true, "auth/")] {
        let ask = move |headers: &HeaderMap, body: &[u8]| Asking {
            table: CodeTable::NhnKakao,
            messages: json(headers).and_then(|()| kakao::read(auth, body)),
            known_by: headers.get("x-nc-api-idempotency-key").and_then(|key| Some(key.to_str().ok()?.to_owned())),
            accepted: |id, told| json!({"message": {"requestId": id, "senderGroupingKey": null, "sendResults": told}}),
        };
        let take = move |State(served): State<Arc<Served>>,
                         Path(app_key): Path<String>,
                         headers: HeaderMap,
                         body: Bytes| async move {
            let asking = ask(&headers, &body);
            send(&served, &app_key, &headers, asking).await
        };
        let base = format!("/alimtalk/v2.3/appkeys/{{app_key}}/{before}");
        pages =
            pages.route(&format!("{base}raw-messages"), post(take)).route(&format!("{base}messages"), get(list::talks));
    }
    pages.layer(DefaultBodyLimit::max(MOST_BODY)).with_state(Arc::new(served))
}

/// Whether a body is JSON, as a request says that it is.
fn json(headers: &HeaderMap) -> Result<(), i64> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if content_type.starts_with("application/json") { Ok(()) } else { Err(-9996) }
}

async fn send(served: &Served, app_key: &str, headers: &HeaderMap, asking: Asking) -> Response {
    let Asking { table, messages, known_by, accepted } = asking;
    let Some(shared) = served.vendor(app_key, headers) else { return refused(table, -1000) };
    let messages = match messages {
        Ok(messages) => messages,
        Err(code) => return refused(table, code),
    };
    let (mut latency_ms, mut told) = (0, Vec::new());
    let (mut whole, mut spoiling) = (None, None);
    let first = messages.first().map(|message| request_id(&message.serial_number)).unwrap_or_default();
    for (seq, Message { to, serial_number, family }) in (1..).zip(messages) {
        let attempt = served.attempts.next(&serial_number);
        let asked = Asked {
            family,
            serial_number: &serial_number,
            part: "",
            known_by: known_by.as_deref(),
            attempt,
            lasts: None,
        };
        let Answering { after_ms, reply, spoiled } = served.simulator.serve(&shared.vendor, &asked);
        latency_ms = latency_ms.max(after_ms);
        spoiling = spoiling.or(spoiled);
        match reply {
            Reply::Code { code, .. } if of_recipient(table, &code) => told.push(json!({
                "recipientNo": to, "resultCode": code.parse::<i64>().unwrap_or(-9999),
                "resultMessage": words(table, &code), "recipientSeq": seq, "recipientGroupingKey": serial_number,
            })),
            other => whole = Some(other),
        }
    }
    tokio::time::sleep(Duration::from_millis(latency_ms.max(0).unsigned_abs())).await;
    let said = match whole {
        None => success(accepted(first, told)),
        Some(Reply::Code { code, .. }) => refused(table, code.parse().unwrap_or(-9999)),
        Some(Reply::Throttled(time)) => after(time, StatusCode::TOO_MANY_REQUESTS.into_response()),
        // The socket is open: what a refused connection would be, is here a gateway that reaches nobody.
        Some(Reply::NotSent(_)) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        // Until the customer gives up.
        Some(
            Reply::NoAnswer(_) | Reply::Forgotten(_) | Reply::Undecided(_) | Reply::Unasked { .. } | Reply::Tokens(_),
        ) => std::future::pending().await,
    };
    spoil(said, spoiling, &shared.vendor).await
}

/// What an answer says of a recipient and not of the request.
fn of_recipient(table: CodeTable, code: &str) -> bool {
    match table {
        CodeTable::NhnKakao => matches!(code, "0" | "-3010" | "-3011" | "-4019" | "-5000"),
        _ => matches!(code, "0" | "-2018" | "-2019" | "-2044" | "-2045" | "-2046" | "-2047" | "-6001"),
    }
}

/// The same for a message wherever it is named: 25 characters, as published.
fn request_id(serial_number: &str) -> String {
    let mut id = hex::encode(&digest(&SHA256, serial_number.as_bytes()).as_ref()[..13]);
    id.truncate(25);
    id
}

fn words(table: CodeTable, code: &str) -> &'static str {
    if code == "0" { "SUCCESS" } else { judge(table, code).meaning }
}

fn refused(table: CodeTable, code: i64) -> Response {
    let header = json!({"isSuccessful": false, "resultCode": code, "resultMessage": words(table, &code.to_string())});
    said(json!({"header": header}))
}

fn success(mut rest: Value) -> Response {
    rest["header"] = json!({"isSuccessful": true, "resultCode": 0, "resultMessage": "SUCCESS"});
    said(rest)
}

fn said(body: Value) -> Response {
    ([(CONTENT_TYPE, "application/json;charset=UTF-8")], body.to_string()).into_response()
}
