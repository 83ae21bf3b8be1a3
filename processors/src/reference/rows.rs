//! What reference data is made of: its kinds of rows, as a file or a database holds them.

use super::{ConsentNotice, Protocol};
use crate::{
    access::{Scope, SecretHash},
    callback::{Batch, Secret},
    center::consent::{Kind, Word},
};
use ipnet::IpNet;
use schemas::{Attachment, Channel, Family, Lane, MessageType, Supplement};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

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

/// State of something that a vendor or an operator must approve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Approval {
    /// Registered, not looked at.
    Requested,
    /// In use.
    #[default]
    Approved,
    /// Refused.
    Rejected,
    /// Stopped by the vendor or an operator.
    Stopped,
    /// Unused for a year (templates).
    Dormant,
}

/// A KakaoTalk sender profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SenderProfile {
    /// 40 characters.
    pub sender_key: String,
    /// Its customer.
    pub username: String,
    /// State.
    #[serde(default)]
    pub state: Approval,
}

/// A group of KakaoTalk sender profiles (발신프로필 그룹): its members share the 알림톡 templates that are registered to it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SenderGroup {
    /// 40 characters, as a profile's: it stands where a template names its sender profile.
    pub group_key: String,
    /// Its customer.
    pub username: String,
    /// Name as people read it.
    #[serde(default)]
    pub name: String,
    /// State.
    #[serde(default)]
    pub state: Approval,
    /// Sender profiles in it.
    #[serde(default)]
    pub sender_keys: Vec<String>,
}

/// A registered template.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// At most 30 characters; RC: messagebase id.
    pub code: String,
    /// Its customer.
    pub username: String,
    /// Its channel.
    pub channel: Channel,
    /// Its sender profile (AT, FT, BT), or a group of them (AT).
    #[serde(default)]
    pub sender_key: Option<String>,
    /// State.
    #[serde(default)]
    pub state: Approval,
    /// May go over AUTH.
    #[serde(default)]
    pub auth_allowed: bool,
    /// Text with #{name} variables.
    #[serde(default)]
    pub message: String,
    /// Title, subject.
    #[serde(default)]
    pub title: Option<String>,
    /// Header.
    #[serde(default)]
    pub header: Option<String>,
    /// HTML body (EM).
    #[serde(default)]
    pub html: Option<String>,
    /// Buttons, items, highlights.
    #[serde(default)]
    pub attachment: Option<Attachment>,
    /// Quick replies.
    #[serde(default)]
    pub supplement: Option<Supplement>,
}

/// A registered sender: a phone number (MT), a chatbot id (RC) or an address (EM).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SenderNumber {
    /// Digits, chatbot id or address.
    pub number: String,
    /// Its customer.
    pub username: String,
    /// MT, RC or EM.
    pub channel: Channel,
    /// State.
    #[serde(default)]
    pub state: Approval,
}

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

/// A routing group: its members' messages get its priority, before any pattern (SPEC §5).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoutingGroup {
    /// Name.
    pub name: String,
    /// What its members' messages become (ads stay ads).
    pub priority: Lane,
    /// Customers in it.
    #[serde(default)]
    pub usernames: Vec<String>,
    /// Service keys in it; a key's group wins over its customer's.
    #[serde(default)]
    pub service_keys: Vec<String>,
    /// Send families whose messages of this priority go over a topic of the group's own, SEND-‹FAMILY›-‹NAME›.
    #[serde(default, with = "families")]
    pub topics: Vec<Family>,
    /// Partitions of these topics; none: as all topics have.
    #[serde(default)]
    pub partitions: Option<u32>,
    /// Copies of each partition; none: as all topics have.
    #[serde(default)]
    pub replicas: Option<u32>,
}

/// A routing pattern: what fits all its given parts gets its priority, before the lane. The first that fits wins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pattern {
    /// What fitting messages become.
    pub priority: Lane,
    /// Channel of the step.
    #[serde(default)]
    pub channel: Option<Channel>,
    /// Type of the step.
    #[serde(default)]
    pub message_type: Option<MessageType>,
    /// Beginning of message_id.
    #[serde(default)]
    pub message_id_prefix: Option<String>,
}

/// What a sender does with a request that was started and whose end was lost in a crash (DESIGN §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InDoubt {
    /// Repeat with the same serial number: the vendor refuses duplicates.
    #[default]
    Repeat,
    /// Wait for the receipt, then uncertain.
    Receipt,
    /// End as uncertain at once.
    Uncertain,
    /// Ask the vendor by the serial number: what it has is sent, what it has not is uncertain.
    Query,
}

/// Whose code table a vendor answers with (spec/).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CodeTable {
    /// spec/kakao.md §4.
    Kakao,
    /// spec/mt.md §3, NHN reception codes.
    Text,
    /// spec/push-email-rcs.md §4.
    Rcs,
    /// spec/push-email-rcs.md §1.
    Fcm,
    /// spec/push-email-rcs.md §2.
    Apns,
    /// spec/push-email-rcs.md §3, enhanced status codes.
    Smtp,
    /// Infobank Bizgo, `error-codes.json` (2026-09-23).
    Bizgo,
    /// SMPP 3.4 §5.1.3 and appendix B.
    Smpp,
    /// NHN Cloud SMS, `error-code.md` (2026-06-23).
    #[serde(rename = "nhn-sms")]
    NhnSms,
    /// NHN Cloud KakaoTalk Bizmessage, `error-code.md` (2026-06-23).
    #[serde(rename = "nhn-kakao")]
    NhnKakao,
}

/// A vendor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vendor {
    /// Name, as metrics and reports show it.
    pub name: String,
    /// Send families that it takes: AT FT BT SMS LMS MMS RCS PUSH EMAIL.
    #[serde(with = "families")]
    pub families: Vec<Family>,
    /// Its code table.
    pub codes: CodeTable,
    /// Share of its families' messages, relative to the other vendors'; 0 drains it.
    pub weight: u32,
    /// Nothing leaves to it: what it was to get goes to another vendor, or waits. Its reports are still taken.
    #[serde(default)]
    pub paused: bool,
    /// What a message that it takes costs, by family, won.
    #[serde(default, with = "by_family", skip_serializing_if = "BTreeMap::is_empty")]
    pub cost_krw: BTreeMap<Family, f64>,
    /// Requests a second that it allows to all of us together.
    pub tps: u32,
    /// Requests in flight at most, per process.
    #[serde(default = "in_flight")]
    pub max_in_flight: u32,
    /// Time-out of one request, milliseconds.
    #[serde(default = "timeout_ms")]
    pub timeout_ms: u32,
    /// Reports delivery later: success of a request is then only "sent".
    #[serde(default)]
    pub receipts: bool,
    /// How long a receipt may take before the message is uncertain, hours.
    #[serde(default = "receipt_hours")]
    pub receipt_hours: u32,
    /// The same of families that have a time of their own (NHN Cloud: LMS and MMS 80).
    #[serde(default, with = "by_family", skip_serializing_if = "BTreeMap::is_empty")]
    pub receipt_hours_of: BTreeMap<Family, u32>,
    /// After a crash in the middle of a request.
    #[serde(default)]
    pub in_doubt: InDoubt,
    /// Longest title in CP949 bytes (40 at some, 50 in the contract).
    #[serde(default = "title_bytes")]
    pub title_bytes: u32,
    /// What it speaks.
    #[serde(default)]
    pub protocol: Protocol,
    /// Where: the beginning of its addresses, `https://mars.ibapi.kr`; empty for a simulated one.
    #[serde(default)]
    pub url: String,
}

impl Vendor {
    /// How long a receipt of a family may take.
    pub fn receipt_time(&self, family: Family) -> Duration {
        let hours = self.receipt_hours_of.get(&family).copied().unwrap_or(self.receipt_hours);
        Duration::from_secs(u64::from(hours) * 3600)
    }

    /// How long a receipt of any of its families may take.
    pub fn longest_receipt_time(&self) -> Duration {
        self.families.iter().map(|family| self.receipt_time(*family)).max().unwrap_or_default()
    }
}

/// A vendor's weight for some messages, in the place of that of its row: of a customer, a priority, a family, or of
/// several of these. Where several rows speak of a message, one of its customer wins, then one of its priority, then one
/// of its family.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VendorWeight {
    /// The vendor.
    pub vendor: String,
    /// Of this family alone.
    #[serde(default, with = "maybe_family", skip_serializing_if = "Option::is_none")]
    pub family: Option<Family>,
    /// Of this priority alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Lane>,
    /// Of this customer alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// As in the vendor's row; 0: none of them.
    pub weight: u32,
}

impl fmt::Display for VendorWeight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { vendor, family, priority, username, .. } = self;
        write!(f, "weight of vendor {vendor} for")?;
        let parts = [family.map(|family| family.as_str()), priority.map(|lane| lane.as_str()), username.as_deref()];
        parts.into_iter().flatten().try_for_each(|part| write!(f, " {part}"))
    }
}

fn yes() -> bool {
    true
}
fn every_scope() -> Vec<Scope> {
    Scope::ALL.to_vec()
}
fn in_flight() -> u32 {
    1000
}
fn timeout_ms() -> u32 {
    10_000
}
fn receipt_hours() -> u32 {
    25
}
fn title_bytes() -> u32 {
    50
}

mod by_family {
    use super::families::family;
    use schemas::Family;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::collections::BTreeMap;

    pub fn serialize<S: Serializer, T: Serialize>(of: &BTreeMap<Family, T>, to: S) -> Result<S::Ok, S::Error> {
        of.iter().map(|(family, value)| (family.as_str(), value)).collect::<BTreeMap<_, _>>().serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
        from: D,
    ) -> Result<BTreeMap<Family, T>, D::Error> {
        let of = BTreeMap::<String, T>::deserialize(from)?;
        of.into_iter().map(|(name, value)| Ok((family::<D::Error>(&name)?, value))).collect()
    }
}

mod maybe_family {
    use super::families::family;
    use schemas::Family;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(of: &Option<Family>, to: S) -> Result<S::Ok, S::Error> {
        of.map(|family| family.as_str()).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Family>, D::Error> {
        Option::<String>::deserialize(from)?.map(|name| family(&name)).transpose()
    }
}

mod families {
    use schemas::Family;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub fn serialize<S: Serializer>(families: &[Family], to: S) -> Result<S::Ok, S::Error> {
        families.iter().map(|f| f.as_str()).collect::<Vec<_>>().serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Family>, D::Error> {
        let names = Vec::<String>::deserialize(from)?;
        names.iter().map(|name| family(name)).collect()
    }

    pub fn family<E: Error>(name: &str) -> Result<Family, E> {
        Family::ALL
            .into_iter()
            .find(|family| family.as_str() == name)
            .ok_or_else(|| E::custom(format!("{name:?} is no family: AT FT BT SMS LMS MMS RCS PUSH EMAIL")))
    }
}

/// Reference data as a file or a database holds it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Seed {
    /// Customers.
    pub customers: Vec<Customer>,
    /// Service keys.
    pub service_keys: Vec<ServiceKey>,
    /// Secret keys.
    pub secret_keys: Vec<SecretKey>,
    /// Users.
    pub users: Vec<User>,
    /// Sender profiles.
    pub sender_profiles: Vec<SenderProfile>,
    /// Groups of them.
    pub sender_groups: Vec<SenderGroup>,
    /// Templates.
    pub templates: Vec<Template>,
    /// Sender numbers.
    pub sender_numbers: Vec<SenderNumber>,
    /// Opt-outs.
    pub opt_outs: Vec<OptOut>,
    /// Consents to ads.
    pub consents: Vec<Consent>,
    /// Push tokens, those of a user from the oldest to the newest.
    pub push_tokens: Vec<UserToken>,
    /// Routing groups.
    pub routing_groups: Vec<RoutingGroup>,
    /// Routing patterns, in order.
    pub patterns: Vec<Pattern>,
    /// Vendors.
    pub vendors: Vec<Vendor>,
    /// Their weights for some messages.
    pub vendor_weights: Vec<VendorWeight>,
}

/// The rows of a seed, each to be shared: a reload exchanges those that changed and keeps the others.
#[derive(Debug, Clone, PartialEq, Default)]
#[allow(missing_docs, reason = "as in the seed")]
pub struct Rows {
    pub customers: Vec<Arc<Customer>>,
    pub service_keys: Vec<Arc<ServiceKey>>,
    pub secret_keys: Vec<Arc<SecretKey>>,
    pub users: Vec<Arc<User>>,
    pub sender_profiles: Vec<Arc<SenderProfile>>,
    pub sender_groups: Vec<Arc<SenderGroup>>,
    pub templates: Vec<Arc<Template>>,
    pub sender_numbers: Vec<Arc<SenderNumber>>,
    /// Not shared: whoever keeps many looks them up elsewhere.
    pub opt_outs: Vec<OptOut>,
    /// The same.
    pub consents: Vec<Consent>,
    /// The same.
    pub push_tokens: Vec<UserToken>,
    pub routing_groups: Vec<Arc<RoutingGroup>>,
    pub patterns: Vec<Arc<Pattern>>,
    pub vendors: Vec<Arc<Vendor>>,
    pub vendor_weights: Vec<Arc<VendorWeight>>,
}

impl From<Seed> for Rows {
    fn from(seed: Seed) -> Self {
        fn shared<T>(rows: Vec<T>) -> Vec<Arc<T>> {
            rows.into_iter().map(Arc::new).collect()
        }
        Self {
            customers: shared(seed.customers),
            service_keys: shared(seed.service_keys),
            secret_keys: shared(seed.secret_keys),
            users: shared(seed.users),
            sender_profiles: shared(seed.sender_profiles),
            sender_groups: shared(seed.sender_groups),
            templates: shared(seed.templates),
            sender_numbers: shared(seed.sender_numbers),
            opt_outs: seed.opt_outs,
            consents: seed.consents,
            push_tokens: seed.push_tokens,
            routing_groups: shared(seed.routing_groups),
            patterns: shared(seed.patterns),
            vendors: shared(seed.vendors),
            vendor_weights: shared(seed.vendor_weights),
        }
    }
}
