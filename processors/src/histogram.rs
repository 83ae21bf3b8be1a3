//! Durations in buckets whose width grows with them, so that histograms of any minutes add up and a percentile is at
//! most 1/16 too high.

/// Buckets to a power of two.
const PER_OCTAVE: u64 = 16;
/// Below this every millisecond has a bucket of its own.
const EXACT: u64 = 2 * PER_OCTAVE;

/// The bucket of a duration in milliseconds; one below zero (clocks of two machines) counts as zero.
pub fn bucket_of(duration_ms: i64) -> i64 {
    let ms = duration_ms.max(0) as u64;
    if ms < EXACT {
        return ms as i64;
    }
    let octave = u64::from(ms.ilog2() - EXACT.ilog2());
    let within = (ms >> (octave + 1)) - PER_OCTAVE;
    (EXACT + octave * PER_OCTAVE + within) as i64
}

/// The longest duration of a bucket, milliseconds.
pub fn longest_of(bucket: i64) -> i64 {
    let bucket = bucket.max(0) as u64;
    if bucket < EXACT {
        return bucket as i64;
    }
    let (octave, within) = ((bucket - EXACT) / PER_OCTAVE, (bucket - EXACT) % PER_OCTAVE);
    (((PER_OCTAVE + within + 1) << (octave + 1)) - 1) as i64
}

/// The duration that `share` (0 to 1) of all do not exceed; buckets ascending. None when there are none.
pub fn percentile(buckets: &[(i64, i64)], share: f64) -> Option<i64> {
    let total: i64 = buckets.iter().map(|(_, count)| count).sum();
    let rank = ((total as f64 * share).ceil() as i64).max(1);
    let mut seen = 0;
    let reached = buckets.iter().find(|(_, count)| {
        seen += count;
        seen >= rank
    });
    reached.map(|(bucket, _)| longest_of(*bucket))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_bucket_is_at_most_a_sixteenth_wide(ms in 0i64..1 << 40) {
            let longest = longest_of(bucket_of(ms));
            prop_assert!(longest >= ms && longest - ms <= ms / 16, "{ms} {longest}");
            prop_assert_eq!(bucket_of(longest), bucket_of(ms));
            prop_assert_eq!(bucket_of(longest + 1), bucket_of(ms) + 1);
        }

        #[test]
        fn a_percentile_is_that_of_the_sorted_durations(mut all in prop::collection::vec(0i64..100_000, 1..200), share in 0.0f64..=1.0) {
            all.sort_unstable();
            let mut buckets: Vec<(i64, i64)> = Vec::new();
            for ms in &all {
                match buckets.last_mut() {
                    Some((bucket, count)) if *bucket == bucket_of(*ms) => *count += 1,
                    _ => buckets.push((bucket_of(*ms), 1)),
                }
            }
            let rank = ((all.len() as f64 * share).ceil() as usize).max(1);
            prop_assert_eq!(percentile(&buckets, share), Some(longest_of(bucket_of(all[rank - 1]))));
        }
    }

    #[test]
    fn nothing_has_no_percentile_and_clocks_may_disagree() {
        assert_eq!(percentile(&[], 0.5), None);
        assert_eq!(bucket_of(-7), 0);
    }
}
