//! Delivery reports that vendors bring themselves: one port for all, a path for each vendor, answered when they are in the
//! log.

use super::{
    Access, Vendors, bizgo, nhn,
    receipts::{Batch, Serve},
    wires,
};
use axum::{
    Router,
    body::{Body, HttpBody as _, to_bytes},
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::post,
};
use processors::{
    ports::Receipt,
    reference::{OptOut, Protocol, Vendor},
};
use std::{
    io,
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};
use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};

/// Calls of webhooks, by vendor and outcome: taken, refused, malformed, late.
pub const WEBHOOKS: &str = "ims_vendor_webhooks_total";
/// Bytes of a call.
const MOST_BODY: usize = 1 << 20;
/// A vendor waits 5 s: what is not in the log by then is told so, and brought again. The body must be here by then too.
const LONGEST: Duration = Duration::from_millis(4_500);

/// Opens the port; None: no vendor brings its reports.
pub fn bind(vendors: &Vendors) -> io::Result<Option<TcpListener>> {
    if vendors.access.values().all(|access| access.webhook.is_none()) {
        return Ok(None);
    }
    let listen = &*vendors.listen;
    let listener = TcpListener::bind(listen)
        .map_err(|e| io::Error::new(e.kind(), format!("webhooks.listen {listen:?}: {e}: write address:port")))?;
    listener.set_nonblocking(true)?;
    tracing::info!(address = %listener.local_addr()?, "webhooks of vendors: /bizgo/NAME, /nhn/NAME");
    Ok(Some(listener))
}

/// What a call brings, and what it is answered with when that is in the log.
pub struct Brought {
    pub receipts: Vec<Receipt>,
    /// Who refused whose ads.
    pub refused: Vec<OptOut>,
    pub answer: String,
}

struct Shared {
    vendors: Vendors,
    batches: mpsc::Sender<Batch>,
    /// Whether it was told that a vendor's clock and ours are too far apart.
    apart: AtomicBool,
}

/// Has the port served for ever. The rest goes on without it.
pub async fn open(port: Option<TcpListener>, vendors: Vendors, batches: mpsc::Sender<Batch>, serve: Serve) {
    if let Some(port) = port {
        let shared = Arc::new(Shared { vendors, batches, apart: AtomicBool::new(false) });
        let pages = Router::new().route("/{protocol}/{vendor}", post(report)).with_state(shared);
        let served = serve(port, pages).await;
        tracing::error!(?served, "the port of webhooks is closed");
    }
    std::future::pending().await
}

async fn report(
    State(shared): State<Arc<Shared>>,
    Path((spoken, name)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let until = Instant::now() + LONGEST;
    let Shared { vendors, batches, apart } = &*shared;
    let protocol = match &*spoken {
        "bizgo" => Protocol::Bizgo,
        "nhn" => Protocol::Nhn,
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let found = wires(&vendors.reference.current())
        .into_iter()
        .find(|vendor| vendor.name == name && vendor.protocol == protocol);
    let access = found.as_ref().and_then(|vendor| vendors.access.get(&vendor.name));
    let secret = access.and_then(|access| access.webhook.as_ref());
    let (Some(vendor), Some(access), Some(secret)) = (&found, access, secret) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let count = |outcome: &'static str| {
        metrics::counter!(WEBHOOKS, "vendor" => vendor.name.clone(), "outcome" => outcome).increment(1);
    };
    let now_ms = vendors.clock.now_ms();
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let signed = |secret: &HeaderValue| match protocol {
        Protocol::Nhn => nhn::signed(secret, header(nhn::HEADER)),
        _ => bizgo::signed(secret, header("x-ib-timestamp"), header("x-ib-signature"), now_ms),
    };
    let used = secret.header();
    let known = signed(&used) || {
        // The secret may have been exchanged.
        secret.renew(&used);
        signed(&secret.header())
    };
    if known && apart.swap(false, Ordering::Relaxed) {
        tracing::info!(vendor = vendor.name, "webhooks are in time again");
    }
    if !known {
        count("refused");
        let apart_ms = match protocol {
            Protocol::Bizgo => {
                bizgo::signed_apart(&secret.header(), header("x-ib-timestamp"), header("x-ib-signature"), now_ms)
            }
            _ => None,
        };
        match apart_ms {
            // Each of its calls is refused so: who is told once can mend it.
            Some(apart_ms) if !apart.swap(true, Ordering::Relaxed) => tracing::error!(
                vendor = vendor.name,
                apart_s = apart_ms / 1_000,
                "webhooks that are signed well are refused for their time: set this machine's clock (NTP)"
            ),
            Some(_) => {}
            None => {
                tracing::warn!(
                    vendor = vendor.name,
                    "a webhook that is not signed with the vendor's secret is refused"
                );
            }
        }
        return StatusCode::UNAUTHORIZED.into_response();
    }
    // Whose call it is stands in the headers: of a stranger's, no byte of the body is read.
    let too_long = || {
        count("malformed");
        StatusCode::PAYLOAD_TOO_LARGE.into_response()
    };
    if body.size_hint().lower() > MOST_BODY as u64 {
        return too_long();
    }
    let body = match timeout_at(until, to_bytes(body, MOST_BODY)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return too_long(),
        Err(_) => {
            count("late");
            return StatusCode::REQUEST_TIMEOUT.into_response();
        }
    };
    let Some(Brought { receipts, refused, answer }) = brought(access, vendor, &body, now_ms) else {
        count("malformed");
        tracing::warn!(vendor = vendor.name, "a webhook that is no report is refused");
        return StatusCode::BAD_REQUEST.into_response();
    };
    if !refused.is_empty() && !matches!(timeout_at(until, vendors.heard(vendor, refused, now_ms)).await, Ok(true)) {
        count("late");
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    if !receipts.is_empty() {
        let (confirmed, waiting) = oneshot::channel();
        let handed = batches.send(Batch { receipts, confirmed }).is_ok();
        if !handed || !matches!(timeout_at(until, waiting).await, Ok(Ok(()))) {
            count("late");
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    }
    count("taken");
    ([(CONTENT_TYPE, "application/json")], answer).into_response()
}

/// What a call brings; None: it is malformed.
fn brought(access: &Access, vendor: &Vendor, body: &[u8], now_ms: i64) -> Option<Brought> {
    if vendor.protocol == Protocol::Nhn {
        return nhn::brought(body, access.settings.nhn.as_ref()?, vendor, now_ms);
    }
    let (msg_key, receipt) = bizgo::report(body, &vendor.name, now_ms)?;
    Some(Brought {
        receipts: vec![receipt],
        refused: Vec::new(),
        answer: serde_json::json!({"msgKey": msg_key}).to_string(),
    })
}
