//! Every change leaves a line in the audit.

use super::{CUSTOMER, Center, GROUP, GROUP_PATH, GROUP_STATE_PATH, MEMBERS_PATH, OPERATOR, REMOVED_PATH, SHOP, code};
use crate::http::tests::{
    described::{keyed_operations, operation_id},
    key,
};
use axum::{
    body::Body,
    http::{Method, Request},
};
use connectors::reference::AtDealer;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const PASSWORD: &str = "correct horse battery";
const FILE: &str = "file itself";

/// Who asks for what, in an order in which all of it is done. A text is no JSON but a file.
fn changes(own_profile: &str) -> Vec<((&'static str, &'static str), Method, String, Value)> {
    let number = json!({"channel": "mt", "number": "02-345-6789"});
    let template = json!({"template_code": "T", "message": "안녕하세요"});
    let inspected = json!({"template_code": "T", "message": "안녕하세요", "sender_key": own_profile});
    let (approved, recipients) = (json!({"state": "approved"}), json!({"recipients": ["01012345678"]}));
    let consents = json!({"consents": [{"recipient": "01012345678", "consented_at": "2026-03-01T00:00:00+09:00"}]});
    let (profile, members) = ("k".repeat(40), json!({"sender_keys": [own_profile]}));
    let of = |who, method, path: &str, body| (who, method, path.to_owned(), body);
    vec![
        of(CUSTOMER, Method::POST, "consents", consents),
        of(CUSTOMER, Method::POST, "consents/withdraw", recipients.clone()),
        of(CUSTOMER, Method::POST, "consents/csv", json!("recipient\n01012345679\n")),
        of(CUSTOMER, Method::PUT, "consents/rules", json!({"ads_by_consent": true, "notices": []})),
        of(CUSTOMER, Method::PUT, "callback", json!({"uri": "https://shop.example/ims"})),
        of(CUSTOMER, Method::POST, "callback/secret", Value::Null),
        of(CUSTOMER, Method::DELETE, "callback/secret", Value::Null),
        of(CUSTOMER, Method::DELETE, "callback", Value::Null),
        of(CUSTOMER, Method::POST, "sender-numbers", number),
        of(OPERATOR, Method::PUT, "sender-numbers/mt/023456789/state", approved.clone()),
        of(CUSTOMER, Method::DELETE, "sender-numbers/mt/023456789", Value::Null),
        of(CUSTOMER, Method::POST, "sender-profiles", json!({"sender_key": profile})),
        of(OPERATOR, Method::PUT, &format!("sender-profiles/{profile}/state"), approved.clone()),
        of(CUSTOMER, Method::POST, &format!("sender-profiles/{own_profile}/recover"), Value::Null),
        of(CUSTOMER, Method::POST, "sender-claims", json!({"channel_id": "@hanbit", "phone_number": "01023456789"})),
        of(
            CUSTOMER,
            Method::POST,
            "sender-claims/@hanbit/token",
            json!({"token": "1", "category_code": "00100010001"}),
        ),
        of(CUSTOMER, Method::POST, "sender-groups", json!({"group_key": GROUP, "name": "매장"})),
        of(CUSTOMER, Method::PUT, GROUP_PATH, json!({"name": "지점"})),
        of(CUSTOMER, Method::POST, MEMBERS_PATH, members.clone()),
        of(CUSTOMER, Method::POST, REMOVED_PATH, members),
        of(OPERATOR, Method::PUT, GROUP_STATE_PATH, approved.clone()),
        of(CUSTOMER, Method::DELETE, GROUP_PATH, Value::Null),
        of(CUSTOMER, Method::POST, "opt-outs", recipients.clone()),
        of(CUSTOMER, Method::POST, "opt-outs/remove", recipients),
        of(CUSTOMER, Method::POST, "push-tokens", json!({"tokens": [{"app_user_id": "hana", "token": "a:1"}]})),
        of(CUSTOMER, Method::PUT, "push-tokens", json!({"token": "a:1", "new_token": "a:2"})),
        of(CUSTOMER, Method::POST, "push-tokens/remove", json!({"tokens": ["a:2"]})),
        of(CUSTOMER, Method::POST, "files/email?name=a.txt", json!(FILE)),
        of(CUSTOMER, Method::POST, "templates/mt", template),
        of(CUSTOMER, Method::PUT, "templates/mt/T", json!({"template_code": "T", "message": "반갑습니다"})),
        of(CUSTOMER, Method::DELETE, "templates/mt/T", Value::Null),
        of(CUSTOMER, Method::POST, "templates/at", inspected),
        of(OPERATOR, Method::PUT, "templates/at/T/state", approved),
        of(CUSTOMER, Method::POST, "users", json!({"login": "dami", "role": "manager", "password": PASSWORD})),
        of((":dami", PASSWORD), Method::PUT, "own-password", json!({"password": "staple battery horse"})),
        of(CUSTOMER, Method::PUT, "users/dami/password", json!({"password": PASSWORD})),
        of(CUSTOMER, Method::PUT, "users/dami", json!({"active": false})),
        of(OPERATOR, Method::POST, "operators", json!({"login": "kim"})),
        of(OPERATOR, Method::PUT, "operators/kim/password", json!({"password": PASSWORD})),
        of(OPERATOR, Method::PUT, "operators/kim", json!({"active": false})),
        // A key that has an end makes users no more.
        of(CUSTOMER, Method::POST, "secret-keys/demo/rotate", json!({"name": "next"})),
        of(CUSTOMER, Method::DELETE, "secret-keys/next", Value::Null),
        of(CUSTOMER, Method::POST, "secret-keys", json!({"name": "new"})),
        of(OPERATOR, Method::POST, "service-keys", Value::Null),
        of(OPERATOR, Method::PUT, &format!("service-keys/{SHOP}"), json!({"active": false})),
    ]
}

impl Center {
    /// Asks for a change, and counts the lines that came of it.
    async fn lines_of(&self, who: (&str, &str), method: &Method, path: &str, body: Value) -> (Value, usize) {
        let before = self.audit().len();
        let kind = if body.is_string() { "application/octet-stream" } else { "application/json" };
        let body = match body {
            Value::Null => Body::empty(),
            Value::String(file) => file.into(),
            json => json.to_string().into(),
        };
        let request = Request::builder().method(method.clone()).uri(path).header("content-type", kind);
        let request = request.header("x-ims-key", key(who.0, who.1)).body(body).unwrap();
        let answer = self.0.call(request).await.2;
        assert_eq!(code(&answer), "0000", "{method} {path}: {answer}");
        (answer, self.audit().len() - before)
    }
}

#[tokio::test]
async fn every_change_leaves_a_line() {
    let center = Center::new();
    let own = center.0.seed.sender_profiles.iter().find(|profile| profile.username == CUSTOMER.0).unwrap();
    let (own, said) = (own.sender_key.clone(), ("dealer", "dormant"));
    let said = AtDealer { vendor: said.0.into(), state: said.1.into(), comment: None, noted_at_ms: 1 };
    let sleeps = own.clone();
    center.edit(move |editor| editor.note_profile(&sleeps, &said).unwrap());
    let mut changed = BTreeSet::new();
    let mut changes = changes(&own);
    changes.reverse();
    while let Some((who, method, path, body)) = changes.pop() {
        let path = format!("/ims/{SHOP}/{path}");
        let (answer, lines) = center.lines_of(who, &method, &path, body).await;
        assert!(lines > 0, "{method} {path}");
        changed.insert(operation_id(&method, &path).unwrap());
        if path.ends_with("/users") {
            center.follow();
        }
        if let Some(file) = answer["data"]["file_key"].as_str() {
            changes.push((CUSTOMER, Method::DELETE, format!("files/email/{file}"), Value::Null));
        }
    }
    // These change nothing that is kept in the reference data.
    changed.extend(["sendMessage", "cancel", "testCallback", "findConsents"]);
    let described = keyed_operations().into_iter().filter(|(method, _)| *method != "get").map(|(_, id)| id);
    assert_eq!(changed, described.collect());
}
