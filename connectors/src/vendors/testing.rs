//! What the tests of all protocols share.

use processors::{
    ports::{Answer, Provider, Receipt, Receipts, ReferenceSource, Request},
    reference::Reference,
};
use std::{sync::Arc, time::Duration};

/// Longest wait for what must come.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Reference data that never change.
pub(super) struct Fixed(pub Arc<Reference>);

impl ReferenceSource for Fixed {
    fn current(&self) -> Arc<Reference> {
        Arc::clone(&self.0)
    }
}

/// Nothing is simulated in this process.
pub(super) struct Nobody;

impl Provider for Nobody {
    fn submit(&mut self, request: Request) {
        panic!("simulated: {}", request.vendor.name);
    }

    fn answers(&mut self, _: Duration, _: &mut Vec<Answer>) {}
}

impl Receipts for Nobody {
    fn take(&mut self, _: Duration, _: &mut Vec<Receipt>) {}

    fn confirm(&mut self) {}
}
