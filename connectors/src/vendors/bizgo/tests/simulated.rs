//! The connector and the simulator over loopback: each was written from the published schemas, apart from the other.

use super::super::Bizgo;
use super::{Bench, DEALER, KEY, PATIENCE, VendorSettings, at, code, dispatch, example, sms};
use crate::{
    simulator::{Behaviour, Listener, RequestLog, Spread},
    vendors::{
        contract::{always, listening, until_confirmed},
        http::Client,
    },
};
use processors::ports::{Receipt, Reply};
use schemas::{Channel, MessageType};
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    time::Instant,
};

pub fn listen_with(log: Option<&Path>, behaviour: Behaviour, port: u16) -> Listener {
    listening(&DEALER, "", log, behaviour, port)
}

fn url(listener: &Listener) -> String {
    format!("http://{}", listener.address())
}

/// Takes and delivers everything.
pub fn well() -> Behaviour {
    let mut behaviour = Behaviour { codes: always("A000"), ..Behaviour::perfect() };
    behaviour.receipts.codes = always("10000");
    behaviour
}

#[test]
fn each_kind_of_message_is_taken_and_reported_under_its_serial_number() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("requests.jsonl");
    let listener = listen_with(Some(&log), well(), 0);
    let mut bench = Bench::of(&DEALER, &url(&listener));
    let mut mms = dispatch("M-0R", Channel::Mt, MessageType::Mms);
    mms.accepted.content.attach_file_list = vec!["FILE".into()];
    let lms = dispatch("L-0R", Channel::Mt, MessageType::Lms);
    for dispatch in [sms("S-0R"), at("A-0R"), lms, mms] {
        bench.submit(1, dispatch);
        let reply = bench.next().reply;
        assert_eq!(code(&reply), "A000");
    }
    let mut receipts = bench.vendors.receipts(Box::new(super::Nobody), super::serve()).unwrap();
    let mut taken: Vec<Receipt> = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    while taken.len() < 4 {
        receipts.take(PATIENCE, &mut taken);
        receipts.confirm();
        assert!(Instant::now() < deadline, "{taken:?}");
    }
    taken.sort_by(|a, b| a.serial_number.cmp(&b.serial_number));
    let told: Vec<_> = taken.iter().map(|r| (r.serial_number.as_str(), r.code.as_str(), r.vendor.as_str())).collect();
    assert_eq!(told, ["A-0R", "L-0R", "M-0R", "S-0R"].map(|serial| (serial, "10000", "dealer")));
    let families: Vec<_> = RequestLog::read(&log).unwrap().into_iter().map(|r| r.family).collect();
    assert_eq!(families, ["SMS", "AT", "LMS", "MMS"]);
    let written = std::fs::read_to_string(&log).unwrap();
    assert!(!written.contains("12345678") && !written.contains("준비"), "{written}");
}

#[test]
fn every_type_of_brand_message_and_rcs_is_taken_as_published() {
    let brands = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(brands.path(), "0237001234 brand-key\n").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("requests.jsonl");
    let listener = listen_with(Some(&log), well(), 0);
    let settings = VendorSettings { rcs_brands_file: brands.path().to_owned(), ..VendorSettings::default() };
    let mut bench = Bench::within(&DEALER, &url(&listener), 5_000, settings);
    let kinds = [
        ("ft", Channel::Ft, MessageType::Ft),
        ("fi", Channel::Ft, MessageType::Fi),
        ("fw", Channel::Ft, MessageType::Fw),
        ("bt_text", Channel::Bt, MessageType::Text),
        ("bt_image", Channel::Bt, MessageType::Image),
        ("bt_wide", Channel::Bt, MessageType::Wide),
        ("bt_wide_item_list", Channel::Bt, MessageType::WideItemList),
        ("bt_premium_video", Channel::Bt, MessageType::PremiumVideo),
        ("bt_commerce", Channel::Bt, MessageType::Commerce),
        ("bt_carousel_feed", Channel::Bt, MessageType::CarouselFeed),
        ("rcssms", Channel::Rc, MessageType::Rcssms),
        ("rcslms", Channel::Rc, MessageType::Rcslms),
        ("rcsmms", Channel::Rc, MessageType::Rcsmms),
        ("rcstmpl", Channel::Rc, MessageType::Rcstmpl),
    ];
    for (name, channel, message_type) in kinds {
        bench.submit(1, example(name, channel, message_type));
        let reply = bench.next().reply;
        assert_eq!(code(&reply), "A000", "{name}");
    }
    let families: Vec<_> = RequestLog::read(&log).unwrap().into_iter().map(|r| r.family).collect();
    assert_eq!(families[..3], ["FT"; 3]);
    assert_eq!(families[3..10], ["BT"; 7]);
    assert_eq!(families[10..], ["RCS"; 4]);
    let mut cards = example("bt_carousel_commerce", Channel::Bt, MessageType::CarouselCommerce);
    bench.submit(1, cards.clone());
    assert_eq!(code(&bench.next().reply), "A568", "published: a card of products has no additional text here");
    let carousel = cards.accepted.content.attachment.as_mut().and_then(|hung| hung.carousel.as_mut()).unwrap();
    carousel.list.iter_mut().for_each(|card| card.additional_content = None);
    cards.serial_number = "cards-0R".into();
    bench.submit(1, cards);
    assert_eq!(code(&bench.next().reply), "A000");
    let mut stranger = example("rcslms", Channel::Rc, MessageType::Rcslms);
    stranger.accepted.content.callback = Some("15990000".into());
    bench.submit(1, stranger);
    assert_eq!(code(&bench.next().reply), "A420", "a chatbot without a brand key");
}

#[test]
fn a_brand_message_that_is_not_as_published_is_refused_with_the_published_code() {
    let listener = listen_with(None, well(), 0);
    let free = json!({"sendType": "free", "msgType": "FT", "senderKey": "s", "text": "x"});
    let with = |more: Value| {
        let mut brand = free.clone();
        brand.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"destinations": [{"to": "01000000000"}], "messageFlow": [{"brandmessage": brand}], "ref": "b"})
    };
    assert_eq!(asked(&listener, &with(json!({}))).0, "HTTP/1.1 200 OK");
    let image = json!({"image": {"imgUrl": "https://example.com/a.jpg"}});
    let card = json!({"header": "h", "message": "m", "attachment": image});
    for (more, code) in [
        (json!({"content": "x"}), "A011"),
        (json!({"sendType": "other"}), "A571"),
        (json!({"msgType": "TEXT"}), "A523"),
        (json!({"senderKey": ""}), "A502"),
        (json!({"sendType": "basic"}), "A505"),
        (json!({"sendType": "basic", "templateCode": "t"}), "A570"),
        (json!({"sendType": "basic", "templateCode": "t", "targeting": "I", "adult": "Y"}), "A571"),
        (json!({"targeting": "X"}), "A570"),
        (json!({"adult": "yes"}), "A569"),
        (json!({"text": "가".repeat(1_301)}), "A303"),
        (json!({"msgType": "FI"}), "A513"),
        (json!({"msgType": "FI", "attachment": image, "text": "가".repeat(401)}), "A303"),
        (json!({"msgType": "FL", "adFlag": "N"}), "A506"),
        (json!({"msgType": "FC"}), "A567"),
        (json!({"msgType": "FC", "carousel": {"list": [card]}}), "A567"),
        (json!({"msgType": "FC", "carousel": {"head": {}, "list": [card, card]}}), "A568"),
        (json!({"msgType": "FA", "carousel": {"list": [card, card]}}), "A568"),
        (json!({"attachment": {"button": [{"type": "WL", "name": "보기", "urlMobile": "https://a.kr"}]}}), "A503"),
    ] {
        let (status, answer) = asked(&listener, &with(more.clone()));
        assert_eq!(status, "HTTP/1.1 400 Bad Request", "{more}");
        assert_eq!(answer["data"]["code"], code, "{more}");
    }
    let basic = json!({"sendType": "basic", "templateCode": "t", "targeting": "I"});
    assert_eq!(asked(&listener, &with(basic)).0, "HTTP/1.1 200 OK");
}

#[test]
fn an_rcs_message_that_is_not_as_published_is_refused_with_the_published_code() {
    let listener = listen_with(None, well(), 0);
    let with = |more: Value| {
        let mut rcs = json!({"from": "15880000", "formatId": "f", "brandKey": "b", "body": {"description": "x"}});
        rcs.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"destinations": [{"to": "01000000000"}], "messageFlow": [{"rcs": rcs}], "ref": "r"})
    };
    assert_eq!(asked(&listener, &with(json!({}))).0, "HTTP/1.1 200 OK");
    let button = |action: Value| json!({"buttons": [{"suggestions": [{"displayText": "x", "action": action}]}]});
    for (more, code) in [
        (json!({"message": "x"}), "A011"),
        (json!({"from": ""}), "A302"),
        (json!({"formatId": ""}), "A404"),
        (json!({"brandKey": ""}), "A420"),
        (json!({"body": {}}), "A415"),
        (json!({"body": {"media": "https://a.kr/a.jpg"}}), "A415"),
        (json!({"expiryOption": "5"}), "A408"),
        (json!({"copyAllowed": "Y"}), "A407"),
        (json!({"header": "1"}), "A412"),
        (json!({"footer": "080-123-4567"}), "A412"),
        (button(json!({"urlAction": {"url": "https://a.kr"}})), "A011"),
    ] {
        let (status, answer) = asked(&listener, &with(more.clone()));
        assert_eq!(status, "HTTP/1.1 400 Bad Request", "{more}");
        assert_eq!(answer["data"]["code"], code, "{more}");
    }
}

#[test]
fn reports_that_were_not_confirmed_come_again_also_after_the_vendor_died() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("requests.jsonl");
    let listener = listen_with(Some(&log), well(), 0);
    let port = listener.address().port();
    let mut bench = Bench::of(&DEALER, &url(&listener));
    assert_eq!(code(&bench.reply()), "A000");
    let take = |bench: &Bench, confirm: bool| {
        let mut receipts = bench.vendors.receipts(Box::new(super::Nobody), super::serve()).unwrap();
        let mut taken = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        while taken.is_empty() {
            receipts.take(PATIENCE, &mut taken);
            assert!(Instant::now() < deadline, "no report");
        }
        if confirm {
            receipts.confirm();
            until_confirmed(&log);
        }
        taken
    };
    let first = take(&bench, false);
    assert_eq!(take(&bench, false).len(), 1, "whoever took it did not confirm");
    drop(listener);
    let _listener = listen_with(Some(&log), well(), port);
    let again = take(&bench, true);
    assert_eq!(again[0].serial_number, first[0].serial_number);
}

#[test]
fn what_a_carrier_could_not_deliver_in_its_time_is_reported_as_given_up() {
    let mut slow = well();
    slow.receipts.delay_ms = Spread::exactly(3_600_000.0);
    let listener = listen_with(None, slow, 0);
    let mut bench = Bench::of(&DEALER, &url(&listener));
    let mut otp = sms("S-0R");
    // Its end is near: the carrier is given the shortest time.
    otp.accepted.expires_at = 0;
    bench.submit(1, otp);
    assert_eq!(code(&bench.next().reply), "A000");
    let mut receipts = bench.vendors.receipts(Box::new(super::Nobody), super::serve()).unwrap();
    let (mut told, deadline) = (Vec::new(), Instant::now() + PATIENCE);
    while told.is_empty() {
        receipts.take(PATIENCE, &mut told);
        assert!(Instant::now() < deadline, "it is never told");
    }
    assert_eq!(told[0].code, "22000");
}

#[test]
fn a_batch_that_another_process_has_acknowledged_is_no_trouble() {
    let listener = listen_with(None, well(), 0);
    let bench = Bench::of(&DEALER, &url(&listener));
    let client = Client::new(std::time::Duration::from_secs(5)).unwrap();
    let wire = Bizgo { client: &client, access: &bench.vendors.access["dealer"], vendor: &bench.vendor };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert_eq!(runtime.block_on(wire.acknowledge("of-before")), Ok(()));
    for no_id in ["", "../send/omni", "a/b", "a?b", "a b"] {
        assert!(runtime.block_on(wire.acknowledge(no_id)).is_err(), "{no_id:?}");
    }
}

/// What a request gets that was written by hand.
fn asked(listener: &Listener, body: &Value) -> (String, Value) {
    let mut stream = TcpStream::connect(listener.address()).unwrap();
    let body = body.to_string();
    write!(
        stream,
        "POST /api/comm/v1/send/omni HTTP/1.1\r\nHost: dealer\r\nConnection: close\r\nAuthorization: {KEY}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), serde_json::from_str(body).unwrap())
}

#[test]
fn the_simulator_answers_and_refuses_as_published() {
    let listener = listen_with(None, well(), 0);
    let sms = json!({"sms": {"from": "01000000000", "text": "인증번호는 123456 입니다."}});
    let request = |more: Value| {
        let mut request = json!({"destinations": [{"to": "01000000000"}], "messageFlow": [sms], "ref": "sms-001"});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request
    };
    let (status, answer) = asked(&listener, &request(json!({})));
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert_eq!(answer["common"]["authCode"], "A000");
    assert_eq!((&answer["data"]["code"], &answer["data"]["ref"]), (&json!("A000"), &json!("sms-001")));
    let destination = &answer["data"]["data"]["destinations"][0];
    assert_eq!((&destination["to"], &destination["code"]), (&json!("01000000000"), &json!("A000")));
    assert!(destination["msgKey"].is_string() && destination["result"].is_string(), "{destination}");
    // Without an idempotency key it cannot tell a repeat.
    assert_eq!(asked(&listener, &request(json!({}))).1["data"]["data"]["destinations"][0]["code"], "A000");
    for (more, code) in [
        (json!({"idempotencyKey": "k"}), "A309"),
        (json!({"idempotencyKey": "k", "idempotencyTtl": 86_401}), "A309"),
        (json!({"idempotencyKey": "", "idempotencyTtl": 1}), "A308"),
        (json!({"destinations": [{"to": ""}]}), "A306"),
        (json!({"destinations": vec![json!({"to": "01000000000"}); 201]}), "A318"),
        (json!({"messageFlow": []}), "A300"),
        (json!({"messageFlow": [{"sms": {"from": "01000000000", "text": "x", "title": "none"}}]}), "A011"),
        (json!({"messageFlow": [{"sms": {"from": "01000000000", "text": "x", "ttl": "soon"}}]}), "A304"),
        (json!({"messageFlow": [{"alimtalk": {"senderKey": "s", "templateCode": "t", "text": "x"}}]}), "A523"),
        (json!({"serialNumber": "S"}), "A011"),
    ] {
        let (status, answer) = asked(&listener, &request(more.clone()));
        assert_eq!(status, "HTTP/1.1 400 Bad Request", "{more}");
        assert_eq!(answer["data"]["code"], code, "{more}");
    }
}

#[test]
fn a_repeat_with_the_same_serial_number_is_told_as_one_and_sends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("requests.jsonl");
    let listener = listen_with(Some(&log), well(), 0);
    let mut bench = Bench::of(&DEALER, &url(&listener));
    assert_eq!(code(&bench.reply()), "A000");
    assert_eq!(code(&bench.reply()), "A301");
    let taken = RequestLog::read(&log).unwrap().iter().filter(|request| request.taken).count();
    assert_eq!(taken, 1);
}

#[test]
fn trouble_comes_through_as_what_it_is() {
    let with = |behaviour: Behaviour| {
        let listener = listen_with(None, behaviour, 0);
        let reply = Bench::within(&DEALER, &url(&listener), 1_000, Default::default()).reply();
        drop(listener);
        reply
    };
    assert!(matches!(with(Behaviour { no_answer_share: 1.0, ..well() }), Reply::NoAnswer(_)));
    let asked = with(Behaviour { throttled_share: 1.0, retry_after_ms: 2_500, ..well() });
    assert_eq!(asked, Reply::Throttled(std::time::Duration::from_secs(3)));
    for (vendors, ours) in [("A306", "A306"), ("A327", "A327"), ("common.A403", "common.A403"), ("A777", "A777")] {
        assert_eq!(code(&with(Behaviour { codes: always(vendors), ..well() })), ours);
    }
    for open in ["A910", "A920", "common.A502"] {
        assert!(matches!(with(Behaviour { codes: always(open), ..well() }), Reply::NoAnswer(_)), "{open}");
    }
}

#[test]
fn a_customer_without_the_right_key_and_a_text_beyond_its_limit_are_refused() {
    let listener = listen_with(None, well(), 0);
    let mut bench = Bench::of(&DEALER, &url(&listener));
    let mut long = sms("S-0R");
    long.accepted.content.message = Some("가".repeat(46));
    bench.submit(1, long);
    assert_eq!(code(&bench.next().reply), "A328");
    std::fs::write(bench.key.path(), "other").unwrap();
    let mut other = Bench::of(&DEALER, &url(&listener));
    std::fs::write(other.key.path(), "wrong").unwrap();
    other.vendors.access["dealer"].key.renew(&other.vendors.access["dealer"].key.header());
    assert_eq!(code(&other.reply()), "common.A401");
}
