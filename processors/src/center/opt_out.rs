//! Who wants no ads of a customer, and how we know.

use crate::{
    refusal::Refusal,
    rules::{address, field::Field, phone, text},
};

/// How an opt-out came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// A call of the free number, 080.
    Call,
    /// One click in an email.
    Click,
    /// The customer says so.
    Customer,
    /// It stood in imported reference data.
    Import,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Call, Self::Click, Self::Customer, Self::Import];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Click => "click",
            Self::Customer => "customer",
            Self::Import => "import",
        }
    }

    /// By its word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == word)
    }
}

/// Whom an opt-out is of, as ingest asks for it: an address, a number in international digits, or an id of the customer's
/// app, which `app` says.
pub fn recipient(at: &Field<'_>, given: &str, app: bool) -> Result<String, Refusal> {
    if app {
        if text::is_blank(given) {
            return Err(Refusal::missing(at, "an entry of the list"));
        }
        address::app_user(at, given, 64)?;
        return Ok(given.to_owned());
    }
    if given.contains('@') {
        address::mailbox(at, given, 320)?;
        return Ok(given.to_lowercase());
    }
    let of = phone::receiver(at, given, 20, at, None)?;
    Ok(format!("{}{}", of.country_code, of.number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::field::top;

    #[test]
    fn a_recipient_is_named_as_ingest_asks_for_it() {
        let of = |given, app| recipient(&top("recipient"), given, app).map_err(|refusal| refusal.code);
        assert_eq!(of("010-1234-5678", false), Ok("821012345678".into()));
        assert_eq!(of("+82 10 1234 5678", false), Ok("821012345678".into()));
        assert_eq!(of("Hana@Example.com", false), Ok("hana@example.com".into()));
        assert_eq!(of("hana", true), Ok("hana".into()));
        for (given, app) in [("", false), ("hana", false), ("a@", false), (" ", true), ("ha\0na", true)] {
            assert!(of(given, app).is_err(), "{given}");
        }
        let refused = recipient(&top("recipient"), "010-1234-567x", false).unwrap_err();
        assert!(!refused.message.contains("1234"), "{refused}");
    }

    #[test]
    fn a_source_is_known_by_its_word() {
        assert!(Source::ALL.into_iter().all(|source| Source::of(source.as_str()) == Some(source)));
        assert_eq!(Source::of("080"), None);
    }
}
