//! The encodings of the contract's types.

use super::{Borrow, DecodeError, Encode, Input, Text, put_bytes, put_long};
use bytes::Bytes;
use std::{borrow::Cow, collections::BTreeMap};

impl Encode for bool {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
    fn pass(input: &mut Input<'_>) -> Result<(), DecodeError> {
        <Self as Borrow>::borrow(input).map(drop)
    }
}

impl<'a> Borrow<'a> for bool {
    fn borrow(input: &mut Input<'a>) -> Result<Self, DecodeError> {
        let at = input.at();
        match input.fixed(1)? {
            [0] => Ok(false),
            [1] => Ok(true),
            other => Err(DecodeError::Branch { at, got: other[0].into() }),
        }
    }
}

impl Encode for i64 {
    fn write(&self, out: &mut Vec<u8>) {
        put_long(out, *self);
    }
    fn pass(input: &mut Input<'_>) -> Result<(), DecodeError> {
        input.long().map(drop)
    }
}

impl<'a> Borrow<'a> for i64 {
    fn borrow(input: &mut Input<'a>) -> Result<Self, DecodeError> {
        input.long()
    }
}

impl Encode for i32 {
    fn write(&self, out: &mut Vec<u8>) {
        put_long(out, (*self).into());
    }
    fn pass(input: &mut Input<'_>) -> Result<(), DecodeError> {
        input.long().map(drop)
    }
}

impl<'a> Borrow<'a> for i32 {
    fn borrow(input: &mut Input<'a>) -> Result<Self, DecodeError> {
        let at = input.at();
        input.long()?.try_into().map_err(|_| DecodeError::Number { at })
    }
}

impl Encode for String {
    fn write(&self, out: &mut Vec<u8>) {
        put_bytes(out, self.as_bytes());
    }
    fn pass(input: &mut Input<'_>) -> Result<(), DecodeError> {
        input.bytes().map(drop)
    }
}

impl<'a> Borrow<'a> for String {
    fn borrow(input: &mut Input<'a>) -> Result<Self, DecodeError> {
        input.text().map(str::to_owned)
    }
}

impl Encode for Bytes {
    fn write(&self, out: &mut Vec<u8>) {
        put_bytes(out, self);
    }
    fn pass(input: &mut Input<'_>) -> Result<(), DecodeError> {
        input.bytes().map(drop)
    }
}

impl<'a> Borrow<'a> for Bytes {
    fn borrow(input: &mut Input<'a>) -> Result<Self, DecodeError> {
        input.bytes().map(Self::copy_from_slice)
    }
}

impl<T: Encode> Encode for Option<T> {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            None => out.push(0),
            Some(value) => {
                out.push(2);
                value.write(out);
            }
        }
    }
    fn pass(input: &mut Input<'_>) -> Result<(), DecodeError> {
        if input.present()? { T::pass(input) } else { Ok(()) }
    }
}

/// The second branch of `["null", T]`, or no branch.
#[inline(never)]
fn present<'a, T: Borrow<'a>>(input: &mut Input<'a>) -> Result<Option<T>, DecodeError> {
    Ok(if input.present()? { Some(T::borrow(input)?) } else { None })
}

impl<'a, T: Borrow<'a>> Borrow<'a> for Option<T> {
    #[inline(always)]
    fn borrow(input: &mut Input<'a>) -> Result<Self, DecodeError> {
        if input.zero() { Ok(None) } else { present(input) }
    }
}

impl<T: Encode> Encode for Box<T> {
    fn write(&self, out: &mut Vec<u8>) {
        (**self).write(out);
    }
    fn pass(input: &mut Input<'_>) -> Result<(), DecodeError> {
        T::pass(input)
    }
}

impl<'a, T: Borrow<'a>> Borrow<'a> for Box<T> {
    fn borrow(input: &mut Input<'a>) -> Result<Self, DecodeError> {
        T::borrow(input).map(Self::new)
    }
}

impl<T: Encode> Encode for Vec<T> {
    fn write(&self, out: &mut Vec<u8>) {
        if !self.is_empty() {
            put_long(out, self.len() as i64);
            self.iter().for_each(|item| item.write(out));
        }
        out.push(0);
    }
    fn pass(input: &mut Input<'_>) -> Result<(), DecodeError> {
        input.blocks(T::pass)
    }
}

impl<'a, T: Borrow<'a>> Borrow<'a> for Vec<T> {
    #[inline(always)]
    fn borrow(input: &mut Input<'a>) -> Result<Self, DecodeError> {
        if input.zero() { Ok(Self::new()) } else { items(input) }
    }
}

/// The blocks of an array.
#[inline(never)]
fn items<'a, T: Borrow<'a>>(input: &mut Input<'a>) -> Result<Vec<T>, DecodeError> {
    // Exact for the few items that arrays of the contract have, and no more than that for a count that merely claims.
    const RESERVED: usize = 8;
    let mut items = Vec::new();
    loop {
        let count = input.block()?;
        if count == 0 {
            return Ok(items);
        }
        if items.is_empty() {
            items.reserve_exact(count.min(RESERVED));
        }
        for _ in 0..count {
            items.push(T::borrow(input)?);
        }
    }
}

impl<S: Text> Encode for BTreeMap<S, S> {
    fn write(&self, out: &mut Vec<u8>) {
        if !self.is_empty() {
            put_long(out, self.len() as i64);
            for (key, value) in self {
                key.write(out);
                value.write(out);
            }
        }
        out.push(0);
    }
    fn pass(input: &mut Input<'_>) -> Result<(), DecodeError> {
        input.blocks(|input| {
            S::pass(input)?;
            S::pass(input)
        })
    }
}

impl<'a, S: Text + Borrow<'a>> Borrow<'a> for BTreeMap<S, S> {
    #[inline(always)]
    fn borrow(input: &mut Input<'a>) -> Result<Self, DecodeError> {
        if input.zero() { Ok(Self::new()) } else { entries(input) }
    }
}

/// The blocks of a map.
#[inline(never)]
fn entries<'a, S: Text + Borrow<'a>>(input: &mut Input<'a>) -> Result<BTreeMap<S, S>, DecodeError> {
    let mut entries = BTreeMap::new();
    input.blocks(|input| {
        entries.insert(<S as Borrow>::borrow(input)?, <S as Borrow>::borrow(input)?);
        Ok(())
    })?;
    Ok(entries)
}

impl Encode for Cow<'_, str> {
    fn write(&self, out: &mut Vec<u8>) {
        put_bytes(out, self.as_bytes());
    }
    fn pass(input: &mut Input<'_>) -> Result<(), DecodeError> {
        input.bytes().map(drop)
    }
}

impl<'a> Borrow<'a> for Cow<'a, str> {
    fn borrow(input: &mut Input<'a>) -> Result<Self, DecodeError> {
        input.text().map(Cow::Borrowed)
    }
}

impl<'a> Borrow<'a> for &'a str {
    fn borrow(input: &mut Input<'a>) -> Result<Self, DecodeError> {
        input.text()
    }
}
