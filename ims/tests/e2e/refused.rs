//! A vendor that refuses a sender for good: that one alone stops, the operator is told once, and may let it go.

use crate::support::{
    CHAIN, Deployment, Expected, PATIENCE, Process,
    dealer::{self, Dealer},
    load,
};
use schemas::{Lane, State};
use serde_json::Value;
use topology::log::Outgoing;

/// Two of hanbit-shop's numbers.
const REFUSED: &str = "15881234";
const TAKEN: &str = "0212345678";

/// The dealer answers all requests with this code, and delivers what it takes.
fn settings(code: &str) -> String {
    format!(
        "{}[simulator.vendors.dealer]\nlatency_ms = {{ median = 5.0, p99 = 10.0 }}\ncodes = {{ {code} = 1.0 }}\n\
         no_answer_share = 0.0\nthrottled_share = 0.0\nreceipts = {{ delay_ms = {{ median = 20.0, p99 = 50.0 }}, \
         codes = {{ 10000 = 1.0 }}, never_share = 0.0 }}\n",
        dealer::SETTINGS
    )
}

fn texts(deployment: &Deployment, number: &str, count: usize) -> Vec<Outgoing> {
    let text = || {
        let mut request = load::request("sms");
        request.callback = Some(number.to_owned());
        deployment.record(Lane::Realtime, &request)
    };
    (0..count).map(|_| text()).collect()
}

/// What `ims vendor …` answers of this process.
#[track_caller]
fn vendor(deployment: &Deployment, process: &Process, arguments: &[&str]) -> Value {
    let admin = process.admin().expect("an admin port");
    let set = format!("admin.listen={admin}");
    let output = deployment.ims(&[&["vendor", "--json", "--set", &set], arguments].concat());
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_number_that_a_dealer_refuses_stops_alone_and_an_operator_lets_it_go() {
    let Some(deployment) = Deployment::new(&settings("A327")) else { return };
    let (mut dealer, port) = deployment.dealer_of(&Dealer::default(), 0);
    let mut process = deployment.run("one", CHAIN);
    process.until_ready();
    let settle = |messages| deployment.settle(Expected { messages, within: PATIENCE });
    deployment.append(&texts(&deployment, REFUSED, 1));
    settle(1);
    deployment.append(&texts(&deployment, REFUSED, 20));
    let settled = settle(21);
    assert_eq!((settled.count(State::Failed), settled.requests.len()), (21, 1), "none is asked about after the first");
    dealer.kill();
    let config = std::fs::read_to_string(deployment.file("ims.toml")).unwrap();
    assert!(config.contains("A327"));
    std::fs::write(deployment.file("ims.toml"), config.replace("A327", "A000")).unwrap();
    let _dealer = deployment.dealer(port);
    // It would be taken now, and nobody knows.
    deployment.append(&texts(&deployment, TAKEN, 20));
    deployment.append(&texts(&deployment, REFUSED, 5));
    let settled = settle(46);
    assert_eq!((settled.count(State::Delivered), settled.count(State::Failed)), (20, 26));
    assert_eq!(settled.requests.len(), 21);
    let stopped = vendor(&deployment, &process, &["stopped"]);
    let [stopped] = stopped.as_array().unwrap().as_slice() else { panic!("{stopped}") };
    let word = |field: &str| stopped[field].as_str().unwrap_or_default();
    assert_eq!(["vendor", "family", "name", "code"].map(word), ["dealer", "SMS", REFUSED, "A327"]);
    assert_eq!(stopped["kept_back"], 25);
    let gone = vendor(&deployment, &process, &["let-go", "dealer", REFUSED]);
    assert_eq!(gone["let_go"], 1);
    deployment.append(&texts(&deployment, REFUSED, 10));
    let settled = settle(56);
    assert_eq!((settled.count(State::Delivered), settled.requests.len()), (30, 31));
    assert_eq!(vendor(&deployment, &process, &["stopped"]).as_array().map(Vec::len), Some(0));
    assert_eq!(process.written().matches("a vendor refuses this").count(), 1, "it is told once");
    process.stop();
}
