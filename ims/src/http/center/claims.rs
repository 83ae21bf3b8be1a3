//! Channels of KakaoTalk that customers claim as their sender profiles, by the token that Kakao sends to their managers.

use super::{
    params::{OneClaim, Own},
    senders::nobodys,
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
use axum::{Extension, body::Body, extract::State, http::HeaderMap};
use connectors::reference::Claim;
use processors::{
    center::claim::{self, Category, Handed},
    refusal::{Code, Refusal},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// A channel that is claimed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SenderClaim)]
pub struct ClaimTold {
    /// Its id, with @.
    pub channel_id: String,
    /// asked, asking, sent, handed, registered or refused.
    pub stage: &'static str,
    /// What Kakao gave for the token: the sender profile.
    #[schema(required = true)]
    pub sender_key: Option<String>,
    /// Why it was refused, or what is not known.
    #[schema(required = true)]
    pub comment: Option<String>,
    /// Since when it is so.
    pub noted_at: String,
}

impl From<Claim> for ClaimTold {
    fn from(Claim { channel_id, stage, sender_key, comment, noted_at_ms, .. }: Claim) -> Self {
        // A key that was not taken is told to nobody but who looks at the log.
        let sender_key = sender_key.filter(|_| stage == claim::Stage::Registered);
        Self { channel_id, stage: stage.word(), sender_key, comment, noted_at: iso(noted_at_ms) }
    }
}

/// A channel to be claimed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSenderClaim)]
pub struct NewClaim {
    /// Its id as people search for it, with @.
    channel_id: String,
    /// The mobile phone of its manager, whose KakaoTalk gets the token.
    phone_number: String,
}

/// A token with what the profile is registered by.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SenderToken)]
pub struct NewToken {
    /// As it stands in the manager's KakaoTalk.
    token: String,
    /// What the channel is about: 11 digits, as Kakao numbers it.
    category_code: String,
    /// Where ads are refused: needed for brand messages to targets M and N.
    #[serde(default)]
    unsubscribe_phone_number: Option<String>,
    /// What is dialled there.
    #[serde(default)]
    unsubscribe_auth_number: Option<String>,
}

/// What a channel may be about.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SenderCategory)]
pub struct CategoryTold {
    /// Kakao's number of it: the `category_code` of a token.
    pub code: String,
    /// Its name.
    pub name: String,
}

impl From<Category> for CategoryTold {
    fn from(Category { code, name }: Category) -> Self {
        Self { code, name }
    }
}

impl Door {
    fn takes_claims(&self, caller: &Caller) -> Result<(), Stop> {
        // Without a store there is no place for them.
        self.editor(&caller.username)?;
        let reason = "no dealer registers sender profiles here: register it at Kakao, and an operator approves it";
        self.claims.then_some(()).ok_or_else(|| Refusal::named(Code::WrongState, "path", reason).into())
    }
}

/// Lists the channels that are claimed, those that changed last at the end.
#[utoipa::path(
    get,
    path = "/ims/{service_key}/sender-claims",
    operation_id = "senderClaims",
    tag = "senders",
    params(Own)
)]
pub async fn list(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
) -> Told<Vec<ClaimTold>> {
    let username = caller.whose(&service_key)?.username.clone();
    let claims = door.editor(&caller.username)?.ask(move |editor| editor.claims(&username, None)).await?;
    Ok(Answer::success(claims.into_iter().map(ClaimTold::from).collect()))
}

/// Lists what channels may be about, as the dealer tells it once a day.
#[utoipa::path(
    get,
    path = "/ims/{service_key}/sender-categories",
    operation_id = "senderCategories",
    tag = "senders",
    params(Own)
)]
pub async fn categories(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
) -> Told<Vec<CategoryTold>> {
    caller.whose(&service_key)?;
    let categories = door.editor(&caller.username)?.ask(|editor| editor.categories()).await?;
    Ok(Answer::success(categories.into_iter().map(CategoryTold::from).collect()))
}

/// Tells one of them.
#[utoipa::path(
    get,
    path = "/ims/{service_key}/sender-claims/{channel_id}",
    operation_id = "senderClaim",
    tag = "senders",
    params(OneClaim)
)]
pub async fn show(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words((service_key, channel_id)): Words<(String, String)>,
) -> Told<ClaimTold> {
    let username = caller.whose(&service_key)?.username.clone();
    let claims = door.editor(&caller.username)?.ask(move |editor| editor.claims(&username, Some(&channel_id))).await?;
    Ok(Answer::success(claims.into_iter().next().map(ClaimTold::from).ok_or_else(nobodys)?))
}

/// Claims a channel: Kakao sends a token to the phone of its manager; another time, another one.
#[utoipa::path(
    post,
    path = "/ims/{service_key}/sender-claims",
    operation_id = "claimSender",
    tag = "senders",
    params(Own)
)]
pub async fn ask(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
    headers: HeaderMap,
    body: Body,
) -> Told<ClaimTold> {
    let NewClaim { channel_id, phone_number } = door.read(&headers, body).await?;
    let username = caller.whose(&service_key)?.username.clone();
    door.takes_claims(&caller)?;
    claim::channel_id(&channel_id)?;
    let phone = claim::manager(&phone_number)?;
    let by = door.by(&caller);
    let asked = door.editor(&caller.username)?.ask(move |editor| editor.ask_token(&by, &username, &channel_id, &phone));
    Ok(Answer::success(asked.await??.into()))
}

/// Hands in the token of a channel: the dealer registers its sender profile with it, which is approved then.
#[utoipa::path(
    post,
    path = "/ims/{service_key}/sender-claims/{channel_id}/token",
    operation_id = "proveSender",
    tag = "senders",
    params(OneClaim)
)]
pub async fn prove(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words((service_key, channel_id)): Words<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Told<ClaimTold> {
    let NewToken { token, category_code, unsubscribe_phone_number, unsubscribe_auth_number } =
        door.read(&headers, body).await?;
    let username = caller.whose(&service_key)?.username.clone();
    door.takes_claims(&caller)?;
    let handed = Handed { token, category_code, unsubscribe_phone_number, unsubscribe_auth_number };
    handed.check()?;
    let by = door.by(&caller);
    let told =
        door.editor(&caller.username)?.ask(move |editor| editor.hand_token(&by, &username, &channel_id, &handed));
    Ok(Answer::success(told.await?.ok_or_else(nobodys)??.into()))
}
