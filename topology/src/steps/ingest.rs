//! Ingest: every rule, then one round trip each for who refused ads, who agreed to them, for files, and for the batch's
//! message ids, a few for push tokens of users, then RECV or a report of refusal.
//!
//! An authentication message is routed in the same transaction: it stands in RECV and in SEND at once, a hop earlier.

mod others;
mod stores;
mod tokens;

pub use stores::Stores;

use super::route::{ROUTED_HEADER, Route};
use crate::{
    engine::{Decoder, Outputs, Restored, Step, at_a_store, origin_of},
    log::{Headers, LogError, Place, Reader, Record},
    metrics as names,
};
use bytes::Bytes;
use metrics::counter;
use processors::{
    ingest::{Candidate, Checked, Received, Refused, Settings, check, unfolded_bytes},
    ports::{AppUser, AskedConsent, Away, Claim, Claims, NamedFile, ReferenceSource},
    reference::{OptOut, Reference},
};
use schemas::wire::{FRAME_BYTES, whole};
use schemas::{
    Accepted, AnalyzeLog, Api, Encode as _, Lane, LogEvent, SendRequest, SendRequestOf, Topic, TrackId, topics::Kind,
};
use std::{borrow::Cow, ops::Range, sync::Arc};

/// The ingest step.
pub struct Ingest {
    cluster: u8,
    decoder: Decoder,
    reference: Arc<dyn ReferenceSource>,
    stores: Stores,
    claims: Box<dyn Claims>,
    settings: Settings,
    route: Route,
    /// The partitions that this process has.
    places: Vec<Place>,
}

/// What a batch is judged by.
struct Batch<'b> {
    records: &'b [Record],
    reference: &'b Reference,
    now_ms: i64,
}

/// What became of the receivers of a batch, in order.
#[derive(Default)]
struct Checks {
    answers: Vec<Answer>,
    /// How many answers stood there before each record of the batch that was read.
    before: Vec<usize>,
    /// Who may have refused ads, and the place of the answer that this is about.
    asked: Vec<OptOut>,
    asked_of: Vec<usize>,
    /// Whose consent their ads need, with the place of the answer.
    consents: Vec<AskedConsent>,
    consents_of: Vec<usize>,
    /// Files that are named, with the place of the answer and the place in its list.
    files: Vec<NamedFile>,
    files_of: Vec<(usize, usize)>,
    /// Whose push tokens are missing, with the place of the answer.
    users: Vec<AppUser>,
    users_of: Vec<usize>,
    /// One of each candidate.
    claims: Vec<Claim>,
    /// Bytes of all candidates.
    bytes: usize,
}

enum Answer {
    /// Keeps every rule; its message_id is still to be claimed.
    Candidate(Written),
    Refused(Box<Refused>),
    /// The record at this place of the batch cannot be read, and why.
    Unreadable(usize, String),
}

/// A candidate as it will stand in RECV.
struct Written {
    /// Place of its request in the batch.
    at: usize,
    /// Place of its claim among the claims.
    claim: usize,
    topic: Topic,
    demoted: bool,
    value: Bytes,
}

impl Batch<'_> {
    /// The lane of its records.
    fn lane(&self) -> Lane {
        match self.records.first().map(|record| record.place.topic.kind()) {
            Some(Kind::Api(lane)) => lane,
            _ => Lane::Realtime,
        }
    }

    /// Whether its lane may wait for a store that does not answer.
    fn waits(&self) -> bool {
        matches!(self.lane(), Lane::Mass | Lane::Ad)
    }
}

impl Checks {
    /// A candidate as it was. Written by us a moment ago: it can be read. One that cannot goes on, and is found again as it
    /// is claimed.
    fn candidate(&self, place: usize, out: &Outputs) -> Option<Candidate> {
        let Answer::Candidate(written) = &self.answers[place] else { return None };
        let accepted = out.schemas().decode::<Accepted>(&written.value).ok()?;
        Some(Candidate { track_id: self.claims[written.claim].track_id, accepted, demoted: written.demoted })
    }

    /// A candidate that was changed since: how many bytes it has now.
    fn rewrite(&mut self, place: usize, accepted: &Accepted, out: &mut Outputs) -> usize {
        let value = out.framed::<Accepted>(|value| accepted.write(value));
        let bytes = value.len();
        if let Answer::Candidate(written) = &mut self.answers[place] {
            written.value = value;
        }
        bytes
    }

    /// Places of the answers to the record at this place of the batch.
    fn of_record(&self, at: usize) -> Range<usize> {
        self.before[at]..self.before.get(at + 1).copied().unwrap_or(self.answers.len())
    }

    /// Forgets what was answered from this place of the batch on.
    fn part(&mut self, at: usize) {
        self.answers.truncate(self.before[at]);
        self.before.truncate(at);
    }

    /// Claims are those of candidates: what was refused since leaves its message_id free.
    fn settle_claims(&mut self) {
        let candidates = self.answers.iter().filter(|answer| matches!(answer, Answer::Candidate(_))).count();
        if candidates == self.claims.len() {
            return;
        }
        let mut claims: Vec<Option<Claim>> = std::mem::take(&mut self.claims).into_iter().map(Some).collect();
        for answer in &mut self.answers {
            if let Answer::Candidate(written) = answer
                && let Some(claim) = claims[written.claim].take()
            {
                written.claim = self.claims.len();
                self.claims.push(claim);
            }
        }
    }
}

impl Ingest {
    /// Ingest for API topics of this cluster; `route` is for what is accepted as AUTH.
    pub fn new(
        cluster: u8,
        decoder: Decoder,
        reference: Arc<dyn ReferenceSource>,
        stores: Stores,
        claims: Box<dyn Claims>,
        settings: Settings,
        route: Route,
    ) -> Self {
        Self { cluster, decoder, reference, stores, claims, settings, route, places: Vec::new() }
    }

    /// Reads a request and holds it against every rule. Its texts are borrowed from the record, and what may become of
    /// it is written at once: a batch holds bytes, not thousands of open requests.
    fn check(
        &self,
        at: usize,
        batch: &Batch<'_>,
        datum: &[u8],
        checked: &mut Checks,
        out: &mut Outputs,
    ) -> Result<(), String> {
        let Batch { records, reference, now_ms } = *batch;
        let request: SendRequestOf<Cow<'_, str>> = whole::<SendRequest, _>(datum).map_err(|error| error.to_string())?;
        let answers = check(request, &self.received(&records[at]), reference, now_ms, &self.settings);
        for answer in answers.map_err(|refusal| refusal.to_string())? {
            let answer = match answer {
                Checked::Refused(refused) => Answer::Refused(refused),
                Checked::Candidate(candidate) => {
                    let Candidate { accepted, demoted, .. } = &*candidate;
                    let value = out.framed::<Accepted>(|value| accepted.write(value));
                    checked.bytes += value.len();
                    checked.claims.push(candidate.claim());
                    checked.asked.extend(candidate.opt_outs());
                    checked.asked_of.resize(checked.asked.len(), checked.answers.len());
                    checked.consents.extend(candidate.consent(reference));
                    checked.consents_of.resize(checked.consents.len(), checked.answers.len());
                    for (at_file, file) in candidate.files() {
                        checked.files.push(file);
                        checked.files_of.push((checked.answers.len(), at_file));
                    }
                    checked.users.extend(candidate.app_user());
                    checked.users_of.resize(checked.users.len(), checked.answers.len());
                    Answer::Candidate(Written {
                        at,
                        claim: checked.claims.len() - 1,
                        topic: Topic::recv(accepted.channel, accepted.lane),
                        demoted: *demoted,
                        value,
                    })
                }
            };
            checked.answers.push(answer);
        }
        Ok(())
    }

    /// The end of a candidate whose message_id another message has: its own bytes tell the report who it was.
    fn duplicate(&self, written: Written, claim: &Claim, holder: TrackId, batch: &Batch<'_>, out: &mut Outputs) {
        let Written { at, demoted, value, .. } = written;
        match out.schemas().decode::<Accepted>(&value) {
            Ok(accepted) => {
                let candidate = Box::new(Candidate { track_id: claim.track_id, accepted, demoted });
                if let Err(refused) = candidate.settle(Some(holder), batch.now_ms) {
                    refuse(&refused, batch.now_ms, out);
                }
            }
            Err(error) => out.dead_letter(&batch.records[at], &error.to_string()),
        }
    }

    /// Appends what is accepted, and routes it when it is urgent. What cannot be routed is the router's to set aside.
    fn accept(&self, written: Written, claim: &Claim, batch: &Batch<'_>, out: &mut Outputs) {
        let Written { demoted, topic, value, .. } = written;
        if demoted {
            out.count(counter!(names::AUTH_DEMOTED));
        }
        let mut headers = Headers::new();
        if matches!(topic.kind(), Kind::Recv(_, Lane::Auth)) {
            let datum = value.slice(FRAME_BYTES..);
            if self.route.one(&datum, batch.reference, batch.now_ms, out).is_ok() {
                headers.push((ROUTED_HEADER.to_owned(), Bytes::new()));
            }
        }
        out.value(topic, None, &claim.track_id.to_string(), Some(value), headers);
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
    fn assigned(&mut self, places: &[Place]) {
        self.places = places.to_vec();
    }

    /// There is no state; but who else is there is known now.
    fn restore(&mut self, reader: &mut dyn Reader) -> Result<Option<Restored>, LogError> {
        self.claims.of_this_process().map_or(Ok(()), |claims| others::warn(claims, &self.places, reader))?;
        Ok(None)
    }

    fn run(&mut self, records: &[Record], now_ms: i64, out: &mut Outputs) -> Result<usize, Away> {
        let reference = self.reference.current();
        let batch = Batch { records, reference: &reference, now_ms };
        let mut checked = Checks::default();
        let most = transaction_bytes(batch.lane());
        for (at, record) in records.iter().enumerate() {
            checked.before.push(checked.answers.len());
            let answered = match self.decoder.datum::<SendRequest>(record.value.as_deref())? {
                Ok(datum) => self.check(at, &batch, &datum, &mut checked, out),
                Err(error) => Err(error.to_string()),
            };
            if let Err(reason) = answered {
                checked.answers.push(Answer::Unreadable(at, reason));
            }
            if checked.bytes >= most {
                break;
            }
        }
        self.stores.refuse_opted_out(&mut checked, &batch, out)?;
        self.stores.refuse_without_consent(&mut checked, &batch, out)?;
        self.stores.refuse_without_files(&mut checked, &batch, out)?;
        self.stores.name_tokens(&mut checked, &batch, out)?;
        let decided = checked.before.len();
        checked.settle_claims();
        let holders = at_a_store(|| self.claims.claim(&checked.claims, now_ms))?;
        for answer in checked.answers {
            match answer {
                Answer::Refused(refused) => refuse(&refused, now_ms, out),
                Answer::Unreadable(at, reason) => self.set_aside(&records[at], &reason, now_ms, out),
                Answer::Candidate(written) => {
                    let claim = &checked.claims[written.claim];
                    match holders.get(written.claim).copied().flatten().filter(|holder| *holder != claim.track_id) {
                        Some(holder) => self.duplicate(written, claim, holder, &batch, out),
                        None => self.accept(written, claim, &batch, out),
                    }
                }
            }
        }
        Ok(decided)
    }
}

/// Bytes of what is accepted that make a transaction: twice what a batch takes, so that only what unfolds is parted. The
/// request that passes it may bring as much as [`unfolded_bytes`] more.
const TRANSACTION_BYTES: usize = 16 << 20;

fn transaction_bytes(lane: Lane) -> usize {
    TRANSACTION_BYTES.min(unfolded_bytes(lane))
}

fn refuse(refused: &Refused, now_ms: i64, out: &mut Outputs) {
    out.count(counter!(names::REFUSED, "code" => refused.code.as_str()));
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
