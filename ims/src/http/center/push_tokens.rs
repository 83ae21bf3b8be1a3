//! Push tokens of the users of a customer's app. They stand in bodies, because paths stand in logs.

use super::{
    opt_outs::Count,
    page::{Filling, Page},
    params::{Own, Tokens},
    query::Query,
    recipients,
};
use crate::{
    http::{
        answer::Answer,
        gate::Caller,
        routes::Door,
        stop::{Stop, Told},
        words::Words,
    },
    moment::iso,
};
use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{HeaderMap, Uri},
};
use connectors::reference::{App, PushToken, RegisteredToken, TokenPlace};
use processors::{
    center::Cursor,
    refusal::{Code, Refusal},
    rules::{
        address,
        field::{Field, top},
        push, text,
    },
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

const LIST: &str = "push-tokens";
/// Longest id of a user, characters, as in a push.
const USER: usize = 64;

/// A token that is registered.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PushToken)]
pub struct TokenTold {
    /// Id in the customer's app.
    pub app_user_id: String,
    /// As its service gave it to the app.
    pub token: String,
    /// When it was registered last.
    pub registered_at: String,
}

impl From<RegisteredToken> for TokenTold {
    fn from(registered: RegisteredToken) -> Self {
        let PushToken { app_user_id, token } = registered.token;
        Self { app_user_id, token, registered_at: iso(registered.registered_at_ms) }
    }
}

/// Tokens to be registered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPushTokens)]
pub struct NewTokens {
    /// Up to 1000.
    tokens: Vec<NewToken>,
}

/// One of them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPushToken)]
struct NewToken {
    /// Id in the customer's app.
    app_user_id: String,
    /// As its service gave it to the app.
    token: String,
}

/// A token that took the place of another.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ExchangedPushToken)]
pub struct Exchanged {
    /// The one that was registered.
    token: String,
    /// What its service gave the app in its stead.
    new_token: String,
}

/// Tokens to be forgotten, or all of some users.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PushTokens)]
pub struct Gone {
    /// Tokens.
    #[serde(default)]
    tokens: Vec<String>,
    /// Ids in the customer's app.
    #[serde(default)]
    app_user_ids: Vec<String>,
}

fn user(at: &Field<'_>, id: &str) -> Result<(), Refusal> {
    if text::is_blank(id) {
        return Err(Refusal::missing(at, "a push token"));
    }
    address::app_user(at, id, USER)
}

fn of(caller: &Caller, service_key: &str) -> Result<App, Refusal> {
    let username = caller.whose(service_key)?.username.clone();
    Ok(App { service_key: service_key.to_owned(), username })
}

/// Lists push tokens, those that were registered last at the end.
#[utoipa::path(
    get,
    path = "/ims/{service_key}/push-tokens",
    operation_id = "pushTokens",
    tag = "push tokens",
    params(Tokens)
)]
pub async fn list(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
    uri: Uri,
) -> Told<Page<TokenTold>> {
    let App { service_key, .. } = of(&caller, &service_key)?;
    let query = Query::read(uri.query(), &["app_user_id", "limit", "cursor"])?;
    let (behind, most) = (query.behind::<TokenPlace>(LIST)?, query.limit()?);
    let of_user = query.get("app_user_id").map(str::to_owned);
    let found = door.editor(&caller.username)?.ask(move |editor| {
        Filling::fill(most, behind, |behind, rows| {
            let tokens = editor.tokens(&service_key, of_user.as_deref(), behind, rows)?;
            Ok(tokens.into_iter().map(|token| (token.behind.clone(), TokenTold::from(token))).collect())
        })
    });
    Ok(Answer::success(found.await?.page(|behind| Cursor::behind(LIST, behind).write())))
}

/// Registers push tokens, or registers them again: one that a service called dead is asked about from now on, and one of
/// another user is this one's.
#[utoipa::path(
    post,
    path = "/ims/{service_key}/push-tokens",
    operation_id = "registerPushTokens",
    tag = "push tokens",
    params(Own)
)]
pub async fn register(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
    headers: HeaderMap,
    body: Body,
) -> Told<Count> {
    let NewTokens { tokens } = door.read(&headers, body).await?;
    let (app, by) = (of(&caller, &service_key)?, door.by(&caller));
    recipients::number("tokens", tokens.len())?;
    for (at, NewToken { app_user_id, token }) in tokens.iter().enumerate() {
        let at = Field::REQUEST.entry("tokens", at);
        user(&at.of("app_user_id"), app_user_id)?;
        push::token(&at.of("token"), token)?;
    }
    let tokens: Vec<PushToken> =
        tokens.into_iter().map(|NewToken { app_user_id, token }| PushToken { app_user_id, token }).collect();
    let count = door.editor(&caller.username)?.ask(move |editor| editor.register_tokens(&by, &app, &tokens)).await?;
    Ok(Answer::success(Count { count: count.map_err(Stop::from)? }))
}

/// Gives the user of a push token another in its place, as an app does when its service gave it a new one.
#[utoipa::path(
    put,
    path = "/ims/{service_key}/push-tokens",
    operation_id = "exchangePushToken",
    tag = "push tokens",
    params(Own)
)]
pub async fn exchange(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
    headers: HeaderMap,
    body: Body,
) -> Told<Count> {
    let Exchanged { token, new_token } = door.read(&headers, body).await?;
    let (app, by) = (of(&caller, &service_key)?, door.by(&caller));
    push::token(&top("token"), &token)?;
    push::token(&top("new_token"), &new_token)?;
    let there =
        door.editor(&caller.username)?.ask(move |editor| editor.replace_token(&by, &app, &token, &new_token)).await?;
    if !there {
        return Err(Refusal::named(Code::NotFound, "token", "it is not registered").into());
    }
    Ok(Answer::success(Count { count: 1 }))
}

/// Forgets push tokens, or all tokens of users.
#[utoipa::path(
    post,
    path = "/ims/{service_key}/push-tokens/remove",
    operation_id = "removePushTokens",
    tag = "push tokens",
    params(Own)
)]
pub async fn remove(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
    headers: HeaderMap,
    body: Body,
) -> Told<Count> {
    let Gone { tokens, app_user_ids } = door.read(&headers, body).await?;
    let (app, by) = (of(&caller, &service_key)?, door.by(&caller));
    recipients::number("tokens with app_user_ids", tokens.len() + app_user_ids.len())?;
    for (at, token) in tokens.iter().enumerate() {
        push::token(&Field::REQUEST.entry("tokens", at), token)?;
    }
    for (at, id) in app_user_ids.iter().enumerate() {
        user(&Field::REQUEST.entry("app_user_ids", at), id)?;
    }
    let count = door
        .editor(&caller.username)?
        .ask(move |editor| editor.forget_tokens(&by, &app, &tokens, &app_user_ids))
        .await?;
    Ok(Answer::success(Count { count }))
}
