//! A SendRequest from the JSON of the HTTP contract (and of JSON lines), with errors that a customer can act on.
//!
//! The field names are those of `SendRequest.avsc`. Besides, values of `mapping` and `data` may be numbers, times may be
//! ISO 8601 with a zone, null means "not given", and the names that the contract had before units came into names are
//! understood. What a field must hold to be sent (lengths, types, mandatory ones) is ingest's to judge.

pub(crate) mod base64;
mod error;
mod read;
mod schema;
mod time;

pub(crate) use error::At;
pub use error::JsonError;
pub(crate) use read::{Fields, FromJson, word};
pub use schema::schemas;

use crate::records::SendRequest;
use serde_json::value::RawValue;

/// Reads one request.
///
/// `service_key`, `channel`, `message_id` and `message_type` stay empty when they are not given: an HTTP door takes the
/// first two from its path, and ingest refuses with its own code what is still empty.
pub fn send_request(json: &[u8]) -> Result<SendRequest, JsonError> {
    let whole: &RawValue = serde_json::from_slice(json).map_err(|e| JsonError::Syntax { reason: e.to_string() })?;
    SendRequest::from_json(whole, &At::Root)
}

#[cfg(test)]
mod tests;
