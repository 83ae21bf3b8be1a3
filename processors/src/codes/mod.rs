//! What vendors' codes mean and how IMS treats them: one dictionary for each [`CodeTable`].
//!
//! A code is looked up once per answer or receipt. Adding a code is adding a row; a test walks the published tables.

mod apns;
mod bizgo;
mod fcm;
mod kakao;
mod nhn;
mod own;
mod rcs;
mod row;
mod smpp;
mod smtp;
#[cfg(test)]
mod tests;
mod text;

pub use own::OutcomeCode;
pub use row::{Class, Fallback, Handling, Row};

use crate::reference::CodeTable;

/// A code that stands in no row: never retried, no fallback (the vendor may have delivered), reported with the vendor's
/// own words, counted.
const UNKNOWN: Row = row::row("", Class::Unknown, Fallback::Never, "a code that is not in the vendor's table");

/// How to treat a code of a vendor's table.
pub fn judge(table: CodeTable, code: &str) -> &'static Row {
    let found = row::find(rows(table), code);
    let found = found.or_else(|| match table {
        // An SMTP reply without a row of its own is treated by its first digit (RFC 5321 §4.2.1, RFC 3463 §2).
        CodeTable::Smtp => smtp::by_class(code),
        CodeTable::Bizgo => bizgo::passed_on(code),
        CodeTable::Smpp => smpp::by_state(code),
        // Reports have the codes of carriers and of Kakao.
        CodeTable::NhnSms => row::find(text::ROWS, code),
        CodeTable::NhnKakao => row::find(kakao::ROWS, code),
        CodeTable::Kakao | CodeTable::Text | CodeTable::Rcs | CodeTable::Fcm | CodeTable::Apns => None,
    });
    found.unwrap_or(&UNKNOWN)
}

/// The rows of a table, sorted by code.
pub fn rows(table: CodeTable) -> &'static [Row] {
    match table {
        CodeTable::Kakao => kakao::ROWS,
        CodeTable::Text => text::ROWS,
        CodeTable::Rcs => rcs::ROWS,
        CodeTable::Fcm => fcm::ROWS,
        CodeTable::Apns => apns::ROWS,
        CodeTable::Smtp => smtp::ROWS,
        CodeTable::Bizgo => bizgo::ROWS,
        CodeTable::Smpp => smpp::ROWS,
        CodeTable::NhnSms => nhn::SMS,
        CodeTable::NhnKakao => nhn::KAKAO,
    }
}
