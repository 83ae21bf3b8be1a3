//! What waits for its time or for the morning, and what is cancelled.

use super::*;

#[test]
fn what_is_scheduled_waits_and_goes_back_to_the_router_when_due() {
    let due_at = NOON + HOUR;
    let waits = folded(None, scheduled(planned(), due_at));
    let open = opened(&waits);
    assert_eq!((open.phase, open.due_at), (OpenPhase::Scheduled, due_at));
    assert_eq!((waits.reports[0].state, waits.reports[0].terminal), (State::Scheduled, false));
    let due = waits.delayed[0].result.clone();
    assert_eq!((waits.delayed[0].due_ms, due.kind), (due_at, ResultKind::Due));
    let goes = fold_at(Some(open), due.clone(), due_at);
    assert_eq!(goes.open, Open::Remove);
    assert_eq!(*goes.next.unwrap(), Accepted { released: true, ..planned() });
    assert!(goes.reports.is_empty() && goes.history.is_empty());
    nothing(&fold_at(None, due.clone(), due_at));
    let waits_again = OpenStep { due_at: due_at + HOUR, ..open.clone() };
    nothing(&fold_at(Some(&waits_again), due, due_at));
}

#[test]
fn what_a_sender_holds_for_the_night_comes_back_too() {
    let held = answered(Accepted { ad: true, channel: Channel::Ft, ..planned() }, "3022", false);
    let waits = folded(None, held);
    assert_eq!((opened(&waits).phase, waits.reports[0].state), (OpenPhase::Held, State::Held));
    let goes = fold_at(Some(opened(&waits)), waits.delayed[0].result.clone(), MORNING);
    assert!(goes.next.unwrap().released);
}

/// An ad that the vendor took and whose report is awaited.
fn sent_ad(username: &str) -> Folded {
    let ad = Accepted { ad: true, channel: Channel::Ft, username: username.into(), ..planned() };
    folded(None, answered(ad, "0000", true))
}

#[test]
fn what_a_receipt_says_was_too_late_goes_in_the_morning_as_a_step_of_its_own() {
    let open = sent_ad("shop");
    let held = fold_at(Some(opened(&open)), receipt(0, "3022"), LATE);
    let waits = opened(&held);
    assert_eq!((waits.phase, waits.due_at), (OpenPhase::Held, MORNING));
    assert_eq!((held.reports.len(), held.reports[0].state, held.reports[0].terminal), (1, State::Held, false));
    assert_eq!((held.history.len(), held.history[0].last_step, &*held.history[0].code), (1, false, "3022"));
    let goes = fold_at(Some(waits), held.delayed[0].result.clone(), MORNING).next.unwrap();
    assert!(goes.released);
    assert_eq!(
        (goes.step, goes.channel, goes.fallback.len()),
        (1, Channel::Ft, 2),
        "a new serial number, the same plan"
    );
    assert_eq!((goes.trail.len(), goes.trail[0].state), (1, State::Failed));
    let early = fold_at(None, receipt(0, "3022"), LATE);
    let sent = opened(&open).last.clone();
    assert_eq!(opened(&fold_at(Some(opened(&early)), sent, LATE)).phase, OpenPhase::Held, "whatever came first");
}

#[test]
fn what_was_too_late_fails_where_its_customer_says_so_or_cancelled_it() {
    let open = sent_ad("strict");
    assert_eq!(ended(&fold_at(Some(opened(&open)), receipt(0, "3022"), LATE)), (State::Failed, "3022"));
    let open = sent_ad("shop");
    let asked = fold_at(Some(opened(&open)), cancel(), LATE);
    assert_eq!(ended(&fold_at(Some(opened(&asked)), receipt(0, "3022"), LATE)), (State::Failed, "3022"));
    let late = fold_at(None, receipt(0, "3022"), LATE);
    let gone = fold_at(Some(opened(&late)), late.delayed[0].result.clone(), LATE + EARLY);
    assert_eq!(gone.reports[0].state, State::Failed, "nobody holds what nobody knows");
}

#[test]
fn a_cancel_ends_what_waits() {
    let waits = folded(None, scheduled(planned(), NOON + HOUR));
    let end = folded(Some(opened(&waits)), cancel());
    assert_eq!(ended(&end), (State::Cancelled, "5020"));
    assert_eq!(end.history[0].attempts, 0);
    nothing(&fold_at(None, waits.delayed[0].result.clone(), NOON + HOUR));
}

#[test]
fn a_cancel_that_comes_first_ends_the_wait_at_once() {
    let early = folded(None, cancel());
    assert_eq!((opened(&early).phase, opened(&early).cancel_asked), (OpenPhase::Early, true));
    assert!(early.reports.is_empty());
    assert_eq!(ended(&folded(Some(opened(&early)), scheduled(planned(), NOON + HOUR))), (State::Cancelled, "5020"));
    let gone = fold_at(Some(opened(&early)), early.delayed[0].result.clone(), NOON + EARLY);
    assert_eq!(gone, Folded { open: Open::Remove, ..Folded::default() });
}

#[test]
fn a_cancel_does_not_call_back_what_left_but_nothing_follows_it() {
    let early = folded(None, cancel());
    assert_eq!(ended(&folded(Some(opened(&early)), final_("3018"))), (State::Failed, "3018"));
    assert_eq!(ended(&folded(Some(opened(&early)), final_("0000"))), (State::Delivered, "0000"));
    let open = folded(None, sent());
    let asked = folded(Some(opened(&open)), cancel());
    assert_eq!((opened(&asked).phase, asked.reports.len()), (OpenPhase::Sent, 0));
    assert_eq!(ended(&folded(Some(opened(&asked)), receipt(0, "3018"))), (State::Failed, "3018"));
    let sent_after = folded(Some(opened(&early)), sent());
    assert!(opened(&sent_after).cancel_asked);
}
