//! How a vendor is reached.

use super::{
    apns::ApnsSettings, fcm::FcmSettings, http::Client, nhn::NhnSettings, smpp::SmppSettings, smtp::SmtpSettings, tls,
};
use processors::reference::Vendor;
use schemas::Family;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf, time::Duration};

/// Each look is a call, and of all of us.
const LEAST_EVERY_MS: u32 = 1_000;

/// What the configuration says of a vendor, `[vendors.NAME]`; its row in the reference data says the rest, and how long
/// a request may take in all (`timeout_ms`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VendorSettings {
    /// File that holds the vendor's API key or secret key, or the password of a mail server or carrier, alone. Read again when it is
    /// refused.
    pub key_file: PathBuf,
    /// Authority of a dealer's certificate in PEM form; empty: the system's. The other kinds of vendors have one of their own.
    pub ca_file: PathBuf,
    /// Time of a connection, TLS and the login included, milliseconds.
    pub connect_ms: u32,
    /// Time until an answer begins, connection included, milliseconds; what the whole may take bounds it too. Of a mail
    /// server, each command's.
    pub first_byte_ms: u32,
    /// How long the next poll waits when there were no delivery reports, milliseconds.
    pub poll_ms: u32,
    /// How long one poll or acknowledgement may take in all, milliseconds.
    pub poll_timeout_ms: u32,
    /// Calls that are no sends (polls, acknowledgements, uploads) a second, of all processes together.
    pub calls_per_second: u32,
    /// How often it is asked what became of the inspection of 알림톡 templates, and told of those that were registered here,
    /// milliseconds, 1,000 at least; 0: they are registered elsewhere.
    pub templates_every_ms: u32,
    /// How often it is asked how each sender profile of KakaoTalk stands, milliseconds, 1,000 at least; and customers register
    /// profiles there. 0: they are registered elsewhere.
    pub profiles_every_ms: u32,
    /// How KakaoTalk answers for 알림톡.
    pub response_method: ResponseMethod,
    /// How long it waits for the receipt of one that is polled, seconds, 10 to 86,400.
    pub response_timeout_s: u32,
    /// File with a line for each RCS chatbot: its id, a blank, the key of its brand at this vendor; read again when a
    /// chatbot is not in it. Empty: there are none.
    pub rcs_brands_file: PathBuf,
    /// File that holds the secret of the vendor's webhook alone; empty: reports are polled.
    pub webhook_secret_file: PathBuf,
    /// What a mail server needs besides: it makes the vendor one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smtp: Option<SmtpSettings>,
    /// What Firebase Cloud Messaging needs instead of a key: it makes the vendor one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fcm: Option<FcmSettings>,
    /// What Apple's push service needs instead of a key: it makes the vendor one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apns: Option<ApnsSettings>,
    /// What a carrier's message centre needs besides: it makes the vendor one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smpp: Option<SmppSettings>,
    /// What a product of NHN Cloud needs besides: it makes the vendor one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nhn: Option<NhnSettings>,
}

/// When KakaoTalk says that a message was delivered (spec: responseMethod).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResponseMethod {
    /// At once, for a recipient who uses KakaoTalk; for others it says that it cannot.
    #[default]
    Push,
    /// When the recipient's device has it; uncertain when that takes longer than `response_timeout_s`.
    Polling,
}

/// What connections are made for: a row that says something else needs others.
#[derive(Debug, PartialEq, Eq)]
pub struct Reach {
    url: String,
    /// The time of a connection.
    connect: Duration,
}

impl Default for VendorSettings {
    fn default() -> Self {
        // Published advice is 5 s and 30 s, and at most 5 calls a second beside sends.
        Self {
            key_file: PathBuf::new(),
            ca_file: PathBuf::new(),
            connect_ms: 5_000,
            first_byte_ms: 30_000,
            poll_ms: 2_000,
            poll_timeout_ms: 10_000,
            calls_per_second: 5,
            templates_every_ms: 0,
            profiles_every_ms: 0,
            response_method: ResponseMethod::Push,
            response_timeout_s: 180,
            rcs_brands_file: PathBuf::new(),
            webhook_secret_file: PathBuf::new(),
            smtp: None,
            fcm: None,
            apns: None,
            smpp: None,
            nhn: None,
        }
    }
}

/// What is registered at a dealer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brings {
    /// Templates of 알림톡.
    Templates,
    /// Sender profiles.
    Profiles,
}

impl Brings {
    /// All of them.
    pub(super) const ALL: [Self; 2] = [Self::Templates, Self::Profiles];

    /// The word of it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Templates => "templates",
            Self::Profiles => "profiles",
        }
    }

    /// What makes a vendor their dealer.
    pub(super) const fn setting(self) -> &'static str {
        match self {
            Self::Templates => "templates_every_ms",
            Self::Profiles => "profiles_every_ms",
        }
    }

    /// One of which their dealer takes.
    pub(super) const fn families(self) -> &'static [Family] {
        match self {
            Self::Templates => &[Family::At],
            Self::Profiles => &[Family::At, Family::Ft, Family::Bt],
        }
    }
}

/// What keeps these from being registered, with the remedy.
pub(super) fn registrars(brings: Brings, settings: &BTreeMap<String, VendorSettings>) -> Option<String> {
    let named: Vec<&str> = settings.iter().filter(|(_, of)| of.every_ms(brings) > 0).map(|(name, _)| &**name).collect();
    (named.len() > 1).then(|| {
        let (setting, what, names) = (brings.setting(), brings.word(), named.join(", "));
        format!("{setting} is set for {names}: Kakao keeps {what} once, so keep one dealer for them")
    })
}

impl VendorSettings {
    /// How often its dealer is asked about these, milliseconds; 0: it is none.
    pub const fn every_ms(&self, brings: Brings) -> u32 {
        match brings {
            Brings::Templates => self.templates_every_ms,
            Brings::Profiles => self.profiles_every_ms,
        }
    }

    /// Everything that cannot work, each with its key and remedy.
    pub(super) fn mistakes(&self, name: &str) -> Vec<String> {
        let Self { smtp, fcm, apns, smpp, nhn, .. } = self;
        let kinds = [smtp.is_some(), fcm.is_some(), apns.is_some(), smpp.is_some(), nhn.is_some()];
        let mut wrong = Vec::new();
        if kinds.into_iter().filter(|kind| *kind).count() > 1 {
            wrong.push(format!("vendors.{name} is of one kind: keep one of smtp, fcm, apns, smpp and nhn"));
        }
        if !self.ca_file.as_os_str().is_empty() {
            let [smtp, fcm, apns, smpp, _] = kinds;
            let of_its_own = [("smtp", smtp), ("fcm", fcm), ("apns", apns), ("smpp", smpp)];
            if let Some((kind, _)) = of_its_own.into_iter().find(|(_, is)| *is) {
                wrong.push(format!("vendors.{name}.ca_file is for dealers over HTTP: set {kind}.ca_file"));
            } else if let Err(reason) = tls::config(&self.ca_file, "ca_file") {
                wrong.push(format!("vendors.{name}.{reason}"));
            }
        }
        for (key, figure) in [
            ("connect_ms", self.connect_ms),
            ("first_byte_ms", self.first_byte_ms),
            ("poll_ms", self.poll_ms),
            ("poll_timeout_ms", self.poll_timeout_ms),
            ("calls_per_second", self.calls_per_second),
        ] {
            if figure == 0 {
                wrong.push(format!("vendors.{name}.{key}: got 0, it must be above 0"));
            }
        }
        for brings in Brings::ALL {
            let (got, setting, what) = (self.every_ms(brings), brings.setting(), brings.word());
            if (1..LEAST_EVERY_MS).contains(&got) {
                wrong.push(format!("vendors.{name}.{setting}: got {got}, 0 or at least {LEAST_EVERY_MS} is allowed"));
            }
            if got > 0 && kinds.contains(&true) {
                wrong.push(format!(
                    "vendors.{name}.{setting}: it registers no {what}: set it for one with protocol = \"bizgo\""
                ));
            }
        }
        wrong.extend(nhn.iter().flat_map(|nhn| nhn.mistakes(name)));
        let seconds = self.response_timeout_s;
        if !(10..=86_400).contains(&seconds) {
            wrong.push(format!("vendors.{name}.response_timeout_s: got {seconds}, 10 to 86400 are allowed"));
        }
        wrong
    }

    /// What connections to a vendor are made for.
    pub(super) fn reach(&self, vendor: &Vendor) -> Reach {
        Reach { url: vendor.url.clone(), connect: self.connect(vendor) }
    }

    /// Connections to a dealer over HTTP; none is made yet.
    pub(super) fn client(&self, vendor: &Vendor) -> Result<Client, String> {
        Client::http1(self.connect(vendor), &self.ca_file, "ca_file")
    }

    /// The time of a connection to a vendor: half of a request's at most, so that one that never comes is known not to
    /// have carried anything.
    pub(super) fn connect(&self, vendor: &Vendor) -> Duration {
        Duration::from_millis(u64::from(self.connect_ms.min(vendor.timeout_ms / 2)))
    }

    pub(super) fn first_byte(&self) -> Duration {
        Duration::from_millis(u64::from(self.first_byte_ms))
    }

    pub(super) fn poll_timeout(&self) -> Duration {
        Duration::from_millis(u64::from(self.poll_timeout_ms))
    }

    pub(super) fn poll(&self) -> Duration {
        Duration::from_millis(u64::from(self.poll_ms))
    }
}

/// Everything that keeps vendors from being reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("vendors refused:\n  {}", .0.join("\n  "))]
pub struct VendorsError(pub Vec<String>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_mistakes_of_a_vendor_are_told_at_once_each_with_its_key() {
        let settings = VendorSettings {
            connect_ms: 0,
            poll_ms: 0,
            templates_every_ms: 5,
            response_timeout_s: 1,
            ca_file: "/nowhere/ca.pem".into(),
            ..VendorSettings::default()
        };
        let told = settings.mistakes("dealer");
        let keys = ["ca_file", "connect_ms", "poll_ms", "templates_every_ms", "response_timeout_s"];
        assert_eq!(told.len(), keys.len(), "{told:?}");
        for (told, key) in told.iter().zip(keys) {
            assert!(told.starts_with(&format!("vendors.dealer.{key}")), "{told}");
        }
    }
}
