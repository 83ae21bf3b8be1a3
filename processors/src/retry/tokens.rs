//! A push to several tokens: each is a request of its own, and one decision is made of what came of them.
//!
//! A message is for one person with several devices: it is delivered when one of them has it. What may be repeated is
//! repeated for the tokens of which that was said, and for no other; tokens that this vendor does not take go to one
//! that does, in the same step.

use super::{After, Plan, Said, UNCERTAIN, step::Step};
use crate::codes::{Class, Handling, OutcomeCode, judge};
use crate::ports::{OfToken, Reply};
use crate::reference::{InDoubt, Vendor};
use schemas::{Dispatch, Origin, State};

#[cfg(test)]
mod tests;

/// What an answer means for its token.
enum Weighed {
    /// It has it.
    Reached,
    /// It is asked about again.
    Open,
    /// Nobody knows, and nobody will ask.
    Doubt,
    /// It will never have it.
    Failed,
}

fn weigh(step: &Step<'_>, reply: &Reply) -> Weighed {
    // What does not speak of the token says nothing of what became of an earlier request in doubt.
    let given_up = || if step.dispatch.in_doubt { Weighed::Doubt } else { Weighed::Failed };
    match reply {
        Reply::Code { .. } if is_refused(step.vendor, reply) => Weighed::Open,
        Reply::Code { code, .. } | Reply::Unasked { code, .. } => match judge(step.vendor.codes, code).class {
            Class::Done => Weighed::Reached,
            Class::RetryOnce if step.tries() >= 2 => given_up(),
            Class::Retry | Class::RetryOnce | Class::RetryElsewhere => Weighed::Open,
            Class::Uncertain | Class::Duplicate | Class::Poll => Weighed::Doubt,
            Class::Block | Class::Hold | Class::Unknown => given_up(),
            Class::Final => Weighed::Failed,
        },
        Reply::NotSent(_) | Reply::Undecided(_) | Reply::Throttled(_) => Weighed::Open,
        Reply::NoAnswer(_) if step.vendor.in_doubt == InDoubt::Repeat && !step.exhausted() => Weighed::Open,
        Reply::NoAnswer(_) | Reply::Forgotten(_) | Reply::Tokens(_) => Weighed::Doubt,
    }
}

/// Whether the vendor lets none of our requests in: of the token nothing was said, and nothing left.
fn is_refused(vendor: &Vendor, reply: &Reply) -> bool {
    matches!(reply, Reply::Code { code, .. } if judge(vendor.codes, code).handling == Handling::LockedOut)
}

/// Of several answers to be repeated, the one that decides how: what is in doubt, then what asks for the longest wait.
/// When is the latest that one of them asks for.
fn weight(reply: &Reply) -> (u8, u128) {
    match reply {
        Reply::NoAnswer(_) | Reply::Forgotten(_) | Reply::Tokens(_) => (3, 0),
        Reply::Throttled(time) => (2, time.as_millis()),
        Reply::Code { .. } | Reply::Unasked { .. } => (1, 0),
        Reply::NotSent(_) | Reply::Undecided(_) => (0, 0),
    }
}

/// What was said of tokens that failed, of which one is reported: one that nobody knows, one that stops all messages, or
/// the first.
fn telling<'r>(vendor: &Vendor, failed: &[&'r Reply]) -> Option<&'r Reply> {
    let class = |reply: &&&Reply| match reply {
        Reply::Code { code, .. } | Reply::Unasked { code, .. } => match judge(vendor.codes, code).class {
            Class::Unknown => 0,
            Class::Block => 1,
            _ => 2,
        },
        _ => 3,
    };
    failed.iter().min_by_key(class).copied()
}

/// What the answers of a push lead to together.
pub(super) fn plan(step: &Step<'_>, replies: &[OfToken]) -> Plan {
    let Dispatch { tokens_done, reached, in_doubt, .. } = step.dispatch;
    let (mut done, mut reached, mut doubt) = (tokens_done.clone(), *reached, false);
    let (mut open, mut failed): (Vec<&OfToken>, Vec<&Reply>) = (Vec::new(), Vec::new());
    for of in replies {
        match weigh(step, &of.reply) {
            Weighed::Open => {
                open.push(of);
                continue;
            }
            Weighed::Reached => reached = true,
            Weighed::Doubt => doubt = true,
            Weighed::Failed => failed.push(&of.reply),
        }
        done.push(of.place);
    }
    let unasked = |reply: &Reply| matches!(reply, Reply::NotSent(_) | Reply::Undecided(_) | Reply::Unasked { .. });
    let was_asked = |of: &OfToken| !unasked(&of.reply) && !is_refused(step.vendor, &of.reply);
    let asked = replies.iter().any(was_asked);
    let narrowed = |done: &[i32], reached, in_doubt| {
        let mut tokens_done = done.to_vec();
        tokens_done.sort_unstable();
        tokens_done.dedup();
        Dispatch { tokens_done, reached, in_doubt, ..step.dispatch.clone() }
    };

    let mut given_up = None;
    if let Some(worst) = open.iter().max_by_key(|of| weight(&of.reply)) {
        let dispatch = narrowed(&done, reached, *in_doubt || doubt);
        let plan = Step { dispatch: &dispatch, ..*step }.plan(&worst.reply);
        match plan.after {
            After::Again(mut again) => {
                if again.vendor == dispatch.vendor {
                    again.due_ms = latest(step, &narrowed(&done, reached, again.in_doubt), &open).max(again.due_ms);
                }
                again.attempt = step.dispatch.attempt.saturating_add(i32::from(asked));
                // The trouble that one token met counts, whatever was throttled beside it.
                if open.iter().any(|of| was_asked(of) && !matches!(of.reply, Reply::Throttled(_))) {
                    again.throttled = step.dispatch.throttled;
                }
                return Plan { after: After::Again(again), asked, ambiguous: plan.ambiguous || doubt, ..plan };
            }
            After::End { state, .. } => doubt |= state == State::Uncertain,
            After::Sent { .. } | After::Hold { .. } => {}
        }
        given_up = Some(plan);
        done.extend(open.iter().map(|of| of.place));
    }
    // In doubt from before: unless every token has answered now, one of them may have it.
    doubt |= *in_doubt && replies.len() < step.dispatch.accepted.recipient.push_tokens.len();
    let ambiguous = doubt || *in_doubt;

    let dispatch = narrowed(&done, reached, ambiguous);
    let rest = Step { dispatch: &dispatch, ..*step };
    let left = dispatch.tokens_done.len() < dispatch.accepted.recipient.push_tokens.len();
    if left && let Some(after) = rest.rest(asked, ambiguous) {
        let waits = matches!(&after, After::Again(again) if again.due_ms > step.desk.now_ms);
        let said = Said::own(if waits { OutcomeCode::NoVendor } else { OutcomeCode::Success });
        return Plan { after, said, asked, ambiguous, row: None };
    }
    let ended = match telling(step.vendor, &failed) {
        _ if doubt => Plan { after: UNCERTAIN, said: Said::own(OutcomeCode::Uncertain), asked, ambiguous, row: None },
        Some(Reply::Code { code, text } | Reply::Unasked { code, text }) => {
            let row = judge(step.vendor.codes, code);
            let fallback_allowed = row.fallback_allowed(dispatch.accepted.ad);
            let after = After::End { state: State::Failed, fallback_allowed };
            Plan { after, said: Said::vendors(row, code, text), asked, ambiguous, row: Some(row) }
        }
        _ => given_up.map_or_else(
            || {
                let after = After::End { state: State::Failed, fallback_allowed: true };
                Plan { after, said: Said::own(OutcomeCode::NoVendor), asked, ambiguous, row: None }
            },
            |plan| Plan { asked, ..plan },
        ),
    };
    unless_reached(reached, ended)
}

/// The latest moment that one of these asks for at the same vendor, Unix milliseconds.
fn latest(step: &Step<'_>, dispatch: &Dispatch, open: &[&OfToken]) -> i64 {
    let step = Step { dispatch, ..*step };
    let due = |of: &&OfToken| match step.plan(&of.reply).after {
        After::Again(again) if again.vendor == dispatch.vendor => Some(again.due_ms),
        _ => None,
    };
    open.iter().filter_map(due).max().unwrap_or(step.desk.now_ms)
}

/// A message that one of its tokens has is delivered, whatever comes of the others.
pub(super) fn unless_reached(reached: bool, plan: Plan) -> Plan {
    match plan.after {
        After::End { .. } | After::Hold { .. } if reached => {
            let said = Said {
                origin: Origin::Vendor,
                code: OutcomeCode::Success.as_str().into(),
                message: String::new(),
                vendor_code: "200".into(),
            };
            let after = After::End { state: State::Delivered, fallback_allowed: false };
            Plan { after, said, ..plan }
        }
        _ => plan,
    }
}

/// The answer that tells most of a vendor's health: of a push's many the one in the middle, of those that it was asked
/// about.
pub fn typical<'r>(reply: &'r Reply, vendor: &Vendor) -> &'r Reply {
    let Reply::Tokens(replies) = reply else { return reply };
    let trouble = |of: &&OfToken| match &of.reply {
        Reply::Code { code, .. } => match judge(vendor.codes, code).handling {
            Handling::LockedOut => (3, 0),
            Handling::Breaker => (2, 0),
            _ => (0, 0),
        },
        Reply::Throttled(time) => (1, time.as_millis()),
        Reply::Unasked { .. } | Reply::Forgotten(_) | Reply::Undecided(_) => (0, 0),
        Reply::NotSent(_) | Reply::NoAnswer(_) | Reply::Tokens(_) => (3, 0),
    };
    let was_asked = |of: &&OfToken| !matches!(of.reply, Reply::Unasked { .. });
    let mut sorted: Vec<&OfToken> = replies.iter().filter(was_asked).collect();
    sorted.sort_by_key(trouble);
    sorted.get(sorted.len() / 2).or(replies.first().as_ref()).map_or(reply, |of| &of.reply)
}
