//! What an answer means: published schemas CommonResult, SendOmniResponse, ApiResponse.
//!
//! An answer is judged in layers: the gateway's `common.authCode`, the service's `data.code`, and the code of the one
//! destination. A000 in all of them is acceptance.

use crate::vendors::judged;
use processors::{ports::Reply, reference::CodeTable};
use serde::Deserialize;

/// What success is called in every layer.
const ACCEPTED: &str = "A000";
/// A rate that is exceeded, in words as by status 429.
pub const TOO_MANY: &str = "A020";
/// What stands for the code where there is none.
pub const NO_ANSWER: &str = "a body that is no answer";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    common: Common,
    #[serde(default)]
    data: Option<Service>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Common {
    auth_code: String,
    #[serde(default)]
    auth_result: Option<String>,
}

#[derive(Deserialize)]
struct Service {
    code: String,
    #[serde(default)]
    result: Option<String>,
    /// An object in an answer to a send; anything else in others.
    #[serde(default)]
    data: serde_json::Value,
}

#[derive(Deserialize)]
struct Destinations {
    destinations: Vec<Destination>,
}

#[derive(Deserialize)]
struct Destination {
    code: String,
    #[serde(default)]
    result: Option<String>,
}

/// A code and the vendor's words for it.
pub type Said = (String, Option<String>);

/// What was said first that is not acceptance; None: everything was accepted, as far as this goes.
fn refused(envelope: &Envelope) -> Option<Said> {
    let Envelope { common, data } = envelope;
    if common.auth_code != ACCEPTED {
        return Some((format!("common.{}", common.auth_code), common.auth_result.clone()));
    }
    let service = data.as_ref()?;
    (service.code != ACCEPTED).then(|| (service.code.clone(), service.result.clone()))
}

/// What came of a request for one message. `now_ms`: for a Retry-After that is a date.
pub fn reply(status: u16, retry_after: Option<&str>, body: &[u8], now_ms: i64) -> Reply {
    let throttled = || judged::throttled(retry_after, now_ms);
    if status == 429 {
        return throttled();
    }
    let envelope: Option<Envelope> = serde_json::from_slice(body).ok();
    if status >= 500 {
        let code = envelope.as_ref().and_then(refused).map_or(String::new(), |(code, _)| format!(", {code}"));
        return Reply::NoAnswer(format!("HTTP {status}{code}"));
    }
    let Some(envelope) = envelope else {
        return match status {
            // The gateway's own words are A and the status; a proxy that refused in its own format says the same.
            300..=499 => code(format!("common.A{status}"), None),
            _ => Reply::NoAnswer(format!("HTTP {status}, and a body that is no answer")),
        };
    };
    let said = match refused(&envelope) {
        Some(said) => said,
        None if !(200..300).contains(&status) => (format!("common.A{status}"), envelope.common.auth_result),
        None => match envelope.data.and_then(destination) {
            Some(said) => said,
            None => return Reply::NoAnswer("an answer that says nothing of the destination".into()),
        },
    };
    match said {
        (word, _) if word == TOO_MANY => throttled(),
        (word, words) => code(word, words),
    }
}

fn destination(service: Service) -> Option<Said> {
    let Destinations { destinations } = serde_json::from_value(service.data).ok()?;
    let [Destination { code, result }] = <[Destination; 1]>::try_from(destinations).ok()?;
    Some((code, result))
}

/// A code as the vendor's answer, or none at all when it leaves open whether the message was taken.
pub fn code(code: String, words: Option<String>) -> Reply {
    judged::code(CodeTable::Bizgo, code, words)
}

/// Why a call that sends nothing was refused; None: it was not.
pub fn refusal(status: u16, body: &[u8]) -> Option<String> {
    told(status, body).map(|(code, _)| code)
}

/// The same with the vendor's words.
pub fn told(status: u16, body: &[u8]) -> Option<Said> {
    let Ok(envelope) = serde_json::from_slice::<Envelope>(body) else {
        return Some((NO_ANSWER.into(), None));
    };
    refused(&envelope).or_else(|| (!(200..300).contains(&status)).then(|| ("refused".into(), None)))
}
