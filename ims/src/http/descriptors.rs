//! File descriptors: one for each connection that the door takes.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What everything else of a process has open at most: Kafka's connections, stores, logs.
const BESIDES: u64 = 1024;

/// Raises the process's limit as far as it may, and says so when that is not far enough.
pub fn make_room(connections: usize) {
    let limit = getrlimit(Resource::Nofile);
    let (raised, shortage) = room(limit, connections);
    if let Some(current) = raised {
        let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(current), ..limit });
        if let Err(error) = raised {
            tracing::warn!(%error, current, "the limit of file descriptors could not be raised");
        }
    }
    if let Some(shortage) = shortage {
        tracing::warn!("{shortage}");
    }
}

/// The limit to be set, and what is short even then.
fn room(limit: Rlimit, connections: usize) -> (Option<u64>, Option<String>) {
    let needed = connections as u64 + BESIDES;
    let suffices = |limit: Option<u64>| limit.is_none_or(|limit| limit >= needed);
    if suffices(limit.current) {
        return (None, None);
    }
    if suffices(limit.maximum) {
        return (Some(needed), None);
    }
    let most = limit.maximum.unwrap_or(needed);
    let shortage = format!(
        "http.connections = {connections} needs {needed} file descriptors and the process may have {most}: callers beyond \
         these wait. Raise the limit (`ulimit -n {needed}`, LimitNOFILE= of systemd) or lower http.connections"
    );
    (limit.current.is_some_and(|current| current < most).then_some(most), Some(shortage))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_as_far_as_it_may_be_and_what_is_short_is_said() {
        let room = |current, maximum| room(Rlimit { current, maximum }, 10_000);
        assert_eq!(room(Some(11_024), Some(11_024)), (None, None));
        assert_eq!(room(None, None), (None, None));
        assert_eq!(room(Some(1024), None), (Some(11_024), None));
        assert_eq!(room(Some(1024), Some(524_288)), (Some(11_024), None));
        let (raised, shortage) = room(Some(1024), Some(4096));
        assert_eq!(raised, Some(4096));
        let shortage = shortage.unwrap();
        assert!(shortage.contains("may have 4096") && shortage.contains("ulimit -n 11024"), "{shortage}");
        assert_eq!(room(Some(4096), Some(4096)).0, None, "nothing to raise");
    }
}
