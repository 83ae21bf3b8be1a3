//! What is known of templates at the dealer that registers them.

use super::*;
use crate::reference::{AtDealer, By, Editor, Leftover, Waiting, Which};
use processors::reference::{SenderGroup, SenderProfile};

fn requested(n: usize, username: &str, sender_key: &str) -> Template {
    Template { state: Approval::Requested, sender_key: Some(sender_key.into()), ..template(n, username) }
}

fn profile(sender_key: &str, username: &str, state: Approval) -> SenderProfile {
    SenderProfile { sender_key: sender_key.into(), username: username.into(), state }
}

fn said(state: &str, comment: Option<&str>) -> AtDealer {
    AtDealer { vendor: "dealer".into(), state: state.into(), comment: comment.map(str::to_owned), noted_at_ms: AT_MS }
}

fn leftover(template: &Template) -> Leftover {
    let Template { channel, username, code, sender_key, .. } = template.clone();
    Leftover { channel, username, code, sender_key: sender_key.unwrap() }
}

pub(super) fn templates_wait_for_their_dealer_under_profiles_that_are_approved(store: &Store) {
    let mut seed = customers(3);
    seed.sender_profiles = vec![
        profile("own", "c0", Approval::Approved),
        profile("unproven", "c0", Approval::Requested),
        profile("theirs", "c1", Approval::Approved),
    ];
    let group = |key: &str, state| SenderGroup {
        group_key: key.into(),
        username: "c1".into(),
        state,
        ..SenderGroup::default()
    };
    seed.sender_groups = vec![group("group", Approval::Approved), group("stopped", Approval::Stopped)];
    let wanted = [requested(0, "c0", "own"), requested(1, "c0", "own"), requested(7, "c1", "group")];
    seed.templates = wanted.to_vec();
    seed.templates.push(requested(2, "c0", "unproven"));
    seed.templates.push(requested(3, "c1", "stopped"));
    seed.templates.push(Template { state: Approval::Approved, ..requested(4, "c0", "own") });
    seed.templates.push(Template { channel: Channel::Ft, ..requested(5, "c0", "own") });
    store.import(seed).unwrap();
    let mut editor = Editor::open(&store.location, cipher(), BOUNDS).unwrap();
    let mut waiting = |behind: (&str, &str), most| {
        let page = editor.waiting(Channel::At, behind, most).unwrap();
        page.into_iter().map(|Waiting { template, of_group }| (template.code.clone(), of_group)).collect::<Vec<_>>()
    };
    let names =
        |names: &[(&str, bool)]| names.iter().map(|(code, group)| ((*code).to_owned(), *group)).collect::<Vec<_>>();
    assert_eq!(waiting(("", ""), 2), names(&[("T0", false), ("T1", false)]));
    assert_eq!(waiting(("c0", "T1"), 2), names(&[("T7", true)]), "of a group, and none under an unproven profile");
}

pub(super) fn a_dealers_word_is_written_on_what_it_inspected_alone(store: &Store) {
    let mut seed = customers(2);
    let (first, second) = (requested(0, "c0", "own"), requested(1, "c0", "own"));
    seed.templates = vec![first.clone(), second.clone()];
    store.import(seed).unwrap();
    let reference = store.reference();
    let mut editor = Editor::open(&store.location, cipher(), BOUNDS).unwrap();
    let by = By::named("vendor/dealer", AT_MS + 1);
    let changed = Template { message: "다른 글".into(), ..first.clone() };
    assert_eq!(editor.settle(&by, &changed, Approval::Approved), Ok(false), "it says something else by now");
    assert_eq!(editor.settle(&by, &first, Approval::Approved), Ok(true));
    assert_eq!(editor.settle(&by, &first, Approval::Rejected), Ok(false), "it waits no more");
    reference.reload(&READY).unwrap();
    let state = |code| reference.current().template(Channel::At, "c0", code).unwrap().state;
    assert_eq!((state("T0"), state("T1")), (Approval::Approved, Approval::Requested));
    let lines = store.rows("SELECT actor, username, subject FROM audit WHERE actor <> 'kim'");
    let told = |column| lines[0].get::<String>(column).unwrap();
    assert_eq!((lines.len(), told("actor"), told("subject")), (1, "vendor/dealer".into(), "AT/c0/T0".into()));

    editor.note_at_dealer(&first, &said("requested", None)).unwrap();
    editor.note_at_dealer(&first, &said("rejected", Some("왜"))).unwrap();
    let other = Template { sender_key: Some("other".into()), ..first.clone() };
    let told = editor.at_dealers(&[&second, &first, &other, &template(0, "c0")]).unwrap();
    assert_eq!(told.into_iter().collect::<Vec<_>>(), [(1, said("rejected", Some("왜")))]);
    let long = "가".repeat(5_000);
    editor.note_at_dealer(&second, &said("refused", Some(&long))).unwrap();
    let told = editor.at_dealers(&[&second]).unwrap();
    assert_eq!(told[&0].comment.as_deref(), Some(&*"가".repeat(4_000)));
}

pub(super) fn what_nobody_has_any_more_is_left_to_be_deleted(store: &Store) {
    let mut seed = customers(2);
    let [gone, kept, moved] = [0, 1, 2].map(|n| requested(n, "c0", "own"));
    seed.templates = vec![gone.clone(), kept.clone(), moved.clone()];
    store.import(seed).unwrap();
    let mut editor = Editor::open(&store.location, cipher(), BOUNDS).unwrap();
    for template in [&gone, &kept, &moved] {
        editor.note_at_dealer(template, &said("approved", None)).unwrap();
    }
    assert_eq!(editor.leftovers(Channel::At, "dealer", ("", "", ""), 9).unwrap(), []);
    let by = By::named("c0/2026", AT_MS + 1);
    let change = |editor: &mut Editor, template: &Template, to: Option<Template>| {
        let which = Which::of([("channel", "AT"), ("username", "c0"), ("code", &*template.code)]);
        let changed = editor.change(&by, "c0", &which, |rows: &mut Vec<Template>| {
            *rows = to.into_iter().collect();
            Ok::<_, ()>(())
        });
        changed.unwrap().unwrap();
    };
    change(&mut editor, &gone, None);
    let under_another = Template { sender_key: Some("another".into()), ..moved.clone() };
    change(&mut editor, &moved, Some(under_another));
    assert_eq!(editor.leftovers(Channel::At, "dealer", ("", "", ""), 9).unwrap(), [leftover(&gone), leftover(&moved)]);
    assert_eq!(editor.leftovers(Channel::At, "other", ("", "", ""), 9).unwrap(), []);
    assert_eq!(editor.leftovers(Channel::At, "dealer", ("", "", ""), 1).unwrap(), [leftover(&gone)]);
    let behind = ("c0", &*gone.code, "own");
    assert_eq!(editor.leftovers(Channel::At, "dealer", behind, 9).unwrap(), [leftover(&moved)]);
    editor.forget_leftover(&leftover(&moved)).unwrap();
    change(&mut editor, &gone, Some(gone.clone()));
    assert_eq!(editor.leftovers(Channel::At, "dealer", ("", "", ""), 9).unwrap(), [], "it was registered again");
}

pub(super) fn one_process_at_a_time_asks_a_dealer(store: &Store) {
    store.import(customers(1)).unwrap();
    let mut editors = [0, 1].map(|_| Editor::open(&store.location, cipher(), BOUNDS).unwrap());
    let mut takes = |who: usize, vendor: &str, now_ms| {
        editors[who].take_turn(vendor, ["a", "b"][who], now_ms, now_ms + 10).unwrap()
    };
    assert!(takes(0, "dealer", 0) && !takes(1, "dealer", 9), "it is a's until 10");
    assert!(takes(1, "other", 9), "of another dealer");
    assert!(takes(0, "dealer", 9) && !takes(1, "dealer", 18) && takes(1, "dealer", 19) && !takes(0, "dealer", 20));
}
