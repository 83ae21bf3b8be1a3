//! Secret keys and service keys of a customer.

use super::{
    change::Done,
    params::{OneKey, OneServiceKey, Own},
};
use crate::{
    http::{
        answer::{Answer, Problem},
        gate::Caller,
        routes::Door,
        stop::Told,
        words::Words,
    },
    moment::iso,
    secret,
};
use axum::{Extension, body::Body, extract::State, http::HeaderMap};
use connectors::reference::Which;
use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};
use processors::{
    access::{
        Scope, SecretHash,
        exchange::{self, LONGEST_OVERLAP_HOURS, OVERLAP_HOURS},
    },
    reference::{SecretKey, ServiceKey},
    refusal::{Code, Refusal},
    rules::field::top,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// A secret key without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SecretKey)]
pub struct Key {
    /// Tells it from the customer's other one.
    pub name: String,
    /// From then on it is not valid.
    #[schema(required = true)]
    pub expires_at: Option<String>,
    /// From where it may be used; empty: from everywhere.
    pub networks: Vec<String>,
    /// What it may be used for.
    pub scopes: Vec<&'static str>,
}

impl From<&SecretKey> for Key {
    fn from(key: &SecretKey) -> Self {
        Self {
            name: key.name.clone(),
            expires_at: key.expires_at.map(|at| iso(at.as_millisecond())),
            networks: key.networks.iter().map(IpNet::to_string).collect(),
            scopes: key.scopes.iter().map(|scope| scope.as_str()).collect(),
        }
    }
}

/// A new secret key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MadeSecretKey)]
pub struct NewKey {
    /// What it is.
    pub key: Key,
    /// Its secret, told here and nowhere else.
    pub secret: String,
    /// What to send as x-ims-key.
    pub header: String,
}

/// What a new key is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSecretKey)]
pub struct Wish {
    /// 1 to 64 letters, digits, `.`, `_` and `-`.
    name: String,
    /// From then on it is not valid; without it from when the caller's own is not, or never when an operator makes it.
    #[schema(value_type = Option<String>)]
    expires_at: Option<Timestamp>,
    /// From where it may be used; without it from where the caller's own may.
    #[schema(value_type = Option<Vec<String>>)]
    networks: Option<Vec<IpNet>>,
    /// What it may be used for; without it what the caller's own may, but for operate.
    #[schema(value_type = Option<Vec<String>>)]
    scopes: Option<Vec<Scope>>,
}

/// How a key is exchanged.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// Name of the new key.
    name: String,
    /// How long the old one stays valid beside it, hours.
    overlap_hours: Option<u32>,
}

/// Lists secret keys, without their secrets.
#[utoipa::path(get, path = "/ims/{service_key}/secret-keys", operation_id = "secretKeys", tag = "keys", params(Own))]
pub async fn list(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
) -> Told<Vec<Key>> {
    let username = caller.whose(&service_key)?.username.clone();
    let mut keys = door.rows::<SecretKey>(&caller, Which::of([("username", &*username)])).await?;
    keys.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Answer::success(keys.iter().map(|key| Key::from(&**key)).collect()))
}

/// Makes a secret key, whose secret is told once.
#[utoipa::path(
    post,
    path = "/ims/{service_key}/secret-keys",
    operation_id = "makeSecretKey",
    tag = "keys",
    params(Own)
)]
pub async fn issue(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
    headers: HeaderMap,
    body: Body,
) -> Told<NewKey> {
    let Wish { name, expires_at, networks, scopes } = door.read(&headers, body).await?;
    let username = caller.whose(&service_key)?.username.clone();
    exchange::name(&top("name"), &name)?;
    let own = |scope: &Scope| *scope != Scope::Operate;
    let new = SecretKey {
        username: username.clone(),
        name,
        expires_at: expires_at.and_then(whole_milliseconds),
        networks: networks.unwrap_or_else(|| caller.key.networks.clone()),
        scopes: scopes.unwrap_or_else(|| caller.key.scopes.iter().copied().filter(own).collect()),
        ..SecretKey::default()
    };
    let (now_ms, by) = (door.clock.now_ms(), Arc::clone(&caller.key));
    let issued = move |keys: &mut Vec<SecretKey>, hash: SecretHash| {
        let by = as_it_ends(keys, &by);
        let new = SecretKey { hash, expires_at: new.expires_at.or(handed_on(&by)), ..new.clone() };
        exchange::may_grant(&by, &new, now_ms)?;
        exchange::add(keys, new.clone(), now_ms)?;
        Ok::<_, Refusal>(new)
    };
    let which = Which::of([("username", &*username)]);
    issued(&mut door.keys(&caller, which.clone()).await?, SecretHash::default())?;
    let (secret, hash) = door.gate.hash(&caller, secret::secret_key).await?;
    let made = door.change(&caller, &username, which, move |keys| issued(keys, hash));
    Ok(Answer::success(told(&made.await?, secret)))
}

/// Makes a secret key beside an old one, which ends after a while.
#[utoipa::path(
    post,
    path = "/ims/{service_key}/secret-keys/{name}/rotate",
    operation_id = "rotateSecretKey",
    tag = "keys",
    params(OneKey)
)]
pub async fn rotate(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words((service_key, old)): Words<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Told<NewKey> {
    let Rotation { name, overlap_hours } = door.read(&headers, body).await?;
    let username = caller.whose(&service_key)?.username.clone();
    exchange::name(&top("name"), &name)?;
    let hours = overlap_hours.unwrap_or(OVERLAP_HOURS);
    if hours > LONGEST_OVERLAP_HOURS {
        let reason = format_args!("got {hours}, at most {LONGEST_OVERLAP_HOURS}");
        return Err(Refusal::bad(&top("overlap_hours"), reason).into());
    }
    let now_ms = door.clock.now_ms();
    let now = Timestamp::from_millisecond(now_ms).map_err(|_| Problem::Unexpected)?;
    let ends = now.checked_add(SignedDuration::from_hours(hours.into())).map_err(|_| Problem::Unexpected)?;
    let new = SecretKey { username: username.clone(), name, ..SecretKey::default() };
    let by = Arc::clone(&caller.key);
    let which = Which::of([("username", &*username)]);
    let exchanged = move |keys: &mut Vec<SecretKey>, hash: SecretHash| {
        let by = as_it_ends(keys, &by);
        let new = SecretKey { hash, expires_at: handed_on(&by), ..new.clone() };
        let made = exchange::rotate(keys, &old, new, ends, now_ms)?;
        exchange::may_grant(&by, &made, now_ms)?;
        Ok::<_, Refusal>(made)
    };
    exchanged(&mut door.keys(&caller, which.clone()).await?, SecretHash::default())?;
    let (secret, hash) = door.gate.hash(&caller, secret::secret_key).await?;
    let rotated = door.change(&caller, &username, which, move |keys| exchanged(keys, hash));
    Ok(Answer::success(told(&rotated.await?, secret)))
}

/// Takes a secret key out.
#[utoipa::path(
    delete,
    path = "/ims/{service_key}/secret-keys/{name}",
    operation_id = "removeSecretKey",
    tag = "keys",
    params(OneKey)
)]
pub async fn revoke(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words((service_key, name)): Words<(String, String)>,
) -> Told<Done> {
    let username = caller.whose(&service_key)?.username.clone();
    let (now_ms, by, gone) = (door.clock.now_ms(), Arc::clone(&caller.key), name.clone());
    let which = Which::of([("username", &*username)]);
    let removed = door.change(&caller, &username, which, move |keys| exchange::remove(keys, &gone, &by, now_ms));
    removed.await?;
    Ok(Answer::success(Done { name }))
}

/// The caller's key with the end that it has among its customer's: a door may not have heard of that yet. An operator's is
/// another customer's.
fn as_it_ends(keys: &[SecretKey], by: &SecretKey) -> SecretKey {
    let own = keys.iter().find(|key| (&key.username, &key.name) == (&by.username, &by.name));
    SecretKey { expires_at: own.map_or(by.expires_at, |own| own.expires_at), ..by.clone() }
}

/// When a key ends that another makes, if nobody says.
fn handed_on(by: &SecretKey) -> Option<Timestamp> {
    by.expires_at.filter(|_| !by.allows(Scope::Operate))
}

fn told(key: &SecretKey, secret: String) -> NewKey {
    NewKey { key: Key::from(key), header: secret::header(&key.username, &secret), secret }
}

impl Door {
    /// The keys that there are now: a change that is refused of these is not hashed for.
    async fn keys(&self, caller: &Caller, which: Which) -> Result<Vec<SecretKey>, Problem> {
        Ok(self.rows(caller, which).await?.into_iter().map(Arc::unwrap_or_clone).collect())
    }
}

fn whole_milliseconds(at: Timestamp) -> Option<Timestamp> {
    Timestamp::from_millisecond(at.as_millisecond()).ok()
}

/// A service key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ServiceKey)]
pub struct Service {
    /// What stands in paths.
    pub service_key: String,
    /// Whether requests with it are taken.
    pub active: bool,
}

/// Whether a service key is to be taken.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Active {
    active: bool,
}

/// Lists the customer's service keys; for operators.
#[utoipa::path(get, path = "/ims/{service_key}/service-keys", operation_id = "serviceKeys", tag = "keys", params(Own))]
pub async fn services(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
) -> Told<Vec<Service>> {
    let username = caller.whose(&service_key)?.username.clone();
    let mut keys = door.rows::<ServiceKey>(&caller, Which::of([("username", &*username)])).await?;
    keys.sort_by(|a, b| a.key.cmp(&b.key));
    let told = |key: Arc<ServiceKey>| Service { service_key: key.key.clone(), active: key.active };
    Ok(Answer::success(keys.into_iter().map(told).collect()))
}

/// Makes one more service key for the same customer; for operators.
#[utoipa::path(
    post,
    path = "/ims/{service_key}/service-keys",
    operation_id = "makeServiceKey",
    tag = "keys",
    params(Own)
)]
pub async fn issue_service(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
) -> Told<Service> {
    let username = caller.whose(&service_key)?.username.clone();
    let key = secret::service_key().map_err(|_| Problem::Unexpected)?;
    let new = ServiceKey { key: key.clone(), username: username.clone(), active: true, ..ServiceKey::default() };
    let which = Which::of([("service_key", &*key)]);
    let made = door.change(&caller, &username, which, move |keys: &mut Vec<ServiceKey>| {
        // Two of 62^40 are never the same; if they were, one customer would get another's.
        if !keys.is_empty() {
            return Err(Refusal::named(Code::Exists, "service_key", "made once more: ask again"));
        }
        keys.push(new);
        Ok(())
    });
    made.await?;
    Ok(Answer::success(Service { service_key: key, active: true }))
}

/// Takes a service key, or takes it no more; for operators.
#[utoipa::path(
    put,
    path = "/ims/{service_key}/service-keys/{key}",
    operation_id = "activateServiceKey",
    tag = "keys",
    params(OneServiceKey)
)]
pub async fn activate(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words((service_key, key)): Words<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Told<Service> {
    let Active { active } = door.read(&headers, body).await?;
    let username = caller.whose(&service_key)?.username.clone();
    let which = Which::of([("service_key", &*key), ("username", &*username)]);
    let changed = door.change(&caller, &username, which, move |keys: &mut Vec<ServiceKey>| {
        let key =
            keys.first_mut().ok_or_else(|| Refusal::named(Code::NotFound, "service_key", "there is no such key"))?;
        key.active = active;
        Ok(())
    });
    changed.await?;
    Ok(Answer::success(Service { service_key: key, active }))
}
