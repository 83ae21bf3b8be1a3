//! Partitions come and go while requests are in flight.

use super::*;
use crate::send::CAPACITY;
use metrics_exporter_prometheus::PrometheusBuilder;

/// How many requests each step got.
fn requests(bench: &Bench) -> std::collections::BTreeMap<String, usize> {
    let mut counts = std::collections::BTreeMap::new();
    bench.seen().into_iter().for_each(|s| *counts.entry(s.serial_number).or_default() += 1);
    counts
}

#[test]
fn partitions_go_when_the_last_answer_is_in_the_log() {
    let mut bench = Bench::new(vec![vendor("kt")]);
    bench.script(|_, _| Some((500, code("1000"))));
    bench.join(Lane::Mass);
    bench.advance(1_000);
    bench.send(1_000, Lane::Mass, "kt", "shop");
    bench.turns();
    assert_eq!(bench.seen().len(), 1_000);
    bench.join(Lane::Mass);
    bench.send(100, Lane::Mass, "kt", "shop");
    bench.turns();
    assert_eq!(bench.seen().len(), 1_000, "nothing leaves while partitions are about to go");
    bench.run(2_000, 100);
    assert_eq!(bench.of_kind(ResultKind::Final).len(), 1_100);
    assert_eq!(bench.results().len(), 1_100, "none was in doubt");
    assert!(requests(&bench).values().all(|n| *n == 1));
}

#[test]
fn answers_that_come_after_the_partitions_went_are_dropped() {
    let mut bench = Bench::new(vec![vendor("kt")]);
    bench.script(silent);
    bench.join(Lane::Mass);
    bench.advance(1_000);
    bench.send(300, Lane::Mass, "kt", "shop");
    bench.turns();
    let first = bench.seen();
    bench.script(delivered);
    bench.join(Lane::Mass);
    bench.run(2_500, 100);
    let doubted = bench.of_kind(ResultKind::Attempt);
    assert!(!doubted.is_empty() && doubted.len() < 300, "one of three partitions went: {}", doubted.len());
    bench.say(0, &first, &code("1000"));
    bench.turns();
    let ends: Vec<_> = bench.of_kind(ResultKind::Final).into_iter().map(|r| r.serial_number).collect();
    assert_eq!(ends.len(), 300 - doubted.len(), "what stayed is answered, without doubt");
    assert!(doubted.iter().all(|r| !ends.contains(&r.serial_number)), "what went is its next owner's");
}

#[test]
fn a_rebalance_that_brings_the_same_partitions_back_puts_nothing_in_doubt() {
    let mut bench = Bench::new(vec![vendor("kt")]);
    bench.script(silent);
    bench.join(Lane::Mass);
    bench.advance(1_000);
    bench.send(10, Lane::Mass, "kt", "shop");
    bench.turns();
    let seen = bench.seen();
    bench.say(0, &seen[..3], &code("1000"));
    bench.log.faults().rebalance("text-MASS");
    bench.run(2_500, 100);
    bench.say(0, &seen[3..], &code("1000"));
    bench.turns();
    let results = bench.results();
    assert_eq!(results.len(), 10);
    assert!(results.iter().all(|r| r.state == State::Delivered && !r.ambiguous));
    assert_eq!(bench.seen().len(), 10);
}

#[test]
fn a_member_that_lost_its_session_sends_nothing_and_commits_nothing() {
    let mut bench = Bench::new(vec![Vendor { tps: 100, ..vendor("kt") }]);
    bench.script(|_, _| Some((10, code("1000"))));
    bench.join(Lane::Mass);
    bench.send(200, Lane::Mass, "kt", "shop");
    bench.run(500, 10);
    let before = bench.seen().len();
    assert!(before > 0 && before < 200);
    let mut zombie = bench.senders.remove(0);
    let line = bench.lines.remove(0);
    bench.join(Lane::Mass);
    assert!(bench.log.faults().expel("text-MASS", 0));
    let results = bench.results().len();
    bench.clock.advance(Duration::from_secs(10));
    // The zombie wakes with requests answered, records held and tokens to spend.
    let launched = zombie.launch();
    assert!(launched.is_err(), "its mark is refused");
    assert_eq!((bench.seen().len(), bench.results().len()), (before, results));
    bench.lines.push(line);
    bench.senders.push(zombie);
    bench.run(10_000, 100);
    assert!(requests(&bench).values().all(|n| *n == 1));
    let ends: Vec<_> = bench.of_kind(ResultKind::Final).into_iter().map(|r| r.serial_number).collect();
    let unique: std::collections::BTreeSet<_> = ends.iter().collect();
    assert_eq!(unique.len(), ends.len());
    assert_eq!(ends.len() + bench.of_kind(ResultKind::Attempt).len(), 200);
}

#[test]
fn a_process_that_stood_still_between_mark_and_request_sends_the_rest_only_after_another_mark() {
    let mut bench = Bench::new(vec![vendor("kt")]);
    let faults = bench.log.faults();
    let mut first = true;
    bench.script(move |_, _| {
        if std::mem::take(&mut first) {
            // Its session ran out while the first request was written.
            faults.expel("text-MASS", 0);
        }
        None
    });
    bench.join(Lane::Mass);
    bench.advance(1_000);
    bench.send(50, Lane::Mass, "kt", "shop");
    bench.senders[0].turn(Duration::ZERO).unwrap();
    assert_eq!(bench.seen().len(), 1);
    bench.script(delivered);
    bench.turns();
    // It joins again, as the next owner of what it had marked itself.
    let doubted = bench.of_kind(ResultKind::Attempt).len();
    assert_eq!(doubted, 49, "marked by a member that is gone; the one in flight is its own and known");
    assert_eq!(bench.seen().len(), 1);
}

#[test]
fn a_full_window_pauses_its_partition_and_nothing_breaks() {
    let mut bench = Bench::with_partitions(vec![vendor("kt")], 1);
    let mut held_back = true;
    bench.script(move |_, _| if std::mem::take(&mut held_back) { None } else { Some((0, code("1000"))) });
    bench.join(Lane::Mass);
    bench.advance(1_000);
    let total = CAPACITY + 3_000;
    bench.send(total, Lane::Mass, "kt", "shop");
    bench.run(2_000, 100);
    let stuck = bench.seen().remove(0);
    assert_eq!(bench.seen().len(), CAPACITY, "no request beyond the window");
    bench.say(0, &[stuck], &code("1000"));
    bench.run(2_000, 100);
    assert_eq!(bench.of_kind(ResultKind::Final).len(), total);
    assert!(requests(&bench).len() == total && requests(&bench).values().all(|n| *n == 1));
}

#[test]
fn what_is_not_done_is_counted_on_by_the_next_owner() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let told = || {
        let page = recorder.handle().render();
        page.lines().find_map(|line| line.strip_prefix("ims_lag_records{stream=\"text-MASS\"} ")).unwrap().to_owned()
    };
    metrics::with_local_recorder(&recorder, || {
        let slow = Vendor { max_in_flight: 1, ..vendor("skt") };
        let mut bench = Bench::with_partitions(vec![vendor("kt"), slow], 1);
        bench.script(|request, _| (request.vendor.name == "kt").then(|| (0, code("1000"))));
        bench.join(Lane::Mass);
        bench.advance(1_000);
        bench.send(3, Lane::Mass, "skt", "shop");
        bench.send(5, Lane::Mass, "kt", "shop");
        bench.run(2_000, 1_000);
        // One in flight and two behind it; the five after them are done.
        assert_eq!((bench.of_kind(ResultKind::Final).len(), &*told()), (5, "3"));

        bench.kill(0);
        bench.join(Lane::Mass);
        bench.run(2_000, 1_000);
        // The one in flight was in doubt and waits elsewhere; of the two behind it one is in flight.
        assert_eq!((bench.of_kind(ResultKind::Attempt).len(), bench.of_kind(ResultKind::Final).len()), (1, 5));
        assert_eq!(told(), "2");
        assert_eq!(bench.seen().len(), 7, "nothing that is done leaves again");
    });
}

#[test]
fn a_graceful_end_waits_for_answers_and_leaves_nothing_in_doubt() {
    let mut bench = Bench::new(vec![vendor("kt")]);
    bench.script(silent);
    bench.join(Lane::Mass);
    bench.advance(1_000);
    bench.send(20, Lane::Mass, "kt", "shop");
    bench.turns();
    bench.say(0, &bench.seen(), &code("1000"));
    let sender: Box<dyn Worker> = Box::new(bench.senders.remove(0));
    sender.finish(Duration::from_secs(5));
    assert_eq!(bench.of_kind(ResultKind::Final).len(), 20);
    bench.lines.remove(0);
    bench.join(Lane::Mass);
    assert_eq!((bench.results().len(), bench.seen().len()), (20, 20));
}

#[test]
fn metadata_of_another_program_stops_the_sender_with_a_word() {
    let mut bench = Bench::with_partitions(vec![vendor("kt")], 1);
    bench.send(1, Lane::Mass, "kt", "shop");
    let spec = StreamSpec {
        name: "text-MASS".into(),
        sources: SOURCES.map(|family| Topic::send(family, Lane::Mass)).to_vec(),
        offsets: Offsets::Log,
        urgent: false,
        produces: true,
    };
    let mut other = bench.log.stream(spec).unwrap();
    let limits = crate::log::Limits { records: 0, bytes: 0, wait: Duration::ZERO };
    other.poll(limits, &mut Vec::new()).unwrap();
    let place = Place { topic: Topic::send(Family::Sms, Lane::Mass), partition: 0 };
    other.mark(&[Position { place, next: 0, metadata: "somebody else's".into() }]).unwrap();
    other.leave();
    bench.enlist(Lane::Mass);
    let halt = bench.senders[0].turn(Duration::ZERO).unwrap_err().to_string();
    assert!(halt.contains("text-MASS: SEND-SMS-MASS/0: the committed metadata is not a sender's"), "{halt}");
    assert!(bench.seen().is_empty());
}
