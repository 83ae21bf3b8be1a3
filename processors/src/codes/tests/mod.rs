//! The published tables, codes and class column as published in our notes on them, against the rows.

mod meanings;
mod published;

use super::*;
use crate::reference::CodeTable::{Apns, Bizgo, Fcm, Kakao, NhnKakao, NhnSms, Rcs, Smpp, Smtp, Text};
use published::{codes, published};
use schemas::State;
use std::collections::BTreeSet;

const TABLES: [CodeTable; 10] = [Kakao, Text, Rcs, Fcm, Apns, Smtp, Bizgo, Smpp, NhnSms, NhnKakao];

#[test]
fn every_published_code_has_its_published_class() {
    for table in TABLES {
        for (code, class) in published(table) {
            let row = judge(table, &code);
            let expected = match class.split(',').next().unwrap() {
                "done" => Class::Done,
                "F" => Class::Final,
                "R" => Class::Retry,
                "R once" => Class::RetryOnce,
                "R elsewhere" => Class::RetryElsewhere,
                "B" => Class::Block,
                "U" => Class::Uncertain,
                "D" => Class::Duplicate,
                "hold" => Class::Hold,
                "poll" => Class::Poll,
                other => panic!("{other}"),
            };
            assert_eq!(row.class, expected, "{table:?} {code}");
            if class.contains("S→") {
                assert!(row.fallback_allowed(false), "{table:?} {code} falls over");
            }
            // Kakao's table and the RCS list say for each code whether to fall over; the others leave it to us.
            if table == Kakao {
                assert_eq!(
                    row.fallback_allowed(true),
                    class.ends_with(", S→") && !class.contains("information"),
                    "{code}"
                );
            }
            if table == Rcs && !class.starts_with('R') {
                assert_eq!(row.fallback_allowed(true), class.contains("S→"), "{code}");
            }
        }
    }
}

/// The codes of a vendor's own document, whatever we make of them: a code that it adds is missed here, not in use.
#[test]
fn every_code_of_the_vendors_document_has_a_row() {
    let document = include_str!("../published/nhn-sms.txt");
    let lines = document.lines().filter(|line| !line.starts_with('#'));
    let listed: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
    assert!(listed.len() > 100, "{}", listed.len());
    let missing: Vec<_> = listed.iter().filter(|code| judge(NhnSms, code).class == Class::Unknown).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn no_row_stands_for_a_code_that_nobody_published() {
    for table in TABLES {
        let published: BTreeSet<String> = published(table).into_iter().map(|(code, _)| code).collect();
        for row in rows(table) {
            let (first, last) = row.codes();
            let all = if first == last { vec![first.to_owned()] } else { codes(&format!("{first}–{last}")) };
            for code in all {
                assert!(published.contains(&code), "{table:?} {code}");
            }
        }
    }
}

#[test]
fn rows_are_sorted_and_do_not_overlap() {
    for table in TABLES {
        for pair in rows(table).windows(2) {
            assert!(pair[0].codes().1 < pair[1].codes().0, "{table:?} {:?} {:?}", pair[0], pair[1]);
        }
        for row in rows(table) {
            let (first, last) = row.codes();
            assert!(first.len() == last.len() && first <= last, "{table:?} {row:?}");
        }
    }
}

#[test]
fn a_code_nobody_knows_is_never_repeated_and_never_falls_over() {
    for table in TABLES {
        for code in ["", "7777", "41253", "5.1", "한글", "E9000", "55", "3018 ", "unregistered"] {
            let row = judge(table, code);
            assert_eq!((row.class, row.fallback_allowed(false)), (Class::Unknown, false), "{table:?} {code:?}");
        }
    }
}
