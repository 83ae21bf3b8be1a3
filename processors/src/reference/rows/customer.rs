//! Customers, their keys, and the people who sign in for them.

use crate::{
    access::{Scope, SecretHash},
    callback::{Batch, Secret},
    reference::ConsentNotice,
};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// What to do with ads that meet the night window (spec/ads.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NightAds {
    /// Keep them until 08:00.
    #[default]
    Hold,
    /// Fail them.
    Fail,
}

/// What to do with characters that CP949 cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unencodable {
    /// Refuse the message (1400).
    #[default]
    Refuse,
    /// Put `?` in their place.
    Replace,
}

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Customer {
    /// Login name; first part of report names `username:channelType:messageId`.
    pub username: String,
    /// Name as people read it.
    #[serde(default)]
    pub name: String,
    /// May send over AUTH.
    #[serde(default)]
    pub auth_allowed: bool,
    /// Ads by night.
    #[serde(default)]
    pub night_ads: NightAds,
    /// Characters outside CP949 in text messages.
    #[serde(default)]
    pub unencodable: Unencodable,
    /// 최초 발신사업자 식별코드, 9 characters (spec/mt.md §2).
    #[serde(default)]
    pub origin_code: String,
    /// Messages a second that it may send over HTTP; none: no bound.
    #[serde(default)]
    pub rate_per_second: Option<u32>,
    /// Messages of a day (Asia/Seoul) that it may send over HTTP; none: no bound.
    #[serde(default)]
    pub daily_quota: Option<u32>,
    /// Its ads go to those alone whose consent is kept here.
    #[serde(default)]
    pub ads_by_consent: bool,
    /// How those are told again who agreed (정보통신망법 제50조 ⑧); each goes with the recipients that its channel reaches.
    #[serde(default)]
    pub consent_notices: Vec<ConsentNotice>,
}

/// A service key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceKey {
    /// 40 alphanumeric characters.
    pub key: String,
    /// Its customer.
    pub username: String,
    /// Keys that are not active are refused with 1100.
    #[serde(default = "yes")]
    pub active: bool,
    /// Where terminal reports are called back; none: the customer asks.
    #[serde(default)]
    pub callback_uri: Option<String>,
    /// What these calls are signed with, `whsec_…`: one, or two while the customer exchanges them.
    #[serde(default)]
    pub callback_secrets: Vec<Secret>,
    /// Several reports in one call.
    #[serde(default)]
    pub callback_batch: Option<Batch>,
    /// An endpoint that answered 410 before this time is called again.
    #[serde(default)]
    pub callback_enabled_at: Option<jiff::Timestamp>,
}

/// A secret with which a customer comes in over HTTP (SPEC §3, x-ims-key). A customer has two while it exchanges them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretKey {
    /// Its customer.
    pub username: String,
    /// Tells it from the customer's other one, for example the month in which it was made.
    pub name: String,
    /// The secret, hashed.
    pub hash: SecretHash,
    /// From then on it is not valid.
    #[serde(default)]
    pub expires_at: Option<jiff::Timestamp>,
    /// From where it may be used; none: from everywhere.
    #[serde(default)]
    pub networks: Vec<IpNet>,
    /// What it may be used for.
    #[serde(default = "every_scope")]
    pub scopes: Vec<Scope>,
}

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// What an operator's key may, for every customer. It has none itself.
    Operator,
    /// All that a customer's key may.
    Manager,
    /// Look at what is its customer's.
    #[default]
    Reader,
}

/// A person who signs in with a password. Users stay, so that the audit's names are one person's: who leaves is not active.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Login name, which no other user has.
    pub login: String,
    /// Its customer; none: an operator.
    #[serde(default)]
    pub username: Option<String>,
    /// What it may do.
    pub role: Role,
    /// The password, hashed.
    pub hash: SecretHash,
    /// Who is not is let in no more.
    #[serde(default = "yes")]
    pub active: bool,
    /// When it was made.
    #[serde(default)]
    pub created_at: Option<jiff::Timestamp>,
}

fn yes() -> bool {
    true
}

fn every_scope() -> Vec<Scope> {
    Scope::ALL.to_vec()
}
