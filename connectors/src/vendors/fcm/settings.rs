//! How Firebase Cloud Messaging is reached, beside its row and what every vendor's settings say.

use super::access::Account;
use crate::vendors::{VendorSettings, push::Accepted};
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, sync::Arc};

/// What the configuration says of a Firebase project, `[vendors.NAME.fcm]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FcmSettings {
    /// The service account's key file, JSON, as Google's console gives it. Read again when it changes.
    pub service_account_file: PathBuf,
    /// Authority of the service's certificate in PEM form; empty: the system's.
    pub ca_file: PathBuf,
}

/// What a process knows of a project besides its row.
pub struct Access {
    /// Times.
    pub times: VendorSettings,
    /// The rest.
    pub fcm: FcmSettings,
    /// Who we are.
    pub account: Account,
    /// What the service has accepted a token as.
    pub accepted: Accepted,
}

impl Access {
    /// Reads the key. The error is every mistake with its remedy.
    pub fn open(name: &str, times: &VendorSettings, fcm: &FcmSettings) -> Result<Arc<Self>, Vec<String>> {
        let mut wrong = Vec::new();
        if !times.key_file.as_os_str().is_empty() {
            wrong.push(format!("vendors.{name}.key_file is for other vendors: set fcm.service_account_file alone"));
        }
        if let Err(reason) = crate::vendors::tls::config(&fcm.ca_file, "fcm.ca_file") {
            wrong.push(format!("vendors.{name}.{reason}"));
        }
        let account = Account::open(&fcm.service_account_file)
            .map_err(|reason| {
                let file = &fcm.service_account_file;
                wrong.push(format!("vendors.{name}.fcm.service_account_file {file:?}: {reason}"));
            })
            .ok();
        match account {
            Some(account) if wrong.is_empty() => {
                let accepted = Accepted::default();
                Ok(Arc::new(Self { times: times.clone(), fcm: fcm.clone(), account, accepted }))
            }
            _ => Err(wrong),
        }
    }
}
