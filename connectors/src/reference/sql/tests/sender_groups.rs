//! What becomes of groups of sender profiles.

use super::*;
use crate::reference::{By, Editor, Unchanged, Which};
use processors::reference::SenderGroup;

pub(super) fn a_group_of_sender_profiles_is_kept_changed_and_taken_up(store: &Store) {
    let group = |key: &str, members: &[&str]| SenderGroup {
        group_key: key.into(),
        username: "c0".into(),
        name: "한빛상점 매장".into(),
        sender_keys: members.iter().map(|member| (*member).to_owned()).collect(),
        ..SenderGroup::default()
    };
    let mut seed = customers(1);
    seed.sender_groups = vec![group("g1", &["k1", "k2"])];
    store.import(seed).unwrap();
    let reference = store.reference();
    assert_eq!(**reference.current().sender_group("g1").unwrap(), group("g1", &["k1", "k2"]));
    assert!(reference.current().is_member("k2", "g1") && !reference.current().is_member("k3", "g1"));
    let mut editor = Editor::open(&store.location, cipher(), BOUNDS).unwrap();
    let mut put = |new: SenderGroup| {
        let which = Which::of([("group_key", &*new.group_key)]);
        let by = By::named("c0/2026", AT_MS + 1);
        let changed = editor.change(&by, "c0", &which, |groups: &mut Vec<SenderGroup>| {
            *groups = vec![new];
            Ok::<_, ()>(())
        });
        changed.unwrap()
    };
    put(SenderGroup { state: Approval::Stopped, ..group("g1", &["k2", "k3"]) }).unwrap();
    put(group("g2", &[])).unwrap();
    assert_eq!(
        reference.reload(&READY).unwrap().unwrap().to_string(),
        "1 sender groups added, 1 sender groups changed"
    );
    let current = reference.current();
    assert!(current.is_member("k3", "g1") && !current.is_member("k1", "g1"));
    assert_eq!(current.sender_group("g1").unwrap().state, Approval::Stopped);
    assert_eq!(put(group("g3", &[])), Err(Unchanged::Full { what: "sender_groups", most: 2 }));
    let told = put(SenderGroup { name: "가".repeat(65), ..group("g2", &[]) });
    let Err(Unchanged::Contents(reason)) = told else { panic!("{told:?}") };
    assert_eq!(reason, "sender group …g2: name has 65 characters, at most 64");
    let line = store.rows("SELECT * FROM audit WHERE kind = 'sender_groups' AND subject = 'g1' ORDER BY id DESC");
    let told = |column: &str| line[0].get::<String>(column).unwrap();
    assert_eq!((told("actor"), told("username")), ("c0/2026".into(), "c0".into()));
    assert!(told("state_before").contains(r#"["k1","k2"]"#) && told("state_after").contains(r#"["k2","k3"]"#));
}
