//! What operators watch, read as /metrics tells it.

use super::stage::{Stage, known};
use connectors::{
    reference::DEMO,
    simulator::{Behaviour, SimulatorSettings},
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use processors::ports::Clock as _;
use schemas::{Delayed, Topic, topics::Ring};
use std::{collections::BTreeMap, time::Duration};
use topology::graph::Role;

/// One vendor of KakaoTalk, which never answers.
fn silent() -> Stage {
    let other = "name = \"talk-two\"\n";
    assert!(DEMO.contains(other));
    let silent = Behaviour { no_answer_share: 1.0, ..Behaviour::perfect() };
    let vendors = BTreeMap::from([("talk-one".to_owned(), silent)]);
    let settings = SimulatorSettings { every_vendor: Behaviour::perfect(), vendors, ..SimulatorSettings::default() };
    Stage::knowing(
        known(&DEMO.replace(other, &format!("{other}paused = true\n"))),
        schemas::examples::seed::NOW_MS,
        settings,
    )
}

fn value(told: &PrometheusHandle, name: &str) -> Option<f64> {
    let page = told.render();
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map(|value| value.parse().unwrap())
}

#[test]
fn latency_lag_what_is_overdue_requests_in_flight_and_breakers_are_told_of_each_stream_and_vendor() {
    const SENT: usize = 25;
    let (open, closed) = (Some(2.0), Some(0.0));
    let recorder = PrometheusBuilder::new().build_recorder();
    let told = recorder.handle();
    metrics::with_local_recorder(&recorder, || {
        let mut stage = silent();
        // Ingest is away for three seconds, while a message comes.
        stage.driver.kill(Role::Ingest);
        stage.send("push", |_| {});
        stage.advance(Duration::from_secs(3));
        stage.driver.join(&[Role::Ingest]).unwrap();
        stage.settle();
        assert_eq!(value(&told, "ims_step_seconds_count{stream=\"ingest-REALTIME\"}"), Some(1.0));
        assert_eq!(value(&told, "ims_step_seconds_sum{stream=\"ingest-REALTIME\"}"), Some(3.0));
        assert_eq!(value(&told, "ims_step_seconds_sum{stream=\"router-REALTIME\"}"), Some(0.0));

        // All are with the vendor, and none is done.
        (0..SENT).for_each(|n| stage.send("at", |request| request.message_id = format!("M-{n}")));
        stage.advance(Duration::from_secs(2));
        let in_flight = "ims_send_in_flight{vendor=\"talk-one\"}";
        let (lag, breaker) =
            ("ims_lag_records{stream=\"kakao-REALTIME\"}", "ims_send_breaker_state{vendor=\"talk-one\"}");
        let all = Some(SENT as f64);
        assert_eq!((value(&told, in_flight), value(&told, lag), value(&told, breaker)), (all, all, closed));
        assert_eq!(value(&told, "ims_lag_records{stream=\"router-REALTIME\"}"), Some(0.0));

        // No answer within the time-out: each is to be repeated later, and nothing leaves until then.
        stage.advance(Duration::from_secs(10));
        let none = Some(0.0);
        assert_eq!((value(&told, in_flight), value(&told, lag), value(&told, breaker)), (none, none, open));

        // What is due while the log is away cannot be let go.
        assert_eq!(value(&told, "ims_overdue_records{stream=\"delay\"}"), none);
        let since_ms = stage.driver.clock().now_ms();
        stage.driver.faults().away();
        stage.advance(Duration::from_secs(60));
        stage.driver.faults().back();
        let due = since_ms + 1..=stage.driver.clock().now_ms();
        let waiting: Vec<Delayed> = stage.driver.decoded([Topic::delay(Ring::Seconds)]).unwrap();
        let overdue = waiting.iter().filter(|waiting| due.contains(&waiting.due_at)).count();
        assert!(overdue > 0);
        assert_eq!(value(&told, "ims_overdue_records{stream=\"delay\"}"), Some(overdue as f64));
    });
}
