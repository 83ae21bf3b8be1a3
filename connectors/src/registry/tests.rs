//! The promises of the registry: on a stand-in that counts what it is asked, and on a real one where
//! `IMS_TEST_REGISTRY` names it.

use super::flood::{ASKED, LISTED, WINDOW};
use super::missing::REMEMBERED;
use super::*;
use schemas::{Channel, Record, Report};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

fn registry(url: &str) -> Registry {
    with_prefix(url, String::new())
}

/// Subjects of topics that have this before their names.
fn with_prefix(url: &str, topic_prefix: String) -> Registry {
    let timeout = Duration::from_secs(20);
    Registry::new(&RegistrySettings { url: url.into(), credentials: None, timeout, topic_prefix }).unwrap()
}

/// Answers every request with what `answer` says about its first line, one connection each, and counts them.
fn stand_in(answer: impl Fn(&str, usize) -> (u16, String) + Send + 'static) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = BufReader::new(connection.unwrap());
            let (mut first, mut length) = (String::new(), 0);
            connection.read_line(&mut first).unwrap();
            loop {
                let mut header = String::new();
                connection.read_line(&mut header).unwrap();
                if let Some(value) = header.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if header.trim().is_empty() {
                    break;
                }
            }
            connection.read_exact(&mut vec![0; length]).unwrap();
            let (status, body) = answer(&first, counter.fetch_add(1, Ordering::SeqCst));
            let head = format!("HTTP/1.1 {status} Any\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
            write!(connection.get_mut(), "{head}content-type: application/json\r\n\r\n{body}").unwrap();
        }
    });
    (url, asked)
}

fn not_found() -> (u16, String) {
    (404, r#"{"error_code": 40403, "message": "Schema not found"}"#.into())
}

#[test]
fn a_missing_id_is_asked_for_again_and_not_before_5_seconds() {
    let (url, asked) =
        stand_in(|_, nth| if nth == 0 { not_found() } else { (200, r#"{"schema": "\"string\""}"#.into()) });
    let (registry, now) = (registry(&url), Instant::now());
    assert_eq!(registry.by_id_at(7, None, now), Ok(None));
    assert_eq!(registry.by_id_at(7, None, now + REMEMBERED - Duration::from_millis(1)), Ok(None));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert_eq!(registry.by_id_at(7, None, now + REMEMBERED), Ok(Some("\"string\"".into())));
}

/// Ids that nobody registered.
const GARBAGE: std::ops::Range<u32> = 1_000_000..1_001_000;

#[test]
fn a_flood_of_garbage_is_not_asked_about_id_by_id_and_a_good_new_id_is_learnt_in_it() {
    // Two versions under the subject, and a third one from the second list on; id 500 stands under another subject.
    let (registered, asked_singly) = (Arc::new(AtomicUsize::new(2)), Arc::new(AtomicUsize::new(0)));
    let (of_stand_in, singly) = (Arc::clone(&registered), Arc::clone(&asked_singly));
    let (url, asked) = stand_in(move |request, _| {
        let path = request.split(' ').nth(1).unwrap();
        let versions = of_stand_in.load(Ordering::SeqCst);
        if path == "/subjects/API-REALTIME-value/versions" {
            return (200, format!("{:?}", (1..=versions).collect::<Vec<_>>()));
        }
        if let Some(version) = path.strip_prefix("/subjects/API-REALTIME-value/versions/") {
            return (200, format!(r#"{{"version": {version}, "id": 7{version}, "schema": "\"long\""}}"#));
        }
        singly.fetch_add(1, Ordering::SeqCst);
        if path.starts_with("/schemas/ids/500") { (200, r#"{"schema": "\"int\""}"#.into()) } else { not_found() }
    });
    let (registry, now) = (registry(&url), Instant::now());
    let realtime = Some(Topic::api(schemas::Lane::Realtime));
    for id in GARBAGE {
        assert_eq!(registry.by_id_at(id, realtime, now), Ok(None));
    }
    assert_eq!(asked_singly.load(Ordering::SeqCst), ASKED);
    assert_eq!(asked.load(Ordering::SeqCst), ASKED + 3, "the versions of the subject, and each of the two");
    let (long, int) = (|| Ok(Some("\"long\"".to_owned())), || Ok(Some("\"int\"".to_owned())));
    assert_eq!(registry.by_id_at(72, realtime, now), long());
    registered.store(3, Ordering::SeqCst);
    assert_eq!(registry.by_id_at(73, realtime, now + LISTED), long());
    assert_eq!(asked.load(Ordering::SeqCst), ASKED + 5, "only what is new is read");
    // Other lanes and records of our own do not suffer, and nothing sticks.
    let auth = Some(Topic::api(schemas::Lane::Auth));
    assert_eq!(registry.by_id_at(500, realtime, now), Ok(None));
    assert_eq!([registry.by_id_at(500, auth, now), registry.by_id_at(500, None, now)], [int(), int()]);
    assert_eq!(registry.by_id_at(500, realtime, now + WINDOW), int());
}

#[test]
fn a_registry_that_is_away_is_not_a_missing_id() {
    let (url, _) =
        stand_in(|_, nth| if nth == 0 { (503, "{}".into()) } else { (200, r#"{"schema": "\"long\""}"#.into()) });
    let (registry, now) = (registry(&url), Instant::now());
    assert_eq!(registry.by_id_at(7, None, now).unwrap_err().dependency, "schema registry");
    assert_eq!(registry.by_id_at(7, None, now), Ok(Some("\"long\"".into())));
    // A port that was just free: nobody listens.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let away = super::tests::registry(&format!("http://{free}")).prepare(OnWrong::Register).unwrap_err();
    assert!(matches!(away, RegistryError::Away(_)), "{away}");
}

#[test]
fn a_schema_that_breaks_the_contract_is_a_reason_to_stop() {
    let (url, _) = stand_in(|request, _| match request.split(' ').next() {
        Some("GET") if request.contains("/versions") => (200, "[7]".into()),
        Some("GET" | "PUT") => (200, r#"{"compatibilityLevel": "FULL_TRANSITIVE"}"#.into()),
        _ if request.contains("/versions") => (409, r#"{"error_code": 409, "message": "incompatible"}"#.into()),
        _ => not_found(),
    });
    let refused = registry(&url).prepare(OnWrong::Register).unwrap_err();
    let lines = |error: &RegistryError| match error {
        RegistryError::Lacking(lines) => lines.clone(),
        other => panic!("{other}"),
    };
    let subjects = Topic::all().iter().filter(|topic| topic.record().is_some()).count();
    assert_eq!(lines(&refused).len(), subjects, "every one is told at once: {refused}");
    assert!(lines(&refused).iter().all(|line| line.contains("incompatible")), "{refused}");
    let missing = registry(&url).prepare(OnWrong::Tell).unwrap_err();
    assert!(lines(&missing)[0].starts_with("API-AUTH-value has 1 versions"), "{missing}");
}

#[test]
fn one_that_answers_none_of_our_requests_is_no_registry() {
    let (url, _) = stand_in(|_, _| (404, "<html>".into()));
    let refused = registry(&url).prepare(OnWrong::Register).unwrap_err();
    assert!(matches!(refused, RegistryError::Refused { .. }), "{refused}");
    assert!(refused.to_string().contains("is registry.url the base URL"), "{refused}");
    let (url, asked) = stand_in(|_, _| (401, "who are you?".into()));
    let refused = registry(&url).subjects(Topic::all(), OnWrong::Tell).unwrap_err();
    assert!(refused.to_string().contains("401 who are you?"), "{refused}");
    assert!(asked.load(Ordering::SeqCst) <= 16, "after the first refusal nothing more is asked");
}

/// The real one, or None with a word about it.
#[allow(clippy::print_stderr)]
fn real() -> Option<(String, Registry)> {
    let url = std::env::var("IMS_TEST_REGISTRY").ok();
    if url.is_none() {
        eprintln!("not tested: IMS_TEST_REGISTRY names no schema registry (./test starts one)");
    }
    url.map(|url| (url.clone(), registry(&url)))
}

/// The schema with a field that has no default.
fn with_a_must(schema: &str) -> String {
    let broken = schema.replacen("\"fields\":[", "\"fields\":[{\"name\":\"must\",\"type\":\"string\"},", 1);
    assert_ne!(broken, schema);
    broken
}

#[test]
fn a_real_registry_takes_all_schemas_once_and_gives_them_back() {
    let Some((url, registry)) = real() else { return };
    let first = registry.prepare(OnWrong::Register).unwrap();
    let again = registry.prepare(OnWrong::Tell).unwrap();
    assert_eq!(first.id_of::<Report>(), again.id_of::<Report>());
    let text = registry.schema(first.id_of::<Report>(), None).unwrap().unwrap();
    let value = first.encode(&Report::default());
    // Another process learns what the id means.
    let stranger = Schemas::with_ids(FxHashMap::default());
    stranger.learn(first.id_of::<Report>(), &text).unwrap();
    assert_eq!(stranger.decode::<Report>(&value), Ok(Report::default()));
    let level: serde_json::Value =
        reqwest::blocking::get(format!("{url}/config/{}", Topic::report(Channel::At).subject()))
            .and_then(reqwest::blocking::Response::json)
            .unwrap();
    assert!(level.to_string().contains("\"FULL_TRANSITIVE\""), "{level}");
    // Enforced, too: a new field without a default would leave older readers and writers behind.
    let subject = Topic::report(Channel::At).subject();
    let refused = registry.calls.register(&subject, &with_a_must(Report::SCHEMA)).unwrap_err();
    assert!(matches!(refused, RegistryError::Refused { .. }), "{refused}");
}

/// What is wrong with one subject.
fn wrong_with(subjects: &[Subject], subject: &str) -> Vec<Wrong> {
    subjects.iter().find(|found| found.subject == subject).unwrap().wrong.clone()
}

#[test]
fn each_subject_of_a_real_registry_that_is_missing_differs_or_is_open_to_breaks_is_named_and_mended() {
    let Some((url, _)) = real() else { return };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let prefix = format!("t{:x}-", now.as_nanos());
    let registry = with_prefix(&url, prefix.clone());
    let subject = |topic: Topic| format!("{prefix}{}", topic.subject());
    let before = registry.subjects(Topic::all(), OnWrong::Tell).unwrap();
    assert!(before.iter().all(|found| found.wrong == [Wrong::Missing] && found.id.is_none()), "{before:?}");
    assert_eq!(before, registry.subjects(Topic::all(), OnWrong::Tell).unwrap(), "a look changes nothing");

    // Somebody was here before: another schema, a subject that is left open, and an older version that breaks ours.
    let (report, hist) = (subject(Topic::report(Channel::At)), subject(Topic::hist(Channel::At)));
    let accepted = subject(Topic::recv(Channel::At, schemas::Lane::Mass));
    let foreign = r#"{"type":"record","name":"Report","namespace":"kr.ims","fields":[{"name":"n","type":"int"}]}"#;
    registry.calls.register(&report, foreign).unwrap();
    registry.calls.register(&hist, schemas::History::SCHEMA).unwrap();
    // Ours reads it, and its readers do not read ours: the registry's default (BACKWARD) lets that in.
    registry.calls.register(&accepted, &with_a_must(schemas::Accepted::SCHEMA)).unwrap();
    registry.calls.register(&accepted, schemas::Accepted::SCHEMA).unwrap();
    let found = registry.subjects(Topic::all(), OnWrong::Tell).unwrap();
    let open = || Wrong::Level(Some("NONE".into()));
    assert_eq!(wrong_with(&found, &report), [Wrong::Differs(1), open()]);
    assert_eq!(wrong_with(&found, &hist), [open()]);

    let mended = registry.subjects(Topic::all(), OnWrong::Register).unwrap();
    assert!(matches!(wrong_with(&mended, &report)[..], [Wrong::Refused(_)]), "{:?}", wrong_with(&mended, &report));
    assert_eq!(wrong_with(&mended, &accepted), [Wrong::Broken]);
    let rest = mended.iter().filter(|found| ![&report, &accepted].contains(&&found.subject));
    assert!(rest.clone().all(|found| found.wrong.is_empty() && found.made.contains(&Made::Set)), "{mended:?}");
    assert_eq!(rest.filter(|found| found.made.contains(&Made::Registered)).count(), mended.len() - 3);
    let after = registry.subjects(Topic::all(), OnWrong::Tell).unwrap();
    let still: Vec<_> = after.iter().filter(|found| !found.wrong.is_empty()).map(|found| &found.subject).collect();
    assert_eq!(still, [&report], "{after:?}");
    let refused = registry.prepare(OnWrong::Tell).unwrap_err();
    assert!(refused.to_string().contains(&report) && !refused.to_string().contains(&hist), "{refused}");
}

#[test]
fn a_real_registry_lists_what_stands_under_the_subject_of_a_flooded_topic() {
    let Some((url, _)) = real() else { return };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let registry = with_prefix(&url, format!("f{:x}-", now.as_nanos()));
    let (topic, now) = (Topic::api(schemas::Lane::Mass), Instant::now());
    for id in 2_000_000_000..2_000_000_100 {
        assert_eq!(registry.by_id_at(id, Some(topic), now), Ok(None), "a subject that is not there has no ids");
    }
    let subject = format!("{}{}", registry.prefix, topic.subject());
    let id = registry.calls.register(&subject, schemas::SendRequest::SCHEMA).unwrap();
    let found = registry.by_id_at(id, Some(topic), now + LISTED).unwrap().expect("it is registered");
    assert!(found.contains("SendRequest"), "{found}");
}

#[test]
fn a_real_registry_says_that_an_id_is_missing() {
    let Some((_, registry)) = real() else { return };
    assert_eq!(registry.schema(2_000_000_000, None), Ok(None));
}
