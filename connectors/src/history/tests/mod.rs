//! The promises of the store of history, on a file and on MariaDB.

mod killed;
mod lots;
mod trouble;
mod uses;

use super::*;
use crate::cipher::Cipher;
use crate::sql::testing::{Store, on_both};
use crate::sql::{Connection, Dialect, Schema, SqlSink, Table};
use processors::ports::{Logged, Move, Refused, Sink, Written};
use processors::rules::push::TOKENS;
use schemas::{Channel, History, Lane, MessageType, Origin, Recipient, Source, State, Topic};
use std::sync::Arc;

use lots::rows_are_found_in_whichever_lot_they_stand;
use uses::the_last_day_of_each_template_is_noted_with_its_rows;

const KEY: &str = "HanbitShopServiceKey00000000000000000001";
/// 2026-03-01 23:59:59.999 in Korea.
const BEFORE_MIDNIGHT_MS: i64 = 1_772_377_199_999;

on_both! {
    a_step_is_read_back_as_it_was_written
    no_personal_data_stands_in_the_file
    a_recipient_is_found_by_who_has_the_key
    a_day_of_korea_counts_each_ended_message_once
    a_row_that_comes_again_is_neither_stored_nor_counted_again
    a_stalled_writer_that_comes_after_its_successor_changes_nothing
    what_is_written_survives_its_writer
    another_key_reads_nothing
    a_push_is_found_by_each_token_that_it_went_to
    a_push_to_as_many_tokens_as_may_be_is_kept_and_found_by_the_last
    a_lookup_finds_the_newest_first_and_only_what_was_asked_for
    pages_tell_every_row_once
    rows_are_found_in_whichever_lot_they_stand
    every_lookup_goes_by_an_index
    a_connection_that_breaks_in_the_middle_leaves_nothing
    a_row_that_can_never_be_stored_is_named_and_the_others_go_in
    of_writers_at_the_same_time_one_is_heard
    the_last_day_of_each_template_is_noted_with_its_rows
}

fn cipher() -> Arc<Cipher> {
    Arc::new(Cipher::new(&[7; 32]))
}

impl Store {
    fn sink(&self) -> HistorySink {
        HistorySink::history(&self.location, cipher()).unwrap()
    }

    fn reader(&self) -> HistoryReader {
        HistoryReader::open(&self.location, cipher()).unwrap()
    }
}

fn topic() -> Topic {
    Topic::hist(Channel::At)
}

fn step(id: u32, state: State) -> History {
    History {
        track_id: format!("01KJMXCWW00000000000{id:06}"),
        serial_number: format!("01KJMXCWW00000000000{id:06}-0R"),
        step: 0,
        last_step: true,
        username: "hanbit-shop".into(),
        service_key: KEY.into(),
        message_id: format!("order-{id}"),
        requested_channel: Channel::At,
        requested_type: MessageType::At,
        channel: Channel::At,
        message_type: MessageType::At,
        priority: Lane::Realtime,
        state,
        origin: Origin::Vendor,
        code: "0000".into(),
        vendor: "kakao-a".into(),
        vendor_code: "0000".into(),
        attempts: 1,
        recipient: Recipient {
            phone_number: Some("1012345678".into()),
            country_code: Some("82".into()),
            ..Recipient::default()
        },
        title: Some("주문 안내".into()),
        message: Some("한빛상점입니다. 주문하신 상품이 발송되었습니다.".into()),
        received_at: BEFORE_MIDNIGHT_MS,
        distribution_at: Some(BEFORE_MIDNIGHT_MS + 3),
        sent_at: Some(BEFORE_MIDNIGHT_MS + 9),
        report_at: BEFORE_MIDNIGHT_MS + 60,
        source: Source::Producer,
        bill_code: Some("B-1".into()),
        template_code: None,
    }
}

fn logged(from: i64, rows: impl IntoIterator<Item = History>) -> Vec<Logged<History>> {
    let place = |(offset, record)| Logged { topic: topic(), partition: 0, offset, record };
    (from..).zip(rows).map(place).collect()
}

fn moved(from: Option<i64>, to: i64) -> [Move; 1] {
    [Move { topic: topic(), partition: 0, from, to }]
}

fn a_step_is_read_back_as_it_was_written(store: &Store) {
    let fallback = History {
        step: 1,
        channel: Channel::Mt,
        message_type: MessageType::Lms,
        title: None,
        recipient: Recipient { to: Some("kim@example.com".into()), ..Recipient::default() },
        ..step(1, State::Delivered)
    };
    let first = History { last_step: false, state: State::Failed, message: None, ..step(1, State::Failed) };
    let mut sink = store.sink();
    assert_eq!(sink.write(&logged(0, [first.clone(), fallback.clone()]), &moved(None, 2)), Ok(Written::Moved));
    assert_eq!(store.reader().steps(&first.track_id).unwrap(), [first, fallback]);
    assert_eq!(store.reader().steps("01KJMXCWW00000000000999999").unwrap(), []);
}

fn no_personal_data_stands_in_the_file(store: &Store) {
    store.sink().write(&logged(0, [step(1, State::Delivered)]), &moved(None, 1)).unwrap();
    let bytes = store.bytes("history");
    let holds = |text: &str| bytes.windows(text.len()).any(|w| w == text.as_bytes());
    assert!(holds("order-1") && holds("hanbit-shop"));
    for personal in ["1012345678", "주문 안내", "발송되었습니다"] {
        assert!(!holds(personal), "{personal}");
    }
}

fn a_recipient_is_found_by_who_has_the_key(store: &Store) {
    store.sink().write(&logged(0, [step(1, State::Delivered)]), &moved(None, 1)).unwrap();
    let mut reader = store.reader();
    let mut found = |recipient| reader.find(&wanted(By::Recipient(recipient))).unwrap().len();
    assert_eq!((found("821012345678"), found("821012345679")), (1, 0));
}

fn a_day_of_korea_counts_each_ended_message_once(store: &Store) {
    let states =
        [State::Delivered, State::Delivered, State::Failed, State::Uncertain, State::Expired, State::Cancelled];
    let mut rows: Vec<History> = (0..).zip(states).map(|(id, state)| step(id, state)).collect();
    // A message that failed on the first channel and was delivered by the next: one message, under what was requested.
    rows.push(History { last_step: false, ..step(10, State::Failed) });
    rows.push(History { step: 1, channel: Channel::Mt, message_type: MessageType::Lms, ..step(10, State::Delivered) });
    // One millisecond later it is the next day.
    rows.push(History { received_at: BEFORE_MIDNIGHT_MS + 1, ..step(11, State::Delivered) });
    let mut sink = store.sink();
    // Two batches: counts add up.
    sink.write(&logged(0, rows[..4].to_vec()), &moved(None, 4)).unwrap();
    sink.write(&logged(4, rows[4..].to_vec()), &moved(Some(4), 9)).unwrap();
    let day = DayStatistics {
        day: "2026-03-01".into(),
        channel: Channel::At,
        message_type: MessageType::At,
        total: 7,
        success: 3,
        fail: 3,
        uncertain: 1,
        expired: 1,
        cancelled: 1,
        fallback: 1,
        fallback_success: 1,
    };
    let none = DayStatistics {
        fail: 0,
        uncertain: 0,
        expired: 0,
        cancelled: 0,
        fallback: 0,
        fallback_success: 0,
        ..day.clone()
    };
    let next = DayStatistics { day: "2026-03-02".into(), total: 1, success: 1, ..none };
    assert_eq!(store.reader().statistics(KEY, "2026-03-01", "2026-03-02").unwrap(), [day.clone(), next]);
    assert_eq!(store.reader().statistics(KEY, "2026-02-01", "2026-03-01").unwrap(), [day]);
    assert_eq!(store.reader().statistics("another key", "2026-03-01", "2026-03-02").unwrap(), []);
}

fn a_row_that_comes_again_is_neither_stored_nor_counted_again(store: &Store) {
    let mut sink = store.sink();
    sink.write(&logged(0, [step(1, State::Delivered)]), &moved(None, 1)).unwrap();
    // The same row under a new offset, beside a new one.
    let again = logged(1, [step(1, State::Delivered), step(2, State::Delivered)]);
    assert_eq!(sink.write(&again, &moved(Some(1), 3)), Ok(Written::Moved));
    let day = &store.reader().statistics(KEY, "2026-03-01", "2026-03-01").unwrap()[0];
    assert_eq!((day.total, day.success), (2, 2));
}

fn a_stalled_writer_that_comes_after_its_successor_changes_nothing(store: &Store) {
    let (mut stalled, mut successor) = (store.sink(), store.sink());
    let places = [(topic(), 0), (topic(), 1)];
    stalled.write(&logged(0, [step(1, State::Delivered)]), &moved(None, 1)).unwrap();
    assert_eq!(successor.positions(&places).unwrap(), [Some(1), None]);
    assert_eq!(successor.write(&logged(1, [step(2, State::Delivered)]), &moved(Some(1), 2)), Ok(Written::Moved));
    // Longer than what the successor wrote, and with a partition that would still move.
    let late = logged(1, [step(2, State::Delivered), step(3, State::Failed)]);
    let moves = [Move { partition: 1, ..moved(None, 1)[0] }, moved(Some(1), 3)[0]];
    assert_eq!(stalled.write(&late, &moves), Ok(Written::Stale));
    assert_eq!(stalled.write(&late, &moved(None, 3)), Ok(Written::Stale));
    assert_eq!(stalled.positions(&places).unwrap(), [Some(2), None]);
    assert_eq!(store.reader().statistics(KEY, "2026-03-01", "2026-03-01").unwrap()[0].total, 2);
    assert_eq!(store.reader().steps(&step(3, State::Failed).track_id).unwrap(), []);
}

fn what_is_written_survives_its_writer(store: &Store) {
    let rows: Vec<History> = (0..600).map(|id| step(id, State::Delivered)).collect();
    store.sink().write(&logged(0, rows), &moved(None, 600)).unwrap();
    assert_eq!(store.sink().positions(&[(topic(), 0)]).unwrap(), [Some(600)]);
    assert_eq!(store.reader().statistics(KEY, "2026-03-01", "2026-03-01").unwrap()[0].total, 600);
}

fn another_key_reads_nothing(store: &Store) {
    store.sink().write(&logged(0, [step(1, State::Delivered)]), &moved(None, 1)).unwrap();
    let other = Arc::new(Cipher::new(&[8; 32]));
    let refused = HistoryReader::open(&store.location, other).unwrap().steps(&step(1, State::Delivered).track_id);
    assert!(refused.unwrap_err().cause.contains("another key"));
}

fn wanted(by: By<'_>) -> Wanted<'_> {
    Wanted { service_key: KEY, by, channels: &[Channel::At], received_ms: 0..i64::MAX, behind: None, most: 100 }
}

fn a_lookup_finds_the_newest_first_and_only_what_was_asked_for(store: &Store) {
    let at = |id: u32, ms: i64| History { received_at: BEFORE_MIDNIGHT_MS + ms, ..step(id, State::Delivered) };
    let again = History { message_id: "order-1".into(), ..at(3, 50) };
    let elsewhere = Recipient { phone_number: Some("1099998888".into()), ..step(4, State::Failed).recipient };
    let other_number = History { recipient: elsewhere, ..at(4, 60) };
    let other_key = History { service_key: "another key".into(), message_id: "order-1".into(), ..at(5, 70) };
    let rows = [at(1, 0), at(2, 10), again, other_number, other_key];
    store.sink().write(&logged(0, rows), &moved(None, 5)).unwrap();
    let mut reader = store.reader();
    let mut ids = |wanted: Wanted<'_>| -> Vec<String> {
        let found = reader.find(&wanted).unwrap();
        found.iter().map(|step| step.track_id.trim_start_matches("01KJMXCWW000000000000").to_owned()).collect()
    };
    assert_eq!(ids(wanted(By::MessageId("order-1"))), ["00003", "00001"]);
    assert_eq!(ids(wanted(By::Recipient("821012345678"))), ["00003", "00002", "00001"]);
    assert_eq!(ids(wanted(By::Time)), ["00004", "00003", "00002", "00001"]);
    assert_eq!(ids(Wanted { most: 2, ..wanted(By::Time) }), ["00004", "00003"]);
    let span = BEFORE_MIDNIGHT_MS + 10..BEFORE_MIDNIGHT_MS + 50;
    assert_eq!(ids(Wanted { received_ms: span, ..wanted(By::Time) }), ["00002"]);
}

fn a_push_is_found_by_each_token_that_it_went_to(store: &Store) {
    let tokens = |of: &[&str]| of.iter().map(|token| (*token).to_owned()).collect::<Vec<_>>();
    let push = |id: u32, recipient: Recipient| History {
        requested_channel: Channel::Pu,
        channel: Channel::Pu,
        received_at: BEFORE_MIDNIGHT_MS + i64::from(id),
        recipient,
        ..step(id, State::Delivered)
    };
    let to = |of: &[&str]| Recipient { push_tokens: tokens(of), ..Recipient::default() };
    let with_number = Recipient { push_tokens: tokens(&["b"]), ..step(4, State::Failed).recipient };
    let rows = [
        push(1, to(&["a"])),
        push(2, to(&["a", "b", "c", "b", "a"])),
        push(3, Recipient { app_user_id: Some("hana".into()), ..to(&["c"]) }),
        push(4, with_number.clone()),
        // What follows a push by text did not go to its tokens.
        History { step: 1, channel: Channel::Mt, ..push(4, with_number) },
        History { service_key: "another key".into(), ..push(5, to(&["x", "b"])) },
    ];
    let mut sink = store.sink();
    sink.write(&logged(0, rows.clone()), &moved(None, 6)).unwrap();
    // Read again, they are the same rows.
    sink.write(&logged(6, rows), &moved(Some(6), 12)).unwrap();
    let mut reader = store.reader();
    let mut found = |by: By<'_>, behind: Option<Place>, most: u32| -> Vec<(String, i32)> {
        let found = reader.find(&Wanted { channels: &[Channel::Pu], behind, most, ..wanted(by) }).unwrap();
        found.iter().map(|row| (row.message_id.clone(), row.step)).collect()
    };
    let ids = |of: &[(u32, i32)]| of.iter().map(|(id, step)| (format!("order-{id}"), *step)).collect::<Vec<_>>();
    for (token, expected) in
        [("a", vec![(2, 0), (1, 0)]), ("b", vec![(4, 0), (2, 0)]), ("c", vec![(3, 0), (2, 0)]), ("x", vec![])]
    {
        assert_eq!(found(By::Token(token), None, 100), ids(&expected), "{token}");
    }
    assert_eq!(found(By::Recipient("hana"), None, 100), ids(&[(3, 0)]));
    assert_eq!(found(By::Recipient("821012345678"), None, 100), ids(&[(4, 1), (4, 0)]));
    assert_eq!(found(By::Token("b"), None, 1), ids(&[(4, 0)]));
    let behind = Place { received_at: BEFORE_MIDNIGHT_MS + 4, track_id: step(4, State::Failed).track_id, step: 0 };
    assert_eq!(found(By::Token("b"), Some(behind), 1), ids(&[(2, 0)]));
    let rows: i64 = store.rows("SELECT count(*) AS n FROM history_tokens")[0].get("n").unwrap();
    assert_eq!(rows, 2 + 1 + 1 + 1, "none for one token alone");
}

fn a_push_to_as_many_tokens_as_may_be_is_kept_and_found_by_the_last(store: &Store) {
    let tokens: Vec<String> = (0..TOKENS).map(|n| format!("{n:0>163}")).collect();
    let last = tokens[TOKENS - 1].clone();
    let push = History {
        requested_channel: Channel::Pu,
        channel: Channel::Pu,
        recipient: Recipient { push_tokens: tokens, ..Recipient::default() },
        ..step(1, State::Delivered)
    };
    store.sink().write(&logged(0, [push.clone()]), &moved(None, 1)).unwrap();
    let of_pushes = Wanted { channels: &[Channel::Pu], ..wanted(By::Token(&last)) };
    assert_eq!(store.reader().find(&of_pushes).unwrap(), [push]);
}

fn every_lookup_goes_by_an_index(store: &Store) {
    // Enough rows of enough keys that an index is worth it.
    let row = |id: u32| History {
        service_key: format!("key-{}", id % 20),
        channel: Channel::Pu,
        recipient: Recipient {
            phone_number: Some(format!("10{id:08}")),
            push_tokens: vec![format!("token-{id}")],
            ..Recipient::default()
        },
        received_at: BEFORE_MIDNIGHT_MS + i64::from(id) * 60_000,
        ..step(id, State::Delivered)
    };
    store.sink().write(&logged(0, (0..2000).map(row)), &moved(None, 2000)).unwrap();
    // A file is never analysed.
    if store.location.dialect() == Dialect::MySql {
        store.execute("ANALYZE TABLE history, history_tokens, daily_statistics");
    }
    let (key, since, end) = ("'key-5'", "1772377000000", "1900000000000");
    let behind = ["1800000000000", "'01KJ'", "'01KJ'", "0", "100"];
    let channels = |by: By<'_>, of: usize| &["'AT'", "'FT'", "'BT'"][..by.channels_together(of)];
    let values = |by, of, first: &[_]| [first, &[key], channels(by, of), &[since, end], &behind].concat();
    let dialect = store.location.dialect();
    let lookup = "x'00112233445566778899aabbccddeeff'";
    for (by, first, index, begins) in [
        (By::MessageId(""), Some("'order-5'"), "history_message", "message_id=? AND service_key=? AND received_at>?"),
        (By::Recipient(""), Some(lookup), "history_recipient", "recipient_lookup=? AND received_at>?"),
        (By::Token(""), Some(lookup), "history_recipient", "recipient_lookup=? AND received_at>?"),
        (By::Time, None, "history_channel", "service_key=? AND requested_channel=? AND received_at>?"),
    ] {
        for of in [1, 3] {
            let text = by.text(dialect, channels(by, of).len());
            match dialect {
                Dialect::MySql => assert_eq!(store.index_of(&text, &values(by, of, first.as_slice())), index),
                Dialect::Sqlite => {
                    let of_lots = ["0", "9", since, end, "100"];
                    let values = [&values(by, of, first.as_slice())[..], &of_lots].concat();
                    let plan = store.plan_of(&text, &values);
                    let rows = format!("SEARCH history USING INDEX {index} (lot=? AND {begins} AND received_at<?)");
                    let by_id = "SEARCH found USING INTEGER PRIMARY KEY (rowid=?)";
                    assert!(plan.contains(&rows) && plan.iter().any(|line| line == by_id), "{plan:?}");
                    // One is of the few that are left of all lots.
                    let sorted = plan.iter().filter(|line| line.starts_with("USE TEMP B-TREE FOR ORDER BY")).count();
                    assert!(by != By::Time || sorted == 1, "{plan:?}");
                }
            }
        }
    }
    let beside = By::Token("").text_beside(3).unwrap();
    assert_eq!(store.index_of(&beside, &values(By::Token(""), 3, &[lookup])), "history_tokens_token");
    let step = match dialect {
        Dialect::Sqlite => "history_step",
        Dialect::MySql => "PRIMARY",
    };
    assert_eq!(store.index_of(reader::STEPS, &["'01KJMXCWW00000000000000005'"]), step);
    assert_eq!(store.index_of(reader::STATISTICS, &["'key-5'", "'2026-03-01'", "'2026-03-02'"]), "PRIMARY");
}

fn pages_tell_every_row_once(store: &Store) {
    let row = |id: u32| History {
        requested_channel: [Channel::At, Channel::Ft, Channel::Mt][id as usize % 3],
        // Several in the same millisecond, and steps of one message.
        received_at: BEFORE_MIDNIGHT_MS + i64::from(id / 5),
        track_id: format!("01KJMXCWW00000000000{:06}", id / 2),
        step: (id % 2) as i32,
        ..step(id, State::Delivered)
    };
    let mut sink = store.sink();
    sink.write(&logged(0, (0..120).map(row)), &moved(None, 120)).unwrap();
    let kakao = |row: &History| row.requested_channel != Channel::Mt;
    let mut expected: Vec<Place> = (0..120).map(row).filter(kakao).map(|row| Place::of(&row)).collect();
    expected.sort();
    expected.reverse();
    for by in [By::Time, By::Recipient("821012345678")] {
        let mut reader = store.reader();
        let mut told: Vec<Place> = Vec::new();
        loop {
            let channels = &[Channel::At, Channel::Ft, Channel::Bt];
            let wanted = Wanted { channels, behind: told.last().cloned(), most: 7, ..wanted(by) };
            let page = reader.find(&wanted).unwrap();
            told.extend(page.iter().map(Place::of));
            if page.len() < 7 {
                break;
            }
        }
        assert_eq!(told, expected, "{by:?}");
    }
    let again = History { message_id: "order-1".into(), ..row(1) };
    assert_eq!(store.reader().find(&wanted(By::MessageId("order-1"))).unwrap(), []);
    let channels = &[again.requested_channel];
    assert_eq!(store.reader().find(&Wanted { channels, ..wanted(By::MessageId("order-1")) }).unwrap(), [again]);
}

/// Loses its connection after the rows, before the commit.
struct Cut(HistoryTable);

impl Table for Cut {
    type Record = History;
    const SCHEMA: Schema = HistoryTable::SCHEMA;

    async fn write(&mut self, connection: &mut Connection, batch: &[Logged<History>]) -> sqlx::Result<Vec<Refused>> {
        self.0.write(connection, batch).await?;
        match connection.dialect() {
            Dialect::Sqlite => Err(sqlx::Error::Io(std::io::ErrorKind::BrokenPipe.into())),
            Dialect::MySql => connection.execute("KILL CONNECTION_ID()").await.map(|()| Vec::new()),
        }
    }
}

fn a_connection_that_breaks_in_the_middle_leaves_nothing(store: &Store) {
    let mut sink = store.sink();
    sink.write(&logged(0, [step(1, State::Delivered)]), &moved(None, 1)).unwrap();
    let batch = logged(1, (2..600).map(|id| step(id, State::Delivered)));
    let mut cut = SqlSink::open(&store.location, Cut(HistoryTable::new(store.location.dialect(), cipher()))).unwrap();
    for _ in 0..3 {
        assert_eq!(cut.write(&batch, &moved(Some(1), 599)).unwrap_err().dependency, "history store");
        // The connection is made anew, and tells that nothing has moved.
        assert_eq!(cut.positions(&[(topic(), 0)]).unwrap(), [Some(1)]);
    }
    assert_eq!(sink.write(&batch, &moved(Some(1), 599)), Ok(Written::Moved));
    assert_eq!(store.reader().statistics(KEY, "2026-03-01", "2026-03-01").unwrap()[0].total, 599);
}

fn a_row_that_can_never_be_stored_is_named_and_the_others_go_in(store: &Store) {
    let mut rows: Vec<History> = (0..40).map(|id| step(id, State::Delivered)).collect();
    rows[3].received_at = i64::MAX;
    rows[30].message_id = "x".repeat(70_000);
    let mut sink = store.sink();
    let mut left = logged(0, rows);
    let mut named = Vec::new();
    // As a stream does it: take out what is refused, try again.
    while let Written::Refused(refused) = sink.write(&left, &moved(None, 40)).unwrap() {
        assert_eq!(sink.positions(&[(topic(), 0)]).unwrap(), [None]);
        for Refused { row, reason } in refused.into_iter().rev() {
            named.push((left.remove(row).offset, reason));
        }
    }
    named.sort();
    let time = (3, "received_at is no time of the years 0 to 9999".to_owned());
    let long = (30, "the store cannot hold its message_id (MySQL error 1406)".to_owned());
    match store.location.dialect() {
        Dialect::Sqlite => assert_eq!(named, [time]),
        Dialect::MySql => assert_eq!(named, [time, long]),
    }
    let day = &store.reader().statistics(KEY, "2026-03-01", "2026-03-01").unwrap()[0];
    assert_eq!((day.total, sink.positions(&[(topic(), 0)]).unwrap()), (left.len() as i64, vec![Some(40)]));
}

fn of_writers_at_the_same_time_one_is_heard(store: &Store) {
    let batch = |n: u32| logged(i64::from(n) * 10, (n * 10..n * 10 + 10).map(|id| step(id, State::Delivered)));
    let mut sinks: Vec<HistorySink> = (0..3).map(|_| store.sink()).collect();
    for n in 0..10 {
        let moves = moved((n > 0).then_some(i64::from(n) * 10), i64::from(n) * 10 + 10);
        let told: Vec<Written> = std::thread::scope(|scope| {
            let writers = sinks.iter_mut().map(|sink| scope.spawn(|| sink.write(&batch(n), &moves).unwrap()));
            let writers: Vec<_> = writers.collect();
            writers.into_iter().map(|writer| writer.join().unwrap()).collect()
        });
        assert_eq!(told.iter().filter(|written| **written == Written::Moved).count(), 1, "{told:?}");
    }
    assert_eq!(store.reader().statistics(KEY, "2026-03-01", "2026-03-01").unwrap()[0].total, 100);
}
