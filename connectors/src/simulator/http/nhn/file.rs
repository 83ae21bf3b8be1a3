//! Uploads of images for MMS: names and sizes as published, a number for each.

use super::{Served, success};
use axum::{
    body::Bytes,
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use processors::reference::CodeTable;
use serde::Deserialize;
use serde_json::json;
use std::sync::{Arc, atomic::Ordering};

const MOST_BYTES: usize = 300 << 10;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    file_name: String,
    create_user: String,
    file_body: String,
}

/// 첨부 파일 업로드.
pub async fn take(
    State(served): State<Arc<Served>>,
    Path(app_key): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let refused = |code| super::refused(CodeTable::NhnSms, code);
    if served.vendor(&app_key, &headers).is_none() {
        return refused(-1000);
    }
    let Ok(File { file_name, create_user, file_body }) = serde_json::from_slice(&body) else { return refused(-9997) };
    let Ok(image) = BASE64_STANDARD.decode(file_body) else { return refused(-9997) };
    let code = match () {
        () if file_name.is_empty() || file_name.chars().count() > 45 => -2002,
        () if !file_name.ends_with(".jpg") && !file_name.ends_with(".jpeg") => -2003,
        () if image.is_empty() || image.len() > MOST_BYTES => -2005,
        () if create_user.is_empty() || create_user.chars().count() > 100 => 4,
        () => 0,
    };
    if code != 0 {
        return refused(code);
    }
    let id = served.files.fetch_add(1, Ordering::Relaxed) + 1;
    let path = format!("0/simulated/{id}");
    success(json!({"body": {"data": {"fileId": id, "fileName": file_name, "filePath": path}}}))
}
