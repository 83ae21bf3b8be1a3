//! What messages come from: sender numbers, and sender profiles of KakaoTalk.

use super::{
    change::{Done, Stop, Told, refused, whose},
    history::{Page, iso},
    page::Filling,
    params::{Changed, OneNumber, OneProfile, Own},
    query::Query,
};
use crate::http::{
    answer::{Answer, Problem},
    ask,
    gate::Caller,
    routes::Door,
};
use axum::{
    Extension,
    body::Body,
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, Uri},
};
use connectors::reference::{Behind, Listed, Owned, Which};
use processors::{
    center::{
        Cursor,
        inspection::{moved, word},
    },
    reference::{Approval, SenderNumber, SenderProfile},
    refusal::{Code, Refusal},
    rules::{field::top, sender, text},
};
use schemas::Channel;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// Parameters of a list.
pub const LIST: [&str; 3] = ["changed_since", "limit", "cursor"];

/// A sender number, chatbot id or address.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SenderNumber)]
pub struct Number {
    /// mt, rcs or email.
    pub channel: &'static str,
    /// Plain digits, the id, or the address.
    pub number: String,
    /// requested, approved, rejected or stopped: of the proof that it is the customer's.
    pub state: &'static str,
    /// Whether it was removed; told where changes are asked for.
    pub removed: bool,
    /// When it was changed last.
    #[schema(required = true)]
    pub changed_at: Option<String>,
}

/// A sender profile.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SenderProfile)]
pub struct Profile {
    /// 40 characters.
    pub sender_key: String,
    /// requested, approved, rejected or stopped.
    pub state: &'static str,
    /// Whether it was removed; told where changes are asked for.
    pub removed: bool,
    /// When it was changed last.
    #[schema(required = true)]
    pub changed_at: Option<String>,
}

impl From<Listed<SenderNumber>> for Number {
    fn from(listed: Listed<SenderNumber>) -> Self {
        Self {
            channel: ask::word(listed.row.channel),
            number: listed.row.number.clone(),
            state: word(listed.row.state),
            removed: listed.removed,
            changed_at: listed.changed_at_ms.map(iso),
        }
    }
}

impl From<Listed<SenderProfile>> for Profile {
    fn from(listed: Listed<SenderProfile>) -> Self {
        Self {
            sender_key: listed.row.sender_key.clone(),
            state: word(listed.row.state),
            removed: listed.removed,
            changed_at: listed.changed_at_ms.map(iso),
        }
    }
}

/// A number to be registered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSenderNumber)]
pub struct NewNumber {
    /// mt, rcs or email.
    channel: String,
    /// As people write it.
    number: String,
}

/// A profile to be registered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSenderProfile)]
pub struct NewProfile {
    /// 40 characters, as Kakao gave it.
    sender_key: String,
}

/// What an operator says of a state.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewState {
    /// approved, rejected, stopped or dormant.
    #[schema(value_type = String)]
    pub state: Approval,
}

/// A state as it is now.
#[derive(Debug, Serialize, ToSchema)]
pub struct StateTold {
    /// requested, approved, rejected, stopped or dormant.
    pub state: &'static str,
}

/// Where a list begins, and how much of it is told.
pub struct Asked {
    since_ms: Option<i64>,
    behind: Option<Behind>,
    most: u32,
}

impl Asked {
    /// Reads it.
    pub fn read(query: &Query<'_>, list: &str) -> Result<Self, Refusal> {
        let since = query.get("changed_since").map(|text| {
            let wrong =
                || Refusal::bad(&top("changed_since"), "allowed is a time with its zone, 2026-03-31T09:00:00+09:00");
            text.parse::<jiff::Timestamp>().map(|at| at.as_millisecond()).map_err(|_| wrong())
        });
        Ok(Self {
            since_ms: since.transpose()?,
            behind: query.get("cursor").map(|text| Cursor::read(&top("cursor"), list, text)).transpose()?,
            most: query.limit()?,
        })
    }
}

/// Columns and values that name rows, and a column with several.
pub struct Rows {
    /// Each has this value.
    pub named: Vec<(&'static str, String)>,
    /// This one has one of these.
    pub any: Option<(&'static str, Vec<&'static str>)>,
}

impl Door {
    /// A page of a list.
    pub async fn listed<K: Owned + Send + Sync + 'static, T: From<Listed<K>> + Serialize + Send + 'static>(
        &self,
        list: &str,
        rows: Rows,
        Asked { since_ms, behind, most }: Asked,
    ) -> Result<Answer<Page<T>>, Stop> {
        let found = self.editor()?.ask(move |editor| {
            let named: Vec<_> = rows.named.iter().map(|(column, value)| (*column, &**value)).collect();
            let which = match &rows.any {
                Some((column, values)) => Which::of(&named).with_any(column, values.iter().copied()),
                None => Which::of(&named),
            };
            Filling::fill(most, behind, |behind, rows| {
                let listed = editor.list::<K>(&which, since_ms, behind, rows)?;
                Ok(listed.into_iter().map(|listed| (listed.behind.clone(), T::from(listed))).collect())
            })
        });
        Ok(Answer::success(found.await?.page(|behind| Cursor::behind(list, behind).write())))
    }

    /// Moves a state, as an operator says.
    pub async fn move_state<K: Owned + Send + Sync + 'static>(
        &self,
        caller: &Caller,
        username: &str,
        named: Vec<(&'static str, String)>,
        to: Approval,
        state: impl FnOnce(&mut K) -> &mut Approval + Send + 'static,
    ) -> Told<StateTold> {
        let moved = self.change(caller, username, named, move |rows: &mut Vec<K>| {
            let state = state(rows.first_mut().ok_or_else(nobodys)?);
            *state = moved(&top("state"), *state, to)?;
            Ok(*state)
        });
        Ok(Answer::success(StateTold { state: word(moved.await?) }))
    }
}

/// What is not registered, or another customer's.
pub fn nobodys() -> Refusal {
    refused(Code::NotFound, "path", "what it names is not registered")
}

fn channel(word: &str) -> Option<Channel> {
    ask::channel(word).filter(|channel| matches!(channel, Channel::Mt | Channel::Rc | Channel::Em))
}

type At = Result<Path<String>, PathRejection>;

/// Lists sender numbers, chatbot ids and addresses, in the order of their last change.
#[utoipa::path(
    get,
    path = "/ims/{service_key}/sender-numbers",
    operation_id = "senderNumbers",
    tag = "senders",
    params(Changed)
)]
pub async fn numbers(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    path: At,
    uri: Uri,
) -> Told<Page<Number>> {
    let Path(service_key) = path.map_err(|_| Problem::NotFound)?;
    let username = whose(&caller, &service_key)?.username.clone();
    let asked = Asked::read(&Query::read(uri.query(), &LIST)?, "sender-numbers")?;
    let rows = Rows { named: vec![("username", username)], any: None };
    door.listed::<SenderNumber, _>("sender-numbers", rows, asked).await
}

/// Registers a sender number, chatbot id or address; its proof is looked at by an operator.
#[utoipa::path(
    post,
    path = "/ims/{service_key}/sender-numbers",
    operation_id = "registerSenderNumber",
    tag = "senders",
    params(Own)
)]
pub async fn add_number(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    path: At,
    headers: HeaderMap,
    body: Body,
) -> Told<Number> {
    let Path(service_key) = path.map_err(|_| Problem::NotFound)?;
    let NewNumber { channel: word, number } = door.read(&headers, body).await?;
    let username = whose(&caller, &service_key)?.username.clone();
    let channel = channel(&word).ok_or_else(|| refused(Code::BadRequest, "channel", "mt, rcs or email is allowed"))?;
    if text::is_blank(&number) {
        return Err(Refusal::missing(&top("number"), "a sender number").into());
    }
    text::one_line(&top("number"), &number)?;
    let number = sender::number(&top("number"), channel, &number)?;
    let new = SenderNumber { number, username: username.clone(), channel, state: Approval::Requested };
    let named = name_of(&new);
    let made = door.change(&caller, &username, named, move |rows: &mut Vec<SenderNumber>| {
        match rows.first_mut() {
            None => rows.push(new.clone()),
            // Asked for once more, with another proof.
            Some(there) if there.state == Approval::Rejected => there.state = Approval::Requested,
            Some(_) => return Err(refused(Code::Exists, "number", "it is registered already")),
        }
        Ok(Number {
            channel: ask::word(new.channel),
            number: new.number,
            state: self::word(Approval::Requested),
            removed: false,
            changed_at: None,
        })
    });
    Ok(Answer::success(made.await?))
}

fn name_of(number: &SenderNumber) -> Vec<(&'static str, String)> {
    let SenderNumber { number, username, channel, .. } = number;
    vec![("channel", channel.as_str().to_owned()), ("username", username.clone()), ("number", number.clone())]
}

type AtNumber = Result<Path<(String, String, String)>, PathRejection>;

/// The row that a path names.
fn named(username: &str, word: &str, number: &str) -> Result<Vec<(&'static str, String)>, Refusal> {
    let channel = channel(word).ok_or_else(nobodys)?;
    let number = sender::number(&top("number"), channel, number).map_err(|_| nobodys())?;
    Ok(name_of(&SenderNumber { number, username: username.to_owned(), channel, state: Approval::Requested }))
}

/// Takes a sender number, chatbot id or address out.
#[utoipa::path(
    delete,
    path = "/ims/{service_key}/sender-numbers/{channel}/{number}",
    operation_id = "removeSenderNumber",
    tag = "senders",
    params(OneNumber)
)]
pub async fn remove_number(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    path: AtNumber,
) -> Told<Done> {
    let Path((service_key, word, number)) = path.map_err(|_| Problem::NotFound)?;
    let username = whose(&caller, &service_key)?.username.clone();
    let removed = door.change(&caller, &username, named(&username, &word, &number)?, |rows: &mut Vec<SenderNumber>| {
        rows.pop().map(|row| row.number).ok_or_else(nobodys)
    });
    Ok(Answer::success(Done { name: removed.await? }))
}

/// Says what became of the proof of a sender number; for operators.
#[utoipa::path(
    put,
    path = "/ims/{service_key}/sender-numbers/{channel}/{number}/state",
    operation_id = "moveSenderNumber",
    tag = "senders",
    params(OneNumber)
)]
pub async fn move_number(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    path: AtNumber,
    headers: HeaderMap,
    body: Body,
) -> Told<StateTold> {
    let Path((service_key, word, number)) = path.map_err(|_| Problem::NotFound)?;
    let NewState { state } = door.read(&headers, body).await?;
    let username = whose(&caller, &service_key)?.username.clone();
    let named = named(&username, &word, &number)?;
    door.move_state(&caller, &username, named, state, |row: &mut SenderNumber| &mut row.state).await
}

/// Lists sender profiles of KakaoTalk, in the order of their last change.
#[utoipa::path(
    get,
    path = "/ims/{service_key}/sender-profiles",
    operation_id = "senderProfiles",
    tag = "senders",
    params(Changed)
)]
pub async fn profiles(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    path: At,
    uri: Uri,
) -> Told<Page<Profile>> {
    let Path(service_key) = path.map_err(|_| Problem::NotFound)?;
    let username = whose(&caller, &service_key)?.username.clone();
    let asked = Asked::read(&Query::read(uri.query(), &LIST)?, "sender-profiles")?;
    let rows = Rows { named: vec![("username", username)], any: None };
    door.listed::<SenderProfile, _>("sender-profiles", rows, asked).await
}

/// Registers a sender profile of KakaoTalk, which an operator approves.
#[utoipa::path(
    post,
    path = "/ims/{service_key}/sender-profiles",
    operation_id = "registerSenderProfile",
    tag = "senders",
    params(Own)
)]
pub async fn add_profile(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    path: At,
    headers: HeaderMap,
    body: Body,
) -> Told<Profile> {
    let Path(service_key) = path.map_err(|_| Problem::NotFound)?;
    let NewProfile { sender_key } = door.read(&headers, body).await?;
    let username = whose(&caller, &service_key)?.username.clone();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"@_-".contains(&byte);
    if sender_key.len() != 40 || !sender_key.bytes().all(plain) {
        let got = sender_key.chars().count();
        let reason = format_args!("got {got} characters, 40 letters and digits are allowed");
        return Err(Refusal::bad(&top("sender_key"), reason).into());
    }
    let new = SenderProfile { sender_key: sender_key.clone(), username: username.clone(), state: Approval::Requested };
    let made =
        door.change(&caller, &username, vec![("sender_key", sender_key)], move |rows: &mut Vec<SenderProfile>| {
            match rows.first_mut() {
                None => rows.push(new.clone()),
                // Whoever was rejected does not stand in its owner's way.
                Some(there) if there.state == Approval::Rejected => *there = new.clone(),
                // Whose it is stays untold.
                Some(_) => return Err(refused(Code::Exists, "sender_key", "it is registered already")),
            }
            Ok(Profile { sender_key: new.sender_key, state: word(new.state), removed: false, changed_at: None })
        });
    Ok(Answer::success(made.await?))
}

/// Says whether a sender profile is approved; for operators.
#[utoipa::path(
    put,
    path = "/ims/{service_key}/sender-profiles/{sender_key}/state",
    operation_id = "moveSenderProfile",
    tag = "senders",
    params(OneProfile)
)]
pub async fn move_profile(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    path: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Told<StateTold> {
    let Path((service_key, sender_key)) = path.map_err(|_| Problem::NotFound)?;
    let NewState { state } = door.read(&headers, body).await?;
    let username = whose(&caller, &service_key)?.username.clone();
    let named = vec![("sender_key", sender_key), ("username", username.clone())];
    door.move_state(&caller, &username, named, state, |row: &mut SenderProfile| &mut row.state).await
}
