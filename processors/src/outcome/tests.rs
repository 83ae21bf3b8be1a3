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
    let reference = Reference::new(Seed { vendors: vec![vendor("first", 1), text], ..seed() }).unwrap();
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
        reached: false,
        routed_at: NOON,
        accepted,
    }
}

/// What the sender of a step says after this code.
pub(super) fn answered(accepted: Accepted, code: &str, receipts: bool) -> StepResult {
    let vendor = Vendor { receipts, ..vendor("first", 1) };
    let dispatch = dispatch_of(accepted);
    let reply = Reply::Code { code: code.into(), text: String::new() };
    let plan = at_desk(NOON, |desk| {
        let desk = retry::Desk { rules: desk.rules, paces: &Paces::default(), down: &|_| false, now_ms: NOON };
        retry::plan(&reply, &dispatch, &vendor, &desk)
    });
    news::of_sender(dispatch, plan, Some(NOON), NOON).result.unwrap()
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
fn an_undeliverable_one_goes_on_as_a_text() {
    let folded = folded(None, final_("3018"));
    assert!(folded.reports.is_empty(), "the message has not ended");
    assert_eq!((folded.history.len(), folded.history[0].last_step), (1, false));
    let next = folded.next.unwrap();
    assert_eq!((next.channel, next.message_type, next.step), (Channel::Mt, MessageType::Sms, 1));
    assert_eq!(next.requested_channel, Channel::At);
    assert_eq!(next.content.message.as_deref(), Some("주문이 접수되었습니다"));
    assert_eq!(next.content.callback.as_deref(), Some("0215881588"));
    assert_eq!((next.fallback.len(), next.trail.len()), (1, 1));
    assert_eq!((next.trail[0].code.as_str(), next.trail[0].channel), ("3018", Channel::At));
}

#[test]
fn the_last_step_of_the_plan_reports_every_step() {
    let first = folded(None, final_("3018")).next.unwrap();
    let second = folded(None, answered(*first, "3018", false)).next.unwrap();
    assert_eq!((second.channel, second.step, second.fallback.len()), (Channel::Em, 2, 0));
    let last = folded(None, answered(*second, "3018", false));
    assert_eq!(ended(&last), (State::Failed, "3018"));
    let steps: Vec<_> = last.reports[0].steps.iter().map(|step| (step.step, step.channel)).collect();
    assert_eq!(steps, [(0, Channel::At), (1, Channel::Mt), (2, Channel::Em)]);
    assert_eq!(last.reports[0].channel, Channel::At, "reports go to the requested channel");
}

#[test]
fn only_a_failure_that_its_code_lets_go_on_goes_on() {
    assert_eq!(ended(&folded(None, final_("3008"))), (State::Failed, "3008"));
    assert_eq!(ended(&folded(None, final_("3005"))), (State::Uncertain, "3005"), "a text might be the second one");
    assert_eq!(ended(&fold_at(None, final_("3018"), NOON + 48 * HOUR)), (State::Failed, "3018"), "expired by now");
    let unplanned = Accepted { fallback: Vec::new(), ..planned() };
    assert_eq!(ended(&folded(None, answered(unplanned, "3018", false))), (State::Failed, "3018"));
}

#[test]
fn a_step_that_says_nothing_readable_ends_the_plan() {
    let mut accepted = planned();
    accepted.fallback[0].channel = "FAX".into();
    assert_eq!(ended(&folded(None, answered(accepted, "3018", false))), (State::Failed, "3018"));
}

#[test]
fn a_text_without_a_type_is_an_sms_up_to_90_bytes_and_never_cut() {
    for (text, expected) in [
        ("가".repeat(45), MessageType::Sms),
        ("가".repeat(45) + "a", MessageType::Lms),
        ("a".repeat(90), MessageType::Sms),
        ("a".repeat(91), MessageType::Lms),
    ] {
        let mut accepted = planned();
        accepted.content.message = Some(text.clone());
        let next = folded(None, answered(accepted, "3018", false)).next.unwrap();
        assert_eq!((next.message_type, next.content.message), (expected, Some(text)));
    }
}

#[test]
fn what_the_next_step_names_replaces_what_the_step_before_had() {
    let mut accepted = planned();
    accepted.content.template_code = Some("T1".into());
    accepted.content.header = Some("header".into());
    accepted.fallback[0] = FallbackStep {
        channel: "MT".into(),
        message_type: Some("LMS".into()),
        message: Some("own".into()),
        title: Some("title".into()),
        ..FallbackStep::default()
    };
    let content = folded(None, answered(accepted, "3018", false)).next.unwrap().content;
    assert_eq!((content.message.as_deref(), content.title.as_deref()), (Some("own"), Some("title")));
    assert_eq!((content.template_code, content.header), (None, None));
}

#[test]
fn an_ad_does_not_fall_over_by_night_nor_where_its_sender_was_blocked() {
    let ad = || Accepted { ad: true, channel: Channel::Ft, ..planned() };
    assert!(fold_at(None, answered(ad(), "3018", false), NOON).next.is_some());
    assert_eq!(ended(&fold_at(None, answered(ad(), "3018", false), NOON + 10 * HOUR)), (State::Failed, "3018"));
    assert_eq!(ended(&fold_at(None, answered(ad(), "3020", false), NOON)), (State::Failed, "3020"));
    assert!(fold_at(None, final_("3020"), NOON).next.is_some(), "information goes on");
}

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

/// What is told of replayed news; none of it is an end.
fn told_late(folded: &Folded) -> Vec<State> {
    assert!(folded.reports.iter().all(|report| report.kind == ReportKind::Late && !report.terminal), "{folded:?}");
    folded.reports.iter().map(|report| report.state).collect()
}

#[test]
fn whatever_becomes_of_a_step_that_was_replayed_is_late() {
    let again = |news| news::revived(news).unwrap();
    let end = folded(None, again(answered(planned(), "0000", false)));
    assert_eq!((told_late(&end), end.history.len(), end.history[0].last_step), (vec![State::Delivered], 1, true));
    let sent = folded(None, again(sent()));
    assert_eq!(told_late(&sent), [State::Sent]);
    assert_eq!(told_late(&folded(Some(opened(&sent)), receipt(0, "0000"))), [State::Delivered]);
    let due = opened(&sent).due_at;
    assert_eq!(told_late(&fold_at(Some(opened(&sent)), sent.delayed[0].result.clone(), due)), [State::Uncertain]);
    let waits = folded(None, again(scheduled(planned(), NOON + HOUR)));
    assert_eq!(told_late(&waits), [State::Scheduled]);
    assert_eq!(told_late(&folded(Some(opened(&waits)), cancel())), [State::Cancelled]);
    assert!(folded(Some(opened(&waits)), waits.delayed[0].result.clone()).next.unwrap().revived);
    let follows = folded(None, again(final_("3018")));
    assert_eq!((told_late(&follows), follows.next.unwrap().revived), (vec![], true));
}

#[test]
fn the_end_of_a_message_of_which_nothing_is_known_says_nothing_new_when_it_is_replayed() {
    assert_eq!(news::revived(news::of_unreadable(&track_id(7).to_string(), NOON)), None);
    assert_eq!(news::revived(receipt(0, "0000")), Some(receipt(0, "0000")));
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

#[test]
fn an_attempt_is_only_logged() {
    let mut dispatch = dispatch_of(planned());
    dispatch.in_doubt = true;
    let plan = at_desk(NOON, |desk| {
        let desk = retry::Desk { rules: desk.rules, paces: &Paces::default(), down: &|_| false, now_ms: NOON };
        retry::plan(&Reply::NoAnswer(String::new()), &dispatch, &vendor("first", 1), &desk)
    });
    let settled = news::of_sender(dispatch, plan, Some(NOON), NOON);
    let (due_ms, again) = settled.again.unwrap();
    assert!(due_ms > NOON && again.in_doubt && again.attempt == 2);
    let folded = folded(None, settled.result.unwrap());
    assert_eq!((folded.logs[0].event, folded.logs[0].ambiguous), (LogEvent::Attempt, true));
    assert_eq!(Folded { logs: Vec::new(), ..folded }, Folded::default());
}

#[test]
fn what_cannot_be_read_still_ends_with_what_is_known() {
    let id = track_id(7).to_string();
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
