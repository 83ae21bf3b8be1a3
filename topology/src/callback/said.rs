//! What endpoints said of themselves, as ENDPOINT tells: that they are gone (410), that they rest. The same for all
//! members of the group and for whoever tells their customers, after any restart.

use crate::{
    engine::{Decoder, TurnError},
    log::{Place, Reader},
};
use processors::{
    callback::{Endpoint, LONGEST_REST_MS},
    rest::rests,
};
use rustc_hash::FxHashMap;
use schemas::{EndpointRest, EndpointState, Topic};

/// How often news of other members are looked for, milliseconds.
const LOOK_MS: i64 = 1_000;

/// What endpoints said last.
#[derive(Debug, Default)]
pub struct Said {
    states: FxHashMap<String, EndpointState>,
    /// The next offset to be read.
    next: i64,
    looked_ms: Option<i64>,
}

impl Said {
    /// Reads what is new, if it is time to look again.
    pub fn refresh(&mut self, reader: &mut dyn Reader, decoder: &Decoder, now_ms: i64) -> Result<(), TurnError> {
        if self.looked_ms.is_some_and(|looked| (looked..looked + LOOK_MS).contains(&now_ms)) {
            return Ok(());
        }
        self.read_on(reader, decoder, now_ms)
    }

    /// Reads what is new.
    pub fn read_on(&mut self, reader: &mut dyn Reader, decoder: &Decoder, now_ms: i64) -> Result<(), TurnError> {
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

    /// An endpoint has said something.
    pub fn note(&mut self, state: EndpointState) {
        self.states.insert(state.service_key.clone(), state);
    }

    /// What a service key's endpoints said, whichever they were.
    pub fn state(&self, service_key: &str) -> Option<&EndpointState> {
        self.states.get(service_key)
    }

    /// Whether an endpoint is gone.
    pub fn has_ended(&self, endpoint: &Endpoint) -> bool {
        self.ended(endpoint).is_some()
    }

    /// What it answered, if it is gone.
    pub fn ended(&self, endpoint: &Endpoint) -> Option<&EndpointState> {
        self.state(&endpoint.service_key).filter(|state| endpoint.is_disabled_by(state))
    }

    /// The rest that it asked for, if it rests at this time. The clock of the member that heard it may be ahead of ours.
    pub fn rest(&self, endpoint: &Endpoint, now_ms: i64) -> Option<&EndpointRest> {
        endpoint
            .rest_of(self.state(&endpoint.service_key)?)
            .filter(|rest| rests(rest.until, 2 * LONGEST_REST_MS, now_ms))
    }

    /// Endpoints that answered 410 last.
    pub fn count(&self) -> usize {
        self.states.values().filter(|state| !state.uri_sha256.is_empty()).count()
    }

    /// Reads everything again at the next look: what was noted may not have been committed.
    pub fn reread(&mut self) {
        *self = Self::default();
    }
}
