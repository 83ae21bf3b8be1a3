//! Sender numbers and sender profiles.

use super::{Center, OTHER, SHOP, code};
use crate::http::tests::BANK;
use axum::http::Method;
use connectors::reference::AtDealer;
use processors::{
    ports::ReferenceSource as _,
    reference::{Approval, Reference},
};
use schemas::Channel;
use serde_json::{Value, json};
use std::sync::Arc;

fn current(center: &Center) -> Arc<Reference> {
    center.follow();
    center.0.reference.current()
}

#[tokio::test]
async fn a_number_is_registered_proved_stopped_and_removed() {
    let center = Center::new();
    let wish = json!({"channel": "mt", "number": "+82 2-3450-6789"});
    let made = center.own(Method::POST, "sender-numbers", wish.clone()).await;
    assert_eq!((&made["data"]["number"], &made["data"]["state"]), (&json!("0234506789"), &json!("requested")));
    assert_eq!(code(&center.own(Method::POST, "sender-numbers", wish.clone()).await), "2120");
    let state =
        |center: &Center| current(center).sender_number(Channel::Mt, "hanbit-shop", "0234506789").map(|n| n.state);
    assert_eq!(state(&center), Some(Approval::Requested));
    let path = "sender-numbers/mt/02-3450-6789/state";
    for (to, answered, now) in [
        ("stopped", "2130", Approval::Requested),
        ("rejected", "0000", Approval::Rejected),
        ("approved", "2130", Approval::Rejected),
        ("gone", "1400", Approval::Rejected),
    ] {
        assert_eq!(code(&center.operate(path, json!({"state": to})).await), answered, "{to}");
        assert_eq!(state(&center), Some(now));
    }
    assert_eq!(code(&center.own(Method::POST, "sender-numbers", wish).await), "0000", "asked for once more");
    for (to, now) in
        [("approved", Approval::Approved), ("stopped", Approval::Stopped), ("approved", Approval::Approved)]
    {
        assert_eq!(center.operate(path, json!({"state": to})).await["data"]["state"], to);
        assert_eq!(state(&center), Some(now));
    }
    let shown = center.own(Method::GET, "sender-numbers/mt/02-3450-6789", Value::Null).await;
    assert_eq!((&shown["data"]["number"], &shown["data"]["state"]), (&json!("0234506789"), &json!("approved")));
    let since = "sender-numbers?changed_since=2000-01-01T00:00:00Z";
    let has = |listed: &Value, removed: bool| {
        let items = listed["data"]["items"].as_array().unwrap();
        items.iter().any(|one| one["number"] == "0234506789" && one["removed"] == removed)
    };
    assert!(has(&center.own(Method::GET, "sender-numbers", Value::Null).await, false));
    let gone = center.own(Method::DELETE, "sender-numbers/mt/0234506789", Value::Null).await;
    assert_eq!(gone["data"]["name"], "0234506789");
    assert_eq!(state(&center), None);
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(code(&center.own(method, "sender-numbers/mt/0234506789", Value::Null).await), "2110");
    }
    assert!(!has(&center.own(Method::GET, "sender-numbers", Value::Null).await, false));
    assert!(has(&center.own(Method::GET, since, Value::Null).await, true));
}

#[tokio::test]
async fn a_number_keeps_the_rules_of_its_channel() {
    let center = Center::new();
    for (channel, number, answered) in [
        ("mt", "010-0234-5678", "1400"),
        ("mt", "02-1588-1234", "1400"),
        ("mt", "", "2020"),
        ("mt", "1661-1234", "0000"),
        ("rcs", "01012345678", "1400"),
        ("rcs", "chatbot-7", "0000"),
        ("email", "shop", "1400"),
        ("email", "shop@example.kr", "0000"),
        ("at", "0234506789", "1400"),
        ("fax", "0234506789", "1400"),
    ] {
        let answer = center.own(Method::POST, "sender-numbers", json!({"channel": channel, "number": number})).await;
        assert_eq!(code(&answer), answered, "{channel} {number}: {answer}");
    }
    let elsewhere = center.own(Method::DELETE, "sender-numbers/fax/1", Value::Null).await;
    assert_eq!(code(&elsewhere), "2110");
}

#[tokio::test]
async fn a_profile_is_one_customers() {
    let center = Center::new();
    let key = "a1".repeat(20);
    let wish = json!({"sender_key": key});
    assert_eq!(code(&center.own(Method::POST, "sender-profiles", json!({"sender_key": "short"})).await), "1400");
    assert_eq!(center.own(Method::POST, "sender-profiles", wish.clone()).await["data"]["state"], "requested");
    let theirs = format!("/ims/{BANK}/sender-profiles");
    let (_, answer) = center.call(OTHER, Method::POST, &theirs, wish).await;
    assert_eq!(code(&answer), "2120");
    assert!(!answer.to_string().contains("hanbit"), "{answer}");
    // One that was rejected is anybody's again.
    let (path, other) = (format!("sender-profiles/{key}/state"), json!({"sender_key": "b2".repeat(20)}));
    let taken = format!("sender-profiles/{}/state", "b2".repeat(20));
    center.own(Method::POST, "sender-profiles", other.clone()).await;
    assert_eq!(code(&center.operate(&taken, json!({"state": "rejected"})).await), "0000");
    let (_, answer) = center.call(OTHER, Method::POST, &theirs, other.clone()).await;
    assert_eq!((code(&answer), &answer["data"]["state"]), ("0000", &json!("requested")), "{answer}");
    assert_eq!(code(&center.own(Method::POST, "sender-profiles", other).await), "2120");
    let (_, answer) = center.call(OTHER, Method::GET, &theirs, Value::Null).await;
    assert!(answer.to_string().contains(&"b2".repeat(20)), "{answer}");
    assert_eq!(code(&center.operate(&path, json!({"state": "approved"})).await), "0000");
    assert_eq!(current(&center).sender_profile(&key).unwrap().state, Approval::Approved);
    let (_, answer) =
        center.call(super::OPERATOR, Method::PUT, &format!("/ims/{BANK}/{path}"), json!({"state": "stopped"})).await;
    assert_eq!(code(&answer), "2110", "of that customer there is none");
    let (_, listed) = center.call(OTHER, Method::GET, &theirs, Value::Null).await;
    assert!(!listed.to_string().contains(&key), "{listed}");
    let listed = center.own(Method::GET, "sender-profiles?limit=1", Value::Null).await;
    assert!(listed["data"]["next"].is_string(), "{listed}");
    let one = format!("sender-profiles/{key}");
    let shown = center.own(Method::GET, &one, Value::Null).await;
    assert_eq!((&shown["data"]["sender_key"], &shown["data"]["state"]), (&json!(key), &json!("approved")));
    let (_, answer) = center.call(OTHER, Method::GET, &format!("/ims/{BANK}/{one}"), Value::Null).await;
    assert_eq!(code(&answer), "2110", "another's is nobody's");
    assert!(center.audit().iter().all(|(line, _)| !line.contains(SHOP)));
}

#[tokio::test]
async fn a_channel_is_claimed_by_a_token_that_is_told_to_nobody() {
    let center = Center::new();
    let wish = json!({"channel_id": "@한빛", "phone_number": "010-2345-6789"});
    let asked = center.own(Method::POST, "sender-claims", wish.clone()).await;
    assert_eq!((code(&asked), &asked["data"]["stage"]), ("0000", &json!("asked")), "{asked}");
    assert_eq!(code(&center.own(Method::POST, "sender-claims", wish.clone()).await), "2090", "no second one at once");
    for (channel, phone, answered) in [
        ("한빛", "01023456789", "1400"),
        ("@한빛", "02-345-6789", "1400"),
        ("", "01023456789", "2020"),
        ("@한빛", "", "2020"),
    ] {
        let wish = json!({"channel_id": channel, "phone_number": phone});
        assert_eq!(code(&center.own(Method::POST, "sender-claims", wish).await), answered, "{channel} {phone}");
    }
    let path = "sender-claims/%40%ED%95%9C%EB%B9%9B/token";
    let token = json!({"token": "987654", "category_code": "00100010001", "unsubscribe_phone_number": "080-000-0000"});
    assert_eq!(code(&center.own(Method::POST, "sender-claims/@other/token", token.clone()).await), "2110");
    for _ in 0..5 {
        let handed = center.own(Method::POST, path, token.clone()).await;
        assert_eq!(handed["data"]["stage"], "handed", "{handed}");
    }
    assert_eq!(code(&center.own(Method::POST, path, token).await), "2090", "who guesses is stopped");
    let listed = center.own(Method::GET, "sender-claims", Value::Null).await;
    assert_eq!(listed["data"].as_array().unwrap().len(), 1, "{listed}");
    let lines = center.audit();
    assert!(lines.iter().any(|(line, _)| line == "hanbit-shop/demo sender_claims @한빛"), "{lines:?}");
    for hidden in ["987654", "23456789"] {
        assert!(!format!("{lines:?}{listed}").contains(hidden), "{hidden}");
    }
    let theirs = center.call(OTHER, Method::GET, &format!("/ims/{BANK}/sender-claims"), Value::Null).await.1;
    assert_eq!(theirs["data"], json!([]));
    // Whose phone it is, is not asked: it is sent no more to whoever claims.
    let wish = json!({"channel_id": "@bank", "phone_number": "01023456789"});
    let theirs = center.call(OTHER, Method::POST, &format!("/ims/{BANK}/sender-claims"), wish).await.1;
    assert_eq!(code(&theirs), "2090");
}

#[tokio::test]
async fn without_a_dealer_for_profiles_nothing_is_claimed() {
    let center = Center::with(|door| door.claims = false);
    let wish = json!({"channel_id": "@hanbit", "phone_number": "01023456789"});
    let refused = center.own(Method::POST, "sender-claims", wish).await;
    assert_eq!(code(&refused), "2130");
    assert!(refused["message"].as_str().unwrap().contains("an operator approves it"), "{refused}");
}

#[tokio::test]
async fn a_profile_is_woken_by_its_own_customer_when_its_dealer_says_that_it_sleeps() {
    let center = Center::new();
    let own = center.0.seed.sender_profiles.iter().find(|profile| profile.username == "hanbit-shop").unwrap();
    let path = format!("sender-profiles/{}/recover", own.sender_key);
    assert_eq!(code(&center.own(Method::POST, &path, Value::Null).await), "2130");
    let sender_key = own.sender_key.clone();
    let said = AtDealer { vendor: "dealer".into(), state: "dormant".into(), comment: None, noted_at_ms: 1 };
    center.edit(move |editor| editor.note_profile(&sender_key, &said).unwrap());
    let theirs = center.call(OTHER, Method::POST, &format!("/ims/{BANK}/{path}"), Value::Null).await.1;
    assert_eq!(code(&theirs), "2110");
    assert_eq!(code(&center.own(Method::POST, &path, Value::Null).await), "0000");
    let listed = center.own(Method::GET, "sender-profiles", Value::Null).await;
    let items = listed["data"]["items"].as_array().unwrap();
    assert!(items.iter().any(|item| item["dealer"]["state"] == "dormant"), "{listed}");
}
