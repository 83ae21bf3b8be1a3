//! What a stream owns and reads.

use super::{KafkaStream, Stage};
use crate::log::{
    Limits, LogError, Offsets, Place, Polled, Position, Record,
    kafka::{context::Rebalance, held::Held, member::Heard, native},
};
use rustc_hash::{FxHashMap, FxHashSet};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// How often a member that was given nothing looks whether a broker is there, and for how long.
const LOOK_EVERY: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_secs(1);

impl KafkaStream {
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
        held.note(&positions);
        self.ahead = None;
        self.astray = false;
        // Of what is to go nothing more is read, and librdkafka waits for an unassign alone.
        if !held.going {
            member.assign(held.next.iter().filter_map(|(place, next)| Some((place, (*next)?))))?;
        }
        self.stage = Stage::Reading;
        Ok(Polled::Assigned(positions))
    }

    /// As [`Self::take`], unless the group has news by now. What librdkafka has fetched is thrown away either way.
    /// What is to go is given up when it cannot be taken at once: a whole group waits for it.
    pub(super) fn take_or_hear(&mut self) -> Result<Polled, LogError> {
        loop {
            match self.member()?.poll(Duration::ZERO)? {
                Heard::Rebalance(news) => return self.rebalance(news),
                Heard::Record(_) => {}
                Heard::Replaced => return self.replaced_while_reading(),
                Heard::Nothing | Heard::Gone(_) | Heard::Away(_) => break,
            }
        }
        match self.take() {
            Err(LogError::Away(cause)) if self.is_going() => {
                tracing::warn!(stream = self.spec.name, cause, "partitions go without what was in flight");
                self.give_up()?;
                Ok(Polled::Lost)
            }
            taken => taken,
        }
    }

    /// Tells librdkafka to read on from where the stream stands.
    pub(super) fn set_right(&mut self) -> Result<(), LogError> {
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
                self.forget();
                let places = native::entries(&partitions).into_iter().filter_map(|entry| {
                    let topic = self.shared.names.topic(&entry.topic)?;
                    Some((Place { topic, partition: entry.partition }, None))
                });
                let group = Arc::new(group);
                let committed = (self.spec.offsets == Offsets::Log).then(FxHashMap::default);
                let (next, paused) = (places.collect(), FxHashSet::default());
                self.held = Some(Held { membership, group, next, committed, paused, going: false });
                // The broker answered before the last quiet poll, at the latest.
                self.confirmed_at = Some(self.quiet_at);
                self.stage = Stage::Taking;
                self.take()
            }
            Rebalance::Go { lost } => {
                let known = matches!(self.stage, Stage::Reading | Stage::Revoking) && !lost;
                if let Some(held) = self.held.as_mut().filter(|held| known && !held.next.is_empty()) {
                    held.going = true;
                    self.ahead = None;
                    self.stage = Stage::Revoking;
                    return Ok(Polled::Revoking);
                }
                let told = self.held.is_some();
                self.give_up()?;
                Ok(if told { Polled::Lost } else { Polled::Records })
            }
        }
    }

    pub(super) fn read(&mut self, limits: Limits, into: &mut Vec<Record>) -> Result<Polled, LogError> {
        let (first, mut bytes) = (into.len(), 0);
        while into.len() - first < limits.records.max(1) {
            let wait = if into.len() == first { limits.wait } else { Duration::ZERO };
            let record = match self.ahead.take() {
                Some(record) => record,
                None => match self.hear(wait) {
                    Ok(Heard::Record(record)) => record,
                    Ok(Heard::Rebalance(news)) => {
                        // Whoever owns them next reads them again.
                        into.truncate(first);
                        return self.rebalance(news);
                    }
                    Ok(Heard::Replaced) => {
                        into.truncate(first);
                        return self.replaced_while_reading();
                    }
                    Ok(Heard::Nothing | Heard::Gone(_) | Heard::Away(_)) => break,
                    Err(error) if into.len() == first => return Err(error),
                    Err(error) => {
                        self.trouble = Some(error);
                        break;
                    }
                },
            };
            let Some(held) = self.held.as_mut().filter(|_| self.stage == Stage::Reading) else { continue };
            let size = record.value.as_ref().map_or(0, bytes::Bytes::len);
            if into.len() > first && bytes + size > limits.bytes {
                self.ahead = Some(record);
                break;
            }
            match held.next.get_mut(&record.place) {
                // librdkafka drops what it had fetched before a pause or a seek; should it ever not, nothing is lost.
                Some(_) if held.paused.contains(&record.place) => self.astray = true,
                Some(Some(next)) if record.offset < *next => {}
                Some(next) => {
                    *next = Some(record.offset + 1);
                    bytes += size;
                    into.push(record);
                }
                None => {}
            }
        }
        Ok(Polled::Records)
    }

    fn replaced_while_reading(&mut self) -> Result<Polled, LogError> {
        self.replaced()?;
        self.stage = Stage::Outside;
        Ok(Polled::Lost)
    }

    /// One poll, and what the stream itself has to do about it.
    fn hear(&mut self, wait: Duration) -> Result<Heard, LogError> {
        let heard = self.member()?.poll(wait)?;
        match &heard {
            Heard::Record(_) | Heard::Rebalance(_) | Heard::Replaced => self.away = None,
            Heard::Gone(words) => return Err(LogError::Stop(self.gone(words))),
            Heard::Away(words) => {
                self.fences.forgive();
                self.away = Some(words.clone());
            }
            Heard::Nothing => {
                self.quiet_at = Instant::now();
                if let Some(producers) = &self.producers {
                    producers.tend();
                }
                // A member that joins anew while no broker is there may not be told so.
                if self.stage == Stage::Waiting && self.looked_at.elapsed() > LOOK_EVERY {
                    self.looked_at = Instant::now();
                    if !self.member()?.reaches(LOOK) {
                        self.away = Some("no broker is in reach".into());
                    }
                }
            }
        }
        // librdkafka tells once that no broker is in reach, and nothing when one is again.
        if self.away.is_some() && self.member()?.reaches(wait) {
            self.away = None;
        }
        match &self.away {
            Some(words) => Err(LogError::Away(words.clone())),
            None => Ok(heard),
        }
    }

    /// Names the partitions in which this stream stands where no records are.
    fn gone(&self, words: &str) -> String {
        let stands = self.held.iter().flat_map(|held| &held.next).filter_map(|(place, next)| Some((*place, (*next)?)));
        let outside = stands.filter_map(|(place, next)| {
            let (first, end) = self.shared.bounds(place).ok()?;
            let Place { topic, partition } = place;
            (next < first || next > end)
                .then(|| format!("{topic}/{partition} at {next}, where {first} to {end} are left"))
        });
        let outside: Vec<String> = outside.collect();
        let which = if outside.is_empty() { words.to_owned() } else { outside.join(", ") };
        let group = self.shared.names.group(&self.spec.name);
        format!(
            "{}: records that were not processed are gone from the log ({which}). Nothing is skipped by guess: decide \
             where group {group} shall go on, and set its offsets there with kafka-consumer-groups",
            self.spec.name
        )
    }
}
