//! Groups of sender profiles of KakaoTalk, whose members share templates.

use super::{
    change::Done,
    page::Page,
    params::{Changed, OneGroup, Own},
    senders::{Asked, NewState, StateTold, nobodys},
};
use crate::{
    http::{answer::Answer, gate::Caller, routes::Door, stop::Told, words::Words},
    moment::iso,
};
use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{HeaderMap, Uri},
};
use connectors::reference::{Listed, Which};
use processors::{
    center::{
        inspection::word,
        sender_group::{self, add, key, name},
    },
    reference::{Approval, MOST_MEMBERS, SenderGroup, Template},
    refusal::{Code, Refusal},
    rules::field::{Field, top},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// A group of sender profiles.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SenderGroup)]
pub struct GroupTold {
    /// 40 characters: what a template of it names as its sender_key.
    pub group_key: String,
    /// As people read it.
    pub name: String,
    /// requested, approved, rejected or stopped.
    pub state: &'static str,
    /// Sender profiles in it.
    pub sender_keys: Vec<String>,
    /// Whether it was removed; told where changes are asked for.
    pub removed: bool,
    /// When it was changed last.
    #[schema(required = true)]
    pub changed_at: Option<String>,
}

impl From<&SenderGroup> for GroupTold {
    fn from(group: &SenderGroup) -> Self {
        Self {
            group_key: group.group_key.clone(),
            name: group.name.clone(),
            state: word(group.state),
            sender_keys: group.sender_keys.clone(),
            removed: false,
            changed_at: None,
        }
    }
}

impl From<Listed<SenderGroup>> for GroupTold {
    fn from(listed: Listed<SenderGroup>) -> Self {
        let changed_at = listed.changed_at_ms.map(iso);
        Self { removed: listed.removed, changed_at, ..Self::from(&*listed.row) }
    }
}

/// A group to be registered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSenderGroup)]
pub struct NewGroup {
    /// 40 characters, as Kakao gave it.
    group_key: String,
    /// 1 to 40 characters.
    name: String,
    /// Sender profiles of the customer, up to 1000.
    #[serde(default)]
    sender_keys: Vec<String>,
}

/// What a group is called from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SenderGroupName)]
pub struct NewName {
    /// 1 to 40 characters.
    name: String,
}

/// Sender profiles that come or go.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SenderGroupMembers)]
pub struct Members {
    /// 1 to 1000.
    sender_keys: Vec<String>,
}

/// Before anything is looked up: so many sender profiles at least, no more than a group has, and each of its form.
fn check(sender_keys: &[String], least: usize) -> Result<(), Refusal> {
    let got = sender_keys.len();
    if !(least..=MOST_MEMBERS).contains(&got) {
        let reason = format_args!("got {got}, {least} to {MOST_MEMBERS} are allowed");
        return Err(Refusal::bad(&top("sender_keys"), reason));
    }
    sender_keys
        .iter()
        .enumerate()
        .try_for_each(|(at, sender_key)| key(&Field::REQUEST.entry("sender_keys", at), sender_key))
}

/// Members are profiles that their customer has registered.
fn own(caller: &Caller, username: &str, sender_keys: &[String]) -> Result<(), Refusal> {
    let is_own =
        |key: &String| caller.reference.sender_profile(key).is_some_and(|profile| profile.username == username);
    match sender_keys.iter().position(|key| !is_own(key)) {
        None => Ok(()),
        Some(at) => Err(Refusal::not_registered(&Field::REQUEST.entry("sender_keys", at), "not registered")),
    }
}

fn one(username: &str, group_key: &str) -> Which {
    Which::of([("group_key", group_key), ("username", username)])
}

impl Door {
    /// Changes one group of a customer.
    async fn regroup(
        &self,
        caller: &Caller,
        username: &str,
        group_key: &str,
        change: impl FnOnce(&mut SenderGroup) -> Result<(), Refusal> + Send + 'static,
    ) -> Told<GroupTold> {
        let changed = self.change(caller, username, one(username, group_key), |groups: &mut Vec<SenderGroup>| {
            let group = groups.first_mut().ok_or_else(nobodys)?;
            change(group)?;
            Ok(GroupTold::from(&*group))
        });
        Ok(Answer::success(changed.await?))
    }
}

/// Lists groups of sender profiles, in the order of their last change.
#[utoipa::path(
    get,
    path = "/ims/{service_key}/sender-groups",
    operation_id = "senderGroups",
    tag = "senders",
    params(Changed)
)]
pub async fn list(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
    uri: Uri,
) -> Told<Page<GroupTold>> {
    let username = caller.whose(&service_key)?.username.clone();
    let asked = Asked::read(uri.query(), "sender-groups")?;
    door.listed::<SenderGroup, _>(&caller, asked, Which::of([("username", &*username)])).await
}

/// Tells one group.
#[utoipa::path(
    get,
    path = "/ims/{service_key}/sender-groups/{group_key}",
    operation_id = "senderGroup",
    tag = "senders",
    params(OneGroup)
)]
pub async fn show(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words((service_key, group_key)): Words<(String, String)>,
) -> Told<GroupTold> {
    door.told::<SenderGroup, _>(&caller, one(&caller.whose(&service_key)?.username, &group_key)).await
}

/// Registers a group of sender profiles, which an operator approves.
#[utoipa::path(
    post,
    path = "/ims/{service_key}/sender-groups",
    operation_id = "registerSenderGroup",
    tag = "senders",
    params(Own)
)]
pub async fn register(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
    headers: HeaderMap,
    body: Body,
) -> Told<GroupTold> {
    let NewGroup { group_key, name: called, sender_keys } = door.read(&headers, body).await?;
    let username = caller.whose(&service_key)?.username.clone();
    key(&top("group_key"), &group_key)?;
    name(&top("name"), &called)?;
    check(&sender_keys, 0)?;
    own(&caller, &username, &sender_keys)?;
    // Whose it is stays untold.
    let exists = || Refusal::named(Code::Exists, "group_key", "it is registered already");
    if caller.reference.sender_profile(&group_key).is_some_and(|profile| profile.state != Approval::Rejected) {
        return Err(exists().into());
    }
    let which = Which::of([("group_key", &*group_key)]);
    let mut new = SenderGroup {
        group_key,
        username: username.clone(),
        name: called,
        state: Approval::Requested,
        sender_keys: Vec::new(),
    };
    add(&mut new, sender_keys)?;
    let made = door.change(&caller, &username, which, move |groups: &mut Vec<SenderGroup>| {
        match groups.first_mut() {
            None => groups.push(new.clone()),
            // Whoever was rejected does not stand in its owner's way.
            Some(there) if there.state == Approval::Rejected => *there = new.clone(),
            Some(_) => return Err(exists()),
        }
        Ok(GroupTold::from(&new))
    });
    Ok(Answer::success(made.await?))
}

/// Gives a group another name.
#[utoipa::path(
    put,
    path = "/ims/{service_key}/sender-groups/{group_key}",
    operation_id = "renameSenderGroup",
    tag = "senders",
    params(OneGroup)
)]
pub async fn rename(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words((service_key, group_key)): Words<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Told<GroupTold> {
    let NewName { name: called } = door.read(&headers, body).await?;
    let username = caller.whose(&service_key)?.username.clone();
    name(&top("name"), &called)?;
    let renamed = door.regroup(&caller, &username, &group_key, |group| {
        group.name = called;
        Ok(())
    });
    renamed.await
}

/// Takes a group out that no template belongs to.
#[utoipa::path(
    delete,
    path = "/ims/{service_key}/sender-groups/{group_key}",
    operation_id = "removeSenderGroup",
    tag = "senders",
    params(OneGroup)
)]
pub async fn remove(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words((service_key, group_key)): Words<(String, String)>,
) -> Told<Done> {
    let username = caller.whose(&service_key)?.username.clone();
    let shared = Which::of([("username", &*username), ("channel", "AT"), ("sender_key", &*group_key)]);
    if !door.rows::<Template>(&caller, shared).await?.is_empty() {
        let reason = "templates belong to it: take them out first";
        return Err(Refusal::named(Code::WrongState, "group_key", reason).into());
    }
    let removed = door.change(&caller, &username, one(&username, &group_key), |groups: &mut Vec<SenderGroup>| {
        groups.pop().map(|group| group.group_key).ok_or_else(nobodys)
    });
    Ok(Answer::success(Done { name: removed.await? }))
}

/// Adds sender profiles to a group; those that are members stay.
#[utoipa::path(
    post,
    path = "/ims/{service_key}/sender-groups/{group_key}/members",
    operation_id = "addSenderGroupMembers",
    tag = "senders",
    params(OneGroup)
)]
pub async fn add_members(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words((service_key, group_key)): Words<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Told<GroupTold> {
    let Members { sender_keys } = door.read(&headers, body).await?;
    let username = caller.whose(&service_key)?.username.clone();
    check(&sender_keys, 1)?;
    own(&caller, &username, &sender_keys)?;
    door.regroup(&caller, &username, &group_key, move |group| add(group, sender_keys)).await
}

/// Takes sender profiles out of a group.
#[utoipa::path(
    post,
    path = "/ims/{service_key}/sender-groups/{group_key}/members/remove",
    operation_id = "removeSenderGroupMembers",
    tag = "senders",
    params(OneGroup)
)]
pub async fn remove_members(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words((service_key, group_key)): Words<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Told<GroupTold> {
    let Members { sender_keys } = door.read(&headers, body).await?;
    let username = caller.whose(&service_key)?.username.clone();
    check(&sender_keys, 1)?;
    let removed = door.regroup(&caller, &username, &group_key, move |group| {
        sender_group::remove(group, &sender_keys);
        Ok(())
    });
    removed.await
}

/// Says whether a group is approved; for operators.
#[utoipa::path(
    put,
    path = "/ims/{service_key}/sender-groups/{group_key}/state",
    operation_id = "moveSenderGroup",
    tag = "senders",
    params(OneGroup)
)]
pub async fn move_state(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words((service_key, group_key)): Words<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Told<StateTold> {
    let NewState { state } = door.read(&headers, body).await?;
    let username = caller.whose(&service_key)?.username.clone();
    let which = one(&username, &group_key);
    door.move_state(&caller, &username, which, state, |row: &mut SenderGroup| &mut row.state).await
}
