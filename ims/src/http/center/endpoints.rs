//! What endpoints said of themselves, that they are gone or rest, read where the callback role notes it: in the log.

use crate::http::clerk::Clerk;
use processors::{
    callback::Endpoint,
    ports::{Away, Clock},
};
use schemas::{EndpointRest, EndpointState};
use std::{io, sync::Arc};
use topology::{
    callback::Said,
    engine::{Decoder, TurnError},
    log::{Log, LogError, Reader},
};

/// What holds of an endpoint.
#[derive(Debug, Default)]
pub struct Standing {
    /// It answered 410, and is called no more.
    pub ended: Option<EndpointState>,
    /// It asked for no call until then.
    pub rest: Option<EndpointRest>,
}

/// What is known of them, at most a second old.
pub struct Endpoints {
    reader: Box<dyn Reader>,
    decoder: Decoder,
    clock: Arc<dyn Clock>,
    said: Said,
}

impl Endpoints {
    /// Reads nothing yet; then all of it once, and what is new.
    pub fn start(log: Arc<dyn Log>, decoder: Decoder, clock: Arc<dyn Clock>) -> io::Result<Clerk<Self>> {
        let open = move || {
            let (decoder, clock) = (decoder.clone(), Arc::clone(&clock));
            Ok::<_, LogError>(Self { reader: log.reader()?, decoder, clock, said: Said::default() })
        };
        Clerk::start("http-endpoints", 1, open)
    }

    /// What an endpoint said, as far as it still holds.
    pub fn of(&mut self, endpoint: &Endpoint) -> Result<Standing, Away> {
        let now_ms = self.clock.now_ms();
        self.said.refresh(&mut *self.reader, &self.decoder, now_ms).map_err(|error| match error {
            TurnError::Away(away) => away,
            other => Away { dependency: "log", cause: other.to_string() },
        })?;
        Ok(Standing { ended: self.said.ended(endpoint).cloned(), rest: self.said.rest(endpoint, now_ms).cloned() })
    }
}
