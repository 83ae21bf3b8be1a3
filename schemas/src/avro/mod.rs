//! The Avro binary encoding, for exactly the types that the contract allows.
//!
//! Encoding writes into a buffer that its caller reuses; decoding reads a slice and never trusts a length it finds there.

mod error;
mod input;
mod text;
mod values;

pub use error::DecodeError;
pub use input::Input;
pub use text::Text;

/// A type with an Avro binary encoding, whether its texts are its own or borrowed.
pub trait Encode: Sized {
    /// Appends the encoding to `out`.
    fn write(&self, out: &mut Vec<u8>);
    /// Passes over one value without building it.
    fn pass(input: &mut Input<'_>) -> Result<(), DecodeError>;
}

/// A value that can be read; what it has of the type `&str` or `Cow<str>` is not copied out of its bytes.
pub trait Borrow<'a>: Sized {
    /// Reads one value that may point into the input.
    fn borrow(input: &mut Input<'a>) -> Result<Self, DecodeError>;
}

/// A type with an Avro binary encoding that owns all it has.
pub trait Avro: Encode + for<'a> Borrow<'a> {
    /// Appends the encoding to `out`.
    fn encode(&self, out: &mut Vec<u8>) {
        self.write(out);
    }
    /// Reads one value.
    fn decode(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        Self::borrow(input)
    }
    /// Passes over one value without building it.
    fn skip(input: &mut Input<'_>) -> Result<(), DecodeError> {
        Self::pass(input)
    }
}

impl<T: Encode + for<'a> Borrow<'a>> Avro for T {}

/// A named record of the contract.
pub trait Record: Avro {
    /// Its name without namespace, for example `SendRequest`.
    const NAME: &'static str;
    /// Its whole schema as JSON, every named type written out.
    const SCHEMA: &'static str;
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
