//! What goes through, and which process is asked.

use super::stage::{Does, KEPT, Process, Stage, nobody};
use crate::{
    config,
    http::tests::{
        authority::Authority,
        sockets::{BOUNDS, open_with},
    },
};
use axum::{
    Router,
    http::{Method, StatusCode},
};

#[tokio::test]
async fn what_is_asked_and_answered_goes_through_as_it_is() {
    let process = Process::start(Does::Answers(KEPT)).await;
    let stage = Stage::new(&[&process.url]);
    let (status, headers, answer) = stage.send().await;
    assert_eq!((status, answer), (StatusCode::OK, serde_json::from_str(KEPT).unwrap()));
    assert!(headers.contains_key("x-request-id") && !headers.contains_key("connection"));
    let came = process.came.lock().unwrap()[0].clone();
    assert!(came.starts_with("POST /ims/KEY/mt/sendMessage HTTP/1.1\r\n") && came.ends_with("\r\n\r\n{}"), "{came}");
    assert!(came.contains("x-ims-key: a\r\n") && came.contains("x-forwarded-for: 203.0.113.9, 198.51.100.1\r\n"));
    assert!(came.contains("x-request-id: ") && !came.contains("connection: close"), "{came}");
}

#[tokio::test]
async fn another_is_asked_only_where_that_is_safe() {
    let (cuts, answers) = (Process::start(Does::Cuts).await, Process::start(Does::Answers(KEPT)).await);
    let stage = Stage::new(&[&cuts.url, &answers.url]);
    // It may have been kept: sent again by who knows its message_id, never from here.
    assert_eq!(stage.send().await.2["code"], "9998");
    assert_eq!((cuts.count(), answers.count()), (1, 0));
    assert_eq!(stage.send().await.0, StatusCode::OK);
    assert_eq!(stage.report("a").await.0, StatusCode::OK);
    assert_eq!((cuts.count(), answers.count()), (2, 2), "a question may be asked twice");
    // So may a wish to cancel; what makes or takes out something finds itself done the second time.
    let cancel = (Method::DELETE, "/ims/KEY/message/A");
    let others = [(Method::PUT, "/ims/KEY/callback"), (Method::DELETE, "/ims/KEY/callback/secret")];
    for ((method, path), told) in [cancel].into_iter().map(|of| (of, 200)).chain(others.map(|of| (of, 503))) {
        let stage = Stage::new(&[&cuts.url, &answers.url]);
        assert_eq!(stage.call(method, path, "a").await.0.as_u16(), told, "{path}");
    }
    // Where nobody listens nothing was done.
    let stage = Stage::new(&[&nobody().await, &answers.url]);
    for _ in 0..4 {
        assert_eq!(stage.send().await.0, StatusCode::OK);
    }
}

#[tokio::test]
async fn one_that_is_about_to_end_is_asked_when_no_other_can_be() {
    let (leaves, stays) = (Process::start(Does::Leaves(KEPT)).await, Process::start(Does::Answers(KEPT)).await);
    let stage = Stage::new(&[&leaves.url, &stays.url]);
    for _ in 0..10 {
        let (status, headers, _) = stage.send().await;
        assert_eq!((status, headers.get("x-ims-closing")), (StatusCode::OK, None), "it is not the gateway that ends");
    }
    assert_eq!((leaves.count(), stays.count()), (1, 9));
    let alone = Stage::new(&[&leaves.url, &nobody().await]);
    for _ in 0..10 {
        assert_eq!(alone.send().await.0, StatusCode::OK);
    }
    // A look finds it out too, and that it is back.
    let stage = Stage::new(&[&leaves.url, &stays.url]);
    stage.upstream(0).look().await;
    assert!(stage.upstream(0).is_closing());
    leaves.does(Does::Answers(KEPT));
    stage.upstream(0).look().await;
    let before = leaves.count();
    for _ in 0..10 {
        assert_eq!(stage.send().await.0, StatusCode::OK);
    }
    assert_eq!(leaves.count() - before, 5);
}

#[tokio::test]
async fn a_path_goes_on_with_another_part() {
    let (ours, others) = (Process::start(Does::Answers(KEPT)).await, Process::start(Does::Answers(KEPT)).await);
    let stage = Stage::with(&[&others.url], |gateway| {
        gateway.upstreams.push(config::Upstreams { path: "/ims/A/em".into(), urls: vec![ours.url.clone()] });
    });
    for (path, of_ours) in
        [("/ims/A/em", 1), ("/ims/A/em/sendMessage", 2), ("/ims/A/em?a=b", 3), ("/ims/A/emX", 3), ("/ims/A/email/x", 3)]
    {
        assert_eq!(stage.call(Method::GET, path, "a").await.0, StatusCode::OK);
        assert_eq!(ours.count(), of_ours, "{path}");
    }
    assert_eq!(others.count(), 2);
}

#[tokio::test]
async fn over_tls_a_process_is_asked_whose_authority_is_known() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let (address, _stop, _served) = open_with(Router::new().fallback(async || KEPT), Some(authority.tls()), BOUNDS);
    let url = format!("https://{address}");
    let knowing = |authority: &Authority| {
        let ca_file = authority.file("ca.pem");
        Stage::with(&[&url], |gateway| gateway.ca_file = ca_file)
    };
    assert_eq!(knowing(&authority).send().await.0, StatusCode::OK);
    assert_eq!(knowing(&stranger).send().await.2["code"], "9998");
    let stage = Stage::new(&[&url.replace("https", "http")]);
    assert_eq!(stage.send().await.0, StatusCode::BAD_REQUEST, "it is told what is spoken there");
}

#[tokio::test]
async fn one_that_does_not_look_well_is_not_asked_until_it_does() {
    let (process, other) = (Process::start(Does::Fails).await, Process::start(Does::Answers(KEPT)).await);
    let stage = Stage::new(&[&process.url, &other.url]);
    stage.upstream(0).look().await;
    for _ in 0..4 {
        assert_eq!(stage.send().await.0, StatusCode::OK);
    }
    assert_eq!((process.count(), other.count()), (1, 4), "it was looked at once");
    process.does(Does::Answers(""));
    stage.upstream(0).look().await;
    process.does(Does::Answers(KEPT));
    stage.send().await;
    stage.send().await;
    assert_eq!(process.count(), 3);
}
