//! The role `gateway`: one address before API processes. It forwards what is asked, spares processes that fail, and
//! answers for them when nobody can be asked. Who may ask, and what, is theirs to say.

mod headers;
mod remembered;
#[cfg(test)]
mod tests;
mod upstream;

pub use headers::sender;

use super::{access::access, answer::Problem, body, routes::Peer};
use crate::config;
use axum::{
    Router,
    body::Body,
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
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use processors::ports::Clock;
use remembered::{LARGEST, Question, Remembered};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::Semaphore;
use upstream::{Calls, Failed, Upstream};

/// Says that an answer is an old one.
const STALE: HeaderName = HeaderName::from_static("x-ims-stale");
/// Processes that one request is tried at.
const ATTEMPTS: usize = 2;

/// What every request needs.
pub struct Gateway {
    routes: Vec<Route>,
    remembered: Remembered,
    body_bytes: usize,
    body_within: Duration,
    answer_within: Duration,
    places: Semaphore,
}

/// The processes that serve what begins with a path.
struct Route {
    path: String,
    upstreams: Vec<Arc<Upstream>>,
    next: AtomicUsize,
}

impl Gateway {
    pub fn new(http: &config::Http, gateway: &config::Gateway, clock: Arc<dyn Clock>) -> Self {
        let ms = |ms: u32| Duration::from_millis(ms.into());
        let breaker = gateway.breaker;
        let calls = Calls::new(clock, ms(gateway.connect_within_ms), ms(gateway.answer_within_ms), breaker);
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
        Self {
            routes,
            remembered: Remembered::new(gateway.remembered, Duration::from_secs(gateway.remembered_for_s.into())),
            body_bytes: http.body_bytes,
            body_within: ms(http.body_within_ms),
            answer_within: ms(gateway.answer_within_ms),
            places: Semaphore::new(http.requests),
        }
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
        let _place = self.places.try_acquire().map_err(|_| Problem::TooMany)?;
        let (mut parts, body) = request.into_parts();
        let path = parts.uri.path();
        let route = self.routes.iter().find(|route| path.starts_with(&route.path)).ok_or(Problem::NotFound)?;
        let body = body::read(body, self.body_bytes, self.body_within).await?;
        let Peer(peer) = parts.extensions.get().copied().ok_or(Problem::Unexpected)?;
        headers::pass_on(&mut parts.headers, Some(peer.ip()));
        let asked = Asked::of(&parts);
        match route.ask(&Request::from_parts(parts, body)).await {
            Some(answer) => Ok(self.answered(answer, asked).await),
            None => self.instead(asked),
        }
    }

    /// The answer as it came; that to a question for a report is remembered.
    async fn answered(&self, answer: Response<Incoming>, asked: Asked) -> Response {
        let (mut head, body) = answer.into_parts();
        headers::pass_on(&mut head.headers, None);
        let length = head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let (Asked::Report(question), StatusCode::OK, Some(0..=LARGEST)) = (asked, head.status, length) else {
            return Response::from_parts(head, Body::new(body));
        };
        match tokio::time::timeout(self.answer_within, body.collect()).await {
            Ok(Ok(body)) => {
                let body = body.to_bytes();
                if body.starts_with(br#"{"code":"0000""#) {
                    self.remembered.keep(question, body.clone(), Instant::now());
                }
                Response::from_parts(head, Body::from(body))
            }
            Ok(Err(_)) | Err(_) => self.instead(Asked::Report(question)).unwrap_or_else(IntoResponse::into_response),
        }
    }

    /// What is answered when nobody can be asked.
    fn instead(&self, asked: Asked) -> Result<Response, Problem> {
        match asked {
            Asked::Send => Err(Problem::NotConfirmed),
            Asked::Report(question) => {
                let (age, body) = self.remembered.last(&question, Instant::now()).ok_or(Problem::NobodyThere)?;
                let mut response = Response::new(Body::from(body));
                let headers = response.headers_mut();
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                headers.insert(AGE, HeaderValue::from(age.as_secs()));
                headers.insert(STALE, HeaderValue::from_static("true"));
                Ok(response)
            }
            Asked::Other => Err(Problem::NobodyThere),
        }
    }
}

impl Route {
    /// Asks one process, or another when that is safe.
    async fn ask(&self, request: &hyper::Request<Bytes>) -> Option<Response<Incoming>> {
        let repeatable = request.method().is_idempotent();
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let mut attempts = 0;
        for place in 0..self.upstreams.len() {
            let upstream = &self.upstreams[first.wrapping_add(place) % self.upstreams.len()];
            match upstream.ask(request).await {
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

/// What decides the answer when nobody can be asked.
#[derive(Debug, Clone, Copy)]
enum Asked {
    Send,
    Report(Question),
    Other,
}

impl Asked {
    fn of(parts: &Parts) -> Self {
        let path = parts.uri.path();
        let key = parts.headers.get("x-ims-key").map(HeaderValue::as_bytes).unwrap_or_default();
        match parts.method {
            Method::POST if path.ends_with("/sendMessage") => Self::Send,
            Method::GET if path.starts_with("/ims/") && path.contains("/report/") => {
                Self::Report(Question::new(key, path))
            }
            _ => Self::Other,
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
