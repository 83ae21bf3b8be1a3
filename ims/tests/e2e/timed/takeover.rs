//! How soon AUTH works again when one of two processes goes.

use crate::support::{CHAIN, Deployment, Expected, PATIENCE, Process, now_ms, simulator, streams, until};
use schemas::{Lane, Serial, TrackId};
use std::{collections::HashMap, os::unix::process::ExitStatusExt};

/// The roles that an authentication code meets.
const AUTH: &str = "ingest,router,kakao,text,outcome";

/// Enough that each of three partitions of every AUTH topic gets some.
const OTPS: usize = 40;

#[test]
fn auth_works_again_8_s_after_kill_9_in_the_middle_of_a_transaction() {
    // More passes than the codes that come before, and what it leaves open is a transaction with codes in it.
    let kill_at = format!("ingest-AUTH:after_produce:{}", OTPS + 20);
    let Some((deployment, mut processes)) = pair(&[("IMS_KILL_AT", &kill_at)]) else { return };
    let mut codes = OTPS;
    while processes[0].has_ended().is_none() {
        deployment.send(Lane::Auth, 1);
        codes += 1;
    }
    let killed_ms = now_ms();
    assert_eq!(processes[0].end().signal(), Some(9), "{}", processes[0].written());
    deployment.send(Lane::Auth, OTPS);
    codes += OTPS;
    let last_ms = until("each code has left", PATIENCE, || {
        let left = first_requests_ms(&deployment);
        (left.len() == codes).then(|| left.values().copied().max()).flatten()
    });
    let took_ms = last_ms - killed_ms;
    eprintln!("AUTH worked again {took_ms} ms after kill -9, {codes} codes");
    assert!(took_ms <= 8_000, "{took_ms} ms");
    // Its vendors live in it, and what they still have to report they report when it is back.
    let _back = deployment.run("one", CHAIN);
    deployment.settle(Expected { messages: codes, within: PATIENCE });
}

/// When each code left for a vendor first, Unix milliseconds.
fn first_requests_ms(deployment: &Deployment) -> HashMap<TrackId, i64> {
    let mut first: HashMap<TrackId, i64> = HashMap::new();
    for request in deployment.requests() {
        let code = request.serial_number.parse::<Serial>().unwrap().track_id;
        let at_ms = first.entry(code).or_insert(request.at_ms);
        *at_ms = request.at_ms.min(*at_ms);
    }
    first
}

#[test]
fn auth_works_again_2_s_after_a_process_leaves() {
    let Some((deployment, mut processes)) = pair(&[]) else { return };
    processes[0].stop();
    let gone_ms = now_ms();
    let took_ms = last_code_left_ms(&deployment) - gone_ms;
    eprintln!("AUTH worked again {took_ms} ms after a graceful leave");
    assert!(took_ms <= 2_000, "{took_ms} ms");
}

/// Two processes that share every stream of AUTH.
fn pair(variables_of_one: &[(&str, &str)]) -> Option<(Deployment, [Process; 2])> {
    let deployment = Deployment::alone(&simulator::everything_arrives(2))?;
    // A text in doubt may wait 25 hours for a receipt; here the vendor is one that gives none.
    deployment.change_reference(&[("in_doubt = \"receipt\"", "in_doubt = \"uncertain\"")]);
    let mut processes = [deployment.run_with("one", CHAIN, variables_of_one), deployment.run("two", CHAIN)];
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
