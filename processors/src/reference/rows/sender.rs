//! Under whose name messages go out, and with which words: profiles, groups of them, templates, numbers.

use schemas::{Attachment, Channel, Supplement};
use serde::{Deserialize, Serialize};

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
