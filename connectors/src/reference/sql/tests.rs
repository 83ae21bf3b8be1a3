//! The promises of reference data in a store, on a file and on MariaDB.

#![allow(clippy::print_stderr, reason = "a test that measures tells what")]

use super::*;
use crate::{
    reference::{DEMO, FileReference, parse},
    sql::{
        Dialect,
        testing::{Server, Store, on_both},
    },
};
use processors::{
    ports::OptOuts as _,
    reference::{Approval, Customer, OptOut, Protocol, Seed, ServiceKey, Template},
};
use schemas::{Channel, Family, Lane};
use serde_json::json;
use sqlx::migrate::Migrator;
use std::borrow::Cow;

on_both! {
    what_is_imported_is_what_a_file_would_give
    a_change_is_taken_up_and_only_once
    an_endpoint_is_read_back_and_stands_nowhere_in_the_clear
    what_is_wrong_is_refused_whole_and_named
    an_import_that_breaks_in_the_middle_leaves_nothing
    of_imports_at_the_same_time_each_is_whole
    contradicting_rows_are_told_once_and_leave_the_old_data_in_force
    the_audit_tells_who_changed_what_without_secrets
    who_refused_ads_is_asked_in_a_batch_and_never_forgotten
    every_question_goes_by_an_index
    a_group_keeps_its_topics
    a_store_that_lacks_its_tables_is_told_and_not_touched
    vendors_of_before_are_simulated_and_new_ones_keep_their_protocol
    an_older_copy_of_the_store_is_read_whole
    data_that_need_something_wait_until_it_is_made
    many_customers_are_loaded_in_time
}

/// Nothing has to be made first.
const READY: fn(&Reference) -> Result<(), Away> = |_| Ok(());
const AT_MS: i64 = 1_772_377_199_999;

fn cipher() -> Arc<Cipher> {
    Arc::new(Cipher::new(&[7; 32]))
}

impl Store {
    fn import(&self, seed: Seed) -> Result<Option<(Changes, u64)>, ReferenceError> {
        Importer::open(&self.location, cipher()).unwrap().import("seed.toml", seed, "kim", AT_MS)
    }

    fn reference(&self) -> SqlReference {
        SqlReference::open(&self.location, cipher()).unwrap()
    }

    fn count(&self, table: &str) -> i64 {
        self.rows(&format!("SELECT count(*) AS n FROM {table}"))[0].get("n").unwrap()
    }
}

fn demo() -> Seed {
    parse("demo", DEMO).unwrap()
}

/// Customers `c0` to `c<n>`, each with a service key.
fn customers(count: usize) -> Seed {
    let customer = |n| Customer { username: format!("c{n}"), ..Customer::default() };
    let key =
        |n| ServiceKey { key: format!("{n:0>40}"), username: format!("c{n}"), active: true, ..ServiceKey::default() };
    Seed {
        customers: (0..count).map(customer).collect(),
        service_keys: (0..count).map(key).collect(),
        ..Seed::default()
    }
}

fn template(n: usize, username: &str) -> Template {
    Template {
        code: format!("T{n}"),
        username: username.to_owned(),
        channel: Channel::At,
        message: "한빛상점입니다. #{name} 고객님의 주문이 발송되었습니다.".into(),
        ..Template::default()
    }
}

fn what_is_imported_is_what_a_file_would_give(store: &Store) {
    // Every optional part of every kind, beside what the demo has.
    let mut seed = demo();
    seed.routing_groups = serde_json::from_value(json!([
        {"name": "VIP", "priority": "REALTIME", "usernames": ["hanbit-shop"], "service_keys": [seed.service_keys[1].key],
         "topics": ["AT", "SMS"], "partitions": 6, "replicas": 2}
    ]))
    .unwrap();
    seed.patterns = serde_json::from_value(json!([
        {"priority": "MASS", "channel": "MT", "message_type": "LMS", "message_id_prefix": "bulk-"},
        {"priority": "AUTH"}
    ]))
    .unwrap();
    seed.templates[0].state = Approval::Dormant;
    seed.templates[0].html = Some("<p>안녕하세요</p>".into());
    let file = Reference::new(Seed { opt_outs: Vec::new(), ..seed.clone() }).unwrap();
    store.import(seed.clone()).unwrap().unwrap();
    let served = store.reference().current();
    assert_eq!(Changes::between(&file, &served).to_string(), "nothing");
    assert_eq!(served.patterns(), file.patterns());
    for family in schemas::Family::ALL {
        assert_eq!(served.vendors(family), file.vendors(family), "the order of the vendors of {family}");
    }
    let key = &seed.service_keys[1];
    assert_eq!(served.groups(), file.groups());
    assert_eq!(served.group(&key.username, &key.key).unwrap().priority, Lane::Realtime);
    assert!(store.import(seed).unwrap().is_none(), "nothing to do");
}

fn a_change_is_taken_up_and_only_once(store: &Store) {
    let mut seed = customers(3);
    seed.templates = vec![template(1, "c0"), template(2, "c0")];
    store.import(seed.clone()).unwrap();
    let reference = store.reference();
    assert_eq!(reference.reload(&READY).unwrap(), None);
    seed.templates[0].state = Approval::Stopped;
    seed.templates.remove(1);
    seed.customers.push(Customer { username: "new".into(), ..Customer::default() });
    let written = store.import(seed.clone()).unwrap().unwrap().0.to_string();
    assert_eq!(written, "1 customers added, 1 templates removed, 1 templates changed");
    assert_eq!(reference.reload(&READY).unwrap().unwrap().to_string(), written);
    assert_eq!(reference.reload(&READY).unwrap(), None);
    let state = |code: &str| reference.current().template(Channel::At, "c0", code).map(|template| template.state);
    assert_eq!((state("T1"), state("T2")), (Some(Approval::Stopped), None));
    // What was removed may come back.
    seed.templates.push(template(2, "c0"));
    store.import(seed).unwrap();
    assert_eq!(reference.reload(&READY).unwrap().unwrap().to_string(), "1 templates added");
    assert_eq!(state("T2"), Some(Approval::Approved));
}

fn data_that_need_something_wait_until_it_is_made(store: &Store) {
    store.import(customers(1)).unwrap();
    let reference = store.reference();
    store.import(customers(2)).unwrap();
    for _ in 0..2 {
        let waits = reference.reload(&|fresh| {
            assert!(fresh.customer("c1").is_some());
            Err(Away { dependency: "log", cause: "no broker answers".into() })
        });
        assert!(matches!(waits, Err(ReferenceError::Away(_))), "{waits:?}");
        assert!(reference.current().customer("c1").is_none());
    }
    assert!(reference.reload(&READY).unwrap().is_some());
}

const URI: &str = "https://shop.example/ims?token=gilbut";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqrTwjU";

fn with_endpoint() -> Seed {
    let mut seed = customers(1);
    let key = &mut seed.service_keys[0];
    key.callback_uri = Some(URI.into());
    key.callback_secrets = vec![SECRET.to_owned().try_into().unwrap()];
    key.callback_batch = Some(serde_json::from_value(json!({"reports": 100, "wait_ms": 500})).unwrap());
    key.callback_enabled_at = Some("2026-03-11T10:30:00.123456+09:00".parse().unwrap());
    seed
}

fn an_endpoint_is_read_back_and_stands_nowhere_in_the_clear(store: &Store) {
    let key = with_endpoint().service_keys.remove(0);
    store.import(with_endpoint()).unwrap();
    assert!(store.import(with_endpoint()).unwrap().is_none(), "finer than the store keeps, and no change");
    let current = store.reference().current();
    let (held, _) = current.service_key(&key.key).unwrap();
    assert_eq!((&held.callback_uri, &held.callback_secrets), (&key.callback_uri, &key.callback_secrets));
    assert_eq!(
        (held.callback_batch, held.callback_enabled_at.unwrap().as_millisecond()),
        (key.callback_batch, 1_773_192_600_123)
    );
    let in_the_clear = |what: &str| {
        ["service_keys", "audit"].iter().any(|table| {
            let bytes = store.bytes(table);
            bytes.windows(what.len()).any(|window| window == what.as_bytes())
        })
    };
    for secret in ["gilbut", "MfKQ9r8G"] {
        assert!(!in_the_clear(secret), "{secret}");
    }
    let other = SqlReference::open(&store.location, Arc::new(Cipher::new(&[8; 32]))).unwrap_err();
    assert!(other.to_string().contains("another key"), "{other}");
    // Nothing of it stays behind.
    let mut without = customers(2);
    without.service_keys.remove(0);
    store.import(without).unwrap();
    let kept = store.rows("SELECT callback_uri, callback_secrets FROM service_keys WHERE removed");
    let empty = |column| kept[0].get::<Option<Vec<u8>>>(column).unwrap().is_none();
    assert!(kept.len() == 1 && empty("callback_uri") && empty("callback_secrets"));
}

fn what_is_wrong_is_refused_whole_and_named(store: &Store) {
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
    let cases: [Broken<'_>; 9] = [
        ("service key …0002: callback_uri must begin with https:// or http://, not ftp:", &uri("ftp://shop.example/")),
        ("service key …0002: callback_uri is no URI: empty host", &uri("https://")),
        ("template T1 names customer \"nobody\", which does not exist", &|seed| {
            seed.templates.push(template(1, "nobody"))
        }),
        ("opt-out names customer \"nobody\", which does not exist", &|seed| {
            seed.opt_outs[0].username = "nobody".into()
        }),
        ("customer \"c2\": name has 65 characters, at most 64", &|seed| seed.customers[2].name = "가".repeat(65)),
        ("customer \"c2\": origin_code has 10 characters, at most 9", &|seed| {
            seed.customers[2].origin_code = "X".repeat(10)
        }),
        ("template T1 of \"c0\" stands twice", &|seed| seed.templates = vec![template(1, "c0"), template(1, "c0")]),
        ("routing group \"vip\" names service key …9999, which does not exist", &|seed| {
            let group = json!([{"name": "vip", "priority": "MASS", "service_keys": ["9999"]}]);
            seed.routing_groups = serde_json::from_value(group).unwrap();
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

fn an_import_that_breaks_in_the_middle_leaves_nothing(store: &Store) {
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

fn of_imports_at_the_same_time_each_is_whole(store: &Store) {
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

fn contradicting_rows_are_told_once_and_leave_the_old_data_in_force(store: &Store) {
    store.import(customers(2)).unwrap();
    let reference = store.reference();
    // As somebody might with a client of the database.
    let raise = "UPDATE reference_version SET version = version + 1";
    store.execute(raise);
    store.execute(
        "UPDATE customers SET removed = TRUE, version = (SELECT version FROM reference_version) WHERE username = 'c1'",
    );
    let told = reference.reload(&READY).unwrap_err().to_string();
    assert!(told.contains("service key …0001 names customer \"c1\", which does not exist"), "{told}");
    assert_eq!(reference.reload(&READY).unwrap(), None, "told once");
    assert!(reference.current().customer("c1").is_some());
    // What mends it need not touch the same row.
    store.execute(raise);
    store.execute(&format!(
        "UPDATE service_keys SET removed = TRUE, version = (SELECT version FROM reference_version) WHERE service_key = '{:0>40}'",
        1
    ));
    assert_eq!(reference.reload(&READY).unwrap().unwrap().to_string(), "1 customers removed, 1 service keys removed");
    // Nobody means to take everybody away.
    store.execute(raise);
    store.execute("UPDATE customers SET removed = TRUE, version = (SELECT version FROM reference_version)");
    store.execute("UPDATE service_keys SET removed = TRUE, version = (SELECT version FROM reference_version)");
    assert!(matches!(reference.reload(&READY), Err(ReferenceError::Nobody { .. })));
    assert!(reference.current().customer("c0").is_some());
}

fn the_audit_tells_who_changed_what_without_secrets(store: &Store) {
    store.import(with_endpoint()).unwrap();
    let mut seed = with_endpoint();
    seed.customers[0].auth_allowed = true;
    seed.service_keys[0].callback_uri = Some("https://shop.example/other".into());
    seed.opt_outs = vec![OptOut { username: "c0".into(), recipient: "821012345678".into() }];
    Importer::open(&store.location, cipher()).unwrap().import("seed.toml", seed, "이영희", AT_MS + 5).unwrap();
    let lines = store.rows("SELECT * FROM audit WHERE version = 2 ORDER BY id");
    let text = |row: &crate::sql::Record, column| row.get::<Option<String>>(column).unwrap().unwrap_or_default();
    let parsed = |row: &_, column| serde_json::from_str::<serde_json::Value>(&text(row, column)).unwrap_or_default();
    let told: Vec<_> = lines.iter().map(|row| (text(row, "actor"), text(row, "kind"), text(row, "subject"))).collect();
    let line = |kind: &str, subject: &str| ("이영희".to_owned(), kind.to_owned(), subject.to_owned());
    assert_eq!(told, [line("customers", "c0"), line("service_keys", "…0000"), line("opt_outs", "c0")]);
    assert!(lines.iter().all(|row| row.get::<i64>("at").unwrap() == AT_MS + 5));
    let allowed = ["state_before", "state_after"].map(|column| parsed(&lines[0], column)["auth_allowed"].clone());
    assert_eq!(allowed, [json!(false), json!(true)]);
    let uris = ["state_before", "state_after"].map(|column| parsed(&lines[1], column)["callback_uri"].clone());
    assert!(uris[0] != uris[1] && uris[1].as_str().unwrap().starts_with("sha256:"), "{uris:?}");
    assert_eq!(
        (text(&lines[2], "state_before"), parsed(&lines[2], "state_after")),
        (String::new(), json!({"added": 1}))
    );
    let bytes = store.bytes("audit");
    for secret in ["gilbut", "MfKQ9r8G", "1012345678", "0000000000"] {
        assert!(
            !bytes.windows(secret.len()).any(|w| w == secret.as_bytes())
                || store.location.dialect() == Dialect::Sqlite && secret == "0000000000",
            "{secret}"
        );
    }
}

fn who_refused_ads_is_asked_in_a_batch_and_never_forgotten(store: &Store) {
    let out = |username: &str, n: usize| OptOut { username: username.into(), recipient: format!("8210{n:08}") };
    let mut seed = customers(2);
    seed.opt_outs = (0..1500).map(|n| out("c0", n)).collect();
    let (changes, added) = store.import(seed).unwrap().unwrap();
    assert_eq!((changes.to_string().as_str(), added), ("2 customers added, 2 service keys added", 1500));
    // A file of before, or of somebody who keeps opt-outs nowhere.
    let mut seed = customers(2);
    seed.opt_outs = vec![out("c0", 3), out("c1", 7), out("c1", 7)];
    assert_eq!(store.import(seed).unwrap().unwrap().1, 1);
    let mut opt_outs = SqlOptOuts::open(&store.location, cipher()).unwrap();
    assert_eq!(opt_outs.refused(&[]).unwrap(), [] as [bool; 0]);
    let asked = [out("c0", 3), out("c1", 3), out("c1", 7), out("c0", 1499), out("c0", 1500)];
    assert_eq!(opt_outs.refused(&asked).unwrap(), [true, false, true, true, false]);
    let many: Vec<OptOut> = (0..2345).map(|n| out("c0", n)).collect();
    let refused = opt_outs.refused(&many).unwrap();
    assert_eq!((refused.len(), refused.iter().take_while(|refused| **refused).count()), (2345, 1500));
    assert!(refused[1500..].iter().all(|refused| !refused));
    let bytes = store.bytes("opt_outs");
    assert!(!bytes.windows(10).any(|window| window == b"1000001499"));
    let sealed: Vec<u8> =
        store.rows("SELECT recipient FROM opt_outs WHERE username = 'c1'")[0].get("recipient").unwrap();
    assert_eq!(cipher().open("opt_outs/c1/recipient", &sealed).unwrap(), b"821000000007");
}

fn every_question_goes_by_an_index(store: &Store) {
    let mut seed = customers(500);
    seed.templates = (0..2000).map(|n| template(n, "c1")).collect();
    seed.opt_outs = (0..2000).map(|n| OptOut { username: "c1".into(), recipient: format!("8210{n:08}") }).collect();
    store.import(seed.clone()).unwrap();
    seed.templates[5].state = Approval::Stopped;
    store.import(seed).unwrap();
    store.execute(match store.location.dialect() {
        Dialect::Sqlite => "ANALYZE",
        Dialect::MySql => "ANALYZE TABLE customers, templates, opt_outs",
    });
    for table in ["customers", "templates"] {
        assert_eq!(store.index_of(&held::newer_text(table), &["1"]), format!("{table}_version"));
    }
    let lookups: Vec<String> = (10..15).map(|n| format!("x'00112233445566778899aabbccddee{n}'")).collect();
    let values: Vec<&str> = lookups.iter().flat_map(|lookup| ["'c1'", lookup]).collect();
    assert_eq!(store.index_of(&opt_outs::text(5), &values), "PRIMARY");
}

fn a_group_keeps_its_topics(store: &Store) {
    let with = |groups: serde_json::Value| {
        let routing_groups = serde_json::from_value(groups).unwrap();
        Seed { routing_groups, ..customers(1) }
    };
    let group = |topics: &[&str]| json!([{"name": "VIP", "priority": "MASS", "usernames": ["c0"], "topics": topics}]);
    store.import(with(group(&["SMS"]))).unwrap();
    let reference = store.reference();
    for seed in [with(json!([])), with(group(&["LMS"]))] {
        let told = store.import(seed).unwrap_err().to_string();
        assert!(told.contains("seed.toml") && told.contains("routing group \"VIP\" loses topics"), "{told}");
    }
    store.execute("UPDATE reference_version SET version = version + 1");
    store.execute("UPDATE routing_groups SET removed = TRUE, version = (SELECT version FROM reference_version)");
    let told = reference.reload(&READY).unwrap_err().to_string();
    assert!(told.contains("loses topics"), "{told}");
    assert_eq!(reference.current().groups()[0].name, "VIP");
    store.execute("UPDATE reference_version SET version = version + 1");
    store.execute("UPDATE routing_groups SET removed = FALSE, version = (SELECT version FROM reference_version)");
    assert_eq!(reference.reload(&READY).unwrap().unwrap().to_string(), "nothing");
    let told = store.import(with(group(&["LMS", "SMS"]))).unwrap_err().to_string();
    assert!(told.contains("routing group \"VIP\" has topics of its own and gets more"), "{told}");
}

fn a_store_that_lacks_its_tables_is_told_and_not_touched(store: &Store) {
    let told = SqlReference::open(&store.location, cipher()).unwrap_err();
    assert!(matches!(told, ReferenceError::Store(StoreError::Pending { .. })), "{told}");
    assert!(told.to_string().contains("ims migrate"), "{told}");
    assert!(!SCHEMA.check(&store.location).unwrap().pending.is_empty());
    SCHEMA.migrate(&store.location).unwrap();
    let reference = store.reference();
    assert!(reference.current().is_empty(), "a start may find nothing yet");
    store.import(customers(1)).unwrap();
    assert_eq!(reference.reload(&READY).unwrap().unwrap().to_string(), "1 customers added, 1 service keys added");
}

/// Migrations up to one.
fn up_to(migrator: &Migrator, version: i64) -> Migrator {
    let migrations = migrator.iter().filter(|migration| migration.version <= version).cloned().collect();
    Migrator { migrations: Cow::Owned(migrations), ..Migrator::DEFAULT }
}

fn vendors_of_before_are_simulated_and_new_ones_keep_their_protocol(store: &Store) {
    let before = Schema { name: SCHEMA.name, file: up_to(&SCHEMA.file, 1), server: up_to(&SCHEMA.server, 2) };
    before.migrate(&store.location).unwrap();
    store.execute(
        "INSERT INTO vendors (name, position, families, codes, weight, tps, max_in_flight, timeout_ms, receipts, \
         receipt_hours, in_doubt, title_bytes, version, removed) \
         VALUES ('old', 0, 'SMS', 'text', 1, 1, 1, 1, FALSE, 25, 'repeat', 50, 1, FALSE)",
    );
    store.execute("UPDATE reference_version SET version = 1");
    SCHEMA.migrate(&store.location).unwrap();
    if matches!(store.location, Location::Server { .. }) {
        // Killed between the change and the note that it was made.
        store.execute("DELETE FROM _sqlx_migrations WHERE version = 3");
        SCHEMA.migrate(&store.location).unwrap();
    }
    let reference = store.reference();
    let old = reference.current().vendor(Family::Sms, "old").cloned().unwrap();
    assert_eq!((old.protocol, old.url.as_str()), (Protocol::Simulated, ""));
    let new = json!({
        "name": "dealer", "families": ["AT"], "codes": "bizgo", "weight": 1, "tps": 1, "receipts": true,
        "protocol": "bizgo", "url": "https://mars.ibapi.kr",
    });
    store.import(Seed { vendors: vec![serde_json::from_value(new.clone()).unwrap()], ..customers(1) }).unwrap();
    reference.reload(&READY).unwrap();
    let read = reference.current().vendor(Family::At, "dealer").cloned().unwrap();
    assert_eq!(*read, serde_json::from_value(new).unwrap());
}

fn an_older_copy_of_the_store_is_read_whole(store: &Store) {
    store.import(customers(1)).unwrap();
    store.import(customers(2)).unwrap();
    let reference = store.reference();
    store.execute("UPDATE customers SET version = 1");
    store.execute("DELETE FROM service_keys WHERE version = 2");
    store.execute("DELETE FROM customers WHERE username = 'c1'");
    store.execute("UPDATE reference_version SET version = 1");
    assert_eq!(reference.reload(&READY).unwrap().unwrap().to_string(), "1 customers removed, 1 service keys removed");
}

/// What `ims run` promises for a change of the reference data.
const TAKEN_UP_WITHIN: std::time::Duration = std::time::Duration::from_secs(5);

fn many_customers_are_loaded_in_time(store: &Store) {
    let count = if std::env::var_os("IMS_TEST_FULL").is_some() { 10_000 } else { 500 };
    let mut seed = customers(count);
    for n in 0..count {
        let username = format!("c{n}");
        let sender = |number: usize| json!({"number": format!("02{number:08}"), "username": username, "channel": "MT"});
        let profile = json!({"sender_key": format!("{n:0>40}"), "username": username});
        seed.sender_profiles.push(serde_json::from_value(profile).unwrap());
        seed.sender_numbers.extend([2 * n, 2 * n + 1].map(|n| serde_json::from_value(sender(n)).unwrap()));
        seed.templates.extend((0..10).map(|n| template(n, &username)));
    }
    let rows = 15 * count;
    let timed = |what: &str, work: &mut dyn FnMut()| {
        let began = std::time::Instant::now();
        work();
        eprintln!("{:?}, {rows} rows: {what} took {:?}", store.location.dialect(), began.elapsed());
        began.elapsed()
    };
    timed("the import", &mut || drop(store.import(seed.clone()).unwrap()));
    let mut reference = None;
    let whole = timed("the whole load", &mut || reference = Some(store.reference()));
    let reference = reference.unwrap();
    assert_eq!(reference.current().template(Channel::At, "c7", "T9").unwrap().state, Approval::Approved);
    seed.templates[5].state = Approval::Stopped;
    timed("the import of a change", &mut || drop(store.import(seed.clone()).unwrap()));
    let change = timed("taking the change up", &mut || {
        assert_eq!(reference.reload(&READY).unwrap().unwrap().to_string(), "1 templates changed");
    });
    assert!(whole < TAKEN_UP_WITHIN && change < TAKEN_UP_WITHIN / 2, "{whole:?}, {change:?}");
}

#[test]
fn while_the_server_is_away_the_old_data_stay_and_it_is_said() {
    let Some(server) = Server::start() else { return };
    let store = Store::on(&server.url);
    store.import(customers(2)).unwrap();
    let reference = store.reference();
    server.kill();
    for _ in 0..2 {
        let told = reference.reload(&READY).unwrap_err();
        assert!(matches!(told, ReferenceError::Away(_)), "{told}");
        assert!(reference.current().customer("c1").is_some());
    }
    server.restart();
    assert_eq!(reference.reload(&READY).unwrap(), None);
    store.import(customers(3)).unwrap();
    assert_eq!(reference.reload(&READY).unwrap().unwrap().to_string(), "1 customers added, 1 service keys added");
}

#[test]
fn a_file_and_a_store_tell_the_same_mistakes() {
    let store = Store::file();
    let text = "[[customers]]\nusername = \"a\"\n[[templates]]\ncode = \"T\"\nusername = \"b\"\nchannel = \"AT\"\n";
    let file = store.file_beside("seed.toml");
    let crate::sql::Location::File(path) = &file else { unreachable!("it is a file") };
    std::fs::write(path, text).unwrap();
    let of_file = FileReference::open(path).unwrap_err().to_string();
    let name = path.display().to_string();
    let of_store =
        Importer::open(&store.location, cipher()).unwrap().import(&name, parse(&name, text).unwrap(), "kim", AT_MS);
    assert_eq!(of_store.unwrap_err().to_string(), of_file);
}
