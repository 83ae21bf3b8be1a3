//! Customers are told.

use super::stage::{Endpoints, Stage, known, perfect};
use connectors::{
    callback::{CallerSettings, HttpCaller, System},
    reference::{DEMO, FileReference},
};
use processors::{
    callback::{Call, Reply},
    ports::{Caller, ReferenceSource},
    reference::Reference,
};
use schemas::{AnalyzeLog, Callback, EndpointState, LogEvent, Report, Topic, examples, examples::seed};
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpListener},
    sync::{Arc, Mutex},
    time::Duration,
};
use topology::{
    driver::ManualClock,
    graph::Role,
    log::memory::{Call as Step, When},
};

const SHOP: &str = "IMSDEMO0SERVICEKEY0000000000000000000001";
const BANK: &str = "IMSDEMO0SERVICEKEY0000000000000000000002";
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// A chain whose shop and bank want to be called; what else the shop wants.
fn stage(shop: &str) -> Stage {
    on(wanted("shop", shop))
}

fn on(reference: impl ReferenceSource + 'static) -> Stage {
    Stage::knowing(reference, seed::NOW_MS, perfect())
}

/// What it knows, with the shop at this host.
fn wanted(host: &str, shop: &str) -> FileReference {
    let secret = format!("whsec_{}", "A".repeat(32));
    let with = |text: String, key: &str, host: &str, more: &str| {
        let line = format!("[[service_keys]]\nkey = \"{key}\"\n");
        assert!(text.contains(&line));
        let callback =
            format!("callback_uri = \"https://{host}.example/\"\ncallback_secrets = [\"{secret}\"]\n{more}\n");
        text.replace(&line, &format!("{line}{callback}"))
    };
    let text = with(with(DEMO.to_owned(), SHOP, host, shop), BANK, "bank", "");
    known(&text)
}

/// Reference data that change.
#[derive(Clone)]
struct Changing(Arc<Mutex<Arc<Reference>>>);

impl ReferenceSource for Changing {
    fn current(&self) -> Arc<Reference> {
        Arc::clone(&self.0.lock().unwrap())
    }
}

/// Ends so many messages of a service key, as outcome would.
fn end(stage: &Stage, service_key: &str, messages: usize) {
    for number in 0..messages {
        let track_id = format!("{}-{number:06}", &service_key[36..]);
        let report = Report { track_id, service_key: service_key.into(), ..examples::report() };
        stage.driver.append(Topic::report(report.channel), &report.track_id, &report).unwrap();
    }
}

fn status(status: u16) -> Reply {
    Reply::Status { status, retry_after: None }
}

fn asking(status: u16, seconds: &str) -> Reply {
    Reply::Status { status, retry_after: Some(seconds.into()) }
}

/// Seconds since the beginning at which calls came.
fn times(endpoints: &Endpoints) -> Vec<f64> {
    endpoints.calls().iter().map(|(at_ms, _)| (at_ms - seed::NOW_MS) as f64 / 1e3).collect()
}

/// What was recorded of calls: attempt and what came.
fn events(stage: &Stage) -> Vec<(i32, String)> {
    recorded(stage).into_iter().map(|event| (event.attempt, event.code)).collect()
}

fn recorded(stage: &Stage) -> Vec<AnalyzeLog> {
    let mut events: Vec<AnalyzeLog> = stage.driver.decoded([Topic::analyze_log()]).unwrap();
    events.retain(|event| event.event == LogEvent::Callback);
    events.sort_by_key(|event| (event.at, event.attempt));
    events
}

/// How often each message was told to whom it concerns, by host and webhook-id.
fn told(endpoints: &Endpoints) -> BTreeMap<(String, String), usize> {
    let mut told = BTreeMap::new();
    for (_, call) in endpoints.calls() {
        *told.entry((call.uri.host_str().unwrap().to_owned(), call.id)).or_insert(0) += 1;
    }
    told
}

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
fn a_retry_after_that_asks_for_longer_wins() {
    let mut stage = stage("");
    let mut answers = vec![asking(503, "Wed, 11 Mar 2026 03:30:00 GMT"), asking(429, "10"), asking(429, "900")];
    answers.reverse();
    stage.endpoints.script(move |_, _| Some(answers.pop().unwrap_or(status(200))));
    end(&stage, SHOP, 1);
    stage.settle();
    stage.advance(Duration::from_secs(905));
    assert_eq!(stage.endpoints.calls().len(), 1, "the date is two hours ahead");
    stage.advance_by_minutes(HOUR * 4);
    let times = times(&stage.endpoints);
    let date = (1_773_199_800_000 - seed::NOW_MS) as f64 / 1e3;
    assert_eq!(times.len(), 4);
    for (at, due) in [(times[1], date), (times[2], times[1] + 180.0), (times[3], times[2] + 900.0)] {
        assert!((due..due + 61.0).contains(&at), "{at}, not {due}: {times:?}");
    }
}

/// When each report of a host was called for first, seconds since the beginning.
fn firsts(endpoints: &Endpoints, host: &str) -> BTreeMap<String, f64> {
    let mut firsts = BTreeMap::new();
    for (at_ms, call) in endpoints.calls().into_iter().filter(|(_, call)| call.uri.host_str() == Some(host)) {
        firsts.entry(call.id).or_insert((at_ms - seed::NOW_MS) as f64 / 1e3);
    }
    firsts
}

#[test]
fn an_endpoint_that_asks_for_rest_is_called_for_no_report_until_then_and_then_in_their_order() {
    let mut stage = stage("");
    let rested_ms = seed::NOW_MS + 600_000;
    stage.endpoints.script(move |call, now_ms| {
        let tired = call.uri.host_str() == Some("shop.example") && now_ms < rested_ms;
        let left = (rested_ms - now_ms) / 1_000;
        Some(if tired { asking(503, &left.to_string()) } else { status(200) })
    });
    // It takes a second for each answer: what waits comes back at that pace.
    stage.endpoints.slow(1_000);
    end(&stage, SHOP, 20);
    stage.advance(SECOND * 2);
    let before = firsts(&stage.endpoints, "shop.example").len();
    assert_eq!(before, 8, "those that were under way when it answered");
    let said: Vec<EndpointState> = stage.driver.decoded([Topic::endpoint()]).unwrap();
    let state = said.last().unwrap();
    let rest = state.rest.as_ref().unwrap();
    assert_eq!((state.service_key.as_str(), state.uri_sha256.as_str(), rest.status), (SHOP, "", 503), "no 410");
    assert!((rested_ms..=rested_ms + 1_000).contains(&rest.until), "{rest:?}");
    // Three more waves while it rests; another customer is told meanwhile.
    for wave in 0..3 {
        for number in 0..5 {
            let track_id = format!("wave-{wave}-{number}");
            let report = Report { track_id, service_key: SHOP.into(), ..examples::report() };
            stage.driver.append(Topic::report(report.channel), &report.track_id, &report).unwrap();
        }
        stage.advance(SECOND * 30);
    }
    end(&stage, BANK, 50);
    stage.advance(SECOND * 20);
    assert_eq!(firsts(&stage.endpoints, "bank.example").len(), 50, "who answers is told meanwhile");
    stage.advance_by_minutes(SECOND * 480);
    stage.advance(SECOND * 6);
    let shops = firsts(&stage.endpoints, "shop.example");
    assert_eq!(shops.len(), before, "a second before its time nothing else was called for");
    stage.advance_finely(SECOND * 60);
    let shops = firsts(&stage.endpoints, "shop.example");
    assert_eq!(shops.len(), 35);
    let wave = |name: &str| shops.iter().filter(|(id, _)| id.starts_with(name)).map(|(_, at)| *at).collect::<Vec<_>>();
    let ends = |name: &str| {
        let times = wave(name);
        (times.iter().copied().fold(f64::MAX, f64::min), times.iter().copied().fold(0.0, f64::max))
    };
    let (first, second, third) = (ends("wave-0"), ends("wave-1"), ends("wave-2"));
    assert!(first.0 >= 600.0 && first.1 <= second.0 && second.1 <= third.0, "{first:?} {second:?} {third:?}");
    let told = events(&stage).iter().filter(|(_, code)| code == "200").count();
    assert_eq!(told, 85, "each once");
}

#[test]
fn a_rest_leaves_standing_what_another_member_heard_meanwhile() {
    let mut stage = stage("");
    let shop = wanted("shop", "").current().endpoint(SHOP).unwrap().clone();
    stage.endpoints.script(|_, _| Some(asking(503, "600")));
    stage.endpoints.slow(500);
    end(&stage, SHOP, 1);
    stage.settle();
    assert_eq!(stage.endpoints.calls().len(), 1);
    // Half a second after this member has looked.
    let ended = shop.disabled(None, seed::NOW_MS + 100);
    stage.driver.append(Topic::endpoint(), SHOP, &ended).unwrap();
    stage.advance_finely(SECOND * 6 / 10);
    assert_eq!(events(&stage).len(), 1, "it has answered");
    let said: Vec<EndpointState> = stage.driver.decoded([Topic::endpoint()]).unwrap();
    assert_eq!(said.last(), Some(&ended), "{said:?}");
}

#[test]
fn what_an_address_of_before_asks_for_late_ends_no_rest_of_the_new_one() {
    let reference = Changing(Arc::new(Mutex::new(wanted("shop", "").current())));
    let mut stage = on(reference.clone());
    stage
        .endpoints
        .script(|call, _| Some(asking(503, if call.uri.host_str() == Some("shop.example") { "60" } else { "600" })));
    let next = |stage: &Stage, track_id: &str| {
        let report = Report { track_id: track_id.into(), service_key: SHOP.into(), ..examples::report() };
        stage.driver.append(Topic::report(report.channel), &report.track_id, &report).unwrap();
    };
    stage.endpoints.slow(5_000);
    next(&stage, "to-the-old");
    stage.settle();
    *reference.0.lock().unwrap() = wanted("new", "").current();
    stage.endpoints.slow(0);
    next(&stage, "to-the-new");
    stage.advance(SECOND * 10);
    assert_eq!(firsts(&stage.endpoints, "shop.example").len(), 1);
    assert_eq!(firsts(&stage.endpoints, "new.example").len(), 1);
    assert_eq!(events(&stage).len(), 2, "both have answered");
    next(&stage, "while-it-rests");
    stage.advance(SECOND * 580);
    assert_eq!(stage.endpoints.calls().len(), 2, "{:?}", times(&stage.endpoints));
    stage.advance(SECOND * 30);
    assert!(stage.endpoints.calls().len() > 2);
}

#[test]
fn a_rest_of_which_the_log_tells_is_kept_and_a_new_address_ends_it_for_what_ends_from_then_on() {
    let reference = Changing(Arc::new(Mutex::new(wanted("shop", "").current())));
    let mut stage = on(reference.clone());
    let asked = reference.current().endpoint(SHOP).unwrap().rests(None, seed::NOW_MS, seed::NOW_MS + 600_000, 429);
    stage.driver.append(Topic::endpoint(), SHOP, &asked).unwrap();
    stage.advance(SECOND * 2);
    end(&stage, SHOP, 3);
    stage.advance(SECOND * 300);
    assert!(stage.endpoints.calls().is_empty(), "{:?}", times(&stage.endpoints));
    *reference.0.lock().unwrap() = wanted("new", "").current();
    let report = Report { track_id: "to-the-new".into(), service_key: SHOP.into(), ..examples::report() };
    stage.driver.append(Topic::report(report.channel), &report.track_id, &report).unwrap();
    stage.advance(SECOND * 10);
    assert_eq!(firsts(&stage.endpoints, "new.example").into_keys().collect::<Vec<_>>(), ["to-the-new"]);
    stage.advance(SECOND * 300);
    assert_eq!(firsts(&stage.endpoints, "new.example").len(), 4, "what waited comes at its time");
}

#[test]
fn nobody_rests_for_longer_than_an_hour_at_a_time_and_one_call_asks_again() {
    let mut stage = stage("");
    stage.endpoints.script(|_, _| Some(asking(429, "604800")));
    end(&stage, SHOP, 1);
    stage.settle();
    for number in 0..3 {
        let report = Report { track_id: format!("next-{number}"), service_key: SHOP.into(), ..examples::report() };
        stage.driver.append(Topic::report(report.channel), &report.track_id, &report).unwrap();
    }
    stage.advance_by_minutes(SECOND * 3_540);
    assert_eq!(stage.endpoints.calls().len(), 1);
    stage.advance(SECOND * 90);
    assert_eq!(times(&stage.endpoints).len(), 2, "one of three asks, and is told the same");
    assert!((3_600.0..3_605.0).contains(&times(&stage.endpoints)[1]), "{:?}", times(&stage.endpoints));
    // What was answered itself waits as long as it was asked to; the others an hour each time.
    stage.endpoints.script(|_, _| Some(status(200)));
    stage.advance_by_minutes(HOUR + SECOND * 120);
    assert_eq!(times(&stage.endpoints).len(), 4);
    stage.advance_by_hours(HOUR * 24 * 8);
    assert_eq!(events(&stage).iter().filter(|(_, code)| code == "200").count(), 4, "{:?}", events(&stage));
}

/// A server on loopback that answers every request with what is written at the time.
fn serve(answer: Arc<Mutex<&'static str>>) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut length = 0;
            let mut line = String::new();
            while stream.read_line(&mut line).unwrap() > 2 {
                let value = line.to_lowercase().strip_prefix("content-length: ").map(|value| value.trim().parse());
                length = value.map_or(length, |value| value.unwrap());
                line.clear();
            }
            stream.read_exact(&mut vec![0; length]).unwrap();
            let answer =
                format!("HTTP/1.1 {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", answer.lock().unwrap());
            stream.get_mut().write_all(answer.as_bytes()).unwrap();
        }
    });
    port
}

#[test]
fn the_rest_that_a_server_asks_for_is_kept_by_every_report_of_its_endpoint() {
    let mut stage = stage("");
    let answer = Arc::new(Mutex::new("429 Too Many Requests\r\nRetry-After: 120"));
    let uri = Arc::new(format!("http://127.0.0.1:{}/", serve(Arc::clone(&answer))).parse().unwrap());
    let settings = CallerSettings { allow_networks: vec!["127.0.0.0/8".parse().unwrap()], timeout: SECOND * 15 };
    let clock = ManualClock::at(seed::NOW_MS);
    let mut caller = HttpCaller::open(settings, clock, Arc::new(System)).unwrap();
    stage.endpoints.script(move |call, _| {
        caller.call(Call { uri: Arc::clone(&uri), ..call.clone() });
        let mut answers = Vec::new();
        caller.answers(SECOND * 20, &mut answers);
        answers.pop().map(|called| called.reply)
    });
    end(&stage, SHOP, 12);
    stage.settle();
    assert_eq!(stage.endpoints.calls().len(), 8);
    *answer.lock().unwrap() = "204 No Content";
    stage.advance(SECOND * 119);
    assert_eq!(stage.endpoints.calls().len(), 8, "four wait, and eight for their second call");
    stage.advance(SECOND * 30);
    assert_eq!(stage.endpoints.calls().len(), 20);
    let recorded: BTreeMap<String, usize> =
        events(&stage).into_iter().fold(BTreeMap::new(), |mut counts, (_, code)| {
            *counts.entry(code).or_insert(0) += 1;
            counts
        });
    assert_eq!(recorded, BTreeMap::from([("204".to_owned(), 12), ("429".to_owned(), 8)]));
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

/// Brings reports once more, as `ims replay` does.
fn replay(stage: &Stage, reports: Vec<Report>) {
    for report in reports {
        let track_id = report.track_id.clone();
        let callback = Callback { track_id, reports: vec![report], replay: "R1".into(), ..Callback::default() };
        stage.driver.append(Topic::callback(), &callback.track_id, &callback).unwrap();
    }
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
