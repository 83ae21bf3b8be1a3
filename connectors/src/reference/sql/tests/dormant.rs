//! What is known of inspected templates.

use super::*;
use crate::reference::{By, Editor, Inspected, Which};

fn inspected(code: &str, state: Approval, since_ms: i64) -> Inspected {
    Inspected { username: "c0".into(), channel: Channel::At, code: code.into(), state, since_ms }
}

pub(super) fn inspected_templates_are_told_in_pages_and_retired(store: &Store) {
    let mut seed = customers(2);
    seed.templates = (0..4).map(|n| template(n, "c0")).collect();
    seed.templates[3].state = Approval::Stopped;
    seed.templates.push(Template { channel: Channel::Mt, ..template(9, "c0") });
    store.import(seed).unwrap();
    let mut editor = Editor::open(&store.location, cipher(), BOUNDS).unwrap();
    let by = |at_ms| By::named("ims/dormancy", at_ms);
    let approved = |code: &str| inspected(code, Approval::Approved, AT_MS);
    assert_eq!(editor.inspected(Channel::At, ("", ""), 2).unwrap(), [approved("T0"), approved("T1")]);
    assert_eq!(editor.inspected(Channel::At, ("c0", "T1"), 2).unwrap(), [approved("T2")], "T3 is stopped");
    assert_eq!(editor.inspected(Channel::Ft, ("", ""), 2).unwrap(), []);

    // One that is another by now stays.
    assert_eq!(editor.retire(&by(AT_MS + 1), &inspected("T0", Approval::Dormant, 0), None), Ok(false));
    assert_eq!(editor.retire(&by(AT_MS + 1), &approved("T0"), Some(Approval::Dormant)), Ok(true));
    assert_eq!(editor.retire(&by(AT_MS + 2), &approved("T0"), Some(Approval::Dormant)), Ok(false), "twice is once");
    let dormant = inspected("T0", Approval::Dormant, AT_MS + 1);
    assert_eq!(editor.inspected(Channel::At, ("", ""), 1).unwrap(), std::slice::from_ref(&dormant));
    assert!(editor.woken(0).unwrap().is_empty());

    // Woken, which the audit tells.
    let which = Which::of([("channel", "AT"), ("username", "c0"), ("code", "T0")]);
    let wake = |rows: &mut Vec<Template>| {
        rows[0].state = Approval::Approved;
        Ok::<_, ()>(())
    };
    editor.change(&by(AT_MS + 3), "c0", &which, wake).unwrap().unwrap();
    let woken = editor.woken(0).unwrap();
    assert_eq!(woken.into_iter().collect::<Vec<_>>(), [("AT/c0/T0".to_owned(), AT_MS + 3)]);
    assert!(editor.woken(AT_MS + 4).unwrap().is_empty());

    // Taken out, for everybody to hear of.
    assert_eq!(
        editor.retire(&by(AT_MS + 5), &inspected("T0", Approval::Approved, 0), Some(Approval::Dormant)),
        Ok(true)
    );
    assert_eq!(editor.retire(&by(AT_MS + 6), &dormant, None), Ok(true));
    assert_eq!(editor.inspected(Channel::At, ("", ""), 1).unwrap(), [approved("T1")]);
    let line = store.rows("SELECT actor, username FROM audit WHERE subject = 'AT/c0/T0' ORDER BY id DESC LIMIT 1");
    let told = |column| line[0].get::<String>(column).unwrap();
    assert_eq!((told("actor"), told("username")), ("ims/dormancy".to_owned(), "c0".to_owned()));
}
