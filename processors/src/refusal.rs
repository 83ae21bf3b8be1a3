//! Why a request is refused: the codes of the HTTP contract and one refusal's words.

use crate::rules::field::Field;
use schemas::Origin;
use std::fmt;

macro_rules! codes {
    ($($variant:ident = $code:literal, $name:literal, $meaning:literal;)*) => {
        /// The contract's codes (SPEC §3), and the two of Kakao's table that ingest finds before Kakao does. Codes are
        /// added, never re-used.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $(#[doc = $meaning] $variant,)* }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The digits that customers see.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The word for metrics and logs.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it says, for customers.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }
        }
    };
}

codes! {
    Success = "0000", "success", "success";
    UnknownServiceKey = "1100", "unknown_service_key", "service key unknown, inactive or another customer's";
    BadRequest = "1400", "bad_request", "bad request; the text says which field, what came, what is allowed";
    TooLong = "2010", "too_long", "message, title or header too long, after substitution";
    Missing = "2020", "missing", "mandatory field missing";
    Duplicate = "2030", "duplicate", "the message_id was used within the last 24 hours; told at once where it is known, otherwise in the report";
    NotRegistered = "2040", "not_registered", "sender number, profile, template or file not registered or not approved, or only since less than 5 s";
    Unfilled = "2050", "unfilled", "a variable is left unfilled";
    OutOfBounds = "2060", "out_of_bounds", "send_at or expires_at out of bounds";
    AdRule = "2070", "ad_rule", "an ad rule; the text names it";
    OptedOut = "2080", "opted_out", "the recipient opted out of ads (report)";
    QuotaUsedUp = "2090", "quota_used_up", "quota used up";
    MessageNotFound = "2100", "message_not_found", "message not found";
    NotFound = "2110", "not_found", "what the path names is not registered, or another customer's";
    Exists = "2120", "exists", "it is registered already";
    WrongState = "2130", "wrong_state", "its state allows no such change";
    Full = "2140", "full", "no room for more: the customer has as many of them as it may have";
    TemplateMismatch = "3016", "template_mismatch", "the text is not its template's (KakaoTalk's code)";
    ButtonMismatch = "3027", "button_mismatch", "buttons or quick replies are not the template's (KakaoTalk's code)";
    ButtonType = "4000", "button_type", "button type not supported";
    MessageType = "4001", "message_type", "message type not supported";
    Attachment = "4002", "attachment", "attachment malformed";
    Supplement = "4003", "supplement", "supplement malformed";
    Expired = "5010", "expired", "expired before it left (report)";
    Cancelled = "5020", "cancelled", "cancelled (report)";
    Uncertain = "5030", "uncertain", "uncertain: the provider may have delivered, nobody knows (report)";
    NoVendor = "5040", "no_vendor", "no vendor takes it (report)";
    VendorRefused = "5050", "vendor_refused", "the vendor refused; its own code stands beside (report)";
    NotConfirmed = "9998", "not_confirmed", "not confirmed: repeat with the same message_id";
    Unexpected = "9999", "unexpected", "unexpected error";
}

impl Code {
    /// Whose table the code is of: 3016 and 3027 are Kakao's own.
    pub const fn origin(self) -> Origin {
        match self {
            Self::TemplateMismatch | Self::ButtonMismatch => Origin::Vendor,
            _ => Origin::Ims,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One refusal. Its text names the field, what came and what is allowed, by lengths and positions: never by the values
/// of phone numbers, addresses or texts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code} {message}")]
pub struct Refusal {
    /// What the customer is told.
    pub code: Code,
    /// Path of the field, for example `attachment.button[2].url_mobile`.
    pub field: String,
    /// The whole sentence, field first.
    pub message: String,
}

impl Refusal {
    /// A refusal of a field, for a reason.
    #[cold]
    pub fn new(code: Code, field: &Field<'_>, reason: impl fmt::Display) -> Self {
        Self::named(code, field.to_string(), reason)
    }

    /// The same of a field that has its name from outside.
    #[cold]
    pub fn named(code: Code, field: impl Into<String>, reason: impl fmt::Display) -> Self {
        let field = field.into();
        Self { code, message: format!("{field}: {reason}"), field }
    }

    /// The same, where its field stands at a place: what is written before its name.
    #[cold]
    pub fn within(self, place: &str) -> Self {
        Self { field: format!("{place}{}", self.field), message: format!("{place}{}", self.message), ..self }
    }

    /// 1400.
    #[cold]
    pub fn bad(field: &Field<'_>, reason: impl fmt::Display) -> Self {
        Self::new(Code::BadRequest, field, reason)
    }

    /// 2020.
    #[cold]
    pub fn missing(field: &Field<'_>, needed_by: impl fmt::Display) -> Self {
        Self::new(Code::Missing, field, format_args!("missing, {needed_by} needs it"))
    }

    /// 2040.
    #[cold]
    pub fn not_registered(field: &Field<'_>, reason: impl fmt::Display) -> Self {
        Self::new(Code::NotRegistered, field, reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_two_codes_share_digits_or_name() {
        let digits: HashSet<_> = Code::ALL.iter().map(|c| c.as_str()).collect();
        let names: HashSet<_> = Code::ALL.iter().map(|c| c.name()).collect();
        assert_eq!((digits.len(), names.len()), (Code::ALL.len(), Code::ALL.len()));
        assert!(Code::ALL.iter().all(|c| c.as_str().len() == 4));
    }
}
