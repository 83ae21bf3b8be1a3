//! The lots of a file.

use super::*;

pub(super) fn rows_are_found_in_whichever_lot_they_stand(store: &Store) {
    // Three lots of a file. One customer sends nearly all, another now and then; some were scheduled long before.
    let row = |id: u32| History {
        service_key: if id % 1000 == 7 { "seldom".into() } else { KEY.into() },
        received_at: BEFORE_MIDNIGHT_MS + i64::from(if id % 2000 == 1007 { id / 100 } else { id }),
        recipient: Recipient { to: Some(format!("{}@example.com", id % 997)), ..Recipient::default() },
        message: None,
        ..step(id, State::Delivered)
    };
    let mut sink = store.sink();
    for batch in 0..17 {
        let ids = batch * 2_000..(batch + 1) * 2_000;
        let moves = moved((batch > 0).then_some(i64::from(ids.start)), i64::from(ids.end));
        sink.write(&logged(i64::from(ids.start), ids.map(row)), &moves).unwrap();
    }
    if store.location.dialect() == Dialect::Sqlite {
        let rows = |text: &str| store.rows(text).iter().map(|row| row.get("lot").unwrap()).collect::<Vec<i64>>();
        assert_eq!(rows("SELECT lot FROM history_lots"), [0, 1, 2]);
        let wrong = "SELECT lot, earliest, latest FROM history_lots
            EXCEPT SELECT lot, MIN(received_at), MAX(received_at) FROM history GROUP BY lot";
        assert!(rows(wrong).is_empty());
    }
    let mut reader = store.reader();
    let mut places =
        |wanted: Wanted<'_>| -> Vec<Place> { reader.find(&wanted).unwrap().iter().map(Place::of).collect() };
    let expected = |of: &dyn Fn(&History) -> bool, most: usize| -> Vec<Place> {
        let mut all: Vec<Place> = (0..34_000).map(row).filter(of).map(|row| Place::of(&row)).collect();
        all.sort();
        all.into_iter().rev().take(most).collect()
    };
    let seldom = Wanted { service_key: "seldom", ..wanted(By::Time) };
    assert_eq!(places(seldom.clone()), expected(&|row| row.service_key == "seldom", 100));
    // The newest lot has one row, of a message that was scheduled long before.
    let newest = expected(&|row| row.service_key == "seldom", 1);
    assert_eq!(newest[0].track_id, step(32_007, State::Delivered).track_id);
    assert_eq!(places(Wanted { most: 1, ..seldom.clone() }), newest);
    let often = |row: &History| row.service_key == KEY;
    assert_eq!(places(wanted(By::Time)), expected(&often, 100));
    let early = BEFORE_MIDNIGHT_MS..BEFORE_MIDNIGHT_MS + 60;
    let early_rows = |row: &History| often(row) && early.contains(&row.received_at);
    assert_eq!(places(Wanted { received_ms: early.clone(), ..wanted(By::Time) }), expected(&early_rows, 100));
    let number_5 = |row: &History| often(row) && row.recipient.to.as_deref() == Some("5@example.com");
    assert_eq!(places(wanted(By::Recipient("5@example.com"))), expected(&number_5, 100));
    assert_eq!(places(wanted(By::MessageId("order-11"))), expected(&|row| row.message_id == "order-11", 1));
    // The pages of who sends seldom: each begins behind the one before.
    let all = expected(&|row| row.service_key == "seldom", 100);
    for (behind, rest) in (1..all.len()).map(|n| (all[n - 1].clone(), &all[n..])) {
        assert_eq!(places(Wanted { behind: Some(behind), most: 3, ..seldom.clone() }), rest[..rest.len().min(3)]);
    }
}

#[test]
fn a_file_from_before_there_were_lots_is_found_by_them() {
    let store = Store::file();
    let row = |id: u32| History { received_at: BEFORE_MIDNIGHT_MS + i64::from(id), ..step(id, State::Delivered) };
    store.sink().write(&logged(0, (0..9).map(row)), &moved(None, 9)).unwrap();
    for text in [
        "DROP INDEX history_message",
        "DROP INDEX history_recipient",
        "DROP INDEX history_channel",
        "ALTER TABLE history DROP COLUMN lot",
        "DROP TABLE history_lots",
        "CREATE INDEX history_message ON history (message_id, service_key, received_at)",
        "CREATE INDEX history_recipient ON history (recipient_lookup, received_at)",
        "CREATE INDEX history_channel ON history (service_key, requested_channel, received_at, track_id, step)",
        "DELETE FROM _sqlx_migrations WHERE version = 7",
        // As if many others stood between them.
        "UPDATE history SET id = id * 7000 WHERE id > 1",
    ] {
        store.execute(text);
    }
    let ids = |wanted: Wanted<'_>| -> Vec<String> {
        store.reader().find(&wanted).unwrap().into_iter().map(|row| row.message_id).collect()
    };
    let newest_first: Vec<String> = (0..9).rev().map(|id| format!("order-{id}")).collect();
    assert_eq!(ids(wanted(By::Time)), newest_first);
    assert_eq!(ids(wanted(By::Recipient("821012345678"))), newest_first);
    assert_eq!(ids(wanted(By::MessageId("order-0"))), ["order-0"]);
    let lots = || store.rows("SELECT count(*) AS n FROM history_lots")[0].get::<i64>("n").unwrap();
    assert_eq!(lots(), 4, "rows 1, 14,000 to 63,000");
    // What an older process writes meanwhile is noted when this one begins to write.
    store.execute("DELETE FROM history_lots WHERE lot >= 2");
    store.sink();
    assert_eq!((lots(), ids(wanted(By::Time))), (4, newest_first));
    store.sink().write(&logged(9, [row(9)]), &moved(Some(9), 10)).unwrap();
    assert_eq!(ids(Wanted { most: 2, ..wanted(By::Time) }), ["order-9", "order-8"]);
}
