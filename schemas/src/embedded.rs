//! Ids of this program's own schemas where no registry gives them. Each version of a record has one of its own: what an
//! older program left in the topics is read by the schema that it was written with.

// VERSIONS: each record with the texts of its versions, oldest first.
include!(concat!(env!("OUT_DIR"), "/versions.rs"));

/// Every record that stands in a topic, by its place in its ids: a new one comes last. Beside it the version that its place
/// alone stands for: programs wrote that before versions had ids, and producers of requests may go on.
const RECORDS: [(&str, usize); 11] = [
    ("SendRequest", 1),
    ("Accepted", 1),
    ("Dispatch", 2),
    ("Result", 2),
    ("OpenStep", 2),
    ("Report", 1),
    ("History", 2),
    ("AnalyzeLog", 4),
    ("Delayed", 1),
    ("Callback", 2),
    ("EndpointState", 2),
];
/// From the id of one version to that of the next.
const PER_VERSION: usize = 1000;

fn versions(record: &str) -> &'static [&'static str] {
    VERSIONS.iter().find(|(name, _)| *name == record).map_or(&[], |(_, texts)| texts)
}

/// The id of the version in use.
pub fn id(record: &str) -> Option<u32> {
    let place = RECORDS.iter().position(|(name, _)| *name == record)?;
    Some((versions(record).len() * PER_VERSION + place + 1) as u32)
}

/// The text of a version by its id.
pub fn text(id: u32) -> Option<&'static str> {
    let (version, place) = (id as usize / PER_VERSION, id as usize % PER_VERSION);
    let (record, before) = RECORDS.get(place.checked_sub(1)?)?;
    let version = if version == 0 { *before } else { version };
    versions(record).get(version - 1).copied()
}
