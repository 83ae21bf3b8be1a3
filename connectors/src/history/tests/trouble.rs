//! What a server may do to its writers: whatever it is, they wait, and rows and statistics are exact afterwards.

#![allow(clippy::print_stderr, reason = "a test that measures tells what")]

use super::*;
use crate::sql::{Location, testing::Server};
use std::sync::{
    atomic::{AtomicBool, Ordering},
    mpsc,
};
use std::time::{Duration, Instant};

/// Longest wait for a server on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// A server of the test's own, with a database that somebody may write to who has no power over the server.
struct Troubled {
    server: Server,
    store: Store,
    writer: Location,
}

impl Troubled {
    fn start() -> Option<Self> {
        Server::start().map(Self::on)
    }

    fn on(server: Server) -> Self {
        let store = Store::on(&server.url);
        store.execute("CREATE USER writer@'127.0.0.1' IDENTIFIED BY 'w'");
        store.execute("GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, DROP ON *.* TO writer@'127.0.0.1'");
        let (_, place) = server.url.split_once('@').unwrap();
        let (place, _) = place.split_once('/').unwrap();
        let name: String = store.rows("SELECT DATABASE() AS name")[0].get("name").unwrap();
        let writer = Location::server(&format!("mysql://writer:w@{place}/{name}"), None).unwrap();
        Self { server, store, writer }
    }

    fn sink(&self) -> HistorySink {
        HistorySink::history(&self.writer, cipher()).unwrap()
    }

    /// Connections of the writer.
    fn connections(&self) -> Vec<i64> {
        let text = "SELECT ID AS id FROM information_schema.PROCESSLIST WHERE USER = 'writer'";
        self.store.rows(text).iter().map(|row| row.get("id").unwrap()).collect()
    }

    /// Rows and statistics say the same, and this.
    fn holds(&self, messages: i64) {
        let rows: i64 = self.store.rows("SELECT count(*) AS n FROM history")[0].get("n").unwrap();
        let counted = self.store.reader().statistics(KEY, "2026-03-01", "2026-03-01").unwrap();
        let counted = counted.first().map_or((0, 0), |day| (day.total, day.success));
        assert_eq!((rows, counted), (messages, (messages, messages)));
    }
}

fn batch(from: u32, to: u32) -> Vec<Logged<History>> {
    logged(i64::from(from), (from..to).map(|id| step(id, State::Delivered)))
}

/// Writes until it is written, as a stream does.
fn patiently(sink: &mut HistorySink, rows: &[Logged<History>], moves: &[Move]) {
    let end = Instant::now() + PATIENCE;
    loop {
        match sink.write(rows, moves) {
            Ok(Written::Moved) => return,
            // Cut between the commit and its answer.
            Ok(Written::Stale) if sink.positions(&[(topic(), 0)]) == Ok(vec![Some(moves[0].to)]) => return,
            Ok(other) => assert!(matches!(other, Written::Stale), "{other:?}"),
            Err(away) => assert!(Instant::now() < end, "{away}"),
        }
    }
}

#[test]
fn a_server_that_is_read_only_for_a_while_has_all_in_the_end() {
    let Some(troubled) = Troubled::start() else { return };
    let mut sink = troubled.sink();
    assert_eq!(sink.write(&batch(0, 300), &moved(None, 300)), Ok(Written::Moved));
    troubled.store.execute("SET GLOBAL read_only = 1");
    for _ in 0..2 {
        let away = sink.write(&batch(300, 600), &moved(Some(300), 600)).unwrap_err();
        assert!(away.cause.contains("read-only"), "{away}");
        assert_eq!(sink.positions(&[(topic(), 0)]).unwrap(), [Some(300)], "reading goes on");
    }
    troubled.holds(300);
    troubled.store.execute("SET GLOBAL read_only = 0");
    assert_eq!(sink.write(&batch(300, 600), &moved(Some(300), 600)), Ok(Written::Moved));
    troubled.holds(600);
}

#[test]
fn a_server_with_too_many_connections_is_away_until_one_is_free() {
    let Some(troubled) = Troubled::start() else { return };
    let mut sink = troubled.sink();
    assert_eq!(sink.write(&batch(0, 300), &moved(None, 300)), Ok(Written::Moved));
    // The fewest that a server can be told to have. The next one of the writer's own finds none free.
    troubled.store.execute("SET GLOBAL max_connections = 10");
    for id in troubled.connections() {
        troubled.store.execute(&format!("KILL {id}"));
    }
    let mut others = Vec::new();
    while let Ok(reader) = HistoryReader::open(&troubled.writer, cipher()) {
        others.push(reader);
        assert!(others.len() <= 10);
    }
    // The first try tells that the connection is gone, the next that there is none to be had.
    let told: Vec<String> =
        (0..2).map(|_| sink.write(&batch(300, 600), &moved(Some(300), 600)).unwrap_err().cause).collect();
    assert!(told[1].contains("Too many connections"), "{told:?}");
    others.clear();
    patiently(&mut sink, &batch(300, 600), &moved(Some(300), 600));
    troubled.holds(600);
}

#[test]
fn a_full_disk_is_waited_for_and_so_is_a_server_that_died_of_it() {
    let Some((server, ballast)) = Server::on_small_disk(96) else { return };
    let troubled = Troubled::on(server);
    let mut sink = troubled.sink();
    let lot = |n: u32| {
        (batch(n * 500, n * 500 + 500), moved((n > 0).then_some(i64::from(n) * 500), i64::from(n) * 500 + 500))
    };
    let write = |sink: &mut HistorySink, n: u32| {
        let (rows, moves) = lot(n);
        sink.write(&rows, &moves)
    };
    assert_eq!(write(&mut sink, 0), Ok(Written::Moved));
    // All the room there is, to the last kilobyte.
    let mut file = std::fs::File::create(&ballast).unwrap();
    while std::io::Write::write_all(&mut file, &[0; 1024]).is_ok() {}
    drop(file);
    // Some still goes into pages that the tables have already. InnoDB dies when it finds no room to take a batch back.
    let (refused, full) = (1..400).find_map(|n| write(&mut sink, n).err().map(|away| (away, n))).expect("it is full");
    eprintln!("full after {full} batches: {}", refused.cause);
    assert!(write(&mut sink, full).is_err(), "still full");
    std::fs::remove_file(&ballast).unwrap();
    for n in full..full + 2 {
        let (rows, moves) = lot(n);
        patiently(&mut sink, &rows, &moves);
    }
    troubled.holds(i64::from(full + 2) * 500);
}

#[test]
fn the_victim_of_a_deadlock_writes_again() {
    let Some(troubled) = Troubled::start() else { return };
    let mut sink = troubled.sink();
    let both = |from: Option<i64>, to| [0, 1].map(|partition| Move { partition, ..moved(from, to)[0] });
    assert_eq!(sink.write(&batch(0, 300), &both(None, 300)), Ok(Written::Moved));
    // Somebody who changed more rows than the sink has by then: the server ends the one who changed fewer.
    let mut other = crate::sql::Database::connect(&troubled.store.location, &HistoryTable::SCHEMA).unwrap();
    let (locked, is_locked) = mpsc::channel();
    let (done, told) = std::thread::scope(|scope| {
        let (sink, moves) = (&mut sink, both(Some(300), 600));
        let writing = scope.spawn(move || {
            is_locked.recv().unwrap();
            sink.write(&batch(300, 600), &moves)
        });
        let done = other.transact(
            async |connection| {
                connection.execute("UPDATE history SET bill_code = 'B-2'").await?;
                connection.execute("UPDATE offsets SET next = next WHERE `partition` = 1").await?;
                connection.execute("SELECT * FROM offsets WHERE `partition` = 1 FOR UPDATE").await?;
                locked.send(()).unwrap();
                // Until the sink waits for partition 1, with partition 0 in hand.
                let waits = "SELECT count(*) AS n FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'";
                let end = Instant::now() + PATIENCE;
                while connection.query(waits).fetch_one().await?.get::<i64>("n")? == 0 {
                    assert!(Instant::now() < end, "the sink waits for nothing");
                    // The table is made anew when nobody has asked for a tenth of a second.
                    std::thread::park_timeout(Duration::from_millis(150));
                }
                connection.execute("SELECT * FROM offsets WHERE `partition` = 0 FOR UPDATE").await
            },
            |()| false,
        );
        (done, writing.join().unwrap())
    });
    match (&done, &told) {
        (Ok(()), Err(away)) => assert!(away.cause.contains("Deadlock"), "{away}"),
        other => panic!("the sink was to be the victim: {other:?}"),
    }
    troubled.holds(300);
    assert_eq!(sink.write(&batch(300, 600), &both(Some(300), 600)), Ok(Written::Moved));
    troubled.holds(600);
}

#[test]
fn a_writer_that_is_cut_off_at_any_moment_stores_each_batch_once() {
    let Some(troubled) = Troubled::start() else { return };
    const CUTS: u32 = 20;
    let mut sink = troubled.sink();
    let (ended, mut cuts) = (AtomicBool::new(false), 0);
    let batches = std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            for n in 0.. {
                let (from, to) = (n * 100, n * 100 + 100);
                patiently(&mut sink, &batch(from, to), &moved((n > 0).then_some(i64::from(from)), to.into()));
                if ended.load(Ordering::Relaxed) {
                    return n + 1;
                }
            }
            unreachable!("it is cut off before");
        });
        let connected = "SELECT ID AS id FROM information_schema.PROCESSLIST WHERE USER = 'writer'";
        let mut killer = crate::sql::Database::connect(&troubled.store.location, &HistoryTable::SCHEMA).unwrap();
        let end = Instant::now() + PATIENCE;
        while cuts < CUTS && Instant::now() < end {
            let cut = killer.run(async |connection| {
                let Some(row) = connection.query(connected).fetch_optional().await? else { return Ok(0) };
                let id: i64 = row.get("id")?;
                // It may have gone by itself.
                let _ = connection.execute(&format!("KILL {id}")).await;
                Ok(1)
            });
            cuts += cut.unwrap();
            // Some get through.
            std::thread::park_timeout(Duration::from_millis(10 + u64::from(cuts) % 40));
        }
        ended.store(true, Ordering::Relaxed);
        writing.join().unwrap()
    });
    assert!(cuts >= CUTS, "{cuts} cuts in {batches} batches");
    troubled.holds(i64::from(batches) * 100);
}

/// Stands still after the rows and before the commit, until it is told to go on: a process that gets SIGSTOP.
struct Stopped(HistoryTable, mpsc::Sender<()>, mpsc::Receiver<()>);

impl Table for Stopped {
    type Record = History;
    const SCHEMA: Schema = HistoryTable::SCHEMA;

    async fn write(&mut self, connection: &mut Connection, batch: &[Logged<History>]) -> sqlx::Result<Vec<Refused>> {
        let refused = self.0.write(connection, batch).await?;
        self.1.send(()).unwrap();
        self.2.recv().unwrap();
        Ok(refused)
    }
}

#[test]
fn a_writer_that_stands_still_connected_is_taken_over_and_changes_nothing_when_it_wakes() {
    let Some(troubled) = Troubled::start() else { return };
    let mut successor = troubled.sink();
    assert_eq!(successor.write(&batch(0, 300), &moved(None, 300)), Ok(Written::Moved));
    let ((stands, is_standing), (go, wakes)) = (mpsc::channel(), mpsc::channel());
    let table = Stopped(HistoryTable::new(Dialect::MySql, cipher()), stands, wakes);
    let mut stopped = SqlSink::open(&troubled.writer, table).unwrap();
    std::thread::scope(|scope| {
        // Ends with a test that fails, and lets it go.
        let go = go;
        let stopped = scope.spawn(move || stopped.write(&batch(300, 600), &moved(Some(300), 600)));
        is_standing.recv().unwrap();
        let began = Instant::now();
        // It holds the position's row: the successor waits until the server has given it up.
        patiently(&mut successor, &batch(300, 500), &moved(Some(300), 500));
        eprintln!("taken over after {:?}", began.elapsed());
        go.send(()).unwrap();
        let woken = stopped.join().unwrap();
        assert!(woken.is_err(), "{woken:?}");
    });
    troubled.holds(500);
    assert_eq!(successor.write(&batch(500, 600), &moved(Some(500), 600)), Ok(Written::Moved));
    troubled.holds(600);
    drop(troubled.server);
}
