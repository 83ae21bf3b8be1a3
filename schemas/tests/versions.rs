//! Records written with another version of their schema: older, newer, reordered, foreign, hostile.

use apache_avro::{Schema, reader::datum::GenericDatumReader, types::Value as Avro, writer::datum::GenericDatumWriter};
use proptest::prelude::*;
use schemas::evolution::committed;
use schemas::{DecodeError, Dispatch, Lane, Record, Report, Schemas, SendRequest, StepResult, WireError, examples};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::{borrow::Cow, path::Path};

/// An id that this program did not give.
const FOREIGN: u32 = 4_711;

/// The named types of a schema apart from each other, so that a test can change one.
struct Parts {
    root: String,
    named: Map<String, Value>,
}

impl Parts {
    fn of<R: Record>() -> Self {
        let mut named = Map::new();
        take_apart(&serde_json::from_str(R::SCHEMA).unwrap(), &mut named);
        Self { root: format!("kr.ims.{}", R::NAME), named }
    }

    fn fields(&mut self, name: &str) -> &mut Vec<Value> {
        self.named[&format!("kr.ims.{name}")]["fields"].as_array_mut().unwrap()
    }

    fn without(mut self, record: &str, fields: &[&str]) -> Self {
        let before = self.fields(record).len();
        self.fields(record).retain(|f| !fields.contains(&f["name"].as_str().unwrap()));
        assert_eq!(self.fields(record).len(), before - fields.len());
        self
    }

    fn with_type(mut self, record: &str, field: &str, ty: Value) -> Self {
        let field = self.fields(record).iter_mut().find(|f| f["name"] == field).unwrap().as_object_mut().unwrap();
        field["type"] = ty;
        field.remove("default");
        self
    }

    fn schema(&self) -> String {
        self.whole(&json!(self.root), &mut Vec::new()).to_string()
    }

    /// Writes each named type out where it is first used.
    fn whole(&self, value: &Value, seen: &mut Vec<String>) -> Value {
        match value {
            Value::String(name) if self.named.contains_key(name) && !seen.contains(name) => {
                seen.push(name.clone());
                self.whole(&self.named[name], seen)
            }
            Value::Array(items) => items.iter().map(|item| self.whole(item, seen)).collect(),
            Value::Object(map) => map
                .iter()
                .map(|(k, v)| match k.as_str() {
                    "type" | "items" | "values" | "fields" => (k.clone(), self.whole(v, seen)),
                    _ => (k.clone(), v.clone()),
                })
                .collect(),
            other => other.clone(),
        }
    }
}

fn take_apart(value: &Value, named: &mut Map<String, Value>) -> Value {
    let taken = match value {
        Value::Array(items) => items.iter().map(|item| take_apart(item, named)).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(k, v)| match k.as_str() {
                "type" | "items" | "values" | "fields" => (k.clone(), take_apart(v, named)),
                _ => (k.clone(), v.clone()),
            })
            .collect(),
        other => other.clone(),
    };
    match value["namespace"].as_str() {
        Some(space) => {
            let name = format!("{space}.{}", value["name"].as_str().unwrap());
            named.insert(name.clone(), taken);
            json!(name)
        }
        None => taken,
    }
}

/// A datum of a foreign schema, made by apache-avro from JSON, framed.
fn written(schema: &str, json: Value) -> Vec<u8> {
    let schema = Schema::parse_str(schema).unwrap();
    let value = Avro::try_from(json).unwrap().resolve(&schema).unwrap();
    framed(&GenericDatumWriter::builder(&schema).build().unwrap().write_value_to_vec(value).unwrap())
}

fn framed(datum: &[u8]) -> Vec<u8> {
    [&[0], &FOREIGN.to_be_bytes()[..], datum].concat()
}

fn json_of(record: &impl Serialize) -> Value {
    serde_json::to_value(record).unwrap()
}

fn knowing(schema: &str) -> Schemas {
    let schemas = Schemas::embedded();
    schemas.learn(FOREIGN, schema).unwrap();
    schemas
}

fn refusal<R: Record + std::fmt::Debug>(schema: &str, value: &[u8]) -> WireError {
    knowing(schema).decode::<R>(value).unwrap_err()
}

#[test]
fn an_older_writer_without_a_field_is_read_with_its_default() {
    let schema = Parts::of::<SendRequest>()
        .without("SendRequest", &["bill_code", "source", "receiver_list", "data"])
        .without("Button", &["tel_number", "url_pc"])
        .schema();
    let request = examples::request("at");
    let mut expected = request.clone();
    expected.bill_code = None;
    expected.attachment.as_mut().unwrap().button[0].url_pc = None;
    assert_ne!(expected, request);
    assert_eq!(knowing(&schema).decode::<SendRequest>(&written(&schema, json_of(&request))), Ok(expected));
}

#[test]
fn a_newer_writer_with_more_fields_is_read_without_them() {
    let mut parts = Parts::of::<SendRequest>();
    let inner = json!({"type": "record", "name": "Extra", "namespace": "kr.ims", "fields": [
        {"name": "a", "type": "double"}, {"name": "b", "type": {"type": "fixed", "name": "Four", "size": 4}},
        {"name": "c", "type": ["null", "long", "string", "float"]}, {"name": "d", "type": {"type": "map", "values": "int"}}]});
    let extra = json!({"name": "extra", "type": {"type": "array", "items": inner}});
    parts.fields("SendRequest").insert(3, extra);
    parts.fields("Button").push(json!({"name": "colour", "type": "string"}));
    let schema = parts.schema();
    let request = examples::request("at");
    let mut json = json_of(&request);
    json["extra"] =
        json!([{"a": 1.5, "b": "AAAA", "c": "x", "d": {"k": 1}}, {"a": -1.0, "b": "BBBB", "c": null, "d": {}}]);
    json["attachment"]["button"][0]["colour"] = json!("yellow");
    assert_eq!(knowing(&schema).decode::<SendRequest>(&written(&schema, json)), Ok(request));
}

#[test]
fn a_newer_symbol_is_refused_by_field_and_the_symbols_we_know_are_read() {
    let mut parts = Parts::of::<Dispatch>();
    parts.named["kr.ims.Lane"]["symbols"] = json!(["UNKNOWN", "URGENT", "AUTH", "REALTIME", "MASS", "AD"]);
    let schema = parts.schema();
    let dispatch = examples::dispatch();
    assert_eq!(knowing(&schema).decode(&written(&schema, json_of(&dispatch))).as_ref(), Ok(&dispatch));

    let mut json = json_of(&dispatch);
    json["priority"] = json!("URGENT");
    let refused = refusal::<Dispatch>(&schema, &written(&schema, json));
    assert_eq!(
        refused.to_string(),
        "not a Dispatch: Dispatch.priority: symbol 0 of Lane is not known here: upgrade this reader, or mend the record"
    );
}

#[test]
fn a_symbol_beyond_the_writers_own_is_refused() {
    let mut parts = Parts::of::<Dispatch>();
    parts.named["kr.ims.Lane"]["symbols"] = json!(["AUTH", "REALTIME", "UNKNOWN"]);
    let schema = parts.schema();
    let mut value = written(&schema, json_of(&examples::dispatch()));
    // The frame, the serial number's length and its 29 characters, then the priority: REALTIME is the writer's 1.
    let priority = 5 + 1 + 29;
    assert_eq!(value[priority], 2);
    value[priority] = 3 << 1;
    let cause = DecodeError::Branch { at: priority - 5, got: 3 };
    assert_eq!(refusal::<Dispatch>(&schema, &value), WireError::Datum { record: "Dispatch", cause });
}

#[test]
fn types_that_avro_promotes_and_unions_cut_otherwise_are_read() {
    let schema = Parts::of::<SendRequest>()
        .with_type("SendRequest", "message_id", json!("bytes"))
        .with_type("SendRequest", "send_at", json!(["int", "null"]))
        .with_type("SendRequest", "message", json!("string"))
        .with_type("SendRequest", "mapping", json!({"type": "map", "values": ["bytes", "string"]}))
        .schema();
    let mut request = examples::request("sms");
    request.send_at = Some(1_234);
    let mut json = json_of(&request);
    json["message_id"] = json!(request.message_id.as_bytes());
    assert_eq!(knowing(&schema).decode::<SendRequest>(&written(&schema, json)), Ok(request));
}

#[test]
fn a_null_where_a_value_is_needed_is_refused_and_a_value_there_is_read() {
    let schema = Parts::of::<SendRequest>().with_type("SendRequest", "channel", json!(["null", "string"])).schema();
    let request = examples::request("sms");
    assert_eq!(knowing(&schema).decode(&written(&schema, json_of(&request))).as_ref(), Ok(&request));
    let mut json = json_of(&request);
    json["channel"] = Value::Null;
    let refused = refusal::<SendRequest>(&schema, &written(&schema, json));
    assert!(matches!(refused, WireError::Datum { cause: DecodeError::Unfit { .. }, .. }), "{refused}");
}

#[test]
fn docs_marks_defaults_and_logical_types_make_no_other_schema() {
    let mut parts = Parts::of::<SendRequest>();
    for field in parts.fields("SendRequest") {
        let field = field.as_object_mut().unwrap();
        for attribute in ["doc", "personal", "default"] {
            field.remove(attribute);
        }
    }
    let schema = parts.with_type("SendRequest", "send_at", json!(["null", "long"])).schema();
    let mut datum = Vec::new();
    schemas::Avro::encode(&examples::request("at"), &mut datum);
    let value = framed(&datum);
    // Borrowed: nothing had to be written anew.
    assert!(matches!(knowing(&schema).datum::<SendRequest>(&value), Ok(Cow::Borrowed(_))));
}

#[test]
fn an_id_is_refused_until_it_is_learnt() {
    let request = examples::request("at");
    let value = written(SendRequest::SCHEMA, json_of(&request));
    let schemas = Schemas::embedded();
    assert_eq!(schemas.decode::<SendRequest>(&value), Err(WireError::UnknownId { id: FOREIGN }));
    schemas.learn(FOREIGN, SendRequest::SCHEMA).unwrap();
    assert_eq!(schemas.decode(&value), Ok(request));
}

#[test]
fn what_an_older_program_wrote_without_a_registry_is_read_by_the_version_it_had() {
    // A dispatch of its first version, and of the one that was in use before versions had ids: what came since stands in
    // the middle.
    let dispatch = examples::dispatch();
    for id in [1_003, 3] {
        let text = Schemas::version(id).unwrap();
        let mut value = written(text, json_of(&dispatch));
        value[1..5].copy_from_slice(&id.to_be_bytes());
        let schemas = Schemas::embedded();
        assert_eq!(schemas.decode::<Dispatch>(&value), Err(WireError::UnknownId { id }));
        schemas.learn(id, text).unwrap();
        assert_eq!(schemas.decode::<Dispatch>(&value), Ok(dispatch.clone()));
    }
}

#[test]
fn without_a_registry_each_version_of_a_record_has_an_id_of_its_own() {
    let versions = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/avro/versions"));
    let text = |id: u32| Schemas::version(id).map(|text| serde_json::from_str::<Value>(text).unwrap());
    let mut ids = 0;
    for (record, _) in Schemas::records() {
        let committed = committed(versions, record).unwrap();
        let place = (1..1_000).find(|place| text(1_000 + place).as_ref() == committed.first()).expect(record);
        for (version, expected) in (1..).zip(&committed) {
            assert_eq!(text(1_000 * version + place).as_ref(), Some(expected), "{record} {version}");
            ids += 1;
        }
    }
    assert_eq!((1_000..20_000).filter(|id| text(*id).is_some()).count(), ids);
    let schemas = Schemas::embedded();
    let in_use = [schemas.id_of::<SendRequest>(), schemas.id_of::<Dispatch>(), schemas.id_of::<Report>()];
    assert_eq!(
        in_use.map(text),
        [SendRequest::SCHEMA, Dispatch::SCHEMA, Report::SCHEMA].map(|s| serde_json::from_str(s).ok())
    );
}

#[test]
fn a_place_alone_is_the_version_that_was_in_use_before_versions_had_ids() {
    let before = [1, 1, 2, 2, 2, 1, 2, 4, 1, 2, 2];
    for (place, version) in (1..).zip(before) {
        assert_eq!(Schemas::version(place), Schemas::version(1_000 * version + place), "{place}");
    }
    assert_eq!(Schemas::version(12), None);
}

#[test]
fn a_record_of_another_schema_is_refused_by_name() {
    let report = written(Report::SCHEMA, json_of(&examples::report()));
    assert_eq!(
        refusal::<SendRequest>(Report::SCHEMA, &report).to_string(),
        format!("schema id {FOREIGN} is no SendRequest: it is a Report")
    );
    let older = Parts::of::<Report>().without("Report", &["bill_code"]).schema();
    assert_eq!(
        refusal::<SendRequest>(&older, &report).to_string(),
        format!("schema id {FOREIGN} is no SendRequest: it is a Report")
    );
    let customer = r#"{"type":"record","name":"Customer","fields":[{"name":"id","type":"string"}]}"#;
    assert_eq!(
        refusal::<SendRequest>(customer, &framed(&[2, b'x'])).to_string(),
        format!("schema id {FOREIGN} is no SendRequest: it is a Customer")
    );
    assert_eq!(
        refusal::<SendRequest>(r#""string""#, &framed(&[2, b'x'])).to_string(),
        format!("schema id {FOREIGN} is no SendRequest: it is no record")
    );
    let own = Schemas::embedded().encode(&examples::report());
    let refused = Schemas::embedded().decode::<SendRequest>(&own).unwrap_err().to_string();
    assert!(refused.ends_with("is no SendRequest: it is a Report"), "{refused}");
}

#[test]
fn bytes_after_a_record_of_another_version_are_refused() {
    let schema = Parts::of::<SendRequest>().without("SendRequest", &["bill_code"]).schema();
    let mut value = written(&schema, json_of(&examples::request("sms")));
    value.push(0);
    let cause = DecodeError::Trailing { count: 1 };
    assert_eq!(refusal::<SendRequest>(&schema, &value), WireError::Datum { record: "SendRequest", cause });
}

#[test]
fn a_schema_that_cannot_become_ours_says_which_field_is_to_blame() {
    let schema = Parts::of::<SendRequest>().without("SendRequest", &["message_type"]).schema();
    let refused = refusal::<SendRequest>(&schema, &framed(&[0])).to_string();
    assert_eq!(refused, format!("schema id {FOREIGN} is no SendRequest: SendRequest.message_type: is missing"));

    // Behind a union it matters only when a record has one.
    let schema = Parts::of::<SendRequest>().with_type("Button", "type", json!("long")).schema();
    let request = examples::request("at_otp");
    assert_eq!(knowing(&schema).decode(&written(&schema, json_of(&request))).as_ref(), Ok(&request));
    let mut json = json_of(&request);
    json["attachment"] = json!({"button": [{"type": 7}]});
    let refused = refusal::<SendRequest>(&schema, &written(&schema, json)).to_string();
    assert!(refused.ends_with("Attachment.button: Button.type: long cannot be read as string"), "{refused}");
}

#[test]
fn a_hostile_schema_is_refused_when_it_is_learnt() {
    let doubling: Vec<Value> = (1..40)
        .map(|n| {
            let below = if n == 1 { json!("null") } else { json!(format!("R{}", n - 1)) };
            json!({"type": "record", "name": format!("R{n}"), "fields": [{"name": "a", "type": below}, {"name": "b", "type": below}]})
        })
        .collect();
    let mut deep = json!("long");
    for _ in 0..100 {
        deep = json!({"type": "map", "values": deep});
    }
    for (schema, text) in [
        (
            json!({"type": "record", "name": "SendRequest", "fields": [{"name": "a", "type": ["null", "SendRequest"]}]}),
            "SendRequest contains itself",
        ),
        (
            json!({"type": "array", "items": {"type": "record", "name": "E", "fields": []}}),
            "an array of values without bytes",
        ),
        (json!({"type": "array", "items": "null"}), "an array of values without bytes"),
        (json!(doubling), "more than 20000 types with every name written out"),
        (deep, "nested deeper than 64 levels"),
        (json!("Nobody"), "Nobody is not defined before it is used"),
        (json!({"type": "fixed", "name": "F"}), "F has no size"),
        (json!({"name": "x"}), "a type is missing"),
        (json!(7), "7 is no type"),
    ] {
        assert_eq!(Schemas::embedded().learn(FOREIGN, &schema.to_string()).unwrap_err().to_string(), text);
    }
    let schemas = Schemas::embedded();
    assert!(schemas.learn(FOREIGN, "{").is_err());
    let refused = schemas.decode::<SendRequest>(&framed(&[0])).unwrap_err().to_string();
    assert!(refused.starts_with(&format!("schema id {FOREIGN} is no SendRequest: not JSON")), "{refused}");
    assert!(Schemas::embedded().learn(FOREIGN, &"[".repeat(100_000)).is_err());
}

/// Leaves defaulted fields out and shuffles the rest, as `seed` says. One field is always left: a record without any has
/// no bytes, and arrays of such are refused.
fn another_version<R: Record>(seed: u64) -> String {
    let mut state = seed | 1;
    let mut next = || {
        // xorshift64: any spread of bits will do.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut parts = Parts::of::<R>();
    for (_, definition) in &mut parts.named {
        if let Some(fields) = definition["fields"].as_array_mut() {
            let first = fields.first().cloned();
            fields.retain(|f| f.get("default").is_none() || next() % 3 > 0);
            if fields.is_empty() {
                fields.extend(first);
            }
            fields.sort_by_cached_key(|_| if seed.is_multiple_of(2) { next() } else { 0 });
        }
    }
    parts.schema()
}

/// Our resolution and apache-avro's give the same record; a datum that is cut anywhere is refused.
fn resolves_as_apache_avro_does<R>(record: &R, seed: u64)
where
    R: Record + Serialize + std::fmt::Debug,
{
    let theirs = another_version::<R>(seed);
    let (writer, reader) = (Schema::parse_str(&theirs).unwrap(), Schema::parse_str(R::SCHEMA).unwrap());
    let value = written(&theirs, json_of(record));
    let general = GenericDatumReader::builder(&writer).reader_schema(&reader).build().unwrap();
    let expected = general.read_value(&mut &value[5..]).unwrap();

    let schemas = knowing(&theirs);
    let ours: R = schemas.decode(&value).unwrap();
    assert_eq!(Avro::try_from(json_of(&ours)).unwrap().resolve(&reader).unwrap(), expected);
    for end in 5..value.len() {
        assert!(schemas.decode::<R>(&value[..end]).is_err(), "cut at {end} of {}", value.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn any_version_is_resolved_as_apache_avro_resolves_it(seed: u64, example in 0..examples::REQUESTS.len()) {
        resolves_as_apache_avro_does(&examples::REQUESTS[example].request(), seed);
        resolves_as_apache_avro_does::<StepResult>(&examples::result(), seed);
    }

    #[test]
    fn mutated_bytes_of_another_version_never_panic(seed: u64, at: usize, byte: u8) {
        let schema = another_version::<StepResult>(seed);
        let schemas = knowing(&schema);
        let mut value = written(&schema, json_of(&examples::result()));
        let at = 5 + at % (value.len() - 5);
        value[at] = byte;
        // Read or refused, either is right.
        let _ = schemas.decode::<StepResult>(&value);
    }
}

#[test]
fn lanes_keep_their_places() {
    // The fast codec writes places; the foreign schemas above rely on these.
    let encoded = |lane: Lane| {
        let mut out = Vec::new();
        schemas::Avro::encode(&lane, &mut out);
        out
    };
    assert_eq!([Lane::Auth, Lane::Realtime, Lane::Mass, Lane::Ad].map(encoded).concat(), [2, 4, 6, 8]);
}
