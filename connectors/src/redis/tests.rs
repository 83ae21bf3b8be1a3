//! Round trips: to the right node, within their time, and with the answers that belong to them.

use super::testing::{Servers, TIMEOUT, cluster, server, until};
use super::*;
use ::redis::Value;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// SET or GET of some keys named after `name`, spread over all slots.
fn batch(command: &str, name: &str, count: usize) -> Batch {
    let mut batch = Batch::default();
    for number in 0..count {
        let (key, value) = (format!("{name}:{number}"), number.to_string());
        let words: &[&[u8]] = match command {
            "SET" => &[b"SET", key.as_bytes(), value.as_bytes(), b"PX", b"60000"],
            other => &[other.as_bytes(), key.as_bytes()],
        };
        batch.push(slot_of(key.as_bytes()), words);
    }
    batch
}

#[track_caller]
fn assert_holds(redis: &mut Redis, name: &str, count: usize) {
    let mut answers = Vec::new();
    until(|| redis.ask(&batch("GET", name, count), &mut answers).ok());
    let expected: Vec<_> = (0..count).map(|number| Value::BulkString(number.to_string().into_bytes())).collect();
    assert_eq!(answers, expected);
}

#[test]
fn answers_come_in_the_order_of_the_commands_whichever_node_gives_them() {
    for settings in [server(), cluster()].into_iter().flatten() {
        let mut redis = Redis::new(settings);
        redis.ask(&batch("SET", "order", 300), &mut Vec::new()).unwrap();
        assert_holds(&mut redis, "order", 300);
        let mut none = vec![Value::Okay];
        redis.ask(&Batch::default(), &mut none).unwrap();
        assert_eq!(none, []);
    }
}

#[test]
fn a_server_that_hangs_takes_no_longer_than_the_time_out_and_its_late_answers_are_nobodys() {
    let Some(servers) = Servers::start(&[]) else { return };
    let mut redis = Redis::new(servers.settings(Duration::from_millis(400)));
    redis.ask(&batch("SET", "before", 1000), &mut Vec::new()).unwrap();
    servers.signal(1, "STOP");
    // On the connection that is there, and on one that is to be made.
    for _ in 0..2 {
        let began = Instant::now();
        let away = redis.ask(&batch("SET", "hanging", 1000), &mut Vec::new()).unwrap_err();
        let took = began.elapsed();
        assert!(took >= Duration::from_millis(350) && took < Duration::from_millis(1500), "{took:?}");
        assert!(away.dependency == "redis" && away.to_string().contains("no answer"), "{away}");
        assert!(!redis.is_connected());
    }
    // More than fits into what lies between: the writing hangs.
    let mut large = Batch::default();
    let value = vec![b'x'; 1 << 20];
    (0..40).for_each(|_| large.push(slot_of(b"large"), &[b"SET", b"large", &value]));
    servers.signal(1, "CONT");
    until(|| redis.ask(&batch("GET", "before", 1), &mut Vec::new()).ok());
    servers.signal(1, "STOP");
    let took = std::thread::scope(|scope| {
        let (asked, waited) = mpsc::channel::<()>();
        // Should it hang for good, the server goes on after a while, and the time tells.
        let servers = &servers;
        scope.spawn(move || {
            if waited.recv_timeout(Duration::from_secs(5)) == Err(mpsc::RecvTimeoutError::Timeout) {
                servers.signal(1, "CONT");
            }
        });
        let began = Instant::now();
        redis.ask(&large, &mut Vec::new()).unwrap_err();
        drop(asked);
        began.elapsed()
    });
    assert!(took < Duration::from_secs(4), "{took:?}");
    servers.signal(1, "CONT");
    assert_holds(&mut redis, "before", 1000);
}

#[test]
fn a_connection_that_the_server_closed_while_it_was_idle_is_made_anew_at_once() {
    let Some(servers) = Servers::start(&[]) else { return };
    let mut redis = Redis::new(servers.settings(TIMEOUT));
    redis.ask(&batch("SET", "idle", 10), &mut Vec::new()).unwrap();
    servers.command(1, &["CLIENT", "KILL", "TYPE", "normal"]);
    let mut answers = Vec::new();
    redis.ask(&batch("GET", "idle", 10), &mut answers).unwrap();
    assert_eq!(answers[9], Value::BulkString(b"9".to_vec()));
}

#[test]
fn a_cluster_is_found_by_any_of_its_nodes_although_another_hangs() {
    let Some(nodes) = std::env::var("IMS_TEST_REDIS_CLUSTER").ok().filter(|_| cluster().is_some()) else { return };
    // Takes connections, and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let password = nodes.split(['/', '@']).nth(2).unwrap();
    let urls = format!("redis://{password}@{},{nodes}", silent.local_addr().unwrap());
    let mut redis = Redis::new(RedisSettings::new(&urls, TIMEOUT).unwrap());
    redis.ask(&batch("SET", "found", 100), &mut Vec::new()).unwrap();
    assert_holds(&mut redis, "found", 100);
}

#[test]
fn a_slot_that_moves_is_followed_while_it_moves_and_afterwards() {
    let Some(servers) = Servers::start(&["--nodes", "3"]) else { return };
    let mut redis = Redis::new(servers.settings(TIMEOUT));
    redis.ask(&batch("SET", "{moving}", 50), &mut Vec::new()).unwrap();
    let slot = slot_of(b"{moving}").to_string();
    let owner = (1..=3).find(|&node| servers.command(node, &["CLUSTER", "COUNTKEYSINSLOT", &slot]) == Value::Int(50));
    let from = owner.unwrap();
    let to = from % 3 + 1;
    let id = |node| match servers.command(node, &["CLUSTER", "MYID"]) {
        Value::BulkString(id) => String::from_utf8(id).unwrap(),
        other => panic!("{other:?}"),
    };
    servers.command(to, &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &id(from)]);
    servers.command(from, &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &id(to)]);
    let port = servers.told(&format!("REDIS_{to}_PORT")).to_owned();
    let password = servers.told("REDIS_PASSWORD").to_owned();
    // Half of the keys are there already: ASK for these, an answer for the others.
    let migrate = |number: usize| {
        let key = format!("{{moving}}:{number}");
        servers.command(from, &["MIGRATE", "127.0.0.1", &port, &key, "0", "5000", "AUTH", &password]);
    };
    (0..25).for_each(migrate);
    assert_holds(&mut redis, "{moving}", 50);
    assert!(redis.is_connected(), "a slot that moves is no failure");
    (25..50).for_each(migrate);
    for node in [to, from, 6 - to - from] {
        servers.command(node, &["CLUSTER", "SETSLOT", &slot, "NODE", &id(to)]);
    }
    let connections = |node| match servers.command(node, &["INFO", "stats"]) {
        Value::BulkString(told) => {
            let told = String::from_utf8(told).unwrap();
            let line = told.lines().find_map(|line| line.strip_prefix("total_connections_received:"));
            line.unwrap().parse::<u64>().unwrap()
        }
        other => panic!("{other:?}"),
    };
    let connections = || (1..=3).map(connections).sum::<u64>();
    let before = connections();
    let mut answers = Vec::new();
    redis.ask(&batch("GET", "{moving}", 50), &mut answers).unwrap();
    assert_eq!(answers[49], Value::BulkString(b"49".to_vec()));
    assert_eq!(connections() - before, 3, "MOVED is no failure: only those that ask here are new");
    assert_holds(&mut redis, "{moving}", 50);
}

#[test]
fn tls_is_spoken_with_a_server_whose_authority_is_known_and_with_no_other() {
    let Some(servers) = Servers::start(&["--tls"]) else { return };
    let authority = std::fs::read(servers.told("REDIS_CA_FILE")).unwrap();
    let settings = || servers.settings(TIMEOUT);
    let mut redis = Redis::new(settings().with_authorities(authority).unwrap());
    redis.ask(&batch("SET", "tls", 500), &mut Vec::new()).unwrap();
    assert_holds(&mut redis, "tls", 500);
    let stranger = Redis::new(settings()).ask(&batch("GET", "tls", 1), &mut Vec::new()).unwrap_err();
    assert!(stranger.to_string().to_lowercase().contains("certificate"), "{stranger}");
}

#[test]
fn a_server_that_cannot_be_used_says_why() {
    let Some(servers) = Servers::start(&["--", "--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru"]) else {
        return;
    };
    let refused = |settings| Redis::new(settings).ask(&batch("GET", "k", 1), &mut Vec::new()).unwrap_err().to_string();
    let evicts = refused(servers.settings(TIMEOUT));
    assert!(evicts.contains("set maxmemory-policy from allkeys-lru to noeviction"), "{evicts}");
    let wrong = refused(servers.settings(TIMEOUT).with_password("geheim"));
    assert!(wrong.contains("authentication") && !wrong.contains("geheim"), "{wrong}");
    let twice = format!("{0},{0}", servers.urls());
    servers.command(1, &["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    let single = refused(RedisSettings::new(&twice, TIMEOUT).unwrap());
    assert!(single.contains("is no node of a cluster"), "{single}");
    let Ok(nodes) = std::env::var("IMS_TEST_REDIS_CLUSTER") else { return };
    let one = nodes.split(',').next().unwrap();
    let node = refused(RedisSettings::new(one, TIMEOUT).unwrap());
    assert!(node.contains("name several of its nodes"), "{node}");
}

#[test]
fn an_address_that_cannot_be_used_is_told_without_its_password() {
    let refused = |urls: &str| RedisSettings::new(urls, TIMEOUT).unwrap_err().to_string();
    for (urls, why) in [
        ("", "missing"),
        ("redis://:geheim@a,", "missing"),
        ("http://:geheim@a", "neither redis:// nor rediss://"),
        ("redis://:geheim@a:99999", "cannot be understood"),
        ("redis://:geheim@a/x", "cannot be understood"),
        ("rediss://:geheim@a/#insecure", "#insecure"),
        ("redis://:geheim@a,rediss://:geheim@b", "some addresses ask for TLS"),
        ("redis://:geheim@a/1,redis://:geheim@b/1", "no database but 0"),
    ] {
        let text = refused(urls);
        assert!(text.contains(why) && text.contains("state.url") && !text.contains("geheim"), "{urls}: {text}");
    }
    let settings = RedisSettings::new("redis://:geheim@a,redis://b:7000", TIMEOUT).unwrap();
    let shown = format!("{settings:?}");
    assert!(shown.contains("a:6379") && shown.contains("b:7000") && !shown.contains("geheim"), "{shown}");
    let tls = RedisSettings::new("rediss://a", TIMEOUT).unwrap();
    assert!(tls.is_tls() && tls.with_authorities(b"no certificate".to_vec()).is_err());
    assert!(RedisSettings::new("redis://a", Duration::ZERO).is_err(), "no time at all");
}

#[test]
fn keys_fall_into_the_slots_of_the_cluster_specification() {
    assert_eq!(slot_of(b"123456789"), 0x31c3 % SLOTS);
    assert_eq!(slot_of(b"{user1000}.following"), slot_of(b"{user1000}.followers"));
    assert_eq!(slot_of(b"foo{}{bar}"), 8363, "empty braces mean nothing");
    assert_eq!(slot_of(b"foo{{bar}}zap"), slot_of(b"{bar"));
    assert_eq!(slot_of(b"foo{bar}{zap}"), slot_of(b"bar"));
}
