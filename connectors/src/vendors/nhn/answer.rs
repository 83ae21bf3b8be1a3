//! What an answer means: its header, and of a request to send the result of the one recipient. Code 0 in both is
//! acceptance.

use crate::vendors::judged;
use processors::{ports::Reply, reference::CodeTable};
use serde::{Deserialize, de::DeserializeOwned};

/// What success is called.
const ACCEPTED: i64 = 0;
/// What both products call a wrong key, an address where nothing is, and a request that cannot be read.
const NO_KEY: &str = "-1000";
const NO_API: &str = "-9998";
const UNREAD: &str = "-9997";

#[derive(Deserialize)]
struct Envelope {
    header: Header,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    is_successful: bool,
    result_code: i64,
    #[serde(default)]
    result_message: Option<String>,
}

/// The body of an answer to a request to send.
#[derive(Deserialize)]
struct Sent {
    /// Of text.
    body: Option<Body>,
    /// Of 알림톡.
    message: Option<Taken>,
}

#[derive(Deserialize)]
struct Body {
    data: Option<Taken>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Taken {
    #[serde(default)]
    request_id: Option<String>,
    /// 1 on its way, 2 done, 3 failed.
    #[serde(default)]
    status_code: Option<String>,
    #[serde(alias = "sendResults")]
    send_result_list: Vec<OfRecipient>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfRecipient {
    #[serde(default)]
    result_code: Option<i64>,
    #[serde(default)]
    result_message: Option<String>,
}

/// What came of a request for one message. `now_ms`: for a Retry-After that is a date.
pub fn reply(table: CodeTable, status: u16, retry_after: Option<&str>, body: &[u8], now_ms: i64) -> Reply {
    if status == 429 {
        return judged::throttled(retry_after, now_ms);
    }
    let said = header(body);
    if status >= 500 {
        let code = said.map_or(String::new(), |header| format!(", {}", header.result_code));
        return Reply::NoAnswer(format!("HTTP {status}{code}"));
    }
    let Some(Header { is_successful, result_code, result_message }) = said else {
        return match of_status(status) {
            Some(code) => judged::code(table, code.into(), None),
            None => Reply::NoAnswer(format!("HTTP {status}, and a body that is no answer")),
        };
    };
    let of_recipient = taken(body).map(|taken| (taken.status_code, taken.send_result_list));
    let one = of_recipient.and_then(|(status_code, mut results)| {
        let one = results.pop().filter(|_| results.is_empty())?;
        Some((status_code, one.result_code.unwrap_or(ACCEPTED), one.result_message))
    });
    match one {
        Some((_, code, words)) if code != ACCEPTED => judged::code(table, code.to_string(), words),
        _ if result_code != ACCEPTED => judged::code(table, result_code.to_string(), result_message),
        _ if !is_successful || !(200..300).contains(&status) => {
            Reply::NoAnswer(format!("HTTP {status}, code 0, and no success"))
        }
        Some((Some(failed), ..)) if failed == "3" => Reply::NoAnswer("an acceptance of a request that failed".into()),
        Some((_, code, words)) => judged::code(table, code.to_string(), words),
        None => Reply::NoAnswer("an answer that says nothing of the recipient".into()),
    }
}

fn header(body: &[u8]) -> Option<Header> {
    // What is skipped is not looked at, and JSON in another charset is none.
    serde_json::from_str(str::from_utf8(body).ok()?).ok().map(|Envelope { header }| header)
}

fn taken(body: &[u8]) -> Option<Taken> {
    let Sent { body, message } = serde_json::from_slice(body).ok()?;
    message.or_else(|| body?.data)
}

/// What the vendor calls the message of an answer that accepts one.
pub fn request_id(body: &[u8]) -> Option<String> {
    taken(body)?.request_id.filter(|id| !id.is_empty())
}

/// What something in between says that refused in its own format.
const fn of_status(status: u16) -> Option<&'static str> {
    match status {
        401 | 403 | 407 => Some(NO_KEY),
        300..=399 | 404 | 405 => Some(NO_API),
        400..=499 => Some(UNREAD),
        _ => None,
    }
}

/// Why a call about results was not answered.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// With a code of the product's table.
    Code(String),
    /// Otherwise.
    Unread(String),
}

/// What a call about results is answered with.
pub fn read<B: DeserializeOwned>(status: u16, body: &[u8]) -> Result<B, Refused> {
    let unread = || Refused::Unread(format!("HTTP {status}, and a body that is no answer"));
    let Some(header) = header(body) else {
        return Err(of_status(status).map_or_else(unread, |code| Refused::Code(code.into())));
    };
    if header.result_code != ACCEPTED {
        return Err(Refused::Code(header.result_code.to_string()));
    }
    if !header.is_successful || !(200..300).contains(&status) {
        return Err(unread());
    }
    // The error's own text may quote the body.
    serde_json::from_slice(body).map_err(|_| unread())
}
