//! What becomes of users.

use super::*;
use crate::reference::{By, Editor, Unchanged, Which};

fn hash(n: usize) -> SecretHash {
    demo().secret_keys.remove(n).hash
}

fn user(login: &str, username: Option<&str>) -> User {
    User {
        login: login.into(),
        username: username.map(str::to_owned),
        role: Role::least(username.is_some()),
        hash: hash(0),
        active: true,
        created_at: jiff::Timestamp::from_millisecond(AT_MS).ok(),
    }
}

pub(super) fn users_are_kept_changed_and_taken_up_and_told_without_their_hashes(store: &Store) {
    let mut seed = customers(2);
    let finer = "2026-03-11T10:30:00.123456+09:00".parse().ok();
    seed.users = vec![user("kim", None), User { created_at: finer, ..user("hana", Some("c0")) }];
    store.import(seed.clone()).unwrap();
    let reference = store.reference();
    assert_eq!(**reference.current().user("kim").unwrap(), user("kim", None));
    assert_eq!(store.import(seed).unwrap(), None, "it says the same already");
    let mut editor = Editor::open(&store.location, cipher(), BOUNDS).unwrap();
    let mut put = |owner: &str, new: User| {
        let by = By::named(":kim", AT_MS + 1);
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

pub(super) fn an_import_adds_users_leaves_the_others_and_takes_them_out_with_their_customer(store: &Store) {
    let with = |count, users: &[User]| Seed { users: users.to_vec(), ..customers(count) };
    let (kim, hana, lee) = (user("kim", None), user("hana", Some("c0")), user("lee", Some("c1")));
    store.import(with(2, &[kim.clone(), hana.clone(), lee.clone()])).unwrap();
    let reference = store.reference();
    let logins = || {
        let mut users: Vec<String> = reference.current().users().map(|user| user.login.clone()).collect();
        users.sort_unstable();
        users.join(" ")
    };
    let of_before = User { hash: hash(1), active: false, ..hana.clone() };
    let told = |(imported, left): (Option<Imported>, u64)| (imported.unwrap().changes.to_string(), left);
    let imported = store.imported(with(2, &[of_before, user("choi", None)])).unwrap();
    assert_eq!(told(imported), ("1 users added".into(), 1));
    reference.reload(&READY).unwrap();
    assert_eq!(logins(), "choi hana kim lee");
    assert_eq!(**reference.current().user("hana").unwrap(), hana, "its password is its own");
    // Who goes with a customer leaves the name to whom the file gives it.
    let imported = store.imported(with(1, &[user("lee", Some("c0"))])).unwrap();
    assert_eq!(told(imported), ("1 customers removed, 1 service keys removed, 1 users changed".into(), 0));
    let imported = store.imported(with(2, &[])).unwrap();
    assert_eq!(told(imported), ("1 customers added, 1 service keys added".into(), 0));
    reference.reload(&READY).unwrap();
    assert_eq!(logins(), "choi hana kim lee");
    let mut without_c0 = customers(2);
    without_c0.customers.remove(0);
    without_c0.service_keys.remove(0);
    let imported = store.imported(without_c0).unwrap();
    assert_eq!(told(imported), ("1 customers removed, 1 service keys removed, 2 users removed".into(), 0));
    reference.reload(&READY).unwrap();
    assert_eq!(logins(), "choi kim");
}
