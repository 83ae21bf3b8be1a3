//! The account of every receiver: requested, then rejected, dead-lettered or accepted; accepted, then ended once.

use rustc_hash::FxHashMap;
use schemas::{State, TrackId};
use std::{collections::BTreeMap, str::FromStr};

#[derive(Debug, Clone, Copy, Default)]
struct Account {
    requests: u8,
    dead_letters: u8,
    rejections: u8,
    acceptances: u8,
    ends: u8,
    end: Option<State>,
}

/// Everything that was read from the topics.
#[derive(Debug, Default)]
pub struct Books {
    accounts: FxHashMap<u128, Account>,
    /// Requests whose receivers cannot be counted, because they cannot be decoded: one account each.
    foreign: Vec<String>,
}

/// The sums, and what is wrong.
#[derive(Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Balance {
    /// Receivers asked for.
    pub requested: u64,
    /// Refused by a rule.
    pub rejected: u64,
    /// Could not be read; they stand in a DLQ.
    pub dead_lettered: u64,
    /// Passed every rule.
    pub accepted: u64,
    /// Requested, and not yet taken by ingest.
    pub at_the_door: u64,
    /// Accepted, and not ended: scheduled, held, in flight.
    pub waiting: u64,
    /// Ended, by state.
    pub ended: BTreeMap<String, u64>,
    /// What must not be: one line each, with the id.
    pub wrong: Vec<String>,
}

impl Balance {
    /// Nothing is lost, nothing ended twice.
    pub fn balances(&self) -> bool {
        self.wrong.is_empty()
    }

    /// It balances and nothing is under way any more.
    pub fn settled(&self) -> bool {
        self.balances() && self.waiting == 0 && self.at_the_door == 0
    }
}

impl Books {
    /// A receiver was asked for.
    pub fn request(&mut self, id: TrackId) {
        self.account(id).requests += 1;
    }

    /// A request stands in a DLQ.
    pub fn dead_letter(&mut self, id: TrackId) {
        self.account(id).dead_letters += 1;
    }

    /// A RECV record, by its key.
    pub fn accept(&mut self, key: &str) {
        if let Some(id) = self.id(key, "RECV") {
            self.account(id).acceptances += 1;
        }
    }

    /// A terminal report, by its key.
    pub fn end(&mut self, key: &str, state: State) {
        let Some(id) = self.id(key, "REPORT") else { return };
        let account = self.account(id);
        if state == State::Rejected {
            account.rejections += 1;
        } else {
            account.ends += 1;
            account.end = Some(state);
        }
    }

    /// A message that was under way when the books were opened.
    pub fn carried_over(&mut self, id: TrackId) {
        let account = self.account(id);
        account.requests = 1;
        account.acceptances = 1;
    }

    /// Accepted and not ended.
    pub fn under_way(&self) -> Vec<TrackId> {
        self.those(|a| a.acceptances > 0 && a.ends == 0)
    }

    /// Requested, and nothing more.
    pub fn at_the_door(&self) -> Vec<TrackId> {
        self.those(|a| a.acceptances == 0 && a.rejections == 0 && a.dead_letters == 0)
    }

    fn those(&self, fits: impl Fn(&Account) -> bool) -> Vec<TrackId> {
        self.accounts.iter().filter(|(_, a)| fits(a)).map(|(id, _)| TrackId::from_u128(*id)).collect()
    }

    /// Sums up.
    pub fn balance(&self) -> Balance {
        let mut sum = Balance { wrong: self.foreign.clone(), ..Balance::default() };
        for (id, account) in &self.accounts {
            sum.add(TrackId::from_u128(*id), account);
        }
        sum.wrong.sort();
        sum
    }

    fn account(&mut self, id: TrackId) -> &mut Account {
        self.accounts.entry(id.as_u128()).or_default()
    }

    fn id(&mut self, key: &str, topic: &str) -> Option<TrackId> {
        let id = TrackId::from_str(key).ok();
        if id.is_none() {
            self.foreign
                .push(format!("a key of {topic} is no track_id: {:?}", key.chars().take(40).collect::<String>()));
        }
        id
    }
}

impl Balance {
    fn add(&mut self, id: TrackId, account: &Account) {
        let Account { requests, dead_letters, rejections, acceptances, ends, end } = *account;
        self.requested += 1;
        let mut wrong = |what: &str| self.wrong.push(format!("{id} {what}"));
        if requests == 0 {
            wrong("was never requested");
        }
        if acceptances > 1 {
            wrong("was accepted twice");
        }
        if rejections > 1 {
            wrong("was rejected twice");
        }
        if rejections > 0 && acceptances > 0 {
            wrong("was both rejected and accepted");
        }
        if ends > 1 {
            wrong("ended twice");
        }
        if ends > 0 && acceptances == 0 {
            wrong("ended without being accepted");
        }
        // A mended request that was replayed out of its DLQ counts as what became of it then.
        match (rejections, acceptances, dead_letters) {
            (1.., _, _) => self.rejected += 1,
            (0, 1.., _) => self.accepted += 1,
            (0, 0, 1..) => self.dead_lettered += 1,
            (0, 0, 0) => self.at_the_door += 1,
        }
        match end {
            Some(state) => *self.ended.entry(state.as_str().to_lowercase()).or_default() += 1,
            None if acceptances > 0 => self.waiting += 1,
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::{Api, Lane};

    fn id(offset: u64) -> TrackId {
        TrackId::new(1_000, Api { cluster: 0, lane: Lane::Mass, partition: 1, offset, receiver: 0 })
    }

    #[test]
    fn books_balance_when_each_accepted_message_ended_once() {
        let mut books = Books::default();
        (0..5).for_each(|n| books.request(id(n)));
        books.end(&id(0).to_string(), State::Rejected);
        books.dead_letter(id(1));
        for n in 2..5 {
            books.accept(&id(n).to_string());
        }
        books.end(&id(2).to_string(), State::Delivered);
        books.end(&id(3).to_string(), State::Uncertain);
        let sum = books.balance();
        assert!(sum.balances() && !sum.settled());
        assert_eq!((sum.requested, sum.rejected, sum.dead_lettered, sum.accepted, sum.waiting), (5, 1, 1, 3, 1));
        assert_eq!(books.under_way(), [id(4)]);
    }

    #[test]
    fn each_way_to_lose_or_double_is_told_with_its_id() {
        let mut books = Books::default();
        let key = |n| id(n).to_string();
        books.request(id(1));
        books.accept(&key(1));
        books.end(&key(1), State::Delivered);
        books.end(&key(1), State::Failed);
        books.accept(&key(2));
        books.request(id(3));
        books.accept(&key(3));
        books.accept(&key(3));
        books.request(id(4));
        books.end(&key(4), State::Delivered);
        books.request(id(5));
        books.accept(&key(5));
        books.end(&key(5), State::Rejected);
        books.accept("nonsense");
        let wrong = books.balance().wrong.join("\n");
        for (n, what) in [
            (1, "ended twice"),
            (2, "was never requested"),
            (3, "was accepted twice"),
            (4, "ended without being accepted"),
            (5, "was both rejected and accepted"),
        ] {
            assert!(wrong.contains(&format!("{} {what}", id(n))), "{what} is missing:\n{wrong}");
        }
        assert!(wrong.contains("no track_id"));
    }
}
