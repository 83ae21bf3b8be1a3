//! What may leave now: each vendor's rate, hands and breaker, shared by all senders of a process.

mod hands;
mod parts;
mod rate;
mod refused;
mod second;
mod stands;
mod waiting;

use crate::send::metrics as names;
use hands::Hands;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use parts::Owned;
use processors::{
    breaker::{Breaker, BreakerSettings, Health, Permit, State},
    ports::Clock,
    reference::Vendor,
    rest::rests,
    retry::LONGEST_QUIET,
    standing::{Lasting, News, Standing, Trouble, Word},
    stops::Stops,
};
use rate::Rate;
use rustc_hash::FxHashMap;
use schemas::{Lane, Topic};
pub use stands::{How, Stands};
use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
pub use waiting::Aside;
use waiting::Waiting;

/// Whether a request may leave.
#[derive(Debug)]
pub enum Admission {
    /// It may, with this slot in its hands.
    Go(Slot),
    /// Rate or hands are used up: ask again after this.
    Wait(Duration),
    /// The breaker is open, or it is paused.
    Down,
}

/// The vendors' limits as this process keeps them.
pub struct Allowance {
    clock: Arc<dyn Clock>,
    breaker: BreakerSettings,
    state: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    vendors: FxHashMap<String, Limits>,
    owned: Owned,
    stops: Stops,
    waiting: Waiting,
}

struct Limits {
    settings: Arc<Vendor>,
    rate: Rate,
    breaker: Breaker,
    /// Opens the other one: a vendor that takes everything may deliver nothing.
    reports: Breaker,
    hands: Hands,
    /// The vendor asked to be left alone until then.
    quiet_until_ms: i64,
    standing: Standing,
    /// Whether this process sends to it: it owns partitions of its families. What is known of it is kept, and shown again
    /// with the next partition.
    ours: bool,
    /// Since when the breaker is as it is, Unix milliseconds, and the newest code that spoke of trouble of the vendor's own.
    breaker_since_ms: i64,
    ailing: String,
    shown: Shown,
}

/// The metrics of a vendor, looked up once.
struct Shown {
    in_flight: Gauge,
    breaker: Gauge,
    locked_out: Gauge,
    unreached: Gauge,
    calls: [Counter; 4],
    answer_seconds: Histogram,
}

/// One request's place among those in flight to a vendor; free again when dropped, which says nothing of the vendor.
#[derive(Debug)]
pub struct Slot {
    allowance: Arc<Allowance>,
    vendor: Arc<Vendor>,
    trial: bool,
    ended: bool,
}

impl Allowance {
    /// No vendor is known yet, no partition owned.
    pub fn new(clock: Arc<dyn Clock>, breaker: BreakerSettings) -> Arc<Self> {
        Arc::new(Self { clock, breaker, state: Mutex::default() })
    }

    /// A stream of this process owns so many of the partitions of a SEND topic from now on.
    pub fn own(&self, topic: Topic, lane: Lane, owned: u32, of: u32) {
        let now_ms = self.clock.now_ms();
        let mut kept = self.lock();
        kept.owned.insert(topic, (lane, owned, Some(of)));
        kept.share(now_ms);
    }

    /// There is a routing group's topic of so many partitions, whoever reads it; None: as many as all topics have. Until a
    /// stream of this process owns some of them they are others'.
    pub fn beside(&self, topic: Topic, lane: Lane, of: Option<u32>) {
        let now_ms = self.clock.now_ms();
        let mut kept = self.lock();
        if kept.owned.contains_key(&topic) {
            return;
        }
        kept.owned.insert(topic, (lane, 0, of));
        kept.share(now_ms);
    }

    /// A vendor is in use: its bucket begins to fill, so that its first request need not wait for it.
    pub fn know(&self, vendor: &Arc<Vendor>) {
        let now_ms = self.clock.now_ms();
        self.limits(&mut self.lock(), vendor, now_ms);
    }

    /// A stream of this process owns nothing of a SEND topic any more.
    pub fn disown(&self, topic: Topic) {
        let known = self.lock().owned.get(&topic).copied();
        if let Some((lane, _, Some(of))) = known {
            self.own(topic, lane, 0, of);
        }
    }

    /// The part of what a vendor allows to all of us, beside sends, that is this process's: that of all partitions of
    /// its families, whatever their lane.
    pub fn part(&self, vendor: &Vendor) -> f64 {
        parts::of_all(&self.lock().owned, &vendor.families)
    }

    /// Whether a request of this cost may leave to a vendor now.
    pub fn admit(self: &Arc<Self>, vendor: &Arc<Vendor>, lane: Lane, cost: u32) -> Admission {
        if vendor.paused {
            return Admission::Down;
        }
        let now_ms = self.clock.now_ms();
        let mut kept = self.lock();
        let limits = self.limits(&mut kept, vendor, now_ms);
        if let Some(until_ms) = limits.quiet_until(now_ms) {
            // A code does not wait for a vendor as long as there is another one.
            return match lane {
                Lane::Auth => Admission::Down,
                _ => Admission::Wait(Duration::from_millis((until_ms - now_ms) as u64)),
            };
        }
        if limits.hands.in_flight >= hands::of(vendor, lane) {
            limits.hands.wanted(now_ms);
            return Admission::Wait(Duration::from_millis(1));
        }
        // The rate last but one: what it grants is spent. A breaker's trial is given back when the rate refuses.
        let trial = match limits.breaker.permit(now_ms) {
            Permit::Yes => false,
            Permit::Trial => true,
            Permit::Open(_) => return Admission::Down,
        };
        if let Err(wait_ms) = limits.rate.take(rate::index(lane), cost, now_ms) {
            if trial {
                limits.breaker.tried(None, now_ms);
            }
            return Admission::Wait(Duration::from_millis(wait_ms.min(1_000.0).ceil() as u64));
        }
        limits.hands.in_flight += 1;
        limits.show();
        limits.shown.calls[rate::index(lane)].increment(u64::from(cost));
        Admission::Go(Slot { allowance: Arc::clone(self), vendor: Arc::clone(vendor), trial, ended: false })
    }

    /// Until when a vendor's breaker is open, or it wants to be left alone or is paused, Unix milliseconds; None when
    /// requests or trials may leave.
    pub fn down_until(&self, vendor: &Arc<Vendor>) -> Option<i64> {
        let now_ms = self.clock.now_ms();
        let mut kept = self.lock();
        let limits = self.limits(&mut kept, vendor, now_ms);
        let paused = vendor.paused.then_some(i64::MAX);
        limits.breaker.open_until(now_ms).max(limits.quiet_until(now_ms)).max(paused)
    }

    /// The most that a lane can send to a vendor from here, requests a second: by its rate, or, when its hands were
    /// full within the last second, by how long each of them is busy with one.
    pub fn at_most(&self, vendor: &Arc<Vendor>, lane: Lane) -> f64 {
        let now_ms = self.clock.now_ms();
        let mut kept = self.lock();
        let limits = self.limits(&mut kept, vendor, now_ms);
        let rate = limits.rate.at_most(rate::index(lane));
        limits.hands.per_second(vendor, lane, now_ms).map_or(rate, |by_hands| rate.min(by_hands))
    }

    /// A vendor asks to be left alone for a while; it gets it within bounds, and is asked again.
    pub fn quiet(&self, vendor: &Arc<Vendor>, wait: Duration) {
        let now_ms = self.clock.now_ms();
        let mut kept = self.lock();
        let limits = self.limits(&mut kept, vendor, now_ms);
        let news = limits.standing.heard(Word::Throttled, now_ms);
        limits.tell(news);
        let wait = wait.min(LONGEST_QUIET);
        let until_ms = now_ms.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
        limits.quiet_until_ms = limits.quiet_until_ms.max(until_ms);
    }

    fn limits<'k>(&self, kept: &'k mut Kept, vendor: &Arc<Vendor>, now_ms: i64) -> &'k mut Limits {
        let Kept { vendors, owned, .. } = kept;
        // Not `entry`, which would copy the name for every request.
        if !vendors.contains_key(&vendor.name) {
            vendors.insert(vendor.name.clone(), Limits::new(vendor, self.breaker, owned, now_ms));
        }
        let limits = vendors.get_mut(&vendor.name).expect("it was put there if it was not");
        // A reload of the reference data changes a vendor while requests are under way.
        if !Arc::ptr_eq(&limits.settings, vendor) {
            limits.settings = Arc::clone(vendor);
            limits.share(owned, now_ms);
        }
        limits
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Every change is whole before anything can panic.
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl std::fmt::Debug for Allowance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Allowance").field("breaker", &self.breaker).finish_non_exhaustive()
    }
}

impl Kept {
    /// What is owned has changed.
    fn share(&mut self, now_ms: i64) {
        let Self { vendors, owned, stops, .. } = self;
        for (name, limits) in vendors {
            let before = limits.ours;
            limits.share(owned, now_ms);
            if limits.ours != before {
                refused::show(stops, name, limits.ours);
            }
        }
    }
}

impl Limits {
    fn new(vendor: &Arc<Vendor>, breaker: BreakerSettings, owned: &Owned, now_ms: i64) -> Self {
        let mut this = Self {
            settings: Arc::clone(vendor),
            rate: Rate::new(vendor.families.iter().any(|family| family.has_auth()), now_ms),
            breaker: Breaker::new(breaker),
            reports: Breaker::new(breaker),
            hands: Hands::default(),
            quiet_until_ms: i64::MIN,
            standing: Standing::default(),
            ours: false,
            breaker_since_ms: now_ms,
            ailing: String::new(),
            shown: Shown::of(&vendor.name),
        };
        this.share(owned, now_ms);
        this
    }

    /// Takes this process's part of the rate, and says of the vendor what is so here.
    fn share(&mut self, owned: &Owned, now_ms: i64) {
        let part = |lane| parts::of_lane(owned, &self.settings.families, lane);
        let parts = [Lane::Auth, Lane::Realtime, Lane::Mass, Lane::Ad].map(part);
        self.rate.set(self.settings.tps, parts, now_ms);
        self.ours = parts::some(owned, &self.settings.families);
        self.show();
    }

    fn quiet_until(&self, now_ms: i64) -> Option<i64> {
        rests(self.quiet_until_ms, LONGEST_QUIET.as_millis() as i64, now_ms).then_some(self.quiet_until_ms)
    }

    /// Tells the operator what keeps messages from a vendor, and that it is over.
    fn tell(&self, news: Option<News>) {
        let vendor = &self.settings.name;
        match news {
            None => {}
            Some(News::Begun(Lasting { trouble: Trouble::LockedOut, why, .. })) => tracing::error!(
                vendor,
                why,
                "a vendor refuses our key, account or address: its messages wait or go to another vendor until it is mended"
            ),
            Some(News::Begun(Lasting { trouble: Trouble::NotReached, why, .. })) => {
                tracing::warn!(vendor, why, "a vendor is not reached: its messages wait or go to another vendor");
            }
            Some(News::Begun(Lasting { trouble: Trouble::NotAnswering, why, .. })) => {
                tracing::warn!(vendor, why, "a vendor does not answer: whether it has what it was sent is not known");
            }
            Some(News::Ended(Lasting { trouble: Trouble::LockedOut, .. })) => {
                tracing::info!(vendor, "a vendor lets us in again");
            }
            Some(News::Ended(_)) => tracing::info!(vendor, "a vendor is reached again"),
        }
        self.show();
    }

    /// A process that sends nothing to a vendor has no trouble with it, whatever it knows: it would not see the end.
    fn show(&self) {
        let trouble = self.standing.lasting().filter(|_| self.ours).map(|lasting| lasting.trouble);
        let is_one = |is: bool| f64::from(u8::from(is));
        self.shown.locked_out.set(is_one(trouble == Some(Trouble::LockedOut)));
        self.shown.unreached.set(is_one(trouble.is_some_and(|trouble| trouble != Trouble::LockedOut)));
        self.shown.in_flight.set(f64::from(self.hands.in_flight));
        self.shown.breaker.set(match self.breaker.state() {
            _ if !self.ours => 0.0,
            State::Closed => 0.0,
            State::HalfOpen => 1.0,
            State::Open => 2.0,
        });
    }
}

impl Shown {
    fn of(vendor: &str) -> Self {
        let lanes = [Lane::Auth, Lane::Realtime, Lane::Mass, Lane::Ad];
        Self {
            in_flight: gauge!(names::IN_FLIGHT, "vendor" => vendor.to_owned()),
            breaker: gauge!(names::BREAKER, "vendor" => vendor.to_owned()),
            locked_out: gauge!(names::LOCKED_OUT, "vendor" => vendor.to_owned()),
            unreached: gauge!(names::UNREACHED, "vendor" => vendor.to_owned()),
            calls: lanes.map(|lane| counter!(names::CALLS, "vendor" => vendor.to_owned(), "lane" => lane.as_str())),
            answer_seconds: histogram!(names::ANSWER_SECONDS, "vendor" => vendor.to_owned()),
        }
    }
}

impl Slot {
    /// The request ended so, after so long.
    pub fn ended(mut self, word: Word<'_>, took_ms: i64) {
        self.release(word, Some(took_ms));
    }

    /// What its end says of the vendor's health; None: nothing.
    fn health(&self, word: Word<'_>, took_ms: i64) -> Option<Health> {
        let slow_percent = i64::from(self.allowance.breaker.slow_at_percent_of_timeout);
        match word {
            Word::Nothing | Word::Throttled => None,
            Word::Well if took_ms * 100 >= i64::from(self.vendor.timeout_ms) * slow_percent => Some(Health::Slow),
            Word::Well => Some(Health::Well),
            Word::Ailing(_) | Word::LockedOut(..) | Word::NotSent(_) | Word::NoAnswer(_) => Some(Health::Failed),
        }
    }

    fn release(&mut self, word: Word<'_>, took_ms: Option<i64>) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let now_ms = self.allowance.clock.now_ms();
        let health = self.health(word, took_ms.unwrap_or_default());
        let mut kept = self.allowance.lock();
        // As the vendor is now: this request left when it may have had another rate.
        let Some(limits) = kept.vendors.get_mut(&self.vendor.name) else { return };
        limits.hands.in_flight = limits.hands.in_flight.saturating_sub(1);
        if let Some(took_ms) = took_ms {
            limits.hands.ended(took_ms, now_ms);
            limits.shown.answer_seconds.record(took_ms.max(0) as f64 / 1e3);
        }
        if let Word::Ailing(code) = word
            && limits.ailing != code
        {
            limits.ailing = code.to_owned();
        }
        let news = limits.standing.heard(word, now_ms);
        let before = limits.breaker.state();
        match health {
            _ if self.trial => limits.breaker.tried(health, now_ms),
            Some(health) => limits.breaker.answered(health, now_ms),
            None => {}
        }
        let after = limits.breaker.state();
        // A trial that failed is no news: it lasts since it opened.
        if (before == State::Closed) != (after == State::Closed) {
            limits.breaker_since_ms = now_ms;
            if after == State::Closed {
                limits.ailing.clear();
            }
            tracing::warn!(vendor = %self.vendor.name, ?before, ?after, "circuit breaker");
        }
        limits.tell(news);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.release(Word::Nothing, None);
    }
}

#[cfg(test)]
mod tests;
