//! Push tokens that their service called dead: the same promises in a store and in memory.

use super::*;
use crate::vendors::MemoryDeadTokens;
use processors::ports::{DEAD_FOR, DeadToken, DeadTokens};

fn dead(vendor: &str, token: &str, code: &str) -> DeadToken {
    DeadToken { vendor: vendor.into(), token: token.into(), code: code.into(), since_ms: AT_MS - 5 }
}

fn asked(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(vendor, token)| ((*vendor).to_owned(), (*token).to_owned())).collect()
}

fn keep_their_promises(tokens: &mut dyn DeadTokens) {
    let said = |code: &str| Some(code.to_owned());
    assert_eq!(tokens.known(&[], AT_MS).unwrap(), []);
    assert_eq!(tokens.known(&asked(&[("google", "a:1")]), AT_MS).unwrap(), [None]);
    // Twice in one batch, as two messages may tell it.
    let told = [
        dead("google", "a:1", "UNREGISTERED"),
        dead("google", "a:1", "UNREGISTERED"),
        dead("apple", "00ff", "BadDeviceToken"),
    ];
    tokens.note(&told, AT_MS).unwrap();
    let pairs = asked(&[("google", "a:1"), ("apple", "a:1"), ("google", "A:1"), ("apple", "00ff"), ("google", "a:1")]);
    let known = tokens.known(&pairs, AT_MS).unwrap();
    assert_eq!(known, [said("UNREGISTERED"), None, None, said("BadDeviceToken"), said("UNREGISTERED")]);
    let many: Vec<_> = (0..1_234).map(|n| ("google".to_owned(), format!("m:{n}"))).collect();
    let third = |n: usize| n.is_multiple_of(3);
    let every_third: Vec<_> =
        (0..1_234).filter(|n| third(*n)).map(|n| dead("google", &format!("m:{n}"), "X")).collect();
    tokens.note(&every_third, AT_MS + 1).unwrap();
    let known = tokens.known(&many, AT_MS + 1).unwrap();
    assert!(known.iter().enumerate().all(|(n, known)| known.is_some() == third(n)));

    let lasts_ms = DEAD_FOR.as_millis() as i64;
    let one = asked(&[("google", "a:1")]);
    assert_eq!(tokens.known(&one, AT_MS + lasts_ms - 1).unwrap(), [said("UNREGISTERED")]);
    assert_eq!(tokens.known(&one, AT_MS + lasts_ms).unwrap(), [None], "its service is asked again");
    tokens.note(&told[..1], AT_MS + lasts_ms).unwrap();
    assert_eq!(tokens.known(&one, AT_MS + lasts_ms).unwrap(), [said("UNREGISTERED")]);
}

pub(super) fn dead_tokens_are_known_to_all_and_stand_nowhere_in_the_clear(store: &Store) {
    SCHEMA.migrate(&store.location).unwrap();
    let open = || SqlDeadTokens::open(&store.location, cipher()).unwrap();
    keep_their_promises(&mut open());
    // What was noted 30 days before is gone.
    let left = store.count("dead_push_tokens");
    assert_eq!(left, 1 + 412, "one was noted anew, the last third not long enough ago");
    let (mut one, mut other) = (open(), open());
    one.note(&[dead("google", "secret-token:1", "UNREGISTERED")], AT_MS).unwrap();
    assert_eq!(other.known(&asked(&[("google", "secret-token:1")]), AT_MS).unwrap(), [Some("UNREGISTERED".to_owned())]);
    let rows = store.rows("SELECT vendor, token_lookup FROM dead_push_tokens");
    assert!(rows.iter().all(|row| row.get::<Vec<u8>>("token_lookup").unwrap().len() == 16));
    keep_their_promises(&mut MemoryDeadTokens::default());
}
