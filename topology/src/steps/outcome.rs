//! Outcome: the one place that ends messages. What is open is kept in memory and, in the same transactions, in
//! OPEN-‹LANE›, whose partition n holds the state of RESULT-‹LANE›'s partition n.

use crate::{
    engine::{Account, Decoder, Outputs, Restored, Step, came_back, guarded, open_account},
    log::{LogError, Place, Reader, Record},
    metrics as names,
};
use metrics::{counter, gauge};
use processors::{
    night::Night,
    outcome::{
        Desk, Folded, Open as Kept, Patience, fold,
        news::{of_undecided, of_unreadable, revived},
    },
    ports::{Away, ReferenceSource},
    ring::Rings,
    route::Rules,
};
use rustc_hash::FxHashMap;
use schemas::{Avro, Channel, Delayed, Input, Lane, OpenStep, StepResult, Topic, TrackId};
use std::sync::Arc;

/// What is open in one partition: track_id → encoded OpenStep. Encoded, because a million of them may wait for the
/// morning and few are ever touched before.
type Open = FxHashMap<u128, Box<[u8]>>;

/// What a run put in place of what was kept: partition, message, and what was kept of it.
type Replaced = Vec<(i32, u128, Option<Box<[u8]>>)>;

/// Offsets of OPEN that are read in one piece: tens of megabytes, about a second, where a member that does not poll is out
/// of its group after two minutes.
const PIECE: i64 = 50_000;

/// The outcome role on one lane.
pub struct Outcome {
    lane: Lane,
    decoder: Decoder,
    rings: Arc<Rings>,
    reference: Arc<dyn ReferenceSource>,
    night: Night,
    patience: Patience,
    open: FxHashMap<i32, Open>,
    /// By the last run, in order.
    replaced: Replaced,
    /// Partitions that are not restored; from where on and up to where, once that is known.
    unread: Vec<(i32, Option<(i64, i64)>)>,
    /// Offsets that are restored.
    restored: i64,
}

impl Outcome {
    /// Nothing is open until partitions are assigned.
    pub fn new(
        lane: Lane,
        decoder: Decoder,
        rings: Arc<Rings>,
        reference: Arc<dyn ReferenceSource>,
        night: Night,
        patience: Patience,
    ) -> Self {
        let (open, replaced, unread) = (FxHashMap::default(), Vec::new(), Vec::new());
        Self { lane, decoder, rings, reference, night, patience, open, replaced, unread, restored: 0 }
    }

    /// What is open of a message, if it can be read.
    fn kept(&self, track_id: &str, partition: i32) -> Option<OpenStep> {
        let bytes = self.open.get(&partition)?.get(&track_id.parse::<TrackId>().ok()?.as_u128())?;
        OpenStep::decode(&mut Input::new(bytes)).ok()
    }

    fn apply(&mut self, news: StepResult, partition: i32, now_ms: i64, out: &mut Outputs) -> Result<(), String> {
        let id = news.track_id.parse::<TrackId>().map_err(|e| e.to_string())?.as_u128();
        let open = self.open.entry(partition).or_default();
        let before = match open.get(&id) {
            Some(bytes) => Some(OpenStep::decode(&mut Input::new(bytes)).map_err(|e| e.to_string())?),
            None => None,
        };
        let reference = self.reference.current();
        let desk = Desk {
            rules: Rules { reference: &reference, night: &self.night },
            patience: self.patience,
            lane: self.lane,
            // Only for a message of which nothing but its track_id is left.
            channel: Channel::Mt,
            now_ms,
        };
        let track_id = news.track_id.clone();
        let key = track_id.as_str();
        let Folded { open: kept, reports, history, logs, next, delayed } = fold(before.as_ref(), news, &desk);
        match kept {
            Kept::Keep => {}
            Kept::Put(step) => {
                let mut bytes = Vec::with_capacity(256);
                step.encode(&mut bytes);
                self.replaced.push((partition, id, open.insert(id, bytes.into())));
                out.emit_to(Topic::open(self.lane), partition, key, &*step);
            }
            Kept::Remove => {
                if let Some(kept) = open.remove(&id) {
                    self.replaced.push((partition, id, Some(kept)));
                    out.value(Topic::open(self.lane), Some(partition), key, None, vec![]);
                }
            }
        }
        for report in &reports {
            if report.terminal {
                let (channel, state) = (report.channel.as_str(), report.state.as_str());
                out.count(counter!(names::TERMINAL, "channel" => channel, "state" => state));
            }
            out.report(report);
        }
        history.iter().for_each(|row| out.emit(Topic::hist(row.requested_channel), key, row));
        logs.iter().for_each(|event| out.emit(Topic::analyze_log(), key, event));
        if let Some(next) = &next {
            out.emit(Topic::fallback(self.lane), key, &**next);
        }
        for delay in &delayed {
            let waiting = Delayed {
                track_id: key.to_owned(),
                due_at: delay.due_ms,
                target: Topic::result(self.lane).name().to_owned(),
                auth: self.lane == Lane::Auth,
                payload: out.schemas().encode(&delay.result).into(),
            };
            let account = Account::Wakes(self.lane, delay.due_ms);
            out.delay(&self.rings, now_ms, &waiting, Topic::result(self.lane), Some(account));
        }
        Ok(())
    }
}

impl Step for Outcome {
    fn run(&mut self, batch: &[Record], now_ms: i64, out: &mut Outputs) -> Result<usize, Away> {
        self.replaced.clear();
        // All is read before anything is remembered: a registry that is away leaves the state as it was.
        let news: Vec<_> =
            batch.iter().map(|r| self.decoder.decode::<StepResult>(r.value.as_deref())).collect::<Result<_, _>>()?;
        for (record, read) in batch.iter().zip(news) {
            let applied = match read {
                Ok(news) if came_back(record) => match revived(news) {
                    Some(news) => self.apply(news, record.place.partition, now_ms, out),
                    None => Ok(()),
                },
                Ok(news) => self.apply(news, record.place.partition, now_ms, out),
                Err(error) => Err(error.to_string()),
            };
            if let Err(reason) = applied {
                self.set_aside(record, &reason, now_ms, out);
            }
        }
        let open: usize = self.open.values().map(FxHashMap::len).sum();
        gauge!(names::OPEN, "lane" => self.lane.as_str()).set(open as f64);
        Ok(batch.len())
    }

    fn undo(&mut self) {
        while let Some((partition, id, kept)) = self.replaced.pop() {
            let open = self.open.entry(partition).or_default();
            match kept {
                Some(kept) => open.insert(id, kept),
                None => open.remove(&id),
            };
        }
    }

    fn set_aside(&mut self, record: &Record, reason: &str, now_ms: i64, out: &mut Outputs) {
        out.dead_letter(record, reason);
        let Some(id) = open_account(record) else { return };
        // Reading may be what panicked: then nobody knows what it said.
        let news = guarded(|| self.decoder.decode::<StepResult>(record.value.as_deref())).ok();
        let end = match news.and_then(Result::ok).and_then(Result::ok) {
            Some(news) => of_undecided(&news, self.kept(&news.track_id, record.place.partition).as_ref(), now_ms),
            // Whichever message it spoke of ends as failed.
            None => Some(of_unreadable(id, now_ms)),
        };
        if let Some(end) = end {
            let _ = self.apply(end, record.place.partition, now_ms, out);
        }
    }

    fn assigned(&mut self, places: &[Place]) {
        self.open.clear();
        self.replaced.clear();
        self.unread = places.iter().map(|place| (place.partition, None)).collect();
        self.restored = 0;
    }

    fn restore(&mut self, reader: &mut dyn Reader) -> Result<Option<Restored>, LogError> {
        let (topic, mut left) = (Topic::open(self.lane), PIECE);
        // All bounds first: they tell how much there is.
        for (partition, range) in &mut self.unread {
            if range.is_none() {
                *range = Some(reader.bounds(Place { topic, partition: *partition })?);
            }
        }
        while let Some((partition, Some((from, end)))) = self.unread.last().copied() {
            let place = Place { topic, partition };
            let to = end.min(from + left);
            let open = self.open.entry(partition).or_default();
            let mut broken = None;
            reader.read(place, from, to, &mut |record| {
                let offset = record.offset;
                let error = match restore(open, &self.decoder, record) {
                    Ok(Ok(())) => return,
                    Ok(Err(error)) => LogError::Stop(format!(
                        "an open message cannot be restored: {topic}/{partition} at {offset}: {error}. A newer program wrote \
                         it? Start that one again"
                    )),
                    Err(away) => LogError::Away(away.to_string()),
                };
                broken.get_or_insert(error);
            })?;
            if let Some(broken) = broken {
                return Err(broken);
            }
            self.unread.pop();
            self.restored += to - from;
            if to < end {
                self.unread.push((partition, Some((to, end))));
                let unread: i64 =
                    self.unread.iter().filter_map(|(_, range)| *range).map(|(from, end)| end - from).sum();
                return Ok(Some(Restored { done: self.restored, of: self.restored + unread }));
            }
            left -= to - from;
        }
        Ok(None)
    }
}

/// Takes over what one record says; the inner error is final for its bytes.
fn restore(open: &mut Open, decoder: &Decoder, record: Record) -> Result<Result<(), String>, Away> {
    let key = record.key.as_deref().and_then(|key| std::str::from_utf8(key).ok()).unwrap_or_default();
    let id = match key.parse::<TrackId>() {
        Ok(id) => id.as_u128(),
        Err(error) => return Ok(Err(error.to_string())),
    };
    if record.value.is_none() {
        open.remove(&id);
        return Ok(Ok(()));
    }
    let datum = decoder.datum::<OpenStep>(record.value.as_deref())?;
    Ok(datum.map(|datum| drop(open.insert(id, datum.into_owned().into()))).map_err(|error| error.to_string()))
}
