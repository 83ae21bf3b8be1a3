//! Endpoints that answered 410 and are called no more, read where the callback role notes them: in the log.

use crate::http::clerk::Clerk;
use processors::{
    callback::Endpoint,
    ports::{Away, Clock},
};
use schemas::EndpointState;
use std::{io, sync::Arc};
use topology::{
    callback::Disabled,
    engine::{Decoder, TurnError},
    log::{Log, LogError, Reader},
};

/// What is known of them, at most a second old.
pub struct Gone {
    reader: Box<dyn Reader>,
    decoder: Decoder,
    clock: Arc<dyn Clock>,
    disabled: Disabled,
}

impl Gone {
    /// Reads nothing yet; then all of it once, and what is new.
    pub fn start(log: Arc<dyn Log>, decoder: Decoder, clock: Arc<dyn Clock>) -> io::Result<Clerk<Self>> {
        let open = move || {
            let (decoder, clock) = (decoder.clone(), Arc::clone(&clock));
            Ok::<_, LogError>(Self { reader: log.reader()?, decoder, clock, disabled: Disabled::default() })
        };
        Clerk::start("http-endpoints", 1, open)
    }

    /// What an endpoint answered, if it is called no more.
    pub fn of(&mut self, endpoint: &Endpoint) -> Result<Option<EndpointState>, Away> {
        self.disabled.refresh(&mut *self.reader, &self.decoder, self.clock.now_ms()).map_err(|error| match error {
            TurnError::Away(away) => away,
            other => Away { dependency: "log", cause: other.to_string() },
        })?;
        Ok(self.disabled.state(endpoint).cloned())
    }
}
