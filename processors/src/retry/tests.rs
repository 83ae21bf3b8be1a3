use super::*;
use crate::fixtures::*;
use crate::night::Night;
use crate::reference::{CodeTable, InDoubt, Protocol, Reference, Seed};
use proptest::prelude::*;
use schemas::{Accepted, Channel, FallbackStep, Family, Lane, MessageType, Serial};
use std::time::Duration;

fn dispatch(accepted: Accepted, priority: Lane) -> Dispatch {
    let serial = Serial { track_id: track_id(7), step: 0, priority };
    Dispatch {
        serial_number: serial.to_string(),
        priority,
        vendor: "first".into(),
        attempt: 1,
        in_doubt: false,
        tried: Vec::new(),
        tokens_done: Vec::new(),
        throttled: 0,
        reached: false,
        routed_at: NOON,
        accepted,
    }
}

fn at(lane: Lane) -> Dispatch {
    dispatch(message(Channel::At, MessageType::At, lane), lane)
}

fn ad(channel: Channel, message_type: MessageType) -> Dispatch {
    dispatch(Accepted { ad: true, ..message(channel, message_type, Lane::Ad) }, Lane::Ad)
}

fn with_plan(mut dispatch: Dispatch) -> Dispatch {
    dispatch.accepted.fallback = vec![FallbackStep { channel: "MT".into(), ..FallbackStep::default() }];
    dispatch
}

/// A situation: the vendors, which of them are down, the moment.
struct Given {
    vendors: Vec<Vendor>,
    down: Vec<&'static str>,
    now_ms: i64,
}

impl Given {
    fn desk<T>(&self, look: impl FnOnce(&Desk<'_>) -> T) -> T {
        let reference = Reference::new(Seed { vendors: self.vendors.clone(), ..seed() }).unwrap();
        let (night, paces) = (Night::default(), Paces::default());
        let rules = Rules { reference: &reference, night: &night };
        look(&Desk { rules, paces: &paces, down: &|name| self.down.contains(&name), now_ms: self.now_ms })
    }

    fn plan(&self, reply: &Reply, dispatch: &Dispatch) -> Plan {
        let vendor = self.vendors.iter().find(|vendor| vendor.name == dispatch.vendor).unwrap();
        self.desk(|desk| plan(reply, dispatch, vendor, desk))
    }

    fn again(&self, reply: &Reply, dispatch: &Dispatch) -> Again {
        match self.plan(reply, dispatch).after {
            After::Again(again) => again,
            other => panic!("{other:?}"),
        }
    }
}

fn one() -> Given {
    Given { vendors: vec![vendor("first", 1)], down: Vec::new(), now_ms: NOON }
}

fn two() -> Given {
    Given { vendors: vec![vendor("first", 1), vendor("second", 1)], ..one() }
}

fn code(code: &str) -> Reply {
    Reply::Code { code: code.into(), text: "words of the vendor".into() }
}

fn not_sent() -> Reply {
    Reply::NotSent("connection refused".into())
}

fn no_answer() -> Reply {
    Reply::NoAnswer("timed out".into())
}

fn failed(fallback_allowed: bool) -> After {
    After::End { state: State::Failed, fallback_allowed }
}

const EXPIRED: After = After::End { state: State::Expired, fallback_allowed: false };

#[test]
fn success_ends_the_step_unless_the_vendor_reports_later() {
    let plan = one().plan(&code("0000"), &at(Lane::Mass));
    assert_eq!(plan.after, After::End { state: State::Delivered, fallback_allowed: false });
    assert_eq!((plan.said.code.as_str(), plan.said.vendor_code.as_str(), plan.asked), ("0000", "0000", true));
    let receipt_hours_of = [(Family::At, 80)].into();
    let later = Vendor { receipts: true, receipt_hours_of, ..vendor("first", 1) };
    let plan = Given { vendors: vec![later], ..one() }.plan(&code("0000"), &at(Lane::Mass));
    assert_eq!(plan.after, After::Sent { due_ms: NOON + 80 * HOUR });
}

#[test]
fn a_final_code_passes_through_and_says_whether_the_next_step_may_follow() {
    let plan = one().plan(&code("3018"), &at(Lane::Auth));
    assert_eq!(plan.after, failed(true));
    assert_eq!((plan.said.origin, plan.said.code.as_str()), (Origin::Vendor, "3018"));
    assert_eq!(one().plan(&code("3008"), &at(Lane::Auth)).after, failed(false));
    assert_eq!(one().plan(&code("1007"), &at(Lane::Auth)).after, failed(true));
    assert_eq!(one().plan(&code("3020"), &at(Lane::Auth)).after, failed(true));
    assert_eq!(one().plan(&code("3020"), &ad(Channel::Ft, MessageType::Ft)).after, failed(false));
}

#[test]
fn a_code_nobody_knows_is_reported_with_the_vendors_words_and_not_repeated() {
    let plan = one().plan(&code("7777"), &at(Lane::Mass));
    assert_eq!(plan.after, failed(false));
    assert_eq!((plan.said.origin, plan.said.code.as_str()), (Origin::Ims, "5050"));
    assert_eq!((plan.said.vendor_code.as_str(), plan.said.message.as_str()), ("7777", "words of the vendor"));
    assert_eq!(plan.row.unwrap().class, Class::Unknown);
}

#[test]
fn an_otp_is_repeated_within_seconds_and_then_gives_way_to_the_next_step() {
    let mut dispatch = at(Lane::Auth);
    for (attempt, wait) in [(1, 1), (2, 2), (3, 4)] {
        dispatch.attempt = attempt;
        let again = one().again(&code("3006"), &dispatch);
        assert_eq!((again.due_ms, again.attempt, again.in_doubt), (NOON + wait * SECOND, attempt + 1, false));
    }
    dispatch.attempt = 4;
    assert_eq!(one().plan(&code("3006"), &dispatch).after, failed(true));
}

#[test]
fn nothing_is_repeated_after_it_expired() {
    let mut dispatch = at(Lane::Auth);
    dispatch.accepted.expires_at = NOON + SECOND;
    assert_eq!(one().plan(&code("3006"), &dispatch).after, failed(true));
    assert_eq!(one().plan(&not_sent(), &dispatch).after, EXPIRED);
    assert_eq!(one().plan(&Reply::Throttled(Duration::from_secs(1)), &dispatch).after, EXPIRED);
    assert_eq!(
        one().plan(&not_sent(), &with_plan(dispatch.clone())).after,
        failed(true),
        "it is not too late for a text"
    );
    let past = Given { now_ms: dispatch.accepted.expires_at, ..one() };
    assert_eq!(past.plan(&not_sent(), &with_plan(dispatch.clone())).after, EXPIRED, "now it is");
    dispatch.accepted.expires_at += 1;
    assert_eq!(one().again(&code("3006"), &dispatch).due_ms, NOON + SECOND);
}

#[test]
fn a_switched_off_handset_is_not_worth_an_otps_minutes() {
    let text = Vendor { codes: CodeTable::Text, ..vendor("first", 1) };
    let given = Given { vendors: vec![text], ..one() };
    assert_eq!(given.plan(&code("2003"), &at(Lane::Auth)).after, failed(true));
    assert!(given.again(&code("2003"), &at(Lane::Mass)).due_ms >= NOON + 10 * SECOND);
    assert_eq!(given.again(&code("3008"), &at(Lane::Mass)).attempt, 2, "R once");
    assert_eq!(given.plan(&code("3008"), &Dispatch { attempt: 2, ..at(Lane::Mass) }).after, failed(true));
}

#[test]
fn without_a_route_another_vendor_is_asked_at_once_and_each_only_once() {
    let vendors = ["first", "second", "third"].map(|name| Vendor { codes: CodeTable::Text, ..vendor(name, 1) });
    let given = Given { vendors: vendors.to_vec(), ..one() };
    let mut dispatch = at(Lane::Mass);
    for _ in 0..2 {
        let again = given.again(&code("3015"), &dispatch);
        assert_eq!((again.due_ms, again.attempt), (NOON, dispatch.attempt + 1));
        assert!(again.tried.contains(&dispatch.vendor) && !again.tried.contains(&again.vendor), "{again:?}");
        dispatch = Dispatch { vendor: again.vendor, attempt: again.attempt, tried: again.tried, ..dispatch };
    }
    assert_eq!(given.plan(&code("3015"), &dispatch).after, failed(true));
}

#[test]
fn a_vendor_that_is_down_gives_its_step_to_another() {
    let again = two().again(&not_sent(), &at(Lane::Mass));
    assert_eq!(
        (again.vendor.as_str(), again.due_ms, again.attempt),
        ("second", NOON, 1),
        "nothing left: no request to count"
    );
    let down = Given { down: vec!["first"], ..two() };
    let again = down.again(&code("9998"), &at(Lane::Mass));
    assert!(again.vendor == "second" && again.due_ms > NOON, "a refusal waits its time: {again:?}");
    let short = Given { vendors: vec![vendor("first", 1), Vendor { title_bytes: 4, ..vendor("second", 1) }], ..one() };
    let mut titled = dispatch(message(Channel::Mt, MessageType::Lms, Lane::Mass), Lane::Mass);
    titled.accepted.content.title = Some("제목입".into());
    assert_eq!(short.again(&not_sent(), &titled).vendor, "first", "the other cannot take its title");
}

#[test]
fn with_all_vendors_down_a_step_waits_twice_as_long_each_time_and_starts_a_new_round() {
    let mut given = Given { down: vec!["first", "second"], ..two() };
    let dispatch = Dispatch { tried: vec!["second".into()], ..at(Lane::Realtime) };
    let mut waits = Vec::new();
    for _ in 0..8 {
        let again = given.again(&not_sent(), &dispatch);
        assert!(again.tried.is_empty());
        waits.push(again.due_ms - given.now_ms);
        given.now_ms = again.due_ms;
    }
    assert!(waits.windows(2).all(|pair| pair[1] >= pair[0] || pair[1] >= 60 * SECOND), "{waits:?}");
    assert!(waits[0] >= 2 * SECOND && *waits.last().unwrap() <= 75 * SECOND, "{waits:?}");
}

#[test]
fn a_step_with_a_plan_is_not_patient_for_ever() {
    let given = Given { now_ms: NOON + 8 * SECOND, ..one() };
    assert_eq!(given.plan(&not_sent(), &with_plan(at(Lane::Auth))).after, failed(true));
    assert!(matches!(given.plan(&not_sent(), &at(Lane::Auth)).after, After::Again(_)));
    assert!(matches!(given.plan(&not_sent(), &with_plan(at(Lane::Mass))).after, After::Again(_)));
}

#[test]
fn a_vendor_that_asks_to_slow_down_is_obeyed() {
    let minute = Reply::Throttled(Duration::from_secs(60));
    let often = Dispatch { attempt: 500, ..at(Lane::Mass) };
    let again = two().again(&minute, &often);
    assert_eq!((again.vendor.as_str(), again.attempt), ("first", 501));
    assert!((NOON + 60 * SECOND..=NOON + 75 * SECOND).contains(&again.due_ms));
    let otp = two().again(&minute, &at(Lane::Auth));
    assert_eq!(
        (otp.vendor.as_str(), otp.due_ms),
        ("second", NOON),
        "an OTP does not wait where another vendor is free"
    );
    assert_eq!(one().again(&minute, &at(Lane::Auth)).due_ms, NOON + 60 * SECOND);
    let mut short = at(Lane::Auth);
    short.accepted.expires_at = NOON + 300 * SECOND;
    assert_eq!(one().plan(&Reply::Throttled(Duration::MAX), &short).after, EXPIRED);
    let month = one().again(&Reply::Throttled(Duration::from_secs(30 * 24 * 3_600)), &at(Lane::Mass));
    assert!((NOON + 900 * SECOND..=NOON + 1_125 * SECOND).contains(&month.due_ms), "it is asked again: {month:?}");
}

#[test]
fn a_vendor_that_asks_to_slow_down_uses_up_no_retry() {
    let second = Reply::Throttled(Duration::from_secs(1));
    let mut dispatch = at(Lane::Auth);
    for throttled in 1..=4 {
        let again = one().again(&second, &dispatch);
        assert_eq!((again.attempt, again.throttled), (throttled + 1, throttled));
        dispatch = Dispatch { attempt: again.attempt, throttled: again.throttled, ..dispatch };
    }
    // A request is a request, and the first that meets trouble is the first.
    let again = one().again(&code("3006"), &dispatch);
    assert_eq!((again.due_ms, again.attempt, again.throttled), (NOON + SECOND, 6, 4));
    let again = one().again(&no_answer(), &dispatch);
    assert_eq!((again.due_ms, again.in_doubt), (NOON + SECOND, true));
    let text = Given { vendors: vec![Vendor { codes: CodeTable::Text, ..vendor("first", 1) }], ..one() };
    assert_eq!(
        text.again(&code("3008"), &Dispatch { accepted: at(Lane::Mass).accepted, ..dispatch.clone() }).attempt,
        6
    );
    dispatch.attempt = 8;
    assert_eq!(one().plan(&code("3006"), &dispatch).after, failed(true), "the fourth that meets it is the last");
    assert_eq!(one().plan(&no_answer(), &dispatch).after, UNCERTAIN);
    // Waits end when the message does.
    dispatch.accepted.expires_at = NOON + SECOND;
    assert_eq!(one().plan(&second, &dispatch).after, EXPIRED);
}

#[test]
fn what_may_have_arrived_is_repeated_only_as_its_vendor_allows() {
    let of =
        |in_doubt| Given { vendors: vec![Vendor { in_doubt, ..vendor("first", 1) }, vendor("second", 1)], ..one() };
    let again = of(InDoubt::Repeat).again(&no_answer(), &at(Lane::Auth));
    assert_eq!((again.vendor.as_str(), again.attempt, again.in_doubt), ("first", 2, true));
    assert!(of(InDoubt::Repeat).plan(&no_answer(), &at(Lane::Auth)).ambiguous);
    assert_eq!(of(InDoubt::Uncertain).plan(&no_answer(), &at(Lane::Auth)).after, UNCERTAIN);
    let awaited = of(InDoubt::Receipt).plan(&no_answer(), &at(Lane::Auth));
    assert_eq!((awaited.after, awaited.ambiguous), (After::Sent { due_ms: NOON + 25 * HOUR }, true));
    let last = Dispatch { attempt: 4, ..at(Lane::Auth) };
    assert_eq!(of(InDoubt::Repeat).plan(&no_answer(), &last).after, UNCERTAIN);
}

#[test]
fn what_says_nothing_of_the_message_leaves_a_doubt_uncertain() {
    let doubtful = with_plan(Dispatch { in_doubt: true, ..at(Lane::Mass) });
    // The sender key, a code of no table.
    for refused in ["1003", "7777"] {
        let plan = two().plan(&code(refused), &doubtful);
        assert_eq!((&plan.after, plan.ambiguous), (&UNCERTAIN, true), "{refused}");
    }
    // What is said of the recipient holds for the earlier request too.
    assert_eq!(two().plan(&code("3018"), &doubtful).after, failed(true));
    for protocol in [Protocol::Smtp, Protocol::Smpp] {
        let carrier = Vendor { protocol, ..vendor("first", 1) };
        let after = |dispatch: &Dispatch| one().desk(|desk| plan(&code("3018"), dispatch, &carrier, desk)).after;
        assert_eq!(after(&doubtful), UNCERTAIN, "it refuses the repeat alone: {protocol:?}");
        assert_eq!(after(&at(Lane::Mass)), failed(true));
    }
}

#[test]
fn a_step_in_doubt_stays_with_its_vendor_and_never_ends_as_failed_for_want_of_an_answer() {
    let doubtful = |attempt| with_plan(Dispatch { in_doubt: true, attempt, ..at(Lane::Auth) });
    let down = Given { down: vec!["first"], now_ms: NOON + SECOND, ..two() };
    let undecided = Reply::Undecided("HTTP 500".into());
    let wait = Reply::Throttled(Duration::from_secs(1));
    for reply in [not_sent(), undecided.clone(), code("1002"), code("9998"), wait, no_answer()] {
        let again = down.again(&reply, &doubtful(2));
        assert!(again.vendor == "first" && again.in_doubt, "{reply:?} {again:?}");
    }
    let mut late = doubtful(4);
    late.accepted.expires_at = NOON + 2 * SECOND;
    let wait = Reply::Throttled(Duration::from_secs(5));
    for reply in [not_sent(), undecided, code("9998"), wait, no_answer(), code("3012")] {
        let plan = down.plan(&reply, &late);
        assert_eq!((&plan.after, plan.ambiguous), (&UNCERTAIN, true), "{reply:?}");
    }
    assert_eq!(
        down.plan(&code("3018"), &late).after,
        failed(true),
        "the vendor knows the serial number and refused it"
    );
}

#[test]
fn a_duplicate_means_that_it_was_sent_already() {
    let plan = one().plan(&code("3012"), &at(Lane::Mass));
    assert_eq!(plan.after, UNCERTAIN);
    assert!(plan.taken(true) && !plan.taken(false), "it costs once: with the answer that was lost, or the one before");
    let later = Vendor { receipts: true, ..vendor("first", 1) };
    let plan = Given { vendors: vec![later], ..one() }.plan(&code("3012"), &at(Lane::Mass));
    assert_eq!(plan.after, After::Sent { due_ms: NOON + 25 * HOUR });
}

#[test]
fn what_kakao_calls_night_is_held_until_eight_or_fails_when_its_customer_says_so() {
    // 20:30, when our own rule still lets it go.
    let given = Given { now_ms: NOON + 8 * HOUR + HOUR / 2, ..one() };
    let mut dispatch = ad(Channel::Ft, MessageType::Ft);
    assert_eq!(given.plan(&code("3022"), &dispatch).after, After::Hold { until_ms: MORNING });
    let doubtful = Dispatch { in_doubt: true, ..dispatch.clone() };
    assert_eq!(given.plan(&code("3022"), &doubtful).after, UNCERTAIN, "of the earlier request it says nothing");
    dispatch.accepted.username = "strict".into();
    assert_eq!(given.plan(&code("3022"), &dispatch).after, failed(false));
}

#[test]
fn put_off_mail_waits_half_an_hour() {
    let mail = Vendor { codes: CodeTable::Smtp, ..vendor("first", 1) };
    let given = Given { vendors: vec![mail], ..one() };
    let mut dispatch = dispatch(message(Channel::Em, MessageType::Em, Lane::Realtime), Lane::Realtime);
    assert!(given.again(&code("4.7.1"), &dispatch).due_ms >= NOON + HOUR / 2);
    assert!(given.again(&not_sent(), &dispatch).due_ms < NOON + HOUR / 2, "our own relay is asked sooner");
    dispatch.priority = Lane::Auth;
    dispatch.accepted.expires_at = NOON + 5 * 60 * SECOND;
    assert_eq!(given.plan(&code("450"), &dispatch).after, failed(true));
}

#[test]
fn what_expired_or_met_the_night_does_not_leave() {
    let check = |dispatch: &Dispatch, now_ms| Given { now_ms, ..one() }.desk(|desk| stop(dispatch, desk));
    let dispatch = ad(Channel::Mt, MessageType::Sms);
    assert_eq!(check(&dispatch, NOON), None);
    assert_eq!(check(&dispatch, NOON + 9 * HOUR - 1), None);
    assert_eq!(check(&dispatch, NOON + 9 * HOUR).unwrap().after, After::Hold { until_ms: MORNING });
    assert_eq!(check(&at(Lane::Mass), LATE), None);
    assert_eq!(check(&at(Lane::Mass), NOON + 48 * HOUR - 1), None);
    let late = check(&at(Lane::Mass), NOON + 48 * HOUR).unwrap();
    assert_eq!((late.after, late.said.code.as_str(), late.asked), (EXPIRED, "5010", false));
    let doubtful = Dispatch { in_doubt: true, ..at(Lane::Mass) };
    let late = check(&doubtful, NOON + 48 * HOUR).unwrap();
    assert_eq!((late.after, late.said.code.as_str()), (UNCERTAIN, "5030"));
    for customer in ["strict", &dispatch.accepted.username] {
        let mut doubtful = Dispatch { in_doubt: true, ..dispatch.clone() };
        doubtful.accepted.username = customer.into();
        let at_night = check(&doubtful, NOON + 9 * HOUR).unwrap();
        assert_eq!((at_night.after, at_night.said.code.as_str()), (UNCERTAIN, "5030"), "{customer}");
    }
}

#[test]
fn a_vendor_that_lets_us_not_in_is_as_one_that_is_not_there() {
    let dealers = |names: &[&str]| {
        let vendors = names.iter().map(|name| Vendor { codes: CodeTable::Bizgo, ..vendor(name, 1) });
        Given { vendors: vendors.collect(), ..one() }
    };
    for locked_out in ["common.A401", "common.A403", "common.A404", "A100", "A110"] {
        let again = dealers(&["first"]).again(&code(locked_out), &at(Lane::Mass));
        assert_eq!((again.vendor.as_str(), again.attempt, again.in_doubt), ("first", 1, false), "{locked_out}");
        assert!(again.due_ms > NOON, "it waits");
        let again = dealers(&["first", "second"]).again(&code(locked_out), &at(Lane::Mass));
        assert_eq!((again.vendor.as_str(), again.due_ms), ("second", NOON), "another vendor takes it at once");
        // What an earlier request may have brought stays with the vendor that may have it.
        let doubtful = Dispatch { in_doubt: true, ..at(Lane::Mass) };
        let again = dealers(&["first", "second"]).again(&code(locked_out), &doubtful);
        assert_eq!((again.vendor.as_str(), again.in_doubt), ("first", true), "{locked_out}");
    }
    let mut late = at(Lane::Mass);
    late.accepted.expires_at = NOON + 1;
    assert_eq!(dealers(&["first"]).plan(&code("common.A401"), &late).after, EXPIRED);
}

#[test]
fn what_a_vendor_would_refuse_was_not_asked_and_says_nothing_of_an_earlier_request() {
    let plan = one().plan(&code("3018").unasked(), &at(Lane::Mass));
    assert_eq!((plan.after, plan.asked, plan.said.code.as_str()), (failed(true), false, "3018"));
    let doubtful = Dispatch { in_doubt: true, ..at(Lane::Mass) };
    assert_eq!(one().plan(&code("3018").unasked(), &doubtful).after, UNCERTAIN);
}

#[test]
fn what_the_vendor_has_forgotten_is_uncertain_and_asked_about_no_more() {
    let doubtful = Dispatch { in_doubt: true, ..at(Lane::Mass) };
    let plan = two().plan(&Reply::Forgotten("a day old".into()), &doubtful);
    assert_eq!((plan.after, plan.asked, plan.ambiguous), (UNCERTAIN, false, true));
}

fn replies() -> impl Strategy<Value = Reply> {
    let codes = ["0000", "1002", "3018", "3006", "9998", "3012", "3022", "3005", "4161", "4138", "7777", "3015"];
    prop_oneof![
        prop::sample::select(codes.to_vec()).prop_map(code),
        Just(not_sent()),
        Just(no_answer()),
        Just(Reply::Forgotten("a day old".into())),
        Just(Reply::Undecided("HTTP 500".into())),
        (0u64..100_000).prop_map(|s| Reply::Throttled(Duration::from_secs(s))),
    ]
}

proptest! {
    #[test]
    fn no_attempt_is_planned_for_the_past_or_beyond_the_end(
        reply in replies(), attempt in 1i32..12, in_doubt: bool, lane in 0usize..4, expires_in in 1i64..400_000,
        waited in 0i64..4_000_000, down: bool, plan: bool,
    ) {
        let lane = Lane::ALL[lane];
        let given = Given { down: if down { vec!["first"] } else { vec![] }, now_ms: NOON + waited, ..two() };
        let mut dispatch = Dispatch { attempt, in_doubt, ..at(lane) };
        dispatch.accepted.expires_at = given.now_ms + expires_in;
        let dispatch = if plan { with_plan(dispatch) } else { dispatch };
        let decided = given.plan(&reply, &dispatch);
        prop_assert_eq!(&decided, &given.plan(&reply, &dispatch), "the same answer plans the same");
        match decided.after {
            After::Again(again) => {
                prop_assert!(again.due_ms >= given.now_ms && again.due_ms < dispatch.accepted.expires_at);
                prop_assert_eq!(again.attempt, attempt + i32::from(decided.asked));
                // Who may have it already is the only one that may get it again.
                prop_assert!(!(in_doubt || again.in_doubt) || again.vendor == dispatch.vendor);
            }
            After::Hold { until_ms } => prop_assert!(until_ms <= dispatch.accepted.expires_at),
            After::End { state, fallback_allowed } => {
                prop_assert!(!fallback_allowed || state == State::Failed);
                let unanswered = !matches!(&reply, Reply::Code { code, .. } if code != "1002");
                prop_assert!(!(in_doubt && unanswered) || state == State::Uncertain);
            }
            After::Sent { .. } => {}
        }
    }
}
