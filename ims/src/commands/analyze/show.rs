//! The answer, for people and for programs.

use crate::output::thousands;
use comfy_table::{CellAlignment, Table, presets};
use connectors::analysis::{Asked, Failure, Latency, Outcomes, Volume};
use jiff::Timestamp;
use processors::anomaly::Anomaly;
use schemas::{Channel, LogEvent};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt::Write};

/// Minutes that the text shows; JSON has all.
const MINUTES: usize = 60;
/// Columns of the table of volumes.
const EVENTS: [LogEvent; 5] =
    [LogEvent::Step, LogEvent::Attempt, LogEvent::Rejected, LogEvent::Late, LogEvent::Callback];

/// All that was asked for.
#[derive(Debug)]
pub struct Shown {
    /// About what.
    pub asked: Asked,
    /// Events per minute and channel.
    pub volumes: Vec<Volume>,
    /// Percentiles of each step of the way and priority.
    pub latencies: Vec<Latency>,
    /// Reasons, the most frequent first.
    pub failures: Vec<Failure>,
    /// Of whom most were given up, first.
    pub callbacks: Vec<Outcomes>,
    /// The oldest first.
    pub anomalies: Vec<Anomaly>,
}

impl Shown {
    /// Whether nothing happened.
    pub fn is_empty(&self) -> bool {
        let Self { volumes, latencies, failures, callbacks, anomalies, asked: _ } = self;
        let counted = !volumes.is_empty() || !latencies.is_empty() || !callbacks.is_empty();
        !counted && failures.is_empty() && anomalies.is_empty()
    }

    /// As programs read it. Times are ISO 8601 in UTC.
    pub fn json(&self) -> Value {
        let volume = |v: &Volume| json!({ "minute": time(v.minute_ms), "channel": v.channel.as_str(), "event": v.event.as_str(), "count": v.count });
        let latency = |l: &Latency| {
            json!({
                "step": l.phase.as_str(), "priority": l.priority.as_str(), "count": l.count,
                "p50_ms": l.p50_ms, "p99_ms": l.p99_ms, "p999_ms": l.p999_ms,
            })
        };
        let failure = |f: &Failure| {
            json!({
                "channel": f.channel.as_str(), "vendor": f.vendor, "origin": f.origin.as_str(), "code": f.code,
                "count": f.count,
            })
        };
        let callbacks = |c: &Outcomes| {
            json!({
                "customer": c.username, "told": c.told, "again": c.again, "given_up": c.given_up,
                "disabled": c.disabled,
            })
        };
        let anomaly = |a: &Anomaly| {
            json!({
                "kind": a.kind.as_str(), "vendor": a.series.vendor, "channel": a.series.channel.as_str(),
                // null: all customers together.
                "customer": Some(&a.series.username).filter(|username| !username.is_empty()),
                "began_at": time(a.opened_ms), "ended_at": a.closed_ms.map(time),
                "share": a.share, "norm": a.norm, "events": a.events, "slow_ms": a.slow_ms,
            })
        };
        json!({
            "from": time(self.asked.span_ms.start),
            "to": time(self.asked.span_ms.end),
            "volumes": self.volumes.iter().map(volume).collect::<Vec<_>>(),
            "latencies": self.latencies.iter().map(latency).collect::<Vec<_>>(),
            "failures": self.failures.iter().map(failure).collect::<Vec<_>>(),
            "callbacks": self.callbacks.iter().map(callbacks).collect::<Vec<_>>(),
            "anomalies": self.anomalies.iter().map(anomaly).collect::<Vec<_>>(),
        })
    }

    /// As people read it.
    pub fn text(&self) -> String {
        let mut text = format!("{} to {}\n", time(self.asked.span_ms.start), time(self.asked.span_ms.end));
        self.write_volumes(&mut text);
        let latencies = self.latencies.iter().map(|l| {
            let figures = [l.count, l.p50_ms, l.p99_ms].map(number);
            [vec![l.phase.as_str().to_owned(), l.priority.as_str().to_owned()], figures.to_vec()].concat()
        });
        section(&mut text, "Latency", &["step", "priority", "count", "p50 ms", "p99 ms"], 2, latencies);
        let failures = self.failures.iter().map(|f| {
            let vendor = if f.vendor.is_empty() { "-" } else { &f.vendor };
            vec![vendor.to_owned(), f.channel.to_string(), f.origin.to_string(), f.code.clone(), number(f.count)]
        });
        section(&mut text, "Reasons of failures", &["vendor", "channel", "code of", "code", "count"], 4, failures);
        let callbacks = self.callbacks.iter().map(|c| {
            [vec![c.username.clone()], [c.told, c.again, c.given_up, c.disabled].map(number).to_vec()].concat()
        });
        let heads = ["customer", "told", "again", "given up", "disabled"];
        section(&mut text, "Callbacks", &heads, 1, callbacks);
        let anomalies = self.anomalies.iter().map(|a| {
            let customer = if a.series.username.is_empty() { "(all)" } else { &a.series.username };
            let what = a.slow_ms.map_or("failed".to_owned(), |ms| format!("slower than {} ms", number(ms)));
            let share = format!("{:.1} % {what}, usual {:.1} %", 100.0 * a.share, 100.0 * a.norm);
            let end = a.closed_ms.map_or("lasts".to_owned(), time);
            let series = [&a.series.vendor, a.series.channel.as_str(), customer].map(str::to_owned);
            [vec![time(a.opened_ms), end], series.to_vec(), vec![share]].concat()
        });
        section(&mut text, "Anomalies", &["began", "ended", "vendor", "channel", "customer", "share"], 6, anomalies);
        text
    }

    fn write_volumes(&self, text: &mut String) {
        let mut rows: BTreeMap<(i64, Channel), [i64; EVENTS.len()]> = BTreeMap::new();
        for Volume { minute_ms, channel, event, count } in &self.volumes {
            if let Some(column) = EVENTS.iter().position(|known| known == event) {
                rows.entry((*minute_ms, *channel)).or_default()[column] += count;
            }
        }
        let mut minutes: Vec<i64> = rows.keys().map(|(minute_ms, _)| *minute_ms).collect();
        minutes.dedup();
        let left_out = minutes.len().saturating_sub(MINUTES);
        let shown = rows.range((minutes.get(left_out).copied().unwrap_or(0), Channel::ALL[0])..);
        let row = |((minute_ms, channel), counts): (&(i64, Channel), &[i64; EVENTS.len()])| {
            [vec![time(*minute_ms), channel.to_string()], counts.iter().copied().map(number).collect()].concat()
        };
        let heads: Vec<&str> =
            ["minute", "channel"].into_iter().chain(EVENTS.iter().map(|event| event.as_str())).collect();
        section(text, "Events per minute", &heads, 2, shown.map(row));
        if left_out > 0 {
            let _ = writeln!(text, "… and {} earlier minutes; --json tells all", number(left_out as i64));
        }
    }
}

/// A heading and a table, of which the columns from `figures` on are numbers; or that there is nothing.
fn section(text: &mut String, title: &str, heads: &[&str], figures: usize, rows: impl Iterator<Item = Vec<String>>) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(heads);
    for column in table.column_iter_mut().skip(figures) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.add_rows(rows);
    let _ = match table.is_empty() {
        true => writeln!(text, "\n{title}\n none"),
        false => writeln!(text, "\n{title}\n{table}"),
    };
}

fn number(count: i64) -> String {
    thousands(count.unsigned_abs())
}

/// To the minute, and to the second where there are any.
fn time(at_ms: i64) -> String {
    Timestamp::from_millisecond(at_ms).map_or_else(|_| at_ms.to_string(), |at| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use connectors::analysis::Phase;
    use processors::anomaly::{Kind, Series};
    use schemas::{Lane, Origin};

    const MINUTE_MS: i64 = 1_772_413_200_000; // 2026-03-02T01:00:00Z

    fn shown(minutes: i64) -> Shown {
        let volume = |at: i64| Volume {
            minute_ms: MINUTE_MS + at * 60_000,
            channel: Channel::Mt,
            event: LogEvent::Step,
            count: 1_000 + at,
        };
        Shown {
            asked: Asked::all(MINUTE_MS..MINUTE_MS + minutes * 60_000),
            volumes: (0..minutes).map(volume).collect(),
            latencies: vec![Latency {
                phase: Phase::Vendor,
                priority: Lane::Auth,
                count: 7,
                p50_ms: 40,
                p99_ms: 1_234,
                p999_ms: 2_000,
            }],
            failures: vec![Failure {
                channel: Channel::Mt,
                vendor: "text-one".into(),
                origin: Origin::Vendor,
                code: "3018".into(),
                count: 12,
            }],
            callbacks: vec![Outcomes {
                username: "hanbit-shop".into(),
                told: 4_321,
                again: 17,
                given_up: 2,
                disabled: 0,
            }],
            anomalies: vec![Anomaly {
                kind: Kind::Failures,
                series: Series { vendor: "text-one".into(), channel: Channel::Mt, username: String::new() },
                opened_ms: MINUTE_MS,
                closed_ms: None,
                share: 0.31,
                norm: 0.012,
                events: 200,
                slow_ms: None,
            }],
        }
    }

    #[test]
    fn the_text_tells_each_part_and_json_all_of_it() {
        let two = shown(2);
        let text = two.text();
        for part in [
            "2026-03-02T01:00:00Z to 2026-03-02T01:02:00Z",
            "1,001",
            "1,234",
            "3018",
            "31.0 % failed, usual 1.2 %",
            "lasts",
            "(all)",
            "4,321",
        ] {
            assert!(text.contains(part), "{part:?} is missing in {text}");
        }
        let json = two.json();
        assert_eq!(json["volumes"][1]["count"], 1_001);
        assert_eq!(json["latencies"][0]["p99_ms"], 1_234);
        assert_eq!(json["failures"][0]["code"], "3018");
        let callbacks = json!({"customer": "hanbit-shop", "told": 4_321, "again": 17, "given_up": 2, "disabled": 0});
        assert_eq!(json["callbacks"][0], callbacks);
        assert_eq!(json["anomalies"][0]["customer"], Value::Null);
        assert_eq!(json["anomalies"][0]["ended_at"], Value::Null);
    }

    #[test]
    fn a_long_span_shows_its_newest_minutes_and_says_what_is_left_out() {
        let long = shown(70);
        let text = long.text();
        assert!(!text.contains("1,009\n") && !text.contains(" 1,009 "), "{text}");
        assert!(text.contains("1,010") && text.contains("1,069"), "{text}");
        assert!(text.contains("and 10 earlier minutes"), "{text}");
        assert_eq!(long.json()["volumes"].as_array().unwrap().len(), 70);
    }

    #[test]
    fn nothing_is_said_as_such() {
        let empty = Shown {
            volumes: vec![],
            latencies: vec![],
            failures: vec![],
            callbacks: vec![],
            anomalies: vec![],
            ..shown(1)
        };
        assert_eq!(empty.text().matches("none").count(), 5, "{}", empty.text());
    }
}
