//! Brokers that die: everything waits, says so, and goes on.

use crate::support::{CHAIN, Deployment, Expected, PATIENCE, figure, simulator, until};
use schemas::{Lane, Topic};
use std::time::Duration;

#[test]
fn everything_waits_for_the_only_broker_and_goes_on() {
    let Some(deployment) = Deployment::with_brokers(1, &simulator::any_day(20)) else { return };
    // Members whose session ends leave texts in doubt, which may wait 25 hours for a receipt: this vendor gives none.
    deployment.change_reference(&[("in_doubt = \"receipt\"", "in_doubt = \"uncertain\"")]);
    let away_ms = figure(5_000, 30_000) as u64;
    let mut process = deployment.run("one", CHAIN);
    process.until_ready();
    deployment.send(Lane::Mass, 600);
    deployment.send(Lane::Auth, 100);
    deployment.until_more_requests(100);

    deployment.cluster().kill(1);
    until("every stream has waited as long as the broker shall be away", PATIENCE, || {
        assert_eq!(process.has_ended(), None, "{}", process.written());
        let page = process.page("/health/ready")?;
        let body = page.split("\r\n\r\n").nth(1)?;
        let health: serde_json::Value = serde_json::from_str(body).ok()?;
        // The receipts' stream only writes: with nothing to bring it misses no broker.
        let waits = |stream: &serde_json::Value| {
            stream["name"] == "receipts" || stream["waits"]["for_ms"].as_u64() >= Some(away_ms)
        };
        (page.starts_with("HTTP/1.1 503") && health["streams"].as_array()?.iter().all(waits)).then_some(())
    });
    assert!(process.written().contains("waiting, nothing is lost"));
    deployment.cluster().restart(1);
    process.until_ready();
    deployment.send(Lane::Auth, 100);
    let settled = deployment.settle(Expected { messages: 800, within: PATIENCE });
    eprintln!("the broker was away for {away_ms} ms: {:?}", settled.balance.ended);
    process.stop();
}

#[test]
fn one_of_three_brokers_dies_and_comes_back_under_load() {
    let Some(deployment) = Deployment::with_brokers(3, &simulator::any_day(20)) else { return };
    // Members whose session ends leave texts in doubt, which may wait 25 hours for a receipt: this vendor gives none.
    deployment.change_reference(&[("in_doubt = \"receipt\"", "in_doubt = \"uncertain\"")]);
    let mut process = deployment.run("one", CHAIN);
    process.until_ready();
    deployment.send(Lane::Mass, 300);
    deployment.until_more_requests(50);
    deployment.cluster().kill(2);
    // Others lead its partitions by now: the load's own producer waits for that for 20 s alone, less than a customer's.
    deployment.records([Topic::api(Lane::Mass), Topic::api(Lane::Auth)]);
    // Two in-sync copies are left: the customers do not notice.
    deployment.send(Lane::Mass, 300);
    deployment.send(Lane::Auth, 50);
    deployment.settle(Expected { messages: 650, within: PATIENCE + Duration::from_secs(30) });
    deployment.cluster().restart(2);
    deployment.send(Lane::Auth, 50);
    deployment.settle(Expected { messages: 700, within: PATIENCE });
    process.stop();
}
