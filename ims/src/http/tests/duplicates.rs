//! Message ids that are in use: who is told so at once, and what is known of a message before its first report.

use super::{BANK, Fixture, SHOP, log::Silent, post, signed, sms, sms_id, started};
use crate::http::claimed::Claimed;
use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use processors::ports::{Away, Claim, Claims as _, MessageName};
use schemas::{Api, Lane, Report, ResultKind, SendRequest, State, StepResult, Topic, TrackId, examples};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::mpsc::unbounded_channel;

const DAY_MS: i64 = 24 * 3600 * 1000;

fn track(offset: u64) -> TrackId {
    let api = Api { cluster: 0, lane: Lane::Realtime, partition: 0, offset, receiver: 0 };
    TrackId::new(examples::seed::NOW_MS, api)
}

impl Fixture {
    /// As ingest does.
    fn claim(&self, service_key: &str, message_id: &str, offset: u64) {
        let claim = Claim { service_key: service_key.into(), message_id: message_id.into(), track_id: track(offset) };
        assert_eq!(self.claims.clone().claim(&[claim], processors::ports::Clock::now_ms(&*self.clock)), Ok(vec![None]));
    }

    async fn answer_to(&self, body: &str) -> Value {
        let (status, _, answer) = self.call(signed(post(SHOP)).body(body.to_owned().into()).unwrap()).await;
        assert_eq!(status, StatusCode::OK);
        answer
    }

    async fn cancelled(&self, message_id: &str) -> Value {
        let request = signed(Request::delete(format!("/ims/{SHOP}/message/{message_id}")));
        self.call(request.body(Body::empty()).unwrap()).await.2
    }
}

fn used_by(offset: u64) -> String {
    format!("message_id: used within the last 24 hours, by {}", track(offset))
}

#[tokio::test]
async fn an_id_in_use_is_refused_at_once_and_not_written() {
    let fixture = Fixture::new();
    fixture.claim(BANK, &sms_id(), 1);
    assert_eq!(fixture.answer_to(&sms()).await["code"], "0000", "another service key's");
    fixture.claim(SHOP, &sms_id(), 2);
    assert_eq!(fixture.answer_to(&sms()).await, json!({"code": "2030", "message": used_by(2)}));
    let appended = || fixture.written::<SendRequest>(Topic::api(Lane::Realtime)).len();
    assert_eq!(appended(), 1);
    fixture.at(examples::seed::NOW_MS + DAY_MS);
    assert_eq!(fixture.answer_to(&sms()).await["code"], "0000", "its day is over");
    assert_eq!(appended(), 2);
}

#[tokio::test]
async fn of_many_receivers_those_with_an_id_in_use_are_refused_and_the_others_written() {
    let fixture = Fixture::new();
    let mut many: Value = serde_json::from_str(&sms()).unwrap();
    let fields = many.as_object_mut().unwrap();
    fields.remove("phone_number");
    fields["message_id"] = "MANY".into();
    many["receiver_list"] = json!([
        {"phone_number": "01020000001"},
        {"phone_number": "12"},
        {"phone_number": "01020000003", "message_id": "OWN"},
        {"phone_number": "01020000004"},
    ]);
    fixture.claim(SHOP, "OWN", 1);
    fixture.claim(SHOP, "MANY-0001", 2);
    let answer = fixture.answer_to(&many.to_string()).await;
    assert_eq!((&answer["code"], &answer["data"]), (&json!("0000"), &json!("MANY")));
    let receiver = |at: usize| (answer["receivers"][at]["code"].clone(), answer["receivers"][at]["message"].clone());
    assert_eq!(receiver(0), (json!("2030"), json!(used_by(2))));
    assert_eq!(receiver(1).0, "1400");
    assert_eq!(receiver(2), (json!("2030"), json!(used_by(1))));
    assert_eq!(receiver(3), (json!("0000"), Value::Null));
    let written = fixture.written::<SendRequest>(Topic::api(Lane::Realtime));
    let ids: Vec<_> = written[0].1.receiver_list.iter().map(|receiver| receiver.message_id.as_deref()).collect();
    assert_eq!((written.len(), ids), (1, vec![Some("MANY-0004")]));

    fixture.claim(SHOP, "MANY-0004", 3);
    let answer = fixture.answer_to(&many.to_string()).await;
    assert_eq!((&answer["code"], &answer["message"]), (&json!("2030"), &json!(used_by(2))), "none is left");
    assert_eq!(answer["receivers"][3]["code"], "2030");
    assert_eq!(fixture.written::<SendRequest>(Topic::api(Lane::Realtime)).len(), 1);
}

#[tokio::test]
async fn what_is_repeated_under_its_key_is_answered_as_it_was() {
    let fixture = Fixture::new();
    let ask = || signed(post(SHOP)).header("idempotency-key", "A").body(sms().into()).unwrap();
    let (.., first) = fixture.call(ask()).await;
    fixture.claim(SHOP, &sms_id(), 1);
    assert_eq!(fixture.call(ask()).await.2, first);
    assert_eq!(fixture.answer_to(&sms()).await["code"], "2030", "without it the id decides");
}

#[tokio::test]
async fn a_message_that_is_accepted_is_known_before_its_first_report_and_may_be_cancelled() {
    let fixture = Fixture::new();
    assert_eq!(fixture.get(&format!("/ims/{SHOP}/report/A")).await.1["code"], "2100");
    assert_eq!(fixture.cancelled("A").await["code"], "2100");
    fixture.claim(SHOP, "A", 7);
    let (_, told) = fixture.get(&format!("/ims/{SHOP}/report/A")).await;
    let expected = json!({
        "message_id": "A",
        "track_id": track(7).to_string(),
        "state": "ACCEPTED",
        "requested_at": told["data"]["requested_at"],
    });
    assert_eq!(told, json!({"code": "0000", "data": expected}));
    let at: jiff::Timestamp = told["data"]["requested_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(at.as_millisecond(), examples::seed::NOW_MS);

    let answer = fixture.cancelled("A").await;
    assert_eq!(answer["data"], json!({"message_id": "A", "asked": true, "state": "ACCEPTED"}));
    for &lane in Lane::ALL {
        let [(key, wish)] = &fixture.written::<StepResult>(Topic::result(lane))[..] else { panic!("{lane}") };
        assert_eq!((key, wish.kind), (&track(7).to_string(), ResultKind::Cancel));
    }
}

#[tokio::test]
async fn an_id_that_is_used_again_after_its_day_stands_for_the_newer_message() {
    let fixture = Fixture::new();
    let report = Report { message_id: "A".into(), track_id: track(1).to_string(), ..examples::report() };
    let report = Report { requested_at: examples::seed::NOW_MS, state: State::Delivered, terminal: true, ..report };
    fixture.claim(SHOP, "A", 1);
    fixture.store(&report);
    let told = async || fixture.get(&format!("/ims/{SHOP}/report/A")).await.1["data"].clone();
    assert_eq!(told().await["state"], "DELIVERED");
    fixture.at(examples::seed::NOW_MS + DAY_MS);
    assert_eq!(told().await["state"], "DELIVERED", "nobody holds it");
    fixture.claim(SHOP, "A", 2);
    assert_eq!((&told().await["state"], &told().await["track_id"]), (&json!("ACCEPTED"), &json!(track(2).to_string())));
    assert_eq!(fixture.cancelled("A").await["data"]["asked"], true);

    let refused = Report { message_id: "B".into(), track_id: track(3).to_string(), ..report };
    fixture.store(&Report { state: State::Rejected, requested_at: examples::seed::NOW_MS + DAY_MS, ..refused });
    let told = async || fixture.get(&format!("/ims/{SHOP}/report/B")).await.1["data"]["state"].clone();
    assert_eq!(told().await, "REJECTED");
    fixture.claim(SHOP, "B", 4);
    assert_eq!(told().await, "ACCEPTED", "it was sent better");
}

/// Claims that are never seen.
struct Stuck(std::sync::mpsc::Receiver<()>);

impl processors::ports::Claims for Stuck {
    fn claim(&mut self, _: &[Claim], _: i64) -> Result<Vec<Option<TrackId>>, Away> {
        panic!("a look claims nothing")
    }

    fn holders(&mut self, asked: &[MessageName], _: i64) -> Result<Vec<Option<TrackId>>, Away> {
        // Until the test ends.
        let _ = self.0.recv();
        Ok(vec![None; asked.len()])
    }
}

#[tokio::test]
async fn a_look_that_does_not_end_keeps_nobody_from_sending() {
    let (_end, stuck) = std::sync::mpsc::channel();
    let fixture = Fixture::with(|door| {
        door.claimed = Claimed::start(Some(Box::new(Stuck(stuck))), door.clock.clone()).unwrap();
    });
    for _ in 0..2 {
        assert_eq!(fixture.answer_to(&sms()).await["code"], "0000");
    }
}

#[tokio::test]
async fn all_that_a_request_waits_for_is_within_its_time() {
    let (tell, mut waiting) = unbounded_channel();
    let (_end, stuck) = std::sync::mpsc::channel();
    let fixture = Fixture::with(|door| {
        door.others = started(Box::new(Silent(tell)));
        door.claimed = Claimed::start(Some(Box::new(Stuck(stuck))), door.clock.clone()).unwrap();
        // Less than the look alone takes.
        door.acknowledged_within = Duration::from_millis(20);
    });
    let (status, _, answer) = fixture.call(signed(post(SHOP)).body(sms().into()).unwrap()).await;
    assert_eq!((status.as_u16(), &answer["code"]), (503, &json!("9998")));
    assert!(waiting.try_recv().is_err(), "who was told so is not sent after all");
}
