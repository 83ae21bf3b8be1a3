//! A text as the bytes of one short message, of several, or of a payload. Nothing is cut and no character is replaced.

use encoding_rs::{EUC_KR, EncoderResult};
use serde::{Deserialize, Serialize};

/// How texts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// GSM 7-bit when it has every character, else UCS2.
    #[default]
    Auto,
    /// GSM 7-bit alone (3GPP TS 23.038), a character a byte.
    Gsm7,
    /// UCS2; characters beyond it as UTF-16 has them.
    Ucs2,
    /// CP949, the superset of KS C 5601 that Korean carriers take.
    Ksc5601,
}

/// A text in the alphabet that it goes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// data_coding of SMPP 3.4 §5.2.19.
    pub data_coding: u8,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Bytes of one short message at most.
    pub single: usize,
    /// Bytes of a part of several at most, the header of six bytes not counted.
    pub part: usize,
    /// Lengths of the characters, which must stay whole.
    characters: Vec<u8>,
}

/// 3GPP TS 23.038 §6.2.1, the default alphabet in its order; 0x1B leads to the extension.
const ALPHABET: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u{1b}ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§\
                        ¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// §6.2.1.1, its extension.
const EXTENSION: [(char, u8); 10] = [
    ('\u{c}', 0x0A),
    ('^', 0x14),
    ('{', 0x28),
    ('}', 0x29),
    ('\\', 0x2F),
    ('[', 0x3C),
    ('~', 0x3D),
    (']', 0x3E),
    ('|', 0x40),
    ('€', 0x65),
];
const ESCAPE: u8 = 0x1B;

impl Written {
    /// None: the alphabet does not hold the text.
    pub fn new(text: &str, encoding: Encoding) -> Option<Self> {
        match encoding {
            Encoding::Auto => Self::new(text, Encoding::Gsm7).or_else(|| Self::new(text, Encoding::Ucs2)),
            Encoding::Gsm7 => Self::of(text, 0x00, (160, 153), gsm7),
            Encoding::Ucs2 => Self::of(text, 0x08, (140, 134), |character, bytes| {
                let mut units = [0; 2];
                bytes.extend(character.encode_utf16(&mut units).iter().flat_map(|unit| unit.to_be_bytes()));
                Some(())
            }),
            Encoding::Ksc5601 => Self::of(text, 0x0E, (140, 134), cp949),
        }
    }

    fn of(
        text: &str,
        data_coding: u8,
        (single, part): (usize, usize),
        write: impl Fn(char, &mut Vec<u8>) -> Option<()>,
    ) -> Option<Self> {
        let (mut bytes, mut characters) = (Vec::with_capacity(text.len()), Vec::with_capacity(text.len()));
        for character in text.chars() {
            let before = bytes.len();
            write(character, &mut bytes)?;
            characters.push((bytes.len() - before) as u8);
        }
        Some(Self { data_coding, bytes, single, part, characters })
    }

    /// Its parts, of so many bytes at most; no character is in two of them.
    pub fn parts(&self, most: usize) -> Vec<&[u8]> {
        let (mut parts, mut begin, mut end) = (Vec::new(), 0, 0);
        for length in self.characters.iter().map(|length| usize::from(*length)) {
            if end + length - begin > most {
                parts.push(&self.bytes[begin..end]);
                begin = end;
            }
            end += length;
        }
        parts.push(&self.bytes[begin..]);
        parts
    }
}

fn gsm7(character: char, bytes: &mut Vec<u8>) -> Option<()> {
    if let Some((_, extended)) = EXTENSION.iter().find(|(of, _)| *of == character) {
        bytes.extend([ESCAPE, *extended]);
        return Some(());
    }
    let place = ALPHABET.chars().position(|of| of == character).filter(|place| *place != usize::from(ESCAPE))?;
    bytes.push(u8::try_from(place).ok()?);
    Some(())
}

fn cp949(character: char, bytes: &mut Vec<u8>) -> Option<()> {
    let (mut text, mut written) = ([0; 4], [0; 8]);
    let text = character.encode_utf8(&mut text);
    match EUC_KR.new_encoder().encode_from_utf8_without_replacement(text, &mut written, true) {
        (EncoderResult::InputEmpty, _, length) => {
            bytes.extend_from_slice(&written[..length]);
            Some(())
        }
        _ => None,
    }
}
