//! Who agreed to the ads of a customer, to which, and whether that still stands.

use schemas::Channel;
use serde::{Deserialize, Serialize};

/// What somebody agrees to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Ads (정보통신망법 제50조 ①).
    Ad,
    /// Ads by night, which takes a consent of its own (③).
    Night,
}

impl Kind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Ad, Self::Night];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ad => "ad",
            Self::Night => "night",
        }
    }

    /// By its word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// What ends with it when it is taken back: who wants no ads wants none by night either.
    pub const fn ends(self) -> &'static [Self] {
        match self {
            Self::Ad => &[Self::Ad, Self::Night],
            Self::Night => &[Self::Night],
        }
    }
}

/// What somebody said about the ads of a customer, without who it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    /// About these alone; None: about all.
    pub channel: Option<Channel>,
    /// What about.
    pub kind: Kind,
    /// When it was agreed to, Unix milliseconds.
    pub consented_ms: i64,
    /// When that was taken back.
    pub withdrawn_ms: Option<i64>,
}

impl Word {
    /// Whether nothing took it back.
    pub fn stands(&self) -> bool {
        self.withdrawn_ms.is_none()
    }

    /// When it was said last; of two at the same time that which takes back is the later one.
    fn said(&self) -> (i64, bool) {
        (self.withdrawn_ms.unwrap_or(self.consented_ms), self.withdrawn_ms.is_some())
    }

    /// What stands after somebody agreed, or what was noted elsewhere came in. What is older than it changes nothing.
    pub fn after(self, new: Self) -> Self {
        if new.said() > self.said() { new } else { self }
    }
}

/// Whether somebody who said this agreed to what is asked: what was said last of this channel, or of all, counts.
pub fn stands(words: &[Word], kind: Kind, channel: Channel) -> bool {
    let about = words.iter().filter(|word| word.kind == kind && word.channel.is_none_or(|of| of == channel));
    about.max_by_key(|word| word.said()).is_some_and(Word::stands)
}

/// The words that change when consent is taken back: of one channel, or of all.
///
/// What was agreed to for all channels and is taken back for one leaves a word about that one.
pub fn withdrawn(words: &[Word], kind: Kind, channel: Option<Channel>, at_ms: i64) -> Vec<Word> {
    let mut changed: Vec<Word> = Vec::new();
    for kind in kind.ends() {
        let about = words.iter().filter(|word| word.kind == *kind && word.stands() && word.consented_ms <= at_ms);
        for word in about {
            let ended = Word { withdrawn_ms: Some(at_ms), ..*word };
            match (channel, word.channel) {
                (None, _) => changed.push(ended),
                (Some(asked), Some(of)) if asked == of => changed.push(ended),
                (Some(_), None) => changed.push(Word { channel, ..ended }),
                (Some(_), Some(_)) => {}
            }
        }
    }
    // Its own word and that about all come to the same.
    changed.sort_by_key(|word| (word.kind, word.channel.map(Channel::as_str), -word.consented_ms));
    changed.dedup_by_key(|word| (word.kind, word.channel));
    changed
}

/// What a recipient agreed to, of the channels of a message and its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreed {
    /// The first channel that no consent stands for.
    pub missing: Option<Channel>,
    /// Whether ads by night are agreed to, on all of them.
    pub night: bool,
}

impl Agreed {
    /// By what it said.
    pub fn of(words: &[Word], channels: &[Channel]) -> Self {
        let stands = |kind| move |channel: &&Channel| stands(words, kind, **channel);
        Self {
            missing: channels.iter().find(|channel| !stands(Kind::Ad)(channel)).copied(),
            night: channels.iter().all(|channel| stands(Kind::Night)(&channel)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn word(kind: Kind, channel: Option<Channel>, consented_ms: i64, withdrawn_ms: Option<i64>) -> Word {
        Word { channel, kind, consented_ms, withdrawn_ms }
    }

    #[test]
    fn what_was_said_last_of_the_channel_or_of_all_counts() {
        let mt = Some(Channel::Mt);
        let of = |words: &[Word], channel| stands(words, Kind::Ad, channel);
        assert!(!of(&[], Channel::Mt));
        assert!(of(&[word(Kind::Ad, None, 1, None)], Channel::Mt));
        assert!(!of(&[word(Kind::Night, None, 1, None)], Channel::Mt), "another consent");
        assert!(!of(&[word(Kind::Ad, mt, 1, None)], Channel::Em), "another channel");
        let but_text = [word(Kind::Ad, None, 1, None), word(Kind::Ad, mt, 1, Some(5))];
        assert!(of(&but_text, Channel::Em) && !of(&but_text, Channel::Mt));
        let text_again = [word(Kind::Ad, None, 1, None), word(Kind::Ad, mt, 9, None)];
        assert!(of(&text_again, Channel::Mt));
        let none_but_text = [word(Kind::Ad, None, 1, Some(5)), word(Kind::Ad, mt, 9, None)];
        assert!(of(&none_but_text, Channel::Mt) && !of(&none_but_text, Channel::Em));
        assert!(!of(&[word(Kind::Ad, None, 5, None), word(Kind::Ad, mt, 1, Some(5))], Channel::Mt), "at one moment");
    }

    #[test]
    fn who_takes_back_consent_to_ads_takes_back_the_night_too() {
        let words = [word(Kind::Ad, None, 1, None), word(Kind::Night, None, 2, None)];
        let of_all = withdrawn(&words, Kind::Ad, None, 9);
        assert_eq!(of_all, [word(Kind::Ad, None, 1, Some(9)), word(Kind::Night, None, 2, Some(9))]);
        assert_eq!(withdrawn(&words, Kind::Night, None, 9), [word(Kind::Night, None, 2, Some(9))]);
        let of_text = withdrawn(&words, Kind::Ad, Some(Channel::Mt), 9);
        assert!(of_text.iter().all(|word| word.channel == Some(Channel::Mt)) && of_text.len() == 2, "{of_text:?}");
        assert_eq!(withdrawn(&words, Kind::Ad, None, 0), [], "they were given since");
    }

    #[test]
    fn a_plan_needs_consent_for_each_of_its_channels() {
        let words = [word(Kind::Ad, None, 1, None), word(Kind::Night, Some(Channel::Mt), 1, None)];
        let of = |channels: &[Channel]| Agreed::of(&words, channels);
        assert_eq!(of(&[Channel::Mt]), Agreed { missing: None, night: true });
        assert_eq!(of(&[Channel::Mt, Channel::Pu]), Agreed { missing: None, night: false });
        assert_eq!(Agreed::of(&words[1..], &[Channel::Mt, Channel::Pu]).missing, Some(Channel::Mt));
    }

    proptest! {
        #[test]
        fn after_a_withdrawal_nothing_stands_and_words_come_in_any_order(
            said in prop::collection::vec((0usize..2, prop::option::of(0usize..7), 0i64..50, prop::option::of(0i64..50)), 0..12),
            at in 60i64..99,
        ) {
            let words: Vec<Word> = said.into_iter().map(|(kind, channel, consented_ms, withdrawn_ms)| {
                let withdrawn_ms = withdrawn_ms.map(|at| at.max(consented_ms));
                word(Kind::ALL[kind], channel.map(|at| Channel::ALL[at]), consented_ms, withdrawn_ms)
            }).collect();
            let kept = |words: &[Word]| {
                let mut kept: Vec<Word> = Vec::new();
                for new in words {
                    match kept.iter_mut().find(|old| (old.kind, old.channel) == (new.kind, new.channel)) {
                        Some(old) => *old = old.after(*new),
                        None => kept.push(*new),
                    }
                }
                kept
            };
            let (there, reversed) = (kept(&words), kept(&words.iter().rev().copied().collect::<Vec<_>>()));
            for &channel in Channel::ALL {
                for kind in Kind::ALL {
                    prop_assert_eq!(stands(&there, kind, channel), stands(&reversed, kind, channel));
                    let ended = withdrawn(&there, kind, Some(channel), at);
                    let after = kept(&[there.clone(), ended].concat());
                    for of in kind.ends() {
                        prop_assert!(!stands(&after, *of, channel));
                    }
                    let ended = withdrawn(&there, kind, None, at);
                    let after = kept(&[there.clone(), ended].concat());
                    prop_assert!(kind.ends().iter().all(|of| Channel::ALL.iter().all(|c| !stands(&after, *of, *c))));
                }
            }
        }
    }
}
