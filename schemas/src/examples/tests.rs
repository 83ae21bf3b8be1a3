use super::*;
use crate::placement::partition_of;
use crate::words::{Family, Serial, TrackId};
use crate::{Record, Schemas, Topic};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Debug;

/// Through Avro and back, in the framing of the topics.
fn survives_avro<R: Record + PartialEq + Debug>(record: &R) {
    let schemas = Schemas::embedded();
    assert_eq!(schemas.decode::<R>(&schemas.encode(record)).as_ref(), Ok(record));
}

fn survives_json_and_avro<R: Record + PartialEq + Debug + Serialize + DeserializeOwned>(record: &R, file: &str) {
    let value = serde_json::to_value(record).unwrap();
    assert_eq!(&serde_json::from_value::<R>(value.clone()).unwrap(), record);
    // What the file says is all there is: no field was dropped, none was made up.
    let written: serde_json::Value = serde_json::from_str(file).unwrap();
    assert_eq!(without_empty_texts(value), without_empty_texts(written));
    survives_avro(record);
}

/// Text defaults to "", which a file may leave out.
fn without_empty_texts(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value::{Array, Bool, Number, Object, String};
    match value {
        Array(items) => items.into_iter().map(without_empty_texts).collect(),
        Object(map) => map
            .into_iter()
            .filter(|(_, v)| !matches!(v, String(s) if s.is_empty()) && *v != Bool(false) && *v != Number(0.into()))
            .map(|(k, v)| (k, without_empty_texts(v)))
            .collect(),
        other => other,
    }
}

#[test]
fn every_request_survives_json_and_avro() {
    for example in REQUESTS {
        let request = example.request();
        survives_avro(&request);
        let json = serde_json::to_vec(&request).unwrap();
        assert_eq!(crate::json::send_request(&json).as_ref(), Ok(&request), "{}", example.name);
    }
}

#[test]
fn every_record_survives_json_and_avro() {
    survives_json_and_avro(&accepted(), include_str!("../../examples/records/accepted.json"));
    survives_json_and_avro(&dispatch(), include_str!("../../examples/records/dispatch.json"));
    survives_json_and_avro(&result(), include_str!("../../examples/records/result.json"));
    survives_json_and_avro(&open_step(), include_str!("../../examples/records/open_step.json"));
    survives_json_and_avro(&delayed(), include_str!("../../examples/records/delayed.json"));
    survives_json_and_avro(&callback(), include_str!("../../examples/records/callback.json"));
    survives_json_and_avro(&endpoint_state(), include_str!("../../examples/records/endpoint_state.json"));
    survives_json_and_avro(&report(), include_str!("../../examples/records/report.json"));
    survives_json_and_avro(&history(), include_str!("../../examples/records/history.json"));
    survives_json_and_avro(&analyze_log(), include_str!("../../examples/records/analyze_log.json"));
}

#[test]
fn every_message_type_and_every_send_family_has_a_request() {
    let types: BTreeSet<MessageType> = REQUESTS.iter().map(|e| e.request().message_type.parse().unwrap()).collect();
    assert_eq!(types, MessageType::ALL.iter().copied().collect());
    let families: BTreeSet<Family> = REQUESTS
        .iter()
        .map(|e| e.request())
        .map(|r| Family::of(r.channel.parse().unwrap(), r.message_type.parse().unwrap()))
        .collect();
    assert_eq!(families, Family::ALL.into());
}

#[test]
fn every_request_file_is_in_the_list() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/requests");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(files, REQUESTS.iter().map(|e| e.name.to_owned()).collect());
}

#[test]
fn requests_use_what_the_customer_registered() {
    let mut message_ids = BTreeSet::new();
    for example in REQUESTS {
        let request = example.request();
        let name = example.name;
        assert_eq!(request.service_key, seed::SERVICE_KEY, "{name}");
        assert!(request.sender_key.as_deref().is_none_or(|key| key == seed::SENDER_KEY), "{name}");
        let registered = |callback: &str, channel: &str| match channel {
            "RC" => callback == seed::CHATBOT_ID,
            _ => seed::SENDER_NUMBERS.contains(&callback),
        };
        assert!(request.callback.as_deref().is_none_or(|c| registered(c, &request.channel)), "{name}");
        for step in &request.fallback {
            assert!(step.callback.as_deref().is_none_or(|c| registered(c, &step.channel)), "{name}");
        }
        assert!(request.from_email.as_deref().is_none_or(|from| from == seed::FROM_EMAIL), "{name}");
        assert!(request.push_tokens.iter().all(|token| token == seed::PUSH_TOKEN), "{name}");
        assert!(request.attach_file_list.iter().all(|key| seed::FILE_KEYS.contains(&key.as_str())), "{name}");
        if let Some(code) = &request.template_code {
            let template = seed::TEMPLATES.iter().find(|t| t.code == code).unwrap();
            assert_eq!(template.channel.as_str(), request.channel, "{name}");
            assert_eq!(template.message_type.as_str(), request.message_type, "{name}");
            assert!(template.message.is_none_or(|text| Some(text) == request.message.as_deref()), "{name}");
        }
        assert!(message_ids.insert(request.message_id.clone()), "{name} repeats a message_id");
        let longest = if request.receiver_list.is_empty() { 30 } else { 25 };
        assert!(request.message_id.chars().count() <= longest, "{name}");
    }
}

#[test]
fn constants_have_the_shapes_that_the_contract_asks_for() {
    assert_eq!(seed::SERVICE_KEY.len(), 40);
    assert!(seed::SERVICE_KEY.bytes().all(|b| b.is_ascii_alphanumeric()));
    assert_eq!(seed::SENDER_KEY.len(), 40);
    assert_eq!(seed::OPT_OUT_SHOWN.replace('-', ""), seed::OPT_OUT_NUMBER);
    assert!(seed::TEMPLATES.iter().all(|t| t.code.len() <= 30));
    let now: jiff::Timestamp = "2026-03-11T10:30:00.120+09:00".parse().unwrap();
    assert_eq!(now.as_millisecond(), seed::NOW_MS);
}

#[test]
fn advertisements_are_labelled_and_offer_a_free_way_out() {
    for example in REQUESTS.iter().filter(|e| e.lane == Lane::Ad) {
        let request = example.request();
        assert_eq!(request.ad_flag.as_deref(), Some("Y"), "{}", example.name);
        match (request.channel.as_str(), &request.message) {
            ("EM", _) => assert!(request.title.unwrap().starts_with("(광고)")),
            (_, Some(text)) => {
                assert!(text.starts_with("(광고)"), "{}", example.name);
                assert!(text.ends_with(&format!("무료수신거부 {}", seed::OPT_OUT_SHOWN)), "{}", example.name);
            }
            (_, None) => assert_eq!(request.unsubscribe_phone_number.as_deref(), Some(seed::OPT_OUT_SHOWN)),
        }
    }
}

#[test]
fn the_records_tell_one_story() {
    let (request, accepted, dispatch, result) = (request("at"), accepted(), dispatch(), result());
    let (open, report, history, log) = (open_step(), report(), history(), analyze_log());

    let track_id: TrackId = accepted.track_id.parse().unwrap();
    assert_eq!(track_id.timestamp_ms(), seed::NOW_MS);
    assert_eq!(track_id.api().lane, Lane::Realtime);
    assert_eq!(i32::from(track_id.api().partition), partition_of(request.message_id.as_bytes(), 20));
    for id in [&result.track_id, &open.track_id, &report.track_id, &history.track_id, &log.track_id] {
        assert_eq!(*id, accepted.track_id);
    }

    let filled =
        |text: &str| request.mapping.iter().fold(text.to_owned(), |t, (k, v)| t.replace(&format!("#{{{k}}}"), v));
    assert_eq!(accepted.content.message, request.message.as_deref().map(filled));
    assert_eq!(accepted.message_id, request.message_id);
    assert_eq!(accepted.fallback[0].message, request.fallback[0].message.as_deref().map(filled));

    assert_eq!(dispatch.accepted, accepted);
    let serial: Serial = dispatch.serial_number.parse().unwrap();
    assert_eq!(serial, Serial { track_id, step: 0, priority: Lane::Realtime });
    assert_eq!(result.dispatch.as_deref(), Some(&dispatch));
    assert!(result.fallback_allowed);

    let text = open.last.dispatch.as_deref().unwrap();
    assert_eq!(text.serial_number.parse(), Ok(Serial { track_id, step: 1, priority: Lane::Realtime }));
    assert_eq!(text.accepted.trail, report.steps[..1]);
    assert_eq!(text.accepted.content.message, accepted.fallback[0].message);
    assert_eq!(open.last.due_at, Some(open.due_at));

    let delayed = delayed();
    assert_eq!(delayed.due_at, open.due_at);
    assert_eq!(delayed.target.parse(), Ok(Topic::result(Lane::Realtime)));
    let deadline: StepResult = Schemas::embedded().decode(&delayed.payload).unwrap();
    assert_eq!((deadline.kind, deadline.state), (ResultKind::Deadline, State::Uncertain));
    assert_eq!(deadline.serial_number, text.serial_number);

    assert!(report.terminal && history.last_step);
    assert_eq!(callback().reports.first(), Some(&report));
    assert_eq!((report.state, history.state, log.state), (State::Delivered, State::Delivered, State::Delivered));
    assert_eq!(report.steps[1].serial_number, text.serial_number);
    assert_eq!(history.message, text.accepted.content.message);
    assert_eq!((report.reported_at, history.report_at), (log.at, log.at));
}
