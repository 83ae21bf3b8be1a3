//! A process dies with requests in flight.

use super::*;

/// A sender that dies after its requests left, and the next one.
fn crash(policy: InDoubt) -> Bench {
    let mut bench = Bench::new(vec![Vendor { in_doubt: policy, ..vendor("kt") }]);
    bench.script(silent);
    bench.join(Lane::Mass);
    bench.advance(1_000);
    bench.send(3, Lane::Mass, "kt", "shop");
    bench.turns();
    assert_eq!((bench.seen().len(), bench.results().len()), (3, 0));
    bench.kill(0);
    bench.script(delivered);
    bench.join(Lane::Mass);
    bench
}

#[test]
fn the_ambiguity_is_in_the_log_before_a_second_request_leaves() {
    let mut bench = crash(InDoubt::Repeat);
    assert_eq!(bench.seen().len(), 3, "nothing has left again");
    let attempts = bench.of_kind(ResultKind::Attempt);
    assert_eq!(attempts.len(), 3);
    assert!(attempts.iter().all(|a| a.ambiguous && a.attempt == 1 && a.sent_at.is_none()));
    assert!(bench.delayed().iter().all(|(_, again)| again.in_doubt && again.attempt == 2 && again.vendor == "kt"));
    bench = bench.with_delay();
    bench.run(15_000, 500);
    let seen = bench.seen();
    assert!(seen[3..].iter().all(|s| s.attempt == 2 && s.in_doubt));
    assert_eq!(seen.len(), 6);
    let ends = bench.of_kind(ResultKind::Final);
    assert_eq!(ends.len(), 3);
    assert!(ends.iter().all(|r| r.state == State::Delivered && r.ambiguous));
}

#[test]
fn a_duplicate_that_the_vendor_refuses_is_uncertain_not_failed() {
    let mut bench = crash(InDoubt::Repeat).with_delay();
    bench.script(|_, _| Some((0, code("E915"))));
    bench.run(15_000, 500);
    assert!(bench.of_kind(ResultKind::Final).iter().all(|r| r.state == State::Uncertain && !r.fallback_allowed));
    assert_eq!(bench.of_kind(ResultKind::Final).len(), 3);
}

#[test]
fn a_vendor_that_reports_is_waited_for() {
    let bench = crash(InDoubt::Receipt);
    let sent = bench.of_kind(ResultKind::Sent);
    assert_eq!(sent.len(), 3);
    assert!(sent.iter().all(|r| r.ambiguous && r.due_at == Some(NOON + 1_000 + 25 * HOUR)));
    assert_eq!(bench.seen().len(), 3);
}

#[test]
fn a_vendor_that_can_do_neither_leaves_the_message_uncertain() {
    let bench = crash(InDoubt::Uncertain);
    let ends = bench.of_kind(ResultKind::Final);
    assert_eq!(ends.len(), 3);
    assert!(ends.iter().all(|r| r.state == State::Uncertain && r.code == "5030" && r.ambiguous));
    assert_eq!(bench.seen().len(), 3);
}

#[test]
fn a_vendor_that_left_the_reference_data_is_not_asked_again() {
    let mut bench = Bench::new(vec![vendor("kt")]);
    bench.script(silent);
    bench.join(Lane::Mass);
    bench.advance(1_000);
    bench.send(1, Lane::Mass, "kt", "shop");
    bench.turns();
    bench.kill(0);
    let seed = Seed { vendors: vec![vendor("skt")], ..Seed::default() };
    bench.reference = Arc::new(Changing(Mutex::new(Arc::new(Reference::new(seed).unwrap()))));
    bench.join(Lane::Mass);
    assert_eq!(bench.of_kind(ResultKind::Final).iter().map(|r| r.state).collect::<Vec<_>>(), [State::Uncertain]);
}

#[test]
fn a_request_without_an_answer_is_treated_like_one_lost_in_a_crash() {
    for policy in [InDoubt::Repeat, InDoubt::Receipt, InDoubt::Uncertain] {
        let mut bench = Bench::new(vec![Vendor { in_doubt: policy, ..vendor("kt") }]);
        bench.script(|_, _| Some((10_000, Reply::NoAnswer("time-out".into()))));
        bench.join(Lane::Mass);
        bench.advance(1_000);
        bench.send(1, Lane::Mass, "kt", "shop");
        bench.turns();
        bench.run(10_000, 1_000);
        let results = bench.results();
        let expected = match policy {
            // Who repeats, and who asks, waits for his turn.
            InDoubt::Repeat | InDoubt::Query => (ResultKind::Attempt, State::Sent),
            InDoubt::Receipt => (ResultKind::Sent, State::Sent),
            InDoubt::Uncertain => (ResultKind::Final, State::Uncertain),
        };
        assert_eq!(results.len(), 1);
        assert_eq!((results[0].kind, results[0].state), expected);
        assert!(results[0].ambiguous && results[0].sent_at == Some(NOON + 1_000));
    }
}

#[test]
fn what_is_in_doubt_and_expired_is_uncertain() {
    let mut bench = Bench::new(vec![vendor("kt")]).with_delay();
    bench.script(silent);
    bench.join(Lane::Mass);
    bench.advance(1_000);
    let mut dispatch = bench.dispatch(Lane::Mass, "kt", "shop");
    dispatch.accepted.expires_at = NOON + 60_000;
    bench.append(&[dispatch]);
    bench.turns();
    bench.kill(0);
    bench.advance(60_000);
    bench.join(Lane::Mass);
    bench.run(2_000, 500);
    let ends = bench.of_kind(ResultKind::Final);
    assert_eq!(ends.iter().map(|r| r.state).collect::<Vec<_>>(), [State::Uncertain]);
    assert_eq!(bench.seen().len(), 1);
}

#[test]
fn what_was_not_started_is_simply_sent_by_the_next_one() {
    let mut bench = Bench::new(vec![Vendor { max_in_flight: 5, ..vendor("kt") }]);
    bench.script(silent);
    bench.join(Lane::Mass);
    bench.advance(1_000);
    bench.send(20, Lane::Mass, "kt", "shop");
    bench.turns();
    let started = bench.seen().len();
    assert_eq!(started, 4, "one of five hands is kept for AUTH");
    bench.kill(0);
    bench.script(delivered);
    bench.join(Lane::Mass);
    bench.advance(1_000);
    assert_eq!(bench.of_kind(ResultKind::Attempt).len(), started);
    assert_eq!(bench.of_kind(ResultKind::Final).len(), 20 - started);
    assert!(bench.of_kind(ResultKind::Final).iter().all(|r| !r.ambiguous));
}
