//! A writer's schema, reduced to what its bytes are made of.

use super::SchemaError;
use crate::avro::{DecodeError, Input};
use rustc_hash::FxHashMap;
use serde_json::Value;
use std::sync::Arc;

/// Nesting that is still read; the contract's deepest schema has about 20 levels. Protects the stack.
const MOST_LEVELS: usize = 64;
/// Types in a schema with every name written out; the contract's largest has about 1,500. Protects the time that a
/// record of few bytes can cost.
const MOST_TYPES: usize = 20_000;

/// A type, with its names resolved. Recursive types are refused: the contract has none.
#[derive(Debug)]
pub(super) enum Shape {
    Null,
    Boolean,
    Int,
    Long,
    Bytes,
    String,
    /// Any type of a fixed number of bytes: fixed, float, double.
    Fixed(usize),
    Enum {
        name: String,
        symbols: Vec<String>,
    },
    Array(Arc<Shape>),
    Map(Arc<Shape>),
    Union(Vec<Arc<Shape>>),
    Record {
        name: String,
        fields: Vec<Field>,
    },
}

#[derive(Debug)]
pub(super) struct Field {
    pub name: String,
    pub shape: Arc<Shape>,
    pub default: Option<Value>,
}

impl Shape {
    pub(super) fn parse(schema: &str) -> Result<Arc<Self>, SchemaError> {
        let json: Value = serde_json::from_str(schema).map_err(|e| SchemaError(format!("not JSON: {e}")))?;
        Parser { named: FxHashMap::default(), types: 0 }.read(&json, "", 0)
    }

    /// Passes over one value.
    pub(super) fn skip(&self, input: &mut Input<'_>) -> Result<(), DecodeError> {
        match self {
            Self::Null => Ok(()),
            Self::Boolean => input.fixed(1).map(drop),
            Self::Int | Self::Long | Self::Enum { .. } => input.long().map(drop),
            Self::Bytes | Self::String => input.bytes().map(drop),
            Self::Fixed(bytes) => input.fixed(*bytes).map(drop),
            Self::Array(item) => input.blocks(|input| item.skip(input)),
            Self::Map(value) => input.blocks(|input| {
                input.bytes()?;
                value.skip(input)
            }),
            Self::Union(branches) => input.branch(branches)?.skip(input),
            Self::Record { fields, .. } => fields.iter().try_for_each(|field| field.shape.skip(input)),
        }
    }

    /// The fewest bytes that a value has.
    fn least_bytes(&self) -> usize {
        match self {
            Self::Null => 0,
            Self::Fixed(bytes) => *bytes,
            Self::Record { fields, .. } => fields.iter().fold(0, |sum, f| sum.saturating_add(f.shape.least_bytes())),
            _ => 1,
        }
    }
}

struct Parser {
    /// By full name; None while its definition is still being read.
    named: FxHashMap<String, Option<(Arc<Shape>, usize)>>,
    types: usize,
}

impl Parser {
    fn read(&mut self, json: &Value, space: &str, level: usize) -> Result<Arc<Shape>, SchemaError> {
        self.count(1)?;
        if level > MOST_LEVELS {
            return Err(SchemaError(format!("nested deeper than {MOST_LEVELS} levels")));
        }
        let shape = match json {
            Value::String(name) => return self.by_name(name, space),
            Value::Array(branches) => {
                Shape::Union(branches.iter().map(|b| self.read(b, space, level + 1)).collect::<Result<_, _>>()?)
            }
            Value::Object(map) => match &map.get("type") {
                Some(Value::String(ty)) => match ty.as_str() {
                    "record" | "error" | "enum" | "fixed" => return self.define(json, ty, space, level),
                    "array" => {
                        let item = self.read(&json["items"], space, level + 1)?;
                        if item.least_bytes() == 0 {
                            // A count alone could claim billions of them.
                            return Err(SchemaError("an array of values without bytes".into()));
                        }
                        Shape::Array(item)
                    }
                    "map" => Shape::Map(self.read(&json["values"], space, level + 1)?),
                    name => return self.by_name(name, space),
                },
                Some(inner) => return self.read(inner, space, level + 1),
                None => return Err(SchemaError("a type is missing".into())),
            },
            _ => return Err(SchemaError(format!("{json} is no type"))),
        };
        Ok(Arc::new(shape))
    }

    fn by_name(&mut self, name: &str, space: &str) -> Result<Arc<Shape>, SchemaError> {
        Ok(Arc::new(match name {
            "null" => Shape::Null,
            "boolean" => Shape::Boolean,
            "int" => Shape::Int,
            "long" => Shape::Long,
            "float" => Shape::Fixed(4),
            "double" => Shape::Fixed(8),
            "bytes" => Shape::Bytes,
            "string" => Shape::String,
            _ => match self.named.get(&full_name(name, space)) {
                Some(Some((shape, types))) => {
                    let (shape, types) = (Arc::clone(shape), *types);
                    self.count(types)?;
                    return Ok(shape);
                }
                Some(None) => return Err(SchemaError(format!("{name:.40} contains itself"))),
                None => return Err(SchemaError(format!("{name:.40} is not defined before it is used"))),
            },
        }))
    }

    fn define(&mut self, json: &Value, ty: &str, space: &str, level: usize) -> Result<Arc<Shape>, SchemaError> {
        let text = |key: &str| json[key].as_str();
        let name = text("name").ok_or_else(|| SchemaError(format!("a {ty} without a name")))?;
        let full = full_name(name, text("namespace").unwrap_or(space));
        let (inner_space, short) = full.rsplit_once('.').unwrap_or(("", &full));
        let before = self.types;
        self.named.insert(full.clone(), None);
        let list = |key: &str| json[key].as_array().ok_or_else(|| SchemaError(format!("{name:.40} has no {key}")));
        let shape = match ty {
            "fixed" => {
                let size = json["size"].as_u64().and_then(|size| usize::try_from(size).ok());
                Shape::Fixed(size.ok_or_else(|| SchemaError(format!("{name:.40} has no size")))?)
            }
            "enum" => {
                let symbols = list("symbols")?.iter().map(|s| s.as_str().unwrap_or_default().to_owned()).collect();
                Shape::Enum { name: short.to_owned(), symbols }
            }
            _ => {
                let field = |json: &Value| {
                    let name = json["name"].as_str().unwrap_or_default().to_owned();
                    let shape = self.read(&json["type"], inner_space, level + 1)?;
                    Ok(Field { name, shape, default: json.get("default").cloned() })
                };
                Shape::Record {
                    name: short.to_owned(),
                    fields: list("fields")?.iter().map(field).collect::<Result<_, SchemaError>>()?,
                }
            }
        };
        let shape = Arc::new(shape);
        self.named.insert(full, Some((Arc::clone(&shape), self.types - before)));
        Ok(shape)
    }

    fn count(&mut self, types: usize) -> Result<(), SchemaError> {
        self.types += types;
        if self.types > MOST_TYPES {
            return Err(SchemaError(format!("more than {MOST_TYPES} types with every name written out")));
        }
        Ok(())
    }
}

fn full_name(name: &str, space: &str) -> String {
    if name.contains('.') || space.is_empty() { name.to_owned() } else { format!("{space}.{name}") }
}
