use super::*;
use crate::Schemas;
use serde_json::json;

fn versions() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/avro/versions"))
}

#[test]
fn the_schemas_in_use_are_the_latest_committed_versions() {
    for (record, schema) in Schemas::records() {
        let schema: Value = serde_json::from_str(schema).unwrap();
        let committed = committed(versions(), record).unwrap();
        assert!(
            committed.last() == Some(&schema),
            "{record}.avsc differs from its latest version: cargo run -p schemas --example freeze"
        );
    }
}

#[test]
fn every_version_reads_every_other_one_and_keeps_the_rules() {
    for (record, _) in Schemas::records() {
        let committed = committed(versions(), record).unwrap();
        for (place, older) in committed.iter().enumerate() {
            assert_eq!(faults(older), Vec::<String>::new(), "{record} {}", place + 1);
            for newer in &committed[place..] {
                assert_eq!(breaks(older, newer), Vec::<String>::new(), "{record} from {}", place + 1);
            }
        }
    }
}

#[test]
fn no_version_is_committed_of_a_record_that_is_gone() {
    let known: Vec<&str> = Schemas::records().iter().map(|(record, _)| *record).collect();
    for entry in fs::read_dir(versions()).unwrap() {
        let name = entry.unwrap().file_name();
        assert!(known.contains(&name.to_str().unwrap()), "{name:?}");
    }
}

/// A schema that keeps the rules and shows each of them.
fn good() -> Value {
    json!({
        "type": "record", "name": "Letter", "namespace": "kr.ims", "doc": "A letter.",
        "fields": [
            {"name": "id", "type": "string", "doc": "Which."},
            {"name": "text", "type": ["null", "string"], "doc": "What.", "default": null, "personal": true},
            {"name": "kind", "doc": "Of what kind.", "type": {
                "type": "enum", "name": "Kind", "namespace": "kr.ims", "doc": "A kind.",
                "symbols": ["UNKNOWN", "SHORT"], "default": "UNKNOWN"}},
            {"name": "kinds", "type": {"type": "array", "items": "kr.ims.Kind"}, "doc": "Others.", "default": []}
        ]
    })
}

/// The good schema after one change.
fn changed(change: impl FnOnce(&mut Value)) -> Value {
    let mut schema = good();
    change(&mut schema);
    schema
}

fn add_field(schema: &mut Value, field: Value) {
    schema["fields"].as_array_mut().unwrap().push(field);
}

fn remove_field(schema: &mut Value, place: usize) -> Value {
    schema["fields"].as_array_mut().unwrap().remove(place)
}

#[test]
fn a_new_field_with_a_default_a_new_symbol_and_a_better_doc_may_follow() {
    let newer = changed(|s| {
        add_field(s, json!({"name": "more", "type": ["null", "long"], "doc": "More.", "default": null}));
        s["fields"][2]["type"]["symbols"] = json!(["UNKNOWN", "SHORT", "LONG"]);
        s["fields"][0]["doc"] = json!("Which one.");
        remove_field(s, 1);
    });
    assert_eq!(faults(&newer), Vec::<String>::new());
    assert_eq!(breaks(&good(), &newer), Vec::<String>::new());
}

#[test]
fn a_type_named_where_it_was_written_out_is_the_same_type() {
    let newer = changed(|s| {
        s["fields"][3]["type"]["items"] = s["fields"][2]["type"].clone();
        s["fields"][2]["type"] = json!("kr.ims.Kind");
        s["fields"].as_array_mut().unwrap().swap(2, 3);
    });
    assert_eq!(breaks(&good(), &newer), Vec::<String>::new());
}

#[test]
fn a_change_that_a_reader_or_writer_of_another_version_cannot_bear_is_refused() {
    let refused = |what: &str, newer: Value| {
        let found = breaks(&good(), &newer);
        assert!(found.iter().any(|reason| reason.contains(what)), "{what}: {found:?}");
    };
    let no_default = json!({"name": "more", "type": "long", "doc": "More."});
    refused("Letter.more: a new field needs a default", changed(|s| add_field(s, no_default)));
    refused("Letter.id: a field without a default cannot go", changed(|s| drop(remove_field(s, 0))));
    refused("Letter.id: a field without a default cannot go", changed(|s| s["fields"][0]["name"] = json!("ident")));
    refused("Letter.id: its type changed", changed(|s| s["fields"][0]["type"] = json!("bytes")));
    refused("Letter.text: its type changed", changed(|s| s["fields"][1]["type"] = json!(["null", "bytes"])));
    refused("Letter.text: what is personal", changed(|s| s["fields"][1]["personal"] = json!(false)));
    let symbols = |symbols: Value| changed(|s| s["fields"][2]["type"]["symbols"] = symbols);
    refused("Kind: symbols are only added", symbols(json!(["UNKNOWN", "LONG", "SHORT"])));
    refused("Kind: symbols are only added", symbols(json!(["UNKNOWN"])));
    refused(
        "Kind: was Some(\"enum\")",
        changed(|s| {
            s["fields"][2]["type"] =
                json!({"type": "record", "name": "Kind", "namespace": "kr.ims", "doc": "A kind.", "fields": []});
        }),
    );
    refused("another record", changed(|s| s["name"] = json!("Postcard")));
    refused("Letter: one version cannot read the other", changed(|s| s["fields"][0]["type"] = json!("long")));
    refused("Letter: no Avro schema", changed(|s| s["fields"][0]["type"] = json!("text")));
}

#[test]
fn a_schema_that_breaks_a_rule_of_the_contract_is_refused() {
    let refused = |what: &str, schema: Value| {
        let found = faults(&schema);
        assert!(found.iter().any(|reason| reason == what), "{what}: {found:?}");
    };
    refused("Letter: needs a doc", changed(|s| s["doc"] = json!(" ")));
    refused("Letter: id: needs a doc", changed(|s| drop(s["fields"][0].as_object_mut().unwrap().remove("doc"))));
    refused("Letter: id: has aliases: names stay as they are", changed(|s| s["fields"][0]["aliases"] = json!(["old"])));
    refused(
        "Letter: text: a field that may be null defaults to null",
        changed(|s| drop(s["fields"][1].as_object_mut().unwrap().remove("default"))),
    );
    let wrong_type = "Letter: text: no unions but [\"null\", T], no types but the contract's";
    for ty in [
        json!(["string", "null"]),
        json!(["null", "string", "long"]),
        json!("double"),
        json!({"type": "fixed", "name": "F", "size": 4}),
    ] {
        refused(wrong_type, changed(|s| s["fields"][1]["type"] = ty));
    }
    refused("Kind: the default is UNKNOWN", changed(|s| s["fields"][2]["type"]["default"] = json!("SHORT")));
    refused(
        "Kind: the first symbol is UNKNOWN, for what a reader does not know",
        changed(|s| s["fields"][2]["type"]["symbols"] = json!(["SHORT", "UNKNOWN"])),
    );
}
