//! A request as it stands in its API topic, whoever brings it: `ims send` or the HTTP door.

use schemas::{Schemas, SendRequest, Topic};
use topology::log::Outgoing;

/// Largest value of a record: the contract's 1 MB.
const MAX_VALUE_BYTES: usize = 1_000_000;

/// A request that no record can hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("got {0} bytes, allowed are {MAX_VALUE_BYTES}: split its receiver_list")]
pub struct TooLarge(usize);

/// The record of a request, its message_id as the key.
pub fn record(request: &SendRequest, topic: Topic, schemas: &Schemas) -> Result<Outgoing, TooLarge> {
    let value = schemas.encode(request);
    if value.len() > MAX_VALUE_BYTES {
        return Err(TooLarge(value.len()));
    }
    // Without an id any partition will do: all of them on one would make it the slowest.
    let key = (!request.message_id.is_empty()).then(|| request.message_id.clone().into_bytes().into());
    Ok(Outgoing { topic, partition: None, key, value: Some(value.into()), headers: Vec::new() })
}
