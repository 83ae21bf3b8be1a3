//! The signature of a webhook: the words that were written beside its address in NHN Cloud's console, as they are.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use hyper::header::HeaderValue;

/// What they come in.
pub const HEADER: &str = "x-toast-webhook-signature";

/// Whether a call has the secret. Nothing in it covers time or body.
pub fn signed(secret: &HeaderValue, signature: &str) -> bool {
    verify_slices_are_equal(secret.as_bytes(), signature.as_bytes()).is_ok()
}
