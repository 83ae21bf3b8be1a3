//! The commands that speak with Kafka: send, topics, ledger.

use crate::support::{CHAIN, Deployment, Expected, PATIENCE, process::REQUESTS, simulator};
use connectors::simulator::{RequestLog, Requested};
use schemas::{Channel, Lane, State, Topic};
use serde_json::{Value, json};
use std::{path::Path, process::Output};
use topology::log::Outgoing;

const REQUEST: &str = include_str!("../../../schemas/examples/requests/sms.json");

fn line(message_id: &str) -> String {
    let mut request: Value = serde_json::from_str(REQUEST).unwrap();
    request["message_id"] = message_id.into();
    request.to_string()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("ended by a signal: {output:?}"))
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn result(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"))
}

#[test]
fn lines_that_are_no_requests_are_told_by_number_and_the_rest_arrives() {
    let Some(deployment) = Deployment::new(&simulator::everything_arrives(2)) else { return };
    let file = deployment.file("requests.jsonl");
    let lines =
        [line("GOOD-1"), "{\"mesage\":\"x\"}".into(), String::new(), line("GOOD-2"), "nonsense".into(), line("GOOD-3")];
    std::fs::write(&file, lines.join("\n")).unwrap();
    let sent = deployment.ims(&["send", file.to_str().unwrap(), "--lane", "auth", "--json"]);
    assert_eq!(code(&sent), 1, "{}", told(&sent));
    let result = result(&sent);
    assert_eq!((&result["topic"], &result["sent"], &result["refused"]), (&json!("API-AUTH"), &json!(3), &json!(2)));
    let refused: Vec<&Value> = result["refused_lines"].as_array().unwrap().iter().map(|line| &line["line"]).collect();
    assert_eq!(refused, [&json!(2), &json!(5)]);
    assert!(result["refused_lines"][0]["reason"].as_str().unwrap().contains("nearest is message"));
    let mut process = deployment.run("one", CHAIN);
    let settled = deployment.settle(Expected { messages: 3, within: PATIENCE });
    assert_eq!(settled.count(State::Delivered), 3);
    process.stop();
}

#[test]
fn the_ledger_tells_by_its_exit_code_what_the_books_say() {
    let Some(deployment) = Deployment::new(&simulator::everything_arrives(2)) else { return };
    let checkpoint = deployment.file("checkpoint.json");
    let checkpoint = checkpoint.to_str().unwrap();
    deployment.send(Lane::Mass, 5);
    assert_eq!(code(&deployment.ims(&["ledger", "--checkpoint", checkpoint])), 0);
    let unread = deployment.ims(&["ledger", "--settled", "--json"]);
    assert_eq!(code(&unread), 3);
    assert_eq!(result(&unread)["at_the_door_ids"].as_array().unwrap().len(), 5);

    let mut process = deployment.run("one", CHAIN);
    deployment.settle(Expected { messages: 5, within: PATIENCE });
    let log = deployment.file(&format!("one{REQUESTS}"));
    let all = deployment.ims(&["ledger", "--settled", "--requests", log.to_str().unwrap(), "--json"]);
    assert_eq!(code(&all), 0, "{}", told(&all));
    assert_eq!((&result(&all)["requested"], &result(&all)["ended"]["delivered"]), (&json!(5), &json!(5)));
    let since = deployment.ims(&["ledger", "--settled", "--since", checkpoint, "--json"]);
    assert_eq!(code(&since), 0, "{}", String::from_utf8_lossy(&since.stdout));
    assert_eq!(result(&since)["accepted"], json!(5));

    let serial = request_again(&log);
    let again = deployment.ims(&["ledger", "--requests", log.to_str().unwrap()]);
    assert_eq!(code(&again), 3);
    assert!(String::from_utf8_lossy(&again.stdout).contains(&format!("{serial} was requested 2 times")));

    let id = report_again(&deployment);
    let twice = deployment.ims(&["ledger"]);
    assert_eq!(code(&twice), 3);
    assert!(String::from_utf8_lossy(&twice.stdout).contains(&format!("{id} ended twice")));
    process.stop();
}

/// The vendor sees a step once more, and nothing announced it.
fn request_again(log: &Path) -> String {
    let first: Requested = RequestLog::read(log).unwrap().remove(0);
    RequestLog::open(log).unwrap().append(&first).unwrap();
    first.serial_number
}

/// A terminal report stands in its topic a second time.
fn report_again(deployment: &Deployment) -> String {
    let reports = deployment.records(Channel::ALL.iter().map(|&channel| Topic::report(channel)));
    let first = reports.into_iter().next().unwrap();
    let (topic, key, value, headers) = (first.place.topic, first.key.clone(), first.value, first.headers);
    deployment.append(&[Outgoing { topic, partition: None, key, value, headers }]);
    String::from_utf8(first.key.unwrap().to_vec()).unwrap()
}

#[test]
fn topics_that_differ_or_are_missing_are_told_with_the_remedy_and_creating_again_changes_nothing() {
    let Some(deployment) = Deployment::new(&simulator::everything_arrives(2)) else { return };
    assert_eq!(code(&deployment.ims(&["topics", "check"])), 0);
    let again = deployment.ims(&["topics", "create", "--json"]);
    assert_eq!((code(&again), &result(&again)["made_topics"]), (0, &json!([])));
    let other = deployment.ims(&["topics", "check", "--json", "--set", "kafka.partitions=4"]);
    assert_eq!(code(&other), 5);
    let wrong = result(&other)["wrong"].as_array().unwrap().clone();
    assert!(wrong.len() > 50, "every topic is told at once: {wrong:?}");
    assert!(wrong.iter().all(|line| line.as_str().unwrap().contains("set kafka.partitions = 3")), "{wrong:?}");

    // Where no topic is, nothing was lost: a balance of zeros would be no proof.
    let strange = deployment.ims(&["ledger", "--set", "kafka.topic_prefix=nobodys-"]);
    assert_eq!(code(&strange), 5);
    assert!(told(&strange).contains("ims topics create"), "{}", told(&strange));
}
