//! The published tables, codes and class column as published in our notes on them, against the rows.

use super::*;
use crate::reference::CodeTable::{Apns, Fcm, Kakao, Rcs, Smtp, Text};
use schemas::State;
use std::collections::BTreeSet;

const TABLES: [CodeTable; 6] = [Kakao, Text, Rcs, Fcm, Apns, Smtp];

/// code or codes | class
const KAKAO: &str = "
0000, 1000 | done
1001 | F
1002 | B
1003 | B, S→
1004 | F
1006 | B, S→
1007 | B, S→
1011 | B, S→
1012, 1020 | F, S→
1013 | F, S→
1014 | B
1015 | F, S→
1016 | B
1021 | B, S→
1022 | B, S→
1023 | B, S→
1024 | B, S→
1025 | B, S→
1027 | B, S→
1028 | F
1030 | F
1033 | F
2001 | R
2003 | F
2005 | R
2006 | F
3000 | R
3005 | U
3006 | R, S→
3008 | F
3010 | F
3011 | F
3012 | D
3013 | F
3014 | F, S→
3015 | B, S→
3016 | F, S→
3018 | F, S→
3019 | F, S→
3020 | F, information S→
3021 | F, S→
3022 | hold
3023 | F
3024 | F, S→
3025 | F, S→
3026 | F
3027 | F, S→
3028–3029 | F, S→
3030 | F, S→
3031–3032 | F, S→
3033–3035 | F, S→
3036–3040 | F, S→
3041 | F
3042 | F, S→
3043–3045 | F
3046–3047 | F
3048 | F
3050 | F, S→
3051–3052 | F
3053–3055, 3057 | F
3056, 3058 | F
4000 | poll
4001 | U
4100–4104, 4110, 4120–4122, 4130, 4132–4134 | F
4131 | D
4137, 4139–4142 | R
4138, 4156 | R
4143 | F
4144 | F
4161 | poll
9998 | R
9999 | R";

const TEXT: &str = "
1000 | done
1001 | R
1002 | F
1003 | B
1019 | F
2000 | F
2001 | R
2002 | R
2003 | R
2004 | R
2005 | R
2006 | F
2007 | R
3000 | F
3001 | F
3002 | F
3003 | F
3004 | F
3005 | R
3006 | F
3007 | F
3008 | R once
3009 | F
3010 | F
3011 | R
3012 | F
3013 | F
3014 | R once
3015 | R elsewhere
3016 | F
3017 | B
3018 | B
3019 | B
E900, E999 | R once
E911, E913 | F
E915 | D
E919 | F";

const RCS: &str = "
0 | done
54001 | F, S→
54002 | F, S→
54003 | F, S→
41101, 41200 | F, S→
41210–41252 | F, S→
50201 | R
41003 | R
41004, 41005 | R
59001–59003 | R
42601 | R
55000–55805, 55807–55999 | F
55806 | D
51907, 52016, 56007 | F";

const FCM: &str = "
200 | done
UNSPECIFIED_ERROR | R once
INVALID_ARGUMENT | F
THIRD_PARTY_AUTH_ERROR | B
SENDER_ID_MISMATCH | F
UNREGISTERED | F
QUOTA_EXCEEDED | R
INTERNAL | R
UNAVAILABLE | R";

const APNS: &str = "
200 | done
BadDeviceToken, DeviceTokenNotForTopic | F
ExpiredProviderToken, InvalidProviderToken | R once
Unregistered | F
PayloadTooLarge | F
TooManyRequests, TooManyProviderTokenUpdates | R
InternalServerError, ServiceUnavailable, Shutdown | R";

const SMTP: &str = "
5.1.1, 5.1.2, 5.1.3, 5.1.6, 5.1.10, 5.2.1 | F, S→
5.2.2, 5.2.3, 5.3.4, 5.7.1, 5.7.26 | F
4.2.1, 4.2.2, 4.4.1, 4.4.2, 4.4.7 | R";

/// Every single code that an entry like `4100–4104, 4110` names.
fn codes(entry: &str) -> Vec<String> {
    let one = |part: &str| match part.split_once('–') {
        None => vec![part.to_owned()],
        Some((first, last)) => {
            let (first, last): (u32, u32) = (first.parse().unwrap(), last.parse().unwrap());
            (first..=last).map(|code| code.to_string()).collect()
        }
    };
    entry.split(", ").flat_map(one).collect()
}

fn published(table: CodeTable) -> Vec<(String, &'static str)> {
    let text = match table {
        Kakao => KAKAO,
        Text => TEXT,
        Rcs => RCS,
        Fcm => FCM,
        Apns => APNS,
        Smtp => SMTP,
    };
    let line = |line: &'static str| {
        let (entry, class) = line.split_once(" | ").unwrap();
        codes(entry).into_iter().map(move |code| (code, class))
    };
    text.lines().filter(|l| !l.is_empty()).flat_map(line).collect()
}

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

#[test]
fn the_same_digits_mean_different_things_in_different_tables() {
    assert_eq!(judge(Kakao, "3018").class, Class::Final);
    assert_eq!(judge(Text, "3018").class, Class::Block);
    assert_eq!(judge(Kakao, "1000").class, judge(Text, "1000").class);
}

#[test]
fn an_ad_that_was_blocked_is_not_sent_as_a_text() {
    let row = judge(Kakao, "3020");
    assert!(row.fallback_allowed(false) && !row.fallback_allowed(true));
}

#[test]
fn a_mail_reply_is_treated_by_its_first_digit() {
    for (code, class, fallback) in [
        ("250", Class::Done, false),
        ("2.1.5", Class::Done, false),
        ("450", Class::Retry, true),
        ("4.7.1", Class::Retry, true),
        ("550", Class::Final, true),
        ("5.4.4", Class::Final, true),
        ("5.6.0", Class::Final, false),
        ("5.7.509", Class::Final, false),
        ("5.1.1", Class::Final, true),
        ("354", Class::Unknown, false),
        ("25", Class::Unknown, false),
        ("5.7.", Class::Unknown, false),
    ] {
        let row = judge(Smtp, code);
        assert_eq!((row.class, row.fallback_allowed(false)), (class, fallback), "{code}");
    }
    assert_eq!(judge(Smtp, "5.1.1").handling, Handling::Address);
    assert_eq!(judge(Smtp, "5.2.2").handling, Handling::Plain);
}

/// Tokens go only on FCM UNREGISTERED and SENDER_ID_MISMATCH, APNs 410 and the two 400s.
#[test]
fn a_token_is_removed_only_when_it_is_dead() {
    let removing = |table| -> Vec<&str> {
        rows(table).iter().filter(|row| row.handling == Handling::Token).map(|row| row.codes().0).collect()
    };
    assert_eq!(removing(Fcm), ["SENDER_ID_MISMATCH", "UNREGISTERED"]);
    assert_eq!(removing(Apns), ["BadDeviceToken", "DeviceTokenNotForTopic", "Unregistered"]);
}

#[test]
fn a_delivery_report_of_a_passing_trouble_is_a_failure() {
    assert_eq!(judge(Text, "2003").reported_state(), Some(State::Failed));
    assert_eq!(judge(Text, "1000").reported_state(), Some(State::Delivered));
    assert_eq!(judge(Kakao, "3005").reported_state(), Some(State::Uncertain));
    assert_eq!(judge(Kakao, "4161").reported_state(), None);
    assert_eq!(judge(Text, "E915").reported_state(), None);
}
