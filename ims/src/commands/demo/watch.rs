//! What the demo sees: the report and analysis topics, read as a data team would.

use super::live::{self, Count};
use crate::times::Times;
use schemas::{AnalyzeLog, Channel, Lane, LogEvent, Record, Report, ReportKind, Schemas, State, Topic};
use std::{collections::BTreeMap, sync::Arc};
use topology::log::{LogError, Place, Reader};

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
    reader: Box<dyn Reader>,
    schemas: Arc<Schemas>,
    next: BTreeMap<Place, i64>,
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
    /// Begins at the beginning.
    pub fn new(reader: Box<dyn Reader>, schemas: Arc<Schemas>) -> Self {
        Self {
            reader,
            schemas,
            next: BTreeMap::new(),
            ended: 0,
            lanes: BTreeMap::new(),
            rows: BTreeMap::new(),
            samples: BTreeMap::new(),
        }
    }

    /// Messages were asked for.
    pub fn requested(&mut self, lane: Lane, messages: usize) {
        self.lanes.entry(lane).or_default().requested += messages as u64;
    }

    /// Whether some message was delivered.
    pub fn any_delivered(&self) -> bool {
        self.lanes.values().any(|count| count.delivered > 0)
    }

    /// Reads what has come since.
    pub fn look(&mut self) -> Result<(), LogError> {
        for &channel in Channel::ALL {
            for report in self.news::<Report>(Topic::report(channel))? {
                self.report(report);
            }
        }
        for event in self.news::<AnalyzeLog>(Topic::analyze_log())? {
            self.event(&event);
        }
        Ok(())
    }

    fn news<R: Record>(&mut self, topic: Topic) -> Result<Vec<R>, LogError> {
        let mut news = Vec::new();
        for partition in self.reader.partitions(topic)? {
            let place = Place { topic, partition };
            let (first, end) = self.reader.bounds(place)?;
            let from = self.next.get(&place).copied().unwrap_or(first);
            self.reader.read(place, from, end, &mut |record| {
                news.extend(record.value.as_deref().and_then(|value| self.schemas.decode::<R>(value).ok()));
            })?;
            self.next.insert(place, end);
        }
        Ok(news)
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
