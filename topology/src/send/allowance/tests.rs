use super::*;
use schemas::Family;
use std::sync::atomic::{AtomicI64, Ordering};

#[derive(Default)]
struct Moved(AtomicI64);

impl Clock for Moved {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl Moved {
    fn to(&self, ms: i64) {
        self.0.store(ms, Ordering::SeqCst);
    }
}

fn vendor(families: &[&str], tps: u32, max_in_flight: u32) -> Arc<Vendor> {
    let json = serde_json::json!({
        "name": "kt", "families": families, "codes": "text", "weight": 1, "tps": tps,
        "max_in_flight": max_in_flight, "timeout_ms": 1000,
    });
    Arc::new(serde_json::from_value(json).unwrap())
}

fn setup() -> (Arc<Moved>, Arc<Allowance>) {
    let clock = Arc::new(Moved::default());
    let allowance = Allowance::new(Arc::clone(&clock) as Arc<dyn Clock>, BreakerSettings::default());
    (clock, allowance)
}

fn take(allowance: &Arc<Allowance>, vendor: &Arc<Vendor>, lane: Lane, most: usize) -> Vec<Slot> {
    let mut slots = Vec::new();
    while slots.len() < most
        && let Admission::Go(slot) = allowance.admit(vendor, lane, 1)
    {
        slots.push(slot);
    }
    slots
}

#[test]
fn hands_are_limited_for_all_lanes_together_and_auth_finds_some_free() {
    let (clock, allowance) = setup();
    let vendor = vendor(&["SMS"], 100_000, 100);
    Lane::ALL.iter().for_each(|lane| allowance.own(Topic::send(Family::Sms, *lane), *lane, 3, 3));
    allowance.know(&vendor);
    clock.to(1_000);
    let bulk = take(&allowance, &vendor, Lane::Mass, 1_000);
    assert_eq!(bulk.len(), 80);
    let urgent = take(&allowance, &vendor, Lane::Auth, 1_000);
    assert_eq!(urgent.len(), 20);
    drop(bulk);
    assert_eq!(take(&allowance, &vendor, Lane::Realtime, 1_000).len(), 60, "20 are still AUTH's");
    drop(urgent);
}

#[test]
fn a_process_sends_its_part_of_the_partitions_of_all_the_vendors_families() {
    let (clock, allowance) = setup();
    let vendor = vendor(&["SMS", "LMS"], 1_000, 10_000);
    allowance.own(Topic::send(Family::Sms, Lane::Mass), Lane::Mass, 5, 20);
    assert!((allowance.at_most(&vendor, Lane::Mass) - 1_000.0 * 0.3 * 5.0 / 40.0).abs() < 1e-6);
    allowance.own(Topic::send(Family::Lms, Lane::Mass), Lane::Mass, 15, 20);
    assert!((allowance.at_most(&vendor, Lane::Mass) - 1_000.0 * 0.3 * 0.5).abs() < 1e-6);
    allowance.own(Topic::send(Family::Sms, Lane::Mass), Lane::Mass, 0, 20);
    allowance.own(Topic::send(Family::Lms, Lane::Mass), Lane::Mass, 0, 20);
    clock.to(60_000);
    assert!(take(&allowance, &vendor, Lane::Mass, 1).is_empty(), "nothing is owned any more");
}

#[test]
fn a_changed_rate_holds_from_the_next_request_on() {
    let (clock, allowance) = setup();
    allowance.own(Topic::send(Family::Ft, Lane::Mass), Lane::Mass, 1, 1);
    assert_eq!(allowance.at_most(&vendor(&["FT"], 100, 10), Lane::Mass) as u32, 37);
    clock.to(1);
    assert_eq!(allowance.at_most(&vendor(&["FT"], 1_000, 10), Lane::Mass) as u32, 375);
}

#[test]
fn a_vendor_that_asks_for_quiet_gets_it_from_every_lane() {
    let (clock, allowance) = setup();
    let vendor = vendor(&["SMS"], 1_000, 100);
    Lane::ALL.iter().for_each(|lane| allowance.own(Topic::send(Family::Sms, *lane), *lane, 1, 1));
    allowance.quiet(&vendor, Duration::from_secs(3));
    clock.to(2_999);
    assert!(take(&allowance, &vendor, Lane::Auth, 1).is_empty());
    clock.to(3_000);
    assert_eq!(take(&allowance, &vendor, Lane::Auth, 1).len(), 1);
}

#[test]
fn failures_close_the_door_and_trials_open_it_again() {
    let (clock, allowance) = setup();
    let vendor = vendor(&["SMS"], 100_000, 1_000);
    Lane::ALL.iter().for_each(|lane| allowance.own(Topic::send(Family::Sms, *lane), *lane, 1, 1));
    allowance.know(&vendor);
    clock.to(1_000);
    let slots = take(&allowance, &vendor, Lane::Mass, 20);
    assert_eq!(slots.len(), 20);
    slots.into_iter().for_each(|slot| slot.answered(Some(false), 1));
    assert_eq!(allowance.down_until(&vendor), Some(11_000));
    assert!(matches!(allowance.admit(&vendor, Lane::Auth, 1), Admission::Down));
    clock.to(11_000);
    let trials = take(&allowance, &vendor, Lane::Mass, 100);
    assert_eq!(trials.len(), 5);
    trials.into_iter().for_each(|slot| slot.answered(Some(true), 1));
    assert_eq!(take(&allowance, &vendor, Lane::Mass, 100).len(), 100);
}

#[test]
fn a_trial_that_the_rate_refuses_is_not_lost() {
    let (clock, allowance) = setup();
    let vendor = vendor(&["SMS"], 1_000, 1_000);
    allowance.own(Topic::send(Family::Sms, Lane::Mass), Lane::Mass, 1, 1);
    allowance.know(&vendor);
    clock.to(1_000);
    take(&allowance, &vendor, Lane::Mass, 20).into_iter().for_each(|slot| slot.answered(Some(false), 1));
    clock.to(11_000);
    assert!(allowance.down_until(&vendor).is_none());
    allowance.own(Topic::send(Family::Sms, Lane::Mass), Lane::Mass, 0, 1);
    for _ in 0..100 {
        assert!(matches!(allowance.admit(&vendor, Lane::Mass, 1), Admission::Wait(_)));
    }
    allowance.own(Topic::send(Family::Sms, Lane::Mass), Lane::Mass, 1, 1);
    clock.to(12_000);
    assert_eq!(take(&allowance, &vendor, Lane::Mass, 100).len(), 5);
}

#[test]
fn answers_that_take_half_of_the_time_out_open_the_breaker_though_they_are_good() {
    for (took_ms, down) in [(499, false), (500, true)] {
        let (clock, allowance) = setup();
        let vendor = vendor(&["SMS"], 100_000, 1_000);
        allowance.own(Topic::send(Family::Sms, Lane::Mass), Lane::Mass, 1, 1);
        allowance.know(&vendor);
        clock.to(1_000);
        take(&allowance, &vendor, Lane::Mass, 20).into_iter().for_each(|slot| slot.answered(Some(true), took_ms));
        assert_eq!(allowance.down_until(&vendor).is_some(), down, "{took_ms} ms of 1,000");
    }
}

#[test]
fn a_vendor_whose_hands_are_full_is_worth_what_it_has_just_achieved() {
    let (clock, allowance) = setup();
    let vendor = vendor(&["SMS"], 1_000, 10);
    allowance.own(Topic::send(Family::Sms, Lane::Mass), Lane::Mass, 1, 1);
    allowance.know(&vendor);
    assert!(allowance.at_most(&vendor, Lane::Mass) > 200.0);
    for second in 1..=3 {
        clock.to(second * 1_000);
        take(&allowance, &vendor, Lane::Mass, 100).into_iter().for_each(|slot| slot.answered(Some(true), 1));
    }
    assert_eq!(allowance.at_most(&vendor, Lane::Mass) as u32, 8, "eight of ten hands, once a second");
    clock.to(5_000);
    assert!(allowance.at_most(&vendor, Lane::Mass) > 200.0, "they are free again");
}
