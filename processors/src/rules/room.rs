//! How far a message may unfold: its template and its variables add to what its request says.

use super::field::Field;
use crate::refusal::{Code, Refusal};
use std::cell::Cell;

/// Most bytes that templates and values of variables add to one message, its fallback steps included: nearly twice the
/// largest body of a mail, which is the longest that any channel takes. With a request of 1 MiB, and what the
/// chain writes around a message, it stays below the largest record that can be appended, 2,000,000 bytes.
pub const ADDED_BYTES: usize = 900 << 10;

/// Most bytes of a message, with all that is added to its request: its record stays below the largest, as above.
pub const MESSAGE_BYTES: usize = (1 << 20) + ADDED_BYTES;

/// What is left of it for one message.
#[derive(Debug, Default)]
pub struct Room {
    added: Cell<usize>,
}

impl Room {
    /// Takes the bytes that come into a field, before they are copied; refuses what would be too many (2010).
    pub fn take(&self, field: &Field<'_>, bytes: usize) -> Result<(), Refusal> {
        let added = self.added.get().saturating_add(bytes);
        if added > ADDED_BYTES {
            let reason = format_args!(
                "got {added} bytes from templates and variables so far, at most {ADDED_BYTES} in a message"
            );
            return Err(Refusal::new(Code::TooLong, field, reason));
        }
        self.added.set(added);
        Ok(())
    }

    /// How many were taken since; there is room for the next message.
    pub fn empty(&self) -> usize {
        self.added.take()
    }
}

/// Counts the bytes of texts, where a `text_where` passes them.
pub fn counted(bytes: &Cell<usize>) -> impl Fn(&str) -> bool {
    |text| {
        bytes.set(bytes.get() + text.len());
        false
    }
}
