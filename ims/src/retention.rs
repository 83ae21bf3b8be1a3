//! Deletes what the stores no longer keep, beside the streams that write them.

use crate::beside::Beside;
use connectors::sql::{Purge, Retention};
use metrics::counter;
use std::{io, time::Duration};
use topology::metrics::PURGED;

/// Between two batches: longer than they take, so that the streams' writes find the stores free.
const BETWEEN_BATCHES: Duration = Duration::from_millis(50);
/// How often it is asked whether it is time, and how long a store that is away is left alone.
const REST: Duration = Duration::from_secs(60);

/// Purges once a day, when there is something to purge.
pub fn begin(retention: Option<Retention>) -> io::Result<Option<Beside>> {
    retention.map(|mut retention| Beside::start("retention", move || turn(&mut retention))).transpose()
}

/// One batch; how long to wait before the next.
fn turn(retention: &mut Retention) -> Duration {
    match retention.turn() {
        Ok(Purge::Going) => return BETWEEN_BATCHES,
        Ok(Purge::Ended(rows)) => {
            counter!(PURGED).increment(rows);
            tracing::info!(rows, "old rows deleted from the stores");
        }
        Ok(Purge::Resting) => {}
        Err(error) => tracing::warn!(%error, "old rows cannot be deleted now: trying again in a minute"),
    }
    REST
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{assemble, config};
    use connectors::{
        reports::{ReportReader, ReportSink},
        sql::Location,
    };
    use processors::ports::{Logged, Move, Sink, Written};
    use schemas::{Channel, Report, Topic};
    use topology::graph::Role;

    #[test]
    fn a_role_purges_the_store_that_it_writes_as_the_configuration_says() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config::load(None, []).unwrap();
        config.store.file = folder.path().join("ims.sqlite");
        let location = Location::file(folder.path().join("ims-reports.sqlite"));
        let topic = Topic::report(Channel::At);
        let days_ago = |days: i64| assemble::now_ms() - days * 86_400_000;
        let report = |(offset, (track_id, requested_at))| {
            let record = Report { track_id: String::from(track_id), requested_at, ..Report::default() };
            Logged { topic, partition: 0, offset, record }
        };
        let batch: Vec<_> = (0..)
            .zip([("1-old", days_ago(181)), ("2-young", days_ago(179)), ("3-new", days_ago(0))])
            .map(report)
            .collect();
        let moves = [Move { topic, partition: 0, from: None, to: 3 }];
        assert_eq!(ReportSink::reports(&location).unwrap().write(&batch, &moves), Ok(Written::Moved));

        let kept = |role| {
            let mut retention = assemble::retention(&config, &[role]).unwrap().unwrap();
            while turn(&mut retention) < REST {}
            let mut reader = ReportReader::open(&location).unwrap();
            ["1-old", "2-young"].map(|track_id| reader.by_track_id(track_id).unwrap().is_some())
        };
        assert_eq!(kept(Role::Store), [true, true], "another role's store");
        assert_eq!(kept(Role::Reports), [false, true]);
        config.store.retention_days = 0;
        assert!(assemble::retention(&config, &[Role::Reports]).unwrap().is_none(), "0 is for ever");
    }
}
