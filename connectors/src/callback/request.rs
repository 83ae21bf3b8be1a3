//! A call as an HTTP request.

use http_body_util::Full;
use hyper::{
    Request, Uri,
    body::Bytes,
    header::{CONTENT_TYPE, USER_AGENT},
    http::Error,
};
use processors::callback::Call;

const PRODUCT: &str = concat!("ims/", env!("CARGO_PKG_VERSION"));

/// POST, JSON, the three headers of Standard Webhooks, and one that marks a replay.
pub fn request(call: Call) -> Result<Request<Full<Bytes>>, Error> {
    let mut request = Request::post(Uri::try_from(call.uri.as_str())?);
    if let Some(replay) = call.replay {
        request = request.header("ims-replay", replay);
    }
    request
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, PRODUCT)
        .header("webhook-id", call.id)
        .header("webhook-timestamp", call.timestamp_s)
        .header("webhook-signature", call.signature)
        .body(Full::new(call.body.into()))
}
