//! Which vendor a step goes to: by weight, and always the same one for the same step.

use crate::reference::{Asked, Reference, Vendor};
use crate::rules::cp949;
use schemas::{Accepted, Avro, DecodeError, Family, Input, TrackId};
use std::sync::Arc;

/// Longest title of the contract (SPEC §3); a vendor that takes less is not for every message.
const TITLE_BYTES: u32 = 50;

/// The number that chooses the vendor of a step: the same whenever the record is read, evenly spread over messages.
pub fn draw(track_id: TrackId, step: u8, attempt: i32) -> u64 {
    let id = track_id.as_u128();
    let mut x =
        (id >> 64) as u64 ^ (id as u64).rotate_left(32) ^ u64::from(step) << 56 ^ u64::from(attempt as u32) << 24;
    // The finaliser of splitmix64: ids of one batch differ in few bits, draws must differ in all.
    for multiplier in [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb] {
        x = (x ^ (x >> 30)).wrapping_mul(multiplier);
    }
    x ^ (x >> 31)
}

/// The vendor that a draw falls on, among those with a weight for such a message that `takes` lets through: one that is not
/// paused, as long as there is one.
pub fn choose<'r>(
    reference: &'r Reference,
    asked: Asked<'_>,
    draw: u64,
    takes: impl Fn(&Vendor) -> bool,
) -> Option<&'r Arc<Vendor>> {
    let drawn = |takes: &dyn Fn(&Vendor) -> bool| {
        let weight = |vendor: &Vendor| u64::from(reference.weight(vendor, asked));
        let candidates = || reference.vendors(asked.family).iter().filter(|vendor| weight(vendor) > 0 && takes(vendor));
        let total: u64 = candidates().map(|vendor| weight(vendor)).sum();
        let mut left = draw.checked_rem(total)?;
        candidates().find(|vendor| match left.checked_sub(weight(vendor)) {
            None => true,
            Some(rest) => {
                left = rest;
                false
            }
        })
    };
    drawn(&|vendor| !vendor.paused && takes(vendor)).or_else(|| drawn(&takes))
}

/// The message, where it decides which vendors may have it: a title that is too long for one of them, tokens, of which
/// each vendor takes some and without which none takes it.
///
/// The view ends before the content, so only then is the whole message decoded.
pub fn looked_at(family: Family, vendors: &[Arc<Vendor>], datum: &[u8]) -> Result<Option<Accepted>, DecodeError> {
    let plays = match family {
        Family::Lms | Family::Mms => vendors.iter().any(|vendor| vendor.title_bytes < TITLE_BYTES),
        Family::Push => true,
        Family::At | Family::Ft | Family::Bt | Family::Sms | Family::Rcs | Family::Email => false,
    };
    if !plays {
        return Ok(None);
    }
    Accepted::decode(&mut Input::new(datum)).map(Some)
}

/// Whether a vendor takes a message; a push, when it takes one of its tokens that are not among `tokens_done`.
pub fn takes(vendor: &Vendor, accepted: &Accepted, tokens_done: &[i32]) -> bool {
    let its = |(place, token): (i32, &String)| !tokens_done.contains(&place) && vendor.protocol.takes_token(token);
    match Family::of(accepted.channel, accepted.message_type) {
        Family::Lms | Family::Mms => vendor.title_bytes >= accepted.content.title.as_deref().map_or(0, cp949_bytes),
        Family::Push => (0..).zip(&accepted.recipient.push_tokens).any(its),
        Family::At | Family::Ft | Family::Bt | Family::Sms | Family::Rcs | Family::Email => true,
    }
}

/// Bytes of a text that ingest let pass: it holds nothing that CP949 cannot. Of any other, its bytes as it stands here,
/// which are more.
pub fn cp949_bytes(text: &str) -> u32 {
    u32::try_from(cp949::bytes(text).unwrap_or(text.len())).unwrap_or(u32::MAX)
}
