//! Templates of the four channels.

use super::{
    change::Done,
    page::Page,
    params::{OneTemplate, Registry, Templates},
    senders::{Asked, NewState, StateTold, nobodys},
};
use crate::{
    http::{
        answer::{Answer, Problem},
        ask,
        gate::Caller,
        routes::Door,
        stop::Told,
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
use connectors::reference::{AtDealer, Editor, Listed, Which};
use processors::{
    center::{Group, inspection::word, sender_group, template},
    ports::Away,
    reference::{Customer, Template},
    refusal::{Code, Refusal},
    rules::field::top,
};
use schemas::{Attachment, Channel, MessageType, SendRequest, Supplement};
use serde::Serialize;
use serde_json::{Value, json};
use std::{mem::take, sync::Arc};
use utoipa::ToSchema;

/// A template as it is registered.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Template)]
pub struct Registered {
    /// at, ft, bt, mt, push or email.
    pub channel: &'static str,
    /// Its code.
    pub template_code: String,
    /// Its sender profile, of KakaoTalk's; or the group of them that it is registered to.
    #[schema(required = true)]
    pub sender_key: Option<String>,
    /// requested, approved, rejected, stopped or dormant.
    pub state: &'static str,
    /// Whether messages of it may go over AUTH.
    pub auth_allowed: bool,
    /// Text with `#{name}` variables.
    #[schema(required = true)]
    pub message: Option<String>,
    /// Title or subject.
    #[schema(required = true)]
    pub title: Option<String>,
    /// Header.
    #[schema(required = true)]
    pub header: Option<String>,
    /// HTML of an email.
    #[schema(required = true)]
    pub html: Option<String>,
    /// Buttons, image, items.
    #[schema(value_type = Option<Object>, required = true)]
    pub attachment: Option<Attachment>,
    /// Quick replies.
    #[schema(value_type = Option<Object>, required = true)]
    pub supplement: Option<Supplement>,
    /// Names of its variables.
    pub variables: Vec<String>,
    /// What the dealer that registers it at Kakao said of it; null: none does, or none was asked yet.
    #[schema(required = true)]
    pub dealer: Option<Dealer>,
    /// Whether it was removed; told where changes are asked for.
    pub removed: bool,
    /// When it was changed last.
    #[schema(required = true)]
    pub changed_at: Option<String>,
}

/// What a dealer said.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AtDealer)]
pub struct Dealer {
    /// Which dealer.
    pub vendor: String,
    /// Of a template: registered, requested, approved, rejected or refused. Of a sender profile: active, dormant, blocked,
    /// deactivated, deleting, gone, elsewhere or unclear.
    pub state: String,
    /// Why.
    #[schema(required = true)]
    pub comment: Option<String>,
    /// When it said so.
    pub noted_at: String,
}

impl From<AtDealer> for Dealer {
    fn from(AtDealer { vendor, state, comment, noted_at_ms }: AtDealer) -> Self {
        Self { vendor, state, comment, noted_at: iso(noted_at_ms) }
    }
}

impl From<&Template> for Registered {
    fn from(row: &Template) -> Self {
        Self {
            channel: ask::word(row.channel),
            template_code: row.code.clone(),
            sender_key: row.sender_key.clone(),
            state: word(row.state),
            auth_allowed: row.auth_allowed,
            message: (!row.message.is_empty()).then(|| row.message.clone()),
            title: row.title.clone(),
            header: row.header.clone(),
            html: row.html.clone(),
            attachment: row.attachment.clone(),
            supplement: row.supplement.clone(),
            // Of what stood there before there were rules.
            variables: template::variables(row).unwrap_or_default(),
            dealer: None,
            removed: false,
            changed_at: None,
        }
    }
}

impl From<Listed<Template>> for Registered {
    fn from(listed: Listed<Template>) -> Self {
        let changed_at = listed.changed_at_ms.map(iso);
        Self { removed: listed.removed, changed_at, ..Self::from(&*listed.row) }
    }
}

/// What a template says: a message of the contract, of which it may have these fields.
struct Wish {
    row: Template,
    message_type: Option<MessageType>,
}

impl Wish {
    fn read(body: &[u8], channel: Channel, username: &str) -> Result<Self, Refusal> {
        let mut request = schemas::json::send_request(body).map_err(|error| {
            let (field, text) = (error.field(), error.to_string());
            Refusal::named(Code::BadRequest, field, text.trim_start_matches(&format!("{field}: ")))
        })?;
        let row = Template {
            code: take(&mut request.template_code).unwrap_or_default(),
            username: username.to_owned(),
            channel,
            sender_key: take(&mut request.sender_key),
            message: take(&mut request.message).unwrap_or_default(),
            title: take(&mut request.title),
            header: take(&mut request.header),
            html: take(&mut request.html),
            attachment: take(&mut request.attachment).map(|given| *given),
            supplement: take(&mut request.supplement).map(|given| *given),
            ..Template::default()
        };
        let message_type = take(&mut request.message_type);
        if request != SendRequest::default() {
            let reason = "a template has template_code, message_type, sender_key, message, title, header, html, \
                          attachment and supplement";
            return Err(Refusal::named(Code::BadRequest, "the request", reason));
        }
        let group = Group::with(channel).ok_or_else(nobodys)?;
        let message_type = match &*message_type {
            "" => None,
            word => Some(processors::ingest::message_type(&top("message_type"), channel, word)?),
        };
        if group != Group::Kakao && row.sender_key.is_some() {
            return Err(Refusal::bad(&top("sender_key"), "templates of KakaoTalk alone have one"));
        }
        Ok(Self { row, message_type })
    }

    /// Holds it against the rules, and its sender profile, or group of them, against those of its customer.
    fn check(&self, caller: &Caller, customer: &Customer) -> Result<Vec<String>, Refusal> {
        if Group::with(self.row.channel) == Some(Group::Kakao) {
            let key = self.row.sender_key.as_deref();
            let key = key.ok_or_else(|| Refusal::missing(&top("sender_key"), "a template of KakaoTalk"))?;
            let reference = &caller.reference;
            let profile = reference.sender_profile(key).filter(|profile| profile.username == customer.username);
            let group = reference.sender_group(key).filter(|group| group.username == customer.username);
            match (profile, group) {
                (Some(_), _) => {}
                (None, Some(_)) => sender_group::may_share(&self.row)?,
                (None, None) => return Err(Refusal::not_registered(&top("sender_key"), "not registered")),
            }
        }
        template::check(&self.row, self.message_type, customer, &caller.reference)
    }
}

/// The body of a template, described with the contract's own parts.
pub fn body(example: Value) -> Value {
    let text = || json!({"type": ["string", "null"]});
    let part = |name: &str| json!({"oneOf": [{"$ref": format!("#/components/schemas/{name}")}, {"type": "null"}]});
    let schema = json!({
        "type": "object",
        "properties": {
            "template_code": text(), "message_type": text(), "sender_key": text(), "message": text(), "title": text(),
            "header": text(), "html": text(), "attachment": part("Attachment"), "supplement": part("Supplement"),
        },
        "additionalProperties": false,
    });
    json!({"schema": schema, "examples": {"request": {"value": example}}})
}

/// Channels that have templates here.
fn channel(word: &str) -> Result<Channel, Problem> {
    ask::channel(word).filter(|channel| *channel != Channel::Rc).ok_or(Problem::NotFound)
}

fn named(channel: Channel, username: &str, code: &str) -> Which {
    Which::of([("channel", channel.as_str()), ("username", username), ("code", code)])
}

/// Lists templates of one channel, or of all of KakaoTalk, in the order of their last change.
#[utoipa::path(
    get,
    path = "/ims/{service_key}/templates/{channel}",
    operation_id = "templates",
    tag = "templates",
    params(Templates)
)]
pub async fn list(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words((service_key, word)): Words<(String, String)>,
    uri: Uri,
) -> Told<Page<Registered>> {
    let channels = match Group::of(&word) {
        Some(group) => group.channels().iter().map(|channel| channel.as_str()).collect(),
        None => vec![channel(&word)?.as_str()],
    };
    let username = caller.whose(&service_key)?.username.clone();
    let list = format!("templates/{word}");
    let asked = Asked::read(uri.query(), &list)?;
    let which = Which::of([("username", &*username)]).with_any("channel", channels);
    door.listed_as(&caller, asked, which, with_dealers).await
}

/// Rows of a list, each with what its dealer said.
fn with_dealers(editor: &mut Editor, rows: Vec<Listed<Template>>) -> Result<Vec<Registered>, Away> {
    let templates: Vec<&Template> = rows.iter().map(|listed| &*listed.row).collect();
    let mut said = editor.at_dealers(&templates)?;
    let told =
        |(place, listed)| Registered { dealer: said.remove(&place).map(Dealer::from), ..Registered::from(listed) };
    Ok(rows.into_iter().enumerate().map(told).collect())
}

/// Tells one template.
#[utoipa::path(
    get,
    path = "/ims/{service_key}/templates/{channel}/{template_code}",
    operation_id = "template",
    tag = "templates",
    params(OneTemplate)
)]
pub async fn show(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words((service_key, word, code)): Words<(String, String, String)>,
) -> Told<Registered> {
    let channel = channel(&word)?;
    let named = named(channel, &caller.whose(&service_key)?.username, &code);
    door.told_as(&caller, named, with_dealers).await
}

/// Registers a template, held against the rules of its channel.
#[utoipa::path(
    post,
    path = "/ims/{service_key}/templates/{channel}",
    operation_id = "registerTemplate",
    tag = "templates",
    params(Registry)
)]
pub async fn register(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words((service_key, word)): Words<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Told<Registered> {
    let channel = channel(&word)?;
    let body = door.json(&headers, body).await?;
    let customer = caller.whose(&service_key)?;
    let wish = Wish::read(&body, channel, &customer.username)?;
    wish.check(&caller, &customer)?;
    let named = named(channel, &customer.username, &wish.row.code);
    let made = door.change(&caller, &customer.username, named, move |rows: &mut Vec<Template>| {
        if !rows.is_empty() {
            return Err(Refusal::named(Code::Exists, "template_code", "it is registered already: PUT changes it"));
        }
        let row = Template { state: template::state(None, channel)?, ..wish.row };
        let told = Registered::from(&row);
        rows.push(row);
        Ok(told)
    });
    Ok(Answer::success(made.await?))
}

/// Changes a template that is not inspected yet, or never is.
#[utoipa::path(
    put,
    path = "/ims/{service_key}/templates/{channel}/{template_code}",
    operation_id = "changeTemplate",
    tag = "templates",
    params(OneTemplate)
)]
pub async fn update(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words((service_key, word, code)): Words<(String, String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Told<Registered> {
    let channel = channel(&word)?;
    let body = door.json(&headers, body).await?;
    let customer = caller.whose(&service_key)?;
    let mut wish = Wish::read(&body, channel, &customer.username)?;
    match &*wish.row.code {
        "" => wish.row.code.clone_from(&code),
        given if given != code => {
            return Err(Refusal::named(Code::BadRequest, "template_code", "is not the path's").into());
        }
        _ => {}
    }
    wish.check(&caller, &customer)?;
    let named = named(channel, &customer.username, &code);
    let changed = door.change(&caller, &customer.username, named, move |rows: &mut Vec<Template>| {
        let there = rows.first_mut().ok_or_else(nobodys)?;
        let state = template::state(Some(there), channel)?;
        *there = Template { state, auth_allowed: there.auth_allowed, ..wish.row };
        Ok(Registered::from(&*there))
    });
    Ok(Answer::success(changed.await?))
}

/// Takes a template out.
#[utoipa::path(
    delete,
    path = "/ims/{service_key}/templates/{channel}/{template_code}",
    operation_id = "removeTemplate",
    tag = "templates",
    params(OneTemplate)
)]
pub async fn remove(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words((service_key, word, code)): Words<(String, String, String)>,
) -> Told<Done> {
    let channel = channel(&word)?;
    let username = caller.whose(&service_key)?.username.clone();
    let named = named(channel, &username, &code);
    let removed = door.change(&caller, &username, named, |rows: &mut Vec<Template>| {
        template::may_go(rows.first().ok_or_else(nobodys)?)?;
        rows.pop().map(|row| row.code).ok_or_else(nobodys)
    });
    Ok(Answer::success(Done { name: removed.await? }))
}

/// Says what became of the inspection of a template; for operators.
#[utoipa::path(
    put,
    path = "/ims/{service_key}/templates/{channel}/{template_code}/state",
    operation_id = "moveTemplate",
    tag = "templates",
    params(OneTemplate)
)]
pub async fn move_state(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words((service_key, word, code)): Words<(String, String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Told<StateTold> {
    let NewState { state } = door.read(&headers, body).await?;
    let username = caller.whose(&service_key)?.username.clone();
    let named = named(channel(&word)?, &username, &code);
    door.move_state(&caller, &username, named, state, |row: &mut Template| &mut row.state).await
}
