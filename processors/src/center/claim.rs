//! Channels of KakaoTalk (카카오톡 채널) that customers claim as their sender profiles: Kakao sends a token to the phone of the
//! channel's manager, and whoever hands it in has the channel (docs/adr/0038).

use crate::{
    reference::{Approval, SenderProfile},
    refusal::{Code, Refusal},
    rules::{
        field::{Field, top},
        phone, text,
    },
};
use serde::{Deserialize, Serialize};

/// Tokens that a phone is sent within [`REMEMBERED_MS`], whoever asks.
pub const MOST_OF_PHONE: u64 = 5;
/// Tokens that a customer may ask for within [`REMEMBERED_MS`].
pub const MOST_OF_CUSTOMER: u64 = 20;
/// How long a request for a token is counted, milliseconds.
pub const REMEMBERED_MS: i64 = 86_400_000;
/// Time between two tokens to a phone, milliseconds.
pub const BETWEEN_MS: i64 = 60_000;
/// How often a token may be handed in for each that was asked for.
pub const MOST_TRIES: u32 = 5;
/// How long a token holds, milliseconds: published as 7 days.
pub const HOLDS_MS: i64 = 7 * 86_400_000;
/// How long a claim is told after its last change, milliseconds.
pub const KEPT_MS: i64 = 30 * 86_400_000;

/// Longest id of a channel, characters.
const LONGEST_ID: usize = 40;
/// Longest token and number.
const LONGEST_TOKEN: usize = 64;
const LONGEST_NUMBER: usize = 20;
/// Digits of a category.
const CATEGORY: usize = 11;

/// How far a claim is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The dealer is to be asked for a token.
    Asked,
    /// The dealer was asked, and nobody wrote down what it said: it may have sent one.
    Asking,
    /// A token was sent, as far as is known.
    Sent,
    /// The token was handed in, and is to be brought to the dealer.
    Handed,
    /// The profile is registered.
    Registered,
    /// The dealer refuses, or what it gave cannot be taken.
    Refused,
}

impl Stage {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Asked, Self::Asking, Self::Sent, Self::Handed, Self::Registered, Self::Refused];

    /// The word of it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Asking => "asking",
            Self::Sent => "sent",
            Self::Handed => "handed",
            Self::Registered => "registered",
            Self::Refused => "refused",
        }
    }

    /// That of a word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.word() == word)
    }
}

/// What a channel of KakaoTalk may be about.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Category {
    /// Kakao's number.
    pub code: String,
    /// Its name.
    pub name: String,
}

/// What was handed in for a channel, beside the phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handed {
    /// The token.
    pub token: String,
    /// What the channel is about, as Kakao numbers it.
    pub category_code: String,
    /// Where ads are refused (080), for brand messages.
    pub unsubscribe_phone_number: Option<String>,
    /// What is dialled there.
    pub unsubscribe_auth_number: Option<String>,
}

impl Handed {
    /// Held against what the dealer takes.
    pub fn check(&self) -> Result<(), Refusal> {
        let plain = |at: &Field<'_>, given: &str, longest: usize, fits: fn(u8) -> bool| {
            if given.is_empty() {
                return Err(Refusal::missing(at, "a token that is handed in"));
            }
            let good = given.len() <= longest && given.bytes().all(fits);
            let reason =
                || format!("got {} characters, {longest} at most of its kind are allowed", given.chars().count());
            if good { Ok(()) } else { Err(Refusal::bad(at, reason())) }
        };
        plain(&top("token"), &self.token, LONGEST_TOKEN, |b| b.is_ascii_graphic())?;
        plain(&top("category_code"), &self.category_code, CATEGORY, |b| b.is_ascii_digit())?;
        if self.category_code.len() < CATEGORY {
            return Err(Refusal::bad(&top("category_code"), format_args!("allowed are {CATEGORY} digits")));
        }
        for (name, given) in [
            ("unsubscribe_phone_number", &self.unsubscribe_phone_number),
            ("unsubscribe_auth_number", &self.unsubscribe_auth_number),
        ] {
            let digits = |b: u8| b.is_ascii_digit() || b == b'-';
            given.as_ref().map_or(Ok(()), |given| plain(&top(name), given, LONGEST_NUMBER, digits))?;
        }
        Ok(())
    }
}

/// The id of a channel, as people search for it.
pub fn channel_id(given: &str) -> Result<(), Refusal> {
    let at = top("channel_id");
    if text::is_blank(given) {
        return Err(Refusal::missing(&at, "a claim"));
    }
    text::at_most(Code::BadRequest, &at, given, LONGEST_ID)?;
    let plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    let name = given.strip_prefix('@').filter(|name| !name.is_empty() && name.chars().all(plain));
    name.map(drop).ok_or_else(|| Refusal::bad(&at, "allowed is @ and letters, digits, -, _ and ."))
}

/// The phone of a channel's manager: plain digits of a mobile phone.
pub fn manager(given: &str) -> Result<String, Refusal> {
    let at = top("phone_number");
    if text::is_blank(given) {
        return Err(Refusal::missing(&at, "a token"));
    }
    text::one_line(&at, given)?;
    let digits = phone::sender(&at, given)?;
    if digits.starts_with("01") { Ok(digits) } else { Err(Refusal::bad(&at, "a mobile phone of Korea is allowed")) }
}

/// What was asked for before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Before {
    /// For this phone, within the time that is counted.
    pub of_phone: u64,
    /// By this customer.
    pub of_customer: u64,
    /// The last time for this phone, Unix milliseconds.
    pub last_ms: Option<i64>,
}

/// Whether one more token may be asked for: nobody's phone is filled with them.
pub fn may_ask(before: Before, now_ms: i64) -> Result<(), Refusal> {
    let wait = |reason: String| Err(Refusal::new(Code::QuotaUsedUp, &top("phone_number"), reason));
    if before.last_ms.is_some_and(|last_ms| now_ms - last_ms < BETWEEN_MS) {
        return wait(format!("it was sent a token within the last {} s", BETWEEN_MS / 1_000));
    }
    if before.of_phone >= MOST_OF_PHONE {
        return wait(format!("it was sent {MOST_OF_PHONE} tokens within a day"));
    }
    if before.of_customer >= MOST_OF_CUSTOMER {
        return wait(format!("{MOST_OF_CUSTOMER} tokens were asked for within a day"));
    }
    Ok(())
}

/// Why a token gets nobody a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unproven {
    /// It is another customer's here, who was proven to have it.
    Anothers,
}

/// What a token that Kakao knows makes of the profile under the key that it gave, whoever has it here: who only said that it is
/// his, or was rejected, does not stand in its owner's way. What an operator stopped stays stopped.
pub fn prove(rows: &mut Vec<SenderProfile>, username: &str, sender_key: &str) -> Result<Approval, Unproven> {
    let own =
        SenderProfile { sender_key: sender_key.to_owned(), username: username.to_owned(), state: Approval::Approved };
    let Some(there) = rows.first_mut() else {
        rows.push(own);
        return Ok(Approval::Approved);
    };
    match there.state {
        Approval::Requested | Approval::Rejected => *there = own,
        Approval::Approved | Approval::Stopped | Approval::Dormant if there.username == username => {}
        Approval::Approved | Approval::Stopped | Approval::Dormant => return Err(Unproven::Anothers),
    }
    Ok(there.state)
}

/// How a profile stands at its dealer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Its messages are sent.
    Active,
    /// It sleeps.
    Dormant,
    /// Kakao has blocked it.
    Blocked,
    /// Its manager has closed the channel.
    Deactivated,
    /// The channel is being deleted.
    Deleting,
    /// It was there, and is not any more.
    Gone,
    /// It was never seen there: another dealer has it.
    Elsewhere,
    /// What is said of it has no meaning that is published.
    Unclear,
}

impl Standing {
    /// The word of it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Dormant => "dormant",
            Self::Blocked => "blocked",
            Self::Deactivated => "deactivated",
            Self::Deleting => "deleting",
            Self::Gone => "gone",
            Self::Elsewhere => "elsewhere",
            Self::Unclear => "unclear",
        }
    }

    /// What becomes of a profile that is in this state here; None: nothing. Nothing that an operator stopped goes on.
    pub const fn makes_of(self, state: Approval) -> Option<Approval> {
        match (state, self) {
            (Approval::Approved, Self::Dormant) => Some(Approval::Dormant),
            (Approval::Dormant, Self::Active) => Some(Approval::Approved),
            (
                Approval::Approved | Approval::Dormant,
                Self::Blocked | Self::Deactivated | Self::Deleting | Self::Gone,
            ) => Some(Approval::Stopped),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_phones_and_tokens_are_of_their_form() {
        for good in ["@hanbit", "@한빛상점", "@a-b_c.9"] {
            assert_eq!(channel_id(good), Ok(()), "{good}");
        }
        let long = format!("@{}", "a".repeat(40));
        for (wrong, code) in [("", Code::Missing), ("hanbit", Code::BadRequest), ("@", Code::BadRequest)] {
            assert_eq!(channel_id(wrong).unwrap_err().code, code, "{wrong}");
        }
        for wrong in ["@a/b", "@a b", "@a\nb", "@a?b", "@a&b", &long] {
            assert_eq!(channel_id(wrong).unwrap_err().code, Code::BadRequest, "{wrong}");
        }
        assert_eq!(manager("+82 10-2345-6789"), Ok("01023456789".to_owned()));
        for wrong in ["02-345-6789", "010-0234-5678", "abc", "010\n23456789"] {
            assert_eq!(manager(wrong).unwrap_err().code, Code::BadRequest, "{wrong}");
        }
        let handed = |token: &str, category: &str| Handed {
            token: token.into(),
            category_code: category.into(),
            unsubscribe_phone_number: Some("080-000-0000".into()),
            unsubscribe_auth_number: None,
        };
        assert_eq!(handed("12345", "00100010001").check(), Ok(()));
        let field = |handed: Handed| handed.check().unwrap_err().field;
        assert_eq!(field(handed("", "00100010001")), "token");
        assert_eq!(field(handed("12\r\n45", "00100010001")), "token");
        assert_eq!(field(handed("토큰", "00100010001")), "token");
        assert_eq!(field(handed("12345", "001")), "category_code");
        let wrong = Handed { unsubscribe_auth_number: Some("x".into()), ..handed("1", "00100010001") };
        assert_eq!(field(wrong), "unsubscribe_auth_number");
    }

    #[test]
    fn a_phone_and_a_customer_get_so_many_tokens_a_day() {
        let before = |of_phone, of_customer, last_ms| Before { of_phone, of_customer, last_ms };
        assert_eq!(may_ask(before(0, 0, None), 0), Ok(()));
        assert_eq!(may_ask(before(4, 19, Some(0)), BETWEEN_MS), Ok(()));
        for refused in [before(1, 1, Some(1)), before(5, 5, Some(0)), before(0, 20, None)] {
            assert_eq!(may_ask(refused, BETWEEN_MS).unwrap_err().code, Code::QuotaUsedUp, "{refused:?}");
        }
    }

    #[test]
    fn a_token_gets_a_profile_from_nobody_who_was_proven_to_have_it() {
        use Approval::*;
        let row = |username: &str, state| SenderProfile { sender_key: "k".into(), username: username.into(), state };
        let mut rows = Vec::new();
        assert_eq!(prove(&mut rows, "shop", "k"), Ok(Approved));
        assert_eq!(rows, [row("shop", Approved)]);
        for (there, after) in [
            (row("shop", Requested), Ok(row("shop", Approved))),
            (row("shop", Rejected), Ok(row("shop", Approved))),
            (row("shop", Approved), Ok(row("shop", Approved))),
            (row("shop", Stopped), Ok(row("shop", Stopped))),
            (row("shop", Dormant), Ok(row("shop", Dormant))),
            (row("bank", Requested), Ok(row("shop", Approved))),
            (row("bank", Rejected), Ok(row("shop", Approved))),
            (row("bank", Approved), Err(Unproven::Anothers)),
            (row("bank", Stopped), Err(Unproven::Anothers)),
            (row("bank", Dormant), Err(Unproven::Anothers)),
        ] {
            let mut rows = vec![there.clone()];
            let proven = prove(&mut rows, "shop", "k");
            assert_eq!(proven, after.as_ref().map(|row| row.state).map_err(|unproven| *unproven), "{there:?}");
            assert_eq!(rows, [after.unwrap_or_else(|_| there.clone())]);
        }
    }

    #[test]
    fn what_does_not_stand_at_its_dealer_is_stopped_and_what_is_woken_goes_on() {
        use Approval::*;
        for bad in [Standing::Blocked, Standing::Deactivated, Standing::Deleting, Standing::Gone] {
            assert_eq!([Approved, Dormant].map(|state| bad.makes_of(state)), [Some(Stopped); 2], "{bad:?}");
        }
        assert_eq!(Standing::Dormant.makes_of(Approved), Some(Dormant));
        assert_eq!(Standing::Active.makes_of(Dormant), Some(Approved));
        for standing in [Standing::Active, Standing::Dormant, Standing::Blocked, Standing::Gone] {
            assert_eq!([Requested, Rejected, Stopped].map(|state| standing.makes_of(state)), [None; 3]);
        }
        for open in [Standing::Elsewhere, Standing::Unclear] {
            assert_eq!([Approved, Dormant].map(|state| open.makes_of(state)), [None; 2], "{open:?}");
        }
    }

    #[test]
    fn a_stage_is_found_by_its_word() {
        assert!(Stage::ALL.into_iter().all(|stage| Stage::of(stage.word()) == Some(stage)));
        assert_eq!(Stage::of("gone"), None);
    }
}
