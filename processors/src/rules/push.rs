//! App push (PU): title, text, tokens, data (spec/push-email-rcs.md §1-2).

use super::field::Field;
use super::link::{self, FREE_LINK};
use super::{attachment, text};
use crate::refusal::{Code, Refusal};
use schemas::{ContentOf, Text};

/// Largest push: title, text, image, link, and keys and values of data, in UTF-8 bytes. FCM and APNs both take 4096.
pub const DATA_BYTES: usize = 4096;
/// Most tokens of one message (FCM's multicast).
pub const TOKENS: usize = 500;
/// Longest token, characters (NHN Push).
const TOKEN: usize = 1600;
/// Longest collapse key, UTF-8 bytes: a header of APNs, `apns-collapse-id`.
pub const COLLAPSE_KEY: usize = 64;
/// Longest time to live, seconds: FCM's four weeks.
const TTL_SECONDS: i32 = 28 * 24 * 3600;

/// Checks everything that a push says.
pub fn check<S: Text>(at: &Field<'_>, content: &ContentOf<S>) -> Result<(), Refusal> {
    text::needed(&at.of("message"), &content.message, "PU")?;
    text::given_at_most(Code::TooLong, &at.of("title"), &content.title, 50)?;
    if let Some(key) = &content.collapse_key {
        let at = at.of("collapse_key");
        if key.len() > COLLAPSE_KEY {
            let reason = format_args!("got {} bytes in UTF-8, at most {COLLAPSE_KEY}", key.len());
            return Err(Refusal::bad(&at, reason));
        }
        text::one_line(&at, key)?;
    }
    match content.ttl_seconds {
        Some(got) if !(0..=TTL_SECONDS).contains(&got) => {
            return Err(Refusal::bad(&at.of("ttl_seconds"), format_args!("got {got}, 0 to {TTL_SECONDS} are allowed")));
        }
        _ => {}
    }
    if let Some(given) = &content.attachment {
        let at = at.of("attachment");
        attachment::only(&at, given, &["image", "link"], "PU")?;
        if let Some(image) = &given.image {
            attachment::image(&at.of("image"), image, FREE_LINK)?;
        }
        if let Some(link) = text::given(&given.link) {
            let scheme = if link.starts_with("http") { link::web } else { link::scheme };
            scheme(Code::Attachment, &at.of("link"), link, FREE_LINK)?;
        }
    }
    match size(content) {
        got if got > DATA_BYTES => Err(Refusal::new(
            Code::TooLong,
            &at.of("data"),
            format_args!("got {got} bytes with title, text and links, at most {DATA_BYTES}"),
        )),
        _ => Ok(()),
    }
}

fn size<S: Text>(content: &ContentOf<S>) -> usize {
    let length = |text: &Option<S>| text.as_deref().map_or(0, str::len);
    let attached = content
        .attachment
        .as_ref()
        .map_or(0, |a| a.image.as_ref().map_or(0, |i| i.img_url.len() + length(&i.img_link)) + length(&a.link));
    let data: usize = content.data.iter().map(|(key, value)| key.len() + value.len()).sum();
    length(&content.message) + length(&content.title) + length(&content.collapse_key) + attached + data
}

/// Checks the tokens of a receiver.
pub fn tokens<S: Text>(at: &Field<'_>, tokens: &[S]) -> Result<(), Refusal> {
    if tokens.len() > TOKENS {
        return Err(Refusal::bad(&at.of("push_tokens"), format_args!("got {}, at most {TOKENS}", tokens.len())));
    }
    tokens.iter().enumerate().try_for_each(|(i, given)| token(&at.entry("push_tokens", i), given))
}

/// Checks one token.
pub fn token(at: &Field<'_>, token: &str) -> Result<(), Refusal> {
    if (1..=TOKEN).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    let got = token.len();
    Err(Refusal::bad(at, format_args!("got {got} bytes; 1 to {TOKEN} ASCII characters without blanks are allowed")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::{Attachment, Content, Image};
    use std::collections::BTreeMap;

    fn push(bytes: usize) -> Content {
        let data = BTreeMap::from([("key".to_owned(), "v".repeat(bytes))]);
        Content { message: Some("안녕".into()), data, ..Content::default() }
    }

    fn run(content: &Content) -> Result<(), (Code, String)> {
        check(&Field::REQUEST, content).map_err(|r| (r.code, r.message))
    }

    #[test]
    fn all_of_a_push_has_at_most_4096_bytes() {
        let rest = 4096 - "안녕".len() - "key".len();
        assert_eq!(run(&push(rest)), Ok(()));
        let over = "data: got 4097 bytes with title, text and links, at most 4096".to_owned();
        assert_eq!(run(&push(rest + 1)), Err((Code::TooLong, over)));
        let titled = Content { title: Some("t".into()), ..push(rest) };
        assert_eq!(run(&titled).unwrap_err().0, Code::TooLong);
    }

    #[test]
    fn fields_hold_at_the_limit_and_fail_beyond() {
        let titled = |n: usize| Content { title: Some("가".repeat(n)), ..push(1) };
        assert_eq!(run(&titled(50)), Ok(()));
        assert_eq!(run(&titled(51)).unwrap_err().0, Code::TooLong);
        let living = |n| Content { ttl_seconds: Some(n), ..push(1) };
        assert_eq!((run(&living(0)), run(&living(2_419_200))), (Ok(()), Ok(())));
        assert!(run(&living(-1)).is_err() && run(&living(2_419_201)).is_err());
        let collapsing = |n: usize| Content { collapse_key: Some("k".repeat(n)), ..push(1) };
        assert_eq!(run(&collapsing(64)), Ok(()));
        assert!(run(&collapsing(65)).is_err());
        let key = |key: &str| run(&Content { collapse_key: Some(key.into()), ..push(1) });
        assert_eq!(key(&"가".repeat(21)), Ok(()));
        let over = "collapse_key: got 66 bytes in UTF-8, at most 64".to_owned();
        assert_eq!(key(&"가".repeat(22)), Err((Code::BadRequest, over)));
        for broken in ["a\nb", "a\u{7f}", "\0"] {
            assert_eq!(key(broken).unwrap_err().0, Code::BadRequest, "{broken:?}");
        }
        assert_eq!(run(&Content::default()).unwrap_err().0, Code::Missing);
    }

    #[test]
    fn a_push_has_an_image_and_a_link() {
        let image = Some(Box::new(Image { img_url: "https://img.example.kr/1.png".into(), img_link: None }));
        let with = |link: &str, image| {
            let attachment = Attachment { image, link: Some(link.into()), ..Attachment::default() };
            run(&Content { attachment: Some(Box::new(attachment)), ..push(1) })
        };
        assert_eq!(with("https://example.kr", image.clone()), Ok(()));
        assert_eq!(with("shop://order/1", None), Ok(()));
        assert_eq!(with("example", None).unwrap_err().0, Code::Attachment);
        let media = Attachment { media: vec!["maapfile://1".into()], ..Attachment::default() };
        let attached = Content { attachment: Some(Box::new(media)), ..push(1) };
        assert_eq!(run(&attached).unwrap_err().0, Code::Attachment);
    }

    #[test]
    fn tokens_hold_at_the_limit_and_fail_beyond() {
        let run = |list: Vec<String>| tokens(&Field::REQUEST, &list).map_err(|r| r.message);
        assert_eq!(run(vec!["t".into(); 500]), Ok(()));
        assert_eq!(run(vec!["t".into(); 501]), Err("push_tokens: got 501, at most 500".into()));
        assert_eq!(run(vec!["t".repeat(1600)]), Ok(()));
        assert!(run(vec!["t".into(), "t".repeat(1601)]).unwrap_err().starts_with("push_tokens[1]: got 1601 bytes"));
        assert!(run(vec![String::new()]).is_err() && run(vec!["a b".into()]).is_err());
    }
}
