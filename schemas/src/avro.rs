//! The Avro binary encoding, for exactly the types that the contract allows.
//!
//! Encoding writes into a buffer that its caller reuses; decoding reads a slice and never trusts a length it finds there.

use bytes::Bytes;
use std::collections::BTreeMap;

/// A type with an Avro binary encoding.
pub trait Avro: Sized {
    /// Appends the encoding to `out`.
    fn encode(&self, out: &mut Vec<u8>);
    /// Reads one value.
    fn decode(input: &mut Input<'_>) -> Result<Self, DecodeError>;
    /// Passes over one value without building it.
    fn skip(input: &mut Input<'_>) -> Result<(), DecodeError>;
}

/// A named record of the contract.
pub trait Record: Avro {
    /// Its name without namespace, for example `SendRequest`.
    const NAME: &'static str;
    /// Its whole schema as JSON, every named type written out.
    const SCHEMA: &'static str;
}

/// A value that can be read without copying it out of its bytes.
pub trait Borrow<'a>: Sized {
    /// Reads one value that may point into the input.
    fn borrow(input: &mut Input<'a>) -> Result<Self, DecodeError>;
}

/// Why bytes are not the record they should be. Always final: the same bytes never decode later.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end inside a value.
    #[error("the bytes end at {at}, inside a value")]
    Truncated {
        /// Offset in the datum.
        at: usize,
    },
    /// A number of more than ten bytes, or one that does not fit its type.
    #[error("a number at {at} is too long or out of range")]
    Number {
        /// Offset in the datum.
        at: usize,
    },
    /// Text that is not UTF-8.
    #[error("the text at {at} is not UTF-8")]
    Utf8 {
        /// Offset in the datum.
        at: usize,
    },
    /// A boolean or union branch that does not exist.
    #[error("{got} at {at} is neither 0 nor 1")]
    Branch {
        /// Offset in the datum.
        at: usize,
        /// What stood there.
        got: i64,
    },
    /// A symbol that this reader does not know: written by a newer version.
    #[error("symbol {index} of {of} is not known here: upgrade this reader, or mend the record")]
    Symbol {
        /// The enum.
        of: &'static str,
        /// Its index in the writer's schema.
        index: i64,
    },
    /// Bytes left over after the record.
    #[error("{count} bytes are left after the record")]
    Trailing {
        /// How many.
        count: usize,
    },
    /// One of the above, inside a field.
    #[error("{record}.{field}: {cause}")]
    Field {
        /// The record.
        record: &'static str,
        /// The innermost field.
        field: &'static str,
        /// What is wrong there.
        cause: Box<DecodeError>,
    },
}

impl DecodeError {
    /// Names the innermost field in which decoding failed.
    #[cold]
    pub(crate) fn within(self, record: &'static str, field: &'static str) -> Self {
        match self {
            named @ Self::Field { .. } => named,
            cause => Self::Field { record, field, cause: Box::new(cause) },
        }
    }
}

/// The bytes of a datum and how far they are read.
#[derive(Debug, Clone)]
pub struct Input<'a> {
    whole: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    /// Starts at the first byte of a datum.
    pub fn new(datum: &'a [u8]) -> Self {
        Self { whole: datum, at: 0 }
    }

    /// The bytes that are not read yet.
    pub fn rest(&self) -> &'a [u8] {
        &self.whole[self.at..]
    }

    /// Refuses what is left over.
    pub fn finish(&self) -> Result<(), DecodeError> {
        match self.rest().len() {
            0 => Ok(()),
            count => Err(DecodeError::Trailing { count }),
        }
    }

    /// A zig-zag variable-length number.
    #[inline]
    pub fn long(&mut self) -> Result<i64, DecodeError> {
        if let Some(&byte) = self.whole.get(self.at)
            && byte < 0x80
        {
            self.at += 1;
            return Ok(i64::from(byte >> 1) ^ -i64::from(byte & 1));
        }
        self.long_slowly()
    }

    fn long_slowly(&mut self) -> Result<i64, DecodeError> {
        let start = self.at;
        let mut raw = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.whole.get(self.at).ok_or(DecodeError::Truncated { at: self.at })?;
            self.at += 1;
            if shift == 63 && byte > 1 {
                return Err(DecodeError::Number { at: start });
            }
            raw |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok((raw >> 1) as i64 ^ -((raw & 1) as i64));
            }
        }
        Err(DecodeError::Number { at: start })
    }

    /// A length-prefixed run of bytes.
    #[inline]
    pub fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let start = self.at;
        let length = usize::try_from(self.long()?).map_err(|_| DecodeError::Number { at: start })?;
        let rest = &self.whole[self.at..];
        if length > rest.len() {
            return Err(DecodeError::Truncated { at: self.whole.len() });
        }
        self.at += length;
        Ok(&rest[..length])
    }

    /// Length-prefixed UTF-8.
    #[inline]
    pub fn text(&mut self) -> Result<&'a str, DecodeError> {
        let start = self.at;
        std::str::from_utf8(self.bytes()?).map_err(|_| DecodeError::Utf8 { at: start })
    }

    #[inline]
    fn bit(&mut self) -> Result<bool, DecodeError> {
        let at = self.at;
        match self.long()? {
            0 => Ok(false),
            1 => Ok(true),
            got => Err(DecodeError::Branch { at, got }),
        }
    }

    /// Reads the blocks of an array or map, `item` once for each entry.
    fn blocks(&mut self, mut item: impl FnMut(&mut Self) -> Result<(), DecodeError>) -> Result<(), DecodeError> {
        loop {
            let at = self.at;
            let mut count = self.long()?;
            if count < 0 {
                // A negative count is followed by the size of the block in bytes.
                count = count.checked_neg().ok_or(DecodeError::Number { at })?;
                self.long()?;
            }
            if count == 0 {
                return Ok(());
            }
            for _ in 0..count {
                item(self)?;
            }
        }
    }
}

/// Appends a zig-zag variable-length number.
#[inline]
pub fn put_long(out: &mut Vec<u8>, value: i64) {
    let mut raw = ((value << 1) ^ (value >> 63)) as u64;
    while raw >= 0x80 {
        out.push(raw as u8 | 0x80);
        raw >>= 7;
    }
    out.push(raw as u8);
}

/// Appends length-prefixed bytes.
#[inline]
pub fn put_bytes(out: &mut Vec<u8>, value: &[u8]) {
    put_long(out, value.len() as i64);
    out.extend_from_slice(value);
}

impl Avro for bool {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
    fn decode(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        let at = input.at;
        match input.whole.get(at) {
            Some(&byte @ 0..=1) => {
                input.at += 1;
                Ok(byte == 1)
            }
            Some(&got) => Err(DecodeError::Branch { at, got: got.into() }),
            None => Err(DecodeError::Truncated { at }),
        }
    }
    fn skip(input: &mut Input<'_>) -> Result<(), DecodeError> {
        Self::decode(input).map(drop)
    }
}

impl Avro for i64 {
    fn encode(&self, out: &mut Vec<u8>) {
        put_long(out, *self);
    }
    fn decode(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        input.long()
    }
    fn skip(input: &mut Input<'_>) -> Result<(), DecodeError> {
        input.long().map(drop)
    }
}

impl Avro for i32 {
    fn encode(&self, out: &mut Vec<u8>) {
        put_long(out, (*self).into());
    }
    fn decode(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        let at = input.at;
        input.long()?.try_into().map_err(|_| DecodeError::Number { at })
    }
    fn skip(input: &mut Input<'_>) -> Result<(), DecodeError> {
        input.long().map(drop)
    }
}

impl Avro for String {
    fn encode(&self, out: &mut Vec<u8>) {
        put_bytes(out, self.as_bytes());
    }
    fn decode(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        input.text().map(str::to_owned)
    }
    fn skip(input: &mut Input<'_>) -> Result<(), DecodeError> {
        input.bytes().map(drop)
    }
}

impl Avro for Bytes {
    fn encode(&self, out: &mut Vec<u8>) {
        put_bytes(out, self);
    }
    fn decode(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        input.bytes().map(Self::copy_from_slice)
    }
    fn skip(input: &mut Input<'_>) -> Result<(), DecodeError> {
        input.bytes().map(drop)
    }
}

impl<T: Avro> Avro for Option<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            None => out.push(0),
            Some(value) => {
                out.push(2);
                value.encode(out);
            }
        }
    }
    fn decode(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        Ok(if input.bit()? { Some(T::decode(input)?) } else { None })
    }
    fn skip(input: &mut Input<'_>) -> Result<(), DecodeError> {
        if input.bit()? { T::skip(input) } else { Ok(()) }
    }
}

impl<T: Avro> Avro for Box<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        (**self).encode(out);
    }
    fn decode(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        T::decode(input).map(Self::new)
    }
    fn skip(input: &mut Input<'_>) -> Result<(), DecodeError> {
        T::skip(input)
    }
}

impl<T: Avro> Avro for Vec<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        if !self.is_empty() {
            put_long(out, self.len() as i64);
            self.iter().for_each(|item| item.encode(out));
        }
        out.push(0);
    }
    fn decode(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        let mut items = Self::new();
        input.blocks(|input| {
            items.push(T::decode(input)?);
            Ok(())
        })?;
        Ok(items)
    }
    fn skip(input: &mut Input<'_>) -> Result<(), DecodeError> {
        input.blocks(T::skip)
    }
}

impl Avro for BTreeMap<String, String> {
    fn encode(&self, out: &mut Vec<u8>) {
        if !self.is_empty() {
            put_long(out, self.len() as i64);
            for (key, value) in self {
                key.encode(out);
                value.encode(out);
            }
        }
        out.push(0);
    }
    fn decode(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        let mut entries = Self::new();
        input.blocks(|input| {
            entries.insert(String::decode(input)?, String::decode(input)?);
            Ok(())
        })?;
        Ok(entries)
    }
    fn skip(input: &mut Input<'_>) -> Result<(), DecodeError> {
        input.blocks(|input| {
            String::skip(input)?;
            String::skip(input)
        })
    }
}

impl<'a> Borrow<'a> for &'a str {
    fn borrow(input: &mut Input<'a>) -> Result<Self, DecodeError> {
        input.text()
    }
}

impl<'a, T: Avro> Borrow<'a> for T {
    fn borrow(input: &mut Input<'a>) -> Result<Self, DecodeError> {
        T::decode(input)
    }
}
