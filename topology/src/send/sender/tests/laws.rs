//! Whatever happens, in whatever order: each step ends once, and no request is repeated that was not recorded first.

use super::*;
use crate::{
    ledger::repeated_requests,
    log::memory::{Call, When},
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone)]
enum Event {
    Send { count: usize, vendor: bool, customer: usize },
    Pass { ms: i64 },
    Join,
    Kill(usize),
    Fail { mark: bool, nth: u32, after: bool },
    Rebalance,
    Expel(usize),
    Away { ms: i64 },
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (1usize..40, any::<bool>(), 0usize..3)
            .prop_map(|(count, vendor, customer)| Event::Send { count, vendor, customer }),
        6 => (1i64..3_000).prop_map(|ms| Event::Pass { ms }),
        1 => Just(Event::Join),
        1 => (0usize..3).prop_map(Event::Kill),
        2 => (any::<bool>(), 1u32..4, any::<bool>()).prop_map(|(mark, nth, after)| Event::Fail { mark, nth, after }),
        1 => Just(Event::Rebalance),
        1 => (0usize..3).prop_map(Event::Expel),
        1 => (1i64..3_000).prop_map(|ms| Event::Away { ms }),
    ]
}

/// Vendors that fail in every way there is, and refuse what they have taken before.
fn moody(seed: u64, taken: Arc<Mutex<Vec<(String, String)>>>) -> impl FnMut(&Request, i64) -> Option<(i64, Reply)> {
    let mut state = seed | 1;
    let mut draw = move |below: u64| {
        // Xorshift: any numbers will do, as long as the case can be run again.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    move |request, _| {
        let mut taken = lock(&taken);
        let key = (request.vendor.name.clone(), request.dispatch.serial_number.clone());
        let known = taken.contains(&key);
        let after_ms = draw(1_500) as i64;
        let mut take = || {
            if !known {
                taken.push(key.clone());
            }
        };
        Some(match draw(20) {
            0 => (0, Reply::NotSent("refused".into())),
            1 => {
                take();
                (10_000, Reply::NoAnswer("time-out".into()))
            }
            2 => (10_000, Reply::NoAnswer("time-out".into())),
            3 => (after_ms, Reply::Throttled(Duration::from_millis(draw(2_000)))),
            _ if known => (after_ms, code("E915")),
            4 | 5 => (after_ms, code("2001")),
            6 => (after_ms, code("3015")),
            7 => (after_ms, code("3001")),
            _ => {
                take();
                (after_ms, code("1000"))
            }
        })
    }
}

impl Bench {
    fn happen(&mut self, event: &Event) {
        let faults = self.log.faults();
        match *event {
            Event::Send { count, vendor, customer } => {
                let vendor = if vendor { "kt" } else { "skt" };
                self.send(count, Lane::Realtime, vendor, ["bulk", "shop", "bank"][customer]);
            }
            Event::Pass { ms } => self.run(ms, 100.min(ms)),
            Event::Join if self.senders.len() < 3 => self.join(Lane::Realtime),
            Event::Join => {}
            Event::Kill(nth) => {
                if nth < self.senders.len() {
                    self.kill(nth);
                }
                self.turns();
            }
            Event::Fail { mark, nth, after } => {
                let call = if mark { Call::Mark } else { Call::Commit };
                faults.fail("text-REALTIME", call, nth, if after { When::After } else { When::Before });
            }
            Event::Rebalance => faults.rebalance("text-REALTIME"),
            Event::Expel(nth) => drop(faults.expel("text-REALTIME", nth)),
            Event::Away { ms } => {
                faults.away();
                self.run(ms, 500.min(ms));
                faults.back();
            }
        }
        self.turns();
    }

    fn of_serials(&self, kind: ResultKind) -> Vec<String> {
        self.of_kind(kind).into_iter().map(|result| result.serial_number).collect()
    }

    fn check(&self) {
        let seen = self.seen().into_iter().filter(|s| s.left).map(|s| (s.serial_number, String::new()));
        assert_eq!(repeated_requests(seen, self.of_serials(ResultKind::Attempt)), []);
        let ends = self.of_serials(ResultKind::Final);
        assert_eq!(ends.iter().collect::<BTreeSet<_>>().len(), ends.len(), "a step ended twice");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn each_step_ends_once_and_no_request_is_repeated_unrecorded(
        events in prop::collection::vec(event(), 1..40), seed: u64,
    ) {
        let mut bench = Bench::new(vec![vendor("kt"), vendor("skt")]).with_delay();
        bench.settings.hold_records = 50;
        let taken = Arc::new(Mutex::default());
        bench.script(moody(seed, Arc::clone(&taken)));
        bench.join(Lane::Realtime);
        bench.advance(1_000);
        for event in &events {
            bench.happen(event);
            bench.check();
        }
        // Now all is well: everything comes to its end.
        if bench.senders.is_empty() {
            bench.join(Lane::Realtime);
        }
        for _ in 0..30 {
            bench.run(60_000, 1_000);
            if bench.of_serials(ResultKind::Final).len() as u64 == bench.sent {
                break;
            }
        }
        bench.check();
        prop_assert_eq!(bench.of_serials(ResultKind::Final).len() as u64, bench.sent, "a step is lost");
        let mut owners: BTreeMap<String, usize> = BTreeMap::new();
        lock(&taken).iter().for_each(|(_, serial)| *owners.entry(serial.clone()).or_default() += 1);
        let doubled: Vec<_> = owners.into_iter().filter(|(_, vendors)| *vendors > 1).collect();
        prop_assert!(doubled.is_empty(), "two vendors took one message: {:?}", doubled);
    }
}
