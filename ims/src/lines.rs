//! Lines of a file or pipe, each bounded, numbered from 1.

use std::io::{self, BufRead, BufReader, Read};

/// Longest line that is looked at, bytes: a record of 1 MB, written in JSON with every character escaped.
const LONGEST: usize = 6 << 20;
/// What some editors put before the first line.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Reads lines.
pub struct Lines<R> {
    input: BufReader<R>,
    line: Vec<u8>,
    /// Number of the line read last.
    pub number: u64,
    /// Bytes read so far.
    pub bytes: u64,
}

/// One line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'l> {
    /// It fits.
    Whole(&'l [u8]),
    /// It is longer than any record can be; it was skipped.
    TooLong,
}

impl<R: Read> Lines<R> {
    /// Reads from the beginning.
    pub fn new(input: R) -> Self {
        Self { input: BufReader::with_capacity(1 << 18, input), line: Vec::new(), number: 0, bytes: 0 }
    }

    /// The next line; None at the end. Waits when the input does.
    pub fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        let mut too_long = false;
        loop {
            let part = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                part => part?,
            };
            if part.is_empty() && self.line.is_empty() && !too_long {
                return Ok(None);
            }
            let end = part.iter().position(|&byte| byte == b'\n');
            let (text, used) = end.map_or((part, part.len()), |end| (&part[..end], end + 1));
            too_long |= self.line.len() + text.len() > LONGEST;
            if !too_long {
                self.line.extend_from_slice(text);
            }
            self.input.consume(used);
            self.bytes += used as u64;
            if end.is_some() || used == 0 {
                break;
            }
        }
        self.number += 1;
        if too_long {
            return Ok(Some(Line::TooLong));
        }
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        let first = self.number == 1;
        Ok(Some(Line::Whole(line.strip_prefix(BYTE_ORDER_MARK).filter(|_| first).unwrap_or(line))))
    }

    /// Whether the next line may keep its reader waiting: what was read should go on its way first.
    pub fn may_wait(&self) -> bool {
        self.input.buffer().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8]) -> Vec<Option<Vec<u8>>> {
        let mut lines = Lines::new(text);
        let mut found = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            found.push(match line {
                Line::Whole(text) => Some(text.to_vec()),
                Line::TooLong => None,
            });
        }
        assert_eq!(lines.number as usize, found.len());
        assert_eq!(lines.bytes as usize, text.len());
        found
    }

    #[test]
    fn lines_end_as_unix_windows_or_the_file_does() {
        let texts = |text: &[u8]| -> Vec<String> {
            all(text).into_iter().map(|line| String::from_utf8(line.unwrap()).unwrap()).collect()
        };
        assert_eq!(texts(b"a\r\nb\n\nc"), ["a", "b", "", "c"]);
        assert_eq!(texts("\u{feff}a\n\u{feff}b\n".as_bytes()), ["a", "\u{feff}b"]);
        assert!(all(b"").is_empty());
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_and_its_neighbours_are_not() {
        let mut text = b"a\n".to_vec();
        text.extend(std::iter::repeat_n(b'x', LONGEST + 1));
        text.extend(b"\nb\n");
        assert_eq!(all(&text), [Some(b"a".to_vec()), None, Some(b"b".to_vec())]);
    }
}
