//! What the demo prints at its end.

use super::{
    rows::{Row, Rows},
    watch::Watch,
};
use crate::{exit::Exit, output::thousands, times::Times};
use comfy_table::{CellAlignment, Table, presets};
use schemas::{Report, State, examples::seed};
use serde::{Serialize, Serializer};
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
    watch.rows.serialize(to)
}

/// Done when nothing was lost or ended twice, and nothing is still at the door.
pub fn verdict(balance: &Balance) -> Exit {
    match balance.balances() && balance.at_the_door == 0 {
        true => Exit::Done,
        false => Exit::Unbalanced,
    }
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
        let mut text = table(&self.watch.rows);
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
        match self.verdict() {
            Exit::Done => text.push_str("  The books balance: nothing lost, nothing ended twice.\n"),
            _ => text.push_str(&format!("  {}\n", imbalance(sum))),
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

    /// How the command ends.
    pub fn verdict(&self) -> Exit {
        verdict(&self.balance)
    }

    /// The reports with most to tell: those that are not plain deliveries first.
    fn samples(&self) -> impl Iterator<Item = &Report> {
        let mut samples: Vec<&Report> = self.watch.samples.values().collect();
        samples.sort_by_key(|r| (r.state == State::Delivered, std::cmp::Reverse(r.steps.len()), r.state));
        samples.into_iter().take(6)
    }
}

const TITLES: [&str; 13] = [
    "channel",
    "priority",
    "requested",
    "rejected",
    "delivered",
    "failed",
    "uncertain",
    "other",
    "waiting",
    "accepted ms",
    "routed ms",
    "sent ms",
    "ended ms",
];

fn table(rows: &Rows) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(TITLES);
    for (channel, priority, row) in rows.iter() {
        table.add_row(cells(channel.as_str(), priority.as_str(), row));
    }
    let numbers = 2..TITLES.len();
    numbers.filter_map(|n| table.column_mut(n).map(|c| c.set_cell_alignment(CellAlignment::Right))).for_each(drop);
    format!(
        "By channel and priority: messages requested, rejected and waiting; their steps, those of fallbacks too, delivered, \
         failed, uncertain or ended otherwise; times from the request, median / 99th percentile\n{table}"
    )
}

fn cells(channel: &str, priority: &str, row: &Row) -> Vec<String> {
    let messages = [row.requested, row.rejected];
    let steps = [row.delivered, row.failed, row.uncertain, row.ended_otherwise];
    let mut cells = vec![channel.to_owned(), priority.to_owned()];
    cells.extend(messages.into_iter().chain(steps).chain([row.waiting]).map(thousands));
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
    use schemas::{AnalyzeLog, Api, Channel, Lane, LogEvent, TrackId, examples};
    use std::collections::BTreeMap;

    /// A message of a channel and lane that ended so after these steps, each of a channel.
    fn end(rows: &mut Rows, channel: Channel, lane: Lane, state: State, steps: &[(Channel, State)]) {
        let api = Api { cluster: 0, lane, partition: 0, offset: 1, receiver: 0 };
        let track_id = TrackId::new(1_000, api).to_string();
        for (step, (channel, state)) in (0..).zip(steps) {
            rows.event(&AnalyzeLog {
                event: LogEvent::Step,
                channel: *channel,
                priority: lane,
                state: *state,
                step,
                requested_at: 1_000,
                accepted_at: Some(1_002),
                routed_at: Some(1_003),
                sent_at: Some(1_005),
                at: 1_007,
                ..AnalyzeLog::default()
            });
        }
        rows.ended(&Report { track_id, channel, state, terminal: true, ..Report::default() });
    }

    /// Four messages of KakaoTalk, two of which have ended, one after a text, and one is refused; 1,234 texts in bulk.
    fn rows() -> Rows {
        let (mut rows, realtime) = (Rows::default(), Lane::Realtime);
        rows.requested("AT", realtime, 4);
        rows.requested("MT", Lane::Mass, 1_234);
        rows.requested("FAX", Lane::Mass, 1);
        end(&mut rows, Channel::At, realtime, State::Delivered, &[(Channel::At, State::Delivered)]);
        let fallback = [(Channel::At, State::Failed), (Channel::Mt, State::Uncertain)];
        end(&mut rows, Channel::At, realtime, State::Uncertain, &fallback);
        end(&mut rows, Channel::At, realtime, State::Rejected, &[]);
        end(&mut rows, Channel::Mt, Lane::Mass, State::Expired, &[(Channel::Mt, State::Expired)]);
        rows
    }

    #[test]
    fn the_table_tells_by_channel_and_priority_what_was_asked_for_how_it_ended_and_what_waits() {
        let table = table(&rows());
        let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        let line = |channel: &str, priority: &str| {
            let found = lines.iter().find(|line| line.starts_with(&[channel, priority]));
            // Times are two numbers and what stands between them.
            found.unwrap_or_else(|| panic!("{channel}-{priority} is missing in\n{table}"))[2..].join(" ")
        };
        let titles =
            "requested rejected delivered failed uncertain other waiting accepted ms routed ms sent ms ended ms";
        assert_eq!(line("channel", "priority"), titles);
        assert_eq!(line("AT", "REALTIME"), "4 1 1 1 0 0 1 2 / 2 3 / 3 5 / 5 7 / 7");
        assert_eq!(line("MT", "REALTIME"), "0 0 0 0 1 0 0 2 / 2 - - -", "a fallback is a step and no request");
        assert_eq!(line("MT", "MASS"), "1,234 0 0 0 0 1 1,233 2 / 2 3 / 3 5 / 5 7 / 7");
    }

    #[test]
    fn a_script_reads_what_the_table_shows() {
        let json = serde_json::to_value(rows()).unwrap();
        let numbers = |row: &str| {
            ["requested", "rejected", "delivered", "failed", "uncertain", "ended_otherwise", "waiting"]
                .map(|key| json[row][key].as_u64().unwrap_or_else(|| panic!("{row} {key}: {json}")))
        };
        assert_eq!(numbers("AT-REALTIME"), [4, 1, 1, 1, 0, 0, 1]);
        assert_eq!(numbers("MT-MASS"), [1_234, 0, 0, 0, 0, 1, 1_233]);
    }

    #[test]
    fn books_that_do_not_balance_end_the_demo_with_exit_code_3() {
        let right = || Balance {
            requested: 2,
            accepted: 2,
            waiting: 1,
            ended: BTreeMap::from([("DELIVERED".to_owned(), 1)]),
            ..Balance::default()
        };
        assert_eq!(verdict(&right()), Exit::Done, "what waits is no fault");
        let wrong = Balance { wrong: vec!["T-1 ended 2 times".to_owned()], ..right() };
        let at_the_door = Balance { at_the_door: 1, ..right() };
        for balance in [wrong, at_the_door] {
            assert_eq!((verdict(&balance), verdict(&balance) as u8), (Exit::Unbalanced, 3), "{balance:?}");
        }
        let told = imbalance(&Balance { wrong: vec!["T-1 ended 2 times".to_owned()], at_the_door: 4, ..right() });
        assert!(told.contains("4 at the door") && told.contains("T-1 ended 2 times"), "{told}");
    }

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
