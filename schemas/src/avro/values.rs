//! The encodings of the contract's types.

use super::{Avro, Borrow, DecodeError, Input, put_bytes, put_long};
use bytes::Bytes;
use std::collections::BTreeMap;

impl Avro for bool {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
    fn decode(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        let at = input.at();
        match input.fixed(1)? {
            [0] => Ok(false),
            [1] => Ok(true),
            other => Err(DecodeError::Branch { at, got: other[0].into() }),
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
        let at = input.at();
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
        Ok(if input.present()? { Some(T::decode(input)?) } else { None })
    }
    fn skip(input: &mut Input<'_>) -> Result<(), DecodeError> {
        if input.present()? { T::skip(input) } else { Ok(()) }
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
        // Exact for the few items that arrays of the contract have, and no more than that for a count that merely claims.
        const RESERVED: usize = 8;
        let mut items = Self::new();
        loop {
            let count = input.block()?;
            if count == 0 {
                return Ok(items);
            }
            if items.is_empty() {
                items.reserve_exact(count.min(RESERVED));
            }
            for _ in 0..count {
                items.push(T::decode(input)?);
            }
        }
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
