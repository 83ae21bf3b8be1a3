//! The simulator's own record of requests: one line of JSON each, handed to the operating system before the request is
//! answered, so that it outlives the process. It holds no text and no recipient.

use serde::{Deserialize, Serialize};
use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
};

/// One request that reached a vendor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requested {
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// Vendor.
    pub vendor: String,
    /// Family of the message: SMS, LMS, …
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub family: String,
    /// Serial number of the step.
    pub serial_number: String,
    /// Which of the requests of one step, of a push a hash of its token; empty: the only one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub part: String,
    /// Which attempt of the step.
    pub attempt: i32,
    /// What the vendor will answer: a code, `throttled`, how its answer is spoiled (`reset`, `slow_body`, `wrong_json`,
    /// `wrong_charset`), or nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Whether the vendor keeps the message, answered or not.
    pub taken: bool,
    /// When delivery reports come, Unix milliseconds, and their codes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub receipts: Vec<(i64, String)>,
}

impl Requested {
    /// Whether its attempt brings it once more without a word in the log: of a text in parts, one behind the first that a
    /// carrier did not take for now.
    pub fn is_brought_again(&self) -> bool {
        let behind_the_first = self.part.split_once('/').is_some_and(|(number, _)| number != "1");
        let not_now = |code: &str| matches!(code, "throttled" | "0x00000014" | "0x00000058");
        behind_the_first && !self.taken && self.code.as_deref().is_some_and(not_now)
    }
}

/// A receipt that its taker has confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Confirmed {
    /// Serial number of the step.
    pub serial_number: String,
    /// When it came, Unix milliseconds.
    pub at_ms: i64,
}

/// The file of requests, and beside it the file of confirmed receipts.
#[derive(Debug)]
pub struct RequestLog {
    requests: File,
    confirmed: File,
    line: Vec<u8>,
}

impl RequestLog {
    /// Opens the log for appending; makes it when it is missing.
    pub fn open(path: &Path) -> io::Result<Self> {
        let append = |path: &Path| {
            let mut file = OpenOptions::new().create(true).append(true).read(true).open(path)?;
            end_torn_line(&mut file)?;
            Ok::<_, io::Error>(file)
        };
        Ok(Self { requests: append(path)?, confirmed: append(&confirmed_beside(path))?, line: Vec::new() })
    }

    /// Writes a request through: when this returns, killing the process does not lose it.
    pub fn append(&mut self, request: &Requested) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, request)?;
        self.line.push(b'\n');
        self.requests.write_all(&self.line)
    }

    /// Writes confirmed receipts through.
    pub fn confirm(&mut self, receipts: &[Confirmed]) -> io::Result<()> {
        self.line.clear();
        for receipt in receipts {
            serde_json::to_writer(&mut self.line, receipt)?;
            self.line.push(b'\n');
        }
        self.confirmed.write_all(&self.line)
    }

    /// Every request in a log, in order.
    pub fn read(path: &Path) -> io::Result<Vec<Requested>> {
        lines(path)
    }

    /// Every receipt that was confirmed.
    pub fn read_confirmed(path: &Path) -> io::Result<Vec<Confirmed>> {
        lines(&confirmed_beside(path))
    }
}

fn confirmed_beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".confirmed");
    name.into()
}

fn lines<T: serde::de::DeserializeOwned>(path: &Path) -> io::Result<Vec<T>> {
    whole_lines(BufReader::new(File::open(path)?), path)
}

/// The entries before the first line without its end. It was being written when its process died, and its request was
/// never answered or taken; or it is being written now, and what reads on would take its rest for a line.
fn whole_lines<T: serde::de::DeserializeOwned>(mut reader: impl BufRead, path: &Path) -> io::Result<Vec<T>> {
    let mut read = Vec::new();
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 && line.last() == Some(&b'\n') {
        read.extend(entry(&line, path, read.len())?);
        line.clear();
    }
    Ok(read)
}

fn entry<T: serde::de::DeserializeOwned>(line: &[u8], path: &Path, after: usize) -> io::Result<Option<T>> {
    if line == b"\n" {
        return Ok(None);
    }
    serde_json::from_slice(line).map(Some).map_err(|error| {
        let text = format!("{}, after {after} entries: {error}: move the file away to start anew", path.display());
        io::Error::new(io::ErrorKind::InvalidData, text)
    })
}

/// Takes back what a dying process left of its last line.
fn end_torn_line(file: &mut File) -> io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};
    let length = file.metadata()?.len();
    let mut whole = length;
    let mut byte = [0];
    while whole > 0 {
        file.seek(SeekFrom::Start(whole - 1))?;
        file.read_exact(&mut byte)?;
        if byte == *b"\n" {
            break;
        }
        whole -= 1;
    }
    if whole < length { file.set_len(whole) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that is written meanwhile: each piece ends where the writer stood.
    struct Growing<'a>(std::slice::Iter<'a, &'a str>);

    impl io::Read for Growing<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let piece = self.0.next().unwrap_or(&"").as_bytes();
            into[..piece.len()].copy_from_slice(piece);
            Ok(piece.len())
        }
    }

    #[test]
    fn a_line_that_is_being_written_ends_what_is_read() {
        let half = ["{\"serial_number\":\"1\",\"at_ms\":5}\n{\"serial_", "", "number\":\"2\",\"at_ms\":6}\n"];
        let read: Vec<Confirmed> = whole_lines(BufReader::new(Growing(half.iter())), Path::new("growing")).unwrap();
        assert_eq!(read, [Confirmed { serial_number: "1".into(), at_ms: 5 }]);
    }
}
