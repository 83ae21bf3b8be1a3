//! Requests that are repeated under an Idempotency-Key.

use super::{BANK, Fixture, SHOP, key, log::Silent, post, signed, sms, sms_id, started};
use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use schemas::{Lane, SendRequest, Topic};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::mpsc::unbounded_channel;

fn repeated(key: &str, body: &str) -> Request<Body> {
    signed(post(SHOP)).header("idempotency-key", key).body(body.to_owned().into()).unwrap()
}

impl Fixture {
    /// Status and code of a request under a key.
    async fn told(&self, key: &str, body: &str) -> (u16, String) {
        let (status, _, answer) = self.call(repeated(key, body)).await;
        (status.as_u16(), answer["code"].as_str().unwrap().to_owned())
    }

    fn appended(&self) -> usize {
        self.written::<SendRequest>(Topic::api(Lane::Realtime)).len()
    }
}

fn told(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn the_same_key_and_request_is_answered_the_same_and_written_once() {
    let mut fixture = Fixture::new();
    let mut many: Value = serde_json::from_str(&sms()).unwrap();
    many.as_object_mut().unwrap().remove("phone_number");
    many["receiver_list"] = json!([{"phone_number": "01020000001"}, {"phone_number": "12"}]);
    let many = many.to_string();
    let (status, _, first) = fixture.call(repeated("A", &many)).await;
    assert_eq!((status, &first["code"]), (StatusCode::OK, &json!("0000")));
    // What changed since makes no difference.
    fixture.reload(|seed| seed.sender_numbers.clear());
    let (status, _, again) = fixture.call(repeated("\"A\"", &many)).await;
    assert_eq!((status, again, fixture.appended()), (StatusCode::OK, first, 1));
    assert_eq!(fixture.told("B", &many).await, told(200, "2040"), "another key is another request");
}

#[tokio::test]
async fn the_same_key_and_another_request_is_refused() {
    let fixture = Fixture::new();
    assert_eq!(fixture.told("A", &sms()).await, told(200, "0000"));
    let other = sms().replace(&sms_id(), "OTHER");
    assert_eq!(fixture.told("A", &other).await, told(422, "422"));
    let lane = signed(post(SHOP)).header("x-ims-lane", "MASS").header("idempotency-key", "A");
    let (status, ..) = fixture.call(lane.body(sms().into()).unwrap()).await;
    assert_eq!((status, fixture.appended()), (StatusCode::UNPROCESSABLE_ENTITY, 1), "the lane is asked too");
    // Another customer's key of the same name is its own.
    let bank = post(BANK).header("x-ims-key", key("dure-bank", "demo-only-secret-of-dure-bank"));
    let (_, _, answer) = fixture.call(bank.header("idempotency-key", "A").body("{}".into()).unwrap()).await;
    assert_ne!(answer["code"], "422");
}

#[tokio::test]
async fn what_was_refused_may_be_asked_better_under_its_key() {
    let fixture = Fixture::new();
    assert_eq!(fixture.told("A", "{").await, told(200, "1400"));
    assert_eq!(fixture.told("A", &sms()).await, told(200, "0000"));
}

#[tokio::test]
async fn what_was_not_confirmed_is_no_answer_to_be_kept() {
    let fixture = Fixture::without_log();
    for _ in 0..2 {
        assert_eq!(fixture.told("A", &sms()).await, told(503, "9998"));
    }
}

#[tokio::test]
async fn a_key_that_is_none_is_refused() {
    let fixture = Fixture::new();
    for wrong in ["", "a b", &"a".repeat(129)] {
        let (status, _, answer) = fixture.call(repeated(wrong, &sms())).await;
        assert_eq!((status, &answer["code"]), (StatusCode::OK, &json!("1400")), "{wrong:?}");
        assert!(answer["message"].as_str().unwrap().starts_with("idempotency-key: "), "{answer}");
    }
    assert_eq!(fixture.appended(), 0);
}

#[tokio::test]
async fn an_answer_that_nobody_waited_for_is_told_to_who_asks_again() {
    let (tell, mut waiting) = unbounded_channel();
    let fixture = Arc::new(Fixture::with(|door| door.others = started(Box::new(Silent(tell)))));
    // The first leaves before Kafka has acknowledged.
    let acknowledge = tokio::select! {
        answered = fixture.call(repeated("A", &sms())) => panic!("answered {answered:?}"),
        told = waiting.recv() => told.unwrap(),
    };
    assert_eq!(fixture.told("A", &sms()).await, told(409, "409"), "it is under way still");
    acknowledge(Ok(()));
    let again = async {
        loop {
            let answered = fixture.told("A", &sms()).await;
            if answered != told(409, "409") {
                return answered;
            }
            tokio::task::yield_now().await;
        }
    };
    let answered = tokio::time::timeout(super::PATIENCE, again).await.unwrap();
    assert_eq!(answered, told(200, "0000"));
    assert!(waiting.try_recv().is_err(), "one record");
}

#[tokio::test]
async fn the_answer_of_a_thousand_receivers_is_kept_too() {
    let fixture = Fixture::new();
    let mut many: Value = serde_json::from_str(&sms()).unwrap();
    many.as_object_mut().unwrap().remove("phone_number");
    many["receiver_list"] = (0..1_000).map(|n| json!({"phone_number": format!("0102{n:07}")})).collect();
    many["receiver_list"][7]["phone_number"] = "12".into();
    let (_, _, first) = fixture.call(repeated("A", &many.to_string())).await;
    assert_eq!((&first["code"], &first["receivers"][7]["code"]), (&json!("0000"), &json!("1400")));
    assert_eq!(fixture.call(repeated("A", &many.to_string())).await.2, first);
    many["receiver_list"][7]["phone_number"] = "01020000007".into();
    assert_eq!(fixture.told("A", &many.to_string()).await, told(422, "422"), "something else is asked");
    assert_eq!(fixture.written::<SendRequest>(Topic::api(Lane::Mass)).len(), 1);
}
