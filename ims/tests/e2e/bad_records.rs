//! Records that nobody can read: each stands in the DLQ with why and whence, and its neighbours go on.

use crate::support::{CHAIN, Deployment, Expected, PATIENCE, load::request, now_ms, simulator, until};
use schemas::{Accepted, Channel, Lane, Report, ReportKind, State, Topic, examples};
use topology::{
    engine::{ORIGIN_HEADER, REASON_HEADER},
    log::{Outgoing, Record},
};

/// A request as people write it.
const AT: &str = include_str!("../../../schemas/examples/requests/at.json");

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
fn each_bad_record_stands_in_the_dlq_its_neighbours_arrive_and_a_mended_one_comes_back() {
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

    let offset = dead.iter().find(|record| record.key.as_deref() == Some(b"no UTF-8")).unwrap().offset.to_string();
    let file = deployment.file("mended.json");
    let mut mended: serde_json::Value = serde_json::from_str(AT).unwrap();
    mended["message_id"] = "MENDED-1".into();
    std::fs::write(&file, mended.to_string()).unwrap();
    let file = file.display().to_string();
    let replay = ["replay", "--topic", topic.dead_letters().name(), "--from", &offset, "--to", &offset, "--mended"];
    let replayed = deployment.ims(&[&replay[..], &[&file]].concat());
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stderr));
    until("the mended request is delivered", PATIENCE, || {
        let ended = deployment.balance().ended.get("delivered").copied();
        (ended == Some(bad.len() as u64 + 2)).then_some(())
    });
    let settled = deployment.settle(Expected { messages, within: PATIENCE });
    assert_eq!(settled.balance.dead_lettered as usize, bad.len() - 1);
    assert!(settled.ends.values().any(|r| r.message_id == "MENDED-1" && r.state == State::Delivered));
    process.stop();
}

#[test]
fn a_step_of_an_accepted_message_that_comes_back_mended_is_told_as_late() {
    let Some(deployment) = Deployment::new(&simulator::everything_arrives(1)) else { return };
    let mut process = deployment.run("one", CHAIN);
    let accepted = Accepted { expires_at: now_ms() + 3_600_000, ..examples::accepted() };
    let recv = Topic::recv(accepted.channel, accepted.lane);
    let (key, value) = (Some(accepted.track_id.clone().into()), Some("garbage".into()));
    deployment.append(&[Outgoing { topic: recv, partition: None, key, value, headers: vec![] }]);
    let told = || -> Vec<(ReportKind, State, bool)> {
        let reports = deployment.decoded::<Report>([Topic::report(Channel::At), Topic::report(Channel::Mt)]);
        reports.into_iter().map(|report| (report.kind, report.state, report.terminal)).collect()
    };
    let failed = (ReportKind::State, State::Failed, true);
    until("it ends as its record becomes a dead letter", PATIENCE, || (told() == [failed]).then_some(()));

    let file = deployment.file("mended.json");
    std::fs::write(&file, serde_json::to_string(&accepted).unwrap()).unwrap();
    let file = file.display().to_string();
    let letters = recv.dead_letters();
    let replayed =
        deployment.ims(&["replay", "--topic", letters.name(), "--from", "0", "--to", "0", "--mended", &file]);
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stderr));
    let late = (ReportKind::Late, State::Delivered, false);
    until("it is delivered", PATIENCE, || told().contains(&late).then_some(()));
    assert_eq!(told().len(), 2, "{:?}", told());
    process.stop();
}
