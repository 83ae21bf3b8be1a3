//! Which endpoints the callback role calls, as it stands now.

use processors::reference::Reference;
use std::sync::Arc;
use topology::{
    callback::Said,
    engine::{Decoder, TurnError},
    log::Reader,
};

/// Endpoints, and what they said of themselves.
pub struct Called {
    reference: Arc<Reference>,
    said: Said,
}

impl Called {
    /// Reads what endpoints said.
    pub fn read(
        reference: Arc<Reference>,
        reader: &mut dyn Reader,
        decoder: &Decoder,
        now_ms: i64,
    ) -> Result<Self, TurnError> {
        let mut said = Said::default();
        said.refresh(reader, decoder, now_ms)?;
        Ok(Self { reference, said })
    }

    /// Why nobody is called for reports of a service key; None: its endpoint is.
    pub fn why_not(&self, service_key: &str) -> Option<&'static str> {
        match self.reference.endpoint(service_key) {
            None => Some("its service key has no callback_uri"),
            Some(endpoint) if self.said.has_ended(endpoint) => Some("its endpoint answered 410"),
            Some(_) => None,
        }
    }
}
