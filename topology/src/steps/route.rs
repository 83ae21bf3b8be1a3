//! The router: reads a view of each accepted step, and passes its bytes on behind the dispatch's head.

use super::wanted::{Changed, Wanted};
use crate::{
    engine::{Decoder, Outputs, Step, came_back},
    log::Record,
    metrics as names,
};
use metrics::counter;
use processors::{
    night::Night,
    outcome::news::of_router,
    ports::{Away, ReferenceSource},
    reference::Reference,
    route::{Routed, Rules, route},
};
use rustc_hash::FxHashMap;
use schemas::{Accepted, AcceptedView, Avro, Dispatch, Input, Lane, State, Topic, topics::Kind};
use std::sync::Arc;

/// Header of an accepted record that the transaction which wrote it has routed too: the router passes it over.
pub const ROUTED_HEADER: &str = "ims-routed";

/// The router's step.
pub struct Route {
    decoder: Decoder,
    reference: Arc<dyn ReferenceSource>,
    night: Night,
    /// None: nothing that waited comes here.
    wanted: Option<Wanted>,
}

impl Route {
    /// Routes by this reference data.
    pub fn new(decoder: Decoder, reference: Arc<dyn ReferenceSource>, night: Night) -> Self {
        Self { decoder, reference, night, wanted: None }
    }

    /// The same of a lane that ads come back to after a wait.
    pub fn asking(self, wanted: Wanted) -> Self {
        Self { wanted: Some(wanted), ..self }
    }

    /// The ads of a batch that were accepted some time ago and for which something changed since, by their place in it.
    /// While nobody can be asked they wait, with their lane.
    fn look_up(
        &mut self,
        batch: &[Record],
        reference: &Reference,
    ) -> Result<FxHashMap<usize, (Accepted, Changed)>, Away> {
        let Self { decoder, wanted: Some(wanted), .. } = self else { return Ok(FxHashMap::default()) };
        let (mut places, mut ads) = (Vec::new(), Vec::new());
        for (place, record) in batch.iter().enumerate() {
            if !matches!(record.place.topic.kind(), Kind::Fallback(_)) {
                continue;
            }
            // One that cannot be read is routed as all are, and set aside there.
            let Ok(mut accepted) = decoder.decode::<Accepted>(record.value.as_deref())? else { continue };
            accepted.revived |= came_back(record);
            if accepted.ad {
                places.push(place);
                ads.push(accepted);
            }
        }
        let changed = wanted.ask(&ads, reference)?.into_iter();
        let ads = places.into_iter().zip(ads).zip(changed);
        Ok(ads.filter_map(|((place, ad), changed)| Some((place, (ad, changed?)))).collect())
    }

    /// Routes an ad for which something changed, or ends it.
    fn ad(
        &self,
        accepted: Accepted,
        changed: Changed,
        reference: &Reference,
        now_ms: i64,
        out: &mut Outputs,
    ) -> Result<(), String> {
        let accepted = match changed {
            Changed::ByDay => Accepted { night_agreed: false, ..accepted },
            Changed::Unwanted(code) => {
                out.count(counter!(names::REFUSED, "code" => code.as_str()));
                let priority = Lane::Ad;
                let end = Routed::End { priority, state: State::Failed, code, fallback_allowed: false };
                let track_id = accepted.track_id.clone();
                if let Some(news) = of_router(accepted, &end, now_ms) {
                    out.emit(Topic::result(priority), &track_id, &news);
                }
                return Ok(());
            }
        };
        self.anew(accepted, reference, now_ms, out)
    }

    /// Routes an accepted step that is not as its record has it.
    fn anew(&self, accepted: Accepted, reference: &Reference, now_ms: i64, out: &mut Outputs) -> Result<(), String> {
        let mut datum = Vec::new();
        accepted.encode(&mut datum);
        self.one(&datum, reference, now_ms, out)
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
    fn run(&mut self, batch: &[Record], now_ms: i64, out: &mut Outputs) -> Result<usize, Away> {
        let reference = self.reference.current();
        let mut changed = self.look_up(batch, &reference)?;
        for (place, record) in batch.iter().enumerate().filter(|(_, record)| !is_routed(record)) {
            let routed = match changed.remove(&place) {
                Some((ad, changed)) => self.ad(ad, changed, &reference, now_ms, out),
                None if came_back(record) => match self.decoder.decode::<Accepted>(record.value.as_deref())? {
                    Ok(accepted) => self.anew(Accepted { revived: true, ..accepted }, &reference, now_ms, out),
                    Err(error) => Err(error.to_string()),
                },
                None => match self.decoder.datum::<Accepted>(record.value.as_deref())? {
                    Ok(datum) => self.one(&datum, &reference, now_ms, out),
                    Err(error) => Err(error.to_string()),
                },
            };
            if let Err(reason) = routed {
                self.set_aside(record, &reason, now_ms, out);
            }
        }
        Ok(batch.len())
    }

    fn set_aside(&mut self, record: &Record, reason: &str, now_ms: i64, out: &mut Outputs) {
        out.dead_letter(record, reason);
        out.close_account(record, lane(record), now_ms);
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
