//! Rates, hands, breakers and the night.

use super::*;
use std::sync::atomic::{AtomicBool, Ordering};

/// Most requests that left within any second.
fn most_in_a_second(seen: &[Seen]) -> usize {
    let within = |first: usize| seen[first..].iter().take_while(|s| s.at_ms < seen[first].at_ms + 1_000).count();
    (0..seen.len()).map(within).max().unwrap_or(0)
}

fn ads(bench: &mut Bench, count: usize, customer: &str, channel: Channel) {
    let ads: Vec<_> = (0..count)
        .map(|_| {
            let mut ad = bench.dispatch(Lane::Ad, "kt", customer);
            (ad.accepted.ad, ad.accepted.channel) = (true, channel);
            ad
        })
        .collect();
    bench.append(&ads);
}

#[test]
fn no_ad_leaves_after_nine_and_the_rest_is_held_until_the_morning() {
    let mut bench = Bench::new(vec![Vendor { tps: 100, ..vendor("kt") }]).with_delay();
    // 20:59:30
    bench.clock.advance(Duration::from_millis((9 * HOUR - 30_000) as u64));
    bench.script(|_, _| Some((50, code("1000"))));
    bench.join(Lane::Ad);
    ads(&mut bench, 10_000, "shop", Channel::Mt);
    bench.run(33_000, 50);
    let nine = NOON + 9 * HOUR;
    let seen = bench.seen();
    assert!(seen.iter().all(|s| s.at_ms < nine), "the last left at {:?}", seen.last());
    assert!((2_850..=3_000).contains(&seen.len()), "95 a second or more for 30 s: {}", seen.len());
    assert!(most_in_a_second(&seen) <= 110, "{}", most_in_a_second(&seen));
    let held = bench.of_kind(ResultKind::Wait);
    assert_eq!(held.len() + seen.len(), 10_000, "each is sent or held, within seconds of the night's beginning");
    assert!(held.iter().all(|r| r.state == State::Held && r.due_at == Some(nine + 11 * HOUR) && r.code == "2070"));
}

#[test]
fn a_customer_who_wants_no_held_ads_has_them_failed() {
    let mut bench = Bench::new(vec![vendor("kt")]);
    bench.clock.advance(Duration::from_millis((10 * HOUR) as u64));
    bench.join(Lane::Ad);
    ads(&mut bench, 1, "strict", Channel::Mt);
    bench.turns();
    let results = bench.results();
    assert_eq!((results[0].state, results[0].code.as_str()), (State::Failed, "2070"));
    assert!(bench.seen().is_empty());
}

#[test]
fn an_ad_that_was_marked_in_time_and_met_the_night_is_not_sent() {
    let mut bench = Bench::new(vec![vendor("kt")]);
    bench.clock.advance(Duration::from_millis((9 * HOUR - 1_000) as u64));
    let clock = Arc::clone(&bench.clock);
    bench.script(move |_, _| {
        // The first request takes a millisecond to write.
        clock.advance(Duration::from_millis(1));
        Some((0, code("1000")))
    });
    bench.join(Lane::Ad);
    bench.advance(999);
    let eve = NOON + 9 * HOUR - 1;
    ads(&mut bench, 5, "shop", Channel::Mt);
    bench.turns();
    assert!(!bench.seen().is_empty());
    assert!(bench.seen().iter().all(|s| s.at_ms <= eve));
    assert_eq!(bench.seen().len() + bench.of_kind(ResultKind::Wait).len(), 5);
}

#[test]
fn a_vendor_asked_for_quiet_gets_it_and_the_step_is_repeated_when_it_said() {
    let mut bench = Bench::new(vec![vendor("kt")]).with_delay();
    let mut first = true;
    bench.script(move |_, _| match std::mem::take(&mut first) {
        true => Some((0, Reply::Throttled(Duration::from_secs(3)))),
        false => Some((0, code("1000"))),
    });
    bench.join(Lane::Mass);
    bench.advance(1_000);
    bench.send(1, Lane::Mass, "kt", "shop");
    bench.turns();
    bench.send(10, Lane::Mass, "kt", "shop");
    bench.run(2_900, 100);
    assert_eq!(bench.seen().len(), 1);
    assert_eq!(bench.of_kind(ResultKind::Attempt).len(), 1, "a second request follows only what was recorded");
    bench.run(5_000, 100);
    assert_eq!(bench.of_kind(ResultKind::Final).len(), 11);
    assert!(bench.of_kind(ResultKind::Final).iter().all(|r| r.state == State::Delivered && !r.ambiguous));
}

#[test]
fn a_vendor_that_is_down_gives_its_share_to_another_with_the_same_serial_number() {
    let mut bench = Bench::new(vec![vendor("kt"), vendor("skt")]).with_delay();
    let down = Arc::new(AtomicBool::new(true));
    let is_down = Arc::clone(&down);
    bench.script(move |request, _| match request.vendor.name == "kt" && is_down.load(Ordering::SeqCst) {
        true => Some((0, Reply::NotSent("connection refused".into()))),
        false => Some((0, code("1000"))),
    });
    bench.join(Lane::Mass);
    bench.advance(1_000);
    let mut serials = bench.send(300, Lane::Mass, "kt", "shop");
    bench.run(1_000, 10);
    let ends = bench.of_kind(ResultKind::Final);
    assert_eq!(ends.len(), 300);
    assert!(ends.iter().all(|r| r.state == State::Delivered && r.vendor == "skt" && !r.ambiguous));
    let mut ended: Vec<_> = ends.into_iter().map(|r| r.serial_number).collect();
    serials.sort_unstable();
    ended.sort_unstable();
    assert_eq!(ended, serials);
    let tried = bench.seen().iter().filter(|s| s.vendor == "kt").count();
    bench.send(300, Lane::Mass, "kt", "shop");
    bench.run(1_000, 10);
    let tried_later = bench.seen().iter().filter(|s| s.vendor == "kt").count();
    assert_eq!(tried_later, tried, "its breaker is open");
    down.store(false, Ordering::SeqCst);
    bench.run(10_000, 100);
    for _ in 0..30 {
        bench.send(10, Lane::Mass, "kt", "shop");
        bench.advance(10);
    }
    let through = bench.of_kind(ResultKind::Final).iter().filter(|r| r.vendor == "kt").count();
    assert!(through >= 200, "back after its trials: {through}");
}

#[test]
fn when_no_vendor_is_left_messages_wait_in_delay_and_go_when_one_is_back() {
    let mut bench = Bench::new(vec![vendor("kt")]).with_delay();
    let down = Arc::new(AtomicBool::new(true));
    let is_down = Arc::clone(&down);
    bench.script(move |_, _| match is_down.load(Ordering::SeqCst) {
        true => Some((0, Reply::NotSent("connection refused".into()))),
        false => Some((0, code("1000"))),
    });
    bench.join(Lane::Realtime);
    bench.advance(1_000);
    bench.send(500, Lane::Realtime, "kt", "shop");
    bench.run(60_000, 500);
    assert!(bench.of_kind(ResultKind::Final).is_empty());
    down.store(false, Ordering::SeqCst);
    bench.run(150_000, 500);
    let ends = bench.of_kind(ResultKind::Final);
    assert_eq!(ends.len(), 500);
    assert!(ends.iter().all(|r| r.state == State::Delivered && r.attempt == 1 && !r.ambiguous), "nothing had left");
}

#[test]
fn messages_wait_while_the_key_is_refused_and_the_vendor_is_left_alone() {
    let mut bench = Bench::new(vec![Vendor { codes: CodeTable::Bizgo, ..vendor("dealer") }]).with_delay();
    let revoked = Arc::new(AtomicBool::new(true));
    let is_revoked = Arc::clone(&revoked);
    bench.script(move |_, _| Some((0, code(if is_revoked.load(Ordering::SeqCst) { "common.A401" } else { "A000" }))));
    bench.join(Lane::Realtime);
    bench.advance(1_000);
    bench.send(500, Lane::Realtime, "dealer", "shop");
    bench.run(500, 500);
    let at_first = bench.seen().len();
    bench.run(60_000, 500);
    let asked = bench.seen().len() - at_first;
    assert!(bench.of_kind(ResultKind::Final).is_empty(), "no message ends for it");
    assert!((1..=40).contains(&asked), "trials every ten seconds, and no storm: {asked}");
    revoked.store(false, Ordering::SeqCst);
    bench.run(150_000, 500);
    let ends = bench.of_kind(ResultKind::Final);
    assert_eq!(ends.len(), 500);
    assert!(ends.iter().all(|r| r.state == State::Delivered && r.attempt == 1 && !r.ambiguous));
}

#[test]
fn doubts_that_nobody_can_clear_any_more_say_nothing_of_the_vendor() {
    let mut bench = Bench::new(vec![vendor("kt")]);
    bench.script(|request, _| match request.dispatch.accepted.username.as_str() {
        "old" => Some((0, Reply::Forgotten("a day old".into()))),
        "unheard" => Some((0, Reply::Undecided("HTTP 500".into()))),
        _ => Some((0, code("1000"))),
    });
    bench.join(Lane::Mass);
    bench.advance(1_000);
    bench.send(100, Lane::Mass, "kt", "old");
    bench.turns();
    let ends = bench.of_kind(ResultKind::Final);
    assert_eq!(ends.len(), 100);
    assert!(ends.iter().all(|r| r.state == State::Uncertain));
    bench.send(100, Lane::Mass, "kt", "unheard");
    bench.turns();
    assert_eq!((bench.seen().len(), bench.of_kind(ResultKind::Final).len()), (200, 100), "asked again later");
    bench.send(100, Lane::Mass, "kt", "shop");
    bench.run(1_000, 10);
    let delivered = bench.of_kind(ResultKind::Final).iter().filter(|r| r.state == State::Delivered).count();
    assert_eq!(delivered, 100, "its breaker stayed closed");
}

#[test]
fn nothing_leaves_to_a_vendor_that_is_paused_and_what_it_was_to_get_goes_to_another() {
    let paused = || Vendor { paused: true, ..vendor("kt") };
    let mut bench = Bench::new(vec![paused(), vendor("skt")]).with_delay();
    bench.join(Lane::Mass);
    bench.advance(1_000);
    bench.send(300, Lane::Mass, "kt", "shop");
    bench.run(1_000, 10);
    let ends = bench.of_kind(ResultKind::Final);
    assert_eq!(ends.len(), 300);
    assert!(ends.iter().all(|r| r.state == State::Delivered && r.vendor == "skt"));
    // Alone, it is waited for.
    bench.reload(vec![paused()]);
    bench.send(300, Lane::Mass, "kt", "shop");
    bench.run(60_000, 500);
    assert_eq!(bench.of_kind(ResultKind::Final).len(), 300);
    assert!(bench.seen().iter().all(|seen| seen.vendor == "skt"));
    bench.reload(vec![vendor("kt")]);
    bench.run(150_000, 500);
    let ends = bench.of_kind(ResultKind::Final);
    assert_eq!(ends.len(), 600);
    assert!(ends.iter().all(|r| r.state == State::Delivered && r.attempt == 1 && !r.ambiguous));
}

#[test]
fn what_is_in_doubt_stays_with_its_vendor_even_when_that_is_down() {
    let mut bench = Bench::new(vec![vendor("kt"), vendor("skt")]).with_delay();
    bench.script(|request, _| match request.vendor.name.as_str() {
        "kt" if request.dispatch.in_doubt => Some((0, code("E915"))),
        "kt" => Some((10_000, Reply::NoAnswer("time-out".into()))),
        _ => Some((0, code("1000"))),
    });
    bench.join(Lane::Mass);
    bench.advance(1_000);
    bench.send(100, Lane::Mass, "kt", "shop");
    bench.run(120_000, 500);
    assert!(bench.seen().iter().all(|s| !s.in_doubt || s.vendor == "kt"), "only it can refuse a duplicate");
    let ends = bench.of_kind(ResultKind::Final);
    assert_eq!(ends.len(), 100);
    assert!(ends.iter().all(|r| r.state == State::Uncertain), "taken once, and nobody says more");
}

#[test]
fn a_vendor_that_crawls_does_not_fill_the_hands_of_another() {
    let mut bench = Bench::new(vec![Vendor { max_in_flight: 10, ..vendor("slow") }, vendor("quick")]).with_delay();
    bench.script(|request, _| match request.vendor.name.as_str() {
        "slow" => Some((4_000, code("1000"))),
        _ => Some((0, code("1000"))),
    });
    bench.join(Lane::Mass);
    bench.advance(1_000);
    for n in 0..5_000 {
        let customer = format!("shop {n}");
        bench.send(1, Lane::Mass, "slow", &customer);
    }
    let serials = bench.send(100, Lane::Mass, "quick", "other");
    bench.run(1_000, 10);
    let seen = bench.seen();
    let quick = seen.iter().filter(|s| s.vendor == "quick").count();
    assert_eq!(quick, serials.len(), "they stood behind five thousand for the slow one");
    assert_eq!(seen.iter().filter(|s| s.vendor == "slow").count(), 8);
}

#[test]
fn lanes_of_one_process_share_a_vendors_rate_and_auth_comes_first() {
    let mut bench = Bench::new(vec![Vendor { tps: 200, ..vendor("kt") }]).with_delay();
    bench.join(Lane::Auth);
    bench.join(Lane::Mass);
    bench.advance(1_000);
    bench.send(5_000, Lane::Mass, "kt", "shop");
    let mut sent_at = Vec::new();
    for second in 0..10 {
        sent_at.push((bench.clock.now_ms(), bench.send(1, Lane::Auth, "kt", "bank").remove(0)));
        bench.run(1_000, 10);
        assert!(second < 10);
    }
    let seen = bench.seen();
    for (at_ms, serial) in sent_at {
        let left = seen.iter().find(|s| s.serial_number == serial).expect("an OTP leaves");
        assert!(left.at_ms - at_ms <= 10, "{} ms", left.at_ms - at_ms);
    }
    assert!(most_in_a_second(&seen) <= 220, "{}", most_in_a_second(&seen));
    let bulk = seen.iter().filter(|s| s.customer == "shop").count();
    assert!((1_890..=1_990).contains(&bulk), "all but what is kept for AUTH, for 10 s: {bulk}");
}

#[test]
fn a_code_does_not_wait_for_a_vendor_that_wants_quiet() {
    let mut bench = Bench::new(vec![vendor("one"), vendor("two")]);
    bench.join(Lane::Auth);
    bench.advance(1_000);
    let one = bench.reference.current().vendor(Family::Sms, "one").cloned().unwrap();
    bench.allowance.quiet(&one, Duration::from_secs(60));
    bench.send(1, Lane::Auth, "one", "shop");
    bench.advance(1);
    let seen: Vec<(String, i64)> =
        lock(&bench.vendors.seen).iter().map(|s| (s.vendor.clone(), s.at_ms - NOON)).collect();
    assert_eq!(seen, [("two".to_owned(), 1_001)]);
}

#[test]
fn a_changed_rate_holds_from_the_next_request_on_whatever_is_under_way() {
    let with = |tps| vec![Vendor { tps, ..vendor("kt") }];
    let mut bench = Bench::new(with(500)).with_delay();
    // Answers to requests of the old rate come as long as the new one is watched.
    bench.script(|_, _| Some((4_000, code("1000"))));
    bench.join(Lane::Mass);
    bench.advance(1_000);
    bench.send(8_000, Lane::Mass, "kt", "shop");
    bench.run(4_000, 10);
    for (tps, expected) in [(100, 285..=300), (500, 1_425..=1_500)] {
        bench.reload(with(tps));
        // The last second's requests count in the new rate, too.
        bench.run(1_000, 10);
        let before = bench.seen().len();
        bench.run(3_000, 10);
        let left = bench.seen().len() - before;
        assert!(expected.contains(&left), "all but what is kept for AUTH, for 3 s at {tps}: {left}");
    }
}

#[test]
fn what_a_vendor_was_not_asked_about_says_nothing_of_its_health() {
    let mut bench = Bench::new(vec![vendor("kt")]).with_delay();
    bench.script(|request, _| match request.dispatch.accepted.username.as_str() {
        "unfit" => Some((0, code("3009").unasked())),
        _ => Some((0, Reply::NotSent("connection refused".into()))),
    });
    bench.join(Lane::Mass);
    bench.advance(1_000);
    bench.send(100, Lane::Mass, "kt", "unfit");
    bench.turns();
    bench.send(30, Lane::Mass, "kt", "shop");
    bench.turns();
    let ends = bench.of_kind(ResultKind::Final);
    assert_eq!(ends.len(), 100);
    assert!(ends.iter().all(|r| r.state == State::Failed && r.sent_at.is_none()), "nothing left");
    let asked = bench.seen().len();
    bench.send(50, Lane::Mass, "kt", "shop");
    bench.turns();
    assert_eq!(bench.seen().len(), asked, "its breaker is open");
}

/// Steps of a sender number, as the router writes them.
fn numbered(bench: &mut Bench, count: usize, lane: Lane, vendor: &str, number: &str) {
    let mut dispatches: Vec<_> = (0..count).map(|_| bench.dispatch(lane, vendor, "shop")).collect();
    dispatches.iter_mut().for_each(|dispatch| dispatch.accepted.content.callback = Some(number.into()));
    bench.append(&dispatches);
}

#[test]
fn a_number_that_a_vendor_refuses_is_not_asked_about_again_but_now_and_then() {
    let slow = Vendor { max_in_flight: 10, ..vendor("kt") };
    let mut bench = Bench::new(vec![slow, vendor("sk")]);
    let asked = |bench: &Bench, vendor: &str| bench.seen().iter().filter(|seen| seen.vendor == vendor).count();
    bench.script(|request, _| {
        let refused = request.dispatch.accepted.content.callback.as_deref() == Some("0215880000");
        Some((10, code(if refused && request.vendor.name == "kt" { "3019" } else { "1000" })))
    });
    bench.join(Lane::Mass);
    bench.join(Lane::Auth);
    numbered(&mut bench, 500, Lane::Mass, "kt", "0215880000");
    numbered(&mut bench, 20, Lane::Mass, "sk", "0215880000");
    numbered(&mut bench, 20, Lane::Mass, "kt", "0215881588");
    bench.run(2_000, 10);
    let ended = bench.of_kind(ResultKind::Final);
    let refused: Vec<_> = ended.iter().filter(|result| result.code == "3019").collect();
    assert_eq!((ended.len(), refused.len()), (540, 500), "all of it ended, with the vendor's code");
    assert!(refused.iter().all(|result| result.fallback_allowed && result.state == State::Failed));
    assert!(asked(&bench, "kt") < 20 + 20, "what was in flight, and the other number");
    assert_eq!(asked(&bench, "sk"), 20, "another vendor's affair");

    let before = asked(&bench, "kt");
    numbered(&mut bench, 5, Lane::Auth, "kt", "0215880000");
    bench.run(100, 10);
    assert_eq!(asked(&bench, "kt") - before, 5, "codes are always asked about");

    bench.script(|_, _| Some((10, code("1000"))));
    bench.advance(processors::stops::TRIAL_EVERY_MS);
    numbered(&mut bench, 50, Lane::Mass, "kt", "0215880000");
    bench.turns();
    assert_eq!(asked(&bench, "kt") - before, 6, "one tries");
    bench.run(200, 10);
    numbered(&mut bench, 50, Lane::Mass, "kt", "0215880000");
    bench.run(200, 10);
    assert_eq!(asked(&bench, "kt") - before, 56, "it passed: so do all after it");
    assert!(bench.allowance.stopped().is_empty());
}
