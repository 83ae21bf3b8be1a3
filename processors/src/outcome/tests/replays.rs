//! Steps that were replayed.

use super::*;

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
