//! What vendors usually answer: codes of their real tables, with weights of a good day, on which nobody's sender or template
//! is refused: that would stop it.

use processors::reference::CodeTable;

/// Codes and their weights.
pub type Weights = &'static [(&'static str, f64)];

/// Answers to requests of a vendor that knows at once what became of a message; success first.
pub const fn outcomes(table: CodeTable) -> Weights {
    match table {
        CodeTable::NhnKakao => {
            &[("1000", 95.0), ("3018", 2.6), ("3019", 0.7), ("3016", 0.6), ("3020", 0.5), ("3005", 0.3), ("3006", 0.3)]
        }
        CodeTable::Kakao => &[
            ("0000", 94.8),
            ("3018", 2.5),
            ("3019", 0.6),
            ("3016", 0.5),
            ("3020", 0.4),
            ("3008", 0.3),
            ("3005", 0.2),
            ("2001", 0.2),
            ("3006", 0.2),
            ("3000", 0.1),
            ("9998", 0.1),
            ("9999", 0.1),
        ],
        CodeTable::Text | CodeTable::NhnSms => &[
            ("1000", 96.3),
            ("2003", 1.0),
            ("3001", 0.7),
            ("2001", 0.4),
            ("2005", 0.3),
            ("3003", 0.3),
            ("2004", 0.2),
            ("3005", 0.2),
            ("3006", 0.2),
            ("2000", 0.2),
            ("3009", 0.1),
            ("3012", 0.1),
        ],
        CodeTable::Rcs => &[
            ("0", 93.6),
            ("54002", 3.5),
            ("54001", 1.2),
            ("41101", 0.6),
            ("54003", 0.4),
            ("51907", 0.3),
            ("41004", 0.2),
            ("59001", 0.2),
        ],
        CodeTable::Fcm => &[
            ("200", 96.6),
            ("UNREGISTERED", 2.2),
            ("UNAVAILABLE", 0.4),
            ("INVALID_ARGUMENT", 0.3),
            ("INTERNAL", 0.2),
            ("SENDER_ID_MISMATCH", 0.2),
            ("QUOTA_EXCEEDED", 0.1),
        ],
        CodeTable::Apns => &[
            ("200", 96.7),
            ("Unregistered", 2.2),
            ("BadDeviceToken", 0.5),
            ("ServiceUnavailable", 0.3),
            ("InternalServerError", 0.2),
            ("TooManyRequests", 0.1),
        ],
        CodeTable::Smtp => &[
            ("2.0.0", 96.8),
            ("5.1.1", 1.3),
            ("4.7.0", 0.6),
            ("4.2.2", 0.3),
            ("5.2.2", 0.3),
            ("5.1.2", 0.3),
            ("5.7.1", 0.2),
            ("4.4.2", 0.2),
        ],
        CodeTable::Smpp => &[
            ("DELIVRD.000", 96.0),
            ("UNDELIV.001", 1.5),
            ("UNDELIV.027", 0.9),
            ("EXPIRED.000", 0.8),
            ("REJECTD.069", 0.4),
            ("UNKNOWN.000", 0.2),
            ("DELETED.000", 0.2),
        ],
        CodeTable::Bizgo => &[
            ("10000", 95.5),
            ("63018", 1.5),
            ("63019", 0.5),
            ("23001", 0.6),
            ("33001", 0.2),
            ("22003", 0.5),
            ("32003", 0.2),
            ("23006", 0.3),
            ("63020", 0.3),
            ("23012", 0.2),
            ("90000", 0.2),
        ],
    }
}

/// Answers of a vendor that accepts now and reports later: what it refuses at its own door.
pub const fn acceptances(table: CodeTable) -> Weights {
    match table {
        CodeTable::Kakao => &[("0000", 99.3), ("3016", 0.3), ("2001", 0.2), ("9998", 0.2)],
        CodeTable::Text => &[("1000", 99.3), ("1002", 0.2), ("1001", 0.2), ("3015", 0.2), ("E999", 0.1)],
        CodeTable::Rcs => &[("0", 99.3), ("54002", 0.3), ("50201", 0.2), ("59002", 0.2)],
        CodeTable::Bizgo => {
            &[("A000", 99.4), ("A306", 0.2), ("A328", 0.1), ("A322", 0.1), ("A910", 0.1), ("A920", 0.1)]
        }
        CodeTable::Smpp => &[("0x00000000", 99.4), ("0x0000000B", 0.2), ("0x00000008", 0.2), ("0x00000045", 0.2)],
        CodeTable::NhnSms => &[("0", 99.5), ("-2019", 0.2), ("-2023", 0.1), ("-2021", 0.1), ("-9999", 0.1)],
        CodeTable::NhnKakao => &[("0", 99.3), ("-3010", 0.3), ("-5000", 0.2), ("-7000", 0.1), ("-9999", 0.1)],
        CodeTable::Fcm | CodeTable::Apns | CodeTable::Smtp => outcomes(table),
    }
}

/// What a table says to a serial number that it has taken already; None: it cannot tell.
pub const fn duplicate(table: CodeTable) -> Option<&'static str> {
    match table {
        CodeTable::Kakao => Some("3012"),
        CodeTable::Text => Some("E915"),
        CodeTable::Rcs => Some("55806"),
        CodeTable::Bizgo => Some("A301"),
        CodeTable::NhnKakao => Some("-1005"),
        CodeTable::Fcm | CodeTable::Apns | CodeTable::Smtp | CodeTable::Smpp | CodeTable::NhnSms => None,
    }
}
