//! Appends outside of transactions.

use super::Shared;
use crate::log::{LogError, Outgoing, Producer};
use std::sync::Arc;

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
