//! Results as they are listed: what is read twice, late or not at all.

use super::super::{Cursor, NhnSettings, Product, brought};
use super::super::{
    poll::{Fresh, PAGE},
    report::{Page, Told},
};
use super::{APP_KEY, SMS, talk::TALK};
use crate::vendors::{
    contract::{Dealer, vendor},
    receipts::Reports,
};
use processors::{codes::judge, ports::Receipt};
use schemas::State;
use serde_json::{Value, json};

/// 2026-03-02 12:00:00 in Korea.
const NOON: i64 = 1_772_420_400_000;
const HOUR: i64 = 3_600_000;

fn result(serial: &str, second: u8, code: Value) -> Value {
    let at = format!("2026-03-02 12:00:{second:02}.0");
    json!({
        "messageType": "SMS", "requestId": format!("r-{serial}"), "recipientSeq": 1, "resultCode": code,
        "resultDate": at, "updateDate": at, "recipientGroupingKey": serial,
    })
}

/// What a page adds to the log; None: there is nothing new.
fn take(cursor: &mut Cursor, total: usize, data: &[Value], now_ms: i64) -> Option<Vec<String>> {
    let page: Page = serde_json::from_value(json!({"body": {"totalCount": total, "data": data}})).unwrap();
    let told = read(cursor, page, now_ms)?;
    cursor.given(now_ms);
    Some(
        told.receipts
            .into_iter()
            .map(|Receipt { serial_number, code, .. }| format!("{serial_number} {code}"))
            .collect(),
    )
}

fn read(cursor: &mut Cursor, page: Page, now_ms: i64) -> Option<Reports> {
    let (last, rows) = page.open(cursor.next(now_ms).page);
    let told = cursor.fresh(rows, Product::Sms).told;
    cursor.take(last, told, "nhn", now_ms)
}

#[test]
fn results_are_asked_for_by_the_vendors_own_clock_whatever_ours_says() {
    const DAY: i64 = 24 * HOUR;
    for apart_ms in [DAY, -DAY, 3 * HOUR] {
        let mut cursor = Cursor::new(NOON, 1);
        cursor.next(NOON);
        assert!(cursor.hear(apart_ms) && !cursor.hear(apart_ms + 900), "once, and a second is no news");
        let asked = cursor.next(NOON);
        assert!((asked.from_ms..asked.to_ms).contains(&(NOON + apart_ms)), "{apart_ms}: {asked:?}");
        assert_eq!(asked.from_ms, NOON + apart_ms - HOUR - 60_000, "as far back as ever");
    }
}

#[test]
fn a_clock_that_is_set_back_loses_no_result_and_gives_none_twice() {
    let mut cursor = Cursor::new(NOON - 2 * HOUR, 1);
    assert!(cursor.hear(2 * HOUR));
    let one = result("1", 1, json!("1000"));
    assert_eq!(take(&mut cursor, 1, std::slice::from_ref(&one), NOON - 2 * HOUR).unwrap(), ["1 1000"]);
    assert!(cursor.hear(0));
    let asked = cursor.next(NOON - 2 * HOUR);
    assert!(asked.from_ms <= NOON - 2 * HOUR, "what is noted now is asked for: {asked:?}");
    assert_eq!(take(&mut cursor, 1, &[one], NOON - 2 * HOUR), None);
}

#[test]
fn a_result_is_given_once_and_its_neighbours_are_looked_at_again() {
    let mut cursor = Cursor::new(NOON, 1);
    let first = cursor.next(NOON);
    assert_eq!(
        (first.from_ms, first.page),
        (NOON - HOUR - 60_000, 1),
        "a minute more, because results are listed late"
    );
    assert_eq!(first.to_ms, NOON + HOUR, "whatever the vendor's clock says");
    let (one, two) = (result("1", 1, json!("1000")), result("2", 30, json!("2003")));
    assert_eq!(take(&mut cursor, 2, &[two.clone(), one], NOON).unwrap(), ["2 2003", "1 1000"]);
    assert_eq!(cursor.next(NOON).from_ms, NOON + 30_000 - 60_000, "by the vendor's own clock");
    let late = result("3", 20, json!("1000"));
    assert_eq!(take(&mut cursor, 2, &[two.clone(), late.clone()], NOON).unwrap(), ["3 1000"]);
    assert_eq!(take(&mut cursor, 2, &[two.clone(), late.clone()], NOON), None);
    let mended = result("3", 40, json!("3001"));
    assert_eq!(take(&mut cursor, 3, &[two, late, mended], NOON).unwrap(), ["3 3001"]);
}

#[test]
fn what_did_not_come_into_the_log_is_read_again() {
    let mut cursor = Cursor::new(NOON, 1);
    let page =
        || serde_json::from_value::<Page>(json!({"body": {"totalCount": 1, "data": [result("1", 1, json!("1000"))]}}));
    for _ in 0..2 {
        let asked = cursor.next(NOON);
        let given = read(&mut cursor, page().unwrap(), NOON).unwrap();
        assert_eq!((given.receipts.len(), cursor.next(NOON)), (1, asked), "nobody has said that it is there");
    }
}

#[test]
fn pages_follow_each_other_until_the_window_is_read() {
    let mut cursor = Cursor::new(NOON, 1);
    let page = |from: usize, to: usize| -> Vec<Value> {
        (from..to).map(|n| result(&n.to_string(), 1, json!("1000"))).collect()
    };
    assert_eq!(take(&mut cursor, PAGE + 1, &page(0, PAGE), NOON).unwrap().len(), PAGE);
    assert_eq!(cursor.next(NOON).page, 2);
    assert_eq!(take(&mut cursor, PAGE + 1, &page(PAGE, PAGE + 1), NOON).unwrap().len(), 1);
    assert_eq!(cursor.next(NOON).page, 1);
    assert_eq!(
        take(&mut cursor, PAGE + 1, &page(0, PAGE), NOON).unwrap().len(),
        0,
        "all are known, and more may follow"
    );
}

#[test]
fn a_long_past_is_read_in_windows_without_a_wait_and_no_window_is_longer_than_a_day() {
    let mut cursor = Cursor::new(NOON, 192);
    let (mut windows, mut read_to) = (0, NOON - 192 * HOUR);
    loop {
        let asked = cursor.next(NOON);
        assert!(asked.from_ms <= read_to && asked.to_ms > read_to, "nothing is passed over");
        assert!(asked.to_ms - asked.from_ms < 24 * HOUR);
        read_to = asked.to_ms;
        windows += 1;
        if take(&mut cursor, 0, &[], NOON).is_none() {
            break;
        }
        assert!(windows < 2_000);
    }
    assert!(read_to > NOON, "the last one is of now");
    // A quiet day later it still begins where something may have been noted.
    let later = cursor.next(NOON + 24 * HOUR);
    assert!(later.from_ms <= NOON);
}

#[test]
fn what_says_nothing_yet_is_waited_for_and_both_published_forms_are_read() {
    let mut cursor = Cursor::new(NOON, 1);
    assert_eq!(take(&mut cursor, 1, &[result("1", 1, json!(null))], NOON), None);
    let around = json!({"body": {"totalCount": 1, "data": {"resultUpdateList": [result("1", 2, json!("1000"))]}}});
    let given = read(&mut cursor, serde_json::from_value(around).unwrap(), NOON).unwrap();
    assert_eq!((given.receipts[0].code.as_str(), given.receipts[0].at_ms), ("1000", NOON + 2_000));
}

/// Of 알림톡: no word of how many there are, none of when they were noted, and no key of ours.
fn talk(id: &str, second: u8) -> Value {
    let at = format!("2026-03-02 12:00:{second:02}.0");
    json!({
        "requestId": id, "recipientSeq": 1, "requestDate": at, "createDate": at, "receiveDate": at,
        "messageStatus": "COMPLETED", "resultCode": "1000", "resultCodeName": "성공",
    })
}

fn talks(cursor: &mut Cursor, told: &[Value], now_ms: i64) -> (bool, Vec<Told>) {
    let page: Page = serde_json::from_value(json!({"messages": told})).unwrap();
    let (last, rows) = page.open(cursor.next(now_ms).page);
    (last, cursor.fresh(rows, Product::Kakao).told)
}

#[test]
fn a_page_of_alimtalk_that_is_full_has_another_behind_it() {
    let mut cursor = Cursor::new(NOON, 1);
    let full: Vec<Value> = (0..PAGE).map(|n| talk(&n.to_string(), 1)).collect();
    assert!(!talks(&mut cursor, &full, NOON).0);
    assert!(talks(&mut cursor, &full[1..], NOON).0);
}

#[test]
fn a_result_that_nobody_knows_is_shown_again_until_it_is_known_or_nobodys() {
    let mut cursor = Cursor::new(NOON, 1);
    let listed = [talk("r-1", 10), talk("r-2", 30)];
    for now_ms in [NOON + 30_000, NOON + 45_000] {
        let (last, told) = talks(&mut cursor, &listed, now_ms);
        assert_eq!(told.iter().map(Told::id).collect::<Vec<_>>(), ["r-1", "r-2"]);
        assert!(told.iter().all(|told| !cursor.is_nobodys(told, now_ms)));
        assert!(cursor.take(last, Vec::new(), "nhn", now_ms).is_none());
        assert_eq!(cursor.next(now_ms).from_ms, NOON + 30_000 - 60_000, "it is listed for a minute more");
    }
    let (last, told) = talks(&mut cursor, &listed, NOON + 60_000);
    let mut told = told.into_iter();
    let (one, two) = (told.next().unwrap(), told.next().unwrap());
    assert!(cursor.is_nobodys(&two, NOON + 60_000));
    let given = cursor.take(last, vec![one.of("S-0R".into())], "nhn", NOON + 60_000).unwrap();
    let Receipt { serial_number, code, at_ms, .. } = &given.receipts[0];
    assert_eq!((serial_number.as_str(), code.as_str(), *at_ms), ("S-0R", "1000", NOON + 10_000));
    cursor.given(NOON + 60_000);
    let left = talks(&mut cursor, &listed, NOON + 60_000).1;
    assert_eq!(left.iter().map(Told::id).collect::<Vec<_>>(), ["r-2"], "what was given is not given again");
}

#[test]
fn a_webhook_brings_results_of_its_own_app_key_and_other_events_bring_nothing() {
    let settings = NhnSettings { app_key: APP_KEY.into(), ..NhnSettings::default() };
    let call = |event: &str, app_key: &str, hooks: Value| {
        let body = json!({"hooksId": "h", "appKey": app_key, "event": event, "hooks": hooks}).to_string();
        let brought = brought(body.as_bytes(), &settings, &vendor(&SMS, "https://dealer.example", 1_000), NOON)?;
        Some(
            brought
                .receipts
                .into_iter()
                .map(|r| format!("{} {} {}", r.serial_number, r.code, r.at_ms))
                .collect::<Vec<_>>(),
        )
    };
    const UPDATED: &str = "MESSAGE_RESULT_UPDATE";
    let hook = |key: &str, status: &str, code: Value| json!({"requestId": "r", "recipientSeq": 1, "messageStatus": status, "resultCode": code, "recipientGroupingKey": key});
    let all = json!([
        hook("1", "COMPLETED", json!("1000")),
        hook("2", "FAILED", json!("3001")),
        hook("3", "FAILED", json!(null)),
        hook("4", "FAILED_AD", json!("")),
        hook("5", "CANCEL", json!(null)),
    ]);
    let told = ["1 1000", "2 3001", "3 E999", "4 E919"].map(|told| format!("{told} {NOON}"));
    assert_eq!(call(UPDATED, APP_KEY, all.clone()).unwrap(), told);
    assert_eq!(call("CONVERSION_BLOCK", APP_KEY, json!([{"countryCode": "1"}])).unwrap(), Vec::<String>::new());
    assert_eq!(call(UPDATED, "another", all), None);
    let strange = json!([7, {"messageStatus": 3}, hook("1", "COMPLETED", json!("1000"))]);
    assert_eq!(call(UPDATED, APP_KEY, strange).unwrap(), told[..1], "the others are not kept back");
}

#[test]
fn a_strange_row_keeps_no_other_back_and_is_counted_once() {
    let mut cursor = Cursor::new(NOON, 1);
    let (mut nameless, mut worded) = (result("1", 1, json!("1000")), result("2", 2, json!("1000")));
    nameless["requestId"] = json!(null);
    worded["recipientSeq"] = json!("1");
    let rows = vec![nameless, worded, json!(7), result("3", 3, json!("1000"))];
    for unread in [3, 0] {
        let page: Page = serde_json::from_value(json!({"body": {"totalCount": 4, "data": &rows}})).unwrap();
        let (last, rows) = page.open(cursor.next(NOON).page);
        let fresh: Fresh = cursor.fresh(rows, Product::Sms);
        assert_eq!((last, fresh.unread), (true, unread));
        let taken = cursor.take(last, fresh.told, "nhn", NOON);
        let serials = taken.map(|taken| taken.receipts.into_iter().map(|r| r.serial_number).collect::<Vec<_>>());
        assert_eq!(serials, (unread > 0).then(|| vec!["3".to_owned()]));
        cursor.given(NOON);
    }
    assert_eq!(cursor.next(NOON).from_ms, NOON + 3_000 - 60_000, "it goes on");
}

#[test]
fn what_failed_without_a_code_has_failed_and_another_step_may_follow() {
    let row_of = |dealer: &Dealer, code: &str| judge(vendor(dealer, "https://dealer.example", 1_000).codes, code);
    for (product, dealer) in [(Product::Sms, &SMS), (Product::Kakao, &TALK)] {
        let mut cursor = Cursor::new(NOON, 1);
        let mut row = talk("r-1", 10);
        for (status, code) in [("READY", json!(null)), ("FAILED", json!("")), ("FAILED", json!(null))] {
            (row["messageStatus"], row["resultCode"]) = (json!(status), code);
            cursor.next(NOON);
            let told = cursor.fresh(vec![row.clone()], product).told;
            let taken = cursor.take(true, told, "nhn", NOON);
            cursor.given(NOON);
            if status == "FAILED" && row["resultCode"] == "" {
                let code = &taken.unwrap().receipts[0].code;
                let row = row_of(dealer, code);
                assert_eq!((row.reported_state(), row.fallback_allowed(false)), (Some(State::Failed), true), "{code}");
                assert!(!row.codes().0.is_empty(), "{code} has a row");
            } else {
                assert!(taken.is_none(), "{status} says nothing yet, or nothing new");
            }
        }
    }
}

#[test]
fn what_nobody_knows_of_the_past_is_nobodys_at_once() {
    let mut cursor = Cursor::new(NOON + 6 * HOUR, 8);
    let told = talks(&mut cursor, &[talk("r-1", 10)], NOON + 6 * HOUR).1;
    assert!(cursor.next(NOON + 6 * HOUR).to_ms < NOON + 6 * HOUR, "it is not listed again");
    assert!(cursor.is_nobodys(&told[0], NOON + 6 * HOUR));
}
