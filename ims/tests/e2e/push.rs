//! App push over HTTP/2: `ims run` and `ims simulate`, two processes, for both services.

use crate::support::{CHAIN, Deployment, Expected, PATIENCE, Process, Settled, load::request};
use schemas::{Lane, State};
use std::{
    collections::BTreeMap,
    process::{Command, Stdio},
};
use topology::log::Outgoing;

/// What `ims.toml` says of the services, and how they behave.
fn settings(behaviour: &str) -> String {
    format!(
        "[vendors.google.fcm]\nservice_account_file = \"google.json\"\n[vendors.apple.apns]\nkey_file = \"apple.p8\"\n\
         key_id = \"ABC123DEFG\"\nteam_id = \"DEF123GHIJ\"\ntopic = \"kr.example.shop\"\n\
         [simulator.every_vendor]\n{behaviour}"
    )
}

fn key(algorithm: &[&str]) -> String {
    let mut openssl = Command::new("openssl");
    let made = openssl.arg("genpkey").args(algorithm).stderr(Stdio::null()).output().unwrap();
    assert!(made.status.success(), "openssl genpkey");
    String::from_utf8(made.stdout).unwrap()
}

/// The services, in a process of their own; processes that start from now on push through them alone.
struct Services {
    _process: Process,
}

impl Services {
    fn start(deployment: &Deployment, in_doubt: &str) -> Self {
        let apple = key(&["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1"]);
        std::fs::write(deployment.file("apple.p8"), apple).unwrap();
        let google = key(&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]);
        let known = |url: &str| {
            let account = serde_json::json!({
                "type": "service_account", "project_id": "shop-1234", "private_key_id": "key-1",
                "private_key": google, "client_email": "ims@shop-1234.iam.gserviceaccount.com",
                "token_uri": format!("{url}/token"),
            });
            std::fs::write(deployment.file("google.json"), account.to_string()).unwrap();
            reference(deployment, url, in_doubt);
        };
        known("http://127.0.0.1:1");
        let (process, port) = deployment.behind_a_port("services", 0);
        known(&format!("http://127.0.0.1:{port}"));
        Self { _process: process }
    }
}

fn reference(deployment: &Deployment, url: &str, in_doubt: &str) {
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/../connectors/seed/demo.toml");
    let mut data: toml::Table = std::fs::read_to_string(demo).unwrap().parse().unwrap();
    let vendors = data["vendors"].as_array_mut().unwrap();
    vendors.retain(|vendor| !["fcm", "apns"].contains(&vendor["name"].as_str().unwrap()));
    for (name, protocol) in [("google", "fcm"), ("apple", "apns")] {
        let row = format!(
            "name = \"{name}\"\nfamilies = [\"PUSH\"]\ncodes = \"{protocol}\"\nweight = 1\ntps = 5000\n\
             timeout_ms = 2000\nin_doubt = \"{in_doubt}\"\nprotocol = \"{protocol}\"\nurl = \"{url}\"\n"
        );
        vendors.push(toml::Value::Table(row.parse().unwrap()));
    }
    std::fs::write(deployment.file("reference.toml"), data.to_string()).unwrap();
}

/// So many messages, to one device or several, of one system or both.
fn messages(deployment: &Deployment, count: usize) -> Vec<Outgoing> {
    let message = |nth: usize| {
        let mut push = request("push");
        let id = push.message_id.clone();
        let (google, apple) = (|n: usize| format!("{id}-{n}:APA91b"), |n: usize| format!("{}{n:x}", id_digits(&id)));
        push.push_tokens = match nth % 4 {
            0 => vec![google(1)],
            1 => vec![apple(1)],
            2 => vec![google(1), apple(1), google(2)],
            _ => vec![apple(1), apple(2), google(1), apple(3)],
        };
        deployment.record(Lane::Realtime, &push)
    };
    (0..count).map(message).collect()
}

/// 63 hexadecimal digits that no other message has.
fn id_digits(message_id: &str) -> String {
    message_id.bytes().map(|byte| format!("{byte:02x}")).collect::<String>().repeat(8)[..63].to_owned()
}

/// The codes that each token of each step was answered with, in order.
fn answers(settled: &Settled) -> BTreeMap<(&str, &str), Vec<Option<&str>>> {
    let mut answers: BTreeMap<(&str, &str), Vec<Option<&str>>> = BTreeMap::new();
    for request in &settled.requests {
        answers.entry((&request.serial_number, &request.part)).or_default().push(request.code.as_deref());
    }
    answers
}

#[test]
fn a_push_reaches_both_services_and_no_device_that_has_it_is_asked_again() {
    let trouble = "no_answer_share = 0.03\nthrottled_share = 0.03\nretry_after_ms = 1000\n";
    let Some(deployment) = Deployment::new(&settings(trouble)) else { return };
    let _services = Services::start(&deployment, "repeat");
    let mut process = deployment.run("one", CHAIN);
    deployment.append(&messages(&deployment, 300));
    let settled = deployment.settle(Expected { messages: 300, within: PATIENCE });
    let delivered = settled.count(State::Delivered);
    assert!(delivered > 280, "{delivered} of 300: {:?}", settled.balance.ended);
    let answers = answers(&settled);
    // 75 messages each to 1, 1, 3 and 4 devices.
    assert_eq!(answers.len(), 75 * 9, "every device was asked about");
    for (at, codes) in &answers {
        let has = codes.iter().position(|code| *code == Some("200"));
        assert!(has.is_none_or(|first| first + 1 == codes.len()), "{at:?} had it: {codes:?}");
    }
    assert!(answers.values().any(|codes| codes.len() > 1), "nothing was put off");
    let vendors: Vec<&str> = settled.ends.values().map(|report| report.vendor.as_str()).collect();
    assert!(vendors.iter().all(|vendor| ["google", "apple"].contains(vendor)), "nothing was simulated in the process");
    let written = process.written();
    assert!(!written.contains("PRIVATE KEY") && !written.contains("simulated-"), "a secret stands in the log");
    process.stop();
}

#[test]
fn pushes_in_flight_when_their_sender_dies_are_uncertain_and_nobody_gets_them_twice() {
    let slow = "no_answer_share = 0.0\nlatency_ms = { median = 400.0, p99 = 600.0 }\n";
    let Some(deployment) = Deployment::new(&settings(slow)) else { return };
    let _services = Services::start(&deployment, "uncertain");
    let _rest = deployment.run("rest", "ingest,router,outcome,delay");
    let mut sent = 0;
    for _ in 0..3 {
        let mut victim = deployment.run("victim", "push");
        victim.until_ready();
        deployment.append(&messages(&deployment, 60));
        sent += 60;
        deployment.until_more_requests(20);
        victim.kill();
    }
    let _survivor = deployment.run("victim", "push");
    let settled = deployment.settle(Expected { messages: sent, within: PATIENCE });
    assert!(settled.count(State::Uncertain) > 0, "nothing was in flight: {:?}", settled.balance.ended);
    for (at, codes) in answers(&settled) {
        let taken = codes.iter().filter(|code| **code == Some("200")).count();
        assert!(taken <= 1, "{at:?} got it {taken} times");
    }
}
