//! The proof of SPEC §2 from the topics alone: what was requested is rejected, dead-lettered or accepted, and what was
//! accepted ends exactly once.

mod books;
mod requests;

pub use books::{Balance, Books};
pub use requests::{Repeated, repeated_requests};

use crate::{
    engine::{Headline, origin_of},
    log::{LogError, Place, Reader, Record},
    steps::api_of,
};
use processors::ingest::receivers;
use schemas::{Api, Schemas, SendRequest, State, Topic, TrackId, topics::Kind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where a later reading of the books begins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Next offset, by `topic/partition`.
    pub offsets: BTreeMap<String, i64>,
    /// Messages that were accepted and not ended.
    pub under_way: Vec<String>,
    /// Requests that ingest had not taken yet.
    pub at_the_door: Vec<String>,
}

/// Reads the books since a checkpoint (or since the oldest records still there) up to now.
///
/// `each` is told how many records were read, for a progress bar.
pub fn read(
    reader: &mut dyn Reader,
    schemas: &Schemas,
    cluster: u8,
    since: &Checkpoint,
    each: &mut dyn FnMut(u64),
) -> Result<(Books, Checkpoint), LogError> {
    let mut books = Books::default();
    let mut upto = Checkpoint::default();
    since.under_way.iter().filter_map(|id| id.parse().ok()).for_each(|id| books.carried_over(id));
    since.at_the_door.iter().filter_map(|id| id.parse().ok()).for_each(|id| books.request(id));
    // Reports first, requests last: what ends while we read was at least requested when we come to its request.
    let topics: Vec<Topic> = Topic::all().iter().copied().filter(|t| is_book(t.kind())).rev().collect();
    for topic in topics {
        for partition in reader.partitions(topic)? {
            let place = Place { topic, partition };
            let (first, end) = reader.bounds(place)?;
            let name = format!("{topic}/{partition}");
            let from = since.offsets.get(&name).copied().unwrap_or(first);
            if from < first {
                return Err(LogError::Stop(format!(
                    "{name}: the checkpoint stands at {from} and retention has deleted up to {first}: begin with a new checkpoint"
                )));
            }
            reader.read(place, from, end, &mut |record| {
                enter(&mut books, schemas, cluster, &record);
                each(1);
            })?;
            upto.offsets.insert(name, end);
        }
    }
    upto.under_way = sorted(books.under_way());
    upto.at_the_door = sorted(books.at_the_door());
    Ok((books, upto))
}

fn sorted(mut ids: Vec<TrackId>) -> Vec<String> {
    ids.sort_unstable();
    ids.iter().map(ToString::to_string).collect()
}

fn is_book(kind: Kind) -> bool {
    match kind {
        Kind::Api(_) | Kind::Recv(..) | Kind::Report(_) => true,
        Kind::DeadLetter(source) => matches!(source.kind(), Kind::Api(_)),
        _ => false,
    }
}

fn enter(books: &mut Books, schemas: &Schemas, cluster: u8, record: &Record) {
    let key = || String::from_utf8_lossy(record.key.as_deref().unwrap_or_default()).into_owned();
    match record.place.topic.kind() {
        Kind::Api(_) => {
            let request = record.value.as_deref().and_then(|value| schemas.decode::<SendRequest>(value).ok());
            let places = request.map_or(0..=0, |request| receivers(&request));
            places.for_each(|receiver| books.request(track_id(record, cluster, receiver)));
        }
        Kind::Recv(..) => books.accept(&key()),
        Kind::Report(_) => {
            let header = |name: &str| {
                let found = record.headers.iter().find(|(n, _)| n == name);
                found.and_then(|(_, value)| std::str::from_utf8(value).ok())
            };
            if header(Headline::TERMINAL) == Some("true")
                && let Some(state) = header(Headline::STATE).and_then(|s| s.parse::<State>().ok())
            {
                books.end(&key(), state);
            }
        }
        Kind::DeadLetter(_) => books.dead_letter(track_id(record, cluster, 0)),
        _ => {}
    }
}

fn track_id(record: &Record, cluster: u8, receiver: u16) -> TrackId {
    TrackId::new(origin_of(record).2, Api { receiver, ..api_of(record, cluster) })
}
