//! Who refuses ads at a vendor gets none of that customer's any more.

use crate::support::{CHAIN, Deployment, Expected, PATIENCE, load::request, mariadb::MariaDb, simulator};
use reqwest::blocking::Client;
use schemas::{Channel, Lane, Report, SendRequest, State, Topic};
use serde_json::json;
use std::net::{Ipv4Addr, TcpListener};

/// What the vendor signs its calls with.
const SECRET: &str = "e2e-webhook-secret";
const REFUSES: &str = "01076543210";
const OTHER: &str = "01076543211";

/// An ad to this number, that may arrive by night too: it has an end at any hour.
fn ad(number: &str) -> SendRequest {
    let night_agreed = Some("Y".to_owned());
    SendRequest { phone_number: Some(number.to_owned()), night_agreed, ..request("lms_ad") }
}

#[test]
fn who_calls_the_free_number_of_an_ad_is_kept_from_the_next_one_and_from_nothing_else() {
    // Free a moment ago.
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let settings = format!(
        "{}[webhooks]\nlisten = \"127.0.0.1:{port}\"\n[vendors.dealer]\nkey_file = \"dealer.key\"\n\
         webhook_secret_file = \"dealer.secret\"\n[vendors.dealer.nhn]\napp_key = \"e2e\"\n\
         unsubscribe_numbers = {{ 08012341234 = \"hanbit-shop\" }}\n\
         [simulator.vendors.dealer]\ncodes = {{ 0 = 1.0 }}\nno_answer_share = 0.0\nthrottled_share = 0.0\n\
         receipts = {{ webhook_url = \"http://127.0.0.1:{port}/nhn/dealer\", codes = {{ 1000 = 1.0 }}, \
         delay_ms = {{ median = 50.0, p99 = 200.0 }}, never_share = 0.0 }}\n",
        simulator::everything_arrives(5)
    );
    let Some(deployment) = Deployment::new(&settings) else { return };
    let Some(mariadb) = MariaDb::start(&deployment) else { return };
    std::fs::write(deployment.file("dealer.key"), "e2e-dealer-key\n").unwrap();
    std::fs::write(deployment.file("dealer.secret"), SECRET).unwrap();
    let deal = |url: &str| {
        let row = "name = \"dealer\"\nfamilies = [\"SMS\", \"LMS\"]\ncodes = \"nhn-sms\"\nweight = 1\ntps = 1000\n\
                   receipts = true\nin_doubt = \"query\"\nprotocol = \"nhn\"\n";
        deployment.vendor_instead_of(&["text"], &format!("{row}url = \"{url}\"\n"));
    };
    deal("http://127.0.0.1:1");
    let (_dealer, dealer) = deployment.behind_a_port("dealer", 0);
    deal(&format!("http://127.0.0.1:{dealer}"));
    let seed = deployment.file("seed.toml");
    std::fs::rename(deployment.file("reference.toml"), &seed).unwrap();
    let imported = deployment.ims_with(&["reference", "import", &seed.display().to_string()], &mariadb.variables());
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    let mut process = deployment.run_with("one", CHAIN, &mariadb.variables());
    process.until_ready();

    let refused = |requests: &[SendRequest], messages: usize| -> Vec<String> {
        let records: Vec<_> = requests.iter().map(|request| deployment.record(Lane::Ad, request)).collect();
        deployment.append(&records);
        let settled = deployment.settle(Expected { messages, within: PATIENCE });
        let reports = deployment.decoded::<Report>([Topic::report(Channel::Mt)]);
        let refused = reports.into_iter().filter(|report| report.terminal && report.code == "2080");
        let refused: Vec<_> = refused.map(|report| report.message_id).collect();
        assert_eq!(settled.count(State::Delivered) + refused.len(), messages, "{:?}", settled.balance.ended);
        refused
    };
    assert_eq!(refused(&[ad(REFUSES), ad(OTHER)], 2), [""; 0], "neither has refused yet");
    let before = mariadb.count("opt_outs");
    let call = json!({
        "hooksId": "e2e", "appKey": "e2e", "event": "UNSUBSCRIBE",
        "hooks": [{"hookId": "1", "recipientNo": REFUSES, "unsubscribeNo": "08012341234", "enterpriseName": "한빛",
                   "createdDateTime": "2026-09-09T11:25:10.000+09:00"}],
    });
    let called = Client::new()
        .post(format!("http://127.0.0.1:{port}/nhn/dealer"))
        .header("X-Toast-Webhook-Signature", SECRET)
        .json(&call)
        .send()
        .unwrap();
    assert_eq!(called.status(), 200);
    let (next, to_another) = (ad(REFUSES), ad(OTHER));
    let no_ad = SendRequest { phone_number: Some(REFUSES.to_owned()), ..request("sms") };
    assert_eq!(refused(&[next.clone(), to_another, no_ad], 5), [next.message_id]);
    assert_eq!(mariadb.count("opt_outs"), before + 1);
    process.stop();
}
