//! Processes come and go while messages flow.

use crate::support::{CHAIN, Deployment, Expected, PATIENCE, figure, load::Stream, simulator, streams};
use schemas::{Lane, State};
use std::collections::HashSet;

#[test]
fn members_join_and_leave_while_messages_flow() {
    let Some(deployment) = Deployment::alone(&simulator::any_day(20)) else { return };
    let (rounds, a_turn) = (figure(3, 12), figure(160, 400));
    let mut stays = deployment.run("stays", CHAIN);
    stays.until_ready();
    let messages = std::thread::scope(|scope| {
        let load = Stream::start(scope, &deployment, a_turn / 10, a_turn);
        for _ in 0..rounds {
            let mut guest = deployment.run("guest", CHAIN);
            guest.until_owns(&streams(CHAIN, Lane::ALL));
            deployment.until_more_requests(50);
            guest.stop();
        }
        load.until_sent(figure(5_000, 50_000));
        load.end()
    });
    // The vendors of a guest live in it: what they still have to report, they report when it is back.
    let _back = deployment.run("guest", CHAIN);
    let settled = deployment.settle(Expected { messages, within: PATIENCE });
    eprintln!("{rounds} joins and leaves, {messages} messages: {:?}", settled.balance.ended);
}

#[test]
fn a_rolling_restart_under_load_leaves_nothing_uncertain() {
    let Some(deployment) = Deployment::alone(&simulator::everything_arrives(50)) else { return };
    let a_turn = figure(40, 400);
    let mut processes = ["one", "two"].map(|name| (name, deployment.run(name, CHAIN)));
    processes.iter_mut().for_each(|(_, process)| process.until_owns(&streams(CHAIN, Lane::ALL)));
    let messages = std::thread::scope(|scope| {
        let load = Stream::start(scope, &deployment, a_turn / 10, a_turn);
        for (name, process) in &mut processes {
            deployment.until_more_requests(50);
            process.stop();
            *process = deployment.run(name, CHAIN);
            process.until_owns(&streams(CHAIN, Lane::ALL));
        }
        load.end()
    });
    let settled = deployment.settle(Expected { messages, within: PATIENCE });
    assert_eq!(settled.count(State::Uncertain), 0, "{:?}", settled.balance);
    let once: HashSet<_> = settled.requests.iter().map(|request| &request.serial_number).collect();
    assert_eq!(once.len(), settled.requests.len(), "a stop that waits for its answers repeats nothing");
    eprintln!("both of two restarted, {messages} messages: {:?}", settled.balance.ended);
}
