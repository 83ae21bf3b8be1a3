use super::*;
use crate::fixtures::*;
use crate::reference::{Pattern, RoutingGroup, Seed, ServiceKey, Vendor, VendorWeight};
use proptest::prelude::*;
use schemas::{Accepted, Avro, Channel, Input, MessageType};

fn at(lane: Lane) -> Accepted {
    message(Channel::At, MessageType::At, lane)
}

fn ad(channel: Channel, message_type: MessageType) -> Accepted {
    Accepted { ad: true, ..message(channel, message_type, Lane::Realtime) }
}

fn routed_at(message: &Accepted, seed: Seed, now_ms: i64) -> Result<Routed, Unroutable> {
    let mut datum = Vec::new();
    message.encode(&mut datum);
    let view = AcceptedView::decode(&mut Input::new(&datum)).unwrap();
    let (reference, night) = (Reference::new(seed).unwrap(), Night::default());
    route(&view, &datum, Rules { reference: &reference, night: &night }, now_ms)
}

fn routed(message: &Accepted, seed: Seed) -> Routed {
    routed_at(message, seed, NOON).unwrap()
}

fn priority_of(message: &Accepted, seed: Seed) -> Lane {
    match routed(message, seed) {
        Routed::Dispatch { head, .. } => head.priority,
        other => panic!("{other:?}"),
    }
}

fn vendor_of(message: &Accepted, seed: Seed) -> String {
    match routed(message, seed) {
        Routed::Dispatch { head, .. } => head.vendor,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_step_goes_to_its_family_with_its_serial_number() {
    let Routed::Dispatch { topic, head } = routed(&at(Lane::Auth), seed()) else { panic!("not dispatched") };
    let serial = Serial { track_id: track_id(7), step: 0, priority: Lane::Auth };
    assert_eq!((topic.name(), head.serial_number), ("SEND-AT-AUTH", serial.to_string()));
    assert_eq!((head.vendor.as_str(), head.attempt, head.in_doubt, head.routed_at), ("first", 1, false, NOON));
    let text = Accepted { step: 2, ..message(Channel::Mt, MessageType::Lms, Lane::Mass) };
    let Routed::Dispatch { topic, head } = routed(&text, seed()) else { panic!("not dispatched") };
    assert_eq!((topic.name(), head.serial_number.parse::<Serial>().unwrap().step), ("SEND-LMS-MASS", 2));
}

#[test]
fn a_group_wins_over_a_pattern_and_a_pattern_over_the_lane() {
    let pattern = Pattern {
        priority: Lane::Mass,
        channel: Some(Channel::At),
        message_type: None,
        message_id_prefix: Some("order-".into()),
    };
    let group = |usernames: &[&str], keys: &[String], priority: Lane| RoutingGroup {
        name: priority.to_string(),
        priority,
        usernames: usernames.iter().map(|u| (*u).to_owned()).collect(),
        service_keys: keys.to_vec(),
        ..RoutingGroup::default()
    };
    assert_eq!(priority_of(&at(Lane::Realtime), seed()), Lane::Realtime);
    let with_pattern = Seed { patterns: vec![pattern.clone()], ..seed() };
    assert_eq!(priority_of(&at(Lane::Realtime), with_pattern.clone()), Lane::Mass);
    let other_id = Accepted { message_id: "otp-1".into(), ..at(Lane::Realtime) };
    assert_eq!(priority_of(&other_id, with_pattern.clone()), Lane::Realtime);
    let with_group = Seed { routing_groups: vec![group(&["shop"], &[], Lane::Auth)], ..with_pattern };
    assert_eq!(priority_of(&at(Lane::Realtime), with_group.clone()), Lane::Auth);
    let of_key = group(&[], &["k".repeat(40)], Lane::Realtime);
    let key = ServiceKey { key: "k".repeat(40), username: "shop".into(), ..ServiceKey::default() };
    let routing_groups = [with_group.routing_groups.clone(), vec![of_key]].concat();
    let with_key = Seed { routing_groups, service_keys: vec![key], ..with_group };
    assert_eq!(priority_of(&at(Lane::Mass), with_key), Lane::Realtime, "the key's group wins over its customer's");
}

#[test]
fn what_a_group_decides_goes_over_its_own_topics_where_it_has_some() {
    let group = RoutingGroup {
        name: "VIP".into(),
        priority: Lane::Realtime,
        usernames: vec!["shop".into()],
        topics: vec![Family::At, Family::Sms],
        ..RoutingGroup::default()
    };
    let with = |priority| Seed { routing_groups: vec![RoutingGroup { priority, ..group.clone() }], ..seed() };
    let topic = |message: &Accepted, seed| match routed(message, seed) {
        Routed::Dispatch { topic, .. } => topic.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(topic(&at(Lane::Mass), with(Lane::Realtime)), "SEND-AT-VIP");
    let lms = message(Channel::Mt, MessageType::Lms, Lane::Mass);
    assert_eq!(topic(&lms, with(Lane::Realtime)), "SEND-LMS-REALTIME", "the group has no topic for it");
    let ad = ad(Channel::Mt, MessageType::Sms);
    assert_eq!(topic(&ad, with(Lane::Realtime)), "SEND-SMS-AD", "ads go the way of all");
    let other = Accepted { username: "other".into(), ..at(Lane::Mass) };
    assert_eq!(topic(&other, with(Lane::Realtime)), "SEND-AT-MASS");
}

#[test]
fn the_first_pattern_that_fits_wins() {
    let pattern = |priority, message_type| Pattern { priority, channel: None, message_type, message_id_prefix: None };
    let patterns =
        vec![pattern(Lane::Auth, Some(MessageType::Ai)), pattern(Lane::Mass, None), pattern(Lane::Auth, None)];
    assert_eq!(priority_of(&at(Lane::Realtime), Seed { patterns, ..seed() }), Lane::Mass);
}

#[test]
fn an_ad_is_an_ad_whatever_group_pattern_and_lane_say() {
    let group = RoutingGroup {
        name: "vip".into(),
        priority: Lane::Auth,
        usernames: vec!["shop".into()],
        ..RoutingGroup::default()
    };
    let message = Accepted { lane: Lane::Auth, ..ad(Channel::Mt, MessageType::Sms) };
    assert_eq!(priority_of(&message, Seed { routing_groups: vec![group], ..seed() }), Lane::Ad);
}

#[test]
fn auth_exists_for_five_families_and_is_realtime_elsewhere() {
    for (channel, message_type, expected) in [
        (Channel::At, MessageType::Ai, Lane::Auth),
        (Channel::Ft, MessageType::Ft, Lane::Realtime),
        (Channel::Bt, MessageType::Text, Lane::Realtime),
        (Channel::Mt, MessageType::Sms, Lane::Auth),
        (Channel::Mt, MessageType::Lms, Lane::Realtime),
        (Channel::Mt, MessageType::Mms, Lane::Realtime),
        (Channel::Rc, MessageType::Rcssms, Lane::Auth),
        (Channel::Pu, MessageType::Pu, Lane::Auth),
        (Channel::Em, MessageType::Em, Lane::Auth),
    ] {
        assert_eq!(
            priority_of(&message(channel, message_type, Lane::Auth), seed()),
            expected,
            "{channel} {message_type}"
        );
    }
}

#[test]
fn what_is_scheduled_waits_until_it_is_released() {
    let send_at = NOON + HOUR;
    let scheduled = Accepted { send_at: Some(send_at), ..at(Lane::Mass) };
    let wait = Routed::Wait { priority: Lane::Mass, state: State::Scheduled, until_ms: send_at };
    assert_eq!(routed_at(&scheduled, seed(), send_at - 1), Ok(wait));
    assert!(matches!(routed_at(&scheduled, seed(), send_at), Ok(Routed::Dispatch { .. })));
    // The clock that released it may be a little ahead of the router's.
    let released = Accepted { released: true, ..scheduled };
    assert!(matches!(routed_at(&released, seed(), send_at - 1), Ok(Routed::Dispatch { .. })));
}

#[test]
fn what_is_too_late_ends_as_expired_and_has_no_fallback() {
    let message = at(Lane::Realtime);
    let end = Routed::End {
        priority: Lane::Realtime,
        state: State::Expired,
        code: OutcomeCode::Expired,
        fallback_allowed: false,
    };
    assert_eq!(routed_at(&message, seed(), message.expires_at), Ok(end));
    assert!(matches!(routed_at(&message, seed(), message.expires_at - 1), Ok(Routed::Dispatch { .. })));
}

#[test]
fn an_ad_by_night_is_held_until_the_morning_or_fails_when_its_customer_says_so() {
    let held = Routed::Wait { priority: Lane::Ad, state: State::Held, until_ms: MORNING };
    assert_eq!(routed_at(&ad(Channel::Mt, MessageType::Sms), seed(), LATE), Ok(held.clone()));
    let brand = Accepted { night_agreed: true, ..ad(Channel::Bt, MessageType::Text) };
    assert_eq!(routed_at(&brand, seed(), LATE), Ok(held), "Kakao refuses brand ads by night whatever was agreed");
    let agreed = Accepted { night_agreed: true, ..ad(Channel::Mt, MessageType::Sms) };
    assert!(matches!(routed_at(&agreed, seed(), LATE), Ok(Routed::Dispatch { .. })));
    let strict = Accepted { username: "strict".into(), ..ad(Channel::Mt, MessageType::Sms) };
    let failed =
        Routed::End { priority: Lane::Ad, state: State::Failed, code: OutcomeCode::AdRule, fallback_allowed: false };
    assert_eq!(routed_at(&strict, seed(), LATE), Ok(failed));
}

#[test]
fn a_scheduled_ad_that_comes_out_by_night_is_held() {
    let released = Accepted { released: true, send_at: Some(LATE), ..ad(Channel::Mt, MessageType::Lms) };
    let held = Routed::Wait { priority: Lane::Ad, state: State::Held, until_ms: MORNING };
    assert_eq!(routed_at(&released, seed(), LATE), Ok(held));
}

#[test]
fn what_would_expire_while_it_is_held_comes_back_to_expire() {
    let short = Accepted { expires_at: LATE + HOUR, ..ad(Channel::Mt, MessageType::Sms) };
    let held = Routed::Wait { priority: Lane::Ad, state: State::Held, until_ms: LATE + HOUR };
    assert_eq!(routed_at(&short, seed(), LATE), Ok(held));
}

#[test]
fn without_a_vendor_the_step_fails_and_the_next_may_follow() {
    let only_text = Vendor { families: vec![Family::Sms], ..vendor("text", 1) };
    let end =
        Routed::End { priority: Lane::Mass, state: State::Failed, code: OutcomeCode::NoVendor, fallback_allowed: true };
    assert_eq!(routed(&at(Lane::Mass), Seed { vendors: vec![only_text], ..seed() }), end);
}

#[test]
fn vendors_get_their_share_and_a_drained_one_gets_nothing() {
    let vendors = vec![vendor("one", 1), vendor("drained", 0), vendor("three", 3)];
    let seed = Seed { vendors, ..seed() };
    let to_one = (0..4_000)
        .filter(|offset| {
            let message = Accepted { track_id: track_id(*offset).to_string(), ..at(Lane::Mass) };
            let name = vendor_of(&message, seed.clone());
            assert_ne!(name, "drained");
            name == "one"
        })
        .count();
    // Expected 1000, standard deviation 27: five of them on each side.
    assert!((865..=1135).contains(&to_one), "{to_one} of 4000 instead of a quarter");
}

#[test]
fn a_long_title_goes_to_a_vendor_that_takes_it() {
    let short = Vendor { title_bytes: 40, ..vendor("short", 1_000) };
    let seed = Seed { vendors: vec![short, vendor("long", 1)], ..seed() };
    let titled = |title: String| {
        let mut message = message(Channel::Mt, MessageType::Lms, Lane::Mass);
        message.content.title = Some(title);
        message
    };
    assert_eq!(vendor_of(&titled("가".repeat(21)), seed.clone()), "long");
    assert_eq!(vendor_of(&titled("가".repeat(20)), seed.clone()), "short");
    let only_short = Seed { vendors: seed.vendors[..1].to_vec(), ..seed };
    assert!(matches!(routed(&titled("a".repeat(41)), only_short), Routed::End { code: OutcomeCode::NoVendor, .. }));
}

#[test]
fn a_push_without_a_token_fails_and_the_next_may_follow() {
    let push = message(Channel::Pu, MessageType::Pu, Lane::Realtime);
    let named = |tokens: &[&str]| {
        let mut push = push.clone();
        push.recipient.push_tokens = tokens.iter().map(|token| (*token).to_owned()).collect();
        push
    };
    let (priority, state, code) = (Lane::Realtime, State::Failed, OutcomeCode::NoVendor);
    assert_eq!(routed(&named(&[]), seed()), Routed::End { priority, state, code, fallback_allowed: true });
    assert_eq!(vendor_of(&named(&["a:1"]), seed()), "first");
}

#[test]
fn what_ingest_never_wrote_is_refused() {
    let wrong_id = Accepted { track_id: "not-an-id".into(), ..at(Lane::Mass) };
    assert!(matches!(routed_at(&wrong_id, seed(), NOON), Err(Unroutable::TrackId(_))));
    for step in [-1, 10, i32::MAX] {
        let wrong = Accepted { step, ..at(Lane::Mass) };
        assert_eq!(routed_at(&wrong, seed(), NOON), Err(Unroutable::Step(step)));
    }
}

proptest! {
    #[test]
    fn the_same_step_always_goes_to_the_same_vendor(offset in 0u64..1 << 40, step in 0i32..6, later in 0i64..HOUR) {
        let vendors = vec![vendor("a", 5), vendor("b", 3), vendor("c", 2)];
        let message = Accepted { track_id: track_id(offset).to_string(), step, ..at(Lane::Mass) };
        let vendor = |now| match routed_at(&message, Seed { vendors: vendors.clone(), ..seed() }, now) {
            Ok(Routed::Dispatch { head, .. }) => head.vendor,
            other => panic!("{other:?}"),
        };
        prop_assert_eq!(vendor(NOON), vendor(NOON + later));
    }
}

#[test]
fn a_vendor_that_is_paused_is_chosen_only_where_there_is_no_other() {
    let paused = Vendor { paused: true, ..vendor("first", 90) };
    let reference = Reference::new(Seed { vendors: vec![paused, vendor("second", 10)], ..seed() }).unwrap();
    let asked = Asked { family: Family::Sms, priority: Lane::Mass, username: "shop" };
    assert!((0..100).all(|draw| choose(&reference, asked, draw, |_| true).unwrap().name == "second"));
    let first = choose(&reference, asked, 7, |vendor| vendor.name == "first");
    assert_eq!(first.unwrap().name, "first", "it is waited for");
    assert!(choose(&reference, asked, 0, |vendor| vendor.weight > 90).is_none());
}

#[test]
fn a_customer_with_weights_of_its_own_goes_by_these() {
    let weight = |vendor: &str, weight| VendorWeight {
        vendor: vendor.into(),
        family: None,
        priority: None,
        username: Some("shop".into()),
        weight,
    };
    let reserved = Seed {
        vendors: vec![vendor("common", 1), vendor("reserved", 0)],
        vendor_weights: vec![weight("common", 0), weight("reserved", 1)],
        ..seed()
    };
    let to = |username: &str, offset| {
        let track_id = track_id(offset).to_string();
        vendor_of(&Accepted { track_id, username: username.into(), ..at(Lane::Mass) }, reserved.clone())
    };
    for offset in 0..200 {
        assert_eq!((&*to("shop", offset), &*to("strict", offset)), ("reserved", "common"));
    }
}
