//! What the demo prints at its end.

use super::watch::{Row, Watch};
use crate::{output::thousands, times::Times};
use comfy_table::{CellAlignment, Table, presets};
use schemas::{Report, State, examples::seed};
use serde::{Serialize, Serializer, ser::SerializeMap};
use std::fmt::Write;
use topology::ledger::Balance;

/// The result of the demo.
#[derive(Serialize)]
pub struct Shown<'w> {
    /// From the start of the process's work to its end.
    pub seconds: f64,
    /// When the first message was delivered, seconds after the start.
    pub first_delivered: Option<f64>,
    /// What was seen.
    #[serde(serialize_with = "rows", rename = "channels")]
    pub watch: &'w Watch,
    /// The ledger.
    pub balance: Balance,
    /// Whether it stays up: what can be tried is then said with the addresses.
    #[serde(skip)]
    pub serves: bool,
}

fn rows<S: Serializer>(watch: &&Watch, to: S) -> Result<S::Ok, S::Error> {
    let mut map = to.serialize_map(Some(watch.rows.len()))?;
    for ((channel, priority), row) in &watch.rows {
        map.serialize_entry(&format!("{channel}-{priority}"), row)?;
    }
    map.end()
}

/// Whether nothing was lost or ended twice, and nothing is still at the door.
pub fn balances(balance: &Balance) -> bool {
    balance.balances() && balance.at_the_door == 0
}

/// What is wrong with the books.
pub fn imbalance(balance: &Balance) -> String {
    let mut text = format!("THE BOOKS DO NOT BALANCE: {} at the door", balance.at_the_door);
    balance.wrong.iter().take(20).for_each(|line| text.push_str(&format!("\n    {line}")));
    text
}

/// What comes in over HTTP in the demo's own reference data: customer and secret, and its service key.
const KEY: (&str, &str) = ("hanbit-shop:demo-only-secret-of-hanbit-shop", seed::SERVICE_KEY);

/// Where it serves.
pub struct Served {
    /// Of the HTTP door.
    pub door: Option<String>,
    /// Of the admin port.
    pub admin: Option<String>,
    /// With the demo's own reference data.
    pub demo: bool,
}

impl Served {
    /// What can be tried there.
    pub fn text(&self) -> String {
        let door = self.door.as_deref().unwrap_or("no HTTP door");
        let admin = self.admin.as_deref().unwrap_or("no admin port");
        let mut text = format!("serving until Ctrl-C: {door} (docs/http.md), {admin}; to be tried from another shell:");
        let mut line = |told: String| text.push_str(&format!("\n  {told}"));
        if let Some(door) = &self.door {
            if self.demo {
                let (key, service_key) = KEY;
                line(format!("key=$(printf {key} | base64 -w0); url={door}/ims/{service_key}"));
                line(
                    "curl -H \"x-ims-key: $key\" -H 'content-type: application/json' \"$url/mt/sendMessage\" \\".into(),
                );
                line("     -d @schemas/examples/requests/sms.json".into());
                line("curl -H \"x-ims-key: $key\" \"$url/report/PICKUP-20260311-0007\"".into());
            }
            line(format!("a browser: {door}/docs has every path with an example"));
        }
        if let Some(admin) = &self.admin {
            line(format!("curl {admin}/metrics; curl {admin}/health/ready"));
        }
        text
    }
}

const NEXT: &str = "What to try next
  ims demo --serve                     keep it up, send by HTTP, look at /metrics and /health/ready
  ims topology                         the chain in words; --mermaid draws it
  ims help run                         the same on a real Kafka";

impl Shown<'_> {
    /// As people read it.
    pub fn text(&self) -> String {
        let mut text = self.table();
        let sum = &self.balance;
        let _ = write!(
            text,
            "\n\nLedger\n  requested {} = rejected {} + dead-lettered {} + accepted {}\n  accepted {} = ",
            thousands(sum.requested),
            thousands(sum.rejected),
            thousands(sum.dead_lettered),
            thousands(sum.accepted),
            thousands(sum.accepted),
        );
        for (state, count) in &sum.ended {
            let _ = write!(text, "{state} {} + ", thousands(*count));
        }
        let _ = writeln!(text, "waiting {} (scheduled, held for the morning, in flight)", thousands(sum.waiting));
        match self.balances() {
            true => text.push_str("  The books balance: nothing lost, nothing ended twice.\n"),
            false => text.push_str(&format!("  {}\n", imbalance(sum))),
        }
        text.push_str("\nReports, as customers see them\n");
        self.samples().for_each(|report| text.push_str(&told(report)));
        let first = self.first_delivered.map_or("-".to_owned(), |s| format!("{s:.2} s"));
        let _ = writeln!(text, "\n{:.1} s in all, first delivery after {first}", self.seconds);
        if !self.serves {
            let _ = writeln!(text, "\n{NEXT}");
        }
        text
    }

    /// Whether nothing was lost or ended twice.
    pub fn balances(&self) -> bool {
        balances(&self.balance)
    }

    fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::UTF8_HORIZONTAL_ONLY);
        table.set_header([
            "channel",
            "priority",
            "rejected",
            "delivered",
            "failed",
            "uncertain",
            "other",
            "accepted ms",
            "routed ms",
            "sent ms",
            "ended ms",
        ]);
        for ((channel, priority), row) in &self.watch.rows {
            table.add_row(cells(channel.as_str(), priority.as_str(), row));
        }
        (2..11).filter_map(|n| table.column_mut(n).map(|c| c.set_cell_alignment(CellAlignment::Right))).for_each(drop);
        format!("Steps by channel and priority; times from the request, median / 99th percentile\n{table}")
    }

    /// The reports with most to tell: those that are not plain deliveries first.
    fn samples(&self) -> impl Iterator<Item = &Report> {
        let mut samples: Vec<&Report> = self.watch.samples.values().collect();
        samples.sort_by_key(|r| (r.state == State::Delivered, std::cmp::Reverse(r.steps.len()), r.state));
        samples.into_iter().take(6)
    }
}

fn cells(channel: &str, priority: &str, row: &Row) -> Vec<String> {
    let numbers = [row.rejected, row.delivered, row.failed, row.uncertain, row.ended_otherwise].map(thousands);
    let mut cells = vec![channel.to_owned(), priority.to_owned()];
    cells.extend(numbers);
    cells.extend([&row.accepted, &row.routed, &row.sent, &row.ended].map(Times::text));
    cells
}

fn told(report: &Report) -> String {
    let mut text =
        format!("  {} {} {} {}: {}", report.username, report.channel, report.message_id, report.state, report.code);
    if !report.message.is_empty() {
        let _ = write!(text, " {}", report.message);
    }
    for step in &report.steps {
        let _ = write!(
            text,
            "\n      {} {} {} {} by {}",
            step.step,
            step.message_type,
            step.state,
            step.code,
            if step.vendor.is_empty() { "-" } else { &step.vendor }
        );
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use connectors::reference::{DEMO, parse};
    use schemas::examples;

    #[test]
    fn what_is_said_to_be_tried_is_there_to_be_tried() {
        let served = |demo| Served { door: Some("http://d".into()), admin: Some("http://a".into()), demo }.text();
        let ((customer, secret), sms) = (KEY.0.split_once(':').unwrap(), examples::request("sms"));
        let seed = parse("demo", DEMO).unwrap();
        let key = seed.secret_keys.iter().find(|key| key.username == customer).unwrap();
        assert!(key.hash.is_of(secret.as_bytes()));
        let text = served(true);
        assert!(text.contains(KEY.0) && text.contains(&format!("url=http://d/ims/{}", KEY.1)), "{text}");
        assert!(text.contains("requests/sms.json") && text.contains(&format!("/report/{}", sms.message_id)), "{text}");
        assert!(text.contains("http://d/docs") && text.contains("http://a/metrics"), "{text}");
        assert!(!served(false).contains("secret"), "other reference data have other keys");
    }
}
