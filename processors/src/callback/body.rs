//! What a customer is told: the JSON of SPEC §4.

use aws_lc_rs::digest::{Context, SHA256};
use jiff::Timestamp;
use schemas::{Report, StepReport};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// The body of a call and its webhook-id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The same for the same reports, on every retry.
    pub id: String,
    /// JSON.
    pub body: Vec<u8>,
}

#[derive(Serialize)]
struct Event<D> {
    r#type: &'static str,
    /// When what is told was decided, not when it is told: a retry says the same.
    #[serde(serialize_with = "iso")]
    timestamp: i64,
    data: D,
}

/// What is told of one report: what became of a message.
#[derive(Serialize, ToSchema)]
#[schema(as = MessageReport)]
pub struct Data<'r> {
    /// The customer's own id.
    message_id: &'r str,
    /// Ours, of every record and call about the message.
    track_id: &'r str,
    /// The channel of the request: AT FT BT MT RC PU EM.
    channel: &'static str,
    /// The type that was sent last.
    #[schema(required = true)]
    message_type: Option<&'static str>,
    /// How it stands, for example DELIVERED or FAILED.
    state: &'static str,
    /// Why, 0000 for success.
    code: &'r str,
    /// The same in words.
    message: &'r str,
    /// The vendor's own code.
    vendor_code: &'r str,
    #[serde(serialize_with = "iso")]
    #[schema(value_type = String, format = DateTime)]
    requested_at: i64,
    /// When it left; null when it never did.
    #[serde(serialize_with = "iso_or_null")]
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    sent_at: Option<i64>,
    #[serde(serialize_with = "iso")]
    #[schema(value_type = String, format = DateTime)]
    reported_at: i64,
    /// Each channel that was tried, in order.
    steps: Vec<Step<'r>>,
    /// The request's.
    #[schema(required = true)]
    bill_code: Option<&'r str>,
}

/// One channel that was tried. Codes mean different things in different tables: a step says whose its code is.
#[derive(Serialize, ToSchema)]
#[schema(as = MessageStep)]
pub struct Step<'r> {
    /// 0 for the request's own, then those of its fallback.
    step: i32,
    channel: &'static str,
    message_type: &'static str,
    state: &'static str,
    /// Whose table the code is of: IMS or VENDOR.
    origin: &'static str,
    code: &'r str,
    vendor: &'r str,
    vendor_code: &'r str,
    #[serde(serialize_with = "iso_or_null")]
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    sent_at: Option<i64>,
    #[serde(serialize_with = "iso")]
    #[schema(value_type = String, format = DateTime)]
    reported_at: i64,
}

/// One report as it is, or all of `reports` in one when the customer asked for batches.
pub fn message(reports: &[Report], batched: bool) -> Message {
    let id = id(reports);
    let body = match reports {
        [one] if !batched => {
            serde_json::to_vec(&Event { r#type: "message.report", timestamp: one.reported_at, data: data(one) })
        }
        all => serde_json::to_vec(&Event {
            r#type: "message.reports",
            timestamp: all.iter().map(|report| report.reported_at).max().unwrap_or(0),
            data: all.iter().map(data).collect::<Vec<_>>(),
        }),
    };
    // Texts, numbers and lists of them always make JSON.
    Message { id, body: body.unwrap_or_default() }
}

/// What is told to try an endpoint: of nobody's message, and of a type that is no report's.
pub fn trial(id: u128, now_ms: i64) -> Message {
    #[derive(Serialize)]
    struct Trial {
        message: &'static str,
    }
    let data = Trial { message: "a call to try this endpoint: no message is behind it" };
    let event = Event { r#type: "callback.test", timestamp: now_ms, data };
    Message { id: format!("test-{id:032x}"), body: serde_json::to_vec(&event).unwrap_or_default() }
}

/// The track_id; of several reports the first one's with a digest of all. A receiver drops what it has seen by this id,
/// and after a crash the same first report may stand in another company.
fn id(reports: &[Report]) -> String {
    let first = reports.first().map_or("", |report| &report.track_id);
    if reports.len() < 2 {
        return first.to_owned();
    }
    let mut all = Context::new(&SHA256);
    reports.iter().for_each(|report| all.update(report.track_id.as_bytes()));
    format!("{first}-{}", hex(&all.finish().as_ref()[..8]))
}

/// Hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is told of one report: `data` of a call, and of the answer to a customer who asks.
pub fn data(report: &Report) -> Data<'_> {
    Data {
        message_id: &report.message_id,
        track_id: &report.track_id,
        channel: report.channel.as_str(),
        message_type: report.message_type.map(|of| of.as_str()),
        state: report.state.as_str(),
        code: &report.code,
        message: &report.message,
        vendor_code: &report.vendor_code,
        requested_at: report.requested_at,
        sent_at: report.sent_at,
        reported_at: report.reported_at,
        steps: report.steps.iter().map(step).collect(),
        bill_code: report.bill_code.as_deref(),
    }
}

fn step(step: &StepReport) -> Step<'_> {
    Step {
        step: step.step,
        channel: step.channel.as_str(),
        message_type: step.message_type.as_str(),
        state: step.state.as_str(),
        origin: step.origin.as_str(),
        code: &step.code,
        vendor: &step.vendor,
        vendor_code: &step.vendor_code,
        sent_at: step.sent_at,
        reported_at: step.reported_at,
    }
}

/// ISO 8601 in UTC; a time that no calendar has is told as the number it is.
fn iso<S: Serializer>(ms: &i64, to: S) -> Result<S::Ok, S::Error> {
    match Timestamp::from_millisecond(*ms) {
        Ok(time) => to.collect_str(&format_args!("{time:.3}")),
        Err(_) => to.serialize_i64(*ms),
    }
}

fn iso_or_null<S: Serializer>(ms: &Option<i64>, to: S) -> Result<S::Ok, S::Error> {
    match ms {
        Some(ms) => iso(ms, to),
        None => to.serialize_none(),
    }
}
