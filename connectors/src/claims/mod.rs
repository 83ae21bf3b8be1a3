//! Message ids claimed within the last 24 hours: the duplicate check (code 2030).
//!
//! Both backends keep the promises of one suite, below. A claim that was made by a transaction which never committed
//! belongs to a record that will be read again under the same track_id, and recognises itself.

mod memory;
mod redis;
mod sqlite;

pub use memory::MemoryClaims;
pub use redis::{Doubt, Doubts, RedisClaims, describe_metrics};
pub use sqlite::{SCHEMA, SqliteClaims};

use processors::ports::CLAIM_WINDOW;

/// Claims made at or before this are free again.
fn expired_at(now_ms: i64) -> i64 {
    now_ms - CLAIM_WINDOW.as_millis() as i64
}

#[cfg(test)]
mod tests;
