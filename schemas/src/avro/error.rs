//! Why bytes are not the record they should be.

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
    /// A boolean, union branch or symbol that does not exist.
    #[error("{got} at {at} is no truth, branch or symbol of its type")]
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
    /// A branch of the writer's union that has no place in this reader's type.
    #[error("the value at {at} is none of ours: {reason}")]
    Unfit {
        /// Offset in the datum.
        at: usize,
        /// Which types do not match.
        reason: String,
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
    pub fn within(self, record: &'static str, field: &'static str) -> Self {
        match self {
            named @ Self::Field { .. } => named,
            cause => Self::Field { record, field, cause: Box::new(cause) },
        }
    }
}
