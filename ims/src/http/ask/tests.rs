use super::*;
use connectors::reference::{DEMO, parse};
use schemas::{examples, examples::seed};

fn reference() -> Reference {
    Reference::new(parse("demo", DEMO).unwrap()).unwrap()
}

fn judged(request: SendRequest, lane: Option<Lane>) -> (Judged, Option<SendRequest>) {
    let (reference, schemas) = (reference(), Schemas::embedded());
    let by = Judge { reference: &reference, settings: &Settings::default(), schemas: &schemas, now_ms: seed::NOW_MS };
    let judged = judge(request, lane, by);
    let written = judged.record.as_ref().map(|record| schemas.decode(record.value.as_ref().unwrap()).unwrap());
    (judged, written)
}

fn path(channel: &str) -> &'static str {
    match channel {
        "AT" => "at",
        "FT" => "ft",
        "BT" => "bt",
        "MT" => "mt",
        "RC" => "rcs",
        "PU" => "push",
        _ => "email",
    }
}

#[test]
fn every_example_is_accepted_by_its_path_and_written_as_it_came() {
    for example in examples::REQUESTS {
        let expected = SendRequest { source: Source::Api, ..example.request() };
        let channel = channel(path(&expected.channel)).unwrap();
        let request = read(example.json.as_bytes(), &expected.service_key, channel).unwrap();
        assert_eq!(request, expected, "{}", example.name);
        let (judged, written) = judged(request, Some(example.lane));
        assert_eq!(judged.answer.code, "0000", "{}: {:?}", example.name, judged.answer);
        assert_eq!(judged.answer.data.as_ref(), Some(&expected.message_id));
        assert_eq!(judged.answer.receivers.len(), expected.receiver_list.len());
        let record = judged.record.unwrap();
        assert_eq!((record.topic, record.key.unwrap()), (Topic::api(example.lane), expected.message_id.clone().into()));
        assert_eq!(written.unwrap(), expected, "{}", example.name);
    }
}

#[test]
fn a_path_fills_what_a_body_leaves_out_and_is_not_contradicted() {
    let body = br#"{"message_id":"A","message_type":"SMS"}"#;
    let request = read(body, "KEY", Channel::Mt).unwrap();
    assert_eq!((request.service_key.as_str(), request.channel.as_str(), request.source), ("KEY", "MT", Source::Api));
    for (body, field) in [(r#"{"service_key":"OTHER"}"#, "service_key"), (r#"{"channel":"AT"}"#, "channel")] {
        let refusal = read(body.as_bytes(), "KEY", Channel::Mt).unwrap_err();
        assert_eq!((refusal.code, refusal.field.as_str()), (Code::BadRequest, field));
        assert!(!refusal.message.contains("KEY") && !refusal.message.contains("OTHER"), "{}", refusal.message);
    }
    assert_eq!(channel("AT"), None);
}

#[test]
fn json_that_is_no_request_is_refused_with_the_code_of_its_part() {
    let deep = |open: &str, close: &str| open.repeat(10_000) + &close.repeat(10_000);
    for (body, code, message) in [
        ("", Code::BadRequest, "not JSON"),
        ("[]", Code::BadRequest, "the request: got an array"),
        (r#"{"mesage":"a"}"#, Code::BadRequest, "the nearest is message"),
        (r#"{"message":1}"#, Code::BadRequest, "message: got a number, allowed is text"),
        (r#"{"message":"a","message":"b"}"#, Code::BadRequest, "message: given twice"),
        (r#"{"attachment":{"button":{}}}"#, Code::Attachment, "attachment.button: got an object"),
        (r#"{"supplement":[]}"#, Code::Supplement, "supplement: got an array"),
        (r#"{"mapping":{"a":["010-1234-5678"]}}"#, Code::BadRequest, "mapping.a: got an array"),
        (&deep("[", "]"), Code::BadRequest, "the request: got an array"),
        (&format!(r#"{{"mapping":{}}}"#, deep(r#"{"a":"#, "}").replace(":}", ":1}")), Code::BadRequest, "mapping.a"),
        (&format!(r#"{{"attachment":{}}}"#, deep(r#"["#, "]")), Code::Attachment, "attachment: got an array"),
    ] {
        let refusal = read(body.as_bytes(), "KEY", Channel::Mt).unwrap_err();
        assert_eq!(refusal.code, code, "{message}");
        assert!(refusal.message.contains(message), "{}", refusal.message);
        assert!(!refusal.message.contains("1234"), "{}", refusal.message);
    }
}

#[test]
fn a_refused_request_is_not_written() {
    for (change, code) in [
        ((|request| request.message_type = "FAX".into()) as fn(&mut SendRequest), "4001"),
        (|request| request.message_id.clear(), "2020"),
        (|request| request.service_key = "X".repeat(40), "1100"),
        (|request| request.callback = Some("0299999999".into()), "2040"),
        (|request| request.receiver_list = vec![schemas::Receiver::default(); 1001], "1400"),
    ] {
        let mut request = examples::request("sms");
        change(&mut request);
        let (judged, written) = judged(request, None);
        assert_eq!((&*judged.answer.code, written), (code, None));
        assert!(judged.answer.message.is_some() && judged.answer.receivers.is_empty(), "{:?}", judged.answer);
    }
}

/// Requests for so many, of which each third has no number that can be one.
fn many(count: usize) -> SendRequest {
    let mut request = SendRequest { phone_number: None, ..examples::request("sms") };
    request.message_id = "M".into();
    request.receiver_list = (0..count)
        .map(|n| schemas::Receiver {
            phone_number: Some(if n % 3 == 2 { "12".into() } else { format!("010{:08}", 20_000_000 + n) }),
            ..schemas::Receiver::default()
        })
        .collect();
    request
}

#[test]
fn of_many_receivers_each_is_told_and_those_that_are_refused_are_not_written() {
    let (judged, written) = judged(many(6), None);
    assert_eq!((&*judged.answer.code, judged.answer.data.as_deref()), ("0000", Some("M")));
    let told: Vec<_> = judged.answer.receivers.iter().map(|r| (r.message_id.as_str(), r.code)).collect();
    let expected = [
        ("M-0001", "0000"),
        ("M-0002", "0000"),
        ("M-0003", "1400"),
        ("M-0004", "0000"),
        ("M-0005", "0000"),
        ("M-0006", "1400"),
    ];
    assert_eq!(told, expected);
    let written = written.unwrap();
    let ids: Vec<_> = written.receiver_list.iter().map(|receiver| receiver.message_id.as_deref().unwrap()).collect();
    assert_eq!(ids, ["M-0001", "M-0002", "M-0004", "M-0005"]);
}

#[test]
fn when_every_receiver_is_refused_nothing_is_written_and_the_first_reason_is_the_answers() {
    let mut request = many(6);
    request.receiver_list.retain(|receiver| receiver.phone_number.as_deref() == Some("12"));
    let (judged, written) = judged(request, None);
    assert_eq!((&*judged.answer.code, judged.answer.receivers.len(), written), ("1400", 2, None));
}

#[test]
fn more_than_a_hundred_receivers_are_bulk_unless_a_lane_is_asked_for() {
    let topic = |count, lane| judged(many(count), lane).0.record.unwrap().topic;
    assert_eq!(topic(100, None), Topic::api(Lane::Realtime));
    assert_eq!(topic(101, None), Topic::api(Lane::Mass));
    assert_eq!(topic(101, Some(Lane::Ad)), Topic::api(Lane::Ad));
    assert_eq!(lane(Some(b"mass")).unwrap(), Some(Lane::Mass));
    assert_eq!(lane(Some(b"FAST")).unwrap_err().code, Code::BadRequest);
    assert!(version(None).is_ok() && version(Some(b"version-1")).is_ok());
    assert_eq!(version(Some(b"version-2")).unwrap_err().code, Code::BadRequest);
}

#[test]
fn what_no_record_can_hold_is_refused() {
    let mut request = many(3);
    request.message = Some("a".repeat(1_000_001));
    let (judged, written) = judged(request, None);
    assert_eq!((&*judged.answer.code, written), ("1400", None));
    assert!(judged.answer.message.unwrap().contains("allowed are 1000000"));
}
