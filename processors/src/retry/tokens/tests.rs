use super::*;
use crate::fixtures::*;
use crate::night::Night;
use crate::reference::{CodeTable, Protocol, Reference, Seed};
use crate::retry::{Again, Desk, Paces, stop};
use crate::route::Rules;
use proptest::prelude::*;
use schemas::{Channel, Lane, MessageType, Serial};
use std::time::Duration;

const GOOGLE: &str = "google";
const APPLE: &str = "apple";

fn service(name: &str, in_doubt: InDoubt) -> Vendor {
    let (protocol, codes) = match name {
        GOOGLE => (Protocol::Fcm, CodeTable::Fcm),
        _ => (Protocol::Apns, CodeTable::Apns),
    };
    let url = "https://push.example".into();
    Vendor { families: vec![schemas::Family::Push], codes, protocol, url, in_doubt, ..vendor(name, 1) }
}

/// Tokens by their services: g of Google's, a of Apple's.
fn push(services: &str) -> Dispatch {
    let mut accepted = message(Channel::Pu, MessageType::Pu, Lane::Mass);
    let token = |(place, service): (usize, char)| match service {
        'g' => format!("token-{place}:APA91b"),
        _ => format!("{place:02}").repeat(32),
    };
    accepted.recipient.push_tokens = services.chars().enumerate().map(token).collect();
    let serial = Serial { track_id: track_id(7), step: 0, priority: Lane::Mass };
    let vendor = if services.starts_with('g') { GOOGLE } else { APPLE };
    Dispatch {
        serial_number: serial.to_string(),
        priority: Lane::Mass,
        vendor: vendor.into(),
        attempt: 1,
        routed_at: NOON,
        accepted,
        ..Dispatch::default()
    }
}

fn desk<T>(vendors: &[Vendor], now_ms: i64, look: impl FnOnce(&Desk<'_>) -> T) -> T {
    desk_without("", vendors, now_ms, look)
}

/// With one of them down.
fn desk_without<T>(down: &str, vendors: &[Vendor], now_ms: i64, look: impl FnOnce(&Desk<'_>) -> T) -> T {
    let reference = Reference::new(Seed { vendors: vendors.to_vec(), ..seed() }).unwrap();
    let (night, paces) = (Night::default(), Paces::default());
    let rules = Rules { reference: &reference, night: &night };
    look(&Desk { rules, paces: &paces, down: &|name| name == down, now_ms })
}

fn both(in_doubt: InDoubt) -> [Vendor; 2] {
    [service(GOOGLE, in_doubt), service(APPLE, in_doubt)]
}

fn decide(dispatch: &Dispatch, vendors: &[Vendor], now_ms: i64, replies: Vec<Reply>) -> Plan {
    decide_without("", dispatch, vendors, now_ms, replies)
}

fn decide_without(down: &str, dispatch: &Dispatch, vendors: &[Vendor], now_ms: i64, replies: Vec<Reply>) -> Plan {
    let vendor = vendors.iter().find(|vendor| vendor.name == dispatch.vendor).unwrap();
    let replies = asked(dispatch, vendor).into_iter().zip(replies).map(|(place, reply)| OfToken { place, reply });
    let reply = Reply::Tokens(replies.collect());
    desk_without(down, vendors, now_ms, |desk| crate::retry::plan(&reply, dispatch, vendor, desk))
}

/// Whom the wire of this vendor asks about.
fn asked(dispatch: &Dispatch, vendor: &Vendor) -> Vec<i32> {
    let tokens = (0..).zip(&dispatch.accepted.recipient.push_tokens);
    tokens
        .filter(|(place, token)| !dispatch.tokens_done.contains(place) && vendor.protocol.takes_token(token))
        .map(|(place, _)| place)
        .collect()
}

fn code(code: &str) -> Reply {
    Reply::Code { code: code.into(), text: String::new() }
}

fn then(plan: &Plan) -> &Again {
    match &plan.after {
        After::Again(again) => again,
        other => panic!("{other:?}"),
    }
}

fn ended(plan: &Plan) -> (State, &str) {
    match plan.after {
        After::End { state, .. } => (state, plan.said.code.as_str()),
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn one_device_that_has_it_is_enough() {
    let plan = decide(
        &push("ggg"),
        &both(InDoubt::Repeat),
        NOON,
        vec![code("UNREGISTERED"), code("200"), code("INVALID_ARGUMENT")],
    );
    assert_eq!(ended(&plan), (State::Delivered, "0000"));
    assert!(plan.taken(false), "and counts");
    let plan = decide(&push("gg"), &both(InDoubt::Repeat), NOON, vec![code("UNREGISTERED"), code("INVALID_ARGUMENT")]);
    assert_eq!(ended(&plan), (State::Failed, "UNREGISTERED"));
    assert!(!plan.taken(false));
    assert!(matches!(plan.after, After::End { fallback_allowed: true, .. }));
    let plan = decide(&push("gg"), &both(InDoubt::Repeat), NOON, vec![code("UNREGISTERED"), code("WHAT_IS_THIS")]);
    assert_eq!(ended(&plan), (State::Failed, "5050"));
    assert!(matches!(plan.after, After::End { fallback_allowed: false, .. }));
}

#[test]
fn what_was_put_off_is_asked_again_for_its_token_alone() {
    let vendors = both(InDoubt::Repeat);
    let first = push("ggg");
    let plan = decide(&first, &vendors, NOON, vec![code("200"), code("UNAVAILABLE"), code("UNREGISTERED")]);
    let again = then(&plan);
    assert_eq!((&again.tokens_done[..], again.reached, again.attempt), (&[0, 2][..], true, 2));
    assert!(again.due_ms > NOON);
    let second = Dispatch { tokens_done: vec![0, 2], reached: true, attempt: 2, ..first };
    let plan = decide(&second, &vendors, NOON, vec![code("UNREGISTERED")]);
    assert_eq!(ended(&plan), (State::Delivered, "0000"), "the first one has it");
    let too_late = desk(&vendors, second.accepted.expires_at, |desk| stop(&second, desk)).unwrap();
    assert_eq!(ended(&too_late), (State::Delivered, "0000"));
    let quiet = decide(&second, &vendors, NOON, vec![Reply::Throttled(Duration::from_secs(60))]);
    assert!(then(&quiet).due_ms >= NOON + 60_000);
}

#[test]
fn a_round_in_which_tokens_were_only_throttled_uses_up_no_retry() {
    let (vendors, quiet) = (both(InDoubt::Repeat), || Reply::Throttled(Duration::from_secs(60)));
    let dispatch = Dispatch { attempt: 2, throttled: 1, ..push("ggg") };
    let plan = decide(&dispatch, &vendors, NOON, vec![quiet(), code("200"), quiet()]);
    assert_eq!((then(&plan).attempt, then(&plan).throttled), (3, 2));
    let plan = decide(&dispatch, &vendors, NOON, vec![quiet(), code("UNAVAILABLE"), quiet()]);
    assert_eq!((then(&plan).attempt, then(&plan).throttled), (3, 1));
}

#[test]
fn tokens_of_another_service_follow_at_once_in_the_same_step() {
    let vendors = both(InDoubt::Repeat);
    let plan = decide(&push("gag"), &vendors, NOON, vec![code("UNREGISTERED"), code("200")]);
    let again = then(&plan);
    assert_eq!((again.vendor.as_str(), again.due_ms), (APPLE, NOON));
    assert_eq!((&again.tokens_done[..], again.reached), (&[0, 2][..], true));
    let alone = decide(&push("ga"), &vendors[..1], NOON, vec![code("UNREGISTERED")]);
    assert_eq!(ended(&alone), (State::Failed, "UNREGISTERED"), "nobody takes the other");
    let alone = decide(&push("ga"), &vendors[..1], NOON, vec![code("200")]);
    assert_eq!(ended(&alone), (State::Delivered, "0000"));
}

#[test]
fn tokens_of_a_service_that_is_down_wait_for_it() {
    let vendors = both(InDoubt::Repeat);
    let dead = || vec![code("Unregistered")];
    let plan = decide_without(GOOGLE, &push("ag"), &vendors, NOON, dead());
    let again = then(&plan);
    assert_eq!((again.vendor.as_str(), &again.tokens_done[..], again.attempt), (GOOGLE, &[0][..], 2));
    assert!(again.due_ms >= NOON + 10_000, "not before it may be back: {again:?}");
    let mut planned = push("ag");
    planned.accepted.fallback = vec![schemas::FallbackStep { channel: "MT".into(), ..Default::default() }];
    assert_eq!(then(&decide_without(GOOGLE, &planned, &vendors, NOON, dead())).vendor, GOOGLE);
    let plan = decide_without(GOOGLE, &planned, &vendors, NOON + 30 * 60_000, dead());
    assert_eq!(ended(&plan), (State::Failed, "Unregistered"), "the next step of its plan has its turn");
    let late = push("ag").accepted.expires_at - 1;
    assert_eq!(ended(&decide_without(GOOGLE, &push("ag"), &vendors, late, dead())).0, State::Failed);
}

#[test]
fn what_does_not_speak_of_a_token_in_doubt_leaves_it_uncertain() {
    let vendors = both(InDoubt::Repeat);
    let doubtful = |services, attempt| Dispatch { attempt, in_doubt: true, ..push(services) };
    for refused in ["THIRD_PARTY_AUTH_ERROR", "UNSPECIFIED_ERROR", "WHAT_IS_THIS"] {
        let plan = decide(&doubtful("g", 2), &vendors, NOON, vec![code(refused)]);
        assert_eq!(ended(&plan).0, State::Uncertain, "{refused}");
    }
    assert_eq!(ended(&decide(&doubtful("a", 2), &vendors, NOON, vec![code("BadTopic")])).0, State::Uncertain);
    let dead = decide(&doubtful("g", 2), &vendors, NOON, vec![code("UNREGISTERED")]);
    assert_eq!(ended(&dead), (State::Failed, "UNREGISTERED"), "which holds for the earlier request too");
}

#[test]
fn what_is_repeated_is_repeated_when_the_last_of_its_tokens_may_be() {
    let vendors = both(InDoubt::Repeat);
    let minute = || Reply::Throttled(Duration::from_secs(60));
    let plan = decide(&push("gg"), &vendors, NOON, vec![Reply::NoAnswer("cut".into()), minute()]);
    let again = then(&plan);
    assert!(again.in_doubt && again.due_ms >= NOON + 60_000, "{again:?}");
}

#[test]
fn a_token_of_which_nothing_is_known_leaves_the_message_uncertain_unless_another_has_it() {
    let nothing = || Reply::NoAnswer("no answer in time".into());
    let vendors = both(InDoubt::Uncertain);
    let plan = decide(&push("gg"), &vendors, NOON, vec![nothing(), code("UNREGISTERED")]);
    assert_eq!(ended(&plan), (State::Uncertain, "5030"));
    assert!(plan.ambiguous);
    let plan = decide(&push("gg"), &vendors, NOON, vec![nothing(), code("200")]);
    assert_eq!(ended(&plan), (State::Delivered, "0000"));
    let plan = decide(&push("ga"), &vendors, NOON, vec![nothing()]);
    let again = then(&plan).clone();
    assert!(again.in_doubt && again.vendor == APPLE);
    let next = Dispatch { vendor: again.vendor, attempt: 2, in_doubt: true, tokens_done: vec![0], ..push("ga") };
    assert_eq!(ended(&decide(&next, &vendors, NOON, vec![code("Unregistered")])).0, State::Uncertain);
    // A vendor that may be asked again is.
    let plan = decide(&push("gg"), &both(InDoubt::Repeat), NOON, vec![nothing(), code("200")]);
    assert_eq!((&then(&plan).tokens_done[..], then(&plan).in_doubt), (&[1][..], true));
}

#[test]
fn a_service_that_lets_us_not_in_keeps_a_push_waiting_and_was_not_asked() {
    let vendors = both(InDoubt::Repeat);
    let plan = decide(&push("gg"), &vendors, NOON, vec![code("PERMISSION_DENIED"), code("UNAUTHENTICATED")]);
    let again = then(&plan);
    assert!(!plan.asked && again.attempt == 1 && again.tokens_done.is_empty() && again.due_ms > NOON, "{plan:?}");
    let plan = decide(&push("gg"), &vendors, NOON, vec![code("200"), code("UNAUTHENTICATED")]);
    assert_eq!((&then(&plan).tokens_done[..], then(&plan).reached), (&[0][..], true));
    let plan = decide(&push("a"), &vendors, NOON, vec![code("InvalidProviderToken")]);
    assert!(!plan.asked && then(&plan).attempt == 1, "{plan:?}");
}

#[test]
fn the_health_of_a_vendor_is_what_most_tokens_tell() {
    let google = service(GOOGLE, InDoubt::Repeat);
    let of = |replies: Vec<Reply>| {
        let replies = (0..).zip(replies).map(|(place, reply)| OfToken { place, reply }).collect();
        typical(&Reply::Tokens(replies), &google).clone()
    };
    let quiet = || Reply::Throttled(Duration::from_secs(9));
    assert_eq!(of(vec![quiet(), code("200"), code("UNREGISTERED")]), code("UNREGISTERED"), "one device's own limit");
    assert_eq!(of(vec![quiet(), quiet(), code("200")]), quiet());
    assert_eq!(of(vec![code("INTERNAL"), code("INTERNAL"), code("200")]), code("INTERNAL"));
    let denied = || code("PERMISSION_DENIED");
    assert_eq!(of(vec![denied(), denied(), code("200")]), denied());
    assert_eq!(typical(&code("200"), &google), &code("200"));
    let known = || code("UNREGISTERED").unasked();
    assert_eq!(of(vec![known(), known(), code("INTERNAL")]), code("INTERNAL"), "of what it was asked");
    assert_eq!(of(vec![known(), known()]), known());
}

#[test]
fn tokens_that_were_known_to_be_dead_were_not_asked_about() {
    let known = || code("UNREGISTERED").unasked();
    let plan = decide(&push("gg"), &both(InDoubt::Repeat), NOON, vec![known(), known()]);
    assert_eq!((ended(&plan), plan.asked), ((State::Failed, "UNREGISTERED"), false));
    let plan = decide(&push("gga"), &both(InDoubt::Repeat), NOON, vec![known(), known()]);
    assert_eq!((then(&plan).vendor.as_str(), then(&plan).attempt), (APPLE, 1));
}

fn replies() -> impl Strategy<Value = u8> {
    0u8..14
}

fn reply_of(vendor: &Vendor, which: u8) -> Reply {
    let apple = vendor.protocol == Protocol::Apns;
    match which {
        0..4 => code("200"),
        4 => code(if apple { "Unregistered" } else { "UNREGISTERED" }),
        5 => code(if apple { "ServiceUnavailable" } else { "UNAVAILABLE" }),
        6 => code(if apple { "ExpiredProviderToken" } else { "UNSPECIFIED_ERROR" }),
        7 => code("NEVER_HEARD_OF"),
        8 => Reply::NotSent("connection refused".into()),
        9 | 12.. => Reply::NoAnswer("cut".into()),
        10 => Reply::Throttled(Duration::from_secs(30)),
        11 => code(if apple { "BadTopic" } else { "THIRD_PARTY_AUTH_ERROR" }),
    }
}

proptest! {
    /// However its tokens fare, a push ends, no token that has it is asked again, and it is delivered if one has it.
    #[test]
    fn a_push_ends_and_nobody_gets_it_twice_by_our_doing(
        services in "[ga]{1,2}|[ga]{3,8}", answers in prop::collection::vec(replies(), 200), repeat: bool, one: bool,
    ) {
        let in_doubt = if repeat { InDoubt::Repeat } else { InDoubt::Uncertain };
        let vendors = both(in_doubt);
        let mut dispatch = push(&services);
        let first = vendors.iter().position(|vendor| vendor.name == dispatch.vendor).unwrap();
        let vendors = if one { vec![vendors[first].clone()] } else { vendors.to_vec() };
        let (mut answers, mut now_ms) = (answers.into_iter().cycle(), NOON);
        let (mut has, mut in_the_dark, mut dark) = (Vec::new(), false, Vec::new());
        for _ in 0..2_000 {
            if let Some(plan) = desk(&vendors, now_ms, |desk| stop(&dispatch, desk)) {
                let (state, _) = ended(&plan);
                prop_assert_eq!(state == State::Delivered, !has.is_empty());
                return Ok(());
            }
            let vendor = vendors.iter().find(|vendor| vendor.name == dispatch.vendor).unwrap();
            let places = asked(&dispatch, vendor);
            prop_assert!(!places.is_empty(), "a vendor with nothing to do: {dispatch:?}");
            let replies: Vec<Reply> = places.iter().map(|_| reply_of(vendor, answers.next().unwrap())).collect();
            for (place, reply) in places.iter().zip(&replies) {
                prop_assert!(!has.contains(place), "asked again");
                if *reply == code("200") {
                    has.push(*place);
                }
                match reply {
                    Reply::NoAnswer(_) => {
                        in_the_dark = true;
                        dark.push(*place);
                    }
                    // What is said of the token holds for all requests about it.
                    Reply::Code { code, .. } if judge(vendor.codes, code).handling == Handling::Token => {
                        dark.retain(|dark| dark != place);
                    }
                    _ => {}
                }
            }
            let plan = decide(&dispatch, &vendors, now_ms, replies);
            match plan.after {
                After::Again(again) => {
                    prop_assert!(again.due_ms >= now_ms && again.reached != has.is_empty());
                    now_ms = again.due_ms;
                    let Again { vendor, attempt, tried, in_doubt, tokens_done, throttled, reached, .. } = again;
                    let step = Dispatch { vendor, attempt, tried, in_doubt, tokens_done, throttled, ..dispatch };
                    dispatch = Dispatch { reached, ..step };
                }
                After::End { state, fallback_allowed } => {
                    prop_assert_eq!(state == State::Delivered, !has.is_empty());
                    prop_assert!(!fallback_allowed || state == State::Failed);
                    prop_assert!(state != State::Uncertain || in_the_dark, "nothing was in doubt");
                    prop_assert!(dark.is_empty() || !has.is_empty() || state != State::Failed);
                    return Ok(());
                }
                other => prop_assert!(false, "{other:?}"),
            }
        }
        prop_assert!(false, "it never ends");
    }
}
