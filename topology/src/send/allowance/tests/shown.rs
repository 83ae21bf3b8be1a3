//! What the gauges of a vendor say.

use super::*;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// Breaker, locked out, unreached, in flight.
fn gauges(page: &PrometheusHandle) -> [String; 4] {
    let page = page.render();
    [names::BREAKER, names::LOCKED_OUT, names::UNREACHED, names::IN_FLIGHT].map(|name| {
        let shown = page.lines().find_map(|line| line.strip_prefix(&format!("{name}{{vendor=\"kt\"}} ")));
        shown.unwrap_or("none").to_owned()
    })
}

fn stopped(page: &PrometheusHandle) -> Option<String> {
    let line = format!("{}{{vendor=\"kt\",kind=\"number\"}} ", names::STOPPED);
    page.render().lines().find_map(|shown| shown.strip_prefix(&line)).map(str::to_owned)
}

#[test]
fn a_vendor_is_in_no_trouble_in_a_process_that_owns_nothing_of_it_and_is_again_with_the_next_partition() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let page = recorder.handle();
    metrics::with_local_recorder(&recorder, || {
        let (clock, allowance) = setup();
        let vendor = vendor(&["SMS", "LMS"], 100_000, 100);
        let (sms, lms) = (Topic::send(Family::Sms, Lane::Mass), Topic::send(Family::Lms, Lane::Mass));
        [sms, lms].iter().for_each(|topic| allowance.own(*topic, Lane::Mass, 1, 1));
        allowance.know(&vendor);
        clock.to(1_000);
        let mut slots = take(&allowance, &vendor, Lane::Mass, 22);
        let (late, later) = (slots.pop().unwrap(), slots.pop().unwrap());
        slots.into_iter().for_each(|slot| slot.ended(Word::NotSent("connection refused"), 1));
        assert_eq!(gauges(&page), ["2", "0", "1", "2"]);

        allowance.disown(sms);
        assert_eq!(gauges(&page), ["2", "0", "1", "2"], "it still sends the other family");
        allowance.disown(lms);
        assert_eq!(gauges(&page), ["0", "0", "0", "2"], "what is in flight is");
        late.ended(Word::LockedOut("A401", "no such key"), 1);
        assert_eq!(gauges(&page), ["0", "0", "0", "1"]);
        later.ended(Word::NotSent("connection refused"), 1);
        assert_eq!(gauges(&page), ["0", "0", "0", "0"]);

        allowance.own(sms, Lane::Mass, 1, 1);
        assert_eq!(gauges(&page), ["2", "1", "0", "0"], "nobody has heard that it is over: it refuses the key");
    });
}

#[test]
fn what_a_vendor_refuses_is_counted_where_something_is_sent_to_it() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let page = recorder.handle();
    metrics::with_local_recorder(&recorder, || {
        let (_, allowance) = setup();
        let vendor = vendor(&["SMS"], 1_000, 100);
        let topic = Topic::send(Family::Sms, Lane::Mass);
        allowance.own(topic, Lane::Mass, 1, 1);
        allowance.know(&vendor);
        let mut dispatch = schemas::examples::dispatch();
        dispatch.accepted.channel = schemas::Channel::Mt;
        let refused = |dispatch: &mut schemas::Dispatch, number: &str| {
            dispatch.accepted.content.callback = Some(number.into());
            allowance.answered(&vendor, dispatch, 0, "3019", "number");
        };
        refused(&mut dispatch, "0215880000");
        assert_eq!(stopped(&page).as_deref(), Some("1"));
        allowance.disown(topic);
        assert_eq!(stopped(&page).as_deref(), Some("0"));
        refused(&mut dispatch, "0215880001");
        assert_eq!(stopped(&page).as_deref(), Some("0"), "an answer that comes late");
        allowance.own(topic, Lane::Mass, 1, 1);
        assert_eq!((stopped(&page).as_deref(), allowance.stopped().len()), (Some("2"), 2));
    });
}
