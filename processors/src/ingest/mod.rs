//! Ingest: every rule that a request must keep before it is accepted (SPEC §3).
//!
//! [`check`] decides all that the record and the reference data decide, for each receiver on its own. What passes claims
//! its message_id, all claims of a batch in one round trip, and [`Candidate::settle`] ends it. A record read again gives
//! the same ids and the same answers.

mod envelope;
mod fallback;
mod lane;
mod message;
mod outcome;
mod parts;
mod recipient;
mod registered;
mod settings;
mod step;
#[cfg(test)]
mod tests;
mod times;
mod types;
mod unfolded;

pub use crate::rules::room::MESSAGE_BYTES;
pub use fallback::following;
pub use outcome::{Candidate, Checked, IMAGES_BYTES, Refused, consent_of, duplicate, opt_outs_of};
pub use settings::{Expiry, Settings};
pub use types::message_type;
pub(crate) use types::words;
pub use unfolded::unfolded_bytes;

use crate::reference::Reference;
use crate::refusal::{Code, Refusal};
use crate::rules::field::{Field, top};
use crate::rules::room::Room;
use crate::rules::text;
use envelope::Envelope;
use message::Making;
use outcome::Identity;
use parts::{Draft, Parts};
use schemas::{Api, ReceiverOf, SendRequestOf, Text, TrackId};
use std::collections::HashSet;
use std::mem::take;
use std::ops::RangeInclusive;
use unfolded::Unfolded;

/// Most receivers of a request.
pub const RECEIVERS: usize = 1000;

/// Where a request was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Its place in the API topics; the receiver in it is not looked at.
    pub api: Api,
    /// The record's timestamp, Unix milliseconds.
    pub timestamp_ms: i64,
    /// Length of the record's value.
    pub value_bytes: usize,
}

/// The receivers of a request, as its track_ids count them: 1 to n for a receiver_list, 0 for a request of one. A request
/// that is answered as a whole (more than 1000 receivers, no such channel) is one too.
pub fn receivers<S: Text>(request: &SendRequestOf<S>) -> RangeInclusive<u16> {
    match request.receiver_list.len() {
        1..=RECEIVERS if request.channel.parse::<schemas::Channel>().is_ok() => 1..=request.receiver_list.len() as u16,
        _ => 0..=0,
    }
}

/// Holds a request against every rule. One answer for each receiver, in order.
///
/// # Errors
/// A request that names no channel has no topic for its report: it is a dead letter, and this is why.
pub fn check<S: Text>(
    mut request: SendRequestOf<S>,
    record: &Received,
    reference: &Reference,
    now_ms: i64,
    settings: &Settings,
) -> Result<Vec<Checked<S>>, Refusal> {
    let channel = types::channel(&top("channel"), &request.channel)?;
    // Receivers are looked at each for itself.
    let listed = take(&mut request.receiver_list);
    let without_nul = text::without_nul(&Field::REQUEST, request.text_where(&text::has_nul));
    let mut parts = Parts::of(SendRequestOf { receiver_list: listed, ..request });
    let found = reference.service_key(&parts.head.service_key);
    let username = found.map_or("", |(_, customer)| &customer.username);
    let envelope = Envelope::open(&mut parts, channel, record, reference, found, now_ms);
    let envelope = envelope.and_then(|envelope| without_nul.map(|()| envelope));
    let Parts { head, draft, own, receivers } = parts;
    let identity = |place: u16, message_id: S| Identity {
        track_id: TrackId::new(record.timestamp_ms, Api { receiver: place, ..record.api }),
        username: S::from(username.to_owned()),
        service_key: head.service_key.clone(),
        message_id,
        channel,
        message_type: types::message_type(&top("message_type"), channel, &head.message_type).ok(),
        requested_at: record.timestamp_ms,
        bill_code: head.bill_code.clone(),
    };
    let room = Room::default();
    let one = |at: &Field<'_>, mut identity: Identity<S>, receiver: ReceiverOf<S>, draft: Draft<S>| match &envelope {
        Err(refusal) => refused(identity, refusal.clone(), now_ms),
        Ok(envelope) => {
            let making = Making { head: &head, envelope, claimed: record.api.lane, settings, now_ms, room: &room };
            match making.message(at, receiver, draft, &mut identity) {
                Ok(candidate) => Checked::Candidate(Box::new(candidate)),
                Err(refusal) => refused(identity, refusal, now_ms),
            }
        }
    };
    let count = receivers.len();
    if count == 0 {
        return Ok(vec![one(&Field::REQUEST, identity(0, head.message_id.clone()), own, draft)]);
    }
    if count > RECEIVERS {
        let too_many = Refusal::bad(&top("receiver_list"), format_args!("got {count}, at most {RECEIVERS}"));
        return Ok(vec![refused(identity(0, head.message_id.clone()), too_many, now_ms)]);
    }
    let mut unfolded = Unfolded::new(record.api.lane, count, draft.bytes() + head.variable_bytes(channel));
    let checked = receivers.into_iter().enumerate().map(|(i, receiver)| {
        let at = Field::REQUEST.entry("receiver_list", i);
        let own = receiver.message_id.clone().filter(|id| !text::is_blank(id));
        let id = own.unwrap_or_else(|| S::from(format!("{}-{:04}", &*head.message_id, i + 1)));
        let identity = identity(i as u16 + 1, id);
        if let Some(refusal) = &unfolded.refusal {
            return refused(identity, refusal.clone(), now_ms);
        }
        let one = one(&at, identity, receiver, draft.clone());
        unfolded.add(room.empty());
        one
    });
    let mut checked: Vec<_> = checked.collect();
    if let Some(refusal) = unfolded.refusal {
        let refused = |one| match one {
            Checked::Candidate(candidate) => Checked::Refused(candidate.refuse(refusal.clone(), now_ms)),
            one => one,
        };
        checked = checked.into_iter().map(refused).collect();
    }
    Ok(without_repeated_ids(checked, now_ms))
}

fn refused<S: Text>(identity: Identity<S>, refusal: Refusal, now_ms: i64) -> Checked<S> {
    Checked::Refused(identity.refuse(refusal, now_ms))
}

/// Of receivers with one message_id the first that keeps the rules has it.
fn without_repeated_ids<S: Text>(checked: Vec<Checked<S>>, now_ms: i64) -> Vec<Checked<S>> {
    let mut taken: HashSet<&str> = HashSet::with_capacity(checked.len());
    let ids = checked.iter().map(|one| match one {
        Checked::Candidate(candidate) => Some(&*candidate.accepted.message_id),
        Checked::Refused(_) => None,
    });
    let repeated: Vec<bool> = ids.map(|id| id.is_some_and(|id| !taken.insert(id))).collect();
    let settled = checked.into_iter().zip(repeated).enumerate().map(|(i, (one, repeated))| match one {
        Checked::Candidate(candidate) if repeated => {
            let at = Field::REQUEST.entry("receiver_list", i);
            let again = Refusal::new(Code::Duplicate, &at.of("message_id"), "another receiver of this request has it");
            Checked::Refused(candidate.refuse(again, now_ms))
        }
        one => one,
    });
    settled.collect()
}
