//! Redis loses everything and processes die in the same moments: messages end once, customers are told of each.

use crate::support::{
    CHAIN, Deployment, Expected, PATIENCE, Process, endpoint::Endpoint, figure, redis::Redis, simulator, until,
};
use schemas::{AnalyzeLog, Lane, LogEvent, Topic};
use std::{collections::BTreeMap, time::Duration};

/// So many of so many messages fail at their first call, and wait for a further one.
const FAILS: (usize, usize) = (1, 5);
/// And of the last ones, which all wait when everything is lost once more. More that fail one after the other would be
/// called for one at a time.
const LAST_FAIL: (usize, usize) = (2, 3);
/// When that comes after the failure (SPEC §4), milliseconds.
const RETRY_MS: i64 = 60_000;
/// How late it may be while the process that makes it dies: its session, a restart, and a machine that others share.
const LATE_MS: i64 = 45_000;
/// Messages of one portion, and the time to the next.
const PORTION: usize = 100;
const PAUSE: Duration = Duration::from_millis(200);

/// What dies.
const INGEST: &str = "ingest,router";
const SENDERS: &str = "kakao,text,rcs,push,email";
const CALLBACK: &str = "callback";

/// Every answer that a call got, by message.
fn answers(deployment: &Deployment) -> BTreeMap<String, Vec<String>> {
    let mut answers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let events = deployment.decoded::<AnalyzeLog>([Topic::analyze_log()]);
    for event in events.into_iter().filter(|event| event.event == LogEvent::Callback) {
        answers.entry(event.track_id).or_default().push(event.code);
    }
    answers
}

#[test]
fn an_emptied_redis_and_processes_killed_with_it_lose_no_message_and_no_callback() {
    let Some(redis) = Redis::start() else { return };
    let Some(deployment) = Deployment::new(&simulator::any_day(5)) else { return };
    let (endpoint, port) = Endpoint::open(FAILS);
    deployment.call_back(port);
    // A text in doubt may wait 25 hours for a receipt; here the vendor is one that gives none.
    let reference = deployment.file("reference.toml");
    let text =
        std::fs::read_to_string(&reference).unwrap().replace("in_doubt = \"receipt\"", "in_doubt = \"uncertain\"");
    std::fs::write(&reference, text).unwrap();
    let variables = [&redis.variables()[..], &[Endpoint::ALLOWED]].concat();
    let start = |roles: &str| deployment.run_with(roles.split(',').next().unwrap(), roles, &variables);
    assert_eq!(format!("{INGEST},{SENDERS},outcome,delay"), CHAIN);
    let mut rest = start("outcome,delay");
    let mut victims = [INGEST, SENDERS, CALLBACK].map(start);
    victims.iter_mut().for_each(Process::until_ready);

    let (messages, rounds) = (figure(5_000, 50_000), figure(2, 10));
    let mut lose = || {
        redis.flush();
        victims.iter_mut().for_each(Process::kill);
        redis.flush();
        victims = [INGEST, SENDERS, CALLBACK].map(start);
    };
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| {
            for _ in 0..messages / PORTION {
                deployment.append(&deployment.messages(Lane::Mass, PORTION));
                std::thread::park_timeout(PAUSE);
            }
        });
        for round in 1..=rounds {
            // Somewhere in the middle of them, each time.
            let some = messages * round / (rounds + 2) / 2;
            until("some customers are told", PATIENCE, || (endpoint.counts().len() >= some).then_some(()));
            lose();
        }
        sending.join().unwrap();
    });
    until("every message was called for", PATIENCE * 2, || (endpoint.counts().len() == messages).then_some(()));
    endpoint.fail(LAST_FAIL);
    let last = figure(150, 18_000);
    deployment.append(&deployment.messages(Lane::Mass, last));
    let messages = messages + last;
    until("the last ones were called for", PATIENCE, || (endpoint.counts().len() == messages).then_some(()));
    let (waiting, wanted) = (messages - endpoint.told().len(), last * 5 / 9);
    assert!(waiting >= wanted, "{waiting} callbacks wait for a further call, too few of {wanted}");
    lose();
    let settled = deployment.settle(Expected { messages, within: PATIENCE * 2 });
    assert_eq!(settled.balance.rejected, 0, "a record that is read again is not its own duplicate");
    let ids: Vec<String> = settled.ends.keys().map(ToString::to_string).collect();
    until("every report is told", PATIENCE + Duration::from_secs(90), || {
        endpoint.told().iter().eq(ids.iter()).then_some(())
    });

    // A stop commits what the last answers led to.
    victims.iter_mut().for_each(Process::stop);
    rest.stop();
    let (answers, mut extra, mut latest_ms) = (answers(&deployment), 0, 0);
    for (id, times) in endpoint.times() {
        let answered = &answers[&id];
        assert!(times.len() <= answered.len(), "{id}: {} calls, recorded {answered:?}", times.len());
        assert_eq!(answered.iter().filter(|code| *code == "200").count(), 1, "{id}: {answered:?}");
        let failed = answered.iter().filter(|code| *code == "500").count();
        // One call more at most, whose answer nobody lived to hear.
        assert!(answered.len() <= failed + 2, "{id}: {answered:?}");
        extra += answered.len() - failed - 1;
        if (failed, answered.len()) == (1, 2) {
            let waited_ms = times[1] - times[0];
            assert!((RETRY_MS..=RETRY_MS + LATE_MS).contains(&waited_ms), "{id}: called again after {waited_ms} ms");
            latest_ms = latest_ms.max(waited_ms - RETRY_MS);
        }
    }
    eprintln!(
        "{messages} messages, {} losses: {:?}; {waiting} callbacks waited at the last one, {extra} calls made once more, \
         the latest {latest_ms} ms late",
        rounds + 1,
        settled.balance.ended
    );
}
