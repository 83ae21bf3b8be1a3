//! What /health/ready says: every stream with its state, and what is not certain although all work.

use crate::{groups::Refused, reload::Stale, without_redis::Degraded};
use connectors::claims::Doubt;
use serde::Serialize;
use std::collections::BTreeMap;
use topology::{
    engine::status::{self, Status},
    send::Stands,
};

/// Whether this process does its work.
#[derive(Debug, Serialize)]
pub struct Health {
    /// Every stream works.
    pub ready: bool,
    streams: Vec<Stream>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_doubt: Option<InDoubt>,
    /// The reference data in force are those of before: the work goes on with them.
    #[serde(skip_serializing_if = "Option::is_none")]
    old_reference: Option<Stale>,
    /// Routing groups without the topics of their own: their messages go over those of all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused_groups: Vec<Refused>,
    /// Something is away without which the work goes on with less.
    #[serde(skip_serializing_if = "Option::is_none")]
    degraded: Option<Degraded>,
    /// How the vendors stand that this process sends to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vendors: Vec<Stands>,
}

/// Claims of message ids that Redis lost: the work goes on, duplicates of before may be accepted.
#[derive(Debug, Serialize)]
struct InDoubt {
    cause: &'static str,
    /// Unix milliseconds.
    known_since_ms: i64,
    /// Of this process, since then.
    new_claims: u64,
}

#[derive(Debug, Serialize)]
struct Stream {
    name: String,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    waits: Option<Waits>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restored: Option<Restored>,
}

#[derive(Debug, Serialize)]
struct Waits {
    /// What is away.
    dependency: String,
    cause: String,
    for_ms: u64,
}

/// How much of its state is there, in offsets of the topic that keeps it.
#[derive(Debug, Serialize)]
struct Restored {
    done: i64,
    of: i64,
}

impl Health {
    /// Reads the board. A process without streams is not ready: it has not started them yet. Neither a doubt
    /// nor old reference data nor a refused group nor a lack of Redis nor a vendor's bad day make one unready: who cannot
    /// work without says so as a stream that waits.
    pub fn of(board: BTreeMap<String, Status>, doubt: Option<Doubt>, old_reference: Option<Stale>) -> Self {
        let ready = !board.is_empty() && board.values().all(|status| *status == Status::Ready);
        let in_doubt = doubt.map(|Doubt { since_ms, claims }| InDoubt {
            cause: "not all message ids of the last 24 hours are known: duplicates of before may be accepted",
            known_since_ms: since_ms,
            new_claims: claims,
        });
        Self {
            ready,
            streams: board.into_iter().map(Stream::of).collect(),
            in_doubt,
            old_reference,
            refused_groups: Vec::new(),
            degraded: None,
            vendors: Vec::new(),
        }
    }

    /// With the routing groups whose topics are refused.
    pub fn with_refused(self, refused_groups: Vec<Refused>) -> Self {
        Self { refused_groups, ..self }
    }

    /// With what goes on with less.
    pub fn with_lack(self, degraded: Option<Degraded>) -> Self {
        Self { degraded, ..self }
    }

    /// With how the vendors stand.
    pub fn with_vendors(self, vendors: Vec<Stands>) -> Self {
        Self { vendors, ..self }
    }
}

impl Stream {
    fn of((name, status): (String, Status)) -> Self {
        let (state, waits, restored) = match status {
            Status::Starting => ("starting", None, None),
            Status::Ready => ("ready", None, None),
            Status::Ended => ("ended", None, None),
            Status::Restoring(status::Restored { done, of }) => ("restoring", None, Some(Restored { done, of })),
            Status::Waiting { dependency, cause, since } => {
                let for_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
                ("waiting", Some(Waits { dependency, cause, for_ms }), None)
            }
        };
        Self { name, state, waits, restored }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;
    use topology::send::How;

    fn board(streams: &[(&str, Status)]) -> BTreeMap<String, Status> {
        streams.iter().map(|(name, status)| ((*name).to_owned(), status.clone())).collect()
    }

    #[test]
    fn one_stream_that_waits_makes_the_process_not_ready_and_says_for_what() {
        let waiting =
            Status::Waiting { dependency: "claims".into(), cause: "connection refused".into(), since: Instant::now() };
        let health = Health::of(board(&[("ingest-AUTH", waiting), ("router-AUTH", Status::Ready)]), None, None);
        assert!(!health.ready);
        let text = serde_json::to_string(&health).unwrap();
        assert!(text.contains(r#""dependency":"claims","cause":"connection refused""#), "{text}");
        assert!(text.contains(r#"{"name":"router-AUTH","state":"ready"}"#), "{text}");
    }

    #[test]
    fn a_process_is_ready_when_each_of_its_streams_is() {
        assert!(!Health::of(BTreeMap::new(), None, None).ready);
        assert!(!Health::of(board(&[("a", Status::Ready), ("b", Status::Starting)]), None, None).ready);
        assert!(!Health::of(board(&[("a", Status::Ready), ("b", Status::Ended)]), None, None).ready);
        assert!(Health::of(board(&[("a", Status::Ready), ("b", Status::Ready)]), None, None).ready);
    }

    #[test]
    fn one_stream_that_restores_makes_the_process_not_ready_and_says_how_far_it_is() {
        let restoring = Status::Restoring(status::Restored { done: 50_000, of: 120_000 });
        let health = Health::of(board(&[("outcome-MASS", restoring), ("a", Status::Ready)]), None, None);
        assert!(!health.ready);
        let told = serde_json::json!([{"name": "a", "state": "ready"},
            {"name": "outcome-MASS", "state": "restoring", "restored": {"done": 50_000, "of": 120_000}}]);
        assert_eq!(serde_json::to_value(&health).unwrap()["streams"], told);
    }

    #[test]
    fn what_is_in_doubt_is_told_and_leaves_the_process_ready() {
        let health = Health::of(board(&[("a", Status::Ready)]), Some(Doubt { since_ms: 7, claims: 3 }), None);
        assert!(health.ready);
        let text = serde_json::to_string(&health).unwrap();
        assert!(text.contains("duplicates") && text.contains(r#""known_since_ms":7,"new_claims":3"#), "{text}");
    }

    #[test]
    fn old_reference_data_are_told_and_leave_the_process_ready() {
        let stale = Stale { cause: "reference store is away: refused".into(), since_ms: 7 };
        let health = Health::of(board(&[("a", Status::Ready)]), None, Some(stale));
        assert!(health.ready);
        let text = serde_json::to_string(&health).unwrap();
        assert!(
            text.contains(r#""old_reference":{"cause":"reference store is away: refused","since_ms":7}"#),
            "{text}"
        );
    }

    #[test]
    fn a_vendors_bad_day_is_told_and_leaves_the_process_ready() {
        let stands = Stands {
            vendor: "dealer".into(),
            state: How::NotReached,
            reached: Some(false),
            breaker: "open",
            since_ms: Some(7),
            why: Some("connection refused".into()),
            in_flight: 0,
            waiting: 3,
        };
        let health = Health::of(board(&[("a", Status::Ready)]), None, None).with_vendors(vec![stands]);
        assert!(health.ready);
        let page = serde_json::to_value(&health).unwrap();
        let told = serde_json::json!([{"vendor": "dealer", "state": "not_reached", "reached": false, "breaker": "open",
            "since_ms": 7, "why": "connection refused", "in_flight": 0, "waiting": 3}]);
        assert_eq!(page["vendors"], told);
    }
}
