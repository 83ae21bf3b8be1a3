use super::*;
use crate::ingest::following;
use schemas::{Content, FallbackStep, Supplement};

fn step(channel: &str) -> FallbackStep {
    FallbackStep { channel: channel.into(), ..FallbackStep::default() }
}

fn text(message: Option<&str>) -> FallbackStep {
    FallbackStep { message: message.map(Into::into), callback: Some("02-1234-5678".into()), ..step("MT") }
}

fn plan_of(name: &str, steps: Vec<FallbackStep>) -> Result<Vec<FallbackStep>, (Code, String)> {
    let mut request = examples::request(name);
    request.fallback = steps;
    match one(request) {
        Ok(candidate) => Ok(candidate.accepted.fallback),
        Err(refused) => Err((refused.code, refused.report.message)),
    }
}

#[test]
fn a_text_without_a_type_is_an_sms_when_it_fits() {
    let kind = |length: usize| {
        let plan = plan_of("at", vec![text(Some(&"가".repeat(length)))]).unwrap();
        plan[0].message_type.clone().unwrap()
    };
    assert_eq!(kind(45), "SMS");
    assert_eq!(kind(46), "LMS");
    let titled = FallbackStep { title: Some("안내".into()), ..text(Some("가")) };
    assert_eq!(plan_of("at", vec![titled]).unwrap()[0].message_type.as_deref(), Some("LMS"));
}

#[test]
fn a_step_is_completed_and_filled() {
    let plan = plan_of("at", vec![text(Some("#{name}님 주문 완료")), text(None)]).unwrap();
    assert_eq!(plan[0].message.as_deref(), Some("김하늘님 주문 완료"));
    assert_eq!(plan[0].callback.as_deref(), Some("0212345678"));
    assert_eq!((plan[1].message.as_deref(), plan[1].callback.as_deref()), (None, None), "as the step before");
}

#[test]
fn a_text_that_is_handed_on_is_not_filled_again() {
    let mut request = examples::request("at");
    request.mapping.insert("name".into(), "#{VIP}".into());
    request.fallback = vec![text(None), text(Some("#{name}님")), text(None)];
    let accepted = accepted(request);
    assert!(accepted.content.message.as_deref().unwrap().contains("#{VIP}"), "{:?}", accepted.content.message);
    let own: Vec<_> = accepted.fallback.iter().map(|step| step.message.as_deref()).collect();
    assert_eq!(own, [None, Some("#{VIP}님"), None]);
}

#[test]
fn what_is_blank_is_handed_on_like_what_is_not_given() {
    let blank = |step| FallbackStep { message: Some(" ".into()), callback: Some(String::new()), ..step };
    let plan = plan_of("at", vec![text(Some("짧은 글")), blank(text(None))]).unwrap();
    assert_eq!((plan[1].message.as_deref(), plan[1].callback.as_deref()), (None, None));
    let otp = FallbackStep { template_code: Some("ORDER_DONE_01".into()), sender_key: Some("".into()), ..step("AT") };
    assert!(plan_of("at", vec![blank(text(None)), otp.clone()]).is_err(), "the number is nowhere");
    assert_eq!(plan_of("at", vec![text(None), otp]).unwrap()[1].sender_key, None);
}

#[test]
fn a_type_without_a_text_gets_none_of_the_step_before() {
    let cards = FallbackStep {
        message_type: Some("CAROUSEL_FEED".into()),
        attachment: examples::request("bt_carousel_feed").attachment,
        ..step("BT")
    };
    let mut request = examples::request("bt_text");
    request.fallback = vec![cards];
    let accepted = accepted(request);
    assert!(accepted.content.message.is_some());
    assert_eq!(following(&accepted.content, &accepted.fallback[0]).message, None);
}

#[test]
fn a_step_is_held_against_the_rules_of_its_own_channel() {
    let refused = |step| {
        let (code, message) = plan_of("at", vec![text(Some("짧은 글")), step]).unwrap_err();
        (code.as_str(), message)
    };
    let sms = |message: &str| FallbackStep { message_type: Some("SMS".into()), ..text(Some(message)) };
    assert_eq!(
        refused(sms(&"가".repeat(46))),
        ("2010", "fallback[1].message: got 92 bytes in CP949, at most 90".into())
    );
    assert_eq!(refused(sms("😀")).0, "1400");
    assert_eq!(refused(step("XX")).0, "1400");
    assert_eq!(refused(FallbackStep { message_type: Some("FT".into()), ..text(None) }).0, "4001");
    assert_eq!(refused(step("RC")).1, "fallback[1].message_type: missing, RC needs it");
    assert_eq!(refused(step("PU")), ("2020", "push_tokens or app_user_id: missing, fallback[1] needs it".into()));
    assert_eq!(refused(step("EM")).1, "to: missing, fallback[1] needs it");
    assert_eq!(refused(FallbackStep { callback: Some("0299998888".into()), ..text(None) }).0, "2040");
    assert_eq!(refused(sms("#{nobody}")).1, "fallback[1].message: nothing fills #{nobody}: give it in mapping");
    let unknown = FallbackStep { template_code: Some("NOBODY".into()), ..step("AT") };
    assert_eq!(refused(unknown), ("2040", "fallback[1].template_code: not registered".into()));
    let first = plan_of("at", vec![step("MT")]).unwrap_err();
    assert_eq!(first.1, "fallback[0].callback: missing, MT needs it");
}

#[test]
fn a_step_of_a_template_says_what_the_template_says() {
    let otp = FallbackStep { template_code: Some("AUTH_OTP_01".into()), ..step("AT") };
    let mut request = examples::request("at");
    request.fallback = vec![otp];
    request.mapping.insert("code".into(), "1234".into());
    let plan = accepted(request).fallback;
    assert!(plan[0].message.as_deref().unwrap().contains("인증번호는 1234입니다."));
}

#[test]
fn a_template_that_a_step_cannot_carry_is_refused() {
    let reference = reference_with(|seed| seed.templates[1].supplement = Some(Supplement::default()));
    let mut request = examples::request("at");
    request.fallback = vec![FallbackStep { template_code: Some("AUTH_OTP_01".into()), ..step("AT") }];
    let refused = one_in(&reference, Lane::Realtime, request).unwrap_err();
    assert!(refused.report.message.starts_with("fallback[0].template_code: is a template with quick replies"));
}

#[test]
fn an_ad_stays_an_ad_in_every_step() {
    let ad = "(광고) 봄 할인\n무료수신거부 080-123-4567";
    assert_eq!(plan_of("ft", vec![text(None)]).unwrap().len(), 1, "its own text is labelled");
    assert!(plan_of("ft", vec![text(Some(ad))]).is_ok());
    assert_eq!(plan_of("ft", vec![text(Some("봄 할인"))]).unwrap_err().0, Code::AdRule);
    assert_eq!(
        plan_of(
            "ft",
            vec![FallbackStep {
                template_code: Some("AUTH_OTP_01".into()),
                message: Some(
                    "[한빛상점] 인증번호는 1입니다.\n3분 안에 입력해 주세요. 누구에게도 알려 주지 마세요.".into()
                ),
                ..step("AT")
            }]
        )
        .unwrap_err()
        .0,
        Code::AdRule
    );
    let (code, message) = plan_of("at", vec![text(Some(ad))]).unwrap_err();
    assert_eq!(
        (code, message.as_str()),
        (Code::AdRule, "fallback[0]: is an ad, and stands in for a message that is none")
    );
}

#[test]
fn following_the_plan_gives_back_what_was_checked() {
    let mut request = examples::request("at");
    request.app_user_id = Some("user-1".into());
    let rcs = FallbackStep {
        message_type: Some("RCSSMS".into()),
        message: Some("#{name}님 주문 완료".into()),
        callback: Some(seed::CHATBOT_ID.into()),
        template_code: Some("SS000000".into()),
        ..step("RC")
    };
    let lms = FallbackStep { title: Some("주문 안내".into()), ..text(None) };
    request.fallback = vec![rcs, lms, step("PU")];
    let accepted = accepted(request);
    let contents: Vec<Content> = accepted
        .fallback
        .iter()
        .scan(accepted.content.clone(), |before, step| {
            *before = following(before, step);
            Some(before.clone())
        })
        .collect();
    let texts: Vec<_> = contents.iter().map(|c| c.message.as_deref().unwrap()).collect();
    assert_eq!(texts, ["김하늘님 주문 완료"; 3]);
    assert_eq!(contents[0].callback.as_deref(), Some(seed::CHATBOT_ID));
    assert_eq!(contents[1].callback.as_deref(), Some("0212345678"));
    assert_eq!((contents[1].title.as_deref(), contents[2].title.as_deref()), (Some("주문 안내"), None));
    assert!(contents.iter().all(|c| c.attachment.is_none()), "the first step's buttons are its own");
}
