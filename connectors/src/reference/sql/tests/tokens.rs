//! Push tokens that their service called dead: the same promises in a store and in memory.

use super::*;
use crate::{
    reference::{App, By, Editor, PushToken},
    vendors::MemoryDeadTokens,
};
use processors::ports::{AppUser, DEAD_FOR, DeadToken, DeadTokens, PushTokens as _, TOKENS_OF_USER};

fn dead(vendor: &str, token: &str, code: &str) -> DeadToken {
    DeadToken { vendor: vendor.into(), token: token.into(), code: code.into(), since_ms: AT_MS - 5 }
}

pub(super) fn user_token(service_key: &str, app_user_id: &str, token: &str) -> UserToken {
    UserToken { service_key: service_key.into(), app_user_id: app_user_id.into(), token: token.into() }
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
    // Those of a campaign expire in one moment, and go some at a time.
    let lasts_ms = DEAD_FOR.as_millis() as i64;
    let campaign: Vec<_> = (0..5_000).map(|n| dead("google", &format!("c:{n}"), "UNREGISTERED")).collect();
    open().note(&campaign, AT_MS + 2 * lasts_ms).unwrap();
    assert_eq!(store.count("dead_push_tokens"), 5_000);
    let left = [(); 3].map(|()| {
        open().note(&[dead("google", "d:1", "UNREGISTERED")], AT_MS + 3 * lasts_ms).unwrap();
        store.count("dead_push_tokens")
    });
    assert_eq!(left, [3_001, 1_001, 1]);
    let (mut one, mut other) = (open(), open());
    one.note(&[dead("google", "secret-token:1", "UNREGISTERED")], AT_MS).unwrap();
    assert_eq!(other.known(&asked(&[("google", "secret-token:1")]), AT_MS).unwrap(), [Some("UNREGISTERED".to_owned())]);
    let rows = store.rows("SELECT vendor, token_lookup FROM dead_push_tokens");
    assert!(rows.iter().all(|row| row.get::<Vec<u8>>("token_lookup").unwrap().len() == 16));
    keep_their_promises(&mut MemoryDeadTokens::default());
}

pub(super) fn tokens_that_die_while_they_are_registered_are_counted_right(store: &Store) {
    store.import(customers(2)).unwrap();
    let app = App { service_key: format!("{:0>40}", 0), username: "c0".into() };
    let token = |n: usize| PushToken { app_user_id: format!("user{}", n / 3), token: format!("t:{n}") };
    let by = By::named("c0/2026", AT_MS - 5);
    let (location, tokens): (_, Vec<_>) = (store.location.clone(), (0..600).map(token).collect());
    let mut editor = Editor::open(&location, cipher(), BOUNDS).unwrap();
    assert_eq!(editor.register_tokens::<()>(&by, &app, &tokens).unwrap(), Ok(600));
    // Two senders hear the same of every third, while others are registered.
    let gone: Vec<_> = (0..600).step_by(3).map(|n| dead("google", &format!("t:{n}"), "UNREGISTERED")).collect();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut senders = SqlDeadTokens::open(&location, cipher()).unwrap();
                for lot in gone.chunks(20) {
                    // A note that meets another is lost and told again.
                    while senders.note(lot, AT_MS).is_err() {}
                }
            });
        }
        for lot in 0..20 {
            let more: Vec<_> = (0..30).map(|n| token(1_000 + lot * 30 + n)).collect();
            while editor.register_tokens::<()>(&by, &app, &more).is_err() {}
        }
    });
    let counted =
        store.rows("SELECT counted FROM row_counts WHERE kind = 'push_tokens'")[0].get::<i64>("counted").unwrap();
    assert_eq!((counted, store.count("push_tokens"), store.count("dead_push_tokens")), (1_000, 1_000, 200));
    let rows = store.rows("SELECT token, app_user_id FROM push_tokens");
    let clear =
        |row: &crate::sql::Record, column| row.get::<Vec<u8>>(column).unwrap().windows(4).any(|part| part == b"user");
    assert!(rows.iter().all(|row| !clear(row, "token") && !clear(row, "app_user_id")));
}

pub(super) fn an_import_adds_push_tokens_and_leaves_those_that_the_store_knows(store: &Store) {
    let mut seed = customers(2);
    let key = seed.service_keys[1].key.clone();
    seed.push_tokens = ["a:1", "a:2"].map(|token| user_token(&key, "hana", token)).into();
    assert_eq!(store.import(seed.clone()).unwrap().unwrap().push_tokens, 2);
    assert_eq!(store.import(seed.clone()).unwrap(), None, "the store says the same");
    let app = App { service_key: key.clone(), username: "c1".into() };
    let by = By::named("c1/2026", AT_MS);
    let moved = PushToken { app_user_id: "duri".into(), token: "a:2".into() };
    let mut editor = Editor::open(&store.location, cipher(), BOUNDS).unwrap();
    assert_eq!(editor.register_tokens::<()>(&by, &app, &[moved]).unwrap(), Ok(0));
    seed.push_tokens.push(user_token(&key, "hana", "a:3"));
    assert_eq!(store.import(seed).unwrap().unwrap().push_tokens, 1);
    let of = |id: &str| AppUser { service_key: key.clone(), app_user_id: id.into() };
    let mut tokens = SqlPushTokens::open(&store.location, cipher()).unwrap();
    let mut told = tokens.of(&[of("hana"), of("duri")]).unwrap();
    told.iter_mut().for_each(|tokens| tokens.sort());
    assert_eq!(told, [vec!["a:1".to_owned(), "a:3".to_owned()], vec!["a:2".to_owned()]]);
    assert_eq!(store.count("push_tokens"), 3);
}

pub(super) fn the_tokens_of_users_are_told_in_a_batch_the_newest_first(store: &Store) {
    store.import(customers(2)).unwrap();
    let app = |n: usize| App { service_key: format!("{n:0>40}"), username: format!("c{n}") };
    let mut editor = Editor::open(&store.location, cipher(), BOUNDS).unwrap();
    let mut register = |at_ms: i64, n: usize, user: &str, tokens: std::ops::Range<usize>| {
        let by = By::named("c0/2026", at_ms);
        let tokens: Vec<_> =
            tokens.map(|n| PushToken { app_user_id: user.into(), token: format!("{user}:{n}") }).collect();
        editor.register_tokens::<()>(&by, &app(n), &tokens).unwrap().unwrap();
    };
    register(AT_MS, 0, "hana", 0..1);
    register(AT_MS + 1, 0, "hana", 1..2);
    register(AT_MS, 1, "hana", 7..8);
    register(AT_MS, 0, "many", 0..TOKENS_OF_USER);
    register(AT_MS + 1, 0, "many", TOKENS_OF_USER..TOKENS_OF_USER + 5);
    let user = |n: usize, id: &str| AppUser { service_key: format!("{n:0>40}"), app_user_id: id.into() };
    let mut tokens = SqlPushTokens::open(&store.location, cipher()).unwrap();
    let asked = [user(0, "hana"), user(1, "hana"), user(0, "HANA"), user(0, "hana")];
    let of_hana = vec!["hana:1".to_owned(), "hana:0".to_owned()];
    assert_eq!(tokens.of(&asked), Ok(vec![of_hana.clone(), vec!["hana:7".into()], Vec::new(), of_hana]));
    let of_many = tokens.of(&[user(0, "many")]).unwrap().remove(0);
    assert_eq!(of_many.len(), TOKENS_OF_USER);
    assert!((0..5).all(|n| of_many[..5].contains(&format!("many:{}", TOKENS_OF_USER + n))), "{of_many:?}");
    let all: Vec<_> = (0..600).map(|n| user(0, if n == 599 { "hana" } else { "nobody" })).collect();
    assert_eq!(tokens.of(&all).unwrap()[599].len(), 2);
    let distinct: Vec<_> = (0..600).map(|n| user(0, &format!("user{n}"))).chain([user(0, "hana")]).collect();
    assert_eq!(tokens.of(&distinct).unwrap()[600].len(), 2);
    assert_eq!(tokens.of(&[]), Ok(Vec::new()));
}
