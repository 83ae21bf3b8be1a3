//! Ids of this program's own schemas where no registry gives them. Each version of a record has one of its own: what an
//! older program left in the topics is read by the schema that it was written with.

// OLDER: each record with the texts of its versions before the one in use.
include!(concat!(env!("OUT_DIR"), "/versions.rs"));

/// Every record that stands in a topic, by its place in its ids: a new one comes last.
const RECORDS: [&str; 11] = [
    "SendRequest",
    "Accepted",
    "Dispatch",
    "Result",
    "OpenStep",
    "Report",
    "History",
    "AnalyzeLog",
    "Delayed",
    "Callback",
    "EndpointState",
];
/// From the id of one version to that of the next.
const PER_VERSION: usize = 1000;

fn older(record: &str) -> &'static [&'static str] {
    OLDER.iter().find(|(name, _)| *name == record).map_or(&[], |(_, texts)| texts)
}

/// The id of the version in use.
pub fn id(record: &str) -> Option<u32> {
    let place = RECORDS.iter().position(|name| *name == record)?;
    Some((older(record).len() * PER_VERSION + place + 1) as u32)
}

/// The text of an older version.
pub fn text(id: u32) -> Option<&'static str> {
    let id = id as usize;
    let record = RECORDS.get((id % PER_VERSION).checked_sub(1)?)?;
    older(record).get(id / PER_VERSION).copied()
}
