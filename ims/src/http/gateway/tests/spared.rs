//! Breakers: a process that is not well is not asked.

use super::{
    super::{
        patience,
        upstream::{Class, Patience},
    },
    stage::{Does, KEPT, Process, Stage},
};
use crate::{config, http::clerk};
use axum::http::{Method, StatusCode};
use processors::breaker::State;
use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

#[tokio::test]
async fn one_that_dies_is_not_asked_again_its_route_is_answered_at_once_and_it_comes_back_by_trial() {
    let process = Process::start(Does::Cuts).await;
    let stage = Stage::new(&[&process.url]);
    for _ in 0..10 {
        let (status, headers, answer) = stage.send().await;
        assert_eq!((status.as_u16(), answer["code"].as_str()), (503, Some("9998")));
        assert!(headers.contains_key("retry-after"));
    }
    assert_eq!((process.count(), stage.upstream(0).state(Class::Send)), (10, Some(State::Open)));
    let mut took = Vec::new();
    for _ in 0..101 {
        let began = Instant::now();
        assert_eq!(stage.send().await.2["code"], "9998");
        took.push(began.elapsed());
    }
    // 95 of a hundred: a busy machine may keep one waiting.
    took.sort_unstable();
    assert!(took[95] < Duration::from_millis(50), "{took:?}");
    assert_eq!(process.count(), 10, "it was asked while its breaker was open");
    // A trial that fails is the only one; when trials succeed it is back.
    let open_ms = i64::from(config::load(None, []).unwrap().gateway.breaker.open_ms);
    stage.clock.0.store(open_ms, Ordering::SeqCst);
    stage.send().await;
    stage.send().await;
    assert_eq!((process.count(), stage.upstream(0).state(Class::Send)), (11, Some(State::Open)));
    process.does(Does::Answers(KEPT));
    stage.clock.0.store(3 * open_ms, Ordering::SeqCst);
    for _ in 0..20 {
        assert_eq!(stage.send().await.0, StatusCode::OK);
    }
    assert_eq!(stage.upstream(0).state(Class::Send), Some(State::Closed));
}

#[tokio::test]
async fn one_that_answers_but_late_is_spared_for_its_slow_share() {
    // It is slow from a hundredth of the time on that it has: on a busy machine, too, each is answered.
    let (slow_at, within_ms) = (1, 60_000);
    let crawls = Does::Crawls(Duration::from_millis(700), KEPT);
    let process = Process::start(crawls).await;
    let stage = Stage::with(&[&process.url], |gateway| {
        gateway.answer_within_ms = within_ms;
        (gateway.breaker.at_least, gateway.breaker.slow_at_percent_of_timeout) = (3, slow_at);
    });
    for _ in 0..3 {
        assert_eq!(stage.upstream(0).state(Class::Send), Some(State::Closed));
        assert_eq!(stage.send().await.0, StatusCode::OK);
    }
    assert_eq!(stage.upstream(0).state(Class::Send), Some(State::Open));
    assert_eq!((stage.send().await.2["code"].as_str(), process.count()), (Some("9998"), 3));
}

#[tokio::test]
async fn one_that_hangs_or_answers_500_is_spared_too() {
    for does in [Does::Hangs, Does::Fails] {
        let process = Process::start(does).await;
        let stage = Stage::new(&[&process.url]);
        let calls: Vec<_> = (0..10).map(|_| stage.send()).collect();
        for call in calls {
            call.await;
        }
        assert_eq!(stage.upstream(0).state(Class::Send), Some(State::Open), "{does:?}");
    }
}

#[tokio::test]
async fn one_that_confirms_nothing_is_spared_and_its_neighbour_is_sent_all() {
    let (lost, works) = (Process::start(Does::Unconfirmed).await, Process::start(Does::Answers(KEPT)).await);
    let stage = Stage::new(&[&lost.url, &works.url]);
    let mut unconfirmed = 0;
    for _ in 0..40 {
        let (status, _, answer) = stage.send().await;
        unconfirmed += usize::from((status.as_u16(), answer["code"].as_str()) == (503, Some("9998")));
    }
    assert_eq!(stage.upstream(0).state(Class::Send), Some(State::Open));
    assert_eq!((unconfirmed, lost.count(), works.count()), (10, 10, 30), "its answers pass, and then it is not asked");
    // A report whose store is away says nothing of the process.
    for _ in 0..20 {
        stage.report("a").await;
    }
    assert_eq!((stage.upstream(0).state(Class::Other), lost.count()), (Some(State::Closed), 20));
}

#[tokio::test]
async fn what_a_store_or_an_endpoint_holds_up_keeps_nobody_from_sending() {
    let process = Process::start(Does::Fails).await;
    let stage = Stage::new(&[&process.url]);
    for _ in 0..20 {
        stage.call(Method::POST, "/ims/KEY/callback/test", "a").await;
    }
    assert_eq!(stage.upstream(0).state(Class::Other), Some(State::Closed), "it says nothing of the process");
    for _ in 0..10 {
        stage.report("a").await;
    }
    assert_eq!(stage.upstream(0).state(Class::Other), Some(State::Open));
    process.does(Does::Answers(KEPT));
    assert_eq!(stage.send().await.0, StatusCode::OK);
    // A report that its store holds up for as long as a process waits is still waited for.
    let config = config::load(None, []).unwrap();
    let Patience { other, change, file, trial, .. } = patience(&config);
    assert!(other > clerk::PATIENCE && change > 3 * clerk::PATIENCE);
    assert!(file > 3 * clerk::PATIENCE + Duration::from_millis(config.files.timeout_ms.into()));
    assert!(trial > config.callback.caller().timeout + 2 * clerk::PATIENCE);
}

#[tokio::test]
async fn one_that_crawls_is_spared_though_its_callers_do_not_wait() {
    let process = Process::start(Does::Hangs).await;
    let stage = Arc::new(Stage::new(&[&process.url]));
    let calls: Vec<_> = (0..10)
        .map(|_| {
            let stage = Arc::clone(&stage);
            // After the share of its time from which on it is slow, and before its end.
            tokio::spawn(async move { tokio::time::timeout(Duration::from_millis(300), stage.send()).await.is_err() })
        })
        .collect();
    for call in calls {
        assert!(call.await.unwrap());
    }
    assert_eq!(stage.upstream(0).state(Class::Send), Some(State::Open));
}
