//! One suite for all backends of the claims port.

use super::*;
use crate::redis::testing;
use crate::sql::{Connection, Database, Location, Schema, testing::Store};
use processors::ports::{Claim, Claims, MessageName};
use schemas::{Api, Lane, TrackId};

const NOW_MS: i64 = 1_772_377_199_999;
const DAY_MS: i64 = 24 * 3600 * 1000;

fn track(offset: u64) -> TrackId {
    TrackId::new(NOW_MS, Api { cluster: 0, lane: Lane::Realtime, partition: 3, offset, receiver: 0 })
}

fn claim(service_key: &str, message_id: &str, offset: u64) -> Claim {
    Claim { service_key: service_key.into(), message_id: message_id.into(), track_id: track(offset) }
}

/// Runs a test on every backend, each empty.
fn on_each(test: impl Fn(&mut dyn Claims)) {
    test(&mut MemoryClaims::default());
    let folder = tempfile::tempdir().unwrap();
    test(&mut SqliteClaims::open(&folder.path().join("claims.db")).unwrap());
    for settings in [testing::server(), testing::cluster()].into_iter().flatten() {
        test(&mut RedisClaims::new(settings, &testing::deployment(), testing::doubts()));
    }
}

#[test]
fn the_first_claim_holds_and_the_next_learns_who() {
    on_each(|claims| {
        assert_eq!(claims.claim(&[claim("k", "m", 1)], NOW_MS).unwrap(), [None]);
        assert_eq!(claims.claim(&[claim("k", "m", 2)], NOW_MS + 1).unwrap(), [Some(track(1))]);
    });
}

#[test]
fn a_record_read_again_is_not_its_own_duplicate() {
    on_each(|claims| {
        let same = [claim("k", "m", 1)];
        assert_eq!(claims.claim(&same, NOW_MS).unwrap(), [None]);
        assert_eq!(claims.claim(&same, NOW_MS + 1).unwrap(), [None]);
        assert_eq!(claims.claim(&[claim("k", "m", 2)], NOW_MS + 2).unwrap(), [Some(track(1))]);
    });
}

#[test]
fn within_a_batch_the_earlier_wins() {
    on_each(|claims| {
        let batch = [claim("k", "a", 1), claim("k", "b", 2), claim("k", "a", 3), claim("k", "a", 1)];
        assert_eq!(claims.claim(&batch, NOW_MS).unwrap(), [None, None, Some(track(1)), None]);
    });
}

#[test]
fn service_keys_are_namespaces_and_letters_have_cases() {
    on_each(|claims| {
        let batch = [claim("k", "A1", 1), claim("j", "A1", 2), claim("k", "a1", 3), claim("kA", "1", 4)];
        assert_eq!(claims.claim(&batch, NOW_MS).unwrap(), [None; 4]);
    });
}

#[test]
fn a_claim_is_free_again_after_24_hours_and_not_before() {
    on_each(|claims| {
        claims.claim(&[claim("k", "m", 1)], NOW_MS).unwrap();
        let later = [claim("k", "m", 2)];
        assert_eq!(claims.claim(&later, NOW_MS + DAY_MS - 1).unwrap(), [Some(track(1))]);
        assert_eq!(claims.claim(&later, NOW_MS + DAY_MS).unwrap(), [None]);
        assert_eq!(claims.claim(&[claim("k", "m", 1)], NOW_MS + DAY_MS + 1).unwrap(), [Some(track(2))]);
        // The second claim's day counts from the second claim.
        assert_eq!(claims.claim(&[claim("k", "m", 3)], NOW_MS + 2 * DAY_MS - 1).unwrap(), [Some(track(2))]);
    });
}

#[test]
fn a_large_batch_is_answered_in_order() {
    on_each(|claims| {
        let first: Vec<Claim> = (0..2500).map(|n| claim("k", &format!("m{n}"), n)).collect();
        assert!(claims.claim(&first, NOW_MS).unwrap().iter().all(Option::is_none));
        let second: Vec<Claim> = (0..2600).map(|n| claim("k", &format!("m{n}"), 10_000 + n)).collect();
        let answers = claims.claim(&second, NOW_MS + 1).unwrap();
        let expected: Vec<Option<TrackId>> = (0..2600).map(|n| (n < 2500).then(|| track(n))).collect();
        assert_eq!(answers, expected);
    });
}

#[test]
fn the_same_id_of_many_service_keys_is_claimed_for_each() {
    on_each(|claims| {
        let of = |keys: std::ops::Range<u64>, from: u64| -> Vec<Claim> {
            keys.map(|key| claim(&format!("k{key}"), "m", from + key)).collect()
        };
        assert!(claims.claim(&of(0..2_500, 0), NOW_MS).unwrap().iter().all(Option::is_none));
        let expected: Vec<Option<TrackId>> = (1_000..3_600).map(|key| (key < 2_500).then(|| track(key))).collect();
        assert_eq!(claims.claim(&of(1_000..3_600, 10_000), NOW_MS + 1).unwrap(), expected);
    });
}

#[test]
fn claims_of_a_file_are_found_by_their_key() {
    let store = Store::file();
    drop(Database::open(&store.location, &SCHEMA).unwrap());
    for text in [&sqlite::asking(2), sqlite::FORGET] {
        let plan = store.rows(&format!("EXPLAIN QUERY PLAN {text}"));
        let found: String = plan[0].get("detail").unwrap();
        assert_eq!(found, "SEARCH claims USING PRIMARY KEY (message_id=? AND service_key=?)");
    }
}

#[test]
fn a_look_tells_who_holds_an_id_for_as_long_as_a_claim_counts_and_claims_none() {
    on_each(|claims| {
        let name = |service_key: &str, message_id: &str| MessageName {
            service_key: service_key.into(),
            message_id: message_id.into(),
        };
        let asked = [name("k", "m"), name("j", "m"), name("k", "M"), name("nobody", "m")];
        assert_eq!(claims.holders(&asked, NOW_MS).unwrap(), [None; 4]);
        claims.claim(&[claim("k", "m", 1), claim("j", "n", 2)], NOW_MS).unwrap();
        let held = [Some(track(1)), None, None, None];
        assert_eq!(claims.holders(&asked, NOW_MS).unwrap(), held);
        assert_eq!(claims.holders(&asked, NOW_MS + DAY_MS - 1).unwrap(), held);
        assert_eq!(claims.holders(&asked, NOW_MS + DAY_MS).unwrap(), [None; 4]);
        assert_eq!(claims.claim(&[claim("k", "M", 3)], NOW_MS).unwrap(), [None], "it was only asked about");
        let many: Vec<MessageName> = (0..2_500).map(|n| name("k", &format!("m{n}"))).collect();
        let some: Vec<Claim> = (0..2_500).step_by(7).map(|n| claim("k", &format!("m{n}"), n)).collect();
        claims.claim(&some, NOW_MS).unwrap();
        let expected: Vec<Option<TrackId>> = (0..2_500).map(|n| (n % 7 == 0).then(|| track(n))).collect();
        assert_eq!(claims.holders(&many, NOW_MS).unwrap(), expected);
    });
}

#[test]
fn an_empty_batch_has_no_answers() {
    on_each(|claims| assert_eq!(claims.claim(&[], NOW_MS).unwrap(), []));
}

#[test]
fn a_file_keeps_its_claims_when_the_process_dies_and_forgets_what_expired() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("claims.db");
    // Never closed, as after kill -9.
    std::mem::forget({
        let mut claims = SqliteClaims::open(&path).unwrap();
        claims.claim(&[claim("k", "m", 1), claim("k", "n", 2)], NOW_MS).unwrap();
        claims
    });
    let mut claims = SqliteClaims::open(&path).unwrap();
    assert_eq!(claims.claim(&[claim("k", "m", 3)], NOW_MS + 1).unwrap(), [Some(track(1))]);
    claims.claim(&[claim("k", "o", 4)], NOW_MS + DAY_MS).unwrap();
    assert_eq!(claims.rows(), 1);
}

#[test]
fn claims_of_a_file_that_an_earlier_version_made_still_hold() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("claims.db");
    let file = SCHEMA.file[..1].to_vec().into();
    let mut earlier = Database::open(&Location::file(&path), &Schema { file, ..SCHEMA }).unwrap();
    let made = async |connection: &mut Connection| {
        for (service_key, message_id, offset) in [("k", "m", 1), ("j", "m", 2)] {
            let add = connection.query("INSERT INTO claims VALUES (?, ?, ?, ?)");
            add.bind(service_key).bind(message_id).bind(track(offset).to_string()).bind(NOW_MS).execute().await?;
        }
        Ok(())
    };
    earlier.run(made).unwrap();
    drop(earlier);
    let mut claims = SqliteClaims::open(&path).unwrap();
    let batch = [claim("j", "m", 3), claim("k", "m", 4), claim("k", "n", 5)];
    assert_eq!(claims.claim(&batch, NOW_MS + 1).unwrap(), [Some(track(2)), Some(track(1)), None]);
}
