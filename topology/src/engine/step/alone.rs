//! A batch that panicked is decided record by record.

use super::{Step, StepWorker};
use crate::{
    engine::guard::{guard, guarded},
    log::Outgoing,
};
use processors::{ports::Away, seldom::Seldom};

static BATCHES_TOLD: Seldom = Seldom::new();

impl<S: Step> StepWorker<S> {
    /// Decides the batch; if that panics, each of its records alone. For how many.
    pub(super) fn run(&mut self, now_ms: i64) -> Result<usize, Away> {
        let panicked_at = match guarded(|| self.step.run(&self.batch, now_ms, &mut self.out)) {
            Ok(decided) => return decided,
            Err(place) => place,
        };
        let records = self.batch.len();
        if BATCHES_TOLD.is_news(&panicked_at) {
            tracing::error!(stream = %self.spec.name, records, panicked_at, "a batch panicked: each record is decided alone");
        }
        self.step.undo();
        self.out.clear();
        self.run_one_by_one(now_ms)
    }

    /// All in one transaction, so that the gate sees how many are set aside before one of them is. What comes to more than
    /// a batch, or stands before a dependency that is away, is left for the next one.
    fn run_one_by_one(&mut self, now_ms: i64) -> Result<usize, Away> {
        let mut bytes = 0;
        for at in 0..self.batch.len() {
            let (stand, appended) = (self.out.stand(), self.out.records().len());
            if let Err(away) = self.run_alone(at, now_ms) {
                self.out.back_to(stand);
                return if at == 0 { Err(away) } else { Ok(at) };
            }
            bytes += self.out.records()[appended..].iter().map(value_bytes).sum::<usize>();
            if bytes >= self.limits.bytes {
                return Ok(at + 1);
            }
        }
        Ok(self.batch.len())
    }

    /// Decides one record, and sets it aside when that panics.
    fn run_alone(&mut self, at: usize, now_ms: i64) -> Result<(), Away> {
        let Self { step, out, batch, .. } = self;
        let (record, stand) = (&batch[at], out.stand());
        let one = std::slice::from_ref(record);
        let Err(reason) = guard(record, || step.run(one, now_ms, out).map(Ok::<_, String>))? else { return Ok(()) };
        step.undo();
        out.back_to(stand);
        if guarded(|| step.set_aside(record, &reason, now_ms, out)).is_err() {
            // What is kept of its message is what panics: that stays as it is, and the letter is all that is left.
            step.undo();
            out.back_to(stand);
            out.dead_letter(record, &reason);
        }
        Ok(())
    }
}

fn value_bytes(outgoing: &Outgoing) -> usize {
    outgoing.value.as_ref().map_or(0, bytes::Bytes::len)
}
