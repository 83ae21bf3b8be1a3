//! Against a door that answers as the test says.

use super::{
    Work,
    ask::{Door, Outcome},
    asked, read, send,
};
use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use indicatif::ProgressBar;
use reqwest::header::HeaderValue;
use schemas::{Lane, examples::REQUESTS};
use serde_json::Value;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{net::TcpListener, sync::mpsc, time::Instant};

type Answer = (u16, Option<u32>, &'static str);
const KEPT: Answer = (200, None, r#"{"code":"0000","data":"A"}"#);
const UNKNOWN: Answer = (503, None, r#"{"code":"9998","message":"not confirmed"}"#);

/// What came, and what is answered; the last answer is given for ever.
#[derive(Default)]
struct Stage {
    came: Vec<(String, Option<String>, Value, Instant)>,
    answers: VecDeque<Answer>,
}

type Shared = Arc<Mutex<Stage>>;

async fn answer(State(stage): State<Shared>, Path(path): Path<String>, headers: HeaderMap, body: String) -> Response {
    assert_eq!(headers["x-ims-key"], "a2V5");
    assert_eq!(headers["content-type"], "application/json");
    let lane = headers.get("x-ims-lane").map(|lane| lane.to_str().unwrap().to_owned());
    let mut stage = stage.lock().unwrap();
    stage.came.push((path, lane, serde_json::from_str(&body).unwrap(), Instant::now()));
    let (status, retry_after, body) = match stage.answers.len() {
        1 => stage.answers[0],
        _ => stage.answers.pop_front().unwrap(),
    };
    let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert("retry-after", seconds.into());
    }
    response
}

async fn door(answers: &[Answer], patience: Duration) -> (Door, Shared) {
    let stage = Shared::default();
    stage.lock().unwrap().answers.extend(answers);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/below", listener.local_addr().unwrap()).parse().unwrap();
    let routes = Router::new().fallback(axum::routing::post(|| async { StatusCode::NOT_FOUND }));
    let routes = routes.route("/below/{*path}", axum::routing::post(answer)).with_state(Arc::clone(&stage));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (Door::new(&url, HeaderValue::from_static("a2V5"), Some(Lane::Mass), patience, None).unwrap(), stage)
}

const PATIENCE: Duration = Duration::from_secs(60);

async fn outcome(answers: &[Answer], patience: Duration) -> (Outcome, usize) {
    let (door, stage) = door(answers, patience).await;
    let outcome = door.ask(&asked(line("sms").as_bytes()).unwrap()).await;
    let came = stage.lock().unwrap().came.len();
    (outcome, came)
}

fn line(example: &str) -> String {
    REQUESTS.iter().find(|known| known.name == example).unwrap().json.replace('\n', " ")
}

#[tokio::test]
async fn what_is_not_confirmed_is_repeated_as_it_was() {
    let (door, stage) = door(&[UNKNOWN, UNKNOWN, KEPT], PATIENCE).await;
    let outcome = door.ask(&asked(line("sms").as_bytes()).unwrap()).await;
    assert_eq!(outcome, Outcome::Sent { refused_receivers: 0, repeated: 2 });
    let stage = stage.lock().unwrap();
    let (path, lane, body, _) = &stage.came[0];
    assert_eq!(path, "ims/IMSDEMO0SERVICEKEY0000000000000000000001/mt/sendMessage");
    assert_eq!((lane.as_deref(), body), (Some("MASS"), &serde_json::from_str(&line("sms")).unwrap()));
    assert!(stage.came.iter().all(|came| came.2 == *body) && stage.came.len() == 3);
}

#[tokio::test]
async fn retry_after_is_obeyed() {
    let (door, stage) = door(&[(429, Some(1), r#"{"code":"429","message":"later"}"#), KEPT], PATIENCE).await;
    door.ask(&asked(line("sms").as_bytes()).unwrap()).await;
    let stage = stage.lock().unwrap();
    assert!(stage.came[1].3 - stage.came[0].3 >= Duration::from_secs(1));
}

#[tokio::test]
async fn patience_ends_and_a_request_without_an_id_is_asked_once() {
    let (ended, came) = outcome(&[UNKNOWN], Duration::from_millis(900)).await;
    assert!(matches!(ended, Outcome::NotConfirmed { repeated: 1.., .. }) && came > 1, "{ended:?}, {came}");
    let (door, stage) = door(&[UNKNOWN], PATIENCE).await;
    let mut unnamed: Value = serde_json::from_str(&line("sms")).unwrap();
    unnamed.as_object_mut().unwrap().remove("message_id");
    let ended = door.ask(&asked(unnamed.to_string().as_bytes()).unwrap()).await;
    assert!(matches!(ended, Outcome::NotConfirmed { repeated: 0, .. }), "{ended:?}");
    assert_eq!(stage.lock().unwrap().came.len(), 1);
}

#[tokio::test]
async fn a_door_that_is_away_is_asked_again_until_patience_ends() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", closed.local_addr().unwrap()).parse().unwrap();
    drop(closed);
    let door = Door::new(&url, HeaderValue::from_static("a2V5"), None, Duration::from_millis(500), None).unwrap();
    let ended = door.ask(&asked(line("at").as_bytes()).unwrap()).await;
    let Outcome::NotConfirmed { reason, repeated: 1.. } = ended else { panic!("{ended:?}") };
    assert_eq!(reason, "no connection", "no URL, which has a service key");
}

async fn sent(answers: &[Answer], lines: String) -> anyhow::Result<super::Told> {
    let (door, _) = door(answers, PATIENCE).await;
    let (to, from) = mpsc::channel::<std::io::Result<Work>>(4);
    std::thread::spawn(move || read(lines.as_bytes(), &to));
    send(door, from, 4, false, &ProgressBar::hidden()).await
}

#[tokio::test]
async fn every_line_is_told_of() {
    let lines = [&*line("at"), "", "{", &line("sms"), r#"{"service_key":"a/b","channel":"MT"}"#, r#"{"channel":"XX"}"#];
    let told = sent(&[KEPT], lines.join("\n")).await.unwrap();
    assert_eq!((told.sent, told.refused, told.not_confirmed), (2, 3, 0));
    let mut refused: Vec<_> = told.refused_lines.iter().map(|refused| refused.line).collect();
    refused.sort_unstable();
    assert_eq!(refused, [3, 5, 6]);
}

#[tokio::test]
async fn a_wrong_key_ends_it() {
    let lines = line("at") + "\n" + &line("sms");
    let wrong = (401, None, r#"{"code":"401","message":"x-ims-key is missing or wrong"}"#);
    let error = sent(&[wrong], lines).await.unwrap_err();
    assert_eq!(crate::exit::Exit::of(&error), crate::exit::Exit::Usage);
    assert!(format!("{error:#}").contains("x-ims-key is missing or wrong"), "{error:#}");
}

#[test]
fn an_address_holds_no_key_and_is_http() {
    for wrong in ["ftp://a/", "http://user:secret@a/"] {
        let url = wrong.parse().unwrap();
        let error = Door::new(&url, HeaderValue::from_static("a2V5"), None, PATIENCE, None).err().unwrap().to_string();
        assert!(error.starts_with("--http: ") && !error.contains("secret"), "{error}");
    }
}
