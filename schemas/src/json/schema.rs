//! The same JSON as a JSON Schema (2020-12), made of the .avsc that the reader is made of.

use super::read::FORMER_NAMES;
use crate::{Record as _, SendRequest};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// SendRequest and every type inside it, by name. They refer to each other as `‹base›‹name›`.
///
/// A value that fits is read, and one that does not fit is refused, but for what no schema says: a name that is given
/// twice, half a surrogate pair, a whole number that is written with a point.
pub fn schemas(base: &str) -> BTreeMap<String, Value> {
    let mut types = Types { base, known: BTreeMap::new() };
    // The contract's own schema is JSON.
    let whole: Value = serde_json::from_str(SendRequest::SCHEMA).unwrap_or_default();
    types.of(&whole);
    // Its door or ingest asks for what the request itself cannot be without.
    if let Some(request) = types.known.get_mut(SendRequest::NAME).and_then(Value::as_object_mut) {
        request.remove("required");
        let fields = request.get_mut("properties").and_then(Value::as_object_mut);
        fields.into_iter().flat_map(Map::values_mut).for_each(|field| *field = nullable(field.take()));
    }
    types.known
}

struct Types<'b> {
    base: &'b str,
    known: BTreeMap<String, Value>,
}

impl Types<'_> {
    /// What may stand where the contract says this type.
    fn of(&mut self, avro: &Value) -> Value {
        match avro {
            Value::String(name) => match name.as_str() {
                "string" => json!({"type": "string"}),
                "boolean" => json!({"type": "boolean"}),
                "int" => json!({"type": "integer", "format": "int32", "minimum": i32::MIN, "maximum": i32::MAX}),
                "long" => json!({"type": "integer", "format": "int64", "minimum": i64::MIN, "maximum": i64::MAX}),
                named => self.reference(named),
            },
            Value::Array(union) => nullable(self.of(union.last().unwrap_or(&Value::Null))),
            other => self.written_out(other),
        }
    }

    fn written_out(&mut self, avro: &Value) -> Value {
        match avro["type"].as_str().unwrap_or_default() {
            "array" => json!({"type": "array", "items": self.of(&avro["items"])}),
            // The only map of the contract is one of texts, and a number stands for its text.
            "map" => json!({"type": "object", "additionalProperties": {"type": ["string", "number"]}}),
            "enum" => {
                let symbols = avro["symbols"].as_array().into_iter().flatten();
                let known: Vec<&Value> = symbols.filter(|symbol| *symbol != "UNKNOWN").collect();
                self.named(avro, json!({"type": "string", "enum": known}))
            }
            "record" => {
                let record = self.record(avro);
                self.named(avro, record)
            }
            // A time, as `time` reads it.
            _ => json!({"type": ["string", "integer"], "format": "date-time"}),
        }
    }

    fn record(&mut self, avro: &Value) -> Value {
        let (mut properties, mut required, mut by_any_name) = (Map::new(), Vec::new(), Vec::new());
        for field in avro["fields"].as_array().into_iter().flatten() {
            let name = field["name"].as_str().unwrap_or_default();
            let former = FORMER_NAMES.iter().find(|(_, now)| *now == name).map(|(former, _)| *former);
            let mut schema = self.of(&field["type"]);
            match (field.get("default"), former) {
                // Null is the same as not given.
                (Some(_), _) => schema = nullable(schema),
                (None, None) => required.push(name),
                (None, Some(former)) => {
                    by_any_name.push(json!({"anyOf": [{"required": [name]}, {"required": [former]}]}));
                }
            }
            if let Some(former) = former {
                let mut schema = schema.clone();
                schema["description"] = json!(format!("The former name of {name}."));
                schema["deprecated"] = json!(true);
                properties.insert(former.to_owned(), schema);
            }
            schema["description"] = field["doc"].clone();
            properties.insert(name.to_owned(), schema);
        }
        let record =
            json!({"type": "object", "additionalProperties": false, "properties": properties, "required": required});
        if by_any_name.is_empty() { record } else { with(record, "allOf", by_any_name.into()) }
    }

    fn named(&mut self, avro: &Value, mut schema: Value) -> Value {
        let name = avro["name"].as_str().unwrap_or_default();
        schema["description"] = avro["doc"].clone();
        self.known.insert(name.to_owned(), schema);
        self.reference(name)
    }

    fn reference(&self, name: &str) -> Value {
        json!({"$ref": format!("{}{}", self.base, name.rsplit('.').next().unwrap_or(name))})
    }
}

fn nullable(schema: Value) -> Value {
    match &schema["type"] {
        Value::Null if schema["anyOf"].is_null() => json!({"anyOf": [schema, {"type": "null"}]}),
        Value::String(one) => {
            let types = json!([one, "null"]);
            with(schema, "type", types)
        }
        Value::Array(several) if !several.iter().any(|of| of == "null") => {
            let types = several.iter().cloned().chain([json!("null")]).collect();
            with(schema, "type", types)
        }
        _ => schema,
    }
}

fn with(mut schema: Value, key: &str, value: Value) -> Value {
    schema[key] = value;
    schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{examples, json::send_request};
    use jsonschema::Validator;

    fn validator() -> Validator {
        let document = json!({"$ref": "#/$defs/SendRequest", "$defs": schemas("#/$defs/")});
        jsonschema::options().should_validate_formats(true).build(&document).unwrap()
    }

    /// Every place of a value, as a JSON pointer.
    fn places(value: &Value, at: String, all: &mut Vec<String>) {
        match value {
            Value::Object(map) => map.iter().for_each(|(key, inner)| places(inner, format!("{at}/{key}"), all)),
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(index, item)| places(item, format!("{at}/{index}"), all));
            }
            _ => {}
        }
        all.push(at);
    }

    #[test]
    fn what_fits_is_read_and_what_does_not_fit_is_refused() {
        let validator = validator();
        let others = [
            json!(null),
            json!(true),
            json!(7),
            json!(7.5),
            json!(3_000_000_000_u32),
            json!(-1),
            json!("x"),
            json!("2026-03-12T09:00:00+09:00"),
            json!([]),
            json!([1]),
            json!(["x"]),
            json!([{}]),
            json!({}),
            json!({"x": "y"}),
            json!({"x": null}),
        ];
        let (mut fitting, mut others_seen) = (0, 0);
        let mut agree = |value: &Value| {
            let (fits, read) = (validator.is_valid(value), send_request(value.to_string().as_bytes()));
            assert_eq!(fits, read.is_ok(), "{value}: {:?} {:?}", read.err(), validator.validate(value).err());
            if fits { fitting += 1 } else { others_seen += 1 }
        };
        for example in examples::REQUESTS {
            let whole: Value = serde_json::from_str(example.json).unwrap();
            agree(&whole);
            let mut all = Vec::new();
            places(&whole, String::new(), &mut all);
            for place in &all {
                for other in &others {
                    let mut changed = whole.clone();
                    *changed.pointer_mut(place).unwrap() = other.clone();
                    agree(&changed);
                }
                let (above, last) = place.rsplit_once('/').unwrap_or_default();
                let mut changed = whole.clone();
                if let Some(Value::Object(map)) = changed.pointer_mut(above) {
                    map.remove(last);
                    agree(&changed);
                }
                let mut changed = whole.clone();
                if let Some(Value::Object(map)) = changed.pointer_mut(place) {
                    map.insert("no_such_field".into(), json!("x"));
                    agree(&changed);
                }
            }
        }
        assert!(fitting > 1_000 && others_seen > 1_000, "{fitting} fitted, {others_seen} did not");
    }

    #[test]
    fn former_names_stand_beside_their_fields() {
        let all = schemas("#/");
        let deprecated: Vec<&str> = FORMER_NAMES
            .iter()
            .map(|(former, _)| *former)
            .filter(|former| all.values().any(|schema| schema["properties"][former]["deprecated"] == true))
            .collect();
        assert_eq!(deprecated.len(), FORMER_NAMES.len(), "{deprecated:?}");
    }
}
