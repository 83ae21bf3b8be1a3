//! Texts of a record: its own, or borrowed from the bytes that it was read from.

use serde::{Serialize, de::DeserializeOwned};
use std::{borrow::Borrow, borrow::Cow, fmt::Debug, ops::Deref};

/// A text. `String` owns it; `Cow<str>` points into a datum until something new is written.
pub trait Text:
    Deref<Target = str>
    + Borrow<str>
    + From<String>
    + Clone
    + Debug
    + Default
    + Ord
    + Serialize
    + DeserializeOwned
    + super::Encode
{
    /// A word of the program.
    fn word(word: &'static str) -> Self;
    /// The text on its own; copied if it was borrowed.
    fn into_string(self) -> String;
}

impl Text for String {
    fn word(word: &'static str) -> Self {
        word.to_owned()
    }
    fn into_string(self) -> String {
        self
    }
}

impl Text for Cow<'_, str> {
    fn word(word: &'static str) -> Self {
        Self::Borrowed(word)
    }
    fn into_string(self) -> String {
        self.into_owned()
    }
}
