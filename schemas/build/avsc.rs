//! Reads the .avsc files: one named type a file, which may name the others.

use serde_json::Value;
use std::{cell::RefCell, collections::BTreeMap, collections::BTreeSet, fs};

pub const NAMESPACE: &str = "kr.ims.";

/// An Avro type, reduced to what the contract allows.
pub enum Type {
    Boolean,
    Int,
    Long,
    /// UTC milliseconds.
    Timestamp,
    Bytes,
    String,
    Array(Box<Type>),
    /// Map of strings: the only kind of map in the contract.
    Map,
    /// `["null", T]`: the only kind of union in the contract.
    Nullable(Box<Type>),
    Named(String),
}

impl Type {
    /// The named type that it is, or that its items or its other branch are.
    fn named(&self) -> Option<&str> {
        match self {
            Self::Named(name) => Some(name),
            Self::Array(inner) | Self::Nullable(inner) => inner.named(),
            _ => None,
        }
    }
}

pub struct Field {
    pub name: String,
    pub doc: String,
    pub ty: Type,
    /// What a reader puts in when the writer knew no such field.
    pub default: Option<Value>,
    /// Phone number, address or text: masked in `Debug`.
    pub personal: bool,
}

pub enum Definition {
    Record { doc: String, fields: Vec<Field> },
    Enum { doc: String, symbols: Vec<String> },
}

pub struct Contract {
    raw: BTreeMap<String, Value>,
    definitions: BTreeMap<String, Definition>,
    /// Records that can borrow their texts.
    lending: BTreeSet<String>,
}

impl Contract {
    /// Reads all files of these folders. The records of `lending`, and all inside them, can borrow their texts.
    pub fn read(folders: &[&str], lending: &[&str]) -> Self {
        let mut raw = BTreeMap::new();
        for entry in folders.iter().flat_map(|folder| fs::read_dir(folder).expect("the folder can be read")) {
            let path = entry.expect("a folder entry").path();
            if path.extension().is_some_and(|e| e == "avsc") {
                let text = fs::read_to_string(&path).expect("a readable .avsc");
                let value: Value =
                    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{} is not JSON: {e}", path.display()));
                raw.insert(text_of(&value, "name"), value);
            }
        }
        let definitions = raw.iter().map(|(name, value)| (name.clone(), define(value))).collect();
        let mut contract = Self { raw, definitions, lending: BTreeSet::new() };
        let mut inside = BTreeSet::new();
        lending.iter().for_each(|name| contract.inside(name, &mut inside));
        contract.lending = inside.into_iter().filter(|name| contract.is_record(name)).map(str::to_owned).collect();
        contract
    }

    /// Whether this record can borrow its texts.
    pub fn lends(&self, name: &str) -> bool {
        self.lending.contains(name)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.definitions.keys().map(String::as_str)
    }

    pub fn get(&self, name: &str) -> &Definition {
        self.definitions.get(name).unwrap_or_else(|| panic!("no {name}.avsc"))
    }

    pub fn is_record(&self, name: &str) -> bool {
        matches!(self.get(name), Definition::Record { .. })
    }

    /// The type and every named type inside it.
    pub fn inside<'a>(&'a self, name: &'a str, found: &mut BTreeSet<&'a str>) {
        if found.insert(name)
            && let Definition::Record { fields, .. } = self.get(name)
        {
            fields.iter().filter_map(|f| f.ty.named()).for_each(|inner| self.inside(inner, found));
        }
    }

    /// The schema with every named type written out where it is first used, as a registry wants it.
    pub fn whole(&self, name: &str) -> String {
        let seen = RefCell::new(BTreeSet::new());
        self.inline(&Value::String(format!("{NAMESPACE}{name}")), &seen).to_string()
    }

    fn inline(&self, value: &Value, seen: &RefCell<BTreeSet<String>>) -> Value {
        match value {
            Value::String(s) => match s.strip_prefix(NAMESPACE) {
                Some(name) if seen.borrow_mut().insert(name.to_owned()) => {
                    let raw = self.raw.get(name).unwrap_or_else(|| panic!("no {name}.avsc"));
                    self.inline(raw, seen)
                }
                _ => value.clone(),
            },
            Value::Array(items) => items.iter().map(|v| self.inline(v, seen)).collect(),
            Value::Object(map) => Value::Object(
                map.iter()
                    .map(|(k, v)| match k.as_str() {
                        "type" | "items" | "values" | "fields" => (k.clone(), self.inline(v, seen)),
                        _ => (k.clone(), v.clone()),
                    })
                    .collect(),
            ),
            other => other.clone(),
        }
    }
}

fn text_of(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("{key} is missing in {value}")).to_owned()
}

fn define(value: &Value) -> Definition {
    let doc = text_of(value, "doc");
    match text_of(value, "type").as_str() {
        "enum" => Definition::Enum {
            doc,
            symbols: value["symbols"]
                .as_array()
                .expect("symbols")
                .iter()
                .map(|s| s.as_str().expect("a symbol").to_owned())
                .collect(),
        },
        "record" => {
            Definition::Record { doc, fields: value["fields"].as_array().expect("fields").iter().map(field).collect() }
        }
        other => panic!("{other}: a file holds a record or an enum"),
    }
}

fn field(value: &Value) -> Field {
    Field {
        name: text_of(value, "name"),
        doc: text_of(value, "doc"),
        ty: type_of(&value["type"]),
        default: value.get("default").cloned(),
        personal: value["personal"].as_bool().unwrap_or(false),
    }
}

fn type_of(value: &Value) -> Type {
    match value {
        Value::String(s) => match s.as_str() {
            "boolean" => Type::Boolean,
            "int" => Type::Int,
            "long" => Type::Long,
            "bytes" => Type::Bytes,
            "string" => Type::String,
            named => {
                Type::Named(named.strip_prefix(NAMESPACE).unwrap_or_else(|| panic!("unknown type {named}")).to_owned())
            }
        },
        Value::Array(union) => match union.as_slice() {
            [Value::String(null), inner] if null == "null" => Type::Nullable(Box::new(type_of(inner))),
            _ => panic!("{value}: no unions but [null, T]"),
        },
        Value::Object(map) => match map["type"].as_str() {
            Some("array") => Type::Array(Box::new(type_of(&map["items"]))),
            Some("map") if map["values"] == "string" => Type::Map,
            Some("long") if map["logicalType"] == "timestamp-millis" => Type::Timestamp,
            other => panic!("{other:?}: not in the contract"),
        },
        _ => panic!("{value} is no type"),
    }
}
