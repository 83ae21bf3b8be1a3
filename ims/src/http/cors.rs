//! Which pages may ask from a browser (Fetch standard, CORS protocol): those of the origins that are configured, without
//! credentials. A request of any other origin is answered as if nothing were said of one (docs/adr/0020).

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue, Method, StatusCode,
        header::{
            ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
            ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
        },
    },
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use std::sync::Arc;

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, DELETE");
/// What a request may have besides what every page may send.
const HEADERS: HeaderValue =
    HeaderValue::from_static("content-type, idempotency-key, x-ims-key, x-ims-lane, x-ims-version, x-request-id");
/// What a page may read of an answer besides its body.
const TOLD: HeaderValue = HeaderValue::from_static(
    "age, content-disposition, ratelimit, ratelimit-policy, retry-after, x-ims-stale, x-request-id",
);
/// How long a browser need not ask again, seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");
const BY_ORIGIN: HeaderValue = HeaderValue::from_static("origin");

/// Routes that pages of these origins may ask, which are right ([`crate::config`]); of none there is nothing to say.
pub fn for_pages(routes: Router, origins: &[String]) -> Router {
    let origins: Arc<[HeaderValue]> = origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    if origins.is_empty() { routes } else { routes.layer(from_fn_with_state(origins, cors)) }
}

async fn cors(State(origins): State<Arc<[HeaderValue]>>, request: Request, next: Next) -> Response {
    let origin = one(request.headers()).filter(|origin| origins.contains(origin)).cloned();
    let asks_first =
        request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut answer = match &origin {
        Some(_) if asks_first => allowed(),
        _ => next.run(request).await,
    };
    let headers = answer.headers_mut();
    // A gateway has perhaps said it for its processes.
    if !headers.get_all(VARY).iter().any(|by| *by == BY_ORIGIN) {
        headers.append(VARY, BY_ORIGIN);
    }
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, TOLD);
    }
    answer
}

/// The origin of a request that names one.
fn one(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut origins = headers.get_all(ORIGIN).iter();
    origins.next().filter(|_| origins.next().is_none())
}

/// To what a browser asks before it asks.
fn allowed() -> Response {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    let headers = answer.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
    headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    answer
}
