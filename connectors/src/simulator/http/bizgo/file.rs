//! Uploads of images, with the published limits of each kind.

use super::{Served, answer, gateway, msg_key, service};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::Response,
    routing::post,
};
use jiff::{Timestamp, tz::Offset};
use serde_json::{Value, json};
use std::sync::Arc;

/// How long a key is valid; that it ends is published, when is not.
const DAYS: i64 = 7;

/// What a path takes and gives.
struct Kind {
    path: &'static str,
    most_bytes: usize,
    png: bool,
    field: &'static str,
    expires: bool,
}

const fn brand(path: &'static str, most_bytes: usize) -> Kind {
    Kind { path, most_bytes, png: true, field: "imgUrl", expires: false }
}

static KINDS: [Kind; 9] = [
    Kind { path: "/api/comm/v1/file/mms", most_bytes: 300 << 10, png: false, field: "fileKey", expires: true },
    Kind { path: "/api/comm/v1/file/rcs", most_bytes: 1 << 20, png: true, field: "media", expires: true },
    brand("/api/comm/v1/file/brandmessage/default", 500 << 10),
    brand("/api/comm/v1/file/brandmessage/wide", 5 << 20),
    brand("/api/comm/v1/file/brandmessage/wideItemList/first", 5 << 20),
    brand("/api/comm/v1/file/brandmessage/wideItemList", 5 << 20),
    brand("/api/comm/v1/file/brandmessage/carouselFeed", 5 << 20),
    brand("/api/comm/v1/file/brandmessage/carouselCommerce", 5 << 20),
    brand("/api/comm/v1/file/alimtalk/template", 500 << 10),
];

/// The paths of uploads.
pub(super) fn pages() -> Router<Arc<Served>> {
    KINDS.iter().fold(Router::new(), |pages, kind| {
        let take = move |State(shared): State<Arc<Served>>, headers: HeaderMap, body: Bytes| async move {
            let Some(vendor) = shared.vendor(&headers) else { return gateway(401, "Unauthorized") };
            take(shared.simulator.now_ms_at(&vendor.name), kind, &headers, &body)
        };
        pages.route(kind.path, post(take))
    })
}

fn take(now_ms: i64, kind: &Kind, headers: &HeaderMap, body: &[u8]) -> Response {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some(boundary) = content_type.strip_prefix("multipart/form-data; boundary=") else { return service("A213") };
    let image = match file(body, boundary) {
        Ok(image) => image,
        Err(code) => return service(code),
    };
    if image.len() > kind.most_bytes {
        return service("A200");
    }
    let known = image.starts_with(b"\xff\xd8\xff") || kind.png && image.starts_with(b"\x89PNG");
    if !known {
        return service("A206");
    }
    let key = msg_key(&format!("{now_ms}-{}", image.len()));
    let key = match kind.field {
        "media" => format!("maapfile://{key}"),
        "imgUrl" => format!("https://mud-kage.kakao.example/{key}.jpg"),
        _ => key,
    };
    let mut given = json!({kind.field: key});
    if kind.expires {
        let end = Timestamp::from_millisecond(now_ms + DAYS * 86_400_000).unwrap_or_default();
        let end = Offset::constant(9).to_datetime(end).strftime("%Y-%m-%dT%H:%M:%S+09:00").to_string();
        given["expired"] = Value::String(end);
    }
    answer(StatusCode::OK, "A000", "Success", given)
}

/// The part `file` of a form, or the code of what is wrong with it.
fn file<'b>(body: &'b [u8], boundary: &str) -> Result<&'b [u8], &'static str> {
    let find = |bytes: &[u8], wanted: &[u8]| bytes.windows(wanted.len()).position(|found| found == wanted);
    let end = find(body, format!("\r\n--{boundary}--").as_bytes()).ok_or("A204")?;
    let part = body[..end].strip_prefix(format!("--{boundary}\r\n").as_bytes()).ok_or("A204")?;
    let head = find(part, b"\r\n\r\n").ok_or("A204")?;
    let named = std::str::from_utf8(&part[..head]).map_err(|_| "A207")?;
    if !named.contains("name=\"file\"") {
        return Err("A204");
    }
    if !named.contains("filename=\"") || named.contains("filename=\"\"") {
        return Err("A208");
    }
    Ok(&part[head + 4..])
}
