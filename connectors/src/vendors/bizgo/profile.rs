//! Sender profiles (발신프로필): the token that Kakao sends to a channel's manager, registering with it, how a profile stands,
//! waking it. Published paths `api_comm_v1_account_kakao_sender*.yaml`, `api_comm_v1_center_kakao_sender*.yaml`, schemas
//! KakaoSenderTokenRequest, KakaoSenderCreateRequest, KakaoSenderProfile, KakaoSenderRecoverRequest.
//!
//! Not published are: the codes of a token that is wrong or too old, of a channel that is registered already, and of one that
//! is not there (here, as of sends: A502 of a sender key that is none); a `status` beside A (normal); and the words of the
//! spam levels beside 정상. A profile cannot be deleted over this API.

use super::{
    Bizgo,
    managed::{Managed, NONE_SUCH, Refusal, taken, within},
};
use crate::vendors::registrar::{Seen, Trouble, part_of_path};
use hyper::{Method, header::HeaderName};
use processors::{
    center::claim::{Category, Handed, Standing},
    ports::Clock,
};
use serde::{Deserialize, Serialize};
use url::form_urlencoded::byte_serialize;

const TOKEN_PATH: &str = "/api/comm/v1/account/kakao/sender/token";
const ACCOUNT: &str = "/api/comm/v1/account/kakao/sender";
const CENTER: &str = "/api/comm/v1/center/kakao/sender";
/// Headers that carry the proof.
const TOKEN: HeaderName = HeaderName::from_static("token");
const PHONE: HeaderName = HeaderName::from_static("phonenumber");

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TokenWanted<'t> {
    yellow_id: &'t str,
    phone_number: &'t str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewProfile<'t> {
    yellow_id: &'t str,
    category_code: &'t str,
    #[serde(skip_serializing_if = "Option::is_none")]
    unsubscribe_phone_number: Option<&'t str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unsubscribe_auth_number: Option<&'t str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Named<'t> {
    sender_key: &'t str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    sender_key: String,
    #[serde(default)]
    uuid: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    block: bool,
    #[serde(default)]
    dormant: bool,
    #[serde(default)]
    profile_status: Option<String>,
    #[serde(default)]
    profile_spam_level: Option<String>,
    #[serde(default)]
    profile_message_spam_level: Option<String>,
}

/// How a profile stands, and what is to be told of it.
fn standing(profile: &Profile) -> (Standing, Option<String>) {
    let status = profile.status.as_deref().filter(|status| *status != "A");
    let of_channel = profile.profile_status.as_deref();
    let standing = match of_channel {
        _ if profile.block => Standing::Blocked,
        Some("B") => Standing::Blocked,
        Some("C") => Standing::Deactivated,
        Some("E") => Standing::Deleting,
        _ if profile.dormant => Standing::Dormant,
        Some("A") | None if status.is_none() => Standing::Active,
        _ => Standing::Unclear,
    };
    let words = [
        ("status", status),
        ("profileStatus", of_channel.filter(|_| standing == Standing::Unclear)),
        ("profileSpamLevel", profile.profile_spam_level.as_deref().filter(|level| *level != "정상")),
        ("profileMessageSpamLevel", profile.profile_message_spam_level.as_deref().filter(|level| *level != "정상")),
    ];
    let words: Vec<String> = words.iter().filter_map(|(name, word)| Some(format!("{name} {}", (*word)?))).collect();
    (standing, (!words.is_empty()).then(|| words.join(", ")))
}

impl Bizgo<'_> {
    /// Has Kakao send a token to a phone.
    pub async fn ask_token(&self, channel_id: &str, phone: &str, clock: &dyn Clock) -> Result<(), Trouble> {
        let sent = TokenWanted { yellow_id: channel_id, phone_number: phone };
        taken(self.managed(Managed::telling(Method::POST, TOKEN_PATH, &sent).once(), clock).await?)
    }

    /// Registers a channel with its token; its sender key.
    pub async fn register_profile(
        &self,
        channel_id: &str,
        phone: &str,
        handed: &Handed,
        clock: &dyn Clock,
    ) -> Result<String, Trouble> {
        let Handed { token, category_code, unsubscribe_phone_number, unsubscribe_auth_number } = handed;
        let sent = NewProfile {
            yellow_id: channel_id,
            category_code,
            unsubscribe_phone_number: unsubscribe_phone_number.as_deref(),
            unsubscribe_auth_number: unsubscribe_auth_number.as_deref(),
        };
        let call = Managed::telling(Method::POST, ACCOUNT, &sent).with(vec![(TOKEN, token), (PHONE, phone)]).once();
        match self.managed(call, clock).await? {
            Err(Refusal { reason, .. }) => Err(Trouble::Refused(reason)),
            Ok(answered) => match within::<Profile>(&answered, &["data", "kakao", "senderProfile"]) {
                Ok(Some(profile)) => Ok(profile.sender_key),
                Ok(None) | Err(_) => Err(Trouble::Failed("it was taken, and no sender key is told".into())),
            },
        }
    }

    /// Whether a channel stands at the dealer.
    pub async fn channel(&self, channel_id: &str, clock: &dyn Clock) -> Result<Seen, Trouble> {
        let id: String = byte_serialize(channel_id.as_bytes()).collect();
        match self.managed(Managed::of(Method::GET, &format!("{ACCOUNT}?uuid={id}")), clock).await? {
            Ok(answered) => match within::<Profile>(&answered, &["data", "kakao", "senderProfile"]) {
                Ok(None) => Ok(Seen::Absent),
                // The id is published in two forms: another one's profile would be nobody's proof.
                Ok(Some(profile)) if profile.uuid.as_deref() == Some(channel_id) => Ok(Seen::There(profile.sender_key)),
                Ok(Some(_)) | Err(_) => Ok(Seen::Unclear),
            },
            Err(Refusal { code, .. }) if NONE_SUCH.contains(&&*code) => Ok(Seen::Absent),
            Err(_) => Ok(Seen::Unclear),
        }
    }

    /// How a profile stands; None: the dealer says that it is not there.
    pub async fn profile(
        &self,
        sender_key: &str,
        clock: &dyn Clock,
    ) -> Result<Option<(Standing, Option<String>)>, Trouble> {
        let path = format!("{CENTER}?senderKey={}", part_of_path(sender_key)?);
        match self.managed(Managed::of(Method::GET, &path), clock).await? {
            Ok(answered) => {
                let profile: Option<Profile> = within(&answered, &["data", "data", "kakao", "senderProfile"])?;
                match profile {
                    Some(profile) if profile.sender_key != sender_key => {
                        Err(Trouble::refused("another profile is shown: see the dealer's console"))
                    }
                    shown => Ok(shown.as_ref().map(standing)),
                }
            }
            Err(Refusal { code, .. }) if NONE_SUCH.contains(&&*code) => Ok(None),
            Err(Refusal { reason, .. }) => Err(Trouble::Refused(reason)),
        }
    }

    /// What channels may be about.
    pub async fn categories(&self, clock: &dyn Clock) -> Result<Vec<Category>, Trouble> {
        let path = format!("{CENTER}/category/list");
        match self.managed(Managed::of(Method::GET, &path), clock).await? {
            Ok(answered) => Ok(within(&answered, &["data", "data", "kakao", "categories"])?.unwrap_or_default()),
            Err(Refusal { reason, .. }) => Err(Trouble::Refused(reason)),
        }
    }

    /// Wakes a profile.
    pub async fn recover_profile(&self, sender_key: &str, clock: &dyn Clock) -> Result<(), Trouble> {
        let path = format!("{CENTER}/recover");
        taken(self.managed(Managed::telling(Method::POST, &path, &Named { sender_key }), clock).await?)
    }
}
