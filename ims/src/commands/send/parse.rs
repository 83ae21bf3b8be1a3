//! From JSON lines to records, on a thread of its own: parsing and waiting for Kafka share the time.

use crate::{
    lines::{Line, Lines},
    request,
};
use schemas::{Schemas, Topic, json};
use serde::Serialize;
use std::{
    io::{self, Read},
    sync::{Arc, mpsc::SyncSender},
};
use topology::log::Outgoing;

/// Lines of one batch, and bytes of its lines: what is read ahead must not fill the memory.
const BATCH_LINES: usize = 1_000;
const BATCH_BYTES: u64 = 1 << 20;

/// What was read since the last batch.
#[derive(Default)]
pub struct Batch {
    /// Requests, ready to be appended.
    pub records: Vec<Outgoing>,
    /// Lines that are no requests.
    pub refused: Vec<Refused>,
    /// Number of the last line.
    pub upto_line: u64,
    /// Bytes of all lines so far.
    pub upto_byte: u64,
}

/// A line that is no request.
#[derive(Debug, Clone, Serialize)]
pub struct Refused {
    /// Its number, from 1.
    pub line: u64,
    /// What is wrong and what is allowed; never what the line says.
    pub reason: String,
}

/// Reads all lines, hands them on in batches; ends early when nobody takes them.
pub fn read(input: impl Read, topic: Topic, schemas: &Arc<Schemas>, to: &SyncSender<io::Result<Batch>>) {
    let mut lines = Lines::new(input);
    let mut batch = Batch::default();
    let mut handed_on = 0;
    loop {
        let (line, at_the_end) = match lines.next_line() {
            Ok(Some(Line::Whole(line))) if line.iter().all(u8::is_ascii_whitespace) => (Ok(None), false),
            Ok(Some(Line::Whole(line))) => (record(line, topic, schemas).map(Some), false),
            Ok(Some(Line::TooLong)) => (Err("longer than any request can be: split its receiver_list".into()), false),
            Ok(None) => (Ok(None), true),
            Err(error) => return drop(to.send(Err(error))),
        };
        match line {
            Ok(record) => batch.records.extend(record),
            Err(reason) => batch.refused.push(Refused { line: lines.number, reason }),
        }
        let full = batch.records.len() + batch.refused.len() >= BATCH_LINES || lines.bytes - handed_on >= BATCH_BYTES;
        if full || at_the_end || lines.may_wait() {
            handed_on = lines.bytes;
            (batch.upto_line, batch.upto_byte) = (lines.number, lines.bytes);
            if to.send(Ok(std::mem::take(&mut batch))).is_err() || at_the_end {
                return;
            }
        }
    }
}

fn record(line: &[u8], topic: Topic, schemas: &Schemas) -> Result<Outgoing, String> {
    let request = json::send_request(line).map_err(|error| error.to_string())?;
    request::record(&request, topic, schemas).map_err(|error| error.to_string())
}
