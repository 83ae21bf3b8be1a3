//! Channels that customers claim, and how profiles stand at their dealer.

use super::*;
use crate::{
    reference::{AtDealer, By, Claim, Editor, Unchanged, Which},
    sql::Database,
};
use processors::{
    center::claim::{BETWEEN_MS, Category, Handed, KEPT_MS, REMEMBERED_MS, Stage},
    reference::{SenderGroup, SenderProfile},
    refusal::Code,
};

fn by(at_ms: i64) -> By {
    By::named("c0/key", at_ms)
}

fn handed() -> Handed {
    Handed {
        token: "TOKEN-7".into(),
        category_code: "00100010001".into(),
        unsubscribe_phone_number: None,
        unsubscribe_auth_number: Some("12".into()),
    }
}

fn editor(store: &Store) -> Editor {
    Editor::open(&store.location, cipher(), BOUNDS).unwrap()
}

fn refused<T: std::fmt::Debug>(told: Result<T, Unchanged<processors::refusal::Refusal>>) -> Code {
    match told.unwrap_err() {
        Unchanged::Refused(refusal) => refusal.code,
        other => panic!("{other:?}"),
    }
}

pub(super) fn nobodys_phone_is_filled_with_tokens(store: &Store) {
    store.import(customers(2)).unwrap();
    let mut editor = editor(store);
    let mut ask = |username: &str, channel: &str, phone: &str, at_ms| {
        editor.ask_token(&by(at_ms), username, channel, phone).unwrap()
    };
    for n in 0..5 {
        assert!(ask("c0", "@a", "01023456789", n * BETWEEN_MS).is_ok(), "{n}");
    }
    let (later, day) = (9 * BETWEEN_MS, REMEMBERED_MS + 1);
    assert_eq!(refused(ask("c1", "@b", "01023456789", later)), Code::QuotaUsedUp, "whoever asks");
    assert!(ask("c1", "@b", "01023456780", later).is_ok());
    assert_eq!(refused(ask("c1", "@b", "01023456780", later + BETWEEN_MS - 1)), Code::QuotaUsedUp, "so soon");
    assert!(ask("c1", "@b", "01023456789", day).is_ok(), "another day");
    for n in 0..15 {
        assert!(ask("c0", "@a", &format!("0103000{n:04}"), later).is_ok(), "{n}");
    }
    assert_eq!(refused(ask("c0", "@a", "01040000000", later)), Code::QuotaUsedUp, "so many customers may not have");
}

pub(super) fn a_claim_is_kept_sealed_and_moved_by_who_saw_it_last(store: &Store) {
    store.import(customers(2)).unwrap();
    let mut editor = editor(store);
    assert_eq!(editor.hand_token(&by(1), "c0", "@한빛", &handed()).unwrap(), None, "nobody claims it");
    let mut claim = editor.ask_token(&by(1), "c0", "@한빛", "01023456789").unwrap().unwrap();
    assert!(editor.claims("c1", Some("@한빛")).unwrap().is_empty(), "another customer's");
    let due = editor.due_claims(Stage::Asked, 1, 9).unwrap();
    assert_eq!((&due[0].claim, &*due[0].phone, &due[0].handed), (&claim, "01023456789", &None));
    assert!(editor.due_claims(Stage::Asked, 0, 9).unwrap().is_empty(), "not yet");
    let mut old = claim.clone();
    (claim.stage, claim.comment) = (Stage::Sent, Some("x".repeat(5_000)));
    assert_eq!(editor.move_claim(&mut claim), Ok(true));
    assert_eq!(editor.move_claim(&mut claim), Ok(true), "whoever wrote it last goes on");
    assert_eq!(editor.move_claim(&mut old), Ok(false), "it was changed meanwhile");
    let seen = editor.claims("c0", None).unwrap().remove(0);
    assert_eq!((seen.stage, seen.comment.map(|text| text.len())), (Stage::Sent, Some(4_000)));
    editor.hand_token(&by(2), "c0", "@한빛", &handed()).unwrap().unwrap().unwrap();
    assert_eq!(editor.move_claim(&mut claim), Ok(false), "the customer was faster");
    let mut due = editor.due_claims(Stage::Handed, 2, 9).unwrap().remove(0);
    assert_eq!((&*due.phone, due.handed), ("01023456789", Some(handed())));
    for hidden in ["TOKEN-7", "23456789"] {
        assert!(!told(store).contains(hidden), "{hidden} stands there in the clear");
    }
    (due.claim.stage, due.claim.sender_key) = (Stage::Registered, Some("k".repeat(40)));
    assert_eq!(editor.move_claim(&mut due.claim), Ok(true));
    assert!(told(store).contains(" 0 bytes"), "who has a profile needs its token no more");
    let again = editor.hand_token(&by(3), "c0", "@한빛", &handed()).unwrap().unwrap();
    assert_eq!(refused(again), Code::Exists);
    editor.forget_claims(KEPT_MS).unwrap();
    assert_eq!(editor.claims("c0", None).unwrap().len(), 1);
    editor.forget_claims(KEPT_MS + 3).unwrap();
    assert_eq!(editor.claims("c0", None).unwrap(), [] as [Claim; 0]);
}

/// What stands in the table and the audit, as far as it can be read.
fn told(store: &Store) -> String {
    let mut database = Database::connect(&store.location, &SCHEMA).unwrap();
    let rows = database.run(async |connection| {
        let claims = connection.query("SELECT * FROM sender_claims").fetch_all().await?;
        let lines = connection.query("SELECT subject, state_after FROM audit").fetch_all().await?;
        let claims = claims.iter().map(|record| {
            let sealed: Vec<u8> = record.get("sealed")?;
            Ok(format!("{} {} bytes", String::from_utf8_lossy(&sealed), sealed.len()))
        });
        let lines = lines.iter().map(|record| {
            Ok(format!("{:?} {:?}", record.get::<String>("subject")?, record.get::<Option<String>>("state_after")?))
        });
        claims.chain(lines).collect::<sqlx::Result<Vec<_>>>()
    });
    rows.unwrap().join("\n")
}

pub(super) fn a_profile_is_its_provers_and_becomes_what_its_dealer_says(store: &Store) {
    let mut seed = customers(2);
    let row =
        |key: &str, username: &str, state| SenderProfile { sender_key: key.into(), username: username.into(), state };
    seed.sender_profiles = vec![
        row("a", "c0", Approval::Approved),
        row("b", "c1", Approval::Approved),
        row("c", "c1", Approval::Requested),
        row("d", "c0", Approval::Stopped),
        row("e", "c0", Approval::Rejected),
    ];
    seed.sender_groups = vec![SenderGroup { group_key: "g".into(), username: "c1".into(), ..SenderGroup::default() }];
    store.import(seed).unwrap();
    let mut editor = editor(store);
    let mut keys = |until_ms, behind: &str, most| {
        let page = editor.to_look_at("dealer", behind, until_ms, most).unwrap();
        page.iter().map(|one| one.profile.sender_key.clone()).collect::<Vec<_>>()
    };
    assert_eq!(keys(0, "", 9), ["a", "b", "d"], "what is nobody's is not looked at");
    assert_eq!((keys(0, "", 1), keys(0, "a", 1)), (vec!["a".to_owned()], vec!["b".to_owned()]));
    let said = |state: &str| AtDealer {
        vendor: "dealer".into(),
        state: state.into(),
        comment: Some("왜".repeat(9_000)),
        noted_at_ms: 5,
    };
    let mut editor = self::editor(store);
    editor.note_profile("a", &said("active")).unwrap();
    editor.note_profile("a", &said("dormant")).unwrap();
    let told = editor.profiles_at_dealers(&["a".to_owned(), "b".to_owned()]).unwrap();
    assert_eq!((told.len(), &*told["a"].state), (1, "dormant"));
    let looked_at = editor.to_look_at("dealer", "", 4, 9).unwrap();
    assert_eq!(looked_at.len(), 2, "a was looked at since");
    let mut woken = |sender_key: &str| editor.wake_profile(&by(5), "c0", sender_key);
    assert_eq!((woken("a"), woken("b")), (Ok(true), Ok(false)));
    let lines = editor.audit(Some("c0"), &(0..i64::MAX), None, 99).unwrap();
    let own = lines.into_iter().filter(|line| line.actor == "c0/key");
    let told: Vec<_> = own.map(|line| (line.kind, line.subject, line.after.unwrap())).collect();
    let asked = ("sender_profiles".to_owned(), "a".to_owned(), r#"{"wakings_asked_for":1}"#.to_owned());
    assert_eq!(told, [asked], "what cannot be woken is no change");
    let looked_at = editor.to_look_at("dealer", "", 4, 9).unwrap().remove(0);
    assert_eq!((looked_at.before.as_deref(), looked_at.recover), (Some("dormant"), true));
    editor.note_profile("a", &said("active")).unwrap();
    assert_eq!(editor.to_look_at("dealer", "", 4, 9).unwrap().len(), 2, "it is woken once");
    assert_eq!(editor.to_look_at("other", "", 4, 9).unwrap().len(), 3, "what another dealer said counts not");

    let category = |code: &str, name: &str| Category { code: code.into(), name: name.into() };
    editor.keep_categories("dealer", &[category("2", "쇼핑"), category("1", "건강"), category("2", "쇼핑")]).unwrap();
    editor.keep_categories("dealer", &[category("3", &"가".repeat(300)), category("1", "건강")]).unwrap();
    assert_eq!(editor.categories().unwrap(), [category("1", "건강")]);

    let own = looked_at.profile;
    assert_eq!(editor.settle_profile(&by(6), &own, Approval::Stopped), Ok(true));
    assert_eq!(editor.settle_profile(&by(6), &own, Approval::Dormant), Ok(false), "it is in that state no more");
    assert_eq!(editor.prove_profile(&by(7), "c0", "c").unwrap(), Ok(Approval::Approved), "who only claimed it");
    assert_eq!(editor.prove_profile(&by(7), "c0", "d").unwrap(), Ok(Approval::Stopped), "an operator's word stays");
    assert!(editor.prove_profile(&by(7), "c0", "b").unwrap().unwrap_err().contains("somebody else"));
    assert!(editor.prove_profile(&by(7), "c0", "g").unwrap().unwrap_err().contains("group"));
    let rows = editor.rows::<SenderProfile>(&Which::of([("username", "c0")])).unwrap();
    let mut rows: Vec<_> = rows.iter().map(|row| (&*row.sender_key, row.state)).collect();
    rows.sort_unstable_by_key(|(key, _)| *key);
    let stopped = |key| (key, Approval::Stopped);
    assert_eq!(rows, [stopped("a"), ("c", Approval::Approved), stopped("d"), ("e", Approval::Rejected)]);
}
