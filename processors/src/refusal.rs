//! Why a request is refused: the codes of the HTTP contract and one refusal's words.

use crate::rules::field::Field;
use schemas::Origin;
use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $name:literal;)*) => {
        /// The contract's codes (SPEC §3), and the two of Kakao's table that ingest finds before Kakao does. Codes are
        /// added, never re-used.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[$doc])* $variant,)* }

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
        }
    };
}

codes! {
    /// Success.
    Success = "0000", "success";
    /// The service key is unknown or inactive.
    UnknownServiceKey = "1100", "unknown_service_key";
    /// A field is not what it may be; the text says which, what came, what is allowed.
    BadRequest = "1400", "bad_request";
    /// Message, title or header too long, after substitution.
    TooLong = "2010", "too_long";
    /// A mandatory field is missing.
    Missing = "2020", "missing";
    /// The message_id was used within the last 24 hours.
    Duplicate = "2030", "duplicate";
    /// Sender number, profile or template not registered or not approved.
    NotRegistered = "2040", "not_registered";
    /// A `#{name}` that nothing fills.
    Unfilled = "2050", "unfilled";
    /// send_at or expires_at out of bounds.
    OutOfBounds = "2060", "out_of_bounds";
    /// An ad rule; the text names it.
    AdRule = "2070", "ad_rule";
    /// The recipient refused this customer's ads.
    OptedOut = "2080", "opted_out";
    /// Quota used up.
    QuotaUsedUp = "2090", "quota_used_up";
    /// No such message.
    MessageNotFound = "2100", "message_not_found";
    /// The text is not its template's (Kakao's NoMatchedTemplate).
    TemplateMismatch = "3016", "template_mismatch";
    /// Buttons or quick replies are not the template's (Kakao's NoMatchedTemplateButton).
    ButtonMismatch = "3027", "button_mismatch";
    /// Button type not supported.
    ButtonType = "4000", "button_type";
    /// Message type not supported.
    MessageType = "4001", "message_type";
    /// Attachment malformed.
    Attachment = "4002", "attachment";
    /// Supplement malformed.
    Supplement = "4003", "supplement";
    /// Expired before it left.
    Expired = "5010", "expired";
    /// Cancelled by the customer.
    Cancelled = "5020", "cancelled";
    /// The provider may have delivered; nobody knows.
    Uncertain = "5030", "uncertain";
    /// No vendor takes it.
    NoVendor = "5040", "no_vendor";
    /// The vendor refused; its own code stands beside.
    VendorRefused = "5050", "vendor_refused";
    /// Not confirmed by Kafka: repeat with the same message_id.
    NotConfirmed = "9998", "not_confirmed";
    /// Unexpected error.
    Unexpected = "9999", "unexpected";
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
        let field = field.to_string();
        Self { code, message: format!("{field}: {reason}"), field }
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
