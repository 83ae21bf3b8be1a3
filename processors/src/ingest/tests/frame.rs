use super::*;
use crate::reference::{Reference, SenderGroup};
use schemas::{FallbackStep, MessageType, Origin, ReportKind, State};

const DAY_MS: i64 = 86_400_000;

#[test]
fn a_refusal_is_a_terminal_report_of_its_own() {
    let mut request = examples::request("at");
    request.message = Some("다른 글".into());
    request.attachment = None;
    let report = refused(request);
    let expected_id = TrackId::new(seed::NOW_MS, place(Lane::Realtime).api);
    let expected = Report {
        track_id: expected_id.to_string(),
        username: seed::USERNAME.into(),
        service_key: seed::SERVICE_KEY.into(),
        message_id: "ORD-20260311-000123".into(),
        channel: Channel::At,
        message_type: Some(MessageType::At),
        kind: ReportKind::State,
        state: State::Rejected,
        terminal: true,
        origin: Origin::Vendor,
        code: "3016".into(),
        message: "message: parts from template ORDER_DONE_01 at character 1".into(),
        requested_at: seed::NOW_MS,
        reported_at: seed::NOW_MS + 8,
        bill_code: Some("SHOP-ORDER".into()),
        ..Report::default()
    };
    assert_eq!(report, expected);
}

#[test]
fn a_request_of_no_channel_is_a_dead_letter() {
    let mut request = examples::request("sms_many");
    request.channel = "SM".into();
    assert_eq!(receivers(&request), 0..=0);
    let refusal = check(request, &place(Lane::Mass), &reference(), seed::NOW_MS, &Settings::default()).unwrap_err();
    assert_eq!(refusal.message, "channel: got \"SM\", AT FT BT MT RC PU EM are allowed");
}

#[test]
fn service_keys_are_known_and_active() {
    let with = |key: &str| refusal("sms", |r| r.service_key = key.into());
    assert_eq!(with("nobody"), ("1100".into(), "service_key: unknown".into()));
    assert_eq!(with(&"X".repeat(40)), ("1100".into(), "service_key: inactive".into()));
    let mut request = examples::request("sms");
    request.service_key = "k".repeat(5000);
    let report = refused(request);
    assert_eq!((report.username.as_str(), report.service_key.len()), ("", 64));
}

#[test]
fn what_another_customer_registered_is_not_registered() {
    let other = |name| refusal(name, |r| r.service_key = "Y".repeat(40)).1;
    assert_eq!(other("sms"), "callback: not registered");
    assert_eq!(other("at"), "sender_key: not registered");
    assert_eq!(other("email"), "from_email: not registered");
}

#[test]
fn what_is_not_approved_is_refused() {
    let stopped = reference_with(|seed| {
        seed.sender_profiles[0].state = Approval::Stopped;
        seed.sender_numbers.iter_mut().for_each(|n| n.state = Approval::Requested);
    });
    let message = |reference: &Reference, name| {
        let refused = one_in(reference, Lane::Realtime, examples::request(name)).unwrap_err();
        (refused.code, refused.report.message)
    };
    assert_eq!(message(&stopped, "at"), (Code::NotRegistered, "sender_key: registered, and stopped".into()));
    let waiting = "callback: registered, not approved yet";
    assert_eq!(message(&stopped, "sms"), (Code::NotRegistered, waiting.into()));
    let dormant = reference_with(|seed| seed.templates.iter_mut().for_each(|t| t.state = Approval::Dormant));
    assert_eq!(message(&dormant, "at"), (Code::NotRegistered, "template_code: registered, and dormant".into()));
    let elsewhere = reference_with(|seed| seed.templates[0].sender_key = Some("another".into()));
    let (code, told) = message(&elsewhere, "at");
    let tail = &seed::SENDER_KEY[36..];
    assert_eq!(
        (code, told),
        (Code::NotRegistered, format!("template_code: belongs to sender_key …ther, not to …{tail}"))
    );
}

#[test]
fn a_template_of_a_group_goes_out_under_each_of_its_members() {
    let tail = &seed::SENDER_KEY[36..];
    let told = |change: &dyn Fn(&mut SenderGroup)| {
        let mut group = SenderGroup {
            group_key: "G".repeat(40),
            username: seed::USERNAME.into(),
            sender_keys: vec!["another".into(), seed::SENDER_KEY.into()],
            ..SenderGroup::default()
        };
        change(&mut group);
        let reference = reference_with(|seed| {
            seed.templates.iter_mut().filter(|t| t.channel == Channel::At).for_each(|t| {
                t.sender_key = Some("G".repeat(40));
            });
            seed.sender_groups.push(group.clone());
        });
        match one_in(&reference, Lane::Realtime, examples::request("at")) {
            Ok(candidate) => {
                assert_eq!(candidate.accepted.content.sender_key.as_deref(), Some(seed::SENDER_KEY), "as it was sent");
                "accepted".to_owned()
            }
            Err(refused) => {
                assert_eq!(refused.code, Code::NotRegistered);
                refused.report.message
            }
        }
    };
    assert_eq!(told(&|_| ()), "accepted");
    let no_member = format!("template_code: belongs to sender group …GGGG, of which sender_key …{tail} is no member");
    assert_eq!(told(&|group| group.sender_keys.truncate(1)), no_member);
    let stopped = "template_code: belongs to sender group …GGGG, which is registered, and stopped";
    assert_eq!(told(&|group| group.state = Approval::Stopped), stopped);
    // Another customer's group is none.
    let foreign = format!("template_code: belongs to sender_key …GGGG, not to …{tail}");
    assert_eq!(told(&|group| group.username = "other".into()), foreign);
    assert_eq!(told(&|group| group.group_key = "H".repeat(40)), foreign);
}

#[test]
fn fields_hold_at_the_limit_and_fail_beyond() {
    assert!(passes("sms", |r| r.message_id = "a".repeat(30)));
    assert_eq!(
        refusal("sms", |r| r.message_id = "a".repeat(31)),
        ("1400".into(), "message_id: got 31 characters, at most 30".into())
    );
    assert_eq!(refusal("sms", |r| r.message_id = String::new()).0, "2020");
    assert_eq!(refusal("sms", |r| r.message_id = "a\nb".into()).0, "1400");
    assert!(passes("sms", |r| r.bill_code = Some("b".repeat(20))));
    assert_eq!(
        refusal("sms", |r| r.bill_code = Some("b".repeat(21))),
        ("1400".into(), "bill_code: got 21 characters, at most 20".into())
    );
    assert_eq!(refusal("at", |r| r.template_code = Some("t".repeat(31))).0, "1400");
    assert_eq!(refusal("at", |r| r.template_code = Some("t".repeat(30))).0, "2040");
    assert_eq!(refusal("at", |r| r.sender_key = Some("s".repeat(41))).0, "1400");
    assert_eq!(refusal("at", |r| r.sender_key = Some("s".repeat(40))).0, "2040");
    assert_eq!(refusal("sms", |r| r.ad_flag = Some("yes".into())).0, "1400");
    assert_eq!(refusal("sms", |r| r.night_agreed = Some("1".into())).0, "1400");
    assert_eq!(refusal("sms", |r| r.message_type = "MAIL".into()).0, "4001");
}

#[test]
fn a_record_has_at_most_one_megabyte() {
    let sized = |value_bytes| {
        let record = Received { value_bytes, ..place(Lane::Realtime) };
        check(examples::request("sms"), &record, &reference(), seed::NOW_MS, &Settings::default()).unwrap()
    };
    assert!(matches!(sized(1 << 20)[0], Checked::Candidate(_)));
    let Checked::Refused(refused) = &sized((1 << 20) + 1)[0] else { panic!("accepted") };
    assert_eq!(refused.report.message, "request: got a record of 1048577 bytes, at most 1048576");
}

#[test]
fn times_out_of_bounds_are_2060() {
    let now = seed::NOW_MS;
    assert!(passes("sms", |r| r.send_at = Some(now + 60 * DAY_MS)));
    assert_eq!(refusal("sms", |r| r.send_at = Some(now + 61 * DAY_MS)).0, "2060");
    assert_eq!(refusal("sms", |r| r.expires_at = Some(now - 1)).0, "2060");
    assert_eq!(refusal("sms", |r| (r.send_at, r.expires_at) = (Some(now + DAY_MS), Some(now + DAY_MS))).0, "2060");
}

#[test]
fn auth_is_granted_or_goes_on_as_realtime() {
    let claim = |name| {
        let candidate = one_in(&reference(), Lane::Auth, examples::request(name)).unwrap();
        (candidate.accepted.lane, candidate.demoted, candidate.accepted.expires_at - seed::NOW_MS)
    };
    assert_eq!(claim("at_otp"), (Lane::Auth, false, 300_000));
    assert_eq!(claim("sms_otp"), (Lane::Auth, false, 300_000));
    assert_eq!(claim("email"), (Lane::Auth, false, 300_000));
    assert_eq!(claim("at"), (Lane::Realtime, true, DAY_MS), "its template may not");
    assert_eq!(claim("lms"), (Lane::Realtime, true, DAY_MS), "LMS has no AUTH");
    assert_eq!(claim("push_ad"), (Lane::Realtime, true, 3 * DAY_MS), "an ad never may");
    let not_allowed = reference_with(|seed| seed.customers[0].auth_allowed = false);
    let candidate = one_in(&not_allowed, Lane::Auth, examples::request("sms_otp")).unwrap();
    assert_eq!((candidate.accepted.lane, candidate.demoted), (Lane::Realtime, true));
}

#[test]
fn a_duplicate_is_refused_with_its_own_report() {
    let candidate = one(examples::request("sms")).unwrap();
    let first = TrackId::new(1, place(Lane::Realtime).api);
    assert_eq!(candidate.claim().message_id, candidate.accepted.message_id);
    assert_eq!(candidate.clone().settle(None, 9), Ok(candidate.clone()));
    assert_eq!(candidate.clone().settle(Some(candidate.track_id), 9), Ok(candidate.clone()), "its own claim");
    let refused = candidate.clone().settle(Some(first), 9).unwrap_err();
    assert_eq!((refused.code, refused.report.code.as_str()), (Code::Duplicate, "2030"));
    assert_eq!(refused.report.track_id, candidate.track_id.to_string());
    assert_eq!((refused.report.state, refused.report.terminal), (State::Rejected, true));
    assert_eq!(refused.report.message, format!("message_id: used within the last 24 hours, by {first}"));
}

#[test]
fn at_most_five_fallback_steps() {
    let step = || FallbackStep { channel: "MT".into(), callback: Some("0212345678".into()), ..FallbackStep::default() };
    assert!(passes("at_otp", |r| r.fallback = vec![step(); 5]));
    assert_eq!(
        refusal("at_otp", |r| r.fallback = vec![step(); 6]),
        ("1400".into(), "fallback: got 6 steps, at most 5".into())
    );
}

#[test]
fn recipients_who_refused_ads_get_none() {
    let refused_ads = |recipient: &str| {
        let opt_out = OptOut { username: seed::USERNAME.into(), recipient: recipient.into() };
        reference_with(|seed| seed.opt_outs = vec![opt_out])
    };
    let code = |reference: &Reference, name| {
        let candidate = one_in(reference, Lane::Ad, examples::request(name)).unwrap();
        let refused = candidate.opt_outs().any(|out| reference.opted_out(&out));
        let report = refused.then(|| candidate.opted_out(seed::NOW_MS));
        report.map_or(Ok(()), |refused| Err((refused.code, refused.report.message)))
    };
    let lms = refused_ads("821089012345");
    assert_eq!(code(&lms, "lms_ad").unwrap_err().0, Code::OptedOut);
    assert!(!code(&lms, "lms_ad").unwrap_err().1.contains("89012345"));
    assert_eq!(code(&refused_ads(seed::APP_USER_ID), "push_ad").unwrap_err().0, Code::OptedOut);
    assert_eq!(code(&refused_ads("doyun.lee@mail.example"), "email_ad").unwrap_err().0, Code::OptedOut);
    let mut request = examples::request("email_ad");
    request.to = Some("Doyun.Lee@Mail.Example".into());
    let candidate = one_in(&refused_ads("doyun.lee@mail.example"), Lane::Ad, request).unwrap();
    let asked: Vec<_> = candidate.opt_outs().map(|out| out.recipient).collect();
    assert_eq!(asked, ["Doyun.Lee@Mail.Example", "doyun.lee@mail.example"], "however it is written");
    assert_eq!(code(&refused_ads("821078901234"), "lms"), Ok(()), "what is no ad still comes");
}

#[test]
fn a_refusal_keeps_nothing_of_what_was_too_long() {
    let mut request = examples::request("sms");
    (request.service_key, request.message_id) = ("k".repeat(1_000_000), "m".repeat(1_000_000));
    request.bill_code = Some("가".repeat(1_000_000));
    let report = refused(request);
    let kept = [&report.service_key, &report.message_id, report.bill_code.as_ref().unwrap()];
    assert_eq!(kept.map(|text| text.chars().count()), [64; 3]);
    assert!(kept.iter().all(|text| text.capacity() <= 64 * 4), "{:?}", kept.map(String::capacity));
}

#[test]
fn texts_of_a_message_share_the_room_that_values_have() {
    let of = |bytes: usize| {
        move |request: &mut SendRequest| {
            request.message = Some("#{body}".into());
            request.mapping.insert("body".into(), "a".repeat(bytes));
            request.html = request.message.clone();
            request.title = Some("#{body}".into());
        }
    };
    let told = "html: got 1000000 bytes from templates and variables so far, at most 921600 in a message";
    let room = refusal("email", |request| {
        of(500_000)(request);
        request.title = Some("이용 내역서".into());
    });
    assert_eq!(room, ("2010".into(), told.into()));
    assert_eq!(
        refusal("email", of(300)).1,
        "title: got 300 characters, at most 255",
        "what has room is held against its own rule"
    );
}
