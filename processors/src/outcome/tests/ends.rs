//! How messages end without a receipt, and what is no end.

use super::*;

#[test]
fn a_delivered_step_ends_its_message_without_state() {
    let folded = folded(None, final_("0000"));
    assert_eq!(ended(&folded), (State::Delivered, "0000"));
    let report = &folded.reports[0];
    assert_eq!((report.channel, report.kind, report.steps.len()), (Channel::At, ReportKind::State, 1));
    assert_eq!((report.username.as_str(), report.message_id.as_str()), ("shop", "order-1"));
    let row = &folded.history[0];
    assert_eq!((row.attempts, row.sent_at, row.distribution_at), (1, Some(NOON), Some(NOON)));
    assert_eq!(folded.logs[0].event, LogEvent::Step);
}

#[test]
fn an_attempt_is_only_logged() {
    let settled = settled(dispatch_of(planned()), &Reply::Code { code: "9998".into(), text: String::new() }, true);
    let (due_ms, again) = settled.again.unwrap();
    assert!(due_ms > NOON && !again.in_doubt && again.attempt == 2);
    let folded = folded(None, settled.result.unwrap());
    assert_eq!((folded.logs[0].event, folded.logs[0].ambiguous), (LogEvent::Attempt, false));
    assert_eq!(Folded { logs: Vec::new(), ..folded }, Folded::default());
}

#[test]
fn of_an_attempt_in_doubt_nothing_is_kept_where_its_vendor_reports_nothing() {
    let mut doubt = timed_out(planned());
    doubt.dispatch.as_mut().unwrap().vendor = "relay".into();
    let folded = folded(None, doubt);
    assert_eq!((folded.logs[0].event, folded.logs[0].ambiguous), (LogEvent::Attempt, true));
    assert_eq!(Folded { logs: Vec::new(), ..folded }, Folded::default());
}

#[test]
fn what_cannot_be_read_still_ends_with_what_is_known() {
    let id = track_id(7).to_string();
    let doubt = folded(None, timed_out(planned()));
    let known = folded(Some(opened(&doubt)), news::of_unreadable(&planned().track_id, NOON));
    assert_eq!((ended(&known), &*known.reports[0].username), ((State::Failed, "9999"), "shop"), "a doubt left it");
    let end = folded(None, news::of_unreadable(&id, NOON));
    assert_eq!(end.open, Open::Remove);
    let report = &end.reports[0];
    assert_eq!((report.terminal, report.state, report.code.as_str()), (true, State::Failed, "9999"));
    assert_eq!((report.track_id.as_str(), report.channel), (id.as_str(), Channel::Em), "the desk's channel");
    assert!(end.history.is_empty());
}

#[test]
fn the_routers_end_has_no_serial_number_and_may_go_on() {
    let routed = Routed::End {
        priority: Lane::Realtime,
        state: State::Failed,
        code: crate::codes::OutcomeCode::NoVendor,
        fallback_allowed: true,
    };
    let goes_on = folded(None, news::of_router(planned(), &routed, NOON).unwrap());
    assert_eq!(goes_on.next.unwrap().trail[0].code, "5040");
    assert_eq!((goes_on.history[0].serial_number.as_str(), goes_on.history[0].attempts), ("", 0));
}

#[test]
fn a_final_that_names_no_end_closes_the_account_as_failed() {
    let wrong = StepResult { state: State::Scheduled, ..final_("3008") };
    assert_eq!(ended(&folded(None, wrong)), (State::Failed, "3008"));
}

#[test]
fn news_that_nothing_can_be_decided_about_end_what_they_would_have_ended_and_nothing_else() {
    let until = NOON + 60 * SECOND;
    let waits = opened(&folded(None, scheduled(planned(), until))).clone();
    let sent_news = sent();
    let with_vendor = opened(&folded(None, sent_news.clone())).clone();
    let of = |news: &StepResult, open: Option<&OpenStep>| {
        news::of_undecided(news, open, NOON + SECOND).map(|end| (end.kind, end.state, end.due_at))
    };
    let end = Some((ResultKind::Final, State::Failed, None));
    let attempt = StepResult { kind: ResultKind::Attempt, ..final_("3018") };
    let wake = |kind, due_at| StepResult { kind, due_at: Some(due_at), ..sent_news.clone() };
    let wakes = |due_at| Some((ResultKind::Final, State::Failed, Some(due_at)));
    for (news, open, ends) in [
        (&final_("3008"), None, end),
        (&sent_news, None, end),
        (&scheduled(planned(), until), None, end),
        // It goes on to its end, or has had it.
        (&attempt, None, None),
        (&attempt, Some(&with_vendor), None),
        (&receipt(0, "0000"), None, None),
        (&receipt(0, "0000"), Some(&waits), None),
        (&receipt(1, "0000"), Some(&with_vendor), None),
        (&receipt(0, "0000"), Some(&with_vendor), end),
        (&cancel(), None, None),
        (&cancel(), Some(&with_vendor), None),
        (&cancel(), Some(&waits), end),
        // Of what waits until then, and of nothing that does not.
        (&wake(ResultKind::Due, until), Some(&waits), wakes(until)),
        (&wake(ResultKind::Deadline, until), None, wakes(until)),
        (&wake(ResultKind::Final, until), None, wakes(until)),
    ] {
        assert_eq!(of(news, open), ends, "{news:?}, open: {open:?}");
    }
}

#[test]
fn what_still_waits_ends_when_that_which_would_wake_it_cannot_be_read() {
    let lost = |due_at| news::of_unreadable_wait(&track_id(7).to_string(), due_at, NOON + SECOND);
    let until = NOON + 60 * SECOND;
    let waits = opened(&folded(None, scheduled(planned(), until))).clone();
    assert_eq!(ended(&folded(Some(&waits), lost(until))), (State::Failed, "9999"));
    // It would have told of the end of a receipt's time: nobody knows how it ended.
    let sent = opened(&folded(None, sent())).clone();
    assert_eq!(ended(&folded(Some(&sent), lost(sent.due_at))), (State::Uncertain, "5030"));
    // A cancel that came early is only forgotten.
    let early = opened(&folded(None, cancel())).clone();
    assert_eq!(folded(Some(&early), lost(early.due_at)), Folded { open: Open::Remove, ..Folded::default() });
    for (open, due_at) in [(&waits, sent.due_at), (&sent, until)] {
        nothing(&folded(Some(open), lost(due_at)));
    }
    nothing(&folded(None, lost(until)));
}
