//! Mails that come back: what they say, what of it is believed, and what the next mail to such an address does.

use super::{Bench, SmtpSettings, code, email, file, open, plain, server::Server, vendor, with};
use crate::vendors::Vendors;
use crate::vendors::smtp::{
    dsn::{Dsn, Report},
    returns::Returns,
};
use crate::vendors::testing::{Nobody, PATIENCE, serve, until};
use processors::ports::{Receipt, Receipts, Reply};
use schemas::examples;
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

const SERIAL: &str = "01KKCJ3N1F0000000000000001-0A";
const TO: &str = "haneul.kim@mail.example";

/// As a mail server reports that it could not deliver: RFC 3464, with the words of Postfix.
fn report(came_to: &str, fields: &str) -> String {
    format!(
        "Return-Path: <>\r\nDelivered-To: {came_to}\r\nDate: Wed, 11 Mar 2026 09:00:07 +0900 (KST)\r\n\
         From: MAILER-DAEMON@mx.example (Mail Delivery System)\r\nSubject: Undelivered Mail Returned to Sender\r\n\
         To: bounces@hanbit.example\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"9B2C.1773/mx.example\"\r\n\r\n\
         This is a MIME-encapsulated message.\r\n\r\n--9B2C.1773/mx.example\r\nContent-Description: Notification\r\n\
         Content-Type: text/plain; charset=us-ascii\r\n\r\nI'm sorry to have to inform you\r\n\r\n\
         --9B2C.1773/mx.example\r\nContent-Description: Delivery report\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; mx.example\r\nX-Postfix-Queue-ID: 9B2C\r\nArrival-Date: Wed, 11 Mar 2026 09:00:01 +0900 (KST)\r\n\
         \r\n{fields}\r\n--9B2C.1773/mx.example\r\nContent-Description: Undelivered Message\r\n\
         Content-Type: message/rfc822\r\n\r\nFrom: no-reply@hanbit.example\r\nTo: {TO}\r\n\
         Content-Type: text/plain\r\n\r\nbody\r\n\r\n--9B2C.1773/mx.example--\r\n"
    )
}

fn failed(to: &str, status: &str, diagnostic: &str) -> String {
    format!(
        "Final-Recipient: rfc822; {to}\r\nOriginal-Recipient: rfc822;{to}\r\nAction: failed\r\nStatus: {status}\r\n\
         Remote-MTA: dns; in.mail.example\r\nDiagnostic-Code: smtp; {diagnostic}\r\n"
    )
}

#[test]
fn a_report_says_whose_mail_failed_by_which_code() {
    let read = |fields: &str| Dsn::read(report("a@b.example", fields).as_bytes());
    let at_ms = Some(1_773_187_207_000);
    for (status, diagnostic, wanted) in [
        ("5.1.1", "550 5.1.1 <x>: no such user", "5.1.1"),
        ("5.0.0", "550-5.1.1 The email account does not exist.\r\n    550 5.1.1 https://support.example", "5.1.1"),
        ("5.0.0 (unknown)", "550 no such user", "5.0.0"),
        ("4.4.7", "451 4.4.7 expired", "4.4.7"),
        ("5.2.2 (mailbox full)", "552 5.2.2", "5.2.2"),
    ] {
        let Dsn { came_to, report } = read(&failed(TO, status, diagnostic));
        assert!(came_to.contains(&"a@b.example".to_owned()) && came_to.contains(&"bounces@hanbit.example".to_owned()));
        let recipients = vec![TO.to_owned(); 2];
        assert_eq!(report, Some(Report::Failed { code: wanted.into(), recipients, at_ms }), "{status}");
    }
    let delayed = failed(TO, "4.4.1", "connection timed out").replace("Action: failed", "Action: delayed");
    assert_eq!(read(&delayed).report, Some(Report::Other));
    for none in [failed(TO, "2.0.0", ""), failed(TO, "nonsense", ""), "Final-Recipient: rfc822; x\r\n".into()] {
        assert_eq!(read(&none).report, None, "{none}");
    }
    for mail in [&b""[..], b"\xff\xfe\0", b"Subject: I am away\r\nTo: a@b.example\r\n\r\nuntil Monday\r\n"] {
        assert_eq!(Dsn::read(mail).report, None);
    }
}

#[test]
fn half_a_report_is_no_report_and_nothing_panics() {
    let whole = report("a@b.example", &failed(TO, "5.1.1", "550 5.1.1"));
    for length in 0..whole.len() {
        Dsn::read(&whole.as_bytes()[..length]);
    }
}

/// A sender with a folder that mails come back to.
struct Returning {
    folder: tempfile::TempDir,
    vendors: Vendors,
    _key: tempfile::NamedTempFile,
}

fn settings(folder: &Path, key: PathBuf) -> SmtpSettings {
    SmtpSettings {
        return_path: "bounces@hanbit.example".into(),
        bounce_key_file: key,
        bounces: folder.to_owned(),
        ..plain()
    }
}

impl Returning {
    fn new(url: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for part in ["cur", "new", "tmp"] {
            std::fs::create_dir(folder.path().join(part)).unwrap();
        }
        let (key, path) = file("a-key\n");
        let mut settings = with(settings(folder.path(), path));
        settings.poll_ms = 10;
        let vendors = open(&vendor(url), settings).unwrap();
        Self { folder, vendors, _key: key }
    }

    fn bench(&self, url: &str) -> Bench {
        Bench { vendor: vendor(url).into(), provider: self.vendors.provider(Box::new(Nobody)) }
    }

    fn comes(&self, name: &str, mail: &str) {
        let path = self.folder.path().join("tmp").join(name);
        std::fs::write(&path, mail).unwrap();
        std::fs::rename(path, self.folder.path().join("new").join(name)).unwrap();
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let Ok(found) = std::fs::read_dir(self.folder.path().join(folder)) else { return Vec::new() };
        let mut names: Vec<_> = found.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn receipts(&self) -> Box<dyn Receipts> {
        self.vendors.receipts(Box::new(Nobody), serve()).unwrap()
    }
}

fn taken(receipts: &mut dyn Receipts) -> Vec<Receipt> {
    let (end, mut into) = (Instant::now() + PATIENCE, Vec::new());
    while into.is_empty() && Instant::now() < end {
        receipts.take(Duration::from_millis(50), &mut into);
    }
    into
}

/// The return address that a server was told last.
fn return_address(server: &Server) -> String {
    let heard = server.heard();
    let from = heard.iter().rev().find_map(|line| line.strip_prefix("MAIL FROM:<")).unwrap();
    from.trim_end_matches('>').to_owned()
}

#[test]
fn a_mail_that_comes_back_is_a_report_and_its_mailbox_is_written_to_no_more() {
    let server = Server::doing(|_, _| None);
    let returning = Returning::new(&server.url);
    let mut bench = returning.bench(&server.url);
    assert_eq!(code(&bench.reply(email(SERIAL, "Haneul.Kim@mail.example"))), "2.0.0");
    let came_to = return_address(&server);
    assert!(came_to.starts_with(&format!("bounces+{SERIAL}.")) && came_to.ends_with("@hanbit.example"), "{came_to}");

    returning.comes("1.mx", &report(&came_to, &failed(TO, "5.1.1", "550 5.1.1 no such user")));
    returning.comes("2.mx", &report(&came_to, &failed(TO, "4.4.1", "").replace("failed", "delayed")));
    returning.comes("3.mx", "Subject: I am away\r\nTo: bounces@hanbit.example\r\n\r\nuntil Monday\r\n");
    returning.comes("4.mx", &report(&came_to.replace("001-0A", "002-0A"), &failed(TO, "5.1.1", "")));
    // The process dies before it is in the log: it comes again.
    let first = taken(&mut *returning.receipts());
    let mut receipts = returning.receipts();
    let again = taken(&mut *receipts);
    let receipt = Receipt {
        serial_number: SERIAL.into(),
        vendor: "relay".into(),
        code: "5.1.1".into(),
        text: String::new(),
        at_ms: 1_773_187_207_000,
    };
    assert_eq!((&first, &again), (&vec![receipt.clone()], &vec![receipt]));
    assert_eq!(returning.names("new").len(), 4, "nothing is confirmed");
    receipts.confirm();
    until("the folder is empty", || returning.names("new").is_empty());
    assert_eq!(returning.names(".unmatched/new"), ["3.mx", "4.mx"]);

    let mails = || server.heard().iter().filter(|line| line.starts_with("RCPT TO")).count();
    let before = mails();
    let said = |to: &str, bench: &mut Bench| bench.reply(email("01KKCJ3N1F0000000000000003-0A", to));
    match said("haneul.kim@MAIL.example", &mut bench) {
        Reply::Unasked { code, text } => assert_eq!((&*code, &*text), ("5.1.1", "the mailbox does not exist")),
        other => panic!("{other:?}"),
    }
    assert_eq!(mails(), before, "no request");
    assert_eq!(code(&said("somebody@mail.example", &mut bench)), "2.0.0");
}

#[test]
fn a_forged_recipient_a_full_mailbox_and_a_time_out_suppress_nobody() {
    let server = Server::doing(|_, _| None);
    let returning = Returning::new(&server.url);
    let mut bench = returning.bench(&server.url);
    bench.reply(email(SERIAL, TO));
    let came_to = return_address(&server);
    let mut receipts = returning.receipts();
    let reports = [("victim@mail.example", "5.1.1"), (TO, "5.2.2"), (TO, "4.4.7"), (TO, "5.7.1")];
    for (number, (to, status)) in reports.into_iter().enumerate() {
        returning.comes(&format!("{number}.mx"), &report(&came_to, &failed(to, status, "")));
        let told = taken(&mut *receipts);
        assert_eq!((told.len(), &*told[0].code), (1, status), "of the mail it is believed all the same");
        receipts.confirm();
        until("the folder is empty", || returning.names("new").is_empty());
        for to in ["victim@mail.example", TO] {
            assert_eq!(code(&bench.reply(email(SERIAL, to))), "2.0.0", "{to} after {status}");
        }
    }
}

#[test]
fn a_server_that_refuses_a_mailbox_for_good_is_asked_about_it_once() {
    let refusing = |command: &str, _| {
        let refused = [
            ("gone@", "550 5.1.1 no such user\r\n"),
            ("full@", "552 5.2.2 full\r\n"),
            ("late@", "450 4.2.1 not now\r\n"),
        ];
        refused.into_iter().find(|(name, _)| command.contains(name)).map(|(_, reply)| super::server::Act::Say(reply))
    };
    let server = Server::doing(
        move |command, number| {
            if command.starts_with("RCPT") { refusing(command, number) } else { None }
        },
    );
    let mut bench = Returning::new(&server.url).bench(&server.url);
    for (to, code, asked) in
        [("gone@a.example", "5.1.1", 1), ("full@a.example", "5.2.2", 2), ("late@a.example", "4.2.1", 2)]
    {
        for _ in 0..2 {
            match bench.reply(email(SERIAL, to)) {
                Reply::Code { code: said, .. } | Reply::Unasked { code: said, .. } => assert_eq!(said, code),
                other => panic!("{other:?}"),
            }
        }
        let heard = server.heard().iter().filter(|line| line.contains(to)).count();
        assert_eq!(heard, asked, "{to}");
    }
}

#[test]
fn a_server_that_refuses_the_sender_says_nothing_of_the_mailbox() {
    let server = Server::doing(|command, _| {
        command.starts_with("MAIL").then_some(super::server::Act::Say("550 5.1.2 the sender's domain is not there\r\n"))
    });
    let mut bench = Returning::new(&server.url).bench(&server.url);
    for _ in 0..2 {
        assert_eq!(code(&bench.reply(email(SERIAL, TO))), "5.1.2");
    }
    let asked = server.heard().iter().filter(|line| line.starts_with("MAIL FROM")).count();
    assert_eq!(asked, 2, "it is asked again");
}

#[test]
fn folders_and_return_addresses_that_cannot_work_are_refused_with_the_remedy() {
    let (_kept, key) = file("a-key\n");
    let folder = tempfile::tempdir().unwrap();
    let good = || settings(folder.path(), key.clone());
    for (settings, remedy) in [
        (good(), "name a Maildir"),
        (SmtpSettings { bounce_key_file: PathBuf::new(), ..good() }, "set smtp.return_path and smtp.bounce_key_file"),
        (SmtpSettings { bounce_key_file: "/nowhere/key".into(), ..good() }, "smtp.bounce_key_file"),
        (SmtpSettings { return_path: String::new(), ..good() }, "at most 13 characters before the @"),
    ] {
        let told = open(&vendor("smtp://127.0.0.1:25"), with(settings)).err().unwrap().to_string();
        assert!(told.contains(remedy), "{remedy}: {told}");
    }
    std::fs::create_dir(folder.path().join("new")).unwrap();
    open(&vendor("smtp://127.0.0.1:25"), with(good())).unwrap();
}

#[test]
fn whatever_comes_back_as_a_mail_is_read_to_its_end() {
    let whole = report("bounces+01KKCJ3N1F@hanbit.example", &failed(TO, "5.1.1", "550 5.1.1 no such user"));
    for mail in examples::spoilt(&[whole.as_bytes()]) {
        Dsn::read(&mail);
    }
    let returns = Returns::new("bounces@hanbit.example", &"ab".repeat(32)).unwrap();
    let address = returns.address(SERIAL, TO);
    for text in examples::spoilt(&[address.as_bytes()]) {
        let text = String::from_utf8_lossy(&text);
        if let Some(returned) = returns.read(&text) {
            assert_eq!(returned.serial_number, SERIAL, "{text}");
        }
    }
}
