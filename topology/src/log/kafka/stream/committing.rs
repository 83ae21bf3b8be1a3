//! Commits: in transactions, and alone.

use super::{KafkaStream, Stage};
use crate::log::{
    LogError, Outgoing, Position,
    kafka::{
        failure::{Reason, Sort},
        transaction::Ended,
    },
};
use std::time::Instant;

impl KafkaStream {
    /// Whether these positions can be committed now, or why nothing can.
    fn check(&self, positions: &[Position]) -> Result<(), LogError> {
        match (self.stage, &self.held) {
            (Stage::Reading | Stage::Revoking, Some(held)) => held.check(&self.spec.name, positions),
            (Stage::Taking | Stage::Fallen, _) => Err(LogError::Rewound("an earlier commit failed".into())),
            _ => Err(LogError::Stop(format!("{} commits while it owns nothing: a defect", self.spec.name))),
        }
    }

    pub(super) fn commit_in_transaction(
        &mut self,
        outputs: &[Outgoing],
        positions: &[Position],
    ) -> Result<(), LogError> {
        let begun = Instant::now();
        self.check(positions)?;
        let (Some(member), Some(held)) = (&self.member, &self.held) else {
            return Err(LogError::Rewound("the group was left".into()));
        };
        let offsets = member.offsets(positions)?;
        let group = &held.group;
        let name = &self.spec.name;
        let Some(producers) = &mut self.producers else {
            return Err(LogError::Stop(format!("{name} appends records and was made without a producer: a defect")));
        };
        let Some(producer) = producers.next() else {
            self.stage = Stage::Taking;
            return Err(LogError::Rewound("a producer was lost".into()));
        };
        match producer.run(outputs, offsets, group) {
            Ended::Committed { clean } => {
                // The broker checked the member, but a transaction does not prolong its session as a heartbeat does.
                self.confirmed_at = self.confirmed_at.max(begun.checked_sub(self.pace.heartbeat));
                if !clean {
                    tracing::info!(stream = name, "a commit was answered late: its producer is replaced");
                    producers.retire();
                    if let Err(error) = producers.ready() {
                        self.stage = Stage::Taking;
                        tracing::warn!(stream = name, %error, "no producer: reading stops after this commit");
                    }
                }
                Ok(())
            }
            Ended::Aborted(reason) => self.rewind(reason),
            Ended::Unknown(reason) => {
                producers.retire();
                if begun.elapsed() >= self.pace.transaction {
                    // The broker gave a transaction up that took too long: it was away, or this process stood still.
                    self.fences.forgive();
                } else if reason.sort == Sort::Fenced {
                    self.fences.note(&format!("transactional id {}", producers.id()), &self.shared.breaks)?;
                }
                self.rewind(reason)
            }
        }
    }

    fn rewind(&mut self, Reason { sort, text }: Reason) -> Result<(), LogError> {
        match sort {
            Sort::Lasting => return Err(LogError::Stop(format!("{}: {text}", self.spec.name))),
            Sort::Outside => self.fall(),
            Sort::Replaced => self.replaced()?,
            Sort::Passing | Sort::Fenced => self.stage = Stage::Taking,
        }
        Err(LogError::Rewound(text))
    }

    /// Commits positions alone. One request instead of the three of a transaction.
    ///
    /// librdkafka sends who the member is now, not who it was when the partitions came; without a member the broker
    /// lets a commit pass into an empty group. So it is compared before and after.
    pub(super) fn commit_alone(&mut self, positions: &[Position]) -> Result<(), LogError> {
        let begun = Instant::now();
        self.check(positions)?;
        let (Some(member), Some(held)) = (&self.member, &self.held) else {
            return Err(LogError::Rewound("the group was left".into()));
        };
        if positions.is_empty() {
            return Ok(());
        }
        member.take_broke();
        let still_the_same = || member.membership().as_ref() == Some(&held.membership);
        let reason = if !still_the_same() {
            Reason::outside("the group went on without this member")
        } else if let Err(reason) = member.commit(positions)? {
            reason
        } else if !still_the_same() {
            Reason::outside("the group went on while it was committed")
        } else if begun.elapsed() >= self.pace.request || member.take_broke() {
            // It was sent again over another connection: the first one may still arrive, after commits that follow.
            Reason::passing("the commit was answered late, or over a second connection")
        } else {
            self.confirmed_at = Some(begun);
            return Ok(());
        };
        match reason.sort {
            Sort::Lasting => Err(LogError::Stop(format!("{}: {}", self.spec.name, reason.text))),
            Sort::Replaced => {
                self.replaced()?;
                Err(LogError::Rewound(reason.text))
            }
            // An answer that did not come may still have been a yes, now or later.
            Sort::Passing | Sort::Fenced | Sort::Outside => {
                self.fall();
                Err(LogError::Rewound(reason.text))
            }
        }
    }
}
