//! What is tried against a door, and comes to nothing.

use super::{BANK, Fixture, SHOP, center::Center, key, post, signed, sms, sms_id};
use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use schemas::{Lane, Report, SendRequest, Topic, examples};
use serde_json::{Value, json};

impl Fixture {
    /// The code of the answer to a body, which was refused and written nowhere.
    async fn refused(&self, body: String) -> String {
        self.refused_by("mt", body).await
    }

    async fn refused_by(&self, channel: &str, body: String) -> String {
        let request = Request::post(format!("/ims/{SHOP}/{channel}/sendMessage"));
        let request = signed(request).header("content-type", "application/json");
        let (status, _, answer) = self.call(request.body(body.into()).unwrap()).await;
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

/// What would find anything, were it part of a statement.
const WORDS: [&str; 4] = ["x'%20OR%20'1'='1", "'%20OR%201=1%20--", "1;DROP%20TABLE%20reports", "%25"];

#[tokio::test]
async fn a_name_that_belongs_into_a_statement_or_a_path_is_a_name_alone() {
    let fixture = Fixture::new();
    for service_key in [SHOP, BANK] {
        fixture.store(&Report { service_key: service_key.into(), message_id: "KNOWN".into(), ..examples::report() });
    }
    for name in WORDS.into_iter().chain(["%2e%2e%2f%2e%2e%2fetc%2fpasswd", "%00", "%ff"]) {
        let request = signed(Request::builder().method(Method::GET).uri(format!("/ims/{SHOP}/report/{name}")));
        let (status, _, answer) = fixture.call(request.body(Body::empty()).unwrap()).await;
        let told = (status.as_u16(), answer["code"].as_str().unwrap());
        // What is no text leads nowhere.
        assert!([(200, "2100"), (404, "404")].contains(&told), "{name}: {told:?}");
    }
    assert_eq!(fixture.get(&format!("/ims/{SHOP}/report/KNOWN")).await.1["code"], "0000");
}

#[tokio::test]
async fn a_row_is_found_by_its_name_and_by_no_part_of_a_statement() {
    let center = Center::new();
    for (path, row) in [
        ("templates/mt", json!({"template_code": "T", "message": "안녕하세요"})),
        ("sender-numbers", json!({"channel": "email", "number": "shop@example.kr"})),
        ("users", json!({"login": "dami"})),
    ] {
        assert_eq!(center.own(Method::POST, path, row).await["code"], "0000", "{path}");
    }
    let state = json!({"active": false});
    for word in WORDS {
        for (method, path, body) in [
            (Method::GET, "templates/mt", Value::Null),
            (Method::DELETE, "templates/mt", Value::Null),
            (Method::GET, "sender-numbers/email", Value::Null),
            (Method::DELETE, "sender-numbers/email", Value::Null),
            (Method::PUT, "users", state.clone()),
            (Method::DELETE, "secret-keys", Value::Null),
            (Method::GET, "files/email", Value::Null),
        ] {
            let answer = center.own(method.clone(), &format!("{path}/{word}"), body).await;
            assert_eq!(answer["code"], "2110", "{method} {path}/{word}: {answer}");
        }
    }
    for (path, count) in [("templates/mt", 1), ("sender-numbers", 3), ("users", 1)] {
        let listed = center.own(Method::GET, path, Value::Null).await;
        assert!(listed["data"]["items"].as_array().unwrap().len() >= count, "{path}: {listed}");
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

#[tokio::test]
async fn no_text_has_nul_and_json_none_in_the_clear() {
    let fixture = Fixture::new();
    assert_eq!(fixture.refused(with("message_id", r#""A\u0000B""#)).await, "1400");
    assert_eq!(fixture.refused(with("phone_number", r#""0105678\u00009012""#)).await, "1400");
    assert_eq!(fixture.refused(with("message", r#""A\u0000B""#)).await, "1400");
    let mut body = sms().into_bytes();
    let at = body.windows(9).position(|word| word == b"\"message\"").unwrap() + 12;
    body[at] = 0;
    assert_eq!(fixture.refused(String::from_utf8(body).unwrap()).await, "1400");
}

#[tokio::test]
async fn what_only_looks_like_the_label_of_an_ad_is_refused() {
    let fixture = Fixture::new();
    let beyond_cp949 = ["(광\u{200b}고)", "(\u{1100}\u{116a}\u{11bc}\u{1100}\u{1169})"];
    for label in ["（광고）", "(광 고)", "[광고]", "(廣告)"].into_iter().chain(beyond_cp949) {
        // What no text message can hold is refused for that before.
        let code = if beyond_cp949.contains(&label) { "1400" } else { "2070" };
        assert_eq!(fixture.refused(with("message", &format!("\"{label} 봄 할인\""))).await, code, "{label}");
        let mut push: Value = serde_json::to_value(examples::request("push")).unwrap();
        push["title"] = format!("{label} 봄 할인").into();
        assert_eq!(fixture.refused_by("push", push.to_string()).await, "2070", "{label}");
    }
}

#[tokio::test]
async fn numbers_are_no_text_but_in_mappings() {
    let fixture = Fixture::new();
    for (field, number) in [("message", "1"), ("message_id", "7"), ("phone_number", "1056789012"), ("callback", "2.5")]
    {
        assert_eq!(fixture.refused(with(field, number)).await, "1400", "{field}");
    }
    let (_, _, answer) = fixture.call(signed(post(SHOP)).body(with("mapping", r#"{"name":7}"#).into()).unwrap()).await;
    assert_eq!(answer["code"], "0000");
}

#[tokio::test]
async fn a_megabyte_of_brackets_is_looked_at_once() {
    let fixture = Fixture::new();
    let began = std::time::Instant::now();
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = 999_000 / (open.len() + close.len());
        for body in [
            open.repeat(deep) + &close.repeat(deep),
            open.repeat(deep),
            with("mapping", &(open.repeat(400_000 / open.len()) + "1")),
        ] {
            assert_eq!(fixture.refused(body).await, "1400");
        }
    }
    // Six megabytes; what is quadratic would take hours.
    assert!(began.elapsed() < super::PATIENCE, "{:?}", began.elapsed());
}

#[tokio::test]
async fn what_another_customer_registered_is_not_registered_for_this_one() {
    let fixture = Fixture::new();
    // The bank's sender number; its key and service key with the shop's template, and the shop's profile.
    assert_eq!(fixture.refused(with("callback", "\"15990000\"")).await, "2040");
    let mut alimtalk = serde_json::to_value(examples::request("at")).unwrap();
    alimtalk["service_key"] = BANK.into();
    let request = Request::post(format!("/ims/{BANK}/at/sendMessage")).header("content-type", "application/json");
    let request = request.header("x-ims-key", key("dure-bank", "demo-only-secret-of-dure-bank"));
    let (_, _, answer) = fixture.call(request.body(alimtalk.to_string().into()).unwrap()).await;
    assert_eq!(answer["code"], "2040", "{answer}");
}

#[tokio::test]
async fn an_address_of_an_image_is_passed_on_and_asked_by_nobody_here() {
    let fixture = Fixture::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = format!("http://{}/a.png", listener.local_addr().unwrap());
    let mut push = serde_json::to_value(examples::request("push")).unwrap();
    push["attachment"] = json!({"image": {"img_url": address}});
    let request = signed(Request::post(format!("/ims/{SHOP}/push/sendMessage")));
    let request = request.header("content-type", "application/json").body(push.to_string().into()).unwrap();
    let (_, _, answer) = fixture.call(request).await;
    assert_eq!(answer["code"], "0000", "{answer}");
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}
