//! A routing group that gets topics of its own while the program sends.

use crate::support::{CHAIN, Deployment, Expected, PATIENCE, Process, now_ms, process, simulator, until};
use schemas::{Family, Lane, Topic, examples::seed};

/// What `ims run` promises for a change of the reference data.
const TAKEN_UP_WITHIN_MS: i64 = 5_000;
const PARTITIONS: usize = 2;

/// The demo's reference data, with a group.
fn with_group() -> String {
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
    let Some(deployment) = Deployment::new(&simulator::everything_arrives(20)) else { return };
    deployment.change_reference("tps = 3000", "tps = 3000");
    let change = || std::fs::write(deployment.file("reference.toml"), with_group()).unwrap();
    a_group_gets_its_topics(&deployment, &|| deployment.run("one", CHAIN), &change);
}

#[test]
fn a_group_of_a_store_gets_its_topics_within_five_seconds() {
    let Some(deployment) = Deployment::new(&simulator::everything_arrives(20)) else { return };
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
