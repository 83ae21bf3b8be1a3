//! The store of HIST-*: one row per step of each message, and daily statistics counted once.

mod lots;
mod reader;
mod search;
mod statistics;
mod table;
mod tokens;
mod uses;

pub use reader::{DayStatistics, HistoryReader};
pub use search::{By, Place, Wanted};
pub use table::{HistorySink, HistoryTable};
pub use uses::{LastUses, UsedTemplate};

use schemas::Recipient;

/// Where an encrypted value of a row belongs; a value moved to another row or column cannot be read.
fn place(track_id: &str, step: i32, column: &str) -> String {
    format!("{track_id}/{step}/{column}")
}

/// What a recipient is looked up by: the number in international digits, or the id or address in its stead.
pub fn recipient_key(recipient: &Recipient) -> Option<String> {
    let Recipient { phone_number, country_code, app_user_id, user_key, to, push_tokens } = recipient;
    if let Some(number) = phone_number {
        return Some(format!("{}{number}", country_code.as_deref().unwrap_or_default()));
    }
    if let Some(address) = to {
        return Some(address.to_lowercase());
    }
    app_user_id.as_ref().or(user_key.as_ref()).or(push_tokens.first()).cloned()
}

#[cfg(test)]
mod tests;
