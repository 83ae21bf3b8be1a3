use super::*;
use schemas::MessageType;

#[test]
fn every_example_request_is_accepted_for_every_receiver() {
    let reference = reference();
    for example in examples::REQUESTS {
        let request = example.request();
        let receivers = request.receiver_list.len().max(1);
        let checked = run_in(&reference, example.lane, request);
        assert_eq!(checked.len(), receivers, "{}", example.name);
        for one in checked {
            match one {
                Checked::Refused(refused) => panic!("{}: {}", example.name, refused.report.message),
                Checked::Candidate(candidate) => {
                    assert_eq!(candidate.accepted.ad, example.lane == Lane::Ad, "{}", example.name);
                    assert_eq!(candidate.accepted.lane, example.lane, "{}", example.name);
                    assert!(!candidate.demoted, "{}", example.name);
                }
            }
        }
    }
}

#[test]
fn the_example_of_accepted_is_what_comes_of_the_example_request() {
    let example = examples::accepted();
    let track_id: TrackId = example.track_id.parse().unwrap();
    let record = Received { api: track_id.api(), timestamp_ms: seed::NOW_MS, value_bytes: 400 };
    let request = SendRequest { source: example.source, ..examples::request("at") };
    let checked = check(request, &record, &reference(), example.accepted_at, &Settings::default()).unwrap();
    let [Checked::Candidate(candidate)] = &checked[..] else { panic!("refused") };
    assert_eq!(candidate.accepted, example);
    assert_eq!(candidate.track_id, track_id);
}

#[test]
fn the_number_in_every_way_of_writing_is_one_recipient() {
    let normal = accepted(examples::request("at")).recipient;
    for (number, country) in [("+82 10-1234-5678", None), ("1012345678", Some("82")), ("010 1234 5678", Some("+82"))] {
        let mut request = examples::request("at");
        request.phone_number = Some(number.into());
        request.country_code = country.map(Into::into);
        assert_eq!(accepted(request).recipient, normal, "{number}");
    }
}

#[test]
fn a_message_left_to_its_template_says_the_same() {
    let mut request = examples::request("at");
    let written = accepted(request.clone()).content.message;
    request.message = None;
    assert_eq!(accepted(request).content.message, written);
}

#[test]
fn early_brand_talk_becomes_a_type_of_today() {
    let mut request = examples::request("bt_image");
    request.message_type = "BI".into();
    assert_eq!(accepted(request).message_type, MessageType::Image);
}

#[test]
fn the_senders_number_is_brought_to_its_normal_form() {
    let mut request = examples::request("sms");
    request.callback = Some("02-1234-5678".into());
    assert_eq!(accepted(request).content.callback.as_deref(), Some("0212345678"));
}
