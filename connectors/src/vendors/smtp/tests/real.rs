//! A server that is not ours: aiosmtpd, which dev/smtp starts; mails are read by Python's own parser.

#![allow(clippy::print_stderr, reason = "a test that needs a server says that it had none")]

use super::{Bench, SmtpSettings, VendorSettings, code, email, secure, with};
use base64::{Engine, prelude::BASE64_STANDARD};
use processors::ports::Reply;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    path::PathBuf,
    process::{Command, Output},
};

/// A server of a test's own, which ends with it.
struct Server {
    script: PathBuf,
    folder: tempfile::TempDir,
    environment: BTreeMap<String, String>,
}

impl Server {
    /// None where no script is to be had, which is said.
    fn start() -> Option<Self> {
        let Some(dev) = std::env::var_os("IMS_TEST_DEV") else {
            eprintln!("not tested: IMS_TEST_DEV names no folder of scripts that start servers (./test sets it)");
            return None;
        };
        let (script, folder) = (PathBuf::from(dev).join("smtp"), tempfile::tempdir().unwrap());
        let mut server = Self { script, folder, environment: BTreeMap::new() };
        let started = server.command("start");
        assert!(started.status.success(), "dev/smtp start: {}", String::from_utf8_lossy(&started.stderr));
        let written = String::from_utf8(started.stdout).unwrap();
        let pair = |line: &str| line.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
        server.environment = written.lines().filter_map(pair).collect();
        Some(server)
    }

    fn command(&self, what: &str) -> Output {
        Command::new(&self.script).arg(what).arg("--dir").arg(self.folder.path()).output().unwrap()
    }

    /// What it told of itself.
    fn told(&self, key: &str) -> &str {
        &self.environment[key]
    }

    /// With its authority and this password.
    fn settings(&self, password: &str) -> VendorSettings {
        let key_file = self.folder.path().join("password");
        std::fs::write(&key_file, password).unwrap();
        let user = self.told("SMTP_USER").to_owned();
        VendorSettings {
            key_file,
            ..with(SmtpSettings { user, ca_file: self.told("SMTP_CA_FILE").into(), ..secure() })
        }
    }

    /// The mails that it took, in order, as its parser read them.
    fn mails(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.told("SMTP_MAILS")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.command("stop");
    }
}

#[test]
fn a_real_server_takes_mails_over_both_kinds_of_tls_and_reads_what_was_written() {
    let Some(server) = Server::start() else { return };
    let password = server.told("SMTP_PASSWORD").to_owned();
    for (number, url) in ["SMTP_URL", "SMTPS_URL"].into_iter().enumerate() {
        let (_kept, key_file) = super::file(super::UNSUBSCRIBE_KEY);
        let mut settings = server.settings(&password);
        let smtp = settings.smtp.as_mut().unwrap();
        *smtp = super::with_ads(key_file, smtp.clone());
        smtp.return_path = "bounces@hanbit.example".into();
        let mut bench = Bench::new(server.told(url), settings);
        let mut dispatch = email(&format!("T{number}-0A"), "haneul.kim@mail.example");
        dispatch.accepted.ad = true;
        let reply = bench.reply(dispatch.clone());
        assert_eq!(code(&reply), "250", "{reply:?}");
        let mail = server.mails().pop().unwrap();
        let content = &dispatch.accepted.content;
        assert_eq!((&mail["tls"], &mail["user"]), (&Value::Bool(true), &Value::from(server.told("SMTP_USER"))));
        assert_eq!(mail["from"], "bounces@hanbit.example");
        assert_eq!(mail["to"], serde_json::json!(["haneul.kim@mail.example"]));
        let headers = &mail["headers"];
        assert_eq!(headers["Subject"], content.title.as_deref().unwrap());
        assert_eq!(headers["From"], "한빛상점 <no-reply@hanbit.example>");
        assert_eq!(headers["Message-ID"], format!("<T{number}-0A@hanbit.example>"));
        assert_eq!(headers["Date"], "Wed, 11 Mar 2026 09:00:00 +0000");
        assert_eq!(headers["List-Unsubscribe-Post"], "List-Unsubscribe=One-Click");
        let address = headers["List-Unsubscribe"].as_str().unwrap();
        assert!(address.starts_with("<https://hanbit.example/unsubscribe/"), "{address}");
        let body = |kind: &str| mail[kind].as_str().unwrap().replace("\r\n", "\n").trim_end().to_owned();
        assert_eq!(body("text"), content.message.as_deref().unwrap());
        assert_eq!(body("html"), content.html.as_deref().unwrap());
        assert_eq!(mail["defects"], serde_json::json!([]));
    }
}

#[test]
fn a_signature_is_good_for_a_library_that_is_not_ours_and_for_our_key_alone() {
    use crate::vendors::{jwt::SigningKey, testing::RSA_KEY};
    let Some(server) = Server::start() else { return };
    let (_kept, key_file) = super::file(&RSA_KEY);
    let mut settings = server.settings(server.told("SMTP_PASSWORD"));
    let smtp = settings.smtp.as_mut().unwrap();
    (smtp.dkim_domain, smtp.dkim_selector) = ("hanbit.example".into(), "s1".into());
    smtp.dkim_key_file = key_file;
    let (_key, unsubscribe) = super::file(super::UNSUBSCRIBE_KEY);
    *smtp = SmtpSettings { relay_signs: false, ..super::with_ads(unsubscribe, smtp.clone()) };
    let mut bench = Bench::new(server.told("SMTP_URL"), settings);
    // SubjectPublicKeyInfo of an RSA key of 2048 bits: what `openssl rsa -pubout` writes.
    let mut public = hex::decode("30820122300d06092a864886f70d01010105000382010f00").unwrap();
    public.extend(SigningKey::rsa(&RSA_KEY).unwrap().public());
    let own = BASE64_STANDARD.encode(&public);
    public[150] ^= 1;
    let strange = BASE64_STANDARD.encode(&public);
    let record = PathBuf::from(server.told("SMTP_MAILS")).with_file_name("dkim.txt");
    for (number, (key, good)) in [(own, true), (strange, false)].into_iter().enumerate() {
        std::fs::write(&record, format!("v=DKIM1; k=rsa; p={key}")).unwrap();
        let mut dispatch = email(&format!("T{number}-0A"), "haneul.kim@mail.example");
        dispatch.accepted.ad = true;
        // Lines that a canonical form changes: blanks at their end and in a row, a dot, empty ones at the end.
        dispatch.accepted.content.message = Some("  3월  이용 \t\n.\n..\n\nend \n\n\n".into());
        assert_eq!(code(&bench.reply(dispatch)), "250");
        let mail = server.mails().pop().unwrap();
        assert_eq!(mail["dkim"]["good"], good, "{mail}");
        assert_eq!(mail["dkim"]["asked"][0], "s1._domainkey.hanbit.example.");
        let signature = mail["headers"]["DKIM-Signature"].as_str().unwrap().replace([' ', '\t'], "");
        assert!(signature.contains(":list-unsubscribe:list-unsubscribe-post:from:to:subject:date;"), "{signature}");
    }
}

#[test]
fn a_mail_has_its_customers_files_and_without_them_there_is_no_mail() {
    use crate::{
        cipher::Cipher,
        files::{File, FileStore},
    };
    use std::sync::Arc;
    let Some(server) = Server::start() else { return };
    let store = FileStore::in_memory(Arc::new(Cipher::new(&[7; 32])));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let bytes: Vec<u8> = (0..=255).cycle().take(200_000).collect();
    let file =
        File { name: "3월 이용 내역서.pdf".into(), content_type: "application/pdf".into(), bytes: bytes.clone() };
    runtime.block_on(store.write("hanbit-shop", "FILE1", &file)).unwrap();
    let settings = server.settings(server.told("SMTP_PASSWORD"));
    let mut bench = Bench::with_files(server.told("SMTP_URL"), settings, store);
    let mut asked = |username: &str, key: &str| {
        let mut dispatch = email("T1-0R", "haneul.kim@mail.example");
        dispatch.accepted.username = username.into();
        dispatch.accepted.content.attach_file_list = vec![key.into()];
        bench.reply(dispatch)
    };
    for (username, key) in [("hanbit-shop", "FILE2"), ("somebody-else", "FILE1"), ("hanbit-shop", "../FILE1")] {
        match asked(username, key) {
            Reply::Unasked { code, .. } => assert_eq!(code, "5.3.3", "{username} {key}"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(code(&asked("hanbit-shop", "FILE1")), "250");
    let mails = server.mails();
    assert_eq!(mails.len(), 1);
    let hash = hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes));
    assert_eq!(
        mails[0]["files"],
        serde_json::json!([{"name": "3월 이용 내역서.pdf", "type": "application/pdf", "sha256": hash}])
    );
    assert_eq!(mails[0]["defects"], serde_json::json!([]));
    assert!(mails[0]["text"].as_str().unwrap().contains("3월 이용 금액"));
}

#[test]
fn a_real_servers_refusals_are_its_codes() {
    let Some(server) = Server::start() else { return };
    let mut bench = Bench::new(server.told("SMTP_URL"), server.settings(server.told("SMTP_PASSWORD")));
    for (to, wanted) in [
        ("nobody@mail.example", "5.1.1"),
        ("full@mail.example", "4.2.2"),
        ("spam@mail.example", "5.7.1"),
        ("haneul.kim@mail.example", "250"),
    ] {
        assert_eq!(code(&bench.reply(email("T1-0R", to))), wanted, "{to}");
    }
    assert_eq!(server.mails().len(), 1);
}

#[test]
fn a_server_that_is_not_who_it_should_be_is_sent_nothing() {
    let Some(server) = Server::start() else { return };
    let password = server.told("SMTP_PASSWORD").to_owned();
    for url in ["SMTP_URL", "SMTPS_URL"] {
        let mut stranger = server.settings(&password);
        // The system's authorities know no such server.
        stranger.smtp.as_mut().unwrap().ca_file = PathBuf::new();
        let reply = Bench::new(server.told(url), stranger).reply(email("T1-0R", "a@mail.example"));
        assert!(matches!(&reply, Reply::NotSent(reason) if reason.starts_with("TLS: ")), "{reply:?}");
    }
    let mut bench = Bench::new(server.told("SMTP_URL"), server.settings("another-password"));
    let reply = bench.reply(email("T1-0R", "a@mail.example"));
    assert_eq!(code(&reply), "5.7.8", "{reply:?}");
    assert_eq!(server.mails().len(), 0);
}
