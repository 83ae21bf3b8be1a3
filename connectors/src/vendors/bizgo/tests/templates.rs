//! Templates that are registered, against the simulator and servers that answer badly.

use super::{
    Bench, DEALER, Fixed, KEY, Now, VendorSettings,
    simulated::{listen_with, well},
};
use crate::{
    simulator::{Behaviour, InspectionBehaviour, Listener},
    vendors::{
        Brings, NhnSettings, Registrar, Trouble, Vendors, Wanted,
        testing::{Server, answer, until},
    },
};
use processors::{
    center::registering::{Held, Inspection, Next, next},
    reference::{Reference, Seed, Template, Vendor},
};
use schemas::{Attachment, Button, Family, Highlight, Image, Item, ItemList, Supplement};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

fn inspecting(takes_ms: u32) -> Listener {
    let inspection = InspectionBehaviour { takes_ms, ..InspectionBehaviour::default() };
    listen_with(None, Behaviour { inspection, ..well() }, 0)
}

fn registrar(url: &str) -> Registrar {
    let settings = VendorSettings { templates_every_ms: 60_000, calls_per_second: 1_000, ..VendorSettings::default() };
    Bench::within(&DEALER, url, 5_000, settings).vendors.registrar(Brings::Templates).unwrap().unwrap()
}

fn template(message: &str) -> Template {
    let link = |name: &str| Button {
        r#type: "WL".into(),
        name: Some(name.into()),
        url_mobile: Some("https://shop.example/#{no}".into()),
        ..Button::default()
    };
    let item = |title: &str| Item { title: title.into(), description: Some("내용".into()), ..Item::default() };
    let list = ItemList { list: vec![item("하나"), item("둘")], summary: None };
    Template {
        code: "order.sent".into(),
        sender_key: Some("f".repeat(40)),
        message: message.into(),
        header: Some("주문".into()),
        attachment: Some(Attachment {
            button: vec![link("보기")],
            item: Some(Box::new(list)),
            ..Attachment::default()
        }),
        supplement: Some(Supplement { quick_reply: vec![link("문의")] }),
        ..Template::default()
    }
}

/// Brings a template as far as it gets; what the dealer was told on the way, and what it said last.
fn bring(registrar: &Registrar, template: &Template) -> (Vec<Next>, Option<Held>) {
    let visit = registrar.visit().unwrap();
    let wanted = Wanted { template, of_group: false };
    let mut told = Vec::new();
    loop {
        let held = visit.template(&wanted).unwrap();
        match next(held.as_ref()) {
            Next::Wait | Next::Approved | Next::Rejected | Next::Taken => return (told, held),
            due => {
                visit.tell(due, &wanted).unwrap();
                told.push(due);
            }
        }
    }
}

fn inspection(registrar: &Registrar, template: &Template) -> Inspection {
    bring(registrar, template).1.unwrap().inspection
}

#[test]
fn a_template_is_registered_inspected_and_taken_with_all_that_hangs_on_it() {
    let listener = inspecting(200);
    let registrar = registrar(&listener.url());
    let order = template("#{이름}님, 주문이 발송되었습니다.\r\n감사합니다.");
    assert_eq!(bring(&registrar, &order).0, [Next::Register, Next::Request]);
    until("it is inspected", || inspection(&registrar, &order) == Inspection::Approved);
    let (told, held) = bring(&registrar, &order);
    assert!(told.is_empty() && held.clone().unwrap().same, "{held:?}");
    let mut without = order.clone();
    without.attachment.as_mut().unwrap().button.clear();
    let (told, held) = bring(&registrar, &without);
    assert_eq!((told, next(held.as_ref())), (vec![], Next::Taken), "what was approved stays as it is");
    let visit = registrar.visit().unwrap();
    visit.delete(&"f".repeat(40), "order.sent").unwrap();
    assert_eq!(visit.delete(&"f".repeat(40), "order.sent"), Ok(()), "it is gone already");
    assert_eq!(visit.delete(&"f".repeat(40), ".."), Ok(()), "it never was there");
    assert_eq!(visit.template(&Wanted { template: &order, of_group: false }), Ok(None));
}

#[test]
fn what_was_rejected_is_changed_and_inspected_again() {
    let listener = inspecting(0);
    let registrar = registrar(&listener.url());
    let ad = template("(광고) 봄맞이 할인");
    let (told, held) = bring(&registrar, &ad);
    assert_eq!(told, [Next::Register, Next::Request]);
    let Held { inspection: rejected, same, comment } = held.unwrap();
    assert_eq!((rejected, same), (Inspection::Rejected, true));
    assert!(comment.unwrap().starts_with("by 검수자, 20"));
    let mended = template("주문이 발송되었습니다.");
    assert_eq!(bring(&registrar, &mended).0, [Next::Change, Next::Request]);
    assert_eq!(inspection(&registrar, &mended), Inspection::Approved);
}

#[test]
fn what_changed_while_it_was_inspected_is_withdrawn_first() {
    let listener = inspecting(60_000);
    let registrar = registrar(&listener.url());
    assert_eq!(bring(&registrar, &template("처음")).0, [Next::Register, Next::Request]);
    assert_eq!(bring(&registrar, &template("나중")).0, [Next::Withdraw, Next::Change, Next::Request]);
    assert_eq!(inspection(&registrar, &template("나중")), Inspection::Requested);
}

#[test]
fn a_template_is_said_as_published() {
    let server = Server::saying(answer("200 OK", "", r#"{"common":{"authCode":"A000","authResult":"Success"}}"#));
    let registrar = registrar(&server.url);
    let visit = registrar.visit().unwrap();
    let body = |template: &Template, of_group| -> Value {
        visit.tell(Next::Register, &Wanted { template, of_group }).unwrap();
        let request = server.requests().pop().unwrap();
        assert!(request.starts_with("POST /api/comm/v1/center/alimtalk/template HTTP/1.1\r\n"), "{request}");
        serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap()
    };
    let mut titled = template("글");
    (titled.header, titled.supplement, titled.title) = (None, None, Some("제목".into()));
    let channel = Button { r#type: "AC".into(), name: Some("채널 추가".into()), ..Button::default() };
    titled.attachment = Some(Attachment { button: vec![channel], ..Attachment::default() });
    let named = json!({
        "senderKey": "f".repeat(40), "senderKeyType": "S", "templateCode": "order.sent", "templateName": "order.sent",
        "text": "글",
    });
    let with = |more: Value| {
        let mut body = named.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"alimtalk": body})
    };
    assert_eq!(
        body(&titled, false),
        with(json!({
            "templateMessageType": "AD", "templateEmphasizeType": "TEXT", "title": "제목",
            "attachment": {"button": [{"type": "AC", "name": "채널 추가"}]},
        }))
    );
    let link = |name: &str| json!({"type": "WL", "name": name, "urlMobile": "https://shop.example/#{no}"});
    assert_eq!(
        body(&template("글"), true),
        with(json!({
            "senderKeyType": "G", "templateMessageType": "BA", "templateEmphasizeType": "ITEM_LIST", "header": "주문",
            "attachment": {
                "button": [link("보기")],
                "item": {"list": [{"title": "하나", "description": "내용"}, {"title": "둘", "description": "내용"}]},
            },
            "supplement": {"quickReply": [link("문의")]},
        }))
    );
    let image = Image { img_url: "https://mud-kage.kakao.example/dn/a.jpg".into(), ..Image::default() };
    let mut drawn = titled.clone();
    drawn.attachment = Some(Attachment { image: Some(Box::new(image)), ..Attachment::default() });
    assert_eq!(
        body(&drawn, false),
        with(json!({
            "templateMessageType": "BA", "templateEmphasizeType": "IMAGE", "title": "제목", "imgName": "a.jpg",
            "imgUrl": "https://mud-kage.kakao.example/dn/a.jpg",
        }))
    );
    let highlight =
        Highlight { title: "가".into(), img_url: Some("https://a.kr/a.jpg".into()), ..Highlight::default() };
    drawn.attachment.as_mut().unwrap().item_highlight = Some(Box::new(highlight));
    let before = server.requests().len();
    for unfit in [drawn, Template { code: "../x".into(), ..titled }] {
        let wanted = Wanted { template: &unfit, of_group: false };
        let told = visit.tell(Next::Register, &wanted).and_then(|()| visit.template(&wanted).map(drop));
        assert!(matches!(told, Err(Trouble::Refused(_))), "{told:?}");
    }
    assert_eq!(server.requests().len(), before + 1, "a code is no part of a body's address, but of a question's");
}

#[test]
fn a_dealer_that_cannot_say_is_told_from_one_that_refuses() {
    let away = |s: Option<u64>| format!("away {:?}", s.map(Duration::from_secs));
    let [refused, gone, failed] = ["refused", "not there", "failed"].map(str::to_owned);
    let service = |code: &str| {
        format!(r#"{{"common":{{"authCode":"A000","authResult":"Success"}},"data":{{"code":"{code}","result":"no"}}}}"#)
    };
    let gateway = r#"{"common":{"authCode":"A401","authResult":"Unauthorized"}}"#.to_owned();
    let within = |data: &str| {
        format!(
            r#"{{"common":{{"authCode":"A000","authResult":"Success"}},"data":{{"code":"A000","result":"Success","data":{data}}}}}"#
        )
    };
    let shown = |inspection: &str, code: &str| {
        within(&format!(r#"{{"alimtalk":{{"templateCode":"{code}","inspectionStatus":"{inspection}"}}}}"#))
    };
    for (status, headers, body, told) in [
        ("429 Too Many Requests", "Retry-After: 7\r\n", service("A020"), away(Some(7))),
        ("400 Bad Request", "", service("A020"), away(None)),
        ("401 Unauthorized", "", gateway, away(None)),
        ("401 Unauthorized", "", service("A100"), away(None)),
        ("403 Forbidden", "", service("A110"), away(None)),
        ("403 Forbidden", "", service("A325"), away(None)),
        ("500 Internal Server Error", "", service("A910"), failed.clone()),
        ("200 OK", "", service("A920"), failed.clone()),
        ("400 Bad Request", "", service("A999"), failed.clone()),
        ("503 Service Unavailable", "", "<html>".into(), failed),
        ("404 Not Found", "", "<html>".into(), gone.clone()),
        ("405 Method Not Allowed", "", "<html>".into(), away(None)),
        ("200 OK", "", "{".into(), away(None)),
        ("200 OK", "", service("A000"), gone.clone()),
        ("200 OK", "", within("null"), gone.clone()),
        ("200 OK", "", within("{}"), gone.clone()),
        ("200 OK", "", within(r#"{"alimtalk":null}"#), gone.clone()),
        ("200 OK", "", within("[]"), refused.clone()),
        ("200 OK", "", shown("NEW", "order.sent"), refused.clone()),
        ("200 OK", "", shown("APR", "another"), refused.clone()),
        ("200 OK", "", shown(r#"APR","block":"true"#, "order.sent"), refused.clone()),
        ("200 OK", "", shown(r#"APR","dormant":"true"#, "order.sent"), refused),
        ("400 Bad Request", "", service("A505"), gone),
    ] {
        let server = Server::saying(answer(status, headers, &body));
        let registrar = registrar(&server.url);
        let order = template("글");
        let found = registrar.visit().unwrap().template(&Wanted { template: &order, of_group: false });
        let got = match &found {
            Err(Trouble::Away { wait, reason }) => {
                assert!(!reason.contains(KEY), "{reason}");
                format!("away {wait:?}")
            }
            Err(Trouble::Refused(_)) => "refused".into(),
            Err(Trouble::Failed(_)) => "failed".into(),
            Ok(None) => "not there".into(),
            Ok(Some(held)) => panic!("{status} {body}: {held:?}"),
        };
        assert_eq!(got, told, "{status} {body}");
    }
}

#[test]
fn what_is_taken_out_is_gone_when_the_dealer_says_so_alone() {
    let deleted = |status: &str, code: &str| {
        let body = format!(r#"{{"common":{{"authCode":"A000"}},"data":{{"code":"{code}","result":"no"}}}}"#);
        let server = Server::saying(answer(status, "", &body));
        let told = registrar(&server.url).visit().unwrap().delete("key", "order");
        (told.err(), server.requests().len())
    };
    for code in ["A505", "A502"] {
        assert_eq!(deleted("400 Bad Request", code), (None, 2), "{code}");
    }
    // Not so: it is told to be there still, or nothing is told of it.
    assert!(matches!(deleted("400 Bad Request", "A213"), (Some(Trouble::Refused(_)), 2)));
    assert!(matches!(deleted("200 OK", "A999"), (Some(Trouble::Failed(_)), 1)));
    assert!(matches!(deleted("403 Forbidden", "A325"), (Some(Trouble::Away { .. }), 1)));
}

#[test]
fn who_has_no_part_of_the_calls_says_so_instead_of_waiting_for_one() {
    let settings = VendorSettings { templates_every_ms: 60_000, ..VendorSettings::default() };
    let bench = Bench::within(&DEALER, "http://127.0.0.1:1", 5_000, settings);
    let registrar = bench.vendors.clone().sharing(Arc::new(|_| 0.0)).registrar(Brings::Templates).unwrap().unwrap();
    assert!(!registrar.has_part());
    let told = registrar.visit().unwrap().delete("key", "order");
    assert!(matches!(&told, Err(Trouble::Away { reason, .. }) if reason.contains("calls_per_second")), "{told:?}");
}

#[test]
fn one_dealer_registers_templates_and_one_that_can() {
    let bench = Bench::of(&DEALER, "http://127.0.0.1:1");
    let told_of = |names: &[&str], nhn: Option<NhnSettings>, templates_every_ms, families: &[Family]| {
        let settings = VendorSettings {
            key_file: bench.key.path().to_owned(),
            templates_every_ms,
            nhn,
            ..VendorSettings::default()
        };
        let known = names.iter().map(|name| ((*name).to_owned(), settings.clone())).collect();
        let vendor = Vendor { families: families.to_vec(), ..(*bench.vendor).clone() };
        let reference = Reference::new(Seed { vendors: vec![vendor], ..Seed::default() }).unwrap();
        let vendors = Vendors::open(&known, "", Arc::new(Fixed(Arc::new(reference))), Arc::new(Now));
        vendors.all_have_keys().err().map(|error| error.to_string()).unwrap_or_default()
    };
    let told = |names: &[&str], nhn| told_of(names, nhn, 60_000, &[Family::At]);
    assert_eq!(told(&["dealer"], None), "");
    assert!(told_of(&["dealer"], None, 60_000, &[Family::Sms]).contains("AT among its families"));
    assert!(told_of(&["dealer"], None, 999, &[Family::At]).contains("got 999, 0 or at least 1000"));
    assert!(told(&["dealer", "other"], None).contains("dealer, other: Kakao keeps templates once"));
    assert!(told(&["other"], None).contains("vendor other registers no templates"));
    let nhn = NhnSettings { app_key: "key".into(), ..NhnSettings::default() };
    assert!(told(&["dealer"], Some(nhn)).contains("dealer.templates_every_ms: it registers no templates"));
}
