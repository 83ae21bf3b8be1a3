//! What single codes mean, and what is done about them.

use super::*;

#[test]
fn the_same_digits_mean_different_things_in_different_tables() {
    assert_eq!(judge(Kakao, "3018").class, Class::Final);
    assert_eq!(judge(Text, "3018").class, Class::Block);
    assert_eq!(judge(Kakao, "1000").class, judge(Text, "1000").class);
}

#[test]
fn the_same_word_of_a_gateway_and_of_a_service_mean_different_things() {
    assert_eq!(judge(Bizgo, "common.A301").class, Class::Block);
    assert_eq!(judge(Bizgo, "A301").class, Class::Duplicate);
    assert_eq!(judge(Bizgo, "A401").class, Class::Final, "a field of the request");
    assert_eq!(judge(Bizgo, "common.A401").handling, Handling::LockedOut);
}

#[test]
fn a_code_that_a_dealer_passes_on_keeps_what_its_owner_means() {
    for (dealer, table, owner) in
        [("63018", Kakao, "3018"), ("63020", Kakao, "3020"), ("23018", Text, "3018"), ("33001", Text, "3001")]
    {
        assert_eq!(judge(Bizgo, dealer), judge(table, owner), "{dealer}");
    }
    for never in ["60000", "61000", "21000", "31000", "2E915", "3E999", "6", "2", "43018", "41253", "54009"] {
        assert_eq!(judge(Bizgo, never).class, Class::Unknown, "{never}");
    }
}

#[test]
fn each_product_of_nhn_has_a_table_and_reports_have_their_owners() {
    assert_eq!(judge(NhnSms, "-1001").handling, judge(NhnKakao, "-1001").handling);
    assert_eq!((judge(NhnSms, "-1005").class, judge(NhnKakao, "-1005").class), (Class::Final, Class::Duplicate));
    for code in ["1000", "2003", "3001", "3018", "E915", "E999"] {
        assert_eq!(judge(NhnSms, code), judge(Text, code), "{code}");
    }
    for code in ["1000", "3018", "3020", "4161", "9999"] {
        assert_eq!(judge(NhnKakao, code), judge(Kakao, code), "{code}");
    }
    for (table, never) in
        [(NhnSms, "-2049"), (NhnSms, "-1009"), (NhnKakao, "-3214"), (NhnKakao, "-1007"), (NhnSms, "-")]
    {
        assert_eq!(judge(table, never).class, Class::Unknown, "{never}");
    }
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

#[test]
fn a_carriers_receipt_is_treated_by_its_state_whatever_its_error() {
    for (code, class, state) in [
        ("DELIVRD.000", Class::Done, Some(State::Delivered)),
        ("UNDELIV.027", Class::Final, Some(State::Failed)),
        ("REJECTD.99", Class::Final, Some(State::Failed)),
        ("UNKNOWN.1", Class::Uncertain, Some(State::Uncertain)),
        ("ENROUTE.000", Class::Poll, None),
    ] {
        let row = judge(Smpp, code);
        assert_eq!((row.class, row.reported_state()), (class, state), "{code}");
    }
    for never in ["0x00000058.1", "DELIVRD.", "DELIVRD.000000", "DELIVRD.0 0", "LOST.000", "0x00000400", "0x58"] {
        assert_eq!(judge(Smpp, never).class, Class::Unknown, "{never}");
    }
}

#[test]
fn a_carrier_that_does_not_let_us_in_has_taken_nothing() {
    let locking = |row: &&Row| row.handling == Handling::LockedOut;
    let codes: Vec<&str> = rows(Smpp).iter().filter(locking).map(|row| row.codes().0).collect();
    let last = ["04", "05", "0D", "0E", "0F", "15", "53"];
    assert_eq!(codes, last.map(|last| format!("0x000000{last}")));
}

/// Tokens go only on FCM UNREGISTERED, SENDER_ID_MISMATCH and an explicit invalid token, APNs 410 and the two 400s.
#[test]
fn a_token_is_removed_only_when_it_is_dead() {
    let removing = |table| -> Vec<&str> {
        rows(table).iter().filter(|row| row.handling == Handling::Token).map(|row| row.codes().0).collect()
    };
    assert_eq!(removing(Fcm), ["INVALID_ARGUMENT.token", "SENDER_ID_MISMATCH", "UNREGISTERED"]);
    assert_eq!(removing(Apns), ["BadDeviceToken", "DeviceTokenNotForTopic", "ExpiredToken", "Unregistered"]);
}

#[test]
fn a_delivery_report_of_a_passing_trouble_is_a_failure() {
    assert_eq!(judge(Text, "2003").reported_state(), Some(State::Failed));
    assert_eq!(judge(Text, "1000").reported_state(), Some(State::Delivered));
    assert_eq!(judge(Kakao, "3005").reported_state(), Some(State::Uncertain));
    assert_eq!(judge(Kakao, "4161").reported_state(), None);
    assert_eq!(judge(Text, "E915").reported_state(), None);
}
