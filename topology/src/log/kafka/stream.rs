//! A member of a group with the producers of its transactions.

use super::{
    KafkaShared, Seat,
    clients::Pace,
    context::Rebalance,
    failure::{Reason, Sort},
    held::Held,
    member::{Heard, Member},
    rotation::Rotation,
    transaction::Ended,
};
use crate::{
    fault::{self, Point},
    log::{Limits, LogError, Offsets, Outgoing, Place, Polled, Position, Record, Stream, StreamSpec},
};
use rustc_hash::FxHashMap;
use std::{
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
    stage: Stage,
    /// What this member owns; None between assignments.
    held: Option<Held>,
    /// A record that did not fit into the last poll.
    ahead: Option<Record>,
    /// Partitions are to be read from other offsets than librdkafka reads them.
    astray: bool,
    /// When the broker last was known to count this member: the time before the call that it confirmed.
    confirmed_at: Option<Instant>,
    /// When the last poll found nothing new from the group.
    quiet_at: Instant,
    /// Ends of partitions that are not fetched, and when they were asked for.
    ends: (Option<Instant>, FxHashMap<Place, i64>),
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
            spec,
            pace,
            member: None,
            stage: Stage::Outside,
            held: None,
            ahead: None,
            astray: false,
            confirmed_at: None,
            quiet_at: Instant::now(),
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
        self.member = Some(Member::join(&self.shared, &self.spec, self.seat.number, self.pace)?);
        self.stage = Stage::Waiting;
        Ok(())
    }

    /// Leaves the group without a word to the engine yet: what it holds cannot be committed any more, or nobody knows
    /// whether it was. A new member's generation refuses whatever of the old one may still be under way.
    fn fall(&mut self) {
        self.member = None;
        self.forget();
        self.stage = Stage::Fallen;
    }

    fn forget(&mut self) {
        self.held = None;
        self.ahead = None;
        self.astray = false;
        self.confirmed_at = None;
    }

    /// Begins to read what is assigned, from where the group stands.
    fn take(&mut self) -> Result<Polled, LogError> {
        if let Some(producers) = &mut self.producers {
            producers.ready()?;
        }
        let (Some(member), Some(held)) = (&self.member, &mut self.held) else { return Ok(Polled::Records) };
        let places: Vec<Place> = held.next.keys().copied().collect();
        if !held.paused.is_empty() {
            member.resume(&held.paused.drain().collect::<Vec<_>>())?;
        }
        let positions = match self.spec.offsets {
            Offsets::Log => member.committed(&places)?,
            Offsets::Sink => {
                let unknown = |place| Position { place, next: 0, metadata: String::new() };
                places.into_iter().map(unknown).collect()
            }
        };
        for Position { place, next, .. } in &positions {
            held.next.insert(*place, (self.spec.offsets == Offsets::Log).then_some(*next));
        }
        self.ahead = None;
        self.astray = false;
        member.assign(held.next.iter().filter_map(|(place, next)| Some((place, (*next)?))))?;
        self.stage = Stage::Reading;
        Ok(Polled::Assigned(positions))
    }

    /// Tells librdkafka to read on from where the stream stands.
    fn set_right(&mut self) -> Result<(), LogError> {
        let (Some(member), Some(held)) = (&self.member, &self.held) else { return Ok(()) };
        member.assign(held.next.iter().filter_map(|(place, next)| Some((place, (*next)?))))?;
        let paused: Vec<Place> = held.paused.iter().copied().filter(|place| held.next[place].is_some()).collect();
        if !paused.is_empty() {
            member.pause(&paused)?;
        }
        self.astray = false;
        Ok(())
    }

    fn rebalance(&mut self, news: Rebalance) -> Result<Polled, LogError> {
        match news {
            Rebalance::Come { partitions, membership, group } => {
                let (Some(membership), Some(group)) = (membership.filter(|m| m.is_real()), group) else {
                    // Lost again while it came: the consumer has no member to commit for.
                    self.member()?.unassign()?;
                    return Ok(Polled::Records);
                };
                let places = super::native::entries(&partitions).into_iter().filter_map(|entry| {
                    let topic = self.shared.names.topic(&entry.topic)?;
                    Some((Place { topic, partition: entry.partition }, None))
                });
                self.held = Some(Held { membership, group, next: places.collect(), paused: Default::default() });
                // The broker answered before the last quiet poll, at the latest.
                self.confirmed_at = Some(self.quiet_at);
                self.stage = Stage::Taking;
                self.take()
            }
            Rebalance::Go { lost } => {
                let known = matches!(self.stage, Stage::Reading | Stage::Revoking);
                let owns = self.held.as_ref().is_some_and(|held| !held.next.is_empty());
                if known && owns && !lost {
                    self.ahead = None;
                    self.stage = Stage::Revoking;
                    return Ok(Polled::Revoking);
                }
                let told = self.held.is_some();
                self.forget();
                self.stage = Stage::Waiting;
                self.member()?.unassign()?;
                Ok(if told { Polled::Lost } else { Polled::Records })
            }
        }
    }

    fn read(&mut self, limits: Limits, into: &mut Vec<Record>) -> Result<Polled, LogError> {
        let (first, mut bytes) = (into.len(), 0);
        while into.len() - first < limits.records.max(1) {
            let wait = if into.len() == first { limits.wait } else { Duration::ZERO };
            let record = match self.ahead.take() {
                Some(record) => record,
                None => match self.member()?.poll(wait) {
                    Ok(Heard::Record(record)) => record,
                    Ok(Heard::Nothing) => {
                        self.quiet_at = Instant::now();
                        if let Some(producers) = &self.producers
                            && into.len() == first
                        {
                            producers.tend();
                        }
                        break;
                    }
                    Ok(Heard::Rebalance(news)) => return self.rebalance(news),
                    // What was read before is good; the error comes again or was not worth much.
                    Err(error) if into.len() == first => return Err(error),
                    Err(error) => {
                        tracing::warn!(stream = self.spec.name, %error, "a poll failed after records had come");
                        break;
                    }
                },
            };
            if self.stage != Stage::Reading {
                continue;
            }
            let size = record.value.as_ref().map_or(0, bytes::Bytes::len);
            if into.len() > first && bytes + size > limits.bytes {
                self.ahead = Some(record);
                break;
            }
            let Some(held) = &mut self.held else { continue };
            // From before a pause or a seek.
            if !held.next.contains_key(&record.place) || held.paused.contains(&record.place) {
                continue;
            }
            held.advance(record.place, record.offset + 1);
            bytes += size;
            into.push(record);
        }
        Ok(Polled::Records)
    }

    /// Whether these positions can be committed now, or why nothing can.
    fn check(&self, positions: &[Position]) -> Result<(), LogError> {
        match (self.stage, &self.held) {
            (Stage::Reading | Stage::Revoking, Some(held)) => held.check(&self.spec.name, positions),
            (Stage::Taking | Stage::Fallen, _) => Err(LogError::Rewound("an earlier commit failed".into())),
            _ => Err(LogError::Stop(format!("{} commits while it owns nothing: a defect", self.spec.name))),
        }
    }

    fn commit_in_transaction(&mut self, outputs: &[Outgoing], positions: &[Position]) -> Result<(), LogError> {
        let begun = Instant::now();
        self.check(positions)?;
        let (Some(member), Some(held)) = (&self.member, &self.held) else {
            return Err(LogError::Rewound("the group was left".into()));
        };
        let offsets = member.offsets(positions)?;
        let group = &held.group;
        let name = &self.spec.name;
        let Some(producers) = &mut self.producers else {
            return Err(LogError::Stop(format!("{name} appends records and was made without a producer: a defect")));
        };
        let Some(producer) = producers.next() else {
            self.stage = Stage::Taking;
            return Err(LogError::Rewound("a producer was lost".into()));
        };
        match producer.run(outputs, &offsets, group) {
            Ended::Committed { clean } => {
                // The broker checked the member, but a transaction does not prolong its session as a heartbeat does.
                self.confirmed_at = self.confirmed_at.max(begun.checked_sub(self.pace.heartbeat));
                if !clean {
                    tracing::info!(stream = name, "a commit was answered late: its producer is replaced");
                    producers.retire();
                    if let Err(error) = producers.ready() {
                        self.stage = Stage::Taking;
                        tracing::warn!(stream = name, %error, "no producer: reading stops after this commit");
                    }
                }
                Ok(())
            }
            Ended::Aborted(reason) => self.rewind(reason),
            Ended::Unknown(reason) => {
                producers.retire();
                if reason.sort == Sort::Fenced {
                    producers.fenced(begun.elapsed())?;
                }
                self.rewind(reason)
            }
        }
    }

    fn rewind(&mut self, Reason { sort, text }: Reason) -> Result<(), LogError> {
        match sort {
            Sort::Lasting => return Err(LogError::Stop(format!("{}: {text}", self.spec.name))),
            Sort::Outside => self.fall(),
            Sort::Passing | Sort::Fenced => self.stage = Stage::Taking,
        }
        Err(LogError::Rewound(text))
    }

    /// Commits positions alone. One request instead of the three of a transaction.
    ///
    /// librdkafka sends who the member is now, not who it was when the partitions came; without a member the broker
    /// lets a commit pass into an empty group. So it is compared before and after.
    fn commit_alone(&mut self, positions: &[Position]) -> Result<(), LogError> {
        let begun = Instant::now();
        self.check(positions)?;
        let (Some(member), Some(held)) = (&self.member, &self.held) else {
            return Err(LogError::Rewound("the group was left".into()));
        };
        if positions.is_empty() {
            return Ok(());
        }
        let before = member.membership();
        let same = |now| now == Some(&held.membership);
        let reason = if same(before.as_ref()) {
            match member.commit(positions)? {
                Ok(()) if same(member.membership().as_ref()) => {
                    self.confirmed_at = Some(begun);
                    return Ok(());
                }
                Ok(()) => Reason { sort: Sort::Outside, text: "the group went on while it was committed".into() },
                Err(reason) => reason,
            }
        } else {
            Reason { sort: Sort::Outside, text: "the group went on without this member".into() }
        };
        match reason.sort {
            Sort::Lasting => Err(LogError::Stop(format!("{}: {}", self.spec.name, reason.text))),
            // An answer that did not come may still have been a yes, now or later.
            Sort::Passing | Sort::Fenced | Sort::Outside => {
                self.fall();
                Err(LogError::Rewound(reason.text))
            }
        }
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
        match self.stage {
            Stage::Fallen => {
                self.stage = Stage::Outside;
                return Ok(Polled::Lost);
            }
            Stage::Outside => {
                self.enter()?;
                self.quiet_at = Instant::now();
            }
            Stage::Taking => return self.take(),
            Stage::Reading if self.astray => self.set_right()?,
            Stage::Reading | Stage::Waiting | Stage::Revoking => {}
        }
        self.read(limits, into)
    }

    fn commit(&mut self, outputs: &[Outgoing], positions: &[Position]) -> Result<(), LogError> {
        if !outputs.is_empty() {
            return self.commit_in_transaction(outputs, positions);
        }
        fault::point(&self.spec.name, Point::BeforeCommit);
        self.commit_alone(positions)?;
        fault::point(&self.spec.name, Point::AfterCommit);
        Ok(())
    }

    fn mark(&mut self, positions: &[Position]) -> Result<(), LogError> {
        self.commit_alone(positions)
    }

    fn release(&mut self) -> Result<(), LogError> {
        if self.stage == Stage::Revoking {
            self.forget();
            self.stage = Stage::Waiting;
            self.member()?.unassign()?;
        }
        Ok(())
    }

    fn pause(&mut self, places: &[Place]) -> Result<(), LogError> {
        let (Some(member), Some(held)) = (&self.member, &mut self.held) else { return Ok(()) };
        let owned: Vec<Place> = places.iter().copied().filter(|place| held.next.contains_key(place)).collect();
        if owned.is_empty() {
            return Ok(());
        }
        member.pause(&owned)?;
        if let Some(record) = self.ahead.take_if(|record| owned.contains(&record.place)) {
            // It is fetched again after the pause only when librdkafka is told.
            held.next.insert(record.place, Some(record.offset));
            self.astray = true;
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
        if !known || !member.seek(place, offset)? {
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
