//! Where a service key's reports are called back: its address, its secrets, and a call to try it.

use super::{endpoints::Standing, params::Own};
use crate::{
    http::{
        answer::{Answer, Problem},
        gate::{Caller, unknown_service_key},
        routes::Door,
        shares::Shares,
        stop::{Stop, Told},
        words::Words,
    },
    moment::iso,
    secret,
};
use axum::{Extension, body::Body, extract::State, http::HeaderMap};
use connectors::{
    callback::{CallerSettings, HttpCaller, Network},
    reference::Which,
};
use jiff::Timestamp;
use processors::{
    callback::{self, Batch, Call, Endpoint, Reply, Secret},
    ports::{Caller as _, Clock},
    reference::ServiceKey,
    refusal::{Code, Refusal},
};
use schemas::{EndpointRest, EndpointState};
use serde::{Deserialize, Serialize};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use utoipa::ToSchema;

/// Trial calls under way in this process; more are told to come again.
const TRIALS: usize = 4;
/// What is left for the thread of a call beside the call itself.
const MARGIN: Duration = Duration::from_secs(1);

/// What trial calls are made with.
pub struct Trials {
    settings: CallerSettings,
    network: Arc<dyn Network>,
    places: Shares<Arc<str>>,
}

impl Trials {
    /// As the role `callback` calls.
    pub fn new(settings: CallerSettings, network: Arc<dyn Network>) -> Self {
        Self { settings, network, places: Shares::half(TRIALS) }
    }
}

/// An endpoint without its secrets.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Callback)]
pub struct Shown {
    /// Where.
    #[schema(required = true)]
    pub uri: Option<String>,
    /// How many secrets calls are signed with: one, or two while they are exchanged.
    pub secrets: usize,
    /// Several reports in one call.
    #[schema(value_type = Option<Object>, required = true)]
    pub batch: Option<Batch>,
    /// An endpoint that answered 410 before then is called again.
    #[schema(required = true)]
    pub enabled_at: Option<String>,
    /// Why it is called no more; null while it is called. Not told where secrets are exchanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DisabledTold>)]
    pub disabled: Option<Option<DisabledTold>>,
    /// The rest that it asked for, while that lasts; null while it is called. Not told where secrets are exchanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<RestTold>)]
    pub rest: Option<Option<RestTold>>,
    /// A secret that was made now, told here and nowhere else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// An endpoint that is called no more.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DisabledCallback)]
pub struct DisabledTold {
    /// When it ended itself.
    disabled_at: String,
    /// Why.
    reason: &'static str,
    /// What has it called again.
    enabled_by: &'static str,
}

impl DisabledTold {
    fn of(state: &EndpointState) -> Self {
        Self {
            disabled_at: iso(state.disabled_at),
            reason: "it answered a call with 410 Gone: no report has been called back since",
            enabled_by: "PUT the callback again, with the same uri or another; reports that ended meanwhile are not \
                         called back: ask for them by message_id",
        }
    }
}

/// An endpoint that has asked to be called later.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RestingCallback)]
pub struct RestTold {
    /// When it asked.
    since: String,
    /// Until when it is called for no report.
    until: String,
    /// Why.
    reason: String,
    /// What becomes of reports meanwhile.
    waiting: &'static str,
}

impl RestTold {
    fn of(rest: &EndpointRest) -> Self {
        Self {
            since: iso(rest.asked_at),
            until: iso(rest.until),
            reason: format!("it answered a call with {} and Retry-After", rest.status),
            waiting: "reports that end meanwhile are called back after it, one call at a time at first. Those that wait \
                      already come no sooner even when the callback is PUT anew; what ends from then on does",
        }
    }
}

/// What an endpoint is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewCallback)]
pub struct Wish {
    /// Where.
    uri: String,
    /// Several reports in one call; without it each comes by itself.
    #[schema(value_type = Option<Object>)]
    batch: Option<Batch>,
}

/// What came of a trial.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CallbackTrial)]
pub struct Trial {
    /// Whether the endpoint answered 2xx.
    pub delivered: bool,
    /// The status that it answered.
    #[schema(required = true)]
    pub status: Option<u16>,
    /// Why there is none.
    #[schema(required = true)]
    pub failure: Option<&'static str>,
    /// How long it took, milliseconds.
    pub took_ms: u64,
}

/// Tells where reports are called back.
#[utoipa::path(get, path = "/ims/{service_key}/callback", operation_id = "callback", tag = "callbacks", params(Own))]
pub async fn show(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
) -> Told<Shown> {
    caller.whose(&service_key)?;
    let key = door.row(&caller, &service_key).await?;
    let Standing { ended, rest } = door.standing(&caller, &key).await?;
    let disabled = Some(ended.as_ref().map(DisabledTold::of));
    Ok(Answer::success(Shown { disabled, rest: Some(rest.as_ref().map(RestTold::of)), ..told(&key, None) }))
}

/// Sets where reports are called back; the first time a secret is made for it. What waits out a rest of the endpoint of
/// before comes no sooner for it.
#[utoipa::path(put, path = "/ims/{service_key}/callback", operation_id = "setCallback", tag = "callbacks", params(Own))]
pub async fn set(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
    headers: HeaderMap,
    body: Body,
) -> Told<Shown> {
    let Wish { uri, batch } = door.read(&headers, body).await?;
    let now = Timestamp::from_millisecond(door.clock.now_ms()).map_err(|_| Problem::Unexpected)?;
    let made = secret::webhook_secret().map_err(|_| Problem::Unexpected)?;
    let edited = door.edit(&caller, &service_key, move |key| {
        (key.callback_uri, key.callback_batch, key.callback_enabled_at) = (Some(uri), batch, Some(now));
        let first = key.callback_secrets.is_empty();
        if first {
            key.callback_secrets.push(made.clone());
        }
        Ok(first.then_some(made))
    });
    // From now on it is called, whatever it answered before.
    Ok(Answer::success(Shown { disabled: Some(None), rest: Some(None), ..edited.await? }))
}

/// Takes the callback out: nobody is called any more.
#[utoipa::path(
    delete,
    path = "/ims/{service_key}/callback",
    operation_id = "removeCallback",
    tag = "callbacks",
    params(Own)
)]
pub async fn unset(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
) -> Told<Shown> {
    let edited = door.edit(&caller, &service_key, |key| {
        (key.callback_uri, key.callback_batch, key.callback_enabled_at) = (None, None, None);
        key.callback_secrets.clear();
        Ok(None)
    });
    Ok(Answer::success(Shown { disabled: Some(None), rest: Some(None), ..edited.await? }))
}

/// Makes a new secret, told once, beside the newest of those before.
#[utoipa::path(
    post,
    path = "/ims/{service_key}/callback/secret",
    operation_id = "addCallbackSecret",
    tag = "callbacks",
    params(Own)
)]
pub async fn add_secret(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
) -> Told<Shown> {
    let made = secret::webhook_secret().map_err(|_| Problem::Unexpected)?;
    let edited = door.edit(&caller, &service_key, move |key| {
        if key.callback_uri.is_none() {
            return Err(nowhere());
        }
        key.callback_secrets.insert(0, made.clone());
        key.callback_secrets.truncate(2);
        Ok(Some(made))
    });
    Ok(Answer::success(edited.await?))
}

/// Takes the older one of two secrets out.
#[utoipa::path(
    delete,
    path = "/ims/{service_key}/callback/secret",
    operation_id = "removeCallbackSecret",
    tag = "callbacks",
    params(Own)
)]
pub async fn drop_secret(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
) -> Told<Shown> {
    let edited = door.edit(&caller, &service_key, |key| {
        if key.callback_secrets.len() < 2 {
            return Err(Refusal::named(Code::WrongState, "secret", "there is no older one"));
        }
        key.callback_secrets.truncate(1);
        Ok(None)
    });
    Ok(Answer::success(edited.await?))
}

/// Makes one signed call, to the addresses that calls may go to, and tells what came of it.
#[utoipa::path(
    post,
    path = "/ims/{service_key}/callback/test",
    operation_id = "testCallback",
    tag = "callbacks",
    params(Own)
)]
pub async fn test(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
) -> Told<Trial> {
    caller.whose(&service_key)?;
    let key = door.row(&caller, &service_key).await?;
    let endpoint = match Endpoint::of(&key) {
        Ok(Some(endpoint)) => endpoint,
        Ok(None) => return Err(nowhere().into()),
        Err(reasons) => return Err(Refusal::named(Code::BadRequest, "uri", reasons.join("; ")).into()),
    };
    let place = door.trials.places.take(Arc::clone(&caller.username)).ok_or(Problem::TooMany)?;
    let (settings, network) = (door.trials.settings.clone(), Arc::clone(&door.trials.network));
    let clock = Arc::clone(&door.clock);
    let id = secret::random::<16>().map_err(|_| Problem::Unexpected)?;
    let call = tokio::task::spawn_blocking(move || {
        let _place = place;
        call(&endpoint, u128::from_be_bytes(id), settings, network, clock)
    });
    let trial = call.await.ok().flatten().ok_or(Problem::Unexpected)?;
    Ok(Answer::success(trial))
}

/// Waits for the answer on this thread.
fn call(
    endpoint: &Endpoint,
    id: u128,
    settings: CallerSettings,
    network: Arc<dyn Network>,
    clock: Arc<dyn Clock>,
) -> Option<Trial> {
    let now_ms = clock.now_ms();
    let callback::Message { id, body } = callback::trial(id, now_ms);
    let (began, patience, timestamp_s) = (Instant::now(), settings.timeout + MARGIN, now_ms.div_euclid(1000));
    let mut caller = HttpCaller::open(settings, clock, network).ok()?;
    caller.call(Call {
        ticket: 0,
        uri: Arc::clone(&endpoint.uri),
        signature: callback::signature(&endpoint.secrets, &id, timestamp_s, &body),
        id,
        timestamp_s,
        body,
        replay: None,
    });
    let mut answers = Vec::new();
    caller.answers(patience, &mut answers);
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let trial = |status: Option<u16>, failure| Trial {
        delivered: status.is_some_and(|status| (200..300).contains(&status)),
        status,
        failure,
        took_ms,
    };
    Some(match answers.pop().map(|called| called.reply) {
        Some(Reply::Status { status, .. }) => trial(Some(status), None),
        Some(Reply::Failed(failure)) => trial(None, Some(failure.as_str())),
        None => trial(None, Some(callback::Failure::TimedOut.as_str())),
    })
}

fn nowhere() -> Refusal {
    Refusal::named(Code::NotFound, "uri", "there is no callback: PUT one first")
}

/// What its row says; only the log knows whether it is called.
fn told(key: &ServiceKey, secret: Option<Secret>) -> Shown {
    Shown {
        uri: key.callback_uri.clone(),
        secrets: key.callback_secrets.len(),
        batch: key.callback_batch,
        enabled_at: key.callback_enabled_at.map(|at| iso(at.as_millisecond())),
        disabled: None,
        rest: None,
        secret: secret.map(|secret| secret.reveal()),
    }
}

impl Door {
    /// A service key as the store has it now.
    async fn row(&self, caller: &Caller, service_key: &str) -> Result<Arc<ServiceKey>, Stop> {
        let found = self.rows(caller, Which::of([("service_key", service_key)])).await?;
        Ok(found.into_iter().next().ok_or_else(unknown_service_key)?)
    }

    /// What the log says of a key's endpoint.
    async fn standing(&self, caller: &Caller, key: &ServiceKey) -> Result<Standing, Stop> {
        let Ok(Some(endpoint)) = Endpoint::of(key) else { return Ok(Standing::default()) };
        Ok(self.endpoints.of(Arc::clone(&caller.username)).ask(move |endpoints| endpoints.of(&endpoint)).await?)
    }

    /// Asks the store alone: who exchanges a secret does not wait for the log.
    async fn edit(
        &self,
        caller: &Caller,
        service_key: &str,
        change: impl FnOnce(&mut ServiceKey) -> Result<Option<Secret>, Refusal> + Send + 'static,
    ) -> Result<Shown, Stop> {
        let username = caller.whose(service_key)?.username.clone();
        let which = Which::of([("service_key", service_key), ("username", &*username)]);
        let changed = self.change(caller, &username, which, move |keys: &mut Vec<ServiceKey>| {
            let key = keys.first_mut().ok_or_else(unknown_service_key)?;
            let made = change(key)?;
            Endpoint::of(key).map_err(|reasons| Refusal::named(Code::BadRequest, "uri", reasons.join("; ")))?;
            Ok(told(key, made))
        });
        changed.await
    }
}
