//! What becomes of changes, and of a store that is not as it should be.

use super::*;
use crate::sql::Scripts;

pub(super) fn what_is_imported_is_what_a_file_would_give(store: &Store) {
    let seed = with_every_part();
    let file = Reference::new(Seed { opt_outs: Vec::new(), push_tokens: Vec::new(), ..seed.clone() }).unwrap();
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
    let of_2027 = |reference: &Reference| {
        reference.secret_keys("hanbit-shop").iter().find(|key| key.name == "2027").map(|key| (**key).clone())
    };
    assert_eq!(of_2027(&served), of_2027(&file));
    assert!(served.secret_keys("dure-bank")[0].hash.is_of(b"demo-only-secret-of-dure-bank"));
    assert!(store.import(seed).unwrap().is_none(), "nothing to do");
}

pub(super) fn a_change_is_taken_up_and_only_once(store: &Store) {
    let mut seed = customers(3);
    seed.templates = vec![template(1, "c0"), template(2, "c0")];
    store.import(seed.clone()).unwrap();
    let reference = store.reference();
    assert_eq!(reference.reload(&READY).unwrap(), None);
    seed.templates[0].state = Approval::Stopped;
    seed.templates.remove(1);
    seed.customers.push(Customer { username: "new".into(), ..Customer::default() });
    let written = store.import(seed.clone()).unwrap().unwrap().changes.to_string();
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

pub(super) fn data_that_need_something_wait_until_it_is_made(store: &Store) {
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

pub(super) fn what_could_not_be_made_is_left_out_until_it_is_asked_for_again(store: &Store) {
    let mut seed = customers(1);
    seed.routing_groups = vec![RoutingGroup {
        name: "VIP".into(),
        priority: Lane::Realtime,
        usernames: vec!["c0".into()],
        topics: vec![Family::Sms],
        ..RoutingGroup::default()
    }];
    let routing_groups = seed.routing_groups.clone();
    store.import(seed).unwrap();
    let reference = store.reference();
    let topics = || reference.current().group("c0", "").unwrap().topics.len();
    assert_eq!(topics(), 1);
    let refused = |fresh: &mut Reference| {
        fresh.take_topics_of(&["VIP".to_owned()].into());
        Ok(())
    };
    reference.prepare(&|data| refused(data).unwrap());
    assert_eq!(topics(), 0);
    assert_eq!(reference.current().group("c0", "").unwrap().priority, Lane::Realtime);
    store.import(Seed { routing_groups, ..customers(2) }).unwrap();
    assert!(reference.reload(&refused).unwrap().is_some(), "other changes do not wait for it");
    assert!(reference.current().customer("c1").is_some());
    assert_eq!(reference.reload(&READY).unwrap(), None);
    reference.again();
    assert!(reference.reload(&READY).unwrap().is_some());
    assert_eq!(reference.reload(&READY).unwrap(), None);
}

pub(super) fn contradicting_rows_are_told_once_and_leave_the_old_data_in_force(store: &Store) {
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

pub(super) fn a_group_keeps_its_topics(store: &Store) {
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

pub(super) fn a_store_that_lacks_its_tables_is_told_and_not_touched(store: &Store) {
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
fn up_to(scripts: &Scripts, version: i64) -> Scripts {
    scripts.iter().filter(|script| script.version <= version).copied().collect()
}

pub(super) fn vendors_of_before_are_simulated_and_new_ones_keep_their_protocol(store: &Store) {
    let before = Schema { name: SCHEMA.name, file: up_to(&SCHEMA.file, 2), server: up_to(&SCHEMA.server, 3) };
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
        store.execute("DELETE FROM _sqlx_migrations WHERE version IN (4, 8, 22)");
        SCHEMA.migrate(&store.location).unwrap();
    }
    let reference = store.reference();
    let old = reference.current().vendor(Family::Sms, "old").cloned().unwrap();
    assert_eq!((old.protocol, old.url.as_str(), old.paused), (Protocol::Simulated, "", false));
    let new = json!({
        "name": "dealer", "families": ["AT"], "codes": "bizgo", "weight": 1, "tps": 1, "receipts": true,
        "protocol": "bizgo", "url": "https://mars.ibapi.kr", "paused": true, "cost_krw": {"AT": 7.5},
        "receipt_hours_of": {"AT": 2},
    });
    store.import(Seed { vendors: vec![serde_json::from_value(new.clone()).unwrap()], ..customers(1) }).unwrap();
    reference.reload(&READY).unwrap();
    let read = reference.current().vendor(Family::At, "dealer").cloned().unwrap();
    assert_eq!(*read, serde_json::from_value(new).unwrap());
}

pub(super) fn an_older_copy_of_the_store_is_read_whole(store: &Store) {
    store.import(customers(1)).unwrap();
    store.import(customers(2)).unwrap();
    let reference = store.reference();
    store.execute("UPDATE customers SET version = 1");
    store.execute("DELETE FROM service_keys WHERE version = 2");
    store.execute("DELETE FROM customers WHERE username = 'c1'");
    store.execute("UPDATE reference_version SET version = 1");
    assert_eq!(reference.reload(&READY).unwrap().unwrap().to_string(), "1 customers removed, 1 service keys removed");
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
    let of_store = Importer::open(&store.location, cipher()).unwrap().import(
        &name,
        parse(&name, text).unwrap(),
        "kim",
        AT_MS,
        || {},
    );
    assert_eq!(of_store.unwrap_err().to_string(), of_file);
}
