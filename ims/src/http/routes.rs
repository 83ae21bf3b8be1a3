//! The paths of the door.

use super::{
    access::{Trace, access},
    answer::{Answer, Problem},
    append::Appender,
    ask,
    center::{self, Calls, Endpoints, Exports, Files, Trials},
    claimed::Claimed,
    clerk::Clerk,
    desk::Desk,
    gate::{Caller, Gate},
    lookup::Reports,
    openapi::{self, Api, Contract},
    sending::{Asked, told},
    shares::Shares,
    stop::{Stop, Told},
    unsubscribe::{self, Unsubscribe},
    words::Words,
};
use crate::moment::iso;
use axum::{
    Extension, Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::MethodRouter,
};
use bytes::Bytes;
use connectors::{history::HistoryReader, reference::Editor};
use processors::{
    access::{Scope, Use},
    callback,
    ingest::Settings,
    outcome::news,
    ports::{CLAIM_WINDOW, Clock},
    refusal::{Code, Refusal},
    rules::field::top,
};
use schemas::{Lane, Report, Schemas, Topic, TrackId, examples};
use serde::Serialize;
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use topology::log::Outgoing;
use utoipa::ToSchema;
use utoipa_axum::routes;

const KEY: HeaderName = HeaderName::from_static("x-ims-key");
pub const VERSION: HeaderName = HeaderName::from_static("x-ims-version");

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
    pub history: Clerk<HistoryReader>,
    pub exports: Exports,
    /// Long requests to send, held against the rules.
    pub lists: Clerk<()>,
    /// None where the reference data come from a file.
    pub editor: Option<Clerk<Editor>>,
    /// Whether a dealer registers sender profiles with a token.
    pub claims: bool,
    pub trials: Trials,
    /// Endpoints that are called no more.
    pub endpoints: Clerk<Endpoints>,
    /// Calls of endpoints.
    pub calls: Calls,
    pub files: Files,
    /// Opens the addresses of one-click unsubscribe.
    pub unsubscribe: Unsubscribe,
    /// Limits and repeated requests.
    pub desk: Desk,
    /// Message ids in use.
    pub claimed: Claimed,
    pub acknowledged_within: Duration,
    pub body_bytes: usize,
    pub body_within: Duration,
    /// One place for each request under way of who is known.
    pub places: Shares<Arc<str>>,
}

/// Where a request comes from; the server puts it there.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// Routes before they have their door.
pub type Methods = MethodRouter<Arc<Door>>;

/// The paths, each with what it is asked and answers; `guard` stands before those that ask for a key.
fn described(guard: impl Fn(Scope, Methods) -> Methods) -> Api<Arc<Door>> {
    let kept = json!({"code": "0000", "data": "ORD-1"});
    let told = json!({"code": "0000", "data": callback::data(&examples::report())});
    let asked = json!({"code": "0000", "data": {"message_id": "ORD-1", "asked": true, "state": "SCHEDULED"}});
    let sends = Contract::of_message(kept).asking(openapi::request()).refusing(&[
        Problem::TooSlow,
        Problem::KeyUnderWay,
        Problem::TooLarge,
        Problem::NotJson,
        Problem::KeyReused,
        Problem::NotConfirmed,
    ]);
    let reports = Contract::of::<Known<'_>>(told).refusing(&[Problem::StoreAway]).remembered();
    let cancels = Contract::of::<Cancel>(asked).refusing(&[Problem::StoreAway, Problem::NotConfirmed]);
    let api = Api::new()
        .route(sends.keyed(Scope::Send), routes!(send), |methods| guard(Scope::Send, methods))
        .route(reports.keyed(Scope::Report), routes!(report), |methods| guard(Scope::Report, methods))
        .route(cancels.keyed(Scope::Cancel), routes!(cancel), |methods| guard(Scope::Cancel, methods));
    openapi::serve(unsubscribe::described(center::described(api, &guard)))
}

/// The paths with all that stands before them.
pub fn routes(door: Arc<Door>) -> Router {
    let guarded = |scope, methods: Methods| methods.layer(from_fn_with_state((Arc::clone(&door), scope), guard));
    described(guarded)
        .into_router()
        .fallback(|| async { Problem::NotFound })
        .method_not_allowed_fallback(|| async { Problem::MethodNotAllowed })
        .layer(from_fn(access))
        .with_state(door)
}

/// Their description, OpenAPI 3.1.
pub fn document() -> Value {
    described(|_, methods| methods).into_document()
}

/// The key that a request is sent with; of two nobody knows which counts.
pub fn key(headers: &HeaderMap) -> Option<&[u8]> {
    let mut keys = headers.get_all(KEY).iter();
    let key = keys.next()?;
    keys.next().is_none().then(|| key.as_bytes())
}

/// Lets in who may, and notes who it was.
async fn guard(
    State((door, scope)): State<(Arc<Door>, Scope)>,
    Extension(trace): Extension<Trace>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    trace.route(scope.as_str());
    let Peer(peer) = request.extensions().get().copied().ok_or(Problem::Unexpected)?;
    let caller = door.gate.admit(key(request.headers()), peer.ip(), scope).await?;
    trace.username(&caller.username);
    let _place = door.places.take(Arc::clone(&caller.username)).ok_or(Problem::TooMany)?;
    if let Some(refusal) = door.over_rate(&caller) {
        return Ok(refusal);
    }
    if let Err(refusal) = ask::version(request.headers().get(VERSION).map(HeaderValue::as_bytes)) {
        return Ok(door.ended(&caller, Answer::<()>::from(refusal)).await);
    }
    let mut standing = None;
    if scope != Scope::Send {
        // A message is counted once its receivers are known.
        match door.count(&caller, Use { receivers: 1, messages: 0 }).await {
            Ok(counted) => standing = counted,
            Err(refusal) => return Ok(refusal),
        }
    }
    request.extensions_mut().insert(caller);
    Ok(told(next.run(request).await, standing))
}

/// Sends a message, or one to each of a receiver_list.
///
/// 0000 says that it is kept and will be sent; the report says what became of it.
#[utoipa::path(
    post,
    path = "/ims/{service_key}/{channel}/sendMessage",
    operation_id = "sendMessage",
    tag = "messages",
    params(openapi::Channels)
)]
async fn send(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words((service_key, channel)): Words<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let read = async {
        let channel = ask::channel(&channel).ok_or(Problem::NotFound)?;
        Ok((channel, door.json(&headers, body).await?))
    };
    match read.await {
        Ok((channel, body)) => door.sent(Asked { caller, service_key, channel, headers, body }).await,
        Err::<_, Problem>(problem) => door.ended(&caller, problem).await,
    }
}

/// Nothing is known of a message.
pub fn not_found() -> Refusal {
    let reason = "no report of it: it never came, is not decided yet, or is too old";
    Refusal::new(Code::MessageNotFound, &top("message_id"), reason)
}

/// A message of which nothing is reported yet.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Accepted<'m> {
    /// As it was in the request.
    message_id: &'m str,
    /// Ours, of every record and call about the message.
    track_id: String,
    /// ACCEPTED.
    state: &'static str,
    /// When its request came.
    #[schema(format = DateTime)]
    requested_at: String,
}

/// What is known of a message.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum Known<'m> {
    /// It is reported.
    Report(callback::Data<'m>),
    /// It is accepted.
    Accepted(Accepted<'m>),
}

/// The state of a message of which nothing is reported yet.
const ACCEPTED: &str = "ACCEPTED";

impl Door {
    /// What an id stands for: the newest report of it, and who holds it of whom nothing is reported yet. An id that was
    /// used again after its day, or after it was refused, has both.
    async fn known(
        &self,
        caller: &Caller,
        service_key: &str,
        message_id: &str,
    ) -> Result<(Option<Report>, Option<TrackId>), Problem> {
        let found = self.reports.find(&caller.username, service_key, message_id).await?.map(|found| found.report);
        let day_before_ms = self.clock.now_ms() - CLAIM_WINDOW.as_millis() as i64;
        let stands = |report: &Report| report.requested_at > day_before_ms && report.state != schemas::State::Rejected;
        if found.as_ref().is_some_and(stands) {
            return Ok((found, None));
        }
        let holder = self.claimed.holder(service_key, message_id).await;
        let is_reported = |by: &TrackId| found.as_ref().is_some_and(|report| report.track_id == by.to_string());
        let holder = holder.filter(|by| !is_reported(by));
        Ok((found, holder))
    }
}

/// Tells what became of a message.
///
/// The newest report of that id which is no refused duplicate's, or that it is accepted; 2100 when nothing is known of it.
#[utoipa::path(
    get,
    path = "/ims/{service_key}/report/{message_id}",
    operation_id = "report",
    tag = "messages",
    params(openapi::Message)
)]
async fn report(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words((service_key, message_id)): Words<(String, String)>,
) -> Result<Response, Stop> {
    caller.own(&service_key)?;
    let (report, holder) = door.known(&caller, &service_key, &message_id).await?;
    let known = match (holder, &report) {
        (Some(holder), _) => Known::Accepted(Accepted {
            message_id: &message_id,
            track_id: holder.to_string(),
            state: ACCEPTED,
            requested_at: iso(holder.timestamp_ms()),
        }),
        (None, Some(report)) => Known::Report(callback::data(report)),
        (None, None) => return Err(not_found().into()),
    };
    Ok(Answer::success(known).into_response())
}

/// What became of the wish to cancel.
#[derive(Serialize, ToSchema)]
struct Cancel {
    /// As it was in the request.
    message_id: String,
    /// Whether it was asked for; not of a message that has ended.
    asked: bool,
    /// The state that its newest report tells; ACCEPTED when there is none yet.
    state: &'static str,
}

/// Asks to cancel what has not left.
///
/// The report says what became of it.
#[utoipa::path(
    delete,
    path = "/ims/{service_key}/message/{message_id}",
    operation_id = "cancel",
    tag = "messages",
    params(openapi::Message)
)]
async fn cancel(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words((service_key, message_id)): Words<(String, String)>,
) -> Told<Cancel> {
    caller.own(&service_key)?;
    let (track_id, asked, state) = match door.known(&caller, &service_key, &message_id).await? {
        (_, Some(holder)) => (holder.to_string(), true, ACCEPTED),
        (Some(report), None) => (report.track_id, !report.terminal, report.state.as_str()),
        (None, None) => return Err(not_found().into()),
    };
    if asked {
        let wish = news::of_customer(&track_id, door.clock.now_ms());
        let (key, value) = (Bytes::from(track_id.into_bytes()), Bytes::from(door.schemas.encode(&wish)));
        // The priority is the router's to say, an ad's is not the lane it came by: those who never see the message
        // forget the wish (docs/adr/0004).
        let until = Instant::now() + door.acknowledged_within;
        for &lane in Lane::ALL {
            let record = Outgoing {
                topic: Topic::result(lane),
                partition: None,
                key: Some(key.clone()),
                value: Some(value.clone()),
                headers: Vec::new(),
            };
            door.others.append(record, until).await?;
        }
    }
    Ok(Answer::success(Cancel { message_id, asked, state }))
}
