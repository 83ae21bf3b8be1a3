//! What was sent, and the receipt that it waits for: in time, early, late, or never.

use super::*;

#[test]
fn what_the_vendor_accepted_is_sent_and_waits_for_its_receipt() {
    let folded = folded(None, sent());
    let open = opened(&folded);
    assert_eq!((open.phase, open.due_at), (OpenPhase::Sent, NOON + 25 * HOUR));
    assert_eq!((folded.reports[0].state, folded.reports[0].terminal), (State::Sent, false));
    assert!(folded.history.is_empty());
    let deadline = &folded.delayed[0];
    assert_eq!((deadline.due_ms, deadline.result.kind), (open.due_at, ResultKind::Deadline));
}

#[test]
fn a_receipt_ends_what_was_sent() {
    let open = folded(None, sent());
    let end = folded(Some(opened(&open)), receipt(0, "0000"));
    assert_eq!(ended(&end), (State::Delivered, "0000"));
    assert_eq!((end.history[0].attempts, end.history[0].sent_at), (1, Some(NOON)), "as its SENT said");
    let failed = folded(Some(opened(&open)), receipt(0, "3018"));
    assert_eq!(failed.next.map(|next| next.channel), Some(Channel::Mt));
}

#[test]
fn a_report_of_an_outage_lets_the_next_step_follow_because_nobody_repeats_it() {
    let open = folded(None, sent());
    for code in ["2001", "3000", "9998", "9999"] {
        let next = folded(Some(opened(&open)), receipt(0, code)).next;
        assert_eq!(next.map(|next| next.channel), Some(Channel::Mt), "{code}");
    }
    assert_eq!(ended(&folded(Some(opened(&open)), receipt(0, "3008"))), (State::Failed, "3008"), "refused for good");
}

#[test]
fn a_report_with_a_code_that_nobody_knows_ends_with_the_vendors_words() {
    let open = folded(None, sent());
    let end = folded(Some(opened(&open)), receipt(0, "7777"));
    assert_eq!(ended(&end), (State::Failed, "5050"));
    let report = &end.reports[0];
    assert_eq!((report.origin, &*report.message, &*report.vendor_code), (schemas::Origin::Ims, "words", "7777"));
}

#[test]
fn a_receipt_that_overtakes_its_sent_wins_as_soon_as_that_comes() {
    let early = folded(None, receipt(0, "0000"));
    let open = opened(&early);
    assert_eq!((open.phase, open.due_at), (OpenPhase::Early, NOON + EARLY));
    assert!(early.reports.is_empty());
    assert_eq!(ended(&folded(Some(open), sent())), (State::Delivered, "0000"));
    nothing(&folded(Some(open), receipt(0, "3018")));
}

#[test]
fn a_receipt_that_nothing_follows_is_late_and_changes_nothing() {
    let early = folded(None, receipt(0, "0000"));
    let late = fold_at(Some(opened(&early)), early.delayed[0].result.clone(), NOON + EARLY);
    assert_eq!(late.open, Open::Remove);
    let report = &late.reports[0];
    assert_eq!((report.kind, report.terminal, report.state), (ReportKind::Late, false, State::Delivered));
    assert_eq!(report.channel, Channel::At, "the vendor's");
    assert_eq!((late.logs[0].event, late.history.len()), (LogEvent::Late, 0));
}

#[test]
fn a_late_receipt_of_an_earlier_step_touches_neither_the_open_step_nor_its_receipt() {
    let second = folded(None, final_("3018")).next.unwrap();
    let open = folded(None, answered(*second.clone(), "0000", true));
    let late = folded(Some(opened(&open)), receipt(0, "0000"));
    assert_eq!((late.open, late.reports[0].kind), (Open::Keep, ReportKind::Late));
    assert_eq!(late.reports[0].username, "shop");
    // Kept early, it gives way to the receipt of the step that is on its way.
    let early = folded(None, receipt(0, "0000"));
    let newer = folded(Some(opened(&early)), receipt(1, "3018"));
    assert_eq!((newer.reports[0].kind, opened(&newer).last.step), (ReportKind::Late, 1));
    let older = folded(Some(opened(&newer)), receipt(0, "0000"));
    assert_eq!((older.open, older.reports[0].kind), (Open::Keep, ReportKind::Late));
}

#[test]
fn a_receipt_says_more_than_a_sender_that_does_not_know() {
    let early = folded(None, receipt(0, "0000"));
    for unsure in [final_("3005"), final_("3018")] {
        assert_eq!(ended(&folded(Some(opened(&early)), unsure)), (State::Delivered, "0000"));
    }
    let early = folded(None, receipt(0, "3018"));
    let end = folded(Some(opened(&early)), final_("0000"));
    assert_eq!(ended(&end), (State::Delivered, "0000"), "the sender's answer stands");
    assert_eq!(end.reports[1].kind, ReportKind::Late);
    assert!(folded(Some(opened(&early)), final_("3005")).next.is_some(), "undelivered for sure: the plan goes on");
}

#[test]
fn a_receipt_that_never_comes_leaves_the_message_uncertain() {
    let open = folded(None, sent());
    let deadline = open.delayed[0].result.clone();
    let end = fold_at(Some(opened(&open)), deadline.clone(), NOON + 25 * HOUR);
    assert_eq!(ended(&end), (State::Uncertain, "5030"));
    assert_eq!(end.reports[0].vendor, "first");
    nothing(&fold_at(None, deadline.clone(), NOON + 25 * HOUR));
    let other = OpenStep { due_at: NOON + 26 * HOUR, ..opened(&open).clone() };
    nothing(&fold_at(Some(&other), deadline, NOON + 25 * HOUR));
}
