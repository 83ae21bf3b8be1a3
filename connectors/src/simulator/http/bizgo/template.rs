//! 알림톡 templates with their inspection: after a while each is approved, or rejected for what it says.
//!
//! Which codes refuse what is not published for these paths; here A505 is of a template that is not there, or is there
//! already, A213 of a call that its standing forbids.

use super::{Served, answer, gateway, service};
use axum::{
    Router,
    body::Bytes,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, StatusCode},
    response::Response,
    routing::{delete, get, post},
};
use jiff::{Timestamp, tz::Offset};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

const PATH: &str = "/api/comm/v1/center/alimtalk/template";
/// Beside its buttons, items and quick replies.
const MAY_HAVE: [&str; 19] = [
    "senderKey",
    "senderKeyType",
    "templateName",
    "templateCode",
    "templateMessageType",
    "templateEmphasizeType",
    "text",
    "title",
    "subTitle",
    "header",
    "imgName",
    "imgUrl",
    "link",
    "attachment",
    "supplement",
    "categoryCode",
    "securityFlag",
    "adultFlag",
    "previewMessage",
];
const MUST_HAVE: [&str; 6] =
    ["senderKey", "templateName", "templateCode", "templateMessageType", "templateEmphasizeType", "text"];

/// A template as it was registered.
pub(super) struct Template {
    said: Value,
    standing: Standing,
}

#[derive(Clone, Copy, PartialEq)]
enum Standing {
    Registered,
    /// Since then, Unix milliseconds.
    Requested(i64),
}

/// By vendor, sender key and code.
pub(super) type Key = (String, String, String);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    sender_key: String,
    template_code: String,
}

#[derive(Deserialize)]
struct Of<T> {
    alimtalk: T,
}

/// The paths of templates.
pub(super) fn pages() -> Router<Arc<Served>> {
    Router::new()
        .route(PATH, get(show).post(register).put(change))
        .route(&format!("{PATH}/request"), post(request))
        .route(&format!("{PATH}/request/cancel"), post(cancel))
        .route(&format!("{PATH}/senderKey/{{sender_key}}/templateCode/{{code}}"), delete(remove))
}

impl Served {
    /// What its inspection has come to by now.
    fn inspected(&self, vendor: &str, template: &Template) -> &'static str {
        let settings = &self.simulator.settings.of(vendor).inspection;
        let text = template.said["text"].as_str().unwrap_or_default();
        match template.standing {
            Standing::Registered => "REG",
            Standing::Requested(at_ms) if self.simulator.clock.now_ms() < at_ms + i64::from(settings.takes_ms) => "REQ",
            Standing::Requested(_) if settings.rejects.iter().any(|word| text.contains(&**word)) => "REJ",
            Standing::Requested(_) => "APR",
        }
    }

    fn shown(&self, vendor: &str, template: &Template) -> Value {
        let inspected = self.inspected(vendor, template);
        let mut shown = template.said.clone();
        shown["inspectionStatus"] = inspected.into();
        shown["msgType"] = if shown["imgUrl"].is_null() { "AT" } else { "AI" }.into();
        (shown["block"], shown["dormant"]) = ("false".into(), "false".into());
        if let (Standing::Requested(at_ms), "APR" | "REJ") = (template.standing, inspected) {
            let at = Timestamp::from_millisecond(at_ms).unwrap_or_default();
            let at = Offset::constant(9).to_datetime(at).strftime("%Y-%m-%d %H:%M:%S").to_string();
            let comment =
                json!({"id": 1, "userName": "검수자", "createdAt": at, "status": inspected, "attachment": []});
            shown["comments"] = json!([comment]);
        }
        shown
    }

    /// Does something with the template that a call names, or the code of why not; `told`: and tells it.
    fn with_template(
        &self,
        headers: &HeaderMap,
        named: &Named,
        told: bool,
        then: impl FnOnce(&str, Option<&mut Template>) -> Result<Option<Template>, &'static str>,
    ) -> Response {
        let Some(vendor) = self.vendor(headers) else { return gateway(401, "Unauthorized") };
        let mut kept = self.lock();
        let key = (vendor.name.clone(), named.sender_key.clone(), named.template_code.clone());
        let done = then(&vendor.name, kept.templates.get_mut(&key));
        match done {
            Err(code) => return service(code),
            Ok(None) => {}
            Ok(Some(template)) => drop(kept.templates.insert(key.clone(), template)),
        }
        let there = kept.templates.get(&key).filter(|_| told);
        let there = there.map(|template| json!({"alimtalk": self.shown(&vendor.name, template)}));
        answer(StatusCode::OK, "A000", "Success", there.unwrap_or_default())
    }
}

/// A template, as strictly as its published schema is.
fn read(body: &[u8]) -> Result<(Named, Value), &'static str> {
    let Of { alimtalk } = serde_json::from_slice::<Of<Value>>(body).map_err(|_| "A010")?;
    let fields = alimtalk.as_object().ok_or("A011")?;
    if fields.keys().any(|field| !MAY_HAVE.contains(&field.as_str())) {
        return Err("A011");
    }
    if MUST_HAVE.iter().any(|field| alimtalk[field].as_str().is_none_or(str::is_empty)) {
        return Err("A303");
    }
    let named = Named::deserialize(&alimtalk).map_err(|_| "A011")?;
    if named.template_code.chars().count() > 30 {
        return Err("A505");
    }
    Ok((named, alimtalk))
}

/// What names a template, and nothing but these fields.
fn named(body: &[u8], may_have: &[&str]) -> Result<Named, &'static str> {
    let Of { alimtalk } = serde_json::from_slice::<Of<Value>>(body).map_err(|_| "A010")?;
    let known = alimtalk.as_object().is_some_and(|fields| fields.keys().all(|field| may_have.contains(&&**field)));
    if !known {
        return Err("A011");
    }
    Named::deserialize(&alimtalk).map_err(|_| "A011")
}

async fn show(State(shared): State<Arc<Served>>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let given = |name| query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    let (Some(sender_key), Some(template_code)) = (given("senderKey"), given("templateCode")) else {
        return service("A502");
    };
    let named = Named { sender_key: sender_key.into(), template_code: template_code.into() };
    shared.with_template(&headers, &named, true, |_, there| there.map(|_| None).ok_or("A505"))
}

async fn register(State(shared): State<Arc<Served>>, headers: HeaderMap, body: Bytes) -> Response {
    let (named, said) = match read(&body) {
        Ok(read) => read,
        Err(code) => return service(code),
    };
    shared.with_template(&headers, &named, true, |_, there| match there {
        Some(_) => Err("A505"),
        None => Ok(Some(Template { said, standing: Standing::Registered })),
    })
}

async fn change(State(shared): State<Arc<Served>>, headers: HeaderMap, body: Bytes) -> Response {
    let (named, said) = match read(&body) {
        Ok(read) => read,
        Err(code) => return service(code),
    };
    shared.with_template(&headers, &named, true, |vendor, there| match shared.inspected(vendor, there.ok_or("A505")?) {
        "REG" | "REJ" => Ok(Some(Template { said, standing: Standing::Registered })),
        _ => Err("A213"),
    })
}

async fn request(State(shared): State<Arc<Served>>, headers: HeaderMap, body: Bytes) -> Response {
    let named = match named(&body, &["senderKey", "senderKeyType", "templateCode", "comment"]) {
        Ok(named) => named,
        Err(code) => return service(code),
    };
    let now_ms = shared.simulator.clock.now_ms();
    shared.with_template(&headers, &named, false, |_, there| {
        let there = there.filter(|template| template.standing == Standing::Registered).ok_or("A213")?;
        there.standing = Standing::Requested(now_ms);
        Ok(None)
    })
}

async fn cancel(State(shared): State<Arc<Served>>, headers: HeaderMap, body: Bytes) -> Response {
    let named = match named(&body, &["senderKey", "templateCode"]) {
        Ok(named) => named,
        Err(code) => return service(code),
    };
    shared.with_template(&headers, &named, false, |vendor, there| {
        let there = there.ok_or("A505")?;
        if shared.inspected(vendor, there) != "REQ" {
            return Err("A213");
        }
        there.standing = Standing::Registered;
        Ok(None)
    })
}

async fn remove(
    State(shared): State<Arc<Served>>,
    headers: HeaderMap,
    Path((sender_key, code)): Path<(String, String)>,
) -> Response {
    let Some(vendor) = shared.vendor(&headers) else { return gateway(401, "Unauthorized") };
    match shared.lock().templates.remove(&(vendor.name.clone(), sender_key, code)) {
        Some(_) => answer(StatusCode::OK, "A000", "Success", Value::Null),
        None => service("A505"),
    }
}
