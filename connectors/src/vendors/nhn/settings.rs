//! What NHN Cloud needs besides a key.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Longest time that results are looked back for, hours: LMS and MMS may take 80.
const LONGEST_LOOK_BACK_H: u32 = 192;

/// `[vendors.NAME.nhn]`: a product of NHN Cloud; `key_file` is its secret key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NhnSettings {
    /// The product's app key, as its console shows it.
    pub app_key: String,
    /// How long before its start a process looks for results, hours: nobody else knows which of them are in the log.
    pub look_back_h: u32,
    /// Whose each free number (080) is: the customer that a call of it refuses the ads of. Digits alone.
    pub unsubscribe_numbers: BTreeMap<String, String>,
}

impl Default for NhnSettings {
    fn default() -> Self {
        Self { app_key: String::new(), look_back_h: 24, unsubscribe_numbers: BTreeMap::new() }
    }
}

impl NhnSettings {
    /// Everything that cannot work, each with its key and remedy.
    pub fn mistakes(&self, name: &str) -> Vec<String> {
        let Self { app_key, look_back_h, unsubscribe_numbers } = self;
        let mut wrong = Vec::new();
        if app_key.is_empty() || !app_key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte)) {
            wrong.push(format!(
                "vendors.{name}.nhn.app_key is no app key: write the one of this product in NHN Cloud's console"
            ));
        }
        let is_none = |number: &&String| !number.starts_with("080") || !number.bytes().all(|b| b.is_ascii_digit());
        wrong.extend(unsubscribe_numbers.keys().filter(is_none).map(|number| {
            format!("vendors.{name}.nhn.unsubscribe_numbers: {number:?} is no free number: write digits, 080…")
        }));
        if !(1..=LONGEST_LOOK_BACK_H).contains(look_back_h) {
            wrong.push(format!(
                "vendors.{name}.nhn.look_back_h: got {look_back_h}, 1 to {LONGEST_LOOK_BACK_H} are allowed"
            ));
        }
        wrong
    }

    /// The free numbers of customers that are not among these, each with the remedy.
    pub fn unknown(&self, name: &str, is_known: &dyn Fn(&str) -> bool) -> Vec<String> {
        let unknown = self.unsubscribe_numbers.iter().filter(|(_, username)| !is_known(username));
        unknown
            .map(|(number, username)| {
                format!(
                    "vendors.{name}.nhn.unsubscribe_numbers: {number} is said to be {username:?}'s, whom the reference \
                     data do not have: write the username of a customer, or enter the customer first"
                )
            })
            .collect()
    }
}
