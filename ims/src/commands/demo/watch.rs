//! What the demo sees: the report and analysis topics, read as a data team would, and the books.

use super::{
    live::{self, Count},
    rows::Rows,
};
use crate::{assemble::Deployment, commands::follow::Follower, load::Wanted};
use schemas::{AnalyzeLog, Channel, Lane, Report, ReportKind, State, Topic, topics::Kind};
use std::collections::BTreeMap;
use topology::{
    engine::Decoder,
    ledger::{self, Books},
};

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
    /// By channel and priority.
    pub rows: Rows,
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
            rows: Rows::default(),
            samples: BTreeMap::new(),
        })
    }

    /// Messages were asked for.
    pub fn requested(&mut self, wanted: &Wanted) {
        let messages = wanted.messages() as u64;
        self.lanes.entry(wanted.lane).or_default().requested += messages;
        self.rows.requested(&wanted.request.channel, wanted.lane, messages);
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
        events.iter().for_each(|event| self.rows.event(event));
        Ok(any)
    }

    fn report(&mut self, report: Report) {
        if report.kind != ReportKind::State || !report.terminal {
            return;
        }
        self.ended += 1;
        self.rows.ended(&report);
        if let Some(lane) = live::lane(&report) {
            self.lanes.entry(lane).or_default().end(report.state);
        }
        self.samples.entry((report.channel, report.state)).or_insert(report);
    }
}
