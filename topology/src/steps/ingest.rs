//! Ingest: every rule, then one round trip for the batch's message ids, then RECV or a report of refusal.
//!
//! An authentication message is routed in the same transaction: it stands in RECV and in SEND at once, a hop earlier.

use super::route::{ROUTED_HEADER, Route};
use crate::{
    engine::{Decoder, Outputs, Step, origin_of},
    log::{Headers, Record},
    metrics as names,
};
use bytes::Bytes;
use metrics::counter;
use processors::{
    ingest::{Checked, Received, Refused, Settings, check},
    ports::{Away, Claims, ReferenceSource},
    reference::Reference,
};
use schemas::{Accepted, AnalyzeLog, Api, Lane, LogEvent, SendRequest, Topic, topics::Kind};
use std::sync::Arc;

/// The ingest step.
pub struct Ingest {
    cluster: u8,
    decoder: Decoder,
    reference: Arc<dyn ReferenceSource>,
    claims: Box<dyn Claims>,
    settings: Settings,
    route: Route,
}

impl Ingest {
    /// Ingest for API topics of this cluster; `route` is for what is accepted as AUTH.
    pub fn new(
        cluster: u8,
        decoder: Decoder,
        reference: Arc<dyn ReferenceSource>,
        claims: Box<dyn Claims>,
        settings: Settings,
        route: Route,
    ) -> Self {
        Self { cluster, decoder, reference, claims, settings, route }
    }

    /// Writes what is accepted, and routes it when it is urgent. What cannot be routed is the router's to set aside.
    fn accept(&self, accepted: &Accepted, reference: &Reference, now_ms: i64, out: &mut Outputs) {
        let topic = Topic::recv(accepted.channel, accepted.lane);
        if accepted.lane != Lane::Auth {
            return out.emit(topic, &accepted.track_id, accepted);
        }
        let value = out.schemas().encode(accepted);
        let mut headers = Headers::new();
        let datum = out.schemas().datum::<Accepted>(&value);
        if datum.is_ok_and(|datum| self.route.one(&datum, reference, now_ms, out).is_ok()) {
            headers.push((ROUTED_HEADER.to_owned(), Bytes::new()));
        }
        out.value(topic, None, &accepted.track_id, Some(value.into()), headers);
    }

    fn received(&self, record: &Record) -> Received {
        Received {
            api: api_of(record, self.cluster),
            timestamp_ms: origin_of(record).2,
            value_bytes: record.value.as_ref().map_or(0, |v| v.len()),
        }
    }
}

/// Where a request first stood.
pub fn api_of(record: &Record, cluster: u8) -> Api {
    let (place, offset, _) = origin_of(record);
    let lane = match place.topic.kind() {
        Kind::Api(lane) => lane,
        _ => Lane::Realtime,
    };
    Api { cluster, lane, partition: place.partition as u16, offset: offset as u64, receiver: 0 }
}

impl Step for Ingest {
    fn run(&mut self, batch: &[Record], now_ms: i64, out: &mut Outputs) -> Result<(), Away> {
        let reference = self.reference.current();
        let mut checked = Vec::with_capacity(batch.len());
        for record in batch {
            let answers = match self.decoder.decode::<SendRequest>(record.value.as_deref())? {
                Ok(request) => check(request, &self.received(record), &reference, now_ms, &self.settings)
                    .map_err(|refusal| refusal.to_string()),
                Err(error) => Err(error.to_string()),
            };
            match answers {
                Ok(answers) => checked.extend(answers),
                Err(reason) => out.dead_letter(record, &reason),
            }
        }
        let claims: Vec<_> = checked
            .iter()
            .filter_map(|one| match one {
                Checked::Candidate(candidate) => Some(candidate.claim()),
                Checked::Refused(_) => None,
            })
            .collect();
        let mut holders = self.claims.claim(&claims, now_ms)?.into_iter();
        for one in checked {
            let settled = match one {
                Checked::Candidate(candidate) => candidate.settle(holders.next().flatten(), now_ms),
                Checked::Refused(refused) => Err(refused),
            };
            match settled {
                Ok(candidate) => {
                    if candidate.demoted {
                        counter!(names::AUTH_DEMOTED).increment(1);
                    }
                    self.accept(&candidate.accepted, &reference, now_ms, out);
                }
                Err(refused) => refuse(&refused, now_ms, out),
            }
        }
        Ok(())
    }
}

fn refuse(refused: &Refused, now_ms: i64, out: &mut Outputs) {
    counter!(names::REFUSED, "code" => refused.code.as_str()).increment(1);
    let report = &refused.report;
    let priority = report.track_id.parse::<schemas::TrackId>().map_or(Lane::Realtime, |id| id.api().lane);
    let event = AnalyzeLog {
        event: LogEvent::Rejected,
        track_id: report.track_id.clone(),
        at: now_ms,
        username: report.username.clone(),
        service_key: report.service_key.clone(),
        channel: report.channel,
        message_type: report.message_type,
        priority,
        state: report.state,
        origin: report.origin,
        code: report.code.clone(),
        requested_at: report.requested_at,
        ..AnalyzeLog::default()
    };
    out.emit(Topic::analyze_log(), &report.track_id, &event);
    out.report(report);
}
