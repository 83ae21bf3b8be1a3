//! The field's words: send families, track ids, serial numbers.

use crate::records::{Channel, Lane, MessageType};
use std::{fmt, str::FromStr};
use ulid::Ulid;

/// A symbol that is none of its word's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{got:?} is no {word}")]
pub struct UnknownWord {
    word: &'static str,
    got: String,
}

impl UnknownWord {
    /// `got` is no `word`.
    pub fn new(word: &'static str, got: &str) -> Self {
        Self { word, got: got.chars().take(40).collect() }
    }
}

/// What a SEND topic carries: a channel, with text split by type (SPEC §1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// 알림톡.
    At,
    /// 친구톡.
    Ft,
    /// 브랜드 메시지.
    Bt,
    /// Short text, 90 bytes.
    Sms,
    /// Long text, 2000 bytes.
    Lms,
    /// Text with images.
    Mms,
    /// RCS.
    Rcs,
    /// App push.
    Push,
    /// Email.
    Email,
}

impl Family {
    /// All nine, in the order of the channels.
    pub const ALL: [Self; 9] =
        [Self::At, Self::Ft, Self::Bt, Self::Sms, Self::Lms, Self::Mms, Self::Rcs, Self::Push, Self::Email];

    /// The word in SEND topic names.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::At => "AT",
            Self::Ft => "FT",
            Self::Bt => "BT",
            Self::Sms => "SMS",
            Self::Lms => "LMS",
            Self::Mms => "MMS",
            Self::Rcs => "RCS",
            Self::Push => "PUSH",
            Self::Email => "EMAIL",
        }
    }

    /// The channel it belongs to.
    pub const fn channel(self) -> Channel {
        match self {
            Self::At => Channel::At,
            Self::Ft => Channel::Ft,
            Self::Bt => Channel::Bt,
            Self::Sms | Self::Lms | Self::Mms => Channel::Mt,
            Self::Rcs => Channel::Rc,
            Self::Push => Channel::Pu,
            Self::Email => Channel::Em,
        }
    }

    /// The family that sends a message of this channel and type.
    pub const fn of(channel: Channel, message_type: MessageType) -> Self {
        match channel {
            Channel::At => Self::At,
            Channel::Ft => Self::Ft,
            Channel::Bt => Self::Bt,
            Channel::Mt => match message_type {
                MessageType::Mms => Self::Mms,
                MessageType::Lms => Self::Lms,
                _ => Self::Sms,
            },
            Channel::Rc => Self::Rcs,
            Channel::Pu => Self::Push,
            Channel::Em => Self::Email,
        }
    }

    /// AUTH exists for these families only (SPEC §1).
    pub const fn has_auth(self) -> bool {
        matches!(self, Self::At | Self::Sms | Self::Rcs | Self::Push | Self::Email)
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where one receiver of one request stands: cluster, API topic, partition, offset, place in the receiver_list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Api {
    /// Number of this deployment's Kafka cluster, 0 to 255.
    pub cluster: u8,
    /// The API topic.
    pub lane: Lane,
    /// Partition, below 4096.
    pub partition: u16,
    /// Offset, below 2^48.
    pub offset: u64,
    /// 0 for a request of one, 1 to 1000 in a receiver_list.
    pub receiver: u16,
}

/// The id of one message, 26 characters in ULID form: the request's time, then where it stands, packed without loss.
///
/// The same record read again gives the same id; no two places give the same one; and from an id one finds its request.
/// Bits: 48 time (ms), 8 cluster, 2 lane, 12 partition, 48 offset, 10 receiver.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackId(u128);

impl TrackId {
    /// The id of a request read at `api`, whose record carries `timestamp_ms`.
    pub fn new(timestamp_ms: i64, api: Api) -> Self {
        let lane = api.lane as u128 - Lane::Auth as u128;
        Self(
            (timestamp_ms as u128 & 0xffff_ffff_ffff) << 80
                | u128::from(api.cluster) << 72
                | lane << 70
                | u128::from(api.partition & 0xfff) << 58
                | u128::from(api.offset & 0xffff_ffff_ffff) << 10
                | u128::from(api.receiver & 0x3ff),
        )
    }

    /// Where its request stands.
    pub fn api(self) -> Api {
        let bits = |shift: u32, width: u32| (self.0 >> shift) & ((1 << width) - 1);
        Api {
            cluster: bits(72, 8) as u8,
            lane: Lane::ALL[bits(70, 2) as usize],
            partition: bits(58, 12) as u16,
            offset: bits(10, 48) as u64,
            receiver: bits(0, 10) as u16,
        }
    }

    /// Timestamp of its request, Unix milliseconds.
    pub fn timestamp_ms(self) -> i64 {
        (self.0 >> 80) as i64
    }

    /// The id of a number from [`TrackId::as_u128`].
    pub fn from_u128(number: u128) -> Self {
        Self(number)
    }

    /// The id as a number, for compact sets.
    pub fn as_u128(self) -> u128 {
        self.0
    }
}

impl fmt::Display for TrackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut buffer = [0; ulid::ULID_LEN];
        f.write_str(Ulid(self.0).array_to_str(&mut buffer))
    }
}

impl fmt::Debug for TrackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for TrackId {
    type Err = UnknownWord;
    fn from_str(s: &str) -> Result<Self, UnknownWord> {
        Ulid::from_string(s).map(|u| Self(u.0)).map_err(|_| UnknownWord::new("track_id", s))
    }
}

/// The number of one step towards a vendor: `<track_id>-<step><priority letter>`, 29 characters.
///
/// A delivery report that carries it finds its message, step and RESULT topic without a look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Serial {
    /// The message.
    pub track_id: TrackId,
    /// 0 for the requested channel, up to 5.
    pub step: u8,
    /// Names the RESULT lane.
    pub priority: Lane,
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = match self.priority {
            Lane::Auth => 'A',
            Lane::Realtime => 'R',
            Lane::Mass => 'M',
            Lane::Ad => 'D',
        };
        write!(f, "{}-{}{letter}", self.track_id, self.step)
    }
}

impl FromStr for Serial {
    type Err = UnknownWord;
    fn from_str(s: &str) -> Result<Self, UnknownWord> {
        let refused = || UnknownWord::new("serial number", s);
        let (id, tail) = s.split_once('-').ok_or_else(refused)?;
        let &[step @ b'0'..=b'9', letter] = tail.as_bytes() else { return Err(refused()) };
        let priority = match letter {
            b'A' => Lane::Auth,
            b'R' => Lane::Realtime,
            b'M' => Lane::Mass,
            b'D' => Lane::Ad,
            _ => return Err(refused()),
        };
        Ok(Self { track_id: id.parse()?, step: step - b'0', priority })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_track_id_tells_where_its_request_stands(
            time in 0i64..1 << 47, cluster: u8, lane in 0usize..4, partition in 0u16..4096,
            offset in 0u64..1 << 48, receiver in 0u16..=1000,
        ) {
            let api = Api { cluster, lane: Lane::ALL[lane], partition, offset, receiver };
            let id = TrackId::new(time, api);
            prop_assert_eq!(id.api(), api);
            prop_assert_eq!(id.timestamp_ms(), time);
            let text = id.to_string();
            prop_assert_eq!(text.len(), 26);
            prop_assert_eq!(text.parse::<TrackId>().unwrap(), id);
            let serial = Serial { track_id: id, step: 3, priority: Lane::ALL[lane] };
            prop_assert_eq!(serial.to_string().len(), 29);
            prop_assert_eq!(serial.to_string().parse::<Serial>().unwrap(), serial);
        }
    }

    #[test]
    fn later_requests_sort_later() {
        let api = Api { cluster: 255, lane: Lane::Ad, partition: 4095, offset: 9, receiver: 1000 };
        let earlier = TrackId::new(1_000, api).to_string();
        let later =
            TrackId::new(1_001, Api { cluster: 0, lane: Lane::Auth, partition: 0, offset: 0, receiver: 0 }).to_string();
        assert!(earlier < later);
    }

    #[test]
    fn a_serial_number_of_another_system_is_refused() {
        for wrong in [
            "",
            "abc",
            "01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "01ARZ3NDEKTSV4RRFFQ69G5FAV-0",
            "01ARZ3NDEKTSV4RRFFQ69G5FAV-0X",
            "01ARZ3NDEKTSV4RRFFQ69G5FAV-0A1",
            "한글-0A",
        ] {
            assert!(wrong.parse::<Serial>().is_err(), "{wrong}");
        }
    }
}
