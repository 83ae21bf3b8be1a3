//! The proof of SPEC §2 from the topics alone: what was requested is rejected, dead-lettered or accepted, and what was
//! accepted ends exactly once.

mod books;
mod requests;

pub use books::{Balance, Books};
pub use requests::{Repeated, announced, repeated_requests};

use crate::{
    engine::{Decoder, Headline, came_back, origin_of},
    log::{LogError, Place, Reader, Record},
    steps::api_of,
};
use processors::{ingest::receivers, ports::Away};
use schemas::{Api, SendRequest, State, Topic, TrackId, topics::Kind};
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

/// A part of a partition to be read.
struct Span {
    place: Place,
    from: i64,
    end: i64,
}

/// The topics that the books are read from.
pub fn topics() -> impl Iterator<Item = Topic> {
    Topic::all().iter().copied().filter(|topic| is_book(topic.kind()))
}

/// Reads the books since a checkpoint (or since the oldest records still there) up to now.
///
/// `progress` is told how many offsets are read, and of how many.
pub fn read(
    reader: &mut dyn Reader,
    decoder: &Decoder,
    cluster: u8,
    since: &Checkpoint,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(Books, Checkpoint), LogError> {
    let mut books = Books::default();
    let mut upto = Checkpoint::default();
    since.under_way.iter().filter_map(|id| id.parse().ok()).for_each(|id| books.carried_over(id));
    since.at_the_door.iter().filter_map(|id| id.parse().ok()).for_each(|id| books.request(id));
    let spans = spans(reader, since)?;
    let length = |span: &Span| (span.end - span.from).unsigned_abs();
    let (all, mut done) = (spans.iter().map(length).sum(), 0);
    for span in &spans {
        let mut unread = Ok(());
        reader.read(span.place, span.from, span.end, &mut |record| {
            if unread.is_ok() {
                unread = enter(&mut books, decoder, cluster, &record);
                progress(done + (record.offset - span.from).unsigned_abs() + 1, all);
            }
        })?;
        unread.map_err(|away| LogError::Away(away.to_string()))?;
        done += length(span);
        upto.offsets.insert(name_of(span.place), span.end);
    }
    upto.under_way = sorted(books.under_way());
    upto.at_the_door = sorted(books.at_the_door());
    Ok((books, upto))
}

/// Where each partition of the books is read, from the checkpoint to its end.
fn spans(reader: &mut dyn Reader, since: &Checkpoint) -> Result<Vec<Span>, LogError> {
    let mut spans = Vec::new();
    // The ends of reports first, of requests last: what had ended by then had been requested.
    for &topic in Topic::all().iter().rev().filter(|topic| is_book(topic.kind())) {
        let partitions = reader.partitions(topic)?;
        if partitions.is_empty() {
            return Err(LogError::Stop(format!("topic {topic} is missing: run `ims topics create`")));
        }
        for partition in partitions {
            let place = Place { topic, partition };
            let (first, end) = reader.bounds(place)?;
            let name = name_of(place);
            let from = since.offsets.get(&name).copied().unwrap_or(first);
            let refused = |why: String| LogError::Stop(format!("{name}: the checkpoint stands at {from} and {why}"));
            if from < first {
                return Err(refused(format!("retention has deleted up to {first}: begin with a new checkpoint")));
            }
            if from > end {
                return Err(refused(format!(
                    "the log ends at {end}: it is another cluster's, or the topic was made again"
                )));
            }
            spans.push(Span { place, from, end });
        }
    }
    Ok(spans)
}

fn name_of(Place { topic, partition }: Place) -> String {
    format!("{topic}/{partition}")
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

/// Enters one record of [`topics`].
pub fn enter(books: &mut Books, decoder: &Decoder, cluster: u8, record: &Record) -> Result<(), Away> {
    let key = || String::from_utf8_lossy(record.key.as_deref().unwrap_or_default()).into_owned();
    match record.place.topic.kind() {
        Kind::Api(_) => {
            let request = decoder.decode::<SendRequest>(record.value.as_deref())?;
            let places = request.map_or(0..=0, |request| receivers(&request));
            places.for_each(|receiver| books.request(track_id(record, cluster, receiver)));
        }
        // What a replay brought back was accepted when it first stood there.
        Kind::Recv(..) if came_back(record) => {}
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
    Ok(())
}

fn track_id(record: &Record, cluster: u8, receiver: u16) -> TrackId {
    TrackId::new(origin_of(record).2, Api { receiver, ..api_of(record, cluster) })
}
