//! What the router does with an accepted step: on to a vendor, wait, or end.

mod priority;
#[cfg(test)]
mod tests;
mod vendor;

pub use priority::priority;
use priority::topic;
use vendor::draw;
pub(crate) use vendor::{choose, cp949_bytes, takes};

use crate::codes::OutcomeCode;
use crate::night::Night;
use crate::reference::{Asked, NightAds, Reference, Vendor};
use schemas::{AcceptedView, DecodeError, DispatchHead, Family, Lane, Serial, State, Topic, TrackId, UnknownWord};
use std::fmt::Write;

/// What routing looks up.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'r> {
    /// Groups, patterns, vendors, customers.
    pub reference: &'r Reference,
    /// When ads may not be sent.
    pub night: &'r Night,
}

/// What becomes of a step.
#[derive(Debug, Clone, PartialEq)]
pub enum Routed {
    /// To a SEND topic, with the accepted bytes behind the head.
    Dispatch {
        /// SEND-‹FAMILY›-‹PRIORITY›, or a topic of its routing group's own.
        topic: Topic,
        /// The dispatch without the message.
        head: DispatchHead,
    },
    /// To RESULT-‹priority› as WAIT.
    Wait {
        /// Lane of the result.
        priority: Lane,
        /// SCHEDULED or HELD.
        state: State,
        /// When it shall come back, Unix milliseconds.
        until_ms: i64,
    },
    /// To RESULT-‹priority› as FINAL.
    End {
        /// Lane of the result.
        priority: Lane,
        /// EXPIRED or FAILED.
        state: State,
        /// Why.
        code: OutcomeCode,
        /// Whether the next step of the plan may follow.
        fallback_allowed: bool,
    },
}

/// Why a record can never be routed: a dead letter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unroutable {
    /// Nothing that ingest wrote.
    #[error(transparent)]
    TrackId(#[from] UnknownWord),
    /// More steps than a plan can have.
    #[error("step {0} is outside 0 to 9: a plan has at most 5 fallback steps")]
    Step(i32),
    /// The message behind the view.
    #[error(transparent)]
    Message(#[from] DecodeError),
}

/// Routes one step. `datum` is the whole message that `view` looks at; the same record at the same time routes the same.
pub fn route(view: &AcceptedView<'_>, datum: &[u8], rules: Rules<'_>, now_ms: i64) -> Result<Routed, Unroutable> {
    let track_id: TrackId = view.track_id.parse()?;
    let step = u8::try_from(view.step).ok().filter(|step| *step <= 9).ok_or(Unroutable::Step(view.step))?;
    let family = Family::of(view.channel, view.message_type);
    let priority = priority(view, family, rules.reference);
    let end = |state, code, fallback_allowed| Ok(Routed::End { priority, state, code, fallback_allowed });
    // What expires while it waits comes back at that moment, and is found expired.
    let wait = |state, until_ms: i64| Ok(Routed::Wait { priority, state, until_ms: until_ms.min(view.expires_at) });

    if now_ms >= view.expires_at {
        return end(State::Expired, OutcomeCode::Expired, false);
    }
    if let Some(send_at) = view.send_at
        && send_at > now_ms
        && !view.released
    {
        return wait(State::Scheduled, send_at);
    }
    // Asked again of what was released: a scheduled ad may come out by night.
    if let Some(morning_ms) = rules.night.until(family, view.ad, view.night_agreed, now_ms) {
        return match rules.reference.customer(view.username).map(|customer| customer.night_ads) {
            Some(NightAds::Fail) => end(State::Failed, OutcomeCode::AdRule, false),
            Some(NightAds::Hold) | None => wait(State::Held, morning_ms),
        };
    }
    let vendors = rules.reference.vendors(family);
    let looked_at = vendor::looked_at(family, vendors, datum)?;
    let fits = |vendor: &Vendor| looked_at.as_ref().is_none_or(|accepted| takes(vendor, accepted, &[]));
    let asked = Asked { family, priority, username: view.username };
    let Some(vendor) = choose(rules.reference, asked, draw(track_id, step, 1), fits) else {
        return end(State::Failed, OutcomeCode::NoVendor, true);
    };
    let head = DispatchHead {
        serial_number: serial_number(Serial { track_id, step, priority }),
        priority,
        vendor: vendor.name.clone(),
        attempt: 1,
        in_doubt: false,
        tried: Vec::new(),
        tokens_done: Vec::new(),
        throttled: 0,
        reached: false,
        routed_at: now_ms,
    };
    Ok(Routed::Dispatch { topic: topic(view, family, priority, rules.reference), head })
}

fn serial_number(serial: Serial) -> String {
    // Room for the whole at once: it is the one string that every message needs.
    let mut text = String::with_capacity(32);
    write!(text, "{serial}").expect("a string takes everything");
    text
}
