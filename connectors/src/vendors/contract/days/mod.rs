//! Bad days of a vendor of each kind: what becomes of a step, that nobody gets a message twice without a record of the
//! doubt, and that the other vendors have a good day meanwhile.

mod comes;
mod steps;
mod tls;
mod world;

use crate::simulator::{Behaviour, SimulatorSettings};
use crate::vendors::push::testing::NOW_MS;
use comes::{Comes, DAYS, KINDS, failing};
use processors::ports::Reply;
use schemas::Dispatch;
use std::path::Path;
use steps::step;
use world::World;

/// All take and deliver everything.
fn well() -> Behaviour {
    Behaviour { codes: failing(&["A000", "200", "0x00000000", "0", "2.0.0"]), ..Behaviour::perfect() }
}

/// What each kind of vendor says, of codes for all kinds.
fn of_kind(behaviour: Behaviour, kind: &str) -> Behaviour {
    let is_its = |code: &str| match kind {
        "google" => code == "200" || code.bytes().all(|byte| byte.is_ascii_uppercase()),
        "apple" => code == "200" || code.starts_with(char::is_uppercase) && code.contains(char::is_lowercase),
        "carrier" => code.starts_with("0x"),
        "relay" => code.starts_with(['2', '4', '5']) && code.contains('.'),
        "text-dealer" | "talk-dealer" => code == "0" || code.starts_with('-'),
        _ => code.starts_with("common.") || code.starts_with('A') && code.len() == 4,
    };
    let codes = behaviour.codes.into_iter().filter(|(code, _)| is_its(code)).collect();
    Behaviour { codes, ..behaviour }
}

fn settings(bad: &str, day: &Behaviour) -> SimulatorSettings {
    let kinds = KINDS.iter().map(|(kind, _)| {
        let behaviour = if *kind == bad { day.clone() } else { well() };
        ((*kind).to_owned(), of_kind(behaviour, kind))
    });
    SimulatorSettings { vendors: kinds.collect(), ..SimulatorSettings::default() }
}

/// Requests of one step that are followed on a bad day.
const FOLLOWED: usize = 3;

fn bad_days_of(place: usize) {
    let (bad, _) = KINDS[place];
    for (name, change, comes) in DAYS {
        let mut day = Behaviour { retry_after_ms: 2_500, ..well() };
        change(&mut day);
        let mut world = World::new(settings(bad, &day), Path::new(""));
        let steps = KINDS.map(|(kind, _)| step(kind));
        let replies = world.replies(&steps);
        for ((kind, good), (dispatch, reply)) in KINDS.into_iter().zip(steps.iter().zip(&replies)) {
            let expected = if kind == bad { comes[place] } else { good };
            assert_eq!(Comes::of(&world.settle(dispatch, reply)), expected, "{name} of {bad}, at {kind}: {reply:?}");
        }
        follow(&mut world, &format!("{name} of {bad}"), &steps[place], &replies[place]);
    }
}

/// Goes on as long as a sender would, some requests long.
fn follow(world: &mut World, what: &str, first: &Dispatch, reply: &Reply) {
    let (mut dispatch, mut reply) = (first.clone(), reply.clone());
    for request in 1..=FOLLOWED {
        let settled = world.settle(&dispatch, &reply);
        let requests = world.requests(&dispatch.vendor);
        let taken = requests.iter().filter(|request| request.taken).count();
        assert!(requests.len() <= request, "{what}: a request was made of itself: {requests:?}");
        let Some((due_ms, next)) = settled.again else { return };
        let recorded = settled.result.is_some_and(|result| result.ambiguous);
        assert!(taken == 0 || recorded, "{what}: taken, and asked again without a record");
        if matches!(reply, Reply::Throttled(_)) {
            // SMPP names no time: the settings do.
            let pause_ms = if dispatch.vendor == "carrier" { 1_000 } else { 2_500 };
            assert!(due_ms >= NOW_MS + pause_ms, "{what}: sooner than the vendor asked for");
        }
        if dispatch.vendor.ends_with("dealer") {
            assert!(taken <= 1, "{what}: it knows a repeat by its serial number, or is asked about it");
        }
        if next.vendor != dispatch.vendor {
            return assert!(taken == 0 && !recorded, "{what}: what may have arrived goes to another vendor");
        }
        reply = world.replies(std::slice::from_ref(&next)).remove(0);
        dispatch = next;
    }
}

#[test]
fn a_dealers_bad_days_end_as_they_should_and_are_nobody_elses() {
    bad_days_of(0);
}

#[test]
fn bad_days_of_rcs_end_as_they_should_and_are_nobody_elses() {
    bad_days_of(1);
}

#[test]
fn googles_bad_days_end_as_they_should_and_are_nobody_elses() {
    bad_days_of(2);
}

#[test]
fn apples_bad_days_end_as_they_should_and_are_nobody_elses() {
    bad_days_of(3);
}

#[test]
fn a_carriers_bad_days_end_as_they_should_and_are_nobody_elses() {
    bad_days_of(4);
}

#[test]
fn bad_days_of_a_dealer_that_knows_no_repeat_end_as_they_should_and_are_nobody_elses() {
    bad_days_of(5);
}

#[test]
fn bad_days_of_a_dealers_second_product_end_as_they_should_and_are_nobody_elses() {
    bad_days_of(6);
}

#[test]
fn a_mail_servers_bad_days_end_as_they_should_and_are_nobody_elses() {
    bad_days_of(7);
}
