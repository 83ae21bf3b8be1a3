//! What the demo prints at its end.

use super::watch::{Row, Watch};
use crate::{output::thousands, times::Times};
use comfy_table::{CellAlignment, Table, presets};
use schemas::{Report, State};
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
}

fn rows<S: Serializer>(watch: &&Watch, to: S) -> Result<S::Ok, S::Error> {
    let mut map = to.serialize_map(Some(watch.rows.len()))?;
    for ((channel, priority), row) in &watch.rows {
        map.serialize_entry(&format!("{channel}-{priority}"), row)?;
    }
    map.end()
}

const NEXT: &str = "What to try next
  ims demo --serve                     keep it up, look at /metrics and /health/ready
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
        if sum.balances() && sum.at_the_door == 0 {
            text.push_str("  The books balance: nothing lost, nothing ended twice.\n");
        } else {
            let _ = writeln!(text, "  THE BOOKS DO NOT BALANCE: {} at the door", sum.at_the_door);
            sum.wrong.iter().take(20).for_each(|line| text.push_str(&format!("    {line}\n")));
        }
        text.push_str("\nReports, as customers see them\n");
        self.samples().for_each(|report| text.push_str(&told(report)));
        let first = self.first_delivered.map_or("-".to_owned(), |s| format!("{s:.2} s"));
        let _ = writeln!(text, "\n{:.1} s in all, first delivery after {first}\n\n{NEXT}", self.seconds);
        text
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
