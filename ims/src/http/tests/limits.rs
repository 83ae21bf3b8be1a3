//! How much a customer may send.

use super::{BANK, Fixture, PATIENCE, SHOP, key, post, signed, sms, sms_id};
use crate::http::{clerk::Clerk, routes::Peer, shares::Shares};
use axum::{
    body::{Body, Bytes, HttpBody},
    http::{HeaderMap, Request, StatusCode},
};
use http_body::Frame;
use processors::reference::Customer;
use schemas::{Lane, SendRequest, Topic, examples::seed::NOW_MS};
use serde_json::{Value, json};
use std::{
    convert::Infallible,
    future::Future as _,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tower_service::Service as _;

impl Fixture {
    /// With other bounds of the shop.
    fn bounded(change: impl FnOnce(&mut Customer)) -> Self {
        let mut fixture = Self::new();
        fixture.reload(|seed| {
            change(seed.customers.iter_mut().find(|customer| customer.username == "hanbit-shop").unwrap());
        });
        fixture
    }

    async fn sent(&self, body: String) -> (StatusCode, HeaderMap, Value) {
        self.call(signed(post(SHOP)).body(body.into()).unwrap()).await
    }
}

/// To so many receivers, of whom the first so many are refused.
fn many(receivers: usize, refused: usize) -> String {
    let mut body: Value = serde_json::from_str(&sms()).unwrap();
    body.as_object_mut().unwrap().remove("phone_number");
    let number = |n: usize| if n < refused { "12".to_owned() } else { format!("0102{n:07}") };
    body["receiver_list"] = (0..receivers).map(|n| json!({"phone_number": number(n)})).collect();
    body.to_string()
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers[name].to_str().unwrap()
}

#[tokio::test]
async fn who_sends_more_than_its_rate_is_told_when_to_come_again() {
    let fixture = Fixture::bounded(|shop| shop.rate_per_second = Some(3));
    for left in [2, 1, 0] {
        let (status, headers, _) = fixture.sent(sms()).await;
        assert_eq!((status, text(&headers, "ratelimit-policy")), (StatusCode::OK, "\"rate\";q=3;w=1"));
        assert!(text(&headers, "ratelimit").starts_with(&format!("\"rate\";r={left};t=")), "{headers:?}");
    }
    for _ in 0..2 {
        let (status, headers, answer) = fixture.sent(sms()).await;
        assert_eq!((status, &answer["code"]), (StatusCode::TOO_MANY_REQUESTS, &json!("429")));
        assert_eq!((text(&headers, "retry-after"), text(&headers, "ratelimit")), ("1", "\"rate\";r=0;t=1"));
    }
    assert_eq!(fixture.written::<SendRequest>(Topic::api(Lane::Realtime)).len(), 3);
    fixture.at(NOW_MS + 1_000);
    assert_eq!(fixture.sent(sms()).await.0, StatusCode::OK);
    // Others have their own.
    let bank = post(BANK).header("x-ims-key", key("dure-bank", "demo-only-secret-of-dure-bank"));
    let (status, headers, _) = fixture.call(bank.body("{}".into()).unwrap()).await;
    assert_eq!((status, headers.get("ratelimit")), (StatusCode::OK, None), "without limits nothing is said");
}

#[tokio::test]
async fn each_receiver_counts_and_a_question_counts_one() {
    let fixture = Fixture::bounded(|shop| shop.rate_per_second = Some(10));
    let report = || signed(Request::get(format!("/ims/{SHOP}/report/A"))).body(Body::empty()).unwrap();
    assert_eq!(fixture.sent(many(8, 4)).await.0, StatusCode::OK, "refused ones count too: they were looked at");
    assert_eq!(fixture.sent("{".into()).await.0, StatusCode::OK);
    let (status, headers, _) = fixture.call(report()).await;
    assert_eq!((status, text(&headers, "ratelimit")), (StatusCode::OK, "\"rate\";r=0;t=1"));
    assert_eq!(fixture.call(report()).await.0, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_request_that_ends_before_it_is_judged_has_used_one_too() {
    type Ask = fn() -> Request<Body>;
    let ends: [(u16, Ask); 6] = [
        (404, || signed(Request::post(format!("/ims/{SHOP}/fax/sendMessage"))).body(Body::empty()).unwrap()),
        (408, || signed(post(SHOP)).body(Body::new(Endless)).unwrap()),
        (413, || signed(post(SHOP)).body(vec![b' '; 1_000_001].into()).unwrap()),
        (415, || signed(Request::post(format!("/ims/{SHOP}/mt/sendMessage"))).body(sms().into()).unwrap()),
        (200, || signed(post(SHOP)).header("idempotency-key", "a b").body(sms().into()).unwrap()),
        (422, || signed(post(SHOP)).header("idempotency-key", "A").body("{}".into()).unwrap()),
    ];
    for (status, request) in ends {
        let mut fixture = Fixture::with(|door| door.body_within = std::time::Duration::from_millis(10));
        if status == 422 {
            fixture.call(signed(post(SHOP)).header("idempotency-key", "A").body(sms().into()).unwrap()).await;
        }
        fixture.reload(|seed| seed.customers.iter_mut().for_each(|shop| shop.rate_per_second = Some(2)));
        for left in [1, 0] {
            let (ended, headers, answer) = fixture.call(request()).await;
            assert_eq!(ended, status, "{answer}");
            assert!(text(&headers, "ratelimit").starts_with(&format!("\"rate\";r={left};")), "{status}: {headers:?}");
        }
        assert_eq!(fixture.call(request()).await.0, StatusCode::TOO_MANY_REQUESTS, "{status}");
    }
}

#[tokio::test]
async fn who_is_over_its_rate_is_refused_before_its_body_is_read() {
    let fixture = Fixture::bounded(|shop| shop.rate_per_second = Some(1));
    for _ in 0..2 {
        fixture.sent(sms()).await;
    }
    // A body that never ends is not waited for.
    let (status, ..) = fixture.call(signed(post(SHOP)).body(Body::new(Endless)).unwrap()).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn who_is_over_its_rate_is_refused_in_one_turn_and_takes_none_of_anothers() {
    let fixture = Fixture::bounded(|shop| shop.rate_per_second = Some(1));
    for _ in 0..2 {
        fixture.sent(sms()).await;
    }
    let routes = fixture.routes();
    // Nothing of it waits: neither for a body nor for what other requests are asked with.
    let refused = || {
        let mut request = signed(post(SHOP)).body(Body::new(Endless)).unwrap();
        request.extensions_mut().insert(Peer("127.0.0.1:1".parse().unwrap()));
        let mut call = std::pin::pin!(routes.clone().call(request));
        match call.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop())) {
            Poll::Ready(answer) => assert_eq!(answer.unwrap().status(), StatusCode::TOO_MANY_REQUESTS),
            Poll::Pending => panic!("it waits"),
        }
    };
    let bank = || {
        let request = post(BANK).header("x-ims-key", key("dure-bank", "demo-only-secret-of-dure-bank"));
        let mut request: Request<Body> = request.body(sms().replace(SHOP, BANK).into()).unwrap();
        request.extensions_mut().insert(Peer("127.0.0.1:1".parse().unwrap()));
        routes.clone().call(request)
    };
    // Its secret is hashed once.
    bank().await.unwrap();
    for crowd in [0, 100] {
        let (mut turns, mut call) = (0, std::pin::pin!(bank()));
        let answer = std::future::poll_fn(|cx| {
            (0..crowd).for_each(|_| refused());
            turns += 1;
            call.as_mut().poll(cx)
        });
        assert_eq!(answer.await.unwrap().status(), StatusCode::OK);
        // At first, and once each is there what the holders of its id and the log have said.
        assert!(turns <= 3, "{turns} turns beside {crowd}");
    }
}

/// A body that never comes.
pub struct Endless;

impl HttpBody for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

#[tokio::test]
async fn a_customer_whose_requests_do_not_end_leaves_places_to_others() {
    let fixture = Fixture::with(|door| door.places = Shares::of(100, 3));
    let held: Vec<_> = (0..3)
        .map(|_| {
            let mut request = signed(post(SHOP)).body(Body::new(Endless)).unwrap();
            request.extensions_mut().insert(Peer("127.0.0.1:1".parse().unwrap()));
            tokio::spawn(fixture.routes().call(request))
        })
        .collect();
    let full = async {
        while fixture.door.places.take("hanbit-shop".into()).is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, full).await.expect("each holds a place");
    assert_eq!(fixture.sent(sms()).await.0, StatusCode::TOO_MANY_REQUESTS);
    let bank = post(BANK).header("x-ims-key", key("dure-bank", "demo-only-secret-of-dure-bank"));
    assert_eq!(fixture.call(bank.body("{}".into()).unwrap()).await.0, StatusCode::OK);
    held.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn a_quota_that_is_used_up_refuses_whole_requests_until_midnight_in_korea() {
    let fixture = Fixture::bounded(|shop| shop.daily_quota = Some(5));
    let (_, headers, answer) = fixture.sent(many(6, 3)).await;
    assert_eq!((&answer["code"], text(&headers, "ratelimit-policy")), (&json!("0000"), "\"day\";q=5;w=86400"));
    assert!(text(&headers, "ratelimit").starts_with("\"day\";r=2;t="), "three were sent: {headers:?}");
    let (status, headers, answer) = fixture.sent(many(3, 0)).await;
    assert_eq!((status, &answer["code"]), (StatusCode::OK, &json!("2090")));
    let told = "daily_quota: got 3 messages, 2 of 5 are left of today (Asia/Seoul)";
    assert_eq!((&answer["message"], headers.get("retry-after")), (&json!(told), None));
    assert_eq!(fixture.sent(many(2, 0)).await.2["code"], "0000");
    assert_eq!(fixture.sent(sms()).await.2["code"], "2090");
    fixture.at(NOW_MS + 24 * 3_600_000);
    assert_eq!(fixture.sent(sms().replace(&sms_id(), "NEXT-DAY")).await.2["code"], "0000");
}

#[tokio::test]
async fn what_is_not_confirmed_and_what_is_told_again_takes_nothing_of_the_quota() {
    let mut away = Fixture::without_log();
    away.reload(|seed| seed.customers.iter_mut().for_each(|customer| customer.daily_quota = Some(1)));
    for _ in 0..3 {
        assert_eq!(away.sent(sms()).await.2["code"], "9998");
    }
    let fixture = Fixture::bounded(|shop| shop.daily_quota = Some(1));
    for _ in 0..3 {
        let request = signed(post(SHOP)).header("idempotency-key", "A").body(sms().into()).unwrap();
        assert_eq!(fixture.call(request).await.2["code"], "0000");
    }
    assert_eq!(fixture.sent(sms()).await.2["code"], "2090");
}

#[tokio::test]
async fn what_is_long_waits_in_its_customers_turn_and_holds_up_nothing_short() {
    let fixture = Fixture::with(|door| door.lists = Clerk::start("lists-test", 1, || Ok::<_, Infallible>(())).unwrap());
    let (release, held) = std::sync::mpsc::channel::<()>();
    let door = Arc::clone(&fixture.door);
    // Somebody's long request is being judged, and more of his wait.
    let first = tokio::spawn(async move { door.lists.of("dure-bank").ask(move |()| Ok(held.recv())).await });
    let door = Arc::clone(&fixture.door);
    let (release_second, held) = std::sync::mpsc::channel::<()>();
    let second = tokio::spawn(async move { door.lists.of("dure-bank").ask(move |()| Ok(held.recv())).await });
    tokio::task::yield_now().await;
    let long = sms().replacen('{', &format!("{{{}", " ".repeat(5_000)), 1).replace(&sms_id(), "LONG");
    let mut long = Box::pin(fixture.sent(long));
    tokio::select! {
        biased;
        (_, _, told) = &mut long => panic!("it has its turn already: {told}"),
        (_, _, told) = fixture.sent(sms()) => assert_eq!(told["code"], "0000"),
    }
    release.send(()).unwrap();
    assert_eq!(long.await.2["code"], "0000", "before his second one");
    release_second.send(()).unwrap();
    assert!(first.await.unwrap().is_ok() && second.await.unwrap().is_ok());
}
