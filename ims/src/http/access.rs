//! The access log: one line for each request, whoever leaves before it is answered.

use super::{
    answer::ToldCode,
    metrics::{ANSWERS, SECONDS, UNDER_WAY},
    routes::Peer,
};
use aws_lc_rs::rand::fill;
use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method},
    middleware::Next,
    response::Response,
};
use metrics::{counter, gauge, histogram};
use std::{
    borrow::Cow,
    net::IpAddr,
    sync::{Arc, OnceLock},
    time::Instant,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest request id that is taken from a caller, bytes.
const LONGEST_REQUEST_ID: usize = 64;
/// What stands in the place of a status when the caller left before its answer.
const LEFT: u16 = 499;

/// What the way of a request tells its line: which route it took, and whose it is.
#[derive(Debug, Clone, Default)]
pub struct Trace(Arc<Facts>);

#[derive(Debug, Default)]
struct Facts {
    route: OnceLock<&'static str>,
    username: OnceLock<Arc<str>>,
}

impl Trace {
    /// It took this route.
    pub fn route(&self, route: &'static str) {
        // A request takes one.
        let _ = self.0.route.set(route);
    }

    /// It is this customer's.
    pub fn username(&self, username: &Arc<str>) {
        let _ = self.0.username.set(Arc::clone(username));
    }
}

/// A line to be written: when it is dropped, however the request ended.
struct Line {
    began: Instant,
    id: HeaderValue,
    method: Method,
    peer: Option<IpAddr>,
    trace: Trace,
    status: u16,
    code: Cow<'static, str>,
}

/// Names each request, and tells of each: who, what, how long; no path, which has a service key, no secret, no body.
pub async fn access(mut request: Request, next: Next) -> Response {
    let mut line = Line {
        began: Instant::now(),
        id: request_id(request.headers()),
        method: request.method().clone(),
        peer: request.extensions().get::<Peer>().map(|peer| peer.0.ip()),
        trace: Trace::default(),
        status: LEFT,
        code: Cow::default(),
    };
    gauge!(UNDER_WAY).increment(1.0);
    request.headers_mut().insert(REQUEST_ID, line.id.clone());
    request.extensions_mut().insert(line.trace.clone());
    let mut response = next.run(request).await;
    line.status = response.status().as_u16();
    line.code = response.extensions().get::<ToldCode>().map_or_else(Default::default, |told| told.0.clone());
    response.headers_mut().insert(REQUEST_ID, line.id.clone());
    response
}

impl Drop for Line {
    fn drop(&mut self) {
        gauge!(UNDER_WAY).decrement(1.0);
        let (status, took) = (self.status, self.began.elapsed());
        let route = self.trace.0.route.get().copied().unwrap_or("other");
        histogram!(SECONDS, "route" => route).record(took.as_secs_f64());
        counter!(ANSWERS, "route" => route, "status" => status.to_string(), "code" => self.code.to_string())
            .increment(1);
        tracing::info!(
            target: "access",
            request_id = self.id.to_str().unwrap_or_default(),
            method = %self.method,
            route,
            status,
            code = &*self.code,
            username = self.trace.0.username.get().map(|name| &**name).unwrap_or_default(),
            peer = self.peer.map(|peer| peer.to_string()).unwrap_or_default(),
            took_ms = took.as_millis() as u64,
            "{}", if status == LEFT { "the caller left before its answer" } else { "answered" }
        );
    }
}

/// The caller's own id when it can stand in a log, or a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let plain = |id: &&HeaderValue| {
        (1..=LONGEST_REQUEST_ID).contains(&id.len())
            && id.as_bytes().iter().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte))
    };
    let given = headers.get(REQUEST_ID).filter(plain).cloned();
    given.unwrap_or_else(|| {
        let mut random = [0; 16];
        // Without randomness the ids of two requests are the same, and their log lines say so.
        let _ = fill(&mut random);
        HeaderValue::try_from(format!("{:032x}", u128::from_be_bytes(random)))
            .unwrap_or_else(|_| HeaderValue::from_static("none"))
    })
}
