//! Firebase Cloud Messaging as its customers see it: access tokens, and one request for each message.
//!
//! Source: as connectors/src/vendors/fcm names it; written apart from it, so that a mistake of one shows at the other.

use super::push::{Service, after, signed};
use crate::{simulator::Simulator, vendors::Shared};
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::{
        HeaderMap, StatusCode,
        header::{AUTHORIZATION, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
    routing::post,
};
use processors::ports::Reply;
use rustc_hash::FxHashSet;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};
use url::form_urlencoded;

/// Bytes of a request.
const MOST_BODY: usize = 64 << 10;
/// Bytes of a message, as published.
const MOST_PAYLOAD: usize = 4_096;
/// How far the time of a signed request may be from now, seconds.
const CLOCK_S: u64 = 600;
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

struct Served {
    service: Service,
    /// Each with the project that it is known by.
    vendors: Vec<Shared>,
    given: Mutex<FxHashSet<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    message: Message,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
struct Message {
    token: String,
    notification: Option<Notification>,
    #[serde(default)]
    data: BTreeMap<String, String>,
    android: Option<Android>,
    apns: Option<Apns>,
    webpush: Option<Webpush>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Notification {
    title: Option<String>,
    body: Option<String>,
    image: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
struct Android {
    collapse_key: Option<String>,
    priority: Option<Priority>,
    ttl: Option<String>,
    notification: Option<AndroidNotification>,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Priority {
    Normal,
    High,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AndroidNotification {
    tag: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
struct Apns {
    #[serde(default)]
    headers: BTreeMap<String, String>,
    payload: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
struct Webpush {
    fcm_options: Option<WebpushOptions>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "read to be checked")]
struct WebpushOptions {
    link: Option<String>,
}

/// The paths of these projects.
pub fn pages(simulator: Arc<Simulator>, vendors: Vec<Shared>) -> Router {
    let served = Served { service: Service::new(simulator), vendors, given: Mutex::default() };
    Router::new()
        .route("/token", post(token))
        .route("/v1/projects/{project}/messages:send", post(send))
        .layer(DefaultBodyLimit::max(MOST_BODY))
        .with_state(Arc::new(served))
}

async fn token(State(served): State<Arc<Served>>, body: Bytes) -> Response {
    let form: BTreeMap<_, _> = form_urlencoded::parse(&body).collect();
    let claims = form.get("assertion").and_then(|assertion| signed(assertion)).map(|(_, claims)| claims);
    let now_s = served.service.now_ms(&served.vendors).div_euclid(1_000);
    let good = claims.is_some_and(|claims| {
        let number = |name: &str| claims[name].as_i64().unwrap_or(i64::MIN);
        number("iat").abs_diff(now_s) <= CLOCK_S
            && (1..=3_600).contains(&number("exp").saturating_sub(number("iat")))
            && ["iss", "scope", "aud"].iter().all(|name| claims[name].is_string())
    });
    if form.get("grant_type").is_none_or(|grant| grant != GRANT) || !good {
        return answer(StatusCode::BAD_REQUEST, &json!({"error": "invalid_grant", "error_description": "Invalid JWT"}));
    }
    let mut given = served.given.lock().unwrap_or_else(PoisonError::into_inner);
    let token = format!("simulated-{now_s}-{}", given.len() + 1);
    given.insert(token.clone());
    answer(StatusCode::OK, &json!({"access_token": token, "expires_in": 3_599, "token_type": "Bearer"}))
}

async fn send(
    State(served): State<Arc<Served>>,
    Path(project): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let key = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let known = |key: &str| served.given.lock().unwrap_or_else(PoisonError::into_inner).contains(key);
    if !key.is_some_and(known) {
        return refused("UNAUTHENTICATED", &[]);
    }
    let Some(shared) = served.vendors.iter().find(|shared| shared.key == project) else {
        return refused("NOT_FOUND", &[]);
    };
    let message = match serde_json::from_slice::<Body>(&body) {
        Ok(Body { message }) => message,
        Err(_) => {
            let violations = json!([{"field": "message", "description": "Invalid JSON payload received."}]);
            let bad = json!({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations});
            return refused("INVALID_ARGUMENT", &[bad]);
        }
    };
    if message.bytes() > MOST_PAYLOAD || !message.ttl_is_good() {
        return refused("INVALID_ARGUMENT", &[own("INVALID_ARGUMENT")]);
    }
    let serial_number = message.serial_number();
    let said = |reply| {
        Some(match reply {
            Reply::Code { code, .. } if code == "200" => {
                let name = format!("projects/{project}/messages/0:{serial_number}");
                answer(StatusCode::OK, &json!({"name": name}))
            }
            Reply::Code { code, .. } => refused(&code, &[own(code.trim_end_matches(".token"))]),
            Reply::Throttled(time) => {
                let violations = json!([{"subject": format!("project:{project}"), "description": "rate"}]);
                let quota = json!({"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": violations});
                after(time, refused("QUOTA_EXCEEDED", &[own("QUOTA_EXCEEDED"), quota]))
            }
            // The socket is open: what a refused connection would be, is here a gateway that reaches nobody.
            Reply::NotSent(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            Reply::NoAnswer(_)
            | Reply::Forgotten(_)
            | Reply::Undecided(_)
            | Reply::Unasked { .. }
            | Reply::Tokens(_) => return None,
        })
    };
    served.service.serve(&shared.vendor, serial_number, &message.token, said).await
}

impl Message {
    fn bytes(&self) -> usize {
        let length = |text: &Option<String>| text.as_deref().map_or(0, str::len);
        let data: usize = self.data.iter().map(|(key, value)| key.len() + value.len()).sum();
        self.notification.as_ref().map_or(0, |n| length(&n.title) + length(&n.body) + length(&n.image)) + data
    }

    /// Seconds, up to four weeks.
    fn ttl_is_good(&self) -> bool {
        let Some(ttl) = self.android.as_ref().and_then(|android| android.ttl.as_deref()) else { return true };
        ttl.strip_suffix('s')
            .and_then(|seconds| seconds.parse().ok())
            .is_some_and(|s: f64| (0.0..=2_419_200.0).contains(&s))
    }

    fn serial_number(&self) -> &str {
        let tag = || self.android.as_ref()?.notification.as_ref()?.tag.as_ref();
        self.data.get("serial_number").or_else(tag).map_or("", String::as_str)
    }
}

fn own(code: &str) -> Value {
    json!({"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code})
}

/// The published status of a code, and google.rpc's word for it.
fn refused(code: &str, details: &[Value]) -> Response {
    let (status, word) = match code {
        "THIRD_PARTY_AUTH_ERROR" | "UNAUTHENTICATED" => (401, "UNAUTHENTICATED"),
        "SENDER_ID_MISMATCH" | "PERMISSION_DENIED" => (403, "PERMISSION_DENIED"),
        "UNREGISTERED" | "NOT_FOUND" => (404, "NOT_FOUND"),
        "QUOTA_EXCEEDED" => (429, "RESOURCE_EXHAUSTED"),
        "INTERNAL" | "UNSPECIFIED_ERROR" => (500, "INTERNAL"),
        "UNAVAILABLE" => (503, "UNAVAILABLE"),
        _ => (400, "INVALID_ARGUMENT"),
    };
    let message = match code {
        "INVALID_ARGUMENT.token" => "The registration token is not a valid FCM registration token",
        _ => "Request was refused.",
    };
    let error = json!({"code": status, "message": message, "status": word, "details": details});
    answer(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), &json!({"error": error}))
}

fn answer(status: StatusCode, body: &Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json; charset=UTF-8")], body.to_string()).into_response()
}
