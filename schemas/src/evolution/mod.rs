//! May this schema follow those versions? The contract is FULL_TRANSITIVE: every version reads every other one, because
//! data teams and the hops of the chain are upgraded in any order.
//!
//! Avro's own compatibility is necessary and not enough: it lets a rename through when both names have defaults, and it
//! knows nothing of `personal`. The rules here are stricter, so that a reviewer need not remember them.

use apache_avro::{Schema, schema_compatibility::SchemaCompatibility};
use serde_json::Value;
use std::{collections::BTreeMap, fs, io, path::Path};

const NAMESPACE: &str = "kr.ims.";

/// Everything that forbids `newer` to be read and written beside `older`; empty when it may follow.
pub fn breaks(older: &Value, newer: &Value) -> Vec<String> {
    let mut found = Vec::new();
    if older["name"] != newer["name"] {
        found.push(format!("{} is another record than {}", newer["name"], older["name"]));
    }
    let (older, newer) = (definitions(older), definitions(newer));
    for (name, was) in &older {
        let Some(is) = newer.get(name) else { continue };
        match (was["type"].as_str(), is["type"].as_str()) {
            (Some("enum"), Some("enum")) => found.extend(enum_breaks(name, was, is)),
            (Some("record"), Some("record")) => found.extend(record_breaks(name, was, is)),
            (was, is) => found.push(format!("{name}: was {was:?}, is {is:?}")),
        }
        found.extend(avro_breaks(name, was, is));
    }
    found
}

/// Everything that no version of the contract may have; empty when the schema keeps the rules.
pub fn faults(schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (name, definition) in definitions(schema) {
        let mut must = |holds: bool, what: &str| {
            if !holds {
                found.push(format!("{name}: {what}"));
            }
        };
        must(has_doc(definition), "needs a doc");
        must(definition.get("aliases").is_none(), "has aliases: names stay as they are");
        if definition["type"] == "enum" {
            must(definition["symbols"][0] == "UNKNOWN", "the first symbol is UNKNOWN, for what a reader does not know");
            must(definition["default"] == "UNKNOWN", "the default is UNKNOWN");
        }
        for field in fields(definition) {
            let at = |what: &str| format!("{}: {what}", field["name"].as_str().unwrap_or_default());
            must(has_doc(field), &at("needs a doc"));
            must(field.get("aliases").is_none(), &at("has aliases: names stay as they are"));
            must(type_is_allowed(&field["type"]), &at("no unions but [\"null\", T], no types but the contract's"));
            let nullable = field["type"].is_array();
            must(
                !nullable || field.get("default") == Some(&Value::Null),
                &at("a field that may be null defaults to null"),
            );
        }
    }
    found
}

/// The committed versions of a record, oldest first: `<folder>/<record>/1.avsc` and so on.
pub fn committed(folder: &Path, record: &str) -> io::Result<Vec<Value>> {
    let mut versions = Vec::new();
    loop {
        let file = version_file(folder, record, versions.len() + 1);
        if !file.exists() {
            return Ok(versions);
        }
        versions.push(serde_json::from_str(&fs::read_to_string(file)?)?);
    }
}

/// Where version `number` (from 1) of a record is committed.
pub fn version_file(folder: &Path, record: &str, number: usize) -> std::path::PathBuf {
    folder.join(record).join(format!("{number}.avsc"))
}

/// What Avro's own rules say about two versions of one named type.
fn avro_breaks(name: &str, was: &Value, is: &Value) -> Vec<String> {
    let both = || Ok::<_, apache_avro::Error>((Schema::parse(&alone(was))?, Schema::parse(&alone(is))?));
    match both() {
        Err(e) => vec![format!("{name}: no Avro schema: {e}")],
        Ok((was, is)) => match SchemaCompatibility::mutual_read(&was, &is) {
            Err(e) => vec![format!("{name}: one version cannot read the other: {e}")],
            Ok(_) => Vec::new(),
        },
    }
}

/// A definition with "string" in place of every other named type. Those are compared on their own, and by name where
/// they are used: apache-avro 0.22 takes a type written out here and named there for two types.
fn alone(definition: &Value) -> Value {
    fn without_names(ty: &Value) -> Value {
        match ty {
            Value::String(name) if name.starts_with(NAMESPACE) => "string".into(),
            Value::Array(branches) => branches.iter().map(without_names).collect(),
            Value::Object(map) => Value::Object(map.iter().map(|(k, v)| (k.clone(), without_names(v))).collect()),
            other => other.clone(),
        }
    }
    let mut alone = definition.clone();
    for field in alone["fields"].as_array_mut().into_iter().flatten() {
        field["type"] = without_names(&type_name(&field["type"]));
    }
    alone
}

fn enum_breaks(name: &str, was: &Value, is: &Value) -> Vec<String> {
    let symbols = |v: &Value| v["symbols"].as_array().cloned().unwrap_or_default();
    // The codec writes a symbol's place; a place never changes its meaning.
    match symbols(is).starts_with(&symbols(was)) {
        true => Vec::new(),
        false => vec![format!("{name}: symbols are only added, and at the end")],
    }
}

fn record_breaks(name: &str, was: &Value, is: &Value) -> Vec<String> {
    let by_name = |v: &Value| -> BTreeMap<String, Value> {
        fields(v).map(|f| (f["name"].as_str().unwrap_or_default().to_owned(), f.clone())).collect()
    };
    let (was, is) = (by_name(was), by_name(is));
    let mut found = Vec::new();
    for (field, new) in &is {
        match was.get(field) {
            None if new.get("default").is_none() => found.push(format!("{name}.{field}: a new field needs a default")),
            Some(old) if type_name(&old["type"]) != type_name(&new["type"]) => {
                found.push(format!("{name}.{field}: its type changed; add a field of another name instead"));
            }
            Some(old) if old["personal"] == true && new["personal"] != true => {
                found.push(format!("{name}.{field}: what is personal stays personal"));
            }
            _ => {}
        }
    }
    let removed = was.iter().filter(|(field, _)| !is.contains_key(*field));
    found.extend(
        removed
            .filter(|(_, old)| old.get("default").is_none())
            .map(|(field, _)| format!("{name}.{field}: a field without a default cannot go, nor be renamed")),
    );
    found
}

/// Every named type of a schema, by its full name.
fn definitions(schema: &Value) -> BTreeMap<String, &Value> {
    fn collect<'v>(value: &'v Value, found: &mut BTreeMap<String, &'v Value>) {
        match value {
            Value::Array(branches) => branches.iter().for_each(|branch| collect(branch, found)),
            Value::Object(map) => {
                if let (Some(Value::String(name)), Some(Value::String(_))) = (map.get("name"), map.get("type")) {
                    found.insert(name.clone(), value);
                }
                map.iter().filter(|(key, _)| ["type", "items", "values"].contains(&key.as_str())).for_each(|(_, v)| {
                    collect(v, found);
                });
                fields(value).for_each(|field| collect(&field["type"], found));
            }
            _ => {}
        }
    }
    let mut found = BTreeMap::new();
    collect(schema, &mut found);
    found
}

fn fields(definition: &Value) -> impl Iterator<Item = &Value> {
    definition["fields"].as_array().into_iter().flatten()
}

fn has_doc(value: &Value) -> bool {
    value["doc"].as_str().is_some_and(|doc| !doc.trim().is_empty())
}

fn type_is_allowed(ty: &Value) -> bool {
    match ty {
        Value::Array(union) => {
            matches!(union.as_slice(), [null, inner] if null == "null" && type_is_allowed(inner) && !inner.is_array())
        }
        Value::String(name) => {
            ["boolean", "int", "long", "bytes", "string"].contains(&name.as_str()) || name.starts_with(NAMESPACE)
        }
        Value::Object(map) => match map["type"].as_str() {
            Some("array") => type_is_allowed(&map["items"]),
            Some("map") => map["values"] == "string",
            Some("long") => map["logicalType"] == "timestamp-millis",
            Some("record" | "enum") => true,
            _ => false,
        },
        _ => false,
    }
}

/// A type with definitions replaced by their names: written out here and named there is the same type.
fn type_name(ty: &Value) -> Value {
    match ty {
        Value::Array(branches) => branches.iter().map(type_name).collect(),
        Value::Object(map) => match (map.get("name"), map.get("namespace")) {
            (Some(Value::String(name)), Some(Value::String(space))) => Value::String(format!("{space}.{name}")),
            _ => Value::Object(map.iter().map(|(k, v)| (k.clone(), type_name(v))).collect()),
        },
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests;
