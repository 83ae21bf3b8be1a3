//! What an answer means: a status, and of a refusal its reason, and of a dead token since when.

use crate::vendors::push::{Told, code};
use processors::{callback::retry_after_ms, ports::Reply, reference::Vendor};
use serde::Deserialize;
use std::time::Duration;

#[derive(Deserialize)]
struct Refused {
    reason: String,
    /// Unix milliseconds; with 410 alone.
    #[serde(default)]
    timestamp: Option<i64>,
}

/// How long a sender waits that got a 429 without a reason and was not told.
const TOO_MANY_MS: i64 = 60_000;

/// What came of a request for one token. `now_ms`: for a Retry-After that is a date.
pub fn told(vendor: &Vendor, status: u16, retry_after: Option<&str>, body: &[u8], now_ms: i64) -> Told {
    let wait = |ms: i64| Reply::Throttled(Duration::from_millis(ms.max(0).unsigned_abs()));
    if status == 200 {
        return Told::now(code(vendor, "200", ""));
    }
    let Ok(Refused { reason, timestamp }) = serde_json::from_slice::<Refused>(body) else {
        // Something in between, which may have passed the request on when it is a 5xx.
        return Told::now(match status {
            // As the service would say it of our key: so whoever refuses us here lets none of our requests in.
            300..=399 | 401 | 403 | 404 | 405 | 407 => code(vendor, "Forbidden", ""),
            429 => wait(retry_after.and_then(|text| retry_after_ms(text, now_ms)).unwrap_or(TOO_MANY_MS)),
            413 => code(vendor, "PayloadTooLarge", ""),
            400..=499 => code(vendor, &format!("HTTP {status}"), "a body that is no answer"),
            _ => Reply::NoAnswer(format!("HTTP {status}, and a body that is no answer")),
        });
    };
    // Too many requests are those for one device: nobody else is held up by them.
    let asked_ms = retry_after.filter(|_| status == 503).and_then(|text| retry_after_ms(text, now_ms));
    let reply = match asked_ms {
        Some(ms) => wait(ms),
        None => code(vendor, &reason, "a reason that is not published"),
    };
    Told { reply, since_ms: timestamp.filter(|_| status == 410) }
}
