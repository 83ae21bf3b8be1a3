//! What holds for every request, however wrong.

use super::*;
use proptest::prelude::*;
use proptest::sample::select;
use schemas::{Avro as _, wire::whole};
use std::borrow::Cow;

/// A short text of the kinds that break things: empty, blank, long, Hangul, emoji, control characters, variables.
fn nasty() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[ -~]{0,40}",
        "[가-힣 #{}()광고\n]{0,120}",
        "\\PC{0,60}",
        Just("가".repeat(1400)),
        Just("(광고) 할인\n무료수신거부 080-123-4567".to_owned()),
        Just("#{없음}".to_owned()),
    ]
}

fn option_nasty() -> impl Strategy<Value = Option<String>> {
    proptest::option::of(nasty())
}

fn names() -> Vec<&'static str> {
    examples::REQUESTS.iter().map(|e| e.name).collect()
}

proptest! {
    #[test]
    fn every_receiver_gets_exactly_one_answer_and_nothing_panics(
        name in select(names()), lane in select(Lane::ALL), message in option_nasty(), title in option_nasty(),
        phone in option_nasty(), message_id in nasty(), kind in nasty(), receivers in 0usize..4, text in nasty(),
    ) {
        let mut request = examples::request(name);
        (request.message, request.title, request.phone_number) = (message, title, phone);
        request.message_id = message_id;
        if !kind.is_empty() {
            request.message_type = kind;
        }
        if let Some(attachment) = &mut request.attachment {
            attachment.button.iter_mut().for_each(|b| b.url_mobile = Some(text.clone()));
        }
        request.receiver_list =
            vec![Receiver { phone_number: Some(text), ..Receiver::default() }; receivers];
        let places = super::receivers(&request);
        let record = Received { value_bytes: 1, ..place(lane) };
        let checked = check(request, &record, &reference(), seed::NOW_MS, &Settings::default()).unwrap();
        let answered: Vec<u16> = checked
            .iter()
            .map(|one| match one {
                Checked::Candidate(candidate) => candidate.track_id,
                Checked::Refused(refused) => refused.report.track_id.parse().unwrap(),
            })
            .map(|id| id.api().receiver)
            .collect();
        prop_assert_eq!(answered, places.collect::<Vec<_>>());
    }

    #[test]
    fn a_request_that_borrows_its_texts_gets_the_same_answers(
        name in select(names()), message in option_nasty(), title in option_nasty(), mapped in nasty(),
    ) {
        let mut request = examples::request(name);
        request.message = message.or(request.message);
        request.title = title.or(request.title);
        request.mapping.values_mut().for_each(|value| value.clone_from(&mapped));
        let mut datum = Vec::new();
        request.encode(&mut datum);
        let lent: SendRequestOf<Cow<'_, str>> = whole::<SendRequest, _>(&datum).unwrap();
        let own = run_in(&reference(), Lane::Mass, request);
        let lent = check(lent, &place(Lane::Mass), &reference(), seed::NOW_MS + 8, &Settings::default()).unwrap();
        let texts_of_its_own = |one| match one {
            Checked::Refused(refused) => Checked::Refused(refused),
            Checked::Candidate(candidate) => {
                let Candidate { track_id, accepted, demoted }: Candidate<Cow<'_, str>> = *candidate;
                Checked::Candidate(Box::new(Candidate { track_id, accepted: accepted.with_texts(), demoted }))
            }
        };
        prop_assert_eq!(lent.into_iter().map(texts_of_its_own).collect::<Vec<_>>(), own);
    }

    #[test]
    fn the_same_record_gives_the_same_answers(name in select(names()), message in option_nasty()) {
        let mut request = examples::request(name);
        request.message = message;
        let reference = reference();
        let first = run_in(&reference, Lane::Realtime, request.clone());
        prop_assert_eq!(run_in(&reference, Lane::Realtime, request), first);
    }

    #[test]
    fn no_refusal_repeats_what_is_personal(
        name in select(names()), phone in "01[0-9]{8,12}x?", secret in "[a-z]{12}", app_user_id in "[a-z]{22,70}",
        spoilt in 0u8..64,
    ) {
        let spoils = |place: u8| spoilt & (1 << place) != 0;
        let mut request = examples::request(name);
        if spoils(0) {
            request.phone_number = request.phone_number.map(|_| phone.clone());
        }
        if spoils(1) {
            request.to = request.to.map(|_| format!("{secret} @mail.example"));
        }
        if spoils(2) {
            request.app_user_id = Some(app_user_id.clone());
        }
        if spoils(3) {
            request.message = Some(format!("{secret} 😀 [광고] {}", "가".repeat(1300)));
        } else if spoils(4) {
            request.message = Some(format!("[광고] {secret}"));
        }
        if spoils(5) {
            request.title = Some(format!("{secret}\u{7}{}", "나".repeat(300)));
        }
        for one in run_in(&reference(), Lane::Realtime, request) {
            if let Checked::Refused(refused) = one {
                let text = &refused.report.message;
                for personal in [&phone, &secret, &app_user_id] {
                    prop_assert!(!text.contains(personal.as_str()), "{}", text);
                }
            }
        }
    }
}
