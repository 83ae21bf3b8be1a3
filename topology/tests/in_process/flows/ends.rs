//! How messages end.

use super::stage::{IMAGE, Stage};
use connectors::simulator::{Behaviour, SimulatorSettings};
use schemas::{
    Api, Channel, FallbackStep, Family, Lane, Receiver, SendRequest, State, Topic, TrackId, examples, examples::seed,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use topology::{graph::Role, log::Outgoing};

/// Vendors that answer at once and always with this code of their table, by vendor name.
pub fn answering(codes: &[(&str, &str)]) -> SimulatorSettings {
    let one = |code: &str| Behaviour { codes: BTreeMap::from([(code.to_owned(), 1.0)]), ..Behaviour::perfect() };
    SimulatorSettings {
        every_vendor: Behaviour::perfect(),
        vendors: codes.iter().map(|(vendor, code)| ((*vendor).to_owned(), one(code))).collect(),
        ..SimulatorSettings::default()
    }
}

#[test]
fn every_example_is_delivered_and_the_books_balance() {
    let mut stage = Stage::perfect();
    for example in examples::REQUESTS.iter().filter(|e| e.name != "lms_scheduled") {
        stage.send_over(example.lane, &example.request());
    }
    stage.settle();
    stage.advance(std::time::Duration::from_secs(30));
    let sum = stage.balance();
    assert_eq!(sum.wrong, Vec::<String>::new());
    assert_eq!((sum.requested, sum.rejected, sum.dead_lettered), (sum.accepted, 0, 0), "{:#?}", stage.reports());
    assert_eq!(sum.ended.get("delivered"), Some(&sum.accepted), "{sum:#?}");
}

#[test]
fn an_alimtalk_that_kakao_cannot_deliver_becomes_a_text() {
    let mut stage = Stage::with(answering(&[("talk-one", "3018"), ("talk-two", "3018")]));
    stage.send("at", |_| {});
    stage.settle();
    stage.advance(std::time::Duration::from_secs(5));
    let report = stage.end("ORD-20260311-000123");
    assert_eq!((report.state, report.channel), (State::Delivered, Channel::At));
    let steps: Vec<_> = report.steps.iter().map(|s| (s.step, s.channel, s.state, s.code.as_str())).collect();
    assert_eq!(steps, [(0, Channel::At, State::Failed, "3018"), (1, Channel::Mt, State::Delivered, "0000")]);
    let rows = stage.history.rows();
    assert_eq!(rows.iter().filter(|r| r.last_step).count(), 1);
    assert_eq!(rows.len(), 2);
}

#[test]
fn who_refused_ads_gets_none_and_takes_no_message_id() {
    let mut stage = Stage::perfect();
    let receiver = |id: &str, number: &str| Receiver {
        message_id: Some(id.into()),
        phone_number: Some(number.into()),
        ..Receiver::default()
    };
    stage.send("lms_ad", |request| {
        request.phone_number = None;
        // The demo's opt-out stands between two others.
        let numbers = [("A", "01011112222"), ("B", "01099998888"), ("C", "01033334444")];
        request.receiver_list = numbers.map(|(id, number)| receiver(id, number)).into();
    });
    stage.settle();
    // The corrected one has the same id.
    stage.send("lms_ad", |request| request.message_id = "B".into());
    stage.settle();
    stage.advance(Duration::from_secs(10));
    let sum = stage.balance();
    assert_eq!((sum.requested, sum.rejected, sum.accepted), (4, 1, 3));
    let refusal = stage.reports().into_iter().find(|r| r.state == State::Rejected).unwrap();
    assert_eq!((refusal.code.as_str(), refusal.message_id.as_str()), ("2080", "B"));
    assert_eq!(
        refusal.message,
        "receiver_list[1]: this recipient refused the ads of hanbit-shop (정보통신망법 제50조 ②)"
    );
    assert_eq!(stage.ends().keys().collect::<Vec<_>>(), ["A", "B", "C"]);
}

#[test]
fn while_nobody_knows_who_refused_ads_bulk_waits_and_no_other_lane_stops() {
    let mut stage = Stage::perfect();
    stage.opt_outs_away.store(true, Ordering::SeqCst);
    let mut ad = examples::request("lms_ad");
    for (lane, id) in [(Lane::Ad, "waits"), (Lane::Realtime, "refused")] {
        ad.message_id = id.into();
        stage.send_over(lane, &ad);
    }
    stage.send("at", |_| {});
    stage.settle();
    stage.advance(Duration::from_secs(31));
    assert_eq!(stage.end("ORD-20260311-000123").state, State::Delivered);
    let refusal = stage.reports().into_iter().find(|r| r.state == State::Rejected).unwrap();
    assert_eq!((refusal.code.as_str(), refusal.message_id.as_str()), ("9998", "refused"));
    assert!(!stage.ends().contains_key("waits"));

    stage.opt_outs_away.store(false, Ordering::SeqCst);
    stage.send_over(Lane::Realtime, &ad);
    stage.settle();
    stage.advance(Duration::from_secs(10));
    let sum = stage.balance();
    assert_eq!((sum.requested, sum.rejected, sum.accepted), (4, 1, 3));
    assert_eq!(stage.ends().keys().collect::<Vec<_>>(), ["ORD-20260311-000123", "refused", "waits"]);
}

/// A push that names a user and no token.
fn to(request: &mut SendRequest, id: &str, user: &str) {
    request.push_tokens.clear();
    (request.message_id, request.app_user_id) = (id.into(), Some(user.into()));
}

#[test]
fn a_push_to_a_user_goes_to_the_tokens_that_are_registered() {
    let mut stage = Stage::perfect();
    stage.send("push", |request| to(request, "known", seed::APP_USER_ID));
    stage.send("push", |request| to(request, "nobody", "dul"));
    stage.send("push", |request| {
        (request.message_id, request.app_user_id) = ("named".into(), Some(seed::APP_USER_ID.into()))
    });
    stage.settle();
    stage.advance(Duration::from_secs(10));
    let sum = stage.balance();
    assert_eq!((sum.requested, sum.rejected, sum.accepted), (3, 0, 3));
    let rows = stage.history.rows();
    let of = |id: &str| &rows.iter().find(|row| row.message_id == id).unwrap().recipient.push_tokens;
    assert_eq!((of("known").as_slice(), of("nobody").len()), (&seed::USER_TOKENS.map(str::to_owned)[..], 0));
    assert_eq!(of("named"), &examples::request("push").push_tokens, "named ones win");
    let end = |id: &str| stage.end(id);
    assert_eq!(end("known").state, State::Delivered);
    assert_eq!((end("nobody").state, &*end("nobody").code), (State::Failed, "5040"));
    assert!(rows.iter().all(|row| row.message_id != "nobody" || row.vendor.is_empty()), "no vendor is asked");
}

#[test]
fn while_nobody_knows_a_users_tokens_bulk_waits_and_no_other_lane_stops() {
    let mut stage = Stage::perfect();
    stage.opt_outs_away.store(true, Ordering::SeqCst);
    let mut push = examples::request("push");
    for (lane, id) in [(Lane::Mass, "waits"), (Lane::Realtime, "refused")] {
        to(&mut push, id, seed::APP_USER_ID);
        stage.send_over(lane, &push);
    }
    stage.send("at", |_| {});
    stage.settle();
    stage.advance(Duration::from_secs(31));
    assert_eq!(stage.end("ORD-20260311-000123").state, State::Delivered);
    let refusal = stage.reports().into_iter().find(|r| r.state == State::Rejected).unwrap();
    assert_eq!((refusal.code.as_str(), refusal.message_id.as_str()), ("9998", "refused"));
    assert!(!stage.ends().contains_key("waits"));
    stage.opt_outs_away.store(false, Ordering::SeqCst);
    stage.send_over(Lane::Realtime, &push);
    stage.settle();
    stage.advance(Duration::from_secs(10));
    assert_eq!(stage.ends().keys().collect::<Vec<_>>(), ["ORD-20260311-000123", "refused", "waits"]);
}

#[test]
fn a_message_that_names_a_file_which_is_not_there_is_refused() {
    let mut stage = Stage::perfect();
    let (own, absent) = (seed::FILE_KEYS[1], "7ZQ2M0X9K4T1B8C5D3F6G7H2J9");
    let with = |request: &mut SendRequest, id: &str, keys: &[&str]| {
        request.message_id = id.into();
        request.attach_file_list = keys.iter().map(|key| (*key).to_owned()).collect();
    };
    stage.send("email", |request| with(request, "its own", &[own]));
    stage.send("email", |request| with(request, "no such", &[own, absent]));
    stage.send("mms", |request| with(request, "no such image", &[absent]));
    stage.send("mms", |request| with(request, "the vendor's image", &["M-2026-0001"]));
    // Its own images go with the MMS that may follow.
    stage.send("at", |request| {
        with(request, "no such in the plan", &[absent]);
        let (callback, r#type) = (Some(seed::SENDER_NUMBERS[0].into()), Some("MMS".into()));
        let step = FallbackStep { channel: "MT".into(), message_type: r#type, callback, ..FallbackStep::default() };
        request.fallback = vec![step];
    });
    stage.settle();
    stage.advance(Duration::from_secs(10));
    let sum = stage.balance();
    assert_eq!((sum.requested, sum.rejected, sum.accepted), (5, 3, 2));
    let reason = "not uploaded, taken out, or uploaded for another channel";
    for (id, place) in [("no such", 1), ("no such image", 0), ("no such in the plan", 0)] {
        let refused = stage.reports().into_iter().find(|report| report.message_id == id).unwrap();
        let told = format!("attach_file_list[{place}]: {reason}");
        assert_eq!((refused.state, &*refused.code, &*refused.message), (State::Rejected, "2040", &*told), "{id}");
    }
    // Its message_id is free.
    stage.send("email", |request| with(request, "no such", &[own]));
    stage.settle();
    assert_eq!(stage.balance().accepted, 3);
    // Two images of 300 KB go together, three do not; of a mail's files nobody asks that.
    stage.send("mms", |request| with(request, "two images", &[IMAGE; 2]));
    stage.send("mms", |request| with(request, "three images", &[IMAGE; 3]));
    stage.send("email", |request| with(request, "three files", &[IMAGE; 3]));
    // A text that may follow takes none along.
    stage.send("email", |request| {
        with(request, "three files before a text", &[IMAGE; 3]);
        let (callback, message) = (Some(seed::SENDER_NUMBERS[0].into()), Some("메일을 보냈습니다".into()));
        let r#type = Some("SMS".into());
        let step =
            FallbackStep { channel: "MT".into(), message_type: r#type, callback, message, ..FallbackStep::default() };
        request.fallback = vec![step];
        request.phone_number = Some("01012345678".into());
    });
    stage.settle();
    let refused = stage.reports().into_iter().find(|report| report.message_id == "three images").unwrap();
    let told = "attach_file_list: got 921600 bytes together, an MMS has at most 819200";
    assert_eq!((refused.state, &*refused.code, &*refused.message), (State::Rejected, "4002", told));
    assert_eq!(stage.balance().accepted, 6);
}

#[test]
fn while_nobody_knows_the_files_bulk_waits_and_no_other_lane_stops() {
    let mut stage = Stage::perfect();
    stage.opt_outs_away.store(true, Ordering::SeqCst);
    let mut mail = examples::request("email");
    for (lane, id) in [(Lane::Mass, "waits"), (Lane::Realtime, "goes on")] {
        mail.message_id = id.into();
        stage.send_over(lane, &mail);
    }
    stage.settle();
    stage.advance(Duration::from_secs(31));
    assert_eq!(stage.ends().keys().collect::<Vec<_>>(), ["goes on"]);
    stage.opt_outs_away.store(false, Ordering::SeqCst);
    stage.settle();
    stage.advance(Duration::from_secs(10));
    assert_eq!(stage.ends().keys().collect::<Vec<_>>(), ["goes on", "waits"]);
}

#[test]
fn a_used_message_id_is_refused_and_leaves_the_first_one_alone() {
    let mut stage = Stage::perfect();
    stage.send("at", |_| {});
    stage.send("at", |_| {});
    stage.settle();
    stage.advance(std::time::Duration::from_secs(1));
    let sum = stage.balance();
    assert_eq!((sum.requested, sum.rejected, sum.accepted), (2, 1, 1));
    assert_eq!(stage.end("ORD-20260311-000123").state, State::Delivered);
    let refusal = stage.reports().into_iter().find(|r| r.state == State::Rejected).unwrap();
    assert_eq!(refusal.code, "2030");
}

#[test]
fn garbage_goes_to_its_dead_letters_and_its_neighbours_go_on() {
    let mut stage = Stage::perfect();
    let api = Topic::api(Lane::Realtime);
    let schemas = Arc::clone(&stage.driver.parts().schemas);
    let good = schemas.encode(&examples::request("at"));
    let name = good.windows(4).position(|bytes| bytes == b"ORD-").unwrap();
    let no_utf8 = [&good[..name], &[0xff, 0xfe, 0xfd, 0xfc], &good[name + 4..]].concat();
    let anothers = schemas.encode(&examples::report());
    let (unknown_schema, cut) = (vec![0, 0, 0, 9, 9, 1, 2], vec![0, 0, 0, 0, 1, 200]);
    let garbage =
        [None, Some(vec![]), Some(vec![7; 40]), Some(unknown_schema), Some(cut), Some(no_utf8), Some(anothers)];
    for value in garbage {
        stage.driver.append_raw(api, "garbage", value).unwrap();
    }
    let headers = (0..10_000).map(|n| (format!("h{n}"), "x".into())).collect();
    let (key, value) = (Some("garbage".into()), Some(vec![7].into()));
    let record = Outgoing { topic: api, partition: None, key, value, headers };
    stage.driver.parts().log.producer().unwrap().append(&[record]).unwrap();
    stage.send("at", |_| {});
    stage.settle();
    stage.advance(std::time::Duration::from_secs(1));
    assert_eq!(stage.end("ORD-20260311-000123").state, State::Delivered);
    let dead = stage.driver.records(api.dead_letters()).unwrap();
    assert_eq!(dead.len(), 8);
    assert!(dead.iter().any(|letter| letter.headers.len() > 10_000), "with all that it came with");
    for letter in dead {
        let header = |name| letter.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        assert!(header("ims-reason").is_some_and(|reason| !reason.is_empty()));
        assert!(header("ims-origin").unwrap().starts_with(b"API-REALTIME/"));
    }
    assert_eq!(stage.balance().dead_lettered, 8);
}

#[test]
fn garbage_that_is_too_large_to_be_kept_is_cut_and_its_neighbours_go_on() {
    let mut stage = Stage::perfect();
    let api = Topic::api(Lane::Realtime);
    stage.driver.append_raw(api, "garbage", Some(vec![7; 5 << 20])).unwrap();
    stage.send("at", |_| {});
    stage.settle();
    stage.advance(std::time::Duration::from_secs(1));
    assert_eq!(stage.end("ORD-20260311-000123").state, State::Delivered);
    let letter = stage.driver.records(api.dead_letters()).unwrap().remove(0);
    let header = |name| letter.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone()).unwrap();
    assert_eq!((header("ims-cut"), letter.value.unwrap()), ("7/5242880/0".into(), vec![7; 1 << 20].into()));
    assert_eq!(stage.balance().dead_lettered, 1);
}

#[test]
fn an_accepted_message_that_cannot_be_routed_ends_as_failed() {
    let mut stage = Stage::perfect();
    let place = Api { cluster: 0, lane: Lane::Realtime, partition: 0, offset: 77, receiver: 0 };
    let id = TrackId::new(seed::NOW_MS, place).to_string();
    let recv = Topic::recv(Channel::At, Lane::Realtime);
    stage.driver.append_raw(recv, &id, Some(vec![1, 2, 3])).unwrap();
    stage.settle();
    assert_eq!(stage.driver.records(recv.dead_letters()).unwrap().len(), 1);
    let ends: Vec<_> = stage.reports().into_iter().filter(|r| r.track_id == id && r.terminal).collect();
    assert_eq!(ends.len(), 1);
    assert_eq!((ends[0].state, ends[0].code.as_str()), (State::Failed, "9999"));
}

#[test]
fn an_otp_is_routed_as_it_is_accepted() {
    let mut stage = Stage::perfect();
    stage.driver.kill(Role::Router);
    stage.send("at_otp", |_| {});
    stage.send("at", |_| {});
    stage.advance(Duration::from_secs(1));
    let states = |stage: &Stage| stage.ends().values().map(|report| report.state).collect::<Vec<_>>();
    assert_eq!(states(&stage), [State::Delivered], "the code alone needs no router");
    stage.driver.join(&[Role::Router]).unwrap();
    stage.advance(Duration::from_secs(1));
    assert_eq!(states(&stage), [State::Delivered; 2]);
    let sent = stage.driver.records(Topic::send(Family::At, Lane::Auth)).unwrap();
    assert_eq!(sent.len(), 1, "the router passes it over");
}
