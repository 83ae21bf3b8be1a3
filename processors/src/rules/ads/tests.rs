use super::*;
use schemas::Content;

const GOOD: &str = "(광고) 봄 할인 시작\n무료수신거부 080-123-4567";

fn message(text: &str) -> Content {
    Content { message: Some(text.into()), ..Content::default() }
}

fn titled(title: &str, text: &str) -> Content {
    Content { title: Some(title.into()), ..message(text) }
}

fn run(channel: Channel, content: &Content, declared: Option<bool>) -> Result<bool, (Code, String)> {
    let kind = match channel {
        Channel::At => MessageType::At,
        Channel::Ft => MessageType::Ft,
        Channel::Bt => MessageType::Text,
        Channel::Mt => MessageType::Lms,
        Channel::Rc => MessageType::Rcslms,
        Channel::Pu => MessageType::Pu,
        Channel::Em => MessageType::Em,
    };
    check(&Field::REQUEST, channel, kind, content, declared).map_err(|r| (r.code, r.field))
}

fn refused(field: &str) -> Result<bool, (Code, String)> {
    Err((Code::AdRule, field.into()))
}

#[test]
fn the_flag_has_a_default_by_channel() {
    for (channel, ad) in [
        (Channel::At, false),
        (Channel::Ft, true),
        (Channel::Bt, true),
        (Channel::Mt, false),
        (Channel::Rc, false),
        (Channel::Pu, false),
        (Channel::Em, false),
    ] {
        assert_eq!(run(channel, &message("안녕하세요"), None), Ok(ad), "{channel}");
    }
    assert_eq!(run(Channel::Ft, &message("안녕하세요"), Some(false)), Ok(false));
}

#[test]
fn the_label_makes_an_ad_whatever_the_flag_says() {
    for channel in [Channel::Ft, Channel::Bt, Channel::Mt, Channel::Rc, Channel::Pu] {
        for declared in [None, Some(false), Some(true)] {
            assert_eq!(run(channel, &message(GOOD), declared), Ok(true), "{channel}");
        }
    }
    assert_eq!(run(Channel::Em, &titled("(광고) 봄 할인", "본문"), Some(false)), Ok(true));
}

#[test]
fn an_imitated_label_is_refused_whatever_the_flag_says() {
    for declared in [None, Some(false), Some(true)] {
        assert_eq!(run(Channel::Mt, &message("[광고] 할인\n무료거부 0801234567"), declared), refused("message"));
        assert_eq!(run(Channel::Em, &titled("(광 고) 할인", "본문"), declared), refused("title"));
        assert_eq!(run(Channel::Ft, &message("（광고）할인"), declared), refused("message"));
    }
}

#[test]
fn an_alimtalk_carries_no_ads() {
    assert_eq!(run(Channel::At, &message(GOOD), None), refused("message"));
    assert_eq!(run(Channel::At, &message("주문 안내"), Some(true)), refused("message"));
}

#[test]
fn a_text_ad_starts_with_the_label_and_ends_with_the_free_opt_out() {
    assert_eq!(run(Channel::Mt, &message("봄 할인\n무료거부 0801234567"), Some(true)), refused("message"));
    assert_eq!(run(Channel::Mt, &message("(광고) 봄 할인"), None), refused("message"));
    // The label of a title alone is not at the start of what every handset shows.
    assert_eq!(run(Channel::Mt, &titled("(광고) 할인", "봄 할인\n무료거부 0801234567"), None), refused("message"));
}

#[test]
fn the_opt_out_is_read_as_people_write_it() {
    for end in [
        "무료수신거부 080-123-4567",
        "무료수신거부 0801234567",
        "무료 수신 거부 080-1234-5678",
        "무료거부 080 123 4567",
        "무료거부0801234567",
        "[무료 수신거부]080-123-4567",
        "무료수신거부: 080-123-4567",
        "무료수신거부：080-123-4567",
        "무료수신거부 080-123-4567 \n",
    ] {
        assert_eq!(run(Channel::Mt, &message(&format!("(광고) 할인\n{end}")), None), Ok(true), "{end}");
    }
    for end in [
        "",
        "수신거부 080-123-4567",
        "무료수신거부 02-123-4567",
        "무료수신거부 080-12-3456",
        "무료수신거부 080-123-4567 감사합니다",
        "무료수신거부 ０８０-123-4567",
        "080-123-4567",
    ] {
        assert_eq!(run(Channel::Mt, &message(&format!("(광고) 할인\n{end}")), None), refused("message"), "{end}");
    }
}

#[test]
fn an_rcs_ad_has_a_footer_or_types_label_and_number() {
    let footed = |footer: &str| Content { footer: Some(footer.into()), ..message("봄 할인") };
    assert_eq!(run(Channel::Rc, &footed("080-123-4567"), Some(true)), Ok(true));
    assert_eq!(run(Channel::Rc, &footed("무료수신거부 0801234567"), Some(true)), Ok(true));
    assert_eq!(run(Channel::Rc, &footed("02-123-4567"), Some(true)), refused("footer"));
    assert_eq!(run(Channel::Rc, &message(GOOD), Some(true)), Ok(true));
    assert_eq!(run(Channel::Rc, &titled("(광고) 할인", "할인\n무료거부 0801234567"), None), Ok(true));
    assert_eq!(run(Channel::Rc, &message("봄 할인"), Some(true)), refused("message"));
}

#[test]
fn a_push_ad_says_how_to_refuse() {
    assert_eq!(run(Channel::Pu, &titled("(광고) 할인", "봄 할인 (수신거부: 설정 > 알림)"), None), Ok(true));
    assert_eq!(run(Channel::Pu, &message("(광고) 할인, 수신 동의 철회: 설정"), None), Ok(true));
    assert_eq!(run(Channel::Pu, &titled("(광고) 할인", "봄 할인"), None), refused("message"));
    assert_eq!(run(Channel::Pu, &titled("할인", "봄 할인, 수신거부: 설정"), Some(true)), refused("message"));
}

#[test]
fn an_email_ad_is_labelled_in_its_subject() {
    assert_eq!(run(Channel::Em, &titled("봄 할인", "본문"), Some(true)), refused("title"));
    assert_eq!(run(Channel::Em, &titled("(광고) 봄 할인", "본문"), Some(true)), Ok(true));
}

#[test]
fn lists_and_carousels_are_for_ads_only() {
    for kind in [MessageType::WideItemList, MessageType::CarouselFeed, MessageType::CarouselCommerce] {
        let run = |declared| check(&Field::REQUEST, Channel::Bt, kind, &Content::default(), declared);
        assert_eq!(run(Some(false)).unwrap_err().field, "ad_flag", "{kind}");
        assert_eq!(run(None), Ok(true));
    }
    let run = check(&Field::REQUEST, Channel::Bt, MessageType::Wide, &message("안내"), Some(false));
    assert_eq!(run, Ok(false));
}

#[test]
fn a_refusal_names_the_rule_and_where_it_stands() {
    let told = |channel, kind, content: &Content, declared| {
        check(&Field::REQUEST, channel, kind, content, declared).unwrap_err().message
    };
    let shown = "(정보통신망법 제50조 ④, 시행령 제61조 ③과 별표 6)";
    for (channel, kind, content) in [
        (Channel::Mt, MessageType::Lms, message("봄 할인")),
        (Channel::Mt, MessageType::Lms, message("(광고) 봄 할인")),
        (Channel::Mt, MessageType::Lms, message("[광고] 봄 할인")),
        (Channel::Rc, MessageType::Rcslms, Content { footer: Some("02-123-4567".into()), ..message("봄 할인") }),
        (Channel::Pu, MessageType::Pu, message("(광고) 봄 할인")),
        (Channel::Em, MessageType::Em, titled("봄 할인", "본문")),
    ] {
        let told = told(channel, kind, &content, Some(true));
        assert!(told.ends_with(shown), "{told}");
    }
    assert!(told(Channel::At, MessageType::At, &message("안내"), Some(true)).ends_with("(KakaoTalk: 알림톡)"));
    let list = told(Channel::Bt, MessageType::CarouselFeed, &Content::default(), Some(false));
    assert!(list.ends_with("(KakaoTalk: 브랜드 메시지)"), "{list}");
}
