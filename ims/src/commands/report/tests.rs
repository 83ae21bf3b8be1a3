use super::*;
use crate::config;
use connectors::{cipher::Cipher, history::HistorySink, reports::ReportSink};
use processors::ports::{Logged, Move, Sink, Written};
use schemas::{Report, ReportKind, State, Topic, examples};
use std::path::Path;

fn args(id: &str, service_key: Option<&str>, username: Option<&str>) -> Which {
    Which { id: id.into(), service_key: service_key.map(Into::into), username: username.map(Into::into) }
}

fn config_in(folder: &Path) -> Config {
    let file = folder.join("ims-store.sqlite").display().to_string();
    config::load(None, [("IMS__STORE__FILE".to_owned(), file)]).unwrap()
}

/// Writes records as the sinks of the roles do.
fn write<R: Clone>(sink: &mut dyn Sink<R>, topic: Topic, records: &[R]) {
    let logged = |(offset, record)| Logged { topic, partition: 0, offset, record };
    let batch: Vec<_> = (0..).zip(records.iter().cloned()).map(logged).collect();
    let moves = [Move { topic, partition: 0, from: None, to: records.len() as i64 }];
    assert_eq!(sink.write(&batch, &moves), Ok(Written::Moved));
}

#[test]
fn a_message_is_told_with_its_steps_and_what_came_late_and_without_personal_data() {
    let folder = tempfile::tempdir().unwrap();
    let stores = Stores::of(&config_in(folder.path()));
    let (report, row) = (examples::report(), examples::history());
    let late =
        Report { kind: ReportKind::Late, terminal: false, state: State::Failed, steps: vec![], ..report.clone() };
    let used_before = Report { track_id: "01AAAAAAAAAAAAAAAAAAAAAAAA".into(), requested_at: 1, ..report.clone() };
    let topic = Topic::report(report.channel);
    let mut sink = ReportSink::reports(&stores.reports().unwrap()).unwrap();
    write(&mut sink, topic, &[used_before.clone(), report.clone(), late]);
    let cipher: Arc<Cipher> = Arc::new(stores.cipher().unwrap());
    let row = History { track_id: report.track_id.clone(), ..row };
    let mut sink = HistorySink::history(&stores.history().unwrap(), cipher).unwrap();
    write(&mut sink, Topic::hist(report.channel), std::slice::from_ref(&row));

    let wanted =
        Wanted::of(&args(&report.message_id, None, Some(&report.username)), &config_in(folder.path())).unwrap();
    let mut reader = ReportReader::open(&stores.reports().unwrap()).unwrap();
    let mut found = wanted.look(&mut reader).unwrap().into_iter();
    let first = found.next().unwrap();
    let steps = steps(&stores, &first.report.track_id).unwrap();
    let shown = Shown::new(&first, &steps, found.map(|found| found.report).collect(), Some(true));
    let (json, text) = (serde_json::to_value(&shown).unwrap(), shown.text());
    assert_eq!(json["report"]["track_id"], report.track_id);
    assert_eq!((&json["late"]["state"], &json["terminal"]), (&"FAILED".into(), &true.into()));
    assert_eq!(json["steps"][0]["serial_number"], row.serial_number);
    assert_eq!(json["others"][0]["track_id"], used_before.track_id);
    let told = body_data(&report);
    assert_eq!(json["report"], told, "as the callback says it");
    for part in [&report.track_id, "changes no state", "pending: a call failed", "also of this message_id: 01AAAA"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let number = row.recipient.phone_number.unwrap();
    for said in [json.to_string(), text] {
        assert!(!said.contains(&number) && !said.contains(row.message.as_deref().unwrap()), "{said}");
    }
}

/// What the customer's endpoint got.
fn body_data(report: &Report) -> serde_json::Value {
    let body = processors::callback::message(std::slice::from_ref(report), false).body;
    serde_json::from_slice::<serde_json::Value>(&body).unwrap()["data"].clone()
}

#[test]
fn an_id_is_a_track_id_unless_it_is_said_whose_message_id_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let config = config_in(folder.path());
    let of = |id: &str, key: Option<&str>, username: Option<&str>| Wanted::of(&args(id, key, username), &config);
    let id = examples::report().track_id;
    assert_eq!(of(&id, None, None).unwrap(), Wanted::TrackId(id.clone()));
    let key = "IMSDEMO0SERVICEKEY0000000000000000000001";
    let message_id = |service_key: Option<&str>| Wanted::MessageId {
        id: id.clone(),
        username: "hanbit-shop".into(),
        service_key: service_key.map(Into::into),
    };
    assert_eq!(of(&id, Some(key), None).unwrap(), message_id(Some(key)));
    assert_eq!(of(&id, None, Some("hanbit-shop")).unwrap(), message_id(None));
    for (key, username, remedy) in [
        (None, None, "needs --service-key or --username"),
        (Some("gone"), None, "add --username"),
        (Some(key), Some("someone"), "leave one of them out"),
    ] {
        let refused = of("ORD-1", key, username).unwrap_err();
        assert!(Exit::of(&refused) == Exit::Usage && refused.to_string().contains(remedy), "{refused}");
    }
}

#[test]
fn who_only_looks_makes_no_store_and_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let stores = Stores::of(&config_in(folder.path()));
    let refused = must_stand(&ReportTable::SCHEMA, &stores.reports().unwrap()).unwrap_err();
    assert!(Exit::of(&refused) == Exit::Usage && refused.to_string().contains("[store]"), "{refused}");
    assert!(stores.existing_cipher().is_err());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_recipient_is_recognised_and_cannot_be_called() {
    assert_eq!(show::masked("821012345678"), "821*******78");
    assert_eq!(show::masked("한글주소@보기.kr"), "한글주*****kr");
    assert_eq!(show::masked("1234567"), "*******");
}

#[test]
fn a_message_that_waits_is_told_with_its_vendor_and_why() {
    let vendors = serde_json::json!([
        {"vendor": "relay", "state": "not_reached", "breaker": "open", "since_ms": 0, "why": "connection refused",
         "in_flight": 0, "waiting": 1},
        {"vendor": "up", "state": "well", "breaker": "closed", "in_flight": 0, "waiting": 0},
    ]);
    let wanted = Wanted::TrackId("01KKD87PHR0500R000005M4K00".into());
    assert_eq!(wanted.waits(), "/vendors/waits?id=01KKD87PHR0500R000005M4K00");
    let waits = serde_json::json!({"vendor": "relay", "due_ms": 60_000});
    let told = wanted.missing("reports", 180, &waits, &vendors);
    assert!(
        told.contains("waits for a vendor and tries again at 1970-01-01T00:01:00.000Z; relay: not reached"),
        "{told}"
    );
    assert!(told.contains("connection refused"), "{told}");
    let told = wanted.missing("reports", 180, &Value::Null, &vendors);
    assert!(
        told.contains("180") && told.contains("vendor relay: not reached") && !told.contains("vendor up"),
        "{told}"
    );
    let told = wanted.missing("reports", 180, &Value::Null, &Value::Null);
    assert!(told.ends_with("`ims health` tells what waits"), "{told}");
}
