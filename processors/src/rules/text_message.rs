//! Text messages (MT): SMS, LMS, MMS, counted in CP949 bytes (spec/mt.md §1).

use super::field::Field;
use super::{attachment, cp949, text};
use crate::reference::Unencodable;
use crate::refusal::Refusal;
use schemas::{ContentOf, MessageType, Text};

/// Longest SMS, bytes.
pub const SMS_BYTES: usize = 90;
/// Longest LMS and MMS, bytes.
pub const LMS_BYTES: usize = 2000;
/// Longest title, bytes.
pub const TITLE_BYTES: usize = 50;

/// Checks everything that a text message says; characters outside CP949 are refused or replaced. `title_bytes` is what
/// the vendors take of a title, which may be less than the contract's.
pub fn check<S: Text>(
    at: &Field<'_>,
    message_type: MessageType,
    content: &mut ContentOf<S>,
    abroad: bool,
    unencodable: Unencodable,
    title_bytes: usize,
) -> Result<(), Refusal> {
    let kind = message_type.as_str();
    let sms = message_type == MessageType::Sms;
    if abroad && !sms {
        return Err(Refusal::bad(&at.of("message_type"), format_args!("{kind} cannot go abroad, only SMS can")));
    }
    text::needed(&at.of("message"), &content.message, kind)?;
    if let Some(message) = &mut content.message {
        cp949::at_most(&at.of("message"), message, if sms { SMS_BYTES } else { LMS_BYTES }, unencodable)?;
    }
    match &mut content.title {
        Some(title) if !text::is_blank(title) => {
            if sms {
                return Err(Refusal::bad(&at.of("title"), "SMS takes none"));
            }
            text::one_line(&at.of("title"), title)?;
            cp949::at_most(&at.of("title"), title, title_bytes, unencodable)?;
        }
        _ => {}
    }
    if let Some(given) = &content.attachment {
        attachment::only(&at.of("attachment"), given, &[], kind)?;
    }
    files(&at.of("attach_file_list"), message_type, &content.attach_file_list)
}

/// MMS has 1 to 3 images, the others none.
fn files<S: Text>(at: &Field<'_>, message_type: MessageType, keys: &[S]) -> Result<(), Refusal> {
    match (message_type, keys.len()) {
        (MessageType::Mms, 0) => Err(Refusal::missing(at, "MMS")),
        (MessageType::Mms, got @ 4..) => Err(Refusal::bad(at, format_args!("got {got}, 1 to 3 are allowed"))),
        (MessageType::Mms, _) => Ok(()),
        (_, 0) => Ok(()),
        (other, _) => Err(Refusal::bad(at, format_args!("{other} takes none"))),
    }
}

/// The type of a text whose sender named none: SMS when it fits, else LMS.
pub fn fitting(text: &str) -> MessageType {
    // What CP949 cannot hold is refused or replaced by one byte later; two are counted here, as for any other character.
    let bytes = cp949::bytes(text).unwrap_or_else(|_| text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum());
    if bytes <= SMS_BYTES { MessageType::Sms } else { MessageType::Lms }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::Code;
    use schemas::{Attachment, Content};

    fn run(message_type: MessageType, mut content: Content) -> Result<(), (Code, String)> {
        check(&Field::REQUEST, message_type, &mut content, false, Unencodable::Refuse, 50)
            .map_err(|r| (r.code, r.message))
    }

    fn message(text: impl Into<String>) -> Content {
        Content { message: Some(text.into()), ..Content::default() }
    }

    fn mms(files: usize) -> Content {
        Content { attach_file_list: vec!["f1".into(); files], ..message("가") }
    }

    #[test]
    fn texts_hold_at_the_limit_and_fail_beyond() {
        assert_eq!(run(MessageType::Sms, message("가".repeat(45))), Ok(()));
        assert_eq!(run(MessageType::Sms, message("a".repeat(90))), Ok(()));
        let over = (Code::TooLong, "message: got 91 bytes in CP949, at most 90".to_owned());
        assert_eq!(run(MessageType::Sms, message("가".repeat(45) + "a")), Err(over));
        assert_eq!(run(MessageType::Lms, message("가".repeat(1000))), Ok(()));
        assert_eq!(run(MessageType::Lms, message("가".repeat(1000) + "a")).unwrap_err().0, Code::TooLong);
        let long_mms = |text: String| Content { message: Some(text), ..mms(1) };
        assert_eq!(run(MessageType::Mms, long_mms("가".repeat(1000))), Ok(()));
        assert_eq!(run(MessageType::Mms, long_mms("가".repeat(1000) + "a")).unwrap_err().0, Code::TooLong);
        assert_eq!(run(MessageType::Sms, message(" ")).unwrap_err().0, Code::Missing);
    }

    #[test]
    fn titles_hold_at_the_limit_and_sms_has_none() {
        let titled = |text: String| Content { title: Some(text), ..message("가") };
        assert_eq!(run(MessageType::Lms, titled("가".repeat(25))), Ok(()));
        let over = (Code::TooLong, "title: got 51 bytes in CP949, at most 50".to_owned());
        assert_eq!(run(MessageType::Lms, titled("가".repeat(25) + "a")), Err(over));
        assert_eq!(run(MessageType::Sms, titled("가".into())), Err((Code::BadRequest, "title: SMS takes none".into())));
        assert_eq!(run(MessageType::Lms, titled("가\n나".into())).unwrap_err().0, Code::BadRequest);
    }

    #[test]
    fn mms_has_one_to_three_files_and_the_others_none() {
        assert_eq!((run(MessageType::Mms, mms(1)), run(MessageType::Mms, mms(3))), (Ok(()), Ok(())));
        assert_eq!(run(MessageType::Mms, mms(0)).unwrap_err().0, Code::Missing);
        assert_eq!(
            run(MessageType::Mms, mms(4)),
            Err((Code::BadRequest, "attach_file_list: got 4, 1 to 3 are allowed".into()))
        );
        assert_eq!(run(MessageType::Lms, mms(1)).unwrap_err().0, Code::BadRequest);
        let linked = Attachment { link: Some("https://example.kr".into()), ..Attachment::default() };
        let attached = Content { attachment: Some(Box::new(linked)), ..message("가") };
        assert_eq!(run(MessageType::Lms, attached).unwrap_err().0, Code::Attachment);
    }

    #[test]
    fn only_sms_goes_abroad() {
        let mut content = message("가");
        let mut abroad = |t| check(&Field::REQUEST, t, &mut content, true, Unencodable::Refuse, 50).is_ok();
        assert!(abroad(MessageType::Sms));
        assert!(!abroad(MessageType::Lms));
    }

    #[test]
    fn the_type_follows_the_length() {
        assert_eq!(fitting(&"가".repeat(45)), MessageType::Sms);
        assert_eq!(fitting(&("가".repeat(45) + "a")), MessageType::Lms);
        assert_eq!(fitting(&"😀".repeat(45)), MessageType::Sms);
        assert_eq!(fitting(&"😀".repeat(46)), MessageType::Lms);
    }

    #[test]
    fn replacing_counts_what_is_sent() {
        let mut content = message("😀".repeat(90));
        assert_eq!(check(&Field::REQUEST, MessageType::Sms, &mut content, false, Unencodable::Replace, 50), Ok(()));
        assert_eq!(content.message.as_deref(), Some("?".repeat(90).as_str()));
    }
}
