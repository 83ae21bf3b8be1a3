//! One call over HTTP, and what came of it.

use super::{
    CallerSettings, MOST_READ,
    connect::{ConnectError, Connector, Network},
    request::request,
};
use http_body_util::{BodyExt, Full};
use hyper::{
    Response,
    body::{Bytes, Incoming},
    header::RETRY_AFTER,
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as Pool, Error as PoolError},
    rt::{TokioExecutor, TokioTimer},
};
use processors::{
    callback::{Call, Failure, Reply},
    seldom::Seldom,
};
use std::{
    error::Error,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::time::{Instant, timeout_at};

/// Connections are kept so long for the next call.
const IDLE: Duration = Duration::from_secs(20);
/// Of one endpoint.
const IDLE_OF_ONE: usize = 4;
/// Bytes of an answer's headers.
const MOST_HEADERS: usize = 64 << 10;

static FORBIDDEN: Seldom = Seldom::new();
static NO_TLS: Seldom = Seldom::new();

type HttpPool = Pool<HttpsConnector<Connector>, Full<Bytes>>;

/// The HTTP client.
pub struct Client {
    settings: CallerSettings,
    network: Arc<dyn Network>,
    /// Made with the first call: a deployment without endpoints needs no certificates.
    pool: OnceLock<HttpPool>,
}

impl Client {
    /// Connects to nothing yet.
    pub fn new(settings: CallerSettings, network: Arc<dyn Network>) -> Self {
        Self { settings, network, pool: OnceLock::new() }
    }

    /// Makes a call. The status decides; of the body as much is read as lets the connection be used again.
    pub async fn call(&self, call: Call) -> Reply {
        let deadline = Instant::now() + self.settings.timeout;
        let Some(pool) = self.pool() else { return Reply::Failed(Failure::Unreachable) };
        let request = match request(call) {
            Ok(request) => request,
            Err(error) => {
                tracing::error!(%error, "a callback_uri that was loaded makes no request");
                return Reply::Failed(Failure::Unreachable);
            }
        };
        let response = match timeout_at(deadline, pool.request(request)).await {
            Err(_) => return Reply::Failed(Failure::TimedOut),
            Ok(Err(error)) => return Reply::Failed(failure(&error)),
            Ok(Ok(response)) => response,
        };
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|text| Some(text.to_str().ok()?.to_owned()));
        let _ = timeout_at(deadline, drain(response)).await;
        Reply::Status { status, retry_after }
    }

    /// None while this machine has no certificates: it is looked for them again with the next call.
    fn pool(&self) -> Option<&HttpPool> {
        if self.pool.get().is_none() {
            // Of two that are made at a time one is used.
            let _ = self.pool.set(self.open()?);
        }
        self.pool.get()
    }

    fn open(&self) -> Option<HttpPool> {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let tls = match HttpsConnectorBuilder::new().with_provider_and_platform_verifier(provider) {
            Ok(tls) => tls,
            Err(error) => {
                if NO_TLS.is_news("") {
                    tracing::error!(%error, "no customer can be called: install ca-certificates");
                }
                return None;
            }
        };
        let connector = Connector::new(Arc::clone(&self.network), self.settings.allow_networks.clone());
        let connector = tls.https_or_http().enable_http1().wrap_connector(connector);
        let pool = Pool::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_OF_ONE)
            .http1_max_buf_size(MOST_HEADERS)
            .build(connector);
        Some(pool)
    }
}

/// Reads a body to its end, its limit or its break; dropping what is unread closes the connection.
async fn drain(response: Response<Incoming>) {
    let mut body = response.into_body();
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > MOST_READ {
            return;
        }
    }
}

/// What an error means. Its text may hold the URI, which is nobody's to read in a log.
fn failure(error: &PoolError) -> Failure {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        match error.downcast_ref() {
            Some(ConnectError::Forbidden(forbidden)) => {
                if FORBIDDEN.is_news("") {
                    tracing::warn!(
                        "{forbidden}; others are told once a minute, and counted by ims_callback_calls_total"
                    );
                }
                return Failure::Forbidden;
            }
            Some(ConnectError::Unresolved(_)) => return Failure::Unresolved,
            Some(ConnectError::Unreachable(_)) => return Failure::Unreachable,
            None => cause = error.source(),
        }
    }
    // What fails in connecting and is none of ours is TLS.
    if error.is_connect() { Failure::Unreachable } else { Failure::Broken }
}
