use super::*;
use crate::records::Source;

fn read(json: &str) -> Result<SendRequest, String> {
    send_request(json.as_bytes()).map_err(|e| e.to_string())
}

fn refusal(json: &str) -> String {
    read(json).expect_err("is refused")
}

#[test]
fn values_of_mapping_and_data_may_be_numbers_and_stay_as_they_were_written() {
    let request =
        read(r#"{"mapping":{"price":10.50,"big":12345678901234567890123,"minus":-1,"exp":1E3,"text":"오"},"data":{"badge":3}}"#)
            .unwrap();
    let pairs: Vec<(&str, &str)> = request.mapping.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(
        pairs,
        [("big", "12345678901234567890123"), ("exp", "1E3"), ("minus", "-1"), ("price", "10.50"), ("text", "오")]
    );
    assert_eq!(request.data["badge"], "3");
    assert_eq!(refusal(r#"{"mapping":{"name":["오"]}}"#), "mapping.name: got an array, allowed is text or a number");
    assert_eq!(refusal(r#"{"mapping":{"name":true}}"#), "mapping.name: got true or false, allowed is text or a number");
    assert_eq!(refusal(r#"{"mapping":{"a":1,"a":2}}"#), "mapping.a: given twice, allowed is once");
}

#[test]
fn times_are_iso_8601_with_a_zone_or_unix_milliseconds() {
    let at = |text: &str| read(&format!(r#"{{"send_at":{text}}}"#)).unwrap().send_at;
    // 2026-03-12T00:00:00Z is day 20,524 of Unix time.
    let midnight = 20_524 * 86_400_000;
    assert_eq!(at(r#""2026-03-12T09:00:00+09:00""#), Some(midnight));
    assert_eq!(at(r#""2026-03-12T00:00:00Z""#), Some(midnight));
    assert_eq!(at(r#""2026-03-12T00:00:00.250Z""#), Some(midnight + 250));
    assert_eq!(at(&midnight.to_string()), Some(midnight));
    assert_eq!(at("null"), None);
    for wrong in
        [r#""2026-03-12T09:00:00""#, r#""2026-03-12""#, r#""tomorrow""#, r#""2026-02-30T09:00:00Z""#, "1.5", "[]"]
    {
        let text = refusal(&format!(r#"{{"expires_at":{wrong}}}"#));
        assert!(text.starts_with("expires_at: got ") && text.contains("with a zone"), "{text}");
    }
}

#[test]
fn an_unknown_field_is_refused_with_the_nearest_known_one() {
    for (given, nearest) in [
        ("mesage", "message"),
        ("phoneNumber", "phone_number"),
        ("templateCode", "template_code"),
        ("reciever_list", "receiver_list"),
        ("sendAt", "send_at"),
    ] {
        assert_eq!(
            refusal(&format!(r#"{{"{given}":"x"}}"#)),
            format!("{given}: there is no such field; the nearest is {nearest}")
        );
    }
    assert_eq!(
        refusal(r#"{"attachment":{"button":[{"type":"WL"},{"type":"WL","urlMobile":"https://a.example"}]}}"#),
        "attachment.button[1].urlMobile: there is no such field; the nearest is url_mobile"
    );
    assert_eq!(
        refusal(r#"{"supplement":{"quickReply":[]}}"#),
        "supplement.quickReply: there is no such field; the nearest is quick_reply"
    );
}

#[test]
fn a_wrong_value_is_told_by_field_kind_and_what_is_allowed_but_never_by_its_content() {
    for (json, text) in [
        (r#"{"phone_number":1012345678}"#, "phone_number: got a number, allowed is text"),
        (r#"{"message":{"text":"비밀"}}"#, "message: got an object, allowed is text"),
        (r#"{"attachment":[]}"#, "attachment: got an array, allowed is an object"),
        (r#"{"attachment":{"button":{}}}"#, "attachment.button: got an object, allowed is an array"),
        (r#"{"fallback":[{"channel":"MT"},7]}"#, "fallback[1]: got a number, allowed is an object"),
        (r#"{"push_tokens":["a",null]}"#, "push_tokens[1]: got null, allowed is text"),
        (r#"{"ttl":"60"}"#, "ttl_seconds: got text, allowed is a whole number of at most 2147483647"),
        (r#"{"ttl_seconds":2147483648}"#, "ttl_seconds: got a number, allowed is a whole number of at most 2147483647"),
        (r#"{"source":"WEB"}"#, r#"source: got "WEB", allowed is API, AGENT, PRODUCER"#),
        (r#"{"message":"a","message":"b"}"#, "message: given twice, allowed is once"),
        (r#"{"ttl":60,"ttl_seconds":60}"#, "ttl_seconds: given twice, allowed is once"),
        (r#"[]"#, "the request: got an array, allowed is an object"),
        (r#"{"message":"\ud800"}"#, "message: got text, allowed is text in Unicode"),
    ] {
        assert_eq!(refusal(json), text, "{json}");
    }
}

#[test]
fn a_part_without_its_key_field_is_refused_and_a_request_without_one_is_left_to_ingest() {
    assert_eq!(
        refusal(r#"{"attachment":{"button":[{"name":"확인"}]}}"#),
        "attachment.button[0].type: missing, it is needed here"
    );
    assert_eq!(
        refusal(r#"{"attachment":{"commerce":{"title":"원두"}}}"#),
        "attachment.commerce.regular_price_krw: missing, it is needed here"
    );
    let request = read("{}").unwrap();
    assert_eq!(request, SendRequest::default());
    assert_eq!((request.service_key.as_str(), request.source), ("", Source::Producer));
}

#[test]
fn what_was_called_otherwise_before_units_came_into_names_is_understood() {
    let request =
        read(r#"{"ttl":60,"attachment":{"commerce":{"title":"원두","regular_price":38500,"discount_price":30800,"discount_rate":20}}}"#)
            .unwrap();
    let commerce = request.attachment.unwrap().commerce.unwrap();
    assert_eq!(request.ttl_seconds, Some(60));
    assert_eq!((commerce.regular_price_krw, commerce.discount_price_krw), (38_500, Some(30_800)));
    assert_eq!((commerce.discount_rate_percent, commerce.discount_fixed_krw), (Some(20), None));
}

#[test]
fn null_is_the_same_as_not_given() {
    let nulls = r#"{"message":null,"mapping":null,"receiver_list":null,"attachment":null,"send_at":null,"source":null,"service_key":null}"#;
    assert_eq!(read(nulls).unwrap(), SendRequest::default());
}

#[test]
fn text_that_is_no_json_is_refused_with_its_place() {
    for wrong in ["", "{", "{\"message\":}", "{} {}", "nul", "\u{feff}{}"] {
        let error = send_request(wrong.as_bytes()).unwrap_err();
        assert!(matches!(&error, JsonError::Syntax { reason } if reason.contains("line 1")), "{wrong}: {error}");
        assert_eq!(error.field(), "");
    }
    assert!(matches!(send_request(b"{\"message\":\"\xff\"}"), Err(JsonError::Syntax { .. })));
}

#[test]
fn deep_nesting_and_long_names_end_in_an_error_and_not_in_the_stack() {
    let deep = format!(r#"{{"message":{}1{}}}"#, "[".repeat(200_000), "]".repeat(200_000));
    assert!(read(&deep).is_err());
    let long = format!(r#"{{"{}":1}}"#, "가".repeat(10_000));
    assert!(refusal(&long).chars().count() < 120);
}
