//! One exchange over HTTP: what came back, or whether the request can have arrived.

use super::{tls, unreached::words};
use crate::dial::{Connector, Spoken, connector};
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response,
    body::{Body, Bytes, Frame, Incoming, SizeHint},
    header::{ACCEPT, CONTENT_TYPE, DATE, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT},
};
use hyper_util::{
    client::legacy::{Builder, Client as Pool},
    rt::{TokioExecutor, TokioTimer},
};
use jiff::fmt::rfc2822;
use processors::ports::Reply;
use std::{
    convert::Infallible,
    error::Error,
    path::Path,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, timeout_at};

/// The content type of most bodies.
pub const JSON: &str = "application/json";
/// Who asks.
const PRODUCT: &str = concat!("ims/", env!("CARGO_PKG_VERSION"));

/// Connections are kept so long for the next request.
const IDLE: Duration = Duration::from_secs(20);
/// Bytes of an answer's headers.
const MOST_HEADERS: usize = 64 << 10;

/// How often a connection with requests under way is asked whether it lives, and how long it may take to say so: many
/// requests share one in HTTP/2, and none of them would end it.
const PING: Duration = Duration::from_secs(5);

/// Connections to one vendor. Over HTTP/1 each request in flight has one; how many there are is the sender's to bound
/// (`max_in_flight`). Over HTTP/2 all share one.
pub struct Client {
    pool: Pool<Connector, Watched>,
    /// The setting that names its authority.
    ca_file: &'static str,
}

/// A request to a dealer.
pub struct Call<'c> {
    /// Method.
    pub method: Method,
    /// Whole address.
    pub url: String,
    /// The key, and the header that it is sent in.
    pub key: (HeaderName, &'c HeaderValue),
    /// Of the body.
    pub content_type: Option<&'c str>,
    /// Further headers: what a repeat is known by, or what proves something.
    pub headers: Vec<(HeaderName, &'c str)>,
    /// The body.
    pub body: Bytes,
}

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
    /// What time it is by the server's clock (Date), Unix milliseconds, if it says so.
    pub date_ms: Option<i64>,
    /// The body.
    pub body: Bytes,
}

/// No answer, or not the whole of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failed {
    /// There was no connection, nobody took its body to send, or the server says that it has not looked at it: the
    /// request never left.
    NotSent(String),
    /// The request left, or part of it: it may have arrived.
    NoAnswer(String),
}

impl From<Failed> for Reply {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::NotSent(reason) => Self::NotSent(reason),
            Failed::NoAnswer(reason) => Self::NoAnswer(reason),
        }
    }
}

impl Client {
    /// Over HTTP/1, to a server whose authority is one of the system's. Connects to nothing yet.
    pub fn new(connect: Duration) -> Result<Self, String> {
        Self::http1(connect, Path::new(""), "the system's store")
    }

    /// Over HTTP/1, to a server whose authority is in this file, which the setting names; empty: one of the system's.
    pub fn http1(connect: Duration, ca_file: &Path, setting: &'static str) -> Result<Self, String> {
        let connector = connector(tls::config(ca_file, setting)?, Spoken::Http1, connect);
        let mut pool = Pool::builder(TokioExecutor::new());
        pool.http1_max_buf_size(MOST_HEADERS);
        Ok(Self { pool: Self::pool(pool, connector), ca_file: setting })
    }

    /// The same over HTTP/2 alone.
    pub fn http2(connect: Duration, ca_file: &Path, setting: &'static str) -> Result<Self, String> {
        let connector = connector(tls::config(ca_file, setting)?, Spoken::Http2, connect);
        let mut pool = Pool::builder(TokioExecutor::new());
        pool.http2_only(true)
            .timer(TokioTimer::new())
            // One request until the server says how many it takes: what is too many for it would come back.
            .http2_initial_max_send_streams(1)
            .http2_keep_alive_interval(PING)
            .http2_keep_alive_timeout(PING)
            .http2_max_header_list_size(MOST_HEADERS as u32);
        Ok(Self { pool: Self::pool(pool, connector), ca_file: setting })
    }

    fn pool(mut builder: Builder, connector: Connector) -> Pool<Connector, Watched> {
        builder.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE).build(connector)
    }

    /// Makes a call to a dealer and reads the whole answer, of at most so many bytes.
    pub async fn call(&self, call: Call<'_>, times: Times, most: usize) -> Result<Answered, Failed> {
        let Call { method, url, key: (header, key), content_type, headers, body } = call;
        let mut request = Request::builder()
            .method(method)
            .uri(url)
            .header(header, key)
            .header(ACCEPT, JSON)
            .header(USER_AGENT, PRODUCT);
        if let Some(content_type) = content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        for (header, value) in headers {
            request = request.header(header, value);
        }
        let request = request.body(Full::new(body)).map_err(|error| Failed::NotSent(error.to_string()))?;
        self.exchange(request, times, most).await
    }

    /// Sends a request and reads the whole answer, of at most so many bytes.
    pub async fn exchange(&self, request: Request<Full<Bytes>>, times: Times, most: usize) -> Result<Answered, Failed> {
        let begun = Instant::now();
        let end = begun + times.total;
        let first_byte = begun + times.first_byte.min(times.total);
        let mut refused = false;
        let response = loop {
            let left = Arc::new(AtomicBool::new(request.body().is_end_stream()));
            let request = request.clone().map(|body| Watched { body, left: Arc::clone(&left) });
            let failed = |reason: String| match left.load(Ordering::Acquire) {
                true => Failed::NoAnswer(reason),
                false => Failed::NotSent(reason),
            };
            match timeout_at(first_byte, self.pool.request(request)).await {
                Err(_) => return Err(failed("no answer in time".into())),
                Ok(Err(error)) if error.is_connect() => return Err(Failed::NotSent(words(&error, self.ca_file))),
                // A server that goes away says what it has not looked at: over another connection, once.
                Ok(Err(error)) if is_refused(&error) && !std::mem::replace(&mut refused, true) => {}
                Ok(Err(error)) if is_refused(&error) => return Err(Failed::NotSent(words(&error, self.ca_file))),
                Ok(Err(error)) => return Err(failed(words(&error, self.ca_file))),
                Ok(Ok(response)) => break response,
            }
        };
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|text| Some(text.to_str().ok()?.to_owned()));
        let date = response.headers().get(DATE).and_then(|text| text.to_str().ok());
        let date_ms = date.and_then(|text| Some(rfc2822::parse(text).ok()?.timestamp().as_millisecond()));
        match timeout_at(end, read(response, most)).await {
            Err(_) => Err(Failed::NoAnswer(format!("the answer, {status}, did not end in time"))),
            Ok(Err(reason)) => Err(Failed::NoAnswer(format!("the answer, {status}: {reason}"))),
            Ok(Ok(body)) => Ok(Answered { status, retry_after, date_ms, body }),
        }
    }
}

/// Whether the server says that it has not looked at a request and will not (RFC 9113 §8.7): its stream was refused, or
/// is behind the last one that a GOAWAY names.
fn is_refused(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            let refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
            return error.is_remote() && (error.is_go_away() || refused);
        }
        cause = error.source();
    }
    false
}

/// A body, and whether it was taken to be sent. Without its end nobody acts on a request, so one whose body nobody took
/// has not arrived; one without a body may have arrived at once.
struct Watched {
    body: Full<Bytes>,
    left: Arc<AtomicBool>,
}

impl Body for Watched {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.left.store(true, Ordering::Release);
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

async fn read(response: Response<Incoming>, most: usize) -> Result<Bytes, String> {
    let mut body = response.into_body();
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| words(&error, ""))?;
        read.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
        if read.len() > most {
            return Err(format!("longer than {most} bytes"));
        }
    }
    Ok(read.into())
}
