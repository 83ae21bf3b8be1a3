//! Delivery reports: owed from the moment a vendor takes a message, given when due, given again until confirmed.

use super::{Confirmed, Requested, Simulator};
use processors::ports::{Clock, Receipt, Receipts};
use rustc_hash::FxHashMap;
use std::{
    collections::BTreeMap,
    sync::{Arc, Condvar, Mutex, MutexGuard},
    time::Duration,
};

/// The receipts that the vendors owe.
pub struct Deliveries {
    clock: Arc<dyn Clock>,
    owed: Mutex<Owed>,
    changed: Condvar,
}

#[derive(Default)]
struct Owed {
    /// By due time and order of coming.
    receipts: BTreeMap<(i64, u64), Due>,
    came: u64,
}

/// A receipt and what it is about.
#[derive(Debug, Clone)]
pub struct Due {
    pub receipt: Receipt,
    /// Family of the message.
    pub family: String,
    /// Which of the step's requests; empty: the only one.
    pub part: String,
}

impl Owed {
    fn add(&mut self, due: Due) {
        self.came += 1;
        self.receipts.insert((due.receipt.at_ms, self.came), due);
    }
}

impl Deliveries {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, owed: Mutex::default(), changed: Condvar::new() }
    }

    /// A vendor took a message and owes what its fate says.
    pub(super) fn owe(&self, request: &Requested) {
        if !request.receipts.is_empty() {
            let mut owed = self.lock();
            let first = |owed: &Owed| owed.receipts.first_key_value().map(|(at, _)| *at);
            let before = first(&owed);
            receipts_of(request).for_each(|due| owed.add(due));
            let sooner = first(&owed) != before;
            drop(owed);
            // Who waits for the first one need not hear of later ones.
            if sooner {
                self.changed.notify_all();
            }
        }
    }

    /// Owes again what a log says was owed and never confirmed.
    pub(super) fn restore(&self, requests: Vec<Requested>, confirmed: Vec<Confirmed>) {
        let mut settled: FxHashMap<Confirmed, usize> = FxHashMap::default();
        confirmed.into_iter().for_each(|receipt| *settled.entry(receipt).or_default() += 1);
        let mut owed = self.lock();
        for due in requests.iter().flat_map(receipts_of) {
            match settled.get_mut(&confirmation(&due.receipt)) {
                Some(times) if *times > 0 => *times -= 1,
                _ => owed.add(due),
            }
        }
    }

    /// What is due of one vendor, at most so many, without waiting.
    pub(super) fn due_of(&self, vendor: &str, most: usize) -> Vec<Due> {
        let mut owed = self.lock();
        let now_ms = self.clock.now_ms();
        let due = owed.receipts.range(..(now_ms + 1, 0)).filter(|(_, due)| due.receipt.vendor == vendor);
        let places: Vec<(i64, u64)> = due.map(|(place, _)| *place).take(most).collect();
        places.iter().filter_map(|place| owed.receipts.remove(place)).collect()
    }

    fn take(&self, wait: Duration, into: &mut Vec<Due>) {
        let mut owed = self.lock();
        for last in [false, true] {
            let now_ms = self.clock.now_ms();
            let later = owed.receipts.split_off(&(now_ms + 1, 0));
            let due = std::mem::replace(&mut owed.receipts, later);
            if last || !due.is_empty() || wait.is_zero() {
                into.extend(due.into_values());
                return;
            }
            let next = owed.receipts.first_key_value().map(|((at_ms, _), _)| *at_ms);
            let next = next.map_or(wait, |at_ms| Duration::from_millis((at_ms - now_ms).max(0) as u64));
            owed = match self.changed.wait_timeout(owed, wait.min(next)) {
                Ok((owed, _)) => owed,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }

    pub(super) fn give_back(&self, due: Vec<Due>) {
        let mut owed = self.lock();
        due.into_iter().for_each(|due| owed.add(due));
    }

    fn lock(&self) -> MutexGuard<'_, Owed> {
        self.owed.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn receipts_of(request: &Requested) -> impl Iterator<Item = Due> {
    request.receipts.iter().map(|(at_ms, code)| Due {
        receipt: Receipt {
            serial_number: request.serial_number.clone(),
            vendor: request.vendor.clone(),
            code: code.clone(),
            text: String::new(),
            at_ms: *at_ms,
        },
        family: request.family.clone(),
        part: request.part.clone(),
    })
}

impl Simulator {
    /// A receipt as its vendor tells it: timed by its own clock.
    pub(super) fn as_told(&self, due: &Due) -> Due {
        let Due { receipt, family, part } = due.clone();
        let at_ms = receipt.at_ms + self.ahead_ms(&receipt.vendor);
        Due { receipt: Receipt { at_ms, ..receipt }, family, part }
    }
}

pub(super) fn confirmation(receipt: &Receipt) -> Confirmed {
    Confirmed { serial_number: receipt.serial_number.clone(), at_ms: receipt.at_ms }
}

/// Takes receipts for one worker.
pub struct Taker {
    simulator: Arc<Simulator>,
    unconfirmed: Vec<Due>,
}

impl Taker {
    pub(super) fn new(simulator: Arc<Simulator>) -> Self {
        Self { simulator, unconfirmed: Vec::new() }
    }
}

impl Receipts for Taker {
    fn take(&mut self, wait: Duration, into: &mut Vec<Receipt>) {
        let before = self.unconfirmed.len();
        self.simulator.deliveries.take(wait, &mut self.unconfirmed);
        into.extend(self.unconfirmed[before..].iter().map(|due| self.simulator.as_told(due).receipt));
    }

    fn confirm(&mut self) {
        let confirmed: Vec<_> = self.unconfirmed.iter().map(|due| confirmation(&due.receipt)).collect();
        match self.simulator.confirm(&confirmed) {
            Ok(()) => self.unconfirmed.clear(),
            // They come again, which is allowed, rather than never.
            Err(error) => tracing::error!(%error, "confirmed receipts cannot be noted"),
        }
    }
}

impl Drop for Taker {
    fn drop(&mut self) {
        self.simulator.deliveries.give_back(std::mem::take(&mut self.unconfirmed));
    }
}
