//! A routing group that gets topics of its own while the program sends.

use crate::support::{CHAIN, Deployment, Expected, PATIENCE, Process, now_ms, process, simulator, until};
use schemas::{Family, Lane, Topic, examples::seed};
use topology::log::kafka::Shape;

/// What `ims run` promises for a change of the reference data.
const TAKEN_UP_WITHIN_MS: i64 = 5_000;
const PARTITIONS: usize = 2;

/// More than the broker of the tests has.
const TOO_MANY_COPIES: &str = "replicas = 3";

/// The demo's reference data, with a group.
pub fn with_group() -> String {
    let demo = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../connectors/seed/demo.toml")).unwrap();
    let (name, customer) = ("VIP", seed::USERNAME);
    format!(
        "{demo}\n[[routing_groups]]\nname = \"{name}\"\npriority = \"REALTIME\"\nusernames = [\"{customer}\"]\n\
         topics = [\"SMS\", \"AT\"]\npartitions = {PARTITIONS}\n"
    )
}

/// Messages flow before, during and after the change, which must reach the chain in time; then the program is killed.
fn a_group_gets_its_topics(deployment: &Deployment, start: &dyn Fn() -> Process, change: &dyn Fn()) {
    let own = Topic::group(Family::Sms, "VIP").unwrap();
    let mut process = start();
    process.until_ready();
    let mut messages = 0;
    let mut send = |count| {
        deployment.append(&deployment.messages_like(&["sms"], Lane::Mass, count));
        messages += count;
        messages
    };
    deployment.settle(Expected { messages: send(20), within: PATIENCE });
    assert!(deployment.records([own]).is_empty());

    let changed_ms = now_ms();
    change();
    // Who asks brokers for a topic of this moment may be sent to the wrong one: the stream that reads it comes first.
    until("the group's topic is read", PATIENCE, || {
        send(1);
        let written = process.written();
        let read = |line: &str| line.contains(r#""message":"assigned","stream":"text-VIP""#);
        written.lines().any(read).then_some(())
    });
    let sent = send(30);
    let settled = deployment.settle(Expected { messages: sent, within: PATIENCE });
    assert_eq!(settled.balance.accepted as usize, sent);
    let over_own = deployment.records([own]);
    let first = over_own.iter().map(|record| record.timestamp_ms).min().unwrap();
    assert!(over_own.len() >= 30, "{}", over_own.len());
    assert!(over_own.iter().all(|record| (record.place.partition as usize) < PARTITIONS));
    eprintln!("the group's topic was written to after {} ms", first - changed_ms);
    assert!(first - changed_ms <= TAKEN_UP_WITHIN_MS, "{} ms", first - changed_ms);
    // What went over it left for the vendor: the stream that reads it came in time too.
    let delay = |id: &str| {
        let id = id.parse().unwrap();
        settled.ends.get(&id).map(|end| end.reported_at).unwrap() - changed_ms
    };
    let first_id =
        String::from_utf8(over_own.iter().min_by_key(|r| r.timestamp_ms).unwrap().key.clone().unwrap().to_vec());
    let ended_after_ms = delay(&first_id.unwrap());
    eprintln!("the first message over it had ended after {ended_after_ms} ms");

    // The program comes back after kill -9 and goes on where it stood.
    process.kill();
    let unread = send(20);
    let mut process = start();
    let settled = deployment.settle(Expected { messages: unread, within: PATIENCE });
    assert_eq!(settled.balance.accepted as usize, unread);
    assert!(deployment.records([own]).len() >= over_own.len() + 20);
    process.stop();
}

#[test]
fn a_group_of_a_file_gets_its_topics_within_five_seconds() {
    let Some(deployment) = Deployment::alone(&simulator::everything_arrives(20)) else { return };
    deployment.change_reference(&[("tps = 3000", "tps = 3000")]);
    let change = || std::fs::write(deployment.file("reference.toml"), with_group()).unwrap();
    a_group_gets_its_topics(&deployment, &|| deployment.run("one", CHAIN), &change);
}

#[test]
fn a_group_of_a_store_gets_its_topics_within_five_seconds() {
    let Some(deployment) = Deployment::alone(&simulator::everything_arrives(20)) else { return };
    let store = format!("store.file={}", process::store_of(&deployment, "one").display());
    let import = |text: &str| {
        let file = deployment.file("seed.toml");
        std::fs::write(&file, text).unwrap();
        let done = deployment.ims(&["reference", "import", &file.display().to_string(), "--set", &store]);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    import(&std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../connectors/seed/demo.toml")).unwrap());
    let start = || deployment.run_with("one", CHAIN, &[("IMS__REFERENCE__KIND", "sql")]);
    a_group_gets_its_topics(&deployment, &start, &|| import(&with_group()));
}

#[test]
fn a_group_whose_topics_are_refused_holds_up_nothing_and_gets_them_when_it_can() {
    let Some(deployment) = Deployment::new(&simulator::everything_arrives(20)) else { return };
    let own = [Family::Sms, Family::At].map(|family| Topic::group(family, "VIP").unwrap());
    let reference = deployment.file("reference.toml");
    let refused = format!("{}{TOO_MANY_COPIES}\n", with_group());
    std::fs::write(&reference, &refused).unwrap();
    let mut process = deployment.run("one", CHAIN);
    process.until_ready();
    let page = process.page("/health/ready").unwrap();
    assert!(page.contains(r#""refused_groups":[{"group":"VIP","cause":""#) && page.contains("replicas"), "{page}");
    assert!(process.page("/metrics").unwrap().contains("\nims_routing_groups_refused 1\n"));
    for command in ["check", "create"] {
        let told = deployment.ims(&["topics", command]);
        let text = String::from_utf8_lossy(&told.stdout);
        assert!(told.status.code() == Some(5) && text.contains("SEND-SMS-VIP"), "{command}: {text}");
    }

    // Its customers' messages go on with its priority, over the topics of all.
    deployment.append(&deployment.messages_like(&["sms"], Lane::Mass, 20));
    let settled = deployment.settle(Expected { messages: 20, within: PATIENCE });
    assert_eq!(settled.balance.accepted, 20);
    assert_eq!(deployment.records([Topic::send(Family::Sms, Lane::Realtime)]).len(), 20);

    // Changes of other data are taken up.
    std::fs::write(&reference, refused.replace("tps = 3000", "tps = 2000")).unwrap();
    let changed_ms = now_ms();
    until("another change is taken up", PATIENCE, || process.written().contains("taken up").then_some(()));
    assert!(now_ms() - changed_ms <= TAKEN_UP_WITHIN_MS, "{} ms", now_ms() - changed_ms);
    let told = process.written().lines().filter(|line| line.contains("is without its topics")).count();
    assert_eq!(told, 1, "{}", process.written());

    // Somebody makes what the group lacks.
    let shape = Shape { partitions: Some(PARTITIONS as i32), replicas: Some(1) };
    deployment.log.admin().unwrap().create_shaped(&own, shape, &[]).unwrap();
    process.until_owns(&["text-VIP".to_owned(), "kakao-VIP".to_owned()]);
    deployment.append(&deployment.messages_like(&["sms"], Lane::Mass, 20));
    let settled = deployment.settle(Expected { messages: 40, within: PATIENCE });
    assert_eq!(settled.balance.accepted, 40);
    assert_eq!(deployment.records([own[0]]).len(), 20);
    assert!(!process.page("/health/ready").unwrap().contains("refused_groups"));
    process.stop();
}
