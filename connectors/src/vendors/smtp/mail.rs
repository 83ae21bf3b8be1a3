//! A step as a mail: RFC 5322 headers, text and HTML as alternatives, every byte of it ASCII.

use super::settings::Unsubscribe;
use crate::{files::File, unsubscribe::Refusing};
use lettre::{
    Address, Message,
    message::{
        Attachment, Body as Encoded, Mailbox, MultiPart, SinglePart,
        header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue},
    },
};
use schemas::Dispatch;
use std::time::{Duration, UNIX_EPOCH};

/// A mail, and between whom it goes.
#[derive(Debug, PartialEq, Eq)]
pub struct Mail {
    /// Sender's address, the one of the From header.
    pub from: String,
    /// Recipient's address.
    pub to: String,
    /// Headers and body.
    pub bytes: Vec<u8>,
}

/// Why a step cannot be a mail, each with the code that a server would give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoMail {
    /// The recipient's address is none.
    Recipient,
    /// The sender's address is none.
    Sender,
    /// It names an uploaded file that is not there.
    Files,
    /// Its files are more than a mail may have.
    Large,
    /// A header cannot be made of it.
    Header,
    /// It is an ad, and this server is sent none: it would not say how to refuse the next.
    Ad,
}

impl NoMail {
    /// Code of the SMTP table.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Recipient => "5.1.3",
            Self::Sender => "5.1.7",
            Self::Files => "5.3.3",
            Self::Large => "5.3.4",
            Self::Header => "5.5.2",
            Self::Ad => "5.7.99",
        }
    }
}

/// An address that goes into commands as it is: ASCII, one @, no blanks or brackets, so nothing can follow it.
pub fn address(text: &str) -> Option<Address> {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"(),:;\\[]".contains(&byte));
    plain.then(|| text.parse().ok()).flatten()
}

/// Bytes of all files of a mail (NHN Email); encoded they are a third more.
pub const MOST_FILES_BYTES: usize = 30 << 20;

/// The mail of a step with these files. `now_ms`: its date, Unix milliseconds.
///
/// The Message-ID is made of the serial number alone: a repeat carries the same one.
pub fn mail(
    dispatch: &Dispatch,
    files: Vec<File>,
    unsubscribe: Option<&Unsubscribe>,
    now_ms: i64,
) -> Result<Mail, NoMail> {
    let accepted = &dispatch.accepted;
    let content = &accepted.content;
    if files.iter().map(|file| file.bytes.len()).sum::<usize>() > MOST_FILES_BYTES {
        return Err(NoMail::Large);
    }
    let serial_number = &dispatch.serial_number;
    if serial_number.is_empty()
        || !serial_number.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    {
        return Err(NoMail::Header);
    }
    let to = accepted.recipient.to.as_deref().and_then(address).ok_or(NoMail::Recipient)?;
    let from = content.from_email.as_deref().and_then(address).ok_or(NoMail::Sender)?;
    let name = content.from_name.as_deref().filter(|name| !name.is_empty());
    let subject = content.title.as_deref().unwrap_or_default();
    // Ingest refuses them, and a fallback's or a replayed record's are refused here again.
    if [name.unwrap_or_default(), subject].iter().any(|text| text.contains(is_control)) {
        return Err(NoMail::Header);
    }
    let date = UNIX_EPOCH + Duration::from_millis(now_ms.max(0).unsigned_abs());
    let mut builder = Message::builder()
        .date(date)
        .message_id(Some(format!("<{serial_number}@{}>", from.domain())))
        .from(Mailbox::new(name.map(str::to_owned), from.clone()))
        .to(Mailbox::new(None, to.clone()))
        .subject(subject);
    if accepted.ad {
        let who = Refusing {
            username: accepted.username.clone(),
            recipient: to.to_string().to_lowercase(),
            serial_number: serial_number.clone(),
        };
        let address = unsubscribe.ok_or(NoMail::Ad)?.address(&who).ok_or(NoMail::Header)?;
        let address = format!("<{address}>");
        builder = builder.raw_header(as_it_is(HeaderName::new_from_ascii_str("List-Unsubscribe"), address)).raw_header(
            as_it_is(HeaderName::new_from_ascii_str("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click".to_owned()),
        );
    }
    let given = |text: &Option<_>| text.as_deref().map(str::to_owned).filter(|text| !text.is_empty());
    let body = match (given(&content.message), given(&content.html)) {
        (Some(text), Some(html)) => Body::Two(
            // The same bytes for the same step.
            MultiPart::alternative()
                .boundary(format!("ims-{serial_number}"))
                .singlepart(SinglePart::plain(text))
                .singlepart(SinglePart::html(html)),
        ),
        (None, Some(html)) => Body::One(SinglePart::html(html)),
        (text, None) => Body::One(SinglePart::plain(text.unwrap_or_default())),
    };
    let built = match (body, files.is_empty()) {
        (Body::Two(body), true) => builder.multipart(body),
        (Body::One(body), true) => builder.singlepart(body),
        (body, false) => {
            let mixed = MultiPart::mixed().boundary(format!("ims-files-{serial_number}"));
            let mixed = match body {
                Body::Two(body) => mixed.multipart(body),
                Body::One(body) => mixed.singlepart(body),
            };
            builder.multipart(files.into_iter().try_fold(mixed, |mixed, file| Ok(mixed.singlepart(attached(file)?)))?)
        }
    };
    let message = built.map_err(|_| NoMail::Header)?;
    Ok(Mail { from: from.to_string(), to: to.to_string(), bytes: message.formatted() })
}

/// A file as a part of a mail. What it is called and what it is of were its customer's to say.
fn attached(file: File) -> Result<SinglePart, NoMail> {
    let name: String = file.name.chars().filter(|character| !is_control(*character)).collect();
    let of = ContentType::parse(&file.content_type).or_else(|_| ContentType::parse("application/octet-stream"));
    // Whatever it is: line ends of a text would be exchanged on the way.
    let bytes = Encoded::new_with_encoding(file.bytes, ContentTransferEncoding::Base64).map_err(|_| NoMail::Header)?;
    Ok(Attachment::new(name).body(bytes, of.map_err(|_| NoMail::Header)?))
}

/// What a mail says: its text or HTML, or both.
enum Body {
    One(SinglePart),
    Two(MultiPart),
}

/// What would end a line, or begin a command of a terminal.
fn is_control(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

/// A value of visible ASCII, which no encoding may touch.
fn as_it_is(name: HeaderName, value: String) -> HeaderValue {
    HeaderValue::dangerous_new_pre_encoded(name, value.clone(), value)
}
