//! How the vendors stand, as operators are told it.

use super::{Allowance, Limits, State, Trouble};
use processors::reference::{Reference, Vendor};
use schemas::Family;
use serde::Serialize;
use std::{collections::BTreeMap, sync::Arc};

/// How a vendor stands with this process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stands {
    /// Its name.
    pub vendor: String,
    /// In a word.
    pub state: How,
    /// Whether it answers at all, be it that it lets nobody in; None: it was not asked yet.
    pub reached: Option<bool>,
    /// Its circuit breaker: closed, half_open or open.
    pub breaker: &'static str,
    /// Since when it stands so, Unix milliseconds; None: it works, or it is not known.
    pub since_ms: Option<i64>,
    /// Why, with the remedy; None: it works.
    pub why: Option<String>,
    /// Requests that it has not answered.
    pub in_flight: u32,
    /// Messages that wait for it here.
    pub waiting: usize,
}

/// What keeps messages from a vendor, or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Nothing.
    Well,
    /// Nothing is known: no message has gone there.
    NotAsked,
    /// An operator.
    Paused,
    /// It refuses our key, account or address.
    LockedOut,
    /// Requests do not leave.
    NotReached,
    /// Nothing comes back.
    NotAnswering,
    /// Its circuit breaker, for what it answered.
    Failing,
    /// It asked to be left alone.
    Throttled,
}

impl Allowance {
    /// How each vendor stands that this process sends to, by name.
    pub fn stands(&self, reference: &Reference) -> Vec<Stands> {
        let now_ms = self.clock.now_ms();
        let kept = self.lock();
        let sends = |family: &Family| super::parts::some(&kept.owned, &[*family]);
        let vendors = Family::ALL.into_iter().filter(sends).flat_map(|family| reference.vendors(family));
        let vendors: BTreeMap<&str, &Arc<Vendor>> = vendors.map(|vendor| (vendor.name.as_str(), vendor)).collect();
        let of = |vendor: &&Arc<Vendor>| {
            let waiting = kept.waiting.count(&vendor.name, now_ms);
            stands(vendor, kept.vendors.get(&vendor.name), waiting, now_ms)
        };
        vendors.values().map(of).collect()
    }

    /// Forgets the vendors that the reference data no longer have. A metric cannot be taken back: theirs go to 0.
    pub fn forget_others(&self, reference: &Reference) {
        let is_there = |name: &str| Family::ALL.into_iter().any(|family| reference.vendor(family, name).is_some());
        let mut kept = self.lock();
        let gone: Vec<String> = kept.vendors.keys().filter(|name| !is_there(name)).cloned().collect();
        for name in gone {
            kept.stops.clear(&name, None);
            super::refused::show(&kept.stops, &name, false);
            if let Some(limits) = kept.vendors.remove(&name) {
                let super::Shown { in_flight, breaker, locked_out, unreached, .. } = limits.shown;
                [in_flight, breaker, locked_out, unreached].into_iter().for_each(|gauge| gauge.set(0.0));
            }
        }
    }
}

fn stands(vendor: &Vendor, known: Option<&Limits>, waiting: usize, now_ms: i64) -> Stands {
    let (how, since_ms, why) = match known {
        _ if vendor.paused => {
            let name = &vendor.name;
            (How::Paused, None, Some(format!("it is paused: `ims vendor resume {name}` lets messages go there again")))
        }
        None => (How::NotAsked, None, None),
        Some(known) => hindered(known, now_ms),
    };
    Stands {
        vendor: vendor.name.clone(),
        state: how,
        reached: known.and_then(|known| known.standing.is_reached()),
        breaker: match known.map(|known| known.breaker.state()) {
            None | Some(State::Closed) => "closed",
            Some(State::HalfOpen) => "half_open",
            Some(State::Open) => "open",
        },
        since_ms,
        why,
        in_flight: known.map_or(0, |known| known.hands.in_flight),
        waiting,
    }
}

fn hindered(known: &Limits, now_ms: i64) -> (How, Option<i64>, Option<String>) {
    if let Some(lasting) = known.standing.lasting() {
        let (why, name) = (&lasting.why, &known.settings.name);
        let (how, why) = match lasting.trouble {
            Trouble::LockedOut => {
                let what = format!("it refuses our key, account or address ({why})");
                (How::LockedOut, format!("{what}: mend what [vendors.{name}] names, or the account there"))
            }
            Trouble::NotReached => (How::NotReached, why.clone()),
            Trouble::NotAnswering => (How::NotAnswering, format!("requests arrive and nothing comes back: {why}")),
        };
        return (how, Some(lasting.since_ms), Some(why));
    }
    if known.breaker.state() != State::Closed {
        let what = match known.ailing.as_str() {
            "" => "too many of its answers were slow or did not come".to_owned(),
            code => {
                format!(
                    "too many of its answers spoke of trouble of its own, were slow or did not come, the newest code is {code}"
                )
            }
        };
        return (How::Failing, Some(known.breaker_since_ms), Some(format!("{what}: it is tried again by itself")));
    }
    match known.quiet_until(now_ms) {
        Some(until_ms) => {
            let seconds = (until_ms - now_ms).div_euclid(1_000);
            (How::Throttled, None, Some(format!("it asked to be left alone, for {seconds} s more")))
        }
        None if known.standing.is_reached().is_none() => (How::NotAsked, None, None),
        None => (How::Well, None, None),
    }
}
