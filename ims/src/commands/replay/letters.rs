//! Dead letters without their values: which there are, why, and where they came from.

use super::{
    audit::Brought,
    bound::{Bound, range},
};
use rustc_hash::FxHashSet;
use serde::Serialize;
use std::collections::BTreeMap;
use topology::{
    engine::{CUT_HEADER, ORIGIN_HEADER, REASON_HEADER},
    log::{LogError, Place, Reader, Record},
    send::UNMATCHED,
};

/// A dead letter.
#[derive(Debug, Clone, Serialize)]
pub struct Letter {
    /// Where it stands in the DLQ.
    pub offset: i64,
    /// `topic/partition/offset/timestamp` of the record as it first stood in the log.
    pub origin: String,
    /// Why it is one.
    pub reason: String,
    /// When it became one, Unix milliseconds.
    pub at_ms: i64,
}

/// Which letters are wanted.
#[derive(Debug, Default)]
pub struct Select {
    /// Where they begin.
    pub from: Option<Bound>,
    /// Where they end.
    pub to: Option<Bound>,
    /// Text that the reason contains.
    pub reason: Option<String>,
    /// Whether they come back as they were; mended ones need no value.
    pub as_they_were: bool,
}

/// Every letter that is wanted, in order; `brought` is told of the others.
pub fn read(
    reader: &mut dyn Reader,
    place: Place,
    select: &Select,
    brought: &mut Brought,
) -> Result<Vec<Letter>, LogError> {
    let (from, end) = range(reader, place, select.from, select.to)?;
    let mut letters = Vec::new();
    reader.read(place, from, end, &mut |record| {
        brought.looked_at += 1;
        let reason = header(&record, REASON_HEADER).unwrap_or_default();
        // What vendors reported of nobody's messages came from no topic: `ims vendor unmatched` shows it.
        if reason == UNMATCHED {
            return brought.leave_out("came from no topic", 1);
        }
        if select.reason.as_deref().is_some_and(|wanted| !reason.contains(wanted)) {
            return brought.leave_out("of another reason", 1);
        }
        if select.as_they_were && header(&record, CUT_HEADER).is_some() {
            return brought.leave_out("not whole: too large to be kept, give it with --mended", 1);
        }
        let origin = header(&record, ORIGIN_HEADER).unwrap_or_default();
        letters.push(Letter { offset: record.offset, origin, reason, at_ms: record.timestamp_ms });
    })?;
    Ok(letters)
}

/// A record that failed again after a replay, or whose dead letter was doubled by a crash, comes back once.
pub fn keep_newest_of_each_origin(letters: &mut Vec<Letter>) {
    let newest: BTreeMap<String, i64> = letters.iter().map(|l| (l.origin.clone(), l.offset)).collect();
    letters.retain(|letter| letter.origin.is_empty() || newest[&letter.origin] == letter.offset);
}

/// The offsets of some letters.
pub fn offsets(letters: &[Letter]) -> FxHashSet<i64> {
    letters.iter().map(|letter| letter.offset).collect()
}

/// A header as text.
pub fn header(record: &Record, name: &str) -> Option<String> {
    let (_, value) = record.headers.iter().find(|(n, _)| n == name)?;
    Some(String::from_utf8_lossy(value).into_owned())
}
