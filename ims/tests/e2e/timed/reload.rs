//! A vendor's rate that is changed while the program sends.

use crate::support::{CHAIN, Deployment, Expected, PATIENCE, now_ms, simulator, until};
use schemas::Lane;

/// What `ims run` promises for a change of the reference data.
const TAKEN_UP_WITHIN_MS: i64 = 5_000;
const VENDOR: &str = "text-one";
const SLOW_TPS: usize = 20;
const QUICK_TPS: usize = 200;
/// Requests beyond a rate that may come within a second: a burst, of a tenth of a second.
const fn with_burst(tps: usize) -> usize {
    tps + tps / 10
}
const MESSAGES: usize = 1_500;

/// When the vendor's requests left, in order.
fn left(deployment: &Deployment) -> Vec<i64> {
    let requests = deployment.requests().into_iter().filter(|request| request.vendor == VENDOR);
    let mut left: Vec<i64> = requests.map(|request| request.at_ms).collect();
    left.sort_unstable();
    left
}

/// The first second, by its beginning, in which more than so many left.
fn second_with_more_than(left: &[i64], count: usize) -> Option<i64> {
    left.windows(count + 1).find(|some| some[count] - some[0] < 1_000).map(|some| some[0])
}

#[test]
fn a_changed_rate_of_a_vendor_is_kept_within_five_seconds() {
    let Some(deployment) = Deployment::alone(&simulator::everything_arrives(20)) else { return };
    deployment.change_reference(&[("tps = 3000", &format!("tps = {SLOW_TPS}"))]);
    let mut process = deployment.run("one", CHAIN);
    process.until_ready();
    deployment.append(&deployment.messages_like(&["sms"], Lane::Mass, MESSAGES));
    until("the vendor sends at its rate", PATIENCE, || (left(&deployment).len() > 3 * SLOW_TPS).then_some(()));

    let changed_ms = now_ms();
    deployment.change_reference(&[("tps = 3000", &format!("tps = {QUICK_TPS}"))]);
    let quick_ms = until("the vendor sends at its new rate", PATIENCE, || {
        second_with_more_than(&left(&deployment), QUICK_TPS / 2)
    });
    let settled = deployment.settle(Expected { messages: MESSAGES, within: PATIENCE });
    assert_eq!(settled.balance.accepted as usize, MESSAGES);
    let left = left(&deployment);
    let before: Vec<i64> = left.iter().copied().filter(|at_ms| *at_ms < changed_ms).collect();
    assert_eq!(second_with_more_than(&before, with_burst(SLOW_TPS)), None, "more than the vendor took: {before:?}");
    assert_eq!(second_with_more_than(&left, with_burst(QUICK_TPS)), None, "more than the vendor takes");
    let waited_ms = quick_ms - changed_ms;
    eprintln!("the new rate was kept after {waited_ms} ms");
    assert!(waited_ms <= TAKEN_UP_WITHIN_MS, "{waited_ms} ms");
    process.stop();
}
