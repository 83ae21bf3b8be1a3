//! What is recorded and noted of calls, whoever dies.

use super::super::stage::Stage;
use super::{BANK, HOUR, SECOND, SHOP, end, events, replay, stage, status, told};
use schemas::{AnalyzeLog, LogEvent, Report, Topic};
use std::collections::BTreeMap;
use topology::{
    graph::Role,
    log::memory::{Call as Step, When},
};

#[test]
fn what_waits_for_a_further_call_is_noted_until_it_ends_and_nothing_else_is() {
    let mut stage = stage("");
    // The first call of the first two fails, and the second call of the second is a 410.
    let mut calls = 0;
    stage.endpoints.script(move |call, _| {
        calls += 1;
        Some(status(match (calls, call.id.ends_with("1")) {
            (1..=2, _) => 500,
            (_, true) => 410,
            _ => 200,
        }))
    });
    end(&stage, SHOP, 2);
    stage.settle();
    let note = |what, number: usize| (what, format!("0001-{number:06}"));
    let sorted = |stage: &Stage| {
        let mut notes = stage.endpoints.notes();
        notes.sort();
        notes
    };
    assert_eq!(sorted(&stage), [note("failed", 0), note("failed", 1)]);
    stage.advance_by_minutes(HOUR);
    let all = [note("ended", 0), note("ended", 1), note("failed", 0), note("failed", 1)];
    assert_eq!(sorted(&stage), all);
    // A bank that is told at once was never pending.
    end(&stage, BANK, 5);
    stage.advance(SECOND * 5);
    assert_eq!(sorted(&stage), all);
}

#[test]
fn a_report_that_is_given_up_or_fails_again_is_noted_each_time_and_a_replay_never_is() {
    let mut stage = stage("");
    stage.endpoints.script(|_, _| Some(status(500)));
    end(&stage, SHOP, 1);
    stage.advance_by_minutes(HOUR * 10);
    let notes: Vec<_> = stage.endpoints.notes().into_iter().map(|(what, _)| what).collect();
    assert_eq!(notes, [vec!["failed"; 10], vec!["ended"]].concat());
    let reports: Vec<Report> = stage.driver.decoded([Topic::report(schemas::Channel::At)]).unwrap();
    replay(&stage, reports);
    stage.advance_by_minutes(HOUR);
    assert_eq!(stage.endpoints.notes().len(), 11);
    assert!(stage.endpoints.calls().len() > 12, "the replay was told, and failed");
}

#[test]
fn nothing_is_noted_of_a_call_whose_end_does_not_stand_in_the_log() {
    let mut stage = stage("");
    let mut first = true;
    stage.endpoints.script(move |_, _| Some(status(if std::mem::take(&mut first) { 500 } else { 200 })));
    stage.driver.faults().fail("callback", Step::Commit, 1, When::Before);
    end(&stage, SHOP, 1);
    stage.advance(SECOND * 20);
    assert_eq!(stage.endpoints.calls().len(), 2, "called again after the commit that failed");
    assert_eq!(stage.endpoints.notes(), [], "the log knows of no failure");
}

#[test]
fn a_call_whose_end_is_lost_with_its_process_is_recorded_and_made_again() {
    let mut stage = stage("");
    stage.endpoints.script(|_, _| None);
    end(&stage, SHOP, 3);
    stage.settle();
    assert_eq!((stage.endpoints.calls().len(), events(&stage).len()), (3, 0));
    stage.driver.kill(Role::Callback);
    stage.endpoints.script(|_, _| Some(status(200)));
    stage.driver.join(&[Role::Callback]).unwrap();
    stage.advance(SECOND * 20);
    assert_eq!(told(&stage.endpoints).values().collect::<Vec<_>>(), [&2, &2, &2]);
    let recorded = events(&stage);
    assert_eq!(recorded.iter().filter(|(n, code)| (*n, code.as_str()) == (1, "lost")).count(), 3);
    assert_eq!(recorded.iter().filter(|(n, code)| (*n, code.as_str()) == (1, "200")).count(), 3);
    assert_eq!(recorded.len(), 6);
}

#[test]
fn a_record_that_cannot_be_read_is_set_aside_and_the_next_one_is_told() {
    let mut stage = stage("");
    let topic = Topic::report(schemas::Channel::At);
    stage.driver.append_raw(topic, "broken", Some(vec![9; 9])).unwrap();
    stage.driver.append_raw(Topic::callback(), "broken", Some(vec![9; 9])).unwrap();
    end(&stage, SHOP, 1);
    stage.settle();
    assert_eq!(stage.endpoints.calls().len(), 1);
    assert!(!stage.driver.records(topic.dead_letters()).unwrap().is_empty());
    assert_eq!(stage.driver.records(Topic::callback().dead_letters()).unwrap().len(), 1);
}

#[test]
fn a_lost_call_is_recorded_before_another_call_leaves() {
    let mut stage = stage("callback_batch = { reports = 3, wait_ms = 1000 }");
    stage.endpoints.script(|_, _| None);
    end(&stage, SHOP, 7);
    stage.advance(SECOND * 2);
    assert_eq!(stage.endpoints.calls().len(), 3, "seven reports are under way");
    // The next owner finds them lost, marks six of them again while the seventh waits for others, and dies of that mark:
    // the one after it must find all recorded.
    stage.driver.kill(Role::Callback);
    stage.driver.faults().fail("callback", Step::Mark, 1, When::After);
    stage.driver.join(&[Role::Callback]).unwrap();
    stage.endpoints.script(|_, _| Some(status(200)));
    stage.advance(SECOND * 20);
    let mut calls: BTreeMap<String, usize> = BTreeMap::new();
    for (_, call) in stage.endpoints.calls() {
        let body: serde_json::Value = serde_json::from_slice(&call.body).unwrap();
        for report in body["data"].as_array().unwrap() {
            *calls.entry(report["track_id"].as_str().unwrap().to_owned()).or_insert(0) += 1;
        }
    }
    let mut recorded: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in stage.driver.decoded::<AnalyzeLog>([Topic::analyze_log()]).unwrap() {
        if event.event == LogEvent::Callback {
            recorded.entry(event.track_id).or_default().push(event.code);
        }
    }
    assert_eq!(calls.len(), 7);
    for (id, count) in calls {
        assert!(count <= recorded[&id].len(), "{id}: {count} calls, recorded {:?}", recorded[&id]);
        assert_eq!(recorded[&id].iter().filter(|code| *code == "200").count(), 1);
    }
}

#[test]
fn a_commit_that_fails_tells_again_and_records_each_end_once() {
    for when in [When::Before, When::After] {
        let mut stage = stage("");
        stage.driver.faults().fail("callback", Step::Commit, 1, when);
        end(&stage, SHOP, 5);
        stage.advance(SECOND * 20);
        let recorded = events(&stage);
        assert_eq!(recorded.iter().filter(|(_, code)| code == "200").count(), 5, "{when:?}: {recorded:?}");
        assert!(stage.endpoints.calls().len() <= recorded.len(), "{when:?}: {recorded:?}");
        assert_eq!(told(&stage.endpoints).len(), 5);
    }
}

#[test]
fn members_join_and_leave_and_every_report_is_told() {
    let mut stage = stage("");
    let mut number = 0;
    stage.endpoints.script(move |_, _| {
        number += 1;
        (number % 7 != 0).then(|| status(if number % 5 == 0 { 503 } else { 200 }))
    });
    for _ in 0..5 {
        end(&stage, SHOP, 30);
        stage.driver.join(&[Role::Callback]).unwrap();
        stage.advance(SECOND * 2);
        end(&stage, BANK, 30);
        stage.driver.faults().rebalance("callback");
        stage.advance(SECOND * 2);
    }
    stage.advance_by_minutes(HOUR * 2);
    let recorded = events(&stage);
    assert_eq!(recorded.iter().filter(|(_, code)| code == "200").count(), 300, "each with success once");
    assert_eq!(told(&stage.endpoints).len(), 60);
}
