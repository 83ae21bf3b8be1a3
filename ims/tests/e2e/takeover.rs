//! How soon AUTH works again when one of two processes goes.

use crate::support::{CHAIN, Deployment, Expected, PATIENCE, Process, simulator, streams};
use schemas::Lane;
use std::time::{Duration, Instant};

/// The roles that an authentication code meets.
const AUTH: &str = "ingest,router,kakao,text,outcome";

/// Enough that each of three partitions of every AUTH topic gets some.
const OTPS: usize = 40;

#[test]
fn auth_works_again_8_s_after_kill_9() {
    let Some((deployment, mut processes)) = pair() else { return };
    let mut killed = processes.remove(0);
    killed.kill();
    let took = otps_take(&deployment, Duration::from_secs(8));
    eprintln!("AUTH worked again {took:?} after kill -9");
}

#[test]
fn auth_works_again_2_s_after_a_process_leaves() {
    let Some((deployment, mut processes)) = pair() else { return };
    let mut leaves = processes.remove(0);
    leaves.stop();
    let took = otps_take(&deployment, Duration::from_secs(2));
    eprintln!("AUTH worked again {took:?} after a graceful leave");
}

/// Two processes that share every stream of AUTH.
fn pair() -> Option<(Deployment, Vec<Process>)> {
    let deployment = Deployment::new(&simulator::everything_arrives(2))?;
    let mut processes = Vec::new();
    for name in ["one", "two"] {
        processes.push(deployment.run(name, CHAIN));
    }
    for process in &mut processes {
        process.until_owns(&streams(AUTH, &[Lane::Auth]));
    }
    deployment.send(Lane::Auth, OTPS);
    deployment.settle(Expected { messages: OTPS, within: PATIENCE });
    Some((deployment, processes))
}

fn otps_take(deployment: &Deployment, at_most: Duration) -> Duration {
    let begun = Instant::now();
    deployment.send(Lane::Auth, OTPS);
    deployment.settle(Expected { messages: 2 * OTPS, within: at_most });
    begun.elapsed()
}
