//! Endpoints that ask for rest.

use super::super::stage::{Endpoints, Stage};
use super::{BANK, HOUR, SECOND, SHOP, asking, end, events, on, stage, status, times, wanted};
use connectors::callback::{CallerSettings, HttpCaller, System};
use processors::{
    callback::Call,
    ports::{Caller as _, ReferenceSource},
    reference::Reference,
};
use schemas::{
    EndpointState, Report, Topic,
    examples::{self, seed},
};
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpListener},
    sync::{Arc, Mutex},
    time::Duration,
};
use topology::driver::ManualClock;

/// Reference data that change.
#[derive(Clone)]
struct Changing(Arc<Mutex<Arc<Reference>>>);

impl ReferenceSource for Changing {
    fn current(&self) -> Arc<Reference> {
        Arc::clone(&self.0.lock().unwrap())
    }
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
