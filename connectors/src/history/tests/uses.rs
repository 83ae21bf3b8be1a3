//! When templates were used last.

use super::*;
use processors::korea::DAY_MS;

/// 0:00 in Korea of the day of [`BEFORE_MIDNIGHT_MS`].
const DAY: i64 = BEFORE_MIDNIGHT_MS + 1 - DAY_MS;

fn sent(id: u32, code: &str, sent_at: i64) -> History {
    History { template_code: Some(code.into()), sent_at: Some(sent_at), ..step(id, State::Delivered) }
}

fn last(store: &Store, codes: &[&str]) -> Vec<Option<i64>> {
    let named =
        |code: &&str| UsedTemplate { username: "hanbit-shop".into(), channel: Channel::At, code: (*code).to_owned() };
    LastUses::open(&store.location).unwrap().of(&codes.iter().map(named).collect::<Vec<_>>()).unwrap()
}

pub(super) fn the_last_day_of_each_template_is_noted_with_its_rows(store: &Store) {
    let mut sink = store.sink();
    let never_left = History { sent_at: None, ..sent(3, "NEVER", DAY) };
    let text = History { channel: Channel::Mt, ..sent(4, "TEXT", DAY) };
    let without = History { template_code: None, ..sent(5, "NONE", DAY) };
    let elsewhere = History { username: "dure-bank".into(), ..sent(6, "OTHER", DAY) };
    let first = [sent(1, "A", DAY + 5), sent(2, "A", BEFORE_MIDNIGHT_MS), never_left, text, without, elsewhere];
    assert_eq!(sink.write(&logged(0, first), &moved(None, 6)), Ok(Written::Moved));
    let all = ["A", "NEVER", "TEXT", "NONE", "OTHER", "a"];
    assert_eq!(last(store, &all), [Some(DAY), None, None, None, None, None]);
    // A later day takes its place, an earlier one that comes late does not.
    let second = [sent(7, "A", DAY - 1), sent(8, "A", BEFORE_MIDNIGHT_MS + 1), sent(9, "B", DAY)];
    assert_eq!(sink.write(&logged(6, second), &moved(Some(6), 9)), Ok(Written::Moved));
    assert_eq!(sink.write(&logged(9, [sent(10, "A", DAY)]), &moved(Some(9), 10)), Ok(Written::Moved));
    assert_eq!(last(store, &["B", "A"]), [Some(DAY), Some(DAY + DAY_MS)]);
    // What is not stored was not used.
    assert_eq!(sink.write(&logged(6, [sent(11, "C", DAY)]), &moved(Some(6), 9)), Ok(Written::Stale));
    assert_eq!(last(store, &["C"]), [None]);
    let many: Vec<_> = (0..700).map(|n| format!("M{n}")).chain(["A".to_owned()]).collect();
    assert_eq!(last(store, &many.iter().map(String::as_str).collect::<Vec<_>>())[700], Some(DAY + DAY_MS));
    let since = LastUses::open(&store.location).unwrap().noted_since().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
    assert!((now - 3_600_000..=now + 1_000).contains(&since), "{since}, now {now}");
}
