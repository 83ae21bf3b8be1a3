//! What the schemas mark as personal is never printed.

use schemas::{Receiver, Record, SendRequest, examples};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Debug;

/// Every text in `value`, however deep.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(map) => map.values().for_each(|value| texts(value, found)),
        _ => {}
    }
}

/// Every record of a schema by its full name.
fn definitions(schema: &Value, found: &mut BTreeMap<String, Value>) {
    match schema {
        Value::Array(items) => items.iter().for_each(|item| definitions(item, found)),
        Value::Object(map) => {
            if map.get("type").is_some_and(|ty| ty == "record") {
                found.insert(format!("kr.ims.{}", map["name"].as_str().unwrap()), schema.clone());
            }
            map.values().for_each(|value| definitions(value, found));
        }
        _ => {}
    }
}

/// Splits the texts of a record into personal and other ones, as its schema marks the fields.
fn sort(
    value: &Value,
    ty: &Value,
    types: &BTreeMap<String, Value>,
    personal: &mut Vec<String>,
    open: &mut Vec<String>,
) {
    match (value, ty) {
        (Value::Null, _) => {}
        (_, Value::Array(union)) => sort(value, &union[1], types, personal, open),
        (Value::Array(items), _) => items.iter().for_each(|item| sort(item, &ty["items"], types, personal, open)),
        (_, Value::String(name)) if types.contains_key(name) => sort(value, &types[name], types, personal, open),
        (Value::Object(map), Value::Object(definition)) if definition.contains_key("fields") => {
            for field in definition["fields"].as_array().unwrap() {
                let Some(value) = map.get(field["name"].as_str().unwrap()) else { continue };
                if field["personal"] == true {
                    texts(value, personal);
                } else {
                    sort(value, &field["type"], types, personal, open);
                }
            }
        }
        (Value::String(text), _) => open.push(text.clone()),
        _ => {}
    }
}

fn prints_nothing_personal<R: Record + Serialize + Debug>(record: &R) {
    let schema: Value = serde_json::from_str(R::SCHEMA).unwrap();
    let mut types = BTreeMap::new();
    definitions(&schema, &mut types);
    let (mut personal, mut open) = (Vec::new(), Vec::new());
    sort(&serde_json::to_value(record).unwrap(), &schema, &types, &mut personal, &mut open);
    let printed = format!("{record:?}");
    for text in personal {
        // What is said openly elsewhere, and empty text, prove nothing.
        if !text.is_empty() && open.iter().all(|open| !open.contains(&text)) {
            assert!(!printed.contains(&text), "{} prints {text:?}", R::NAME);
        }
    }
    // Codes and sender numbers stay readable; other text prints escaped.
    let digits = |text: &&String| text.chars().all(|c| c.is_ascii_digit());
    assert!(open.iter().filter(digits).all(|text| printed.contains(text.as_str())));
}

#[test]
fn nothing_personal_of_any_example_is_printed() {
    examples::REQUESTS.iter().for_each(|example| prints_nothing_personal(&example.request()));
    prints_nothing_personal(&examples::accepted());
    prints_nothing_personal(&examples::dispatch());
    prints_nothing_personal(&examples::result());
    prints_nothing_personal(&examples::open_step());
    prints_nothing_personal(&examples::report());
    prints_nothing_personal(&examples::history());
    prints_nothing_personal(&examples::analyze_log());
    prints_nothing_personal(&examples::delayed());
    prints_nothing_personal(&examples::callback());
    prints_nothing_personal(&examples::endpoint_state());
}

#[test]
fn numbers_addresses_texts_and_what_is_filled_into_them_are_personal() {
    let request = SendRequest {
        message_id: "M-1".into(),
        phone_number: Some("01012345678".into()),
        to: Some("a@b.example".into()),
        message: Some("비밀".into()),
        receiver_list: vec![Receiver { phone_number: Some("01087654321".into()), ..Default::default() }],
        mapping: [("code".to_owned(), "482913".to_owned())].into(),
        ..Default::default()
    };
    let printed = format!("{request:?}");
    assert!(printed.contains("M-1"));
    for secret in ["01012345678", "a@b.example", "비밀", "01087654321", "482913"] {
        assert!(!printed.contains(secret), "{secret}");
    }
}

#[test]
fn a_delayed_record_does_not_print_the_record_inside_it() {
    let delayed = schemas::Delayed { payload: "01012345678".into(), ..examples::delayed() };
    let printed = format!("{delayed:?}");
    assert!(printed.contains(&delayed.track_id) && !printed.contains("01012345678"), "{printed}");
}
