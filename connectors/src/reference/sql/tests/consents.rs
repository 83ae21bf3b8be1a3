//! Who agreed to ads, and when that is to be told again.

use super::*;
use crate::reference::{By, ConsentPlace, DueNotice, Editor, GivenConsent, Unchanged, Withdrawal};
use jiff::{Timestamp, civil::Date};
use processors::{
    center::{
        consent::{Agreed, Kind, Named},
        opt_out::Source,
    },
    korea::days_since_1970,
    ports::{AskedConsent, Consents as _},
    reference::Consent,
};

fn by(at_ms: i64) -> By {
    By::named("c0/2026", at_ms)
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

fn consent(username: &str, n: usize, channel: Option<Channel>, kind: Kind, consented_ms: i64) -> Consent {
    Consent {
        username: username.into(),
        recipient: format!("8210{n:08}"),
        app_user: false,
        channel,
        kind,
        consented_at: at(consented_ms),
        withdrawn_at: None,
        noticed_at: None,
    }
}

fn withdrawal(n: usize, channel: Option<Channel>, kind: Kind, at_ms: i64) -> Withdrawal {
    Withdrawal { who: Named { recipient: format!("8210{n:08}"), app_user: false }, channel, kind, at_ms }
}

fn given(consents: &[Consent], dated: bool) -> Vec<GivenConsent> {
    consents.iter().map(|consent| GivenConsent { consent: consent.clone(), dated }).collect()
}

fn keep(editor: &mut Editor, at_ms: i64, consents: &[Consent]) -> u64 {
    let given = given(consents, true);
    editor.consent::<()>(&by(at_ms), &consents[0].username, &given).unwrap().unwrap()
}

fn open(store: &Store) -> Editor {
    Editor::open(&store.location, cipher(), BOUNDS).unwrap()
}

fn asked(username: &str, names: &[&str], channels: &[Channel]) -> AskedConsent {
    AskedConsent {
        username: username.into(),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        channels: channels.to_vec(),
    }
}

pub(super) fn consents_come_are_taken_back_and_are_listed_by_change(store: &Store) {
    store.import(customers(2)).unwrap();
    let reference = store.reference();
    let mut editor = open(store);
    let (ad, night) = (Kind::Ad, Kind::Night);
    let five: Vec<Consent> = (0..5).map(|n| consent("c0", n, None, ad, 1_000)).collect();
    assert_eq!(keep(&mut editor, AT_MS, &five), 5);
    assert_eq!(keep(&mut editor, AT_MS + 1, &five), 0, "they said so before");
    assert_eq!(keep(&mut editor, AT_MS + 1, &[consent("c0", 0, None, ad, 500)]), 0, "older than what is kept");
    assert_eq!(
        keep(&mut editor, AT_MS + 2, &[consent("c0", 1, None, night, 2_000), consent("c0", 0, None, ad, 3_000)]),
        2
    );
    assert_eq!(keep(&mut editor, AT_MS + 2, &[consent("c1", 0, None, ad, 1_000)]), 1);
    let ended =
        [withdrawal(1, None, ad, 4_000), withdrawal(2, Some(Channel::Mt), ad, 4_000), withdrawal(9, None, ad, 4_000)];
    assert_eq!(editor.withdraw(&by(AT_MS + 3), "c0", &ended).unwrap(), 3, "of 1 the night too, of 2 a word about text");
    assert_eq!(editor.withdraw(&by(AT_MS + 4), "c0", &ended).unwrap(), 0, "they were taken back");
    let mut told = Vec::new();
    let mut behind: Option<ConsentPlace> = None;
    loop {
        let page = editor.consents("c0", behind.as_ref(), 2).unwrap();
        behind = page.last().map(|one| one.behind.clone());
        let ended = page.len() < 2;
        told.extend(page.into_iter().map(|one| one.consent));
        if ended {
            break;
        }
    }
    let mut said: Vec<_> =
        told.iter().map(|one| (&*one.recipient, one.channel, one.kind, one.withdrawn_at.is_some())).collect();
    said.sort();
    let mt = Some(Channel::Mt);
    assert_eq!(
        said,
        [
            ("821000000000", None, ad, false),
            ("821000000001", None, ad, true),
            ("821000000001", None, night, true),
            ("821000000002", None, ad, false),
            ("821000000002", mt, ad, true),
            ("821000000002", mt, night, true),
            ("821000000003", None, ad, false),
            ("821000000004", None, ad, false),
            ("821000000009", None, ad, true),
            ("821000000009", None, night, true),
        ]
    );
    assert!(told[4..].iter().all(|one| one.withdrawn_at == Some(at(4_000))), "what changed last stands last: {told:?}");
    let of: Vec<_> = editor.consents_of("c0", &["821000000001".into(), "821000000099".into()]).unwrap();
    assert_eq!(of.len(), 2);
    assert_eq!(reference.reload(&READY).unwrap(), None, "nobody holds them: nobody reads anew");
    let lines = store.rows("SELECT state_after FROM audit WHERE kind = 'consents' AND username = 'c0' ORDER BY id");
    let lines: Vec<String> = lines.iter().map(|line| line.get("state_after").unwrap()).collect();
    assert_eq!(lines, ["{\"kept\":5}", "{\"kept\":2}", "{\"withdrawn\":6}"]);
    assert_eq!(keep(&mut editor, AT_MS + 5, &[consent("c0", 9, None, ad, 3_000)]), 0, "it was given before");
    assert_eq!(keep(&mut editor, AT_MS + 5, &[consent("c0", 9, mt, ad, 3_000)]), 1);
    drop(editor);
    let mut asked_for = crate::reference::SqlConsents::open(&store.location, cipher()).unwrap();
    let told = asked_for.agreed(&[asked("c0", &["821000000009"], &[Channel::Mt])]).unwrap();
    assert_eq!(told[0].missing, Some(Channel::Mt), "what is older than the withdrawal does not stand");
    let bytes = store.bytes("consents");
    assert!(!bytes.windows(8).any(|bytes| bytes == b"82100000"), "in the clear");
}

pub(super) fn who_agreed_is_asked_in_a_batch(store: &Store) {
    let mut seed = customers(2);
    seed.consents = (0..1_200).map(|n| consent("c0", n, None, Kind::Ad, 1_000)).collect();
    seed.consents.push(consent("c0", 3, None, Kind::Night, 1_000));
    seed.consents
        .push(Consent { withdrawn_at: Some(at(2_000)), ..consent("c0", 7, Some(Channel::Mt), Kind::Ad, 1_000) });
    seed.consents.push(Consent { recipient: "hana".into(), app_user: true, ..consent("c0", 0, None, Kind::Ad, 1_000) });
    store.import(seed).unwrap();
    let mut consents = crate::reference::SqlConsents::open(&store.location, cipher()).unwrap();
    assert_eq!(consents.agreed(&[]).unwrap(), []);
    let mt = [Channel::Mt];
    let agreed = |missing, night| Agreed { missing, night };
    let none = agreed(Some(Channel::Mt), false);
    let several = [
        asked("c0", &["821000000003"], &mt),
        asked("c0", &["821000000004"], &mt),
        asked("c0", &["821000000007"], &mt),
        asked("c0", &["821000000007"], &[Channel::Em, Channel::Mt]),
        asked("c0", &["821000000007", "821000000008"], &[Channel::Em]),
        asked("c1", &["821000000003"], &mt),
        asked("c0", &["nobody", "hana"], &[Channel::Pu]),
        asked("c0", &[], &mt),
    ];
    let told = consents.agreed(&several).unwrap();
    assert_eq!(
        told,
        [agreed(None, true), agreed(None, false), none, none, agreed(None, true), none, agreed(None, false), none,],
        "mail has no night"
    );
    assert_eq!(consents.agreed(&[asked("c0", &[], &mt)]).unwrap(), [none], "whom nobody can name");
    let many: Vec<String> = (0..1_500).map(|n| format!("8210{n:08}")).collect();
    let many: Vec<AskedConsent> = many.iter().map(|name| asked("c0", &[name], &[Channel::Em])).collect();
    let told = consents.agreed(&many).unwrap();
    assert_eq!(told.iter().filter(|told| told.missing.is_none()).count(), 1_200);
    assert!(told[1_200..].iter().all(|told| told.missing.is_some()));
}

pub(super) fn of_consents_in_a_file_what_was_said_last_counts(store: &Store) {
    let mut seed = customers(1);
    seed.consents =
        vec![consent("c0", 1, None, Kind::Ad, 1_000), consent("c0", 2, Some(Channel::Em), Kind::Night, 1_000)];
    assert_eq!(store.import(seed.clone()).unwrap().unwrap().consents, 2);
    assert!(store.import(seed.clone()).unwrap().is_none(), "it says the same");
    let mut editor = open(store);
    editor.withdraw(&by(AT_MS), "c0", &[withdrawal(1, None, Kind::Ad, 5_000)]).unwrap();
    assert!(store.import(seed.clone()).unwrap().is_none(), "who took it back since is not forgotten");
    let exported = export(&store.location, &cipher()).unwrap();
    assert_eq!(exported.consents.len(), 3, "with it the night was taken back");
    assert_eq!(exported.consents[0].withdrawn_at, Some(at(5_000)));
    let text = crate::reference::Revealed::of(&exported).toml().unwrap();
    assert_eq!(parse("copy", &text).unwrap().consents, exported.consents, "a file says them all");
    let mut ahead = seed.clone();
    ahead.consents[1].consented_at = at(AT_MS + 1);
    let refused = store.import(ahead).unwrap_err().to_string();
    assert!(refused.contains("consented_at has not come yet"), "{refused}");
    seed.consents[0].consented_at = at(6_000);
    assert_eq!(store.import(seed).unwrap().unwrap().consents, 1, "agreed to again");
    assert_eq!(
        store.rows("SELECT counted FROM row_counts WHERE kind = 'consents'")[0].get::<i64>("counted").unwrap(),
        3
    );
}

pub(super) fn a_list_without_times_moves_no_consent_that_stands(store: &Store) {
    store.import(customers(1)).unwrap();
    let mut editor = open(store);
    let (ad, mt) = (Kind::Ad, Some(Channel::Mt));
    keep(&mut editor, AT_MS, &[consent("c0", 1, None, ad, 1_000), consent("c0", 2, mt, ad, 1_000)]);
    let withdrawals = [withdrawal(2, None, ad, 4_000), withdrawal(3, None, ad, 4_000)];
    editor.withdraw(&by(AT_MS), "c0", &withdrawals).unwrap();
    keep(&mut editor, AT_MS, &[consent("c0", 3, mt, ad, 3_000)]);
    let tonight: Vec<Consent> =
        [(1, None), (1, mt), (2, mt), (3, mt)].map(|(n, channel)| consent("c0", n, channel, ad, 9_000)).to_vec();
    let count = editor.consent::<()>(&by(AT_MS), "c0", &given(&tonight, false)).unwrap().unwrap();
    assert_eq!(count, 3, "but what stood; what was taken back is agreed to again");
    let first = editor.consents_of("c0", &[tonight[0].recipient.clone()]).unwrap();
    assert_eq!((first[0].consent.channel, first[0].consent.consented_at), (None, at(1_000)));
    assert_eq!(editor.consent::<()>(&by(AT_MS), "c0", &given(&tonight, false)).unwrap().unwrap(), 0);
}

pub(super) fn a_customer_keeps_so_many_consents_and_no_more(store: &Store) {
    store.import(customers(1)).unwrap();
    let mut editor = Editor::open(&store.location, cipher(), Bounds { consents: 3, ..BOUNDS }).unwrap();
    let some =
        |n: std::ops::Range<usize>| -> Vec<Consent> { n.map(|n| consent("c0", n, None, Kind::Ad, 1_000)).collect() };
    assert_eq!(keep(&mut editor, AT_MS, &some(0..3)), 3);
    let more = editor.consent::<()>(&by(AT_MS), "c0", &given(&some(2..4), true)).unwrap();
    assert_eq!(more, Err(Unchanged::Full { what: "consents", most: 3 }));
    assert_eq!(store.count("consents"), 3);
}

/// Noon of a day in Seoul.
fn noon(day: &str) -> i64 {
    i64::from(days_since_1970(day.parse().unwrap())) * 86_400_000 + 3 * 3_600_000
}

fn day(day: &str) -> i64 {
    i64::from(days_since_1970(day.parse::<Date>().unwrap()))
}

fn due(editor: &mut Editor, today: &str) -> Vec<DueNotice> {
    while editor.reckon_notices("c0", 2).unwrap() > 0 {}
    let mut all: Vec<DueNotice> = Vec::new();
    loop {
        let page = editor.due_notices("c0", 2, day(today), all.last(), 2).unwrap();
        let ended = page.len() < 2;
        all.extend(page);
        if ended {
            assert_eq!(editor.due_notices_of("c0", 2, day(today)).unwrap(), all.len() as u64);
            return all;
        }
    }
}

pub(super) fn consents_are_due_on_their_day_and_told_once(store: &Store) {
    store.import(customers(2)).unwrap();
    let mut editor = open(store);
    let of = |n, given: &str| consent("c0", n, None, Kind::Ad, noon(given));
    let given =
        [of(0, "2024-02-29"), of(1, "2024-03-01"), of(2, "2024-02-27"), of(3, "2024-02-28"), of(4, "2024-02-28")];
    keep(&mut editor, AT_MS, &given);
    keep(&mut editor, AT_MS, &[consent("c1", 0, None, Kind::Ad, noon("2024-02-28"))]);
    editor.withdraw(&by(AT_MS), "c0", &[withdrawal(3, None, Kind::Ad, AT_MS)]).unwrap();
    let out = OptOut { username: "c0".into(), recipient: given[4].recipient.clone() };
    editor.refuse::<()>(&by(AT_MS), "c0", std::slice::from_ref(&out), Source::Call).unwrap().unwrap();
    assert_eq!(due(&mut editor, "2026-02-26"), []);
    let told: Vec<_> = due(&mut editor, "2026-02-28").into_iter().map(|due| due.consent.recipient).collect();
    assert_eq!(
        told,
        [given[2].recipient.clone(), given[0].recipient.clone()],
        "the longest due first; 29 February on the 28th"
    );
    let all = due(&mut editor, "2026-03-01");
    assert_eq!(all.len(), 3);
    let ids: std::collections::BTreeSet<String> = all.iter().map(|due| due.message_id(&cipher())).collect();
    assert!(ids.len() == 3 && ids.iter().all(|id| id.len() <= 30), "{ids:?}");
    let now = noon("2026-03-01");
    assert!(editor.begin_notice(&all[0], now, now - 600_000).unwrap());
    assert!(!editor.begin_notice(&all[0], now + 1, now + 1 - 600_000).unwrap(), "another process has begun it");
    assert!(editor.begin_notice(&all[0], now + 600_001, now + 1).unwrap(), "and died");
    assert_eq!(due(&mut editor, "2026-03-01")[0].begun_ms, Some(now + 600_001));
    assert_eq!(editor.noticed(&by(now), "c0", 2, &all).unwrap(), 3);
    assert_eq!(editor.noticed(&by(now), "c0", 2, &all).unwrap(), 0, "once");
    assert_eq!(due(&mut editor, "2028-02-26"), []);
    let again = due(&mut editor, "2028-02-29");
    assert_eq!(again.len(), 2);
    assert_ne!(again[0].message_id(&cipher()), all[0].message_id(&cipher()), "another notice");
    assert!(!editor.begin_notice(&all[1], now, now - 600_000).unwrap(), "it was told");
    editor.accept(&by(AT_MS), &[out]).unwrap();
    assert_eq!(due(&mut editor, "2028-02-28").len(), 2, "who took its refusal back is told what is due since");
    let lines = store.rows("SELECT state_after FROM audit WHERE kind = 'consents' ORDER BY id");
    assert_eq!(lines.last().unwrap().get::<String>("state_after").unwrap(), "{\"told again\":3}");
}

/// A page begins where the one before it ended: SQLite tells which columns its search goes by.
fn goes_by_place(store: &Store, text: &str, values: &[&str]) {
    if store.location.dialect() == Dialect::Sqlite {
        let text = values.iter().fold(text.to_owned(), |text, value| text.replacen('?', value, 1));
        let plan = store.rows(&format!("EXPLAIN QUERY PLAN {text}"));
        let first: String = plan[0].get("detail").unwrap();
        assert!(first.contains("=? AND recipient_lookup>?"), "{first}");
    }
}

pub(super) fn who_took_all_back_is_not_told_of_an_older_word(store: &Store) {
    store.import(customers(1)).unwrap();
    let mut editor = open(store);
    let mt = Some(Channel::Mt);
    let given = noon("2024-02-27");
    editor.withdraw(&by(AT_MS), "c0", &[withdrawal(1, None, Kind::Ad, given + 5)]).unwrap();
    let late = [consent("c0", 1, mt, Kind::Ad, given), consent("c0", 2, mt, Kind::Ad, given)];
    keep(&mut editor, AT_MS, &late);
    let told: Vec<_> = due(&mut editor, "2026-02-27").into_iter().map(|due| due.consent.recipient).collect();
    assert_eq!(told, [late[1].recipient.clone()]);
}

pub(super) fn so_many_that_are_due_are_counted(store: &Store) {
    let mut seed = customers(1);
    seed.consents = (0..10_002).map(|n| consent("c0", n, None, Kind::Ad, noon("2024-03-15"))).collect();
    store.import(seed).unwrap();
    let mut editor = open(store);
    while editor.reckon_notices("c0", 2).unwrap() > 0 {}
    assert_eq!(editor.due_notices_of("c0", 2, day("2026-03-15")).unwrap(), 10_001);
}

pub(super) fn a_change_of_law_reckons_what_is_due_anew(store: &Store) {
    store.import(customers(1)).unwrap();
    let mut editor = open(store);
    let given: Vec<Consent> = (0..700).map(|n| consent("c0", n, None, Kind::Ad, noon("2024-03-15"))).collect();
    keep(&mut editor, AT_MS, &given);
    let reckon = |editor: &mut Editor, years| {
        let mut all = 0;
        loop {
            match editor.reckon_notices("c0", years).unwrap() {
                0 => return all,
                some => all += some,
            }
        }
    };
    assert_eq!((reckon(&mut editor, 2), reckon(&mut editor, 2)), (700, 0));
    let of = |editor: &mut Editor, years, on| editor.due_notices_of("c0", years, day(on)).unwrap();
    assert_eq!((of(&mut editor, 2, "2026-03-14"), of(&mut editor, 2, "2026-03-15")), (0, 700));
    assert_eq!((reckon(&mut editor, 1), of(&mut editor, 1, "2025-03-15")), (700, 700), "a shorter term");
    assert_eq!((reckon(&mut editor, 3), of(&mut editor, 3, "2027-03-14")), (700, 0), "a longer one");
    store.execute(match store.location.dialect() {
        Dialect::Sqlite => "ANALYZE",
        Dialect::MySql => "ANALYZE TABLE consents, opt_outs",
    });
    let [of_day, after] = notices::due_texts();
    let values = ["'c0'", "2", "18000", "x'00'", "x'00'", "''", "''", "''", "100"];
    assert_eq!(store.index_of(&of_day, &values), "consents_notice");
    goes_by_place(store, &of_day, &values);
    assert_eq!(store.index_of(&after, &["'c0'", "2", "18000", "19000", "100"]), "consents_notice");
    let values = ["'c0'", "18000", "x'00'", "x'00'", "''", "''", "''", "100"];
    let listed = super::super::consents::LISTED;
    assert_eq!(store.index_of(listed[0], &values), "consents_time");
    goes_by_place(store, listed[0], &values);
    assert_eq!(store.index_of(listed[1], &["'c0'", "18000", "100"]), "consents_time");
    assert_eq!(store.index_of(notices::UNRECKONED[0], &["'c0'", "2", "500"]), "consents_notice");
    assert_eq!(store.index_of(&notices::counted_text(), &["'c0'", "2", "19000", "10001"]), "consents_notice");
    let lookup = "x'00112233445566778899aabbccddeeff'";
    let pairs: Vec<&str> = std::iter::repeat_n(["'c0'", lookup], 5).flatten().collect();
    assert_eq!(store.index_of(&super::super::consents::text(5), &pairs), "PRIMARY");
    let place = ["'c0'", lookup, lookup, "''", "''", "''"];
    assert_eq!(store.index_of(&export::consents_text(), &place), "PRIMARY");
}
