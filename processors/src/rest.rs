//! What is left alone until a moment.

/// Who looks may have read the clock before a rest began that it finds.
const SLACK_MS: i64 = 1_000;

/// Whether it still is, at `now_ms`. No rest is longer than `longest_ms`: one that would be began while the clock was ahead of
/// what it is now, and is over.
pub fn rests(until_ms: i64, longest_ms: i64, now_ms: i64) -> bool {
    (1..=longest_ms.saturating_add(SLACK_MS)).contains(&until_ms.saturating_sub(now_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rest_ends_at_its_moment_and_when_the_clock_is_set_back() {
        let at = |now_ms| rests(10_000, 3_000, now_ms);
        assert_eq!([6_000, 9_999, 10_000, 10_001].map(at), [true, true, false, false]);
        assert!(!at(5_999), "nobody rests for longer than 3 seconds");
        assert!(!rests(i64::MIN, 1_000, 5) && !rests(0, 1_000, i64::MAX) && !rests(i64::MAX, 1_000, i64::MIN));
    }
}
