//! Brings vendors' delivery reports into the log: a report's serial number alone says which message, step and RESULT
//! topic it is for.

#[cfg(test)]
mod tests;
mod unmatched;

pub use unmatched::{UNMATCHED, Unmatched};

use super::{Allowance, metrics as names};
use crate::{
    engine::{Halt, Outputs, Progress, TurnError, Worker, guarded, settle},
    log::{Log, LogError, Producer},
};
use metrics::counter;
use processors::{
    codes::{Class, judge},
    outcome::news::of_receipt,
    ports::{Clock, Receipt, Receipts, ReferenceSource},
    reference::{Reference, Vendor},
    seldom::Seldom,
};
use schemas::{Family, Serial, Topic};
use std::{sync::Arc, time::Duration};

/// By vendor: an account that another system shares brings its whole volume.
static KEPT_APART: Seldom = Seldom::new();

/// Takes receipts, appends them to RESULT, confirms them. A receipt may come twice; outcome takes the first.
pub struct ReceiptsWorker {
    name: String,
    receipts: Box<dyn Receipts>,
    producer: Box<dyn Producer>,
    reference: Arc<dyn ReferenceSource>,
    clock: Arc<dyn Clock>,
    allowance: Arc<Allowance>,
    out: Outputs,
    /// Receipts that were taken and are not yet confirmed.
    taken: Vec<Receipt>,
}

impl ReceiptsWorker {
    /// A worker of this name, `<role>-receipts`.
    pub fn new(
        name: String,
        log: &dyn Log,
        receipts: Box<dyn Receipts>,
        reference: Arc<dyn ReferenceSource>,
        clock: Arc<dyn Clock>,
        allowance: Arc<Allowance>,
        out: Outputs,
    ) -> Result<Self, LogError> {
        Ok(Self { name, receipts, producer: log.producer()?, reference, clock, allowance, out, taken: Vec::new() })
    }

    fn try_turn(&mut self, wait: Duration) -> Result<Progress, TurnError> {
        if self.taken.is_empty() {
            self.receipts.take(wait, &mut self.taken);
            if self.taken.is_empty() {
                return Ok(Progress::Idle);
            }
            self.translate();
        }
        self.producer.append(self.out.records())?;
        self.receipts.confirm();
        self.taken.clear();
        self.out.clear();
        Ok(Progress::Worked)
    }

    fn translate(&mut self) {
        let (reference, now_ms) = (self.reference.current(), self.clock.now_ms());
        let Self { allowance, out, taken, .. } = self;
        for receipt in &*taken {
            let known = vendor(&reference, &receipt.vendor);
            let class = known.map_or(Class::Unknown, |vendor| judge(vendor.codes, &receipt.code).class);
            let before = out.stand();
            let translated = guarded(|| match (receipt.serial_number.parse::<Serial>(), known) {
                (Ok(serial), Some(vendor)) => {
                    allowance.reported(vendor, receipt);
                    match of_receipt(serial, receipt, vendor, now_ms) {
                        Some(result) => {
                            out.emit(Topic::result(serial.priority), &result.track_id, &result);
                            "taken"
                        }
                        None => "no news",
                    }
                }
                (Err(_), _) => "foreign",
                (Ok(_), None) => "unknown vendor",
            });
            // It would come again for ever, and stop all the others.
            let outcome = translated.unwrap_or_else(|panicked_at| {
                out.back_to(before);
                tracing::error!(worker = %self.name, panicked_at, "a receipt makes this program panic");
                "defect"
            });
            if matches!(outcome, "foreign" | "unknown vendor" | "defect") {
                // A serial number is no secret; a foreign one may be anything, so only its length is told.
                let (vendor, length) = (&receipt.vendor, receipt.serial_number.len());
                if KEPT_APART.is_news(vendor) {
                    tracing::warn!(
                        worker = %self.name,
                        vendor,
                        length,
                        outcome,
                        "a receipt that no message is known for is kept apart (`ims vendor unmatched`). Others of this vendor are \
                         told once a minute, and counted by ims_receipts_total"
                    );
                }
                Unmatched::keep(receipt, outcome, out);
            }
            let (worker, vendor) = (self.name.clone(), receipt.vendor.clone());
            counter!(names::RECEIPTS, "worker" => worker, "vendor" => vendor, "class" => class.name(), "outcome" => outcome)
                .increment(1);
        }
    }
}

/// A vendor by its name alone.
fn vendor<'r>(reference: &'r Reference, name: &str) -> Option<&'r Arc<Vendor>> {
    Family::ALL.into_iter().find_map(|family| reference.vendor(family, name))
}

impl Worker for ReceiptsWorker {
    fn name(&self) -> &str {
        &self.name
    }

    fn turn(&mut self, wait: Duration) -> Result<Progress, Halt> {
        let turn = self.try_turn(wait);
        // What was taken is appended again, or given again by its source.
        settle(&self.name, turn, wait, || {})
    }

    fn finish(self: Box<Self>, _limit: Duration) {
        // What is not confirmed is given again to whoever comes next.
    }
}
