//! Requests that have left, by their tickets, and answers whose results are not in the log yet.

use crate::{
    log::Place,
    send::{Held, Mark, Slot, Windows},
};
use processors::{
    ports::{Answer, Reply},
    reference::Vendor,
};
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;

/// A request that has left.
pub struct Flight {
    pub held: Held,
    pub vendor: Arc<Vendor>,
    pub sent_ms: i64,
    /// Its place among those in flight; given back with the answer.
    pub slot: Option<Slot>,
    /// Whether its partition is this sender's, so that its result may be committed.
    ours: bool,
}

/// An answer and what it is an answer to, beside the record itself.
#[derive(Clone)]
pub struct Known {
    pub reply: Reply,
    pub vendor: Arc<Vendor>,
    pub sent_ms: i64,
}

/// What an answer is good for.
pub enum Landed {
    /// Its result may be committed; until it is, the answer stays known.
    Ours(Flight, Reply),
    /// It is known, for the case that the record is read again.
    Parked,
    /// Its partition went to another member, who treats the record as in doubt; or its ticket is unknown.
    Late,
}

/// All requests in flight of one sender.
///
/// A request is in doubt only for a member that cannot know better. After a rebalance, or a commit that was rewound,
/// this sender often can: its flight or its answer still belongs to a record that the log says was started. Had another
/// member owned the partition meanwhile and settled the record, the log would say that it is done.
#[derive(Default)]
pub struct Flights {
    flights: FxHashMap<u64, Flight>,
    ours: FxHashSet<(Place, i64)>,
    known: FxHashMap<(Place, i64), Known>,
    tickets: u64,
}

impl Flights {
    /// A ticket for a request that is about to leave. Tickets are never used again in the life of a sender.
    pub fn ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }

    pub fn left(&mut self, ticket: u64, held: Held, vendor: Arc<Vendor>, slot: Slot, sent_ms: i64) {
        self.ours.insert((held.place, held.offset));
        self.flights.insert(ticket, Flight { held, vendor, sent_ms, slot: Some(slot), ours: true });
    }

    /// The flight of a ticket, to note what its answer says about the vendor.
    pub fn get_mut(&mut self, ticket: u64) -> Option<&mut Flight> {
        self.flights.get_mut(&ticket)
    }

    /// An answer came. `owning`: partitions are assigned, so whose each flight is, is certain.
    pub fn land(&mut self, answer: Answer, owning: bool) -> Landed {
        let Some(flight) = self.flights.remove(&answer.ticket) else { return Landed::Late };
        let at = (flight.held.place, flight.held.offset);
        if owning && !flight.ours {
            return Landed::Late;
        }
        self.ours.remove(&at);
        let Flight { vendor, sent_ms, .. } = &flight;
        let known = Known { reply: answer.reply.clone(), vendor: Arc::clone(vendor), sent_ms: *sent_ms };
        self.known.insert(at, known);
        if owning { Landed::Ours(flight, answer.reply) } else { Landed::Parked }
    }

    /// Partitions were assigned, with these windows: flights of records that are started there are ours.
    pub fn adopt(&mut self, windows: &Windows) {
        let started = |place: Place, offset| windows.mark(place, offset) == Some(Mark::Started);
        self.known.retain(|(place, offset), _| started(*place, *offset));
        self.ours.clear();
        for flight in self.flights.values_mut() {
            let Held { place, offset, .. } = flight.held;
            flight.ours = started(place, offset);
            if flight.ours {
                self.ours.insert((place, offset));
            }
        }
    }

    /// Whether a record's request is in flight and its answer will be committed.
    pub fn has(&self, place: Place, offset: i64) -> bool {
        self.ours.contains(&(place, offset))
    }

    /// What is known of a record that was started and is read again.
    pub fn known(&self, place: Place, offset: i64) -> Option<&Known> {
        self.known.get(&(place, offset))
    }

    /// The record's result is in the log.
    pub fn settled(&mut self, place: Place, offset: i64) {
        self.known.remove(&(place, offset));
    }

    /// Whether nothing is in flight and no answer is waiting for the log.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.flights.is_empty() && self.ours.is_empty() && self.known.is_empty()
    }

    /// Requests whose answers will be committed.
    pub fn ours(&self) -> usize {
        self.ours.len()
    }
}
