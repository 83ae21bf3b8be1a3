//! The books of a deployment: from the ledger, and once more by hand.

use super::{Deployment, PATIENCE, process::REQUESTS, until};
use connectors::simulator::{RequestLog, Requested};
use schemas::{Accepted, Channel, Lane, Report, State, StepResult, Topic, TrackId};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
use topology::{
    engine::Decoder,
    ledger::{self, Balance, Books, Checkpoint},
    log::{Place, Record},
};

/// What the books must say in the end.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    /// Receivers asked for.
    pub messages: usize,
    /// How long it may take.
    pub within: Duration,
}

/// Books that are closed.
#[derive(Debug)]
pub struct Settled {
    pub balance: Balance,
    /// The one terminal report of each accepted message.
    pub ends: BTreeMap<TrackId, Report>,
    /// Every request that a vendor saw, in the order of each process.
    pub requests: Vec<Requested>,
}

impl Settled {
    /// How many messages ended so.
    pub fn count(&self, state: State) -> usize {
        self.ends.values().filter(|report| report.state == state).count()
    }
}

impl Deployment {
    /// The books as they stand.
    pub fn balance(&self) -> Balance {
        self.books().balance()
    }

    fn books(&self) -> Books {
        let decoder = Decoder::new(Arc::clone(&self.schemas), Arc::clone(&self.source));
        self.read(|reader| ledger::read(reader, &decoder, 0, &Checkpoint::default(), &mut |_, _| {})).0
    }

    /// Waits until every message has ended, and holds that against everything that is known of it: nothing lost,
    /// nothing ended twice, no request repeated without a recorded ambiguity.
    #[track_caller]
    pub fn settle(&self, expected: Expected) -> Settled {
        let Expected { messages, within } = expected;
        let deadline = Instant::now() + within;
        let balance = loop {
            let balance = self.balance();
            assert!(balance.balances(), "{balance:?}");
            if balance.settled() && balance.requested == messages as u64 {
                break balance;
            }
            if Instant::now() >= deadline {
                panic!("{messages} messages not settled within {within:?}: {balance:?}\n{}", self.trails());
            }
            // Reading the books costs more than what they tell in the meantime.
            std::thread::park_timeout(Duration::from_millis(500));
        };
        let ends = self.ends();
        assert_eq!(ends.len() as u64, balance.accepted);
        let requests = self.requests();
        let all: Vec<String> = requests.iter().map(|request| serde_json::to_string(request).unwrap() + "\n").collect();
        let file = self.file("all.jsonl");
        std::fs::write(&file, all.concat()).unwrap();
        let ledger = self.ims(&["ledger", "--settled", "--json", "--requests", &file.display().to_string()]);
        let said = [ledger.stdout, ledger.stderr].concat();
        assert!(ledger.status.success(), "ims ledger: {}", String::from_utf8_lossy(&said));
        self.assert_nothing_personal_is_told();
        Settled { balance, ends, requests }
    }

    /// Where some messages are that have not ended: every record of theirs, in the order in which it was written.
    fn trails(&self) -> String {
        let keys: Vec<String> = self.books().under_way().iter().take(3).map(ToString::to_string).collect();
        let mut records = self.records(Topic::all().iter().copied());
        records.retain(|record| keys.iter().any(|key| record.key.as_deref() == Some(key.as_bytes())));
        records.sort_by_key(|record| (record.key.clone(), record.timestamp_ms));
        let line = |record: &Record| {
            let Place { topic, partition } = record.place;
            let news = self.schemas.decode::<StepResult>(record.value.as_deref().unwrap_or_default());
            let said = news.map_or(String::new(), |n| format!("{} {} {} due {:?}", n.kind, n.state, n.code, n.due_at));
            let key = String::from_utf8_lossy(record.key.as_deref().unwrap_or_default());
            format!("{key} {} {topic}/{partition}@{} {said}\n", record.timestamp_ms, record.offset)
        };
        records.iter().map(line).collect()
    }

    /// The terminal report of each accepted message, read from their values: there must be one of each.
    fn ends(&self) -> BTreeMap<TrackId, Report> {
        let mut ends = BTreeMap::new();
        let reports = self.decoded::<Report>(Channel::ALL.iter().map(|&channel| Topic::report(channel)));
        for report in reports.into_iter().filter(|report| report.terminal && report.state != State::Rejected) {
            let id: TrackId = report.track_id.parse().unwrap();
            let twice = ends.insert(id, report);
            assert!(twice.is_none(), "{id} ended twice");
        }
        let lanes = || Lane::ALL.iter().flat_map(|&lane| Channel::ALL.iter().map(move |&c| Topic::recv(c, lane)));
        for accepted in self.decoded::<Accepted>(lanes()) {
            let id: TrackId = accepted.track_id.parse().unwrap();
            assert!(ends.contains_key(&id), "{id} has no terminal report");
        }
        ends
    }

    /// Every request that a vendor saw.
    pub fn requests(&self) -> Vec<Requested> {
        let files = std::fs::read_dir(self.file("")).unwrap().map(|entry| entry.unwrap().path());
        let logs = files.filter(|path| path.to_string_lossy().ends_with(REQUESTS));
        logs.flat_map(|path| RequestLog::read(&path).unwrap()).collect()
    }

    /// Those that came from one process.
    pub fn requests_of(&self, instance: &str) -> Vec<Requested> {
        RequestLog::read(&self.file(&format!("{instance}{REQUESTS}"))).unwrap_or_default()
    }

    /// Waits until vendors saw so many more requests.
    #[track_caller]
    pub fn until_more_requests(&self, more: usize) {
        let before = self.requests().len();
        until("more requests reach the vendors", PATIENCE, || (self.requests().len() >= before + more).then_some(()));
    }
}
