//! Text by a carrier over SMPP: `ims run` and `ims simulate`, two processes.

use crate::support::{CHAIN, Deployment, Expected, PATIENCE};
use schemas::{Lane, State};
use std::collections::BTreeMap;

/// The carrier takes and delivers everything, tells some of it twice, and some before its answer.
const SETTINGS: &str = "[vendors.carrier]
key_file = \"carrier.password\"
[vendors.carrier.smpp]
system_id = \"ims\"
window = 50
billing_identification = true
[simulator.vendors.carrier]
latency_ms = { median = 10.0, p99 = 50.0 }
codes = { \"0x00000000\" = 1.0 }
no_answer_share = 0.0
throttled_share = 0.0
[simulator.vendors.carrier.receipts]
codes = { \"DELIVRD.000\" = 1.0 }
delay_ms = { median = 50.0, p99 = 500.0 }
twice_share = 0.1
before_answer_share = 0.1
never_share = 0.0
";

#[test]
fn texts_go_to_a_carrier_once_each_and_their_receipts_end_them() {
    let Some(deployment) = Deployment::new(SETTINGS) else { return };
    let _carrier = deployment.carrier();
    let mut process = deployment.run("one", CHAIN);
    deployment.append(&deployment.messages_like(&["sms_otp"], Lane::Auth, 20));
    deployment.append(&deployment.messages_like(&["sms"], Lane::Realtime, 30));
    deployment.append(&deployment.messages_like(&["lms"], Lane::Mass, 30));
    let settled = deployment.settle(Expected { messages: 80, within: PATIENCE });
    assert_eq!(settled.count(State::Delivered), 80, "{:?}", settled.balance.ended);
    assert!(settled.ends.values().all(|report| report.vendor == "carrier"), "nothing was simulated in the process");
    // A long text is several parts.
    let mut taken: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for request in settled.requests.iter().filter(|request| request.taken) {
        *taken.entry((&request.serial_number, &request.part)).or_default() += 1;
    }
    assert!(taken.len() > 80 && taken.values().all(|times| *times == 1), "{taken:?}");
    assert!(!process.written().contains("e2e-pass"), "the password stands in the log");
    process.stop();
}
