//! Reference data: customers, service keys, sender profiles, templates, sender numbers, routing groups, vendors.
//!
//! [`Seed`] is the data as a file or a database holds it; [`Reference`] is the same, checked and indexed.

mod changes;

pub use changes::Changes;

use crate::callback::{Batch, Endpoint, Secret};
use rustc_hash::{FxHashMap, FxHashSet};
use schemas::{Attachment, Channel, Family, Lane, MessageType, Supplement};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};

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
    /// Its sender profile (AT, FT, BT).
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

/// A routing group: its members' messages get its priority, before any pattern (SPEC §5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// How long a receipt may take before the message is uncertain, hours (SMS 25, LMS and MMS 80).
    #[serde(default = "receipt_hours")]
    pub receipt_hours: u32,
    /// After a crash in the middle of a request.
    #[serde(default)]
    pub in_doubt: InDoubt,
    /// Longest title in CP949 bytes (40 at some, 50 in the contract).
    #[serde(default = "title_bytes")]
    pub title_bytes: u32,
}

impl Vendor {
    /// How long a receipt may take.
    pub fn receipt_time(&self) -> Duration {
        Duration::from_secs(u64::from(self.receipt_hours) * 3600)
    }
}

fn yes() -> bool {
    true
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

mod families {
    use schemas::Family;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub fn serialize<S: Serializer>(families: &[Family], to: S) -> Result<S::Ok, S::Error> {
        families.iter().map(|f| f.as_str()).collect::<Vec<_>>().serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Family>, D::Error> {
        let names = Vec::<String>::deserialize(from)?;
        let family = |name: &String| {
            Family::ALL
                .into_iter()
                .find(|f| f.as_str() == name)
                .ok_or_else(|| D::Error::custom(format!("{name:?} is no family: AT FT BT SMS LMS MMS RCS PUSH EMAIL")))
        };
        names.iter().map(family).collect()
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
    /// Sender profiles.
    pub sender_profiles: Vec<SenderProfile>,
    /// Templates.
    pub templates: Vec<Template>,
    /// Sender numbers.
    pub sender_numbers: Vec<SenderNumber>,
    /// Opt-outs.
    pub opt_outs: Vec<OptOut>,
    /// Routing groups.
    pub routing_groups: Vec<RoutingGroup>,
    /// Routing patterns, in order.
    pub patterns: Vec<Pattern>,
    /// Vendors.
    pub vendors: Vec<Vendor>,
}

/// What is wrong with reference data; every mistake at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("reference data refused: {}", .0.join("; "))]
pub struct SeedErrors(pub Vec<String>);

/// Reference data, checked and indexed. Cheap to share, never changed.
#[derive(Debug, Default)]
pub struct Reference {
    customers: FxHashMap<String, Arc<Customer>>,
    service_keys: FxHashMap<String, Arc<ServiceKey>>,
    profiles: FxHashMap<String, SenderProfile>,
    /// By code.
    templates: FxHashMap<String, Vec<Arc<Template>>>,
    /// By number.
    numbers: FxHashMap<String, Vec<SenderNumber>>,
    opt_outs: FxHashSet<OptOut>,
    endpoints: FxHashMap<String, Arc<Endpoint>>,
    group_of_customer: FxHashMap<String, Lane>,
    group_of_key: FxHashMap<String, Lane>,
    patterns: Vec<Pattern>,
    vendors: FxHashMap<Family, Vec<Arc<Vendor>>>,
}

impl Reference {
    /// Checks and indexes a seed.
    pub fn new(seed: Seed) -> Result<Self, SeedErrors> {
        let mut wrong = Vec::new();
        let mut this = Self { patterns: seed.patterns, ..Self::default() };
        for customer in seed.customers {
            if this.customers.insert(customer.username.clone(), Arc::new(customer.clone())).is_some() {
                wrong.push(format!("customer {:?} stands twice", customer.username));
            }
        }
        let known = |username: &str, of: String, wrong: &mut Vec<String>| {
            if !this.customers.contains_key(username) {
                wrong.push(format!("{of} names customer {username:?}, which does not exist"));
            }
        };
        let mut endpoints = Vec::new();
        for key in &seed.service_keys {
            known(&key.username, format!("service key …{}", tail(&key.key)), &mut wrong);
            if key.key.len() != 40 || !key.key.bytes().all(|b| b.is_ascii_alphanumeric()) {
                wrong.push(format!("service key …{} is not 40 alphanumeric characters", tail(&key.key)));
            }
            match Endpoint::of(key) {
                Ok(Some(endpoint)) => endpoints.push(Arc::new(endpoint)),
                Ok(None) => {}
                Err(reasons) => {
                    wrong.extend(reasons.iter().map(|reason| format!("service key …{}: {reason}", tail(&key.key))));
                }
            }
        }
        seed.sender_profiles
            .iter()
            .for_each(|p| known(&p.username, format!("sender profile …{}", tail(&p.sender_key)), &mut wrong));
        seed.templates.iter().for_each(|t| known(&t.username, format!("template {}", t.code), &mut wrong));
        seed.sender_numbers.iter().for_each(|n| known(&n.username, format!("sender number {}", n.number), &mut wrong));
        for vendor in &seed.vendors {
            if vendor.tps == 0 || vendor.max_in_flight == 0 || vendor.timeout_ms == 0 {
                wrong.push(format!("vendor {}: tps, max_in_flight and timeout_ms must be above 0", vendor.name));
            }
            if vendor.families.is_empty() {
                wrong.push(format!("vendor {} takes no family", vendor.name));
            }
        }
        for key in seed.service_keys {
            this.service_keys.insert(key.key.clone(), Arc::new(key));
        }
        this.endpoints.extend(endpoints.into_iter().map(|endpoint| (endpoint.service_key.clone(), endpoint)));
        for profile in seed.sender_profiles {
            this.profiles.insert(profile.sender_key.clone(), profile);
        }
        for template in seed.templates {
            this.templates.entry(template.code.clone()).or_default().push(Arc::new(template));
        }
        for number in seed.sender_numbers {
            this.numbers.entry(number.number.clone()).or_default().push(number);
        }
        this.opt_outs = seed.opt_outs.into_iter().collect();
        for group in seed.routing_groups {
            for username in group.usernames {
                this.group_of_customer.insert(username, group.priority);
            }
            for key in group.service_keys {
                this.group_of_key.insert(key, group.priority);
            }
        }
        for vendor in seed.vendors {
            let vendor = Arc::new(vendor);
            for family in &vendor.families {
                this.vendors.entry(*family).or_default().push(Arc::clone(&vendor));
            }
        }
        for (family, vendors) in &this.vendors {
            if vendors.iter().all(|v| v.weight == 0) {
                wrong.push(format!("the weights of {family}'s vendors sum to zero: give one of them a weight"));
            }
        }
        if wrong.is_empty() { Ok(this) } else { Err(SeedErrors(wrong)) }
    }

    /// A service key and its customer.
    pub fn service_key(&self, key: &str) -> Option<(&Arc<ServiceKey>, &Arc<Customer>)> {
        let key = self.service_keys.get(key)?;
        Some((key, self.customers.get(&key.username)?))
    }

    /// Where a service key's customer wants to be called.
    pub fn endpoint(&self, service_key: &str) -> Option<&Arc<Endpoint>> {
        self.endpoints.get(service_key)
    }

    /// A sender profile.
    pub fn sender_profile(&self, sender_key: &str) -> Option<&SenderProfile> {
        self.profiles.get(sender_key)
    }

    /// A customer's template.
    pub fn template(&self, channel: Channel, username: &str, code: &str) -> Option<&Arc<Template>> {
        self.templates.get(code)?.iter().find(|t| t.channel == channel && t.username == username)
    }

    /// A customer's sender number, chatbot id or address.
    pub fn sender_number(&self, channel: Channel, username: &str, number: &str) -> Option<&SenderNumber> {
        self.numbers.get(number)?.iter().find(|n| n.channel == channel && n.username == username)
    }

    /// Whether a recipient refused a customer's ads.
    pub fn opted_out(&self, username: &str, recipient: &str) -> bool {
        !self.opt_outs.is_empty()
            && self.opt_outs.contains(&OptOut { username: username.to_owned(), recipient: recipient.to_owned() })
    }

    /// The priority of the routing group of a service key or, failing that, of its customer.
    pub fn group_priority(&self, username: &str, service_key: &str) -> Option<Lane> {
        self.group_of_key.get(service_key).or_else(|| self.group_of_customer.get(username)).copied()
    }

    /// Routing patterns, in order.
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// The vendors of a family, in the order of the seed.
    pub fn vendors(&self, family: Family) -> &[Arc<Vendor>] {
        self.vendors.get(&family).map_or(&[], Vec::as_slice)
    }

    /// A vendor by name.
    pub fn vendor(&self, family: Family, name: &str) -> Option<&Arc<Vendor>> {
        self.vendors(family).iter().find(|v| v.name == name)
    }

    /// Whether nobody could send anything.
    pub fn is_empty(&self) -> bool {
        self.customers.is_empty() || self.service_keys.is_empty()
    }

    /// A customer by name.
    pub fn customer(&self, username: &str) -> Option<&Arc<Customer>> {
        self.customers.get(username)
    }
}

/// The last four characters of a secret or long key, enough to find it.
fn tail(key: &str) -> &str {
    let start = key.char_indices().rev().nth(3).map_or(0, |(i, _)| i);
    &key[start..]
}
