//! The router: reads a view of each accepted step, and passes its bytes on behind the dispatch's head.

use crate::{
    engine::{Decoder, Outputs, Step},
    log::Record,
};
use processors::{
    night::Night,
    outcome::news::of_router,
    ports::{Away, ReferenceSource},
    reference::Reference,
    route::{Routed, Rules, route},
};
use schemas::{Accepted, AcceptedView, Avro, Dispatch, Input, Lane, Topic, topics::Kind};
use std::sync::Arc;

/// Header of an accepted record that the transaction which wrote it has routed too: the router passes it over.
pub const ROUTED_HEADER: &str = "ims-routed";

/// The router's step.
pub struct Route {
    decoder: Decoder,
    reference: Arc<dyn ReferenceSource>,
    night: Night,
}

impl Route {
    /// Routes by this reference data.
    pub fn new(decoder: Decoder, reference: Arc<dyn ReferenceSource>, night: Night) -> Self {
        Self { decoder, reference, night }
    }

    /// Routes one accepted step, given as the bytes of its record.
    pub fn one(&self, datum: &[u8], reference: &Reference, now_ms: i64, out: &mut Outputs) -> Result<(), String> {
        let rules = Rules { reference, night: &self.night };
        let view = AcceptedView::decode(&mut Input::new(datum)).map_err(|e| e.to_string())?;
        match route(&view, datum, rules, now_ms).map_err(|e| e.to_string())? {
            Routed::Dispatch { topic, head } => {
                let value = out.framed::<Dispatch>(|value| head.encode_with(datum, value));
                out.value(topic, None, view.track_id, Some(value), vec![]);
            }
            routed @ (Routed::Wait { priority, .. } | Routed::End { priority, .. }) => {
                let accepted = Accepted::decode(&mut Input::new(datum)).map_err(|e| e.to_string())?;
                if let Some(news) = of_router(accepted, &routed, now_ms) {
                    out.emit(Topic::result(priority), view.track_id, &news);
                }
            }
        }
        Ok(())
    }
}

impl Step for Route {
    fn run(&mut self, batch: &[Record], now_ms: i64, out: &mut Outputs) -> Result<(), Away> {
        let reference = self.reference.current();
        for record in batch.iter().filter(|record| !is_routed(record)) {
            let routed = match self.decoder.datum::<Accepted>(record.value.as_deref())? {
                Ok(datum) => self.one(&datum, &reference, now_ms, out),
                Err(error) => Err(error.to_string()),
            };
            if let Err(reason) = routed {
                out.dead_letter(record, &reason);
                out.close_account(record, lane(record), now_ms);
            }
        }
        Ok(())
    }
}

fn is_routed(record: &Record) -> bool {
    record.headers.iter().any(|(name, _)| name == ROUTED_HEADER)
}

fn lane(record: &Record) -> Lane {
    match record.place.topic.kind() {
        Kind::Recv(_, lane) | Kind::Fallback(lane) => lane,
        _ => Lane::Realtime,
    }
}
