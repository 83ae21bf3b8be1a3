//! Links: web addresses and app schemes.

use super::field::Field;
use super::text::{characters_over, given};
use crate::refusal::{Code, Refusal};
use schemas::{ButtonOf, CouponOf, ItemOf, Text};

/// Longest link in a template and in an 알림톡, characters.
pub const TEMPLATE_LINK: usize = 500;
/// Longest link of a free-form message, characters.
pub const FREE_LINK: usize = 1000;

/// Refuses what is no http or https address, or is too long.
pub fn web(code: Code, field: &Field<'_>, link: &str, longest: usize) -> Result<(), Refusal> {
    let rest = link.strip_prefix("https://").or_else(|| link.strip_prefix("http://"));
    match rest.map(|rest| rest.bytes().next()) {
        None => return Err(Refusal::new(code, field, "must start with http:// or https://")),
        Some(None | Some(b'/' | b'?' | b'#' | b':')) => return Err(Refusal::new(code, field, "names no host")),
        Some(Some(_)) => {}
    }
    unbroken(code, field, link, longest)
}

/// Refuses an app link that is empty, broken by blanks, without a scheme, or too long.
pub fn scheme(code: Code, field: &Field<'_>, link: &str, longest: usize) -> Result<(), Refusal> {
    if link.split_once(':').is_none_or(|(scheme, _)| scheme.is_empty()) {
        return Err(Refusal::new(code, field, "must start with a scheme, such as kakaotalk:"));
    }
    unbroken(code, field, link, longest)
}

/// The four links that buttons, items and coupons share.
#[derive(Debug, Clone, Copy)]
pub struct Links<'l, S> {
    /// Web link on a phone.
    pub url_mobile: &'l Option<S>,
    /// Web link on a desktop.
    pub url_pc: &'l Option<S>,
    /// App link, Android.
    pub scheme_android: &'l Option<S>,
    /// App link, iOS.
    pub scheme_ios: &'l Option<S>,
}

macro_rules! links_of {
    ($($record:ident),*) => {$(
        impl<'l, S: Text> From<&'l $record<S>> for Links<'l, S> {
            fn from(of: &'l $record<S>) -> Self {
                Self {
                    url_mobile: &of.url_mobile,
                    url_pc: &of.url_pc,
                    scheme_android: &of.scheme_android,
                    scheme_ios: &of.scheme_ios,
                }
            }
        }
    )*};
}
links_of!(ButtonOf, ItemOf, CouponOf);

impl<S: Text> Links<'_, S> {
    /// Checks those that are given.
    pub fn check(&self, code: Code, at: &Field<'_>, longest: usize) -> Result<(), Refusal> {
        for (name, link) in [("url_mobile", self.url_mobile), ("url_pc", self.url_pc)] {
            given(link).map_or(Ok(()), |link| web(code, &at.of(name), link, longest))?;
        }
        for (name, link) in [("scheme_android", self.scheme_android), ("scheme_ios", self.scheme_ios)] {
            given(link).map_or(Ok(()), |link| scheme(code, &at.of(name), link, longest))?;
        }
        Ok(())
    }
}

fn unbroken(code: Code, field: &Field<'_>, link: &str, longest: usize) -> Result<(), Refusal> {
    if let Some(got) = characters_over(link, longest) {
        return Err(Refusal::new(code, field, format_args!("got {got} characters, at most {longest}")));
    }
    if link.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(());
    }
    match link.chars().position(|c| c.is_whitespace() || c.is_control()) {
        None => Ok(()),
        Some(at) => Err(Refusal::new(code, field, format_args!("has a blank or control character at {}", at + 1))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::field::top;
    use super::*;

    fn is_web(link: &str, longest: usize) -> bool {
        web(Code::Attachment, &top("url_mobile"), link, longest).is_ok()
    }

    #[test]
    fn a_web_link_has_a_scheme_and_a_host() {
        for link in ["https://shop.example.kr", "http://m.example.com/a?b=1#c", "https://쇼핑.kr/상품"] {
            assert!(is_web(link, 1000), "{link}");
        }
        for link in ["", "shop.example.kr", "ftp://example.com", "https://", "http:///a", "https://a b", "https://a\n"]
        {
            assert!(!is_web(link, 1000), "{link}");
        }
    }

    #[test]
    fn an_app_link_has_a_scheme() {
        let is_scheme = |link| scheme(Code::Attachment, &top("scheme_ios"), link, 20).is_ok();
        assert!(is_scheme("myapp://order/1"));
        assert!(is_scheme("alimtalk=coupon://1"));
        for link in ["", "myapp", "://x", "my app://x", "myapp://aaaaaaaaaaaaa"] {
            assert!(!is_scheme(link), "{link}");
        }
    }

    #[test]
    fn limits_hold_at_the_limit_and_fail_beyond() {
        let link = format!("https://{}", "a".repeat(12));
        assert!(is_web(&link, 20));
        assert!(!is_web(&link, 19));
    }
}
