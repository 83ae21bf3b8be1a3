//! What the door answers is what its description says.

use super::{Fixture, Peer};
use crate::http::{document, openapi::request};
use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, Method, Request, response::Parts},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jsonschema::Validator;
use processors::refusal::Code;
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::LazyLock};
use tower_service::Service;

static DOCUMENT: LazyLock<Value> = LazyLock::new(document);

/// Of a schema that stands in the document.
fn validator(schema: &Value) -> Validator {
    let mut schema = schema.clone();
    schema["components"] = DOCUMENT["components"].clone();
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

/// The operation of a path as a request has it.
fn operation(method: &Method, path: &str) -> Option<&'static Value> {
    let same = |template: &str| {
        let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
        template.len() == path.len() && template.iter().zip(&path).all(|(a, b)| a == b || a.starts_with('{'))
    };
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let (_, item) = paths.iter().find(|(template, _)| same(template))?;
    item.get(method.as_str().to_lowercase())
}

/// What the description calls the operation of a path.
pub fn operation_id(method: &Method, path: &str) -> Option<&'static str> {
    operation(method, path.split('?').next()?)?["operationId"].as_str()
}

/// All operations that ask for a key, each with its method in small letters.
pub fn keyed_operations() -> Vec<(&'static str, &'static str)> {
    let items = DOCUMENT["paths"].as_object().unwrap().values();
    let operations = items.flat_map(|item| item.as_object().unwrap());
    let keyed = operations.filter(|(_, operation)| operation["security"].is_array());
    keyed.map(|(method, operation)| (method.as_str(), operation["operationId"].as_str().unwrap())).collect()
}

/// Holds an answer against the description.
pub fn fits(method: &Method, path: &str, head: &Parts, body: &Value) {
    let status = head.status.as_str();
    let Some(operation) = operation(method, path) else {
        assert!(["404", "405"].contains(&status), "{method} {path} is served and not described");
        assert_eq!(head.headers.contains_key("allow"), status == "405");
        let validator = validator(&json!({"$ref": "#/components/schemas/Problem"}));
        return assert!(validator.is_valid(body), "{body}");
    };
    let response = &operation["responses"][status];
    assert!(response.is_object(), "{method} {path}: {status} is not described");
    for (name, header) in response["headers"].as_object().unwrap() {
        let pointer = header["$ref"].as_str().unwrap().trim_start_matches('#');
        let header = DOCUMENT.pointer(pointer).unwrap();
        assert!(header["required"] != true || head.headers.contains_key(name), "{method} {path}: no {name}");
    }
    for name in head.headers.keys().filter(|name| !["content-type", "content-length"].contains(&name.as_str())) {
        assert!(response["headers"][name.as_str()].is_object(), "{method} {path}: {status}: {name} is not described");
    }
    let content = &response["content"]["application/json"];
    if let Err(error) = validator(&content["schema"]).validate(body) {
        panic!("{method} {path}: {status}: {body}: {error}");
    }
}

/// Every value of a key, wherever it stands.
fn all<'v>(key: &str, value: &'v Value, found: &mut Vec<&'v Value>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(name, inner)| {
            if name == key {
                found.push(inner);
            }
            all(key, inner, found);
        }),
        Value::Array(items) => items.iter().for_each(|item| all(key, item, found)),
        _ => {}
    }
}

#[test]
fn the_description_is_whole() {
    let mut references = Vec::new();
    all("$ref", &DOCUMENT, &mut references);
    for reference in references {
        let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
        assert!(DOCUMENT.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    let mut names = Vec::new();
    all("operationId", &DOCUMENT, &mut names);
    let distinct: BTreeSet<_> = names.iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!((names.len(), distinct.len()), (82, 82), "{distinct:?}");
    let mut enums = Vec::new();
    all("enum", &DOCUMENT, &mut enums);
    for values in enums.iter().map(|values| values.as_array().unwrap()) {
        let distinct: BTreeSet<_> = values.iter().map(Value::to_string).collect();
        assert_eq!(distinct.len(), values.len(), "{values:?}");
    }
    for name in ["service_key", "channel", "source"] {
        assert!(DOCUMENT["components"]["schemas"]["SendRequest"]["properties"][name].is_null(), "{name} is the path's");
    }
    let mut codes = Vec::new();
    all("const", &DOCUMENT["components"]["schemas"]["Code"], &mut codes);
    let codes: Vec<_> = codes.iter().map(|code| code.as_str().unwrap()).collect();
    assert_eq!(codes, Code::ALL.iter().map(|code| code.as_str()).collect::<Vec<_>>());
}

#[test]
fn every_example_fits_what_it_is_an_example_of() {
    let mut count = 0;
    let mut hold = |content: &Value| {
        let validator = validator(&content["schema"]);
        for (name, example) in content["examples"].as_object().into_iter().flatten() {
            if let Err(error) = validator.validate(&example["value"]) {
                panic!("{name}: {error}");
            }
            count += 1;
        }
    };
    hold(&request());
    let scheduled = request()["examples"]["lms_scheduled"]["summary"].to_string();
    assert!(scheduled.contains("60 days"), "its times are past: {scheduled}");
    for item in DOCUMENT["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            for response in operation["responses"].as_object().unwrap().values() {
                response["content"].as_object().unwrap().values().for_each(&mut hold);
            }
        }
    }
    assert!(count > 50, "{count}");
}

#[test]
fn what_does_not_fit_is_seen() {
    let head = |status: u16| {
        let response = axum::http::Response::builder().status(status).header("x-request-id", "a").body(()).unwrap();
        response.into_parts().0
    };
    let path = "/ims/A/mt/sendMessage";
    for (status, body) in [
        (200, json!({"code": "0000"})),
        (200, json!({"code": "0000", "data": "A", "message": "both"})),
        (200, json!({"code": "1234", "message": "no such code"})),
        (401, json!({"code": "403", "message": "another's code"})),
        (402, json!({"code": "402", "message": "no such status"})),
    ] {
        let seen = std::panic::catch_unwind(|| fits(&Method::POST, path, &head(status), &body));
        assert!(seen.is_err(), "{status} {body}");
    }
    fits(&Method::POST, path, &head(200), &json!({"code": "0000", "data": "A"}));
}

async fn page(path: &str) -> (HeaderMap, String) {
    let mut request = Request::get(path).body(Body::empty()).unwrap();
    request.extensions_mut().insert(Peer("127.0.0.1:1".parse().unwrap()));
    let (head, body) = Fixture::new().routes().call(request).await.unwrap().into_parts();
    assert_eq!(head.status, 200);
    (head.headers, String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap())
}

#[tokio::test]
async fn the_description_is_served_to_everybody() {
    let (headers, body) = page("/openapi.json").await;
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), *DOCUMENT);
}

#[tokio::test]
async fn its_page_is_read_without_script_and_without_any_other_address() {
    let (headers, body) = page("/docs").await;
    assert_eq!(headers["content-type"], "text/html; charset=utf-8");
    let (_, style) = body.split_once("<style>").unwrap();
    let style = STANDARD.encode(digest(&SHA256, style.split_once("</style>").unwrap().0.as_bytes()));
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with(&format!("default-src 'none'; style-src 'sha256-{style}';")), "{policy}");
    for foreign in ["<script", "src=", "href=\"http", "url(", "@import", " style=", " onclick"] {
        assert!(!body.contains(foreign), "{foreign}");
    }
    let links: Vec<&str> = body.split("href=\"#").skip(1).map(|rest| rest.split_once('"').unwrap().0).collect();
    assert!(links.len() > 20, "{links:?}");
    for link in links {
        assert!(body.contains(&format!(" id=\"{link}\"")), "{link} leads nowhere");
    }
    // Markup of what is described stands there as text.
    assert!(body.contains("API-&lt;LANE&gt;") || !DOCUMENT.to_string().contains("API-<LANE>"));
    for code in Code::ALL {
        assert!(body.contains(code.meaning().replace('"', "&quot;").as_str()), "{code}");
    }
}
