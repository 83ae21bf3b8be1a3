//! What a dealer's code or its asking to wait means, whoever the dealer is.

use processors::{
    callback::retry_after_ms,
    codes::{Class, judge},
    ports::Reply,
    reference::CodeTable,
};
use std::time::Duration;

/// How long a throttled sender waits that was not told; the rate is one of a second.
const THROTTLED_MS: i64 = 1_000;

/// A code as the vendor's answer, or none at all when it leaves open whether the message was taken.
pub fn code(table: CodeTable, code: String, words: Option<String>) -> Reply {
    let row = judge(table, &code);
    match row.class {
        Class::Uncertain => Reply::NoAnswer(format!("{code}: {}", row.meaning)),
        Class::Unknown => Reply::Code { text: words.unwrap_or_default(), code },
        _ => Reply::Code { text: row.meaning.to_owned(), code },
    }
}

/// A sender that is asked to wait, as its Retry-After says. `now_ms`: for one that is a date.
pub fn throttled(retry_after: Option<&str>, now_ms: i64) -> Reply {
    let asked_ms = retry_after.and_then(|text| retry_after_ms(text, now_ms)).unwrap_or(THROTTLED_MS);
    Reply::Throttled(Duration::from_millis(asked_ms.max(0) as u64))
}
