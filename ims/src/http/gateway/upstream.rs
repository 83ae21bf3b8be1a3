//! One API process behind a gateway: whether it may be asked now, and how it answered.

use crate::http::server::CLOSING;
use bytes::Bytes;
use connectors::dial::Connector;
use http_body_util::Full;
use hyper::{Request, Response, Uri, body::Incoming};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use processors::{
    breaker::{Breaker, BreakerSettings, Health, Permit},
    ports::Clock,
};
use std::{
    error::Error,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// Connections without a request that are kept for each process.
const IDLE: usize = 64;
/// How long.
const IDLE_FOR: Duration = Duration::from_secs(15);

/// What all of them share.
#[derive(Clone)]
pub struct Calls {
    client: Client<Connector, Full<Bytes>>,
    clock: Arc<dyn Clock>,
    patience: Patience,
    slow_at_percent: u32,
}

/// What a process is judged by: what a store, or a customer's endpoint, holds up is not held against it in sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// sendMessage, which waits for the log.
    Send,
    /// What waits for a store.
    Other,
    /// What asks the store twice, and may have a secret hashed between: changes.
    Change,
    /// What waits for the store of files: it says nothing of the process.
    File,
    /// What waits for the endpoint of a customer: it says nothing of the process.
    Trial,
}

/// How long an answer of each class may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    pub send: Duration,
    pub other: Duration,
    pub change: Duration,
    pub file: Duration,
    pub trial: Duration,
}

impl Patience {
    fn of(self, class: Class) -> Duration {
        match class {
            Class::Send => self.send,
            Class::Other => self.other,
            Class::Change => self.change,
            Class::File => self.file,
            Class::Trial => self.trial,
        }
    }
}

impl Calls {
    pub fn new(clock: Arc<dyn Clock>, connector: Connector, patience: Patience, breaker: BreakerSettings) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_FOR)
            .pool_max_idle_per_host(IDLE)
            .build(connector);
        Self { client, clock, patience, slow_at_percent: breaker.slow_at_percent_of_timeout }
    }

    /// One request and its answer's head, within the time for both.
    async fn call(&self, request: Request<Full<Bytes>>, class: Class) -> Result<Response<Incoming>, Failed> {
        match tokio::time::timeout(self.patience.of(class), self.client.request(request)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) if error.is_connect() => Err(Failed::NotSent),
            Ok(Err(_)) | Err(_) => Err(Failed::Unknown),
        }
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// It was not asked: anybody else may be.
    NotSent,
    /// It may have done what it was asked.
    Unknown,
}

/// One process.
pub struct Upstream {
    /// Where it is, `http://host:port` or `https://host:port`.
    pub url: String,
    calls: Calls,
    send: Mutex<Breaker>,
    other: Mutex<Breaker>,
    /// What the last look at it said.
    healthy: AtomicBool,
    /// What it said of itself.
    closing: AtomicBool,
}

impl Upstream {
    pub fn new(url: &str, calls: &Calls, breaker: BreakerSettings) -> Self {
        Self {
            url: url.trim_end_matches('/').to_owned(),
            calls: calls.clone(),
            send: Mutex::new(Breaker::new(breaker)),
            other: Mutex::new(Breaker::new(breaker)),
            healthy: AtomicBool::new(true),
            closing: AtomicBool::new(false),
        }
    }

    /// Whether it is about to end: it answers, and others are asked as long as there are any.
    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    fn note_closing(&self, closing: bool) {
        if self.closing.swap(closing, Ordering::Relaxed) != closing {
            tracing::info!(upstream = self.url, closing, "an API process that is about to end, or has come back");
        }
    }

    /// Asks it, if it may be asked now.
    pub async fn ask(&self, request: &Request<Bytes>, class: Class) -> Option<Result<Response<Incoming>, Failed>> {
        if !self.healthy.load(Ordering::Relaxed) {
            return None;
        }
        let now_ms = self.calls.clock.now_ms();
        let trial = match self.breaker(class).map(|mut breaker| breaker.permit(now_ms)) {
            None | Some(Permit::Yes) => false,
            Some(Permit::Trial) => true,
            Some(Permit::Open(_)) => return None,
        };
        let slow = self.calls.patience.of(class) * self.calls.slow_at_percent / 100;
        let began = Instant::now();
        let mut pass = Pass { upstream: self, class, trial, began, slow, health: None };
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let Ok(uri) = format!("{}{path}", self.url).parse::<Uri>() else { return Some(Err(Failed::NotSent)) };
        let mut forwarded = Request::new(Full::new(request.body().clone()));
        *forwarded.method_mut() = request.method().clone();
        *forwarded.headers_mut() = request.headers().clone();
        *forwarded.uri_mut() = uri;
        let mut answer = self.calls.call(forwarded, class).await;
        if let Ok(answer) = &mut answer
            && answer.headers_mut().remove(CLOSING).is_some()
        {
            self.note_closing(true);
        }
        pass.health = Some(match &answer {
            // What says that a store is away works; what confirms no message (9998) has lost the log, and another may not
            // have.
            Ok(answer) if answer.status() == 503 && class != Class::Send => Health::Well,
            Ok(answer) if answer.status().is_server_error() => Health::Failed,
            Ok(_) if began.elapsed() > slow => Health::Slow,
            Ok(_) => Health::Well,
            Err(_) => Health::Failed,
        });
        Some(answer)
    }

    /// Looks whether it answers at all.
    pub async fn look(&self) {
        let Ok(request) = Request::head(format!("{}/openapi.json", self.url)).body(Full::default()) else { return };
        let looked = tokio::time::timeout(self.calls.patience.send, self.calls.client.request(request)).await;
        if let Ok(Ok(answer)) = &looked {
            self.note_closing(answer.headers().contains_key(CLOSING));
        }
        let said = match &looked {
            Ok(Ok(answer)) => answer.status().to_string(),
            Ok(Err(error)) => cause(error),
            Err(_) => "no answer in time".to_owned(),
        };
        let healthy = matches!(looked, Ok(Ok(answer)) if answer.status().is_success());
        if self.healthy.swap(healthy, Ordering::Relaxed) != healthy {
            tracing::warn!(upstream = self.url, healthy, said, "an API process");
        }
    }

    fn breaker(&self, class: Class) -> Option<MutexGuard<'_, Breaker>> {
        let breaker = match class {
            Class::Send => &self.send,
            Class::Other | Class::Change => &self.other,
            Class::File | Class::Trial => return None,
        };
        Some(breaker.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Where its breaker stands.
    #[cfg(test)]
    pub fn state(&self, class: Class) -> Option<processors::breaker::State> {
        self.breaker(class).map(|breaker| breaker.state())
    }
}

/// The innermost reason: a port where nobody listens, a certificate that is not trusted.
fn cause(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// A request on its way; tells the breaker how it ended, whatever ends it.
struct Pass<'u> {
    upstream: &'u Upstream,
    class: Class,
    trial: bool,
    began: Instant,
    /// From when on its answer is slow.
    slow: Duration,
    /// None: its caller went away. How it would have ended is not known, but whether it was slow until then.
    health: Option<Health>,
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let now_ms = self.upstream.calls.clock.now_ms();
        let Some(mut breaker) = self.upstream.breaker(self.class) else { return };
        let before = breaker.state();
        let was_slow = || (self.began.elapsed() > self.slow).then_some(Health::Slow);
        match self.health.or_else(was_slow) {
            health if self.trial => breaker.tried(health, now_ms),
            Some(health) => breaker.answered(health, now_ms),
            None => {}
        }
        let after = breaker.state();
        if before != after {
            tracing::warn!(upstream = self.upstream.url, class = ?self.class, ?before, ?after, "circuit breaker");
        }
    }
}
