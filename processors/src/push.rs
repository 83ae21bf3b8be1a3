//! What a push service's word on a token does to the token.

use crate::codes::{Handling, judge};
use crate::reference::CodeTable;

/// Whether a token is dead after this code: nothing is sent to it until it is registered again.
///
/// `accepted_one`: the service has accepted some token since the process started. Until then a token that it does not
/// know may be right and the service's address, project or topic wrong (APNs' sandbox and production do not know each
/// other's tokens); that it *was* known and is no longer says enough.
pub fn is_dead(table: CodeTable, code: &str, accepted_one: bool) -> bool {
    judge(table, code).handling == Handling::Token && (was_known(code) || accepted_one)
}

/// Whether a service knew the token and says that it is no longer: then it is taken out of its customer's tokens. One that
/// the service never knew may be another app's, whose service was not the one that was asked.
pub fn was_known(code: &str) -> bool {
    matches!(code, "UNREGISTERED" | "Unregistered" | "ExpiredToken")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::rows;

    #[test]
    fn a_token_dies_of_its_services_explicit_word_alone() {
        for table in [CodeTable::Fcm, CodeTable::Apns] {
            for row in rows(table) {
                let code = row.codes().0;
                let token = row.handling == Handling::Token;
                assert_eq!(is_dead(table, code, true), token, "{code}");
                assert!(token || !is_dead(table, code, false), "{code}");
            }
            for other in ["", "200", "HTTP 410", "INVALID_ARGUMENT", "NOT_FOUND", "TooManyRequests"] {
                assert!(!is_dead(table, other, true), "{other}");
            }
        }
    }

    #[test]
    fn a_service_that_never_accepted_a_token_may_be_the_wrong_one() {
        for (table, code) in [
            (CodeTable::Apns, "BadDeviceToken"),
            (CodeTable::Apns, "DeviceTokenNotForTopic"),
            (CodeTable::Fcm, "SENDER_ID_MISMATCH"),
            (CodeTable::Fcm, "INVALID_ARGUMENT.token"),
        ] {
            assert!(!is_dead(table, code, false) && is_dead(table, code, true), "{code}");
        }
        assert!(is_dead(CodeTable::Apns, "Unregistered", false) && is_dead(CodeTable::Fcm, "UNREGISTERED", false));
    }
}
