//! PDUs as a message centre reads and writes them, octet by octet as SMPP 3.4 §4 has them: written apart from the
//! connector and its crate, so that a mistake of one shows at the other.

use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Octets of a PDU at most.
const MOST: usize = 68 << 10;

/// One PDU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pdu {
    /// command_id
    pub id: u32,
    /// command_status
    pub status: u32,
    /// sequence_number
    pub sequence: u32,
    /// The rest.
    pub body: Vec<u8>,
}

/// Reads one; None: the connection has ended.
pub async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Pdu>> {
    let mut header = [0; 16];
    match from.read_exact(&mut header).await {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let [length, id, status, sequence] =
        [0, 4, 8, 12].map(|at| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]));
    let length = (length as usize).checked_sub(16).filter(|length| *length <= MOST);
    let mut body = vec![0; length.ok_or(io::ErrorKind::InvalidData)?];
    from.read_exact(&mut body).await?;
    Ok(Some(Pdu { id, status, sequence, body }))
}

/// Its octets.
pub fn write(id: u32, status: u32, sequence: u32, body: &[u8]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(16 + body.len());
    for word in [16 + body.len() as u32, id, status, sequence] {
        octets.extend_from_slice(&word.to_be_bytes());
    }
    octets.extend_from_slice(body);
    octets
}

/// The system_id of a bind; None: it is none.
pub fn system_id(body: &[u8]) -> Option<String> {
    let mut body = Octets(body);
    let system_id = body.text(16)?;
    let (_password, _system_type) = (body.text(9)?, body.text(13)?);
    // interface_version, addr_ton, addr_npi, address_range
    (body.octet()? <= 0x34).then_some(())?;
    body.octet()?;
    body.octet()?;
    body.text(41)?;
    Some(system_id)
}

/// What is asked for by a submit_sm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submit {
    /// Whose answer the receipt goes to: both addresses.
    pub source: String,
    pub destination: String,
    /// registered_delivery, its last two bits.
    pub registered: u8,
    /// Which part of how many; (1, 1): the only one.
    pub part: (u8, u8),
    /// billing_identification; None: there is none.
    pub reference: Option<String>,
    /// Octets of the text.
    pub length: usize,
}

/// Reads a submit_sm; the error is the command_status that it is refused with.
pub fn submit(body: &[u8]) -> Result<Submit, u32> {
    const CANNOT_READ: u32 = 0x02;
    let mut body = Octets(body);
    let read = |text: Option<String>| text.ok_or(CANNOT_READ);
    let octet = |octet: Option<u8>| octet.ok_or(CANNOT_READ);
    body.text(6).ok_or(0x15u32)?;
    (octet(body.octet())? <= 6).then_some(()).ok_or(0x48u32)?;
    octet(body.octet())?;
    let source = body.text(21).ok_or(0x0Au32)?;
    (octet(body.octet())? <= 6).then_some(()).ok_or(0x50u32)?;
    octet(body.octet())?;
    let destination = body.text(21).filter(|number| !number.is_empty()).ok_or(0x0Bu32)?;
    let esm_class = octet(body.octet())?;
    // Neither mode nor type but the default; a header is allowed.
    (esm_class & !0x43 == 0).then_some(()).ok_or(0x43u32)?;
    octet(body.octet())?;
    (octet(body.octet())? <= 3).then_some(()).ok_or(0x06u32)?;
    time(&read(body.text(17))?).then_some(()).ok_or(0x61u32)?;
    time(&read(body.text(17))?).then_some(()).ok_or(0x62u32)?;
    let registered = octet(body.octet())? & 3;
    (octet(body.octet())? <= 1).then_some(()).ok_or(0x54u32)?;
    octet(body.octet())?;
    octet(body.octet())?;
    let length = usize::from(octet(body.octet())?);
    let short = body.take(length).ok_or(0x01u32)?;
    let (mut payload, mut reference) = (None, None);
    while !body.0.is_empty() {
        let (tag, length) = body.word().zip(body.word()).ok_or(0xC0u32)?;
        let value = body.take(usize::from(length)).ok_or(0xC2u32)?;
        match tag {
            0x0424 => payload = Some(value),
            0x060B => reference = Some(String::from_utf8(value.to_vec()).map_err(|_| 0xC4u32)?),
            _ => {}
        }
    }
    let text = match (short, payload) {
        // §4.4.1: one of them.
        ([], Some(payload)) => payload,
        (short, None) => short,
        _ => return Err(0x01),
    };
    let part = match text {
        [5, 0, 3, _, total, number, ..] if esm_class & 0x40 != 0 => (*number, *total),
        _ if esm_class & 0x40 != 0 => return Err(0x43),
        _ => (1, 1),
    };
    ((1..=part.1).contains(&part.0)).then_some(()).ok_or(0x43u32)?;
    Ok(Submit { source, destination, registered, part, reference, length: text.len() })
}

/// Empty, or as §7.1.1 writes a time.
fn time(text: &str) -> bool {
    text.is_empty()
        || text.len() == 16
            && text[..15].bytes().all(|octet| octet.is_ascii_digit())
            && matches!(text.as_bytes()[15], b'+' | b'-' | b'R')
}

/// The body of a delivery receipt (appendix B).
pub fn receipt(source: &str, destination: &str, text: &str) -> Vec<u8> {
    let mut body = vec![0, 1, 1];
    for number in [destination, source] {
        body.extend_from_slice(number.as_bytes());
        body.extend_from_slice(&[0, 0, 0]);
    }
    // The second number is followed by esm_class at once.
    body.truncate(body.len() - 2);
    body.extend_from_slice(&[0x04, 0, 0, 0, 0, 0, 0, 0, 0, text.len() as u8]);
    body.extend_from_slice(text.as_bytes());
    body
}

struct Octets<'b>(&'b [u8]);

impl<'b> Octets<'b> {
    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn octet(&mut self) -> Option<u8> {
        self.take(1).map(|octets| octets[0])
    }

    fn word(&mut self) -> Option<u16> {
        self.take(2).map(|octets| u16::from_be_bytes([octets[0], octets[1]]))
    }

    /// A C-Octet String of so many octets at most, its end counted.
    fn text(&mut self, most: usize) -> Option<String> {
        let end = self.0.iter().take(most).position(|octet| *octet == 0)?;
        let text = self.take(end + 1)?;
        text[..end].is_ascii().then(|| String::from_utf8_lossy(&text[..end]).into_owned())
    }
}
