//! The document as one page of HTML: no script, nothing from elsewhere.

use super::SCHEMAS;
use serde_json::{Map, Value};
use std::fmt::Write;

/// The style sheet, whole: its digest stands in the page's policy.
pub const STYLE: &str = include_str!("page.css");

/// Writes it. Whatever the document says is text here, never markup.
pub fn of(document: &Value) -> String {
    let mut page = Page(String::new());
    let info = &document["info"];
    page.0.push_str("<!doctype html><html lang=en><meta charset=utf-8>");
    page.0.push_str("<meta name=viewport content=\"width=device-width, initial-scale=1\">");
    page.tag("title", &format!("{} {}", text(&info["title"]), text(&info["version"])));
    let _ = write!(page.0, "<style>{STYLE}</style><h1>");
    page.text(&format!("{} {}", text(&info["title"]), text(&info["version"])));
    page.0.push_str("</h1>");
    text(&info["description"]).split("\n\n").for_each(|part| page.tag("p", part));
    page.0.push_str("<p>The same for tools: <a href=\"openapi.json\">openapi.json</a>.</p>");
    let operations = operations(document);
    page.0.push_str("<nav><ul>");
    for (path, method, operation) in &operations {
        page.0.push_str("<li>");
        page.link(text(&operation["operationId"]), &format!("{} {path}", method.to_uppercase()));
    }
    page.0.push_str("</ul></nav>");
    operations.iter().for_each(|(path, method, operation)| page.operation(document, path, method, operation));
    page.0.push_str("<h2>Types</h2>");
    for (name, schema) in object(&document["components"]["schemas"]) {
        page.schema(name, schema);
    }
    page.0
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    object(&document["paths"])
        .flat_map(|(path, item)| object(item).map(move |(method, operation)| (&**path, &**method, operation)))
        .collect()
}

/// What a reference leads to, or the value itself.
fn resolved<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    match value["$ref"].as_str().and_then(|reference| document.pointer(reference.trim_start_matches('#'))) {
        Some(found) => found,
        None => value,
    }
}

struct Page(String);

impl Page {
    fn text(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '&' => self.0.push_str("&amp;"),
                '"' => self.0.push_str("&quot;"),
                other => self.0.push(other),
            }
        }
    }

    fn tag(&mut self, tag: &str, text: &str) {
        let _ = write!(self.0, "<{tag}>");
        self.text(text);
        let _ = write!(self.0, "</{tag}>");
    }

    fn link(&mut self, to: &str, text: &str) {
        self.0.push_str("<a href=\"#");
        self.text(to);
        self.0.push_str("\">");
        self.text(text);
        self.0.push_str("</a>");
    }

    fn place(&mut self, tag: &str, id: &str, text: &str) {
        let _ = write!(self.0, "<{tag} id=\"");
        self.text(id);
        self.0.push_str("\">");
        self.text(text);
        let _ = write!(self.0, "</{tag}>");
    }

    fn operation(&mut self, document: &Value, path: &str, method: &str, operation: &Value) {
        self.place("h2", text(&operation["operationId"]), &format!("{} {path}", method.to_uppercase()));
        self.tag("p", text(&operation["summary"]));
        text(&operation["description"]).split("\n\n").for_each(|part| self.tag("p", part));
        let keys: Vec<&str> = items(&operation["security"])
            .flat_map(|key| object(key).flat_map(|(_, scopes)| items(scopes)))
            .map(text)
            .collect();
        if !keys.is_empty() {
            self.tag("p", &format!("Asks for x-ims-key, of a key that is good for {}.", keys.join(", ")));
        }
        if operation["parameters"].is_array() {
            self.0.push_str("<h3>Path and headers</h3><table>");
            for parameter in items(&operation["parameters"]).map(|parameter| resolved(document, parameter)) {
                self.0.push_str("<tr><td>");
                self.tag("code", text(&parameter["name"]));
                self.0.push_str("<td>");
                self.kind(&parameter["schema"]);
                self.0.push_str("<td>");
                self.text(text(&parameter["description"]));
            }
            self.0.push_str("</table>");
        }
        if let Some(body) = operation["requestBody"]["content"].as_object() {
            self.0.push_str("<h3>Body</h3>");
            body.values().for_each(|content| self.content(content));
        }
        self.0.push_str("<h3>Answers</h3>");
        for (status, response) in object(&operation["responses"]) {
            self.0.push_str("<h4>");
            self.text(&format!("HTTP {status}"));
            self.0.push_str("</h4>");
            self.tag("p", text(&response["description"]));
            object(&response["content"]).for_each(|(_, content)| self.content(content));
        }
    }

    fn content(&mut self, content: &Value) {
        self.0.push_str("<p>");
        self.kind(&content["schema"]);
        self.0.push_str("</p>");
        for (name, example) in object(&content["examples"]) {
            self.0.push_str("<details><summary>");
            self.text(name);
            if let Some(summary) = example["summary"].as_str() {
                self.text(&format!(": {summary}"));
            }
            self.0.push_str("</summary>");
            self.tag("pre", &format!("{:#}", example["value"]));
            self.0.push_str("</details>");
        }
    }

    /// A schema in a few words.
    fn kind(&mut self, schema: &Value) {
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.trim_start_matches(SCHEMAS);
            return self.link(&format!("type-{name}"), name);
        }
        for (several, between) in [("oneOf", " or "), ("anyOf", " or "), ("allOf", " and ")] {
            for (place, one) in items(&schema[several]).enumerate() {
                if place > 0 {
                    self.0.push_str(between);
                }
                self.kind(one);
            }
            if schema[several].is_array() {
                return;
            }
        }
        if !schema["const"].is_null() {
            return self.tag("code", text(&schema["const"]));
        }
        if schema["enum"].is_array() {
            return self.words(items(&schema["enum"]).map(text));
        }
        if let Some(fields) = schema["properties"].as_object() {
            self.0.push_str("{ ");
            for (place, (name, field)) in fields.iter().enumerate() {
                if place > 0 {
                    self.0.push_str(", ");
                }
                self.tag("code", name);
                self.0.push_str(": ");
                self.kind(field);
            }
            return self.0.push_str(" }");
        }
        match &schema["type"] {
            Value::String(of) if of == "array" => {
                self.0.push_str("array of ");
                self.kind(&schema["items"]);
            }
            Value::String(of) => self.text(of),
            several => self.words(items(several).map(text)),
        }
        for limit in ["format", "pattern"] {
            if let Some(is) = schema[limit].as_str() {
                self.text(&format!(", {limit} {is}"));
            }
        }
    }

    fn words<'w>(&mut self, words: impl Iterator<Item = &'w str>) {
        for (place, word) in words.enumerate() {
            if place > 0 {
                self.0.push_str(" | ");
            }
            self.tag("code", word);
        }
    }

    fn schema(&mut self, name: &str, schema: &Value) {
        self.place("h3", &format!("type-{name}"), name);
        self.tag("p", text(&schema["description"]));
        self.0.push_str("<table>");
        let required: Vec<&str> = items(&schema["required"]).map(text).collect();
        for (field, of) in object(&schema["properties"]) {
            self.0.push_str("<tr><td>");
            self.tag("code", field);
            if required.contains(&&**field) {
                self.0.push_str(" <b>needed</b>");
            }
            if of["deprecated"] == true {
                self.0.push_str(" <i>old</i>");
            }
            self.0.push_str("<td>");
            self.kind(of);
            self.0.push_str("<td>");
            self.text(text(&of["description"]));
        }
        for one in items(&schema["oneOf"]) {
            self.0.push_str("<tr><td>");
            self.tag("code", text(&one["const"]));
            self.0.push_str("<td>");
            self.text(text(&one["title"]));
            self.0.push_str("<td>");
            self.text(text(&one["description"]));
        }
        self.0.push_str("</table>");
        if schema["enum"].is_array() {
            self.0.push_str("<p>");
            self.words(items(&schema["enum"]).map(text));
            self.0.push_str("</p>");
        }
    }
}
