//! IMS's own codes for how an accepted message ended.

use crate::refusal::Code;
use std::fmt;

/// The codes of the contract that an accepted message can end with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutcomeCode {
    /// 0000.
    Success,
    /// 2070: an ad met the night, and its customer wants it failed rather than held.
    AdRule,
    /// 2070: the recipient's consent to ads is kept here no more.
    NoConsent,
    /// 2080: the recipient refused ads while it waited.
    OptedOut,
    /// 5010: expired before it left.
    Expired,
    /// 5020: the customer cancelled it.
    Cancelled,
    /// 5030: the provider may have delivered; nobody knows.
    Uncertain,
    /// 5040: no vendor takes it.
    NoVendor,
    /// 5050: the vendor refused with a code that is not in its table; its own code and words stand beside.
    VendorRefused,
    /// 9999: unexpected.
    Unexpected,
}

impl OutcomeCode {
    /// The code of the contract.
    pub const fn code(self) -> Code {
        match self {
            Self::Success => Code::Success,
            Self::AdRule | Self::NoConsent => Code::AdRule,
            Self::OptedOut => Code::OptedOut,
            Self::Expired => Code::Expired,
            Self::Cancelled => Code::Cancelled,
            Self::Uncertain => Code::Uncertain,
            Self::NoVendor => Code::NoVendor,
            Self::VendorRefused => Code::VendorRefused,
            Self::Unexpected => Code::Unexpected,
        }
    }

    /// The digits that customers see.
    pub const fn as_str(self) -> &'static str {
        self.code().as_str()
    }

    /// The code in words.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Success => "",
            Self::AdRule => "ads may not be sent at this hour (정보통신망법 제50조 ③; KakaoTalk from 20:50)",
            Self::NoConsent => "no consent of this recipient to ads is kept here any more (정보통신망법 제50조 ①)",
            Self::OptedOut => "this recipient refused ads while the message waited (정보통신망법 제50조 ②)",
            Self::Expired => "expired before it could be sent",
            Self::Cancelled => "cancelled before it was sent",
            Self::Uncertain => "the vendor may have delivered, and did not say",
            Self::NoVendor => "no vendor took it",
            Self::VendorRefused => "the vendor refused",
            Self::Unexpected => "unexpected error",
        }
    }
}

impl fmt::Display for OutcomeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
