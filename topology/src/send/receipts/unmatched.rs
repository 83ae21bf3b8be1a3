//! Delivery reports that are none of ours, of a vendor that nobody knows, or that this program cannot read: kept among the dead letters of RESULT, for
//! people.

use crate::{
    engine::{Outputs, REASON_HEADER},
    log::Record,
};
use bytes::Bytes;
use processors::ports::Receipt;
use schemas::{Lane, Topic};
use serde::{Deserialize, Serialize};

/// The reason of such a letter. A replay would bring it in vain: it is no record of RESULT.
pub const UNMATCHED: &str = "unmatched delivery report";

/// Characters of a number that is not ours, and of a code.
const LONGEST: usize = 100;

/// A delivery report that no message of ours is known for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmatched {
    /// Who brought it.
    pub vendor: String,
    /// What it says that it is about, as far as it says so.
    pub serial_number: String,
    /// What it says.
    pub code: String,
    /// When that was, Unix milliseconds.
    pub at_ms: i64,
    /// `foreign`: its number is none of ours; `unknown vendor`: the reference data have no such vendor; `defect`: it makes this
    /// program panic.
    pub why: String,
}

impl Unmatched {
    /// Where they are kept.
    pub fn topic() -> Topic {
        Topic::result(Lane::Realtime).dead_letters()
    }

    pub(super) fn keep(receipt: &Receipt, why: &str, out: &mut Outputs) {
        let some = |text: &str| text.chars().take(LONGEST).collect();
        let kept = Self {
            vendor: receipt.vendor.clone(),
            serial_number: some(&receipt.serial_number),
            code: some(&receipt.code),
            at_ms: receipt.at_ms,
            why: why.to_owned(),
        };
        // Strings and a number always become JSON.
        let value = serde_json::to_vec(&kept).unwrap_or_default();
        let headers = vec![(REASON_HEADER.to_owned(), Bytes::from_static(UNMATCHED.as_bytes()))];
        out.value(Self::topic(), Some(0), &receipt.vendor, Some(value.into()), headers);
    }

    /// One out of the log; None: another letter.
    pub fn read(record: &Record) -> Option<Self> {
        let reason = record.headers.iter().find(|(name, _)| name == REASON_HEADER)?;
        if &*reason.1 != UNMATCHED.as_bytes() {
            return None;
        }
        serde_json::from_slice(record.value.as_deref()?).ok()
    }
}
