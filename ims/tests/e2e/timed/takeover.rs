//! How soon AUTH works again when one of two processes goes.

use crate::support::{CHAIN, Deployment, Expected, PATIENCE, Process, now_ms, simulator, streams};
use schemas::Lane;

/// The roles that an authentication code meets.
const AUTH: &str = "ingest,router,kakao,text,outcome";

/// Enough that each of three partitions of every AUTH topic gets some.
const OTPS: usize = 40;

#[test]
fn auth_works_again_8_s_after_kill_9() {
    let Some((deployment, mut processes)) = pair() else { return };
    let killed_ms = now_ms();
    processes[0].kill();
    let took_ms = last_code_left_ms(&deployment) - killed_ms;
    eprintln!("AUTH worked again {took_ms} ms after kill -9");
    assert!(took_ms <= 8_000, "{took_ms} ms");
}

#[test]
fn auth_works_again_2_s_after_a_process_leaves() {
    let Some((deployment, mut processes)) = pair() else { return };
    processes[0].stop();
    let gone_ms = now_ms();
    let took_ms = last_code_left_ms(&deployment) - gone_ms;
    eprintln!("AUTH worked again {took_ms} ms after a graceful leave");
    assert!(took_ms <= 2_000, "{took_ms} ms");
}

/// Two processes that share every stream of AUTH.
fn pair() -> Option<(Deployment, [Process; 2])> {
    let deployment = Deployment::alone(&simulator::everything_arrives(2))?;
    let mut processes = ["one", "two"].map(|name| deployment.run(name, CHAIN));
    processes.iter_mut().for_each(|process| process.until_owns(&streams(AUTH, &[Lane::Auth])));
    deployment.send(Lane::Auth, OTPS);
    deployment.settle(Expected { messages: OTPS, within: PATIENCE });
    Some((deployment, processes))
}

/// Sends codes to every partition; when the last of them left for its vendor, Unix milliseconds.
fn last_code_left_ms(deployment: &Deployment) -> i64 {
    let sent_ms = now_ms();
    deployment.send(Lane::Auth, OTPS);
    let settled = deployment.settle(Expected { messages: 2 * OTPS, within: PATIENCE });
    let of_these = settled.ends.values().filter(|report| report.requested_at >= sent_ms);
    of_these.filter_map(|report| report.sent_at).max().expect("codes that left")
}
