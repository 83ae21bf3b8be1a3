//! What each kind of answer means.

use super::super::{
    answer::reply,
    report::{report, reports},
};
use processors::ports::{Receipt, Reply};
use schemas::examples;
use serde_json::{Value, json};
use std::time::Duration;

fn said(status: u16, body: &Value) -> Reply {
    reply(status, None, body.to_string().as_bytes(), 0)
}

fn accepted(destination: &str) -> Value {
    json!({
        "common": {"authCode": "A000", "authResult": "Success", "infobankTrId": "t"},
        "data": {"code": "A000", "result": "Success", "ref": "S", "data": {"destinations": [
            {"to": "01012345678", "msgKey": "k", "code": destination, "result": "words"},
        ]}},
    })
}

fn refused(code: &str) -> Value {
    json!({"common": {"authCode": "A000", "authResult": "Success"}, "data": {"code": code, "result": "words"}})
}

fn gateway(code: &str) -> Value {
    json!({"common": {"authCode": code, "authResult": "words"}})
}

fn code(reply: &Reply) -> &str {
    super::code(reply)
}

#[test]
fn each_layer_speaks_for_itself() {
    assert_eq!(code(&said(200, &accepted("A000"))), "A000");
    assert_eq!(code(&said(200, &accepted("A301"))), "A301", "a repeat: published as 200 and this code");
    assert_eq!(code(&said(200, &accepted("A306"))), "A306");
    assert_eq!(code(&said(400, &refused("A327"))), "A327");
    assert_eq!(code(&said(200, &refused("A327"))), "A327", "sometimes with 200");
    assert_eq!(code(&said(401, &gateway("A401"))), "common.A401");
    assert_eq!(code(&said(200, &gateway("A403"))), "common.A403");
}

#[test]
fn an_unknown_code_passes_with_the_vendors_own_words() {
    let reply = said(200, &accepted("A777"));
    assert_eq!(reply, Reply::Code { code: "A777".into(), text: "words".into() });
}

#[test]
fn what_fails_inside_the_vendor_may_have_been_taken() {
    for (status, body) in [
        (500, refused("A910")),
        (500, refused("A306")),
        (502, accepted("A000")),
        (500, accepted("A777")),
        (503, refused("A920")),
        (503, gateway("A503")),
        (502, json!("a proxy's page")),
        (200, refused("A999")),
        (200, accepted("A910")),
        (200, gateway("A504")),
    ] {
        assert!(matches!(said(status, &body), Reply::NoAnswer(_)), "{status} {body}");
    }
}

#[test]
fn an_acceptance_that_cannot_be_read_is_none_and_no_refusal_either() {
    let two = json!({"destinations": [{"code": "A000"}, {"code": "A000"}]});
    for data in [json!(null), json!({}), json!({"destinations": []}), two] {
        let body = json!({"common": {"authCode": "A000"}, "data": {"code": "A000", "data": data}});
        assert!(matches!(said(200, &body), Reply::NoAnswer(_)), "{body}");
    }
    for body in ["", "<html>", "{\"common\":", "[]", "{\"common\":{\"authCode\":7}}", "\u{feff}"] {
        assert!(matches!(reply(200, None, body.as_bytes(), 0), Reply::NoAnswer(_)), "{body}");
    }
    // EUC-KR where UTF-8 is published.
    let foreign = b"{\"common\":{\"authCode\":\"A000\",\"authResult\":\"\xbc\xba\xb0\xf8\"}}";
    assert!(matches!(reply(200, None, foreign, 0), Reply::NoAnswer(_)));
    assert!(matches!(said(200, &gateway("A000")), Reply::NoAnswer(_)), "nothing about the destination");
}

#[test]
fn a_refusal_of_something_before_the_vendor_is_told_by_its_status() {
    assert_eq!(code(&reply(403, None, b"<html>Forbidden</html>", 0)), "common.A403");
    assert_eq!(code(&reply(404, None, b"", 0)), "common.A404");
    assert_eq!(code(&reply(302, None, b"", 0)), "common.A302");
    assert_eq!(code(&said(404, &gateway("A000"))), "common.A404");
}

#[test]
fn a_rate_that_is_exceeded_waits_as_long_as_it_is_asked_to() {
    let throttled = |ms| Reply::Throttled(Duration::from_millis(ms));
    assert_eq!(reply(429, Some("3"), refused("A020").to_string().as_bytes(), 0), throttled(3_000));
    assert_eq!(reply(429, None, b"", 0), throttled(1_000));
    assert_eq!(reply(429, Some("soon"), b"", 0), throttled(1_000));
    // 1 January 1970, 00:00:05.
    assert_eq!(reply(429, Some("Thu, 01 Jan 1970 00:00:05 GMT"), b"", 1_000), throttled(4_000));
    assert_eq!(said(200, &refused("A020")), throttled(1_000));
}

#[test]
fn reports_are_matched_by_their_ref_and_timed_by_themselves() {
    let body = json!({
        "common": {"authCode": "A000", "authResult": "Success"},
        "data": {"code": "A000", "result": "Success", "data": {"reportId": "r-1", "report": [
            {"msgKey": "k", "reportCode": "10000", "reportTime": "2026-03-02T12:00:00+09:00", "ref": "S-0R"},
            {"msgKey": "m", "reportCode": "63018", "reportText": "수신 불가", "reportTime": "yesterday",
             "carrier": "X"},
        ]}},
    });
    let reports = reports(body.to_string().as_bytes(), "dealer", 7).unwrap().unwrap();
    assert_eq!(reports.id, "r-1");
    let receipt = |serial_number: &str, code: &str, text: &str, at_ms| Receipt {
        serial_number: serial_number.into(),
        vendor: "dealer".into(),
        code: code.into(),
        text: text.into(),
        at_ms,
    };
    let expected = [receipt("S-0R", "10000", "", 1_772_420_400_000), receipt("", "63018", "수신 불가", 7)];
    assert_eq!(reports.receipts, expected);
}

#[test]
fn no_reports_are_an_empty_id_and_null() {
    let none =
        json!({"common": {"authCode": "A000"}, "data": {"code": "A000", "data": {"reportId": "", "report": null}}});
    assert!(reports(none.to_string().as_bytes(), "dealer", 0).unwrap().is_none());
    let error = reports(b"{\"data\": \"01012345678\"}", "dealer", 0).err().unwrap();
    assert!(!error.contains("0101234"), "{error}");
}

#[test]
fn whatever_comes_as_an_answer_a_batch_or_a_call_is_judged() {
    let (taken, refused) = (accepted("A000").to_string(), gateway("A429").to_string());
    for body in examples::spoilt(&[taken.as_bytes(), refused.as_bytes()]) {
        let wait = String::from_utf8_lossy(&body[..body.len().min(9)]).into_owned();
        for status in [200, 302, 400, 429, 503] {
            reply(status, Some(&wait), &body, 0);
        }
    }
    let one = json!({"msgKey": "k", "ref": "S-0R", "reportCode": "10000", "reportTime": "2026-03-11T09:00:07+09:00"});
    let many =
        json!({"common": {"authCode": "A000"}, "data": {"code": "A000", "data": {"reportId": "r", "report": [one]}}});
    let (one, many) = (one.to_string(), many.to_string());
    assert!(report(one.as_bytes(), "v", 0).is_some() && reports(many.as_bytes(), "v", 0).unwrap().is_some());
    for body in examples::spoilt(&[one.as_bytes(), many.as_bytes()]) {
        let _ = (report(&body, "v", 0), reports(&body, "v", 0));
    }
}
