//! What the routes share: codes, the request of all channels, the key.

use super::SCHEMAS;
use crate::http::answer::{OF_DOOR, Problem};
use processors::refusal::Code;
use schemas::{examples, json as contract};
use serde_json::{Map, Value, json};

/// The name of the header's parameter.
pub const REQUEST_ID: &str = "RequestId";

/// Fields of a request that its path says, or its door.
const NOT_ASKED: [&str; 3] = ["service_key", "channel", "source"];

/// Fields that every request has.
const NEEDED: [&str; 2] = ["message_id", "message_type"];

const DESCRIPTION: &str = "\
IMS takes messages for KakaoTalk, text, RCS, app push and email, and tells what became of each.

Every answer has one shape: `code` with `data`, or `code` with `message`. What a request says decides its code, with HTTP \
200; other statuses are the door's own, whatever a request says. 0000 comes after the message is safely kept. 9998 means \
that nobody knows: repeat the request with the same message_id, and however often you do, one message results.

What is registered or changed is in force within 5 seconds, in the process that answered too: until then a request that \
names it is answered as before (2040 of a sender or template, 401 of a key).";

/// What the document says of itself.
pub fn info() -> Value {
    json!({
        "title": "IMS",
        "version": env!("CARGO_PKG_VERSION"),
        "summary": "The HTTP door of the integration messaging system.",
        "description": DESCRIPTION,
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    })
}

/// All of them.
pub fn of_all() -> Value {
    json!({
        "schemas": schemas(),
        "parameters": {
            REQUEST_ID: {
                "name": "x-request-id",
                "in": "header",
                "description": "Up to 64 letters, digits, `.`, `_` and `-`: comes back in the answer and stands in the \
                                access log. Without it, or for anything else, a new one does.",
                "schema": {"type": "string"},
            },
        },
        "headers": headers(),
        "securitySchemes": {
            "x-ims-key": {
                "type": "apiKey",
                "in": "header",
                "name": "x-ims-key",
                "description": "base64(username:secret_key), or base64(:login:password) of a user. A key may be good for some of send, report, cancel, read, manage and operate.",
            },
        },
    })
}

/// Headers of answers, by their names.
fn headers() -> Value {
    let id = json!({"type": "string", "pattern": "^[0-9A-Za-z._-]{1,64}$"});
    let text = |what: &str| json!({"description": what, "schema": {"type": "string"}});
    let seconds =
        |what: &str, least: u32| json!({"description": what, "schema": {"type": "integer", "minimum": least}});
    json!({
        "x-request-id": {"description": "The request's own, or a new one.", "required": true, "schema": id},
        "retry-after": seconds("Seconds after which the same request may succeed.", 1),
        "ratelimit-policy": text("The bounds of a customer that has any, for example `\"rate\";q=100;w=1, \"day\";q=100000;w=86400`."),
        "ratelimit": text("What is left of them, and in how many seconds they are whole again: `\"rate\";r=57;t=1, \"day\";r=99943;t=3600`."),
        "allow": text("The methods of the path."),
        "content-disposition": text("The name of the document."),
        "x-ims-stale": text("`true`: it is an old answer, by a gateway that reached nobody who knows."),
        "age": seconds("How old it is.", 0),
    })
}

fn schemas() -> Value {
    let mut schemas: Map<String, Value> = contract::schemas(SCHEMAS).into_iter().collect();
    if let Some(request) = schemas.get_mut("SendRequest") {
        if let Some(fields) = request["properties"].as_object_mut() {
            NOT_ASKED.iter().for_each(|field| drop(fields.remove(*field)));
        }
        // Without them it is refused (2020), and null is the same.
        for needed in NEEDED {
            request["properties"][needed]["type"] = json!("string");
        }
        request["required"] = json!(NEEDED);
        request["description"] = json!("A message, or one for each of a receiver_list. The path says the channel.");
    }
    let codes = Code::ALL
        .iter()
        .map(|code| json!({"const": code.as_str(), "title": code.name(), "description": code.meaning()}));
    let codes: Vec<Value> = codes.collect();
    let of_requests: Vec<&str> = Code::ALL
        .iter()
        .filter(|code| **code != Code::Success && !OF_DOOR.contains(code))
        .map(|code| code.as_str())
        .collect();
    let of_door: Vec<&str> = Problem::ALL.iter().map(|problem| problem.told().1).collect();
    let text = |what: &str| json!({"type": "string", "description": what});
    let shape = |what: &str, codes: &[&str], message: Value| {
        json!({
            "type": "object",
            "description": what,
            "properties": {"code": {"type": "string", "enum": codes}, "message": message},
            "required": ["code", "message"],
        })
    };
    let mut refusal = shape(
        "A request that is refused for what it says.",
        &of_requests,
        text("Which field, what came, what is allowed."),
    );
    refusal["properties"]["receivers"] = json!({
        "type": "array",
        "items": {"$ref": format!("{SCHEMAS}ReceiverAnswer")},
        "description": "Of a receiver_list of which all are refused: each, in order.",
    });
    refusal["additionalProperties"] = json!(false);
    let mut problem = shape("What the door refuses by itself.", &distinct(&of_door), text("Why, in words."));
    problem["additionalProperties"] = json!(false);
    schemas.insert("Code".into(), json!({"type": "string", "description": "Every code.", "oneOf": codes}));
    schemas.insert("Refusal".into(), refusal);
    schemas.insert("Problem".into(), problem);
    Value::Object(schemas)
}

/// Each once: an enum says nothing twice.
pub fn distinct<'a>(codes: &[&'a str]) -> Vec<&'a str> {
    let mut codes = codes.to_vec();
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// The body of sendMessage with an example of each type: those that all tests share.
pub fn request() -> Value {
    let examples: Map<String, Value> = examples::REQUESTS
        .iter()
        .map(|example| {
            let mut value: Value = serde_json::from_str(example.json).unwrap_or_default();
            let mut channel = Value::Null;
            if let Some(fields) = value.as_object_mut() {
                channel = fields.get("channel").cloned().unwrap_or_default();
                NOT_ASKED.iter().for_each(|field| drop(fields.remove(*field)));
            }
            let mut summary = format!("channel {}, lane {}", channel.as_str().unwrap_or_default(), example.lane);
            if value["send_at"].is_string() {
                summary.push_str("; write times to come: send_at is at most 60 days ahead");
            }
            (example.name.to_owned(), json!({"summary": summary, "value": value}))
        })
        .collect();
    json!({"schema": {"$ref": format!("{SCHEMAS}SendRequest")}, "examples": examples})
}
