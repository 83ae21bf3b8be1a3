//! Writes Rust for the contract's types.

use crate::avsc::{Contract, Definition, Field, Type};
use serde_json::Value;
use std::fmt::Write;

/// The contract's `Result` is `StepResult` in Rust, where `Result` is another word.
fn rust_name(name: &str) -> &str {
    if name == "Result" { "StepResult" } else { name }
}

/// A doc text as Rust shows it: `<LANE>` would be read as an HTML tag.
fn shown(doc: &str) -> String {
    doc.replace('<', "‹").replace('>', "›")
}

/// The Rust type of a record or enum. A record for which `lending` holds can borrow its texts: it is generic over them.
pub fn definition(contract: &Contract, name: &str) -> String {
    match contract.get(name) {
        Definition::Enum { doc, symbols } => enumeration(name, &shown(doc), symbols),
        Definition::Record { doc, fields } if contract.lends(name) => lending(contract, name, &shown(doc), fields),
        Definition::Record { doc, fields } => record(contract, name, &shown(doc), fields),
    }
}

fn enumeration(name: &str, doc: &str, symbols: &[String]) -> String {
    let known: Vec<(usize, &String)> = symbols.iter().enumerate().filter(|(_, s)| *s != "UNKNOWN").collect();
    let mut code = String::new();
    let w = &mut code;
    let variants: String = known
        .iter()
        .enumerate()
        .map(|(place, (i, s))| {
            let default = if place == 0 { "#[default]\n" } else { "" };
            format!("/// `{s}`.\n#[serde(rename = \"{s}\")]\n{default}{} = {i},\n", camel(s))
        })
        .collect();
    let all: String = known.iter().map(|(_, s)| format!("Self::{},", camel(s))).collect();
    let names: String = known.iter().map(|(_, s)| format!("Self::{} => \"{s}\",", camel(s))).collect();
    let by_index: String = known.iter().map(|(i, s)| format!("{i} => Ok(Self::{}),", camel(s))).collect();
    write!(w, "#[doc = {doc:?}]\n\
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]\n\
        #[repr(u8)]\npub enum {name} {{\n{variants}}}\n\
        impl {name} {{\n\
        /// Every value, in the order of the schema.\npub const ALL: &'static [Self] = &[{all}];\n\
        /// The symbol in the schema.\npub const fn as_str(self) -> &'static str {{ match self {{ {names} }} }}\n}}\n\
        impl std::fmt::Display for {name} {{ fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {{ f.write_str(self.as_str()) }} }}\n\
        impl std::str::FromStr for {name} {{ type Err = UnknownWord;\n\
        fn from_str(s: &str) -> Result<Self, UnknownWord> {{ Self::ALL.iter().copied().find(|v| v.as_str() == s).ok_or_else(|| UnknownWord::new({name:?}, s)) }} }}\n\
        impl Encode for {name} {{\n\
        fn write(&self, out: &mut Vec<u8>) {{ put_long(out, *self as i64); }}\n\
        fn pass(input: &mut Input<'_>) -> Result<(), DecodeError> {{ input.long().map(drop) }}\n}}\n\
        impl<'a> Borrow<'a> for {name} {{\n\
        fn borrow(input: &mut Input<'a>) -> Result<Self, DecodeError> {{ match input.long()? {{ {by_index} index => Err(DecodeError::Symbol {{ of: {name:?}, index }}) }} }}\n}}\n").expect("a string");
    code
}

/// A record whose texts are its own.
fn record(contract: &Contract, name: &str, doc: &str, fields: &[Field]) -> String {
    let members: String = fields.iter().map(|f| member(contract, f, "String")).collect();
    let derived = if own_default(fields) { "" } else { "Default, " };
    let rust = rust_name(name);
    let mut code = format!(
        "#[doc = {doc:?}]\n#[derive(Clone, PartialEq, {derived}serde::Serialize, serde::Deserialize)]\n\
        #[serde(default, deny_unknown_fields)]\npub struct {rust} {{\n{members}}}\n"
    );
    code.push_str(&codec(contract, name, fields, ["", "", "<'a>"]));
    code
}

/// A record that may borrow its texts.
fn lending(contract: &Contract, name: &str, doc: &str, fields: &[Field]) -> String {
    let members: String = fields.iter().map(|f| member(contract, f, "S")).collect();
    let derived = if own_default(fields) { "" } else { "Default, " };
    let rust = rust_name(name);
    let other: String = fields
        .iter()
        .map(|f| format!("{}: {},\n", ident(&f.name), other(contract, &f.ty, &format!("self.{}", ident(&f.name)))))
        .collect();
    let looked: String = fields.iter().map(|f| looked_for(contract, &f.ty, &f.name)).collect();
    let mut code = format!(
        "#[doc = {doc:?}]\n#[derive(Clone, PartialEq, {derived}serde::Serialize, serde::Deserialize)]\n\
        #[serde(default, deny_unknown_fields, rename = {name:?}, bound = \"S: Text\")]\npub struct {rust}Of<S: Text> {{\n{members}}}\n\
        /// The same with texts of its own.\npub type {rust} = {rust}Of<String>;\n\
        impl<S: Text> {rust}Of<S> {{\n/// The same with texts of another kind.\n\
        pub fn with_texts<T: Text>(self) -> {rust}Of<T> {{ {rust}Of {{\n{other}}} }}\n\
        /// The way to the first text of which this holds, as in `attachment.button[2].name`; a map is named as a whole.\n\
        pub fn text_where(&self, holds: &impl Fn(&str) -> bool) -> Option<String> {{\n{looked}None }}\n}}\n"
    );
    code.push_str(&codec(contract, name, fields, ["<S: Text>", "Of<S>", "<'a, S: Text + Borrow<'a>>"]));
    code
}

/// What a type with texts of its own becomes with texts of type `T`.
fn other(contract: &Contract, ty: &Type, value: &str) -> String {
    match ty {
        Type::String => format!("T::from({value}.into_string())"),
        Type::Map => {
            format!("{value}.into_iter().map(|(k, v)| (T::from(k.into_string()), T::from(v.into_string()))).collect()")
        }
        Type::Named(name) if contract.lends(name) => format!("{value}.with_texts()"),
        Type::Array(inner) => match other(contract, inner, "x").as_str() {
            "x" => value.to_owned(),
            made => format!("{value}.into_iter().map(|x| {made}).collect()"),
        },
        Type::Nullable(inner) => match (other(contract, inner, "x").as_str(), &**inner) {
            ("x", _) => value.to_owned(),
            (made, Type::Named(_)) => format!("{value}.map(|x| Box::new({made}))"),
            (made, _) => format!("{value}.map(|x| {made})"),
        },
        _ => value.to_owned(),
    }
}

/// Looks for a text in a field; nothing where there can be none.
fn looked_for(contract: &Contract, ty: &Type, name: &str) -> String {
    let field = ident(name);
    let here = format!("return Some({name:?}.to_owned());");
    let inside = |way: &str| format!("return Some(format!(\"{name}{way}\"));");
    match ty {
        Type::String => format!("if holds(&self.{field}) {{ {here} }}\n"),
        Type::Map => {
            format!("if self.{field}.iter().any(|(k, v)| holds(k) || holds(v)) {{ {here} }}\n")
        }
        Type::Named(record) if contract.lends(record) => {
            format!("if let Some(way) = self.{field}.text_where(holds) {{ {} }}\n", inside(".{way}"))
        }
        Type::Nullable(inner) => match &**inner {
            Type::String => format!("if self.{field}.as_deref().is_some_and(holds) {{ {here} }}\n"),
            Type::Named(record) if contract.lends(record) => format!(
                "if let Some(way) = self.{field}.as_ref().and_then(|x| x.text_where(holds)) {{ {} }}\n",
                inside(".{way}")
            ),
            other => none_inside(other, name),
        },
        Type::Array(inner) => match &**inner {
            Type::String => {
                format!("if let Some(i) = self.{field}.iter().position(|x| holds(x)) {{ {} }}\n", inside("[{i}]"))
            }
            Type::Named(record) if contract.lends(record) => format!(
                "for (i, x) in self.{field}.iter().enumerate() {{ \
                if let Some(way) = x.text_where(holds) {{ {} }} }}\n",
                inside("[{i}].{way}")
            ),
            other => none_inside(other, name),
        },
        other => none_inside(other, name),
    }
}

/// Nothing, of what has no text in it.
fn none_inside(ty: &Type, name: &str) -> String {
    match ty {
        Type::Boolean | Type::Int | Type::Long | Type::Timestamp | Type::Bytes | Type::Named(_) => String::new(),
        Type::String | Type::Map | Type::Array(_) | Type::Nullable(_) => panic!("{name}: its texts have no rule here"),
    }
}

/// Whether a field's default is not Rust's.
fn own_default(fields: &[Field]) -> bool {
    fields.iter().any(|f| default(f) != RUST_DEFAULT)
}

/// What every record does; `of` are the parameters of its impls, of its type, and of an impl that borrows.
fn codec(contract: &Contract, name: &str, fields: &[Field], of: [&str; 3]) -> String {
    let [params, args, borrowing] = of;
    let mut code = String::new();
    let encode: String = fields.iter().map(|f| format!("self.{}.write(out);\n", ident(&f.name))).collect();
    let decode: String = fields
        .iter()
        .map(|f| format!("{}: Borrow::borrow(input).map_err(|e| e.within({name:?}, {:?}))?,\n", ident(&f.name), f.name))
        .collect();
    let skip: String =
        fields.iter().map(|f| format!("<{} as Encode>::pass(input)?;\n", owned(contract, &f.ty, "String"))).collect();
    let debug: String = fields
        .iter()
        .map(|f| {
            let shown = if f.personal { "&Masked".to_owned() } else { format!("&self.{}", ident(&f.name)) };
            format!(".field({:?}, {shown})", f.name)
        })
        .collect();
    let whole = contract.whole(name);
    let rust = rust_name(name);
    write!(code, "impl{params} std::fmt::Debug for {rust}{args} {{ fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {{ f.debug_struct({name:?}){debug}.finish() }} }}\n\
        impl{params} Encode for {rust}{args} {{\n\
        fn write(&self, out: &mut Vec<u8>) {{\n{encode}}}\n\
        fn pass(input: &mut Input<'_>) -> Result<(), DecodeError> {{\n{skip}Ok(()) }}\n}}\n\
        impl{borrowing} Borrow<'a> for {rust}{args} {{\n\
        fn borrow(input: &mut Input<'a>) -> Result<Self, DecodeError> {{ Ok(Self {{\n{decode}}}) }}\n}}\n\
        impl Record for {rust} {{ const NAME: &'static str = {name:?}; const SCHEMA: &'static str = r##\"{whole}\"##; }}\n").expect("a string");
    if own_default(fields) {
        let made: String = fields.iter().map(|f| format!("{}: {},\n", ident(&f.name), default(f))).collect();
        writeln!(code, "impl{params} Default for {rust}{args} {{ fn default() -> Self {{ Self {{\n{made}}} }} }}")
            .expect("a string");
    }
    code
}

fn member(contract: &Contract, f: &Field, text: &str) -> String {
    let serde = match f.ty {
        Type::Nullable(_) => "#[serde(skip_serializing_if = \"Option::is_none\")]\n",
        Type::Array(_) => "#[serde(skip_serializing_if = \"Vec::is_empty\")]\n",
        Type::Map => "#[serde(skip_serializing_if = \"std::collections::BTreeMap::is_empty\")]\n",
        Type::Bytes => "#[serde(with = \"crate::json::base64\")]\n",
        _ => "",
    };
    format!("#[doc = {:?}]\n{serde}pub {}: {},\n", shown(&f.doc), ident(&f.name), owned(contract, &f.ty, text))
}

const RUST_DEFAULT: &str = "Default::default()";

/// The schema's default; for a field without one, and for the empty defaults, Rust's.
fn default(f: &Field) -> String {
    match (&f.ty, f.default.as_ref().and_then(Value::as_str)) {
        (Type::Named(name), Some(symbol)) => format!("{name}::{}", camel(symbol)),
        _ => match &f.default {
            None | Some(Value::Null | Value::Bool(false)) => RUST_DEFAULT.into(),
            Some(empty) if ["0", "\"\"", "[]", "{}"].contains(&empty.to_string().as_str()) => {
                "Default::default()".into()
            }
            Some(other) => panic!("{}: default {other} has no rule here", f.name),
        },
    }
}

/// Reading a type from the JSON of the HTTP contract.
pub fn from_json(contract: &Contract, name: &str) -> String {
    let Definition::Record { fields, .. } = contract.get(name) else {
        return format!(
            "impl FromJson for {name} {{\n\
            fn from_json(json: &RawValue, at: &At<'_>) -> Result<Self, JsonError> {{ json::word(json, at, Self::ALL) }}\n}}\n"
        );
    };
    let names: Vec<&str> = fields.iter().map(|f| f.name.as_str()).collect();
    let read: String = fields
        .iter()
        .enumerate()
        .map(|(place, f)| {
            let how = if f.default.is_some() { "given_or" } else { "required" };
            let default = f.default.as_ref().map_or(String::new(), |_| format!(", {}", default(f)));
            match &f.ty {
                Type::Nullable(inner) if matches!(**inner, Type::Timestamp) => {
                    format!("{}: fields.time({place})?,\n", ident(&f.name))
                }
                _ => format!("{}: fields.{how}({place}{default})?,\n", ident(&f.name)),
            }
        })
        .collect();
    format!(
        "impl FromJson for {} {{\n\
        fn from_json(json: &RawValue, at: &At<'_>) -> Result<Self, JsonError> {{\n\
        let fields = Fields::read(json, at, &{names:?})?;\nOk(Self {{\n{read}}})\n}}\n}}\n",
        rust_name(name)
    )
}

/// A view borrows the fields it names, skips the ones between, and stops after its last.
pub fn view(contract: &Contract, view: &str, record: &str, wanted: &[&str]) -> String {
    let Definition::Record { fields, .. } = contract.get(record) else { panic!("{record} is no record") };
    let last = fields.iter().rposition(|f| wanted.contains(&f.name.as_str())).expect("a field of the record");
    let mut members = String::new();
    let mut decode = String::new();
    let mut made = String::new();
    for f in &fields[..=last] {
        let ty = borrowed(contract, &f.ty);
        if wanted.contains(&f.name.as_str()) {
            let name = ident(&f.name);
            write!(members, "#[doc = {:?}]\npub {name}: {ty},\n", shown(&f.doc)).expect("a string");
            writeln!(
                decode,
                "let {name} = <{ty} as Borrow>::borrow(input).map_err(|e| e.within({record:?}, {:?}))?;",
                f.name
            )
            .expect("a string");
            write!(made, "{name}, ").expect("a string");
        } else {
            writeln!(decode, "<{} as Encode>::pass(input)?;", owned(contract, &f.ty, "String")).expect("a string");
        }
    }
    format!(
        "#[doc = \"What a hop that only decides reads of [`{record}`], borrowed from its bytes.\"]\n\
        #[derive(Clone, Copy, PartialEq)]\npub struct {view}<'a> {{\n{members}}}\n\
        impl<'a> {view}<'a> {{\n/// Reads the view from a datum and leaves the rest unread.\n\
        pub fn decode(input: &mut Input<'a>) -> Result<Self, DecodeError> {{\n{decode}Ok(Self {{ {made} }}) }}\n}}\n"
    )
}

/// A record without its last field, which follows as bytes that are already encoded.
pub fn head(contract: &Contract, head: &str, record: &str) -> String {
    let Definition::Record { fields, .. } = contract.get(record) else { panic!("{record} is no record") };
    let (tail, fields) = fields.split_last().expect("a field");
    let members: String = fields.iter().map(|f| member(contract, f, "String")).collect();
    let encode: String = fields.iter().map(|f| format!("self.{}.write(out);\n", ident(&f.name))).collect();
    format!(
        "#[doc = \"[`{record}`] without its last field `{}`, whose encoded bytes are appended unchanged.\"]\n\
        #[derive(Debug, Clone, PartialEq, Default, serde::Serialize)]\npub struct {head} {{\n{members}}}\n\
        impl {head} {{\n/// Encodes the head and appends the encoded last field.\n\
        pub fn encode_with(&self, {}: &[u8], out: &mut Vec<u8>) {{\n{encode}out.extend_from_slice({});\n}}\n}}\n",
        tail.name, tail.name, tail.name
    )
}

/// A type whose texts are of type `text`.
fn owned(contract: &Contract, ty: &Type, text: &str) -> String {
    match ty {
        Type::Boolean => "bool".into(),
        Type::Int => "i32".into(),
        Type::Long | Type::Timestamp => "i64".into(),
        Type::Bytes => "Bytes".into(),
        Type::String => text.into(),
        Type::Map => format!("std::collections::BTreeMap<{text}, {text}>"),
        Type::Array(item) => format!("Vec<{}>", owned(contract, item, text)),
        Type::Named(name) if contract.lends(name) && text != "String" => format!("{}Of<{text}>", rust_name(name)),
        Type::Named(name) => rust_name(name).into(),
        // Boxed: most messages have none, and a record of many empty ones stays small.
        Type::Nullable(inner) => match &**inner {
            Type::Named(name) if contract.is_record(name) => format!("Option<Box<{}>>", owned(contract, inner, text)),
            other => format!("Option<{}>", owned(contract, other, text)),
        },
    }
}

fn borrowed(contract: &Contract, ty: &Type) -> String {
    match ty {
        Type::String => "&'a str".into(),
        other => owned(contract, other, "String"),
    }
}

fn ident(name: &str) -> String {
    if name == "type" { "r#type".into() } else { name.into() }
}

fn camel(symbol: &str) -> String {
    symbol
        .split('_')
        .map(|part| {
            let (first, rest) = part.split_at(1);
            first.to_owned() + &rest.to_lowercase()
        })
        .collect()
}
