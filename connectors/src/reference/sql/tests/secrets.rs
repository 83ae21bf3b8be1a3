//! What the store keeps encrypted, and what the audit leaves out.

use super::*;

pub(super) fn an_endpoint_is_read_back_and_stands_nowhere_in_the_clear(store: &Store) {
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

pub(super) fn the_audit_tells_who_changed_what_without_secrets(store: &Store) {
    store.import(with_endpoint()).unwrap();
    let mut seed = with_endpoint();
    seed.customers[0].auth_allowed = true;
    seed.service_keys[0].callback_uri = Some("https://shop.example/other".into());
    seed.opt_outs = vec![OptOut { username: "c0".into(), recipient: "821012345678".into() }];
    Importer::open(&store.location, cipher()).unwrap().import("seed.toml", seed, "이영희", AT_MS + 5, || {}).unwrap();
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

pub(super) fn who_refused_ads_is_asked_in_a_batch_and_never_forgotten(store: &Store) {
    let out = |username: &str, n: usize| OptOut { username: username.into(), recipient: format!("8210{n:08}") };
    let mut seed = customers(2);
    seed.opt_outs = (0..1500).map(|n| out("c0", n)).collect();
    let Imported { changes, opt_outs, .. } = store.import(seed).unwrap().unwrap();
    assert_eq!((changes.to_string().as_str(), opt_outs), ("2 customers added, 2 service keys added", 1500));
    // A file of before, or of somebody who keeps opt-outs nowhere.
    let mut seed = customers(2);
    seed.opt_outs = vec![out("c0", 3), out("c1", 7), out("c1", 7)];
    assert_eq!(store.import(seed).unwrap().unwrap().opt_outs, 1);
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
