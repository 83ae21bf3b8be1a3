//! Lists as CSV (RFC 4180), for people with a spreadsheet.

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

/// A row of a list, and how it stands in a line.
pub trait Line {
    /// The first line.
    const COLUMNS: &'static [&'static str];

    /// One cell for each column.
    fn cells(self) -> Vec<String>;
}

/// The first line.
pub fn head<T: Line>() -> Vec<u8> {
    let mut writer = writer(MARK.as_bytes().to_vec());
    // Into memory, of lines of one length: this cannot fail.
    let _ = writer.write_record(T::COLUMNS);
    writer.into_inner().unwrap_or_default()
}

/// A line for each.
pub fn rows<T: Line>(items: impl Iterator<Item = T>) -> Vec<u8> {
    let mut writer = writer(Vec::new());
    for item in items {
        let _ = writer.write_record(item.cells().into_iter().map(harmless));
    }
    writer.into_inner().unwrap_or_default()
}

fn writer(into: Vec<u8>) -> Writer<Vec<u8>> {
    WriterBuilder::new().terminator(Terminator::CRLF).from_writer(into)
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
