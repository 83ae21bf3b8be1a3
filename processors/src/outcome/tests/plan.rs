//! Steps that follow an undeliverable one.

use super::*;

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
fn an_ad_falls_over_by_night_to_be_held_and_not_where_its_sender_was_blocked() {
    let ad = || Accepted { ad: true, channel: Channel::Ft, ..planned() };
    assert!(fold_at(None, answered(ad(), "3018", false), NOON).next.is_some());
    // 23:00: the router finds the night, and knows what its customer wants then.
    let next = fold_at(None, answered(ad(), "3018", false), LATE).next.unwrap();
    assert_eq!((next.channel, next.ad, next.released, next.trail.len()), (Channel::Mt, true, false, 1));
    assert_eq!(ended(&fold_at(None, answered(ad(), "3020", false), NOON)), (State::Failed, "3020"));
    assert!(fold_at(None, final_("3020"), NOON).next.is_some(), "information goes on");
}
