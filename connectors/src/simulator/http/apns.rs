//! Apple's push service as its customers see it.
//!
//! Source: as connectors/src/vendors/apns names it; written apart from it, so that a mistake of one shows at the other.

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
use serde_json::{Value, json};
use std::sync::Arc;

/// Bytes of a payload, as published.
const MOST_PAYLOAD: usize = 4_096;
/// How old a token may be, seconds.
const OLDEST_S: u64 = 3_600;
/// For how long a dead token has been dead.
const DEAD_MS: i64 = 86_400_000;

struct Served {
    service: Service,
    /// Each with the topic that it is known by.
    vendors: Vec<Shared>,
}

/// The paths of these apps.
pub fn pages(simulator: Arc<Simulator>, vendors: Vec<Shared>) -> Router {
    let served = Served { service: Service::new(simulator), vendors };
    Router::new()
        .route("/3/device/{token}", post(send))
        .layer(DefaultBodyLimit::max(16 * MOST_PAYLOAD))
        .with_state(Arc::new(served))
}

async fn send(
    State(served): State<Arc<Served>>,
    Path(token): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let now_ms = served.service.now_ms(&served.vendors);
    if let Err(reason) = may_send(&headers, now_ms).and_then(|()| is_good(&headers, &token, &body)) {
        return refused(reason, now_ms);
    }
    let Some(shared) = served.vendors.iter().find(|shared| shared.key == header("apns-topic")) else {
        return refused("BadTopic", now_ms);
    };
    let said: Value = serde_json::from_slice(&body).unwrap_or_default();
    let serial_number = said["serial_number"].as_str().unwrap_or_else(|| header("apns-collapse-id"));
    let said = |reply| {
        Some(match reply {
            Reply::Code { code, .. } if code == "200" => {
                (StatusCode::OK, [("apns-id", header("apns-id"))]).into_response()
            }
            Reply::Code { code, .. } => refused(&code, now_ms),
            Reply::Throttled(time) => after(time, refused("ServiceUnavailable", now_ms)),
            // The socket is open: what a refused connection would be, is here a gateway that reaches nobody.
            Reply::NotSent(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            Reply::NoAnswer(_)
            | Reply::Forgotten(_)
            | Reply::Undecided(_)
            | Reply::Unasked { .. }
            | Reply::Tokens(_) => return None,
        })
    };
    served.service.serve(&shared.vendor, serial_number, &token, said).await
}

/// Whether the token of its sender is one, and not too old.
fn may_send(headers: &HeaderMap, now_ms: i64) -> Result<(), &'static str> {
    let given = headers.get(AUTHORIZATION).ok_or("MissingProviderToken")?;
    let token = given.to_str().ok().and_then(|text| text.strip_prefix("bearer ")).ok_or("InvalidProviderToken")?;
    let (header, claims) = signed(token).ok_or("InvalidProviderToken")?;
    let id = |value: &Value| value.as_str().is_some_and(|id| id.len() == 10);
    match claims["iat"].as_i64() {
        Some(iat) if header["alg"] == "ES256" && id(&header["kid"]) && id(&claims["iss"]) => {
            let age_s = iat.abs_diff(now_ms.div_euclid(1_000));
            if age_s > OLDEST_S { Err("ExpiredProviderToken") } else { Ok(()) }
        }
        _ => Err("InvalidProviderToken"),
    }
}

/// Whether a request is as published.
fn is_good(headers: &HeaderMap, token: &str, body: &[u8]) -> Result<(), &'static str> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let check = |good: bool, reason| if good { Ok(()) } else { Err(reason) };
    check(!header("apns-topic").is_empty(), "MissingTopic")?;
    check(header("apns-push-type") == "alert", "InvalidPushType")?;
    check(["1", "5", "10"].contains(&header("apns-priority")), "BadPriority")?;
    check(header("apns-expiration").parse::<u32>().is_ok(), "BadExpirationDate")?;
    check(header("apns-collapse-id").len() <= 64, "BadCollapseId")?;
    check(is_uuid(header("apns-id")), "BadMessageId")?;
    check(token.len() >= 64 && token.bytes().all(|byte| byte.is_ascii_hexdigit()), "BadDeviceToken")?;
    check(body.len() <= MOST_PAYLOAD, "PayloadTooLarge")?;
    let payload: Value = serde_json::from_slice(body).map_err(|_| "PayloadEmpty")?;
    check(payload["aps"]["alert"]["body"].is_string(), "PayloadEmpty")
}

fn is_uuid(text: &str) -> bool {
    let dashes = |(place, byte): (usize, u8)| match place {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.bytes().enumerate().all(dashes)
}

/// The published status of a reason.
fn refused(reason: &str, now_ms: i64) -> Response {
    let status = match reason {
        "BadCertificate"
        | "BadCertificateEnvironment"
        | "BadEnvironmentKeyIdInToken"
        | "ExpiredProviderToken"
        | "Forbidden"
        | "InvalidProviderToken"
        | "MissingProviderToken"
        | "UnrelatedKeyIdInToken" => 403,
        "BadPath" => 404,
        "MethodNotAllowed" => 405,
        "ExpiredToken" | "Unregistered" => 410,
        "PayloadTooLarge" => 413,
        "TooManyProviderTokenUpdates" | "TooManyRequests" => 429,
        "InternalServerError" => 500,
        "ServiceUnavailable" | "Shutdown" => 503,
        _ => 400,
    };
    let mut body = json!({"reason": reason});
    if status == 410 {
        body["timestamp"] = (now_ms - DEAD_MS).into();
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
