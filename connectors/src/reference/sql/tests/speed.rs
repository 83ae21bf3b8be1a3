//! How fast it goes.

use super::*;

pub(super) fn every_question_goes_by_an_index(store: &Store) {
    let mut seed = customers(500);
    seed.templates = (0..2000).map(|n| template(n, "c1")).collect();
    seed.opt_outs = (0..2000).map(|n| OptOut { username: "c1".into(), recipient: format!("8210{n:08}") }).collect();
    store.import(seed.clone()).unwrap();
    seed.templates[5].state = Approval::Stopped;
    store.import(seed).unwrap();
    store.execute(match store.location.dialect() {
        Dialect::Sqlite => "ANALYZE",
        Dialect::MySql => "ANALYZE TABLE customers, templates, opt_outs, dead_push_tokens",
    });
    for table in ["customers", "templates"] {
        assert_eq!(store.index_of(&held::newer_text(table), &["1"]), format!("{table}_version"));
    }
    let lookups: Vec<String> = (10..15).map(|n| format!("x'00112233445566778899aabbccddee{n}'")).collect();
    let values: Vec<&str> = lookups.iter().flat_map(|lookup| ["'c1'", lookup]).collect();
    assert_eq!(store.index_of(&opt_outs::text(5), &values), "PRIMARY");
    let of_tokens: Vec<&str> = ["1", "'app'"].into_iter().chain(lookups.iter().map(String::as_str)).collect();
    assert_eq!(store.index_of(&dead_tokens::text(5), &of_tokens), "PRIMARY");
    assert_eq!(store.index_of(&export::opt_outs_text(), &["'c1'", "'c1'", values[1]]), "PRIMARY");
    if store.location.dialect() == Dialect::MySql {
        // It goes by what stands in a table, and these have nothing.
        return;
    }
    assert_eq!(store.index_of(dealer_templates::WAITING, &["'AT'", "'c'", "'c'", "'T'", "10"]), "templates_state");
    let leftovers = ["'AT'", "'d'", "'c'", "'c'", "'T'", "'c'", "'T'", "'own'", "10"];
    assert_eq!(store.index_of(dealer_templates::LEFTOVERS, &leftovers), "PRIMARY");
    let of_templates: Vec<&str> = (0..5).flat_map(|_| ["'AT'", "'c1'", "'T1'", "'own'"]).collect();
    assert_eq!(store.index_of(&dealer_templates::text(5), &of_templates), "PRIMARY");
    assert_eq!(store.index_of(claims::DUE, &["'asked'", "1", "10"]), "sender_claims_stage");
    let page = ["1", "1", "x'00'", "10"];
    let of_user: Vec<&str> = ["'key'", &*lookups[0]].into_iter().chain(page).collect();
    assert_eq!(store.index_of(&push_tokens::question(true), &of_user), "push_tokens_user");
    let of_app: Vec<&str> = ["'key'"].into_iter().chain(page).collect();
    assert_eq!(store.index_of(&push_tokens::question(false), &of_app), "push_tokens_time");
    assert_eq!(store.index_of(files::PAGE, &["'c1'", "'MT'", "1", "1", "'A'", "10"]), "files_time");
    assert_eq!(store.index_of(&audit::question(true), &["'c1'", "1", "9", "9", "9", "9", "9", "10"]), "audit_username");
}

/// What `ims run` promises for a change of the reference data.
const TAKEN_UP_WITHIN: std::time::Duration = std::time::Duration::from_secs(5);

pub(super) fn many_customers_are_loaded_in_time(store: &Store) {
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
