//! How Apple's push service is reached, beside its row and what every vendor's settings say.

use super::provider_token::ProviderToken;
use crate::vendors::{VendorSettings, push::Accepted, tls};
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, sync::Arc};

/// What the configuration says of an app, `[vendors.NAME.apns]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApnsSettings {
    /// The key that signs, `AuthKey_….p8` of Apple's developer account. Read again when it changes.
    pub key_file: PathBuf,
    /// Its id, ten characters.
    pub key_id: String,
    /// Whose it is: the team's id, ten characters.
    pub team_id: String,
    /// Which app the tokens are of: its bundle id.
    pub topic: String,
    /// Authority of the service's certificate in PEM form; empty: the system's.
    pub ca_file: PathBuf,
}

/// What a process knows of an app besides its row.
pub struct Access {
    /// Times.
    pub times: VendorSettings,
    /// The rest.
    pub apns: ApnsSettings,
    /// Who we are.
    pub token: ProviderToken,
    /// What the service has accepted a token as.
    pub accepted: Accepted,
}

impl Access {
    /// Reads the key. The error is every mistake with its remedy.
    pub fn open(name: &str, times: &VendorSettings, apns: &ApnsSettings) -> Result<Arc<Self>, Vec<String>> {
        let mut wrong = mistakes(times, apns);
        wrong.extend(tls::config(&apns.ca_file, "apns.ca_file").err());
        let token = ProviderToken::open(&apns.key_file, &apns.key_id, &apns.team_id)
            .map_err(|reason| wrong.push(format!("apns.key_file {:?}: {reason}", apns.key_file)))
            .ok();
        match token {
            Some(token) if wrong.is_empty() => {
                let accepted = Accepted::default();
                Ok(Arc::new(Self { times: times.clone(), apns: apns.clone(), token, accepted }))
            }
            _ => Err(wrong.into_iter().map(|reason| format!("vendors.{name}.{reason}")).collect()),
        }
    }
}

fn mistakes(times: &VendorSettings, apns: &ApnsSettings) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut refuse = |is_wrong: bool, reason: &str| {
        if is_wrong {
            wrong.push(reason.to_owned());
        }
    };
    refuse(!times.key_file.as_os_str().is_empty(), "key_file is for other vendors: set apns.key_file alone");
    let is_id = |text: &str| text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    refuse(
        !is_id(&apns.key_id),
        "apns.key_id is not 10 letters and digits: it stands with the key, and in its file's name",
    );
    refuse(!is_id(&apns.team_id), "apns.team_id is not 10 letters and digits: it stands in the account's membership");
    let is_topic = |text: &str| {
        !text.is_empty() && text.len() <= 255 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
    };
    refuse(!is_topic(&apns.topic), "apns.topic is no bundle id: write kr.example.app");
    wrong
}
