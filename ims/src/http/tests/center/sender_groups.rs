//! Groups of sender profiles.

use super::{Center, OTHER, code};
use crate::http::tests::BANK;
use axum::http::Method;
use processors::{ports::ReferenceSource as _, reference::Approval};
use serde_json::{Value, json};

const GROUP: &str = "G1G1G1G1G1G1G1G1G1G1G1G1G1G1G1G1G1G1G1G1";

/// The shop's own profiles, of the demo.
fn profiles(center: &Center) -> Vec<String> {
    let own = center.0.seed.sender_profiles.iter().filter(|profile| profile.username == "hanbit-shop");
    own.map(|profile| profile.sender_key.clone()).collect()
}

fn bank_profile(center: &Center) -> String {
    let theirs = center.0.seed.sender_profiles.iter().find(|profile| profile.username == "dure-bank");
    theirs.unwrap().sender_key.clone()
}

#[tokio::test]
async fn a_group_is_registered_approved_changed_and_removed() {
    let center = Center::new();
    let mine = profiles(&center);
    let wish = json!({"group_key": GROUP, "name": "매장", "sender_keys": [mine[0]]});
    let made = center.own(Method::POST, "sender-groups", wish.clone()).await;
    assert_eq!(
        (&made["data"]["state"], &made["data"]["sender_keys"]),
        (&json!("requested"), &json!([mine[0]])),
        "{made}"
    );
    assert_eq!(code(&center.own(Method::POST, "sender-groups", wish.clone()).await), "2120");
    let path = format!("sender-groups/{GROUP}");
    let members = |what: &str| format!("{path}/members{what}");
    let added = center.own(Method::POST, &members(""), json!({"sender_keys": mine})).await;
    assert_eq!(added["data"]["sender_keys"], json!(mine), "one stays and one comes: {added}");
    assert_eq!(code(&center.operate(&format!("{path}/state"), json!({"state": "approved"})).await), "0000");
    assert_eq!(center.own(Method::PUT, &path, json!({"name": "지점"})).await["data"]["name"], "지점");
    let removed = center.own(Method::POST, &members("/remove"), json!({"sender_keys": [mine[0]]})).await;
    assert_eq!(removed["data"]["sender_keys"], json!(mine[1..]));
    center.follow();
    let current = center.0.reference.current();
    assert!(current.is_member(&mine[1], GROUP) && !current.is_member(&mine[0], GROUP));
    assert_eq!(current.sender_group(GROUP).unwrap().state, Approval::Approved);
    let shown = center.own(Method::GET, &path, Value::Null).await;
    assert_eq!((&shown["data"]["name"], &shown["data"]["removed"]), (&json!("지점"), &json!(false)), "{shown}");
    assert_eq!(code(&center.own(Method::DELETE, &path, Value::Null).await), "0000");
    assert_eq!(code(&center.own(Method::GET, &path, Value::Null).await), "2110");
    let since = center.own(Method::GET, "sender-groups?changed_since=2000-01-01T00:00:00Z", Value::Null).await;
    let gone = |one: &Value| one["group_key"] == GROUP && one["removed"] == true;
    assert!(since["data"]["items"].as_array().unwrap().iter().any(gone), "{since}");
    let actors: Vec<String> = center.audit().into_iter().map(|(line, _)| line).collect();
    let line = |actor: &str| format!("{actor} sender_groups {GROUP}");
    let (shop, ops) = (line("hanbit-shop/demo"), line("ops/ops"));
    assert_eq!(actors, [&shop, &shop, &ops, &shop, &shop, &shop].map(String::clone));
}

#[tokio::test]
async fn members_and_keys_are_the_customers_own_and_of_their_form() {
    let center = Center::new();
    let (mine, theirs) = (profiles(&center), bank_profile(&center));
    let with =
        |key: &str, name: &str, members: &[&String]| json!({"group_key": key, "name": name, "sender_keys": members});
    for (wish, answered) in [
        (with("short", "매장", &[]), "1400"),
        (with(GROUP, " ", &[]), "2020"),
        (with(GROUP, &"가".repeat(41), &[]), "1400"),
        (with(GROUP, "매장", &[&mine[0], &theirs]), "2040"),
        (with(GROUP, "매장", &[&"x".to_owned()]), "1400"),
        (with(GROUP, "매장", &vec![&mine[0]; 1001]), "1400"),
        // A profile's key, whosever it is.
        (with(&theirs, "매장", &[]), "2120"),
        (json!({"group_key": GROUP}), "1400"),
        (with(GROUP, "매장", &[]), "0000"),
    ] {
        let answer = center.own(Method::POST, "sender-groups", wish.clone()).await;
        assert_eq!(code(&answer), answered, "{wish}: {answer}");
    }
    center.follow();
    assert_eq!(code(&center.own(Method::POST, "sender-profiles", json!({"sender_key": GROUP})).await), "2120");
    let members = format!("sender-groups/{GROUP}/members");
    for (keys, answered) in [
        (json!([]), "1400"),
        (json!(["x"]), "1400"),
        (json!([theirs]), "2040"),
        (json!(vec![&mine[0]; 1001]), "1400"),
        (json!([mine[0]]), "0000"),
    ] {
        assert_eq!(code(&center.own(Method::POST, &members, json!({"sender_keys": keys})).await), answered, "{keys}");
    }
    // To another customer it is not there, but its key is taken until an operator rejects it.
    let at_bank = |path: &str| format!("/ims/{BANK}/{path}");
    let wish = with(GROUP, "은행", &[&theirs]);
    let (_, listed) = center.call(OTHER, Method::GET, &at_bank("sender-groups"), Value::Null).await;
    assert!(!listed.to_string().contains(GROUP), "{listed}");
    let (_, answer) = center.call(OTHER, Method::GET, &at_bank(&format!("sender-groups/{GROUP}")), Value::Null).await;
    assert_eq!(code(&answer), "2110");
    let (_, answer) = center.call(OTHER, Method::POST, &at_bank("sender-groups"), wish.clone()).await;
    assert_eq!(code(&answer), "2120");
    let rejected = center.operate(&format!("sender-groups/{GROUP}/state"), json!({"state": "rejected"})).await;
    assert_eq!(code(&rejected), "0000");
    let (_, answer) = center.call(OTHER, Method::POST, &at_bank("sender-groups"), wish).await;
    assert_eq!((code(&answer), &answer["data"]["state"]), ("0000", &json!("requested")), "{answer}");
    assert_eq!(code(&center.own(Method::GET, &format!("sender-groups/{GROUP}"), Value::Null).await), "2110");
}

#[tokio::test]
async fn a_template_is_registered_to_a_group_that_stays_as_long() {
    let center = Center::new();
    center.own(Method::POST, "sender-groups", json!({"group_key": GROUP, "name": "매장"})).await;
    center.follow();
    let wish = json!({"template_code": "shared", "sender_key": GROUP, "message": "#{이름}님의 상품이 준비되었습니다."});
    let with = |field: &str, value: Value| {
        let mut wish = wish.clone();
        wish[field] = value;
        wish
    };
    let adds_channel = json!({"button": [{"type": "AC", "name": "채널 추가"}]});
    for (channel, wish, answered) in [
        ("ft", wish.clone(), "1400"),
        ("at", with("attachment", adds_channel), "4000"),
        ("at", with("sender_key", json!("H".repeat(40))), "2040"),
        ("at", wish.clone(), "0000"),
    ] {
        let answer = center.own(Method::POST, &format!("templates/{channel}"), wish.clone()).await;
        assert_eq!(code(&answer), answered, "{channel} {wish}: {answer}");
    }
    let theirs = format!("/ims/{BANK}/templates/at");
    let (_, answer) = center.call(OTHER, Method::POST, &theirs, wish.clone()).await;
    assert_eq!(code(&answer), "2040", "another customer's group is none");
    let group = format!("sender-groups/{GROUP}");
    assert_eq!(code(&center.own(Method::DELETE, &group, Value::Null).await), "2130");
    assert_eq!(code(&center.own(Method::DELETE, "templates/at/shared", Value::Null).await), "0000");
    assert_eq!(code(&center.own(Method::DELETE, &group, Value::Null).await), "0000");
}
