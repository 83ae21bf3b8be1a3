//! The verdict, for people and for programs.

use crate::output::thousands;
use serde::Serialize;
use std::fmt::Write;
use topology::ledger::{Balance, Checkpoint, Repeated};

/// Ids that the text names; JSON names all.
const NAMED: usize = 20;

/// What the books say.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// Nothing is wrong, and, when that was asked for, nothing is under way.
    pub fine: bool,
    balances: bool,
    settled: bool,
    #[serde(flatten)]
    balance: Balance,
    /// Accepted and not ended.
    waiting_ids: Vec<String>,
    /// Requested and not yet read by ingest.
    at_the_door_ids: Vec<String>,
    /// Steps that the provider was asked for more often than was announced; None when it was not looked at.
    repeated_requests: Option<Vec<Repeated>>,
}

impl Verdict {
    /// Judges.
    pub fn of(balance: Balance, upto: &Checkpoint, repeated: Option<Vec<Repeated>>, must_settle: bool) -> Self {
        let balances = balance.balances() && repeated.as_ref().is_none_or(Vec::is_empty);
        let settled = balance.waiting == 0 && balance.at_the_door == 0;
        Self {
            fine: balances && (settled || !must_settle),
            balances,
            settled,
            balance,
            waiting_ids: upto.under_way.clone(),
            at_the_door_ids: upto.at_the_door.clone(),
            repeated_requests: repeated,
        }
    }

    /// As people read it.
    pub fn text(&self, must_settle: bool) -> String {
        let mut text = String::new();
        let sum = &self.balance;
        let mut row = |depth: usize, name: &str, count: u64| {
            let _ = writeln!(text, "{:28}{:>14}", format!("{}{name}", "  ".repeat(depth)), thousands(count));
        };
        row(0, "requested", sum.requested);
        row(1, "rejected", sum.rejected);
        row(1, "dead-lettered", sum.dead_lettered);
        row(1, "at the door", sum.at_the_door);
        row(1, "accepted", sum.accepted);
        sum.ended.iter().for_each(|(state, count)| row(2, state, *count));
        row(2, "waiting", sum.waiting);
        if let Some(repeated) = &self.repeated_requests {
            row(0, "requests without a reason", repeated.len() as u64);
            let lines = repeated.iter().map(|r| {
                format!("{} was requested {} times, {} attempts announced", r.serial_number, r.requests, r.announced)
            });
            name(&mut text, "requested again without a recorded reason", lines);
        }
        name(&mut text, "wrong", sum.wrong.iter().cloned());
        if must_settle {
            name(&mut text, "waiting", self.waiting_ids.iter().cloned());
            name(&mut text, "at the door", self.at_the_door_ids.iter().cloned());
        }
        text.push_str(match (self.balances, self.fine, self.settled) {
            (false, ..) => "THE BOOKS DO NOT BALANCE",
            (true, false, _) => "the books balance, and not everything has ended",
            (true, true, true) => "the books balance; everything has ended",
            (true, true, false) => "the books balance; the rest is under way",
        });
        text
    }
}

/// Lists the first lines under a heading, and how many more there are.
fn name(text: &mut String, what: &str, lines: impl ExactSizeIterator<Item = String>) {
    let more = lines.len().saturating_sub(NAMED);
    if lines.len() > 0 {
        let _ = writeln!(text, "{what}:");
    }
    lines.take(NAMED).for_each(|line| text.push_str(&format!("  {line}\n")));
    if more > 0 {
        let _ = writeln!(text, "  … and {} more; --json names all", thousands(more as u64));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn balance(waiting: u64, wrong: usize) -> Balance {
        let wrong = (0..wrong).map(|n| format!("id-{n} ended twice")).collect();
        Balance { requested: 1_000, accepted: 1_000, waiting, wrong, ..Balance::default() }
    }

    #[test]
    fn what_is_under_way_is_fine_unless_everything_must_have_ended() {
        let upto = Checkpoint { under_way: vec!["id-7".into()], ..Checkpoint::default() };
        assert!(Verdict::of(balance(1, 0), &upto, None, false).fine);
        let strict = Verdict::of(balance(1, 0), &upto, None, true);
        assert!(!strict.fine && strict.text(true).contains("id-7"));
        assert!(Verdict::of(balance(0, 0), &Checkpoint::default(), None, true).fine);
    }

    #[test]
    fn the_text_names_the_first_ids_and_json_all() {
        let verdict = Verdict::of(balance(0, 25), &Checkpoint::default(), None, false);
        let text = verdict.text(false);
        assert!(!verdict.fine && text.contains("DO NOT BALANCE"));
        assert!(text.contains("id-19 ended twice") && !text.contains("id-20 ended twice"), "{text}");
        assert!(text.contains("and 5 more"), "{text}");
        assert!(serde_json::to_string(&verdict).unwrap().contains("id-24 ended twice"));
    }

    #[test]
    fn a_request_without_a_recorded_reason_is_wrong() {
        let again = Repeated { serial_number: "serial-1".into(), requests: 2, announced: 0 };
        let verdict = Verdict::of(balance(0, 0), &Checkpoint::default(), Some(vec![again]), false);
        assert!(!verdict.fine && verdict.text(false).contains("serial-1 was requested 2 times"));
        assert!(Verdict::of(balance(0, 0), &Checkpoint::default(), Some(vec![]), false).fine);
    }
}
