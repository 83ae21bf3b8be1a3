//! News folded into the state of a message: what each makes of it.

mod ends;
mod plan;
mod receipts;
mod replays;
mod waits;

use super::*;
use crate::fixtures::*;
use crate::night::Night;
use crate::ports::{Receipt, Reply};
use crate::reference::{CodeTable, Reference, Seed, Vendor};
use crate::retry::{self, Paces};
use crate::route::Routed;
use schemas::{Dispatch, FallbackStep, LogEvent, MessageType, OpenPhase, ReportKind, ResultKind, Serial, State};

pub(super) const EARLY: i64 = 10 * 60 * SECOND;

/// Looks at `now_ms` from the desk of the REALTIME lane.
pub(super) fn at_desk<T>(now_ms: i64, look: impl FnOnce(&Desk<'_>) -> T) -> T {
    let text = Vendor { families: vec![schemas::Family::Sms], codes: CodeTable::Text, ..vendor("relay", 1) };
    let first = Vendor { receipts: true, ..vendor("first", 1) };
    let reference = Reference::new(Seed { vendors: vec![first, text], ..seed() }).unwrap();
    let (night, patience) = (Night::default(), Patience::default());
    let rules = Rules { reference: &reference, night: &night };
    look(&Desk { rules, patience, lane: Lane::Realtime, channel: Channel::Em, now_ms })
}

fn fold_at(open: Option<&OpenStep>, news: StepResult, now_ms: i64) -> Folded {
    at_desk(now_ms, |desk| fold(open, news, desk))
}

fn folded(open: Option<&OpenStep>, news: StepResult) -> Folded {
    fold_at(open, news, NOON)
}

/// An 알림톡 whose plan goes on with a text, then a mail.
pub(super) fn planned() -> Accepted {
    let mut accepted = message(Channel::At, MessageType::At, Lane::Realtime);
    accepted.content.message = Some("주문이 접수되었습니다".into());
    accepted.recipient.phone_number = Some("1012345678".into());
    accepted.recipient.to = Some("a@example.com".into());
    accepted.fallback = vec![
        FallbackStep { channel: "MT".into(), callback: Some("0215881588".into()), ..FallbackStep::default() },
        FallbackStep { channel: "EM".into(), message: Some("mail".into()), ..FallbackStep::default() },
    ];
    accepted
}

pub(super) fn dispatch_of(accepted: Accepted) -> Dispatch {
    let serial = Serial { track_id: track_id(7), step: accepted.step as u8, priority: Lane::Realtime };
    Dispatch {
        serial_number: serial.to_string(),
        priority: Lane::Realtime,
        vendor: "first".into(),
        attempt: 1,
        in_doubt: false,
        tried: Vec::new(),
        tokens_done: Vec::new(),
        throttled: 0,
        reached: false,
        routed_at: NOON,
        accepted,
    }
}

/// What the sender of a step says after this code.
pub(super) fn answered(accepted: Accepted, code: &str, receipts: bool) -> StepResult {
    let reply = Reply::Code { code: code.into(), text: String::new() };
    settled(dispatch_of(accepted), &reply, receipts).result.unwrap()
}

/// What the sender of a step says after a time-out, which it will repeat.
fn timed_out(accepted: Accepted) -> StepResult {
    let settled = settled(dispatch_of(accepted), &Reply::NoAnswer(String::new()), true);
    assert!(settled.again.is_some());
    settled.result.unwrap()
}

fn settled(dispatch: Dispatch, reply: &Reply, receipts: bool) -> news::Settled {
    let vendor = Vendor { receipts, ..vendor("first", 1) };
    let plan = at_desk(NOON, |desk| {
        let desk = retry::Desk { rules: desk.rules, paces: &Paces::default(), down: &|_| false, now_ms: NOON };
        retry::plan(reply, &dispatch, &vendor, &desk)
    });
    news::of_sender(dispatch, plan, Some(NOON), NOON)
}

fn final_(code: &str) -> StepResult {
    answered(planned(), code, false)
}

fn sent() -> StepResult {
    answered(planned(), "0000", true)
}

pub(super) fn receipt(step: u8, code: &str) -> StepResult {
    let serial = Serial { track_id: track_id(7), step, priority: Lane::Realtime };
    let receipt = Receipt {
        serial_number: serial.to_string(),
        vendor: "first".into(),
        code: code.into(),
        text: "words".into(),
        at_ms: NOON,
    };
    news::of_receipt(serial, &receipt, &vendor("first", 1), NOON).unwrap()
}

pub(super) fn scheduled(accepted: Accepted, until_ms: i64) -> StepResult {
    let routed = Routed::Wait { priority: Lane::Realtime, state: State::Scheduled, until_ms };
    news::of_router(accepted, &routed, NOON).unwrap()
}

pub(super) fn cancel() -> StepResult {
    news::of_customer(&track_id(7).to_string(), NOON)
}

fn opened(folded: &Folded) -> &OpenStep {
    match &folded.open {
        Open::Put(open) => open,
        other => panic!("{other:?}"),
    }
}

/// The one terminal report: state and code.
fn ended(folded: &Folded) -> (State, &str) {
    assert_eq!(folded.open, Open::Remove);
    assert_eq!(folded.next, None);
    let terminal: Vec<_> = folded.reports.iter().filter(|report| report.terminal).collect();
    assert_eq!(terminal.len(), 1, "{folded:?}");
    assert_eq!(folded.history.iter().filter(|row| row.last_step).count(), 1);
    (terminal[0].state, &terminal[0].code)
}

fn nothing(folded: &Folded) {
    assert_eq!(*folded, Folded::default());
}
