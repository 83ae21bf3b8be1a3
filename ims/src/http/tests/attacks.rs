//! What is tried against a door, and comes to nothing.

use super::{Fixture, SHOP, post, signed, sms, sms_id};
use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use schemas::{Lane, SendRequest, Topic};
use serde_json::Value;

impl Fixture {
    /// The code of the answer to a body, which was refused and written nowhere.
    async fn refused(&self, body: String) -> String {
        let (status, _, answer) = self.call(signed(post(SHOP)).body(body.into()).unwrap()).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let lanes = Lane::ALL.iter().map(|&lane| self.written::<SendRequest>(Topic::api(lane)).len());
        assert_eq!(lanes.sum::<usize>(), 0, "{answer}");
        answer["code"].as_str().unwrap().to_owned()
    }
}

/// The example with another value, as it stands in JSON.
fn with(field: &str, json: &str) -> String {
    let mut body: Value = serde_json::from_str(&sms()).unwrap();
    body[field] = "PLACE".into();
    body.to_string().replace("\"PLACE\"", json)
}

#[tokio::test]
async fn half_a_surrogate_pair_is_no_text() {
    let fixture = Fixture::new();
    for half in [r#""\ud83d""#, r#""\ude00""#, r#""a\udfff""#, r#""\ud83d\u0041""#] {
        assert_eq!(fixture.refused(with("message", half)).await, "1400", "{half}");
        assert_eq!(fixture.refused(with("message_id", half)).await, "1400", "{half}");
    }
}

#[tokio::test]
async fn bytes_that_are_no_utf8_are_no_json() {
    let fixture = Fixture::new();
    let mut body = sms().into_bytes();
    let at = body.windows(9).position(|word| word == b"\"message\"").unwrap() + 12;
    body[at] = 0xff;
    let (_, _, answer) = fixture.call(signed(post(SHOP)).body(Body::from(body)).unwrap()).await;
    assert_eq!(answer["code"], "1400");
}

#[tokio::test]
async fn a_field_or_a_variable_given_twice_is_refused() {
    let fixture = Fixture::new();
    let twice = sms().replacen('{', "{\"phone_number\": \"01099999999\", ", 1);
    assert_eq!(fixture.refused(twice).await, "1400");
    assert_eq!(fixture.refused(with("mapping", r#"{"a":"1","a":"2"}"#)).await, "1400");
}

#[tokio::test]
async fn a_name_that_belongs_into_a_statement_or_a_path_is_a_name_alone() {
    let fixture = Fixture::new();
    for name in ["x'%20OR%20'1'='1", "1;DROP%20TABLE%20reports", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "%00", "%ff"] {
        let request = signed(Request::builder().method(Method::GET).uri(format!("/ims/{SHOP}/report/{name}")));
        let (status, _, answer) = fixture.call(request.body(Body::empty()).unwrap()).await;
        let told = (status.as_u16(), answer["code"].as_str().unwrap());
        // What is no text leads nowhere.
        assert!([(200, "2100"), (404, "404")].contains(&told), "{name}: {told:?}");
    }
}

#[tokio::test]
async fn an_id_with_line_breaks_ends_no_header() {
    let fixture = Fixture::new();
    let id = "A\\r\\nset-cookie: a=b";
    let body = sms().replace(&sms_id(), id);
    let (_, headers, answer) = fixture.call(signed(post(SHOP)).body(body.into()).unwrap()).await;
    assert!(!headers.contains_key("set-cookie"), "{headers:?}");
    assert!(answer["code"].is_string());
    for header in ["x-ims-lane", "x-ims-version", "idempotency-key"] {
        let request = signed(post(SHOP)).header(header, &b"A\tset-cookie: a=b\xff"[..]);
        let (status, headers, answer) = fixture.call(request.body(sms().into()).unwrap()).await;
        assert_eq!((status, &answer["code"]), (StatusCode::OK, &"1400".into()), "{header}");
        assert!(!headers.contains_key("set-cookie") && !answer.to_string().contains("a=b"), "{header}: {answer}");
    }
}

#[tokio::test]
async fn a_secret_is_told_by_no_answer() {
    let fixture = Fixture::new();
    let body = sms().replacen('{', "{\"secret_key\": \"demo-only-secret-of-hanbit-shop\", ", 1);
    let (_, _, answer) = fixture.call(signed(post(SHOP)).body(body.into()).unwrap()).await;
    assert!(answer["code"] == "1400" && !answer.to_string().contains("demo-only-secret"), "{answer}");
}
