//! Korea's clock. It has had no summer time since 1988, so it is arithmetic: UTC + 9 h.

/// How far it is ahead of UTC, milliseconds.
pub const AHEAD_MS: i64 = 9 * 3_600_000;
/// A day, milliseconds.
pub const DAY_MS: i64 = 24 * 3_600_000;
