//! PDUs as they go over the wire: a header of sixteen bytes, the length first, and a body.

use bytes::{Buf, BufMut, BytesMut};
use rusmpp::{
    Command, CommandStatus, Pdu,
    decode::DecodeWithLength,
    encode::{Length, owned::Encode},
};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes of a header.
const HEADER: usize = 16;
/// Bytes of a PDU at most: what a message_payload can hold, and room for the rest.
const MOST: usize = 68 << 10;

/// Bit of an answer's command_id.
pub const ANSWER: u32 = 0x8000_0000;
pub const GENERIC_NACK: u32 = 0x8000_0000;
pub const SUBMIT_SM: u32 = 0x0000_0004;
pub const DELIVER_SM: u32 = 0x0000_0005;
pub const UNBIND: u32 = 0x0000_0006;
pub const ENQUIRE_LINK: u32 = 0x0000_0015;

/// One PDU whose body is still to be read.
#[derive(Debug)]
pub struct Frame {
    /// command_id
    pub id: u32,
    /// command_status
    pub status: u32,
    /// sequence_number
    pub sequence: u32,
    /// All of it but its length.
    rest: BytesMut,
}

impl Frame {
    /// With its body; None when it cannot be read.
    pub fn pdu(mut self) -> Option<Pdu> {
        let length = self.rest.len();
        Command::decode(&mut self.rest, length).ok()?.0.pdu().cloned()
    }
}

/// Reads the next PDU; None: the connection has ended between two. May be given up and called again with the same
/// buffer.
pub async fn read(from: &mut (impl AsyncRead + Unpin), buffer: &mut BytesMut) -> io::Result<Option<Frame>> {
    loop {
        if let Some(frame) = next(buffer)? {
            return Ok(Some(frame));
        }
        if from.read_buf(buffer).await? == 0 {
            return if buffer.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
    }
}

fn next(buffer: &mut BytesMut) -> io::Result<Option<Frame>> {
    if buffer.len() < HEADER {
        return Ok(None);
    }
    let word = |at: usize| u32::from_be_bytes([buffer[at], buffer[at + 1], buffer[at + 2], buffer[at + 3]]);
    let length = word(0) as usize;
    if !(HEADER..=MOST).contains(&length) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a command_length that no command has"));
    }
    if buffer.len() < length {
        buffer.reserve(length - buffer.len());
        return Ok(None);
    }
    let (id, status, sequence) = (word(4), word(8), word(12));
    let mut rest = buffer.split_to(length);
    rest.advance(4);
    Ok(Some(Frame { id, status, sequence, rest }))
}

/// Writes a PDU behind what is there.
pub fn write(into: &mut BytesMut, status: u32, sequence: u32, pdu: impl Into<Pdu>) {
    let command = Command::new(CommandStatus::from(status), sequence, pdu);
    into.put_u32((4 + command.length()) as u32);
    command.encode(into);
}
