//! Reading Avro's primitives from a slice, without trusting a length that stands there.

use super::DecodeError;
use simdutf8::basic::from_utf8;

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
        self.fixed(length)
    }

    /// A run of `length` bytes.
    #[inline]
    pub(crate) fn fixed(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let bytes = self.rest().get(..length).ok_or(DecodeError::Truncated { at: self.whole.len() })?;
        self.at += length;
        Ok(bytes)
    }

    /// How far it is read.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The bytes from one offset to another.
    pub(crate) fn between(&self, start: usize, end: usize) -> &'a [u8] {
        &self.whole[start..end]
    }

    /// The same bytes, read from another offset.
    pub(crate) fn from(&self, at: usize) -> Self {
        Self { whole: self.whole, at }
    }

    /// The branch or symbol whose place comes next.
    pub(crate) fn branch<'b, T>(&mut self, branches: &'b [T]) -> Result<&'b T, DecodeError> {
        let at = self.at;
        let got = self.long()?;
        usize::try_from(got).ok().and_then(|place| branches.get(place)).ok_or(DecodeError::Branch { at, got })
    }

    /// Length-prefixed UTF-8.
    #[inline]
    pub fn text(&mut self) -> Result<&'a str, DecodeError> {
        let start = self.at;
        from_utf8(self.bytes()?).map_err(|_| DecodeError::Utf8 { at: start })
    }

    /// Whether a zero comes next, and passes over it: null, or the end of an array or map. Most fields of most records
    /// are that, so it must cost next to nothing.
    #[inline(always)]
    pub(crate) fn zero(&mut self) -> bool {
        let zero = self.whole.get(self.at) == Some(&0);
        self.at += usize::from(zero);
        zero
    }

    /// Which branch of `["null", T]` comes next.
    #[inline]
    pub(crate) fn present(&mut self) -> Result<bool, DecodeError> {
        let at = self.at;
        match self.long()? {
            0 => Ok(false),
            1 => Ok(true),
            got => Err(DecodeError::Branch { at, got }),
        }
    }

    /// How many items the next block of an array or map has; 0 ends it. Every item has at least one byte, so a count
    /// beyond the bytes that are left is refused here.
    pub(crate) fn block(&mut self) -> Result<usize, DecodeError> {
        let at = self.at;
        let mut count = self.long()?;
        if count < 0 {
            // A negative count is followed by the size of the block in bytes.
            count = count.checked_neg().ok_or(DecodeError::Number { at })?;
            self.long()?;
        }
        match usize::try_from(count) {
            Ok(count) if count <= self.rest().len() => Ok(count),
            _ => Err(DecodeError::Truncated { at: self.whole.len() }),
        }
    }

    /// Reads the blocks of an array or map, `item` once for each entry.
    pub(crate) fn blocks(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        loop {
            let count = self.block()?;
            if count == 0 {
                return Ok(());
            }
            for _ in 0..count {
                item(self)?;
            }
        }
    }
}
