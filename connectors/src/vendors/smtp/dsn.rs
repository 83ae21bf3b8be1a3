//! What a returned mail says (RFC 3464): which addresses it came to, and what became of the mail that it is about.

use jiff::Timestamp;
use mail_parser::{HeaderValue, Message, MessageParser, MimeHeaders};
use processors::{
    codes::{Class, judge},
    reference::CodeTable,
};

/// Headers that name the address which a mail came to: its sender's, and what a server notes as it delivers.
const CAME_TO: [&str; 4] = ["To", "Delivered-To", "X-Original-To", "Envelope-To"];

/// A mail that came back.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Dsn {
    /// Addresses that it came to.
    pub came_to: Vec<String>,
    /// What it reports; None: it is no report of a delivery.
    pub report: Option<Report>,
}

/// What became of a mail.
#[derive(Debug, PartialEq, Eq)]
pub enum Report {
    /// It will not be delivered.
    Failed {
        /// Enhanced code.
        code: String,
        /// Addresses that the report names, the one that we wrote to or where it was forwarded.
        recipients: Vec<String>,
        /// When it was written, Unix milliseconds.
        at_ms: Option<i64>,
    },
    /// It is not delivered yet, was passed on to who reports nothing, or was delivered.
    Other,
}

impl Dsn {
    /// Reads a mail, whatever it is.
    pub fn read(mail: &[u8]) -> Self {
        let Some(mail) = MessageParser::default().parse(mail) else { return Self::default() };
        let came_to = CAME_TO.iter().flat_map(|name| mail.header_values(*name)).flat_map(addresses).collect();
        let is_status = |part: &&mail_parser::MessagePart<'_>| {
            part.content_type().is_some_and(|of| {
                of.ctype().eq_ignore_ascii_case("message")
                    && of.subtype().is_some_and(|of| {
                        // The second is that of addresses outside ASCII (RFC 6533).
                        ["delivery-status", "global-delivery-status"].iter().any(|known| of.eq_ignore_ascii_case(known))
                    })
            })
        };
        let status =
            mail.parts.iter().find(is_status).map(|part| String::from_utf8_lossy(part.contents()).into_owned());
        Self { came_to, report: status.and_then(|status| report(&status, &mail)) }
    }
}

/// Every address that a header names.
fn addresses(value: &HeaderValue<'_>) -> Vec<String> {
    let plain =
        |text: &str| text.split([' ', ',', '<', '>', ';']).filter(|w| w.contains('@')).map(str::to_owned).collect();
    match value {
        HeaderValue::Address(found) => found.iter().filter_map(|of| of.address.as_deref()).map(str::to_owned).collect(),
        HeaderValue::Text(text) => plain(text),
        HeaderValue::TextList(texts) => texts.iter().flat_map(|text| -> Vec<String> { plain(text) }).collect(),
        _ => Vec::new(),
    }
}

/// The first recipient that failed: a mail of ours has one. Blocks of fields are separated by empty lines, the first is of
/// the mail as a whole.
fn report(status: &str, mail: &Message<'_>) -> Option<Report> {
    let blocks: Vec<Vec<(String, String)>> = blocks(status);
    let about = |block: &&Vec<(String, String)>| field(block, "action").is_some();
    let mut recipients = blocks.iter().filter(about).peekable();
    recipients.peek()?;
    let failed =
        recipients.find(|block| field(block, "action").is_some_and(|does| does.eq_ignore_ascii_case("failed")));
    let Some(failed) = failed else { return Some(Report::Other) };
    let code = code(field(failed, "status")?, field(failed, "diagnostic-code").unwrap_or_default())?;
    let named = ["original-recipient", "final-recipient"].into_iter().filter_map(|name| field(failed, name));
    // `rfc822; name@domain`
    let recipients = named.filter_map(|value| value.split_once(';')).map(|(_, to)| to.trim().to_owned()).collect();
    let written = mail.date().and_then(|date| Timestamp::from_second(date.to_timestamp()).ok());
    Some(Report::Failed { code, recipients, at_ms: written.map(|at| at.as_millisecond()) })
}

fn blocks(status: &str) -> Vec<Vec<(String, String)>> {
    let mut blocks = vec![Vec::new()];
    for line in status.lines() {
        let last = blocks.len() - 1;
        if line.trim().is_empty() {
            blocks.push(Vec::new());
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = blocks[last].last_mut() {
                let value: &mut String = value;
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            blocks[last].push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    blocks
}

fn field<'b>(block: &'b [(String, String)], name: &str) -> Option<&'b str> {
    block.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
}

/// The status, or where it says nothing but its class the enhanced code of the other server's reply.
fn code(status: &str, diagnostic: &str) -> Option<String> {
    let is_code = |word: &&str| {
        word.split('.').count() == 3
            && judge(CodeTable::Smtp, word).class != Class::Unknown
            && word.starts_with(['4', '5'])
    };
    let status = status.split([' ', '(']).next().filter(is_code)?;
    if !status.ends_with(".0.0") {
        return Some(status.to_owned());
    }
    let said = diagnostic.split([' ', ';', ',', '(', ')', '-', '#']).find(is_code);
    Some(said.unwrap_or(status).to_owned())
}
