//! A process that stands still longer than its session, and then goes on as if nothing had happened.

use crate::support::{CHAIN, Deployment, Expected, PATIENCE, simulator, until};
use schemas::Lane;
use std::collections::HashSet;

#[test]
fn a_process_that_wakes_after_its_session_doubles_nothing_and_asks_no_vendor() {
    let Some(deployment) = Deployment::new(&simulator::everything_arrives(50)) else { return };
    // Most of it is still to be sent when the process stops.
    deployment.change_reference(&[("tps = 3000", "tps = 100")]);
    // KakaoTalk alone: the receipt of a text would come to the process that stands still, as its vendors live in it.
    let send = |mass, auth| {
        deployment.append(&deployment.messages_like(&["at"], Lane::Mass, mass));
        deployment.append(&deployment.messages_like(&["at_otp"], Lane::Auth, auth));
    };
    let mut zombie = deployment.run("zombie", CHAIN);
    zombie.until_ready();
    send(1_000, 100);
    deployment.until_more_requests(100);
    zombie.signal("STOP");
    let mut heir = deployment.run("heir", CHAIN);
    send(50, 50);
    deployment.settle(Expected { messages: 1_200, within: PATIENCE });

    let asked = deployment.requests_of("zombie").len();
    assert!(asked < 1_100, "it had sent everything before it stood still");
    zombie.signal("CONT");
    until("the zombie notices what it lost", PATIENCE, || {
        let written = zombie.written();
        (written.contains("partitions lost") || written.contains("rewound")).then_some(())
    });
    send(50, 50);
    deployment.settle(Expected { messages: 1_300, within: PATIENCE });
    let heirs: HashSet<_> = deployment.requests_of("heir").into_iter().map(|request| request.serial_number).collect();
    let woken = deployment.requests_of("zombie").split_off(asked);
    let doubled: Vec<_> = woken.iter().filter(|request| heirs.contains(&request.serial_number)).collect();
    assert!(doubled.is_empty(), "asked again after it woke: {doubled:?}");
    eprintln!("{asked} requests before it stood still, {} of new messages after it woke", woken.len());
    heir.stop();
}
