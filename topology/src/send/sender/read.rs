//! Takes records and assignments.

use super::{Sender, Stage, flights::Known, part::Since};
use crate::{
    engine::{Gate, TurnError, came_back, guard},
    fault::{self, Point},
    log::{Limits, LogError, Place, Polled, Position, Record},
    send::{Held, Mark, family_of},
};
use processors::{
    ports::{Away, Reply},
    reference::{InDoubt, Vendor},
};
use rustc_hash::FxHashMap;
use schemas::{Dispatch, Family};
use std::{sync::Arc, time::Duration};

impl Sender {
    /// Takes what is there; waits when there is nothing to do at all.
    pub(super) fn read(&mut self, wait: Duration) -> Result<bool, TurnError> {
        match self.stage {
            Stage::Parting(_) => return Ok(false),
            Stage::Taking(_) => self.take_over()?,
            Stage::Outside | Stage::Sending => {}
        }
        let mut worked = false;
        if self.batch.is_empty() {
            worked |= self.make_room()?;
            if self.has_enough()? {
                return Ok(worked);
            }
            fault::point(&self.spec.name, Point::BeforePoll);
            self.polled_ms = self.judge.now_ms();
            let mut polled = Vec::new();
            match self.stream.poll(self.limits(wait), &mut polled)? {
                Polled::Records => self.batch.extend(polled),
                Polled::Assigned(positions) => {
                    self.forget();
                    self.stage = Stage::Taking(positions);
                    self.take_over()?;
                    return Ok(true);
                }
                Polled::Revoking => {
                    self.hold.clear();
                    self.stage = Stage::Parting(Since::now(&*self.judge.clock));
                    return Ok(true);
                }
                Polled::Lost => {
                    tracing::warn!(stream = %self.spec.name, "partitions lost: the group went on without this member");
                    self.forget();
                    self.own_nothing();
                    return Ok(true);
                }
            }
        }
        if self.batch.is_empty() {
            return Ok(worked);
        }
        fault::point(&self.spec.name, Point::AfterPoll);
        self.admit_batch()?;
        // Now that it is as full as it gets: what leaves next would hide that it was, and what stands behind it would
        // be read at the pace of the vendor.
        self.make_room()?;
        if !self.hold.is_empty() {
            fault::point(&self.spec.name, Point::Held);
        }
        Ok(true)
    }

    fn limits(&self, wait: Duration) -> Limits {
        let busy = self.flights.ours() > 0 || !self.books.is_empty();
        let wait = match () {
            () if busy => Duration::ZERO,
            () if self.hold.is_empty() => wait,
            () => wait.min(self.rest),
        };
        Limits {
            records: self
                .settings
                .hold_records
                .saturating_sub(self.hold.records())
                .clamp(1, self.settings.poll_records),
            bytes: self.settings.hold_bytes.saturating_sub(self.hold.bytes()).max(1),
            wait,
        }
    }

    /// Takes assigned partitions over: their windows, and their part of the vendors' rates.
    fn take_over(&mut self) -> Result<(), TurnError> {
        let Stage::Taking(positions) = std::mem::replace(&mut self.stage, Stage::Outside) else { return Ok(()) };
        if let Err(error) = self.own(&positions) {
            self.stage = Stage::Taking(positions);
            return Err(error.into());
        }
        self.windows.restore(&self.spec.name, &positions)?;
        self.vendors().iter().for_each(|vendor| self.judge.allowance.know(vendor));
        self.stage = Stage::Sending;
        tracing::info!(stream = %self.spec.name, partitions = positions.len(), "assigned");
        self.flights.adopt(&self.windows);
        Ok(())
    }

    fn own(&mut self, positions: &[Position]) -> Result<(), LogError> {
        let mut parts = Vec::new();
        for &topic in &self.spec.sources {
            let of = self.reader.partitions(topic)?.len();
            let owned = positions.iter().filter(|position| position.place.topic == topic).count();
            parts.push((topic, owned, of));
        }
        for (topic, owned, of) in parts {
            self.judge.allowance.own(topic, self.lane, owned as u32, of as u32);
        }
        Ok(())
    }

    /// The rates of what is not ours belong to its next owner.
    pub(super) fn own_nothing(&self) {
        for topic in &self.spec.sources {
            self.judge.allowance.disown(*topic);
        }
    }

    fn admit_batch(&mut self) -> Result<(), TurnError> {
        let (mut records, mut dead) = (0, 0);
        while let Some(record) = self.batch.pop_front() {
            match self.admit(&record) {
                Ok(readable) => {
                    records += 1;
                    dead += usize::from(!readable);
                }
                Err(error) => {
                    self.batch.push_front(record);
                    return Err(error);
                }
            }
        }
        if self.gate.shuts(self.judge.now_ms(), records, dead) {
            return Err(Gate::unreadable(&self.spec.name).into());
        }
        Ok(())
    }

    /// Takes one record; whether it could be read.
    fn admit(&mut self, record: &Record) -> Result<bool, TurnError> {
        let Record { place, offset, .. } = *record;
        let Some(mark) = self.windows.take(&mut *self.stream, place, offset)? else { return Ok(true) };
        if mark == Mark::Done || self.flights.has(place, offset) {
            return Ok(true);
        }
        let now_ms = self.judge.now_ms();
        let reference = self.judge.reference.current();
        let decide = || {
            let read = self.decoder.decode::<Dispatch>(record.value.as_deref())?;
            Ok::<_, Away>(read.map(|mut dispatch| {
                dispatch.accepted.revived |= came_back(record);
                // What may have left is in doubt, and nothing else stops it.
                let stop = (mark != Mark::Started).then(|| self.judge.stop(&reference, &dispatch)).flatten();
                (stop, dispatch)
            }))
        };
        let (stop, dispatch) = match guard(record, decide)? {
            Ok(decided) => decided,
            Err(reason) => {
                self.books.dead_letter(record, self.lane, &reason, now_ms);
                return Ok(false);
            }
        };
        let bytes = record.value.as_ref().map_or(0, |value| value.len());
        let held = Held { place, offset, bytes, dispatch: Arc::new(dispatch) };
        if mark == Mark::Started {
            match self.flights.known(place, offset).cloned() {
                Some(Known { reply, vendor, sent_ms }) => self.settle(held, &reply, &vendor, sent_ms),
                None => self.doubt(held),
            }
        } else if let Some(plan) = stop {
            self.books.settle(held, plan, None, now_ms);
        } else {
            self.hold.push(held);
        }
        Ok(true)
    }

    /// A request that may have left before a crash: that is recorded, and only then repeated, if at all.
    fn doubt(&mut self, held: Held) {
        let reference = self.judge.reference.current();
        let vendor = family(held.place)
            .and_then(|family| reference.vendor(family, &held.dispatch.vendor).cloned())
            .unwrap_or_else(|| Arc::new(gone(&held.dispatch.vendor)));
        let lost = Reply::NoAnswer("the end of the request was lost in a crash".to_owned());
        let plan = self.judge.plan(&reference, &lost, &held.dispatch, &vendor);
        self.books.settle(held, plan, None, self.judge.now_ms());
    }

    /// Every vendor in use for what this stream sends, and the calls that it takes from here within a second.
    pub(super) fn soon(&self) -> FxHashMap<String, usize> {
        let soon = |vendor: &Arc<Vendor>| self.judge.allowance.at_most(vendor, self.lane).ceil() as usize;
        self.vendors().iter().map(|vendor| (vendor.name.clone(), soon(vendor))).collect()
    }

    fn vendors(&self) -> Vec<Arc<Vendor>> {
        let reference = self.judge.reference.current();
        let families = self.spec.sources.iter().filter_map(|topic| family_of(*topic));
        families
            .flat_map(|family| reference.vendors(family))
            .filter(|vendor| reference.in_use(vendor))
            .cloned()
            .collect()
    }
}

/// The family of a SEND topic's partition.
pub(super) fn family(place: Place) -> Option<Family> {
    family_of(place.topic)
}

/// A vendor that the reference data no longer knows: nobody can say whether it refuses duplicates.
pub(super) fn gone(name: &str) -> Vendor {
    Vendor {
        name: name.to_owned(),
        families: Vec::new(),
        codes: processors::reference::CodeTable::Kakao,
        weight: 0,
        tps: 1,
        max_in_flight: 1,
        timeout_ms: 1,
        receipts: false,
        receipt_hours: 0,
        in_doubt: InDoubt::Uncertain,
        title_bytes: 0,
        paused: false,
        cost_krw: Default::default(),
        receipt_hours_of: Default::default(),
        protocol: Default::default(),
        url: String::new(),
    }
}
