//! Channels as statistics, history and templates name them.

use crate::ingest::words;
use crate::refusal::{Code, Refusal};
use crate::rules::field::Field;
use schemas::{Channel, MessageType};

/// Channels that a customer looks at together (SPEC §5). RCS has no place among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// 알림톡, 친구톡, 브랜드톡.
    Kakao,
    /// Text messages.
    Mt,
    /// App push.
    Push,
    /// Email.
    Email,
}

impl Group {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Kakao, Self::Mt, Self::Push, Self::Email];

    /// Its word in paths.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kakao => "kakao",
            Self::Mt => "mt",
            Self::Push => "push",
            Self::Email => "email",
        }
    }

    /// By its word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.as_str() == word)
    }

    /// What belongs to it.
    pub const fn channels(self) -> &'static [Channel] {
        match self {
            Self::Kakao => &[Channel::At, Channel::Ft, Channel::Bt],
            Self::Mt => &[Channel::Mt],
            Self::Push => &[Channel::Pu],
            Self::Email => &[Channel::Em],
        }
    }

    /// Where a channel belongs.
    pub fn with(channel: Channel) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.channels().contains(&channel))
    }

    /// What its statistics call a type.
    pub const fn name(message_type: MessageType) -> &'static str {
        match message_type {
            MessageType::Pu => "PUSH",
            MessageType::Em => "EMAIL",
            other => other.as_str(),
        }
    }

    /// The type that a customer names.
    pub fn message_type(self, at: &Field<'_>, word: &str) -> Result<MessageType, Refusal> {
        let types = || self.channels().iter().flat_map(|channel| words(*channel)).map(|(_, of)| *of);
        types().find(|of| Self::name(*of) == word).ok_or_else(|| {
            let mut known: Vec<&str> = Vec::new();
            // Early names of a type are no types of their own.
            types().map(Self::name).for_each(|name| known.extend((!known.contains(&name)).then_some(name)));
            let got: String = word.chars().take(20).collect();
            let reason = format_args!("got {got:?}, {} has {}", self.as_str(), known.join(" "));
            Refusal::new(Code::MessageType, at, reason)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::field::top;

    #[test]
    fn every_channel_but_rcs_belongs_to_one_group() {
        for channel in Channel::ALL {
            let groups = Group::ALL.into_iter().filter(|group| group.channels().contains(channel)).count();
            assert_eq!(groups, usize::from(*channel != Channel::Rc), "{channel}");
        }
    }

    #[test]
    fn a_type_is_named_as_statistics_name_it() {
        let of = |group: Group, word| group.message_type(&top("type"), word);
        assert_eq!(of(Group::Kakao, "AI"), Ok(MessageType::Ai));
        assert_eq!(of(Group::Kakao, "WIDE_ITEM_LIST"), Ok(MessageType::WideItemList));
        assert_eq!(of(Group::Email, "EMAIL"), Ok(MessageType::Em));
        assert_eq!(of(Group::Push, "PUSH"), Ok(MessageType::Pu));
        let refused = of(Group::Mt, "FAX").unwrap_err();
        assert_eq!(refused.message, "type: got \"FAX\", mt has SMS LMS MMS");
        assert_eq!(of(Group::Email, "EM").unwrap_err().code, Code::MessageType);
    }
}
