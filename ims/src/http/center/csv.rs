//! History as CSV (RFC 4180), for people with a spreadsheet.

use super::history::Step;
use axum::body::HttpBody;
use bytes::Bytes;
use csv::{Terminator, Writer, WriterBuilder};
use http_body::Frame;
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::sync::mpsc::Receiver;

/// By it spreadsheets know UTF-8.
const MARK: &str = "\u{feff}";

const COLUMNS: [&str; 26] = [
    "track_id",
    "step",
    "last_step",
    "message_id",
    "requested_channel",
    "requested_type",
    "channel",
    "message_type",
    "priority",
    "state",
    "origin",
    "code",
    "vendor",
    "vendor_code",
    "attempts",
    "country_code",
    "recipient",
    "title",
    "message",
    "received_at",
    "distribution_at",
    "sent_at",
    "report_at",
    "source",
    "serial_number",
    "bill_code",
];

/// The first line.
pub fn head() -> Vec<u8> {
    let mut writer = writer(MARK.as_bytes().to_vec());
    // Into memory, of lines of one length: this cannot fail.
    let _ = writer.write_record(COLUMNS);
    writer.into_inner().unwrap_or_default()
}

/// A line for each.
pub fn rows(steps: impl Iterator<Item = Step>) -> Vec<u8> {
    let mut writer = writer(Vec::new());
    for step in steps {
        let _ = writer.write_record(cells(step));
    }
    writer.into_inner().unwrap_or_default()
}

fn writer(into: Vec<u8>) -> Writer<Vec<u8>> {
    WriterBuilder::new().terminator(Terminator::CRLF).from_writer(into)
}

fn cells(step: Step) -> [String; 26] {
    let whom = step.recipient;
    let recipient = whom.phone_number.or(whom.to).or(whom.app_user_id).or(whom.user_key);
    let cells = [
        step.track_id,
        step.step.to_string(),
        step.last_step.to_string(),
        step.message_id,
        step.requested_channel.to_owned(),
        step.requested_type.to_owned(),
        step.channel.to_owned(),
        step.message_type.to_owned(),
        step.priority.to_owned(),
        step.state.to_owned(),
        step.origin.to_owned(),
        step.code,
        step.vendor,
        step.vendor_code,
        step.attempts.to_string(),
        whom.country_code.unwrap_or_default(),
        recipient.unwrap_or_else(|| whom.push_tokens.join(" ")),
        step.title.unwrap_or_default(),
        step.message.unwrap_or_default(),
        step.received_at,
        step.distribution_at.unwrap_or_default(),
        step.sent_at.unwrap_or_default(),
        step.report_at,
        step.source.to_owned(),
        step.serial_number,
        step.bill_code.unwrap_or_default(),
    ];
    cells.map(harmless)
}

/// A spreadsheet takes a cell that begins so for a formula, and customers' texts come from anywhere.
fn harmless(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell }
}

/// What comes next of a body.
pub enum Part {
    /// So much of it.
    Rows(Bytes),
    /// Nothing: that was all.
    End,
}

/// A body that comes in parts. One that nobody said the end of breaks off: a file that is cut is not taken for a whole one.
pub struct Parts(pub Receiver<Part>);

impl HttpBody for Parts {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.get_mut().0.poll_recv(context).map(|part| match part {
            Some(Part::Rows(rows)) => Some(Ok(Frame::data(rows))),
            Some(Part::End) => None,
            None => Some(Err(io::Error::other("the export was cut"))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use tokio::sync::mpsc;

    async fn told(parts: Vec<Part>) -> Option<Bytes> {
        let (to, from) = mpsc::channel(parts.len());
        for part in parts {
            assert!(to.send(part).await.is_ok());
        }
        drop(to);
        to_bytes(Body::new(Parts(from)), usize::MAX).await.ok()
    }

    #[tokio::test]
    async fn a_body_that_nobody_said_the_end_of_is_cut() {
        let rows = || Part::Rows("a,b\r\n".into());
        assert_eq!(told(vec![rows(), rows(), Part::End]).await, Some("a,b\r\na,b\r\n".into()));
        assert_eq!(told(vec![rows(), rows()]).await, None);
    }
}
