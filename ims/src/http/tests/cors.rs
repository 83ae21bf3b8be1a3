//! Pages of other origins.

use super::{Fixture, Peer, SHOP, post, signed, sms};
use crate::http::cors::for_pages;
use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode},
};
use tower_service::Service as _;

const PAGE: &str = "https://admin.shop.example";

/// What a door answers that pages of these origins may ask.
async fn asked(origins: &[&str], mut request: Request<Body>) -> (StatusCode, HeaderMap, String) {
    let origins: Vec<String> = origins.iter().map(|origin| (*origin).to_owned()).collect();
    request.extensions_mut().insert(Peer("127.0.0.1:1".parse().unwrap()));
    let answer = for_pages(Fixture::new().routes(), &origins).call(request).await.unwrap();
    let (head, body) = answer.into_parts();
    assert!(!head.headers.contains_key("access-control-allow-credentials"));
    (head.status, head.headers, String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap())
}

fn preflight(origin: &str) -> Request<Body> {
    let request = Request::options(format!("/ims/{SHOP}/mt/sendMessage")).header("origin", origin);
    let request = request.header("access-control-request-method", "POST");
    request.header("access-control-request-headers", "content-type,x-ims-key").body(Body::empty()).unwrap()
}

fn sends(origin: &str) -> Request<Body> {
    signed(post(SHOP)).header("origin", origin).body(sms().into()).unwrap()
}

#[tokio::test]
async fn a_page_of_an_origin_that_is_configured_asks_and_reads_the_answer() {
    let (status, headers, body) = asked(&["https://other.example", PAGE], preflight(PAGE)).await;
    assert_eq!((status, &*body), (StatusCode::NO_CONTENT, ""));
    assert_eq!(headers["access-control-allow-origin"], PAGE);
    assert_eq!(headers["vary"], "origin");
    assert_eq!(headers["access-control-allow-methods"], "GET, POST, PUT, DELETE");
    let allowed = headers["access-control-allow-headers"].to_str().unwrap();
    assert!(["content-type", "x-ims-key", "idempotency-key"].iter().all(|name| allowed.contains(name)), "{allowed}");
    let (_, headers, body) = asked(&[PAGE], sends(PAGE)).await;
    assert!(body.starts_with(r#"{"code":"0000""#), "{body}");
    assert_eq!(headers["access-control-allow-origin"], PAGE);
    assert!(headers["access-control-expose-headers"].to_str().unwrap().contains("x-request-id"));
    // A refusal too, or a page could not tell why.
    let (status, headers, _) = asked(&[PAGE], post(SHOP).header("origin", PAGE).body(sms().into()).unwrap()).await;
    assert_eq!((status, headers["access-control-allow-origin"] == PAGE), (StatusCode::UNAUTHORIZED, true));
}

#[tokio::test]
async fn of_every_other_origin_nothing_is_said() {
    let others = ["https://shop.example", "http://admin.shop.example", "https://admin.shop.example:8443", "null", "*"];
    for origin in others.into_iter().chain(["https://admin.shop.example.evil.example"]) {
        let (status, headers, body) = asked(&[PAGE], preflight(origin)).await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{origin}");
        assert!(body.contains("\"405\""), "{body}");
        assert!(headers.keys().all(|name| !name.as_str().starts_with("access-control")), "{origin}: {headers:?}");
        assert_eq!(headers["vary"], "origin", "what a cache keeps is of this origin");
        let (_, headers, _) = asked(&[PAGE], sends(origin)).await;
        assert!(headers.keys().all(|name| !name.as_str().starts_with("access-control")), "{origin}: {headers:?}");
    }
    let twice = sends(PAGE);
    let (mut head, body) = twice.into_parts();
    head.headers.append("origin", "https://shop.example".parse().unwrap());
    let (_, headers, _) = asked(&[PAGE], Request::from_parts(head, body)).await;
    assert!(!headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn without_origins_no_page_asks() {
    for request in [preflight(PAGE), sends(PAGE)] {
        let (_, headers, _) = asked(&[], request).await;
        assert!(!headers.contains_key("vary"), "{headers:?}");
        assert!(headers.keys().all(|name| !name.as_str().starts_with("access-control")), "{headers:?}");
    }
    // What asks for nothing first is no page's.
    let (status, ..) =
        asked(&[PAGE], Request::options("/docs").header("origin", PAGE).body(Body::empty()).unwrap()).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
}
