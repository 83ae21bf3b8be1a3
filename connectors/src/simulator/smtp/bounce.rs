//! Mails that come back: a report as RFC 3464 has it, in a Maildir.

use aws_lc_rs::digest::{SHA256, digest};
use jiff::{Timestamp, fmt::rfc2822};
use mail_parser::MessageParser;
use std::{fs, io, path::Path};

/// How a mail was sent.
#[derive(Clone)]
pub struct Sent {
    /// Where it comes back to.
    pub from: String,
    /// Who it was for.
    pub to: String,
}

/// What a mail is known by: what stands before the @ of its Message-ID.
pub fn message_id(mail: &[u8]) -> Option<String> {
    let mail = MessageParser::default().parse_headers(mail)?;
    let (serial_number, _) = mail.message_id()?.split_once('@')?;
    Some(serial_number.to_owned())
}

/// Puts the report of a failure into the folder: as a whole, or not at all. The same report of a mail is one file.
pub fn put(folder: &Path, serial_number: &str, code: &str, sent: &Sent, at_ms: i64) -> io::Result<()> {
    // Others' serial numbers are no names of files.
    let digest = digest(&SHA256, serial_number.as_bytes());
    let name = format!("{at_ms}.{}.simulated", hex::encode(digest));
    let written = folder.join("tmp").join(&name);
    fs::write(&written, report(code, sent, at_ms))?;
    fs::rename(written, folder.join("new").join(name))
}

fn report(code: &str, Sent { from, to }: &Sent, at_ms: i64) -> String {
    let at = Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    let date = rfc2822::to_string(&at.to_zoned(jiff::tz::TimeZone::UTC)).unwrap_or_default();
    [
        "From: <MAILER-DAEMON@simulated.example>",
        &format!("To: <{from}>"),
        "Subject: Undelivered Mail Returned to Sender",
        &format!("Date: {date}"),
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=\"simulated\"",
        "",
        "--simulated",
        "Content-Type: text/plain",
        "",
        "This mail could not be delivered.",
        "",
        "--simulated",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; simulated.example",
        "",
        &format!("Final-Recipient: rfc822; {to}"),
        "Action: failed",
        &format!("Status: {code}"),
        &format!("Diagnostic-Code: smtp; 550 {code} simulated"),
        "",
        "--simulated--",
        "",
    ]
    .join("\r\n")
}
