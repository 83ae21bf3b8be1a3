//! Endpoints that answered 410, as ENDPOINT tells: the same for all members of the group and for whoever tells their
//! customers, after any restart.

use crate::{
    engine::{Decoder, TurnError},
    log::{Place, Reader},
};
use processors::callback::Endpoint;
use rustc_hash::FxHashMap;
use schemas::{EndpointState, Topic};

/// How often news of other members are looked for, milliseconds.
const LOOK_MS: i64 = 1_000;

/// What is known of endpoints that are gone.
#[derive(Debug, Default)]
pub struct Disabled {
    states: FxHashMap<String, EndpointState>,
    /// The next offset to be read.
    next: i64,
    looked_ms: Option<i64>,
}

impl Disabled {
    /// Reads what is new, if it is time to look again.
    pub fn refresh(&mut self, reader: &mut dyn Reader, decoder: &Decoder, now_ms: i64) -> Result<(), TurnError> {
        if self.looked_ms.is_some_and(|looked| (looked..looked + LOOK_MS).contains(&now_ms)) {
            return Ok(());
        }
        let place = Place { topic: Topic::endpoint(), partition: 0 };
        let (first, end) = reader.bounds(place)?;
        let mut news = Vec::new();
        reader.read(place, self.next.max(first), end, &mut |record| news.push(record))?;
        for record in news {
            let key = record.key.as_deref().and_then(|key| std::str::from_utf8(key).ok()).unwrap_or_default();
            match record.value.as_deref().map(|value| decoder.decode::<EndpointState>(Some(value))).transpose()? {
                None => {
                    self.states.remove(key);
                }
                Some(Ok(state)) => self.note(state),
                // It would be met by every start: told, and left.
                Some(Err(error)) => {
                    tracing::error!(offset = record.offset, %error, "a record of ENDPOINT cannot be read: passed over");
                }
            }
        }
        self.next = end;
        self.looked_ms = Some(now_ms);
        Ok(())
    }

    /// An endpoint is gone.
    pub fn note(&mut self, state: EndpointState) {
        self.states.insert(state.service_key.clone(), state);
    }

    /// Whether an endpoint is gone.
    pub fn has(&self, endpoint: &Endpoint) -> bool {
        self.state(endpoint).is_some()
    }

    /// What it answered, if it is gone.
    pub fn state(&self, endpoint: &Endpoint) -> Option<&EndpointState> {
        self.states.get(&endpoint.service_key).filter(|state| endpoint.is_disabled_by(state))
    }

    /// Endpoints that answered 410 last.
    pub fn count(&self) -> usize {
        self.states.len()
    }

    /// Reads everything again at the next look: what was noted may not have been committed.
    pub fn reread(&mut self) {
        *self = Self::default();
    }
}
