//! What /health/ready says: every stream with its state.

use serde::Serialize;
use std::collections::BTreeMap;
use topology::engine::status::Status;

/// Whether this process does its work.
#[derive(Debug, Serialize)]
pub struct Health {
    /// Every stream works.
    pub ready: bool,
    streams: Vec<Stream>,
}

#[derive(Debug, Serialize)]
struct Stream {
    name: String,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    waits: Option<Waits>,
}

#[derive(Debug, Serialize)]
struct Waits {
    /// What is away.
    dependency: String,
    cause: String,
    for_ms: u64,
}

impl Health {
    /// Reads the board. A process without streams is not ready: it has not started them yet.
    pub fn of(board: BTreeMap<String, Status>) -> Self {
        let ready = !board.is_empty() && board.values().all(|status| *status == Status::Ready);
        Self { ready, streams: board.into_iter().map(Stream::of).collect() }
    }
}

impl Stream {
    fn of((name, status): (String, Status)) -> Self {
        let (state, waits) = match status {
            Status::Starting => ("starting", None),
            Status::Ready => ("ready", None),
            Status::Ended => ("ended", None),
            Status::Waiting { dependency, cause, since } => {
                let for_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
                ("waiting", Some(Waits { dependency, cause, for_ms }))
            }
        };
        Self { name, state, waits }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn board(streams: &[(&str, Status)]) -> BTreeMap<String, Status> {
        streams.iter().map(|(name, status)| ((*name).to_owned(), status.clone())).collect()
    }

    #[test]
    fn one_stream_that_waits_makes_the_process_not_ready_and_says_for_what() {
        let waiting =
            Status::Waiting { dependency: "claims".into(), cause: "connection refused".into(), since: Instant::now() };
        let health = Health::of(board(&[("ingest-AUTH", waiting), ("router-AUTH", Status::Ready)]));
        assert!(!health.ready);
        let text = serde_json::to_string(&health).unwrap();
        assert!(text.contains(r#""dependency":"claims","cause":"connection refused""#), "{text}");
        assert!(text.contains(r#"{"name":"router-AUTH","state":"ready"}"#), "{text}");
    }

    #[test]
    fn a_process_is_ready_when_each_of_its_streams_is() {
        assert!(!Health::of(BTreeMap::new()).ready);
        assert!(!Health::of(board(&[("a", Status::Ready), ("b", Status::Starting)])).ready);
        assert!(!Health::of(board(&[("a", Status::Ready), ("b", Status::Ended)])).ready);
        assert!(Health::of(board(&[("a", Status::Ready), ("b", Status::Ready)])).ready);
    }
}
