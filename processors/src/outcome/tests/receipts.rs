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
}

/// State and code of what is told beside everything else.
fn late(folded: &Folded) -> Vec<(State, &str)> {
    assert!(folded.reports.iter().all(|report| report.kind == ReportKind::Late && !report.terminal), "{folded:?}");
    folded.reports.iter().map(|report| (report.state, &*report.code)).collect()
}

#[test]
fn of_two_reports_that_contradict_each_other_the_one_that_knows_more_is_kept_and_both_are_told() {
    let later = NOON + 5 * 60 * SECOND;
    for (first, second) in [("3005", "0000"), ("3018", "0000"), ("3005", "3018"), ("3022", "0000")] {
        let early = folded(None, receipt(0, first));
        let other = fold_at(Some(opened(&early)), receipt(0, second), later);
        assert_eq!(late(&other).len(), 1, "{first} {second}");
        assert_eq!(late(&other)[0].1, first);
        assert_eq!((&*opened(&other).last.code, opened(&other).due_at), (second, NOON + EARLY));
        assert!(other.delayed.is_empty(), "its time ends as it would have");
        let end = fold_at(Some(opened(&other)), early.delayed[0].result.clone(), NOON + EARLY);
        assert_eq!((late(&end)[0].1, &end.open), (second, &Open::Remove));
        // The other way round nothing new is known.
        let early = folded(None, receipt(0, second));
        let other = fold_at(Some(opened(&early)), receipt(0, first), later);
        assert_eq!((late(&other)[0].1, &other.open), (first, &Open::Keep), "{second} {first}");
    }
    let early = folded(None, receipt(0, "0000"));
    nothing(&fold_at(Some(opened(&early)), receipt(0, "0000"), later));
    // Of two that do not know the first stays, however often they come.
    let early = folded(None, receipt(0, "3005"));
    let other = StepResult { code: "5030".into(), ..receipt(0, "3005") };
    let other = fold_at(Some(opened(&early)), other, later);
    assert_eq!((late(&other), &other.open), (vec![(State::Uncertain, "5030")], &Open::Keep));
}

#[test]
fn the_report_of_a_step_in_doubt_decides_however_long_the_doubt_lasts() {
    let doubt = folded(None, timed_out(planned()));
    let until = NOON + 48 * HOUR + EARLY;
    assert_eq!((opened(&doubt).phase, opened(&doubt).due_at), (OpenPhase::Early, until));
    assert_eq!((doubt.logs[0].event, doubt.reports.len()), (LogEvent::Attempt, 0));
    let again = folded(Some(opened(&doubt)), timed_out(planned()));
    assert_eq!((again.open, again.delayed.len()), (Open::Keep, 0), "a second one says nothing new");
    // The vendor's report comes at once, and twenty minutes later the repeat: it has it already.
    let came = fold_at(Some(opened(&doubt)), receipt(0, "3018"), NOON + SECOND);
    assert_eq!((opened(&came).due_at, came.reports.len(), came.delayed.len()), (until, 0, 0));
    let repeated = NOON + 20 * 60 * SECOND;
    let next = fold_at(Some(opened(&came)), sent(), repeated).next;
    assert_eq!(next.map(|next| next.channel), Some(Channel::Mt), "its plan goes on");
    let came = fold_at(Some(opened(&doubt)), receipt(0, "3005"), NOON + SECOND);
    let came = fold_at(Some(opened(&came)), receipt(0, "0000"), NOON + 2 * SECOND);
    assert_eq!(ended(&fold_at(Some(opened(&came)), final_("3005"), repeated)), (State::Delivered, "0000"));
    assert_eq!(ended(&fold_at(Some(opened(&doubt)), final_("3008"), repeated)).0, State::Failed, "or none comes");
}

#[test]
fn a_report_that_was_there_before_the_doubt_waits_as_long() {
    let early = folded(None, receipt(0, "3018"));
    let doubt = folded(Some(opened(&early)), timed_out(planned()));
    assert_eq!((doubt.reports.len(), opened(&doubt).due_at), (0, NOON + 48 * HOUR + EARLY));
    nothing(&fold_at(Some(opened(&doubt)), early.delayed[0].result.clone(), NOON + EARLY));
    let next = fold_at(Some(opened(&doubt)), sent(), NOON + HOUR).next;
    assert_eq!(next.map(|next| next.channel), Some(Channel::Mt));
    // One that nothing follows is told with the message that it belongs to.
    let gone = fold_at(Some(opened(&doubt)), doubt.delayed[0].result.clone(), NOON + 48 * HOUR + EARLY);
    assert_eq!((late(&gone), &gone.open), (vec![(State::Failed, "3018")], &Open::Remove));
    assert_eq!((&*gone.reports[0].username, &*gone.reports[0].message_id), ("shop", "order-1"));
    let doubt = folded(None, timed_out(planned()));
    let gone = fold_at(Some(opened(&doubt)), doubt.delayed[0].result.clone(), NOON + 48 * HOUR + EARLY);
    assert_eq!(gone, Folded { open: Open::Remove, ..Folded::default() }, "and no report is none");
}

#[test]
fn a_step_in_doubt_leaves_reports_of_other_steps_and_a_cancel_as_they_are() {
    let asked = folded(Some(opened(&folded(None, cancel()))), timed_out(planned()));
    assert!(opened(&asked).cancel_asked);
    let came = folded(Some(opened(&asked)), receipt(0, "3018"));
    assert_eq!(ended(&folded(Some(opened(&came)), sent())), (State::Failed, "3018"), "nothing follows a cancel");
    let second = folded(None, final_("3018")).next.unwrap();
    let early = folded(None, receipt(0, "0000"));
    let doubt = folded(Some(opened(&early)), timed_out(*second));
    assert_eq!((late(&doubt), opened(&doubt).last.step), (vec![(State::Delivered, "0000")], 1));
    let older = folded(Some(opened(&doubt)), receipt(0, "3005"));
    assert_eq!((late(&older), &older.open), (vec![(State::Uncertain, "3005")], &Open::Keep));
    assert_eq!(
        folded(Some(opened(&doubt)), timed_out(planned())).open,
        Open::Keep,
        "an attempt of a step that is over"
    );
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
