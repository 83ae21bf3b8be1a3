//! What a gateway's log says.

use super::stage::{Does, KEPT, Process, Stage, nobody};
use crate::http::{routes::Peer, tests::log::Kept};
use axum::{body::Body, http::Request};
use tower_service::Service as _;

const SERVICE_KEY: &str = "GATEWAY0SERVICEKEY00000000000000000000001";
const SECRET: &str = "a-secret-that-goes-through";
const MESSAGE_ID: &str = "GATEWAY-MESSAGE-7";
const BODY: &str = r#"{"phone_number":"01077771209","message":"관문을 지나간 글"}"#;

#[tokio::test]
async fn it_has_neither_secret_nor_path_nor_body_nor_id_whatever_became_of_the_request() {
    let kept = Kept::listen();
    let (answers, fails, cuts) = (
        Process::start(Does::Answers(KEPT)).await,
        Process::start(Does::Fails).await,
        Process::start(Does::Cuts).await,
    );
    let ends = [("ANSWERS", &*answers.url, 200), ("FAILS", &fails.url, 500), ("CUTS", &cuts.url, 503)];
    let nobody = nobody().await;
    for (id, url, status) in ends.into_iter().chain([("NOBODY", &*nobody, 503)]) {
        let stage = Stage::new(&[url]);
        let send = Request::post(format!("/ims/{SERVICE_KEY}/mt/sendMessage")).body(Body::from(BODY)).unwrap();
        let report = Request::get(format!("/ims/{SERVICE_KEY}/report/{MESSAGE_ID}")).body(Body::empty()).unwrap();
        for (what, mut request) in [("SEND", send), ("REPORT", report)] {
            let named = format!("GATEWAY-{id}-{what}");
            request.headers_mut().insert("x-ims-key", format!("hanbit-shop:{SECRET}").parse().unwrap());
            request.headers_mut().insert("x-request-id", named.parse().unwrap());
            request.extensions_mut().insert(Peer("198.51.100.1:7".parse().unwrap()));
            drop(stage.routes.clone().call(request).await.unwrap());
            let line = kept.line(&named).1;
            assert_eq!(line["status"], status, "{named}");
        }
    }
    let text = kept.text();
    for secret in [SERVICE_KEY, SECRET, MESSAGE_ID, "01077771209", "지나간"] {
        let said: Vec<&str> = text.lines().filter(|line| line.contains(secret)).collect();
        assert!(said.is_empty(), "{secret} stands in {said:?}");
    }
}
