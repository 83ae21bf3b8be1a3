//! The way of a message from its request to the answer: limits, Idempotency-Key, the rules, the log.

use super::{
    answer::{Answer, Problem, kept},
    ask::{self, Judge, Judged},
    body,
    gate::Caller,
    rate::Standing,
    routes::{Door, VERSION},
};
use crate::secret;
use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use connectors::desk::Repeat;
use processors::{
    access::{Begun, Contents, Limits, RepeatKey, Use},
    ingest::RECEIVERS,
    refusal::Code,
};
use schemas::{Channel, Lane, Topic};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

const LANE: HeaderName = HeaderName::from_static("x-ims-lane");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// How long a request with a key may be under way besides the time that Kafka has: what its door does not end in that
/// time, because it was killed, may be begun again.
const LEASE_BESIDES: Duration = Duration::from_secs(3);
/// A body that is longer may name many receivers, or unfold much of one.
const SHORT_BYTES: usize = 4_096;

/// A request that was let in and read.
#[derive(Clone)]
pub struct Asked {
    pub caller: Caller,
    pub service_key: String,
    pub channel: Channel,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Caller {
    /// The bounds of this customer.
    pub fn limits(&self) -> Limits {
        let customer = self.reference.customer(&self.username);
        customer.map_or_else(Limits::default, |customer| Limits {
            rate_per_second: customer.rate_per_second,
            daily_quota: customer.daily_quota,
        })
    }
}

impl Door {
    /// Refuses a customer that is known to be over its rate, before anything of its request is read.
    pub fn over_rate(&self, caller: &Caller) -> Option<Response> {
        let taken = self.desk.refused(&caller.username, caller.limits())?;
        Standing { limits: caller.limits(), taken, now_ms: self.clock.now_ms() }.refusal(0)
    }

    /// Counts what a request uses, if its customer has limits.
    pub async fn count(&self, caller: &Caller, using: Use) -> Result<Option<Standing>, Response> {
        let limits = caller.limits();
        if limits.is_none() {
            return Ok(None);
        }
        let now_ms = self.clock.now_ms();
        let taken = self.desk.take(&caller.username, limits, using).await;
        let standing = Standing { limits, taken, now_ms };
        match standing.refusal(using.messages) {
            Some(refusal) => Err(refusal),
            None => Ok(Some(standing)),
        }
    }

    /// An answer to what is looked at no further: it has used one of the rate.
    pub async fn ended(&self, caller: &Caller, answer: impl IntoResponse) -> Response {
        match self.count(caller, Use { receivers: 1, messages: 0 }).await {
            Ok(standing) => told(answer.into_response(), standing),
            Err(refusal) => refusal,
        }
    }

    /// The whole of a JSON body, which is not larger than it may be and comes in time.
    pub async fn json(&self, headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
        if !headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).is_some_and(is_json) {
            return Err(Problem::NotJson);
        }
        body::read(body, self.body_bytes, self.body_within).await
    }

    /// Answers a request: once, when it has a key, however often it comes.
    pub async fn sent(self: Arc<Self>, asked: Asked) -> Response {
        // All that is waited for is within it: who is told 9998 is told so in time.
        let until = Instant::now() + self.acknowledged_within;
        let Some(key) = asked.headers.get(IDEMPOTENCY_KEY) else { return self.judged(&asked, until).await.0 };
        let key = match RepeatKey::read(key.as_bytes(), &asked.caller.username) {
            Ok(key) => key,
            Err(reason) => return self.ended(&asked.caller, bad("idempotency-key", &reason)).await,
        };
        let Ok(mark) = secret::random() else { return Problem::Unexpected.into_response() };
        let repeat = Repeat { key, contents: asked.contents(), mark };
        match self.desk.begin(repeat, self.acknowledged_within + LEASE_BESIDES).await {
            Begun::Other => self.ended(&asked.caller, Problem::KeyReused).await,
            Begun::UnderWay => self.ended(&asked.caller, Problem::KeyUnderWay).await,
            Begun::Same(answer) => self.ended(&asked.caller, kept(answer)).await,
            Begun::First => {
                // Whoever leaves now asks again under this key, and is told how it ended.
                let ended = tokio::spawn(async move {
                    let (response, answer) = self.judged(&asked, until).await;
                    match answer {
                        Some(answer) => self.desk.answer(repeat, answer).await,
                        None => self.desk.leave(repeat),
                    }
                    response
                });
                ended.await.unwrap_or_else(|_| Problem::Unexpected.into_response())
            }
        }
    }

    /// Holds a request against the rules and appends what is accepted. The answer comes a second time as it is kept,
    /// when something was appended: what came to nothing may be asked again.
    async fn judged(self: &Arc<Self>, asked: &Asked, until: Instant) -> (Response, Option<Vec<u8>>) {
        let (judged, receivers) = match self.judged_in_turn(asked, until).await {
            Ok(judged) => judged,
            Err(problem) => return (self.ended(&asked.caller, problem).await, None),
        };
        let holders = self.claimed.holders(&asked.service_key, judged.ids()).await;
        let Judged { answer, record } = judged.without(&holders, &self.schemas);
        let accepted = answer.receivers.iter().filter(|receiver| receiver.message.is_none()).count();
        let messages = match (&record, answer.receivers.len()) {
            (None, _) => 0,
            (Some(_), 0) => 1,
            (Some(_), _) => accepted as u32,
        };
        let standing = match self.count(&asked.caller, Use { receivers, messages }).await {
            Ok(standing) => standing,
            Err(refusal) => return (refusal, None),
        };
        let Some(record) = record else { return (told(answer.into_response(), standing), None) };
        let urgent = record.topic == Topic::api(Lane::Auth);
        let appender = if urgent { &self.urgent } else { &self.others };
        match appender.append(record, until).await {
            Ok(()) => {
                let bytes = answer.to_bytes();
                (told(answer.into_response(), standing), Some(bytes))
            }
            Err(problem) => {
                if let Some(Standing { limits, now_ms, .. }) = standing {
                    // It is counted when it is confirmed: who repeats it has sent one message.
                    self.desk.give_back(&asked.caller.username, limits, messages, now_ms);
                }
                (told(problem.into_response(), standing), None)
            }
        }
    }

    /// Judges a long request in its customer's turn: it may unfold to 64 MiB, and short ones shall not stand behind it. It
    /// waits for half of the time until `until`, of which the log has the rest; one of AUTH behind none of its other lanes.
    async fn judged_in_turn(self: &Arc<Self>, asked: &Asked, until: Instant) -> Result<(Judged, u32), Problem> {
        if asked.body.len() <= SHORT_BYTES {
            return Ok(self.judge(asked));
        }
        let (door, whole) = (Arc::clone(self), asked.clone());
        let username = &asked.caller.username;
        let lane = asked.headers.get(LANE).and_then(|lane| ask::lane(Some(lane.as_bytes())).ok().flatten());
        let judged = match lane {
            Some(Lane::Auth) => self.lists.of(format!("{username} {}", Lane::Auth)),
            _ => self.lists.of(Arc::clone(username)),
        };
        let judged = judged.ask(move |()| Ok(door.judge(&whole)));
        let within = until.saturating_duration_since(Instant::now()) / 2;
        match tokio::time::timeout(within, judged).await {
            Ok(Err(Problem::StoreAway)) => Err(Problem::Unexpected),
            Ok(judged) => judged,
            Err(_) => Err(Problem::TooMany),
        }
    }

    /// The answer by the rules, and how many receivers were asked for.
    fn judge(&self, asked: &Asked) -> (Judged, u32) {
        let Asked { caller, service_key, channel, headers, body } = asked;
        let header = |name| headers.get(name).map(HeaderValue::as_bytes);
        let read = caller
            .own(service_key)
            .and_then(|_| ask::lane(header(LANE)))
            .and_then(|lane| Ok((lane, ask::read(body, service_key, *channel)?)));
        let (lane, request) = match read {
            Ok(read) => read,
            Err(refusal) => return (refusal.into(), 1),
        };
        // More than there may be are refused whole.
        let receivers = request.receiver_list.len().clamp(1, RECEIVERS) as u32;
        let by = Judge {
            reference: &caller.reference,
            settings: &self.settings,
            schemas: &self.schemas,
            now_ms: self.clock.now_ms(),
        };
        (ask::judge(request, lane, by), receivers)
    }
}

impl Asked {
    /// All that says what is asked.
    fn contents(&self) -> Contents {
        let header = |name| self.headers.get(name).map(HeaderValue::as_bytes).unwrap_or_default();
        let channel = self.channel.as_str().as_bytes();
        Contents::of([self.service_key.as_bytes(), channel, header(LANE), header(VERSION), &self.body])
    }
}

/// An answer with where its customer stands.
pub fn told(mut answer: Response, standing: Option<Standing>) -> Response {
    if let Some(standing) = standing {
        standing.tell(&mut answer);
    }
    answer
}

fn bad(header: &str, reason: &str) -> Answer {
    Answer::refused(Code::BadRequest.as_str(), format!("{header}: {reason}"))
}

fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}
