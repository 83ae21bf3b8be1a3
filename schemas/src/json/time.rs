//! Times in requests: ISO 8601 with a zone, or Unix milliseconds.

use super::error::{At, JsonError};
use super::read::{wrong, wrong_word};
use serde_json::value::RawValue;

const ALLOWED: &str = "ISO 8601 with a zone, for example 2026-03-12T09:00:00+09:00, or Unix milliseconds";

/// Reads a time. Without a zone it is refused: a server must not guess which midnight a customer means.
pub(super) fn instant_ms(json: &RawValue, at: &At<'_>) -> Result<i64, JsonError> {
    if let Ok(ms) = json.get().parse() {
        return Ok(ms);
    }
    let text: String = serde_json::from_str(json.get()).map_err(|_| wrong(json, at, ALLOWED))?;
    let instant: jiff::Timestamp = text.parse().map_err(|_| wrong_word(&text, at, ALLOWED))?;
    Ok(instant.as_millisecond())
}
