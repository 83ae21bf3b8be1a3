//! What an answer means: the success body, or google.rpc.Status with FcmError, BadRequest and QuotaFailure among its
//! details.

use crate::vendors::push::code;
use processors::{callback::retry_after_ms, ports::Reply, reference::Vendor};
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// What the service says in words, and nowhere else, of a token that is malformed.
const NO_TOKEN: &str = "The registration token is not a valid FCM registration token";
/// How long a sender waits that is over its quota and was not told: published advice.
const QUOTA_MS: i64 = 60_000;

#[derive(Deserialize)]
struct Sent {
    name: String,
}

#[derive(Deserialize)]
struct Failed {
    error: Status,
}

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    status: String,
    #[serde(default)]
    message: String,
    /// Each is read on its own: one that cannot be read takes nothing from the others.
    #[serde(default)]
    details: Value,
}

impl Status {
    fn details(&self) -> Vec<Detail> {
        let details = self.details.as_array().into_iter().flatten();
        details.filter_map(|detail| Detail::deserialize(detail).ok()).collect()
    }
}

#[derive(Deserialize)]
#[serde(tag = "@type")]
enum Detail {
    #[serde(rename = "type.googleapis.com/google.firebase.fcm.v1.FcmError")]
    Fcm {
        #[serde(rename = "errorCode")]
        error_code: String,
    },
    #[serde(rename = "type.googleapis.com/google.rpc.BadRequest")]
    BadRequest {
        #[serde(default, rename = "fieldViolations")]
        field_violations: Vec<FieldViolation>,
    },
    #[serde(rename = "type.googleapis.com/google.rpc.QuotaFailure")]
    Quota {
        #[serde(default)]
        violations: Vec<QuotaViolation>,
    },
}

#[derive(Deserialize)]
struct FieldViolation {
    #[serde(default)]
    field: String,
}

#[derive(Deserialize)]
struct QuotaViolation {
    #[serde(default)]
    subject: String,
}

/// What came of a request for one token. `now_ms`: for a Retry-After that is a date.
pub fn reply(vendor: &Vendor, status: u16, retry_after: Option<&str>, body: &[u8], now_ms: i64) -> Reply {
    let asked_ms = retry_after.and_then(|text| retry_after_ms(text, now_ms));
    let wait = |ms: i64| Reply::Throttled(Duration::from_millis(ms.max(0).unsigned_abs()));
    if (200..300).contains(&status) {
        return match serde_json::from_slice::<Sent>(body) {
            Ok(Sent { name }) if !name.is_empty() => code(vendor, "200", ""),
            _ => Reply::NoAnswer(format!("HTTP {status}, and a body that is no answer")),
        };
    }
    let Ok(Failed { error }) = serde_json::from_slice::<Failed>(body) else {
        // Something in between, which may have passed the request on when it is a 5xx.
        return match status {
            401 => code(vendor, "UNAUTHENTICATED", ""),
            404 => code(vendor, "NOT_FOUND", ""),
            // Whoever refuses us here lets none of our requests in.
            300..=399 | 403 | 405 | 407 => code(vendor, "PERMISSION_DENIED", ""),
            429 => wait(asked_ms.unwrap_or(QUOTA_MS)),
            400..=499 => code(vendor, &format!("HTTP {status}"), "a body that is no answer"),
            _ => Reply::NoAnswer(format!("HTTP {status}, and a body that is no answer")),
        };
    };
    let details = error.details();
    let own = details.iter().find_map(|detail| match detail {
        Detail::Fcm { error_code } => Some(error_code.as_str()),
        Detail::BadRequest { .. } | Detail::Quota { .. } => None,
    });
    let word = match own.unwrap_or(&error.status) {
        "INVALID_ARGUMENT" if own.is_some() && names_the_token(&error.message, &details) => "INVALID_ARGUMENT.token",
        "RESOURCE_EXHAUSTED" => "QUOTA_EXCEEDED",
        word => word,
    };
    match (word, asked_ms) {
        ("UNAVAILABLE", Some(ms)) => wait(ms),
        ("QUOTA_EXCEEDED", _) if is_of_all(&details) == Some(true) => wait(asked_ms.unwrap_or(QUOTA_MS)),
        ("QUOTA_EXCEEDED", Some(ms)) if is_of_all(&details).is_none() => wait(ms),
        // It says nothing of the message: only what the table knows was certainly not taken.
        ("" | "UNKNOWN" | "DEADLINE_EXCEEDED" | "CANCELLED" | "ABORTED", _) if status >= 499 => {
            Reply::NoAnswer(format!("HTTP {status} {word}"))
        }
        ("", _) => code(vendor, &format!("HTTP {status}"), "an answer without a code"),
        (word, _) => code(vendor, word, &error.status),
    }
}

/// Whether it is the token, and nothing else, that is invalid.
fn names_the_token(message: &str, details: &[Detail]) -> bool {
    let mut fields = details
        .iter()
        .filter_map(|detail| match detail {
            Detail::BadRequest { field_violations } => Some(field_violations),
            _ => None,
        })
        .flatten()
        .map(|violation| violation.field.as_str())
        .peekable();
    match fields.peek() {
        Some(_) => fields.all(|field| field == "message.token"),
        None => message == NO_TOKEN,
    }
}

/// Whether a quota is that of the whole project; None: nobody says whose. One device that gets too many holds nobody else
/// up.
fn is_of_all(details: &[Detail]) -> Option<bool> {
    let mut subjects = details
        .iter()
        .filter_map(|detail| match detail {
            Detail::Quota { violations } => Some(violations),
            _ => None,
        })
        .flatten()
        .peekable();
    subjects.peek()?;
    Some(subjects.any(|violation| violation.subject.starts_with("project")))
}
