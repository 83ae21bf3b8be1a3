//! One-click unsubscribe, by the addresses that mails carry.

use super::center::Center;
use crate::http::unsubscribe::Unsubscribe;
use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use connectors::{
    reference::Bounds,
    unsubscribe::{Links, Refusing},
    vendors::{SmtpSettings, VendorSettings},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tempfile::NamedTempFile;

const ADDRESS: &str = "haneul.kim@mail.example";

/// A door that knows the key of a mail server, and what that server's mails are made with.
fn door() -> (Center, Links) {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "0123456789abcdef0123456789abcdef").unwrap();
    let smtp = SmtpSettings { unsubscribe_key_file: file.path().to_owned(), ..SmtpSettings::default() };
    let relay = VendorSettings { smtp: Some(smtp), ..VendorSettings::default() };
    let known = Unsubscribe::open(&BTreeMap::from([("relay".to_owned(), relay)])).unwrap();
    // A customer that has all the opt-outs that it may add by itself.
    let bounds = Bounds { opt_outs: 0, ..crate::config::load(None, []).unwrap().center };
    let center = Center::bound(bounds, |door| door.unsubscribe = known);
    (center, Links::read(file.path()).unwrap())
}

fn token(links: &Links) -> String {
    let who = Refusing {
        username: "hanbit-shop".into(),
        recipient: ADDRESS.into(),
        serial_number: "01KJMXCWW00000000000000001-0A".into(),
    };
    links.token(&who).unwrap()
}

async fn ask(center: &Center, method: Method, token: &str) -> (StatusCode, String, Option<String>) {
    let request = Request::builder().method(method).uri(format!("/unsubscribe/{token}"));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let body = Body::from("List-Unsubscribe=One-Click");
    let (head, body) = center.0.raw("192.0.2.1:1", request.body(body).unwrap()).await;
    let said = head.headers.get("content-security-policy").map(|policy| policy.to_str().unwrap().to_owned());
    (head.status, String::from_utf8(body).unwrap(), said)
}

async fn opt_outs(center: &Center) -> Vec<Value> {
    let page = center.own(Method::GET, "opt-outs?limit=500", Value::Null).await;
    let all = page["data"]["items"].as_array().unwrap().clone();
    all.into_iter().filter(|one| one["recipient"] == ADDRESS).collect()
}

#[tokio::test]
async fn one_click_enters_the_opt_out_once_however_often_it_comes_and_says_nothing_of_whom() {
    let (center, links) = door();
    let token = token(&links);
    for _ in 0..2 {
        let (status, page, policy) = ask(&center, Method::POST, &token).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        assert!(page.contains("수신거부가 처리되었습니다") && policy.unwrap().contains("default-src 'none'"));
        assert!(!page.contains("haneul") && !page.contains("hanbit") && !page.contains(&token), "{page}");
    }
    let all = opt_outs(&center).await;
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(all[0]["source"], json!("click"));
    let lines = center.audit();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line = format!("{lines:?}");
    assert!(line.contains("unsubscribe/01KJMXCWW00000000000000001-0A") && line.contains("{\\\"added\\\":1}"), "{line}");
    assert!(!line.contains("haneul"), "{line}");
}

#[tokio::test]
async fn who_only_opens_the_address_is_asked_and_refuses_nothing() {
    let (center, links) = door();
    for method in [Method::GET, Method::HEAD] {
        let (status, page, policy) = ask(&center, method.clone(), &token(&links)).await;
        assert_eq!(status, StatusCode::OK);
        assert!(method == Method::HEAD || page.contains("<form method=\"post\"><button name=\"List-Unsubscribe\""));
        assert!(policy.unwrap().contains("form-action 'self'"));
    }
    assert_eq!(opt_outs(&center).await, Vec::<Value>::new());
    assert!(center.audit().is_empty());
}

#[tokio::test]
async fn an_address_that_is_made_up_or_spoilt_leads_nowhere() {
    let (center, links) = door();
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "another key of 32 characters...!".replace(' ', "-")).unwrap();
    let forged = token(&Links::read(file.path()).unwrap());
    let mut spoilt = token(&links);
    spoilt.replace_range(0..1, if spoilt.starts_with('A') { "B" } else { "A" });
    let of_before = "01KJMXCWW00000000000000001-0A.b7ede3a973b0f8ca8a996fd7bc1aa6b9";
    for token in [&*forged, &*spoilt, of_before, "x", "%ff", "%00"] {
        for method in [Method::GET, Method::POST] {
            let (status, told, _) = ask(&center, method, token).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{token}");
            assert!(told.contains("\"404\"") && !told.contains("haneul"), "{told}");
        }
    }
    assert_eq!(opt_outs(&center).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_door_that_has_no_place_left_says_so_and_enters_nothing() {
    let (center, links) = door();
    let places = &center.0.door.places;
    let held: Vec<_> =
        ["a", "b"].iter().flat_map(|whose| std::iter::from_fn(|| places.take((*whose).into()))).collect();
    assert_eq!(held.len(), 100);
    assert_eq!(ask(&center, Method::POST, &token(&links)).await.0, StatusCode::TOO_MANY_REQUESTS);
    drop(held);
    assert_eq!(ask(&center, Method::POST, &token(&links)).await.0, StatusCode::OK);
    let whole = "x".repeat(5_000);
    let request = Request::post(format!("/unsubscribe/{}", token(&links))).body(Body::from(whole)).unwrap();
    assert_eq!(center.0.raw("192.0.2.1:1", request).await.0.status, StatusCode::PAYLOAD_TOO_LARGE);
}
