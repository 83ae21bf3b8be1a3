//! From the body of sendMessage to a record and an answer: a function of what came and of the reference data.
//!
//! The JSON is read as `ims send` reads it, and judged by ingest's own rules. What only ingest can know, whether a
//! recipient refused ads and who claims a message_id first, it reports later.

use super::answer::{Answer, Receiver};
use crate::request;
use processors::{
    ingest::{Checked, RECEIVERS, Received, Settings, check, duplicate},
    reference::Reference,
    refusal::{Code, Refusal},
};
use schemas::{Api, Channel, Lane, Schemas, SendRequest, Source, Topic, TrackId, json};
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

impl Judged {
    /// The ids that it would send, as ingest claims them.
    pub fn ids(&self) -> Vec<String> {
        match &self.answer {
            _ if self.record.is_none() => Vec::new(),
            Answer { receivers, data, .. } if receivers.is_empty() => data.iter().cloned().collect(),
            Answer { receivers, .. } => {
                let sent = receivers.iter().filter(|receiver| receiver.message.is_none());
                sent.map(|receiver| receiver.message_id.clone()).collect()
            }
        }
    }

    /// Without what would be a duplicate: who holds each of its ids, in their order. The others are sent.
    pub fn without(self, holders: &[Option<TrackId>], schemas: &Schemas) -> Self {
        let Some(first) = holders.iter().find_map(|holder| *holder) else { return self };
        let Self { mut answer, record } = self;
        if answer.receivers.is_empty() {
            return duplicate(first).into();
        }
        let mut holders = holders.iter().copied();
        let mut stays = |receiver: &mut Receiver| match holders.next().flatten() {
            None => Some(receiver.message_id.clone()),
            Some(by) => {
                let Refusal { code, message, .. } = duplicate(by);
                (receiver.code, receiver.message) = (code.as_str(), Some(message));
                None
            }
        };
        let asked = answer.receivers.iter_mut().filter(|receiver| receiver.message.is_none());
        let stay: Vec<Option<String>> = asked.map(&mut stays).collect();
        if stay.iter().all(Option::is_none) {
            return all_refused(answer.receivers);
        }
        let written = record.as_ref().and_then(|Outgoing { topic, value, .. }| Some((*topic, value.as_ref()?)));
        // Written by us a moment ago: it can be read. Were it not, ingest would refuse the same.
        let read = written.and_then(|(topic, value)| Some((topic, schemas.decode::<SendRequest>(value).ok()?)));
        let Some((topic, mut request)) = read else { return Self { answer, record } };
        retain(&mut request, stay);
        match request::record(&request, topic, schemas) {
            Ok(record) => Self { answer, record: Some(record) },
            Err(error) => bad("the request", error).into(),
        }
    }
}

/// Keeps those receivers that have an id here. Places of those that stay change: each takes its id along.
fn retain(request: &mut SendRequest, ids: impl IntoIterator<Item = Option<String>>) {
    let mut ids = ids.into_iter();
    request.receiver_list.retain_mut(|receiver| {
        receiver.message_id = match ids.next().flatten() {
            Some(id) => Some(id),
            None => return false,
        };
        true
    });
}

/// Of many, when none is left.
fn all_refused(receivers: Vec<Receiver>) -> Judged {
    let first = receivers.iter().find(|receiver| receiver.message.is_some()).cloned();
    let mut judged = first.map_or_else(|| refused("", None), |first| refused(first.code, first.message));
    judged.answer.receivers = receivers;
    judged
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
        Some(_) if accepted == 0 => return all_refused(receivers),
        Some(_) => {
            retain(&mut request, receivers.iter().map(|told| told.message.is_none().then(|| told.message_id.clone())));
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
