//! kill -9 at every point of a step, with messages on their way: nothing is lost, nothing ends twice.

use crate::support::{
    CHAIN, Deployment, Expected, PATIENCE, Process,
    load::Stream,
    proxy::{Lost, Proxy, Request, Then},
    simulator, until,
};
use std::os::unix::process::ExitStatusExt;

/// Points of a step of the chain, in the order in which a batch passes them.
const OF_A_STEP: &[&str] = &[
    "before_poll",
    "after_poll",
    "before_look_up",
    "after_look_up",
    "before_begin",
    "after_begin",
    "after_produce",
    "after_drain",
    "after_send_offsets",
    "before_commit",
    "after_commit",
];

/// Points of a sender: those towards its vendor, and its transaction.
const OF_A_SENDER: &[&str] = &[
    "before_poll",
    "after_poll",
    "held",
    "before_started",
    "after_started",
    "request_due",
    "request_written",
    "answer_read",
    "done_noted",
    "before_begin",
    "after_begin",
    "after_produce",
    "after_drain",
    "after_send_offsets",
    "before_commit",
    "after_commit",
];

#[test]
fn no_message_is_lost_or_doubled_wherever_ingest_router_or_outcome_die() {
    // KakaoTalk reaches nobody: the router has fallbacks to route on every lane.
    let Some(deployment) = Deployment::new(&simulator::with_kakao_saying("3018", 5)) else { return };
    let _rest = deployment.run("rest", "kakao,text,rcs,push,email,delay");
    die(&deployment, &["ingest", "router", "outcome"], OF_A_STEP);
}

#[test]
fn a_sender_that_dies_repeats_no_request_that_is_not_recorded_as_in_doubt() {
    let Some(deployment) = Deployment::new(&simulator::any_day(20)) else { return };
    // A text in doubt may wait 25 hours for a receipt; here the vendor is one that gives none.
    deployment.change_reference(&[("in_doubt = \"receipt\"", "in_doubt = \"uncertain\"")]);
    let _rest = deployment.run("rest", "ingest,router,rcs,push,email,outcome,delay");
    die(&deployment, &["kakao", "text"], OF_A_SENDER);
}

/// What of a commit is lost when its process dies before the answer: the broker never learns of it, or has made it.
const OF_A_COMMIT: [Lost; 2] = [Lost::Question, Lost::Answer];

/// Kills a process of each role at each point and within a commit, on AUTH and MASS, then lets one live, and closes the
/// books.
fn die(deployment: &Deployment, roles: &[&str], points: &[&str]) {
    let (sent, _survivors) = std::thread::scope(|scope| {
        // Enough for every step to have something to do at any time.
        let load = Stream::start(scope, deployment, 2, 6);
        let victims: Vec<_> = roles.iter().map(|role| scope.spawn(|| die_at_each(deployment, role, points))).collect();
        let survivors: Vec<_> = victims.into_iter().map(|victim| victim.join().unwrap()).collect();
        (load.end(), survivors)
    });
    let settled = deployment.settle(Expected { messages: sent, within: PATIENCE });
    let kills = roles.len() * (points.len() + OF_A_COMMIT.len()) * 2;
    eprintln!("{kills} kills, {sent} messages: {:?}", settled.balance.ended);
}

/// The process that lives in the end: the other roles die of what it passes on.
fn die_at_each(deployment: &Deployment, role: &str, points: &[&str]) -> Process {
    assert!(CHAIN.split(',').any(|known| known == role));
    let proxy = Proxy::before(deployment.brokers());
    for lane in ["AUTH", "MASS"] {
        for (number, point) in points.iter().enumerate() {
            let kill_at = format!("{role}-{lane}:{point}:{}", number % 2 + 1);
            let mut victim = deployment.run_with(role, role, &[("IMS_KILL_AT", &kill_at)]);
            let ended = victim.end();
            assert_eq!(ended.signal(), Some(9), "{kill_at}: {ended}\n{}", victim.written());
        }
        for lost in OF_A_COMMIT {
            proxy.lose_with(&format!("-{role}-{lane}-"), Request::EndTxn, lost, Then::Silence);
            let mut victim = deployment.run_with(role, role, &[("IMS__KAFKA__BOOTSTRAP_SERVERS", &proxy.address)]);
            until(&format!("a commit of {role}-{lane} is sent"), PATIENCE, || {
                assert!(victim.has_ended().is_none(), "{}", victim.written());
                proxy.has_lost().then_some(())
            });
            victim.kill();
        }
    }
    deployment.run(role, role)
}
