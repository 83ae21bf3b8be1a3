//! The law of the ledger: whatever comes in whatever order, an accepted message gets exactly one terminal report.

use super::tests::{EARLY, answered, at_desk, cancel, dispatch_of, planned, receipt, scheduled};
use super::*;
use crate::codes::OutcomeCode;
use crate::fixtures::*;
use crate::route::Routed;
use proptest::prelude::*;
use schemas::{FallbackStep, OpenPhase, ReportKind, ResultKind, State};

/// What the world does next. Numbers choose among what is possible then.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// The message moves on: the router or a sender speaks, in one of the ways that it can.
    Token(u8),
    /// A receipt of a step that reached a sender, with one of several codes.
    Receipt(u8, u8),
    /// A delayed result comes back; each once.
    Delayed(u8),
    /// One that came back already comes back again.
    Stale(u8),
    /// The customer cancels.
    Cancel,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => any::<u8>().prop_map(Act::Token),
        3 => any::<(u8, u8)>().prop_map(|(step, code)| Act::Receipt(step, code)),
        2 => any::<u8>().prop_map(Act::Delayed),
        1 => any::<u8>().prop_map(Act::Stale),
        1 => Just(Act::Cancel),
    ];
    prop::collection::vec(act, 0..40)
}

/// Where the message is when outcome does not keep it.
#[derive(Debug, Clone)]
enum Place {
    Router(Box<Accepted>),
    Sender(Box<Accepted>),
}

#[derive(Debug)]
struct World {
    now_ms: i64,
    token: Option<Place>,
    open: Option<OpenStep>,
    pending: Vec<Delay>,
    fired: Vec<Delay>,
    reports: Vec<Report>,
    history: Vec<History>,
    /// Steps that reached a sender.
    asked: Vec<u8>,
}

impl World {
    fn new() -> Self {
        let mut accepted = planned();
        accepted.fallback.push(FallbackStep { channel: "FT".into(), ..FallbackStep::default() });
        let token = Some(Place::Router(Box::new(accepted)));
        let (open, now_ms) = (None, NOON);
        Self { now_ms, token, open, pending: vec![], fired: vec![], reports: vec![], history: vec![], asked: vec![] }
    }

    fn act(&mut self, act: Act) {
        let pick = |n: u8, of: usize| (of > 0).then(|| usize::from(n) % of);
        match act {
            Act::Token(way) => self.move_on(way),
            Act::Receipt(step, code) => {
                if let Some(step) = pick(step, self.asked.len()) {
                    let code = ["0000", "3018", "3005", "3008", "3022"][usize::from(code) % 5];
                    self.fold(receipt(self.asked[step], code));
                }
            }
            Act::Delayed(which) => {
                if let Some(which) = pick(which, self.pending.len()) {
                    self.fire(which);
                }
            }
            Act::Stale(which) => {
                if let Some(which) = pick(which, self.fired.len()) {
                    self.fold(self.fired[which].result.clone());
                }
            }
            Act::Cancel => self.fold(cancel()),
        }
    }

    fn fire(&mut self, which: usize) {
        let delay = self.pending.swap_remove(which);
        self.now_ms = self.now_ms.max(delay.due_ms);
        self.fired.push(delay.clone());
        self.fold(delay.result);
    }

    fn move_on(&mut self, way: u8) {
        match self.token.take() {
            None => {}
            Some(Place::Router(accepted)) => {
                let end = |state, code, fallback_allowed| Routed::End {
                    priority: Lane::Realtime,
                    state,
                    code,
                    fallback_allowed,
                };
                let ends = |routed| news::of_router((*accepted).clone(), &routed, NOON).unwrap();
                match way % 8 {
                    0 if !accepted.released => {
                        self.fold(scheduled((*accepted).clone(), self.now_ms + HOUR));
                    }
                    1 => self.fold(ends(end(State::Failed, OutcomeCode::NoVendor, true))),
                    2 => self.fold(ends(end(State::Expired, OutcomeCode::Expired, false))),
                    _ => {
                        self.asked.push(accepted.step as u8);
                        self.token = Some(Place::Sender(accepted));
                    }
                }
            }
            Some(Place::Sender(accepted)) => match way % 8 {
                0 | 1 => self.fold(answered(*accepted, "0000", true)),
                2 => self.fold(answered(*accepted, "0000", false)),
                3 | 4 => self.fold(answered(*accepted, "3018", false)),
                5 => self.fold(answered(*accepted, "3005", false)),
                6 if !accepted.released => self.fold(answered(*accepted, "3022", false)),
                _ => {
                    let attempt = StepResult {
                        kind: ResultKind::Attempt,
                        track_id: accepted.track_id.clone(),
                        step: accepted.step,
                        ambiguous: way & 8 > 0,
                        dispatch: Some(Box::new(dispatch_of((*accepted).clone()))),
                        ..StepResult::default()
                    };
                    self.token = Some(Place::Sender(accepted));
                    self.fold(attempt);
                }
            },
        }
    }

    fn fold(&mut self, news: StepResult) {
        let before = self.open.clone();
        let kind = news.kind;
        let folded = at_desk(self.now_ms, |desk| fold(before.as_ref(), news, desk));
        match folded.open {
            Open::Keep => {}
            Open::Put(open) => self.open = Some(*open),
            Open::Remove => self.open = None,
        }
        if let Some(next) = folded.next {
            assert!(self.token.is_none(), "one message, two tokens");
            assert_eq!(self.ends(), 0, "it goes on after its end");
            let follows = kind != ResultKind::Due;
            assert!(follows || before.as_ref().is_some_and(|open| open.due_at <= self.now_ms), "released too soon");
            assert!(!follows || !before.is_some_and(|open| open.cancel_asked), "a step follows a cancel");
            self.token = Some(Place::Router(next));
        }
        assert!(folded.reports.iter().all(|report| !(report.terminal && report.kind == ReportKind::Late)));
        self.pending.extend(folded.delayed);
        self.reports.extend(folded.reports);
        self.history.extend(folded.history);
        assert!(self.ends() <= 1, "{:#?}", self.reports);
        // In flight, waiting or ended: exactly one of them.
        let waits = self.open.as_ref().is_some_and(|open| open.phase != OpenPhase::Early);
        assert_eq!(self.ends() + usize::from(waits) + usize::from(self.token.is_some()), 1);
    }

    fn ends(&self) -> usize {
        self.reports.iter().filter(|report| report.terminal).count()
    }

    /// Lets everything come that must come.
    fn settle(&mut self) {
        for way in 3.. {
            if self.token.is_some() {
                self.move_on(way as u8);
            } else if let Some((first, _)) = self.pending.iter().enumerate().min_by_key(|(_, delay)| delay.due_ms) {
                self.fire(first);
            } else {
                return;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_message_ends_exactly_once_whatever_comes_when(acts in acts()) {
        let mut world = World::new();
        acts.into_iter().for_each(|act| world.act(act));
        world.settle();
        prop_assert_eq!(world.ends(), 1);
        prop_assert_eq!(&world.open, &None, "nothing is kept for ever");
        let end = world.reports.iter().find(|report| report.terminal).unwrap();
        prop_assert!(!matches!(end.state, State::Sent | State::Held | State::Scheduled | State::Rejected));
        // One row of history for each step that ended, and the last one ends the message.
        let steps: Vec<i32> = world.history.iter().map(|row| row.step).collect();
        prop_assert_eq!(&steps, &(0..steps.len() as i32).collect::<Vec<_>>());
        let last: Vec<bool> = world.history.iter().map(|row| row.last_step).collect();
        prop_assert_eq!(last.iter().position(|last| *last), Some(last.len() - 1));
        prop_assert_eq!(end.steps.len(), steps.len(), "the report tells every step");
        let delivered = world.history.iter().filter(|row| row.state == State::Delivered).count();
        prop_assert_eq!(delivered, usize::from(end.state == State::Delivered), "nothing follows a delivery");
    }

    #[test]
    fn a_cancel_while_it_waits_sends_nothing_more(receipts in prop::collection::vec(any::<(u8, u8)>(), 0..5)) {
        let mut world = World::new();
        world.act(Act::Token(0));
        world.act(Act::Cancel);
        receipts.into_iter().for_each(|(step, code)| world.act(Act::Receipt(step, code)));
        world.settle();
        prop_assert!(world.asked.is_empty());
        prop_assert_eq!(world.history[0].state, State::Cancelled);
        prop_assert!(world.now_ms <= NOON + HOUR + EARLY);
    }
}
