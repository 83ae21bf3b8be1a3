//! Who is told of what, how often, and of what is replayed.

use super::super::stage::Stage;
use super::{BANK, HOUR, SECOND, SHOP, end, events, recorded, replay, stage, status, times, told};
use schemas::{
    Report, Topic,
    examples::{self, seed},
};
use std::time::Duration;
use topology::graph::Role;

#[test]
fn the_end_of_a_message_is_told_once_and_nothing_before_it() {
    let mut stage = stage("");
    stage.send("at", |_| {});
    // A text is "sent" first, and its receipt comes later.
    stage.send("sms", |_| {});
    stage.settle();
    stage.advance(SECOND * 30);
    let ends = stage.ends();
    assert!(stage.reports().len() > ends.len(), "a report before the end");
    let calls = stage.endpoints.calls();
    let mut ids: Vec<_> = calls.iter().map(|(_, call)| call.id.clone()).collect();
    ids.sort();
    let mut expected: Vec<_> = ends.values().map(|report| report.track_id.clone()).collect();
    expected.sort();
    assert_eq!(ids, expected);
    let (at_ms, call) = &calls[0];
    let body: serde_json::Value = serde_json::from_slice(&call.body).unwrap();
    assert_eq!((&body["type"], &body["data"]["track_id"]), (&"message.report".into(), &call.id.as_str().into()));
    assert_eq!(call.timestamp_s, at_ms / 1_000);
    assert_eq!(events(&stage), [(1, "200".to_owned()), (1, "200".to_owned())]);
}

#[test]
fn without_an_endpoint_nobody_is_called_and_a_refused_duplicate_is_not_told() {
    let mut nobody = Stage::perfect();
    nobody.send("at", |_| {});
    nobody.advance(SECOND * 5);
    assert_eq!((nobody.endpoints.calls().len(), nobody.ends().len()), (0, 1));
    let mut stage = stage("");
    stage.send("at", |_| {});
    stage.send("at", |_| {});
    stage.send("at", |r| r.message_type = "FAX".into());
    stage.settle();
    stage.advance(SECOND * 5);
    assert_eq!(stage.endpoints.calls().len(), 2, "the message and what is wrong with the third");
}

#[test]
fn ten_retries_come_at_their_times_and_then_no_more() {
    let mut stage = stage("");
    stage.endpoints.script(|_, _| Some(status(500)));
    end(&stage, SHOP, 1);
    stage.settle();
    let mut last = 0.0;
    for (number, wait) in [60, 180, 420, 780, 1_260, 1_860, 2_580, 3_420, 4_380, 5_460].into_iter().enumerate() {
        assert_eq!(stage.endpoints.calls().len(), number + 1);
        // Minute by minute to a second before, then by tenths.
        let now_s = (processors::ports::Clock::now_ms(stage.driver.clock()) - seed::NOW_MS) as f64 / 1e3;
        let before = last + f64::from(wait) - 1.0 - now_s;
        stage.advance_by_minutes(Duration::from_secs_f64(before));
        assert_eq!(stage.endpoints.calls().len(), number + 1, "none early");
        stage.advance_finely(SECOND * 2);
        let at = *times(&stage.endpoints).last().unwrap();
        assert!((last + f64::from(wait)..=last + f64::from(wait) + 1.0).contains(&at), "{number}: {at} after {last}");
        last = at;
    }
    stage.advance_by_minutes(HOUR * 3);
    let calls = stage.endpoints.calls();
    assert_eq!(calls.len(), 11);
    assert!(calls.iter().all(|(_, call)| call.id == calls[0].1.id && call.body == calls[0].1.body));
    let recorded = events(&stage);
    assert_eq!(recorded, (1..=11).map(|n| (n, "500".to_owned())).collect::<Vec<_>>());
}

#[test]
fn an_endpoint_that_answers_410_is_called_no_more_by_anybody_after_any_restart() {
    let mut stage = stage("");
    stage.endpoints.script(|call, _| Some(status(if call.uri.host_str() == Some("shop.example") { 410 } else { 200 })));
    end(&stage, SHOP, 1);
    stage.settle();
    let shops = |stage: &Stage| told(&stage.endpoints).keys().filter(|(host, _)| host == "shop.example").count();
    assert_eq!((shops(&stage), events(&stage)), (1, vec![(1, "410".to_owned())]));
    end(&stage, SHOP, 20);
    stage.settle();
    assert_eq!(shops(&stage), 1);
    stage.driver.join(&[Role::Callback]).unwrap();
    stage.settle();
    end(&stage, SHOP, 20);
    end(&stage, BANK, 20);
    stage.settle();
    stage.driver.kill(Role::Callback);
    stage.driver.join(&[Role::Callback]).unwrap();
    end(&stage, SHOP, 20);
    stage.advance(SECOND * 60);
    assert_eq!(shops(&stage), 1);
    assert_eq!(told(&stage.endpoints).len(), 21, "the bank is told");
}

#[test]
fn one_dead_endpoint_delays_no_other() {
    let mut stage = stage("");
    stage.endpoints.script(|call, _| (call.uri.host_str() != Some("shop.example")).then(|| status(200)));
    end(&stage, SHOP, 3_000);
    end(&stage, BANK, 1_000);
    stage.settle();
    let of = |stage: &Stage, host: &str| told(&stage.endpoints).keys().filter(|(of, _)| of == host).count();
    assert_eq!(of(&stage, "bank.example"), 1_000, "all at once, while every call of the shop hangs");
    assert_eq!(of(&stage, "shop.example"), 8, "its hands, and no more");
    stage.advance(SECOND * 60);
    assert!(of(&stage, "shop.example") < 20, "one at a time, since it hangs");
    // It comes back, and everything is told.
    stage.endpoints.script(|_, _| Some(status(200)));
    stage.advance_by_minutes(HOUR);
    let told = told(&stage.endpoints);
    assert_eq!(told.keys().filter(|(host, _)| host == "shop.example").count(), 3_000);
    let answered = events(&stage).iter().filter(|(_, code)| code == "200").count();
    assert_eq!(answered, 4_000, "each once");
}

#[test]
fn who_asked_for_batches_gets_several_reports_in_a_call_and_the_same_ones_on_a_retry() {
    let mut stage = stage("callback_batch = { reports = 3, wait_ms = 2000 }");
    let mut first = true;
    stage.endpoints.script(move |_, _| Some(status(if std::mem::take(&mut first) { 500 } else { 200 })));
    end(&stage, SHOP, 7);
    stage.settle();
    let counts = |stage: &Stage| {
        let count = |body: &[u8]| {
            let body: serde_json::Value = serde_json::from_slice(body).unwrap();
            assert_eq!(body["type"], "message.reports");
            body["data"].as_array().unwrap().len()
        };
        stage.endpoints.calls().iter().map(|(_, call)| count(&call.body)).collect::<Vec<_>>()
    };
    assert_eq!(counts(&stage), [3, 3], "full ones at once");
    stage.advance(SECOND * 3);
    assert_eq!(counts(&stage), [3, 3, 1], "and the last one after its wait");
    assert_eq!(times(&stage.endpoints)[2], 2.0);
    end(&stage, SHOP, 1);
    stage.advance(SECOND * 62);
    let calls = stage.endpoints.calls();
    assert_eq!(counts(&stage), [3, 3, 1, 1, 3]);
    assert_eq!((&calls[4].1.id, &calls[4].1.body), (&calls[0].1.id, &calls[0].1.body));
    assert_eq!(events(&stage).iter().filter(|(attempt, code)| *attempt == 2 && code == "200").count(), 3);
}

#[test]
fn a_replay_is_told_once_more_marked_and_alone_and_its_retries_too() {
    let mut stage = stage("callback_batch = { reports = 100, wait_ms = 1000 }");
    end(&stage, SHOP, 3);
    stage.advance(SECOND * 2);
    let reports: Vec<Report> = stage.driver.decoded([Topic::report(schemas::Channel::At)]).unwrap();
    assert_eq!((stage.endpoints.calls().len(), reports.len()), (1, 3));
    let mut first = true;
    stage.endpoints.script(move |_, _| Some(status(if std::mem::take(&mut first) { 500 } else { 200 })));
    replay(&stage, reports);
    stage.advance(SECOND * 70);
    let calls = stage.endpoints.calls();
    let marks: Vec<_> = calls.iter().map(|(_, call)| call.replay.as_deref()).collect();
    assert_eq!(marks, [None, Some("R1"), Some("R1"), Some("R1"), Some("R1")], "three, and one again");
    let mut ids: Vec<_> = calls[1..].iter().map(|(_, call)| call.id.clone()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids, ["0001-000000", "0001-000001", "0001-000002"]);
    let marks: Vec<String> = recorded(&stage).into_iter().map(|event| event.replay).collect();
    assert_eq!(marks, ["", "", "", "R1", "R1", "R1", "R1"], "and so is each event of theirs");
}

#[test]
fn a_large_replay_delays_no_report_of_today() {
    let mut stage = stage("");
    end(&stage, SHOP, 2_000);
    stage.advance(SECOND * 30);
    let reports: Vec<Report> = stage.driver.decoded([Topic::report(schemas::Channel::At)]).unwrap();
    let before = stage.endpoints.calls().len();
    // An endpoint that takes a second for each call.
    stage.endpoints.slow(1_000);
    replay(&stage, reports);
    stage.advance(SECOND * 5);
    let today = Report { track_id: "today".into(), service_key: SHOP.into(), ..examples::report() };
    stage.driver.append(Topic::report(today.channel), &today.track_id, &today).unwrap();
    stage.advance_finely(SECOND * 3);
    let calls = stage.endpoints.calls();
    assert!(calls.iter().any(|(_, call)| call.id == "today"), "it is told before the replay is through");
    assert!(calls.len() < before + 200, "while the replay is far from its end: {}", calls.len() - before);
    stage.endpoints.slow(0);
    stage.advance_by_minutes(HOUR);
    let calls = stage.endpoints.calls();
    assert_eq!(calls.iter().filter(|(_, call)| call.replay.is_some()).count(), 2_000, "and all of it is told");
}
