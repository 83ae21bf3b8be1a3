//! What becomes of changes of single rows.

use super::*;
use crate::reference::{Behind, By, Deed, Deeds, Editor, FileRow, Listed, Refusal, SqlFiles, Unchanged, Which};
use processors::{
    center::opt_out::Source,
    ports::{Files as _, NamedFile},
};

fn by(actor: &str, at_ms: i64) -> By {
    By::named(actor, at_ms)
}

impl Store {
    pub(super) fn editor(&self) -> Editor {
        Editor::open(&self.location, cipher(), BOUNDS).unwrap()
    }
}

pub(super) fn a_customer_is_held_against_the_rules_as_it_is_to_be(store: &Store) {
    store.import(customers(2)).unwrap();
    let mut editor = store.editor();
    let which = Which::of([("username", "c0")]);
    let mut rename = |name: String| {
        let told = editor.change(&by("c0/2026", AT_MS + 1), "c0", &which, |rows: &mut Vec<Customer>| {
            rows[0].name = name;
            Ok::<_, ()>(())
        });
        told.unwrap()
    };
    let reason = "customer \"c0\": name has 65 characters, at most 64".to_owned();
    assert_eq!(rename("가".repeat(65)), Err(Unchanged::Contents(reason)));
    assert_eq!(rename("가".repeat(64)), Ok(()));
}

/// Adds or exchanges a template of `c0`.
fn put(editor: &mut Editor, at_ms: i64, new: Template) {
    let code = new.code.clone();
    let which = Which::of([("channel", "AT"), ("username", "c0"), ("code", &code)]);
    let changed = editor.change(&by("c0/2026", at_ms), "c0", &which, |rows: &mut Vec<Template>| {
        *rows = vec![new];
        Ok::<_, ()>(())
    });
    changed.unwrap().unwrap();
}

fn remove(editor: &mut Editor, at_ms: i64, code: &str) {
    let which = Which::of([("channel", "AT"), ("username", "c0"), ("code", code)]);
    let changed = editor.change(&by("c0/2026", at_ms), "c0", &which, |rows: &mut Vec<Template>| {
        rows.clear();
        Ok::<_, ()>(())
    });
    changed.unwrap().unwrap();
}

pub(super) fn a_single_change_is_taken_up_with_its_line_in_the_audit(store: &Store) {
    store.import(customers(2)).unwrap();
    let reference = store.reference();
    let mut editor = store.editor();
    put(&mut editor, AT_MS + 1, template(1, "c0"));
    assert_eq!(reference.reload(&READY).unwrap().unwrap().to_string(), "1 templates added");
    put(&mut editor, AT_MS + 2, Template { state: Approval::Stopped, ..template(1, "c0") });
    assert_eq!(reference.reload(&READY).unwrap().unwrap().to_string(), "1 templates changed");
    let before = store.count("audit");
    put(&mut editor, AT_MS + 3, Template { state: Approval::Stopped, ..template(1, "c0") });
    assert_eq!((store.count("audit"), reference.reload(&READY).unwrap()), (before, None), "it was so already");
    remove(&mut editor, AT_MS + 4, "T1");
    assert_eq!(reference.reload(&READY).unwrap().unwrap().to_string(), "1 templates removed");
    let lines = store.rows("SELECT * FROM audit WHERE kind = 'templates' ORDER BY id");
    let told = |line: &crate::sql::Record| -> (String, String, i64, i64) {
        (
            line.get("actor").unwrap(),
            line.get("subject").unwrap(),
            line.get("version").unwrap(),
            line.get("at").unwrap(),
        )
    };
    let line = |version, at_ms| ("c0/2026".to_owned(), "AT/c0/T1".to_owned(), version, at_ms);
    assert_eq!(
        lines.iter().map(told).collect::<Vec<_>>(),
        [line(2, AT_MS + 1), line(3, AT_MS + 2), line(4, AT_MS + 4)]
    );
}

pub(super) fn a_long_text_is_told_by_its_digest(store: &Store) {
    store.import(customers(1)).unwrap();
    let mut editor = store.editor();
    put(&mut editor, AT_MS + 1, Template { html: Some("x".repeat(5_000)), ..template(1, "c0") });
    put(&mut editor, AT_MS + 2, Template { html: Some("y".repeat(4_096)), ..template(1, "c0") });
    let lines = store.rows("SELECT * FROM audit WHERE kind = 'templates' ORDER BY id");
    let html = |line: usize, column| -> serde_json::Value {
        let told: Option<String> = lines[line].get(column).unwrap();
        told.map_or_else(Default::default, |told| {
            serde_json::from_str::<serde_json::Value>(&told).unwrap()["html"].take()
        })
    };
    let digest = "c59d3c0480cc2d71d8f646e735e92da65450311eec46e81a5db8c7e6e8a92054";
    let long = serde_json::json!({"bytes": 5_000, "sha256": digest});
    assert_eq!((html(0, "state_after"), html(1, "state_before")), (long.clone(), long));
    assert_eq!(html(1, "state_after"), "y".repeat(4_096));
}

pub(super) fn a_refused_change_leaves_nothing(store: &Store) {
    store.import(customers(2)).unwrap();
    let reference = store.reference();
    let mut editor = store.editor();
    let which = Which::of([("channel", "AT"), ("username", "c0"), ("code", "T1")]);
    let mut change = |username: &str, new: Template, told: Result<(), &'static str>| {
        editor
            .change(&by("c0/2026", AT_MS), username, &which, |rows: &mut Vec<Template>| {
                rows.push(new);
                told
            })
            .unwrap()
    };
    assert_eq!(change("c0", template(1, "c0"), Err("no")), Err(Unchanged::Refused("no")));
    for (username, new, said) in [
        ("nobody", template(1, "nobody"), "names customer \"nobody\", which does not exist"),
        ("c0", template(1, "c1"), "names customer \"c1\", which does not exist"),
        ("c0", Template { code: "x".repeat(65), ..template(1, "c0") }, "code has 65 characters, at most 64"),
    ] {
        match change(username, new, Ok(())) {
            Err(Unchanged::Contents(reason)) => assert!(reason.contains(said), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
    if store.location.dialect() == Dialect::MySql {
        let long = Template { title: Some("x".repeat(70_000)), ..template(1, "c0") };
        let told = change("c0", long, Ok(()));
        assert!(matches!(&told, Err(Unchanged::Contents(reason)) if reason.contains("its title")), "{told:?}");
    }
    assert_eq!((store.count("templates"), reference.reload(&READY).unwrap()), (0, None));
    // The lock is free.
    store.import(customers(3)).unwrap().unwrap();
}

pub(super) fn changes_at_the_same_time_are_made_one_after_another(store: &Store) {
    store.import(customers(1)).unwrap();
    let hash = demo().secret_keys.remove(0).hash;
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let hash = hash.clone();
            scope.spawn(move || {
                let mut editor = store.editor();
                for n in 0..5 {
                    let new = SecretKey {
                        username: "c0".into(),
                        name: format!("{worker}-{n}"),
                        hash: hash.clone(),
                        scopes: Scope::ALL.to_vec(),
                        ..SecretKey::default()
                    };
                    let which = Which::of([("username", "c0")]);
                    let changed = editor.change(&by("c0/a", AT_MS), "c0", &which, |keys: &mut Vec<SecretKey>| {
                        // As who sees two: there is room for one at any time.
                        keys.truncate(1);
                        keys.push(new);
                        Ok::<_, ()>(())
                    });
                    changed.unwrap().unwrap();
                }
            });
        }
    });
    let reference = store.reference();
    assert_eq!(reference.current().secret_keys("c0").len(), 2);
    let version = store.rows("SELECT version FROM reference_version")[0].get::<i64>("version").unwrap();
    assert_eq!(version, 21);
}

pub(super) fn what_an_operator_does_is_noted_as_it_begins_and_ends_and_is_no_change(store: &Store) {
    store.import(customers(1)).unwrap();
    let reference = store.reference();
    let mut deeds = Deeds::open(&store.location).unwrap();
    let (begun, ended) = (r#"{"brought":0}"#, r#"{"brought":30}"#);
    let at_ms = AT_MS + 9_000_000;
    let deed = Deed { kind: "replays", subject: "R1", before: None, after: begun };
    deeds.note(&by("kim on host", at_ms), deed).unwrap();
    deeds.note(&by("kim on host", at_ms + 1), Deed { before: Some(begun), after: ended, ..deed }).unwrap();
    let lines = store.rows("SELECT * FROM audit WHERE kind = 'replays' ORDER BY id");
    let told: Vec<(String, String, Option<String>, String)> = lines
        .iter()
        .map(|line| {
            let text = |column: &str| line.get(column).unwrap();
            (text("actor"), text("subject"), line.get("state_before").unwrap(), text("state_after"))
        })
        .collect();
    let line = |before: Option<&str>, after: &str| {
        ("kim on host".to_owned(), "R1".to_owned(), before.map(str::to_owned), after.to_owned())
    };
    assert_eq!(told, [line(None, begun), line(Some(begun), ended)]);
    assert_eq!(reference.reload(&READY).unwrap(), None, "nobody takes anything up");
    let since: Vec<Listed<Template>> =
        store.editor().list(&Which::of([("username", "c0")]), Some(at_ms), None, 9).unwrap();
    assert_eq!(since, [], "no row has changed since");
}

pub(super) fn a_list_goes_on_where_it_ended_and_tells_what_changed_since(store: &Store) {
    let mut seed = customers(2);
    seed.templates = (0..7).map(|n| template(n, "c0")).chain([template(0, "c1")]).collect();
    store.import(seed).unwrap();
    let mut editor = store.editor();
    let list = |editor: &mut Editor, since, behind: Option<&Behind>, most| -> Vec<Listed<Template>> {
        let which = Which::of([("username", "c0")]).with_any("channel", ["AT", "FT"]);
        editor.list(&which, since, behind, most).unwrap()
    };
    let codes = |listed: &[Listed<Template>]| listed.iter().map(|row| row.row.code.clone()).collect::<Vec<_>>();
    let (mut told, mut behind) = (Vec::new(), None);
    loop {
        let page = list(&mut editor, None, behind.as_ref(), 3);
        told.extend(codes(&page));
        match page.last() {
            Some(last) => behind = Some(last.behind.clone()),
            None => break,
        }
    }
    assert_eq!(told, ["T0", "T1", "T2", "T3", "T4", "T5", "T6"], "all of one import");
    put(&mut editor, AT_MS + 100_000, Template { message: "바뀐 글".into(), ..template(3, "c0") });
    remove(&mut editor, AT_MS + 100_001, "T5");
    let rest = list(&mut editor, None, behind.as_ref(), 100);
    assert_eq!((codes(&rest), rest[0].changed_at_ms), (vec!["T3".to_owned()], Some(AT_MS + 100_000)));
    let since = list(&mut editor, Some(AT_MS + 100_000), None, 100);
    assert_eq!(
        since.iter().map(|row| (&*row.row.code, row.removed)).collect::<Vec<_>>(),
        [("T3", false), ("T5", true)]
    );
    assert_eq!(list(&mut editor, Some(AT_MS + 9_000_000), None, 100), []);
    assert_eq!(list(&mut editor, Some(0), None, 100).len(), 7);
    let foreign = Behind { version: 0, name: vec!["one part".into()] };
    assert_eq!(list(&mut editor, None, Some(&foreign), 100).len(), 6, "of no list of two parts");
}

pub(super) fn lists_go_by_an_index(store: &Store) {
    let mut seed = customers(200);
    seed.templates = (0..2000).map(|n| template(n, &format!("c{}", n % 200))).collect();
    store.import(seed).unwrap();
    // As changes one by one leave it.
    store.execute("UPDATE audit SET version = id, at = at + id");
    store.execute(match store.location.dialect() {
        Dialect::Sqlite => "ANALYZE",
        Dialect::MySql => "ANALYZE TABLE templates, audit",
    });
    let which = Which::of([("username", "c0")]);
    let text = list::text::<Template>(&which, false);
    assert_eq!(
        store.index_of(&text, &["'c7'", "0", "1", "1", "'AT'", "'AT'", "'T1'", "100"]),
        "templates_changes",
        "{text}"
    );
    assert_eq!(store.index_of(list::SINCE, &["1772377199999"]), "audit_at");
}

pub(super) fn opt_outs_come_and_go_one_by_one_and_are_listed_by_time(store: &Store) {
    store.import(customers(2)).unwrap();
    let reference = store.reference();
    let mut editor = store.editor();
    let out = |username: &str, n: usize| OptOut { username: username.into(), recipient: format!("8210{n:08}") };
    let mut at_ms = AT_MS;
    let mut refuse = |editor: &mut Editor, outs: &[OptOut], source| {
        at_ms += 1;
        let told = editor.refuse::<()>(&by("c0/2026", at_ms), &outs[0].username, outs, source);
        told.unwrap().unwrap()
    };
    let five: Vec<OptOut> = (0..5).map(|n| out("c0", n)).collect();
    assert_eq!(refuse(&mut editor, &five, Source::Call), 5);
    assert_eq!(refuse(&mut editor, &[out("c0", 4), out("c0", 5), out("c0", 5)], Source::Click), 1);
    assert_eq!(refuse(&mut editor, &five, Source::Customer), 0, "they are there");
    assert_eq!(refuse(&mut editor, &[out("c1", 0)], Source::Customer), 1);
    let mut all = |username: &str| {
        let mut told: Vec<Refusal> = Vec::new();
        loop {
            let behind = told.last().map(|one| one.behind.clone());
            let page = editor.refusals(username, behind.as_ref(), 2).unwrap();
            let ended = page.len() < 2;
            told.extend(page);
            if ended {
                return told;
            }
        }
    };
    let listed = all("c0");
    let mut recipients: Vec<_> = listed.iter().map(|one| one.out.recipient.clone()).collect();
    assert_eq!((&*recipients[5], listed[5].source), ("821000000005", Source::Click), "the newest last");
    assert!(listed[..5].iter().all(|one| one.source == Source::Call && one.refused_at_ms == AT_MS + 1));
    recipients.sort();
    assert_eq!(recipients, (0..6).map(|n| out("c0", n).recipient).collect::<Vec<_>>());
    assert_eq!(all("c1").len(), 1);
    let gone = [out("c0", 2), out("c0", 99), out("c1", 1)];
    assert_eq!(editor.accept(&by("c0/2026", AT_MS), &gone).unwrap(), 1);
    let mut opt_outs = SqlOptOuts::open(&store.location, cipher()).unwrap();
    assert_eq!(opt_outs.refused(&[out("c0", 1), out("c0", 2), out("c1", 0)]).unwrap(), [true, false, true]);
    assert_eq!(reference.reload(&READY).unwrap(), None, "nobody holds them: nobody reads anew");
    let lines = store.rows("SELECT state_after FROM audit WHERE kind = 'opt_outs' ORDER BY id");
    let told: Vec<String> = lines.iter().map(|line| line.get("state_after").unwrap()).collect();
    assert_eq!(told, ["{\"added\":5}", "{\"added\":1}", "{\"added\":1}", "{\"removed\":1}"]);
    assert_eq!(
        store.index_of(refusals::REFUSALS, &["'c0'", "1", "1", "x'00'", "100"]),
        match store.location.dialect() {
            Dialect::Sqlite => "opt_outs_time",
            // Seven rows: either index will do.
            Dialect::MySql => return,
        }
    );
}

fn add(editor: &mut Editor, code: usize) -> Result<(), Unchanged<()>> {
    let new = template(code, "c0");
    let which = Which::of([("channel", "AT"), ("username", "c0"), ("code", &new.code.clone())]);
    let changed = editor.change(&by("c0/2026", AT_MS), "c0", &which, |rows: &mut Vec<Template>| {
        *rows = vec![new];
        Ok(())
    });
    changed.unwrap()
}

pub(super) fn a_customer_has_so_many_rows_and_no_more(store: &Store) {
    let mut seed = customers(2);
    let out = |username: &str, n: usize| OptOut { username: username.into(), recipient: format!("8210{n:08}") };
    seed.opt_outs = (0..3).map(|n| out("c0", n)).collect();
    seed.templates = (0..3).map(|n| template(n, "c0")).chain([template(0, "c1")]).collect();
    store.import(seed).unwrap();
    let bounds = Bounds { templates: 4, opt_outs: 4, ..BOUNDS };
    let mut editor = Editor::open(&store.location, cipher(), bounds).unwrap();
    assert_eq!(add(&mut editor, 3), Ok(()));
    assert_eq!(add(&mut editor, 4), Err(Unchanged::Full { what: "templates", most: 4 }));
    assert_eq!(add(&mut editor, 2), Ok(()), "it is there");
    remove(&mut editor, AT_MS + 1, "T0");
    assert_eq!(add(&mut editor, 4), Ok(()));
    // What is gone stays as a row, and is bounded too.
    for n in 5..41 {
        remove(&mut editor, AT_MS + 1, &format!("T{}", n - 1));
        let told = add(&mut editor, n);
        assert_eq!(told.is_ok(), n < 40, "{n}: {told:?}");
    }
    let who = by("c0/2026", AT_MS);
    let mut refuse = |outs: &[OptOut]| editor.refuse::<()>(&who, "c0", outs, Source::Call).unwrap();
    assert_eq!(refuse(&[out("c0", 2), out("c0", 3)]), Ok(1), "those of an import count");
    assert_eq!(refuse(&[out("c0", 4)]), Err(Unchanged::Full { what: "opt_outs", most: 4 }));
    assert_eq!(refuse(&[out("c0", 3)]), Ok(0));
    assert_eq!(editor.accept(&who, &[out("c0", 0), out("c0", 9)]), Ok(1));
    assert_eq!(editor.refuse::<()>(&who, "c0", &[out("c0", 4)], Source::Call).unwrap(), Ok(1));
    let counted = store.rows("SELECT counted FROM row_counts WHERE kind = 'opt_outs' AND username = 'c0'");
    assert_eq!((counted[0].get::<i64>("counted").unwrap(), store.count("opt_outs")), (4, 4));
}

fn file(key: &str, created_at_ms: i64) -> FileRow {
    FileRow {
        key: key.into(),
        channel: Channel::Mt,
        name: "봄.jpg".into(),
        content_type: "image/jpeg".into(),
        bytes: 300,
        pixels: Some((640, 480)),
        created_at_ms,
    }
}

pub(super) fn a_file_that_was_cut_off_is_found_and_forgotten(store: &Store) {
    SCHEMA.migrate(&store.location).unwrap();
    let mut editor = store.editor();
    let who = by("c0/2026", AT_MS);
    for (key, at_ms) in [("A", AT_MS), ("B", AT_MS + 1), ("C", AT_MS + 2)] {
        editor.expect_file::<()>(&who, "c0", &file(key, at_ms)).unwrap().unwrap();
    }
    let fourth = editor.expect_file::<()>(&who, "c0", &file("D", AT_MS)).unwrap();
    assert_eq!(fourth, Err(Unchanged::Full { what: "file_bytes", most: 1_000 }), "what is on its way counts");
    assert_eq!(editor.file("c0", "A").unwrap(), None, "it is not there yet");
    assert_eq!((editor.keep_file(&who, "c0", "A"), editor.keep_file(&who, "c0", "A")), (Ok(true), Ok(false)));
    assert_eq!(editor.file("c0", "A").unwrap(), Some(file("A", AT_MS)));
    assert_eq!(editor.file("c1", "A").unwrap(), None);
    let cut = |editor: &mut Editor| editor.cut_files(AT_MS + 2, 10).unwrap();
    assert_eq!(cut(&mut editor), [("c0".to_owned(), "B".to_owned())], "C is younger, A is kept");
    assert_eq!((editor.drop_file(&who, "c0", "A"), editor.drop_file(&who, "c0", "A")), (Ok(true), Ok(false)));
    for (username, key) in cut(&mut editor) {
        editor.forget_file(&username, &key).unwrap();
    }
    assert_eq!((cut(&mut editor), store.count("files")), (Vec::new(), 1));
    let counted = store.rows("SELECT counted FROM row_counts WHERE username = 'c0' ORDER BY kind");
    assert_eq!(counted.iter().map(|row| row.get::<i64>("counted").unwrap()).collect::<Vec<_>>(), [300, 1]);
    let names = store.rows("SELECT name FROM files");
    assert!(!names[0].get::<Vec<u8>>("name").unwrap().windows(3).any(|part| part == b"jpg"));
}

pub(super) fn files_that_messages_name_are_told_in_a_batch_and_remembered(store: &Store) {
    SCHEMA.migrate(&store.location).unwrap();
    let (mut editor, mut files) = (store.editor(), SqlFiles::open(&store.location).unwrap());
    let who = by("c0/2026", AT_MS);
    for row in [file("A", AT_MS), file("B", AT_MS), FileRow { channel: Channel::Em, ..file("C", AT_MS) }] {
        editor.expect_file::<()>(&who, "c0", &row).unwrap().unwrap();
    }
    for key in ["A", "C"] {
        assert_eq!(editor.keep_file(&who, "c0", key), Ok(true));
    }
    let named = |username: &str, key: &str, channel| NamedFile { username: username.into(), key: key.into(), channel };
    let asked = [
        named("c0", "A", Channel::Mt),
        named("c0", "A", Channel::Em),
        named("c0", "C", Channel::Em),
        named("c0", "C", Channel::Mt),
        named("c0", "B", Channel::Mt),
        named("c1", "A", Channel::Mt),
        named("c0", "a", Channel::Mt),
        named("c0", "A ", Channel::Mt),
        named("c0", "' OR 1=1 --", Channel::Em),
        named("c0", "A", Channel::Mt),
    ];
    // What was uploaded has the bytes of its row.
    assert_eq!(files.there(&asked[..1], AT_MS).unwrap(), [Some(file("A", AT_MS).bytes)]);
    let mut is_there = |asked: &[NamedFile], at_ms| {
        files.there(asked, at_ms).map(|found| found.iter().map(Option::is_some).collect::<Vec<_>>())
    };
    let there = [true, true, true, false, false, false, false, false, false, true];
    assert_eq!(is_there(&asked, AT_MS).unwrap(), there);
    // What comes is there at once, what goes is remembered for a minute.
    assert_eq!((editor.keep_file(&who, "c0", "B"), editor.drop_file(&who, "c0", "A")), (Ok(true), Ok(true)));
    let pair = [named("c0", "A", Channel::Mt), named("c0", "B", Channel::Mt)];
    assert_eq!(is_there(&pair, AT_MS + 59_999).unwrap(), [true, true]);
    assert_eq!(is_there(&pair, AT_MS + 60_000).unwrap(), [false, true]);
    let many: Vec<_> = (0..1200).map(|n| named("c0", &format!("F{n}"), Channel::Em)).chain(pair.clone()).collect();
    assert_eq!(is_there(&many, AT_MS + 60_000).unwrap()[1199..], [false, false, true]);
    assert_eq!(is_there(&[], AT_MS), Ok(Vec::new()));
}
