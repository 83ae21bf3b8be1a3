//! Ads of a customer that keeps its consents here.

use super::stage::{Stage, known, perfect};
use connectors::reference::DEMO;
use processors::korea::begins_ms;
use schemas::{FallbackStep, Lane, State, examples, examples::seed};
use std::{collections::BTreeSet, sync::atomic::Ordering, time::Duration};

/// 01012345678 agreed to ads, 01011112222 to those by night too, 01033334444 took text back.
const CONSENTS: &str = r#"
[[consents]]
username = "hanbit-shop"
recipient = "821012345678"
kind = "ad"
consented_at = "2024-03-11T00:00:00Z"
[[consents]]
username = "hanbit-shop"
recipient = "821011112222"
kind = "ad"
consented_at = "2024-03-11T00:00:00Z"
[[consents]]
username = "hanbit-shop"
recipient = "821011112222"
kind = "night"
channel = "MT"
consented_at = "2024-03-11T00:00:00Z"
[[consents]]
username = "hanbit-shop"
recipient = "821033334444"
kind = "ad"
consented_at = "2024-03-11T00:00:00Z"
[[consents]]
username = "hanbit-shop"
recipient = "821033334444"
kind = "ad"
channel = "MT"
consented_at = "2024-03-11T00:00:00Z"
withdrawn_at = "2025-03-11T00:00:00Z"
"#;

fn stage(by_consent: bool, now_ms: i64) -> Stage {
    let named = "username = \"hanbit-shop\"\n";
    let rule = format!("{named}ads_by_consent = {by_consent}\n");
    let text = format!("{}{CONSENTS}", DEMO.replacen(named, &rule, 1));
    Stage::knowing(known(&text), now_ms, perfect())
}

fn ad(stage: &mut Stage, id: &str, number: &str, night_agreed: bool) {
    stage.send("lms_ad", |request| {
        (request.message_id, request.phone_number) = (id.into(), Some(number.into()));
        request.night_agreed = Some(if night_agreed { "Y" } else { "N" }.into());
    });
}

fn refusals(stage: &Stage) -> Vec<(String, String, String)> {
    let refused = stage.reports().into_iter().filter(|report| report.state == State::Rejected);
    refused.map(|report| (report.message_id, report.code, report.message)).collect()
}

#[test]
fn ads_go_to_those_alone_who_agreed_and_a_refusal_names_the_law() {
    let mut stage = stage(true, seed::NOW_MS);
    for (id, number) in [("agreed", "01012345678"), ("never said", "01055556666"), ("took back", "01033334444")] {
        ad(&mut stage, id, number, false);
    }
    stage.send("sms", |_| {});
    stage.send("ft", |request| {
        (request.message_id, request.phone_number) = ("of talk".into(), Some("01033334444".into()))
    });
    stage.send("ft", |request| {
        let step = FallbackStep {
            channel: "MT".into(),
            message_type: Some("LMS".into()),
            callback: Some(seed::SENDER_NUMBERS[0].into()),
            message: examples::request("lms_ad").message,
            ..FallbackStep::default()
        };
        (request.message_id, request.phone_number) = ("or text".into(), Some("01033334444".into()));
        request.fallback = vec![step];
    });
    stage.settle();
    stage.advance(Duration::from_secs(10));
    let refused = refusals(&stage);
    let ids: BTreeSet<&str> = refused.iter().map(|(id, ..)| id.as_str()).collect();
    assert_eq!(ids, BTreeSet::from(["never said", "or text", "took back"]));
    let law = "no consent of this recipient to the ads of hanbit-shop on MT is kept here (정보통신망법 제50조 ①)";
    for (id, code, reason) in &refused {
        assert!(code == "2070" && reason.ends_with(law), "{id}: {code} {reason}");
    }
    let left = stage.ends();
    assert!(left.contains_key("agreed"));
    assert!(left.contains_key("of talk"), "text alone was taken back");
    assert_eq!(stage.balance().accepted, 3, "what is no ad needs no consent");
}

#[test]
fn who_keeps_consents_elsewhere_is_not_held_to_those_here() {
    let mut stage = stage(false, seed::NOW_MS);
    ad(&mut stage, "never said", "01055556666", false);
    stage.settle();
    stage.advance(Duration::from_secs(10));
    assert!(stage.ends().contains_key("never said"));
}

#[test]
fn without_consent_to_the_night_an_ad_is_held_whatever_its_request_says() {
    let evening = begins_ms("2026-12-31".parse().unwrap()) + 22 * 3_600_000;
    let mut stage = stage(true, evening);
    ad(&mut stage, "to ads", "01012345678", true);
    ad(&mut stage, "to the night", "01011112222", true);
    ad(&mut stage, "not said", "01011112222", false);
    stage.settle();
    stage.advance(Duration::from_secs(10));
    assert_eq!(stage.ends().keys().collect::<Vec<_>>(), ["to the night"]);
    stage.advance_by_minutes(Duration::from_secs(10 * 3600));
    assert_eq!(stage.ends().len(), 3);
    let eight = begins_ms("2027-01-01".parse().unwrap()) + 8 * 3_600_000;
    assert!(["to ads", "not said"].iter().all(|id| stage.end(id).sent_at.unwrap() >= eight));
}

#[test]
fn while_nobody_knows_who_agreed_bulk_waits_and_no_other_lane_stops() {
    let mut stage = stage(true, seed::NOW_MS);
    stage.opt_outs_away.store(true, Ordering::SeqCst);
    let mut ad = examples::request("lms_ad");
    ad.phone_number = Some("01012345678".into());
    for (lane, id) in [(Lane::Ad, "waits"), (Lane::Realtime, "refused")] {
        ad.message_id = id.into();
        stage.send_over(lane, &ad);
    }
    stage.settle();
    stage.advance(Duration::from_secs(31));
    assert!(stage.ends().is_empty());
    assert_eq!(refusals(&stage)[0].1, "9998");
    stage.opt_outs_away.store(false, Ordering::SeqCst);
    stage.advance(Duration::from_secs(10));
    assert_eq!(stage.ends().keys().collect::<Vec<_>>(), ["waits"]);
}
