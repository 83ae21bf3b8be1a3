//! What messages cost.

use crate::send::metrics::COST;
use metrics::counter;
use processors::reference::Vendor;
use schemas::{Dispatch, Family};

/// Counts a message that a vendor took, by the price of its row for each of its parts.
pub fn count(vendor: &Vendor, dispatch: &Dispatch, parts: impl FnOnce() -> u32) {
    let family = Family::of(dispatch.accepted.channel, dispatch.accepted.message_type);
    if let Some(krw) = vendor.cost_krw.get(&family) {
        let thousandths = (krw * 1e3).round() as u64 * u64::from(parts());
        counter!(COST, "vendor" => vendor.name.clone(), "family" => family.as_str()).increment(thousandths);
    }
}
