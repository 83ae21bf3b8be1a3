//! Whom customers may send ads to, and where pushes reach their users.

use crate::center::consent::{Kind, Word};
use schemas::Channel;
use serde::{Deserialize, Serialize};

/// A recipient who wants no (more) ads of a customer (080 call, one-click).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptOut {
    /// The customer.
    pub username: String,
    /// Phone number in international digits, app user id, or address.
    pub recipient: String,
}

/// A recipient who agreed to ads of a customer, and may have taken that back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// The customer.
    pub username: String,
    /// Phone number in international digits, app user id, or address.
    pub recipient: String,
    /// It is an app user id.
    #[serde(default)]
    pub app_user: bool,
    /// To ads of this channel; none: of all.
    #[serde(default)]
    pub channel: Option<Channel>,
    /// To ads, or to ads by night.
    pub kind: Kind,
    /// When.
    pub consented_at: jiff::Timestamp,
    /// When it was taken back.
    #[serde(default)]
    pub withdrawn_at: Option<jiff::Timestamp>,
    /// When it was told again last.
    #[serde(default)]
    pub noticed_at: Option<jiff::Timestamp>,
}

impl Consent {
    /// What no other of the same data has.
    pub fn key(&self) -> (String, String, Option<Channel>, Kind) {
        (self.username.clone(), self.recipient.clone(), self.channel, self.kind)
    }

    /// What it says, without who said it.
    pub fn word(&self) -> Word {
        Word {
            channel: self.channel,
            kind: self.kind,
            consented_ms: self.consented_at.as_millisecond(),
            withdrawn_ms: self.withdrawn_at.map(|at| at.as_millisecond()),
        }
    }
}

/// A push token of a user of a customer's app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserToken {
    /// The app, by the service key that it sends with.
    pub service_key: String,
    /// Id in the app.
    pub app_user_id: String,
    /// The token.
    pub token: String,
}
