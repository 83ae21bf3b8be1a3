//! A vendor's requests a second, shared by the lanes of this process.
//!
//! Each lane has a fixed part of the vendor's rate, times this process's part of the lane's partitions. So the parts of
//! all processes together are never more than the whole, whoever runs or dies. What a lane leaves unused is lent to
//! whoever wants it inside the process, the more urgent lane first. Of AUTH's part its burst stays, and as much of each
//! second as AUTH could want before what others took is a second old (docs/adr/0044).

use super::second::{self, Second};
use schemas::Lane;

/// Bucket size in seconds of its rate: what a sender may catch up after a pause, such as a commit.
const BURST_SECONDS: f64 = 0.1;
/// A lane that was refused so recently still wants: less urgent lanes borrow nothing meanwhile.
const WANTING_MS: i64 = 100;

/// Parts of the vendor's rate, in the order AUTH, REALTIME, MASS, AD.
const PARTS: [f64; 4] = [0.2, 0.4, 0.3, 0.1];
/// The same for a vendor of families that have no AUTH: nothing is kept back.
const PARTS_WITHOUT_AUTH: [f64; 4] = [0.0, 0.5, 0.375, 0.125];

/// Place of a lane in the order of urgency.
pub fn index(lane: Lane) -> usize {
    match lane {
        Lane::Auth => 0,
        Lane::Realtime => 1,
        Lane::Mass => 2,
        Lane::Ad => 3,
    }
}

/// A token bucket that starts empty.
#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    tokens: f64,
    per_second: f64,
    size: f64,
}

/// The size of a bucket that is filled at this rate.
fn burst(per_second: f64) -> f64 {
    if per_second > 0.0 { (per_second * BURST_SECONDS).max(1.0) } else { 0.0 }
}

impl Bucket {
    /// What is in it stays, as far as there is room.
    fn set(&mut self, per_second: f64, size: f64) {
        (self.per_second, self.size) = (per_second, size);
        self.fill(0.0);
    }

    /// Fills up and returns what ran over.
    fn fill(&mut self, tokens: f64) -> f64 {
        let sum = self.tokens + tokens;
        self.tokens = sum.min(self.size);
        sum - self.tokens
    }

    /// Whether there is a cost beside what is kept in it. One beyond the rest of the bucket is taken when it is full,
    /// and owed.
    fn has(&self, cost: f64, kept: f64) -> bool {
        // Sums of fractions of a token: a thousandth more or less is none.
        self.per_second > 0.0 && self.tokens + 1e-3 >= cost.min(self.size - kept) + kept
    }

    fn missing_ms(&self, cost: f64, kept: f64) -> f64 {
        let needed = cost.min(self.size - kept) + kept - self.tokens;
        if self.per_second > 0.0 { needed.max(0.0) * 1_000.0 / self.per_second } else { f64::INFINITY }
    }
}

/// The rate of one vendor in this process.
#[derive(Debug, Clone)]
pub struct Rate {
    parts: [f64; 4],
    /// Everything that leaves: never more than all lanes' parts together. Other lanes leave in it what is in AUTH's bucket.
    whole: Bucket,
    /// What AUTH and what all others sent in the last second: a bucket and what fills it meanwhile would be more than the
    /// vendor takes.
    auth: Second,
    others: Second,
    lanes: [Bucket; 4],
    /// What lanes left unused.
    lent: Bucket,
    /// Requests of each second that others leave to AUTH while they have some of its part; None: they get nothing of it.
    kept: Option<f64>,
    wanted_ms: [i64; 4],
    filled_ms: i64,
}

impl Rate {
    /// No rate yet: lanes get theirs with [`Rate::set`].
    pub fn new(has_auth: bool, now_ms: i64) -> Self {
        Self {
            parts: if has_auth { PARTS } else { PARTS_WITHOUT_AUTH },
            whole: Bucket::default(),
            auth: Second::new(now_ms),
            others: Second::new(now_ms),
            lanes: [Bucket::default(); 4],
            lent: Bucket::default(),
            kept: None,
            wanted_ms: [i64::MIN; 4],
            filled_ms: now_ms,
        }
    }

    /// Sets the vendor's rate and this process's part of each lane's partitions. What is in the buckets stays; what
    /// was not owned before starts empty.
    pub fn set(&mut self, per_second: u32, owned: [f64; 4], now_ms: i64) {
        self.fill(now_ms);
        for ((lane, part), owned) in self.lanes.iter_mut().zip(self.parts).zip(owned) {
            let rate = f64::from(per_second) * part * owned.clamp(0.0, 1.0);
            lane.set(rate, burst(rate));
        }
        let whole: f64 = self.lanes.iter().map(|lane| lane.per_second).sum();
        let Bucket { per_second: auth, size: auth_burst, .. } = self.lanes[0];
        let others = whole - auth;
        self.whole.set(whole, burst(others) + auth_burst);
        self.kept = kept(whole, auth, auth_burst, burst(others));
        let lent = whole - self.kept.unwrap_or(auth);
        self.lent.set(lent, burst(lent));
    }

    /// Takes `cost` for a lane. `Err`: how long until it is worth asking again, milliseconds.
    pub fn take(&mut self, lane: usize, cost: u32, now_ms: i64) -> Result<(), f64> {
        self.fill(now_ms);
        let cost = f64::from(cost);
        let own = self.lanes[lane].has(cost, 0.0);
        let wanted_above = self.wanted_ms[..lane].iter().any(|at| (*at..*at + WANTING_MS).contains(&now_ms));
        let auths = if lane == 0 { 0.0 } else { self.lanes[0].tokens.max(0.0) };
        let room = self.has_room(lane, cost, now_ms);
        if room && self.whole.has(cost, auths) && (own || (!wanted_above && self.lent.has(cost, 0.0))) {
            let payer = if own { &mut self.lanes[lane] } else { &mut self.lent };
            payer.tokens -= cost;
            self.whole.tokens -= cost;
            if lane == 0 {
                self.auth.took(cost)
            } else {
                self.others.took(cost)
            }
            return Ok(());
        }
        self.wanted_ms[lane] = now_ms;
        let lane = self.lanes[lane].missing_ms(cost, 0.0).min(self.lent.missing_ms(cost, 0.0));
        Err(lane.max(self.whole.missing_ms(cost, auths)).max(1.0))
    }

    /// Whether the last second has room for a cost: for all lanes that of all, for those below AUTH no more than their
    /// own parts, or than what is not kept. With none of AUTH's partitions there is nothing to keep. Own parts that are
    /// no whole request beside AUTH's get one all the same, as often as they are due, or they would wait for ever.
    fn has_room(&mut self, lane: usize, cost: f64, now_ms: i64) -> bool {
        let (auth, others) = (self.auth.sum(now_ms), self.others.sum(now_ms));
        let whole = self.whole.per_second;
        let room = second::has_room(auth + others, cost, whole);
        let of_auth = self.lanes[0].per_second;
        if lane == 0 || of_auth == 0.0 {
            return room;
        }
        let in_own = second::has_room(others, cost, whole.floor() - of_auth.floor());
        let in_lent = |kept| second::has_room(auth + others, cost, whole.floor() - kept);
        room && (in_own || self.kept.is_some_and(in_lent))
    }

    /// The most that a lane can have while no other wants anything, requests a second.
    pub fn at_most(&self, lane: usize) -> f64 {
        let own = self.lanes[lane].per_second;
        if lane == 0 { self.whole.per_second } else { self.lent.per_second.max(own) }
    }

    fn fill(&mut self, now_ms: i64) {
        // A clock set back fills nothing; one set forward fills one burst.
        let seconds = (now_ms - self.filled_ms).max(0) as f64 / 1_000.0;
        self.filled_ms = now_ms;
        self.whole.fill(self.whole.per_second * seconds);
        for lane in 0..4 {
            let unused = self.lanes[lane].fill(self.lanes[lane].per_second * seconds);
            if lane > 0 || self.kept.is_some() {
                self.lent.fill(unused);
            }
        }
    }
}

/// Of the requests a second that this process may send, how many stay free for AUTH while others have what it leaves
/// unused: none of AUTH's own part ever waits then for a second to pass.
///
/// The lanes below AUTH may have begun this second with a burst. When the second is full but for what is kept, nothing in
/// it becomes a second old for as long as that burst and what is kept take at the whole rate; until then AUTH, with its
/// own burst and its own rate, must do with what is kept. None when that is all of its part.
fn kept(whole: f64, auth: f64, auth_burst: f64, others_burst: f64) -> Option<f64> {
    if whole <= auth {
        return None;
    }
    let needed = (auth_burst + auth * others_burst / whole) / (1.0 - auth / whole);
    // A request is whole, and one is always kept.
    let kept = (needed + 1e-3).floor().max(1.0);
    (kept < auth).then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [f64; 4] = [1.0; 4];

    /// Requests that each lane gets a second when it asks as often as it can, after a second to settle.
    fn run(rate: &mut Rate, wants: [bool; 4], seconds: i64) -> [f64; 4] {
        let mut got = [0u32; 4];
        for ms in 1..=(seconds + 1) * 1_000 {
            for lane in (0..4).rev().filter(|lane| wants[*lane]) {
                while rate.take(lane, 1, ms).is_ok() {
                    got[lane] += u32::from(ms > 1_000);
                }
            }
        }
        got.map(|n| f64::from(n) / seconds as f64)
    }

    fn rate(per_second: u32, owned: [f64; 4]) -> Rate {
        let mut rate = Rate::new(true, 0);
        rate.set(per_second, owned, 0);
        rate
    }

    fn close(got: f64, expected: f64) -> bool {
        (got - expected).abs() <= 1.0
    }

    #[test]
    fn a_lane_alone_gets_at_least_95_percent() {
        for per_second in [20, 21, 29, 37, 38, 39, 45, 50, 99, 100, 500, 4_999, 20_000] {
            for lane in 1..4 {
                let mut wants = [false; 4];
                wants[lane] = true;
                let got = run(&mut rate(per_second, ALL), wants, 10)[lane];
                // To the whole request.
                assert!(got > f64::from(per_second) * 0.95 - 1.0, "{got} of {per_second} in lane {lane}");
                assert!(got <= f64::from(per_second), "{got} of {per_second} in lane {lane}");
            }
        }
    }

    #[test]
    fn all_lanes_but_auth_together_get_at_least_95_percent() {
        let got = run(&mut rate(500, ALL), [false, true, true, true], 10);
        assert!(got.iter().sum::<f64>() >= 475.0, "{got:?}");
        for (got, least) in got.into_iter().zip([0.0, 200.0, 150.0, 50.0]) {
            assert!(got >= least - 1.0, "{got} is less than {least}");
        }
    }

    #[test]
    fn auth_finds_its_burst_and_its_rate_in_the_midst_of_a_lent_second_and_takes_its_part_back() {
        // A bulk that begins with a burst has the second full before the burst is a second old.
        for begins_ms in (2_000..3_000).step_by(20) {
            let mut rate = rate(500, ALL);
            let (mut bulk, mut codes) = (Vec::new(), 0);
            for ms in 1_000..begins_ms + 2_000 {
                while rate.take(2, 1, ms).is_ok() {
                    bulk.push(ms);
                }
                // Its burst is a tenth of a second's, and it has a hundred a second.
                let due = if ms < begins_ms { 0 } else { 10 + (ms - begins_ms) / 10 };
                while codes < due.min(100) {
                    assert!(rate.take(0, 1, ms).is_ok(), "code {codes} waits at {ms} ms, from {begins_ms} on");
                    codes += 1;
                }
            }
            let before = bulk.iter().filter(|ms| **ms < begins_ms && **ms >= begins_ms - 1_000).count();
            let after = bulk.iter().filter(|ms| **ms >= begins_ms && **ms < begins_ms + 900).count();
            assert!(before >= 475 && after <= 9 * 40 + 40, "{before} in the second before, {after} in 0.9 s after");
        }
    }

    #[test]
    fn who_has_all_of_auth_and_little_else_has_both() {
        let got = run(&mut rate(1_000, [1.0, 0.0, 0.25, 0.0]), [true, false, true, false], 10);
        assert!(close(got[0], 200.0) && close(got[2], 75.0), "{got:?}");
    }

    #[test]
    fn auth_may_use_everything() {
        let got = run(&mut rate(500, ALL), [true, false, false, false], 10);
        assert!(close(got[0], 500.0), "{got:?}");
    }

    #[test]
    fn when_all_want_each_has_its_part() {
        let got = run(&mut rate(500, ALL), [true; 4], 10);
        for (got, expected) in got.into_iter().zip([100.0, 200.0, 150.0, 50.0]) {
            assert!(close(got, expected), "{got} is not {expected}");
        }
    }

    #[test]
    fn what_is_unused_goes_to_the_more_urgent_lane() {
        let got = run(&mut rate(500, ALL), [false, true, false, true], 10);
        assert!(got[1] >= 425.0 && close(got[3], 50.0), "{got:?}: MASS' 150 and AUTH's went to REALTIME");
    }

    #[test]
    fn a_process_that_owns_a_quarter_of_the_partitions_has_a_quarter_of_the_rate() {
        let got = run(&mut rate(400, [0.25; 4]), [true; 4], 10);
        assert!(close(got.iter().sum(), 100.0), "{got:?}");
        let got = run(&mut rate(400, [0.0, 0.0, 1.0, 0.0]), [true; 4], 10);
        assert!(close(got[2], 120.0), "{got:?}: others' parts belong to their owners, wherever they are");
        assert!(close(got.iter().sum(), got[2]), "{got:?}");
    }

    #[test]
    fn an_auth_message_finds_a_token_while_bulk_takes_all_it_can() {
        let mut rate = rate(100, ALL);
        let mut longest_wait = 0;
        let mut asked_at = None;
        for ms in 1..=60_000 {
            while rate.take(2, 1, ms).is_ok() {}
            if ms % 250 == 0 {
                asked_at = Some(ms);
            }
            if let Some(since) = asked_at
                && rate.take(0, 1, ms).is_ok()
            {
                longest_wait = longest_wait.max(ms - since);
                asked_at = None;
            }
        }
        assert!(asked_at.is_none() && longest_wait <= 10, "{longest_wait} ms");
    }

    #[test]
    fn a_new_owner_starts_with_nothing() {
        let mut rate = Rate::new(true, 0);
        rate.set(1_000, [0.0; 4], 0);
        rate.set(1_000, ALL, 60_000);
        assert!(rate.take(2, 1, 60_000).is_err());
        assert!(rate.take(2, 1, 60_001).is_err(), "one millisecond is 0.3 tokens");
        assert!(rate.take(2, 1, 60_010).is_ok());
    }

    #[test]
    fn a_vendor_of_one_request_a_second_is_served() {
        let mut rate = rate(1, ALL);
        assert!((1..=60_000).filter(|ms| rate.take(2, 1, *ms).is_ok()).count() >= 40);
    }

    #[test]
    fn lanes_with_a_fraction_of_a_request_beside_all_of_auth_are_served() {
        // 10.2 a second for AUTH and 0.36 for MASS: ten fit into a second, and all ten are AUTH's.
        let got = run(&mut rate(51, [1.0, 0.0, 0.0235, 0.0]), [true, false, true, false], 100);
        assert!((got[2] - 0.36).abs() < 0.05 && got[0] > 9.6, "{got:?}");
    }

    #[test]
    fn a_push_to_many_devices_passes_a_small_bucket_and_is_owed() {
        let mut rate = rate(100, ALL);
        let times: Vec<i64> = (1..=30_000).filter(|ms| rate.take(0, 500, *ms).is_ok()).collect();
        assert!(times.len() >= 4, "{times:?}");
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 4_900), "{times:?}");
    }

    #[test]
    fn vendors_without_auth_keep_nothing_back() {
        let mut rate = Rate::new(false, 0);
        rate.set(500, ALL, 0);
        let got = run(&mut rate, [false, false, true, false], 10);
        assert!(close(got[2], 500.0), "{got:?}");
    }

    /// Parts of partitions; also all of AUTH's and few of the others', where nothing is lent.
    fn owned() -> impl Strategy<Value = [f64; 4]> {
        let few = prop::array::uniform3(0.0f64..=0.1).prop_map(|[a, b, c]| [1.0, a, b, c]);
        prop_oneof![prop::array::uniform4(0.0f64..=1.0), few]
    }

    proptest! {
        #[test]
        fn no_second_sees_more_than_the_rate(
            per_second in 1u32..2_000,
            asks in prop::collection::vec((0usize..4, 0i64..400, 1usize..150), 1..60),
            owned in prop::array::uniform4(0.0f64..=1.0),
        ) {
            let mut rate = Rate::new(true, 0);
            rate.set(per_second, owned, 0);
            let mut taken: Vec<i64> = Vec::new();
            let mut now_ms = 0;
            for (lane, pause_ms, times) in asks {
                now_ms += pause_ms;
                for _ in 0..times {
                    if rate.take(lane, 1, now_ms).is_ok() {
                        taken.push(now_ms);
                    }
                }
            }
            let limit = per_second as usize;
            for (first, at) in taken.iter().enumerate() {
                let within = taken[first..].iter().take_while(|t| **t < at + 1_000).count();
                prop_assert!(within <= limit, "{within} in a second, {limit} allowed");
            }
        }

        #[test]
        fn auth_within_its_part_never_waits_whatever_others_do(
            per_second in 6u32..3_000,
            owned in owned(),
            moves in prop::collection::vec((0i64..250, 0usize..200, 0usize..200), 1..80),
        ) {
            let mut rate = Rate::new(true, 0);
            rate.set(per_second, owned, 0);
            let part = f64::from(per_second) * PARTS[0] * owned[0];
            let others: f64 = (1..4).map(|lane| f64::from(per_second) * PARTS[lane] * owned[lane]).sum();
            // Of a second that holds no more than AUTH's part, one whole request is another's now and then.
            let shared = others > 0.0 && (part + others).floor() < part.floor() + 1.0;
            let whole = part.floor() - f64::from(u8::from(shared));
            let mut own = Bucket::default();
            own.set(part, burst(part));
            let mut sent: Vec<i64> = Vec::new();
            let mut now_ms = 0;
            for (pause_ms, bulk, codes) in moves {
                for _ in 0..pause_ms {
                    now_ms += 1;
                    own.fill(part / 1_000.0);
                    // After those who take all they can get, or some of it.
                    for lane in (1..4).rev() {
                        let _ = (0..bulk).take_while(|_| rate.take(lane, 1, now_ms).is_ok()).count();
                    }
                    for _ in 0..codes {
                        let of_second = sent.iter().rev().take_while(|at| **at > now_ms - 1_000).count() as f64;
                        if own.tokens < 1.0 + 1e-3 || of_second + 1.0 > whole {
                            break;
                        }
                        prop_assert!(rate.take(0, 1, now_ms).is_ok(), "at {now_ms} ms, {of_second} of {part}");
                        own.tokens -= 1.0;
                        sent.push(now_ms);
                    }
                }
            }
        }

        #[test]
        fn a_clock_set_back_stops_nothing_and_gives_nothing(back_ms in 1i64..10_000_000) {
            let mut rate = rate(1_000, ALL);
            while rate.take(2, 1, 100_000).is_ok() {}
            prop_assert!(rate.take(2, 1, 100_000 - back_ms).is_err());
            prop_assert!(rate.take(2, 1, 100_000 - back_ms + 50).is_ok());
        }
    }
}
