use super::*;
use schemas::{Attachment, Button, Carousel, CarouselItem, Commerce, Content, Coupon, Image, Item, ItemList, Video};

fn image() -> Option<Box<Image>> {
    Some(Box::new(Image { img_url: "https://img.example.kr/1.jpg".into(), img_link: None }))
}

fn link(name: &str) -> Button {
    Button {
        r#type: "WL".into(),
        name: Some(name.into()),
        url_mobile: Some("https://m.example.kr".into()),
        ..Button::default()
    }
}

fn add() -> Button {
    Button { r#type: "AC".into(), ..Button::default() }
}

fn coupon(description: usize) -> Option<Box<Coupon>> {
    Some(Box::new(Coupon {
        title: "10% 할인 쿠폰".into(),
        description: "가".repeat(description),
        url_mobile: Some("https://m.example.kr".into()),
        ..Coupon::default()
    }))
}

fn product() -> Option<Box<Commerce>> {
    Some(Box::new(Commerce { title: "원두".into(), regular_price_krw: 1000, ..Commerce::default() }))
}

fn row(title: usize) -> Item {
    Item { title: "가".repeat(title), img_url: Some("https://img.example.kr/1.jpg".into()), ..Item::default() }
}

fn rows(list: Vec<Item>) -> Option<Box<ItemList>> {
    Some(Box::new(ItemList { list, summary: None }))
}

fn card(kind: MessageType) -> CarouselItem {
    let feed = kind == MessageType::CarouselFeed;
    CarouselItem {
        header: feed.then(|| "가".repeat(20)),
        message: feed.then(|| "나".repeat(180)),
        commerce: if feed { None } else { product() },
        image: image(),
        button: vec![link("구매")],
        ..CarouselItem::default()
    }
}

fn carousel(kind: MessageType, cards: usize) -> Carousel {
    Carousel { list: vec![card(kind); cards], ..Carousel::default() }
}

fn introduction(header: usize, message: usize) -> Option<Box<CarouselItem>> {
    Some(Box::new(CarouselItem {
        header: Some("가".repeat(header)),
        message: Some("나".repeat(message)),
        image: image(),
        ..CarouselItem::default()
    }))
}

/// The least that each type needs.
fn least(kind: MessageType) -> Content {
    let mut parts = Attachment::default();
    let mut content = Content::default();
    match Shape::of(kind).body {
        Body::Text => {}
        Body::Image => parts.image = image(),
        Body::WideItems | Body::Catalog => parts.item = rows(vec![row(1); 3]),
        Body::Video => {
            let video = Video { video_url: "https://tv.kakao.com/v/1".into(), thumbnail_url: None };
            parts.video = Some(Box::new(video));
        }
        Body::Commerce => {
            parts.image = image();
            parts.commerce = product();
            parts.button = vec![link("구매")];
        }
        Body::Feed | Body::CommerceCards => parts.carousel = Some(Box::new(carousel(kind, 2))),
    }
    if let Presence::Needed(_) = Shape::of(kind).message {
        content.message = Some("가".into());
    }
    if let Presence::Needed(_) = Shape::of(kind).header {
        content.header = Some("가".into());
    }
    content.attachment = Some(Box::new(parts));
    content
}

fn parts_of(mut content: Content, change: impl FnOnce(&mut Attachment)) -> Content {
    change(content.attachment.get_or_insert_default());
    content
}

fn run(kind: MessageType, content: &Content) -> Result<(), Refusal> {
    check(&Field::REQUEST, kind, content, 1000)
}

fn refused(kind: MessageType, content: &Content) -> (Code, String) {
    run(kind, content).map_err(|r| (r.code, r.message)).unwrap_err()
}

const TYPES: [MessageType; 12] = [
    MessageType::Ft,
    MessageType::Fi,
    MessageType::Fw,
    MessageType::Text,
    MessageType::Image,
    MessageType::Wide,
    MessageType::WideItemList,
    MessageType::CarouselFeed,
    MessageType::PremiumVideo,
    MessageType::Commerce,
    MessageType::CarouselCommerce,
    MessageType::Catalog,
];

#[test]
fn each_type_passes_with_the_least_it_needs() {
    for kind in TYPES {
        assert_eq!(run(kind, &least(kind)), Ok(()), "{kind}");
    }
}

#[test]
fn each_type_is_refused_without_what_it_needs() {
    for kind in TYPES {
        let bare = Content { message: least(kind).message, header: least(kind).header, ..Content::default() };
        let needs_more = !matches!(kind, MessageType::Ft | MessageType::Text);
        assert_eq!(run(kind, &bare).is_err(), needs_more, "{kind}");
        let wordless = Content { message: None, header: None, ..least(kind) };
        let shape = Shape::of(kind);
        let needs_words = matches!(shape.message, Presence::Needed(_)) || matches!(shape.header, Presence::Needed(_));
        assert_eq!(run(kind, &wordless).is_err(), needs_words, "{kind}");
    }
}

#[test]
fn texts_hold_at_the_limit_and_fail_beyond() {
    let cases = [
        (MessageType::Ft, 1000),
        (MessageType::Fi, 1000),
        (MessageType::Fw, 76),
        (MessageType::Text, 1300),
        (MessageType::Image, 1300),
        (MessageType::Wide, 76),
        (MessageType::PremiumVideo, 76),
    ];
    for (kind, limit) in cases {
        let long = |n: usize| Content { message: Some("가".repeat(n)), ..least(kind) };
        assert_eq!(run(kind, &long(limit)), Ok(()), "{kind}");
        let got = format!("message: got {} characters, at most {limit}", limit + 1);
        assert_eq!(refused(kind, &long(limit + 1)), (Code::TooLong, got), "{kind}");
    }
    for kind in [MessageType::WideItemList, MessageType::PremiumVideo, MessageType::Catalog] {
        let headed = |n: usize| Content { header: Some("가".repeat(n)), ..least(kind) };
        assert_eq!(run(kind, &headed(20)), Ok(()), "{kind}");
        assert_eq!(refused(kind, &headed(21)).0, Code::TooLong, "{kind}");
    }
    let added = |n: usize| Content { additional_content: Some("가".repeat(n)), ..least(MessageType::Commerce) };
    assert_eq!(run(MessageType::Commerce, &added(34)), Ok(()));
    assert_eq!(refused(MessageType::Commerce, &added(35)).0, Code::TooLong);
}

#[test]
fn texts_that_a_type_does_not_have_are_refused() {
    let worded = Content { message: Some("가".into()), ..least(MessageType::Commerce) };
    assert_eq!(refused(MessageType::Commerce, &worded), (Code::BadRequest, "message: COMMERCE takes none".into()));
    let headed = Content { header: Some("가".into()), ..least(MessageType::Text) };
    assert_eq!(refused(MessageType::Text, &headed).0, Code::BadRequest);
}

#[test]
fn buttons_hold_at_the_limit_and_fail_beyond() {
    let cases = [
        (MessageType::Ft, 0, 5, 4),
        (MessageType::Fi, 0, 5, 4),
        (MessageType::Text, 0, 5, 4),
        (MessageType::Image, 0, 5, 4),
        (MessageType::Fw, 0, 2, 2),
        (MessageType::Wide, 0, 2, 2),
        (MessageType::WideItemList, 0, 2, 2),
        (MessageType::PremiumVideo, 0, 1, 1),
        (MessageType::Commerce, 1, 2, 2),
    ];
    for (kind, least_buttons, most, beside_coupon) in cases {
        let with = |n: usize| parts_of(least(kind), |a| a.button = vec![link("보기"); n]);
        assert_eq!(run(kind, &with(least_buttons)), Ok(()), "{kind}");
        assert_eq!(run(kind, &with(most)), Ok(()), "{kind}");
        assert_eq!(refused(kind, &with(most + 1)).0, Code::Attachment, "{kind}");
        if least_buttons > 0 {
            assert_eq!(refused(kind, &with(least_buttons - 1)).0, Code::Attachment, "{kind}");
        }
        let beside = |n| parts_of(with(n), |a| a.coupon = coupon(12));
        assert_eq!(run(kind, &beside(beside_coupon)), Ok(()), "{kind}");
        assert!(run(kind, &beside(beside_coupon + 1)).is_err(), "{kind}");
    }
}

#[test]
fn names_and_descriptions_are_shorter_or_longer_by_type() {
    for kind in TYPES {
        let narrow = matches!(kind, MessageType::Ft | MessageType::Fi | MessageType::Text | MessageType::Image);
        let limit = if narrow { 14 } else { 8 };
        let cards = matches!(kind, MessageType::CarouselFeed | MessageType::CarouselCommerce);
        let named = |n: usize| {
            parts_of(least(kind), |a| {
                let button = vec![link(&"가".repeat(n))];
                match &mut a.carousel {
                    Some(carousel) => carousel.list[1].button = button,
                    None => a.button = button,
                }
            })
        };
        assert_eq!(run(kind, &named(limit)), Ok(()), "{kind}");
        assert_eq!(refused(kind, &named(limit + 1)).0, Code::Attachment, "{kind}");
        let wide =
            matches!(kind, MessageType::Fw | MessageType::Wide | MessageType::WideItemList | MessageType::PremiumVideo);
        let limit = if wide { 18 } else { 12 };
        let described = |n: usize| {
            parts_of(least(kind), |a| match &mut a.carousel {
                Some(carousel) if cards => carousel.list[0].coupon = coupon(n),
                _ => a.coupon = coupon(n),
            })
        };
        assert_eq!(run(kind, &described(limit)), Ok(()), "{kind}");
        assert_eq!(refused(kind, &described(limit + 1)).0, Code::Attachment, "{kind}");
    }
}

#[test]
fn add_channel_stands_first_under_text_and_last_elsewhere() {
    let with = |kind, buttons: Vec<Button>| run(kind, &parts_of(least(kind), |a| a.button = buttons));
    for kind in [MessageType::Text, MessageType::Image, MessageType::Ft] {
        assert_eq!(with(kind, vec![add(), link("보기")]), Ok(()));
        let second = with(kind, vec![link("보기"), add()]).unwrap_err();
        assert_eq!(second.message, "attachment.button[1]: AC must be the first button");
    }
    for kind in [MessageType::Wide, MessageType::WideItemList, MessageType::Commerce] {
        assert_eq!(with(kind, vec![link("보기"), add()]), Ok(()));
        assert_eq!(with(kind, vec![add()]), Ok(()));
        assert!(with(kind, vec![add(), link("보기")]).is_err());
    }
    assert!(with(MessageType::Text, vec![add(), add()]).is_err());
}

#[test]
fn a_carousel_has_one_button_that_adds_the_channel() {
    let kind = MessageType::CarouselFeed;
    let adding = |cards: &[usize]| {
        parts_of(least(kind), |a| {
            for &card in cards {
                a.carousel.get_or_insert_default().list[card].button.push(add());
            }
        })
    };
    assert_eq!(run(kind, &adding(&[1])), Ok(()));
    assert_eq!(refused(kind, &adding(&[0, 1])).1, "attachment.carousel.list[1]: a second AC, a carousel has one");
}

#[test]
fn wide_items_and_catalogues_hold_at_the_limit_and_fail_beyond() {
    let with = |kind, list| run(kind, &parts_of(least(kind), |a| a.item = rows(list)));
    let wide = MessageType::WideItemList;
    for (count, passes) in [(2, false), (3, true), (4, true), (5, false)] {
        assert_eq!(with(wide, vec![row(1); count]).is_ok(), passes, "{count}");
    }
    for (count, passes) in [(2, false), (3, true), (7, true), (8, false)] {
        assert_eq!(with(MessageType::Catalog, vec![row(1); count]).is_ok(), passes, "{count}");
    }
    assert_eq!(with(wide, vec![row(25), row(30), row(30)]), Ok(()));
    assert_eq!(
        with(wide, vec![row(26), row(1), row(1)]).unwrap_err().message,
        "attachment.item.list[0].title: got 26 characters, at most 25"
    );
    assert!(with(wide, vec![row(25), row(31), row(1)]).is_err());
    let bare = Item { img_url: None, ..row(1) };
    assert_eq!(with(wide, vec![row(1), row(1), bare]).unwrap_err().message, "attachment.item.list[2].img_url: missing");
}

#[test]
fn carousels_hold_at_the_limit_and_fail_beyond() {
    let with = |kind, carousel: Carousel| run(kind, &parts_of(least(kind), |a| a.carousel = Some(Box::new(carousel))));
    for kind in [MessageType::CarouselFeed, MessageType::CarouselCommerce] {
        for (cards, passes) in [(1, false), (2, true), (6, true), (7, false)] {
            assert_eq!(with(kind, carousel(kind, cards)).is_ok(), passes, "{kind} {cards}");
        }
    }
    let kind = MessageType::CarouselCommerce;
    let introduced =
        |header, message, cards| with(kind, Carousel { head: introduction(header, message), ..carousel(kind, cards) });
    for (cards, passes) in [(0, false), (1, true), (5, true), (6, false)] {
        assert_eq!(introduced(20, 50, cards).is_ok(), passes, "{cards}");
    }
    assert!(introduced(21, 50, 1).is_err() && introduced(20, 51, 1).is_err());
    let feed = MessageType::CarouselFeed;
    let headed = Carousel { head: introduction(1, 1), ..carousel(feed, 2) };
    assert_eq!(with(feed, headed).unwrap_err().message, "attachment.carousel.head: CAROUSEL_FEED takes none");
    let change = |change: fn(&mut CarouselItem)| {
        let mut cards = carousel(feed, 2);
        change(&mut cards.list[1]);
        with(feed, cards).map_err(|r| r.message)
    };
    assert_eq!(
        change(|c| c.header = Some("가".repeat(21))),
        Err("attachment.carousel.list[1].header: got 21 characters, at most 20".into())
    );
    assert_eq!(
        change(|c| c.message = Some("가".repeat(181))),
        Err("attachment.carousel.list[1].message: got 181 characters, at most 180".into())
    );
    assert!(change(|c| c.image = None).is_err());
    assert!(change(|c| c.button.clear()).is_err());
    assert!(change(|c| c.button = vec![link("가"); 3]).is_err());
    assert!(change(|c| c.commerce = product()).is_err());
}

#[test]
fn the_tail_of_a_carousel_leads_somewhere() {
    let kind = MessageType::CarouselFeed;
    let tailed = |url: Option<&str>| {
        let tail = Button { url_mobile: url.map(Into::into), ..Button::default() };
        let carousel = Carousel { tail: Some(Box::new(tail)), ..carousel(kind, 2) };
        run(kind, &parts_of(least(kind), |a| a.carousel = Some(Box::new(carousel))))
    };
    assert_eq!(tailed(Some("https://m.example.kr")), Ok(()));
    assert_eq!(tailed(None).unwrap_err().field, "attachment.carousel.tail.url_mobile");
    assert!(tailed(Some("example")).is_err());
}

#[test]
fn parts_of_other_types_are_refused() {
    let with = parts_of(least(MessageType::Text), |a| a.image = image());
    assert_eq!(refused(MessageType::Text, &with), (Code::Attachment, "attachment.image: TEXT takes none".into()));
    let with = parts_of(least(MessageType::CarouselFeed), |a| a.coupon = coupon(1));
    assert_eq!(refused(MessageType::CarouselFeed, &with).0, Code::Attachment);
}

#[test]
fn shared_settings_are_checked() {
    let with = |change: fn(&mut Content)| {
        let mut content = least(MessageType::Text);
        change(&mut content);
        run(MessageType::Text, &content).map_err(|r| r.field)
    };
    assert_eq!(with(|c| c.unsubscribe_phone_number = Some("080-1234-5678".into())), Ok(()));
    assert!(with(|c| c.unsubscribe_phone_number = Some("080-12345-5678".into())).is_err());
    assert!(with(|c| c.unsubscribe_phone_number = Some("02-123-4567".into())).is_err());
    assert_eq!(with(|c| c.unsubscribe_auth_number = Some("1".repeat(10))), Ok(()));
    assert!(with(|c| c.unsubscribe_auth_number = Some("1".repeat(11))).is_err());
    assert_eq!(with(|c| c.group_tag_key = Some("k".repeat(40))), Ok(()));
    assert!(with(|c| c.group_tag_key = Some("k".repeat(41))).is_err());
    assert_eq!(with(|c| c.push_alarm = Some("yes".into())), Err("push_alarm".into()));
    assert_eq!(with(|c| c.adult = Some("0".into())), Err("adult".into()));
}

#[test]
fn a_brand_message_says_whom_it_is_for() {
    let to = |targeting: Option<&str>, content_type: Option<&str>, template: Option<&str>| {
        let content = Content {
            targeting: targeting.map(Into::into),
            content_type: content_type.map(Into::into),
            template_code: template.map(Into::into),
            ..Content::default()
        };
        audience(&Field::REQUEST, &content).map_err(|r| (r.code, r.field))
    };
    for targeting in ["M", "N", "I"] {
        assert_eq!(to(Some(targeting), None, None), Ok(()));
    }
    assert_eq!(to(None, None, None), Err((Code::Missing, "targeting".into())));
    assert_eq!(to(Some("O"), None, None), Err((Code::BadRequest, "targeting".into())));
    assert_eq!(to(Some("I"), Some("F"), None), Ok(()));
    assert_eq!(to(Some("I"), Some("T"), Some("T1")), Ok(()));
    assert_eq!(to(Some("I"), Some("T"), None), Err((Code::Missing, "template_code".into())));
    assert_eq!(to(Some("I"), Some("X"), None), Err((Code::BadRequest, "content_type".into())));
}
