//! A member of a group with the producers of its transactions.

mod committing;
mod passing;
mod reading;

use super::{
    KafkaShared, Seat,
    clients::Pace,
    fences::Fences,
    held::Held,
    member::{Ending, Member},
    names::Names,
    passage::Passages,
    rotation::Rotation,
};
use crate::{
    fault::{self, Point},
    log::{Limits, LogError, Offsets, Outgoing, Place, Polled, Position, Record, Stream, StreamSpec},
};
use rustc_hash::FxHashMap;
use std::{
    iter,
    sync::Arc,
    time::{Duration, Instant},
};

/// The stream of one thread.
pub struct KafkaStream {
    shared: Arc<KafkaShared>,
    seat: Seat,
    spec: StreamSpec,
    pace: Pace,
    producers: Option<Rotation>,
    member: Option<Member>,
    /// The member before this one, on its way out.
    ending: Option<Ending>,
    fences: Fences,
    stage: Stage,
    /// What this member owns; None between assignments.
    held: Option<Held>,
    /// A record that did not fit into the last poll.
    ahead: Option<Record>,
    /// Partitions are to be read from other offsets than librdkafka reads them.
    astray: bool,
    /// What went wrong after a poll had brought records.
    trouble: Option<LogError>,
    /// Brokers were out of reach when last heard of.
    away: Option<String>,
    /// When the broker last was known to count this member: the time before the call that it confirmed.
    confirmed_at: Option<Instant>,
    /// When the last poll found nothing new from the group.
    quiet_at: Instant,
    /// When a member that was given nothing last looked for a broker.
    looked_at: Instant,
    /// Ends of partitions that are not fetched, and when they were asked for.
    ends: (Option<Instant>, FxHashMap<Place, i64>),
    passages: Passages,
}

/// Where a stream is between two calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Not in the group: predecessors' transactions are to be ended first.
    Outside,
    /// As before, and the engine has not been told that it lost what it had.
    Fallen,
    /// In the group, with nothing assigned.
    Waiting,
    /// Assigned; where to read from is to be asked for. `Held` is set.
    Taking,
    /// Reading.
    Reading,
    /// The partitions go as soon as the engine releases them.
    Revoking,
}

/// Longest wait for the end of a former member in one turn.
const ENDING: Duration = Duration::from_millis(500);
/// How often the ends of paused partitions are asked for.
const ENDS_EVERY: Duration = Duration::from_secs(5);

impl KafkaStream {
    /// Answers at once: all that takes time happens in the first polls, on the stream's own thread.
    pub fn new(shared: &Arc<KafkaShared>, spec: StreamSpec) -> Result<Self, LogError> {
        let pace = Pace::of(spec.urgent);
        let seat = Seat::take(shared, &spec.name);
        Ok(Self {
            shared: Arc::clone(shared),
            producers: spec.produces.then(|| Rotation::new(shared, &spec.name, seat.number, pace)),
            seat,
            passages: Passages::new(&spec.name),
            spec,
            pace,
            member: None,
            ending: None,
            fences: Fences::default(),
            stage: Stage::Outside,
            held: None,
            ahead: None,
            astray: false,
            trouble: None,
            away: None,
            confirmed_at: None,
            quiet_at: Instant::now(),
            looked_at: Instant::now(),
            ends: (None, FxHashMap::default()),
        })
    }

    fn member(&self) -> Result<&Member, LogError> {
        self.member.as_ref().ok_or_else(|| LogError::Away(format!("{} is not in its group", self.spec.name)))
    }

    /// Joins the group, after everything that a predecessor left open is ended.
    fn enter(&mut self) -> Result<(), LogError> {
        if let Some(producers) = &mut self.producers {
            producers.ready()?;
        }
        // Of two members of one name the later one counts: a request of the old one must not come after ours.
        if self.ending.as_ref().is_some_and(|ending| !ending.wait(ENDING)) {
            return Err(LogError::Away(format!("{} waits for the end of its former member", self.spec.name)));
        }
        self.ending = None;
        self.member = Some(Member::join(&self.shared, &self.spec, self.seat.number, self.pace)?);
        self.stage = Stage::Waiting;
        Ok(())
    }

    /// Leaves the group without a word to the engine yet: what it holds cannot be committed any more, or nobody knows
    /// whether it was. A new member's generation refuses whatever of the old one may still be under way.
    fn fall(&mut self) {
        self.ending = self.member.take().map(|mut member| member.end());
        self.forget();
        self.stage = Stage::Fallen;
    }

    /// Another member of this name took over.
    fn replaced(&mut self) -> Result<(), LogError> {
        let KafkaShared { names: Names { instance, .. }, breaks, .. } = &*self.shared;
        self.fences.note(&format!("{}: the place of {instance} in its group", self.spec.name), breaks)?;
        self.fall();
        Ok(())
    }

    fn forget(&mut self) {
        if let (Some(member), Some(held)) = (&self.member, self.held.take()) {
            // librdkafka keeps a partition paused for when it comes back, and nobody would know.
            let paused: Vec<Place> = held.paused.into_iter().collect();
            if let Err(error) = member.resume(&paused) {
                tracing::warn!(stream = self.spec.name, %error, "partitions stay paused");
            }
        }
        self.ahead = None;
        self.astray = false;
        self.trouble = None;
        self.confirmed_at = None;
    }

    /// Whether the group waits for what this member owns.
    fn is_going(&self) -> bool {
        self.held.as_ref().is_some_and(|held| held.going)
    }

    /// Gives all partitions up.
    fn give_up(&mut self) -> Result<(), LogError> {
        self.forget();
        self.stage = Stage::Waiting;
        self.member()?.unassign()
    }

    fn note(&mut self, positions: &[Position]) {
        self.held.iter_mut().for_each(|held| held.note(positions));
    }

    /// Ends of the partitions that are paused, from time to time.
    fn refresh_ends(&mut self) {
        let (asked_at, ends) = &mut self.ends;
        let (Some(member), Some(held)) = (&self.member, &self.held) else { return };
        if asked_at.is_some_and(|at| at.elapsed() < ENDS_EVERY) || held.paused.is_empty() {
            return;
        }
        *asked_at = Some(Instant::now());
        *ends = member.ends(&held.paused.iter().copied().collect::<Vec<_>>()).into_iter().collect();
    }
}

impl Stream for KafkaStream {
    fn poll(&mut self, limits: Limits, into: &mut Vec<Record>) -> Result<Polled, LogError> {
        if let Some(error) = self.trouble.take() {
            return Err(error);
        }
        match self.stage {
            Stage::Fallen => {
                self.stage = Stage::Outside;
                return Ok(Polled::Lost);
            }
            Stage::Outside => {
                self.enter()?;
                self.quiet_at = Instant::now();
            }
            Stage::Taking => return self.take_or_hear(),
            Stage::Reading if self.is_going() => {
                // It was told that it owns them, and librdkafka does not say again that they are to go.
                self.stage = Stage::Revoking;
                return Ok(Polled::Revoking);
            }
            Stage::Reading if self.astray => self.set_right()?,
            Stage::Reading | Stage::Waiting | Stage::Revoking => {}
        }
        if self.spec.offsets == Offsets::Log {
            self.pass()?;
        }
        self.read(limits, into)
    }

    fn commit(&mut self, outputs: &[Outgoing], positions: &[Position]) -> Result<(), LogError> {
        if outputs.is_empty() {
            fault::point(&self.spec.name, Point::BeforeCommit);
            self.commit_alone(positions)?;
            fault::point(&self.spec.name, Point::AfterCommit);
        } else {
            self.commit_in_transaction(outputs, positions)?;
        }
        self.note(positions);
        Ok(())
    }

    fn mark(&mut self, positions: &[Position]) -> Result<(), LogError> {
        self.commit_alone(positions)?;
        self.note(positions);
        Ok(())
    }

    fn passed(&mut self) -> Result<Vec<(Place, i64)>, LogError> {
        if self.spec.offsets == Offsets::Sink { self.pass() } else { Ok(Vec::new()) }
    }

    fn release(&mut self) -> Result<(), LogError> {
        // Whatever became of a commit meanwhile.
        if self.is_going() { self.give_up() } else { Ok(()) }
    }

    fn pause(&mut self, places: &[Place]) -> Result<(), LogError> {
        let (Some(member), Some(held)) = (&self.member, &mut self.held) else { return Ok(()) };
        let owned: Vec<Place> = places.iter().copied().filter(|place| held.next.contains_key(place)).collect();
        if owned.is_empty() {
            return Ok(());
        }
        member.pause(&owned)?;
        if let Some(record) = self.ahead.take_if(|record| owned.contains(&record.place)) {
            // librdkafka takes it for read: it shall come again after the pause.
            self.astray |= !member.seek(iter::once((&record.place, record.offset)))?;
        }
        held.paused.extend(owned);
        self.ends.0 = None;
        Ok(())
    }

    fn resume(&mut self, places: &[Place]) -> Result<(), LogError> {
        let (Some(member), Some(held)) = (&self.member, &mut self.held) else { return Ok(()) };
        let owned: Vec<Place> = places.iter().copied().filter(|place| held.paused.remove(place)).collect();
        if owned.is_empty() { Ok(()) } else { member.resume(&owned) }
    }

    fn seek(&mut self, place: Place, offset: i64) -> Result<(), LogError> {
        if self.stage != Stage::Reading {
            return Ok(());
        }
        let (Some(member), Some(held)) = (&self.member, &mut self.held) else { return Ok(()) };
        let Some(next) = held.next.get_mut(&place) else {
            let Place { topic, partition } = place;
            let name = &self.spec.name;
            return Err(LogError::Stop(format!(
                "{name} seeks in {topic}/{partition}, which it does not own: a defect"
            )));
        };
        self.ahead.take_if(|record| record.place == place);
        let known = next.replace(offset).is_some();
        if !known || !member.seek(iter::once((&place, offset)))? {
            self.astray = true;
        }
        Ok(())
    }

    fn lag(&mut self) -> Vec<(Place, i64)> {
        self.refresh_ends();
        let (Some(member), Some(held)) = (&self.member, &self.held) else { return Vec::new() };
        let known = held.next.iter().filter_map(|(place, next)| {
            let end = self.ends.1.get(place).copied();
            Some((*place, member.lag(*place, (*next)?, end)?))
        });
        known.collect()
    }

    fn since_confirmed(&self) -> Duration {
        self.confirmed_at.map_or(Duration::MAX, |at| at.elapsed())
    }

    fn leave(mut self: Box<Self>) {
        if let Some(member) = &mut self.member {
            member.leave();
        }
    }
}
