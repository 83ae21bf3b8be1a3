//! Producers that are newer than the program: a schema id that it does not know is learnt while it runs.

use crate::support::{CHAIN, Deployment, Expected, PATIENCE, load::request, simulator, until};
use crate::timed::groups::with_group;
use schemas::{Channel, Lane, Record, Report, SendRequest, State, Topic};
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use topology::log::Outgoing;

const TOPIC: Lane = Lane::Realtime;

/// Held by who registers new schemas: which id comes next is then known.
static REGISTERING: Mutex<()> = Mutex::new(());

/// Registers the next version of SendRequest, with a field that no program of today knows; answers its id.
fn register(deployment: &Deployment, url: &str, field: &str) -> u32 {
    let newer = SendRequest::SCHEMA.replacen(
        "\"fields\":[",
        &format!("\"fields\":[{{\"name\":\"{field}\",\"type\":[\"null\",\"string\"],\"default\":null}},"),
        1,
    );
    assert_ne!(newer, SendRequest::SCHEMA);
    let subject = format!("{}-{}", deployment.name, Topic::api(TOPIC).subject());
    let body = serde_json::json!({ "schema": newer, "schemaType": "AVRO" });
    let client = reqwest::blocking::Client::new();
    let answer = client.post(format!("{url}/subjects/{subject}/versions")).json(&body).send().unwrap();
    let said: serde_json::Value = answer.json().unwrap();
    said["id"].as_u64().and_then(|id| id.try_into().ok()).unwrap_or_else(|| panic!("{said}"))
}

/// A field's name that no other run has used: the registry has seen no such schema.
fn fresh_field(deployment: &Deployment, number: usize) -> String {
    format!("{}_{number}", deployment.name.replace('-', "_"))
}

/// A request as a producer with the newer schema writes it: the field comes first, and is filled.
fn newer_request(deployment: &Deployment, id: u32) -> (String, Outgoing) {
    let request = request("at");
    let mut record = deployment.record(TOPIC, &request);
    let value = record.value.unwrap();
    record.value = Some([&[0], &id.to_be_bytes()[..], &[2, 8], b"news", &value[5..]].concat().into());
    (request.message_id, record)
}

fn delivered(deployment: &Deployment) -> Vec<String> {
    let reports = deployment.decoded::<Report>([Topic::report(Channel::At)]);
    let delivered = reports.into_iter().filter(|report| report.terminal && report.state == State::Delivered);
    delivered.map(|report| report.message_id).collect()
}

#[test]
fn a_newer_request_is_accepted_and_reported_by_a_program_that_runs() {
    let _alone = REGISTERING.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((deployment, url)) = Deployment::with_registry(&simulator::everything_arrives(2)) else { return };
    let mut process = deployment.run("one", CHAIN);
    deployment.send(TOPIC, 3);
    deployment.until_more_requests(1);
    let id = register(&deployment, &url, &fresh_field(&deployment, 0));
    let (message_id, record) = newer_request(&deployment, id);
    deployment.append(&[record]);
    let settled = deployment.settle(Expected { messages: 4, within: PATIENCE });
    assert_eq!((settled.balance.dead_lettered, settled.count(State::Delivered)), (0, 4));
    assert!(settled.ends.values().any(|report| report.message_id == message_id));
    process.stop();
}

#[test]
fn an_id_that_is_registered_late_is_learnt_and_its_dead_letters_come_back() {
    let _alone = REGISTERING.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((deployment, url)) = Deployment::with_registry(&simulator::everything_arrives(2)) else { return };
    let mut process = deployment.run("one", CHAIN);
    let dead = || deployment.records([Topic::api(TOPIC).dead_letters()]).len();
    let mut sent = 0;
    // A registry counts: the id after the last one is what it gives next, unless somebody else is faster.
    let mut last = register(&deployment, &url, &fresh_field(&deployment, 0));
    let id = (1..10).find_map(|number| {
        let id = last + 1;
        deployment.append(&[newer_request(&deployment, id).1]);
        sent += 1;
        until("what nobody can read is a dead letter", PATIENCE, || (dead() == sent).then_some(()));
        last = register(&deployment, &url, &fresh_field(&deployment, number));
        (last == id).then_some(id)
    });
    let id = id.expect("an id that was not there at first");

    // The registry is not asked about it again for some seconds: meanwhile more become dead letters.
    let learnt = until("a request with the late id is delivered", Duration::from_secs(30), || {
        let (message_id, record) = newer_request(&deployment, id);
        deployment.append(&[record]);
        sent += 1;
        until("it is read or dead", PATIENCE, || {
            let delivered = delivered(&deployment).contains(&message_id);
            (delivered || dead() == sent).then_some(delivered.then(|| message_id.clone()))
        })
    });
    let settled = deployment.settle(Expected { messages: sent, within: PATIENCE });
    assert_eq!(settled.balance.dead_lettered as usize, sent - 1);
    assert!(settled.ends.values().any(|report| report.message_id == learnt));

    let topic = Topic::api(TOPIC).dead_letters();
    let of_late_id = |value: &[u8]| value.get(1..5) == Some(&id.to_be_bytes()[..]);
    let letters = deployment.records([topic]).into_iter();
    let late = letters.filter(|letter| letter.value.as_deref().is_some_and(of_late_id)).count();
    let reason = format!("schema id {id} ");
    let replayed = deployment.ims(&["replay", "--topic", topic.name(), "--reason", &reason]);
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stderr));
    until("the dead letters with the late id are delivered", PATIENCE, || {
        (delivered(&deployment).len() == 1 + late).then_some(())
    });
    let settled = deployment.settle(Expected { messages: sent, within: PATIENCE });
    assert_eq!(settled.count(State::Delivered), 1 + late);
    process.stop();
}

#[test]
fn the_exit_code_tells_whether_every_subject_is_as_it_should_be() {
    let Some((deployment, url)) = Deployment::with_registry(&simulator::everything_arrives(2)) else { return };
    let prefix = format!("kafka.topic_prefix={}-new-", deployment.name);
    // Topics of routing groups have subjects too.
    std::fs::write(deployment.file("reference.toml"), with_group()).unwrap();
    let ims = |command: &str| {
        let output = deployment.ims(&["schemas", command, "--json", "--set", &prefix]);
        let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), said)
    };
    let (code, before) = ims("check");
    let wrong = before["wrong"].as_array().unwrap();
    assert_eq!((code, wrong.len()), (Some(5), before["subjects"].as_u64().unwrap() as usize));
    assert!(wrong[0]["wrong"][0].as_str().unwrap().starts_with("is missing"), "{before}");
    assert!(wrong.iter().any(|of| of["subject"].as_str().unwrap().ends_with("-SEND-SMS-VIP-value")), "{before}");
    let never =
        deployment.ims(&["run", "--set", &prefix, "--set", "registry.register=false", "--set", "admin.listen="]);
    assert_eq!(never.status.code(), Some(5), "{}", String::from_utf8_lossy(&never.stderr));
    let (code, made) = ims("register");
    assert_eq!((code, made["registered"].as_array().unwrap().len()), (Some(0), wrong.len()), "{made}");
    let (code, after) = ims("check");
    assert_eq!((code, &after["wrong"]), (Some(0), &serde_json::json!([])), "{url}");
}
