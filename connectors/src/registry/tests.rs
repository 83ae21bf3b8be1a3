//! The promises of the registry: on a stand-in that counts what it is asked, and on a real one where
//! `IMS_TEST_REGISTRY` names it.

use super::missing::REMEMBERED;
use super::*;
use schemas::{Channel, Record, Report};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

fn registry(url: &str) -> Registry {
    let settings = RegistrySettings { url: url.into(), credentials: None, timeout: Duration::from_secs(20) };
    Registry::new(&settings).unwrap()
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
    assert_eq!(registry.by_id_at(7, now), Ok(None));
    assert_eq!(registry.by_id_at(7, now + REMEMBERED - Duration::from_millis(1)), Ok(None));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert_eq!(registry.by_id_at(7, now + REMEMBERED), Ok(Some("\"string\"".into())));
}

#[test]
fn a_registry_that_is_away_is_not_a_missing_id() {
    let (url, _) =
        stand_in(|_, nth| if nth == 0 { (503, "{}".into()) } else { (200, r#"{"schema": "\"long\""}"#.into()) });
    let (registry, now) = (registry(&url), Instant::now());
    assert_eq!(registry.by_id_at(7, now).unwrap_err().dependency, "schema registry");
    assert_eq!(registry.by_id_at(7, now), Ok(Some("\"long\"".into())));
    // A port that was just free: nobody listens.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let away = super::tests::registry(&format!("http://{free}")).prepare(OnMissing::Register).unwrap_err();
    assert!(matches!(away, RegistryError::Away(_)), "{away}");
}

#[test]
fn a_schema_that_breaks_the_contract_is_a_reason_to_stop() {
    let (url, _) = stand_in(|request, _| match request.split(' ').next() {
        Some("GET" | "PUT") => (200, r#"{"compatibilityLevel": "FULL_TRANSITIVE"}"#.into()),
        _ if request.contains("/versions") => (409, r#"{"error_code": 409, "message": "incompatible"}"#.into()),
        _ => not_found(),
    });
    let refused = registry(&url).prepare(OnMissing::Register).unwrap_err();
    assert!(
        matches!(refused, RegistryError::Refused { .. }) && refused.to_string().contains("incompatible"),
        "{refused}"
    );
    let missing = registry(&url).prepare(OnMissing::Refuse).unwrap_err();
    assert!(matches!(missing, RegistryError::Missing { .. }), "{missing}");
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

#[test]
fn a_real_registry_takes_all_schemas_once_and_gives_them_back() {
    let Some((url, registry)) = real() else { return };
    let first = registry.prepare(OnMissing::Register).unwrap();
    let again = registry.prepare(OnMissing::Refuse).unwrap();
    assert_eq!(first.id_of::<Report>(), again.id_of::<Report>());
    let text = registry.schema(first.id_of::<Report>()).unwrap().unwrap();
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
    let broken = Report::SCHEMA.replacen("\"fields\":[", "\"fields\":[{\"name\":\"must\",\"type\":\"string\"},", 1);
    assert_ne!(broken, Report::SCHEMA);
    let refused = registry.calls.register(&subject, &broken).unwrap_err();
    assert!(matches!(refused, RegistryError::Refused { .. }), "{refused}");
}

#[test]
fn a_real_registry_says_that_an_id_is_missing() {
    let Some((_, registry)) = real() else { return };
    assert_eq!(registry.schema(2_000_000_000), Ok(None));
}
