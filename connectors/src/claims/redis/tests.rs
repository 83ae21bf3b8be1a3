//! What a server alone can do to claims: come back, come back empty, be full, hang, be half of a cluster.

use super::*;
use crate::redis::testing::{Servers, TIMEOUT, cluster, deployment, doubts, server, until};
use schemas::{Api, Lane};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const NOW_MS: i64 = 1_772_377_199_999;
const HOUR_MS: i64 = 3_600_000;

/// Claims of `count` ids from number `first` on, by records of a partition.
fn claims(partition: u16, first: usize, count: usize) -> Vec<Claim> {
    let api = |offset| Api { cluster: 0, lane: Lane::Mass, partition, offset, receiver: 0 };
    let one = |number: usize| Claim {
        service_key: "k".into(),
        message_id: format!("m{number}"),
        track_id: TrackId::new(NOW_MS, api(number as u64)),
    };
    (first..first + count).map(one).collect()
}

fn ids(claims: &[Claim]) -> Vec<Option<TrackId>> {
    claims.iter().map(|claim| Some(claim.track_id)).collect()
}

#[test]
fn of_processes_that_claim_the_same_ids_at_the_same_time_one_gets_each() {
    for settings in [server(), cluster()].into_iter().flatten() {
        let deployment = deployment();
        let won: Vec<Vec<bool>> = std::thread::scope(|scope| {
            let claim = |partition| {
                let mut store = RedisClaims::new(settings.clone(), &deployment, doubts());
                scope.spawn(move || {
                    let batches = (0..20).map(|batch| claims(partition, batch * 100, 100));
                    batches.flat_map(|batch| store.claim(&batch, NOW_MS).unwrap()).map(|held| held.is_none()).collect()
                })
            };
            let threads: Vec<_> = (0..4).map(claim).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        for number in 0..2000 {
            assert_eq!(won.iter().filter(|won| won[number]).count(), 1, "m{number}");
        }
    }
}

#[test]
fn claims_survive_kill_9_of_the_server_again_and_again() {
    const BATCHES: usize = 60;
    let Some(mut servers) = Servers::start(&[]) else { return };
    let (deployment, doubts) = (deployment(), doubts());
    let done = AtomicUsize::new(0);
    let mut store = RedisClaims::new(servers.settings(TIMEOUT), &deployment, doubts);
    std::thread::scope(|scope| {
        let settings = servers.settings(TIMEOUT);
        let (done, deployment) = (&done, &deployment);
        scope.spawn(move || {
            let mut store = RedisClaims::new(settings, deployment, doubts);
            for batch in 0..BATCHES {
                let batch_claims = claims(1, batch * 50, 50);
                // Tried again whole, as the engine does: what was claimed before the server died is this batch's own.
                let answers = until(|| store.claim(&batch_claims, NOW_MS).ok());
                assert_eq!(answers, [None; 50], "batch {batch}");
                done.store(batch + 1, Ordering::SeqCst);
            }
        });
        for kill_after in [5, 20, 35] {
            until(|| (done.load(Ordering::SeqCst) >= kill_after).then_some(()));
            servers.kill(1);
            servers.restart(1);
        }
    });
    let held = until(|| store.claim(&claims(2, 0, BATCHES * 50), NOW_MS).ok());
    assert_eq!(held, ids(&claims(1, 0, BATCHES * 50)));
    assert_eq!(doubts.now(NOW_MS).unwrap().since_ms, NOW_MS, "its first start, and nothing since");
}

#[test]
fn a_redis_that_was_emptied_is_told_by_all_processes_and_to_those_that_start_later() {
    let later_ms = NOW_MS + 25 * HOUR_MS;
    let Some(mut servers) = Servers::start(&[]) else { return };
    for how in ["FLUSHALL", "restart"] {
        let (deployment, seen, other) = (deployment(), doubts(), doubts());
        let new = |doubts| RedisClaims::new(servers.settings(TIMEOUT), &deployment, doubts);
        let mut running = [new(seen), new(other)];
        for store in &mut running {
            assert_eq!(store.claim(&claims(1, 0, 100), NOW_MS).unwrap(), [None; 100]);
        }
        assert_eq!(
            seen.now(NOW_MS),
            Some(Doubt { since_ms: NOW_MS, claims: 100 }),
            "{how}: nothing of before is known"
        );
        assert_eq!(seen.now(later_ms), None, "known for more than a day");
        if how == "FLUSHALL" {
            servers.command(1, &["FLUSHALL"]);
        } else {
            servers.restart_empty(1);
        }
        // One claim touches one part; that is enough to look at all of them.
        let one = claims(2, 0, 1);
        assert_eq!(until(|| running[0].claim(&one, later_ms).ok()), [None], "{how}: accepted, in doubt");
        assert_eq!(seen.now(later_ms), Some(Doubt { since_ms: later_ms, claims: 1 }), "{how}");
        assert_eq!(until(|| running[1].claim(&claims(3, 0, 100), later_ms).ok()).iter().flatten().count(), 1);
        assert_eq!(other.now(later_ms).map(|doubt| doubt.since_ms), Some(later_ms), "{how}");
        let started = doubts();
        let new = |doubts| RedisClaims::new(servers.settings(TIMEOUT), &deployment, doubts);
        new(started).claim(&claims(1, 500, 1), later_ms + HOUR_MS).unwrap();
        assert_eq!(started.now(later_ms + HOUR_MS), Some(Doubt { since_ms: later_ms, claims: 1 }), "{how}");
        assert_eq!(started.now(later_ms + 24 * HOUR_MS), None, "{how}: known for a day again");
    }
}

#[test]
fn an_older_copy_of_redis_is_told() {
    let Some(mut servers) = Servers::start(&["--", "--appendonly", "no"]) else { return };
    let (deployment, seen) = (deployment(), doubts());
    let later_ms = NOW_MS + 25 * HOUR_MS;
    let mut store = RedisClaims::new(servers.settings(TIMEOUT), &deployment, seen);
    store.claim(&claims(1, 0, 10), NOW_MS).unwrap();
    servers.command(1, &["SAVE"]);
    store.claim(&claims(1, 10, 200), NOW_MS).unwrap();
    assert_eq!(seen.now(later_ms), None);
    servers.restart(1);
    let answers = until(|| store.claim(&claims(2, 0, 20), later_ms - 2 * HOUR_MS).ok());
    assert_eq!(answers, [ids(&claims(1, 0, 10)), vec![None; 10]].concat(), "what the copy holds, and no more");
    assert_eq!(seen.now(later_ms).unwrap().since_ms, later_ms - 2 * HOUR_MS);
}

#[test]
fn a_full_redis_is_waited_for_and_loses_no_claim() {
    let Some(servers) = Servers::start(&["--", "--maxmemory", "3mb"]) else { return };
    let mut store = RedisClaims::new(servers.settings(TIMEOUT), &deployment(), doubts());
    let (mut batches, mut granted) = (0, 0);
    let away = loop {
        match store.claim(&claims(1, batches * 1000, 1000), NOW_MS) {
            Ok(answers) => granted += answers.iter().filter(|held| held.is_none()).count(),
            Err(away) => break away,
        }
        batches += 1;
        assert!(batches < 100, "never full");
    };
    assert!(away.to_string().contains("OOM"), "{away}");
    assert_eq!(granted, batches * 1000);
    servers.command(1, &["CONFIG", "SET", "maxmemory", "50mb"]);
    // The batch that was refused half way, by its own record, and then everything by another.
    assert_eq!(store.claim(&claims(1, batches * 1000, 1000), NOW_MS).unwrap(), [None; 1000]);
    let all = (batches + 1) * 1000;
    assert_eq!(store.claim(&claims(2, 0, all), NOW_MS).unwrap(), ids(&claims(1, 0, all)));
}

#[test]
fn a_server_that_is_paused_or_stopped_is_away_and_then_goes_on() {
    let Some(servers) = Servers::start(&[]) else { return };
    let mut store = RedisClaims::new(servers.settings(Duration::from_millis(300)), &deployment(), doubts());
    until(|| store.claim(&claims(1, 0, 100), NOW_MS).ok());
    servers.command(1, &["CLIENT", "PAUSE", "900", "ALL"]);
    let began = Instant::now();
    store.claim(&claims(1, 100, 100), NOW_MS).unwrap_err();
    assert!(began.elapsed() < Duration::from_millis(900), "{:?}", began.elapsed());
    assert_eq!(until(|| store.claim(&claims(1, 100, 100), NOW_MS).ok()), [None; 100]);
    servers.signal(1, "STOP");
    store.claim(&claims(1, 200, 100), NOW_MS).unwrap_err();
    servers.signal(1, "CONT");
    assert_eq!(until(|| store.claim(&claims(1, 200, 100), NOW_MS).ok()), [None; 100]);
    assert_eq!(until(|| store.claim(&claims(2, 0, 300), NOW_MS).ok()), ids(&claims(1, 0, 300)));
}

#[test]
fn a_cluster_waits_for_a_node_that_is_down_and_tells_one_that_came_back_empty() {
    let Some(mut servers) = Servers::start(&["--nodes", "3"]) else { return };
    let (deployment, seen, later_ms) = (deployment(), doubts(), NOW_MS + 23 * HOUR_MS);
    let mut store = RedisClaims::new(servers.settings(TIMEOUT), &deployment, seen);
    assert_eq!(store.claim(&claims(1, 0, 300), NOW_MS).unwrap(), [None; 300]);
    servers.kill(2);
    let away = store.claim(&claims(1, 300, 300), NOW_MS).unwrap_err();
    assert_eq!(away.dependency, "redis");
    servers.restart(2);
    assert_eq!(until(|| store.claim(&claims(1, 300, 300), NOW_MS).ok()), [None; 300]);
    assert_eq!(seen.now(later_ms).unwrap().since_ms, NOW_MS);
    servers.restart_empty(3);
    let answers = until(|| store.claim(&claims(2, 0, 600), later_ms).ok());
    let forgotten = answers.iter().filter(|held| held.is_none()).count();
    assert!((100..300).contains(&forgotten), "a third of the claims is gone: {forgotten}");
    assert_eq!(seen.now(later_ms).unwrap().since_ms, later_ms);
}

#[test]
fn a_claim_that_does_not_count_any_more_is_taken_over_by_one() {
    for settings in [server(), cluster()].into_iter().flatten() {
        let (deployment, next_day_ms) = (deployment(), NOW_MS + 24 * HOUR_MS);
        let new = || RedisClaims::new(settings.clone(), &deployment, doubts());
        let mut first = new();
        first.claim(&claims(0, 0, 50), NOW_MS).unwrap();
        let holders: BTreeSet<Vec<Option<TrackId>>> = std::thread::scope(|scope| {
            let take = |partition: u16| {
                let mut store = new();
                scope.spawn(move || {
                    let mine = claims(partition, 0, 50);
                    let answers = store.claim(&mine, next_day_ms).unwrap();
                    answers.iter().zip(&mine).map(|(held, claim)| held.or(Some(claim.track_id))).collect()
                })
            };
            let threads: Vec<_> = (1..=4).map(take).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(holders.len(), 1, "all agree on who holds each");
    }
}
