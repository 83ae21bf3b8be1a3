//! One suite for both backends.

use super::{memory::MemoryPending, *};
use crate::redis::testing::{self, Servers, TIMEOUT, until};
use processors::ports::PendingNotes as _;
use schemas::examples;
use std::time::{Duration, Instant};

/// Runs a test on every backend, with names that nobody else uses.
fn on_each(test: impl Fn(&mut dyn PendingReports, &dyn Fn(&str) -> ReportName)) {
    let username = testing::deployment();
    let name = |message_id: &str| ReportName {
        username: username.clone(),
        channel: Channel::At,
        message_id: message_id.to_owned(),
    };
    test(&mut MemoryPending::default(), &name);
    for settings in [testing::server(), testing::cluster()].into_iter().flatten() {
        test(&mut RedisPending::new(settings), &name);
    }
}

#[test]
fn a_report_is_found_while_it_is_pending_and_not_before_or_after() {
    on_each(|pending, name| {
        let names: Vec<_> = (0..50).map(|n| name(&format!("m{n}"))).collect();
        assert_eq!(pending.get(&names[0]).unwrap(), None);
        let reports: Vec<_> = names.iter().map(|name| (name.clone(), format!("{{\"name\":\"{name} 한\"}}"))).collect();
        pending.put(&reports).unwrap();
        for (name, json) in &reports {
            assert_eq!(pending.get(name).unwrap().as_deref(), Some(json.as_str()));
        }
        pending.remove(&names[..49]).unwrap();
        pending.remove(&names[..49]).unwrap();
        assert_eq!(pending.get(&names[48]).unwrap(), None);
        assert_eq!(pending.get(&names[49]).unwrap().as_deref(), Some(reports[49].1.as_str()));
        pending.put(&[]).unwrap();
        pending.remove(&names).unwrap();
    });
}

#[test]
fn a_newer_report_takes_the_place_of_an_older_one_of_its_name() {
    on_each(|pending, name| {
        pending.put(&[(name("m"), "1".into()), (name("m"), "2".into())]).unwrap();
        pending.put(&[(ReportName { channel: Channel::Mt, ..name("m") }, "3".into())]).unwrap();
        assert_eq!(pending.get(&name("m")).unwrap().as_deref(), Some("2"));
        pending.remove(&[name("m"), ReportName { channel: Channel::Mt, ..name("m") }]).unwrap();
    });
}

#[test]
fn a_redis_that_dies_is_away_and_then_has_what_it_had() {
    let Some(mut servers) = Servers::start(&[]) else { return };
    let name = ReportName { username: "hanbit".into(), channel: Channel::At, message_id: "m".into() };
    assert_eq!(name.to_string(), "hanbit:AT:m");
    let mut pending = RedisPending::new(servers.settings(TIMEOUT));
    pending.put(&[(name.clone(), "{}".into())]).unwrap();
    servers.kill(1);
    assert_eq!(pending.get(&name).unwrap_err().dependency, "redis");
    servers.restart(1);
    assert_eq!(until(|| pending.get(&name).ok()).as_deref(), Some("{}"));
    let ::redis::Value::Int(left_ms) = servers.command(1, &["PTTL", "hanbit:AT:m"]) else { panic!("no number") };
    assert!(left_ms > 30 * 24 * 3_600_000, "goes by itself, and not before its topic: {left_ms}");
}

/// A report of a message with this id.
fn report(message_id: &str) -> Report {
    Report { message_id: message_id.to_owned(), ..examples::report() }
}

#[test]
fn notes_are_found_as_the_customer_is_told_until_the_report_ends() {
    let Some(servers) = Servers::start(&[]) else { return };
    let mut notes = Notes::start(Box::new(RedisPending::new(servers.settings(TIMEOUT)))).unwrap();
    let mut reader = RedisPending::new(servers.settings(TIMEOUT));
    let mut get = |message_id: &str| reader.get(&ReportName::of(&report(message_id))).unwrap();
    notes.failed(&[report("first"), report("second")]);
    let json = until(|| get("second"));
    let told: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&told["message_id"], &told["state"]), (&"second".into(), &"DELIVERED".into()));
    notes.ended(&[report("second")]);
    // What is noted in one breath counts in its order.
    notes.failed(&[report("third")]);
    notes.ended(&[report("third")]);
    notes.ended(&[report("fourth")]);
    notes.failed(&[report("fourth")]);
    until(|| get("fourth"));
    assert_eq!((get("second"), get("third")), (None, None));
    notes.failed(&[report("last")]);
    drop(notes);
    assert!(get("last").is_some() && get("first").is_some(), "a graceful end writes what was noted");
}

#[test]
fn noting_waits_for_no_redis_and_what_was_noted_meanwhile_comes_when_it_is_back() {
    let Some(mut servers) = Servers::start(&[]) else { return };
    let mut notes = Notes::start(Box::new(RedisPending::new(servers.settings(TIMEOUT)))).unwrap();
    let mut reader = RedisPending::new(servers.settings(TIMEOUT));
    for trouble in ["STOP", "KILL"] {
        match trouble {
            "KILL" => servers.kill(1),
            signal => servers.signal(1, signal),
        }
        let begun = Instant::now();
        // More than are kept for it.
        for number in 0..15_000 {
            notes.failed(&[report(&format!("{trouble}-{number}"))]);
        }
        notes.ended(&[report("any")]);
        assert!(begun.elapsed() < Duration::from_secs(10), "{trouble}: {:?} for 15,000", begun.elapsed());
        match trouble {
            "KILL" => servers.restart(1),
            _ => servers.signal(1, "CONT"),
        }
        until(|| reader.get(&ReportName::of(&report(&format!("{trouble}-5000")))).ok().flatten());
    }
}

#[test]
fn a_redis_that_fills_up_keeps_its_room_for_claims() {
    let Some(servers) = Servers::start(&["--", "--maxmemory", "20mb"]) else { return };
    let mut pending = RedisPending::new(servers.settings(TIMEOUT));
    let name = |message_id: &str| ReportName::of(&report(message_id));
    assert_eq!(pending.put(&[(name("first"), "{}".into())]), Ok(true));
    servers.command(1, &["SETRANGE", "ballast", "16000000", "x"]);
    until(|| (pending.put(&[(name("second"), "{}".into())]) == Ok(false)).then_some(()));
    servers.command(1, &["SET", "claim", "x"]);
    // Removing needs no room.
    pending.remove(&[name("first")]).unwrap();
    assert_eq!(pending.get(&name("first")), Ok(None));
    servers.command(1, &["DEL", "ballast"]);
    until(|| (pending.put(&[(name("third"), "{}".into())]) == Ok(true)).then_some(()));
}
