//! GET …/hist/{group}: each step of a customer's messages, by page or as CSV.

use super::{
    csv::Line,
    export::{PAGE, export},
    page::Filling,
    params::Searched,
    query::Query,
};
use crate::{
    http::{
        answer::{Answer, Problem},
        gate::Caller,
        routes::Door,
        stop::Stop,
        words::Words,
    },
    moment::iso,
};
use axum::{
    Extension,
    extract::State,
    http::Uri,
    response::{IntoResponse, Response},
};
use connectors::history::{By, Place, Wanted};
use processors::{
    center::{Cursor, Group, LONGEST_HISTORY_DAYS, Span},
    refusal::{Code, Refusal},
    rules::{address, field::top, phone, text},
};
use schemas::{History, Recipient};
use serde::Serialize;
use std::{ops::Range, sync::Arc};
use utoipa::ToSchema;

/// Days that a question by an id or a recipient may reach back: some months more than history is kept by default.
const LONGEST_LOOKUP_DAYS: i64 = 366;

const NAMES: [&str; 11] = [
    "message_id",
    "recipient",
    "country_code",
    "app_user_id",
    "token",
    "address",
    "from",
    "to",
    "limit",
    "cursor",
    "format",
];

/// One step of a message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HistoryStep)]
pub struct Step {
    /// Its message.
    pub track_id: String,
    /// 0 for the requested channel, then those of the fallback plan.
    pub step: i32,
    /// Whether it ended its message.
    pub last_step: bool,
    /// The customer's own id.
    pub message_id: String,
    /// What was requested.
    pub requested_channel: &'static str,
    /// The requested type.
    pub requested_type: &'static str,
    /// What this step went out by.
    pub channel: &'static str,
    /// Type of this step.
    pub message_type: &'static str,
    /// AUTH, REALTIME, MASS or AD.
    pub priority: &'static str,
    /// How the step ended.
    pub state: &'static str,
    /// Whose table `code` is of: ims or vendor.
    pub origin: &'static str,
    /// Its code.
    pub code: String,
    /// Who was asked to deliver it.
    pub vendor: String,
    /// The vendor's own code.
    pub vendor_code: String,
    /// Requests made.
    pub attempts: i32,
    /// To whom.
    pub recipient: Whom,
    /// Title.
    #[schema(required = true)]
    pub title: Option<String>,
    /// Text.
    #[schema(required = true)]
    pub message: Option<String>,
    /// When it was requested.
    pub received_at: String,
    /// When its way was decided.
    #[schema(required = true)]
    pub distribution_at: Option<String>,
    /// When it left.
    #[schema(required = true)]
    pub sent_at: Option<String>,
    /// When it ended.
    pub report_at: String,
    /// Which door it came by.
    pub source: &'static str,
    /// Serial number towards the vendor.
    pub serial_number: String,
    /// The customer's own word for its bill.
    #[schema(required = true)]
    pub bill_code: Option<String>,
}

/// A recipient, by what is known of it.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = HistoryRecipient)]
pub struct Whom {
    /// Number without country code and leading 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    /// Its country.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country_code: Option<String>,
    /// Id in the customer's app.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_user_id: Option<String>,
    /// Id in the customer's channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_key: Option<String>,
    /// Email address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Tokens of apps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub push_tokens: Vec<String>,
}

impl From<History> for Step {
    fn from(row: History) -> Self {
        let Recipient { phone_number, country_code, app_user_id, user_key, to, push_tokens } = row.recipient;
        Self {
            track_id: row.track_id,
            step: row.step,
            last_step: row.last_step,
            message_id: row.message_id,
            requested_channel: row.requested_channel.as_str(),
            requested_type: row.requested_type.as_str(),
            channel: row.channel.as_str(),
            message_type: row.message_type.as_str(),
            priority: row.priority.as_str(),
            state: row.state.as_str(),
            origin: row.origin.as_str(),
            code: row.code,
            vendor: row.vendor,
            vendor_code: row.vendor_code,
            attempts: row.attempts,
            recipient: Whom { phone_number, country_code, app_user_id, user_key, to, push_tokens },
            title: row.title,
            message: row.message,
            received_at: iso(row.received_at),
            distribution_at: row.distribution_at.map(iso),
            sent_at: row.sent_at.map(iso),
            report_at: iso(row.report_at),
            source: row.source.as_str(),
            serial_number: row.serial_number,
            bill_code: row.bill_code,
        }
    }
}

impl Line for Step {
    const COLUMNS: &'static [&'static str] = &[
        "track_id",
        "step",
        "last_step",
        "message_id",
        "requested_channel",
        "requested_type",
        "channel",
        "message_type",
        "priority",
        "state",
        "origin",
        "code",
        "vendor",
        "vendor_code",
        "attempts",
        "country_code",
        "recipient",
        "title",
        "message",
        "received_at",
        "distribution_at",
        "sent_at",
        "report_at",
        "source",
        "serial_number",
        "bill_code",
    ];

    fn cells(self) -> Vec<String> {
        let whom = self.recipient;
        let recipient = whom.phone_number.or(whom.to).or(whom.app_user_id).or(whom.user_key);
        vec![
            self.track_id,
            self.step.to_string(),
            self.last_step.to_string(),
            self.message_id,
            self.requested_channel.to_owned(),
            self.requested_type.to_owned(),
            self.channel.to_owned(),
            self.message_type.to_owned(),
            self.priority.to_owned(),
            self.state.to_owned(),
            self.origin.to_owned(),
            self.code,
            self.vendor,
            self.vendor_code,
            self.attempts.to_string(),
            whom.country_code.unwrap_or_default(),
            recipient.unwrap_or_else(|| whom.push_tokens.join(" ")),
            self.title.unwrap_or_default(),
            self.message.unwrap_or_default(),
            self.received_at,
            self.distribution_at.unwrap_or_default(),
            self.sent_at.unwrap_or_default(),
            self.report_at,
            self.source.to_owned(),
            self.serial_number,
            self.bill_code.unwrap_or_default(),
        ]
    }
}

/// What is looked for, and how it is told.
#[derive(Debug, Clone)]
struct Asked {
    service_key: String,
    group: Group,
    key: Key,
    received_ms: Range<i64>,
    behind: Option<Place>,
    most: u32,
    csv: bool,
}

#[derive(Debug, Clone)]
enum Key {
    MessageId(String),
    Recipient(String),
    Token(String),
    Time,
}

/// Tells each step of a customer's messages, the newest request first.
#[utoipa::path(
    get,
    path = "/ims/{service_key}/hist/{group}",
    operation_id = "history",
    tag = "history",
    params(Searched)
)]
pub async fn find(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words((service_key, word)): Words<(String, String)>,
    uri: Uri,
) -> Result<Response, Stop> {
    let group = Group::of(&word).ok_or(Problem::NotFound)?;
    caller.own(&service_key)?;
    let query = Query::read(uri.query(), &NAMES)?;
    let asked = Asked::read(&query, service_key, group, door.clock.now_ms())?;
    if asked.csv {
        let (name, of, behind) = (format!("hist-{}", group.as_str()), Arc::clone(&door), asked.behind.clone());
        let whose = Arc::clone(&caller.username);
        let more = move |behind| {
            let (door, whose, asked) = (Arc::clone(&of), Arc::clone(&whose), Asked { behind, ..asked.clone() });
            async move { door.found(&whose, &asked, PAGE).await }
        };
        return Ok(export(&door.exports, &caller.username, &name, behind, more).await?);
    }
    let list = asked.list();
    let page = door.found(&caller.username, &asked, asked.most).await?;
    Ok(Answer::success(page.page(|behind| Cursor::behind(&list, behind).write())).into_response())
}

impl Asked {
    fn read(query: &Query<'_>, service_key: String, group: Group, now_ms: i64) -> Result<Self, Refusal> {
        let key = key(query)?;
        let longest_days = if matches!(key, Key::Time) { LONGEST_HISTORY_DAYS } else { LONGEST_LOOKUP_DAYS };
        let (from, to) = (query.get("from"), query.get("to"));
        let Span(received_ms) = Span::read(&top("from"), from, &top("to"), to, longest_days, now_ms)?;
        let csv = query.csv()?;
        let most = query.limit()?;
        let mut this = Self { service_key, group, key, received_ms, behind: None, most, csv };
        this.behind = query.behind(&this.list())?;
        Ok(this)
    }

    fn list(&self) -> String {
        format!("hist/{}", self.group.as_str())
    }
}

/// By what is looked: one of them at most, or the time alone.
fn key(query: &Query<'_>) -> Result<Key, Refusal> {
    const KEYS: [&str; 5] = ["message_id", "recipient", "app_user_id", "token", "address"];
    let mut given = KEYS.into_iter().filter_map(|name| Some((name, query.get(name)?)));
    let Some((name, value)) = given.next() else { return Ok(Key::Time) };
    if let Some((other, _)) = given.next() {
        return Err(Refusal::bad(&top(other), format_args!("cannot be given beside {name}")));
    }
    let at_most = |longest| text::at_most(Code::BadRequest, &top(name), value, longest);
    Ok(match name {
        "message_id" => {
            at_most(30)?;
            Key::MessageId(value.to_owned())
        }
        "recipient" => {
            let of = phone::receiver(&top(name), value, 20, &top("country_code"), query.get("country_code"))?;
            Key::Recipient(format!("{}{}", of.country_code, of.number))
        }
        "address" => {
            address::mailbox(&top(name), value, 320)?;
            Key::Recipient(value.to_lowercase())
        }
        "token" => {
            at_most(1600)?;
            Key::Token(value.to_owned())
        }
        _ => {
            at_most(64)?;
            Key::Recipient(value.to_owned())
        }
    })
}

impl Door {
    async fn found(&self, whose: &Arc<str>, asked: &Asked, most: u32) -> Result<Filling<Step, Place>, Problem> {
        let asked = asked.clone();
        let find = move |reader: &mut connectors::history::HistoryReader| {
            Filling::fill(most, asked.behind.clone(), |behind, most| {
                let rows = reader.find(&Wanted {
                    service_key: &asked.service_key,
                    by: match &asked.key {
                        Key::MessageId(id) => By::MessageId(id),
                        Key::Recipient(recipient) => By::Recipient(recipient),
                        Key::Token(token) => By::Token(token),
                        Key::Time => By::Time,
                    },
                    channels: asked.group.channels(),
                    received_ms: asked.received_ms.clone(),
                    behind: behind.cloned(),
                    most,
                })?;
                Ok(rows.into_iter().map(|row| (Place::of(&row), Step::from(row))).collect())
            })
        };
        self.history.of(Arc::clone(whose)).ask(find).await
    }
}
