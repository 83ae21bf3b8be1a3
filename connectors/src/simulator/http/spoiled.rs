//! Answers that are spoiled on their way, as networks and servers of others do it.

use crate::simulator::Spoiled;
use axum::{
    body::{Body, Bytes, to_bytes},
    http::header::CONTENT_LENGTH,
    response::Response,
};
use futures_util::stream;
use processors::reference::Vendor;
use std::{convert::Infallible, time::Duration};

/// Bytes of an answer.
const MOST: usize = 16 << 20;
/// 성공 in EUC-KR.
const EUC_KR: &[u8] = b"\xbc\xba\xb0\xf8";

/// Marks an answer that is not given: its connection is reset instead.
#[derive(Debug, Clone, Copy)]
pub struct Reset;

/// The answer as it is after that.
pub async fn spoil(answer: Response, how: Option<Spoiled>, vendor: &Vendor) -> Response {
    let Some(how) = how else { return answer };
    let (mut head, body) = answer.into_parts();
    let body = to_bytes(body, MOST).await.unwrap_or_default();
    head.headers.remove(CONTENT_LENGTH);
    let body = match how {
        Spoiled::Reset => {
            head.extensions.insert(Reset);
            Body::empty()
        }
        Spoiled::SlowBody => {
            head.headers.insert(CONTENT_LENGTH, body.len().into());
            crawling(body, Duration::from_millis(u64::from(vendor.timeout_ms)))
        }
        Spoiled::WrongJson => Body::from(body.slice(..body.len() / 2)),
        Spoiled::WrongCharset => {
            // Inside of the first word that is said.
            let at = body.windows(2).position(|two| two == b":\"").map_or(body.len(), |colon| colon + 2);
            Body::from([&body[..at], EUC_KR, &body[at..]].concat())
        }
    };
    Response::from_parts(head, body)
}

/// All of it but its end at once, and that after a time that nobody waits.
fn crawling(body: Bytes, timeout: Duration) -> Body {
    let end = body.len().saturating_sub(1);
    let parts = [(Duration::ZERO, body.slice(..end)), (timeout * 2, body.slice(end..))];
    Body::from_stream(stream::unfold(parts.into_iter(), |mut left| async {
        let (wait, part) = left.next()?;
        tokio::time::sleep(wait).await;
        Some((Ok::<_, Infallible>(part), left))
    }))
}
