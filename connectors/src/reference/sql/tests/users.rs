//! What becomes of users.

use super::*;
use crate::reference::{By, Editor, Unchanged, Which};

pub(super) fn users_are_kept_changed_and_taken_up_and_told_without_their_hashes(store: &Store) {
    let hash = demo().secret_keys.remove(0).hash;
    let user = |login: &str, username: Option<&str>| User {
        login: login.into(),
        username: username.map(str::to_owned),
        role: Role::least(username.is_some()),
        hash: hash.clone(),
        active: true,
        created_at: jiff::Timestamp::from_millisecond(AT_MS).ok(),
    };
    let mut seed = customers(2);
    let finer = "2026-03-11T10:30:00.123456+09:00".parse().ok();
    seed.users = vec![user("kim", None), User { created_at: finer, ..user("hana", Some("c0")) }];
    store.import(seed.clone()).unwrap();
    let reference = store.reference();
    assert_eq!(**reference.current().user("kim").unwrap(), user("kim", None));
    assert_eq!(store.import(seed).unwrap(), None, "it says the same already");
    let mut editor = Editor::open(&store.location, cipher(), BOUNDS).unwrap();
    let mut put = |owner: &str, new: User| {
        let by = By { actor: ":kim".into(), at_ms: AT_MS + 1 };
        let changed = editor.change(&by, owner, &Which::of([("login", &*new.login)]), |users: &mut Vec<User>| {
            *users = vec![new];
            Ok::<_, ()>(())
        });
        changed.unwrap()
    };
    put("c0", User { active: false, role: Role::Manager, ..user("hana", Some("c0")) }).unwrap();
    put("", user("lee", None)).unwrap();
    assert_eq!(reference.reload(&READY).unwrap().unwrap().to_string(), "1 users added, 1 users changed");
    let hana = Arc::clone(reference.current().user("hana").unwrap());
    assert_eq!((hana.active, hana.role, hana.username.as_deref()), (false, Role::Manager, Some("c0")));
    assert_eq!(put("", user("park", None)), Err(Unchanged::Full { what: "users", most: 2 }));
    let told = put("nobody", user("choi", Some("nobody")));
    assert!(matches!(&told, Err(Unchanged::Contents(reason)) if reason.contains("does not exist")), "{told:?}");
    let lines = store.rows("SELECT * FROM audit WHERE kind = 'users' ORDER BY id");
    let whose: Vec<(String, Option<String>)> =
        lines.iter().map(|line| (line.get("subject").unwrap(), line.get("username").unwrap())).collect();
    let line = |login: &str, username: Option<&str>| (login.to_owned(), username.map(str::to_owned));
    assert_eq!(whose, [line("hana", Some("c0")), line("kim", None), line("hana", Some("c0")), line("lee", None)]);
    for line in &lines {
        let after: String = line.get("state_after").unwrap();
        assert!(!after.contains("argon2"), "{after}");
    }
}
