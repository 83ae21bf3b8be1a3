//! Which node of a cluster holds which keys.

use super::settings::Address;
use ::redis::Value;

/// Slots that the keys of a cluster fall into.
pub const SLOTS: u16 = 16384;

/// The slot of a key: of what stands between its first braces, if anything does.
pub fn slot_of(key: &[u8]) -> u16 {
    let tag = key.iter().position(|&byte| byte == b'{').and_then(|open| {
        let rest = &key[open + 1..];
        rest.iter().position(|&byte| byte == b'}').filter(|&close| close > 0).map(|close| &rest[..close])
    });
    crc16(tag.unwrap_or(key)) % SLOTS
}

/// CRC16-XMODEM, as the cluster specification says. Slots of tags are worked out once, so bit by bit is fast enough.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| {
        (0..8).fold(crc ^ u16::from(byte) << 8, |crc, _| crc << 1 ^ if crc & 0x8000 == 0 { 0 } else { 0x1021 })
    })
}

/// Ranges of slots with their masters, as a node told them.
#[derive(Debug, Default)]
pub(super) struct SlotMap(Vec<(u16, u16, Address)>);

impl SlotMap {
    /// From the answer to CLUSTER SLOTS of the node at `asked`, which does not always know its own name.
    pub(super) fn of(answer: &Value, asked: &Address) -> Option<Self> {
        let Value::Array(ranges) = answer else { return None };
        let range = |range: &Value| {
            let Value::Array(fields) = range else { return None };
            let [Value::Int(first), Value::Int(last), Value::Array(master), ..] = fields.as_slice() else {
                return None;
            };
            let [host, Value::Int(port), ..] = master.as_slice() else { return None };
            let host = match host {
                Value::BulkString(host) if !host.is_empty() => String::from_utf8(host.clone()).ok()?,
                _ => asked.host.clone(),
            };
            Some((
                u16::try_from(*first).ok()?,
                u16::try_from(*last).ok()?,
                Address { host, port: u16::try_from(*port).ok()? },
            ))
        };
        ranges.iter().map(range).collect::<Option<_>>().map(Self)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn master(&self, slot: u16) -> Option<&Address> {
        self.0.iter().find(|(first, last, _)| (*first..=*last).contains(&slot)).map(|(.., address)| address)
    }
}

/// Where MOVED and ASK point: their text is `SLOT HOST:PORT`, without the host when it is the one that was asked.
pub(super) fn redirected(detail: &str, asked: &Address) -> Option<Address> {
    let (host, port) = detail.split(' ').nth(1)?.rsplit_once(':')?;
    let host = if host.is_empty() { asked.host.clone() } else { host.to_owned() };
    Some(Address { host, port: port.parse().ok()? })
}
