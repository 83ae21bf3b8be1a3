//! How long lines of the audit stay, and what is found by them.

use super::*;
use crate::{
    history::HistorySink,
    reference::{App, By, PushToken, sql::dormant::WOKEN},
    sql::{Purge, Retention},
};
use processors::ports::{Clock, DeadToken, DeadTokens as _, Logged, Move, Sink as _, Written};
use schemas::{History, Topic};
use std::time::Duration;

const DAY_MS: i64 = 86_400_000;

struct Stopped(i64);

impl Clock for Stopped {
    fn now_ms(&self) -> i64 {
        self.0
    }
}

/// A store of history beside the audit, with a message of this time.
fn history(store: &Store, received_at: i64) -> crate::sql::Location {
    let location = match store.location.dialect() {
        Dialect::Sqlite => store.file_beside("history"),
        Dialect::MySql => store.location.clone(),
    };
    let record = History { track_id: "01KJMXCWW00000000000000001".into(), received_at, ..History::default() };
    let topic = Topic::hist(Channel::At);
    let moves = [Move { topic, partition: 0, from: None, to: 1 }];
    let written = HistorySink::history(&location, cipher())
        .unwrap()
        .write(&[Logged { topic, partition: 0, offset: 0, record }], &moves);
    assert_eq!(written, Ok(Written::Moved));
    location
}

fn lines(store: &Store, kind: &str, days: &[i64]) {
    let values = days.iter().map(|day| format!("({}, 'kim', 1, '{kind}', 'x')", AT_MS + day * DAY_MS));
    let values = values.collect::<Vec<_>>().join(", ");
    store.execute(&format!("INSERT INTO audit (at, actor, version, kind, subject) VALUES {values}"));
}

fn days(store: &Store, kind: &str) -> Vec<i64> {
    let found = store.rows(&format!("SELECT at FROM audit WHERE kind = '{kind}' ORDER BY at"));
    found.iter().map(|line| (line.get::<i64>("at").unwrap() - AT_MS) / DAY_MS).collect()
}

pub(super) fn lines_that_tell_numbers_end_and_those_that_prove_or_are_needed_stay(store: &Store) {
    store.import(customers(1)).unwrap();
    store.execute("DELETE FROM audit");
    let kinds = ["push_tokens", "files", "opt_outs", "consents", "templates", "users", "replays"];
    kinds.iter().for_each(|kind| lines(store, kind, &[0, 1_000, 1_900]));
    lines(store, "push_tokens", &[1; 2_500]);
    let history = history(store, AT_MS + 2_000 * DAY_MS);
    let clock = Arc::new(Stopped(AT_MS + 9_000 * DAY_MS));
    let mut retention = Retention::new(clock, Duration::from_secs(180 * 24 * 3600));
    retention.history(&history).unwrap();
    retention.audit(&store.location).unwrap();
    let mut batches = 0;
    let deleted = loop {
        match retention.turn().unwrap() {
            Purge::Going => batches += 1,
            Purge::Ended(deleted) => break deleted,
            Purge::Resting => panic!("it is time"),
        }
    };
    assert_eq!(deleted, 2_500 + 2 + 2 + 1 + 1);
    assert!(batches >= 3 + 4, "{batches}");
    let left = kinds.map(|kind| days(store, kind));
    let all = vec![0, 1_000, 1_900];
    let of_five_years = vec![1_000, 1_900];
    assert_eq!(
        left,
        [vec![1_900], vec![1_900], of_five_years.clone(), of_five_years, all.clone(), all.clone(), all],
        "by the newest row of history, whatever the clock says"
    );
}

pub(super) fn lines_of_a_kind_are_found_by_an_index(store: &Store) {
    let mut seed = customers(2);
    seed.templates = (0..20).map(|n| template(n, "c0")).collect();
    store.import(seed).unwrap();
    lines(store, "push_tokens", &(0..2_500).map(|n| n % 365).collect::<Vec<_>>());
    store.execute(match store.location.dialect() {
        Dialect::Sqlite => "ANALYZE",
        Dialect::MySql => "ANALYZE TABLE audit",
    });
    assert_eq!(store.index_of(WOKEN, &["1772377199999"]), "audit_kind");
    let oldest = match store.location.dialect() {
        Dialect::Sqlite => "SELECT id FROM audit WHERE kind = 'push_tokens' AND at < ? ORDER BY at LIMIT 1000",
        Dialect::MySql => "DELETE FROM audit WHERE kind = 'push_tokens' AND at < ? ORDER BY at LIMIT 1000",
    };
    assert_eq!(store.index_of(oldest, &["1772377300000"]), "audit_kind");
}

pub(super) fn a_token_that_is_registered_again_as_it_was_leaves_no_line(store: &Store) {
    store.import(customers(1)).unwrap();
    let app = App { service_key: format!("{:0>40}", 0), username: "c0".into() };
    let by = |at_ms| By::named("c0/2026", at_ms);
    let token = |user: &str, token: &str| PushToken { app_user_id: user.into(), token: token.into() };
    let mut editor = store.editor();
    let told = || -> Vec<String> {
        let lines = store.rows("SELECT state_after FROM audit WHERE kind = 'push_tokens' ORDER BY id");
        lines.iter().map(|line| line.get("state_after").unwrap()).collect()
    };
    let mut register = |at_ms, tokens: &[PushToken]| editor.register_tokens::<()>(&by(at_ms), &app, tokens).unwrap();
    let (hana, dul) = (token("hana", "a:1"), token("dul", "b:1"));
    let mut wanted = vec![r#"{"registered":2}"#];
    assert_eq!(register(AT_MS, &[hana.clone(), dul.clone()]), Ok(2));
    assert_eq!(told(), wanted);
    assert_eq!(register(AT_MS + 1, &[hana.clone(), dul.clone()]), Ok(0));
    assert_eq!(told(), wanted, "an app says at each start what it said before");
    let at = store.rows("SELECT MIN(registered_at) AS at FROM push_tokens")[0].get::<i64>("at").unwrap();
    assert_eq!(at, AT_MS + 1, "it is known to live");

    assert_eq!(register(AT_MS + 2, &[hana, token("hana", "b:1")]), Ok(0));
    wanted.push(r#"{"registered":1}"#);
    assert_eq!(told(), wanted, "one is another user's");

    let dead = DeadToken {
        vendor: "google".into(),
        token: "a:1".into(),
        code: "SENDER_ID_MISMATCH".into(),
        since_ms: AT_MS + 3,
    };
    SqlDeadTokens::open(&store.location, cipher()).unwrap().note(&[dead], AT_MS + 3).unwrap();
    assert_eq!(register(AT_MS + 4, &[token("hana", "a:1"), token("hana", "b:1")]), Ok(0));
    wanted.push(r#"{"registered":1}"#);
    assert_eq!(told(), wanted, "one is alive again");

    assert_eq!(editor.replace_token(&by(AT_MS + 5), &app, "a:1", "a:1"), Ok(true));
    assert_eq!(told(), wanted, "by itself");
    assert_eq!(editor.replace_token(&by(AT_MS + 6), &app, "a:1", "a:2"), Ok(true));
    wanted.push(r#"{"replaced":1}"#);
    assert_eq!(told(), wanted);
}
