//! From the body of sendMessage to a record and an answer: a function of what came and of the reference data.
//!
//! The JSON is read as `ims send` reads it, and judged by ingest's own rules. What only ingest can know, whether a
//! message_id was used before and whether a recipient refused ads, it reports later.

use super::answer::{Answer, Receiver};
use crate::request;
use processors::{
    ingest::{Checked, RECEIVERS, Received, Settings, check},
    reference::Reference,
    refusal::{Code, Refusal},
};
use schemas::{Api, Channel, Lane, Schemas, SendRequest, Source, Topic, json};
use topology::log::Outgoing;

/// Receivers of a request beyond which it is bulk, when it does not say.
const FEW: usize = 100;

/// What a request is judged by.
#[derive(Clone, Copy)]
pub struct Judge<'j> {
    pub reference: &'j Reference,
    pub settings: &'j Settings,
    pub schemas: &'j Schemas,
    pub now_ms: i64,
}

/// The answer, and the record that must be acknowledged before it is given; none when all is refused.
#[derive(Debug, PartialEq)]
pub struct Judged {
    pub answer: Answer,
    pub record: Option<Outgoing>,
}

impl From<Refusal> for Judged {
    fn from(refusal: Refusal) -> Self {
        Self { answer: refusal.into(), record: None }
    }
}

/// A refusal of a field that is known by its name alone.
fn bad(field: &str, reason: impl std::fmt::Display) -> Refusal {
    Refusal { code: Code::BadRequest, field: field.to_owned(), message: format!("{field}: {reason}") }
}

/// The channels by the words that paths have for them.
pub const CHANNELS: [(&str, Channel); 7] = [
    ("at", Channel::At),
    ("ft", Channel::Ft),
    ("bt", Channel::Bt),
    ("mt", Channel::Mt),
    ("rcs", Channel::Rc),
    ("push", Channel::Pu),
    ("email", Channel::Em),
];

/// The channel of a path's word.
pub fn channel(word: &str) -> Option<Channel> {
    CHANNELS.iter().find(|(known, _)| *known == word).map(|(_, channel)| *channel)
}

/// The word of a channel.
pub fn word(channel: Channel) -> &'static str {
    CHANNELS.iter().find(|(_, known)| *known == channel).map_or("", |(word, _)| word)
}

/// The lane of the header `x-ims-lane`.
pub fn lane(header: Option<&[u8]>) -> Result<Option<Lane>, Refusal> {
    let Some(header) = header else { return Ok(None) };
    let known = Lane::ALL.iter().find(|lane| lane.as_str().as_bytes().eq_ignore_ascii_case(header));
    let allowed = || Lane::ALL.iter().map(|lane| lane.as_str()).collect::<Vec<_>>().join(", ");
    known.copied().map(Some).ok_or_else(|| bad("x-ims-lane", format_args!("allowed are {}", allowed())))
}

/// The version of the header `x-ims-version`: there is one.
pub fn version(header: Option<&[u8]>) -> Result<(), Refusal> {
    match header {
        None | Some(b"version-1") => Ok(()),
        Some(_) => Err(bad("x-ims-version", "allowed is version-1")),
    }
}

/// Reads a body for a service key and a channel, which its path names.
pub fn read(body: &[u8], service_key: &str, channel: Channel) -> Result<SendRequest, Refusal> {
    let mut request = json::send_request(body).map_err(|error| {
        let field = error.field().to_owned();
        let part = field.split(['.', '[']).next().unwrap_or_default();
        let code = match part {
            "attachment" => Code::Attachment,
            "supplement" => Code::Supplement,
            _ => Code::BadRequest,
        };
        Refusal { code, message: error.to_string(), field }
    })?;
    if !request.service_key.is_empty() && request.service_key != service_key {
        return Err(bad("service_key", "not the path's; leave it out of the body"));
    }
    if !request.channel.is_empty() && request.channel != channel.as_str() {
        return Err(bad("channel", format_args!("not the path's, {channel}; leave it out of the body")));
    }
    request.service_key = service_key.to_owned();
    request.channel = channel.as_str().to_owned();
    request.source = Source::Api;
    Ok(request)
}

/// Holds a request against the rules of ingest. Of many receivers those that keep them are sent, each under the id that
/// it has in the answer.
pub fn judge(mut request: SendRequest, lane: Option<Lane>, by: Judge<'_>) -> Judged {
    let many = request.receiver_list.len();
    let lane = lane.unwrap_or(if many > FEW { Lane::Mass } else { Lane::Realtime });
    let whole = match request::record(&request, Topic::api(lane), by.schemas) {
        Ok(record) => record,
        Err(error) => return bad("the request", error).into(),
    };
    let received = Received {
        // Where it will stand is not known yet, and no rule asks.
        api: Api { cluster: 0, lane, partition: 0, offset: 0, receiver: 0 },
        timestamp_ms: by.now_ms,
        value_bytes: whole.value.as_ref().map_or(0, |value| value.len()),
    };
    let message_id = request.message_id.clone();
    let asked = if many == 0 { std::mem::take(&mut request) } else { request.clone() };
    let checked = match check(asked, &received, by.reference, by.now_ms, by.settings) {
        Ok(checked) => checked,
        Err(refusal) => return refusal.into(),
    };
    let receivers: Vec<Receiver> = checked.into_iter().map(told).collect();
    let first_refusal = receivers.iter().find(|receiver| receiver.message.is_some()).cloned();
    if many == 0 || many > RECEIVERS {
        return match first_refusal {
            Some(Receiver { code, message, .. }) => refused(code, message),
            None => Judged { answer: Answer::success(message_id), record: Some(whole) },
        };
    }
    let accepted = receivers.iter().filter(|receiver| receiver.message.is_none()).count();
    let (mut answer, record) = match first_refusal {
        None => (Answer::success(message_id), Some(whole)),
        Some(Receiver { code, message, .. }) if accepted == 0 => (refused(code, message).answer, None),
        Some(_) => {
            // Places of those that stay change: each takes its id along.
            let mut told = receivers.iter();
            request.receiver_list.retain_mut(|receiver| {
                let Some(told) = told.next().filter(|told| told.message.is_none()) else { return false };
                receiver.message_id = Some(told.message_id.clone());
                true
            });
            match request::record(&request, Topic::api(lane), by.schemas) {
                Ok(record) => (Answer::success(message_id), Some(record)),
                Err(error) => return bad("the request", error).into(),
            }
        }
    };
    answer.receivers = receivers;
    Judged { answer, record }
}

fn refused(code: &'static str, message: Option<String>) -> Judged {
    Judged { answer: Answer::refused(code, message.unwrap_or_default()), record: None }
}

fn told(checked: Checked) -> Receiver {
    match checked {
        Checked::Candidate(candidate) => {
            Receiver { message_id: candidate.accepted.message_id, code: Code::Success.as_str(), message: None }
        }
        Checked::Refused(refused) => Receiver {
            message_id: refused.report.message_id,
            code: refused.code.as_str(),
            message: Some(refused.report.message),
        },
    }
}

#[cfg(test)]
mod tests;
