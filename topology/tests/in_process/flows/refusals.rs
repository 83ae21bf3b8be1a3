//! Ads that wait, and whose recipients refuse them, or take their consent back, meanwhile.

use super::stage::{Stage, perfect};
use connectors::reference::{DEMO, parse};
use processors::{
    korea::begins_ms,
    ports::ReferenceSource,
    reference::{OptOut, Reference, Seed},
};
use schemas::{State, examples::seed};
use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

/// Reference data that a test exchanges.
#[derive(Clone)]
struct Exchanged(Arc<Mutex<(Seed, Arc<Reference>)>>);

impl ReferenceSource for Exchanged {
    fn current(&self) -> Arc<Reference> {
        Arc::clone(&self.0.lock().unwrap().1)
    }
}

impl Exchanged {
    fn of(text: &str) -> Self {
        let seed = parse("demo", text).unwrap();
        let reference = Arc::new(Reference::new(seed.clone()).unwrap());
        Self(Arc::new(Mutex::new((seed, reference))))
    }

    fn change(&self, change: impl FnOnce(&mut Seed)) {
        let mut held = self.0.lock().unwrap();
        change(&mut held.0);
        held.1 = Arc::new(Reference::new(held.0.clone()).unwrap());
    }

    fn refuse(&self, recipient: &str) {
        let out = OptOut { username: "hanbit-shop".into(), recipient: recipient.into() };
        self.change(|seed| seed.opt_outs.push(out));
    }
}

fn stage(reference: &Exchanged, now_ms: i64) -> Stage {
    Stage::knowing(reference.clone(), now_ms, perfect())
}

fn ad(stage: &mut Stage, id: &str, number: &str, send_at_ms: Option<i64>) {
    stage.send("lms_ad", |request| {
        (request.message_id, request.phone_number) = (id.into(), Some(number.into()));
        (request.send_at, request.expires_at) = (send_at_ms, None);
    });
}

#[test]
fn an_ad_that_waits_for_its_time_does_not_leave_after_a_refusal() {
    let reference = Exchanged::of(DEMO);
    let mut stage = stage(&reference, seed::NOW_MS);
    let noon = seed::NOW_MS + 3_600_000;
    ad(&mut stage, "refused", "01077770001", Some(noon));
    ad(&mut stage, "wanted", "01077770002", Some(noon));
    stage.send("lms_scheduled", |request| {
        (request.message_id, request.phone_number) = ("no ad".into(), Some("01077770001".into()));
        (request.send_at, request.expires_at) = (Some(noon), None);
    });
    stage.settle();
    reference.refuse("821077770001");
    stage.advance_by_minutes(Duration::from_secs(2 * 3_600));
    let end = stage.end("refused");
    assert_eq!((end.state, &*end.code, end.sent_at), (State::Failed, "2080", None));
    assert!(end.message.contains("정보통신망법 제50조 ②"), "{}", end.message);
    assert_eq!(stage.end("wanted").state, State::Delivered);
    assert_eq!(stage.end("no ad").state, State::Delivered, "who refuses ads still hears of an order");
    let balance = stage.balance();
    assert_eq!((balance.accepted, balance.ended.values().sum::<u64>()), (3, 3), "{balance:?}");
}

#[test]
fn an_ad_that_the_night_holds_does_not_leave_in_the_morning_after_a_refusal() {
    let evening = begins_ms("2026-12-31".parse().unwrap()) + 22 * 3_600_000;
    let reference = Exchanged::of(DEMO);
    let mut stage = stage(&reference, evening);
    ad(&mut stage, "refused", "01077770001", None);
    ad(&mut stage, "wanted", "01077770002", None);
    stage.settle();
    reference.refuse("821077770001");
    stage.advance_by_minutes(Duration::from_secs(11 * 3_600));
    assert_eq!((stage.end("refused").state, &*stage.end("refused").code), (State::Failed, "2080"));
    assert_eq!(stage.end("wanted").state, State::Delivered);
}

#[test]
fn an_ad_whose_consent_is_taken_back_while_it_waits_does_not_leave() {
    let rule = "username = \"hanbit-shop\"\n";
    let consents: String = ["821077770001", "821077770002"]
        .map(|number| {
            format!(
                "[[consents]]\nusername = \"hanbit-shop\"\nrecipient = \"{number}\"\nkind = \"ad\"\n\
                 consented_at = \"2024-03-11T00:00:00Z\"\n"
            )
        })
        .concat();
    let text = format!("{}{consents}", DEMO.replacen(rule, &format!("{rule}ads_by_consent = true\n"), 1));
    let reference = Exchanged::of(&text);
    let mut stage = stage(&reference, seed::NOW_MS);
    for (id, number) in [("took back", "01077770001"), ("agrees", "01077770002")] {
        ad(&mut stage, id, number, Some(seed::NOW_MS + 3_600_000));
    }
    stage.settle();
    reference.change(|seed| seed.consents.retain(|consent| consent.recipient != "821077770001"));
    stage.advance_by_minutes(Duration::from_secs(2 * 3_600));
    let end = stage.end("took back");
    assert_eq!((end.state, &*end.code, end.sent_at), (State::Failed, "2070", None));
    assert!(end.message.contains("정보통신망법 제50조 ①"), "{}", end.message);
    assert_eq!(stage.end("agrees").state, State::Delivered);
}

#[test]
fn while_nobody_knows_who_refused_an_ad_that_waited_goes_on_waiting() {
    let reference = Exchanged::of(DEMO);
    let mut stage = stage(&reference, seed::NOW_MS);
    ad(&mut stage, "waits", "01077770002", Some(seed::NOW_MS + 60_000));
    stage.settle();
    stage.opt_outs_away.store(true, Ordering::SeqCst);
    stage.send("sms", |_| {});
    stage.advance(Duration::from_secs(120));
    assert_eq!(stage.ends().len(), 1, "what is no ad does not wait for it");
    stage.opt_outs_away.store(false, Ordering::SeqCst);
    stage.advance(Duration::from_secs(60));
    assert!(stage.end("waits").sent_at.is_some(), "it goes when somebody knows");
}
