//! A process that stands still longer than its session, and then goes on as if nothing had happened.

use crate::support::{CHAIN, Deployment, Expected, PATIENCE, simulator, until};
use schemas::{Lane, Topic};

#[test]
fn a_process_that_wakes_after_its_session_doubles_nothing_and_asks_no_vendor() {
    let Some(deployment) = Deployment::new(&simulator::any_day(50)) else { return };
    deployment.change_reference("in_doubt = \"receipt\"", "in_doubt = \"uncertain\"");
    let mut zombie = deployment.run("zombie", CHAIN);
    zombie.until_ready();
    deployment.send(Lane::Mass, 600);
    deployment.send(Lane::Auth, 100);
    deployment.until_more_requests(100);
    zombie.signal("STOP");

    let mut heir = deployment.run("heir", CHAIN);
    // Its session runs out, and the heir owns everything: whatever was sent then is done without the zombie.
    deployment.send(Lane::Auth, 50);
    deployment.send(Lane::Mass, 50);
    let settled = deployment.settle(Expected { messages: 800, within: PATIENCE });
    let asked = deployment.requests_of("zombie").len();
    let results = deployment.records(Lane::ALL.iter().map(|&lane| Topic::result(lane))).len();

    zombie.signal("CONT");
    until("the zombie knows that it lost its partitions", PATIENCE, || {
        let written = zombie.written();
        (written.contains("partitions lost") || written.contains("rewound")).then_some(())
    });
    // Both at work, and both of use.
    deployment.send(Lane::Auth, 50);
    let after = deployment.settle(Expected { messages: 850, within: PATIENCE });
    let serials = |requests: &[connectors::simulator::Requested]| {
        requests.iter().map(|request| request.serial_number.clone()).collect::<std::collections::HashSet<_>>()
    };
    let heirs = serials(&deployment.requests_of("heir"));
    let woken = deployment.requests_of("zombie").split_off(asked);
    let doubled: Vec<_> = woken.iter().filter(|request| heirs.contains(&request.serial_number)).collect();
    assert!(doubled.is_empty(), "asked again after it woke: {doubled:?}");
    let told = deployment.records(Lane::ALL.iter().map(|&lane| Topic::result(lane))).len() - results;
    eprintln!("{} ends before it woke, {} after; {told} results of the last 50", settled.ends.len(), after.ends.len());
    heir.stop();
}
