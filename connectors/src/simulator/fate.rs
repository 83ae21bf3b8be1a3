//! What will become of a request: drawn from seed, serial number and attempt alone, so that it can be told again.

use super::{
    codes::{self, Weights},
    settings::{Behaviour, Spoiled, SpoiledShares, Spread},
};
use processors::{
    codes::{Class, judge},
    reference::{Protocol, Vendor},
};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::collections::BTreeMap;

/// The fate of one attempt, if nothing else (a limit, a duplicate, an outage) comes first.
#[derive(Debug, Clone, PartialEq)]
pub struct Fate {
    /// How long the answer takes, milliseconds.
    pub latency_ms: i64,
    /// What the answer is.
    pub answer: Drawn,
    /// What becomes of an answer that is a code on its way.
    pub spoiled: Option<Spoiled>,
    /// Whether the vendor keeps the message.
    pub taken: bool,
    /// Delivery reports: milliseconds after the request, and code.
    pub receipts: Vec<(i64, String)>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drawn {
    /// A code of the vendor's table.
    Code(String),
    /// Too many requests.
    Throttled,
    /// None.
    Nothing,
}

/// Draws the fate of an attempt.
pub fn draw(seed: u64, behaviour: &Behaviour, vendor: &Vendor, serial_number: &str, attempt: i32) -> Fate {
    let mut rng = SmallRng::seed_from_u64(mix(seed, serial_number, attempt));
    // Every draw is made, in one order, whatever is used of it: settings that differ in one share agree in the rest.
    let mut latency_ms = spread(&mut rng, behaviour.latency_ms);
    let (silent, silent_taken) = (share(&mut rng, behaviour.no_answer_share), behaviour.no_answer_taken_share);
    let silent_taken = share(&mut rng, silent_taken);
    let throttled = share(&mut rng, behaviour.throttled_share);
    let usual = if vendor.receipts { codes::acceptances(vendor.codes) } else { codes::outcomes(vendor.codes) };
    let code = pick(&mut rng, &behaviour.codes, usual);
    let receipts = receipts(&mut rng, behaviour, vendor, latency_ms);
    let spoiled = spoiled(&mut rng, behaviour.spoiled);

    let timeout_ms = i64::from(vendor.timeout_ms);
    let too_late = latency_ms >= timeout_ms;
    latency_ms = latency_ms.min(timeout_ms);
    let kept = matches!(judge(vendor.codes, &code).class, Class::Done | Class::Uncertain | Class::Poll);
    let (answer, taken) = match () {
        () if silent => (Drawn::Nothing, silent_taken),
        () if throttled => (Drawn::Throttled, false),
        () if too_late => (Drawn::Nothing, kept),
        () => (Drawn::Code(code), kept),
    };
    let latency_ms = if silent { timeout_ms } else { latency_ms };
    Fate { latency_ms, answer, spoiled, taken, receipts: if taken { receipts } else { Vec::new() } }
}

fn receipts(rng: &mut SmallRng, behaviour: &Behaviour, vendor: &Vendor, latency_ms: i64) -> Vec<(i64, String)> {
    let settings = &behaviour.receipts;
    let delay_ms = spread(rng, settings.delay_ms);
    let again_ms = delay_ms + spread(rng, settings.delay_ms);
    let before = share(rng, settings.before_answer_share);
    let twice = share(rng, settings.twice_share);
    let never = share(rng, settings.never_share);
    let code = pick(rng, &settings.codes, codes::outcomes(vendor.codes));
    // Mail servers report nothing; what comes back does so where codes of it are named.
    let reports = vendor.receipts || vendor.protocol == Protocol::Smtp && !settings.codes.is_empty();
    if !reports || never {
        return Vec::new();
    }
    let first = if before { (latency_ms - 1).max(0) } else { latency_ms + delay_ms };
    let mut receipts = vec![(first, code.clone())];
    if twice {
        receipts.push((latency_ms + again_ms, code));
    }
    receipts
}

fn spoiled(rng: &mut SmallRng, shares: SpoiledShares) -> Option<Spoiled> {
    let mut left: f64 = rng.random();
    shares.all().into_iter().find_map(|(how, share)| {
        left -= share;
        (left < 0.0).then_some(how)
    })
}

/// A number for an attempt: FNV-1a, which is the same on every machine and in every version.
fn mix(seed: u64, serial_number: &str, attempt: i32) -> u64 {
    let bytes = seed.to_le_bytes().into_iter().chain(serial_number.bytes()).chain(attempt.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn share(rng: &mut SmallRng, share: f64) -> bool {
    rng.random::<f64>() < share
}

fn spread(rng: &mut SmallRng, spread: Spread) -> i64 {
    // Box and Muller: two even numbers make a normal one. 2.326 is the 99th percentile of the normal distribution.
    let (a, b): (f64, f64) = (rng.random(), rng.random());
    let normal = (-2.0 * (1.0 - a).ln()).sqrt() * (std::f64::consts::TAU * b).cos();
    if spread.median <= 0.0 {
        return 0;
    }
    let sigma = (spread.p99 / spread.median).ln().max(0.0) / 2.326;
    (spread.median * (sigma * normal).exp()).round() as i64
}

fn pick(rng: &mut SmallRng, weights: &BTreeMap<String, f64>, usual: Weights) -> String {
    let drawn: f64 = rng.random();
    if weights.is_empty() {
        choose(drawn, usual.iter().copied()).to_owned()
    } else {
        choose(drawn, weights.iter().map(|(code, weight)| (code.as_str(), *weight))).to_owned()
    }
}

fn choose<'c>(drawn: f64, weights: impl Iterator<Item = (&'c str, f64)> + Clone) -> &'c str {
    let sum: f64 = weights.clone().map(|(_, weight)| weight).sum();
    let mut left = drawn * sum;
    let mut last = "";
    for (code, weight) in weights.filter(|(_, weight)| *weight > 0.0) {
        last = code;
        left -= weight;
        if left < 0.0 {
            break;
        }
    }
    last
}
