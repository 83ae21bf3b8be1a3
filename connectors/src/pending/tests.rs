//! One suite for both backends.

use super::*;
use crate::redis::testing::{self, Servers, TIMEOUT, until};

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
