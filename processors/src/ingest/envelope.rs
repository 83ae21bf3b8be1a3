//! What is checked once for a request, however many receivers it has.

use super::parts::Parts;
use super::times::Times;
use super::{Received, registered, types};
use crate::reference::{Customer, Reference, ServiceKey, Template};
use crate::refusal::{Code, Refusal};
use crate::rules::field::{Field, top};
use crate::rules::text;
use schemas::{Channel, MessageType, ReceiverOf, Text};
use std::sync::Arc;

/// Largest value of an API record, bytes (SPEC §3).
const RECORD_BYTES: usize = 1 << 20;

/// A request whose frame is right.
pub struct Envelope<'r> {
    pub reference: &'r Reference,
    pub customer: &'r Customer,
    pub channel: Channel,
    pub message_type: MessageType,
    pub template: Option<&'r Template>,
    pub declared_ad: Option<bool>,
    pub night_agreed: bool,
    pub times: Times,
}

impl<'r> Envelope<'r> {
    /// Checks the frame, and brings the sender number to its normal form; `found` is what its service key names.
    pub fn open<S: Text>(
        parts: &mut Parts<S>,
        channel: Channel,
        record: &Received,
        reference: &'r Reference,
        found: Option<(&'r Arc<ServiceKey>, &'r Arc<Customer>)>,
        now_ms: i64,
    ) -> Result<Self, Refusal> {
        let Parts { head, draft, own, receivers } = parts;
        let customer = customer(found)?;
        if record.value_bytes > RECORD_BYTES {
            let reason = format_args!("got a record of {} bytes, at most {RECORD_BYTES}", record.value_bytes);
            return Err(Refusal::bad(&top("request"), reason));
        }
        message_id(&top("message_id"), &head.message_id)?;
        let message_type = types::message_type(&top("message_type"), channel, &head.message_type)?;
        text::given_at_most(Code::BadRequest, &top("bill_code"), &head.bill_code, 20)?;
        let declared_ad = text::yes_or_no(&top("ad_flag"), &head.ad_flag)?;
        let night_agreed = text::yes_or_no(&top("night_agreed"), &head.night_agreed)?.unwrap_or(false);
        if !receivers.is_empty() {
            names_nobody_else(own)?;
        }
        let (at, username) = (Field::REQUEST, &customer.username);
        let template = registered::check(&at, reference, username, channel, Some(message_type), &mut draft.content)?;
        let times = Times::check(record.timestamp_ms, now_ms, head.send_at, head.expires_at)?;
        Ok(Self { reference, customer, channel, message_type, template, declared_ad, night_agreed, times })
    }
}

fn customer<'r>(found: Option<(&'r Arc<ServiceKey>, &'r Arc<Customer>)>) -> Result<&'r Customer, Refusal> {
    let refused = |reason| Err(Refusal::new(Code::UnknownServiceKey, &top("service_key"), reason));
    match found {
        None => refused("unknown"),
        Some((key, _)) if !key.active => refused("inactive"),
        Some((_, customer)) => Ok(customer),
    }
}

/// At most 30 characters on one line.
pub fn message_id(at: &Field<'_>, id: &str) -> Result<(), Refusal> {
    if text::is_blank(id) {
        return Err(Refusal::missing(at, "a message"));
    }
    text::at_most(Code::BadRequest, at, id, 30)?;
    text::one_line(at, id)
}

/// A receiver beside the list would get nothing, so it is not passed over in silence.
fn names_nobody_else<S: Text>(own: &ReceiverOf<S>) -> Result<(), Refusal> {
    let given = [
        ("phone_number", text::given(&own.phone_number).is_some()),
        ("app_user_id", text::given(&own.app_user_id).is_some()),
        ("to", text::given(&own.to).is_some()),
        ("push_tokens", !own.push_tokens.is_empty()),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((name, _)) => Err(Refusal::bad(&top(name), "stands beside receiver_list; give one of them")),
    }
}
