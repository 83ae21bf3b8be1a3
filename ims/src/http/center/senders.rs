//! What messages come from: sender numbers, and sender profiles of KakaoTalk.

use super::{
    change::Done,
    page::{Filling, Page},
    params::{Changed, OneNumber, OneProfile, Own},
    query::Query,
    templates::Dealer,
};
use crate::{
    http::{
        answer::Answer,
        ask,
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
use connectors::reference::{Behind, Editor, Listed, Owned, Which};
use processors::{
    center::{
        Cursor,
        inspection::{moved, word},
        sender_group,
    },
    ports::Away,
    reference::{Approval, SenderNumber, SenderProfile},
    refusal::{Code, Refusal},
    rules::{field::top, sender, text},
};
use schemas::Channel;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

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
    /// requested, approved, rejected, stopped or dormant.
    pub state: &'static str,
    /// How it stands at the dealer that registers profiles; null: none does, or none was asked yet.
    #[schema(required = true)]
    pub dealer: Option<Dealer>,
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
            dealer: None,
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

/// A list, where it begins, and how much of it is told.
pub struct Asked<'l> {
    list: &'l str,
    since_ms: Option<i64>,
    behind: Option<Behind>,
    most: u32,
}

impl<'l> Asked<'l> {
    /// Reads what stands behind the `?`.
    pub fn read(query: Option<&str>, list: &'l str) -> Result<Self, Refusal> {
        let query = Query::read(query, &["changed_since", "limit", "cursor"])?;
        let since = query.get("changed_since").map(|text| {
            let wrong =
                || Refusal::bad(&top("changed_since"), "allowed is a time with its zone, 2026-03-31T09:00:00+09:00");
            text.parse::<jiff::Timestamp>().map(|at| at.as_millisecond()).map_err(|_| wrong())
        });
        Ok(Self { list, since_ms: since.transpose()?, behind: query.behind(list)?, most: query.limit()? })
    }
}

/// How rows of a list are told.
type Tell<K, T> = fn(&mut Editor, Vec<Listed<K>>) -> Result<Vec<T>, Away>;

fn as_it_is<K, T: From<Listed<K>>>(_: &mut Editor, rows: Vec<Listed<K>>) -> Result<Vec<T>, Away> {
    Ok(rows.into_iter().map(T::from).collect())
}

impl Door {
    /// A page of a list.
    pub async fn listed<K: Owned + Send + Sync + 'static, T: From<Listed<K>> + Serialize + Send + 'static>(
        &self,
        caller: &Caller,
        asked: Asked<'_>,
        which: Which,
    ) -> Result<Answer<Page<T>>, Stop> {
        self.listed_as(caller, asked, which, as_it_is::<K, T>).await
    }

    /// The same of rows that are told with what stands beside them.
    pub async fn listed_as<K: Owned + Send + Sync + 'static, T: Serialize + Send + 'static>(
        &self,
        caller: &Caller,
        Asked { list, since_ms, behind, most }: Asked<'_>,
        which: Which,
        tell: Tell<K, T>,
    ) -> Result<Answer<Page<T>>, Stop> {
        let found = self.editor(&caller.username)?.ask(move |editor| {
            Filling::fill(most, behind, |behind, rows| {
                let listed = editor.list::<K>(&which, since_ms, behind, rows)?;
                let places: Vec<Behind> = listed.iter().map(|listed| listed.behind.clone()).collect();
                Ok(places.into_iter().zip(tell(editor, listed)?).collect())
            })
        });
        Ok(Answer::success(found.await?.page(|behind| Cursor::behind(list, behind).write())))
    }

    /// The one row that is named.
    pub async fn told<K: Owned + Send + Sync + 'static, T: From<Listed<K>> + Serialize + Send + 'static>(
        &self,
        caller: &Caller,
        named: Which,
    ) -> Told<T> {
        self.told_as(caller, named, as_it_is::<K, T>).await
    }

    /// The same of a row that is told with what stands beside it.
    pub async fn told_as<K: Owned + Send + Sync + 'static, T: Serialize + Send + 'static>(
        &self,
        caller: &Caller,
        named: Which,
        tell: Tell<K, T>,
    ) -> Told<T> {
        let found = self.editor(&caller.username)?.ask(move |editor| {
            let listed = editor.list::<K>(&named, None, None, 1)?;
            tell(editor, listed)
        });
        Ok(Answer::success(found.await?.into_iter().next().ok_or_else(nobodys)?))
    }

    /// Moves a state, as an operator says.
    pub async fn move_state<K: Owned + Send + Sync + 'static>(
        &self,
        caller: &Caller,
        username: &str,
        which: Which,
        to: Approval,
        state: impl FnOnce(&mut K) -> &mut Approval + Send + 'static,
    ) -> Told<StateTold> {
        let moved = self.change(caller, username, which, move |rows: &mut Vec<K>| {
            let state = state(rows.first_mut().ok_or_else(nobodys)?);
            *state = moved(&top("state"), *state, to)?;
            Ok(*state)
        });
        Ok(Answer::success(StateTold { state: word(moved.await?) }))
    }
}

/// What is not registered, or another customer's.
pub fn nobodys() -> Refusal {
    Refusal::named(Code::NotFound, "path", "what it names is not registered")
}

fn channel(word: &str) -> Option<Channel> {
    ask::channel(word).filter(|channel| matches!(channel, Channel::Mt | Channel::Rc | Channel::Em))
}

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
    Words(service_key): Words<String>,
    uri: Uri,
) -> Told<Page<Number>> {
    let username = caller.whose(&service_key)?.username.clone();
    let asked = Asked::read(uri.query(), "sender-numbers")?;
    door.listed::<SenderNumber, _>(&caller, asked, Which::of([("username", &*username)])).await
}

/// Shows a sender number, chatbot id or address.
#[utoipa::path(
    get,
    path = "/ims/{service_key}/sender-numbers/{channel}/{number}",
    operation_id = "senderNumber",
    tag = "senders",
    params(OneNumber)
)]
pub async fn number(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words((service_key, word, number)): Words<(String, String, String)>,
) -> Told<Number> {
    let username = caller.whose(&service_key)?.username.clone();
    door.told::<SenderNumber, _>(&caller, named(&username, &word, &number)?).await
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
    Words(service_key): Words<String>,
    headers: HeaderMap,
    body: Body,
) -> Told<Number> {
    let NewNumber { channel: word, number } = door.read(&headers, body).await?;
    let username = caller.whose(&service_key)?.username.clone();
    let channel =
        channel(&word).ok_or_else(|| Refusal::named(Code::BadRequest, "channel", "mt, rcs or email is allowed"))?;
    if text::is_blank(&number) {
        return Err(Refusal::missing(&top("number"), "a sender number").into());
    }
    text::one_line(&top("number"), &number)?;
    let number = sender::number(&top("number"), channel, &number)?;
    let new = SenderNumber { number, username: username.clone(), channel, state: Approval::Requested };
    let which = one(&username, channel, &new.number);
    let made = door.change(&caller, &username, which, move |rows: &mut Vec<SenderNumber>| {
        match rows.first_mut() {
            None => rows.push(new.clone()),
            // Asked for once more, with another proof.
            Some(there) if there.state == Approval::Rejected => there.state = Approval::Requested,
            Some(_) => return Err(Refusal::named(Code::Exists, "number", "it is registered already")),
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

fn one(username: &str, channel: Channel, number: &str) -> Which {
    Which::of([("channel", channel.as_str()), ("username", username), ("number", number)])
}

/// The row that a path names.
fn named(username: &str, word: &str, number: &str) -> Result<Which, Refusal> {
    let channel = channel(word).ok_or_else(nobodys)?;
    let number = sender::number(&top("number"), channel, number).map_err(|_| nobodys())?;
    Ok(one(username, channel, &number))
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
    Words((service_key, word, number)): Words<(String, String, String)>,
) -> Told<Done> {
    let username = caller.whose(&service_key)?.username.clone();
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
    Words((service_key, word, number)): Words<(String, String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Told<StateTold> {
    let NewState { state } = door.read(&headers, body).await?;
    let username = caller.whose(&service_key)?.username.clone();
    let which = named(&username, &word, &number)?;
    door.move_state(&caller, &username, which, state, |row: &mut SenderNumber| &mut row.state).await
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
    Words(service_key): Words<String>,
    uri: Uri,
) -> Told<Page<Profile>> {
    let username = caller.whose(&service_key)?.username.clone();
    let asked = Asked::read(uri.query(), "sender-profiles")?;
    door.listed_as(&caller, asked, Which::of([("username", &*username)]), with_dealers).await
}

/// Shows a sender profile of KakaoTalk.
#[utoipa::path(
    get,
    path = "/ims/{service_key}/sender-profiles/{sender_key}",
    operation_id = "senderProfile",
    tag = "senders",
    params(OneProfile)
)]
pub async fn profile(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words((service_key, sender_key)): Words<(String, String)>,
) -> Told<Profile> {
    let username = caller.whose(&service_key)?.username.clone();
    let which = Which::of([("sender_key", &*sender_key), ("username", &*username)]);
    door.told_as(&caller, which, with_dealers).await
}

/// Rows of a list, each with how it stands at its dealer.
fn with_dealers(editor: &mut Editor, rows: Vec<Listed<SenderProfile>>) -> Result<Vec<Profile>, Away> {
    let keys: Vec<String> = rows.iter().map(|listed| listed.row.sender_key.clone()).collect();
    let mut said = editor.profiles_at_dealers(&keys)?;
    let told = |listed: Listed<SenderProfile>| {
        let dealer = said.remove(&listed.row.sender_key).map(Dealer::from);
        Profile { dealer, ..Profile::from(listed) }
    };
    Ok(rows.into_iter().map(told).collect())
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
    Words(service_key): Words<String>,
    headers: HeaderMap,
    body: Body,
) -> Told<Profile> {
    let NewProfile { sender_key } = door.read(&headers, body).await?;
    let username = caller.whose(&service_key)?.username.clone();
    sender_group::key(&top("sender_key"), &sender_key)?;
    // Whose it is stays untold.
    let exists = || Refusal::named(Code::Exists, "sender_key", "it is registered already");
    if caller.reference.sender_group(&sender_key).is_some_and(|group| group.state != Approval::Rejected) {
        return Err(exists().into());
    }
    let which = Which::of([("sender_key", &*sender_key)]);
    let new = SenderProfile { sender_key, username: username.clone(), state: Approval::Requested };
    let made = door.change(&caller, &username, which, move |rows: &mut Vec<SenderProfile>| {
        match rows.first_mut() {
            None => rows.push(new.clone()),
            // Whoever was rejected does not stand in its owner's way.
            Some(there) if there.state == Approval::Rejected => *there = new.clone(),
            Some(_) => return Err(exists()),
        }
        let state = word(new.state);
        Ok(Profile { sender_key: new.sender_key, state, dealer: None, removed: false, changed_at: None })
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
    Words((service_key, sender_key)): Words<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Told<StateTold> {
    let NewState { state } = door.read(&headers, body).await?;
    let username = caller.whose(&service_key)?.username.clone();
    let which = Which::of([("sender_key", &*sender_key), ("username", &*username)]);
    door.move_state(&caller, &username, which, state, |row: &mut SenderProfile| &mut row.state).await
}

/// Has a sender profile woken that sleeps at Kakao; it goes on once its dealer says that it is awake.
#[utoipa::path(
    post,
    path = "/ims/{service_key}/sender-profiles/{sender_key}/recover",
    operation_id = "recoverSenderProfile",
    tag = "senders",
    params(OneProfile)
)]
pub async fn recover_profile(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words((service_key, sender_key)): Words<(String, String)>,
) -> Told<Done> {
    let username = caller.whose(&service_key)?.username.clone();
    let which = Which::of([("sender_key", &*sender_key), ("username", &*username)]);
    if door.rows::<SenderProfile>(&caller, which).await?.is_empty() {
        return Err(nobodys().into());
    }
    let (by, name) = (door.by(&caller), sender_key.clone());
    if !door.editor(&caller.username)?.ask(move |editor| editor.wake_profile(&by, &username, &sender_key)).await? {
        return Err(Refusal::named(Code::WrongState, "path", "no dealer says that it sleeps").into());
    }
    Ok(Answer::success(Done { name }))
}
