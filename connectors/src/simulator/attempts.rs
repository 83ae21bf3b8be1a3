//! How often each message was requested: the wire does not say it, and the draw of its fate wants it.

use rustc_hash::FxHashMap;
use std::sync::{Mutex, PoisonError};

/// Messages whose requests are counted; then all are forgotten, as vendors do.
const COUNTED: usize = 500_000;

/// Requests by what they are for.
#[derive(Default)]
pub struct Attempts(Mutex<FxHashMap<String, i32>>);

impl Attempts {
    /// The how-manyth request for it this is, counted from 1.
    pub fn next(&self, of: &str) -> i32 {
        let mut attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if attempts.len() >= COUNTED {
            attempts.clear();
        }
        let attempt = attempts.entry(of.to_owned()).or_default();
        *attempt += 1;
        *attempt
    }
}
