//! What is told of old when nobody answers.

use super::stage::{Does, Process, Stage};
use axum::http::{Method, StatusCode};

#[tokio::test]
async fn the_last_known_report_is_told_as_old_and_to_its_own_key_alone() {
    const REPORT: &str = r#"{"code":"0000","data":{"message_id":"A","state":"DELIVERED"}}"#;
    let process = Process::start(Does::Answers(REPORT)).await;
    let stage = Stage::new(&[&process.url]);
    let (_, headers, fresh) = stage.report("a").await;
    assert!(!headers.contains_key("x-ims-stale"));
    process.does(Does::Cuts);
    let (status, headers, stale) = stage.report("a").await;
    assert_eq!((status, &stale), (StatusCode::OK, &fresh));
    assert_eq!((&headers["x-ims-stale"], &headers["age"]), (&"true".parse().unwrap(), &"0".parse().unwrap()));
    let (status, headers, answer) = stage.report("b").await;
    assert_eq!((status.as_u16(), answer["code"].as_str()), (503, Some("9999")));
    assert!(headers.contains_key("retry-after"));
    // So is one whose store is away.
    process.does(Does::Unconfirmed);
    let (status, headers, stale) = stage.report("a").await;
    assert_eq!((status, &stale, &headers["x-ims-stale"]), (StatusCode::OK, &fresh, &"true".parse().unwrap()));
    assert_eq!(stage.report("b").await.0.as_u16(), 503);
    // What was refused is nothing to remember.
    process.does(Does::Answers(r#"{"code":"2100","message":"message_id: no report of it"}"#));
    stage.report("c").await;
    process.does(Does::Cuts);
    assert_eq!(stage.report("c").await.0.as_u16(), 503);
    // A key may be for some addresses alone.
    let elsewhere = stage.call_from("198.51.100.2:7", Method::GET, "/ims/KEY/report/A", "a").await;
    assert_eq!(elsewhere.0.as_u16(), 503);
    // And one that is refused is told nothing from then on.
    assert_eq!(stage.report("a").await.0, StatusCode::OK);
    process.does(Does::Answers(r#"{"code":"1100","message":"service_key: unknown"}"#));
    stage.report("a").await;
    process.does(Does::Cuts);
    assert_eq!(stage.report("a").await.0.as_u16(), 503);
}

#[tokio::test]
async fn history_and_statistics_are_remembered_each_with_what_is_asked_of_them() {
    const PAGE: &str = r#"{"code":"0000","data":{"items":[],"next":null}}"#;
    const STATISTICS: &str = r#"{"email":null,"kakao":null,"mt":{"SMS":{"total":1}},"push":null}"#;
    let process = Process::start(Does::Answers(PAGE)).await;
    let stage = Stage::new(&[&process.url]);
    for (path, told) in [("hist/mt?cursor=1", PAGE), ("stat?from=20260301&to=20260302", STATISTICS)] {
        process.does(Does::Answers(told));
        let path = format!("/ims/KEY/{path}");
        stage.call(Method::GET, &path, "a").await;
        process.does(Does::Cuts);
        let (status, headers, answer) = stage.call(Method::GET, &path, "a").await;
        assert_eq!((status, answer.to_string()), (StatusCode::OK, told.to_owned()));
        assert_eq!(headers["x-ims-stale"], "true");
        assert_eq!(stage.call(Method::GET, &format!("{path}1"), "a").await.0.as_u16(), 503, "another question");
    }
    // What is registered is nothing to be told of old.
    process.does(Does::Answers(PAGE));
    stage.call(Method::GET, "/ims/KEY/callback", "a").await;
    process.does(Does::Cuts);
    assert_eq!(stage.call(Method::GET, "/ims/KEY/callback", "a").await.0.as_u16(), 503);
}
