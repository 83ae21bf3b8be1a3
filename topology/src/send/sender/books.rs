//! What the next transaction says: results, further attempts, spilled records, and which offsets are done by it.

use super::super::metrics as names;
use crate::{
    engine::{Account, Outputs},
    log::{Place, Record},
    send::{Aside, Held},
};
use metrics::counter;
use processors::{outcome::news::of_sender, retry::Plan, ring::Rings};
use schemas::{Delayed, Dispatch, Lane, ResultKind, Topic};
use std::sync::Arc;

/// The books of one sender.
pub struct Books {
    out: Outputs,
    done: Vec<(Place, i64)>,
    aside: Vec<Aside>,
    rings: Arc<Rings>,
}

impl Books {
    pub fn new(out: Outputs, rings: Arc<Rings>) -> Self {
        Self { out, done: Vec::new(), aside: Vec::new(), rings }
    }

    /// Enters a decision about a step. `sent_at` is when its request left, if one did.
    pub fn settle(&mut self, held: Held, plan: Plan, sent_at: Option<i64>, now_ms: i64) {
        let class = plan.row.map_or(plan.said.code.clone(), |row| row.class.name().to_owned());
        let (dispatch, place) = (Arc::unwrap_or_clone(held.dispatch), held.place);
        let (vendor, priority) = (dispatch.vendor.clone(), dispatch.priority);
        let ambiguous = plan.ambiguous && !dispatch.in_doubt;
        let settled = of_sender(dispatch, plan, sent_at, now_ms);
        if ambiguous {
            counter!(names::AMBIGUOUS, "vendor" => vendor.clone()).increment(1);
        }
        if let Some(result) = &settled.result {
            if result.kind != ResultKind::Attempt {
                counter!(names::DONE, "vendor" => vendor.clone(), "class" => class.clone()).increment(1);
            }
            self.out.emit(Topic::result(priority), &result.track_id, result);
        }
        if let Some((due_ms, again)) = &settled.again {
            let name = if again.vendor == vendor { names::RETRIES } else { names::REROUTED };
            counter!(name, "vendor" => vendor, "class" => class).increment(1);
            self.later(place.topic, again, *due_ms, now_ms);
        }
        self.done.push((place, held.offset));
    }

    /// Lets a record come back later, as it is.
    pub fn spill(&mut self, held: &Held, due_ms: i64, now_ms: i64) {
        self.later(held.place.topic, &held.dispatch, due_ms, now_ms);
        self.done.push((held.place, held.offset));
    }

    /// Sets a record aside that cannot be read, and closes its message's account.
    pub fn dead_letter(&mut self, record: &Record, lane: Lane, reason: &str, now_ms: i64) {
        self.out.dead_letter(record, reason);
        self.out.close_account(record, lane, now_ms);
        self.done.push((record.place, record.offset));
    }

    /// A dispatch comes to its SEND topic when it is due: through the rings, or at once. At once and not by way of
    /// DELAY, because that costs an OTP one hop instead of two.
    fn later(&mut self, topic: Topic, dispatch: &Dispatch, due_ms: i64, now_ms: i64) {
        let waiting = Delayed {
            track_id: dispatch.accepted.track_id.clone(),
            due_at: due_ms,
            target: topic.name().to_owned(),
            auth: dispatch.priority == Lane::Auth,
            payload: self.out.schemas().encode(dispatch).into(),
        };
        self.out.delay(&self.rings, now_ms, &waiting, topic, Some(Account::Waits(dispatch.priority)));
        if due_ms > now_ms {
            let accepted = &dispatch.accepted;
            self.aside.push(Aside {
                vendor: dispatch.vendor.clone(),
                due_ms,
                track_id: accepted.track_id.clone(),
                username: accepted.username.clone(),
                message_id: accepted.message_id.clone(),
            });
        }
    }

    /// What the transaction puts aside until its vendor may be back.
    pub fn take_aside(&mut self) -> Vec<Aside> {
        std::mem::take(&mut self.aside)
    }

    pub fn out(&self) -> &Outputs {
        &self.out
    }

    /// Offsets that this transaction ends.
    pub fn done(&self) -> &[(Place, i64)] {
        &self.done
    }

    pub fn is_empty(&self) -> bool {
        self.done.is_empty()
    }

    pub fn clear(&mut self) {
        self.out.clear();
        self.done.clear();
        self.aside.clear();
    }
}
