//! What a route is asked and answers.

use super::{
    SCHEMAS,
    components::{REQUEST_ID, distinct},
};
use crate::http::answer::{Problem, Receiver};
use axum::http::StatusCode;
use processors::access::Scope;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

type Named = (String, RefOr<Schema>);

/// What a route is asked, and every answer that it may give.
pub struct Contract {
    content_type: &'static str,
    content: Value,
    /// What stands in the place of JSON when it is asked for.
    document: Option<&'static str>,
    /// Of which type, and what it says.
    body: Option<(&'static str, Value)>,
    named: Vec<Named>,
    scope: Option<Scope>,
    /// Whether a gateway may tell an old answer.
    remembered: bool,
    problems: Vec<Problem>,
}

/// What stands before a route that asks for a key may refuse.
const KEYED: [Problem; 6] = [
    Problem::Unauthorized,
    Problem::WrongNetwork,
    Problem::WrongScope,
    Problem::TooMany,
    Problem::OverRate,
    Problem::Unexpected,
];

impl Contract {
    /// HTTP 200 with `data` of this type, or with a refusal.
    pub fn of<D: ToSchema>(example: Value) -> Self {
        Self::told(reference::<D>(), example, named::<D>())
    }

    /// The same with a list of them.
    pub fn of_list<D: ToSchema>(example: Value) -> Self {
        let named = named::<D>();
        Self::told(json!({"type": "array", "items": reference::<D>()}), example, named)
    }

    /// The same with one for each name.
    pub fn of_map<D: ToSchema>(example: Value) -> Self {
        Self::told(json!({"type": "object", "additionalProperties": reference::<D>()}), example, named::<D>())
    }

    /// The same with a page of a list.
    pub fn of_page<D: ToSchema>(example: Value) -> Self {
        let next =
            json!({"type": ["string", "null"], "description": "The cursor of the next page; null: there is none."});
        let page = json!({
            "type": "object",
            "properties": {"items": {"type": "array", "items": reference::<D>()}, "next": next},
            "required": ["items", "next"],
            "additionalProperties": false,
        });
        Self::told(page, example, named::<D>())
    }

    /// HTTP 200 with this type alone, or with a refusal.
    pub fn of_bare<D: ToSchema>(example: Value) -> Self {
        let mut this = Self::of::<D>(example);
        this.content["schema"]["oneOf"][0] = reference::<D>();
        this
    }

    /// HTTP 200 with a document instead, when the request asks for it.
    pub fn or_document(mut self, content_type: &'static str) -> Self {
        self.document = Some(content_type);
        self
    }

    /// Asks for a JSON body of this type.
    pub fn asking_for<B: ToSchema>(mut self, example: Value) -> Self {
        self.named.extend(named::<B>());
        self.asking(json!({"schema": reference::<B>(), "examples": {"request": {"value": example}}}))
    }

    /// HTTP 200 with the message_id as `data`, and with what became of each of many receivers, or with a refusal.
    pub fn of_message(example: Value) -> Self {
        let named = vec![(Receiver::name().into_owned(), Receiver::schema())];
        Self::told(json!({"type": "string", "description": "The message_id."}), example, named)
    }

    fn told(data: Value, example: Value, named: Vec<Named>) -> Self {
        let mut properties = json!({"code": {"type": "string", "const": "0000"}, "data": data});
        if named.iter().any(|(name, _)| *name == Receiver::name()) {
            let items = json!({"$ref": format!("{SCHEMAS}{}", Receiver::name())});
            properties["receivers"] =
                json!({"type": "array", "items": items, "description": "Of a receiver_list: each, in order."});
        }
        let success = json!({
            "type": "object",
            "properties": properties,
            "required": ["code", "data"],
            "additionalProperties": false,
        });
        let refused = json!({"code": "1400", "message": "x-ims-version: allowed is version-1"});
        let content = json!({
            "schema": {"oneOf": [success, {"$ref": format!("{SCHEMAS}Refusal")}]},
            "examples": {"success": {"value": example}, "refused": {"value": refused}},
        });
        Self {
            content_type: "application/json",
            content,
            document: None,
            body: None,
            named,
            scope: None,
            remembered: false,
            // A part of a path that is `.` or `..` leads to another, on the way of many clients.
            problems: vec![Problem::NotFound, Problem::MethodNotAllowed],
        }
    }

    /// HTTP 200 with a document.
    pub fn of_document(content_type: &'static str, schema: Value) -> Self {
        let content = json!({"schema": schema});
        Self {
            content_type,
            content,
            document: None,
            body: None,
            named: Vec::new(),
            scope: None,
            remembered: false,
            problems: Vec::new(),
        }
    }

    /// Asks for a JSON body.
    pub fn asking(mut self, body: Value) -> Self {
        self.body = Some(("application/json", body));
        self
    }

    /// Asks for the bytes of a file.
    pub fn asking_for_bytes(mut self) -> Self {
        self.body = Some(("application/octet-stream", json!({"schema": {"type": "string", "format": "binary"}})));
        self
    }

    /// Asks for a key that may be used for this.
    pub fn keyed(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self.problems.extend(KEYED);
        self
    }

    /// A gateway may tell an old answer when nobody can be asked.
    pub fn remembered(mut self) -> Self {
        self.remembered = true;
        self
    }

    /// Refuses so, besides what each route may.
    pub fn refusing(mut self, problems: &[Problem]) -> Self {
        self.problems.extend(problems);
        self
    }

    /// Types that have names.
    pub fn schemas(&self) -> Vec<Named> {
        self.named.clone()
    }

    /// Says all of it in an operation.
    pub fn complete(&self, operation: &mut Value) {
        let mut responses = Map::new();
        let mut content = Map::new();
        content.insert(self.content_type.to_owned(), self.content.clone());
        if let Some(document) = self.document {
            content.insert(document.to_owned(), json!({"schema": {"type": "string"}}));
        }
        let mut what = "What was asked for, or the code of the refusal.".to_owned();
        if self.body.is_some() && self.problems.contains(&Problem::ReadOnly) {
            what.push_str(" A change is in force within 5 seconds.");
        }
        let limits: &[&str] = if self.scope.is_some() { &["ratelimit-policy", "ratelimit"] } else { &[] };
        let of_document: &[&str] = if self.document.is_some() { &["content-disposition"] } else { &[] };
        let of_old: &[&str] = if self.remembered { &["x-ims-stale", "age"] } else { &[] };
        let headers = [limits, of_document, of_old].concat();
        responses.insert("200".to_owned(), response(&what, &Value::Object(content), &headers));
        let mut by_status: BTreeMap<StatusCode, Vec<Problem>> = BTreeMap::new();
        for problem in &self.problems {
            by_status.entry(problem.told().0).or_default().push(*problem);
        }
        for (status, problems) in by_status {
            responses.insert(status.as_str().to_owned(), refusals(&problems, limits));
        }
        operation["responses"] = Value::Object(responses);
        if let Some((content_type, body)) = &self.body {
            operation["requestBody"] = json!({"required": true, "content": {*content_type: body}});
        }
        if let Some(scope) = self.scope {
            operation["security"] = json!([{"x-ims-key": [scope.as_str()]}]);
            let request_id = json!({"$ref": format!("#/components/parameters/{REQUEST_ID}")});
            match operation["parameters"].as_array_mut() {
                Some(parameters) => parameters.push(request_id),
                None => operation["parameters"] = json!([request_id]),
            }
        }
    }
}

fn reference<D: ToSchema>() -> Value {
    json!({"$ref": format!("{SCHEMAS}{}", D::name())})
}

/// A type and those in it.
fn named<D: ToSchema>() -> Vec<Named> {
    let mut named = vec![(D::name().into_owned(), D::schema())];
    D::schemas(&mut named);
    named
}

/// What the door refuses by itself with one status.
fn refusals(problems: &[Problem], limits: &[&str]) -> Value {
    let told: Vec<_> = problems.iter().map(|problem| (problem.told(), format!("{problem:?}"))).collect();
    let codes: Vec<_> = told.iter().map(|((_, code, _), _)| *code).collect();
    let words: Vec<_> = told.iter().map(|((_, _, message), _)| *message).collect();
    let examples: Map<String, Value> = told
        .iter()
        .map(|((_, code, message), name)| (name.clone(), json!({"value": {"code": code, "message": message}})))
        .collect();
    let schema = json!({
        "allOf": [{"$ref": format!("{SCHEMAS}Problem")}, {"properties": {"code": {"enum": distinct(&codes)}}}],
    });
    let content = json!({"application/json": {"schema": schema, "examples": examples}});
    let again: &[&str] = if problems.iter().any(|problem| problem.passes()) { &["retry-after"] } else { &[] };
    let others: &[&str] = if problems.contains(&Problem::MethodNotAllowed) { &["allow"] } else { &[] };
    response(&words.join(" · "), &content, &[again, others, limits].concat())
}

fn response(description: &str, content: &Value, headers: &[&str]) -> Value {
    let named = |name: &&str| ((*name).to_owned(), json!({"$ref": format!("#/components/headers/{name}")}));
    let headers: Map<String, Value> = ["x-request-id"].iter().chain(headers).map(named).collect();
    json!({"description": description, "headers": headers, "content": content})
}
