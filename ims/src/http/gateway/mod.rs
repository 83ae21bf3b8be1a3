//! The role `gateway`: one address before API processes. It forwards what is asked, spares processes that fail, and
//! answers for them when nobody can be asked. Who may ask, and what, is theirs to say.

mod headers;
mod remembered;
#[cfg(test)]
mod tests;
mod upstream;

pub use headers::sender;

use super::{
    access::access,
    answer::Problem,
    body, center, clerk,
    learn::network_of,
    ms,
    routes::{Peer, key},
    shares::Shares,
};
use crate::{
    config::{self, Config},
    exit::usage,
};
use axum::{
    Router,
    body::{Body, HttpBody as _},
    extract::{Request, State},
    http::{
        HeaderName, HeaderValue, Method, StatusCode,
        header::{AGE, CONTENT_LENGTH, CONTENT_TYPE},
        request::Parts,
    },
    middleware::from_fn,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use connectors::{
    dial::{Spoken, connector},
    tls,
};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use processors::{access::Contents, ports::Clock};
use remembered::{LARGEST, Question, Remembered};
use rustls::ClientConfig;
use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use upstream::{Calls, Class, Failed, Patience, Upstream};

/// Says that an answer is an old one.
const STALE: HeaderName = HeaderName::from_static("x-ims-stale");
const JSON: &str = "application/json";
/// Bodies on their way of one address: one in so many.
const READERS: usize = 8;
/// What an answer takes besides what the process waits for.
const BESIDES: Duration = Duration::from_secs(1);
/// Processes that one request is tried at.
const ATTEMPTS: usize = 2;

/// What every request needs.
pub struct Gateway {
    routes: Vec<Route>,
    remembered: Remembered,
    body_bytes: usize,
    body_within: Duration,
    files: Large,
    answer_within: Duration,
    /// One place for each request that a process is asked, of which one key has half, and one address without any.
    places: Shares<Contents>,
    /// The same places by address: keys may be made up.
    askers: Shares<IpAddr>,
    /// For bodies that are on their way, of which anybody may have many.
    readers: Shares<IpAddr>,
}

/// Bodies that are larger than others: files.
struct Large {
    bytes: usize,
    within: Duration,
    /// Each of them is in memory.
    places: Shares<IpAddr>,
}

/// The processes that serve what begins with a path.
struct Route {
    path: String,
    upstreams: Vec<Arc<Upstream>>,
    next: AtomicUsize,
}

impl Gateway {
    pub fn new(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let Config { http, gateway, .. } = config;
        let breaker = gateway.breaker;
        let connector = connector(trusted(gateway)?, Spoken::Http1, ms(gateway.connect_within_ms));
        let calls = Calls::new(clock, connector, patience(config), breaker);
        let mut routes: Vec<Route> = gateway
            .upstreams
            .iter()
            .map(|route| Route {
                path: route.path.clone(),
                upstreams: route.urls.iter().map(|url| Arc::new(Upstream::new(url, &calls, breaker))).collect(),
                next: AtomicUsize::new(0),
            })
            .collect();
        // The longest that fits is a request's.
        routes.sort_by_key(|route| std::cmp::Reverse(route.path.len()));
        Ok(Self {
            routes,
            remembered: Remembered::new(gateway.remembered, Duration::from_secs(gateway.remembered_for_s.into())),
            body_bytes: http.body_bytes,
            body_within: ms(http.body_within_ms),
            files: Large {
                bytes: config.files.largest_bytes,
                within: ms(http.body_within_ms) * center::PATIENCE,
                places: Shares::half(config.files.uploads),
            },
            answer_within: ms(gateway.answer_within_ms),
            places: Shares::half(http.requests),
            askers: Shares::half(http.requests),
            readers: Shares::of(http.requests, http.requests / READERS),
        })
    }

    /// Looks at each process again and again.
    pub fn look_every(&self, every: Duration) {
        for upstream in self.routes.iter().flat_map(|route| &route.upstreams).map(Arc::clone) {
            tokio::spawn(async move {
                loop {
                    upstream.look().await;
                    tokio::time::sleep(every).await;
                }
            });
        }
    }

    async fn forward(&self, request: Request) -> Result<Response, Problem> {
        let (mut parts, body) = request.into_parts();
        let path = parts.uri.path();
        let route = self.routes.iter().find(|route| route.serves(path)).ok_or(Problem::NotFound)?;
        let Peer(peer) = parts.extensions.get().copied().ok_or(Problem::Unexpected)?;
        let is_file = is_file(&parts.method, path);
        let body = if is_file { self.read_file(body, peer.ip()).await? } else { self.read(body, peer.ip()).await? };
        let _place = self.places.take(asks(&parts, peer.ip())).ok_or(Problem::TooMany)?;
        let _of_address = self.askers.take(network_of(peer.ip())).ok_or(Problem::TooMany)?;
        headers::pass_on(&mut parts.headers, Some(peer.ip()));
        let asked = Asked::of(&parts, peer.ip());
        match route.ask(&Request::from_parts(parts, body), asked.class()).await {
            Some(answer) => Ok(self.answered(answer, asked).await),
            None => self.instead(asked),
        }
    }

    /// The body of somebody who is not known yet: it takes no place of those that are asked.
    async fn read(&self, body: Body, from: IpAddr) -> Result<Bytes, Problem> {
        if body.is_end_stream() {
            return Ok(Bytes::new());
        }
        let _place = self.readers.take(network_of(from)).ok_or(Problem::TooMany)?;
        body::read(body, self.body_bytes, self.body_within).await
    }

    /// The same of a file.
    async fn read_file(&self, body: Body, from: IpAddr) -> Result<Bytes, Problem> {
        let Large { bytes, within, places } = &self.files;
        let _place = places.take(network_of(from)).ok_or(Problem::TooMany)?;
        body::read(body, *bytes, *within).await
    }

    /// The answer as it came; that to a question for a report, history or statistics is remembered. Whose store is away is
    /// told the last one.
    async fn answered(&self, answer: Response<Incoming>, asked: Asked) -> Response {
        let (mut head, body) = answer.into_parts();
        headers::pass_on(&mut head.headers, None);
        let length = head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let Asked::Read(question) = asked else { return Response::from_parts(head, Body::new(body)) };
        let (StatusCode::OK, Some(0..=LARGEST)) = (head.status, length) else {
            if head.status == StatusCode::SERVICE_UNAVAILABLE
                && let Ok(last) = self.instead(asked)
            {
                return last;
            }
            // Who could not answer, or has too much to do, has judged no key.
            if !head.status.is_server_error() && head.status != StatusCode::TOO_MANY_REQUESTS {
                self.remembered.forget(&question);
            }
            return Response::from_parts(head, Body::new(body));
        };
        match tokio::time::timeout(self.answer_within, body.collect()).await {
            Ok(Ok(body)) => {
                let body = body.to_bytes();
                let is_json = head.headers.get(CONTENT_TYPE).is_some_and(|of| of == JSON);
                // Statistics of all channels have no code.
                let is_refusal = body.starts_with(br#"{"code":"#) && !body.starts_with(br#"{"code":"0000""#);
                if is_json && !is_refusal {
                    self.remembered.keep(question, body.clone(), Instant::now());
                } else {
                    self.remembered.forget(&question);
                }
                Response::from_parts(head, Body::from(body))
            }
            Ok(Err(_)) | Err(_) => self.instead(asked).unwrap_or_else(IntoResponse::into_response),
        }
    }

    /// What is answered when nobody can be asked.
    fn instead(&self, asked: Asked) -> Result<Response, Problem> {
        match asked {
            Asked::Send => Err(Problem::NotConfirmed),
            Asked::Read(question) => {
                let (age, body) = self.remembered.last(&question, Instant::now()).ok_or(Problem::NobodyThere)?;
                let mut response = Response::new(Body::from(body));
                let headers = response.headers_mut();
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
                headers.insert(AGE, HeaderValue::from(age.as_secs()));
                headers.insert(STALE, HeaderValue::from_static("true"));
                Ok(response)
            }
            Asked::Trial | Asked::File | Asked::Change | Asked::Other => Err(Problem::NobodyThere),
        }
    }
}

impl Route {
    /// Whether a path is this route's: what begins with it, and goes on with another part.
    fn serves(&self, path: &str) -> bool {
        let rest = path.strip_prefix(&self.path);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || self.path.ends_with('/'))
    }

    /// Asks one process, or another when that is safe.
    async fn ask(&self, request: &hyper::Request<Bytes>, class: Class) -> Option<Response<Incoming>> {
        let repeatable = is_repeatable(request.method(), request.uri().path());
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let mut attempts = 0;
        let places = (0..self.upstreams.len()).map(|place| first.wrapping_add(place) % self.upstreams.len());
        let mut upstreams: Vec<_> = places.map(|place| &self.upstreams[place]).collect();
        upstreams.sort_by_key(|upstream| upstream.is_closing());
        for upstream in upstreams {
            match upstream.ask(request, class).await {
                None => continue,
                Some(Ok(answer)) => return Some(answer),
                Some(Err(Failed::Unknown)) if !repeatable => return None,
                Some(Err(Failed::Unknown | Failed::NotSent)) => {}
            }
            attempts += 1;
            if attempts == ATTEMPTS {
                return None;
            }
        }
        None
    }
}

/// Whom it believes to be its processes.
pub fn trusted(config: &config::Gateway) -> anyhow::Result<ClientConfig> {
    let trusted = if config.has_tls() { tls::config(&config.ca_file, "gateway.ca_file") } else { tls::nobody() };
    trusted.map_err(usage)
}

/// No less than the process itself waits for what it asks.
fn patience(config: &Config) -> Patience {
    let within = ms(config.gateway.answer_within_ms);
    Patience {
        send: within,
        other: within.max(clerk::PATIENCE + BESIDES),
        // A secret waits for its turn to be hashed for as long as a question does.
        change: within.max(3 * clerk::PATIENCE + BESIDES),
        // Its row is looked for, and written before its bytes and after them.
        file: within.max(3 * clerk::PATIENCE + ms(config.files.timeout_ms) + BESIDES),
        // The store is asked before the endpoint, and may be after it.
        trial: within.max(ms(config.callback.timeout_ms) + 2 * clerk::PATIENCE + BESIDES),
    }
}

/// Whether it comes to the same when it was done already. A PUT or DELETE of the center need not: the first makes or takes
/// out what the second then finds, and tells so.
fn is_repeatable(method: &Method, path: &str) -> bool {
    method.is_safe() || *method == Method::DELETE && is_of_message(path)
}

/// Whether it is a question for a report, for history or for statistics.
fn is_remembered(path: &str) -> bool {
    part(path).is_some_and(|what| ["report", "hist", "stat"].contains(&what))
}

/// Who asks, as far as it is known here.
fn asks(parts: &Parts, from: IpAddr) -> Contents {
    match key(&parts.headers) {
        Some(key) => Contents::of([b"key", key]),
        None => Contents::of([b"address", network_of(from).to_string().as_bytes()]),
    }
}

/// Whether its body is a file.
fn is_file(method: &Method, path: &str) -> bool {
    *method == Method::POST && is_of_files(path)
}

fn is_of_files(path: &str) -> bool {
    part(path) == Some("files")
}

/// Whether it is about a message that was sent.
fn is_of_message(path: &str) -> bool {
    part(path) == Some("message")
}

/// What follows the service key.
fn part(path: &str) -> Option<&str> {
    path.strip_prefix("/ims/")?.split('/').nth(1)
}

/// What decides the answer when nobody can be asked.
#[derive(Debug, Clone, Copy)]
enum Asked {
    Send,
    /// For what is remembered.
    Read(Question),
    /// Of a callback.
    Trial,
    /// A file that is brought, or taken out.
    File,
    Change,
    Other,
}

impl Asked {
    fn of(parts: &Parts, from: IpAddr) -> Self {
        let path = parts.uri.path();
        let key = key(&parts.headers).unwrap_or_default();
        match parts.method {
            Method::POST if path.ends_with("/sendMessage") => Self::Send,
            Method::GET if is_remembered(path) => {
                let path = parts.uri.path_and_query().map_or(path, |path| path.as_str());
                Self::Read(Question::new(key, path, from))
            }
            Method::POST if path.ends_with("/callback/test") => Self::Trial,
            ref method if !method.is_safe() && is_of_files(path) => Self::File,
            ref method if !method.is_safe() && !is_of_message(path) => Self::Change,
            _ => Self::Other,
        }
    }

    fn class(self) -> Class {
        match self {
            Self::Send => Class::Send,
            Self::Read(_) | Self::Other => Class::Other,
            Self::Trial => Class::Trial,
            Self::File => Class::File,
            Self::Change => Class::Change,
        }
    }
}

async fn forward(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    gateway.forward(request).await.unwrap_or_else(IntoResponse::into_response)
}

/// All paths.
pub fn routes(gateway: Arc<Gateway>) -> Router {
    Router::new().fallback(forward).layer(from_fn(access)).with_state(gateway)
}
