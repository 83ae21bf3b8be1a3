use super::*;
use std::collections::BTreeSet;

fn many(count: usize) -> SendRequest {
    let mut request = examples::request("sms_many");
    request.message = Some("[한빛상점] 적립금 안내".into());
    request.receiver_list =
        (0..count).map(|i| Receiver { phone_number: Some(format!("0102{i:07}")), ..Receiver::default() }).collect();
    request
}

fn run(request: SendRequest) -> Vec<Checked> {
    run_in(&reference(), Lane::Mass, request)
}

fn ids(checked: &[Checked]) -> Vec<&str> {
    checked
        .iter()
        .map(|one| match one {
            Checked::Candidate(candidate) => candidate.accepted.message_id.as_str(),
            Checked::Refused(refused) => refused.report.message_id.as_str(),
        })
        .collect()
}

fn refusals(checked: &[Checked]) -> Vec<(usize, Code, &str)> {
    let refused = checked.iter().enumerate().filter_map(|(i, one)| match one {
        Checked::Refused(refused) => Some((i, refused.code, refused.report.message.as_str())),
        Checked::Candidate(_) => None,
    });
    refused.collect()
}

#[test]
fn receivers_without_an_id_are_numbered() {
    let mut request = many(1000);
    request.receiver_list[1].message_id = Some("MINE".into());
    let checked = run(request);
    let ids = ids(&checked);
    assert_eq!((ids[0], ids[1], ids[999]), ("NOTICE-20260311-0001", "MINE", "NOTICE-20260311-1000"));
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 1000);
}

#[test]
fn what_is_blank_is_as_if_it_were_not_given() {
    let blank = || Some(String::new());
    let mut request = many(2);
    (request.phone_number, request.app_user_id, request.to, request.country_code) =
        (blank(), blank(), blank(), blank());
    request.receiver_list[1].message_id = Some(" ".into());
    let checked = run(request.clone());
    assert_eq!(refusals(&checked), []);
    assert_eq!(ids(&checked), ["NOTICE-20260311-0001", "NOTICE-20260311-0002"]);
    // So its number has room to be added.
    request.message_id = "N".repeat(26);
    let refused = run(request);
    assert!(refusals(&refused).iter().all(|r| r.2.starts_with("message_id: got 26 characters, at most 25")));
    assert_eq!(refusals(&refused).len(), 2);
    assert!(passes("at", |request| request.country_code = Some(" ".into())));
}

#[test]
fn each_receiver_has_a_track_id_that_tells_its_place() {
    let checked = run(many(1000));
    for (i, one) in checked.iter().enumerate() {
        let Checked::Candidate(candidate) = one else { panic!("refused") };
        let api = candidate.track_id.api();
        assert_eq!((usize::from(api.receiver), api.offset, api.lane), (i + 1, 77, Lane::Mass));
        assert_eq!(candidate.accepted.track_id, candidate.track_id.to_string());
    }
}

#[test]
fn a_thousand_receivers_are_the_most() {
    let request = many(1000);
    assert_eq!(receivers(&request), 1..=1000);
    assert!(refusals(&run(request)).is_empty());
    let request = many(1001);
    assert_eq!(receivers(&request), 0..=0);
    let checked = run(request);
    assert_eq!(refusals(&checked), [(0, Code::BadRequest, "receiver_list: got 1001, at most 1000")]);
    assert_eq!(receivers(&examples::request("sms")), 0..=0);
}

#[test]
fn values_are_each_receivers_own_before_the_requests() {
    let checked = run(examples::request("sms_many"));
    let texts: Vec<&str> = checked
        .iter()
        .map(|one| match one {
            Checked::Candidate(candidate) => candidate.accepted.content.message.as_deref().unwrap(),
            Checked::Refused(refused) => panic!("{}", refused.report.message),
        })
        .collect();
    assert_eq!(
        texts,
        [
            "[한빛상점] 김하늘님, 적립금 3200원이 이달 말에 사라집니다.",
            "[한빛상점] 이도윤님, 적립금 1000원이 이달 말에 사라집니다.",
            "[한빛상점] 박서연님, 적립금 12,400원이 이달 말에 사라집니다.",
        ]
    );
}

#[test]
fn a_bad_receiver_is_refused_alone() {
    let mut request = many(5);
    request.receiver_list[1].phone_number = Some("call me".into());
    request.receiver_list[2].phone_number = None;
    request.receiver_list[3].message_id = Some("m".repeat(31));
    let checked = run(request);
    let refused = refusals(&checked);
    assert_eq!(refused.iter().map(|r| r.0).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(refused[0].2.starts_with("receiver_list[1].phone_number: character 1 is no digit"), "{}", refused[0].2);
    assert_eq!(refused[1].2, "receiver_list[2].phone_number: missing, MT needs it");
    assert_eq!(refused[2].2, "receiver_list[3].message_id: got 31 characters, at most 30");
}

#[test]
fn a_bad_frame_refuses_every_receiver() {
    let mut request = many(3);
    request.callback = Some("0299999999".into());
    let checked = run(request);
    assert_eq!(refusals(&checked).len(), 3);
    assert!(refusals(&checked).iter().all(|r| r.2 == "callback: not registered"));
    assert_eq!(ids(&checked)[2], "NOTICE-20260311-0003");
}

#[test]
fn the_parents_id_leaves_room_for_numbers() {
    let mut request = many(2);
    request.message_id = "p".repeat(25);
    assert!(refusals(&run(request.clone())).is_empty());
    request.message_id = "p".repeat(26);
    request.receiver_list[1].message_id = Some("MINE".into());
    let checked = run(request);
    let text = "message_id: got 26 characters, at most 25 where receivers without their own get -0001… added";
    assert_eq!(refusals(&checked), [(0, Code::BadRequest, text)]);
}

#[test]
fn one_id_belongs_to_the_first_receiver_that_keeps_the_rules() {
    let mut request = many(4);
    request.receiver_list.iter_mut().for_each(|r| r.message_id = Some("SAME".into()));
    request.receiver_list[0].phone_number = None;
    let checked = run(request);
    let text = |i: usize| format!("receiver_list[{i}].message_id: another receiver of this request has it");
    let refused = refusals(&checked);
    assert_eq!(
        refused.iter().map(|r| (r.0, r.1)).collect::<Vec<_>>(),
        [(0, Code::Missing), (2, Code::Duplicate), (3, Code::Duplicate)]
    );
    assert_eq!((refused[1].2, refused[2].2), (text(2).as_str(), text(3).as_str()));
}

#[test]
fn a_receiver_beside_the_list_is_refused() {
    let mut request = many(2);
    request.phone_number = Some("01012345678".into());
    let checked = run(request);
    assert!(refusals(&checked).iter().all(|r| r.2 == "phone_number: stands beside receiver_list; give one of them"));
    assert_eq!(refusals(&checked).len(), 2);
}

/// A mail to many that says so many bytes.
fn mails(count: usize, bytes: usize) -> SendRequest {
    let mut request = examples::request("email");
    request.message = Some("가".repeat(bytes / 3));
    (request.to, request.html, request.title) = (None, None, Some("이용 내역서".into()));
    let receiver = |i| Receiver { to: Some(format!("receiver-{i}@mail.example")), ..Receiver::default() };
    request.receiver_list = (0..count).map(receiver).collect();
    request
}

#[test]
fn a_request_that_unfolds_too_far_is_refused_to_every_receiver() {
    let run = |lane, request| run_in(&reference(), lane, request);
    let of_auth = 8 << 20;
    assert!(refusals(&run(Lane::Auth, mails(20, of_auth / 21))).is_empty());
    let checked = run(Lane::Auth, mails(20, of_auth / 20));
    let refused = refusals(&checked);
    assert_eq!(
        refused.iter().map(|r| (r.0, r.1)).collect::<Vec<_>>(),
        (0..20).map(|i| (i, Code::BadRequest)).collect::<Vec<_>>()
    );
    // A third is a syllable; title 16, from_email 23, from_name 12, file 23.
    let bytes = 20 * (of_auth / 20 / 3 * 3 + 16 + 23 + 12 + 23);
    let told = format!(
        "receiver_list: got {bytes} bytes in 20 of 20 messages, at most 8388608 together: send several requests"
    );
    assert!(refused.iter().all(|r| r.2 == told), "{refused:?}");
    assert_eq!(ids(&checked)[19], "MAIL-20260311-00009-0020");
    assert!(refusals(&run(Lane::Realtime, mails(20, of_auth / 20))).is_empty(), "who is not AUTH has more time");
}

#[test]
fn what_values_and_templates_add_counts_for_every_receiver() {
    let mut request = mails(1000, 30);
    request.message = Some("#{body}".into());
    request.mapping = [("body".to_owned(), "a".repeat(100_000))].into();
    let checked = run(request);
    let refused = refusals(&checked);
    assert_eq!(refused.len(), 1000, "the first ones too, which were made before it was known");
    assert!(refused[0].2.starts_with("receiver_list: got 671"), "{}", refused[0].2);
    assert!(refused.iter().all(|r| r.2 == refused[0].2));
}

#[test]
fn receivers_take_the_requests_country_code() {
    let mut request = many(2);
    request.country_code = Some("1".into());
    request.receiver_list[0].phone_number = Some("4155550132".into());
    request.receiver_list[1].country_code = Some("82".into());
    let codes: Vec<String> = run(request)
        .into_iter()
        .map(|one| match one {
            Checked::Candidate(candidate) => candidate.accepted.recipient.country_code.unwrap(),
            Checked::Refused(refused) => panic!("{}", refused.report.message),
        })
        .collect();
    assert_eq!(codes, ["1", "82"]);
}
