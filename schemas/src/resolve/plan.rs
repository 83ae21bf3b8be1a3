//! How a value of the writer's schema becomes one of ours, worked out once per schema.

use super::SchemaError;
use super::shape::Shape;
use crate::avro::{DecodeError, Input, put_bytes, put_long};
use serde_json::Value;
use std::{ops::Range, sync::Arc};

/// How to turn one value.
#[derive(Debug)]
pub(super) enum Plan {
    /// Both write the same bytes.
    Verbatim(Arc<Shape>),
    /// For each of the writer's symbols its place among ours; 0, UNKNOWN, for one that we do not have.
    Symbols(Vec<i64>),
    /// Array or map, item by item.
    Blocks { keyed: bool, item: Box<Plan> },
    /// What each branch of the writer's union becomes.
    Branches(Vec<Plan>),
    /// A value where ours may be null.
    Present(Box<Plan>),
    /// Null where ours may be null.
    Absent,
    /// A branch of the writer's union that ours has no place for; why.
    Unfit(SchemaError),
    /// The writer's fields, and where ours come from.
    Record { theirs: Vec<Arc<Shape>>, ours: Vec<Source> },
}

#[derive(Debug)]
pub(super) enum Source {
    /// Neighbours among the writer's fields, by place, copied as they are.
    Run(Range<usize>),
    /// One of the writer's fields, by place.
    Turned(usize, Plan),
    /// Bytes of our default.
    Default(Vec<u8>),
}

impl Plan {
    /// By the rules of the Avro specification, "Schema Resolution".
    pub(super) fn new(theirs: &Arc<Shape>, ours: &Shape) -> Result<Self, SchemaError> {
        let verbatim = || Self::Verbatim(Arc::clone(theirs));
        Ok(match (&**theirs, ours) {
            (Shape::Union(branches), _) => {
                let plans: Vec<Self> =
                    branches.iter().map(|b| Self::new(b, ours).unwrap_or_else(Self::Unfit)).collect();
                match plans.as_slice() {
                    plans if plans.iter().all(|plan| matches!(plan, Self::Unfit(_))) => {
                        return Err(mismatch(theirs, ours));
                    }
                    [Self::Absent, Self::Present(inner)] if matches!(**inner, Self::Verbatim(_)) => verbatim(),
                    _ => Self::Branches(plans),
                }
            }
            (Shape::Null, Shape::Union(_)) => Self::Absent,
            (_, Shape::Union(branches)) => match branches.as_slice() {
                [_, inner] => Self::Present(Box::new(Self::new(theirs, inner)?)),
                _ => return Err(mismatch(theirs, ours)),
            },
            (Shape::Boolean, Shape::Boolean)
            | (Shape::Int, Shape::Int | Shape::Long)
            | (Shape::Long, Shape::Long)
            | (Shape::Bytes | Shape::String, Shape::Bytes | Shape::String) => verbatim(),
            (Shape::Enum { name, symbols }, Shape::Enum { name: our_name, symbols: our_symbols }) => {
                same_name(name, our_name)?;
                if our_symbols.starts_with(symbols) {
                    return Ok(verbatim());
                }
                let place = |symbol| our_symbols.iter().position(|ours| ours == symbol).unwrap_or(0);
                Self::Symbols(symbols.iter().map(|symbol| place(symbol) as i64).collect())
            }
            (Shape::Array(item), Shape::Array(our_item)) => Self::blocks(theirs, false, item, our_item)?,
            (Shape::Map(value), Shape::Map(our_value)) => Self::blocks(theirs, true, value, our_value)?,
            (Shape::Record { .. }, Shape::Record { .. }) => Self::record(theirs, ours)?,
            _ => return Err(mismatch(theirs, ours)),
        })
    }

    fn blocks(theirs: &Arc<Shape>, keyed: bool, item: &Arc<Shape>, ours: &Shape) -> Result<Self, SchemaError> {
        Ok(match Self::new(item, ours)? {
            Self::Verbatim(_) => Self::Verbatim(Arc::clone(theirs)),
            item => Self::Blocks { keyed, item: Box::new(item) },
        })
    }

    fn record(theirs: &Arc<Shape>, ours: &Shape) -> Result<Self, SchemaError> {
        let (Shape::Record { name, fields }, Shape::Record { name: our_name, fields: our_fields }) = (&**theirs, ours)
        else {
            return Err(mismatch(theirs, ours));
        };
        same_name(name, our_name)?;
        let mut sources = Vec::with_capacity(our_fields.len());
        for ours in our_fields {
            let within = |e: SchemaError| SchemaError(format!("{our_name}.{}: {}", ours.name, e.0));
            let Some(place) = fields.iter().position(|f| f.name == ours.name) else {
                let default = ours.default.as_ref().ok_or_else(|| SchemaError("is missing".into()));
                let bytes = default.and_then(|value| default_bytes(&ours.shape, value)).map_err(within)?;
                sources.push(Source::Default(bytes));
                continue;
            };
            match (Self::new(&fields[place].shape, &ours.shape).map_err(within)?, sources.last_mut()) {
                (Self::Verbatim(_), Some(Source::Run(run))) if run.end == place => run.end += 1,
                (Self::Verbatim(_), _) => sources.push(Source::Run(place..place + 1)),
                (plan, _) => sources.push(Source::Turned(place, plan)),
            }
        }
        if matches!(sources.as_slice(), [Source::Run(run)] if *run == (0..fields.len())) {
            return Ok(Self::Verbatim(Arc::clone(theirs)));
        }
        Ok(Self::Record { theirs: fields.iter().map(|f| Arc::clone(&f.shape)).collect(), ours: sources })
    }

    /// Reads one value of theirs, appends it as one of ours.
    pub(super) fn run(&self, input: &mut Input<'_>, out: &mut Vec<u8>) -> Result<(), DecodeError> {
        match self {
            Self::Verbatim(shape) => {
                let start = input.at();
                shape.skip(input)?;
                out.extend_from_slice(input.between(start, input.at()));
            }
            Self::Symbols(places) => put_long(out, *input.branch(places)?),
            Self::Blocks { keyed, item } => loop {
                let count = input.block()?;
                put_long(out, count as i64);
                if count == 0 {
                    break;
                }
                for _ in 0..count {
                    if *keyed {
                        put_bytes(out, input.bytes()?);
                    }
                    item.run(input, out)?;
                }
            },
            Self::Branches(plans) => input.branch(plans)?.run(input, out)?,
            Self::Present(inner) => {
                put_long(out, 1);
                inner.run(input, out)?;
            }
            Self::Absent => put_long(out, 0),
            Self::Unfit(reason) => return Err(DecodeError::Unfit { at: input.at(), reason: reason.to_string() }),
            Self::Record { theirs, ours } => {
                // Where each of their fields starts, and where the last one ends.
                let mut starts = Vec::with_capacity(theirs.len() + 1);
                for shape in theirs {
                    starts.push(input.at());
                    shape.skip(input)?;
                }
                starts.push(input.at());
                for source in ours {
                    match source {
                        Source::Run(run) => out.extend_from_slice(input.between(starts[run.start], starts[run.end])),
                        Source::Turned(place, plan) => plan.run(&mut input.from(starts[*place]), out)?,
                        Source::Default(bytes) => out.extend_from_slice(bytes),
                    }
                }
            }
        }
        Ok(())
    }
}

fn same_name(theirs: &str, ours: &str) -> Result<(), SchemaError> {
    if theirs == ours { Ok(()) } else { Err(SchemaError(format!("is a {theirs:.40}, not a {ours}"))) }
}

fn mismatch(theirs: &Shape, ours: &Shape) -> SchemaError {
    SchemaError(format!("{} cannot be read as {}", word(theirs), word(ours)))
}

fn word(shape: &Shape) -> &'static str {
    match shape {
        Shape::Null => "null",
        Shape::Boolean => "boolean",
        Shape::Int => "int",
        Shape::Long => "long",
        Shape::Bytes => "bytes",
        Shape::String => "string",
        Shape::Fixed(_) => "fixed",
        Shape::Enum { .. } => "enum",
        Shape::Array(_) => "array",
        Shape::Map(_) => "map",
        Shape::Union(_) => "union",
        Shape::Record { .. } => "record",
    }
}

/// A default of the contract: a number, a truth, a symbol, a text, or nothing at all.
fn default_bytes(shape: &Shape, default: &Value) -> Result<Vec<u8>, SchemaError> {
    let refused = || SchemaError(format!("a {} cannot default to {default}", word(shape)));
    let mut out = Vec::new();
    match (shape, default) {
        (Shape::Union(_), Value::Null) => put_long(&mut out, 0),
        (Shape::Boolean, Value::Bool(truth)) => out.push(u8::from(*truth)),
        (Shape::Int | Shape::Long, Value::Number(number)) => put_long(&mut out, number.as_i64().ok_or_else(refused)?),
        (Shape::String, Value::String(text)) => put_bytes(&mut out, text.as_bytes()),
        (Shape::Enum { symbols, .. }, Value::String(symbol)) => {
            put_long(&mut out, symbols.iter().position(|s| s == symbol).ok_or_else(refused)? as i64);
        }
        (Shape::Array(_), Value::Array(items)) if items.is_empty() => put_long(&mut out, 0),
        (Shape::Map(_), Value::Object(entries)) if entries.is_empty() => put_long(&mut out, 0),
        _ => return Err(refused()),
    }
    Ok(out)
}
