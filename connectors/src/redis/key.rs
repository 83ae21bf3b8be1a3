//! Keys of what is kept for a deployment under a name that may be long, personal or anything.

use aws_lc_rs::digest::{Context, SHA256};

/// Bytes of a key: a letter, and so much of a hash that no two meet.
pub const KEY_BYTES: usize = 21;

/// The key of something of this deployment. Braces in it would say where a cluster keeps it: as letters and digits there
/// are none.
pub fn key_of(kind: u8, deployment: &str, of: &[u8]) -> [u8; KEY_BYTES] {
    let mut context = Context::new(&SHA256);
    context.update(&(deployment.len() as u64).to_be_bytes());
    context.update(deployment.as_bytes());
    context.update(of);
    let mut key = [kind; KEY_BYTES];
    // Six bits of each byte: 120 in all.
    for (to, byte) in key[1..].iter_mut().zip(context.finish().as_ref()) {
        *to = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-"[usize::from(byte & 63)];
    }
    key
}
