//! The demo while it runs: a line for each lane, on a terminal alone.

use crate::output::thousands;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use schemas::{Lane, Report, State, TrackId};
use std::{
    collections::{BTreeMap, VecDeque},
    io::{self, IsTerminal},
    time::{Duration, Instant},
};

/// The messages of one lane so far.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Written to its API topic.
    pub requested: u64,
    /// Refused by a rule.
    pub rejected: u64,
    /// Ended as delivered.
    pub delivered: u64,
    /// Ended in any other way.
    pub failed: u64,
}

impl Count {
    /// With an end, whichever.
    pub fn ended(&self) -> u64 {
        self.rejected + self.delivered + self.failed
    }

    /// Counts a terminal report.
    pub fn end(&mut self, state: State) {
        match state {
            State::Rejected => self.rejected += 1,
            State::Delivered => self.delivered += 1,
            _ => self.failed += 1,
        }
    }

    /// As people read it; waiting are those on their way, scheduled, or held for the morning.
    fn text(&self, a_second: u64) -> String {
        let waiting = self.requested.saturating_sub(self.ended());
        let numbers = [self.requested, self.delivered, self.failed, self.rejected, waiting, a_second].map(thousands);
        let [requested, delivered, failed, rejected, waiting, a_second] = numbers;
        row([&requested, &delivered, &failed, &rejected, &waiting, &a_second])
    }
}

const TITLES: [&str; 6] = ["requested", "delivered", "failed", "rejected", "waiting", "a second"];

/// A line with its numbers under the titles; with lane and bar it fits a terminal of 80 characters.
fn row(cells: [&str; 6]) -> String {
    let [requested, delivered, failed, rejected, waiting, a_second] = cells;
    format!("{requested:>9} {delivered:>9} {failed:>8} {rejected:>8} {waiting:>9} {a_second:>8}")
}

/// The lane to whose API topic the request of a report was written: its track_id says so.
pub fn lane(report: &Report) -> Option<Lane> {
    Some(report.track_id.parse::<TrackId>().ok()?.api().lane)
}

/// How many came within the last second.
#[derive(Debug, Default)]
struct Rate(VecDeque<(Instant, u64)>);

impl Rate {
    fn of(&mut self, total: u64, now: Instant) -> u64 {
        self.0.push_back((now, total));
        while self.0.len() > 2 && now - self.0[1].0 >= Duration::from_secs(1) {
            self.0.pop_front();
        }
        let Some(&(since, before)) = self.0.front() else { return 0 };
        let seconds = (now - since).as_secs_f64();
        if seconds < 0.1 { 0 } else { ((total - before) as f64 / seconds) as u64 }
    }
}

/// The lines.
pub struct Live {
    titles: ProgressBar,
    lines: Vec<(Lane, ProgressBar, Rate)>,
    screen: MultiProgress,
}

impl Live {
    /// Shows all lanes; nothing when nobody looks.
    pub fn new(json: bool) -> Self {
        let seen = !json && io::stderr().is_terminal();
        let target = if seen { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let screen = MultiProgress::with_draw_target(target);
        let add = |name: &'static str, template: &str| {
            // The templates are constants: a wrong one shows in the plain style.
            let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            screen.add(ProgressBar::new(0).with_style(style).with_prefix(name))
        };
        let titles = add("lane", "{prefix:>8}            {msg}");
        titles.set_message(row(TITLES));
        let line = |lane: &Lane| (*lane, add(lane.as_str(), "{prefix:>8} {bar:10} {msg}"), Rate::default());
        let lines = Lane::ALL.iter().map(line).collect();
        Self { titles, lines, screen }
    }

    /// Shows what was counted until now.
    pub fn show(&mut self, counts: &BTreeMap<Lane, Count>, now: Instant) {
        for (lane, bar, rate) in &mut self.lines {
            let count = counts.get(lane).copied().unwrap_or_default();
            bar.set_length(count.requested);
            bar.set_position(count.ended());
            bar.set_message(count.text(rate.of(count.ended(), now)));
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.titles.finish_and_clear();
        self.lines.iter().for_each(|(_, bar, _)| bar.finish_and_clear());
        // What cannot be wiped off a screen stays on it.
        let _ = self.screen.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::Api;

    #[test]
    fn what_was_asked_for_is_delivered_failed_rejected_or_waits() {
        let mut count = Count { requested: 1_234, ..Count::default() };
        [State::Delivered, State::Delivered, State::Rejected, State::Uncertain].iter().for_each(|s| count.end(*s));
        let text = count.text(5);
        let words: Vec<&str> = text.split_whitespace().collect();
        assert_eq!(words, ["1,234", "2", "1", "1", "1,230", "5"]);
        // Numbers end where their titles do.
        assert_eq!(text.len(), row(TITLES).len());
    }

    #[test]
    fn the_rate_is_that_of_the_last_second() {
        let (mut rate, begun) = (Rate::default(), Instant::now());
        let at = |ms| begun + Duration::from_millis(ms);
        assert_eq!(rate.of(0, at(0)), 0);
        assert_eq!(rate.of(500, at(500)), 1_000);
        assert_eq!(rate.of(1_500, at(1_000)), 1_500);
        assert_eq!(rate.of(1_500, at(1_500)), 1_000);
        assert_eq!(rate.of(1_500, at(3_000)), 0);
    }

    #[test]
    fn a_report_belongs_to_the_lane_that_its_request_came_by() {
        let api = Api { cluster: 0, lane: Lane::Mass, partition: 1, offset: 7, receiver: 0 };
        let report = Report { track_id: TrackId::new(1_772_377_200_000, api).to_string(), ..Report::default() };
        assert_eq!(lane(&report), Some(Lane::Mass));
        assert_eq!(lane(&Report::default()), None);
    }
}
