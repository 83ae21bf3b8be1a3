//! A message goes through.

use super::*;
use crate::log::memory::{Call, When};
use crate::send::How;

#[test]
fn an_otp_goes_through_in_one_turn() {
    let mut bench = Bench::new(vec![vendor("kt")]);
    bench.join(Lane::Auth);
    bench.advance(1_000);
    let serials = bench.send(1, Lane::Auth, "kt", "bank");
    bench.senders[0].turn(Duration::ZERO).unwrap();
    let results = bench.results();
    assert_eq!(results.len(), 1);
    let StepResult { serial_number, kind, state, code, vendor, attempt, ambiguous, sent_at, .. } = &results[0];
    assert_eq!((serial_number, *kind, *state), (&serials[0], ResultKind::Final, State::Delivered));
    assert_eq!((code.as_str(), vendor.as_str(), *attempt, *ambiguous), ("0000", "kt", 1, false));
    assert_eq!(*sent_at, Some(NOON + 1_000));
    assert!(results[0].dispatch.is_some(), "outcome needs the step");
    bench.turns();
    assert_eq!((bench.seen().len(), bench.results().len()), (1, 1));
}

#[test]
fn a_vendor_that_reports_later_has_only_taken_the_message() {
    let mut bench = Bench::new(vec![Vendor { receipts: true, ..vendor("kt") }]);
    bench.join(Lane::Mass);
    bench.advance(1_000);
    bench.send(1, Lane::Mass, "kt", "shop");
    bench.turns();
    let results = bench.results();
    assert_eq!((results[0].kind, results[0].state), (ResultKind::Sent, State::Sent));
    assert_eq!(results[0].due_at, Some(NOON + 1_000 + 25 * HOUR));
}

#[test]
fn a_final_code_fails_the_step_with_the_vendors_own_words() {
    let mut bench = Bench::new(vec![vendor("kt")]);
    bench.script(|_, _| Some((0, code("3001"))));
    bench.join(Lane::Mass);
    bench.advance(1_000);
    bench.send(1, Lane::Mass, "kt", "shop");
    bench.turns();
    let results = bench.results();
    let StepResult { state, code, vendor_code, fallback_allowed, .. } = &results[0];
    assert_eq!((*state, code.as_str(), vendor_code.as_str()), (State::Failed, "3001", "3001"));
    assert!(*fallback_allowed);
}

#[test]
fn a_retryable_code_is_recorded_and_repeated_out_of_delay() {
    let mut bench = Bench::new(vec![vendor("kt")]).with_delay();
    let mut answers = vec![code("1000"), code("2001")];
    bench.script(move |_, _| Some((0, answers.pop().unwrap())));
    bench.join(Lane::Auth);
    bench.advance(1_000);
    bench.send(1, Lane::Auth, "kt", "bank");
    bench.turns();
    assert_eq!(bench.of_kind(ResultKind::Attempt).len(), 1);
    let (waiting, again) = bench.delayed().remove(0);
    assert_eq!((waiting.due_at, waiting.target.as_str(), waiting.auth), (NOON + 2_000, "SEND-SMS-AUTH", true));
    assert_eq!((again.attempt, again.in_doubt), (2, false));
    bench.run(2_000, 500);
    assert_eq!(
        bench.of_kind(ResultKind::Final).iter().map(|r| (r.state, r.attempt)).collect::<Vec<_>>(),
        [(State::Delivered, 2)]
    );
    assert_eq!(bench.seen().iter().map(|s| s.attempt).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_message_that_expired_does_not_leave() {
    let mut bench = Bench::new(vec![vendor("kt")]);
    bench.join(Lane::Auth);
    bench.advance(1_000);
    let mut late = bench.dispatch(Lane::Auth, "kt", "bank");
    late.accepted.expires_at = NOON + 1_000;
    bench.append(&[late]);
    bench.turns();
    assert!(bench.seen().is_empty());
    let results = bench.results();
    assert_eq!((results[0].state, results[0].code.as_str(), results[0].attempt), (State::Expired, "5010", 0));
}

#[test]
fn a_message_that_expires_while_it_waits_for_its_turn_is_told_so_within_a_second() {
    let mut bench = Bench::new(vec![Vendor { tps: 1, ..vendor("kt") }]);
    bench.join(Lane::Mass);
    let dispatches: Vec<_> = (0..50)
        .map(|_| {
            let mut dispatch = bench.dispatch(Lane::Mass, "kt", "shop");
            dispatch.accepted.expires_at = NOON + 10_000;
            dispatch
        })
        .collect();
    bench.append(&dispatches);
    bench.run(11_000, 100);
    let expired = bench.results().iter().filter(|r| r.state == State::Expired).count();
    assert_eq!(expired + bench.seen().len(), 50);
    assert!(expired >= 39, "at one a second: {expired}");
    assert!(bench.seen().iter().all(|s| s.at_ms < NOON + 10_000));
}

#[test]
fn a_record_that_cannot_be_read_is_set_aside_and_its_message_fails() {
    let mut bench = Bench::new(vec![vendor("kt")]);
    bench.join(Lane::Mass);
    let good = bench.dispatch(Lane::Mass, "kt", "shop");
    let broken = Outgoing {
        topic: Topic::send(Family::Sms, Lane::Mass),
        partition: None,
        key: Some(good.accepted.track_id.clone().into()),
        value: Some(vec![9, 9, 9].into()),
        headers: vec![],
    };
    bench.log.producer().unwrap().append(&[broken]).unwrap();
    bench.turns();
    let results = bench.results();
    assert_eq!((results[0].state, results[0].code.as_str()), (State::Failed, "9999"));
    let mut reader = bench.log.reader().unwrap();
    let place = Place { topic: Topic::send(Family::Sms, Lane::Mass).dead_letters(), partition: 0 };
    assert_eq!(reader.bounds(place).unwrap(), (0, 1));
    bench.advance(1_000);
    bench.send(1, Lane::Mass, "kt", "shop");
    bench.turns();
    assert_eq!(bench.seen().len(), 1, "the lane goes on");
}

#[test]
fn results_and_done_are_one_transaction() {
    for when in [When::Before, When::After] {
        let mut bench = Bench::new(vec![vendor("kt")]);
        bench.join(Lane::Mass);
        bench.advance(1_000);
        bench.log.faults().fail("text-MASS", Call::Commit, 1, when);
        bench.send(5, Lane::Mass, "kt", "shop");
        bench.turns();
        assert_eq!(bench.seen().len(), 5, "{when:?}: nothing is sent twice");
        let results = bench.results();
        assert_eq!(results.len(), 5, "{when:?}: nothing is told twice, and nothing is lost");
        assert!(results.iter().all(|r| r.state == State::Delivered && !r.ambiguous), "{when:?}: its answer is known");
        assert!(bench.senders[0].flights.is_empty(), "{when:?}: and is forgotten when it is in the log");
    }
}

#[test]
fn results_of_bulk_wait_for_more_while_others_wait_for_hands_and_those_of_auth_never() {
    for (lane, gathered) in [(Lane::Mass, true), (Lane::Ad, true), (Lane::Realtime, false), (Lane::Auth, false)] {
        let mut bench = Bench::new(vec![Vendor { max_in_flight: 2, ..vendor("kt") }]);
        bench.join(lane);
        bench.advance(1_000);
        let mut answers = vec![Some((0, code("1000")))];
        bench.script(move |_, _| answers.pop().flatten());
        bench.send(4, lane, "kt", "shop");
        bench.turns();
        assert_eq!(bench.seen().len(), 3, "{lane}: the hand that came back is used at once, the fourth waits for one");
        assert_eq!(bench.results().len(), usize::from(!gathered), "{lane}");
        bench.advance(24);
        assert_eq!(bench.results().len(), usize::from(!gathered), "{lane}");
        bench.advance(1);
        assert_eq!(bench.results().len(), 1, "{lane}: nothing waits for longer than 25 ms");
        bench.advance(HOUR);
        assert_eq!(bench.results().len(), 1, "{lane}");
    }
}

#[test]
fn nothing_leaves_that_is_not_marked_as_started() {
    let mut bench = Bench::new(vec![vendor("kt")]);
    bench.join(Lane::Mass);
    bench.advance(1_000);
    bench.log.faults().fail("text-MASS", Call::Mark, 1, When::Before);
    bench.send(1, Lane::Mass, "kt", "shop");
    bench.senders[0].turn(Duration::ZERO).unwrap();
    assert!(bench.seen().is_empty());
    bench.turns();
    assert_eq!(bench.seen().len(), 1);
    assert!(!bench.results()[0].ambiguous, "it was never started");
}

#[test]
fn a_log_that_is_away_is_waited_for_and_nothing_is_sent_twice() {
    let mut bench = Bench::new(vec![vendor("kt")]);
    bench.script(|_, _| Some((100, code("1000"))));
    bench.join(Lane::Mass);
    bench.advance(1_000);
    bench.send(10, Lane::Mass, "kt", "shop");
    bench.turns();
    bench.send(10, Lane::Mass, "kt", "shop");
    bench.log.faults().away();
    bench.run(30_000, 500);
    assert!(bench.results_while_away().is_empty());
    bench.log.faults().back();
    bench.run(1_000, 100);
    assert_eq!((bench.seen().len(), bench.results().len()), (20, 20));
    assert!(bench.results().iter().all(|r| r.state == State::Delivered && !r.ambiguous));
}

#[test]
fn what_waits_for_a_vendor_that_is_not_reached_is_counted_and_found() {
    let mut bench = Bench::new(vec![vendor("kt")]);
    bench.script(|_, _| Some((0, Reply::NotSent("connection refused".into()))));
    bench.join(Lane::Mass);
    bench.advance(1_000);
    let track_id = bench.send(3, Lane::Mass, "kt", "shop")[0].parse::<Serial>().unwrap().track_id.to_string();
    bench.turns();
    let [stands] = &bench.allowance.stands(&bench.reference.current())[..] else { panic!("one vendor") };
    assert_eq!((stands.state, stands.reached, stands.waiting), (How::NotReached, Some(false), 3));
    assert_eq!(stands.why.as_deref(), Some("connection refused"));
    assert_eq!(bench.allowance.waits(&track_id, None).map(|aside| aside.vendor).as_deref(), Some("kt"));

    bench.reload(vec![Vendor { tps: 1, paused: true, ..vendor("kt") }]);
    bench.send(2, Lane::Mass, "kt", "shop");
    bench.turns();
    let stands = bench.allowance.stands(&bench.reference.current());
    assert_eq!((stands[0].state, stands[0].waiting), (How::Paused, 5));
}

impl Bench {
    fn results_while_away(&self) -> Vec<StepResult> {
        self.log.faults().back();
        let results = self.results();
        self.log.faults().away();
        results
    }
}
