//! The paths of the door.

use super::{
    answer::{Answer, Problem, ToldCode},
    append::Appender,
    ask::{self, Judge, Judged},
    gate::{Caller, Gate},
    lookup::Reports,
    metrics::{ANSWERS, SECONDS, UNDER_WAY},
};
use aws_lc_rs::rand::fill;
use axum::{
    Extension, Router,
    body::{Body, HttpBody as _, to_bytes},
    extract::{Path, Request, State, rejection::PathRejection},
    http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_TYPE},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use http_body_util::LengthLimitError;
use metrics::{counter, gauge, histogram};
use processors::{access::Scope, callback, ingest::Settings, outcome::news, ports::Clock, refusal::Code};
use schemas::{Channel, Lane, Schemas, Topic, TrackId};
use serde::Serialize;
use std::{
    error::Error,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Semaphore;
use topology::log::Outgoing;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const KEY: HeaderName = HeaderName::from_static("x-ims-key");
const LANE: HeaderName = HeaderName::from_static("x-ims-lane");
const VERSION: HeaderName = HeaderName::from_static("x-ims-version");
/// Longest request id that is taken from a caller, bytes.
const LONGEST_REQUEST_ID: usize = 64;

/// What every request needs.
pub struct Door {
    pub gate: Gate,
    pub clock: Arc<dyn Clock>,
    pub schemas: Arc<Schemas>,
    pub settings: Settings,
    /// For AUTH, which waits behind nothing.
    pub urgent: Appender,
    /// For everything else.
    pub others: Appender,
    pub reports: Reports,
    pub body_bytes: usize,
    pub body_within: Duration,
    /// One place for each request under way.
    pub places: Semaphore,
}

/// Where a request comes from; the server puts it there.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// What the access log says of an answer besides.
#[derive(Debug, Clone)]
struct Served {
    route: &'static str,
    username: Option<Arc<str>>,
}

/// The paths with all that stands before them.
pub fn routes(door: Arc<Door>) -> Router {
    let guarded = |scope| from_fn_with_state((Arc::clone(&door), scope), guard);
    Router::new()
        .route("/ims/{service_key}/{channel}/sendMessage", post(send).layer(guarded(Scope::Send)))
        .route("/ims/{service_key}/report/{message_id}", get(report).layer(guarded(Scope::Report)))
        .route("/ims/{service_key}/message/{message_id}", delete(cancel).layer(guarded(Scope::Cancel)))
        .fallback(|| async { Problem::NotFound })
        .method_not_allowed_fallback(|| async { Problem::MethodNotAllowed })
        .layer(from_fn(access))
        .with_state(door)
}

/// Names each request, and tells of each answer: who, what, how long; no path, which has a service key, no secret, no
/// body.
async fn access(mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request_id(request.headers());
    let method = request.method().clone();
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0.ip());
    request.headers_mut().insert(REQUEST_ID, id.clone());
    gauge!(UNDER_WAY).increment(1.0);
    // A caller that goes away ends its request.
    let _under_way = Defer(|| gauge!(UNDER_WAY).decrement(1.0));
    let mut response = next.run(request).await;
    let code = response.extensions().get::<ToldCode>().map_or_else(Default::default, |told| told.0.clone());
    let served = response.extensions().get::<Served>().cloned().unwrap_or(Served { route: "other", username: None });
    let (status, took) = (response.status().as_u16(), began.elapsed());
    histogram!(SECONDS, "route" => served.route).record(took.as_secs_f64());
    counter!(ANSWERS, "route" => served.route, "status" => status.to_string(), "code" => code.to_string()).increment(1);
    tracing::info!(
        target: "access",
        request_id = id.to_str().unwrap_or_default(),
        %method,
        route = served.route,
        status,
        code = &*code,
        username = served.username.as_deref().unwrap_or_default(),
        peer = peer.map(|peer| peer.to_string()).unwrap_or_default(),
        took_ms = took.as_millis() as u64,
        "answered"
    );
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

struct Defer<F: FnMut()>(F);

impl<F: FnMut()> Drop for Defer<F> {
    fn drop(&mut self) {
        (self.0)();
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

/// Lets in who may, and notes who it was.
async fn guard(State((door, scope)): State<(Arc<Door>, Scope)>, mut request: Request, next: Next) -> Response {
    let mut served = Served { route: scope.as_str(), username: None };
    let Ok(_place) = door.places.try_acquire() else { return with(served, Problem::TooMany) };
    let Some(Peer(peer)) = request.extensions().get().copied() else { return with(served, Problem::Unexpected) };
    let header = request.headers().get(KEY).map(HeaderValue::as_bytes);
    let caller = match door.gate.admit(header, peer.ip(), scope).await {
        Ok(caller) => caller,
        Err(problem) => return with(served, problem),
    };
    served.username = Some(Arc::clone(&caller.username));
    request.extensions_mut().insert(caller);
    with(served, next.run(request).await)
}

fn with(served: Served, answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    response.extensions_mut().insert(served);
    response
}

/// What stands in a path; one that is no text leads nowhere.
fn words(path: Result<Path<(String, String)>, PathRejection>) -> Result<(String, String), Problem> {
    path.map(|Path(words)| words).map_err(|_| Problem::NotFound)
}

/// Another customer's key is as unknown as one that does not exist.
fn own<D>(caller: &Caller, service_key: &str) -> Result<(), Answer<D>> {
    match caller.reference.service_key(service_key) {
        Some((_, customer)) if *customer.username == *caller.username => Ok(()),
        _ => Err(Answer::refused(Code::UnknownServiceKey.as_str(), "service_key: unknown".to_owned())),
    }
}

/// POST …/sendMessage.
async fn send(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    path: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Answer, Response> {
    let (service_key, channel) = words(path).map_err(IntoResponse::into_response)?;
    let channel = ask::channel(&channel).ok_or_else(|| Problem::NotFound.into_response())?;
    let Judged { answer, record } = match door.asked(&caller, &service_key, channel, &headers, body).await {
        Ok(judged) => judged,
        Err(problem) => return Err(problem.into_response()),
    };
    if let Some(record) = record {
        let urgent = record.topic == Topic::api(Lane::Auth);
        let appender = if urgent { &door.urgent } else { &door.others };
        appender.append(record).await.map_err(IntoResponse::into_response)?;
    }
    Ok(answer)
}

impl Door {
    async fn asked(
        &self,
        caller: &Caller,
        service_key: &str,
        channel: Channel,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Judged, Problem> {
        let header = |name| headers.get(name).map(HeaderValue::as_bytes);
        if !header(CONTENT_TYPE).is_some_and(is_json) {
            return Err(Problem::NotJson);
        }
        if body.size_hint().lower() > self.body_bytes as u64 {
            return Err(Problem::TooLarge);
        }
        let body = match tokio::time::timeout(self.body_within, to_bytes(body, self.body_bytes)).await {
            Err(_) => return Err(Problem::TooSlow),
            Ok(Err(error)) if error.source().is_some_and(|cause| cause.is::<LengthLimitError>()) => {
                return Err(Problem::TooLarge);
            }
            // It was cut: nobody is there to read the answer.
            Ok(Err(_)) => return Err(Problem::TooSlow),
            Ok(Ok(body)) => body,
        };
        if let Err(answer) = own(caller, service_key) {
            return Ok(Judged { answer, record: None });
        }
        let read = ask::version(header(VERSION))
            .and_then(|()| ask::lane(header(LANE)))
            .and_then(|lane| Ok((lane, ask::read(&body, service_key, channel)?)));
        let (lane, request) = match read {
            Ok(read) => read,
            Err(refusal) => return Ok(refusal.into()),
        };
        let Self { settings, schemas, clock, .. } = self;
        let by = Judge { reference: &caller.reference, settings, schemas, now_ms: clock.now_ms() };
        Ok(ask::judge(request, lane, by))
    }
}

fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

fn not_found<D>() -> Answer<D> {
    let message = "message_id: no report of it: it never came, is not decided yet, or is too old".to_owned();
    Answer::refused(Code::MessageNotFound.as_str(), message)
}

/// GET …/report/{message_id}.
async fn report(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, Problem> {
    let (service_key, message_id) = words(path)?;
    if let Err(answer) = own::<String>(&caller, &service_key) {
        return Ok(answer.into_response());
    }
    Ok(match door.reports.find(&caller.username, &service_key, &message_id).await? {
        Some(found) => Answer::success(callback::data(&found.report)).into_response(),
        None => not_found::<String>().into_response(),
    })
}

/// What became of the wish to cancel.
#[derive(Serialize)]
struct Cancel {
    message_id: String,
    /// Whether it was asked for; not of a message that has ended.
    asked: bool,
    /// The state that its newest report tells.
    state: &'static str,
}

/// DELETE …/message/{message_id}: asks; the report says what became of it.
async fn cancel(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Answer<Cancel>, Problem> {
    let (service_key, message_id) = words(path)?;
    if let Err(answer) = own(&caller, &service_key) {
        return Ok(answer);
    }
    let Some(found) = door.reports.find(&caller.username, &service_key, &message_id).await? else {
        return Ok(not_found());
    };
    let report = found.report;
    if !report.terminal {
        let track_id: TrackId = report.track_id.parse().map_err(|_| Problem::Unexpected)?;
        let wish = news::of_customer(&report.track_id, door.clock.now_ms());
        let record = Outgoing {
            topic: Topic::result(track_id.api().lane),
            partition: None,
            key: Some(report.track_id.into_bytes().into()),
            value: Some(door.schemas.encode(&wish).into()),
            headers: Vec::new(),
        };
        door.others.append(record).await?;
    }
    Ok(Answer::success(Cancel { message_id, asked: !report.terminal, state: report.state.as_str() }))
}
