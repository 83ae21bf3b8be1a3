//! GET …/hist/{group}: each step of a customer's messages, by page or as CSV.

use super::{
    csv::{self, Part},
    page::Filling,
    params::Searched,
    query::Query,
};
use crate::http::{
    answer::{Answer, Problem},
    gate::Caller,
    routes::Door,
    stop::Stop,
    words::Words,
};
use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{
        HeaderValue, Uri,
        header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use connectors::history::{By, Place, Wanted};
use jiff::Timestamp;
use processors::{
    center::{Cursor, Group, LONGEST_HISTORY_DAYS, Span},
    refusal::{Code, Refusal},
    rules::{address, field::top, phone, text},
};
use schemas::{History, Recipient};
use serde::Serialize;
use std::{ops::Range, sync::Arc, time::Duration};
use tokio::sync::{Semaphore, mpsc};
use utoipa::ToSchema;

/// Days that a question by an id or a recipient may reach back: some months more than history is kept by default.
const LONGEST_LOOKUP_DAYS: i64 = 366;
/// Exports under way in this process; more are told to come again.
const EXPORTS: usize = 4;
/// Rows of one question of an export.
const EXPORT_PAGE: u32 = 1000;
/// Bytes that its reader has to take in the time of an answer.
const PIECE_BYTES: usize = 64 << 10;
/// How long an export waits for its reader to take the next part.
const EXPORT_WAITS: Duration = Duration::from_secs(30);

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

/// Places for exports.
pub struct Exports(Arc<Semaphore>);

impl Default for Exports {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(EXPORTS)))
    }
}

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

/// ISO 8601 in UTC; a time that no calendar has is the number it is.
pub fn iso(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |at| format!("{at:.3}"))
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
        return Ok(export(door, asked).await?);
    }
    let list = asked.list();
    let page = door.found(&asked, asked.most).await?;
    Ok(Answer::success(page.page(|behind| Cursor::behind(&list, behind).write())).into_response())
}

impl Asked {
    fn read(query: &Query<'_>, service_key: String, group: Group, now_ms: i64) -> Result<Self, Refusal> {
        let key = key(query)?;
        let longest_days = if matches!(key, Key::Time) { LONGEST_HISTORY_DAYS } else { LONGEST_LOOKUP_DAYS };
        let (from, to) = (query.get("from"), query.get("to"));
        let Span(received_ms) = Span::read(&top("from"), from, &top("to"), to, longest_days, now_ms)?;
        let csv = match query.get("format") {
            None | Some("json") => false,
            Some("csv") => true,
            Some(_) => return Err(Refusal::bad(&top("format"), "json or csv is allowed")),
        };
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
            Key::Recipient(value.to_owned())
        }
        _ => {
            at_most(64)?;
            Key::Recipient(value.to_owned())
        }
    })
}

impl Door {
    async fn found(&self, asked: &Asked, most: u32) -> Result<Filling<Step, Place>, Problem> {
        let asked = asked.clone();
        let find = move |reader: &mut connectors::history::HistoryReader| {
            Filling::fill(most, asked.behind.clone(), |behind, most| {
                let rows = reader.find(&Wanted {
                    service_key: &asked.service_key,
                    by: match &asked.key {
                        Key::MessageId(id) => By::MessageId(id),
                        Key::Recipient(recipient) => By::Recipient(recipient),
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
        self.history.ask(find).await
    }
}

/// All of the span, part by part: a part is asked for when the one before was taken.
async fn export(door: Arc<Door>, mut asked: Asked) -> Result<Response, Problem> {
    let place = Arc::clone(&door.exports.0).try_acquire_owned().map_err(|_| Problem::TooMany)?;
    let name = format!("attachment; filename=\"hist-{}.csv\"", asked.group.as_str());
    // The first before anything is answered: a store that is away is told as such.
    let mut rows = door.found(&asked, EXPORT_PAGE).await?;
    let (to, parts) = mpsc::channel(1);
    tokio::spawn(async move {
        let _place = place;
        let mut text = csv::head();
        loop {
            let (steps, last) = rows.part();
            text.extend(csv::rows(steps.into_iter()));
            let mut part = Bytes::from(std::mem::take(&mut text));
            while !part.is_empty() {
                let piece = part.split_to(part.len().min(PIECE_BYTES));
                let sent = tokio::time::timeout(EXPORT_WAITS, to.send(Part::Rows(piece))).await;
                // Whoever reads no more is cut, and so is whoever is left.
                let Ok(Ok(())) = sent else { return };
            }
            let Some(last) = last else {
                drop(to.send(Part::End).await);
                return;
            };
            asked.behind = Some(last);
            rows = match door.found(&asked, EXPORT_PAGE).await {
                Ok(rows) => rows,
                Err(problem) => {
                    tracing::warn!(?problem, "an export is cut");
                    return;
                }
            };
        }
    });
    let mut response = Response::new(Body::new(csv::Parts(parts)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    if let Ok(name) = HeaderValue::try_from(name) {
        response.headers_mut().insert(CONTENT_DISPOSITION, name);
    }
    response.extensions_mut().insert(crate::http::answer::ToldCode(Code::Success.as_str().into()));
    Ok(response)
}
