//! The products of NHN Cloud that are spoken here: each has an address, an app key and a table of codes of its own.

use super::time;
use processors::reference::{CodeTable, Vendor};

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// SMS, API v3.0.
    Sms,
    /// KakaoTalk Bizmessage, API v2.3.
    Kakao,
}

impl Product {
    /// What a vendor is, by its table of codes.
    pub fn of(vendor: &Vendor) -> Self {
        if vendor.codes == CodeTable::NhnKakao { Self::Kakao } else { Self::Sms }
    }

    /// What stands before the app key in every path.
    pub const fn base(self) -> &'static str {
        match self {
            Self::Sms => "/sms/v3.0/appKeys/",
            Self::Kakao => "/alimtalk/v2.3/appkeys/",
        }
    }

    /// A time as its lists are asked for one.
    pub fn time(self, at_ms: i64) -> String {
        match self {
            Self::Sms => time::seconds(at_ms),
            Self::Kakao => time::minutes(at_ms),
        }
    }

    /// Whether its results name our serial number, and not the vendor's own ids alone.
    pub const fn names_our_key(self) -> bool {
        matches!(self, Self::Sms)
    }
}
