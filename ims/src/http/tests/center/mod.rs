//! Changes by customers and operators, on reference data in a store.

mod audit;
mod callbacks;
mod changes;
mod consents;
mod files;
mod keys;
mod opt_outs;
mod push_tokens;
mod sender_groups;
mod senders;
mod templates;
mod users;

use super::{
    BANK, Fixture, SHOP, SHOP_SECRET,
    described::{keyed_operations, operation_id},
    key,
};
use crate::{
    config,
    http::{editor, routes::Door},
};
use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use connectors::{
    reference::{Bounds, Editor, Importer, SCHEMA, SqlReference},
    sql::{Database, Record},
};
use processors::{access::Scope, ports::ReferenceSource as _, reference::SecretKey};
use schemas::examples;
use serde_json::{Value, json};
use std::sync::Arc;

/// A door on a store that says what the demo says, and an operator's key `ops`.
pub struct Center(pub Fixture);

pub const OPERATOR: (&str, &str) = ("ops", "demo-only-secret-of-dure-bank");
pub const CUSTOMER: (&str, &str) = ("hanbit-shop", SHOP_SECRET);
pub const OTHER: (&str, &str) = ("dure-bank", "demo-only-secret-of-dure-bank");

impl Center {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut Door)) -> Self {
        Self::bound(config::load(None, []).unwrap().center, change)
    }

    /// Where customers may have so many rows.
    pub fn bound(bounds: Bounds, change: impl FnOnce(&mut Door)) -> Self {
        let mut fixture = Fixture::with(change);
        let hash = fixture.seed.secret_keys.iter().find(|key| key.username == OTHER.0).unwrap().hash.clone();
        fixture.reload(|seed| {
            let mut operator = seed.customers[0].clone();
            operator.username = OPERATOR.0.into();
            seed.customers.push(operator);
            let scopes = vec![Scope::Read, Scope::Manage, Scope::Operate];
            let username = OPERATOR.0.into();
            seed.secret_keys.push(SecretKey { username, name: "ops".into(), hash, scopes, ..SecretKey::default() });
            seed.push_tokens.clear();
        });
        let (at, cipher) = (fixture.stores.reference().unwrap(), Arc::new(fixture.stores.cipher().unwrap()));
        let seed = fixture.seed.clone();
        let import = move || {
            Importer::open(&at, cipher).unwrap().import("demo", seed, "test", 1, || {}).unwrap();
        };
        std::thread::spawn(import).join().unwrap();
        let cipher = Arc::new(fixture.stores.cipher().unwrap());
        let mut config = config::load(None, []).unwrap();
        (config.reference.kind, config.center) = (config::ReferenceKind::Sql, bounds);
        Arc::get_mut(&mut fixture.door).unwrap().editor = editor(&config, &fixture.stores, &cipher).unwrap();
        Self(fixture)
    }

    /// Takes up what changed, as running processes do.
    pub fn follow(&self) {
        let (at, cipher) = (self.0.stores.reference().unwrap(), Arc::new(self.0.stores.cipher().unwrap()));
        let read = move || SqlReference::open(&at, cipher).unwrap().current();
        *self.0.reference.0.lock().unwrap() = std::thread::spawn(read).join().unwrap();
    }

    pub async fn call(&self, who: (&str, &str), method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(path).header("x-ims-key", key(who.0, who.1));
        let request = request.header("content-type", "application/json");
        let body = if body.is_null() { Body::empty() } else { body.to_string().into() };
        let (status, _, answer) = self.0.call(request.body(body).unwrap()).await;
        assert!(!answer.to_string().contains("secret-of"), "{answer}");
        (status, answer)
    }

    /// The customer's own path.
    pub async fn own(&self, method: Method, path: &str, body: Value) -> Value {
        let (status, answer) = self.call(CUSTOMER, method, &format!("/ims/{SHOP}/{path}"), body).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        answer
    }

    /// The operator on that path.
    pub async fn operate(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.call(OPERATOR, Method::PUT, &format!("/ims/{SHOP}/{path}"), body).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        answer
    }

    /// Changes the store beside the door, as other work of a process does.
    pub fn edit(&self, change: impl FnOnce(&mut Editor) + Send + 'static) {
        let (at, cipher) = (self.0.stores.reference().unwrap(), Arc::new(self.0.stores.cipher().unwrap()));
        let bounds = config::load(None, []).unwrap().center;
        std::thread::spawn(move || change(&mut Editor::open(&at, cipher, bounds).unwrap())).join().unwrap();
    }

    /// Lines of the audit after the import: `actor kind subject`, and what they tell.
    pub fn audit(&self) -> Vec<(String, String)> {
        let at = self.0.stores.reference().unwrap();
        let read = move || {
            let mut database = Database::connect(&at, &SCHEMA).unwrap();
            let rows = database.run(async |connection| {
                connection.query("SELECT * FROM audit WHERE actor <> 'test' ORDER BY id").fetch_all().await
            });
            let line = |row: &Record| {
                let text = |column| row.get::<Option<String>>(column).unwrap().unwrap_or_default();
                let told = format!("{} {}", text("state_before"), text("state_after"));
                (format!("{} {} {}", text("actor"), text("kind"), text("subject")), told)
            };
            rows.unwrap().iter().map(line).collect()
        };
        std::thread::spawn(read).join().unwrap()
    }
}

pub fn code(answer: &Value) -> &str {
    answer["code"].as_str().unwrap()
}

const GROUP: &str = "gggggggggggggggggggggggggggggggggggggggg";
const PROFILE_PATH: &str = "sender-profiles/kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk";
const RECOVER_PATH: &str = "sender-profiles/kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk/recover";
const GROUP_PATH: &str = "sender-groups/gggggggggggggggggggggggggggggggggggggggg";
const MEMBERS_PATH: &str = "sender-groups/gggggggggggggggggggggggggggggggggggggggg/members";
const REMOVED_PATH: &str = "sender-groups/gggggggggggggggggggggggggggggggggggggggg/members/remove";
const GROUP_STATE_PATH: &str = "sender-groups/gggggggggggggggggggggggggggggggggggggggg/state";

/// Every path of the center API with a body that it takes.
fn paths(service_key: &str) -> Vec<(Method, String, Value)> {
    let number = json!({"channel": "mt", "number": "02-345-6789"});
    let template = json!({"template_code": "T", "message": "안녕하세요"});
    let state = json!({"state": "approved"});
    let consents = json!({"consents": [{"recipient": "01012345678", "consented_at": "2026-03-01T00:00:00+09:00"}]});
    let paths = [
        (Method::GET, "consents", Value::Null),
        (Method::POST, "consents", consents),
        (Method::POST, "consents/find", json!({"recipients": ["01012345678"]})),
        (Method::POST, "consents/withdraw", json!({"recipients": ["01012345678"]})),
        (Method::GET, "consents/rules", Value::Null),
        (Method::PUT, "consents/rules", json!({"ads_by_consent": false, "notices": []})),
        (Method::GET, "secret-keys", Value::Null),
        (Method::POST, "secret-keys", json!({"name": "new"})),
        (Method::POST, "secret-keys/2026/rotate", json!({"name": "new"})),
        (Method::DELETE, "secret-keys/2026", Value::Null),
        (Method::GET, "callback", Value::Null),
        (Method::PUT, "callback", json!({"uri": "https://shop.example/ims"})),
        (Method::DELETE, "callback", Value::Null),
        (Method::POST, "callback/secret", Value::Null),
        (Method::DELETE, "callback/secret", Value::Null),
        (Method::POST, "callback/test", Value::Null),
        (Method::GET, "sender-numbers", Value::Null),
        (Method::POST, "sender-numbers", number),
        (Method::GET, "sender-numbers/mt/023456789", Value::Null),
        (Method::DELETE, "sender-numbers/mt/023456789", Value::Null),
        (Method::GET, "sender-profiles", Value::Null),
        (Method::POST, "sender-profiles", json!({"sender_key": "k".repeat(40)})),
        (Method::GET, PROFILE_PATH, Value::Null),
        (Method::POST, RECOVER_PATH, Value::Null),
        (Method::GET, "sender-categories", Value::Null),
        (Method::GET, "sender-claims", Value::Null),
        (Method::POST, "sender-claims", json!({"channel_id": "@hanbit", "phone_number": "01023456789"})),
        (Method::GET, "sender-claims/@hanbit", Value::Null),
        (Method::POST, "sender-claims/@hanbit/token", json!({"token": "1", "category_code": "00100010001"})),
        (Method::GET, "sender-groups", Value::Null),
        (Method::POST, "sender-groups", json!({"group_key": GROUP, "name": "매장"})),
        (Method::GET, GROUP_PATH, Value::Null),
        (Method::PUT, GROUP_PATH, json!({"name": "지점"})),
        (Method::POST, MEMBERS_PATH, json!({"sender_keys": [examples::seed::SENDER_KEY]})),
        (Method::POST, REMOVED_PATH, json!({"sender_keys": [examples::seed::SENDER_KEY]})),
        (Method::DELETE, GROUP_PATH, Value::Null),
        (Method::GET, "opt-outs", Value::Null),
        (Method::POST, "opt-outs", json!({"recipients": ["01012345678"]})),
        (Method::POST, "opt-outs/remove", json!({"recipients": ["01012345678"]})),
        (Method::GET, "push-tokens", Value::Null),
        (Method::POST, "push-tokens", json!({"tokens": [{"app_user_id": "hana", "token": "a:1"}]})),
        (Method::PUT, "push-tokens", json!({"token": "a:1", "new_token": "a:2"})),
        (Method::POST, "push-tokens/remove", json!({"tokens": ["a:1"]})),
        (Method::GET, "files/mt", Value::Null),
        (Method::GET, "files/mt/FILE1", Value::Null),
        (Method::DELETE, "files/mt/FILE1", Value::Null),
        (Method::GET, "audit", Value::Null),
        (Method::GET, "templates/kakao", Value::Null),
        (Method::POST, "templates/mt", template.clone()),
        (Method::GET, "templates/mt/T", Value::Null),
        (Method::PUT, "templates/mt/T", template),
        (Method::DELETE, "templates/mt/T", Value::Null),
        (Method::GET, "users", Value::Null),
        (Method::POST, "users", json!({"login": "hana"})),
        (Method::PUT, "users/hana", json!({"active": false})),
        (Method::PUT, "users/hana/password", json!({"password": "a long password"})),
        (Method::GET, "audit/all", Value::Null),
        (Method::GET, "operators", Value::Null),
        (Method::POST, "operators", json!({"login": "hana"})),
        (Method::PUT, "operators/hana", json!({"active": false})),
        (Method::PUT, "operators/hana/password", json!({"password": "a long password"})),
        (Method::GET, "service-keys", Value::Null),
        (Method::POST, "service-keys", Value::Null),
        (Method::PUT, "service-keys/IMSDEMO0SERVICEKEY0000000000000000000001", json!({"active": false})),
        (Method::PUT, "sender-numbers/mt/023456789/state", state.clone()),
        (Method::PUT, "templates/mt/T/state", state.clone()),
        (Method::PUT, GROUP_STATE_PATH, state.clone()),
    ];
    let profile = format!("sender-profiles/{}/state", "k".repeat(40));
    let paths = paths.into_iter().map(|(method, path, body)| (method, path.to_owned(), body));
    let paths = paths.chain([(Method::PUT, profile, state)]);
    paths.map(|(method, path, body)| (method, format!("/ims/{service_key}/{path}"), body)).collect()
}

/// Of these paths, those that customers may use.
const CUSTOMERS: usize = 56;
/// The others: of stores of their own, of bodies that are no JSON, or of who asks.
const OTHERS: [(Method, &str); 7] = [
    (Method::GET, "stat?from=2026-03-01&to=2026-03-01"),
    (Method::GET, "stat/mt?from=2026-03-01&to=2026-03-01"),
    (Method::GET, "hist/mt?message_id=A"),
    (Method::GET, "callback/calls"),
    (Method::POST, "files/mt"),
    (Method::POST, "consents/csv"),
    (Method::PUT, "own-password"),
];
const NOBODY: &str = "IMSDEMO0SERVICEKEY0000000000000000000088";

#[test]
fn every_path_that_asks_for_a_key_is_among_these() {
    let others = OTHERS.map(|(method, path)| (method, format!("/ims/{SHOP}/{path}")));
    let known = paths(SHOP).into_iter().map(|(method, path, _)| (method, path)).chain(others);
    let mut known: Vec<_> = known.filter_map(|(method, path)| operation_id(&method, &path)).collect();
    known.extend(["sendMessage", "report", "cancel"]);
    known.sort_unstable();
    known.dedup();
    let mut described: Vec<_> = keyed_operations().into_iter().map(|(_, id)| id).collect();
    described.sort_unstable();
    assert_eq!(known, described);
}

#[tokio::test]
async fn another_customers_paths_answer_as_those_of_nobody() {
    let center = Center::new();
    for ((method, theirs, body), (_, nobodys, _)) in paths(BANK).into_iter().zip(paths(NOBODY)) {
        let theirs = center.call(CUSTOMER, method.clone(), &theirs, body.clone()).await;
        assert_eq!(theirs, center.call(CUSTOMER, method, &nobodys, body).await);
        // What only operators may, their keys alone do.
        assert!(theirs.0 == StatusCode::FORBIDDEN || (theirs.0 == StatusCode::OK && code(&theirs.1) == "1100"));
    }
    let operated = paths(SHOP).split_off(CUSTOMERS);
    for (method, path, body) in operated {
        assert_eq!(center.call(CUSTOMER, method, &path, body).await.0, StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test]
async fn a_key_without_the_scope_does_nothing_of_it() {
    let mut center = Center::new();
    center.0.reload(|seed| seed.secret_keys.iter_mut().for_each(|key| key.scopes = vec![Scope::Send]));
    let others = OTHERS.map(|(method, path)| (method, format!("/ims/{SHOP}/{path}"), Value::Null));
    for (method, path, body) in paths(SHOP).into_iter().chain(others) {
        let (status, answer) = center.call(CUSTOMER, method, &path, body).await;
        assert_eq!((status, code(&answer)), (StatusCode::FORBIDDEN, "403"), "{path}");
    }
}

#[tokio::test]
async fn reference_data_of_a_file_are_not_changed() {
    let fixture = Fixture::new();
    let center = Center(fixture);
    for (method, path, body) in paths(SHOP).into_iter().take(CUSTOMERS) {
        let (status, answer) = center.call(CUSTOMER, method, &path, body).await;
        assert!(answer["message"].as_str().unwrap().contains("come from a file"), "{path}: {status} {answer}");
        assert_eq!(status, StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test]
async fn no_body_panics_and_none_is_told_back() {
    let center = Center::new();
    let bodies = ["", "{", "[]", "null", "{\"secret-value\": {}}", "\u{feff}{}", "{\"name\": \"\\ud800\"}"];
    for (method, path, body) in paths(SHOP).into_iter().filter(|(_, _, body)| !body.is_null()) {
        let deep = "[".repeat(10_000);
        let mut field = body.clone();
        field.as_object_mut().unwrap().values_mut().for_each(|value| *value = json!({"a": "hunter2"}));
        let changed = [deep, field.to_string()];
        for body in bodies.iter().map(|body| (*body).to_owned()).chain(changed) {
            let request = Request::builder().method(method.clone()).uri(&path);
            let request = request.header("x-ims-key", key(OPERATOR.0, OPERATOR.1));
            let request = request.header("content-type", "application/json").body(body.clone().into()).unwrap();
            let (status, _, answer) = center.0.call(request).await;
            assert_eq!(status, StatusCode::OK, "{path} {body}");
            assert!(["1400", "2020"].contains(&code(&answer)), "{path} {body}: {answer}");
            assert!(!answer.to_string().contains("hunter2"), "{path} {body}: {answer}");
        }
    }
}
