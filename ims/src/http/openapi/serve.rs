//! The document and its page, for everybody: they hold nothing of a customer's.

use super::{Api, Contract, page};
use crate::http::routes::document;
use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
    response::IntoResponse,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::json;
use std::sync::LazyLock;
use utoipa_axum::routes;

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| document().to_string().into());
static PAGE: LazyLock<Bytes> = LazyLock::new(|| page::of(&document()).into());
/// Its own style sheet and nothing else: no script, no picture, no other address.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = STANDARD.encode(digest(&SHA256, page::STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
});

/// Adds them.
pub fn routes<S: Clone + Send + Sync + 'static>(api: Api<S>) -> Api<S> {
    let described = Contract::of_document("application/json", json!({"type": "object"}));
    let read = Contract::of_document("text/html", json!({"type": "string"}));
    api.route(described, routes!(openapi), |methods| methods).route(read, routes!(docs), |methods| methods)
}

/// This description.
#[utoipa::path(get, path = "/openapi.json", operation_id = "openapi", tag = "description")]
async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json"), (X_CONTENT_TYPE_OPTIONS, "nosniff")], DOCUMENT.clone())
}

/// The same to be read.
#[utoipa::path(get, path = "/docs", operation_id = "docs", tag = "description")]
async fn docs() -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, &**POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    (headers, PAGE.clone())
}
