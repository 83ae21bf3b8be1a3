//! U+0000, which ends a text where a program in C reads it, stands in nothing that is accepted.

use super::*;
use serde_json::Value;

/// Every text in it, by its JSON pointer.
fn texts(value: &Value, at: String, all: &mut Vec<String>) {
    match value {
        Value::String(_) => all.push(at),
        Value::Array(items) => items.iter().enumerate().for_each(|(n, item)| texts(item, format!("{at}/{n}"), all)),
        Value::Object(map) => map.iter().for_each(|(name, item)| texts(item, format!("{at}/{name}"), all)),
        _ => {}
    }
}

#[test]
fn a_text_of_any_example_that_has_it_is_refused() {
    let mut looked_at = 0;
    for example in examples::REQUESTS {
        let whole = serde_json::to_value(example.request()).unwrap();
        let mut all = Vec::new();
        texts(&whole, String::new(), &mut all);
        for at in all {
            let mut changed = whole.clone();
            let text = changed.pointer_mut(&at).unwrap();
            *text = format!("{}\0", text.as_str().unwrap()).into();
            // A word of ours, as its source, is no text.
            let Ok(request) = serde_json::from_value::<SendRequest>(changed) else { continue };
            looked_at += 1;
            let checked = check(request, &place(Lane::Realtime), &reference(), seed::NOW_MS, &Settings::default());
            let is_refused = checked.map_or(true, |all| all.iter().any(|one| matches!(one, Checked::Refused(_))));
            assert!(is_refused, "{}: {at}", example.name);
        }
    }
    assert!(looked_at > 200, "{looked_at} texts");
}

#[test]
fn its_text_is_named() {
    let said = |field: &str| ("1400".to_owned(), format!("{field}: has the character U+0000, which no text may have"));
    let bad = || Some("a\0b".to_owned());
    assert_eq!(refusal("sms", |r| r.message = bad()), said("message"));
    assert_eq!(refusal("sms", |r| r.bill_code = bad()), said("bill_code"));
    assert_eq!(refusal("sms", |r| drop(r.mapping.insert("a\0".into(), "b".into()))), said("mapping"));
    assert_eq!(refusal("push", |r| drop(r.data.insert("a".into(), "b\0".into()))), said("data"));
    assert_eq!(refusal("email", |r| r.html = bad()), said("html"));
    assert_eq!(
        refusal("at", |r| r.attachment.as_mut().unwrap().button[0].name = bad()),
        said("attachment.button[0].name")
    );
    assert_eq!(refusal("at", |r| r.fallback[0].message = bad()), said("fallback[0].message"));
}

#[test]
fn of_many_receivers_one_that_has_it_is_refused_alone() {
    let mut request = examples::request("sms_many");
    let count = request.receiver_list.len();
    request.receiver_list[1].mapping.insert("name".into(), "\0".into());
    let checked = run_in(&reference(), Lane::Mass, request);
    let refused: Vec<_> = checked
        .iter()
        .filter_map(|one| match one {
            Checked::Refused(refused) => Some(&*refused.report.message),
            Checked::Candidate(_) => None,
        })
        .collect();
    assert_eq!(
        (checked.len(), refused),
        (count, vec!["receiver_list[1].mapping: has the character U+0000, which no text may have"])
    );
}

#[test]
fn a_template_that_was_registered_with_it_is_not_sent() {
    let template = examples::request("at").template_code.unwrap();
    let reference = reference_with(|seed| {
        let row = seed.templates.iter_mut().find(|row| row.code == template).unwrap();
        row.message.push('\0');
    });
    let request = SendRequest { message: None, ..examples::request("at") };
    let refused = one_in(&reference, Lane::Realtime, request).unwrap_err();
    assert_eq!(refused.report.message, "message: has the character U+0000, which no text may have");
}
