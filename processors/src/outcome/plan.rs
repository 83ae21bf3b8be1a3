//! The next step of a customer's fallback plan (전환발송).

use super::Desk;
use crate::route::cp949_bytes;
use schemas::{Accepted, Channel, Content, FallbackStep, Family, MessageType, Recipient, StepReport};

/// Longest SMS (spec: 90 bytes of CP949, 45 Hangul).
const SMS_BYTES: u32 = 90;
/// Longest RCS SMS, characters.
const RCS_SMS_CHARACTERS: usize = 100;

/// The message as its next step sends it; none when nothing (more) is planned that this recipient can get, or when the
/// time for it is over.
///
/// An ad by night does not fall over at all: its customer planned for the day.
pub fn next_step(accepted: &Accepted, done: StepReport, desk: &Desk<'_>) -> Option<Accepted> {
    if desk.now_ms >= accepted.expires_at {
        return None;
    }
    let planned = accepted.fallback.iter().enumerate();
    let (skipped, step, channel, message_type) = planned
        .filter_map(|(skipped, step)| read(step, accepted).map(|(channel, of)| (skipped, step, channel, of)))
        .find(|(_, _, channel, _)| can_get(&accepted.recipient, *channel))?;
    let family = Family::of(channel, message_type);
    if desk.rules.night.until(family, accepted.ad, accepted.night_agreed, desk.now_ms).is_some() {
        return None;
    }
    let mut trail = accepted.trail.clone();
    trail.push(done);
    Some(Accepted {
        channel,
        message_type,
        // The n-th of the plan, whatever was passed over.
        step: accepted.step + 1 + i32::try_from(skipped).ok()?,
        content: content(step, family, &accepted.content),
        fallback: accepted.fallback[skipped + 1..].to_vec(),
        trail,
        ..without_content(accepted)
    })
}

/// Channel and type of a planned step; none when they are no words of ours.
fn read(step: &FallbackStep, accepted: &Accepted) -> Option<(Channel, MessageType)> {
    let channel = step.channel.parse().ok()?;
    let message_type = match &step.message_type {
        Some(given) => given.parse().ok()?,
        None => usual_type(channel, text(step, &accepted.content)),
    };
    Some((channel, message_type))
}

/// The type of a step that names none: the shortest that holds its text.
fn usual_type(channel: Channel, text: &str) -> MessageType {
    match channel {
        Channel::At => MessageType::At,
        Channel::Ft => MessageType::Ft,
        Channel::Bt => MessageType::Text,
        Channel::Mt if cp949_bytes(text) <= SMS_BYTES => MessageType::Sms,
        Channel::Mt => MessageType::Lms,
        Channel::Rc if text.chars().count() <= RCS_SMS_CHARACTERS => MessageType::Rcssms,
        Channel::Rc => MessageType::Rcslms,
        Channel::Pu => MessageType::Pu,
        Channel::Em => MessageType::Em,
    }
}

/// The step's own text, or the whole text of the step before.
fn text<'a>(step: &'a FallbackStep, before: &'a Content) -> &'a str {
    step.message.as_deref().or(before.message.as_deref()).unwrap_or_default()
}

fn can_get(recipient: &Recipient, channel: Channel) -> bool {
    let Recipient { phone_number, app_user_id, user_key, to, push_tokens, country_code: _ } = recipient;
    match channel {
        Channel::At | Channel::Bt => phone_number.is_some() || app_user_id.is_some(),
        Channel::Ft => phone_number.is_some() || app_user_id.is_some() || user_key.is_some(),
        Channel::Mt | Channel::Rc => phone_number.is_some(),
        Channel::Pu => !push_tokens.is_empty() || app_user_id.is_some(),
        Channel::Em => to.is_some(),
    }
}

fn content(step: &FallbackStep, family: Family, before: &Content) -> Content {
    Content {
        sender_key: step.sender_key.clone().or_else(|| before.sender_key.clone()),
        template_code: step.template_code.clone(),
        message: step.message.clone().or_else(|| before.message.clone()),
        // An SMS has none (spec: refused by the relays).
        title: step.title.clone().filter(|_| family != Family::Sms),
        callback: step.callback.clone().or_else(|| before.callback.clone()),
        attachment: step.attachment.clone(),
        // A step cannot name these, so what the request gave stays.
        from_email: before.from_email.clone(),
        from_name: before.from_name.clone(),
        unsubscribe_phone_number: before.unsubscribe_phone_number.clone(),
        unsubscribe_auth_number: before.unsubscribe_auth_number.clone(),
        ..Content::default()
    }
}

/// Everything that stays the same over the steps.
fn without_content(accepted: &Accepted) -> Accepted {
    Accepted {
        track_id: accepted.track_id.clone(),
        username: accepted.username.clone(),
        service_key: accepted.service_key.clone(),
        message_id: accepted.message_id.clone(),
        bill_code: accepted.bill_code.clone(),
        recipient: accepted.recipient.clone(),
        content: Content::default(),
        fallback: Vec::new(),
        trail: Vec::new(),
        ..*accepted
    }
}
