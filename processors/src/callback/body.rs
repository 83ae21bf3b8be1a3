//! What a customer is told: the JSON of SPEC §4.

use aws_lc_rs::digest::{Context, SHA256};
use jiff::Timestamp;
use schemas::{Report, StepReport};
use serde::{Serialize, Serializer};

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

#[derive(Serialize)]
struct Data<'r> {
    message_id: &'r str,
    track_id: &'r str,
    channel: &'static str,
    message_type: Option<&'static str>,
    state: &'static str,
    code: &'r str,
    message: &'r str,
    vendor_code: &'r str,
    #[serde(serialize_with = "iso")]
    requested_at: i64,
    #[serde(serialize_with = "iso_or_null")]
    sent_at: Option<i64>,
    #[serde(serialize_with = "iso")]
    reported_at: i64,
    steps: Vec<Step<'r>>,
    bill_code: Option<&'r str>,
}

/// Codes mean different things in different tables: a step says whose its code is.
#[derive(Serialize)]
struct Step<'r> {
    step: i32,
    channel: &'static str,
    message_type: &'static str,
    state: &'static str,
    origin: &'static str,
    code: &'r str,
    vendor: &'r str,
    vendor_code: &'r str,
    #[serde(serialize_with = "iso_or_null")]
    sent_at: Option<i64>,
    #[serde(serialize_with = "iso")]
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
pub fn data(report: &Report) -> impl Serialize + '_ {
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
