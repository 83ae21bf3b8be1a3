//! Who changed what.

use super::{Center, OPERATOR, OTHER, code};
use crate::http::tests::{BANK, SHOP, key};
use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use schemas::examples::seed::NOW_MS;
use serde_json::{Value, json};

async fn all(center: &Center, who: (&str, &str), path: &str) -> Vec<Value> {
    let (mut lines, mut next) = (Vec::new(), format!("{path}?limit=2"));
    loop {
        let (_, page) = center.call(who, Method::GET, &next, Value::Null).await;
        lines.extend(page["data"]["items"].as_array().unwrap().clone());
        match page["data"]["next"].as_str() {
            Some(cursor) => next = format!("{path}?limit=2&cursor={cursor}"),
            None => return lines,
        }
    }
}

#[tokio::test]
async fn a_customer_sees_the_changes_of_its_own_rows_and_operators_see_all() {
    let center = Center::new();
    let number = |last: &str| json!({"channel": "mt", "number": format!("02345678{last}")});
    for (at, last) in ["1", "2", "3"].into_iter().enumerate() {
        center.0.at(NOW_MS + at as i64);
        assert_eq!(code(&center.own(Method::POST, "sender-numbers", number(last)).await), "0000");
    }
    center.0.at(NOW_MS + 3);
    center.operate("sender-numbers/mt/023456781/state", json!({"state": "approved"})).await;
    let bank = format!("/ims/{BANK}/sender-numbers");
    center.call(OTHER, Method::POST, &bank, number("9")).await;
    let own = all(&center, super::CUSTOMER, &format!("/ims/{SHOP}/audit")).await;
    let told = |line: &Value| format!("{} {} {}", line["actor"], line["kind"], line["subject"]).replace('"', "");
    let subject = |last: &str| format!("sender_numbers MT/hanbit-shop/02345678{last}");
    assert_eq!(told(&own[0]), format!("operator {}", subject("1")), "the newest first; who operates is not told");
    assert_eq!((&own[0]["before"]["state"], &own[0]["after"]["state"]), (&json!("requested"), &json!("approved")));
    let names = ["3", "2", "1"].map(|last| format!("hanbit-shop/demo {}", subject(last)));
    assert_eq!(own[1..].iter().map(told).collect::<Vec<_>>(), names);
    assert!(own.iter().all(|line| !line.to_string().contains("dure-bank")), "{own:?}");
    let whole = all(&center, OPERATOR, &format!("/ims/{SHOP}/audit/all")).await;
    let actors: Vec<_> = whole[..5].iter().map(|line| line["actor"].as_str().unwrap()).collect();
    assert!(actors.contains(&"ops/ops") && actors.contains(&"hanbit-shop/demo"), "{actors:?}");
    assert!(whole.iter().any(|line| line["subject"] == "MT/dure-bank/023456789"), "{whole:?}");
    let (status, _) = center.call(super::CUSTOMER, Method::GET, &format!("/ims/{SHOP}/audit/all"), Value::Null).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_audit_is_asked_for_a_time() {
    let center = Center::new();
    center.own(Method::POST, "sender-numbers", json!({"channel": "mt", "number": "023456781"})).await;
    let count = async |query: &str| {
        let told = center.own(Method::GET, &format!("audit?{query}"), Value::Null).await;
        told["data"]["items"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(count("from=2026-03-11&to=2026-03-11").await, 1);
    assert_eq!(count("from=2026-03-12&to=2026-03-12").await, 0);
    assert_eq!(code(&center.own(Method::GET, "audit?from=x", Value::Null).await), "1400");
}

#[tokio::test]
async fn the_audit_comes_as_csv_as_it_is_told_in_pages() {
    let center = Center::new();
    for (at, last) in ["1", "2"].into_iter().enumerate() {
        center.0.at(NOW_MS + at as i64);
        center.own(Method::POST, "sender-numbers", json!({"channel": "mt", "number": format!("02345678{last}")})).await;
    }
    center.operate("sender-numbers/mt/023456781/state", json!({"state": "approved"})).await;
    let lines = async |who: (&str, &str), path: &str, name: &str| {
        let request = Request::get(format!("/ims/{SHOP}/{path}")).header("x-ims-key", key(who.0, who.1));
        let (head, body) = center.0.raw("127.0.0.1:1", request.body(Body::empty()).unwrap()).await;
        assert_eq!(head.headers["content-disposition"], format!("attachment; filename=\"{name}.csv\""), "{path}");
        let mut reader = csv::Reader::from_reader(&body[3..]);
        assert_eq!(
            reader.headers().unwrap().iter().collect::<Vec<_>>().join(" "),
            "at actor kind subject before after"
        );
        reader.records().map(Result::unwrap).collect::<Vec<_>>()
    };
    let own = lines(super::CUSTOMER, "audit?format=csv&limit=1", "audit").await;
    let paged = all(&center, super::CUSTOMER, &format!("/ims/{SHOP}/audit")).await;
    assert_eq!((own.len(), paged.len()), (3, 3));
    for (line, paged) in own.iter().zip(&paged) {
        let told = ["at", "actor", "kind", "subject"].map(|name| paged[name].as_str().unwrap());
        assert_eq!(line.iter().take(4).collect::<Vec<_>>(), told);
        let state = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
        assert_eq!((state(&line[4]), state(&line[5])), (paged["before"].clone(), paged["after"].clone()));
    }
    assert!(own.iter().all(|line| !line.iter().any(|cell| cell.contains("ops"))), "who operates is not told");
    let whole = lines(OPERATOR, "audit/all?format=csv", "audit-all").await;
    assert!(whole.iter().any(|line| &line[1] == "ops/ops"), "{whole:?}");
    let none = lines(super::CUSTOMER, "audit?format=csv&from=2026-01-01&to=2026-01-02", "audit").await;
    assert!(none.is_empty());
    let (status, _) =
        center.call(super::CUSTOMER, Method::GET, &format!("/ims/{SHOP}/audit/all?format=csv"), Value::Null).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}
