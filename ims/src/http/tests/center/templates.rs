//! Templates of the four channels.

use super::{Center, OTHER, code};
use crate::http::tests::BANK;
use axum::http::Method;
use connectors::reference::AtDealer;
use processors::{ports::ReferenceSource as _, reference::Approval};
use schemas::Channel;
use serde_json::{Value, json};

fn sender_key(center: &Center) -> String {
    let profiles = &center.0.seed.sender_profiles;
    profiles.iter().find(|profile| profile.username == "hanbit-shop").unwrap().sender_key.clone()
}

fn order(center: &Center) -> Value {
    json!({
        "template_code": "order.sent",
        "sender_key": sender_key(center),
        "message": "#{이름}님의 주문이 발송되었습니다.",
        "attachment": {"button": [{"type": "WL", "name": "주문 보기", "url_mobile": "https://shop.example/#{no}"}]},
    })
}

fn state(center: &Center, channel: Channel, code: &str) -> Option<Approval> {
    center.follow();
    center.0.reference.current().template(channel, "hanbit-shop", code).map(|template| template.state)
}

#[tokio::test]
async fn a_template_of_kakao_waits_for_its_inspection_and_stays_as_it_was_approved() {
    let center = Center::new();
    let made = center.own(Method::POST, "templates/at", order(&center)).await;
    assert_eq!(made["data"]["state"], "requested", "{made}");
    assert_eq!(made["data"]["variables"], json!(["no", "이름"]));
    assert_eq!(code(&center.own(Method::POST, "templates/at", order(&center)).await), "2120");
    let path = "templates/at/order.sent";
    let moved = format!("{path}/state");
    let mut changed = order(&center);
    changed["message"] = json!("#{이름}님, 주문이 발송되었습니다.");
    assert_eq!(code(&center.own(Method::PUT, path, changed.clone()).await), "0000");
    for (to, answered) in [("stopped", "2130"), ("rejected", "0000"), ("approved", "2130")] {
        assert_eq!(code(&center.operate(&moved, json!({"state": to})).await), answered, "{to}");
    }
    assert_eq!(center.own(Method::PUT, path, changed.clone()).await["data"]["state"], "requested");
    assert_eq!(code(&center.operate(&moved, json!({"state": "approved"})).await), "0000");
    assert_eq!(state(&center, Channel::At, "order.sent"), Some(Approval::Approved));
    assert_eq!(code(&center.own(Method::PUT, path, changed).await), "2130");
    for to in ["dormant", "approved", "stopped"] {
        assert_eq!(code(&center.operate(&moved, json!({"state": to})).await), "0000", "{to}");
    }
    let shown = center.own(Method::GET, path, Value::Null).await;
    assert_eq!((&shown["data"]["state"], &shown["data"]["channel"]), (&json!("stopped"), &json!("at")));
    assert!(shown["data"]["changed_at"].is_string(), "{shown}");
    assert_eq!(shown["data"]["attachment"]["button"][0]["url_mobile"], "https://shop.example/#{no}");
    assert_eq!(code(&center.own(Method::DELETE, path, Value::Null).await), "2130", "what an operator stopped stays so");
    assert_eq!(code(&center.operate(&moved, json!({"state": "approved"})).await), "0000");
    assert_eq!(code(&center.own(Method::DELETE, path, Value::Null).await), "0000");
    assert_eq!(state(&center, Channel::At, "order.sent"), None);
    assert_eq!(code(&center.own(Method::GET, path, Value::Null).await), "2110");
}

#[tokio::test]
async fn what_a_dealer_said_of_a_template_is_told_with_it() {
    let center = Center::new();
    let made = center.own(Method::POST, "templates/at", order(&center)).await;
    assert_eq!(made["data"]["dealer"], Value::Null);
    center.follow();
    let template = center.0.reference.current().template(Channel::At, "hanbit-shop", "order.sent").cloned().unwrap();
    let said = AtDealer {
        vendor: "dealer".into(),
        state: "rejected".into(),
        comment: Some("변수가 너무 많습니다.".into()),
        noted_at_ms: 1_773_192_600_000,
    };
    center.edit(move |editor| editor.note_at_dealer(&template, &said).unwrap());
    let told = json!({
        "vendor": "dealer", "state": "rejected", "comment": "변수가 너무 많습니다.",
        "noted_at": "2026-03-11T01:30:00.000Z",
    });
    let shown = center.own(Method::GET, "templates/at/order.sent", Value::Null).await;
    assert_eq!(shown["data"]["dealer"], told);
    let listed = center.own(Method::GET, "templates/at?limit=1000", Value::Null).await;
    let of = |code: &str| {
        let items = listed["data"]["items"].as_array().unwrap();
        items.iter().find(|item| item["template_code"] == code).map(|item| item["dealer"].clone())
    };
    assert_eq!(of("order.sent"), Some(told));
    assert!(listed["data"]["items"].as_array().unwrap().iter().any(|item| item["dealer"].is_null()));
}

#[tokio::test]
async fn templates_of_other_channels_are_in_force_when_they_are_registered() {
    let center = Center::new();
    for (channel, word, wish) in [
        (Channel::Mt, "mt", json!({"template_code": "t", "message_type": "SMS", "message": "인증번호 #{n}"})),
        (Channel::Pu, "push", json!({"template_code": "t", "title": "주문", "message": "#{n}"})),
        (Channel::Em, "email", json!({"template_code": "t", "title": "주문 #{n}", "html": "<p>#{n}</p>"})),
    ] {
        let made = center.own(Method::POST, &format!("templates/{word}"), wish.clone()).await;
        assert_eq!((&made["data"]["state"], &made["data"]["variables"]), (&json!("approved"), &json!(["n"])), "{made}");
        assert_eq!(state(&center, channel, "t"), Some(Approval::Approved));
        let path = format!("templates/{word}/t");
        assert_eq!(code(&center.operate(&format!("{path}/state"), json!({"state": "stopped"})).await), "0000");
        let changed = center.own(Method::PUT, &path, wish).await;
        assert_eq!(changed["data"]["state"], "stopped", "what an operator stopped stays so");
    }
}

#[tokio::test]
async fn what_could_not_be_sent_is_not_registered() {
    let center = Center::new();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut wish = order(&center);
        change(&mut wish);
        wish
    };
    for (channel, wish, answered) in [
        ("at", with(&|wish| wish["message"] = json!("가".repeat(1001))), "2010"),
        ("at", with(&|wish| wish["message"] = json!("#{")), "1400"),
        ("at", with(&|wish| wish["sender_key"] = json!("x".repeat(40))), "2040"),
        ("at", with(&|wish| wish["sender_key"] = Value::Null), "2020"),
        ("at", with(&|wish| wish["template_code"] = json!("주문")), "1400"),
        ("at", with(&|wish| wish["attachment"]["button"][0]["type"] = json!("XX")), "4000"),
        ("at", with(&|wish| wish["phone_number"] = json!("01012345678")), "1400"),
        ("at", with(&|wish| wish["state"] = json!("approved")), "1400"),
        ("at", with(&|wish| wish["auth_allowed"] = json!(true)), "1400"),
        ("bt", with(&|_| ()), "2020"),
        ("mt", json!({"template_code": "t", "message_type": "SMS", "message": "가".repeat(46)}), "2010"),
        ("mt", json!({"template_code": "t", "message_type": "FAX", "message": "가"}), "4001"),
        ("mt", json!({"template_code": "t", "message": "가", "sender_key": sender_key(&center)}), "1400"),
        ("email", json!({"template_code": "t", "message": "가"}), "2020"),
    ] {
        let answer = center.own(Method::POST, &format!("templates/{channel}"), wish.clone()).await;
        assert_eq!(code(&answer), answered, "{channel} {wish}: {answer}");
    }
    assert!(center.audit().is_empty());
    for path in ["templates/rcs", "templates/fax"] {
        let (status, _) =
            center.call(super::CUSTOMER, Method::POST, &format!("/ims/{}/{path}", super::SHOP), order(&center)).await;
        assert_eq!(status.as_u16(), 404, "{path}");
    }
}

#[tokio::test]
async fn lists_tell_a_customers_own_and_what_changed() {
    let center = Center::new();
    let mine = center.own(Method::GET, "templates/kakao?limit=1000", Value::Null).await;
    let count = mine["data"]["items"].as_array().unwrap().len();
    assert!(count > 1, "{mine}");
    let (mut told, mut query) = (0, "templates/kakao?limit=1".to_owned());
    let end = loop {
        let page = center.own(Method::GET, &query, Value::Null).await;
        told += page["data"]["items"].as_array().unwrap().len();
        match page["data"]["next"].as_str() {
            Some(next) => query = format!("templates/kakao?limit=1&cursor={next}"),
            None => break query,
        }
    };
    assert_eq!(told, count);
    center.own(Method::POST, "templates/at", order(&center)).await;
    let rest = center.own(Method::GET, &end, Value::Null).await;
    assert!(rest["data"]["next"].is_string(), "the last page has a next one now: {rest}");
    let (_, theirs) = center.call(OTHER, Method::GET, &format!("/ims/{BANK}/templates/kakao"), Value::Null).await;
    assert!(!theirs.to_string().contains("order.sent"), "{theirs}");
    let (_, theirs) =
        center.call(OTHER, Method::GET, &format!("/ims/{BANK}/templates/at/order.sent"), Value::Null).await;
    let (_, none) = center.call(OTHER, Method::GET, &format!("/ims/{BANK}/templates/at/none"), Value::Null).await;
    assert_eq!(theirs, none);
}
