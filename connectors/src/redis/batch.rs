//! Commands as they go over the wire.

use std::io::Write as _;
use std::ops::Range;

/// Commands of one key each, packed, in an order that their answers keep. Used again, it allocates nothing.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    commands: Vec<Packed>,
}

#[derive(Debug)]
struct Packed {
    slot: u16,
    end: usize,
}

impl Batch {
    /// Forgets all commands.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.commands.clear();
    }

    /// How many commands there are.
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// Adds a command, whose key falls into `slot`.
    pub fn push(&mut self, slot: u16, words: &[&[u8]]) {
        self.length(b'*', words.len());
        for word in words {
            self.length(b'$', word.len());
            self.bytes.extend_from_slice(word);
            self.bytes.extend_from_slice(b"\r\n");
        }
        self.commands.push(Packed { slot, end: self.bytes.len() });
    }

    fn length(&mut self, kind: u8, length: usize) {
        match length {
            0..10 => self.bytes.extend_from_slice(&[kind, b'0' + length as u8, b'\r', b'\n']),
            10..100 => {
                let digits = [b'0' + (length / 10) as u8, b'0' + (length % 10) as u8];
                self.bytes.extend_from_slice(&[kind, digits[0], digits[1], b'\r', b'\n']);
            }
            // Writing into memory does not fail.
            _ => drop(write!(self.bytes, "{}{length}\r\n", char::from(kind))),
        }
    }

    pub(super) fn slot(&self, command: usize) -> u16 {
        self.commands[command].slot
    }

    /// Some commands that follow each other.
    pub(super) fn bytes(&self, commands: Range<usize>) -> &[u8] {
        let begin = commands.start.checked_sub(1).map_or(0, |before| self.commands[before].end);
        let end = commands.end.checked_sub(1).map_or(0, |last| self.commands[last].end);
        &self.bytes[begin..end]
    }
}
