//! What came of the requests: a line of JSON for each, or a table of shares.

use super::{play::Played, steps::Step};
use crate::times::Times;
use comfy_table::{CellAlignment, presets};
use processors::{
    codes::{Class, judge},
    ports::{Receipt, Reply},
    reference::Vendor,
    retry::typical,
};
use schemas::Family;
use serde::Serialize;
use std::{cmp::Reverse, collections::BTreeMap, fmt::Write};

/// One request as JSON. Times are milliseconds after the start.
#[derive(Serialize)]
pub struct Line<'p> {
    vendor: &'p str,
    family: &'static str,
    serial_number: &'p str,
    attempt: i32,
    after_ms: i64,
    answer: &'static str,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    code: Option<Code<'p>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    latency_ms: i64,
    receipts: Vec<Receipted<'p>>,
}

#[derive(Serialize)]
struct Code<'p> {
    code: &'p str,
    class: &'static str,
    meaning: &'static str,
}

#[derive(Serialize)]
struct Receipted<'p> {
    after_ms: i64,
    #[serde(flatten)]
    code: Code<'p>,
}

impl<'p> Code<'p> {
    fn of(vendor: &Vendor, code: &'p str) -> Self {
        let row = judge(vendor.codes, code);
        Self { code, class: row.class.name(), meaning: row.meaning }
    }
}

impl<'p> Line<'p> {
    /// What came of a request.
    pub fn of(step: &'p Step, played: &'p Played) -> Self {
        let vendor = &step.vendor;
        let (answer, code, retry_after_ms) = match typical(&played.reply, vendor) {
            Reply::Code { code, .. } | Reply::Unasked { code, .. } => ("code", Some(Code::of(vendor, code)), None),
            Reply::NoAnswer(_) | Reply::Forgotten(_) | Reply::Undecided(_) | Reply::Tokens(_) => {
                ("no_answer", None, None)
            }
            Reply::NotSent(_) => ("not_sent", None, None),
            Reply::Throttled(wait) => ("throttled", None, Some(wait.as_millis() as u64)),
        };
        let receipted =
            |receipt: &'p Receipt| Receipted { after_ms: receipt.at_ms, code: Code::of(vendor, &receipt.code) };
        Self {
            vendor: &vendor.name,
            family: step.family.as_str(),
            serial_number: &step.serial_number,
            attempt: step.attempt,
            after_ms: step.after_ms,
            answer,
            code,
            retry_after_ms,
            latency_ms: played.answered_ms - step.after_ms,
            receipts: played.receipts.iter().map(receipted).collect(),
        }
    }
}

/// How each vendor fared with each of its families.
#[derive(Default)]
pub struct Table(BTreeMap<(Family, String), Row>);

/// Shares are of all requests, but those of receipts are of the messages that the vendor owes one.
#[derive(Default)]
struct Row {
    gives_receipts: bool,
    requests: u64,
    delivered: u64,
    no_answer: u64,
    throttled: u64,
    not_sent: u64,
    owed: u64,
    early: u64,
    late: u64,
    twice: u64,
    never: u64,
    /// Codes that are no delivery, of answers and first receipts.
    failed: BTreeMap<String, u64>,
    latency: Times,
    receipt: Times,
}

impl Row {
    fn add(&mut self, step: &Step, played: &Played) {
        let Step { vendor, after_ms, .. } = step;
        self.requests += 1;
        self.gives_receipts = vendor.receipts;
        let answered = match typical(&played.reply, vendor) {
            Reply::Code { code, .. } | Reply::Unasked { code, .. } => {
                self.latency.add(*after_ms, played.answered_ms);
                Some(code)
            }
            Reply::NoAnswer(_) | Reply::Forgotten(_) | Reply::Undecided(_) | Reply::Tokens(_) => {
                self.no_answer += 1;
                None
            }
            Reply::Throttled(_) => {
                self.throttled += 1;
                None
            }
            Reply::NotSent(_) => {
                self.not_sent += 1;
                None
            }
        };
        let class = |code: &str| judge(vendor.codes, code).class;
        let accepted = answered.is_some_and(|code| matches!(class(code), Class::Done | Class::Poll | Class::Uncertain));
        let first = played.receipts.first();
        // What the message came to: its receipt says it, or the answer when no receipt is to follow.
        let end = first.map(|receipt| &receipt.code).or(answered.filter(|_| !(vendor.receipts && accepted)));
        match end {
            Some(code) if class(code) == Class::Done => self.delivered += 1,
            Some(code) => *self.failed.entry(code.clone()).or_default() += 1,
            None => {}
        }
        if !vendor.receipts || (first.is_none() && !accepted) {
            return;
        }
        self.owed += 1;
        self.twice += u64::from(played.receipts.len() > 1);
        let Some(first) = first else {
            self.never += 1;
            return;
        };
        let delay_ms = (first.at_ms - after_ms).max(0);
        self.receipt.add(*after_ms, first.at_ms);
        self.early += u64::from(first.at_ms < played.answered_ms);
        self.late += u64::from(delay_ms as u128 > vendor.longest_receipt_time().as_millis());
    }

    fn cells(&self, family: Family, vendor: &str) -> Vec<String> {
        let of_all = |count: u64| share(count, self.requests);
        let of_owed = |count: u64| if self.gives_receipts { share(count, self.owed) } else { "-".to_owned() };
        let failed = self.failed.values().sum();
        let mut codes: Vec<_> = self.failed.iter().collect();
        codes.sort_by_key(|(_, count)| Reverse(**count));
        let others = codes.len().saturating_sub(CODES);
        let named = codes.into_iter().take(CODES).map(|(code, count)| format!("{code} {}", of_all(*count)));
        let named: Vec<_> = named.chain((others > 0).then(|| format!("{others} more"))).collect();
        let mut cells = vec![family.to_string(), vendor.to_owned(), crate::output::thousands(self.requests)];
        cells.extend([self.delivered, failed, self.no_answer, self.throttled, self.not_sent].map(of_all));
        cells.extend([self.latency.text(), self.receipt.text()]);
        cells.extend([self.early, self.late, self.twice, self.never].map(of_owed));
        cells.push(named.join(", "));
        cells
    }
}

/// A part as per cent: `2.5`.
fn share(count: u64, of: u64) -> String {
    match of {
        0 => "-".to_owned(),
        of => format!("{:.1}", count as f64 * 100.0 / of as f64),
    }
}

/// Codes that a row names, most frequent first; --json has them all.
const CODES: usize = 4;

const HEADER: [&str; 15] = [
    "family",
    "vendor",
    "requests",
    "delivered",
    "failed",
    "no answer",
    "throttled",
    "not sent",
    "answer ms",
    "receipt ms",
    "early",
    "late",
    "twice",
    "never",
    "failed by code",
];

impl Table {
    /// Counts a request.
    pub fn add(&mut self, step: &Step, played: &Played) {
        let key = (step.family, step.vendor.name.clone());
        self.0.entry(key).or_default().add(step, played);
    }

    /// As people read it.
    pub fn text(&self) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING).set_header(HEADER);
        for ((family, vendor), row) in &self.0 {
            table.add_row(row.cells(*family, vendor));
        }
        (2..14).filter_map(|n| table.column_mut(n).map(|c| c.set_cell_alignment(CellAlignment::Right))).for_each(drop);
        let mut text = "Shares in per cent; times from the request, median / 99th percentile\n".to_owned();
        let _ = writeln!(text, "{table}");
        text.push_str(
            "early: before the answer; late: after the vendor's receipt_hours; never: accepted and not reported. These \
             are shares of what the vendor accepted.",
        );
        text
    }
}
