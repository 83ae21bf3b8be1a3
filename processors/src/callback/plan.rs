//! What an answer calls for.

use super::Reply;
use std::time::{Duration, UNIX_EPOCH};

/// After the failure of this retry the report leaves.
pub const LAST_RETRY: u32 = 10;
/// No longer, whatever Retry-After says: by then REPORT has let the report go.
const LONGEST_WAIT_MS: i64 = super::TOLD_WITHIN_MS;

/// How long an endpoint that asks for rest gets none of the other reports, at most: then one of them asks again. A
/// mistaken "not before next week" may not silence a customer for a week.
pub const LONGEST_REST_MS: i64 = 3_600_000;

/// What follows from an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// The customer knows.
    Done,
    /// Call again.
    Again {
        /// Not before, Unix milliseconds.
        due_ms: i64,
    },
    /// The endpoint is gone: it is called no more, for no report.
    Disable,
    /// The last retry failed: the customer asks by message_id.
    GiveUp,
}

/// `failed`: how many calls for this report had failed before. `now_ms`: when this answer came.
pub fn plan(reply: &Reply, failed: u32, now_ms: i64) -> After {
    let asked_ms = match reply {
        Reply::Status { status: 200..=299, .. } => return After::Done,
        Reply::Status { status: 410, .. } => return After::Disable,
        Reply::Status { retry_after, .. } => {
            retry_after.as_deref().and_then(|text| retry_after_ms(text, now_ms)).unwrap_or(0)
        }
        Reply::Failed(_) => 0,
    };
    let retry = failed.saturating_add(1);
    if retry > LAST_RETRY {
        return After::GiveUp;
    }
    After::Again { due_ms: now_ms.saturating_add(wait_ms(retry).max(asked_ms)) }
}

/// Until when an endpoint wants no call at all: 429 and 503 with a Retry-After speak of it, not of one report.
pub fn rest_until_ms(reply: &Reply, now_ms: i64) -> Option<i64> {
    let Reply::Status { status: 429 | 503, retry_after: Some(text) } = reply else { return None };
    let asked_ms = retry_after_ms(text, now_ms).filter(|asked_ms| *asked_ms > 0)?;
    Some(now_ms.saturating_add(asked_ms.min(LONGEST_REST_MS)))
}

/// From a failure to the n-th retry: 60, 180, 420, … 5460 seconds.
fn wait_ms(retry: u32) -> i64 {
    let n = i64::from(retry);
    (n * n - n + 1) * 60_000
}

/// How long a Retry-After asks to wait: seconds or an HTTP date (RFC 9110 §10.2.3). None: it is neither.
pub fn retry_after_ms(text: &str, now_ms: i64) -> Option<i64> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than fit ask for longer than anybody waits.
        let seconds = text.parse::<i64>().unwrap_or(i64::MAX);
        return Some(seconds.saturating_mul(1_000).min(LONGEST_WAIT_MS));
    }
    let at = httpdate::parse_http_date(text).ok()?;
    let now = UNIX_EPOCH + Duration::from_millis(u64::try_from(now_ms).ok()?);
    // A date that is past asks for nothing.
    let wait = at.duration_since(now).unwrap_or_default();
    Some(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX).min(LONGEST_WAIT_MS))
}
