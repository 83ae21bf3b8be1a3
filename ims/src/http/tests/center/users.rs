//! Users: people who sign in.

use super::{CUSTOMER, Center, OPERATOR, OTHER, SHOP, code};
use crate::http::tests::{BANK, key, log::Kept};
use axum::http::{Method, StatusCode};
use processors::{
    access::Scope,
    reference::{Role, User},
};
use serde_json::{Value, json};

const PASSWORD: &str = "correct horse battery";

/// Makes a user of the shop, and lets processes take it up.
async fn made(center: &Center, login: &str, role: &str) {
    let wish = json!({"login": login, "role": role, "password": PASSWORD});
    let answer = center.own(Method::POST, "users", wish).await;
    assert_eq!((code(&answer), &answer["data"]["password"]), ("0000", &Value::Null), "{answer}");
    assert!(!answer.to_string().contains(PASSWORD), "{answer}");
    center.follow();
}

async fn status(center: &Center, who: (&str, &str), method: Method, path: &str, body: Value) -> StatusCode {
    center.call(who, method, path, body).await.0
}

fn at(path: &str) -> String {
    format!("/ims/{SHOP}/{path}")
}

#[tokio::test]
async fn a_user_signs_in_acts_with_its_role_and_is_named_in_the_audit() {
    let (kept, center) = (Kept::listen(), Center::new());
    made(&center, "yuna", "manager").await;
    made(&center, "minsu", "reader").await;
    let (yuna, minsu) = ((":yuna", PASSWORD), (":minsu", PASSWORD));
    let number = json!({"channel": "mt", "number": "02-345-6789"});
    let (_, answer) = center.call(yuna, Method::POST, &at("sender-numbers"), number.clone()).await;
    assert_eq!(code(&answer), "0000");
    let refused = status(&center, minsu, Method::POST, &at("sender-numbers"), number).await;
    assert_eq!(refused, StatusCode::FORBIDDEN);
    let (_, listed) = center.call(minsu, Method::GET, &at("sender-numbers"), Value::Null).await;
    assert!(listed.to_string().contains("023456789"), "{listed}");
    // What is another customer's is nobody's.
    let (_, answer) = center.call(yuna, Method::GET, &format!("/ims/{BANK}/sender-numbers"), Value::Null).await;
    assert_eq!(code(&answer), "1100");
    assert_eq!(status(&center, yuna, Method::GET, &at("operators"), Value::Null).await, StatusCode::FORBIDDEN);
    let lines: Vec<String> = center.audit().into_iter().map(|(line, _)| line).collect();
    assert_eq!(
        lines,
        [
            "hanbit-shop/demo users yuna",
            "hanbit-shop/demo users minsu",
            "hanbit-shop/:yuna sender_numbers MT/hanbit-shop/023456789",
        ]
    );
    let (_, told) = center.call(yuna, Method::GET, &at("audit?from=2026-01-01&to=2026-12-31"), Value::Null).await;
    assert!(told.to_string().contains("hanbit-shop/:yuna"), "{told}");
    assert!(center.audit().iter().all(|(_, told)| !told.contains(PASSWORD) && !told.contains("argon2")));
    let logged = kept.text();
    for secret in [PASSWORD, &key(yuna.0, yuna.1)] {
        assert!(logged.contains("\"manage\"") && !logged.contains(secret), "{secret} is logged");
    }
}

#[tokio::test]
async fn an_operator_has_no_customer_and_acts_for_all() {
    let center = Center::new();
    let new = |login: &str| json!({"login": login});
    let (_, answer) = center.call(OPERATOR, Method::POST, &at("operators"), new("kim")).await;
    let password = answer["data"]["password"].as_str().unwrap().to_owned();
    assert_eq!((answer["data"]["user"]["role"].as_str(), password.len()), (Some("operator"), 43));
    center.follow();
    let kim = (":kim", &*password);
    for service_key in [SHOP, BANK] {
        let (_, answer) = center.call(kim, Method::GET, &format!("/ims/{service_key}/users"), Value::Null).await;
        assert_eq!(code(&answer), "0000");
    }
    // Statistics are a customer's alone, and messages are not sent by operators.
    let statistics = at("stat?from=2026-03-01&to=2026-03-01");
    let (_, answer) = center.call(kim, Method::GET, &statistics, Value::Null).await;
    assert_eq!(code(&answer), "1100");
    let sent = status(&center, kim, Method::POST, &at("mt/sendMessage"), json!({})).await;
    assert_eq!(sent, StatusCode::FORBIDDEN);
    let (_, answer) = center.call(kim, Method::POST, &at("users"), json!({"login": "yuna", "role": "manager"})).await;
    assert_eq!(code(&answer), "0000");
    let (_, answer) = center.call(kim, Method::POST, &at("operators"), new("lee")).await;
    assert_eq!(code(&answer), "0000");
    let (_, listed) = center.call(kim, Method::GET, &at("operators"), Value::Null).await;
    let logins: Vec<&str> =
        listed["data"]["items"].as_array().unwrap().iter().map(|user| user["login"].as_str().unwrap()).collect();
    assert_eq!(logins, ["kim", "lee"]);
    // Its name in the audit is its own; to customers it is an operator.
    let lines = center.audit();
    assert_eq!(lines[1].0, ":kim users yuna");
    let own = center.own(Method::GET, "audit?from=2026-01-01&to=2026-12-31", Value::Null).await;
    assert!(own.to_string().contains("\"operator\"") && !own.to_string().contains(":kim"), "{own}");
    // To be it, or to change it, is an operator's.
    let (_, answer) = center.call(kim, Method::PUT, &at("operators/kim"), json!({"active": false})).await;
    assert_eq!(code(&answer), "2130", "nobody shuts himself out");
    let (_, answer) = center.call(kim, Method::PUT, &at("users/lee"), json!({"active": false})).await;
    assert_eq!(code(&answer), "2110", "it is no customer's");
}

#[tokio::test]
async fn who_is_not_active_or_has_another_password_is_out_with_the_next_data() {
    let center = Center::new();
    made(&center, "yuna", "manager").await;
    made(&center, "minsu", "reader").await;
    let users = at("users");
    let signs_in = async |password: &str| status(&center, (":yuna", password), Method::GET, &users, Value::Null).await;
    assert_eq!(signs_in(PASSWORD).await, StatusCode::OK);
    center.own(Method::PUT, "users/yuna", json!({"active": false})).await;
    assert_eq!(signs_in(PASSWORD).await, StatusCode::OK, "until processes take it up");
    let another = json!({"login": "junho", "role": "manager"});
    let makes = status(&center, (":yuna", PASSWORD), Method::POST, &users, another).await;
    assert_eq!(makes, StatusCode::UNAUTHORIZED, "who changes something is looked up");
    center.follow();
    assert_eq!(signs_in(PASSWORD).await, StatusCode::UNAUTHORIZED);
    center.own(Method::PUT, "users/yuna", json!({"active": true})).await;
    let changed = center.own(Method::PUT, "users/yuna/password", json!({})).await;
    let password = changed["data"]["password"].as_str().unwrap().to_owned();
    center.follow();
    assert_eq!(signs_in(PASSWORD).await, StatusCode::UNAUTHORIZED);
    assert_eq!(signs_in(&password).await, StatusCode::OK);
    // Its own each may change, and nobody else's without managing.
    let minsu = (":minsu", PASSWORD);
    let own = json!({"password": "another password"});
    let theirs = status(&center, minsu, Method::PUT, &at("users/yuna/password"), own.clone()).await;
    assert_eq!(theirs, StatusCode::FORBIDDEN);
    let (_, answer) = center.call(minsu, Method::PUT, &at("own-password"), own.clone()).await;
    assert_eq!(code(&answer), "0000", "{answer}");
    center.follow();
    assert_eq!(status(&center, minsu, Method::GET, &at("sender-numbers"), Value::Null).await, StatusCode::UNAUTHORIZED);
    let renewed = (":minsu", "another password");
    assert_eq!(status(&center, renewed, Method::GET, &at("sender-numbers"), Value::Null).await, StatusCode::OK);
    let (_, answer) = center.call(CUSTOMER, Method::PUT, &at("own-password"), own).await;
    assert_eq!(code(&answer), "1400", "a program has none");
}

#[tokio::test]
async fn a_new_secret_takes_a_turn_and_is_hashed_only_where_nothing_is_refused() {
    let center = Center::new();
    made(&center, "yuna", "manager").await;
    made(&center, "minsu", "reader").await;
    center.own(Method::POST, "secret-keys", json!({"name": "next"})).await;
    let (minsu, password) = ((":minsu", PASSWORD), json!({"password": "another password"}));
    assert_eq!(status(&center, minsu, Method::GET, &at("sender-numbers"), Value::Null).await, StatusCode::OK);
    for (who, service_key) in [(CUSTOMER, SHOP), (OPERATOR, SHOP), (OTHER, BANK)] {
        let answered = status(&center, who, Method::GET, &format!("/ims/{service_key}/users"), Value::Null).await;
        assert_eq!(answered, StatusCode::OK);
    }
    // From now on nobody has a turn.
    center.0.door.gate.close_hashing();
    for (who, method, path, body) in [
        (minsu, Method::PUT, "own-password", password.clone()),
        (CUSTOMER, Method::PUT, "users/yuna/password", json!({})),
        (CUSTOMER, Method::POST, "users", json!({"login": "jisoo"})),
        (OTHER, Method::POST, "secret-keys", json!({"name": "third"})),
    ] {
        let own = if who == OTHER { BANK } else { SHOP };
        let answered = status(&center, who, method, &format!("/ims/{own}/{path}"), body).await;
        assert_eq!(answered, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
    }
    for (method, path, body, answered) in [
        (Method::PUT, "users/nobody/password", password.clone(), "2110"),
        (Method::PUT, "users/yuna/password", json!({"password": "short"}), "1400"),
        (Method::POST, "users", json!({"login": "yuna"}), "2120"),
        (Method::POST, "secret-keys", json!({"name": "next"}), "2120"),
        (Method::POST, "secret-keys", json!({"name": "third"}), "2130"),
        (Method::POST, "secret-keys/nothing/rotate", json!({"name": "third"}), "2110"),
    ] {
        let answer = center.own(method, path, body).await;
        assert_eq!(code(&answer), answered, "{path}: {answer}");
    }
    let (_, answer) = center.call(OPERATOR, Method::POST, &at("operators"), json!({"login": "yuna"})).await;
    assert_eq!(code(&answer), "2120");
}

#[tokio::test]
async fn a_user_is_no_customer_and_a_wrong_password_is_answered_as_a_wrong_key() {
    let mut center = Center::new();
    let hash = center.0.seed.secret_keys.iter().find(|key| key.username == CUSTOMER.0).unwrap().hash.clone();
    // A user by the name of a customer that has no key of its own, and one that is out.
    center.0.reload(|seed| {
        let user = |login: &str, active| User {
            login: login.into(),
            username: Some("hanbit-shop".into()),
            role: Role::Manager,
            hash: hash.clone(),
            active,
            created_at: None,
        };
        seed.users = vec![user("mirae-clinic", true), user("gone", false)];
    });
    let mut told = Vec::new();
    for who in [
        (":mirae-clinic", "wrong password"),
        (":mirae-clinic", ""),
        (":gone", CUSTOMER.1),
        (":nobody", CUSTOMER.1),
        ("mirae-clinic", CUSTOMER.1),
        (":hanbit-shop", CUSTOMER.1),
        ("hanbit-shop", "wrong secret"),
        ("::mirae-clinic", CUSTOMER.1),
    ] {
        let answer = center.call(who, Method::GET, &at("sender-numbers"), Value::Null).await;
        assert_eq!(answer.0, StatusCode::UNAUTHORIZED, "{who:?}");
        told.push(answer);
    }
    assert!(told.iter().all(|answer| *answer == told[0]), "{told:?}");
    let right = status(&center, (":mirae-clinic", CUSTOMER.1), Method::GET, &at("sender-numbers"), Value::Null).await;
    assert_eq!(right, StatusCode::OK);
}

#[tokio::test]
async fn nobody_makes_a_user_that_may_do_more_and_names_are_taken_once() {
    let mut center = Center::new();
    made(&center, "yuna", "reader").await;
    let post = |login: &str, role: &str, password: &str| json!({"login": login, "role": role, "password": password});
    for (wish, answered) in [
        (post("yuna", "reader", PASSWORD), "2120"),
        (post("Yuna", "reader", PASSWORD), "1400"),
        (post("minsu", "operator", PASSWORD), "1400"),
        (post("minsu", "owner", PASSWORD), "1400"),
        (post("minsu", "reader", "too short"), "1400"),
        (json!({"role": "reader"}), "1400"),
    ] {
        let answer = center.own(Method::POST, "users", wish.clone()).await;
        assert_eq!(code(&answer), answered, "{wish}: {answer}");
        assert!(!answer.to_string().contains("too short"), "{answer}");
    }
    let theirs = format!("/ims/{BANK}/users");
    let (_, answer) = center.call(OTHER, Method::POST, &theirs, post("yuna", "reader", PASSWORD)).await;
    assert_eq!(code(&answer), "2120", "another customer's has it");
    let (_, answer) = center.call(OTHER, Method::PUT, &format!("{theirs}/yuna"), json!({"active": false})).await;
    assert_eq!(code(&answer), "2110");
    // A key that may not send makes no user that may, and gives none a password.
    made(&center, "boss", "manager").await;
    center.0.reload(|seed| {
        let own = seed.secret_keys.iter_mut().filter(|key| key.username == CUSTOMER.0);
        own.for_each(|key| key.scopes = vec![Scope::Report, Scope::Read, Scope::Manage]);
    });
    for (method, path, body, answered) in [
        (Method::POST, "users", post("minsu", "manager", PASSWORD), "1400"),
        (Method::PUT, "users/boss/password", json!({"password": PASSWORD}), "1400"),
        (Method::PUT, "users/yuna", json!({"role": "manager"}), "1400"),
        (Method::POST, "users", post("minsu", "reader", PASSWORD), "0000"),
        (Method::PUT, "users/boss", json!({"active": false}), "0000"),
        (Method::PUT, "users/boss", json!({"active": true}), "1400"),
    ] {
        let answer = center.own(method, path, body.clone()).await;
        assert_eq!(code(&answer), answered, "{path} {body}: {answer}");
    }
}
