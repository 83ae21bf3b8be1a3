//! A vendor's rate that two processes share, while partitions move between them and one of them dies.

use super::most_in_a_second;
use crate::support::{Deployment, Expected, PATIENCE, dealer, streams, until};
use schemas::Lane;
use std::time::Duration;

/// What the vendor takes a second from all of us.
const TPS: usize = 100;
/// More that a process may send at once when partitions have moved to it: a tenth of a second's.
const BURST: usize = TPS / 10;
const BULK: usize = 2_000;
/// Codes that come in each stage at once.
const CODES: usize = 200;
const VENDOR: &str = "dealer";

/// When the vendor's requests came to it, Unix milliseconds, in order.
fn came(deployment: &Deployment) -> Vec<i64> {
    let requests = deployment.requests().into_iter().filter(|request| request.vendor == VENDOR);
    let mut came: Vec<i64> = requests.map(|request| request.at_ms).collect();
    came.sort_unstable();
    came
}

#[test]
fn two_processes_never_send_more_than_a_vendor_takes_though_members_join_leave_and_die() {
    let quick = "latency_ms = { median = 10.0, p99 = 20.0 }\ncodes = { A000 = 1.0 }\nno_answer_share = 0.0\n\
                 throttled_share = 0.0\n\
                 receipts = { delay_ms = { median = 50.0, p99 = 200.0 }, never_share = 0.0, codes = { 10000 = 1.0 } }\n";
    let simulator = format!("{}[simulator.vendors.{VENDOR}]\n{quick}", dealer::SETTINGS);
    let Some(deployment) = Deployment::alone(&simulator) else { return };
    // Of these families 알림톡 alone has AUTH: who sends it has all of AUTH.
    let row = |url: &str| {
        deployment.vendor_instead_of(
            &["talk", "text"],
            &format!(
                "name = \"{VENDOR}\"\nfamilies = [\"AT\", \"LMS\"]\ncodes = \"bizgo\"\nweight = 1000\ntps = {TPS}\n\
                 max_in_flight = 1000\ntimeout_ms = 5000\nreceipts = true\nin_doubt = \"repeat\"\nprotocol = \"bizgo\"\n\
                 url = \"{url}\"\n"
            ),
        );
    };
    std::fs::write(deployment.file("dealer.key"), "e2e-dealer-key\n").unwrap();
    row("http://127.0.0.1:1");
    let (_dealer, port) = deployment.behind_a_port("dealer", 0);
    row(&format!("http://127.0.0.1:{port}"));
    let _rest = deployment.run("rest", "ingest,router,outcome,delay");
    let mut codes = 0;
    let mut more_codes = || {
        deployment.append(&deployment.messages_like(&["at_otp"], Lane::Auth, CODES));
        codes += CODES;
    };
    let until_sent = |more: usize| {
        let before = came(&deployment).len();
        until("more is sent", PATIENCE, || (came(&deployment).len() >= before + more).then_some(()));
    };
    let own = |roles: &str| streams(roles, Lane::ALL);

    // All of AUTH here, most of MASS there.
    let mut talk = deployment.run("talk", "kakao");
    let mut text = deployment.run("text", "text");
    talk.until_owns(&own("kakao"));
    text.until_owns(&own("text"));
    deployment.append(&deployment.messages_like(&["lms"], Lane::Mass, BULK));
    more_codes();
    until_sent(3 * TPS);
    let mut guest = deployment.run("guest", "kakao,text");
    guest.until_owns(&own("kakao,text"));
    more_codes();
    until_sent(3 * TPS);
    guest.stop();
    more_codes();
    until_sent(2 * TPS);
    let mut guest = deployment.run("guest", "kakao,text");
    guest.until_owns(&own("kakao,text"));
    more_codes();
    until_sent(TPS);
    text.kill();
    more_codes();

    let settled = deployment.settle(Expected { messages: BULK + codes, within: Duration::from_secs(180) });
    let came = came(&deployment);
    let most = most_in_a_second(&came);
    eprintln!("{} requests, {most} in a second at most: {:?}", came.len(), settled.balance.ended);
    assert!(most <= TPS + BURST, "{most} in a second");
    assert!(most >= TPS * 3 / 4, "{most} in a second: nobody was near the rate");
    talk.stop();
    guest.stop();
}
