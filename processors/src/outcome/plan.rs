//! The next step of a customer's fallback plan (전환발송).

use super::Desk;
use crate::ingest::following;
use crate::route::cp949_bytes;
use schemas::{Accepted, Channel, Content, FallbackStep, MessageType, StepReport};

/// Longest SMS (spec: 90 bytes of CP949, 45 Hangul).
const SMS_BYTES: u32 = 90;

/// The message as its next step sends it; none when nothing (more) is planned, or when the time for it is over.
///
/// Ingest has held every step of the plan against its channel's rules and this recipient. The router holds an ad that
/// meets the night, or ends it, as its customer wants.
pub fn next_step(accepted: &Accepted, done: StepReport, desk: &Desk<'_>) -> Option<Accepted> {
    let (step, after) = accepted.fallback.split_first()?;
    if desk.now_ms >= accepted.expires_at {
        return None;
    }
    let content = following(&accepted.content, step);
    let channel = step.channel.parse().ok()?;
    let message_type = type_of(step, channel, &content)?;
    let mut trail = accepted.trail.clone();
    trail.push(done);
    Some(Accepted {
        channel,
        message_type,
        step: accepted.step + 1,
        content,
        fallback: after.to_vec(),
        trail,
        track_id: accepted.track_id.clone(),
        username: accepted.username.clone(),
        service_key: accepted.service_key.clone(),
        message_id: accepted.message_id.clone(),
        bill_code: accepted.bill_code.clone(),
        recipient: accepted.recipient.clone(),
        ..*accepted
    })
}

/// The message as it is sent once more, as a step of its own.
pub fn same_again(accepted: &Accepted, done: StepReport) -> Accepted {
    let mut again = accepted.clone();
    again.step += 1;
    again.trail.push(done);
    again
}

/// The type that the step names; a text that names none is an SMS when it fits, else an LMS, and never cut.
fn type_of(step: &FallbackStep, channel: Channel, content: &Content) -> Option<MessageType> {
    match (&step.message_type, channel) {
        (Some(named), _) => named.parse().ok(),
        (None, Channel::At) => Some(MessageType::At),
        (None, Channel::Ft) => Some(MessageType::Ft),
        (None, Channel::Mt) => {
            let short = cp949_bytes(content.message.as_deref().unwrap_or_default()) <= SMS_BYTES;
            Some(if short { MessageType::Sms } else { MessageType::Lms })
        }
        (None, Channel::Pu) => Some(MessageType::Pu),
        (None, Channel::Em) => Some(MessageType::Em),
        // Their types differ in more than length: a step has to name one.
        (None, Channel::Bt | Channel::Rc) => None,
    }
}
