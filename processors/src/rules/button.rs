//! Buttons and quick replies of Kakao: which types a place takes, and which fields a type needs (spec/kakao.md §2).

use super::field::Field;
use super::link::Links;
use super::text;
use crate::refusal::{Code, Refusal};
use schemas::{ButtonOf, Text};

/// The one name of a button that adds the channel.
const ADD_CHANNEL: &str = "채널 추가";
/// The names that Kakao allows a business form in a brand message.
const FORM_NAMES: [&str; 3] = ["톡에서 예약하기", "톡에서 설문하기", "톡에서 응모하기"];

/// Where buttons stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Under an 알림톡.
    Alimtalk,
    /// Quick replies of an 알림톡.
    QuickReply,
    /// 친구톡 and brand messages.
    Brand,
}

impl Place {
    const fn types(self) -> &'static [&'static str] {
        match self {
            Self::Alimtalk => &["WL", "AL", "DS", "BK", "MD", "AC", "BC", "BT", "BF", "TN", "P1", "P2", "P3", "VT"],
            Self::QuickReply => &["WL", "AL", "BK", "BC", "BT", "BF"],
            Self::Brand => &["WL", "AL", "BK", "MD", "AC", "BC", "BT", "BF"],
        }
    }

    const fn malformed(self) -> Code {
        match self {
            Self::QuickReply => Code::Supplement,
            Self::Alimtalk | Self::Brand => Code::Attachment,
        }
    }
}

/// What a place allows of each button.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Where they stand.
    pub place: Place,
    /// Longest name, characters.
    pub name: usize,
    /// Longest link, characters.
    pub link: usize,
}

/// Checks a list of buttons: how many (`at_least` to `at_most`), and each.
pub fn list<S: Text>(
    parent: &Field<'_>,
    name: &'static str,
    buttons: &[ButtonOf<S>],
    (at_least, at_most): (usize, usize),
    limits: Limits,
) -> Result<(), Refusal> {
    let got = buttons.len();
    if !(at_least..=at_most).contains(&got) {
        return Err(Refusal::new(
            limits.place.malformed(),
            &parent.of(name),
            format_args!("got {got}, {at_least} to {at_most} are allowed"),
        ));
    }
    buttons.iter().enumerate().try_for_each(|(i, button)| one(&parent.entry(name, i), button, limits))
}

fn one<S: Text>(at: &Field<'_>, button: &ButtonOf<S>, limits: Limits) -> Result<(), Refusal> {
    let kind = &*button.r#type;
    if !limits.place.types().contains(&kind) {
        let got: String = kind.chars().take(10).collect();
        let allowed = limits.place.types().join(" ");
        return Err(Refusal::new(
            Code::ButtonType,
            &at.of("type"),
            format_args!("got {got:?}, allowed here: {allowed}"),
        ));
    }
    label(&at.of("name"), kind, text::given(&button.name), limits)?;
    needed_fields(at, button, limits.place)?;
    let malformed = limits.place.malformed();
    Links::from(button).check(malformed, at, limits.link)?;
    match text::given(&button.target) {
        None | Some("out") => Ok(()),
        Some(_) => Err(Refusal::new(malformed, &at.of("target"), "only \"out\" is allowed")),
    }
}

/// What a button is called; one that adds the channel has its one name, though a request may leave it out.
pub fn name<S: Text>(button: &ButtonOf<S>) -> &str {
    let fixed = if &*button.r#type == "AC" { ADD_CHANNEL } else { "" };
    text::given(&button.name).unwrap_or(fixed)
}

fn label(at: &Field<'_>, kind: &str, name: Option<&str>, limits: Limits) -> Result<(), Refusal> {
    let malformed = limits.place.malformed();
    match (kind, name) {
        ("AC", None | Some(ADD_CHANNEL)) => Ok(()),
        ("AC", _) => {
            Err(Refusal::new(malformed, at, format_args!("AC is always called {ADD_CHANNEL:?}; leave it out")))
        }
        (_, None) => Err(Refusal::new(malformed, at, format_args!("missing, {kind} needs it"))),
        ("BF", Some(name)) if limits.place == Place::Brand && !FORM_NAMES.contains(&name) => {
            Err(Refusal::new(malformed, at, format_args!("BF is called one of {}", FORM_NAMES.join(", "))))
        }
        (_, Some(name)) => text::at_most(malformed, at, name, limits.name),
    }
}

fn needed_fields<S: Text>(at: &Field<'_>, button: &ButtonOf<S>, place: Place) -> Result<(), Refusal> {
    let (kind, malformed) = (&*button.r#type, place.malformed());
    let needed = |name: &'static str, value| {
        text::given(value)
            .ok_or_else(|| Refusal::new(malformed, &at.of(name), format_args!("missing, {kind} needs it")))
    };
    match kind {
        "WL" => needed("url_mobile", &button.url_mobile).map(drop),
        "AL" if place == Place::Brand => {
            let ways = [&button.scheme_android, &button.scheme_ios, &button.url_mobile];
            match ways.iter().filter(|way| text::given(way).is_some()).count() {
                // The dealers' own documents want an address beside Kakao's two of three.
                2.. if text::given(&button.url_pc).is_none() => needed("url_mobile", &button.url_mobile).map(drop),
                2.. => Ok(()),
                got => Err(Refusal::new(
                    malformed,
                    at,
                    format_args!("got {got} of scheme_android, scheme_ios, url_mobile, AL needs 2"),
                )),
            }
        }
        "AL" => {
            needed("scheme_android", &button.scheme_android)?;
            needed("scheme_ios", &button.scheme_ios).map(drop)
        }
        "BF" => needed("biz_form_key", &button.biz_form_key).map(drop),
        "P1" | "P2" | "P3" => {
            let plugin = needed("plugin_id", &button.plugin_id)?;
            text::at_most(malformed, &at.of("plugin_id"), plugin, 24)
        }
        "TN" => telephone(malformed, &at.of("tel_number"), needed("tel_number", &button.tel_number)?),
        "BT" => {
            text::given(&button.chat_event).map_or(Ok(()), |event| event_name(malformed, &at.of("chat_event"), event))
        }
        _ => Ok(()),
    }
}

/// Kakao: over 50 is its 3026.
fn event_name(code: Code, at: &Field<'_>, event: &str) -> Result<(), Refusal> {
    match event.len() <= 50 && event.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        true => Ok(()),
        false => Err(Refusal::new(
            code,
            at,
            format_args!("got {} characters; 1 to 50 of A-Z, a-z, 0-9 and _ are allowed", event.chars().count()),
        )),
    }
}

/// A number to call: digits and '-', a + in front.
pub fn telephone(code: Code, at: &Field<'_>, number: &str) -> Result<(), Refusal> {
    let rest = number.strip_prefix('+').unwrap_or(number);
    let digits = rest.bytes().filter(u8::is_ascii_digit).count();
    match (3..=15).contains(&digits) && rest.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
        true => Ok(()),
        false => Err(Refusal::new(code, at, "must be 3 to 15 digits, with '-' between them and + in front allowed")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::field::Field;
    use super::*;
    use schemas::Button;

    fn button(kind: &str) -> Button {
        Button { r#type: kind.into(), name: Some("주문 보기".into()), ..Button::default() }
    }

    fn web(kind: &str) -> Button {
        Button { url_mobile: Some("https://m.example.kr/1".into()), ..button(kind) }
    }

    fn app(android: bool, ios: bool, mobile: bool) -> Button {
        Button {
            scheme_android: android.then(|| "shop://1".into()),
            scheme_ios: ios.then(|| "shop://1".into()),
            url_mobile: mobile.then(|| "https://m.example.kr".into()),
            ..button("AL")
        }
    }

    fn check(place: Place, button: Button) -> Result<(), Refusal> {
        list(&Field::REQUEST.of("attachment"), "button", &[button], (0, 5), Limits { place, name: 14, link: 500 })
    }

    #[test]
    fn each_type_with_its_fields_passes_where_it_belongs() {
        let form =
            Button { biz_form_key: Some("f1".into()), name: Some("톡에서 예약하기".into()), ..button("BF") };
        let plugin = |kind| Button { plugin_id: Some("p".repeat(24)), ..button(kind) };
        let call = Button { tel_number: Some("02-123-4567".into()), ..button("TN") };
        let add = Button { name: None, ..button("AC") };
        let bot = Button { chat_event: Some("ask_1".into()), ..button("BT") };
        let at = [
            web("WL"),
            app(true, true, false),
            button("DS"),
            button("BK"),
            button("MD"),
            add.clone(),
            button("BC"),
            bot.clone(),
            form.clone(),
            call,
            plugin("P1"),
            plugin("P2"),
            plugin("P3"),
            button("VT"),
        ];
        assert_eq!(at.len(), Place::Alimtalk.types().len());
        for button in at {
            assert_eq!(check(Place::Alimtalk, button.clone()), Ok(()), "{}", button.r#type);
        }
        for button in [web("WL"), app(true, true, false), button("BK"), button("BC"), bot.clone(), form.clone()] {
            assert_eq!(check(Place::QuickReply, button.clone()), Ok(()), "{}", button.r#type);
        }
        for button in [web("WL"), app(true, false, true), button("BK"), button("MD"), add, button("BC"), bot, form] {
            assert_eq!(check(Place::Brand, button.clone()), Ok(()), "{}", button.r#type);
        }
    }

    #[test]
    fn a_brand_messages_app_link_has_an_address_for_phones_or_for_desktops() {
        let with_pc = Button { url_pc: Some("https://www.example.kr".into()), ..app(true, true, false) };
        assert_eq!(check(Place::Brand, with_pc), Ok(()));
        assert_eq!(check(Place::Brand, app(true, true, true)), Ok(()));
    }

    #[test]
    fn a_type_that_a_place_does_not_take_is_4000() {
        for (place, kind) in [
            (Place::Alimtalk, "XX"),
            (Place::Alimtalk, ""),
            (Place::Alimtalk, "wl"),
            (Place::QuickReply, "DS"),
            (Place::QuickReply, "AC"),
            (Place::Brand, "DS"),
            (Place::Brand, "P1"),
            (Place::Brand, "TN"),
            (Place::Brand, "VT"),
        ] {
            let refused = check(place, button(kind)).unwrap_err();
            assert_eq!(
                (refused.code, refused.field.as_str()),
                (Code::ButtonType, "attachment.button[0].type"),
                "{kind}"
            );
        }
    }

    #[test]
    fn a_missing_field_is_named_by_its_path() {
        let cases = [
            (Place::Alimtalk, button("WL"), "attachment.button[0].url_mobile"),
            (Place::Alimtalk, app(true, false, true), "attachment.button[0].scheme_ios"),
            (Place::Alimtalk, app(false, true, true), "attachment.button[0].scheme_android"),
            (Place::Alimtalk, button("BF"), "attachment.button[0].biz_form_key"),
            (Place::Alimtalk, button("P2"), "attachment.button[0].plugin_id"),
            (Place::Alimtalk, button("TN"), "attachment.button[0].tel_number"),
            (Place::Alimtalk, Button { name: None, ..web("WL") }, "attachment.button[0].name"),
            (Place::Brand, app(true, false, false), "attachment.button[0]"),
            (Place::Brand, app(true, true, false), "attachment.button[0].url_mobile"),
        ];
        for (place, button, field) in cases {
            let refused = check(place, button).unwrap_err();
            assert_eq!((refused.code, refused.field.as_str()), (Code::Attachment, field));
        }
        assert_eq!(check(Place::QuickReply, button("WL")).unwrap_err().code, Code::Supplement);
    }

    #[test]
    fn malformed_fields_are_refused() {
        let cases = [
            Button { url_mobile: Some("m.example.kr".into()), ..button("WL") },
            Button { url_pc: Some("example".into()), ..web("WL") },
            Button { target: Some("in".into()), ..web("WL") },
            Button { chat_event: Some("a b".into()), ..button("BT") },
            Button { tel_number: Some("call".into()), ..button("TN") },
            Button { name: Some("채널추가".into()), ..button("AC") },
        ];
        for button in cases {
            assert_eq!(check(Place::Alimtalk, button).unwrap_err().code, Code::Attachment);
        }
        let form = Button { biz_form_key: Some("f".into()), ..button("BF") };
        assert_eq!(check(Place::Alimtalk, form.clone()), Ok(()));
        assert_eq!(check(Place::Brand, form).unwrap_err().code, Code::Attachment);
    }

    #[test]
    fn a_button_that_adds_the_channel_is_called_so_without_a_name_too() {
        let called = |r#type: &str, name: Option<&str>| {
            let button = Button { r#type: r#type.into(), name: name.map(Into::into), ..Button::default() };
            super::name(&button).to_owned()
        };
        for given in [None, Some(""), Some("채널 추가")] {
            assert_eq!(called("AC", given), "채널 추가");
        }
        assert_eq!((called("WL", Some("보기")), called("WL", None)), ("보기".into(), String::new()));
    }

    #[test]
    fn limits_hold_at_the_limit_and_fail_beyond() {
        let named = |n| Button { name: Some("가".repeat(n)), ..web("WL") };
        assert_eq!(check(Place::Alimtalk, named(14)), Ok(()));
        assert_eq!(
            check(Place::Alimtalk, named(15)).unwrap_err().message,
            "attachment.button[0].name: got 15 characters, at most 14"
        );
        let linked = |n: usize| Button { url_mobile: Some(format!("https://{}", "a".repeat(n - 8))), ..web("WL") };
        assert_eq!(check(Place::Alimtalk, linked(500)), Ok(()));
        assert!(check(Place::Alimtalk, linked(501)).is_err());
        let plugin = |n| Button { plugin_id: Some("p".repeat(n)), ..button("P1") };
        assert_eq!(check(Place::Alimtalk, plugin(24)), Ok(()));
        assert!(check(Place::Alimtalk, plugin(25)).is_err());
        let event = |n| Button { chat_event: Some("e".repeat(n)), ..button("BT") };
        assert_eq!(check(Place::Alimtalk, event(50)), Ok(()));
        assert!(check(Place::Alimtalk, event(51)).is_err());
        let attachment = Field::REQUEST.of("attachment");
        let limits = Limits { place: Place::Alimtalk, name: 14, link: 500 };
        let many = |n| list(&attachment, "button", &vec![web("WL"); n], (1, 5), limits);
        assert_eq!((many(1), many(5)), (Ok(()), Ok(())));
        assert_eq!(many(6).unwrap_err().message, "attachment.button: got 6, 1 to 5 are allowed");
        assert!(many(0).is_err());
    }
}
