//! Groups of KakaoTalk sender profiles (발신프로필 그룹), whose members share templates of 알림톡.

use crate::{
    reference::{MOST_MEMBERS, SenderGroup, Template},
    refusal::{Code, Refusal},
    rules::{
        field::{Field, top},
        text,
    },
};
use schemas::Channel;

/// Letters of the key of a profile or a group.
const KEY: usize = 40;
/// Longest name, characters (카카오 비즈메시지 센터 API v1.0.0 §4.1).
const LONGEST_NAME: usize = 40;

/// A key as Kakao gives it to a sender profile, or a group of them.
pub fn key(at: &Field<'_>, key: &str) -> Result<(), Refusal> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"@_-".contains(&byte);
    if key.len() == KEY && key.bytes().all(plain) {
        return Ok(());
    }
    let got = key.chars().count();
    Err(Refusal::bad(at, format_args!("got {got} characters, {KEY} letters and digits are allowed")))
}

/// A name as people read it.
pub fn name(at: &Field<'_>, name: &str) -> Result<(), Refusal> {
    if text::is_blank(name) {
        return Err(Refusal::missing(at, "a sender group"));
    }
    text::at_most(Code::BadRequest, at, name, LONGEST_NAME)?;
    text::one_line(at, name)
}

/// Adds those that are not members yet.
pub fn add(group: &mut SenderGroup, sender_keys: Vec<String>) -> Result<(), Refusal> {
    for key in sender_keys {
        if !group.sender_keys.contains(&key) {
            group.sender_keys.push(key);
        }
    }
    let got = group.sender_keys.len();
    if got <= MOST_MEMBERS {
        return Ok(());
    }
    let reason = format_args!("it would have {got} members, at most {MOST_MEMBERS}: make another group");
    Err(Refusal::new(Code::Full, &top("sender_keys"), reason))
}

/// Takes members out; who is none is not missed.
pub fn remove(group: &mut SenderGroup, sender_keys: &[String]) {
    group.sender_keys.retain(|key| !sender_keys.contains(key));
}

/// Whether a template may be a group's: 알림톡 alone, and none that asks to add a channel, which would be each member's own
/// (템플릿 등록, templateMessageType: AD and MI 그룹 템플릿 사용 불가).
pub fn may_share(template: &Template) -> Result<(), Refusal> {
    if template.channel != Channel::At {
        return Err(Refusal::bad(&top("sender_key"), "is a group's: templates of AT alone are registered to groups"));
    }
    let buttons = template.attachment.as_ref().map_or(&[][..], |attachment| &attachment.button);
    match buttons.iter().position(|button| &*button.r#type == "AC") {
        None => Ok(()),
        Some(at) => {
            let attachment = top("attachment");
            let reason = "AC adds the channel of one profile: no template of a sender group has it";
            Err(Refusal::new(Code::ButtonType, &attachment.entry("button", at).of("type"), reason))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::{Attachment, Button};

    fn keys(range: std::ops::Range<usize>) -> Vec<String> {
        range.map(|n| format!("{n:0>40}")).collect()
    }

    #[test]
    fn members_come_once_and_are_so_many_at_most() {
        let mut group = SenderGroup::default();
        add(&mut group, keys(0..3)).unwrap();
        add(&mut group, keys(2..4)).unwrap();
        assert_eq!(group.sender_keys, keys(0..4));
        remove(&mut group, &[keys(0..2), keys(7..8)].concat());
        assert_eq!(group.sender_keys, keys(2..4));
        add(&mut group, keys(10..MOST_MEMBERS + 8)).unwrap();
        let full = add(&mut group, keys(5000..5001)).unwrap_err();
        assert_eq!((full.code, &*full.field), (Code::Full, "sender_keys"));
    }

    #[test]
    fn keys_and_names_are_of_their_form() {
        let at = top("group_key");
        assert_eq!(key(&at, &"a1".repeat(20)), Ok(()));
        for wrong in
            ["", &"a".repeat(39), &"a".repeat(41), &format!("{}가", "a".repeat(37)), &format!("{}/", "a".repeat(39))]
        {
            assert_eq!(key(&at, wrong).unwrap_err().code, Code::BadRequest, "{wrong}");
        }
        assert_eq!(name(&top("name"), &"가".repeat(40)), Ok(()));
        for (wrong, code) in [(" ", Code::Missing), (&*"가".repeat(41), Code::BadRequest), ("a\nb", Code::BadRequest)]
        {
            assert_eq!(name(&top("name"), wrong).unwrap_err().code, code);
        }
    }

    #[test]
    fn what_adds_a_channel_is_no_groups() {
        let with = |channel, of: &str| {
            let button = Button { r#type: of.into(), ..Button::default() };
            let attachment = Some(Attachment { button: vec![Button::default(), button], ..Attachment::default() });
            may_share(&Template { channel, attachment, ..Template::default() })
        };
        assert_eq!(with(Channel::At, "WL"), Ok(()));
        assert_eq!(with(Channel::At, "AC").unwrap_err().field, "attachment.button[1].type");
        assert_eq!(with(Channel::Bt, "WL").unwrap_err().field, "sender_key");
    }
}
