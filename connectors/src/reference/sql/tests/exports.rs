//! A copy that says the same.

use super::*;
use crate::reference::{Revealed, export};

/// All that a store may hold.
fn everything() -> Seed {
    let mut seed = with_every_part();
    let endpoint = with_endpoint().service_keys.remove(0);
    let key = &mut seed.service_keys[2];
    *key = ServiceKey { key: key.key.clone(), username: key.username.clone(), ..endpoint };
    let usernames = [0, 1].map(|n| seed.customers[n].username.clone());
    let out = |n: usize| OptOut { username: usernames[n % 2].clone(), recipient: format!("8210{n:08}") };
    seed.opt_outs = (0..6_000).map(out).collect();
    seed
}

fn text(store: &Store) -> String {
    Revealed::of(&export(&store.location, &cipher()).unwrap()).toml().unwrap()
}

pub(super) fn an_export_is_a_true_copy(store: &Store) {
    store.import(everything()).unwrap().unwrap();
    let copy = text(store);
    assert!(copy.contains(URI) && copy.contains(SECRET) && copy.contains("821000005999"));
    let parsed = || parse("copy", &copy).unwrap();
    assert!(store.import(parsed()).unwrap().is_none(), "it says the same already");
    assert_eq!(parsed().opt_outs.len(), everything().opt_outs.len());
    // In a store of its own with a key of its own, which sorts opt-outs otherwise.
    let other = store.file_beside("copy.db");
    let another = Arc::new(Cipher::new(&[9; 32]));
    Importer::open(&other, Arc::clone(&another)).unwrap().import("copy", parsed(), "kim", AT_MS, || {}).unwrap();
    assert_eq!(Revealed::of(&export(&other, &another).unwrap()).toml().unwrap(), copy);
}

pub(super) fn what_was_removed_is_not_exported(store: &Store) {
    store.import(customers(2)).unwrap();
    store.import(customers(1)).unwrap();
    let rows = export(&store.location, &cipher()).unwrap();
    assert_eq!((rows.customers.len(), rows.service_keys.len()), (1, 1));
    let other = export(&store.location, &Arc::new(Cipher::new(&[8; 32])));
    assert!(other.is_ok(), "nothing of it is encrypted");
    store.import(with_endpoint()).unwrap();
    let told = export(&store.location, &Arc::new(Cipher::new(&[8; 32]))).unwrap_err().to_string();
    assert!(told.contains("another key"), "{told}");
}

pub(super) fn a_store_without_its_tables_has_nothing_to_export(store: &Store) {
    let told = export(&store.location, &cipher()).unwrap_err();
    assert!(matches!(told, ReferenceError::Store(StoreError::Pending { .. })), "{told}");
}
