//! One piece of news, folded into what is kept of its message.

use super::known::{Ending, Known};
use super::{Delay, Desk, Folded, Open, news, plan};
use crate::codes::OutcomeCode;
use crate::reference::NightAds;
use crate::route::Routed;
use schemas::{Accepted, Family, LogEvent, OpenPhase, OpenStep, Origin, ResultKind, State, StepResult};
use std::cmp::Ordering;

/// Folds `news` into what is kept (`open`) of its message. Pure: the same news on the same state gives the same.
pub fn fold(open: Option<&OpenStep>, news: StepResult, desk: &Desk<'_>) -> Folded {
    match news.kind {
        ResultKind::Final => match news.due_at {
            None => on_final(open, &news, desk),
            Some(due_at) => on_wait_lost(open.filter(|open| open.due_at == due_at), &news, desk),
        },
        ResultKind::Sent => on_sent(open, news, desk),
        ResultKind::Receipt => on_receipt(open, news, desk),
        ResultKind::Wait => on_wait(open, news, desk),
        ResultKind::Due => on_due(open, &news),
        ResultKind::Deadline => on_deadline(open, &news, desk),
        ResultKind::Cancel => on_cancel(open, news, desk),
        ResultKind::Attempt => on_attempt(open, news, desk),
    }
}

/// The step ended. A receipt that came before wins where it knows more.
fn on_final(open: Option<&OpenStep>, news: &StepResult, desk: &Desk<'_>) -> Folded {
    let opened = open.filter(|open| open.phase != OpenPhase::Early).map(|open| &open.last);
    // A step in doubt left its message, which news of what could not be read have not.
    let known = Known::of(news, open.map(|open| &open.last), desk);
    let cancelled = open.is_some_and(|open| open.cancel_asked);
    let receipt = early_receipt(open);
    if let Some(receipt) = receipt.filter(|receipt| speaks_of(receipt, news) && knows_more(receipt, news)) {
        return reported(&known, &Ending::of(receipt, Some(news)), cancelled, desk);
    }
    end(&known, &Ending::of(news, opened), cancelled, desk).and_late(receipt, &known)
}

/// An attempt ended and the step goes on. What may have arrived is kept for its report, which may come long before the
/// step ends: with the message, so that the report that came counts, and belongs to somebody whatever follows.
fn on_attempt(open: Option<&OpenStep>, news: StepResult, desk: &Desk<'_>) -> Folded {
    let known = Known::of(&news, None, desk);
    let log = known.log(LogEvent::Attempt, &Ending::of(&news, None));
    let folded = Folded { logs: vec![log], ..Folded::default() };
    let kept = open.is_some_and(|open| {
        let same = open.last.step == news.step && open.last.dispatch.is_some();
        open.phase != OpenPhase::Early || open.last.step > news.step || same
    });
    if kept || !news.ambiguous || !known.is_reported() {
        return folded;
    }
    let cancelled = open.is_some_and(|open| open.cancel_asked);
    match early_receipt(open) {
        Some(receipt) if receipt.step == news.step => {
            folded.and_early(StepResult { dispatch: news.dispatch, ..receipt.clone() }, cancelled, desk)
        }
        receipt => folded.and_late(receipt, &known).and_early(news, cancelled, desk),
    }
}

/// What would have woken a wait cannot be read. What waits no more, or until another time, does not depend on it.
fn on_wait_lost(open: Option<&OpenStep>, news: &StepResult, desk: &Desk<'_>) -> Folded {
    let Some(waiting) = open else { return Folded::default() };
    match waiting.phase {
        OpenPhase::Scheduled | OpenPhase::Held => on_final(open, news, desk),
        // The vendor has it, or it is under way: as if the time were over.
        OpenPhase::Sent | OpenPhase::Early => on_deadline(open, news, desk),
    }
}

/// The vendor has it and reports later.
fn on_sent(open: Option<&OpenStep>, news: StepResult, desk: &Desk<'_>) -> Folded {
    let cancelled = open.is_some_and(|open| open.cancel_asked);
    let receipt = early_receipt(open);
    let known = Known::of(&news, None, desk);
    if let Some(receipt) = receipt.filter(|receipt| speaks_of(receipt, &news)) {
        return reported(&known, &Ending::of(receipt, Some(&news)), cancelled, desk);
    }
    let folded = Folded { reports: vec![known.report(&Ending::of(&news, None), false)], ..Folded::default() }
        .and_late(receipt, &known);
    let due_at = news.due_at.unwrap_or(desk.now_ms);
    let deadline = news::of_delay(ResultKind::Deadline, State::Uncertain, &news, due_at);
    folded.and_open(OpenPhase::Sent, news, due_at, cancelled, deadline, desk)
}

/// A delivery report: the end of the step it speaks of, or early, or late.
fn on_receipt(open: Option<&OpenStep>, news: StepResult, desk: &Desk<'_>) -> Folded {
    if end_of(news.state).is_none() && news.state != State::Held {
        // Not an end: the vendor is still at it.
        return Folded::default();
    }
    match open {
        Some(open) if open.phase != OpenPhase::Early => {
            let known = Known::of(&news, Some(&open.last), desk);
            if speaks_of(&news, &open.last) {
                reported(&known, &Ending::of(&news, Some(&open.last)), open.cancel_asked, desk)
            } else {
                Folded::default().and_late(Some(&news), &known)
            }
        }
        Some(open) if open.last.kind != ResultKind::Cancel => {
            let known = Known::of(&open.last, None, desk);
            match open.last.step.cmp(&news.step) {
                Ordering::Equal => on_another_receipt(open, news, &known),
                Ordering::Greater => Folded::default().and_late(Some(&news), &known),
                Ordering::Less => Folded::default().and_late(early_receipt(Some(open)), &known).and_early(
                    news,
                    open.cancel_asked,
                    desk,
                ),
            }
        }
        open => Folded::default().and_early(news, open.is_some_and(|open| open.cancel_asked), desk),
    }
}

/// A receipt of a step that is in doubt, or of which one came already: the one that knows more is kept for as long as the
/// entry is, another that says something else is late. A vendor that says the same again says nothing.
fn on_another_receipt(open: &OpenStep, news: StepResult, known: &Known<'_>) -> Folded {
    let receipt = early_receipt(Some(open));
    if receipt.is_some_and(|receipt| receipt.state == news.state && receipt.code == news.code) {
        return Folded::default();
    }
    if receipt.is_some_and(|receipt| receipt.state == news.state || !knows_more(&news, receipt)) {
        return Folded::default().and_late(Some(&news), known);
    }
    let last = StepResult { dispatch: open.last.dispatch.clone(), ..news };
    let open = Open::Put(Box::new(OpenStep { last, ..open.clone() }));
    Folded { open, ..Folded::default() }.and_late(receipt, known)
}

/// The step waits for its time. A cancel that came before ends it.
fn on_wait(open: Option<&OpenStep>, news: StepResult, desk: &Desk<'_>) -> Folded {
    let cancelled = open.is_some_and(|open| open.cancel_asked);
    let receipt = early_receipt(open);
    let known = Known::of(&news, None, desk);
    if let Some(receipt) = receipt.filter(|receipt| speaks_of(receipt, &news)) {
        // An earlier request of the step did arrive.
        return reported(&known, &Ending::of(receipt, Some(&news)), cancelled, desk);
    }
    if known.accepted.is_none() {
        // Nothing could be sent when it is due.
        return end(&known, &own(OutcomeCode::Unexpected, State::Failed, &news), cancelled, desk);
    }
    if cancelled {
        return end(&known, &own(OutcomeCode::Cancelled, State::Cancelled, &news), true, desk)
            .and_late(receipt, &known);
    }
    let folded = Folded { reports: vec![known.report(&Ending::of(&news, None), false)], ..Folded::default() }
        .and_late(receipt, &known);
    let due_at = news.due_at.unwrap_or(desk.now_ms);
    let phase = if news.state == State::Scheduled { OpenPhase::Scheduled } else { OpenPhase::Held };
    let due = news::of_delay(ResultKind::Due, news.state, &news, due_at);
    folded.and_open(phase, news, due_at, false, due, desk)
}

/// A wait is over: back to the router.
fn on_due(open: Option<&OpenStep>, news: &StepResult) -> Folded {
    let waiting = open.filter(|open| matches!(open.phase, OpenPhase::Scheduled | OpenPhase::Held));
    let Some(open) = waiting.filter(|open| news.due_at == Some(open.due_at)) else { return Folded::default() };
    let last = &open.last;
    let accepted = last.dispatch.as_deref().map(|dispatch| &dispatch.accepted).or(last.accepted.as_deref());
    let released = accepted.map(|accepted| Box::new(Accepted { released: true, ..accepted.clone() }));
    Folded { open: Open::Remove, next: released, ..Folded::default() }
}

/// A receipt's time is over, or the time that early news were kept.
fn on_deadline(open: Option<&OpenStep>, news: &StepResult, desk: &Desk<'_>) -> Folded {
    let Some(open) = open.filter(|open| news.due_at == Some(open.due_at)) else { return Folded::default() };
    let known = Known::of(&open.last, None, desk);
    match open.phase {
        OpenPhase::Sent => end(&known, &own(OutcomeCode::Uncertain, State::Uncertain, &open.last), true, desk),
        OpenPhase::Early => {
            Folded { open: Open::Remove, ..Folded::default() }.and_late(early_receipt(Some(open)), &known)
        }
        OpenPhase::Scheduled | OpenPhase::Held => Folded::default(),
    }
}

/// The customer cancels what has not left: what waits, and the steps after one that is on its way.
fn on_cancel(open: Option<&OpenStep>, news: StepResult, desk: &Desk<'_>) -> Folded {
    match open {
        None => Folded::default().and_early(news, true, desk),
        Some(open) => match open.phase {
            OpenPhase::Scheduled | OpenPhase::Held => {
                let known = Known::of(&open.last, None, desk);
                end(&known, &own(OutcomeCode::Cancelled, State::Cancelled, &open.last), true, desk)
            }
            OpenPhase::Sent | OpenPhase::Early if open.cancel_asked => Folded::default(),
            OpenPhase::Sent | OpenPhase::Early => {
                let asked = OpenStep { cancel_asked: true, ..open.clone() };
                Folded { open: Open::Put(Box::new(asked)), ..Folded::default() }
            }
        },
    }
}

/// A step ended by its delivery report. One that was not sent for the hour alone goes again in the morning, as a step of
/// its own, because a vendor that knows repeats would not send its serial number twice; if that is what its customer
/// wants.
fn reported(known: &Known<'_>, ending: &Ending<'_>, cancelled: bool, desk: &Desk<'_>) -> Folded {
    let again = known.accepted.filter(|_| ending.state == State::Held && !cancelled).and_then(|accepted| {
        let customer = desk.rules.reference.customer(&accepted.username);
        let family = Family::of(accepted.channel, accepted.message_type);
        let until_ms = desk.rules.night.morning(family, desk.now_ms);
        let in_time = until_ms < accepted.expires_at;
        (in_time && customer.is_none_or(|customer| customer.night_ads == NightAds::Hold))
            .then_some((accepted, until_ms))
    });
    let ended = Ending { state: end_of(ending.state).unwrap_or(State::Failed), ..*ending };
    let Some(((accepted, until_ms), done)) = again.zip(known.step_report(&ended)) else {
        return end(known, &ended, cancelled, desk);
    };
    let routed = Routed::Wait { priority: desk.lane, state: State::Held, until_ms };
    match news::of_router(plan::same_again(accepted, done), &routed, desk.now_ms) {
        Some(wait) => Folded {
            history: known.history(&ended, false).into_iter().collect(),
            logs: vec![known.log(LogEvent::Step, &ended)],
            ..on_wait(None, wait, desk)
        },
        None => end(known, &ended, cancelled, desk),
    }
}

/// A step ended: the next one of the plan follows, or the message ends.
fn end(known: &Known<'_>, ending: &Ending<'_>, cancelled: bool, desk: &Desk<'_>) -> Folded {
    // A state that ends nothing is a mistake of the sender; the account closes all the same.
    let ending = Ending { state: end_of(ending.state).unwrap_or(State::Failed), ..*ending };
    let may_follow = ending.state == State::Failed && ending.fallback_allowed && !cancelled;
    let next = known
        .accepted
        .filter(|_| may_follow)
        .zip(known.step_report(&ending))
        .and_then(|(accepted, done)| plan::next_step(accepted, done, desk));
    Folded {
        open: Open::Remove,
        reports: if next.is_none() { vec![known.report(&ending, true)] } else { Vec::new() },
        history: known.history(&ending, next.is_none()).into_iter().collect(),
        logs: vec![known.log(LogEvent::Step, &ending)],
        next: next.map(Box::new),
        delayed: Vec::new(),
    }
}

/// An ending that IMS decides, about the step that `opened` opened.
fn own(code: OutcomeCode, state: State, opened: &StepResult) -> Ending<'_> {
    Ending {
        state,
        origin: Origin::Ims,
        code: code.as_str(),
        message: code.meaning(),
        fallback_allowed: false,
        ..Ending::of(opened, None)
    }
}

/// The state if it ends an accepted message.
fn end_of(state: State) -> Option<State> {
    match state {
        State::Delivered | State::Failed | State::Uncertain | State::Expired | State::Cancelled => Some(state),
        State::Rejected | State::Scheduled | State::Held | State::Sent => None,
    }
}

fn early_receipt(open: Option<&OpenStep>) -> Option<&StepResult> {
    open.filter(|open| open.phase == OpenPhase::Early)
        .map(|open| &open.last)
        .filter(|last| last.kind == ResultKind::Receipt)
}

/// Whether a receipt knows more than what was said of its step: it says delivered, or the other does not know.
fn knows_more(receipt: &StepResult, than: &StepResult) -> bool {
    than.state == State::Uncertain || receipt.state == State::Delivered && than.state != State::Delivered
}

/// Whether a receipt is about the step of this result; a step that the router speaks of has no serial number yet.
fn speaks_of(receipt: &StepResult, of: &StepResult) -> bool {
    if of.serial_number.is_empty() { receipt.step == of.step } else { receipt.serial_number == of.serial_number }
}

impl Folded {
    /// Adds what is told of a receipt that changes nothing.
    fn and_late(mut self, receipt: Option<&StepResult>, known: &Known<'_>) -> Self {
        if let Some(receipt) = receipt {
            let ending = Ending::of(receipt, None);
            let ending = Ending { state: end_of(ending.state).unwrap_or(State::Failed), ..ending };
            self.reports.push(known.late_report(&ending));
            self.logs.push(known.log(LogEvent::Late, &ending));
        }
        self
    }

    /// Keeps the step open until `due_at`, when `back` comes back.
    fn and_open(
        mut self,
        phase: OpenPhase,
        last: StepResult,
        due_at: i64,
        cancel_asked: bool,
        back: StepResult,
        desk: &Desk<'_>,
    ) -> Self {
        let track_id = last.track_id.clone();
        self.delayed.push(Delay { due_ms: due_at, result: back });
        self.open =
            Open::Put(Box::new(OpenStep { track_id, phase, opened_at: desk.now_ms, due_at, cancel_asked, last }));
        self
    }

    /// Keeps news that came before what they speak about; of a step in doubt, until it must have ended.
    fn and_early(self, news: StepResult, cancel_asked: bool, desk: &Desk<'_>) -> Self {
        let ends_at = news.dispatch.as_ref().map_or(desk.now_ms, |dispatch| dispatch.accepted.expires_at);
        let due_at = ends_at.max(desk.now_ms) + i64::from(desk.patience.early_ms);
        let deadline = news::of_delay(ResultKind::Deadline, news.state, &news, due_at);
        self.and_open(OpenPhase::Early, news, due_at, cancel_asked, deadline, desk)
    }
}
