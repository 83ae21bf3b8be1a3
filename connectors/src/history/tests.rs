//! The promises of the store of history, on files.

use super::*;
use crate::cipher::Cipher;
use processors::ports::{Logged, Move, Sink, Written};
use schemas::{Channel, History, Lane, MessageType, Origin, Recipient, Source, State, Topic};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const KEY: &str = "HanbitShopServiceKey00000000000000000001";
/// 2026-03-01 23:59:59.999 in Korea.
const BEFORE_MIDNIGHT_MS: i64 = 1_772_377_199_999;

struct Store {
    folder: tempfile::TempDir,
    cipher: Arc<Cipher>,
}

impl Store {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), cipher: Arc::new(Cipher::new(&[7; 32])) }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("history.db")
    }

    fn sink(&self) -> HistorySink {
        HistorySink::history(&self.path(), Arc::clone(&self.cipher)).unwrap()
    }

    fn reader(&self) -> HistoryReader {
        HistoryReader::open(&self.path(), Arc::clone(&self.cipher)).unwrap()
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
    }
}

fn logged(from: i64, rows: impl IntoIterator<Item = History>) -> Vec<Logged<History>> {
    let place = |(offset, record)| Logged { topic: topic(), partition: 0, offset, record };
    (from..).zip(rows).map(place).collect()
}

fn moved(from: Option<i64>, to: i64) -> [Move; 1] {
    [Move { topic: topic(), partition: 0, from, to }]
}

#[test]
fn a_step_is_read_back_as_it_was_written() {
    let store = Store::new();
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

#[test]
fn no_personal_data_stands_in_the_file() {
    let store = Store::new();
    store.sink().write(&logged(0, [step(1, State::Delivered)]), &moved(None, 1)).unwrap();
    let mut bytes = Vec::new();
    for file in std::fs::read_dir(store.folder.path()).unwrap() {
        bytes.extend(std::fs::read(file.unwrap().path()).unwrap());
    }
    let holds = |text: &str| bytes.windows(text.len()).any(|w| w == text.as_bytes());
    assert!(holds("order-1") && holds("hanbit-shop"));
    for personal in ["1012345678", "주문 안내", "발송되었습니다"] {
        assert!(!holds(personal), "{personal}");
    }
}

#[test]
fn a_recipient_is_found_by_who_has_the_key() {
    let store = Store::new();
    store.sink().write(&logged(0, [step(1, State::Delivered)]), &moved(None, 1)).unwrap();
    let mut database = open(&store.path());
    let found = |lookup: Vec<u8>, database: &mut crate::sqlite::Database| -> i64 {
        let query = sqlx::query_scalar("SELECT count(*) FROM history WHERE recipient_lookup = ?").bind(lookup);
        database.run(async |connection| query.fetch_one(connection).await).unwrap()
    };
    assert_eq!(found(store.cipher.lookup("821012345678"), &mut database), 1);
    assert_eq!(found(store.cipher.lookup("821012345679"), &mut database), 0);
}

fn open(path: &Path) -> crate::sqlite::Database {
    use crate::sqlite::Table as _;
    crate::sqlite::Database::open("history store", path, &HistoryTable::MIGRATIONS).unwrap()
}

#[test]
fn a_day_of_korea_counts_each_ended_message_once() {
    let store = Store::new();
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

#[test]
fn a_row_that_comes_again_is_neither_stored_nor_counted_again() {
    let store = Store::new();
    let mut sink = store.sink();
    sink.write(&logged(0, [step(1, State::Delivered)]), &moved(None, 1)).unwrap();
    // The same row under a new offset, beside a new one.
    let again = logged(1, [step(1, State::Delivered), step(2, State::Delivered)]);
    assert_eq!(sink.write(&again, &moved(Some(1), 3)), Ok(Written::Moved));
    let day = &store.reader().statistics(KEY, "2026-03-01", "2026-03-01").unwrap()[0];
    assert_eq!((day.total, day.success), (2, 2));
}

#[test]
fn a_stalled_writer_that_comes_after_its_successor_changes_nothing() {
    let store = Store::new();
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

#[test]
fn what_is_written_survives_its_writer() {
    let store = Store::new();
    let rows: Vec<History> = (0..600).map(|id| step(id, State::Delivered)).collect();
    store.sink().write(&logged(0, rows), &moved(None, 600)).unwrap();
    assert_eq!(store.sink().positions(&[(topic(), 0)]).unwrap(), [Some(600)]);
    assert_eq!(store.reader().statistics(KEY, "2026-03-01", "2026-03-01").unwrap()[0].total, 600);
}

#[test]
fn another_key_reads_nothing() {
    let store = Store::new();
    store.sink().write(&logged(0, [step(1, State::Delivered)]), &moved(None, 1)).unwrap();
    let other = Arc::new(Cipher::new(&[8; 32]));
    let refused = HistoryReader::open(&store.path(), other).unwrap().steps(&step(1, State::Delivered).track_id);
    assert!(refused.unwrap_err().cause.contains("another key"));
}
