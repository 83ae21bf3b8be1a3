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

/// Somebody as consents know it: an id in the customer's app may read like a number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Named {
    /// Phone number in international digits, app user id, or address.
    pub recipient: String,
    /// It is an app user id.
    pub app_user: bool,
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

    /// Whether it stands beside what was said of all channels: who took all back took an older word of one back too.
    pub fn stands_beside(&self, of_all: Option<&Self>) -> bool {
        self.stands() && of_all.is_none_or(|all| all.stands() || self.said() > all.said())
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

/// The words that are kept when consent is taken back: of one channel, or of all.
///
/// That of what was asked is kept also where nothing stood, or older words that come in later would stand.
pub fn withdrawn(words: &[Word], kind: Kind, channel: Option<Channel>, at_ms: i64) -> Vec<Word> {
    let mut changed: Vec<Word> = Vec::new();
    for &kind in kind.ends() {
        let of_kind = || words.iter().filter(move |word| word.kind == kind);
        let single = of_kind().filter(|word| channel.is_none() && word.channel.is_some() && word.stands());
        for about in std::iter::once(channel).chain(single.map(|word| word.channel)) {
            let own = of_kind().find(|word| word.channel == about);
            // What stands of all stands of each channel.
            let standing = of_kind().filter(|word| word.stands() && (word.channel == about || word.channel.is_none()));
            let consented_ms = standing.map(|word| word.consented_ms).max();
            let consented_ms = consented_ms.or(own.map(|word| word.consented_ms)).unwrap_or(at_ms);
            // The clock of who noted the consent may be ahead.
            let withdrawn_ms = own.and_then(|word| word.withdrawn_ms).max(Some(at_ms.max(consented_ms)));
            changed.push(Word { channel: about, kind, consented_ms, withdrawn_ms });
        }
    }
    changed
}

/// Whether consent to the night changes what becomes of an ad ([`crate::night::Night`]): mail has no night, and FT and BT wait
/// for the morning whatever was agreed to.
const fn asks_for_night(channel: Channel) -> bool {
    match channel {
        Channel::Em | Channel::Ft | Channel::Bt => false,
        Channel::At | Channel::Mt | Channel::Rc | Channel::Pu => true,
    }
}

/// What a recipient agreed to, of the channels of a message and its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreed {
    /// The first channel that no consent stands for.
    pub missing: Option<Channel>,
    /// Whether ads by night are agreed to, on all of them where that counts.
    pub night: bool,
}

impl Agreed {
    /// By what it said.
    pub fn of(words: &[Word], channels: &[Channel]) -> Self {
        let stands = |kind| move |channel: &&Channel| stands(words, kind, **channel);
        Self {
            missing: channels.iter().find(|channel| !stands(Kind::Ad)(channel)).copied(),
            night: channels
                .iter()
                .filter(|channel| asks_for_night(**channel))
                .all(|channel| stands(Kind::Night)(&channel)),
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
        let never = [word(Kind::Ad, None, 9, Some(9)), word(Kind::Night, None, 9, Some(9))];
        assert_eq!(withdrawn(&[], Kind::Ad, None, 9), never, "older words may come in later");
        let again = withdrawn(&of_all, Kind::Ad, None, 12);
        assert_eq!(again, [word(Kind::Ad, None, 1, Some(12)), word(Kind::Night, None, 2, Some(12))]);
        assert_eq!(withdrawn(&again, Kind::Ad, None, 9), again, "it was taken back since");
    }

    #[test]
    fn a_consent_dated_ahead_is_taken_back_too() {
        let mt = Some(Channel::Mt);
        let words = [word(Kind::Ad, None, 20, None), word(Kind::Ad, Some(Channel::Em), 30, None)];
        let of_all = withdrawn(&words, Kind::Ad, None, 9);
        assert_eq!(of_all[..2], [word(Kind::Ad, None, 20, Some(20)), word(Kind::Ad, Some(Channel::Em), 30, Some(30))]);
        assert_eq!(withdrawn(&words, Kind::Ad, mt, 9)[0], word(Kind::Ad, mt, 20, Some(20)));
    }

    #[test]
    fn a_plan_needs_consent_for_each_of_its_channels() {
        let words = [word(Kind::Ad, None, 1, None), word(Kind::Night, Some(Channel::Mt), 1, None)];
        let of = |channels: &[Channel]| Agreed::of(&words, channels);
        assert_eq!(of(&[Channel::Mt]), Agreed { missing: None, night: true });
        assert_eq!(of(&[Channel::Mt, Channel::Pu]), Agreed { missing: None, night: false });
        for channel in [Channel::Em, Channel::Ft, Channel::Bt] {
            assert!(of(&[channel, Channel::Mt]).night, "{channel} knows no consent to the night");
        }
        assert_eq!(Agreed::of(&words[1..], &[Channel::Mt, Channel::Pu]).missing, Some(Channel::Mt));
    }

    #[test]
    fn a_word_of_one_channel_goes_with_a_later_withdrawal_of_all() {
        let text = word(Kind::Ad, Some(Channel::Mt), 5, None);
        assert!(text.stands_beside(None));
        assert!(text.stands_beside(Some(&word(Kind::Ad, None, 9, None))));
        assert!(!text.stands_beside(Some(&word(Kind::Ad, None, 1, Some(9)))));
        assert!(text.stands_beside(Some(&word(Kind::Ad, None, 1, Some(4)))));
    }

    proptest! {
        #[test]
        fn after_a_withdrawal_nothing_older_stands_and_words_come_in_any_order(
            said in prop::collection::vec((0usize..2, prop::option::of(0usize..7), 0i64..50, prop::option::of(0i64..50)), 0..12),
            late in prop::collection::vec((0usize..2, prop::option::of(0usize..7), 0i64..50, prop::option::of(0i64..50)), 0..12),
            at in 60i64..99,
        ) {
            let of = |said: Vec<(usize, Option<usize>, i64, Option<i64>)>| -> Vec<Word> {
                let of = |(kind, channel, consented_ms, withdrawn_ms): (usize, Option<usize>, i64, Option<i64>)| {
                    let withdrawn_ms = withdrawn_ms.map(|at| at.max(consented_ms));
                    word(Kind::ALL[kind], channel.map(|at| Channel::ALL[at]), consented_ms, withdrawn_ms)
                };
                said.into_iter().map(of).collect()
            };
            let (words, late) = (of(said), of(late));
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
                    for asked in [Some(channel), None] {
                        let ended = withdrawn(&there, kind, asked, at);
                        let after = kept(&[there.clone(), ended.clone(), late.clone()].concat());
                        let reversed = kept(&[late.clone(), there.clone()].concat().into_iter().rev().collect::<Vec<_>>());
                        let reversed = kept(&[reversed.clone(), withdrawn(&reversed, kind, asked, at)].concat());
                        for about in Channel::ALL.iter().filter(|about| asked.is_none_or(|asked| asked == **about)) {
                            for of in kind.ends() {
                                prop_assert!(!stands(&after, *of, *about), "{:?}", after);
                                prop_assert!(!stands(&reversed, *of, *about), "{:?}", reversed);
                            }
                        }
                    }
                }
            }
        }
    }
}
