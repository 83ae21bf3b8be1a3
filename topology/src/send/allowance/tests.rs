mod shown;

use super::*;
use crate::told::Told;
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
fn who_owns_all_of_auth_has_all_of_its_part_though_some_families_have_no_auth() {
    let (_, allowance) = setup();
    let vendor = vendor(&["AT", "FT", "BT", "SMS", "LMS", "MMS"], 1_000, 10_000);
    for family in [Family::At, Family::Sms] {
        allowance.own(Topic::send(family, Lane::Auth), Lane::Auth, 20, 20);
    }
    assert!((allowance.at_most(&vendor, Lane::Auth) - 1_000.0 * 0.2).abs() < 1e-6);
    allowance.own(Topic::send(Family::Sms, Lane::Auth), Lane::Auth, 0, 20);
    assert!((allowance.at_most(&vendor, Lane::Auth) - 1_000.0 * 0.1).abs() < 1e-6);
}

#[test]
fn topics_of_groups_that_others_read_count_too() {
    let (_, allowance) = setup();
    let vendor = vendor(&["SMS", "LMS"], 1_000, 10_000);
    allowance.own(Topic::send(Family::Lms, Lane::Mass), Lane::Mass, 20, 20);
    let rate = |of: f64| 1_000.0 * 0.3 * 20.0 / of;
    assert!((allowance.at_most(&vendor, Lane::Mass) - rate(40.0)).abs() < 1e-6);
    // Of the family that this process does not read: one of 10 partitions, one of as many as all topics have.
    allowance.beside(Topic::group(Family::Sms, "VIP").unwrap(), Lane::Mass, Some(10));
    assert!((allowance.at_most(&vendor, Lane::Mass) - rate(50.0)).abs() < 1e-6);
    let known = Topic::group(Family::Sms, "SHOPS").unwrap();
    allowance.beside(known, Lane::Mass, None);
    assert!((allowance.at_most(&vendor, Lane::Mass) - rate(70.0)).abs() < 1e-6);
    allowance.own(known, Lane::Mass, 5, 15);
    allowance.beside(known, Lane::Mass, None);
    assert!((allowance.at_most(&vendor, Lane::Mass) - 1_000.0 * 0.3 * 25.0 / 65.0).abs() < 1e-6, "what is known stays");
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
    // For a month, it says: it is asked again after a quarter of an hour.
    allowance.quiet(&vendor, Duration::from_secs(30 * 24 * 3_600));
    clock.to(902_999);
    assert!(take(&allowance, &vendor, Lane::Auth, 1).is_empty());
    clock.to(903_000);
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
    slots.into_iter().for_each(|slot| slot.ended(Word::Ailing("500"), 1));
    assert_eq!(allowance.down_until(&vendor), Some(11_000));
    assert!(matches!(allowance.admit(&vendor, Lane::Auth, 1), Admission::Down));
    clock.to(11_000);
    let trials = take(&allowance, &vendor, Lane::Mass, 100);
    assert_eq!(trials.len(), 5);
    trials.into_iter().for_each(|slot| slot.ended(Word::Well, 1));
    assert_eq!(take(&allowance, &vendor, Lane::Mass, 100).len(), 100);
}

#[test]
fn a_trial_that_the_rate_refuses_is_not_lost() {
    let (clock, allowance) = setup();
    let vendor = vendor(&["SMS"], 1_000, 1_000);
    allowance.own(Topic::send(Family::Sms, Lane::Mass), Lane::Mass, 1, 1);
    allowance.know(&vendor);
    clock.to(1_000);
    take(&allowance, &vendor, Lane::Mass, 20).into_iter().for_each(|slot| slot.ended(Word::Ailing("500"), 1));
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
        take(&allowance, &vendor, Lane::Mass, 20).into_iter().for_each(|slot| slot.ended(Word::Well, took_ms));
        assert_eq!(allowance.down_until(&vendor).is_some(), down, "{took_ms} ms of 1,000");
    }
}

#[test]
fn that_a_key_is_refused_is_told_once_and_again_only_after_it_was_taken() {
    let (clock, allowance) = setup();
    let vendor = vendor(&["SMS"], 100_000, 1_000);
    allowance.own(Topic::send(Family::Sms, Lane::Mass), Lane::Mass, 1, 1);
    allowance.know(&vendor);
    clock.to(1_000);
    let told = Told::at(tracing::Level::ERROR);
    let refuse = |most| {
        let slots = take(&allowance, &vendor, Lane::Mass, most);
        assert_eq!(slots.len(), most);
        slots.into_iter().for_each(|slot| slot.ended(Word::LockedOut("common.A401", ""), 1));
    };
    tracing::subscriber::with_default(told.clone(), || {
        refuse(20);
        assert_eq!(told.count(), 1);
        assert!(allowance.down_until(&vendor).is_some(), "it is left alone");
        // A minute on: one that comes and goes fills no log.
        clock.to(62_000);
        take(&allowance, &vendor, Lane::Mass, 5).into_iter().for_each(|slot| slot.ended(Word::Well, 1));
        refuse(1);
        assert_eq!(told.count(), 2);
    });
}

#[test]
fn parts_of_what_is_allowed_beside_sends_are_never_more_than_one_together() {
    let vendor = vendor(&["AT", "SMS", "MMS"], 200, 100);
    let alone = setup().1;
    for family in [Family::At, Family::Sms, Family::Mms] {
        Lane::ALL.iter().for_each(|lane| alone.own(Topic::send(family, *lane), *lane, 3, 3));
    }
    assert!((alone.part(&vendor) - 1.0).abs() < 1e-9, "{}", alone.part(&vendor));
    // One with 알림톡 and AUTH's texts, one with two thirds of the other texts, one with the rest.
    let processes = [setup().1, setup().1, setup().1];
    Lane::ALL.iter().for_each(|lane| processes[0].own(Topic::send(Family::At, *lane), *lane, 3, 3));
    processes[0].own(Topic::send(Family::Sms, Lane::Auth), Lane::Auth, 3, 3);
    for (process, owned) in [(1, 2), (2, 1)] {
        for lane in [Lane::Realtime, Lane::Mass, Lane::Ad] {
            processes[process].own(Topic::send(Family::Sms, lane), lane, owned, 3);
            processes[process].own(Topic::send(Family::Mms, lane), lane, owned, 3);
        }
    }
    let parts: Vec<f64> = processes.iter().map(|process| process.part(&vendor)).collect();
    assert!(parts.iter().all(|part| *part > 0.0), "{parts:?}");
    assert!((parts.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{parts:?}");
    assert_eq!(setup().1.part(&vendor), 0.0, "who owns nothing leaves it to others");
}

#[test]
fn a_vendor_whose_hands_are_full_is_worth_them_by_what_its_answers_take() {
    let (clock, allowance) = setup();
    let vendor = Arc::new(Vendor { timeout_ms: 16_000, ..(*vendor(&["SMS"], 1_000, 10)).clone() });
    let worth = || allowance.at_most(&vendor, Lane::Mass);
    allowance.own(Topic::send(Family::Sms, Lane::Mass), Lane::Mass, 1, 1);
    allowance.know(&vendor);
    assert!(worth() > 200.0);
    clock.to(1_000);
    let first = take(&allowance, &vendor, Lane::Mass, 100);
    assert_eq!(worth(), 0.5, "nothing has answered: eight of ten hands, in what the longest answer may take");
    clock.to(3_000);
    first.into_iter().for_each(|slot| slot.ended(Word::Well, 2_000));
    let second = take(&allowance, &vendor, Lane::Mass, 100);
    assert_eq!(worth(), 4.0);
    clock.to(3_500);
    assert!(take(&allowance, &vendor, Lane::Mass, 1).is_empty());
    assert_eq!(worth(), 4.0, "that nothing has ended for half a second says nothing of a slow vendor");
    for ms in (4_000..=7_000).step_by(500) {
        clock.to(ms);
        assert!(take(&allowance, &vendor, Lane::Mass, 1).is_empty());
    }
    assert_eq!(worth(), 2.0, "it has become slower: nothing has ended for 4 s");
    clock.to(8_000);
    assert!(worth() > 200.0, "nobody wants them any more");
    drop(second);
}

/// A process, and the partitions of each lane of SEND-SMS that are its own: of 4.
struct Process {
    allowance: Arc<Allowance>,
    clock: Arc<Moved>,
}

impl Process {
    fn new() -> Self {
        let (clock, allowance) = setup();
        Self { allowance, clock }
    }

    fn owns(&self, lanes: [u32; 4]) {
        for (lane, owned) in Lane::ALL.iter().zip(lanes) {
            self.allowance.own(Topic::send(Family::Sms, *lane), *lane, owned, 4);
        }
    }

    /// Takes all that it may, in every lane, at this moment.
    fn take_all(&self, vendor: &Arc<Vendor>, now_ms: i64, taken: &mut Vec<i64>) {
        self.clock.to(now_ms);
        for lane in Lane::ALL {
            for slot in take(&self.allowance, vendor, *lane, usize::MAX) {
                slot.ended(Word::Well, 1);
                taken.push(now_ms);
            }
        }
    }
}

/// Most requests of any second.
fn most_in_a_second(taken: &[i64]) -> usize {
    let within = |first: usize| taken[first..].iter().take_while(|at| **at < taken[first] + 1_000).count();
    (0..taken.len()).map(within).max().unwrap_or(0)
}

#[test]
fn two_processes_never_take_more_than_the_rate_and_a_burst_also_while_partitions_move() {
    let vendor = vendor(&["SMS"], 500, 10_000);
    // Who owns what, before, while partitions are between two owners, and after.
    for turns in [
        [[[4; 4], [0; 4]], [[2; 4], [0; 4]], [[2; 4], [2; 4]]],
        [[[4, 0, 0, 0], [0, 4, 4, 4]], [[0; 4], [0; 4]], [[0, 4, 4, 4], [4, 0, 0, 0]]],
        [[[1, 2, 3, 4], [3, 2, 1, 0]], [[1, 2, 1, 0], [3, 2, 1, 0]], [[1, 2, 1, 0], [3, 2, 3, 4]]],
    ] {
        let processes = [Process::new(), Process::new()];
        let mut taken = Vec::new();
        for now_ms in 0..15_000 {
            if let Some(turn) = [0, 7_000, 7_001].iter().position(|at| *at == now_ms) {
                processes.iter().zip(turns[turn]).for_each(|(process, lanes)| process.owns(lanes));
            }
            processes.iter().for_each(|process| process.take_all(&vendor, now_ms, &mut taken));
        }
        let most = most_in_a_second(&taken);
        assert!(most <= 550, "{most} in a second of {turns:?}");
        let steady = |seconds: std::ops::Range<i64>| taken.iter().filter(|at| seconds.contains(*at)).count();
        for second in (1..7).chain(9..15) {
            let of_second = steady(second * 1_000..(second + 1) * 1_000);
            assert!(of_second >= 475, "{of_second} of 500 in second {second} of {turns:?}");
        }
    }
}

#[test]
fn one_process_with_all_the_work_uses_the_rate() {
    let vendor = vendor(&["SMS"], 500, 10_000);
    for lanes in [Lane::ALL, &[Lane::Auth], &[Lane::Mass]] {
        let process = Process::new();
        process.owns([4; 4]);
        let mut taken = 0;
        for now_ms in 0..11_000 {
            process.clock.to(now_ms);
            for lane in lanes {
                let slots = take(&process.allowance, &vendor, *lane, usize::MAX);
                taken += if now_ms >= 1_000 { slots.len() } else { 0 };
                slots.into_iter().for_each(|slot| slot.ended(Word::Well, 1));
            }
        }
        assert!((4_750..=5_000).contains(&taken), "{taken} in ten seconds of {lanes:?}");
    }
}

#[test]
fn each_vendor_is_told_with_what_keeps_messages_from_it() {
    let (clock, allowance) = setup();
    let row = |name: &str, paused| Vendor { name: name.into(), paused, ..(*vendor(&["SMS"], 100_000, 1_000)).clone() };
    let vendors = vec![row("new", false), row("off", true), row("out", false), row("up", false)];
    let seed = processors::reference::Seed { vendors, ..Default::default() };
    let reference = processors::reference::Reference::new(seed).unwrap();
    assert_eq!(allowance.stands(&reference), [], "nothing is sent from here");
    allowance.own(Topic::send(Family::Sms, Lane::Mass), Lane::Mass, 1, 1);
    let of = |name: &str| Arc::clone(reference.vendor(Family::Sms, name).unwrap());
    ["out", "up"].iter().for_each(|name| allowance.know(&of(name)));
    clock.to(1_000);
    take(&allowance, &of("up"), Lane::Mass, 1).into_iter().for_each(|slot| slot.ended(Word::Well, 1));
    for slot in take(&allowance, &of("out"), Lane::Mass, 20) {
        slot.ended(Word::LockedOut("A401", "no such key"), 1);
    }
    let stands = allowance.stands(&reference);
    let short: Vec<_> = stands.iter().map(|s| (&*s.vendor, s.state, s.reached, s.breaker, s.since_ms)).collect();
    assert_eq!(
        short,
        [
            ("new", How::NotAsked, None, "closed", None),
            ("off", How::Paused, None, "closed", None),
            ("out", How::LockedOut, Some(true), "open", Some(1_000)),
            ("up", How::Well, Some(true), "closed", None),
        ]
    );
    assert!(stands[1].why.as_ref().is_some_and(|why| why.contains("ims vendor resume off")));
    let why = stands[2].why.as_ref().unwrap();
    assert!(why.contains("A401 no such key") && why.contains("[vendors.out]"), "{why}");
}

#[test]
fn what_was_put_aside_waits_until_it_is_due_and_is_found_by_its_names() {
    let (clock, allowance) = setup();
    let seed = processors::reference::Seed { vendors: vec![(*vendor(&["SMS"], 1, 1)).clone()], ..Default::default() };
    let reference = processors::reference::Reference::new(seed).unwrap();
    allowance.own(Topic::send(Family::Sms, Lane::Mass), Lane::Mass, 1, 1);
    let aside = |track_id: &str, due_ms| Aside {
        vendor: "kt".into(),
        due_ms,
        track_id: track_id.into(),
        username: "shop".into(),
        message_id: format!("ORD-{track_id}"),
    };
    allowance.put_aside([aside("A", 5_000), aside("B", 9_000)]);
    allowance.holds("text-MASS", vec![("kt".into(), 7), ("other".into(), 100)]);
    let waiting = || allowance.stands(&reference)[0].waiting;
    assert_eq!(waiting(), 9);
    assert_eq!(allowance.waits("A", None), Some(aside("A", 5_000)));
    assert_eq!(allowance.waits("ORD-B", Some("shop")), Some(aside("B", 9_000)));
    assert_eq!(allowance.waits("ORD-B", Some("another")), None);
    clock.to(6_000);
    assert_eq!((waiting(), allowance.waits("A", None)), (8, None));
    allowance.holds("text-MASS", Vec::new());
    assert_eq!(waiting(), 1);
}
