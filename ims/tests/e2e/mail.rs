//! Email through a mail server that is not ours, aiosmtpd (dev/smtp), over STARTTLS; and through `ims simulate`, which refuses,
//! cuts, hangs and brings mails back.

use crate::support::{CHAIN, Deployment, Expected, PATIENCE, load, server::Server, until};
use schemas::{Lane, ResultKind, State, StepResult, Topic};
use std::collections::{BTreeMap, BTreeSet};

/// The relay, and what else it told of itself.
fn relay() -> Option<(Server, BTreeMap<String, String>)> {
    let server = Server::start("smtp", &[], "SMTP_URL")?;
    let told = std::fs::read_to_string(server.directory().join("env")).unwrap();
    let pair = |line: &str| line.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
    Some((server, told.lines().filter_map(pair).collect()))
}

/// What `ims.toml` says of it.
fn settings(told: &BTreeMap<String, String>) -> String {
    format!(
        "[vendors.relay]\nkey_file = \"relay.password\"\n[vendors.relay.smtp]\nhello = \"ims.example.kr\"\n\
         user = \"{}\"\nca_file = \"{}\"\nrelay_signs = true\nunsubscribe_url = \"https://hanbit.example/unsubscribe/\"\n\
         unsubscribe_key_file = \"unsubscribe.key\"\n",
        told["SMTP_USER"], told["SMTP_CA_FILE"]
    )
}

/// Email goes through the relay alone.
fn mail_through(deployment: &Deployment, told: &BTreeMap<String, String>) {
    let relay = format!(
        "name = \"relay\"\nfamilies = [\"EMAIL\"]\ncodes = \"smtp\"\nweight = 1\ntps = 200\nmax_in_flight = 20\nin_doubt = \"uncertain\"\n\
         protocol = \"smtp\"\nurl = \"{}\"\n",
        told["SMTP_URL"]
    );
    deployment.vendor_instead_of(&["smtp"], &relay);
    std::fs::write(deployment.file("unsubscribe.key"), "0123456789abcdef".repeat(4)).unwrap();
    std::fs::write(deployment.file("relay.password"), &told["SMTP_PASSWORD"]).unwrap();
}

#[test]
fn mails_go_through_a_real_server_once_each_and_end_as_delivered() {
    const ADS: usize = 30;
    let Some((_server, told)) = relay() else { return };
    let Some(deployment) = Deployment::new(&settings(&told)) else { return };
    mail_through(&deployment, &told);
    let mut process = deployment.run("one", CHAIN);
    deployment.append(&deployment.messages_like(&["email_ad"], Lane::Ad, ADS));
    // Its file is nowhere to be had.
    deployment.append(&deployment.messages_like(&["email"], Lane::Realtime, 1));
    let balance = until("every mail has ended", PATIENCE, || {
        let balance = deployment.balance();
        assert!(balance.balances(), "{balance:?}");
        (balance.settled() && balance.requested == ADS as u64 + 1).then_some(balance)
    });
    let mails: Vec<serde_json::Value> = std::fs::read_to_string(&told["SMTP_MAILS"])
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let ids: BTreeSet<&str> = mails.iter().map(|mail| mail["headers"]["Message-ID"].as_str().unwrap()).collect();
    assert_eq!((mails.len(), ids.len()), (ADS, ADS), "{:?}", balance.ended);
    assert_eq!(balance.ended.values().sum::<u64>(), ADS as u64 + 1);
    assert_eq!(balance.ended.get("delivered"), Some(&(ADS as u64)), "{:?}", balance.ended);
    for mail in &mails {
        assert!(mail["headers"]["Subject"].as_str().unwrap().starts_with("(광고)"), "{mail}");
        assert_eq!(mail["headers"]["List-Unsubscribe-Post"], "List-Unsubscribe=One-Click");
        assert_eq!(mail["tls"], true);
    }
    let written = process.written();
    assert!(!written.contains(&told["SMTP_PASSWORD"]), "the password stands in the log");
    process.stop();
}

/// Some mails are put off, refused, taken or not and cut, or not answered; and some that were taken come back.
const TROUBLED: &str = "[retry.mail]
first_ms = 300
longest_ms = 1000
requests = 8
patience_ms = 60000
[vendors.relay]
key_file = \"relay.password\"
poll_ms = 50
[vendors.relay.smtp]
hello = \"ims.example.kr\"
user = \"ims\"
plaintext = true
ads = false
return_path = \"bounces@hanbit.example\"
bounce_key_file = \"bounce.key\"
bounces = \"bounces\"
[simulator.vendors.relay]
latency_ms = { median = 5.0, p99 = 20.0 }
codes = { \"2.0.0\" = 0.7, \"4.7.0\" = 0.1, 421 = 0.1, \"5.2.2\" = 0.1 }
no_answer_share = 0.03
no_answer_taken_share = 0.5
throttled_share = 0.03
spoiled = { reset = 0.05, wrong_json = 0.03 }
receipts = { delay_ms = { median = 50.0, p99 = 200.0 }, codes = { \"2.0.0\" = 0.8, \"5.2.1\" = 0.2 }, twice_share = 0.0, never_share = 0.0 }
";

#[test]
fn of_mails_through_a_troubled_server_none_is_handed_over_twice_and_what_comes_back_is_noted() {
    const MAILS: usize = 100;
    let Some(deployment) = Deployment::new(TROUBLED) else { return };
    std::fs::write(deployment.file("bounce.key"), "0123456789abcdef".repeat(4)).unwrap();
    for part in ["cur", "new", "tmp"] {
        std::fs::create_dir_all(deployment.file("bounces").join(part)).unwrap();
    }
    let _relay = deployment.mail_server();
    let mut process = deployment.run("one", CHAIN);
    let mails: Vec<_> = (0..MAILS)
        .map(|n| {
            let mut request = load::request("email");
            request.to = Some(format!("customer-{n}@mail.example"));
            request.attach_file_list.clear();
            deployment.record(Lane::Realtime, &request)
        })
        .collect();
    deployment.append(&mails);
    let settled = deployment.settle(Expected { messages: MAILS, within: PATIENCE });
    let mut taken: BTreeMap<&str, usize> = BTreeMap::new();
    for request in settled.requests.iter().filter(|request| request.taken) {
        *taken.entry(&request.serial_number).or_default() += 1;
    }
    assert!(taken.values().all(|times| *times == 1), "{taken:?}");
    let [delivered, failed, uncertain] =
        [State::Delivered, State::Failed, State::Uncertain].map(|state| settled.count(state));
    assert_eq!(delivered + failed + uncertain, MAILS, "{:?}", settled.balance.ended);
    assert!(delivered > 0 && failed > 0 && uncertain > 0, "{:?}", settled.balance.ended);
    // What is uncertain may have been taken, what failed was not.
    assert!((delivered..=delivered + uncertain).contains(&taken.len()), "{} taken, {:?}", taken.len(), settled.balance);
    let owed = settled.requests.iter().flat_map(|request| &request.receipts);
    let bounced = owed.filter(|(_, code)| code.starts_with('5')).count();
    assert!(bounced > 0);
    // What came back is the end of its mail, or late: then it waits for ten minutes for what it speaks about.
    until("all that came back is noted", PATIENCE, || {
        let results: Vec<StepResult> = deployment.decoded([Topic::result(Lane::Realtime)]);
        let back = results.iter().filter(|result| result.kind == ResultKind::Receipt && result.vendor_code == "5.2.1");
        (back.map(|result| &result.serial_number).collect::<BTreeSet<_>>().len() == bounced).then_some(())
    });
    assert!(!deployment.file("bounces").join(".unmatched").exists());
    assert!(!process.written().contains("e2e-pass"), "the password stands in the log");
    process.stop();
}
