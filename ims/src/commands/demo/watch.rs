//! What the demo sees: the report and analysis topics, read as a data team would, and the books.

use super::live::{self, Count};
use crate::{assemble::Deployment, commands::follow::Follower, times::Times};
use schemas::{AnalyzeLog, Channel, Lane, LogEvent, Report, ReportKind, State, Topic, topics::Kind};
use std::collections::BTreeMap;
use topology::{
    engine::Decoder,
    ledger::{self, Books},
};

/// How the messages of one channel and priority fared.
#[derive(Debug, Default, serde::Serialize)]
pub struct Row {
    /// Refused by a rule.
    pub rejected: u64,
    /// Steps that were delivered.
    pub delivered: u64,
    /// Steps that failed; the plan may have gone on.
    pub failed: u64,
    /// Steps whose end nobody knows.
    pub uncertain: u64,
    /// Steps that expired or were cancelled.
    pub ended_otherwise: u64,
    /// Time from API to acceptance.
    pub accepted: Times,
    /// Time from API to the router's decision.
    pub routed: Times,
    /// Time from API to the request to the vendor.
    pub sent: Times,
    /// Time from API to the end of the step.
    pub ended: Times,
}

/// Everything seen so far.
pub struct Watch {
    follower: Follower,
    decoder: Decoder,
    cluster: u8,
    /// The account of every message.
    pub books: Books,
    /// Terminal reports, refusals included.
    pub ended: u64,
    /// By the API topic of the request.
    pub lanes: BTreeMap<Lane, Count>,
    /// By channel of the step and priority.
    pub rows: BTreeMap<(Channel, Lane), Row>,
    /// Some terminal reports, one for each channel and state.
    pub samples: BTreeMap<(Channel, State), Report>,
}

impl Watch {
    /// Begins at the beginning, of the cluster of this number.
    pub fn new(deployment: &Deployment, cluster: u8) -> anyhow::Result<Self> {
        let topics = ledger::topics().chain([Topic::analyze_log()]).collect();
        Ok(Self {
            follower: Follower::new(deployment.log(), "demo", topics)?,
            decoder: deployment.decoder(),
            cluster,
            books: Books::default(),
            ended: 0,
            lanes: BTreeMap::new(),
            rows: BTreeMap::new(),
            samples: BTreeMap::new(),
        })
    }

    /// Messages were asked for.
    pub fn requested(&mut self, lane: Lane, messages: usize) {
        self.lanes.entry(lane).or_default().requested += messages as u64;
    }

    /// Whether some message was delivered.
    pub fn any_delivered(&self) -> bool {
        self.lanes.values().any(|count| count.delivered > 0)
    }

    /// Reads what has come since; whether anything has.
    pub fn look(&mut self) -> anyhow::Result<bool> {
        let (mut reports, mut events) = (Vec::new(), Vec::new());
        let records = self.follower.take()?;
        for record in records {
            let value = record.value.as_deref();
            match record.place.topic.kind() {
                Kind::AnalyzeLog => events.extend(self.decoder.decode::<AnalyzeLog>(value)?),
                Kind::Report(_) => reports.extend(self.decoder.decode::<Report>(value)?),
                _ => {}
            }
            ledger::enter(&mut self.books, &self.decoder, self.cluster, record)?;
        }
        let any = !records.is_empty();
        reports.into_iter().for_each(|report| self.report(report));
        events.iter().for_each(|event| self.event(event));
        Ok(any)
    }

    fn report(&mut self, report: Report) {
        if report.kind != ReportKind::State || !report.terminal {
            return;
        }
        self.ended += 1;
        if let Some(lane) = live::lane(&report) {
            self.lanes.entry(lane).or_default().end(report.state);
        }
        self.samples.entry((report.channel, report.state)).or_insert(report);
    }

    fn event(&mut self, event: &AnalyzeLog) {
        let row = self.rows.entry((event.channel, event.priority)).or_default();
        let add = |times: &mut Times, to_ms: Option<i64>| {
            if let Some(to_ms) = to_ms {
                times.add(event.requested_at, to_ms);
            }
        };
        match event.event {
            LogEvent::Rejected => row.rejected += 1,
            LogEvent::Step => {
                match event.state {
                    State::Delivered => row.delivered += 1,
                    State::Failed => row.failed += 1,
                    State::Uncertain => row.uncertain += 1,
                    _ => row.ended_otherwise += 1,
                }
                add(&mut row.accepted, event.accepted_at);
                // A fallback or scheduled step starts later than its request: its times are its own, in the end alone.
                if event.step == 0 {
                    add(&mut row.routed, event.routed_at);
                    add(&mut row.sent, event.sent_at);
                    add(&mut row.ended, Some(event.at));
                }
            }
            LogEvent::Attempt | LogEvent::Late | LogEvent::Callback => {}
        }
    }
}
