//! Requests that unfold to much more than they are: transactions stay small enough to end in time.

use super::stage::{Stage, known, perfect};
use connectors::reference::{DEMO, FileReference};
use schemas::{Accepted, Channel, FallbackStep, Lane, Receiver, SendRequest, State, Topic, examples, examples::seed};
use std::{collections::BTreeSet, time::Duration};
use topology::{
    engine::{Progress, Worker},
    graph::{Role, chain},
    log::memory::{Call, When},
};

/// A mail of half a megabyte to so many, all in one partition.
fn mails(stage: &Stage, id: &str, receivers: usize) {
    let mut request = examples::request("email");
    (request.message_id, request.to, request.html) = (id.to_owned(), None, None);
    request.mapping = [("name".to_owned(), "하늘".to_owned())].into();
    request.message = Some("a".repeat(500_000));
    let receiver = |i| Receiver { to: Some(format!("receiver-{i}@mail.example")), ..Receiver::default() };
    request.receiver_list = (0..receivers).map(receiver).collect();
    stage.driver.append(Topic::api(Lane::Mass), "newsletter", &request).unwrap();
}

/// The worker of ingest for the MASS lane; the stage's own does nothing.
fn ingest(stage: &mut Stage) -> Box<dyn Worker> {
    stage.driver.kill(Role::Ingest);
    let workers = stage.driver.parts().workers(&chain().unwrap(), &[Role::Ingest]).unwrap();
    let mut ingest = workers.into_iter().find(|worker| worker.name() == "ingest-MASS").unwrap();
    assert_eq!(transactions(stage, &mut *ingest), [0; 0]);
    ingest
}

/// What every turn of the worker brought into RECV, until it finds nothing to do.
fn transactions(stage: &Stage, worker: &mut dyn Worker) -> Vec<usize> {
    let of = |channel| stage.driver.records(Topic::recv(channel, Lane::Mass)).unwrap().len();
    let count = || of(Channel::Em) + of(Channel::Pu);
    let (mut brought, mut before) = (Vec::new(), count());
    while worker.turn(Duration::ZERO).unwrap() == Progress::Worked {
        let after = count();
        brought.extend((after > before).then_some(after - before));
        before = after;
    }
    brought
}

#[test]
fn a_batch_that_unfolds_too_far_leaves_in_several_transactions_and_all_of_it_once() {
    let mut stage = Stage::perfect();
    let mut ingest = ingest(&mut stage);
    (0..3).for_each(|nth| mails(&stage, &format!("before-{nth}"), 10));
    mails(&stage, "over", 140);
    (0..3).for_each(|nth| mails(&stage, &format!("behind-{nth}"), 10));
    stage.driver.faults().fail("ingest-MASS", Call::Commit, 2, When::Before);
    // Each is 5 MB: the fourth passes 16 MiB. The commit that fails is the second, and what comes again is the rest alone.
    assert_eq!(transactions(&stage, &mut *ingest), [40, 20]);
    let accepted: Vec<Accepted> = stage.driver.decoded([Topic::recv(Channel::Em, Lane::Mass)]).unwrap();
    let ids: BTreeSet<_> = accepted.iter().map(|accepted| &accepted.track_id).collect();
    assert_eq!((accepted.len(), ids.len()), (60, 60));
    assert!(accepted.iter().all(|accepted| !accepted.message_id.starts_with("over")));
    let reports = stage.reports();
    assert_eq!(reports.len(), 140, "each receiver of the one that is too large");
    for report in reports {
        assert!(
            report.message_id.starts_with("over-") && report.code == "1400",
            "{} {}",
            report.message_id,
            report.code
        );
        assert!(report.message.starts_with("receiver_list: got 700"), "{}", report.message);
    }
    let balance = stage.balance();
    assert_eq!((balance.requested, balance.accepted, balance.rejected, &*balance.wrong), (200, 60, 140, &[][..]));
}

/// A user of the demo's app who has a hundred tokens of the longest kind, 160,000 bytes together.
const WITH_MANY: &str = "bada";

/// The demo's data, and that user.
fn of_many_devices() -> FileReference {
    let key = seed::SERVICE_KEY;
    let token = |nth: usize| {
        format!("[[push_tokens]]\nservice_key = \"{key}\"\napp_user_id = \"{WITH_MANY}\"\ntoken = \"{nth:0>1600}\"\n")
    };
    known(&(DEMO.to_owned() + &(0..100).map(token).collect::<String>()))
}

/// A push to so many such users.
fn push(id: &str, receivers: usize) -> SendRequest {
    let mut request = examples::request("push");
    (request.message_id, request.app_user_id) = (id.to_owned(), None);
    request.push_tokens.clear();
    let to = |_| Receiver { app_user_id: Some(WITH_MANY.to_owned()), ..Receiver::default() };
    request.receiver_list = (0..receivers).map(to).collect();
    request
}

/// What became of such pushes, of which those of the request "over" are too large together: they and no others are refused.
#[track_caller]
fn assert_over_is_refused(stage: &Stage, lane: Lane, bytes: usize) -> Vec<Accepted> {
    let accepted: Vec<Accepted> = stage.driver.decoded([Topic::recv(Channel::Pu, lane)]).unwrap();
    let ids: BTreeSet<_> = accepted.iter().map(|accepted| &accepted.track_id).collect();
    assert_eq!(ids.len(), accepted.len());
    for report in stage.reports().into_iter().filter(|report| report.state == State::Rejected) {
        assert!(report.message_id.starts_with("over-") && report.code == "1400", "{report:?}");
        let told = format!("receiver_list: its messages have more than {bytes} bytes with their users' push tokens");
        assert!(report.message.starts_with(&told), "{}", report.message);
    }
    accepted
}

#[test]
fn the_tokens_of_users_are_bounded_in_a_request_and_in_a_transaction() {
    let mut stage = Stage::knowing(of_many_devices(), seed::NOW_MS, perfect());
    let mut ingest = ingest(&mut stage);
    let append = |request: &SendRequest| stage.driver.append(Topic::api(Lane::Mass), "newsletter", request).unwrap();
    // 160,000 bytes each: of 420 more than 64 MiB, of 104 not 16 MiB.
    [("first", 60), ("over", 420), ("second", 104), ("third", 10)].iter().for_each(|(id, to)| append(&push(id, *to)));
    stage.driver.append_raw(Topic::api(Lane::Mass), "newsletter", Some(b"no request".to_vec())).unwrap();
    stage.driver.faults().fail("ingest-MASS", Call::Commit, 2, When::Before);
    assert_eq!(transactions(&stage, &mut *ingest), [60, 104, 10], "parted before the request that would be too much");
    let accepted = assert_over_is_refused(&stage, Lane::Mass, 67_108_864);
    assert!(accepted.iter().all(|accepted| accepted.recipient.push_tokens.len() == 100));
    let letters = stage.driver.records(Topic::api(Lane::Mass).dead_letters()).unwrap();
    assert_eq!(letters.len(), 1, "once, though its transaction came after parted ones");
    let balance = stage.balance();
    assert_eq!((balance.requested, balance.accepted, balance.rejected, &*balance.wrong), (595, 174, 420, &[][..]));
}

#[test]
fn over_auth_a_request_has_fewer_tokens_of_users() {
    let mut stage = Stage::knowing(of_many_devices(), seed::NOW_MS, perfect());
    // 52 have 8,320,000 bytes, less than 8 MiB; 53 have more.
    [("most", 52), ("over", 53)].iter().for_each(|(id, to)| stage.send_over(Lane::Auth, &push(id, *to)));
    stage.settle();
    // A hundred requests each, at the rate of their vendors.
    stage.advance(Duration::from_secs(60));
    assert_eq!(assert_over_is_refused(&stage, Lane::Auth, 8_388_608).len(), 52);
    let balance = stage.balance();
    assert_eq!((balance.accepted, balance.rejected, &*balance.wrong), (52, 53, &[][..]));
    assert_eq!(balance.ended.values().sum::<u64>(), 52);
}

#[test]
fn each_user_gets_its_own_tokens_however_many_are_asked_for() {
    let mut stage = Stage::knowing(of_many_devices(), seed::NOW_MS, perfect());
    let mut ingest = ingest(&mut stage);
    for id in ["one", "two"] {
        let mut request = push(id, 600);
        let others = request.receiver_list.iter_mut().enumerate().filter(|(place, _)| place % 7 != 3);
        others.for_each(|(place, to)| to.app_user_id = Some(format!("{id}-{place}")));
        stage.driver.append(Topic::api(Lane::Mass), "newsletter", &request).unwrap();
    }
    assert_eq!(transactions(&stage, &mut *ingest), [600, 600]);
    for accepted in assert_over_is_refused(&stage, Lane::Mass, 0) {
        let has_many = accepted.recipient.app_user_id.as_deref() == Some(WITH_MANY);
        let tokens = accepted.recipient.push_tokens.len();
        assert_eq!(tokens, if has_many { 100 } else { 0 }, "{}", accepted.message_id);
    }
}

#[test]
fn a_message_that_is_too_large_with_the_tokens_of_its_user_is_refused() {
    let mut stage = Stage::knowing(of_many_devices(), seed::NOW_MS, perfect());
    let step = |channel: &str, message: String| FallbackStep {
        channel: channel.to_owned(),
        title: Some("이용 내역서".to_owned()),
        message: Some(message),
        ..FallbackStep::default()
    };
    // 1,900,000 bytes, of which 1,020,000 are said by the request; and a push, should no mail arrive.
    let largest = |request: &mut SendRequest, id: &str| {
        (request.message_id, request.html) = (id.to_owned(), None);
        request.mapping = [("name".to_owned(), "하늘".to_owned()), ("b".to_owned(), "b".repeat(40_000))].into();
        request.message = Some("a".repeat(500_000));
        request.fallback = vec![
            step("EM", "c".repeat(480_000)),
            step("EM", "#{b}".repeat(12)),
            step("EM", "#{b}".repeat(11)),
            step("PU", "이용 내역서가 왔습니다.".to_owned()),
        ];
    };
    for (id, user) in [("fits", "nobody"), ("large", WITH_MANY)] {
        stage.send("email", |request| {
            largest(request, id);
            request.app_user_id = Some(user.to_owned());
        });
    }
    stage.settle();
    stage.advance(Duration::from_secs(10));
    assert_eq!(stage.end("fits").state, State::Delivered);
    let reports = stage.reports();
    let end = reports.iter().find(|report| report.message_id == "large").unwrap();
    assert_eq!((end.state, &*end.code), (State::Rejected, "2010"));
    assert!(
        end.message.contains("with the 100 push tokens of its user, at most 1970176 in a message"),
        "{}",
        end.message
    );
    stage.balance();
}
