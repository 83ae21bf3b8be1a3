//! The router: reads a view of each accepted step, and passes its bytes on behind the dispatch's head.

use crate::{
    engine::{Decoder, Outputs, Step},
    log::Record,
};
use processors::{
    night::Night,
    outcome::news::of_router,
    ports::{Away, ReferenceSource},
    route::{Routed, Rules, route},
};
use schemas::{Accepted, AcceptedView, Avro, Dispatch, Input, Lane, Topic, topics::Kind};
use std::sync::Arc;

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

    fn one(&self, datum: &[u8], rules: Rules<'_>, now_ms: i64, out: &mut Outputs) -> Result<(), String> {
        let view = AcceptedView::decode(&mut Input::new(datum)).map_err(|e| e.to_string())?;
        match route(&view, datum, rules, now_ms).map_err(|e| e.to_string())? {
            Routed::Dispatch { family, head } => {
                let mut value = Vec::with_capacity(datum.len() + 96);
                out.schemas().frame::<Dispatch>(&mut value);
                head.encode_with(datum, &mut value);
                out.value(Topic::send(family, head.priority), None, view.track_id, Some(value.into()), vec![]);
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
        let rules = Rules { reference: &reference, night: &self.night };
        for record in batch {
            let routed = match self.decoder.datum::<Accepted>(record.value.as_deref())? {
                Ok(datum) => self.one(&datum, rules, now_ms, out),
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

fn lane(record: &Record) -> Lane {
    match record.place.topic.kind() {
        Kind::Recv(_, lane) | Kind::Fallback(lane) => lane,
        _ => Lane::Realtime,
    }
}
