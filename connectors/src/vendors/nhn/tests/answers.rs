//! What each kind of answer means.

use super::super::answer::reply;
use super::{SMS, code};
use crate::vendors::contract::vendor;
use processors::{ports::Reply, reference::CodeTable};
use serde_json::{Value, json};

fn said(status: u16, body: &Value) -> Reply {
    reply(CodeTable::NhnSms, status, None, body.to_string().as_bytes(), 0)
}

fn header(code: i64) -> Value {
    json!({"isSuccessful": code == 0, "resultCode": code, "resultMessage": "words"})
}

fn one(of_request: i64, of_recipient: Value) -> Value {
    let results = json!([{"recipientNo": "01000000000", "resultCode": of_recipient, "resultMessage": "words"}]);
    json!({"header": header(of_request), "body": {"data": {"requestId": "r", "statusCode": "2", "sendResultList": results}}})
}

#[test]
fn the_header_speaks_for_the_request_and_the_list_for_the_recipient() {
    assert_eq!(code(&said(200, &one(0, json!(0)))), "0");
    assert_eq!(code(&said(200, &one(0, json!(null)))), "0", "published as not always there");
    assert_eq!(code(&said(200, &one(0, json!(-2019)))), "-2019");
    assert_eq!(code(&said(200, &json!({"header": header(-2312)}))), "-2312");
    assert_eq!(code(&said(400, &json!({"header": header(-2312), "body": null}))), "-2312");
    assert_eq!(code(&said(200, &one(-1031, json!(-2019)))), "-2019", "why none could be sent to");
}

#[test]
fn an_unknown_code_passes_with_the_vendors_own_words() {
    let told = Reply::Code { code: "-7777".into(), text: "words".into() };
    assert_eq!(said(200, &json!({"header": header(-7777)})), told);
    assert_eq!(said(200, &one(0, json!(-7777))), told);
}

#[test]
fn what_leaves_it_open_is_no_answer() {
    let two = json!([{"resultCode": 0}, {"resultCode": 0}]);
    let list = |list: Value| json!({"header": header(0), "body": {"data": {"requestId": "r", "sendResultList": list}}});
    let mut failed = one(0, json!(0));
    failed["body"]["data"]["statusCode"] = json!("3");
    let contradiction = json!({"header": {"isSuccessful": false, "resultCode": 0}, "body": one(0, json!(0))["body"]});
    for (status, body) in [
        (200, json!({"header": header(-9999)})),
        (500, json!({"header": header(-2312)})),
        (503, one(0, json!(0))),
        (200, json!({"header": header(0)})),
        (200, list(two)),
        (200, list(json!([]))),
        (200, failed),
        (200, contradiction),
        (404, one(0, json!(0))),
    ] {
        assert!(matches!(said(status, &body), Reply::NoAnswer(_)), "{status} {body}");
    }
}

#[test]
fn something_in_between_that_refuses_says_what_the_vendor_would() {
    for (status, expected) in [(401, "-1000"), (403, "-1000"), (301, "-9998"), (404, "-9998"), (413, "-9997")] {
        assert_eq!(code(&said(status, &json!("a proxy's page"))), expected, "{status}");
    }
}

#[test]
fn a_row_of_another_product_and_settings_that_cannot_work_are_refused() {
    let row = vendor(&SMS, "https://sms.api.nhncloudservice.com", 1_000);
    let refused = |settings: super::VendorSettings| {
        let bench = super::Bench::at(row.clone(), settings, "");
        bench.vendors.all_have_keys().err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert_eq!(refused(super::settings()), "");
    let with = |app_key: &str, look_back_h| super::VendorSettings {
        nhn: Some(super::NhnSettings { app_key: app_key.into(), look_back_h, ..Default::default() }),
        ..super::settings()
    };
    for (settings, remedy) in [
        (super::VendorSettings { nhn: None, ..super::settings() }, "write [vendors.dealer.nhn] with app_key"),
        (with("", 24), "write the one of this product"),
        (with("a/b", 24), "write the one of this product"),
        (with("a", 0), "1 to 192 are allowed"),
        (with("a", 193), "1 to 192 are allowed"),
        (
            super::VendorSettings { ca_file: "/nowhere/ca.pem".into(), ..super::settings() },
            "vendors.dealer.ca_file \"/nowhere/ca.pem\": No such file or directory (os error 2): name the server's authority",
        ),
    ] {
        let told = refused(settings);
        assert!(told.contains(remedy), "{told}");
    }
}

#[test]
fn an_authority_is_for_a_dealer_over_tls() {
    let authority = rcgen::generate_simple_self_signed(["dealer.example".to_owned()]).unwrap().cert.pem();
    let (_kept, ca_file) = crate::vendors::testing::file(&authority);
    for (url, remedy) in [("https://127.0.0.1:1", ""), ("http://127.0.0.1:1", "write https://, or no")] {
        let settings = super::VendorSettings { ca_file: ca_file.clone(), ..super::settings() };
        let told = super::Bench::at(vendor(&SMS, url, 1_000), settings, "").vendors.all_have_keys();
        let told = told.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(told.contains(remedy) && told.is_empty() == remedy.is_empty(), "{url}: {told}");
    }
}
