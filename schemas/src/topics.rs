//! The one topic table: names, records, keys, partitions, cleanup, retention. Nothing else spells a topic's name.

use crate::avro::Record;
use crate::records::*;
use crate::words::{Family, UnknownWord};
use rustc_hash::FxHashMap;
use std::{
    fmt, hash,
    str::FromStr,
    sync::{LazyLock, PoisonError, RwLock},
    time::Duration,
};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// What a topic is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Requests: API-‹LANE›.
    Api(Lane),
    /// Accepted messages: RECV-‹CHANNEL›, and with -AUTH, -MASS, -AD.
    Recv(Channel, Lane),
    /// Steps on their way to a vendor: SEND-‹FAMILY›-‹PRIORITY›.
    Send(Family, Lane),
    /// The same of a routing group with topics of its own: SEND-‹FAMILY›-‹GROUP›.
    Group(Family, &'static str),
    /// News for outcome: RESULT-‹LANE›.
    Result(Lane),
    /// Messages that outcome hands to the router: FALLBACK-‹LANE›.
    Fallback(Lane),
    /// What customers are told: REPORT-‹CHANNEL›.
    Report(Channel),
    /// Rows of history: HIST-‹CHANNEL›.
    Hist(Channel),
    /// Events for analysis: ANALYZE-LOG.
    AnalyzeLog,
    /// Outcome's state: OPEN-‹LANE›.
    Open(Lane),
    /// Reports whose call comes back out of DELAY: CALLBACK.
    Callback,
    /// Endpoints that are called no more: ENDPOINT.
    Endpoint,
    /// What waits: DELAY-‹RING›.
    Delay(Ring),
    /// Raw records that could not be processed: DLQ-‹source topic›.
    DeadLetter(Topic),
}

/// The rings of time slots, finest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ring {
    /// Seconds, for AUTH alone.
    SecondsAuth,
    /// Seconds.
    Seconds,
    /// Minutes.
    Minutes,
    /// Hours.
    Hours,
    /// Days.
    Days,
}

impl Ring {
    /// All five, finest first.
    pub const ALL: [Self; 5] = [Self::SecondsAuth, Self::Seconds, Self::Minutes, Self::Hours, Self::Days];

    const fn as_str(self) -> &'static str {
        match self {
            Self::SecondsAuth => "S-AUTH",
            Self::Seconds => "S",
            Self::Minutes => "M",
            Self::Hours => "H",
            Self::Days => "D",
        }
    }
}

/// How many partitions a topic has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Partitions {
    /// The deployment's figure (20 in a cluster, 3 on a laptop).
    Configured,
    /// One per time slot of the ring, by configuration.
    Slots(Ring),
    /// Exactly one.
    One,
}

/// What happens to old records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleanup {
    /// Deleted when older than this.
    Delete(Duration),
    /// Deleted when older than the ring's reach and this.
    DeleteAfterReach(Duration),
    /// The newest record of each key stays.
    Compact,
}

/// One row of the table.
#[derive(Debug)]
pub struct Row {
    name: String,
    kind: Kind,
    record: Option<(&'static str, &'static str)>,
    key: &'static str,
    partitions: Partitions,
    cleanup: Cleanup,
}

/// A topic of the chain: a row of the table.
#[derive(Clone, Copy)]
pub struct Topic(&'static Row);

struct Table {
    rows: Vec<Topic>,
    by_name: FxHashMap<&'static str, Topic>,
    by_kind: FxHashMap<Kind, Topic>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut rows: Vec<Topic> = Vec::new();
    let mut add = |kind, name: String, record, key, partitions, cleanup| {
        // The table lives as long as the program.
        rows.push(Topic(Box::leak(Box::new(Row { name, kind, record, key, partitions, cleanup }))));
    };
    let week = Cleanup::Delete(7 * DAY);
    let month = Cleanup::Delete(30 * DAY);
    use Partitions::{Configured, One, Slots};
    for &lane in Lane::ALL {
        add(Kind::Api(lane), format!("API-{lane}"), schema_of::<SendRequest>(), "message_id", Configured, week);
    }
    for &channel in Channel::ALL {
        for &lane in Lane::ALL {
            let name =
                if lane == Lane::Realtime { format!("RECV-{channel}") } else { format!("RECV-{channel}-{lane}") };
            add(Kind::Recv(channel, lane), name, schema_of::<Accepted>(), "track_id", Configured, week);
        }
    }
    for family in Family::ALL {
        for &lane in Lane::ALL {
            // The table is regular: FT, BT, LMS and MMS have an AUTH topic too, and the router never writes there.
            add(
                Kind::Send(family, lane),
                format!("SEND-{family}-{lane}"),
                schema_of::<Dispatch>(),
                "track_id",
                Configured,
                week,
            );
        }
    }
    for &lane in Lane::ALL {
        add(Kind::Result(lane), format!("RESULT-{lane}"), schema_of::<StepResult>(), "track_id", Configured, week);
        add(Kind::Fallback(lane), format!("FALLBACK-{lane}"), schema_of::<Accepted>(), "track_id", Configured, week);
        // As many partitions as RESULT: partition n holds the state of RESULT's partition n.
        add(
            Kind::Open(lane),
            format!("OPEN-{lane}"),
            schema_of::<OpenStep>(),
            "track_id",
            Configured,
            Cleanup::Compact,
        );
    }
    for &channel in Channel::ALL {
        add(Kind::Report(channel), format!("REPORT-{channel}"), schema_of::<Report>(), "track_id", Configured, month);
        add(Kind::Hist(channel), format!("HIST-{channel}"), schema_of::<History>(), "track_id", Configured, month);
    }
    add(
        Kind::AnalyzeLog,
        "ANALYZE-LOG".into(),
        schema_of::<AnalyzeLog>(),
        "track_id",
        Configured,
        Cleanup::Delete(3 * DAY),
    );
    for ring in Ring::ALL {
        let cleanup = Cleanup::DeleteAfterReach(7 * DAY);
        add(
            Kind::Delay(ring),
            format!("DELAY-{}", ring.as_str()),
            schema_of::<Delayed>(),
            "track_id",
            Slots(ring),
            cleanup,
        );
    }
    add(Kind::Callback, "CALLBACK".into(), schema_of::<Callback>(), "track_id", Configured, week);
    // A record for each endpoint that was given up, read whole by every member of its one reader and writer.
    add(Kind::Endpoint, "ENDPOINT".into(), schema_of::<EndpointState>(), "service_key", One, Cleanup::Compact);
    let sources: Vec<Topic> = rows.clone();
    for source in sources {
        // OPEN and ENDPOINT are read only by the restore of their one writer: they have no dead letters.
        if !matches!(source.kind(), Kind::Open(_) | Kind::Endpoint) {
            let row = Row {
                name: format!("DLQ-{source}"),
                kind: Kind::DeadLetter(source),
                record: None,
                key: "as found",
                partitions: One,
                cleanup: month,
            };
            rows.push(Topic(Box::leak(Box::new(row))));
        }
    }
    let by_name = rows.iter().map(|t| (t.name(), *t)).collect();
    let by_kind = rows.iter().map(|t| (t.kind(), *t)).collect();
    Table { rows, by_name, by_kind }
});

/// Topics of routing groups, by name: they come with the reference data, and stay as long as the program.
static GROUPS: LazyLock<RwLock<FxHashMap<&'static str, Topic>>> = LazyLock::new(RwLock::default);

/// Longest name of a routing group with topics of its own, characters.
const LONGEST_GROUP: usize = 32;

fn schema_of<R: Record>() -> Option<(&'static str, &'static str)> {
    Some((R::NAME, R::SCHEMA))
}

impl Topic {
    /// Every topic, in the order of the chain, dead letters last.
    pub fn all() -> &'static [Self] {
        &TABLE.rows
    }

    /// The topic of a kind.
    ///
    /// # Panics
    /// For the dead letters of a topic that has none (OPEN, ENDPOINT, DLQ), and for a group's, which
    /// [`Topic::group`] gives: wiring mistakes.
    pub fn of(kind: Kind) -> Self {
        TABLE.by_kind[&kind]
    }

    /// API-‹LANE›.
    pub fn api(lane: Lane) -> Self {
        Self::of(Kind::Api(lane))
    }

    /// RECV-‹CHANNEL›[-‹LANE›].
    pub fn recv(channel: Channel, lane: Lane) -> Self {
        Self::of(Kind::Recv(channel, lane))
    }

    /// SEND-‹FAMILY›-‹PRIORITY›.
    pub fn send(family: Family, priority: Lane) -> Self {
        Self::of(Kind::Send(family, priority))
    }

    /// SEND-‹FAMILY›-‹GROUP›, of a routing group with topics of its own: A-Z, 0-9 and _, at most 32, and no lane.
    pub fn group(family: Family, group: &str) -> Result<Self, UnknownWord> {
        let word = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        let is_lane = Lane::ALL.iter().any(|lane| lane.as_str() == group);
        if is_lane || group.is_empty() || group.len() > LONGEST_GROUP || !group.bytes().all(word) {
            return Err(UnknownWord::new("name of a group with topics", group));
        }
        let name = format!("SEND-{family}-{group}");
        if let Some(known) = GROUPS.read().unwrap_or_else(PoisonError::into_inner).get(name.as_str()) {
            return Ok(*known);
        }
        let mut groups = GROUPS.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = groups.get(name.as_str()) {
            return Ok(*known);
        }
        // As long as the program, like the table.
        let group: &'static str = Box::leak(group.to_owned().into_boxed_str());
        let row = Row {
            name,
            kind: Kind::Group(family, group),
            record: schema_of::<Dispatch>(),
            key: "track_id",
            partitions: Partitions::Configured,
            cleanup: Cleanup::Delete(7 * DAY),
        };
        let topic = Self(Box::leak(Box::new(row)));
        groups.insert(topic.name(), topic);
        Ok(topic)
    }

    /// RESULT-‹LANE›.
    pub fn result(lane: Lane) -> Self {
        Self::of(Kind::Result(lane))
    }

    /// FALLBACK-‹LANE›.
    pub fn fallback(lane: Lane) -> Self {
        Self::of(Kind::Fallback(lane))
    }

    /// REPORT-‹CHANNEL›.
    pub fn report(channel: Channel) -> Self {
        Self::of(Kind::Report(channel))
    }

    /// HIST-‹CHANNEL›.
    pub fn hist(channel: Channel) -> Self {
        Self::of(Kind::Hist(channel))
    }

    /// ANALYZE-LOG.
    pub fn analyze_log() -> Self {
        Self::of(Kind::AnalyzeLog)
    }

    /// OPEN-‹LANE›.
    pub fn open(lane: Lane) -> Self {
        Self::of(Kind::Open(lane))
    }

    /// CALLBACK.
    pub fn callback() -> Self {
        Self::of(Kind::Callback)
    }

    /// ENDPOINT.
    pub fn endpoint() -> Self {
        Self::of(Kind::Endpoint)
    }

    /// DELAY-‹RING›.
    pub fn delay(ring: Ring) -> Self {
        Self::of(Kind::Delay(ring))
    }

    /// DLQ-‹this topic›, for every topic that the chain consumes; those of a group's topic go to its family's REALTIME,
    /// from where a replay brings them back into the chain.
    pub fn dead_letters(self) -> Self {
        match self.kind() {
            Kind::Group(family, _) => Self::send(family, Lane::Realtime).dead_letters(),
            _ => Self::of(Kind::DeadLetter(self)),
        }
    }

    /// Its name in Kafka.
    pub fn name(self) -> &'static str {
        &self.0.name
    }

    /// What it is for.
    pub fn kind(self) -> Kind {
        self.0.kind
    }

    /// Name of its record; None for raw bytes.
    pub fn record(self) -> Option<&'static str> {
        self.0.record.map(|(name, _)| name)
    }

    /// Whole schema of its record as JSON; None for raw bytes.
    pub fn schema(self) -> Option<&'static str> {
        self.0.record.map(|(_, schema)| schema)
    }

    /// What its key holds.
    pub fn key(self) -> &'static str {
        self.0.key
    }

    /// How many partitions it has.
    pub fn partitions(self) -> Partitions {
        self.0.partitions
    }

    /// What happens to its old records.
    pub fn cleanup(self) -> Cleanup {
        self.0.cleanup
    }

    /// The subject of its values in a schema registry.
    pub fn subject(self) -> String {
        format!("{}-value", self.name())
    }
}

impl FromStr for Topic {
    type Err = UnknownWord;
    fn from_str(name: &str) -> Result<Self, UnknownWord> {
        if let Some(known) = TABLE.by_name.get(name) {
            return Ok(*known);
        }
        let group = name.strip_prefix("SEND-").and_then(|rest| rest.split_once('-'));
        let family = |word: &str| Family::ALL.into_iter().find(|family| family.as_str() == word);
        let topic = group.and_then(|(word, group)| Self::group(family(word)?, group).ok());
        topic.ok_or_else(|| UnknownWord::new("topic", name))
    }
}

impl PartialEq for Topic {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl Eq for Topic {}

impl hash::Hash for Topic {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        std::ptr::from_ref(self.0).hash(state);
    }
}

impl PartialOrd for Topic {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Topic {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.name().cmp(other.name())
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_is_found_by_its_name_and_its_kind() {
        for &topic in Topic::all() {
            assert_eq!(topic.name().parse::<Topic>().unwrap(), topic);
            assert_eq!(Topic::of(topic.kind()), topic);
        }
        assert!("SEND-AT".parse::<Topic>().is_err());
    }

    #[test]
    fn a_group_has_topics_of_its_own_by_every_name_that_is_no_lane() {
        let topic = Topic::group(Family::Sms, "VIP_7").unwrap();
        assert_eq!((topic.name(), topic.kind()), ("SEND-SMS-VIP_7", Kind::Group(Family::Sms, "VIP_7")));
        assert_eq!(Topic::group(Family::Sms, "VIP_7").unwrap(), topic);
        assert_eq!("SEND-PUSH-NEW".parse::<Topic>().unwrap(), Topic::group(Family::Push, "NEW").unwrap());
        assert_eq!(topic.dead_letters(), Topic::send(Family::Sms, Lane::Realtime).dead_letters());
        for bad in ["", "MASS", "vip", "A-B", "한빛", &"A".repeat(33)] {
            assert!(Topic::group(Family::Sms, bad).is_err(), "{bad}");
        }
        for bad in ["SEND-FAX-VIP", "SEND-SMS-", "SEND-SMS-vip", "RECV-SMS-VIP"] {
            assert!(bad.parse::<Topic>().is_err(), "{bad}");
        }
    }

    #[test]
    fn names_are_those_of_the_contract() {
        assert_eq!(Topic::recv(Channel::At, Lane::Realtime).name(), "RECV-AT");
        assert_eq!(Topic::recv(Channel::Mt, Lane::Auth).name(), "RECV-MT-AUTH");
        assert_eq!(Topic::send(Family::Push, Lane::Ad).name(), "SEND-PUSH-AD");
        assert_eq!(Topic::delay(Ring::SecondsAuth).name(), "DELAY-S-AUTH");
        assert_eq!(Topic::api(Lane::Mass).dead_letters().name(), "DLQ-API-MASS");
        assert_eq!(Topic::report(Channel::Em).subject(), "REPORT-EM-value");
    }
}
