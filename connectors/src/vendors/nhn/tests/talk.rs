//! 알림톡: the same suite, its body, its repeats and its results, against the simulator too.

use super::super::{
    Product,
    request::{Unfit, list_of, request},
};
use super::{APP_KEY, SMS, settings};
use crate::{
    simulator::{Behaviour, RequestLog},
    vendors::{
        VendorSettings, Vendors,
        contract::{Bench, Customer, Dealer, Now, always, at, code, contract, first, free_port, listening, vendor},
        testing::{Fixed, Nobody, PATIENCE, Server, answer, serve},
    },
};
use processors::{
    ports::{Clock as _, Reply},
    reference::{InDoubt, Reference, Seed, Vendor},
};
use schemas::{Attachment, Button, Dispatch, Highlight, Item, ItemList, Lane, Supplement};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

pub(super) static TALK: Dealer = Dealer {
    row: || json!({"families": ["AT"], "codes": "nhn-kakao", "protocol": "nhn", "in_doubt": "repeat"}),
    settings,
    key_header: "x-secret-key",
    accepted: (
        r#"{"header":{"resultCode":0,"resultMessage":"success","isSuccessful":true},"message":{"requestId":"r","senderGroupingKey":null,"sendResults":[{"recipientSeq":1,"recipientNo":"01012345678","resultCode":0,"resultMessage":"SUCCESS","recipientGroupingKey":"S-0R"}]}}"#,
        "0",
    ),
    no_key: (
        "200 OK",
        r#"{"header":{"resultCode":-1001,"resultMessage":"Invalid secretKey.","isSuccessful":false}}"#,
        "-1001",
    ),
    signed: SMS.signed,
    hooks: "nhn",
    report: (
        r#"{"hooksId":"202007271010101010sadasdavas","webhookConfigId":"String","productName":"KakaoTalk Bizmessage","appKey":"app-key-1","event":"MESSAGE_RESULT_UPDATE","hooks":[{"kakaoMessageType":"ALIMTALK_NORMAL","requestId":"r","recipientSeq":1,"requestDate":"2026-03-02 11:59:58","createDate":"2026-03-02 11:59:58","receiveDate":"2026-03-02 12:00:00","recipientNo":"01012345678","resultCode":"3018","senderGroupingKey":null,"recipientGroupingKey":"S-0R","isAddedChannel":null,"hookId":"h"}]}"#,
        "S-0R 3018 1772420400000",
        "{}",
    ),
};

contract!(TALK);

fn sent(dispatch: &Dispatch) -> (&'static str, Value) {
    let sending = request(Product::Kakao, dispatch, "", &[]).unwrap();
    (sending.path, serde_json::from_slice(&sending.body).unwrap())
}

/// One with everything that may hang on it.
fn full() -> Dispatch {
    let mut step = at("S-0R");
    let content = &mut step.accepted.content;
    (content.title, content.header) = (Some("강조".into()), Some("머리".into()));
    let row = |title: &str, said: &str| Item { title: title.into(), description: Some(said.into()), ..Item::default() };
    let button = Button {
        r#type: "WL".into(),
        name: Some("보기".into()),
        url_mobile: Some("https://m.example.com".into()),
        url_pc: Some("https://example.com".into()),
        target: Some("out".into()),
        ..Button::default()
    };
    let form = Button {
        r#type: "BF".into(),
        name: Some("톡에서 예약하기".into()),
        biz_form_key: Some("1234".into()),
        ..Button::default()
    };
    let item = ItemList {
        list: vec![row("상품", "원두"), row("수량", "2")],
        summary: Some(row("합계", "38,500").into()),
    };
    let highlight = Highlight { title: "주문".into(), description: "완료".into(), ..Highlight::default() };
    content.attachment = Some(
        Attachment {
            button: vec![button, form.clone()],
            item: Some(item.into()),
            item_highlight: Some(highlight.into()),
            ..Attachment::default()
        }
        .into(),
    );
    content.supplement = Some(Supplement { quick_reply: vec![form] }.into());
    step
}

#[test]
fn an_alimtalk_has_its_whole_text_and_the_vendors_own_fallback_is_off() {
    let form = json!({"ordering": 2, "type": "BF", "name": "톡에서 예약하기", "bizFormId": 1234});
    let quick = json!({"ordering": 1, "type": "BF", "name": "톡에서 예약하기", "bizFormId": 1234});
    let expected = json!({
        "senderKey": "f".repeat(40), "templateCode": "ORDER_01",
        "recipientList": [{
            "recipientNo": "01012345678", "content": "준비되었습니다", "templateTitle": "강조", "templateHeader": "머리",
            "templateItem": {
                "list": [{"title": "상품", "description": "원두"}, {"title": "수량", "description": "2"}],
                "summary": {"title": "합계", "description": "38,500"},
            },
            "templateItemHighlight": {"title": "주문", "description": "완료"},
            "buttons": [
                {"ordering": 1, "type": "WL", "name": "보기", "linkMo": "https://m.example.com",
                 "linkPc": "https://example.com", "target": "out"},
                form,
            ],
            "quickReplies": [quick],
            "resendParameter": {"isResend": false},
            "recipientGroupingKey": "S-0R",
        }],
    });
    assert_eq!(sent(&full()), ("/raw-messages", expected));
    let mut auth = Dispatch { priority: Lane::Auth, ..at("S-0R") };
    let ways = |step: &Dispatch| (sent(step).0, list_of(Product::Kakao, step));
    assert_eq!(ways(&auth), ("/raw-messages", "/messages"));
    auth.accepted.content.message = Some("인증번호 123456".into());
    assert_eq!(ways(&auth), ("/auth/raw-messages", "/auth/messages"));
    let mut nameless = full();
    let hung = nameless.accepted.content.attachment.as_mut().unwrap();
    hung.button = vec![Button { r#type: "AC".into(), ..Button::default() }];
    let buttons = &sent(&nameless).1["recipientList"][0]["buttons"];
    assert_eq!(*buttons, json!([{"ordering": 1, "type": "AC", "name": "채널 추가"}]));
}

#[test]
fn what_the_guide_has_no_field_for_gets_the_code_without_a_request() {
    let server = Server::saying(answer("200 OK", "", TALK.accepted.0));
    let mut bench = Bench::of(&TALK, &server.url);
    let with = |kind: &str, key: &str| {
        let mut step = full();
        let hung = step.accepted.content.attachment.as_mut().unwrap();
        hung.button = vec![Button { r#type: kind.into(), biz_form_key: Some(key.into()), ..Button::default() }];
        step
    };
    let mut nobody = at("S-0R");
    nobody.accepted.recipient.phone_number = None;
    for (step, unfit) in
        [(with("TN", "1"), Unfit::Button), (with("BF", "form"), Unfit::Button), (nobody, Unfit::NoNumber)]
    {
        assert_eq!(code(&bench.reply_to(step)), unfit.code(Product::Kakao));
    }
    assert!(server.requests().is_empty());
}

#[test]
fn a_repeat_has_the_key_of_the_first_request_as_long_as_the_vendor_knows_it() {
    let server = Server::saying(answer("200 OK", "", TALK.accepted.0));
    let mut bench = Bench::of(&TALK, &server.url);
    let routed_ago =
        |seconds: i64| Dispatch { routed_at: Now.now_ms() - seconds * 1_000, in_doubt: true, ..at("S-0R") };
    assert_eq!(code(&bench.reply_to(routed_ago(500))), "0");
    assert!(matches!(bench.reply_to(routed_ago(541)), Reply::Forgotten(_)));
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    let head = format!("POST /alimtalk/v2.3/appkeys/{APP_KEY}/raw-messages HTTP/1.1\r\n");
    assert!(requests[0].starts_with(&head), "{requests:?}");
    assert!(requests[0].contains("x-nc-api-idempotency-key: S-0R\r\n"), "{requests:?}");
}

/// Takes and delivers everything.
fn well() -> Behaviour {
    let mut behaviour = Behaviour { codes: always("0"), ..Behaviour::perfect() };
    behaviour.receipts.codes = always("1000");
    behaviour
}

#[test]
fn the_simulator_takes_it_knows_a_repeat_lists_it_and_brings_its_result() {
    let folder = tempfile::tempdir().unwrap();
    let (log, port) = (folder.path().join("requests.jsonl"), free_port());
    let mut behaviour = well();
    behaviour.receipts.webhook_url = Some(format!("http://127.0.0.1:{port}/nhn/dealer"));
    let listener = listening(&TALK, APP_KEY, Some(&log), behaviour, 0);
    let url = format!("http://{}", listener.address());
    let mut customer = Customer::at(&TALK, &url, port);
    let mut receipts = customer.receipts();
    assert_eq!(code(&customer.bench.reply_to(full())), "0");
    assert!(first(&mut *receipts).starts_with("S-0R 1000 "));
    receipts.confirm();
    assert_eq!(code(&customer.bench.reply_to(full())), "-1005", "a repeat");
    let mut auth = Dispatch { priority: Lane::Auth, ..at("A-0A") };
    auth.accepted.content.message = Some("인증번호 123456".into());
    assert_eq!(code(&customer.bench.reply_to(auth)), "0");
    let row = Vendor { in_doubt: InDoubt::Query, ..vendor(&TALK, &url, 1_500) };
    let mut asking = Bench::at(row, settings(), "");
    let doubt = |serial: &str| Dispatch { in_doubt: true, routed_at: Now.now_ms(), ..at(serial) };
    assert_eq!(code(&asking.reply_to(doubt("S-0R"))), "0");
    assert!(matches!(asking.reply_to(doubt("N-0R")), Reply::Forgotten(_)));
    let taken = RequestLog::read(&log).unwrap().into_iter().filter(|request| request.taken);
    assert_eq!(taken.map(|request| request.serial_number).collect::<Vec<_>>(), ["S-0R", "A-0A"]);
}

#[test]
fn the_simulator_refuses_what_is_not_as_published() {
    let listener = listening(&TALK, APP_KEY, None, well(), 0);
    let mut bench = Bench::of(&TALK, &format!("http://{}", listener.address()));
    let with = |change: fn(&mut Dispatch)| {
        let mut step = full();
        change(&mut step);
        step
    };
    for (step, expected) in [
        (with(|step| step.accepted.content.sender_key = Some("short".into())), "-1006"),
        (with(|step| step.accepted.content.template_code = Some("c".repeat(21))), "-3003"),
        (with(|step| step.accepted.content.message = Some("가".repeat(1_001))), "-2019"),
        (with(|step| step.accepted.content.title = Some("가".repeat(51))), "-2032"),
        (with(|step| step.accepted.content.header = Some("가".repeat(17))), "-2035"),
        (with(|step| step.accepted.content.attachment.as_mut().unwrap().button[0].url_mobile = None), "-3000"),
        (with(|step| step.accepted.content.attachment.as_mut().unwrap().button[0].name = None), "-2018"),
        (with(|step| step.accepted.content.supplement.as_mut().unwrap().quick_reply[0].r#type = "P1".into()), "-2504"),
    ] {
        assert_eq!(code(&bench.reply_to(step)), expected);
    }
}

#[test]
fn results_are_read_by_the_ids_that_answers_gave_or_the_list_of_a_message_in_doubt() {
    let listener = listening(&TALK, APP_KEY, None, well(), 0);
    let url = format!("http://{}", listener.address());
    // Two processes that know nothing of each other.
    let (mut one, mut other) = (Bench::of(&TALK, &url), Bench::of(&TALK, &url));
    for serial in ["S-0R", "T-0R"] {
        assert_eq!(code(&one.reply_to(at(serial))), "0");
    }
    let repeat = Dispatch { in_doubt: true, routed_at: Now.now_ms(), ..at("T-0R") };
    assert_eq!(code(&other.reply_to(repeat)), "-1005");
    let read = |bench: &Bench, most| {
        let mut receipts = bench.vendors.receipts(Box::new(Nobody), serve()).unwrap();
        let (mut taken, deadline) = (Vec::new(), Instant::now() + PATIENCE);
        while taken.len() < most {
            receipts.take(PATIENCE, &mut taken);
            receipts.confirm();
            assert!(Instant::now() < deadline, "{taken:?}");
        }
        receipts.take(Duration::from_millis(200), &mut taken);
        let mut told: Vec<_> = taken.into_iter().map(|r| format!("{} {}", r.serial_number, r.code)).collect();
        told.sort();
        told
    };
    assert_eq!(read(&one, 2), ["S-0R 1000", "T-0R 1000"]);
    assert_eq!(read(&other, 1), ["T-0R 1000"], "the other one's is not known there");
}

#[test]
fn a_doubt_that_waits_for_a_result_by_an_unknown_id_is_refused_at_start() {
    let key = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key.path(), "secret").unwrap();
    let refused = |in_doubt, webhook: bool| {
        let row = Vendor { in_doubt, ..vendor(&TALK, "https://api-alimtalk.cloud.toast.com", 1_000) };
        let webhook_secret_file = if webhook { key.path().to_owned() } else { PathBuf::new() };
        let known = VendorSettings { key_file: key.path().to_owned(), webhook_secret_file, ..settings() };
        let reference = Reference::new(Seed { vendors: vec![row], ..Seed::default() }).unwrap();
        let known = BTreeMap::from([("dealer".to_owned(), known)]);
        let vendors = Vendors::open(&known, "127.0.0.1:0", Arc::new(Fixed(Arc::new(reference))), Arc::new(Now));
        vendors.all_have_keys().err().map(|refused| refused.to_string())
    };
    let told = refused(InDoubt::Receipt, false).unwrap();
    assert!(told.contains("in_doubt = \"repeat\"") && told.contains("/nhn/dealer"), "{told}");
    for (in_doubt, webhook) in [(InDoubt::Receipt, true), (InDoubt::Repeat, false), (InDoubt::Query, false)] {
        assert_eq!(refused(in_doubt, webhook), None, "{in_doubt:?}");
    }
}
