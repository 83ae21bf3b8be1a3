//! A server that is killed while it is written to, and comes back.

use super::*;
use crate::sql::testing::Server;
use std::sync::atomic::{AtomicI64, Ordering};

const BATCHES: i64 = 40;
const ROWS: i64 = 100;

/// Writes one batch as a stream does: waits while the store is away, asks where it stands when it is stale.
fn write(sink: &mut HistorySink, batch: i64) {
    let (from, to) = (batch * ROWS, (batch + 1) * ROWS);
    let rows = logged(from, (from as u32..to as u32).map(|id| step(id, State::Delivered)));
    loop {
        match sink.write(&rows, &moved((from > 0).then_some(from), to)) {
            Ok(Written::Moved) => return,
            // Killed between the commit and its answer: the store says which.
            Ok(Written::Stale) => match sink.positions(&[(topic(), 0)]) {
                Ok(positions) => return assert_eq!(positions, [Some(to)]),
                Err(_) => std::thread::yield_now(),
            },
            Ok(Written::Refused(refused)) => panic!("{refused:?}"),
            Err(_) => std::thread::yield_now(),
        }
    }
}

#[test]
fn a_server_that_is_killed_again_and_again_loses_and_doubles_nothing() {
    let Some(server) = Server::start() else { return };
    let store = Store::on(&server.url);
    let (mut sink, written) = (store.sink(), AtomicI64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for batch in 0..BATCHES {
                write(&mut sink, batch);
                written.store(batch + 1, Ordering::SeqCst);
            }
        });
        for kill_after in [5, 15, 25] {
            while written.load(Ordering::SeqCst) < kill_after {
                std::thread::yield_now();
            }
            server.kill_and_restart();
        }
    });
    let day = &store.reader().statistics(KEY, "2026-03-01", "2026-03-01").unwrap()[0];
    assert_eq!((day.total, day.success), (BATCHES * ROWS, BATCHES * ROWS));
    let rows: i64 = store.rows("SELECT count(*) AS n FROM history")[0].get("n").unwrap();
    assert_eq!(rows, BATCHES * ROWS);
}
