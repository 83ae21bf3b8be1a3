//! The connector and the simulator over loopback: each was written from the published guide, apart from the other.

use super::{APP_KEY, Bench, SMS, code, dispatch, settings, sms};
use crate::{
    simulator::{Behaviour, Listener, RequestLog},
    vendors::{
        Use,
        contract::{Customer, KEY, always, first, free_port, listening, mms, until_confirmed},
        testing::{Nobody, PATIENCE, serve},
    },
};
use processors::ports::{Receipt, Receipts, Reply};
use schemas::{Channel, Dispatch, Lane, MessageType};
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

/// Takes and delivers everything.
fn well() -> Behaviour {
    let mut behaviour = Behaviour { codes: always("0"), ..Behaviour::perfect() };
    behaviour.receipts.codes = always("1000");
    behaviour
}

fn url(listener: &Listener) -> String {
    format!("http://{}", listener.address())
}

fn taken(receipts: &mut dyn Receipts, most: usize) -> Vec<Receipt> {
    let (mut taken, deadline) = (Vec::new(), Instant::now() + PATIENCE);
    while taken.len() < most {
        receipts.take(PATIENCE, &mut taken);
        receipts.confirm();
        assert!(Instant::now() < deadline, "{taken:?}");
    }
    taken
}

#[test]
fn each_kind_of_text_is_taken_and_reported_under_its_serial_number() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("requests.jsonl");
    let listener = listening(&SMS, APP_KEY, Some(&log), well(), 0);
    let mut bench = Bench::of(&SMS, &url(&listener));
    let mut auth = Dispatch { priority: Lane::Auth, ..sms("A-0A") };
    auth.accepted.content.message = Some("인증번호 123456".into());
    let mut ad = sms("D-0D");
    ad.accepted.ad = true;
    ad.accepted.content.message = Some("(광고) 봄맞이\n무료수신거부 0808880327".into());
    let mut abroad = sms("B-0R");
    abroad.accepted.recipient.country_code = Some("1".into());
    abroad.accepted.recipient.phone_number = Some("2025550123".into());
    for step in [sms("S-0R"), dispatch("L-0R", Channel::Mt, MessageType::Lms), auth, ad, abroad] {
        assert_eq!(code(&bench.reply_to(step)), "0");
    }
    let mut receipts = bench.vendors.receipts(Box::new(Nobody), serve()).unwrap();
    let mut told: Vec<String> =
        taken(&mut *receipts, 5).into_iter().map(|r| format!("{} {} {}", r.serial_number, r.code, r.vendor)).collect();
    told.sort();
    assert_eq!(told, ["A-0A", "B-0R", "D-0D", "L-0R", "S-0R"].map(|serial| format!("{serial} 1000 dealer")));
    let mut more = Vec::new();
    receipts.take(Duration::from_millis(200), &mut more);
    assert!(more.is_empty(), "they are listed again and not given again: {more:?}");
    let families: Vec<_> = RequestLog::read(&log).unwrap().into_iter().map(|request| request.family).collect();
    assert_eq!(families, ["SMS", "LMS", "SMS", "SMS", "SMS"]);
    let written = std::fs::read_to_string(&log).unwrap();
    assert!(!written.contains("12345678") && !written.contains("인증"), "{written}");
}

#[test]
fn an_image_is_uploaded_and_named_by_the_mms_that_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("requests.jsonl");
    let listener = listening(&SMS, APP_KEY, Some(&log), well(), 0);
    let mut bench = Bench::of(&SMS, &url(&listener));
    let upload = |bench: &Bench, what, name: &str, image: &[u8]| bench.vendors.upload("dealer", what, name, image);
    let keys: Vec<String> =
        ["one.jpg", "two.jpeg"].map(|name| upload(&bench, Use::Mms, name, b"\xff\xd8\xff").unwrap().key).into();
    let mut mms = dispatch("M-0R", Channel::Mt, MessageType::Mms);
    mms.accepted.content.attach_file_list = keys;
    assert_eq!(code(&bench.reply_to(mms)), "0");
    assert_eq!(RequestLog::read(&log).unwrap()[0].family, "MMS");
    for (what, name, image, told) in [
        (Use::Rcs, "one.jpg", &b"x"[..], "takes images for MMS alone"),
        (Use::Mms, "one.png", b"x", "name the file"),
        (Use::Mms, &"a".repeat(50), b"x", "name the file"),
        (Use::Mms, "one.jpg", b"", "-2005"),
        (Use::Mms, "one.jpg", &[0; (300 << 10) + 1], "-2005"),
    ] {
        let refused = upload(&bench, what, name, image).unwrap_err();
        assert!(refused.contains(told), "{name}: {refused}");
    }
}

#[test]
fn an_image_of_a_customers_is_brought_once_and_named_as_the_vendor_names_it() {
    const OURS: &str = "01JABCDEFGHJKMNPQRSTVWXYZ0";
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("requests.jsonl");
    let listener = listening(&SMS, APP_KEY, Some(&log), well(), 0);
    let bench = || Bench::of(&SMS, &url(&listener));
    let mut customer = bench().with_file(OURS, "image/jpeg", b"\xff\xd8\xff");
    for _ in 0..2 {
        assert_eq!(code(&customer.reply_to(mms(&[OURS]))), "0");
    }
    // The next number is the second one: there was one upload.
    assert_eq!(customer.vendors.upload("dealer", Use::Mms, "one.jpg", b"\xff\xd8\xff").unwrap().key, "2");
    assert_eq!(RequestLog::read(&log).unwrap().len(), 2);
    for (content_type, bytes, refusal) in [("image/png", 3, "-2003"), ("image/jpeg", (300 << 10) + 1, "-2005")] {
        let mut customer = bench().with_file(OURS, content_type, &vec![0; bytes]);
        let reply = customer.reply_to(mms(&[OURS]));
        assert!(matches!(&reply, Reply::Unasked { code, .. } if code == refusal), "{reply:?}");
    }
    let mut another = mms(&[OURS]);
    another.accepted.username = "another-shop".into();
    assert_eq!(code(&customer.reply_to(another)), "-2004", "a key that is none of his is the vendor's, and no number");
    assert_eq!(RequestLog::read(&log).unwrap().len(), 2);
}

#[test]
fn results_that_were_not_confirmed_are_read_by_whoever_comes_next() {
    let listener = listening(&SMS, APP_KEY, None, well(), 0);
    let mut bench = Bench::of(&SMS, &url(&listener));
    assert_eq!(code(&bench.reply()), "0");
    for _ in 0..2 {
        let mut receipts = bench.vendors.receipts(Box::new(Nobody), serve()).unwrap();
        assert!(first(&mut *receipts).starts_with("S-0R 1000 "));
    }
}

#[test]
fn a_message_whose_answer_was_lost_is_found_and_one_that_never_came_is_not() {
    let lost = Behaviour { no_answer_share: 1.0, no_answer_taken_share: 1.0, ..well() };
    for (behaviour, found) in [(lost.clone(), true), (Behaviour { no_answer_taken_share: 0.0, ..lost }, false)] {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("requests.jsonl");
        let listener = listening(&SMS, APP_KEY, Some(&log), behaviour, 0);
        let mut bench = Bench::within(&SMS, &url(&listener), 500, settings());
        let sent = Dispatch { routed_at: jiff::Timestamp::now().as_millisecond(), ..sms("S-0R") };
        assert!(matches!(bench.reply_to(sent.clone()), Reply::NoAnswer(_)));
        match bench.reply_to(Dispatch { in_doubt: true, ..sent }) {
            Reply::Code { code, .. } => assert!(found && code == "0"),
            other => assert!(!found && matches!(other, Reply::Forgotten(_)), "{other:?}"),
        }
        assert_eq!(RequestLog::read(&log).unwrap().len(), 1, "it is sent once");
    }
}

#[test]
fn the_simulator_brings_each_result_until_it_is_confirmed() {
    let folder = tempfile::tempdir().unwrap();
    let (log, port) = (folder.path().join("requests.jsonl"), free_port());
    let mut behaviour = well();
    behaviour.receipts.codes = always("3001");
    behaviour.receipts.webhook_url = Some(format!("http://127.0.0.1:{port}/nhn/dealer"));
    let listener = listening(&SMS, APP_KEY, Some(&log), behaviour, 0);
    let mut customer = Customer::at(&SMS, &url(&listener), port);
    let mut receipts = customer.receipts();
    assert_eq!(code(&customer.bench.reply()), "0");
    assert!(first(&mut *receipts).starts_with("S-0R 3001 "));
    assert!(RequestLog::read_confirmed(&log).unwrap().is_empty(), "it knows before it was told");
    receipts.confirm();
    until_confirmed(&log);
}

#[test]
fn trouble_comes_through_as_what_it_is() {
    let with = |behaviour: Behaviour| {
        let listener = listening(&SMS, APP_KEY, None, behaviour, 0);
        Bench::within(&SMS, &url(&listener), 1_000, settings()).reply()
    };
    assert!(matches!(with(Behaviour { no_answer_share: 1.0, ..well() }), Reply::NoAnswer(_)));
    let asked = with(Behaviour { throttled_share: 1.0, retry_after_ms: 2_500, ..well() });
    assert_eq!(asked, Reply::Throttled(Duration::from_secs(3)));
    for refusal in ["-2019", "-2312", "-1000", "-6001", "-2021"] {
        assert_eq!(code(&with(Behaviour { codes: always(refusal), ..well() })), refusal);
    }
    assert!(matches!(with(Behaviour { codes: always("-9999"), ..well() }), Reply::NoAnswer(_)));
}

/// What a request gets that was written by hand.
fn asked(listener: &Listener, method: &str, path: &str, secret: &str, body: &str) -> Value {
    let mut stream = TcpStream::connect(listener.address()).unwrap();
    write!(
        stream,
        "{method} /sms/v3.0/appKeys/{path} HTTP/1.1\r\nHost: dealer\r\nConnection: close\r\nX-Secret-Key: {secret}\r\n\
         Content-Type: application/json;charset=UTF-8\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[test]
fn the_simulator_answers_and_refuses_as_published() {
    let listener = listening(&SMS, APP_KEY, None, well(), 0);
    let post = |way: &str, more: Value| {
        let mut body = json!({
            "body": "본문", "sendNo": "15446859",
            "recipientList": [{"recipientNo": "01000000000", "recipientGroupingKey": "RecipientGroupingKey"}],
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        asked(&listener, "POST", &format!("{APP_KEY}/sender/{way}"), KEY, &body.to_string())
    };
    let answer = post("sms", json!({"statsId": "statsId", "templateId": null, "userId": "UserId"}));
    assert_eq!(answer["header"], json!({"isSuccessful": true, "resultCode": 0, "resultMessage": "SUCCESS"}));
    let told = &answer["body"]["data"]["sendResultList"][0];
    assert_eq!((&told["recipientNo"], &told["resultCode"]), (&json!("01000000000"), &json!(0)));
    assert_eq!((&told["recipientSeq"], &told["recipientGroupingKey"]), (&json!(1), &json!("RecipientGroupingKey")));
    let abroad = json!([{"internationalRecipientNo": "12025550123", "recipientGroupingKey": "k"}]);
    for (way, more, code) in [
        ("sms", json!({"text": "x"}), -9997),
        ("sms", json!({"title": "x"}), -9997),
        ("sms", json!({"body": ""}), -2014),
        ("mms", json!({}), -2014),
        ("sms", json!({"body": "가".repeat(256)}), -2015),
        ("sms", json!({"body": "😀"}), -2023),
        ("sms", json!({"sendNo": ""}), -2312),
        ("sms", json!({"recipientList": []}), -2001),
        ("sms", json!({"recipientList": vec![json!({"recipientNo": "1", "recipientGroupingKey": "k"}); 1_001]}), -2016),
        ("sms", json!({"recipientList": [{"recipientGroupingKey": "k"}]}), -2018),
        ("sms", json!({"recipientList": [{"recipientNo": "010-0000", "recipientGroupingKey": "k"}]}), -2019),
        ("mms", json!({"title": "제목", "recipientList": abroad}), -2024),
        ("auth/sms", json!({}), -8000),
        ("ad-sms", json!({}), -6003),
        ("sms", json!({"statsId": "12345678901"}), 4),
    ] {
        let answer = post(way, more.clone());
        assert_eq!(answer["header"]["resultCode"], code, "{way} {more}");
    }
    let get = |path: &str, secret: &str| asked(&listener, "GET", path, secret, "")["header"]["resultCode"].clone();
    let list = format!("{APP_KEY}/message-results?");
    let day = "startUpdateDate=2026-03-02%2000:00:00&endUpdateDate=2026-03-0";
    assert_eq!(get(&format!("{list}{day}2%2023:59:59&pageNum=1&pageSize=1000"), KEY), 0);
    for (query, code) in [
        ("pageNum=1".to_owned(), -2011),
        (format!("{day}4%2000:00:00"), -4000),
        (format!("{day}2&pageSize=1"), -2000),
        (format!("{day}2%2010:00:00&pageSize=1001"), -1005),
    ] {
        assert_eq!(get(&format!("{list}{query}"), KEY), code, "{query}");
    }
    assert_eq!(get(&format!("{list}{day}2%2010:00:00"), "another"), -1000);
    assert_eq!(get(&format!("another/message-results?{day}2%2010:00:00"), KEY), -1000);
}
