//! Ads: when a message is one, and what one must show (정보통신망법 제50조, 시행령 별표 6; spec/ads.md).

mod label;

use super::field::Field;
use super::text;
use crate::law::Rule;
use crate::refusal::{Code, Refusal};
use label::Label;
use regex::Regex;
use schemas::{Channel, ContentOf, MessageType, Text};
use std::sync::LazyLock;

/// The label at the very start of an ad.
pub const LABEL: &str = "(광고)";

/// The end of an ad: how to refuse free of charge. The pattern is the one that NHN's check is described by.
static FREE_OPT_OUT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"무료\s*(수신)?\s*거부\]?\s*[:：]?\s*080[- ]?[0-9]{3,4}[- ]?[0-9]{3,4}$").expect("a valid pattern")
});

/// How a push says that one can refuse: it has no number to call.
static REFUSAL_WORDS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"수신\s*거부|수신\s*동의\s*(철회|해제)").expect("a valid pattern"));

/// Says whether a message is an ad, and refuses one that breaks a rule (2070).
///
/// `declared` is the customer's ad_flag. Without one 친구톡 and brand messages are ads and nothing else is. The label
/// makes an ad whatever the flag says; what only looks like the label is refused whatever the flag says.
pub fn check<S: Text>(
    at: &Field<'_>,
    channel: Channel,
    message_type: MessageType,
    content: &ContentOf<S>,
    declared: Option<bool>,
) -> Result<bool, Refusal> {
    let message = content.message.as_deref().unwrap_or_default();
    let title = content.title.as_deref().unwrap_or_default();
    for (name, text) in [("message", message), ("title", title)] {
        if label::of(text) == Label::Imitated {
            let reason = format!("starts with something like {LABEL}; write exactly {LABEL}, at the very start");
            return Err(broken(Rule::Shown, &at.of(name), &reason));
        }
    }
    let labelled = message.starts_with(LABEL) || title.starts_with(LABEL);
    let ad = labelled || declared.unwrap_or(matches!(channel, Channel::Ft | Channel::Bt));
    match (channel, ad) {
        (Channel::Bt, false) if ads_only(message_type) => {
            let reason = format!("{message_type} is for ads only, Y is needed");
            Err(broken(Rule::BrandMessage, &at.of("ad_flag"), &reason))
        }
        (_, false) => Ok(false),
        (Channel::At, true) => Err(broken(Rule::Alimtalk, &at.of("message"), "an 알림톡 carries no ads")),
        // Kakao shows the label and the way to block the channel itself.
        (Channel::Ft | Channel::Bt, true) => Ok(true),
        (Channel::Mt, true) => {
            starts_labelled(&at.of("message"), message)?;
            ends_with_opt_out(&at.of("message"), message).map(|()| true)
        }
        (Channel::Rc, true) => rcs(at, message, title, content).map(|()| true),
        (Channel::Pu, true) => push(at, message, title).map(|()| true),
        // One-click unsubscribe is in the headers that the sender writes.
        (Channel::Em, true) => starts_labelled(&at.of("title"), title).map(|()| true),
    }
}

/// Types that Kakao takes with ad_flag Y alone (FL, FC, FA).
const fn ads_only(message_type: MessageType) -> bool {
    matches!(message_type, MessageType::WideItemList | MessageType::CarouselFeed | MessageType::CarouselCommerce)
}

/// A refusal names the rule, and where it stands.
#[cold]
fn broken(rule: Rule, at: &Field<'_>, reason: &str) -> Refusal {
    Refusal::new(Code::AdRule, at, format_args!("{reason} ({rule})"))
}

fn starts_labelled(at: &Field<'_>, text: &str) -> Result<(), Refusal> {
    match text.starts_with(LABEL) {
        true => Ok(()),
        false => Err(broken(Rule::Shown, at, &format!("an ad must start with {LABEL}"))),
    }
}

fn ends_with_opt_out(at: &Field<'_>, text: &str) -> Result<(), Refusal> {
    match FREE_OPT_OUT.is_match(text.trim_end()) {
        true => Ok(()),
        false => Err(broken(Rule::Shown, at, "an ad must end with its free opt-out, 무료수신거부 080…")),
    }
}

/// With a footer the handset shows label and number itself; without one both are typed, and counted.
fn rcs<S: Text>(at: &Field<'_>, message: &str, title: &str, content: &ContentOf<S>) -> Result<(), Refusal> {
    if let Some(footer) = text::given(&content.footer) {
        let digits = footer.bytes().filter(u8::is_ascii_digit).count();
        return match footer.contains("080") && (9..=11).contains(&digits) {
            true => Ok(()),
            false => Err(broken(Rule::Shown, &at.of("footer"), "an ad's footer must be its free number, 080…")),
        };
    }
    let first = if title.is_empty() { message } else { title };
    if !message.starts_with(LABEL) {
        starts_labelled(&at.of("message"), first)?;
    }
    ends_with_opt_out(&at.of("message"), message)
}

fn push(at: &Field<'_>, message: &str, title: &str) -> Result<(), Refusal> {
    let first = if title.is_empty() { message } else { title };
    if !message.starts_with(LABEL) {
        starts_labelled(&at.of("message"), first)?;
    }
    match REFUSAL_WORDS.is_match(message) {
        true => Ok(()),
        false => Err(broken(Rule::Shown, &at.of("message"), "an ad must say how to refuse it (수신거부: …)")),
    }
}

#[cfg(test)]
mod tests;
