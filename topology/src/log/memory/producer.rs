//! Appends outside of transactions.

use super::Shared;
use crate::log::{Appender, LogError, Outgoing, Producer, Told};
use schemas::Topic;
use std::{slice, sync::Arc, time::Duration};

pub(super) struct MemoryProducer {
    shared: Arc<Shared>,
}

impl MemoryProducer {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

impl Producer for MemoryProducer {
    fn append(&mut self, records: &[Outgoing]) -> Result<(), LogError> {
        let appends = self.shared.layout.stage(records)?;
        let now_ms = self.shared.now_ms();
        self.shared.append(|state| {
            state.append(appends, now_ms);
            Ok(())
        })
    }
}

impl Appender for MemoryProducer {
    fn append(&mut self, records: Vec<(Outgoing, Told)>, _within: Duration) {
        for (record, told) in records {
            told(Producer::append(self, slice::from_ref(&record)));
        }
    }

    fn reach(&mut self, _topic: Topic, _within: Duration) -> Result<(), LogError> {
        self.shared.reach(|_| Ok(()))
    }
}
