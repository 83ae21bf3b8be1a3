//! Counts the messages that have ended, by the headers of their reports.

use crate::commands::follow::Follower;
use schemas::{Channel, State, Topic};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use topology::{
    engine::Headline,
    log::{Log, LogError, Record},
};

/// The ends of all messages so far.
pub struct Ends {
    reports: Follower,
    by_state: BTreeMap<String, u64>,
    count: u64,
    first_delivered: Option<Duration>,
}

impl Ends {
    /// Begins where the log begins.
    pub fn new(log: &dyn Log) -> Result<Self, LogError> {
        let topics = Channel::ALL.iter().map(|&channel| Topic::report(channel)).collect();
        let reports = Follower::new(log, "bench", topics)?;
        Ok(Self { reports, by_state: BTreeMap::new(), count: 0, first_delivered: None })
    }

    /// Reads the reports that have come since the start.
    pub fn look(&mut self, started: Instant) -> Result<(), LogError> {
        for record in self.reports.take()? {
            if header(record, Headline::TERMINAL) != b"true" {
                continue;
            }
            let state = String::from_utf8_lossy(header(record, Headline::STATE));
            if state == State::Delivered.as_str() {
                self.first_delivered.get_or_insert_with(|| started.elapsed());
            }
            self.count += 1;
            match self.by_state.get_mut(&*state) {
                Some(known) => *known += 1,
                None => drop(self.by_state.insert(state.into_owned(), 1)),
            }
        }
        Ok(())
    }

    /// Messages that have ended, refusals included.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The same by state.
    pub fn by_state(&self) -> &BTreeMap<String, u64> {
        &self.by_state
    }

    /// When the first message was delivered, since the start.
    pub fn first_delivered(&self) -> Option<Duration> {
        self.first_delivered
    }
}

fn header<'r>(record: &'r Record, name: &str) -> &'r [u8] {
    record.headers.iter().find(|(known, _)| known == name).map_or(&[], |(_, value)| value)
}
