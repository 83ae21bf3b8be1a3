//! What becomes of imports.

use super::*;

pub(super) fn what_is_wrong_is_refused_whole_and_named(store: &Store) {
    store.import(customers(2)).unwrap();
    let stands = || (store.count("customers"), store.count("audit"), store.count("opt_outs"));
    let before = stands();
    let refusal = |change: &dyn Fn(&mut Seed)| {
        let mut seed = customers(3);
        seed.opt_outs = vec![OptOut { username: "c0".into(), recipient: "821012345678".into() }];
        change(&mut seed);
        store.import(seed).unwrap_err().to_string()
    };
    let uri = |uri: &'static str| {
        move |seed: &mut Seed| {
            seed.service_keys[2].callback_uri = Some(uri.into());
            seed.service_keys[2].callback_secrets = vec![SECRET.to_owned().try_into().unwrap()];
        }
    };
    type Broken<'b> = (&'b str, &'b dyn Fn(&mut Seed));
    let hash: SecretHash = demo().secret_keys.remove(0).hash;
    let secret_key = |username: &str, name: &str| SecretKey {
        username: username.into(),
        name: name.into(),
        hash: hash.clone(),
        scopes: Scope::ALL.to_vec(),
        ..SecretKey::default()
    };
    let user = |login: &str, username: Option<&str>| User {
        login: login.into(),
        username: username.map(str::to_owned),
        hash: hash.clone(),
        ..User::default()
    };
    let cases: [Broken<'_>; 25] = [
        ("service key …0002: callback_uri must begin with https:// or http://, not ftp:", &uri("ftp://shop.example/")),
        ("service key …0002: callback_uri is no URI: empty host", &uri("https://")),
        ("service key …0002: callback_uri is longer than 2048 characters", &|seed| {
            seed.service_keys[2].callback_uri = Some(format!("https://shop.example/{}", "a".repeat(2_048)));
            seed.service_keys[2].callback_secrets = vec![SECRET.to_owned().try_into().unwrap()];
        }),
        ("number has 321 characters, at most 320", &|seed| {
            let number = json!([{"channel": "EM", "username": "c1", "number": "a".repeat(321), "state": "approved"}]);
            seed.sender_numbers = serde_json::from_value(number).unwrap();
        }),
        ("template T1 names customer \"nobody\", which does not exist", &|seed| {
            seed.templates.push(template(1, "nobody"))
        }),
        ("opt-out names customer \"nobody\", which does not exist", &|seed| {
            seed.opt_outs[0].username = "nobody".into()
        }),
        ("push token of service key …none names a service key that does not exist", &|seed| {
            seed.push_tokens = vec![user_token("none", "hana", "a:1")];
        }),
        ("push token of service key …0001: token: got 0 bytes; 1 to 1600", &|seed| {
            seed.push_tokens = vec![user_token(&seed.service_keys[1].key, "hana", "")];
        }),
        ("push token of service key …0001 stands twice", &|seed| {
            let key = &seed.service_keys[1].key;
            seed.push_tokens = vec![user_token(key, "hana", "a:1"), user_token(key, "duri", "a:1")];
        }),
        ("customer \"c2\": name has 65 characters, at most 64", &|seed| seed.customers[2].name = "가".repeat(65)),
        ("customer \"c2\": origin_code has 10 characters, at most 9", &|seed| {
            seed.customers[2].origin_code = "X".repeat(10)
        }),
        ("customer \"c1\" has 3 secret keys, at most 2", &|seed| {
            seed.secret_keys = ["a", "b", "c"].map(|name| secret_key("c1", name)).into();
        }),
        ("secret key \"a\" of \"c1\" stands twice", &|seed| {
            seed.secret_keys = vec![secret_key("c1", "a"), secret_key("c1", "a")];
        }),
        ("secret key \"a\" of \"c1\": scopes is empty", &|seed| {
            seed.secret_keys = vec![SecretKey { scopes: Vec::new(), ..secret_key("c1", "a") }];
        }),
        ("user \"kim\" names customer \"nobody\", which does not exist", &|seed| {
            seed.users = vec![user("kim", Some("nobody"))];
        }),
        ("user \"kim\": role: who has no customer is operator, not reader", &|seed| {
            seed.users = vec![user("kim", None)];
        }),
        ("user \"Kim\": login: 1 to 64 small letters", &|seed| seed.users = vec![user("Kim", Some("c0"))]),
        ("secret key \":kim\" of \"c1\": name begins with a colon", &|seed| {
            seed.secret_keys = vec![secret_key("c1", ":kim")];
        }),
        ("sender group …gggg names customer \"nobody\", which does not exist", &|seed| {
            let group = json!([{"group_key": "gggg", "username": "nobody"}]);
            seed.sender_groups = serde_json::from_value(group).unwrap();
        }),
        ("sender group …gggg: sender_key …kkkk stands twice", &|seed| {
            let group = json!([{"group_key": "gggg", "username": "c0", "sender_keys": ["kkkk", "kkkk"]}]);
            seed.sender_groups = serde_json::from_value(group).unwrap();
        }),
        ("template T1 of \"c0\" stands twice", &|seed| seed.templates = vec![template(1, "c0"), template(1, "c0")]),
        ("routing group \"vip\" names service key …9999, which does not exist", &|seed| {
            let group = json!([{"name": "vip", "priority": "MASS", "service_keys": ["9999"]}]);
            seed.routing_groups = serde_json::from_value(group).unwrap();
        }),
        ("customer \"a:b\": username holds a colon or a control character, which it may not", &|seed| {
            seed.customers.push(Customer { username: "a:b".into(), ..Customer::default() });
        }),
        ("message_id_prefix has 31 characters, at most 30", &|seed| {
            let pattern = json!([{"priority": "MASS", "message_id_prefix": "X".repeat(31)}]);
            seed.patterns = serde_json::from_value(pattern).unwrap();
        }),
        ("it has no customer with a service key", &|seed| *seed = Seed::default()),
    ];
    for (reason, change) in cases {
        let told = refusal(change);
        assert!(told.starts_with("reference data seed.toml: ") && told.contains(reason), "{told}");
        assert!(!told.contains("8210"), "{told}");
        assert_eq!(stands(), before);
    }
}

pub(super) fn a_row_that_no_column_holds_is_named_and_nothing_is_written(store: &Store) {
    store.import(customers(2)).unwrap();
    let before = (store.count("customers"), store.count("templates"), store.count("audit"));
    // More bytes than a TEXT of MySQL has.
    let title = Some("가".repeat(30_000));
    let seed = Seed { templates: vec![template(0, "c0"), Template { title, ..template(1, "c1") }], ..customers(300) };
    let imported = store.import(seed);
    match store.location.dialect() {
        // Its columns take values of every length.
        Dialect::Sqlite => assert_eq!(imported.map(|done| done.is_some()).ok(), Some(true)),
        Dialect::MySql => {
            let told = imported.unwrap_err().to_string();
            let named = told.contains("T1") && told.contains("title") && told.ends_with("nothing was written");
            assert!(named && !told.contains("가"), "{told}");
            assert_eq!((store.count("customers"), store.count("templates"), store.count("audit")), before);
        }
    }
}

pub(super) fn an_import_that_breaks_in_the_middle_leaves_nothing(store: &Store) {
    store.import(customers(2)).unwrap();
    let reference = store.reference();
    // The last table that is written.
    store.execute("ALTER TABLE audit RENAME TO audit_elsewhere");
    let broken = store.import(customers(300)).unwrap_err();
    assert!(matches!(broken, ReferenceError::Away(_)), "{broken}");
    assert_eq!((store.count("customers"), store.count("service_keys")), (2, 2));
    assert_eq!(reference.reload(&READY).unwrap(), None);
    store.execute("ALTER TABLE audit_elsewhere RENAME TO audit");
    store.import(customers(300)).unwrap().unwrap();
    assert_eq!(reference.reload(&READY).unwrap().unwrap().to_string(), "298 customers added, 298 service keys added");
}

pub(super) fn of_imports_at_the_same_time_each_is_whole(store: &Store) {
    store.import(customers(1)).unwrap();
    let reference = store.reference();
    let sizes = [40, 80, 120];
    std::thread::scope(|scope| {
        let writers: Vec<_> = sizes
            .map(|size| scope.spawn(move || (0..4).for_each(|_| drop(store.import(customers(size)).unwrap()))))
            .into();
        // Whatever is read between them is one of them, whole.
        while !writers.iter().all(|writer| writer.is_finished()) {
            reference.reload(&READY).unwrap();
            let current = reference.current();
            let whole = (0..).take_while(|n| current.customer(&format!("c{n}")).is_some()).count();
            let keys = (0..200).filter(|n| current.service_key(&format!("{n:0>40}")).is_some()).count();
            assert!(whole == keys && (whole == 1 || sizes.contains(&whole)), "{whole} customers, {keys} keys");
        }
    });
}

pub(super) fn an_import_waits_for_another_and_says_so(store: &Store) {
    store.import(customers(1)).unwrap();
    let (locked, is_locked) = std::sync::mpsc::channel();
    let (told, is_told) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        // Another import that takes its time: it ends when this one was told of it.
        scope.spawn(move || {
            let mut database = Database::connect(&store.location, &SCHEMA).unwrap();
            let held = database.transact(
                async |connection| {
                    connection.execute("UPDATE reference_version SET version = version + 1").await?;
                    locked.send(()).unwrap();
                    is_told.recv_timeout(std::time::Duration::from_secs(30)).unwrap();
                    Ok(())
                },
                |()| true,
            );
            held.unwrap();
        });
        is_locked.recv().unwrap();
        let mut importer = Importer::open(&store.location, cipher()).unwrap();
        let on_wait = || told.send(()).unwrap();
        let imported = importer.import("seed.toml", customers(2), "kim", AT_MS, on_wait).unwrap().0.unwrap();
        assert_eq!(imported.changes.to_string(), "1 customers added, 1 service keys added");
    });
    let version = store.rows("SELECT version FROM reference_version")[0].get::<i64>("version").unwrap();
    assert_eq!(version, 3);
}
