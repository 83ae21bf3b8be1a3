//! What waits: schedules, nights, cancels.

use super::stage::{Stage, known, perfect};
use connectors::{
    reference::{DEMO, FileReference},
    simulator::{Behaviour, ReceiptBehaviour, RequestLog, Requested, SimulatorSettings},
};
use processors::korea::begins_ms;
use schemas::{Lane, ResultKind, Serial, State, StepResult, Topic, examples, examples::seed};
use std::{
    collections::{BTreeMap, HashSet},
    ops::Range,
    time::Duration,
};
use topology::graph::Role;

const HOUR: Duration = Duration::from_secs(3600);
const REMINDER: &str = "REMIND-20260312-01";

#[test]
fn a_scheduled_message_leaves_at_its_time_and_not_before() {
    let mut stage = Stage::perfect();
    let send_at = seed::NOW_MS + 90_000;
    stage.send("lms_scheduled", |r| r.send_at = Some(send_at));
    stage.settle();
    stage.advance(Duration::from_secs(89));
    assert_eq!(stage.balance().waiting, 1);
    assert!(stage.ends().is_empty(), "none early");
    stage.advance(Duration::from_secs(5));
    let report = stage.end(REMINDER);
    assert_eq!(report.state, State::Delivered);
    let sent_at = report.sent_at.unwrap();
    assert!((send_at..=send_at + 1_500).contains(&sent_at), "{} ms late", sent_at - send_at);
}

#[test]
fn sixty_days_are_kept() {
    let mut stage = Stage::perfect();
    stage.send("lms_scheduled", |r| {
        r.send_at = Some(seed::NOW_MS + 60 * 24 * 3_600_000);
        r.expires_at = None;
    });
    stage.settle();
    stage.advance_by_hours(HOUR * 24 * 60 - HOUR * 2);
    stage.advance_by_minutes(HOUR);
    assert!(stage.ends().is_empty(), "none early");
    stage.driver.kill(Role::Delay);
    stage.driver.join(&[Role::Delay]).unwrap();
    stage.advance_by_minutes(HOUR + Duration::from_secs(120));
    assert_eq!(stage.end(REMINDER).state, State::Delivered);
}

/// Asks for a cancel of the one message that waits for its time.
fn cancel(stage: &Stage) {
    let waiting = stage.reports().into_iter().find(|r| r.state == State::Scheduled).unwrap();
    let cancel = StepResult {
        track_id: waiting.track_id.clone(),
        kind: ResultKind::Cancel,
        state: State::Cancelled,
        code: "5020".into(),
        occurred_at: seed::NOW_MS,
        ..StepResult::default()
    };
    for &lane in Lane::ALL {
        stage.driver.append(Topic::result(lane), &waiting.track_id, &cancel).unwrap();
    }
}

#[test]
fn a_cancelled_schedule_is_reported_once_and_never_leaves() {
    let mut stage = Stage::perfect();
    stage.send("lms_scheduled", |r| r.send_at = Some(seed::NOW_MS + 60_000));
    stage.settle();
    cancel(&stage);
    stage.settle();
    assert_eq!(stage.end(REMINDER).state, State::Cancelled);
    stage.advance(Duration::from_secs(90));
    assert_eq!(stage.end(REMINDER).state, State::Cancelled);
    assert!(stage.balance().settled(), "{:#?}", stage.balance());
}

#[test]
fn of_a_cancel_and_the_moment_of_its_message_in_one_batch_the_first_is_what_holds() {
    for (cancel_first, state) in [(true, State::Cancelled), (false, State::Delivered)] {
        let mut stage = Stage::perfect();
        let send_at = seed::NOW_MS + 60_000;
        stage.send("lms_scheduled", |r| r.send_at = Some(send_at));
        stage.settle();
        stage.driver.kill(Role::Outcome);
        if cancel_first {
            cancel(&stage);
        }
        stage.advance(Duration::from_secs(61));
        if !cancel_first {
            cancel(&stage);
        }
        stage.driver.join(&[Role::Outcome]).unwrap();
        stage.advance(Duration::from_secs(30));
        let report = stage.end(REMINDER);
        assert_eq!((report.state, report.sent_at.is_some()), (state, !cancel_first), "cancel first: {cancel_first}");
        assert!(stage.balance().settled(), "{:#?}", stage.balance());
    }
}

#[test]
fn an_ad_of_the_evening_waits_for_the_morning() {
    // 2026-03-11 21:30 in Seoul.
    let evening = seed::NOW_MS - seed::NOW_MS.rem_euclid(24 * 3_600_000) + 12 * 3_600_000 + 1_800_000;
    let mut stage = Stage::at(evening, perfect());
    stage.send("lms_ad", |_| {});
    stage.settle();
    stage.advance_by_minutes(HOUR * 10);
    assert!(stage.ends().is_empty());
    assert_eq!(stage.reports()[0].state, State::Held);
    stage.advance_by_minutes(HOUR);
    let report = stage.end("SPRING-LMS-00001");
    assert_eq!(report.state, State::Delivered);
    let morning = evening + 10 * 3_600_000 + 1_800_000;
    assert!((morning..morning + 61_000).contains(&report.sent_at.unwrap()));
}

#[test]
fn ads_that_the_rate_keeps_beyond_nine_in_the_evening_wait_for_the_morning() {
    // 2026-03-11 20:59:30 in Seoul, half a minute before the night.
    let evening = seed::NOW_MS - seed::NOW_MS.rem_euclid(24 * 3_600_000) + 12 * 3_600_000 - 30_000;
    let (night, morning) = (evening + 30_000, evening + 30_000 + 11 * 3_600_000);
    let ads = if std::env::var_os("IMS_TEST_FULL").is_some() { 100_000 } else { 10_000 };
    let mut stage = Stage::knowing(one_text_vendor_of_100_a_second(), evening, perfect());
    let mut ad = examples::request("lms_ad");
    for number in 0..ads {
        ad.message_id = format!("NINE-{number:06}");
        stage.send_over(Lane::Ad, &ad);
    }
    stage.advance_finely(Duration::from_secs(60));
    let left = |stage: &Stage, when: Range<i64>| {
        stage.ends().values().filter_map(|report| report.sent_at).filter(|sent_at| when.contains(sent_at)).count()
    };
    let evening_ads = left(&stage, evening..night);
    assert!((1_500..=3_000).contains(&evening_ads), "{evening_ads} of half a minute at 100 a second");
    stage.advance_by_minutes(HOUR * 11 - Duration::from_secs(60));
    assert_eq!(left(&stage, night..morning), 0, "ads that left in the night");
    stage.advance_finely(Duration::from_secs(60 + ads / 50));
    assert_eq!(left(&stage, morning..i64::MAX) + evening_ads, ads as usize, "{:?}", stage.balance());
    assert!(stage.balance().settled(), "{:?}", stage.balance());
}

#[test]
fn ads_of_the_night_leave_from_eight_within_the_rate_though_all_die_a_second_before() {
    // 2026-03-11 23:00 in Seoul.
    let evening = seed::NOW_MS - seed::NOW_MS.rem_euclid(24 * 3_600_000) + 14 * 3_600_000;
    let morning = evening + 9 * 3_600_000;
    let mut stage = Stage::knowing(one_text_vendor_of_100_a_second(), evening, perfect());
    let mut ad = examples::request("lms_ad");
    let ads = 1_000;
    for number in 0..ads {
        ad.message_id = format!("EIGHT-{number:06}");
        stage.send_over(Lane::Ad, &ad);
    }
    stage.settle();
    stage.advance_by_minutes(HOUR * 9 - Duration::from_secs(60));
    stage.advance(Duration::from_secs(59));
    let held = stage.reports().iter().filter(|report| report.state == State::Held).count();
    assert_eq!((held, stage.ends().len()), (ads, 0), "at 07:59:59 all are held");
    for role in Role::ALL {
        stage.driver.kill(role);
    }
    stage.driver.join(&Role::ALL).unwrap();
    stage.settle();
    stage.advance_finely(Duration::from_secs(60 + ads as u64 / 50));
    let mut sent: Vec<i64> = stage.ends().values().filter_map(|report| report.sent_at).collect();
    sent.sort_unstable();
    assert_eq!((sent.len(), stage.balance().settled()), (ads, true), "{:?}", stage.balance());
    assert!((morning..morning + 1_000).contains(&sent[0]), "the first {} ms after eight", sent[0] - morning);
    for (first, at) in sent.iter().enumerate() {
        let within = sent[first..].iter().take_while(|t| **t < at + 1_000).count();
        assert!(within <= 110, "{within} in a second, 100 and a burst are allowed");
    }
}

#[test]
fn many_ads_of_the_night_leave_from_eight_within_the_rate_and_codes_beside_them_do_not_wait() {
    // 2026-03-11 23:00 in Seoul.
    let evening = seed::NOW_MS - seed::NOW_MS.rem_euclid(24 * 3_600_000) + 14 * 3_600_000;
    let morning = evening + 9 * 3_600_000;
    let (ads, tps) = if std::env::var_os("IMS_TEST_FULL").is_some() { (1_000_000, 5_000) } else { (4_000, 200) };
    let folder = tempfile::tempdir().unwrap();
    let request_log = folder.path().join("requests.jsonl");
    let delivered: BTreeMap<String, f64> = [("1000".to_owned(), 1.0)].into();
    let perfect = Behaviour::perfect();
    let receipts = ReceiptBehaviour { codes: delivered.clone(), ..perfect.receipts };
    let every_vendor = Behaviour { codes: delivered, receipts, ..perfect };
    let vendors =
        SimulatorSettings { every_vendor, request_log: Some(request_log.clone()), ..SimulatorSettings::default() };
    let mut stage = Stage::forgetting(one_text_vendor_of(tps), evening, vendors);
    let mut ad = examples::request("lms_ad");
    for number in 0..ads {
        ad.message_id = format!("MANY-{number:07}");
        stage.send_over(Lane::Ad, &ad);
        if number % 10_000 == 0 {
            stage.settle();
        }
    }
    stage.settle();
    stage.advance_by_minutes(HOUR * 9 - Duration::from_secs(60));
    stage.advance(Duration::from_secs(60));
    let (step, mut code, mut codes) = (Duration::from_millis(50), examples::request("sms_otp"), 0);
    // Four fifths of the rate, and a minute for the last turn of what was put aside.
    let longest = Duration::from_secs(60 + ads as u64 * 5 / 4 / tps as u64);
    while stage.history.written() < ads + codes && step * (codes as u32) < longest {
        code.message_id = format!("CODE-{codes:07}");
        stage.send_over(Lane::Auth, &code);
        stage.driver.advance(step, step).unwrap();
        codes += 1;
    }
    stage.advance(Duration::from_secs(1));
    assert_eq!(stage.history.written(), ads + codes, "ends");
    let requests = RequestLog::read(&request_log).unwrap();
    assert_eq!(requests.iter().map(|r| &r.serial_number).collect::<HashSet<_>>().len(), requests.len(), "sent once");
    let mut waits = Vec::new();
    let mut sent: Vec<i64> = Vec::new();
    for Requested { at_ms, serial_number, .. } in &requests {
        let serial: Serial = serial_number.parse().unwrap();
        if serial.priority == Lane::Auth {
            waits.push(at_ms - serial.track_id.timestamp_ms());
        } else {
            sent.push(*at_ms);
        }
    }
    assert_eq!((sent.len(), waits.len()), (ads, codes));
    let (first, last) = (sent.iter().min().unwrap(), sent.iter().max().unwrap());
    assert!((morning..morning + 1_000).contains(first), "the first {} ms after eight", first - morning);
    let mut all: Vec<i64> = requests.iter().map(|request| request.at_ms).collect();
    all.sort_unstable();
    let most = all.iter().enumerate().map(|(n, at)| all[n..].partition_point(|t| *t < at + 1_000)).max().unwrap();
    let slowest = waits.iter().max().unwrap();
    eprintln!(
        "{ads} ads within {} s from eight on, {most} in a second at most; {codes} codes, the slowest after {slowest} ms",
        (last - morning) / 1_000
    );
    assert!(most <= tps, "{most} in a second");
    assert!(*slowest <= step.as_millis() as i64, "a code left {slowest} ms after it came");
}

fn one_text_vendor_of_100_a_second() -> FileReference {
    one_text_vendor_of(100)
}

fn one_text_vendor_of(tps: usize) -> FileReference {
    let changed = DEMO
        .replacen(
            "families = [\"SMS\", \"LMS\", \"MMS\"]\ncodes = \"text\"\nweight = 60\ntps = 3000",
            &format!("families = [\"SMS\", \"LMS\", \"MMS\"]\ncodes = \"text\"\nweight = 60\ntps = {tps}"),
            1,
        )
        .replacen("codes = \"text\"\nweight = 40", "codes = \"text\"\nweight = 0", 1);
    assert!(
        changed.contains(&format!("weight = 60\ntps = {tps}\n")) && changed.contains("weight = 0\n"),
        "not changed"
    );
    known(&changed)
}

/// Ads that are sent so long after the midnight that begins a day in Seoul leave at eight of the next morning, though all
/// processes die a second before.
fn leave_at_eight(day: &str, hours: f64, morning: &str) {
    let begins = |day: &str| begins_ms(day.parse().unwrap());
    let (sent_ms, morning_ms) = (begins(day) + (hours * 3_600_000.0) as i64, begins(morning) + 8 * 3_600_000);
    let mut stage = Stage::at(sent_ms, perfect());
    for (example, message_id) in [("lms_ad", "TEXT"), ("ft", "KAKAO")] {
        stage.send(example, |request| request.message_id = message_id.into());
    }
    stage.settle();
    stage.advance_by_minutes(Duration::from_millis((morning_ms - sent_ms - 60_000).unsigned_abs()));
    stage.advance(Duration::from_secs(59));
    let held = stage.reports().iter().filter(|report| report.state == State::Held).count();
    assert_eq!((held, stage.ends().len()), (2, 0), "{day}: at 07:59:59 both are held");
    for role in Role::ALL {
        stage.driver.kill(role);
    }
    stage.driver.join(&Role::ALL).unwrap();
    stage.settle();
    assert_eq!(stage.ends().len(), 0, "{day}: nor do they leave when all are back");
    stage.advance(Duration::from_secs(60));
    for message_id in ["TEXT", "KAKAO"] {
        let late_ms = stage.end(message_id).sent_at.unwrap() - morning_ms;
        assert!((0..30_000).contains(&late_ms), "{day}: {message_id} left {late_ms} ms after eight");
    }
    assert!(stage.balance().settled(), "{:?}", stage.balance());
}

#[test]
fn ads_at_midnight_and_at_the_ends_of_months_and_years_leave_at_eight_though_all_die_a_second_before() {
    leave_at_eight("2026-03-31", 21.0, "2026-04-01");
    leave_at_eight("2026-12-31", 23.9999, "2027-01-01");
    leave_at_eight("2027-01-01", 0.0, "2027-01-01");
    leave_at_eight("2028-02-28", 22.0, "2028-02-29");
}
