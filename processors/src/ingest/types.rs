//! Channels and their message types.

use crate::refusal::{Code, Refusal};
use crate::rules::field::Field;
use schemas::{Channel, MessageType};

/// The types of a channel by the words that requests use.
pub const fn words(channel: Channel) -> &'static [(&'static str, MessageType)] {
    match channel {
        Channel::At => &[("AT", MessageType::At), ("AI", MessageType::Ai)],
        Channel::Ft => &[("FT", MessageType::Ft), ("FI", MessageType::Fi), ("FW", MessageType::Fw)],
        Channel::Bt => &[
            ("TEXT", MessageType::Text),
            ("IMAGE", MessageType::Image),
            ("WIDE", MessageType::Wide),
            ("WIDE_ITEM_LIST", MessageType::WideItemList),
            ("CAROUSEL_FEED", MessageType::CarouselFeed),
            ("PREMIUM_VIDEO", MessageType::PremiumVideo),
            ("COMMERCE", MessageType::Commerce),
            ("CAROUSEL_COMMERCE", MessageType::CarouselCommerce),
            ("CATALOG", MessageType::Catalog),
            // Early brand talk (spec/kakao.md §3).
            ("BI", MessageType::Image),
            ("BW", MessageType::Wide),
        ],
        Channel::Mt => &[("SMS", MessageType::Sms), ("LMS", MessageType::Lms), ("MMS", MessageType::Mms)],
        Channel::Rc => &[
            ("RCSSMS", MessageType::Rcssms),
            ("RCSLMS", MessageType::Rcslms),
            ("RCSMMS", MessageType::Rcsmms),
            ("RCSTMPL", MessageType::Rcstmpl),
        ],
        Channel::Pu => &[("PU", MessageType::Pu)],
        Channel::Em => &[("EM", MessageType::Em)],
    }
}

/// The channel that a request names.
pub fn channel(at: &Field<'_>, word: &str) -> Result<Channel, Refusal> {
    match word {
        "" => Err(Refusal::missing(at, "a request")),
        _ => word
            .parse()
            .map_err(|_| Refusal::bad(at, format_args!("got {:?}, AT FT BT MT RC PU EM are allowed", short(word)))),
    }
}

/// The type that a request names; 4001 when its channel has none of that word.
pub fn message_type(at: &Field<'_>, channel: Channel, word: &str) -> Result<MessageType, Refusal> {
    if word.is_empty() {
        return Err(Refusal::missing(at, channel));
    }
    match words(channel).iter().find(|(known, _)| *known == word) {
        Some((_, message_type)) => Ok(*message_type),
        None => {
            let words: Vec<&str> = words(channel).iter().map(|(word, _)| *word).collect();
            let reason = format_args!("got {:?}, {channel} has {}", short(word), words.join(" "));
            Err(Refusal::new(Code::MessageType, at, reason))
        }
    }
}

/// The type of a fallback step that names none: the plain one of its channel. Text messages are measured first.
pub fn plain(channel: Channel) -> Option<MessageType> {
    match channel {
        Channel::At => Some(MessageType::At),
        Channel::Ft => Some(MessageType::Ft),
        Channel::Bt => Some(MessageType::Text),
        Channel::Pu => Some(MessageType::Pu),
        Channel::Em => Some(MessageType::Em),
        Channel::Mt | Channel::Rc => None,
    }
}

/// The beginning of a word that came; types and channels are not personal.
fn short(word: &str) -> String {
    word.chars().take(20).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::field::top;

    fn typed(channel: Channel, word: &str) -> Result<MessageType, Code> {
        message_type(&top("message_type"), channel, word).map_err(|r| r.code)
    }

    #[test]
    fn every_type_belongs_to_exactly_one_channel() {
        for kind in MessageType::ALL {
            let channels = Channel::ALL.iter().filter(|c| typed(**c, kind.as_str()) == Ok(*kind));
            assert_eq!(channels.count(), 1, "{kind}");
        }
    }

    #[test]
    fn early_brand_talk_is_understood() {
        assert_eq!(typed(Channel::Bt, "BI"), Ok(MessageType::Image));
        assert_eq!(typed(Channel::Bt, "BW"), Ok(MessageType::Wide));
    }

    #[test]
    fn a_type_of_another_channel_is_4001() {
        for (channel, word) in
            [(Channel::At, "FT"), (Channel::Ft, "FL"), (Channel::Mt, "sms"), (Channel::Rc, "SMS"), (Channel::Bt, "FI")]
        {
            assert_eq!(typed(channel, word), Err(Code::MessageType), "{channel} {word}");
        }
        assert_eq!(typed(Channel::Mt, ""), Err(Code::Missing));
        let refused = message_type(&top("message_type"), Channel::Mt, "TELEX").unwrap_err();
        assert_eq!(refused.message, "message_type: got \"TELEX\", MT has SMS LMS MMS");
    }

    #[test]
    fn a_channel_is_one_of_seven() {
        assert!(Channel::ALL.iter().all(|c| channel(&top("channel"), c.as_str()) == Ok(*c)));
        assert_eq!(channel(&top("channel"), "RCS").unwrap_err().code, Code::BadRequest);
        assert_eq!(channel(&top("channel"), "").unwrap_err().code, Code::Missing);
    }
}
