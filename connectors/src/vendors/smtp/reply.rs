//! A server's reply (RFC 5321 §4.2), its code in the table's words (RFC 2034), and what it means.

use processors::{
    codes::{Class, judge},
    ports,
    reference::CodeTable,
};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

/// Bytes of one line; RFC 5321 allows 512.
const LONGEST_LINE: u64 = 2_048;
/// Lines of one reply.
const MOST_LINES: usize = 128;

/// Three digits and the text of each line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The digits.
    pub code: u16,
    /// The lines without them.
    pub lines: Vec<String>,
}

impl Reply {
    /// Reads a whole one; the error is the reason without what was read.
    pub async fn read(from: &mut (impl AsyncBufRead + Unpin)) -> Result<Self, String> {
        let mut lines = Vec::new();
        loop {
            let mut line = Vec::new();
            let read = (&mut *from).take(LONGEST_LINE).read_until(b'\n', &mut line).await;
            read.map_err(|error| error.kind().to_string())?;
            if line.is_empty() {
                return Err("the server has closed the connection".into());
            }
            let (code, last, text) = parse(&line).ok_or("what came is no reply")?;
            lines.push(text);
            if last {
                return Ok(Self { code, lines });
            }
            if lines.len() == MOST_LINES {
                return Err("a reply that does not end".into());
            }
        }
    }

    /// 2yz.
    pub const fn is_done(&self) -> bool {
        self.code / 100 == 2
    }

    /// Whether the server refuses us rather than this mail: nobody was logged in, or the credentials are bad.
    pub const fn refuses_login(&self) -> bool {
        matches!(self.code, 454 | 530 | 534 | 535 | 538)
    }

    /// The enhanced code, where one is given that does not contradict the digits; else the digits.
    pub fn table_code(&self) -> String {
        let word = self.lines.first().and_then(|line| line.split(' ').next()).unwrap_or_default();
        let digits = self.code.to_string();
        let enhanced = word.split('.').count() == 3 && word.starts_with(&digits[..1]);
        match enhanced && judge(CodeTable::Smtp, word).class != Class::Unknown {
            true => word.to_owned(),
            false => digits,
        }
    }

    /// As a vendor's answer, in the table's words: a server's own may name the recipient.
    pub fn answer(&self) -> ports::Reply {
        code(&self.table_code())
    }
}

/// A code of the table as a vendor's answer.
pub fn code(code: &str) -> ports::Reply {
    ports::Reply::Code { code: code.to_owned(), text: judge(CodeTable::Smtp, code).meaning.to_owned() }
}

/// Digits, whether this is the last line, and the text.
fn parse(line: &[u8]) -> Option<(u16, bool, String)> {
    let line = line.strip_suffix(b"\n")?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (digits, rest) = line.split_at_checked(3)?;
    let code = std::str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()?;
    let last = match rest.first() {
        None | Some(b' ') => true,
        Some(b'-') => false,
        Some(_) => return None,
    };
    let text = rest.get(1..).unwrap_or_default();
    (200..600).contains(&code).then(|| (code, last, String::from_utf8_lossy(text).into_owned()))
}
