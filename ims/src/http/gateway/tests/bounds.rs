//! Bounds: bodies, places, files.

use super::stage::{Does, KEPT, Process, Stage};
use crate::{
    config,
    http::{learn::network_of, routes::Peer, tests::limits::Endless},
};
use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use std::sync::Arc;
use tower_service::Service;

#[tokio::test]
async fn bodies_that_do_not_come_take_nobody_elses_place() {
    let process = Process::start(Does::Answers(KEPT)).await;
    let stage = Stage::new(&[&process.url]);
    let slow = |peer: &str| {
        let mut request = Request::post("/ims/KEY/mt/sendMessage").body(Body::new(Endless)).unwrap();
        request.extensions_mut().insert(Peer(peer.parse().unwrap()));
        stage.routes.clone().call(request)
    };
    let share = config::load(None, []).unwrap().http.requests / 8;
    let held: Vec<_> = (0..share).map(|_| tokio::spawn(slow("203.0.113.1:7"))).collect();
    while stage.gateway.readers.taken() < share {
        tokio::task::yield_now().await;
    }
    assert_eq!(slow("203.0.113.1:8").await.unwrap().status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(stage.gateway.places.taken(), 0);
    assert_eq!(stage.send().await.0, StatusCode::OK);
    held.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn who_has_half_of_the_places_leaves_the_others() {
    let process = Process::start(Does::Hangs).await;
    let stage = Arc::new(Stage::with(&[&process.url], |gateway| gateway.answer_within_ms = 60_000));
    let half = config::load(None, []).unwrap().http.requests / 2;
    let hang = |peer: &'static str, key: &'static str| {
        let stage = Arc::clone(&stage);
        tokio::spawn(async move { stage.call_from(peer, Method::POST, "/ims/KEY/mt/sendMessage", key).await })
    };
    // Bodies of one address are bounded by themselves: they come one after the other.
    let mut held = Vec::new();
    for places in 1..=half {
        held.push(hang("203.0.113.1:7", "a"));
        while stage.gateway.places.taken() < places {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(stage.call_from("203.0.113.2:7", Method::GET, "/ims/KEY/x", "a").await.0.as_u16(), 429, "one key's");
    assert_eq!(stage.call_from("203.0.113.1:7", Method::GET, "/ims/KEY/x", "b").await.0.as_u16(), 429, "one address's");
    held.push(hang("203.0.113.2:7", "b"));
    while stage.gateway.places.taken() <= half {
        tokio::task::yield_now().await;
    }
    held.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn a_file_is_larger_than_other_bodies_and_has_places_of_its_own() {
    const HERE: &str = "198.51.100.1:7";
    let process = Process::start(Does::Answers(KEPT)).await;
    let stage = Stage::new(&[&process.url]);
    assert_eq!(stage.upload(HERE, 2_000_000).await.0, StatusCode::OK);
    let came = process.came.lock().unwrap()[0].clone();
    let (head, file) = came.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("content-length: 2000000") && file == "x".repeat(2_000_000), "{head}");
    assert_eq!(stage.upload(HERE, 10_000_001).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    // Half of the places are an address's, and what has none is told to come again.
    let files = &stage.gateway.files;
    let address = "198.51.100.1".parse().unwrap();
    let half: Vec<_> = std::iter::from_fn(|| files.places.take(network_of(address))).collect();
    assert_eq!(half.len(), 4);
    let (status, headers) = stage.upload(HERE, 1).await;
    assert_eq!((status, &headers["retry-after"]), (StatusCode::TOO_MANY_REQUESTS, &"1".parse().unwrap()));
    assert_eq!(stage.upload("203.0.113.1:7", 1).await.0, StatusCode::OK);
    let _others: Vec<_> = std::iter::from_fn(|| files.places.take("203.0.113.9".parse().unwrap())).collect();
    assert_eq!(stage.upload("203.0.113.1:7", 1).await.0, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(stage.send().await.0, StatusCode::OK, "what is no file has places of its own");
}

#[tokio::test]
async fn a_path_that_nobody_serves_and_a_body_that_is_too_large_are_told_here() {
    let stage = Stage::new(&[]);
    assert_eq!(stage.call(Method::GET, "/docs", "a").await.0.as_u16(), 503);
    assert_eq!(stage.call(Method::DELETE, "/ims/KEY/message/A", "a").await.2["code"], "9999");
    let mut request = Request::post("/ims/KEY/mt/sendMessage").body(Body::from(vec![b' '; 1_000_001])).unwrap();
    request.extensions_mut().insert(Peer("198.51.100.1:7".parse().unwrap()));
    assert_eq!(stage.routes.clone().call(request).await.unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);
}
