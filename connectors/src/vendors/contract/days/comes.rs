//! Days of the simulator, and what each kind of vendor makes of them.

use crate::simulator::{Behaviour, Outage, SpoiledShares};
use processors::outcome::news::Settled;
use schemas::State;
use std::collections::BTreeMap;

/// What a sender makes of a request's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comes {
    /// Its report is awaited.
    Sent,
    Delivered,
    /// Nothing was taken: it is tried again.
    Waits,
    /// It may have arrived: that is recorded, and the vendor asked again.
    Doubt,
    /// It may have arrived: that is recorded, and nobody is asked again.
    Uncertain,
    Failed,
}
use Comes::{Delivered, Doubt, Failed, Sent, Uncertain, Waits};

impl Comes {
    pub(super) fn of(Settled { result, again }: &Settled) -> Self {
        let ambiguous = result.as_ref().is_some_and(|result| result.ambiguous);
        match (again, result.as_ref().map(|result| result.state)) {
            (Some(_), _) if ambiguous => Doubt,
            (Some(_), _) => Waits,
            (None, Some(State::Sent)) => Sent,
            (None, Some(State::Delivered)) => Delivered,
            (None, Some(State::Uncertain)) if ambiguous => Uncertain,
            (None, Some(State::Failed)) => Failed,
            other => panic!("{other:?}"),
        }
    }
}

/// The kinds of vendors: a message that goes there, and what a good day is.
pub(super) const KINDS: [(&str, Comes); 8] = [
    ("dealer", Sent),
    ("rcs-dealer", Sent),
    ("google", Delivered),
    ("apple", Delivered),
    ("carrier", Sent),
    ("text-dealer", Sent),
    ("talk-dealer", Sent),
    ("relay", Delivered),
];

pub(super) type Day = (&'static str, fn(&mut Behaviour), [Comes; 8]);

fn spoiled(behaviour: &mut Behaviour, shares: SpoiledShares) {
    behaviour.spoiled = shares;
}

/// Days, and what each kind of vendor makes of them, in the order of [`KINDS`].
pub(super) const DAYS: [Day; 11] = [
    (
        "reset after accepting",
        |day| spoiled(day, SpoiledShares { reset: 1.0, ..SpoiledShares::default() }),
        [Doubt, Doubt, Doubt, Doubt, Uncertain, Doubt, Doubt, Uncertain],
    ),
    (
        "slow body",
        |day| spoiled(day, SpoiledShares { slow_body: 1.0, ..SpoiledShares::default() }),
        [Doubt, Doubt, Doubt, Doubt, Uncertain, Doubt, Doubt, Uncertain],
    ),
    (
        // Apple says "taken" by the status alone.
        "wrong JSON",
        |day| spoiled(day, SpoiledShares { wrong_json: 1.0, ..SpoiledShares::default() }),
        [Doubt, Doubt, Doubt, Delivered, Uncertain, Doubt, Doubt, Uncertain],
    ),
    (
        // A carrier says "taken" by the status, and its receipt is matched by nothing; a mail server says it by three digits.
        "wrong charset",
        |day| spoiled(day, SpoiledShares { wrong_charset: 1.0, ..SpoiledShares::default() }),
        [Doubt, Doubt, Doubt, Delivered, Sent, Doubt, Doubt, Delivered],
    ),
    (
        "hang, and all was taken",
        |day| (day.no_answer_share, day.no_answer_taken_share) = (1.0, 1.0),
        [Doubt, Doubt, Doubt, Doubt, Uncertain, Doubt, Doubt, Uncertain],
    ),
    (
        "hang, and nothing was taken",
        |day| day.outage = Outage::Silent,
        [Doubt, Doubt, Doubt, Doubt, Uncertain, Doubt, Doubt, Uncertain],
    ),
    ("429 with Retry-After", |day| day.throttled_share = 1.0, [Waits; 8]),
    (
        "100 % errors inside the vendor",
        |day| day.codes = failing(&["A910", "INTERNAL", "InternalServerError", "0x00000008", "-9999", "4.3.0"]),
        [Doubt, Doubt, Waits, Waits, Waits, Doubt, Doubt, Waits],
    ),
    (
        "100 % refusals",
        |day| day.codes = failing(&["A327", "UNREGISTERED", "Unregistered", "0x0000000B", "-2019", "5.1.1"]),
        [Failed; 8],
    ),
    (
        "expired credentials",
        |day| {
            day.codes =
                failing(&["common.A401", "UNAUTHENTICATED", "ExpiredProviderToken", "0x0000000E", "-1000", "5.7.8"])
        },
        [Waits; 8],
    ),
    // Only tokens are dated: where none is had or taken, nothing has left.
    ("a clock off by a day", |day| day.clock_ahead_s = 86_400, [Sent, Sent, Waits, Waits, Sent, Sent, Sent, Delivered]),
];

/// What a vendor says that has only one of these codes.
pub(super) fn failing(codes: &[&str]) -> BTreeMap<String, f64> {
    codes.iter().map(|code| ((*code).to_owned(), 1.0)).collect()
}
