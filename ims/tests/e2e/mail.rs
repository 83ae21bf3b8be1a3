//! Email through a mail server that is not ours: `ims run` and aiosmtpd (dev/smtp), over STARTTLS.

use crate::support::{CHAIN, Deployment, PATIENCE, server::Server, until};
use schemas::Lane;
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
