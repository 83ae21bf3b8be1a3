//! One sender's connection: requests go in, answers come out when they are due.

use super::{Answering, Asked, Simulator, Spoiled};
use processors::ports::{Answer, Provider, Reply, Request};
use schemas::Family;
use std::{cmp::Ordering, collections::BinaryHeap, sync::Arc, time::Duration};

/// A connection to the simulated vendors.
pub struct Connection {
    simulator: Arc<Simulator>,
    answers: BinaryHeap<Due>,
    submitted: u64,
}

struct Due {
    at_ms: i64,
    /// Answers that are due at once come in the order of their requests.
    order: u64,
    ticket: u64,
    reply: Reply,
}

impl Connection {
    pub(super) fn new(simulator: Arc<Simulator>) -> Self {
        Self { simulator, answers: BinaryHeap::new(), submitted: 0 }
    }

    fn due(&mut self, into: &mut Vec<Answer>) {
        let now_ms = self.simulator.clock.now_ms();
        while self.answers.peek().is_some_and(|next| next.at_ms <= now_ms) {
            if let Some(Due { at_ms, ticket, reply, .. }) = self.answers.pop() {
                into.push(Answer { ticket, reply, at_ms });
            }
        }
    }
}

impl Provider for Connection {
    fn submit(&mut self, request: Request) {
        let now_ms = self.simulator.clock.now_ms();
        let Request { dispatch, vendor, .. } = &request;
        let family = Family::of(dispatch.accepted.channel, dispatch.accepted.message_type);
        let (serial_number, attempt) = (dispatch.serial_number.as_str(), dispatch.attempt);
        let asked = Asked { family, serial_number, part: "", known_by: Some(serial_number), attempt, lasts: None };
        let Answering { after_ms, reply, spoiled } = self.simulator.serve(vendor, &asked);
        // Here nobody reads an answer: what would be read of a spoiled one is that it is none.
        let (after_ms, reply) = match spoiled {
            None => (after_ms, reply),
            Some(Spoiled::SlowBody) => (i64::from(vendor.timeout_ms), unread(Spoiled::SlowBody)),
            Some(how) => (after_ms, unread(how)),
        };
        self.submitted += 1;
        self.answers.push(Due { at_ms: now_ms + after_ms, order: self.submitted, ticket: request.ticket, reply });
    }

    fn answers(&mut self, wait: Duration, into: &mut Vec<Answer>) {
        let before = into.len();
        self.due(into);
        if into.len() > before || wait.is_zero() {
            return;
        }
        // Nobody but this thread submits here, so nothing can become due earlier.
        let now_ms = self.simulator.clock.now_ms();
        let next = self.answers.peek().map_or(wait, |next| Duration::from_millis((next.at_ms - now_ms).max(0) as u64));
        std::thread::sleep(wait.min(next));
        self.due(into);
    }
}

fn unread(how: Spoiled) -> Reply {
    Reply::NoAnswer(format!("an answer that cannot be read: {}", how.as_str()))
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        // The heap gives the greatest: the earliest.
        (other.at_ms, other.order).cmp(&(self.at_ms, self.order))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Due {}
