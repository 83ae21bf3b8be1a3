//! The mail of a step, read by a parser that shares no code with what wrote it.

use super::{NOW_MS, UNSUBSCRIBE_KEY, email};
use crate::files::File;
use crate::unsubscribe::{Links, Refusing};
use crate::vendors::smtp::{
    mail::{self, MOST_FILES_BYTES, Mail, NoMail, address},
    session::stuffed,
    settings::Unsubscribe,
};
use mail_parser::{Message, MessageParser, MimeHeaders};
use processors::{
    codes::{Class, judge},
    reference::CodeTable,
};
use proptest::prelude::*;
use schemas::Dispatch;

/// A mail without files.
fn mail(dispatch: &Dispatch, unsubscribe: Option<&Unsubscribe>, now_ms: i64) -> Result<Mail, NoMail> {
    mail::mail(dispatch, Vec::new(), unsubscribe, now_ms)
}

fn parsed(mail: &Mail) -> Message<'_> {
    MessageParser::default().parse(&mail.bytes).unwrap()
}

fn headers(message: &Message<'_>) -> Vec<String> {
    let mut names: Vec<String> = message.headers().iter().map(|header| header.name().to_lowercase()).collect();
    names.sort_unstable();
    names
}

/// A name or address of an address list that has one.
fn only<'m>(list: Option<&'m mail_parser::Address<'m>>) -> (Option<&'m str>, Option<&'m str>) {
    let list = list.unwrap();
    let addresses: Vec<_> = list.iter().collect();
    assert_eq!(addresses.len(), 1);
    (addresses[0].name(), addresses[0].address())
}

const ALWAYS: [&str; 7] = ["content-type", "date", "from", "message-id", "mime-version", "subject", "to"];

#[test]
fn a_mail_says_what_the_step_says() {
    let mail = mail(&email("T1-0R", "haneul.kim@mail.example"), None, NOW_MS).unwrap();
    assert!(mail.bytes.is_ascii());
    let message = parsed(&mail);
    assert_eq!(headers(&message), ALWAYS);
    assert_eq!(message.subject(), Some("[한빛상점] 김하늘님의 3월 이용 내역서"));
    assert_eq!(only(message.from()), (Some("한빛상점"), Some("no-reply@hanbit.example")));
    assert_eq!(only(message.to()), (None, Some("haneul.kim@mail.example")));
    assert_eq!(message.message_id(), Some("T1-0R@hanbit.example"));
    assert_eq!(message.date().unwrap().to_timestamp() * 1_000, NOW_MS);
    let lines = |text: &str| text.replace("\r\n", "\n").trim_end().to_owned();
    assert_eq!(lines(&message.body_text(0).unwrap()), "3월 이용 금액은 84,000원입니다.\n.\n고맙습니다.");
    assert_eq!(lines(&message.body_html(0).unwrap()), "<p>3월 이용 금액은 <b>84,000</b>원입니다.</p>");
    assert_eq!((message.text_body_count(), message.html_body_count(), message.attachment_count()), (1, 1, 0));
}

#[test]
fn a_repeat_is_the_same_mail() {
    let again = Dispatch { attempt: 3, in_doubt: true, ..email("T1-0R", "a@b.example") };
    assert_eq!(mail(&email("T1-0R", "a@b.example"), None, NOW_MS), mail(&again, None, NOW_MS));
}

#[test]
fn an_ad_alone_carries_one_click_unsubscribe_that_nobody_can_make_up() {
    let kept = super::file(UNSUBSCRIBE_KEY);
    let links = || Links::read(&kept.1).unwrap();
    let one = Unsubscribe::new("https://hanbit.example/unsubscribe/", links());
    let ad = |serial: &str| {
        let mut ad = email(serial, "Haneul.Kim@Mail.example");
        ad.accepted.ad = true;
        ad.accepted.username = "hanbit-shop".into();
        ad
    };
    let sent = mail(&ad("T1-0A"), Some(&one), NOW_MS).unwrap();
    let text = String::from_utf8(sent.bytes.clone()).unwrap();
    assert!(text.contains("\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"), "{text}");
    let address = text.split("\r\nList-Unsubscribe: <").nth(1).unwrap().split(">\r\n").next().unwrap().to_owned();
    let token = address.strip_prefix("https://hanbit.example/unsubscribe/").unwrap();
    // As ingest asks for opt-outs.
    let who = |serial: &str| Refusing {
        username: "hanbit-shop".into(),
        recipient: "haneul.kim@mail.example".into(),
        serial_number: serial.into(),
    };
    assert_eq!(links().open(token), Some(who("T1-0A")));
    assert_ne!(one.address(&who("T2-0A")), Some(address));
    assert_eq!(headers(&parsed(&mail(&email("T1-0R", "a@b.example"), Some(&one), NOW_MS).unwrap())), ALWAYS);
}

#[test]
fn an_ad_whose_mail_would_have_no_way_out_is_no_mail_and_is_told_why() {
    let mut ad = email("T1-0A", "a@b.example");
    ad.accepted.ad = true;
    let refused = mail(&ad, None, NOW_MS).unwrap_err();
    assert_eq!((refused, refused.code()), (NoMail::Ad, "5.7.99"));
    let row = judge(CodeTable::Smtp, refused.code());
    assert!(row.class == Class::Block && row.meaning.contains("제50조 ④"), "{row:?}");
    ad.accepted.ad = false;
    assert!(mail(&ad, None, NOW_MS).is_ok());
}

#[test]
fn the_longest_address_of_one_click_unsubscribe_fits_a_line() {
    let beginning = format!("https://{}/", "a".repeat(291));
    let kept = super::file(UNSUBSCRIBE_KEY);
    let one = Unsubscribe::new(&beginning, Links::read(&kept.1).unwrap());
    let who = Refusing { username: "u".repeat(64), recipient: "r".repeat(320), serial_number: "S".repeat(40) };
    let line = format!("List-Unsubscribe: <{}>", one.address(&who).unwrap());
    assert!(beginning.len() == 300 && line.len() <= 998, "{}", line.len());
}

fn file(name: &str, content_type: &str, bytes: &[u8]) -> File {
    File { name: name.into(), content_type: content_type.into(), bytes: bytes.into() }
}

#[test]
fn files_stand_behind_what_a_mail_says_byte_for_byte() {
    let every_byte: Vec<u8> = (0..=255).cycle().take(5_000).collect();
    let files = || {
        vec![
            file("3월 이용 내역서.pdf", "application/pdf", &every_byte),
            file("a\"b\r\nBcc: c@d.example.txt", "text/plain; charset=utf-8", "가\n.\nend\r\n".as_bytes()),
            file("x", "no type\r\nX-Bad: 1", b"a\n--ims-files-T1-0R--\r\nb\r"),
        ]
    };
    let dispatch = email("T1-0R", "a@b.example");
    let with = |change: fn(&mut Dispatch)| {
        let mut dispatch = dispatch.clone();
        change(&mut dispatch);
        mail::mail(&dispatch, files(), None, NOW_MS).unwrap()
    };
    for (mail, bodies) in [
        (with(|_| {}), (true, true)),
        (with(|d| d.accepted.content.html = None), (true, false)),
        (with(|d| d.accepted.content.message = None), (false, true)),
    ] {
        assert!(mail.bytes.is_ascii());
        let message = parsed(&mail);
        assert_eq!(headers(&message), ALWAYS);
        let found: Vec<_> = message.attachments().collect();
        assert_eq!(found.len(), 3);
        for (found, file) in found.iter().zip(files()) {
            assert_eq!(found.contents(), file.bytes, "{}", file.name);
        }
        let names: Vec<_> = found.iter().map(|found| found.attachment_name().unwrap_or_default()).collect();
        assert_eq!(names, ["3월 이용 내역서.pdf", "a\"bBcc: c@d.example.txt", "x"]);
        let of = |n: usize| found[n].content_type().map(|of| (of.ctype().to_owned(), of.subtype().unwrap().to_owned()));
        assert_eq!(of(0), Some(("application".into(), "pdf".into())));
        assert_eq!(of(2), Some(("application".into(), "octet-stream".into())));
        let text = message.text_bodies().next().is_some_and(|body| body.is_text());
        assert_eq!((text && dispatch.accepted.content.message.is_some(), bodies.0 || bodies.1), (true, true));
    }
}

#[test]
fn more_than_a_mail_may_have_is_no_mail() {
    let half = file("a", "application/pdf", &vec![7; MOST_FILES_BYTES / 2]);
    let dispatch = email("T1-0R", "a@b.example");
    assert!(mail::mail(&dispatch, vec![half.clone(), half.clone()], None, NOW_MS).is_ok());
    let more = vec![half.clone(), half, file("b", "text/plain", b"1")];
    assert_eq!(mail::mail(&dispatch, more, None, NOW_MS), Err(NoMail::Large));
}

#[test]
fn what_cannot_be_a_mail_is_told_apart() {
    let changed = |change: fn(&mut Dispatch)| {
        let mut dispatch = email("T1-0R", "a@b.example");
        change(&mut dispatch);
        mail(&dispatch, None, NOW_MS).map(drop)
    };
    assert_eq!(changed(|d| d.accepted.recipient.to = None), Err(NoMail::Recipient));
    assert_eq!(
        changed(|d| d.accepted.recipient.to = Some("a@b.example>\r\nRCPT TO:<c@d.example".into())),
        Err(NoMail::Recipient)
    );
    assert_eq!(changed(|d| d.accepted.content.from_email = None), Err(NoMail::Sender));
    assert_eq!(changed(|d| d.accepted.content.title = Some("a\r\nBcc: c@d.example".into())), Err(NoMail::Header));
    assert_eq!(changed(|d| d.accepted.content.from_name = Some("a\nBcc: c@d.example".into())), Err(NoMail::Header));
    assert_eq!(changed(|d| d.serial_number = "a>\r\nBcc: c@d.example".into()), Err(NoMail::Header));
    assert_eq!(changed(|d| d.accepted.content.html = None), Ok(()));
    assert_eq!(changed(|d| d.accepted.content.message = None), Ok(()));
}

#[test]
fn no_line_of_a_mail_is_its_end() {
    for (mail, sent) in [
        ("a\r\n.\r\nb", "a\r\n..\r\nb\r\n"),
        ("a\n.\nb\n", "a\r\n..\r\nb\r\n"),
        ("a\r.\rb", "a\r\n..\r\nb\r\n"),
        (".", "..\r\n"),
        ("a\r\n\r\n..b\r\n", "a\r\n\r\n...b\r\n"),
        ("", ""),
    ] {
        assert_eq!(String::from_utf8(stuffed(mail.as_bytes())).unwrap(), sent, "{mail:?}");
    }
}

proptest! {
    /// Whatever is put into a name, a subject, a body: the headers stay the same ones, with what was put into them.
    #[test]
    fn nothing_put_into_a_mail_becomes_a_header(name in ".{0,40}", subject in ".{0,80}", body in "(?s).{1,200}") {
        let mut dispatch = email("T1-0R", "a@b.example");
        dispatch.accepted.content.from_name = Some(name.clone());
        dispatch.accepted.content.title = Some(subject.clone());
        dispatch.accepted.content.message = Some(body);
        match mail(&dispatch, None, NOW_MS) {
            Err(reason) => prop_assert_eq!(reason, NoMail::Header),
            Ok(mail) => {
                prop_assert!(mail.bytes.is_ascii());
                let message = parsed(&mail);
                prop_assert_eq!(headers(&message), ALWAYS);
                let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
                prop_assert_eq!(squeezed(message.subject().unwrap_or_default()), squeezed(&subject));
                prop_assert_eq!(only(message.from()).1, Some("no-reply@hanbit.example"));
            }
        }
    }

    /// What passes for an address can end no command.
    #[test]
    fn an_address_stays_inside_its_brackets(text in "(?s).{0,30}@.{0,30}") {
        if let Some(address) = address(&text) {
            let address = address.to_string();
            prop_assert!(address.bytes().all(|b| b.is_ascii_graphic() && b != b'<' && b != b'>'), "{}", address);
        }
    }
}
