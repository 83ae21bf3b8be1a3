//! One exchange over HTTP: what came back, or whether the request can have arrived.

use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response, Uri,
    body::{Bytes, Incoming},
    header::RETRY_AFTER,
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as Pool, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use std::{
    error::Error,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, timeout, timeout_at};
use tower_service::Service;

/// Connections are kept so long for the next request.
const IDLE: Duration = Duration::from_secs(20);
/// Bytes of an answer's headers.
const MOST_HEADERS: usize = 64 << 10;

/// Connections to one vendor. Requests in flight each have one; how many there are is the sender's to bound
/// (`max_in_flight`).
pub struct Client(Pool<Timed<HttpsConnector<HttpConnector>>, Full<Bytes>>);

/// How long an exchange may take, connection included.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// Until the answer begins.
    pub first_byte: Duration,
    /// Until its end.
    pub total: Duration,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answered {
    /// Status.
    pub status: u16,
    /// The Retry-After header, as it came.
    pub retry_after: Option<String>,
    /// The body.
    pub body: Bytes,
}

/// No answer, or not the whole of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failed {
    /// There was no connection: the request never left.
    NotSent(String),
    /// The request left, or part of it: it may have arrived.
    NoAnswer(String),
}

impl Client {
    /// Connects to nothing yet.
    pub fn new(connect: Duration) -> Result<Self, String> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let tls = HttpsConnectorBuilder::new()
            .with_provider_and_platform_verifier(provider)
            .map_err(|error| format!("{error}: install ca-certificates"))?;
        let https = tls.https_or_http().enable_http1().wrap_connector(tcp);
        let pool = Pool::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .http1_max_buf_size(MOST_HEADERS)
            .build(Timed { inner: https, within: connect });
        Ok(Self(pool))
    }

    /// Sends a request and reads the whole answer, of at most so many bytes.
    pub async fn exchange(&self, request: Request<Full<Bytes>>, times: Times, most: usize) -> Result<Answered, Failed> {
        let begun = Instant::now();
        let end = begun + times.total;
        let first_byte = begun + times.first_byte.min(times.total);
        let response = match timeout_at(first_byte, self.0.request(request)).await {
            // A connection that is not there by then has failed by itself: its own time is shorter or has run out too.
            Err(_) => return Err(Failed::NoAnswer("no answer in time".into())),
            Ok(Err(error)) if error.is_connect() => return Err(Failed::NotSent(cause(&error))),
            Ok(Err(error)) => return Err(Failed::NoAnswer(cause(&error))),
            Ok(Ok(response)) => response,
        };
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|text| Some(text.to_str().ok()?.to_owned()));
        match timeout_at(end, read(response, most)).await {
            Err(_) => Err(Failed::NoAnswer(format!("the answer, {status}, did not end in time"))),
            Ok(Err(reason)) => Err(Failed::NoAnswer(format!("the answer, {status}: {reason}"))),
            Ok(Ok(body)) => Ok(Answered { status, retry_after, body }),
        }
    }
}

async fn read(response: Response<Incoming>, most: usize) -> Result<Bytes, String> {
    let mut body = response.into_body();
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| cause(&error))?;
        read.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
        if read.len() > most {
            return Err(format!("longer than {most} bytes"));
        }
    }
    Ok(read.into())
}

/// The innermost reason. These errors hold neither address nor body nor header.
fn cause(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// A connector that gives up in time: name, TCP and TLS together.
#[derive(Clone)]
struct Timed<C> {
    inner: C,
    within: Duration,
}

type BoxError = Box<dyn Error + Send + Sync>;

impl<C> Service<Uri> for Timed<C>
where
    C: Service<Uri>,
    C::Error: Into<BoxError>,
    C::Future: Send + 'static,
    C::Response: 'static,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (connecting, within) = (self.inner.call(uri), self.within);
        Box::pin(async move {
            match timeout(within, connecting).await {
                Ok(connected) => connected.map_err(Into::into),
                Err(_) => Err("no connection in time".into()),
            }
        })
    }
}
