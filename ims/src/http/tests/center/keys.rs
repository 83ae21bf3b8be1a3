//! Secret keys and service keys.

use super::{CUSTOMER, Center, OPERATOR, OTHER, SHOP, code};
use crate::http::tests::log::Kept;
use axum::http::{Method, StatusCode};
use processors::{access::Scope, ports::ReferenceSource as _};
use schemas::examples::seed::NOW_MS;
use serde_json::{Value, json};

fn names(answer: &Value) -> Vec<&str> {
    answer["data"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_key_is_told_once_exchanged_with_two_valid_and_taken_out() {
    let (kept, center) = (Kept::listen(), Center::new());
    let listed = center.own(Method::GET, "secret-keys", Value::Null).await;
    let first = names(&listed)[0].to_owned();
    let rotate = format!("secret-keys/{first}/rotate");
    let made = center.own(Method::POST, &rotate, json!({"name": "next", "overlap_hours": 1})).await;
    let secret = made["data"]["secret"].as_str().unwrap().to_owned();
    assert_eq!(made["data"]["key"]["name"], "next");
    center.follow();
    for secret in [CUSTOMER.1, &secret] {
        let path = format!("/ims/{SHOP}/secret-keys");
        let (status, listed) = center.call((CUSTOMER.0, secret), Method::GET, &path, Value::Null).await;
        assert_eq!((status, names(&listed).len()), (StatusCode::OK, 2));
        assert!(!listed.to_string().contains(&secret[..20]) && !listed.to_string().contains("argon2"), "{listed}");
    }
    center.0.at(NOW_MS + 3_600_000);
    let path = format!("/ims/{SHOP}/secret-keys");
    assert_eq!(center.call(CUSTOMER, Method::GET, &path, Value::Null).await.0, StatusCode::UNAUTHORIZED, "it is over");
    let new = (CUSTOMER.0, &*secret);
    let (_, answer) = center.call(new, Method::DELETE, &format!("{path}/{first}"), Value::Null).await;
    assert_eq!(code(&answer), "0000");
    let (_, answer) = center.call(new, Method::DELETE, &format!("{path}/next"), Value::Null).await;
    assert_eq!(code(&answer), "2130", "nobody shuts himself out");
    let logged = kept.text();
    assert!(logged.contains("\"manage\"") && !logged.contains(&secret), "it is logged");
    for (line, told) in center.audit() {
        assert!(line.starts_with("hanbit-shop/"), "{line}");
        assert!(!told.contains(&secret) && !told.contains("m=19456"), "{told}");
    }
    assert_eq!(center.audit().len(), 3);
}

#[tokio::test]
async fn nobody_makes_a_key_that_may_more_than_his_own() {
    let mut center = Center::new();
    for (wish, answered) in [
        (json!({"name": "a/b"}), "1400"),
        (json!({"name": "a", "scopes": ["operate"]}), "1400"),
        (json!({"name": "a", "scopes": []}), "1400"),
        (json!({"name": "a", "scopes": ["everything"]}), "1400"),
        (json!({"name": "a", "networks": ["10.0.0.0/33"]}), "1400"),
        (json!({"name": "a", "expires_at": "2020-01-01T00:00:00Z"}), "1400"),
        (json!({"name": "a", "expires_at": "tomorrow"}), "1400"),
        (json!({"name": "a", "secret": "mine"}), "1400"),
        (
            json!({"name": "a", "scopes": ["read"], "networks": ["10.0.0.0/8"], "expires_at": "2099-01-01T00:00:00+09:00"}),
            "0000",
        ),
        (json!({"name": "b"}), "2130"),
    ] {
        let answer = center.own(Method::POST, "secret-keys", wish.clone()).await;
        assert_eq!(code(&answer), answered, "{wish}: {answer}");
    }
    center.0.reload(|seed| {
        let key = seed.secret_keys.iter_mut().find(|key| key.username == CUSTOMER.0).unwrap();
        (key.scopes, key.networks) = (vec![Scope::Manage], vec!["127.0.0.0/8".parse().unwrap()]);
    });
    let answer = center.own(Method::POST, "secret-keys", json!({"name": "c", "networks": []})).await;
    assert!(answer["message"].as_str().unwrap().starts_with("networks: "), "{answer}");
    let answer = center.own(Method::POST, "secret-keys", json!({"name": "c", "scopes": ["send"]})).await;
    assert!(answer["message"].as_str().unwrap().starts_with("scopes: send is none"), "{answer}");
}

#[tokio::test]
async fn an_operator_does_it_for_a_customer_and_the_audit_names_both() {
    let center = Center::new();
    let path = format!("/ims/{SHOP}/secret-keys");
    let (_, made) = center.call(OPERATOR, Method::POST, &path, json!({"name": "by-ops", "scopes": ["send"]})).await;
    assert_eq!(code(&made), "0000", "{made}");
    assert_eq!(center.audit()[0].0, "ops/ops secret_keys hanbit-shop/by-ops");
    // A customer's key is no operator's, whoever it was made by.
    let (status, _) = center.call(OTHER, Method::POST, &format!("/ims/{SHOP}/service-keys"), Value::Null).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_operator_makes_service_keys_and_stops_them() {
    let center = Center::new();
    let path = format!("/ims/{SHOP}/service-keys");
    let count = async || {
        let (_, listed) = center.call(OPERATOR, Method::GET, &path, Value::Null).await;
        listed["data"].as_array().unwrap().len()
    };
    let before = count().await;
    let (_, made) = center.call(OPERATOR, Method::POST, &path, Value::Null).await;
    let key = made["data"]["service_key"].as_str().unwrap().to_owned();
    assert_eq!((key.len(), &made["data"]["active"]), (40, &json!(true)));
    assert_eq!(count().await, before + 1);
    let one = format!("{path}/{key}");
    let (_, stopped) = center.call(OPERATOR, Method::PUT, &one, json!({"active": false})).await;
    assert_eq!(stopped["data"], json!({"service_key": key, "active": false}));
    center.follow();
    assert!(!center.0.reference.current().service_key(&key).unwrap().0.active);
    let foreign = format!("{path}/{}", super::BANK);
    assert_eq!(code(&center.call(OPERATOR, Method::PUT, &foreign, json!({"active": false})).await.1), "2110");
}

#[tokio::test]
async fn a_key_that_was_taken_out_makes_itself_no_successor() {
    let center = Center::new();
    let path = format!("/ims/{SHOP}/secret-keys");
    let made = center.own(Method::POST, "secret-keys", json!({"name": "next"})).await;
    let secret = made["data"]["secret"].as_str().unwrap().to_owned();
    center.follow();
    let next = (CUSTOMER.0, &*secret);
    let (_, answer) = center.call(next, Method::DELETE, &format!("{path}/demo"), Value::Null).await;
    assert_eq!(code(&answer), "0000");
    let before = center.audit().len();
    // The door has not heard of it: its key is let in, and may read.
    assert_eq!(center.call(CUSTOMER, Method::GET, &path, Value::Null).await.0, StatusCode::OK);
    let callback = json!({"uri": "https://hooks.example.com/ims"});
    for (method, path, wish) in [
        (Method::POST, path.clone(), json!({"name": "mine"})),
        (Method::POST, format!("{path}/next/rotate"), json!({"name": "mine", "overlap_hours": 0})),
        (Method::POST, format!("/ims/{SHOP}/users"), json!({"login": "mine", "role": "manager"})),
        (Method::PUT, format!("/ims/{SHOP}/callback"), callback),
    ] {
        let (status, answer) = center.call(CUSTOMER, method, &path, wish).await;
        assert_eq!((status, code(&answer)), (StatusCode::UNAUTHORIZED, "401"), "{path}");
    }
    assert_eq!(center.audit().len(), before, "nothing was changed");
    let (_, answer) = center.call(next, Method::POST, &path, json!({"name": "third"})).await;
    assert_eq!(code(&answer), "0000");
}

#[tokio::test]
async fn a_key_that_was_given_an_end_makes_no_successor_without_one() {
    let center = Center::new();
    center.own(Method::POST, "secret-keys/demo/rotate", json!({"name": "next", "overlap_hours": 1})).await;
    // The door holds it to be without an end still.
    let user = json!({"login": "mine", "role": "manager"});
    let (status, _) = center.call(CUSTOMER, Method::POST, &format!("/ims/{SHOP}/users"), user).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "users have none");
    center.own(Method::DELETE, "secret-keys/next", Value::Null).await;
    let wish = json!({"name": "third", "expires_at": "2099-01-01T00:00:00Z"});
    assert_eq!(code(&center.own(Method::POST, "secret-keys", wish).await), "1400");
    let made = center.own(Method::POST, "secret-keys", json!({"name": "third"})).await;
    assert_eq!(made["data"]["key"]["expires_at"], "2026-03-11T02:30:00.120Z");
}
