//! What a batch appends: records framed and keyed, and dead letters with their reason and origin.

use super::{Account, letter};
use crate::{
    log::{Headers, Outgoing, Place, Record},
    metrics as names,
};
use bytes::{Bytes, BytesMut};
use metrics::{Counter, counter};
use processors::{
    outcome::news::{of_unreadable, of_unreadable_wait},
    ring::Rings,
};
use schemas::{Avro as _, Delayed, Lane, Record as Schema, Report, Schemas, Topic, TrackId, topics::Kind};
use std::sync::Arc;

/// Why a record became a dead letter.
pub const REASON_HEADER: &str = "ims-reason";
/// `topic/partition/offset/timestamp` of the record as it first stood in the log; kept by replay, so that a mended
/// request keeps its track_id and is not its own duplicate.
pub const ORIGIN_HEADER: &str = "ims-origin";

/// Bytes of keys and values that share one allocation.
const PIECE_BYTES: usize = 256 << 10;

/// The appends of one batch.
#[derive(Debug)]
pub struct Outputs {
    schemas: Arc<Schemas>,
    records: Vec<Outgoing>,
    /// What goes up by one with them.
    counts: Vec<Counter>,
    /// The value that is being written.
    draft: Vec<u8>,
    /// Where keys and values come to stand, one behind the other.
    piece: BytesMut,
}

/// How much a batch appends so far.
#[derive(Debug, Clone, Copy)]
pub struct Stand {
    records: usize,
    counts: usize,
}

/// Header names of REPORT records: a consumer filters without decoding.
pub struct Headline;

impl Headline {
    /// `username` of the customer.
    pub const CUSTOMER: &'static str = "customer";
    /// Requested channel.
    pub const CHANNEL: &'static str = "channel";
    /// State.
    pub const STATE: &'static str = "state";
    /// Code.
    pub const CODE: &'static str = "code";
    /// `true` or `false`.
    pub const TERMINAL: &'static str = "terminal";
    /// `STATE`, or `LATE` for what came after the end and changes nothing.
    pub const KIND: &'static str = "kind";

    fn of(report: &Report) -> Headers {
        let text = |name: &str, value: &str| (name.to_owned(), Bytes::copy_from_slice(value.as_bytes()));
        let word = |name: &str, value: &'static str| (name.to_owned(), Bytes::from_static(value.as_bytes()));
        vec![
            text(Self::CUSTOMER, &report.username),
            word(Self::CHANNEL, report.channel.as_str()),
            word(Self::STATE, report.state.as_str()),
            text(Self::CODE, &report.code),
            word(Self::TERMINAL, if report.terminal { "true" } else { "false" }),
            word(Self::KIND, report.kind.as_str()),
        ]
    }
}

impl Outputs {
    /// No appends yet.
    pub fn new(schemas: Arc<Schemas>) -> Self {
        Self { schemas, records: Vec::new(), counts: Vec::new(), draft: Vec::new(), piece: BytesMut::new() }
    }

    /// The schema ids in use.
    pub fn schemas(&self) -> &Arc<Schemas> {
        &self.schemas
    }

    /// The bytes of a value, framed as `R`; `write` adds its datum.
    pub fn framed<R: Schema>(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
        self.draft.clear();
        self.schemas.frame::<R>(&mut self.draft);
        write(&mut self.draft);
        keep(&mut self.piece, &self.draft)
    }

    /// Appends a record under its key.
    pub fn emit<R: Schema>(&mut self, topic: Topic, key: &str, record: &R) {
        let value = self.framed::<R>(|out| record.encode(out));
        self.value(topic, None, key, Some(value), Headers::new());
    }

    /// Appends a record to a partition of its own choice.
    pub fn emit_to<R: Schema>(&mut self, topic: Topic, partition: i32, key: &str, record: &R) {
        let value = self.framed::<R>(|out| record.encode(out));
        self.value(topic, Some(partition), key, Some(value), Headers::new());
    }

    /// Appends a report with the headers that let a consumer filter.
    pub fn report(&mut self, report: &Report) {
        let value = self.framed::<Report>(|out| report.encode(out));
        self.value(Topic::report(report.channel), None, &report.track_id, Some(value), Headline::of(report));
    }

    /// Appends a value that comes to its target when it is due: through the rings, beside its account, or at once.
    pub fn delay(&mut self, rings: &Rings, now_ms: i64, waiting: &Delayed, target: Topic, account: Option<Account>) {
        match rings.place(waiting.due_at, now_ms, waiting.auth) {
            None => self.value(target, None, &waiting.track_id, Some(waiting.payload.clone()), Headers::new()),
            Some(slot) => {
                let value = self.framed::<Delayed>(|out| waiting.encode(out));
                let headers = account.into_iter().map(Account::header).collect();
                self.value(Topic::delay(slot.ring), Some(slot.partition), &waiting.track_id, Some(value), headers);
            }
        }
    }

    /// Ends the account of an accepted message whose record cannot be processed.
    pub fn close_account(&mut self, record: &Record, lane: Lane, now_ms: i64) {
        if let Some(id) = open_account(record) {
            self.emit(Topic::result(lane), id, &of_unreadable(id, now_ms));
        }
    }

    /// Ends the account that hangs on a record out of DELAY which cannot be processed, if one does.
    pub fn close_waiting(&mut self, record: &Record, now_ms: i64) {
        match Account::of(record) {
            Some(Account::Waits(lane)) => self.close_account(record, lane, now_ms),
            Some(Account::Wakes(lane, due_ms)) => {
                if let Some(id) = open_account(record) {
                    self.emit(Topic::result(lane), id, &of_unreadable_wait(id, due_ms, now_ms));
                }
            }
            None => {}
        }
    }

    /// Appends a value that is framed already; None is a tombstone.
    pub fn value(&mut self, topic: Topic, partition: Option<i32>, key: &str, value: Option<Bytes>, headers: Headers) {
        let key = Some(keep(&mut self.piece, key.as_bytes()));
        self.records.push(Outgoing { topic, partition, key, value, headers });
    }

    /// Appends a record to its DLQ.
    pub fn dead_letter(&mut self, record: &Record, reason: &str) {
        self.records.push(letter::of(record, reason));
    }

    /// One more of these, once what is appended stands in the log.
    pub fn count(&mut self, counter: Counter) {
        self.counts.push(counter);
    }

    /// Now it does: counts what was noted, and the dead letters by the topics that they come from.
    pub fn count_all(&self) {
        self.counts.iter().for_each(|counter| counter.increment(1));
        for dead in &self.records {
            if let Kind::DeadLetter(source) = dead.topic.kind() {
                counter!(names::DEAD_LETTERS, "topic" => source.name()).increment(1);
            }
        }
    }

    /// Everything appended so far.
    pub fn records(&self) -> &[Outgoing] {
        &self.records
    }

    /// Whether nothing was appended.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// How much is appended and noted.
    pub fn stand(&self) -> Stand {
        Stand { records: self.records.len(), counts: self.counts.len() }
    }

    /// Takes back what came after.
    pub fn back_to(&mut self, stand: Stand) {
        self.records.truncate(stand.records);
        self.counts.truncate(stand.counts);
    }

    /// Starts the next batch, keeping the memory.
    pub fn clear(&mut self) {
        self.records.clear();
        self.counts.clear();
    }
}

/// Copies bytes behind what the piece has, without an allocation as long as it has room.
fn keep(piece: &mut BytesMut, bytes: &[u8]) -> Bytes {
    if piece.capacity() < bytes.len() {
        *piece = BytesMut::with_capacity(PIECE_BYTES.max(bytes.len()));
    }
    piece.extend_from_slice(bytes);
    piece.split().freeze()
}

/// The track_id that a record of the chain has as its key.
pub fn track_id(record: &Record) -> Option<&str> {
    let key = std::str::from_utf8(record.key.as_deref()?).ok()?;
    key.parse::<TrackId>().is_ok().then_some(key)
}

/// Whose account ends with a record that cannot be processed. A key that is no track_id has none, and that of a record that
/// came back was closed when it became a dead letter.
pub fn open_account(record: &Record) -> Option<&str> {
    track_id(record).filter(|_| !came_back(record))
}

/// Where a record first stood, and its timestamp there: its origin header when `replay` brought it back, else its place.
/// `replay` brings a record back behind its own place in its own topic, out of which one that waits moves to other rings: a
/// header that says anything else is a producer's own words, and would give it another lane or the time to come. Dead
/// letters are written by us alone.
pub fn origin_of(record: &Record) -> (Place, i64, i64) {
    let own = (record.place, record.offset, record.timestamp_ms);
    let Some((_, origin)) = record.headers.iter().find(|(name, _)| name == ORIGIN_HEADER) else { return own };
    let parse = || {
        let mut parts = std::str::from_utf8(origin).ok()?.split('/');
        let name = parts.next()?;
        // Names that a producer may choose are not looked up: each that could be a routing group's would be kept for ever.
        let topic: Topic = match record.place.topic.kind() {
            Kind::DeadLetter(source) => source,
            Kind::Delay(_) => name.parse().ok()?,
            _ => record.place.topic,
        };
        let is_of_group = is_of_group(topic, name);
        (topic.name() == name || is_of_group).then_some(())?;
        let place = Place { topic, partition: parts.next()?.parse().ok()? };
        Some(((place, parts.next()?.parse::<i64>().ok()?, parts.next()?.parse::<i64>().ok()?), is_of_group))
    };
    let may_be = |&((place, offset, timestamp_ms), is_of_group): &((Place, i64, i64), bool)| {
        if matches!(record.place.topic.kind(), Kind::DeadLetter(_)) {
            return true;
        }
        (place.topic == record.place.topic || matches!(place.topic.kind(), Kind::Delay(_)))
            && (is_of_group || place != record.place || offset < record.offset)
            && timestamp_ms <= record.timestamp_ms
    };
    parse().filter(may_be).map_or(own, |(origin, _)| origin)
}

/// Whether it is the name of a routing group's topic whose dead letters come back into this one. It is not looked up: each
/// name that could be a group's would be kept for ever.
fn is_of_group(topic: Topic, name: &str) -> bool {
    let Kind::Send(_, Lane::Realtime) = topic.kind() else { return false };
    let family = topic.name().strip_suffix(Lane::Realtime.as_str());
    let group = family.and_then(|family| name.strip_prefix(family));
    group.is_some_and(|group| Lane::ALL.iter().all(|lane| lane.as_str() != group))
}

/// Whether `replay` brought a record back.
pub fn came_back(record: &Record) -> bool {
    origin_of(record) != (record.place, record.offset, record.timestamp_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::{Channel, ReportKind, State, topics::Ring};

    /// What is believed of a record at offset 50 that names this origin.
    fn origin(place: Place, origin: &str) -> (Place, i64, i64) {
        let headers = vec![(ORIGIN_HEADER.to_owned(), Bytes::copy_from_slice(origin.as_bytes()))];
        origin_of(&Record { place, offset: 50, timestamp_ms: 9_000, key: None, value: None, headers })
    }

    #[test]
    fn a_dead_letter_of_a_routing_group_comes_back_into_its_familys_lane() {
        let topic = Topic::send(schemas::Family::Sms, Lane::Realtime);
        let (place, letters) = (Place { topic, partition: 0 }, Place { topic: topic.dead_letters(), partition: 0 });
        // Where it stood among its group's says nothing of where it stands now.
        assert_eq!(origin(place, "SEND-SMS-VIP/0/70/8999"), (place, 70, 8_999));
        assert_eq!(origin(letters, "SEND-SMS-VIP/0/70/8999"), (place, 70, 8_999));
        assert_eq!(origin(place, "SEND-SMS-REALTIME/0/49/8999"), (place, 49, 8_999));
        let own = (place, 50, 9_000);
        for other in ["SEND-SMS-AUTH/0/7/8999", "SEND-LMS-VIP/0/7/8999", "SEND-SMS-VIP/0/7/9001"] {
            assert_eq!(origin(place, other), own, "{other}");
        }
    }

    #[test]
    fn a_dead_letter_comes_from_any_place_of_its_source() {
        let source = Topic::api(Lane::Mass);
        let place = Place { topic: source.dead_letters(), partition: 0 };
        assert_eq!(origin(place, "API-MASS/0/70/9001"), (Place { topic: source, partition: 0 }, 70, 9_001));
        assert_eq!(origin(place, "API-AUTH/0/70/9001"), (place, 50, 9_000));
    }

    #[test]
    fn an_origin_is_behind_a_record_in_its_own_topic_or_is_none() {
        let place = Place { topic: "API-MASS".parse().unwrap(), partition: 1 };
        let of = |text: &str| origin(place, text);
        assert_eq!(of("API-MASS/1/49/8999"), (place, 49, 8_999));
        assert_eq!(of("API-MASS/2/70/8999"), (Place { partition: 2, ..place }, 70, 8_999));
        for forged in ["API-AUTH/1/49/8999", "API-MASS/1/50/8999", "API-MASS/1/49/9001", "API-MASS/1", ""] {
            assert_eq!(of(forged), (place, 50, 9_000), "{forged}");
        }
    }

    #[test]
    fn what_waits_keeps_its_origin_in_other_rings() {
        let ring = |ring, partition| Place { topic: Topic::delay(ring), partition };
        let place = ring(Ring::Seconds, 3);
        assert_eq!(origin(place, "DELAY-H/3/70/8999"), (ring(Ring::Hours, 3), 70, 8_999));
        for other in ["DELAY-S/3/50/8999", "DELAY-H/3/70/9001", "SEND-AT-AD/3/7/8999"] {
            assert_eq!(origin(place, other), (place, 50, 9_000), "{other}");
        }
    }

    #[test]
    fn a_consumer_tells_ends_states_and_late_words_apart_by_headers_alone() {
        let headers = |kind: ReportKind, terminal: bool, state: State| {
            let mut out = Outputs::new(Arc::new(Schemas::embedded()));
            let (username, code) = ("hanbit".to_owned(), "0000".to_owned());
            out.report(&Report { username, code, channel: Channel::Mt, kind, terminal, state, ..Report::default() });
            let record = &out.records()[0];
            assert_eq!(record.topic, Topic::report(Channel::Mt));
            let text = |(name, value): &(String, Bytes)| format!("{name}={}", String::from_utf8_lossy(value));
            record.headers.iter().map(text).collect::<Vec<_>>().join(" ")
        };
        let end = "customer=hanbit channel=MT state=DELIVERED code=0000 terminal=true kind=STATE";
        assert_eq!(headers(ReportKind::State, true, State::Delivered), end);
        let late = "customer=hanbit channel=MT state=DELIVERED code=0000 terminal=false kind=LATE";
        assert_eq!(headers(ReportKind::Late, false, State::Delivered), late);
    }
}
