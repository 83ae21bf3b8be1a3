//! Where and when a record waits: rings of time slots, as arithmetic. A slot is a partition of a DELAY topic.
//!
//! Time is cut into turns of `slots × width`. A record goes to the slot of its due time in the finest ring whose half
//! turn reaches that far; a slot opens when its time comes and stays open for half a turn. So a slot is never written
//! for its next turn while it is open for this one, and a record behind another in the log never waits for it.
//!
//! - Seconds: the due time is rounded **up** to the slot, so what is met in its open slot is due. Late by less than a slot,
//!   half a second by default.
//! - Coarser rings: rounded down, and opened a [lead](Rings::lead_ms) early, so that all of a slot moves to the finer
//!   ring before the first of it is due. By then the finer ring reaches all of it: no ring is written twice in a wait.
//! - Beyond the last half turn (64 days by default, where a message may wait 60): to its far end, and again from there.
//!   Only there can what is due stand behind what is not, after a rest of the reader of half a turn.

use schemas::topics::Ring;
use serde::{Deserialize, Serialize};

/// The size of one ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// Slots: partitions of the topic.
    pub slots: u32,
    /// Width of a slot, milliseconds.
    pub width_ms: u32,
}

impl Size {
    const fn half_ms(self) -> i64 {
        self.turn_ms() / 2
    }

    const fn turn_ms(self) -> i64 {
        self.slots as i64 * self.width_ms as i64
    }
}

/// The sizes of all rings. The seconds of AUTH have the size of the seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// DELAY-S, DELAY-S-AUTH.
    pub seconds: Size,
    /// DELAY-M.
    pub minutes: Size,
    /// DELAY-H.
    pub hours: Size,
    /// DELAY-D.
    pub days: Size,
}

const SECOND_MS: u32 = 1_000;
const MINUTE_MS: u32 = 60 * SECOND_MS;
const HOUR_MS: u32 = 60 * MINUTE_MS;
const DAY_MS: u32 = 24 * HOUR_MS;

impl Default for Sizes {
    /// Half turns of 64 s, 64 min, 32 h and 64 days: the 60 days of send_at fit.
    fn default() -> Self {
        Self {
            seconds: Size { slots: 256, width_ms: SECOND_MS / 2 },
            minutes: Size { slots: 128, width_ms: MINUTE_MS },
            hours: Size { slots: 64, width_ms: HOUR_MS },
            days: Size { slots: 128, width_ms: DAY_MS },
        }
    }
}

/// What is wrong with the sizes; every mistake at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("delay rings refused: {}", .0.join("; "))]
pub struct SizeErrors(pub Vec<String>);

/// A slot of a ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slot {
    /// The ring.
    pub ring: Ring,
    /// The partition of its topic.
    pub partition: i32,
}

/// What to do with a record that was read from a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Met {
    /// Send it to its target.
    Due,
    /// Write it to this slot.
    Move(Slot),
    /// Leave it, and all behind it, until the slot opens.
    Pause {
        /// When that is, Unix milliseconds.
        until_ms: i64,
    },
}

/// The rings, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rings {
    sizes: Sizes,
}

impl Rings {
    /// Checks the sizes: each ring has at least four slots and an even number of them, and half a turn of each ring is
    /// longer than a slot of the next, or that slot could not be emptied before its first record is due.
    pub fn new(sizes: Sizes) -> Result<Self, SizeErrors> {
        let all =
            [("seconds", sizes.seconds), ("minutes", sizes.minutes), ("hours", sizes.hours), ("days", sizes.days)];
        let mut wrong = Vec::new();
        for (name, size) in all {
            if size.slots < 4 || size.slots % 2 != 0 {
                wrong.push(format!("{name}.slots = {}: give an even number of at least 4", size.slots));
            }
            if size.width_ms == 0 {
                wrong.push(format!("{name}.width_ms must be above 0"));
            }
        }
        for pair in all.windows(2) {
            let [(fine, finer), (coarse, coarser)] = [pair[0], pair[1]];
            if finer.half_ms() <= i64::from(coarser.width_ms) {
                wrong.push(format!(
                    "half a turn of {fine} is {} ms, a slot of {coarse} is {} ms: give {fine} more than {} slots",
                    finer.half_ms(),
                    coarser.width_ms,
                    2 * u64::from(coarser.width_ms) / u64::from(finer.width_ms.max(1)),
                ));
            }
            if finer.width_ms >= coarser.width_ms {
                wrong.push(format!("a slot of {coarse} must be wider than one of {fine}"));
            }
        }
        if wrong.is_empty() { Ok(Self { sizes }) } else { Err(SizeErrors(wrong)) }
    }

    /// The size of a ring.
    pub const fn size(&self, ring: Ring) -> Size {
        match ring {
            Ring::SecondsAuth | Ring::Seconds => self.sizes.seconds,
            Ring::Minutes => self.sizes.minutes,
            Ring::Hours => self.sizes.hours,
            Ring::Days => self.sizes.days,
        }
    }

    /// How long before its time a slot opens: as long as the finer ring reaches beyond one slot, at most one slot.
    pub fn lead_ms(&self, ring: Ring) -> i64 {
        let finer = match ring {
            Ring::SecondsAuth | Ring::Seconds => return 0,
            Ring::Minutes => Ring::Seconds,
            Ring::Hours => Ring::Minutes,
            Ring::Days => Ring::Hours,
        };
        let width_ms = i64::from(self.size(ring).width_ms);
        (self.size(finer).half_ms() - width_ms).min(width_ms)
    }

    /// Where a record waits that is due at `due_ms`; None when it is due.
    pub fn place(&self, due_ms: i64, now_ms: i64, auth: bool) -> Option<Slot> {
        let wait_ms = due_ms.saturating_sub(now_ms);
        if wait_ms <= 0 {
            return None;
        }
        let seconds = if auth { Ring::SecondsAuth } else { Ring::Seconds };
        for ring in [seconds, Ring::Minutes, Ring::Hours, Ring::Days] {
            let size = self.size(ring);
            if wait_ms > size.half_ms() + i64::from(size.width_ms) {
                continue;
            }
            let turn = if ring == seconds { ceil(due_ms, size) } else { floor(due_ms, size) };
            if turn * i64::from(size.width_ms) - now_ms <= size.half_ms() {
                return Some(slot(ring, turn, size));
            }
        }
        let days = self.size(Ring::Days);
        Some(slot(Ring::Days, floor(now_ms + days.half_ms(), days), days))
    }

    /// Whether a slot may be read now.
    pub fn is_open(&self, slot: Slot, now_ms: i64) -> bool {
        self.since_opening_ms(slot, now_ms) < self.size(slot.ring).half_ms() + self.lead_ms(slot.ring)
    }

    /// When a slot opens next, after now.
    pub fn opens_next_ms(&self, slot: Slot, now_ms: i64) -> i64 {
        now_ms + self.size(slot.ring).turn_ms() - self.since_opening_ms(slot, now_ms)
    }

    /// What to do with a record that was read from a slot. After a rest of any length the reader looks at every slot
    /// once: what stands in a closed one stays for its turn, unless its turn was missed.
    pub fn met(&self, at: Slot, due_ms: i64, auth: bool, now_ms: i64) -> Met {
        match self.place(due_ms, now_ms, auth) {
            None => Met::Due,
            // Never in an open slot: by then the finer ring reaches what is not due.
            Some(stays) if stays == at => Met::Pause { until_ms: self.opens_next_ms(at, now_ms) },
            Some(other) => Met::Move(other),
        }
    }

    /// Milliseconds since the slot opened last, below one turn.
    fn since_opening_ms(&self, slot: Slot, now_ms: i64) -> i64 {
        let size = self.size(slot.ring);
        let opening = i64::from(slot.partition) * i64::from(size.width_ms) - self.lead_ms(slot.ring);
        (now_ms - opening).rem_euclid(size.turn_ms())
    }
}

fn floor(at_ms: i64, size: Size) -> i64 {
    at_ms.div_euclid(i64::from(size.width_ms))
}

fn ceil(at_ms: i64, size: Size) -> i64 {
    -(-at_ms).div_euclid(i64::from(size.width_ms))
}

fn slot(ring: Ring, turn: i64, size: Size) -> Slot {
    Slot { ring, partition: turn.rem_euclid(i64::from(size.slots)) as i32 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: std::ops::Range<i64> = 1_700_000_000_000..1_900_000_000_000;
    const SIXTY_DAYS_MS: i64 = 60 * 24 * 3_600_000;

    /// Sizes as a laptop may have them.
    const SMALL: Sizes = Sizes {
        seconds: Size { slots: 16, width_ms: 1_000 },
        minutes: Size { slots: 16, width_ms: 6_000 },
        hours: Size { slots: 16, width_ms: 40_000 },
        days: Size { slots: 32, width_ms: 300_000 },
    };

    fn both() -> impl Strategy<Value = Rings> {
        prop_oneof![Just(Rings::default()), Just(Rings::new(SMALL).unwrap())]
    }

    /// Waits of every size, and more often the ones beside a ring's edge.
    fn wait() -> impl Strategy<Value = i64> {
        let edges = prop::sample::select(vec![1_000i64, 60_000, 64_000, 3_600_000, 3_840_000, 86_400_000, 115_200_000]);
        prop_oneof![-5_000..SIXTY_DAYS_MS, 0i64..200_000, (edges, -2_000i64..2_000).prop_map(|(edge, by)| edge + by)]
    }

    /// Follows one record through the rings: (writes, when it leaves). The reader sees nothing during `away`, and looks
    /// at every slot when it comes back.
    fn follow(rings: &Rings, written_ms: i64, due_ms: i64, away: std::ops::Range<i64>) -> (u32, i64) {
        let (mut now, mut writes) = (written_ms, 0);
        let Some(mut at) = rings.place(due_ms, now, false) else { return (0, now) };
        loop {
            writes += 1;
            assert!(writes < 100_000, "it spins");
            loop {
                let seen = if rings.is_open(at, now) { now } else { rings.opens_next_ms(at, now) };
                now = if away.contains(&seen) { away.end } else { seen };
                match rings.met(at, due_ms, false, now) {
                    Met::Due => return (writes, now),
                    Met::Pause { until_ms } => {
                        assert!(until_ms > now && rings.is_open(at, until_ms) && !rings.is_open(at, until_ms - 1));
                        now = until_ms;
                    }
                    Met::Move(slot) => {
                        assert_ne!(slot, at, "written where it stood");
                        at = slot;
                        break;
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn a_record_is_written_at_most_four_times_and_leaves_when_it_is_due(now in NOW, wait in wait()) {
            let (writes, left) = follow(&Rings::default(), now, now + wait, 0..0);
            prop_assert!(writes <= 4, "{} writes", writes);
            prop_assert!(left >= now + wait);
            prop_assert!(left - (now + wait).max(now) < 500, "{} ms late", left - now - wait);
        }

        #[test]
        fn beyond_the_last_ring_it_goes_to_the_far_end_and_again_from_there(now in NOW, wait in 0..SIXTY_DAYS_MS) {
            let rings = Rings::new(SMALL).unwrap();
            let (writes, left) = follow(&rings, now, now + wait, 0..0);
            // A far end is more than half a turn less two slots away.
            let far_ms = rings.size(Ring::Days).half_ms() - 2 * i64::from(SMALL.days.width_ms);
            prop_assert!(i64::from(writes) <= 4 + wait / far_ms, "{} writes", writes);
            prop_assert!((0..1_000).contains(&(left - now - wait)));
        }

        #[test]
        fn a_reader_that_was_away_still_finds_it(
            rings in both(), now in NOW, wait in 1i64..20_000_000, from in 0i64..20_000_000, long in 0i64..40_000_000,
        ) {
            let (due, away) = (now + wait, now + from..now + from + long);
            let (_, left) = follow(&rings, now, due, away.clone());
            prop_assert!(left >= due);
            prop_assert!(left < due + 1_000 || (away.contains(&(left - 1)) || left - away.end < 1_000), "left {left}, due {due}, away {away:?}");
        }

        #[test]
        fn nothing_that_is_due_stands_behind_what_waits_for_the_next_turn(
            rings in both(), first in NOW, wait in wait(), before in 0f64..1.5, turns in 0i64..3, look in 0f64..3.0,
        ) {
            // Two records in one slot: the one behind is due any number of turns before or after the one in front.
            let wait = wait % rings.size(Ring::Days).half_ms();
            if let Some(at) = rings.place(first + wait, first, false) {
                let turn = rings.size(at.ring).turn_ms();
                let (due, behind) = (first + wait, first + wait + (turns - 1) * turn);
                let second = (behind - (before * turn as f64) as i64).max(first);
                let now = second + (look * turn as f64) as i64;
                if rings.place(behind, second, false) == Some(at) && matches!(rings.met(at, due, false, now), Met::Pause { .. }) {
                    prop_assert_ne!(rings.met(at, behind, false, now), Met::Due);
                }
            }
        }

        #[test]
        fn a_slot_is_closed_to_what_was_written_for_its_next_turn(rings in both(), now in NOW, wait in wait()) {
            if let Some(at) = rings.place(now + wait, now, false)
                && rings.is_open(at, now)
            {
                // Only a slot of the turn that has just begun: what it holds is met before it is due, never a turn late.
                prop_assert!(wait <= i64::from(rings.size(at.ring).width_ms) + rings.lead_ms(at.ring));
            }
        }
    }

    #[test]
    fn a_million_ads_of_eight_o_clock_stand_in_one_slot_of_the_finest_ring() {
        let rings = Rings::default();
        let eight = 1_800_000_000_000 / 86_400_000 * 86_400_000;
        let at = rings.place(eight, eight - 30_000, false).unwrap();
        assert_eq!(at, Slot { ring: Ring::Seconds, partition: (eight / 500 % 256) as i32 });
        assert!(!rings.is_open(at, eight - 1) && rings.is_open(at, eight));
        assert!(rings.is_open(at, eight + 63_999) && !rings.is_open(at, eight + 64_000));
    }

    #[test]
    fn each_wait_goes_to_the_finest_ring_that_reaches_it() {
        let rings = Rings::default();
        let now = 1_800_000_000_000;
        let ring = |wait_ms: i64| rings.place(now + wait_ms, now, false).map(|slot| slot.ring);
        assert_eq!(ring(0), None);
        assert_eq!(ring(1), Some(Ring::Seconds));
        assert_eq!(ring(64_000), Some(Ring::Seconds));
        assert_eq!(ring(64_001), Some(Ring::Minutes));
        assert_eq!(ring(2 * 3_600_000), Some(Ring::Hours));
        assert_eq!(ring(59 * 86_400_000), Some(Ring::Days));
        assert_eq!(ring(i64::MAX - now), Some(Ring::Days));
    }

    #[test]
    fn an_otp_waits_in_a_ring_of_its_own() {
        let rings = Rings::default();
        assert_eq!(rings.place(2_000, 0, true).unwrap(), Slot { ring: Ring::SecondsAuth, partition: 2_000 / 500 });
        let minutes = rings.place(200_000, 0, true).unwrap();
        assert_eq!(minutes.ring, Ring::Minutes);
        let met = rings.met(minutes, 200_000, true, rings.opens_next_ms(minutes, 0));
        assert!(matches!(met, Met::Move(Slot { ring: Ring::SecondsAuth, .. })), "{met:?}");
    }

    #[test]
    fn a_coarse_slot_opens_early_enough_to_be_emptied() {
        let rings = Rings::default();
        assert_eq!(
            [Ring::Seconds, Ring::Minutes, Ring::Hours, Ring::Days].map(|r| rings.lead_ms(r)),
            [0, 4_000, 240_000, 28_800_000]
        );
    }

    #[test]
    fn sizes_that_cannot_work_are_refused_all_at_once() {
        let mut sizes = Sizes::default();
        sizes.seconds.slots = 120;
        sizes.minutes.slots = 7;
        sizes.days.width_ms = 0;
        let text = Rings::new(sizes).unwrap_err().to_string();
        for part in ["seconds", "more than 120 slots", "minutes.slots = 7", "days.width_ms"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(Rings::new(Sizes::default()).is_ok());
    }
}
