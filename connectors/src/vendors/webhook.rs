//! Delivery reports that vendors bring themselves: one port for all, a path for each vendor, answered when they are in the
//! log.

use super::{Vendors, bizgo, receipts::Batch, wires};
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::post,
};
use processors::reference::Protocol;
use std::{
    io,
    net::TcpListener,
    sync::{Arc, mpsc},
    time::Duration,
};
use tokio::{sync::oneshot, time::timeout};

/// Calls of webhooks, by vendor and outcome: taken, refused, malformed, late.
pub const WEBHOOKS: &str = "ims_vendor_webhooks_total";
/// Bytes of a call.
const MOST_BODY: usize = 1 << 20;
/// A vendor waits 5 s: what is not in the log by then is told so, and brought again.
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
    tracing::info!(address = %listener.local_addr()?, "webhooks of vendors: /bizgo/NAME");
    Ok(Some(listener))
}

struct Shared {
    vendors: Vendors,
    batches: mpsc::Sender<Batch>,
}

/// Serves the port for ever.
pub async fn serve(port: Option<TcpListener>, vendors: Vendors, batches: mpsc::Sender<Batch>) {
    let Some(port) = port else { return std::future::pending().await };
    let shared = Arc::new(Shared { vendors, batches });
    let pages =
        Router::new().route("/bizgo/{vendor}", post(report)).layer(DefaultBodyLimit::max(MOST_BODY)).with_state(shared);
    let served = async { axum::serve(tokio::net::TcpListener::from_std(port)?, pages).await };
    if let Err(error) = served.await {
        tracing::error!(%error, "the port of webhooks is closed");
    }
}

async fn report(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Shared { vendors, batches } = &*shared;
    let found = wires(&vendors.reference.current())
        .into_iter()
        .find(|vendor| vendor.name == name && vendor.protocol == Protocol::Bizgo);
    let secret = found.as_ref().and_then(|vendor| vendors.access.get(&vendor.name)?.webhook.as_ref());
    let (Some(vendor), Some(secret)) = (&found, secret) else { return StatusCode::NOT_FOUND.into_response() };
    let count = |outcome: &'static str| {
        metrics::counter!(WEBHOOKS, "vendor" => vendor.name.clone(), "outcome" => outcome).increment(1);
    };
    let now_ms = vendors.clock.now_ms();
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let signed =
        |secret: &HeaderValue| bizgo::signed(secret, header("x-ib-timestamp"), header("x-ib-signature"), now_ms);
    let used = secret.header();
    let known = signed(&used) || {
        // The secret may have been exchanged.
        secret.renew(&used);
        signed(&secret.header())
    };
    if !known {
        count("refused");
        tracing::warn!(vendor = vendor.name, "a webhook that is not signed with the vendor's secret is refused");
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let Some((msg_key, receipt)) = bizgo::report(&body, &vendor.name, now_ms) else {
        count("malformed");
        tracing::warn!(vendor = vendor.name, "a webhook that is no report is refused");
        return StatusCode::BAD_REQUEST.into_response();
    };
    let (confirmed, waiting) = oneshot::channel();
    let handed = batches.send(Batch { receipts: vec![receipt], confirmed }).is_ok();
    if !handed || !matches!(timeout(LONGEST, waiting).await, Ok(Ok(()))) {
        count("late");
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    count("taken");
    ([(CONTENT_TYPE, "application/json")], serde_json::json!({"msgKey": msg_key}).to_string()).into_response()
}
