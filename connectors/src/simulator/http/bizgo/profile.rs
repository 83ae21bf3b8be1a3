//! Sender profiles: a token for each channel that is asked for, which is the end of its manager's phone number; profiles that
//! were registered with it.
//!
//! Which codes refuse what is not published for these paths; here A213 is of a token that is wrong and of a channel that has not
//! asked for one, A502 of a sender key or channel that is none.

use super::{Served, answer, gateway, json_of, passed, service};
use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    Router,
    body::Bytes,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode},
    response::Response,
    routing::{get, post},
};
use serde_json::{Value, json};
use std::sync::Arc;
use url::form_urlencoded;

const ACCOUNT: &str = "/api/comm/v1/account/kakao/sender";
const CENTER: &str = "/api/comm/v1/center/kakao/sender";
/// Digits of a token.
const TOKEN: usize = 6;

/// A channel that a token was sent for.
pub(super) struct Channel {
    phone: String,
    registered: Option<Registered>,
}

struct Registered {
    sender_key: String,
    category_code: String,
    /// Whether it was woken since.
    woken: bool,
}

/// By vendor and channel id.
pub(super) type Key = (String, String);

/// The paths of sender profiles.
pub(super) fn pages() -> Router<Arc<Served>> {
    Router::new()
        .route(&format!("{ACCOUNT}/token"), post(ask_token))
        .route(ACCOUNT, get(find).post(register))
        .route(CENTER, get(show))
        .route(&format!("{CENTER}/recover"), post(recover))
        .route(&format!("{CENTER}/category/list"), get(categories))
}

/// An answer of the paths of the account, which have no data within their data.
fn of_account(kakao: Value) -> Response {
    let mut data = json!({"code": "A000", "result": "Success", "resultMsg": "요청 성공"});
    if !kakao.is_null() {
        data["kakao"] = kakao;
    }
    json_of(StatusCode::OK, &json!({"common": passed(), "data": data}))
}

/// The fields of a body: all of the first, none beside them and the second.
fn fields(body: &[u8], must: &[&str], may: &[&str]) -> Result<Value, &'static str> {
    let said: Value = serde_json::from_slice(body).map_err(|_| "A010")?;
    let known = |field: &String| must.contains(&field.as_str()) || may.contains(&field.as_str());
    if !said.as_object().is_some_and(|said| said.keys().all(known)) {
        return Err("A011");
    }
    let given = |field: &str| said[field].as_str().is_some_and(|text| !text.is_empty());
    if must.iter().all(|field| given(field)) { Ok(said) } else { Err("A303") }
}

fn asked(query: Option<String>, name: &str) -> Option<String> {
    let query = query.unwrap_or_default();
    form_urlencoded::parse(query.as_bytes()).find(|(given, _)| given == name).map(|(_, value)| value.into_owned())
}

/// 40 letters and digits, the same for a channel each time.
fn sender_key(vendor: &str, channel_id: &str) -> String {
    let digest = digest(&SHA256, format!("{vendor}/{channel_id}").as_bytes());
    hex::encode(digest)[..40].to_owned()
}

impl Served {
    fn profile(&self, vendor: &str, channel_id: &str, there: &Registered, of_account: bool) -> Value {
        let settings = &self.simulator.settings.of(vendor).profiles;
        let is = |words: &[String]| words.iter().any(|word| channel_id.contains(&**word));
        let mut told = json!({
            "senderKey": there.sender_key, "uuid": channel_id, "name": channel_id.trim_start_matches('@'),
            "status": "A", "block": is(&settings.blocked), "dormant": is(&settings.dormant) && !there.woken,
            "profileStatus": "A", "createdAt": "2026-03-11 10:30:00", "modifiedAt": "2026-03-11 10:30:00",
            "categoryCode": there.category_code, "brandMessage": false, "channelKey": "base", "businessProfile": true,
            "profileSpamLevel": "정상", "profileMessageSpamLevel": "정상",
        });
        if of_account {
            (told["businessType"], told["brandtalk"]) = ("BUSINESS".into(), false.into());
        }
        json!({"senderProfile": told})
    }
}

async fn ask_token(State(shared): State<Arc<Served>>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(vendor) = shared.vendor(&headers) else { return gateway(401, "Unauthorized") };
    let said = match fields(&body, &["yellowId", "phoneNumber"], &[]) {
        Ok(said) => said,
        Err(code) => return service(code),
    };
    let (channel_id, phone) = (text(&said, "yellowId"), text(&said, "phoneNumber"));
    if !channel_id.starts_with('@') || phone.len() < TOKEN || !phone.bytes().all(|b| b.is_ascii_digit()) {
        return service("A213");
    }
    let mut kept = shared.lock();
    let channel = kept.channels.entry((vendor.name.clone(), channel_id));
    channel.or_insert_with(|| Channel { phone: String::new(), registered: None }).phone = phone;
    of_account(Value::Null)
}

async fn register(State(shared): State<Arc<Served>>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(vendor) = shared.vendor(&headers) else { return gateway(401, "Unauthorized") };
    let may = ["unsubscribePhoneNumber", "unsubscribeAuthNumber"];
    let said = match fields(&body, &["yellowId", "categoryCode"], &may) {
        Ok(said) => said,
        Err(code) => return service(code),
    };
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (token, phone, channel_id) = (header("token"), header("phoneNumber"), text(&said, "yellowId"));
    let category_code = text(&said, "categoryCode");
    let mut kept = shared.lock();
    let channel = kept.channels.get_mut(&(vendor.name.clone(), channel_id.clone()));
    let proves = |channel: &&mut Channel| channel.phone == phone && phone.ends_with(token) && token.len() == TOKEN;
    let is_category = category_code.len() == 11 && category_code.bytes().all(|b| b.is_ascii_digit());
    let Some(channel) = channel.filter(proves).filter(|_| is_category) else { return service("A213") };
    let sender_key = sender_key(&vendor.name, &channel_id);
    let there = channel.registered.get_or_insert(Registered { sender_key, category_code, woken: false });
    let told = shared.profile(&vendor.name, &channel_id, there, true);
    of_account(told)
}

async fn find(State(shared): State<Arc<Served>>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let Some(vendor) = shared.vendor(&headers) else { return gateway(401, "Unauthorized") };
    let channel_id = asked(query, "uuid").unwrap_or_default();
    let kept = shared.lock();
    let there = kept.channels.get(&(vendor.name.clone(), channel_id.clone()));
    match there.and_then(|channel| channel.registered.as_ref()) {
        Some(there) => of_account(shared.profile(&vendor.name, &channel_id, there, true)),
        None => service("A502"),
    }
}

async fn show(State(shared): State<Arc<Served>>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let Some(vendor) = shared.vendor(&headers) else { return gateway(401, "Unauthorized") };
    let sender_key = asked(query, "senderKey").unwrap_or_default();
    let kept = shared.lock();
    let found = kept.channels.iter().find_map(|((of, channel_id), channel)| {
        let there = channel.registered.as_ref().filter(|there| *of == vendor.name && there.sender_key == sender_key)?;
        Some(shared.profile(&vendor.name, channel_id, there, false))
    });
    match found {
        Some(kakao) => answer(StatusCode::OK, "A000", "Success", json!({"kakao": kakao})),
        None => service("A502"),
    }
}

async fn categories(State(shared): State<Arc<Served>>, headers: HeaderMap) -> Response {
    if shared.vendor(&headers).is_none() {
        return gateway(401, "Unauthorized");
    }
    let known = [("00100010001", "건강"), ("00200020002", "쇼핑")];
    let known = known.map(|(code, name)| json!({"code": code, "name": name}));
    answer(StatusCode::OK, "A000", "Success", json!({"kakao": {"categories": known}}))
}

async fn recover(State(shared): State<Arc<Served>>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(vendor) = shared.vendor(&headers) else { return gateway(401, "Unauthorized") };
    let said = match fields(&body, &["senderKey"], &[]) {
        Ok(said) => said,
        Err(code) => return service(code),
    };
    let sender_key = text(&said, "senderKey");
    let mut kept = shared.lock();
    let of_vendor = kept.channels.iter_mut().filter(|((of, _), _)| *of == vendor.name);
    let mut registered = of_vendor.filter_map(|(_, channel)| channel.registered.as_mut());
    match registered.find(|there| there.sender_key == sender_key) {
        Some(there) => {
            there.woken = true;
            answer(StatusCode::OK, "A000", "Success", Value::Null)
        }
        None => service("A502"),
    }
}

fn text(said: &Value, field: &str) -> String {
    said[field].as_str().unwrap_or_default().to_owned()
}
