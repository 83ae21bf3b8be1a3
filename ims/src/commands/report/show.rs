//! One message, for people and for programs.

use crate::moment::iso;
use comfy_table::{Table, presets};
use connectors::{history::recipient_key, reports::Found};
use processors::callback::data;
use schemas::{History, Report};
use serde::Serialize;
use serde_json::Value;
use std::fmt::Write;

/// Characters of a recipient that are shown, at its beginning and at its end; of a short one none.
const SHOWN: (usize, usize) = (3, 2);

/// What is known of a message.
#[derive(Debug, Serialize)]
pub struct Shown {
    username: String,
    service_key_ends_in: String,
    terminal: bool,
    /// `data` of the customer's callback.
    report: Value,
    /// The same of the newest word after the end.
    late: Option<Value>,
    /// A call failed and is made again; null: not known.
    callback_pending: Option<bool>,
    steps: Vec<Step>,
    /// Other messages of the same message_id, the newest first, refused duplicates last.
    others: Vec<Other>,
}

/// A row of history.
#[derive(Debug, Serialize)]
struct Step {
    step: i32,
    last_step: bool,
    channel: &'static str,
    message_type: &'static str,
    priority: &'static str,
    state: &'static str,
    origin: &'static str,
    code: String,
    vendor: String,
    vendor_code: String,
    serial_number: String,
    attempts: i32,
    /// In part.
    recipient: Option<String>,
    source: &'static str,
    received_at: String,
    distribution_at: Option<String>,
    sent_at: Option<String>,
    report_at: String,
}

#[derive(Debug, Serialize)]
struct Other {
    track_id: String,
    state: &'static str,
    code: String,
    requested_at: String,
}

impl Shown {
    /// Puts it together.
    pub fn new(found: &Found, steps: &[History], others: Vec<Report>, callback_pending: Option<bool>) -> Self {
        let Found { report, late } = found;
        // What a report consists of always makes JSON.
        let json = |report: &Report| serde_json::to_value(data(report)).unwrap_or_default();
        let key = &report.service_key;
        Self {
            username: report.username.clone(),
            service_key_ends_in: key.get(key.len().saturating_sub(4)..).unwrap_or_default().to_owned(),
            terminal: report.terminal,
            report: json(report),
            late: late.as_ref().map(json),
            callback_pending,
            steps: steps.iter().map(Step::of).collect(),
            others: others.into_iter().map(Other::of).collect(),
        }
    }

    /// As people read it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: &str| {
            if !value.is_empty() {
                let _ = writeln!(text, "{name:<12} {value}");
            }
        };
        let of = |field: &str| self.report[field].as_str().unwrap_or_default();
        let state = |report: &Value| {
            let of = |field: &str| report[field].as_str().unwrap_or_default();
            let vendor = if of("vendor_code").is_empty() { String::new() } else { format!(" ({})", of("vendor_code")) };
            let message = if of("message").is_empty() { String::new() } else { format!(", {}", of("message")) };
            format!("{} {}{vendor}{message}", of("state"), of("code"))
        };
        line("message_id", of("message_id"));
        line("track_id", of("track_id"));
        line("customer", &format!("{}, service key …{}", self.username, self.service_key_ends_in));
        line("channel", &format!("{} {}", of("channel"), of("message_type")));
        let open = if self.terminal { "" } else { " (not the end)" };
        line("state", &format!("{}{open}", state(&self.report)));
        line("requested_at", of("requested_at"));
        line("sent_at", of("sent_at"));
        line("reported_at", of("reported_at"));
        line("bill_code", of("bill_code"));
        if let Some(late) = &self.late {
            let at = late["reported_at"].as_str().unwrap_or_default();
            line("late", &format!("{}, at {at}: changes no state and no count", state(late)));
        }
        if self.callback_pending == Some(true) {
            line("callback", "pending: a call failed, the next one comes at its time");
        }
        match self.steps.is_empty() {
            true => text.push_str("no step in history yet\n"),
            false => {
                let _ = writeln!(text, "{}", self.table());
            }
        }
        for Other { track_id, state, code, requested_at } in &self.others {
            let _ = writeln!(text, "also of this message_id: {track_id} {state} {code}, requested {requested_at}");
        }
        text
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::UTF8_HORIZONTAL_ONLY);
        table.set_header(["step", "type", "priority", "state", "code", "vendor", "to", "routed", "sent", "ended"]);
        for step in &self.steps {
            let vendor = format!("{} {}", step.vendor, step.vendor_code);
            table.add_row([
                step.step.to_string(),
                format!("{} {}", step.channel, step.message_type),
                step.priority.to_owned(),
                step.state.to_owned(),
                step.code.clone(),
                vendor.trim().to_owned(),
                step.recipient.clone().unwrap_or_default(),
                step.distribution_at.clone().unwrap_or_default(),
                step.sent_at.clone().unwrap_or_default(),
                step.report_at.clone(),
            ]);
        }
        table
    }
}

impl Step {
    fn of(row: &History) -> Self {
        Self {
            step: row.step,
            last_step: row.last_step,
            channel: row.channel.as_str(),
            message_type: row.message_type.as_str(),
            priority: row.priority.as_str(),
            state: row.state.as_str(),
            origin: row.origin.as_str(),
            code: row.code.clone(),
            vendor: row.vendor.clone(),
            vendor_code: row.vendor_code.clone(),
            serial_number: row.serial_number.clone(),
            attempts: row.attempts,
            recipient: recipient_key(&row.recipient).map(|key| masked(&key)),
            source: row.source.as_str(),
            received_at: iso(row.received_at),
            distribution_at: row.distribution_at.map(iso),
            sent_at: row.sent_at.map(iso),
            report_at: iso(row.report_at),
        }
    }
}

impl Other {
    fn of(report: Report) -> Self {
        let Report { track_id, state, code, requested_at, .. } = report;
        Self { track_id, state: state.as_str(), code, requested_at: iso(requested_at) }
    }
}

/// Enough to recognise, too little to call.
pub(super) fn masked(recipient: &str) -> String {
    let all = recipient.chars().count();
    let (first, last) = if all < 8 { (0, 0) } else { SHOWN };
    let shown = |place: usize| place < first || place >= all - last;
    recipient.chars().enumerate().map(|(place, c)| if shown(place) { c } else { '*' }).collect()
}
