use super::*;
use crate::load::Load;
use connectors::reference::{DEMO, parse};
use processors::access::{Credentials, Who};
use rand::{Rng, SeedableRng, rngs::SmallRng, seq::IndexedRandom};
use schemas::{examples, examples::seed};
use serde_json::{Value, json};
use std::sync::LazyLock;

static REFERENCE: LazyLock<Reference> = LazyLock::new(|| Reference::new(parse("demo", DEMO).unwrap()).unwrap());
static SCHEMAS: LazyLock<Schemas> = LazyLock::new(Schemas::embedded);

fn judged(request: SendRequest, lane: Option<Lane>) -> (Judged, Option<SendRequest>) {
    let by = Judge { reference: &REFERENCE, settings: &Settings::default(), schemas: &SCHEMAS, now_ms: seed::NOW_MS };
    let judged = judge(request, lane, by);
    let written = judged.record.as_ref().map(|record| SCHEMAS.decode(record.value.as_ref().unwrap()).unwrap());
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
fn the_door_and_ingest_say_the_same_of_a_days_load_with_its_mistakes() {
    let settings = Settings::default();
    let (mut accepted, mut refused) = (0, 0);
    for wanted in Load::new(7, 3_000, seed::NOW_MS) {
        let value_bytes = SCHEMAS.encode(&wanted.request).len();
        let api = Api { cluster: 3, lane: wanted.lane, partition: 2, offset: 1, receiver: 0 };
        let received = Received { api, timestamp_ms: seed::NOW_MS, value_bytes };
        let ingest = |request| -> Vec<_> {
            let checked = check(request, &received, &REFERENCE, seed::NOW_MS, &settings).unwrap();
            checked.into_iter().map(told).collect()
        };
        let of_ingest = ingest(wanted.request.clone());
        let (judged, written) = judged(wanted.request.clone(), Some(wanted.lane));
        let alone = [Receiver {
            message_id: of_ingest[0].message_id.clone(),
            code: if judged.record.is_some() { "0000" } else { of_ingest[0].code },
            message: judged.answer.message.clone(),
        }];
        let of_door = if judged.answer.receivers.is_empty() { &alone[..] } else { &judged.answer.receivers };
        assert_eq!(of_door, of_ingest, "{}", wanted.request.message_id);
        let kept: Vec<_> = of_ingest.into_iter().filter(|receiver| receiver.code == "0000").collect();
        // What is written is accepted whole, under the ids that were answered.
        assert_eq!(written.map(ingest).unwrap_or_default(), kept);
        accepted += kept.len();
        refused += of_door.len() - kept.len();
    }
    assert!(accepted > 2_000 && refused > 20, "{accepted} accepted, {refused} refused");
}

#[test]
fn bytes_that_are_changed_anywhere_end_in_an_answer() {
    let mut random = SmallRng::seed_from_u64(1);
    let many = if std::env::var_os("IMS_TEST_FULL").is_some() { 1_000_000 } else { 5_000 };
    let (mut read_again, mut accepted) = (0, 0);
    for example in examples::REQUESTS.iter().cycle().take(many) {
        let mut body = example.json.as_bytes().to_vec();
        for _ in 0..random.random_range(1..4) {
            let Some(last) = body.len().checked_sub(1) else { break };
            let at = random.random_range(0..=last);
            match random.random_range(0..4) {
                0 => body[at] = random.random(),
                1 => drop(body.remove(at)),
                2 => body.insert(at, *br#"{}[]":,\0"#.choose(&mut random).unwrap()),
                _ => body.truncate(at),
            }
        }
        let request = examples::request(example.name);
        let channel = channel(path(&request.channel)).unwrap();
        let Ok(changed) = read(&body, &request.service_key, channel) else { continue };
        read_again += 1;
        assert_eq!((&changed.service_key, &changed.channel), (&request.service_key, &request.channel));
        let (judged, written) = judged(changed.clone(), Some(example.lane));
        assert_eq!(judged.answer.code == "0000", written.is_some());
        if changed.receiver_list.is_empty()
            && let Some(written) = written
        {
            assert_eq!(written, changed);
            accepted += 1;
        }
    }
    assert!(read_again > many / 20 && accepted > many / 50, "{read_again} were read, {accepted} accepted");
}

/// What is put in the place of a value, as JSON text: kinds, edges, and what would be markup or a command elsewhere.
const OTHERS: [&str; 26] = [
    "null",
    "true",
    "0",
    "-1",
    "0.1",
    "1e999",
    "2147483648",
    "9223372036854775808",
    r#""""#,
    r#"" ""#,
    r#""\u0000""#,
    r#""\ud800""#,
    r#""\ud83d\ude00""#,
    r#""a\r\nx-ims-key: b""#,
    r#""'; DROP TABLE reports; --""#,
    r#""<script>alert(1)</script>""#,
    r#""../../etc/passwd""#,
    r#""(광고)""#,
    "\"#{name}\"",
    r#""http://169.254.169.254/""#,
    r#""2026-03-12T09:00:00+09:00""#,
    "[]",
    "[[[[]]]]",
    "{}",
    r#"{"a":1,"a":2}"#,
    r#"[{"message_id":"A"},null]"#,
];

/// Every place of a value.
fn places(value: &Value, at: String, all: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, inner)| places(inner, format!("{at}/{key}"), all)),
        Value::Array(items) => items.iter().enumerate().for_each(|(n, item)| places(item, format!("{at}/{n}"), all)),
        _ => {}
    }
    all.push(at);
}

#[test]
fn values_that_are_exchanged_end_in_an_answer_and_what_is_accepted_fits_the_description() {
    const HERE: &str = "@HERE@";
    let document = crate::http::document();
    let schema = json!({"$ref": "#/components/schemas/SendRequest", "components": document["components"]});
    let fits = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let mut random = SmallRng::seed_from_u64(2);
    let many = if std::env::var_os("IMS_TEST_FULL").is_some() { 1_000_000 } else { 5_000 };
    let (mut accepted, mut refused) = (0, 0);
    for example in examples::REQUESTS.iter().cycle().take(many) {
        let mut body: Value = serde_json::from_str(example.json).unwrap();
        let asked = examples::request(example.name);
        let fields = body.as_object_mut().unwrap();
        ["service_key", "channel"].iter().for_each(|name| drop(fields.remove(*name)));
        let mut all = Vec::new();
        places(&body, String::new(), &mut all);
        let place = all.choose(&mut random).unwrap();
        match (random.random_range(0..4), body.pointer_mut(place).unwrap()) {
            (0, Value::Object(map)) => drop(map.insert("no_such_field".into(), HERE.into())),
            (1, Value::Array(items)) => items.push(HERE.into()),
            (_, value) => *value = HERE.into(),
        }
        let text = body.to_string().replacen(&format!("\"{HERE}\""), OTHERS.choose(&mut random).unwrap(), 1);
        let read = read(text.as_bytes(), &asked.service_key, channel(path(&asked.channel)).unwrap());
        let Ok(request) = read else {
            refused += 1;
            continue;
        };
        let (judged, written) = judged(request.clone(), Some(example.lane));
        assert!(Code::ALL.iter().any(|code| code.as_str() == judged.answer.code), "{:?}", judged.answer);
        assert_eq!(judged.answer.code == "0000", written.is_some(), "{text}");
        if let Some(written) = written {
            assert!(request.receiver_list.is_empty() || written.receiver_list.len() <= request.receiver_list.len());
            assert!(!request.receiver_list.is_empty() || written == request, "{text}");
            if let Ok(value) = serde_json::from_str::<Value>(&text) {
                assert!(fits.is_valid(&value), "{text}: {:?}", fits.validate(&value).err());
            }
            accepted += 1;
        } else {
            refused += 1;
        }
    }
    assert!(accepted > many / 50 && refused > many / 4, "{accepted} accepted, {refused} refused");
}

#[test]
fn whatever_stands_in_headers_ends_in_an_answer() {
    let mut random = SmallRng::seed_from_u64(3);
    let many = if std::env::var_os("IMS_TEST_FULL").is_some() { 1_000_000 } else { 20_000 };
    let right = [&b"aGFuYml0LXNob3A6c2VjcmV0"[..], b"AUTH", b"version-1"];
    for _ in 0..many {
        let mut header = right.choose(&mut random).unwrap().to_vec();
        for _ in 0..random.random_range(0..4) {
            let at = random.random_range(0..=header.len());
            header.insert(at, random.random());
        }
        if let Ok(Some(lane)) = lane(Some(&header)) {
            assert!(lane.as_str().as_bytes().eq_ignore_ascii_case(&header));
        }
        assert_eq!(version(Some(&header)).is_ok(), header == b"version-1");
        if let Some(known) = Credentials::read(&header) {
            let (Who::Customer(name) | Who::User(name)) = known.who;
            assert!(!name.is_empty() && !name.contains(':'));
        }
    }
}

#[test]
fn what_no_record_can_hold_is_refused() {
    let mut request = many(3);
    request.message = Some("a".repeat(1_000_001));
    let (judged, written) = judged(request, None);
    assert_eq!((&*judged.answer.code, written), ("1400", None));
    assert!(judged.answer.message.unwrap().contains("allowed are 1000000"));
}
