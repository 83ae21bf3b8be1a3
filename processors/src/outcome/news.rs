//! How the others speak to outcome: every result on RESULT is made here.

use crate::codes::{OutcomeCode, judge};
use crate::ports::Receipt;
use crate::reference::Vendor;
use crate::retry::{After, Again, Plan, Said};
use crate::route::Routed;
use schemas::{Accepted, Dispatch, Lane, OpenPhase, OpenStep, Origin, ResultKind, Serial, State, StepResult};

/// What a sender writes after a decision about a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Settled {
    /// To RESULT-‹priority›; none when no request was made and the step goes on.
    pub result: Option<StepResult>,
    /// The dispatch of another attempt, and when it is due: at once, or out of DELAY.
    pub again: Option<(i64, Dispatch)>,
}

/// The router's news: WAIT or FINAL; none for a step that goes to a sender.
pub fn of_router(accepted: Accepted, routed: &Routed, now_ms: i64) -> Option<StepResult> {
    let (kind, state, code, due_at, fallback_allowed) = match *routed {
        Routed::Dispatch { .. } => return None,
        Routed::Wait { state: State::Held, until_ms, .. } => {
            (ResultKind::Wait, State::Held, OutcomeCode::AdRule, Some(until_ms), false)
        }
        Routed::Wait { state, until_ms, .. } => (ResultKind::Wait, state, OutcomeCode::Success, Some(until_ms), false),
        Routed::End { state, code, fallback_allowed, .. } => (ResultKind::Final, state, code, None, fallback_allowed),
    };
    Some(StepResult {
        track_id: accepted.track_id.clone(),
        kind,
        step: accepted.step,
        state,
        due_at,
        fallback_allowed,
        accepted: Some(Box::new(accepted)),
        ..own(String::new(), code, now_ms)
    })
}

/// The end of an accepted message whose record cannot be read: only its key is known.
pub fn of_unreadable(track_id: &str, now_ms: i64) -> StepResult {
    StepResult {
        track_id: track_id.to_owned(),
        kind: ResultKind::Final,
        state: State::Failed,
        ..own(String::new(), OutcomeCode::Unexpected, now_ms)
    }
}

/// The same where only what would have woken a wait cannot be read: the end of what still waits until then.
pub fn of_unreadable_wait(track_id: &str, due_at: i64, now_ms: i64) -> StepResult {
    StepResult { due_at: Some(due_at), ..of_unreadable(track_id, now_ms) }
}

/// The end of a message when no decision can be made about this news of it: of news that end it or keep it open, and of what
/// would have woken or ended what is `open`. None: the message goes on without it.
pub fn of_undecided(news: &StepResult, open: Option<&OpenStep>, now_ms: i64) -> Option<StepResult> {
    let ends = match (news.kind, news.due_at) {
        (ResultKind::Final, None) | (ResultKind::Sent | ResultKind::Wait, _) => true,
        (ResultKind::Final | ResultKind::Due | ResultKind::Deadline, due_at) => {
            return due_at.map(|due_at| of_unreadable_wait(&news.track_id, due_at, now_ms));
        }
        (ResultKind::Receipt, _) => {
            open.is_some_and(|open| open.phase == OpenPhase::Sent && open.last.serial_number == news.serial_number)
        }
        (ResultKind::Cancel, _) => {
            open.is_some_and(|open| matches!(open.phase, OpenPhase::Scheduled | OpenPhase::Held))
        }
        (ResultKind::Attempt, _) => false,
    };
    ends.then(|| of_unreadable(&news.track_id, now_ms))
}

/// The same news of a replayed record: of its message's step, which ended as the record became a dead letter. None when it
/// says no more than that.
pub fn revived(mut news: StepResult) -> Option<StepResult> {
    if let Some(dispatch) = &mut news.dispatch {
        dispatch.accepted.revived = true;
    }
    if let Some(accepted) = &mut news.accepted {
        accepted.revived = true;
    }
    let says_more = news.dispatch.is_some() || news.accepted.is_some() || news.kind != ResultKind::Final;
    says_more.then_some(news)
}

/// A sender's news about a step, and its next attempt. `sent_at` is when the request left, if one did.
pub fn of_sender(dispatch: Dispatch, plan: Plan, sent_at: Option<i64>, now_ms: i64) -> Settled {
    let said = |kind, state, attempt| StepResult {
        track_id: dispatch.accepted.track_id.clone(),
        serial_number: dispatch.serial_number.clone(),
        kind,
        step: dispatch.accepted.step,
        attempt,
        state,
        origin: plan.said.origin,
        code: plan.said.code.clone(),
        message: plan.said.message.clone(),
        vendor: dispatch.vendor.clone(),
        vendor_code: plan.said.vendor_code.clone(),
        ambiguous: plan.ambiguous,
        sent_at,
        occurred_at: now_ms,
        ..StepResult::default()
    };
    let asked = if plan.asked { dispatch.attempt } else { dispatch.attempt - 1 };
    let mut again = None;
    let result = match plan.after {
        After::Sent { due_ms } => {
            Some(StepResult { due_at: Some(due_ms), ..said(ResultKind::Sent, State::Sent, asked) })
        }
        After::Hold { until_ms } => {
            Some(StepResult { due_at: Some(until_ms), ..said(ResultKind::Wait, State::Held, asked) })
        }
        After::End { state, fallback_allowed } => {
            Some(StepResult { fallback_allowed, ..said(ResultKind::Final, state, asked) })
        }
        After::Again(Again { due_ms, vendor, attempt, tried, in_doubt, tokens_done, throttled, reached }) => {
            let ended = plan.asked.then(|| said(ResultKind::Attempt, State::Sent, asked));
            let next =
                Dispatch { vendor, attempt, tried, in_doubt, tokens_done, throttled, reached, ..dispatch.clone() };
            again = Some((due_ms, next));
            ended
        }
    };
    Settled { result: result.map(|result| StepResult { dispatch: Some(Box::new(dispatch)), ..result }), again }
}

/// A vendor's delivery report, for RESULT-<serial.priority>; none when it says nothing about the end.
pub fn of_receipt(serial: Serial, receipt: &Receipt, vendor: &Vendor, now_ms: i64) -> Option<StepResult> {
    let row = judge(vendor.codes, &receipt.code);
    let state = row.reported_state()?;
    let said = Said::vendors(row, &receipt.code, &receipt.text);
    Some(StepResult {
        track_id: serial.track_id.to_string(),
        serial_number: receipt.serial_number.clone(),
        kind: ResultKind::Receipt,
        step: i32::from(serial.step),
        state,
        origin: said.origin,
        code: said.code,
        message: said.message,
        vendor: receipt.vendor.clone(),
        vendor_code: said.vendor_code,
        // The receipt does not say whether it is an ad's; every ad has this priority.
        fallback_allowed: row.fallback_reported(serial.priority == Lane::Ad),
        // What a vendor dates in the future happened now.
        occurred_at: receipt.at_ms.min(now_ms),
        ..StepResult::default()
    })
}

/// A customer's wish to cancel; it concerns what has not left.
pub fn of_customer(track_id: &str, now_ms: i64) -> StepResult {
    StepResult {
        track_id: track_id.to_owned(),
        kind: ResultKind::Cancel,
        state: State::Cancelled,
        ..own(String::new(), OutcomeCode::Cancelled, now_ms)
    }
}

/// What comes back to outcome itself: the end of a wait (DUE) or of a receipt's time (DEADLINE).
pub(super) fn of_delay(kind: ResultKind, state: State, about: &StepResult, due_at: i64) -> StepResult {
    StepResult {
        track_id: about.track_id.clone(),
        kind,
        step: about.step,
        state,
        due_at: Some(due_at),
        ..own(about.serial_number.clone(), OutcomeCode::Success, due_at)
    }
}

fn own(serial_number: String, code: OutcomeCode, now_ms: i64) -> StepResult {
    StepResult {
        serial_number,
        origin: Origin::Ims,
        code: code.as_str().into(),
        message: code.meaning().into(),
        occurred_at: now_ms,
        ..StepResult::default()
    }
}
