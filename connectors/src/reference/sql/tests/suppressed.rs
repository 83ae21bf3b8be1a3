//! Mailboxes that are not written to, until an operator takes them out.

use super::*;
use crate::reference::{By, Editor, SqlSuppressed, Suppressed};
use processors::ports::{DeadToken, DeadTokens};

pub(super) fn suppressed_mailboxes_are_known_to_all_until_an_operator_takes_them_out(store: &Store) {
    let open = || SqlSuppressed::open(&store.location, cipher()).unwrap();
    let (mut one, mut other) = (open(), open());
    let dead = |address: &str, code: &str, since_ms| DeadToken {
        vendor: "EMAIL".into(),
        token: address.into(),
        code: code.into(),
        since_ms,
    };
    let known = |list: &mut SqlSuppressed, addresses: &[&str]| {
        let asked: Vec<_> = addresses.iter().map(|address| ("EMAIL".to_owned(), (*address).to_owned())).collect();
        list.known(&asked, AT_MS + 400 * 24 * 3_600_000).unwrap()
    };
    let said = |code: &str| Some(code.to_owned());
    assert_eq!(known(&mut one, &[]), []);
    one.note(&[dead("a@b.example", "5.1.1", 1), dead("a@b.example", "5.1.1", 1), dead("c@d.example", "5.1.2", 2)], 9)
        .unwrap();
    one.note(&[dead("a@b.example", "5.2.1", 3)], 9).unwrap();
    let asked = ["a@b.example", "x@b.example", "c@d.example"];
    assert_eq!(known(&mut other, &asked), [said("5.1.1"), None, said("5.1.2")], "the first stays, also after a year");
    let rows = store.rows("SELECT address_lookup FROM suppressed_addresses");
    assert!(rows.len() == 2 && rows.iter().all(|row| row.get::<Vec<u8>>("address_lookup").unwrap().len() == 16));

    let mut editor = Editor::open(&store.location, cipher(), BOUNDS).unwrap();
    assert_eq!(editor.suppressed("a@b.example").unwrap(), Some(Suppressed { code: "5.1.1".into(), since_ms: 1 }));
    assert_eq!(editor.suppressed("x@b.example").unwrap(), None);
    let by = By::named("kim", AT_MS);
    assert!(editor.unsuppress(&by, "a@b.example").unwrap());
    assert!(!editor.unsuppress(&by, "a@b.example").unwrap());
    assert_eq!(known(&mut other, &asked), [None, None, said("5.1.2")]);
    let lines = store.rows("SELECT actor, subject FROM audit WHERE kind = 'suppressed_addresses'");
    assert_eq!(lines.len(), 1);
    assert!(!lines[0].get::<String>("subject").unwrap().contains('@'));
}
