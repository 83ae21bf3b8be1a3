//! How long the parts of the way took, as a row of latencies keeps it: `["V",31],["W",40,2]`, each phase by its initial, a
//! bucket, and how many unless it is one. A bucket may stand there more than once.

use crate::analysis::Phase;
use rustc_hash::FxHashMap;

/// A batch's part of it.
pub(super) fn text(buckets: &FxHashMap<(Phase, i64), i64>) -> String {
    let entry = |((phase, bucket), count): (&(Phase, i64), &i64)| match count {
        1 => format!("[\"{}\",{bucket}]", phase.initial()),
        _ => format!("[\"{}\",{bucket},{count}]", phase.initial()),
    };
    buckets.iter().map(entry).collect::<Vec<_>>().join(",")
}

/// The buckets of one phase, each with how many.
pub(super) fn buckets_of(phase: Phase, took: &str) -> sqlx::Result<Vec<(i64, i64)>> {
    let entries = took.strip_prefix('[').and_then(|took| took.strip_suffix(']')).unwrap_or_default().split("],[");
    let entry = |text: &str| {
        let mut parts = text.split(',');
        let of = parts.next()?.trim_matches('"') == phase.initial();
        let bucket = parts.next()?.parse().ok()?;
        let count = parts.next().map_or(Some(1), |count| count.parse().ok())?;
        Some((of, (bucket, count)))
    };
    let entries: Option<Vec<_>> = entries.map(entry).collect();
    let entries = entries.ok_or_else(|| sqlx::Error::Decode(format!("no buckets: {took:?}").into()))?;
    Ok(entries.into_iter().filter_map(|(of, entry)| of.then_some(entry)).collect())
}
