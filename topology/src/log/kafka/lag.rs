//! How far behind a stream is.
//!
//! Offsets alone overstate it: the markers that end transactions take offsets too, so that a reader of everything
//! stands one behind for ever. librdkafka's statistics tell up to where it has looked.

use rustc_hash::FxHashMap;
use serde::Deserialize;
use std::time::Duration;

/// How often librdkafka tells: a kilobyte of JSON for each partition, of which DELAY has hundreds.
pub const REFRESHED_EVERY: Duration = Duration::from_secs(5);

/// What the last statistics say of each partition.
#[derive(Debug, Default)]
pub struct Standings(FxHashMap<String, FxHashMap<i32, Standing>>);

/// What the last statistics say of one partition. Offsets below zero are not known.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Standing {
    /// Records that are fetched and not yet taken.
    fetchq_cnt: i64,
    /// Next offset to be fetched; beyond the last record taken, there is nothing before it when no record is queued.
    next_offset: i64,
    /// One past the last record taken.
    app_offset: i64,
}

#[derive(Deserialize)]
struct Statistics {
    #[serde(default)]
    topics: FxHashMap<String, TopicStatistics>,
}

#[derive(Deserialize)]
struct TopicStatistics {
    partitions: FxHashMap<String, Standing>,
}

impl Standings {
    /// Reads librdkafka's statistics.
    pub fn parse(json: &[u8]) -> Result<Self, serde_json::Error> {
        let statistics: Statistics = serde_json::from_slice(json)?;
        let partitions = |of: TopicStatistics| -> FxHashMap<i32, Standing> {
            // Partition -1 is librdkafka's own, for records without one.
            of.partitions.into_iter().filter_map(|(id, standing)| Some((id.parse().ok()?, standing))).collect()
        };
        Ok(Self(statistics.topics.into_iter().map(|(topic, of)| (topic, partitions(of))).collect()))
    }

    /// Records between a stream's position and the end of a partition, without those that are none.
    pub fn lag(&self, topic: &str, partition: i32, position: i64, end: i64) -> i64 {
        let standing = self.0.get(topic).and_then(|partitions| partitions.get(&partition));
        let from = match standing {
            // Nothing but markers between what was taken and what is fetched next.
            Some(known) if known.fetchq_cnt == 0 && (known.app_offset..known.next_offset).contains(&position) => {
                known.next_offset
            }
            _ => position,
        };
        (end - from).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standings(fetchq_cnt: i64, app_offset: i64, next_offset: i64) -> Standings {
        let json = format!(
            r#"{{"name":"x","topics":{{"API-AUTH":{{"topic":"API-AUTH","partitions":{{
                "0":{{"fetchq_cnt":{fetchq_cnt},"app_offset":{app_offset},"next_offset":{next_offset},"lo_offset":0}},
                "-1":{{"fetchq_cnt":0,"app_offset":-1001,"next_offset":0}}}}}}}}}}"#
        );
        Standings::parse(json.as_bytes()).unwrap()
    }

    #[test]
    fn the_marker_behind_the_last_record_is_no_lag() {
        assert_eq!(standings(0, 10, 11).lag("API-AUTH", 0, 10, 11), 0);
    }

    #[test]
    fn records_that_are_fetched_and_not_taken_are_lag() {
        assert_eq!(standings(5, 10, 16).lag("API-AUTH", 0, 10, 16), 6);
    }

    #[test]
    fn an_older_statistic_does_not_hide_newer_records() {
        assert_eq!(standings(0, 10, 11).lag("API-AUTH", 0, 10, 15), 4);
        assert_eq!(standings(0, 10, 11).lag("API-AUTH", 0, 13, 15), 2);
    }

    #[test]
    fn an_unknown_partition_counts_by_offsets() {
        assert_eq!(Standings::default().lag("API-AUTH", 0, 3, 7), 4);
    }
}
