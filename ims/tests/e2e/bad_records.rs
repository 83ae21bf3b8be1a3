//! Records that nobody can read: each stands in the DLQ with why and whence, and its neighbours go on.

use crate::support::{CHAIN, Deployment, Expected, PATIENCE, load::request, simulator};
use schemas::{Lane, State, Topic, examples};
use topology::{
    engine::{ORIGIN_HEADER, REASON_HEADER},
    log::{Outgoing, Record},
};

/// One of each kind: what it is, its value, how many headers it has.
fn bad(deployment: &Deployment) -> Vec<(&'static str, Vec<u8>, usize)> {
    let good = deployment.schemas.encode(&request("at"));
    let framed = |id: u32, datum: &[u8]| [&[0], &id.to_be_bytes()[..], datum].concat();
    let wrong_magic = [&[7], &good[1..]].concat();
    let truncated = good[..good.len() / 2].to_vec();
    let long = "가".repeat(330_000).into_bytes();
    // A name of the example in bytes that are no UTF-8, as long as it was.
    let at = good.windows(4).position(|bytes| bytes == b"ORD-" || bytes == b"E000").unwrap();
    let no_utf8 = [&good[..at], &[0xff, 0xfe, 0xfd, 0xfc], &good[at + 4..]].concat();
    vec![
        ("a schema id that nobody knows", framed(4_000_000_000, &good[5..]), 0),
        ("truncated", truncated, 0),
        ("a wrong magic byte", wrong_magic, 0),
        ("empty", Vec::new(), 0),
        ("1 MB of something else", long, 0),
        ("10,000 headers", vec![7], 10_000),
        ("no UTF-8", no_utf8, 0),
        ("another record", deployment.schemas.encode(&examples::report()), 0),
    ]
}

fn header<'r>(record: &'r Record, name: &str) -> Option<&'r str> {
    let found = record.headers.iter().find(|(known, _)| known == name);
    found.and_then(|(_, value)| std::str::from_utf8(value).ok())
}

#[test]
fn each_bad_record_stands_in_the_dlq_with_reason_and_origin_and_its_neighbours_arrive() {
    let Some(deployment) = Deployment::new(&simulator::everything_arrives(2)) else { return };
    let topic = Topic::api(Lane::Realtime);
    let bad = bad(&deployment);
    let neighbour = || Outgoing { partition: Some(0), ..deployment.record(Lane::Realtime, &request("at")) };
    for (what, value, headers) in &bad {
        let headers = (0..*headers).map(|n| (format!("h{n}"), "x".into())).collect();
        let key = Some(what.as_bytes().to_vec().into());
        let record = Outgoing { topic, partition: Some(0), key, value: Some(value.clone().into()), headers };
        deployment.append(&[neighbour(), record]);
    }
    deployment.append(&[neighbour()]);
    let mut process = deployment.run("one", CHAIN);
    let messages = 2 * bad.len() + 1;
    let settled = deployment.settle(Expected { messages, within: PATIENCE });
    assert_eq!(settled.balance.dead_lettered as usize, bad.len());
    assert_eq!(settled.count(State::Delivered), bad.len() + 1);

    let dead = deployment.records([topic.dead_letters()]);
    for (n, (what, value, headers)) in bad.iter().enumerate() {
        let record = dead.iter().find(|record| record.key.as_deref() == Some(what.as_bytes()));
        let record = record.unwrap_or_else(|| panic!("{what} is missing"));
        assert_eq!(record.value.as_deref().unwrap_or_default(), value, "{what}");
        assert!(record.headers.len() >= *headers);
        let reason = header(record, REASON_HEADER).unwrap_or_default();
        assert!(!reason.is_empty(), "{what} has no reason");
        let place = format!("{topic}/0/{}/", 2 * n + 1);
        assert!(header(record, ORIGIN_HEADER).is_some_and(|origin| origin.starts_with(&place)), "{what}");
        eprintln!("{what}: {reason}");
    }
    process.stop();
}
