//! The demo's table: how messages and their steps fared, by channel and priority.

use super::live;
use crate::times::Times;
use schemas::{AnalyzeLog, Channel, Lane, LogEvent, Report, State};
use serde::{Serialize, Serializer, ser::SerializeMap};
use std::collections::BTreeMap;

/// How those of one channel and priority fared. Messages count where their request put them: under its channel, and the
/// lane of its API topic. Steps count under their own channel and priority: that of a fallback is not its message's.
#[derive(Debug, Default, Serialize)]
pub struct Row {
    /// Messages asked for.
    pub requested: u64,
    /// Messages refused by a rule.
    pub rejected: u64,
    /// Steps that were delivered.
    pub delivered: u64,
    /// Steps that failed; the plan may have gone on.
    pub failed: u64,
    /// Steps whose end nobody knows.
    pub uncertain: u64,
    /// Steps that expired or were cancelled.
    pub ended_otherwise: u64,
    /// Messages without an end: scheduled, held, on their way, not yet accepted.
    pub waiting: u64,
    /// Time from API to acceptance.
    pub accepted: Times,
    /// Time from API to the router's decision.
    pub routed: Times,
    /// Time from API to the request to the vendor.
    pub sent: Times,
    /// Time from API to the end of the step.
    pub ended: Times,
}

/// The rows.
#[derive(Debug, Default)]
pub struct Rows(BTreeMap<(Channel, Lane), Row>);

impl Rows {
    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Channel, Lane, &Row)> {
        self.0.iter().map(|((channel, priority), row)| (*channel, *priority, row))
    }

    /// Messages were asked for. Those that name no channel belong to no row.
    pub fn requested(&mut self, channel: &str, lane: Lane, messages: u64) {
        if let Ok(channel) = channel.parse() {
            let row = self.row(channel, lane);
            row.requested += messages;
            row.waiting += messages;
        }
    }

    /// A message ended, or was refused.
    pub fn ended(&mut self, report: &Report) {
        if let Some(lane) = live::lane(report) {
            let row = self.row(report.channel, lane);
            row.waiting = row.waiting.saturating_sub(1);
            row.rejected += u64::from(report.state == State::Rejected);
        }
    }

    /// A step ended.
    pub fn event(&mut self, event: &AnalyzeLog) {
        if event.event != LogEvent::Step {
            return;
        }
        let row = self.row(event.channel, event.priority);
        match event.state {
            State::Delivered => row.delivered += 1,
            State::Failed => row.failed += 1,
            State::Uncertain => row.uncertain += 1,
            _ => row.ended_otherwise += 1,
        }
        let add = |times: &mut Times, to_ms: Option<i64>| {
            if let Some(to_ms) = to_ms {
                times.add(event.requested_at, to_ms);
            }
        };
        add(&mut row.accepted, event.accepted_at);
        // A fallback or scheduled step starts later than its request: its times are its own, in the end alone.
        if event.step == 0 {
            add(&mut row.routed, event.routed_at);
            add(&mut row.sent, event.sent_at);
            add(&mut row.ended, Some(event.at));
        }
    }

    fn row(&mut self, channel: Channel, priority: Lane) -> &mut Row {
        self.0.entry((channel, priority)).or_default()
    }
}

impl Serialize for Rows {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for (channel, priority, row) in self.iter() {
            map.serialize_entry(&format!("{channel}-{priority}"), row)?;
        }
        map.end()
    }
}
