//! What is wrong with a JSON request, and where.

use std::fmt;

/// Why JSON is no request. Always final: the same text never reads later.
///
/// The texts name the field, what came and what is allowed, never a value that may be personal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Not JSON at all.
    #[error("not JSON: {reason}")]
    Syntax {
        /// What the parser says, with line and column.
        reason: String,
    },
    /// A field that the contract does not have.
    #[error("{field}: there is no such field; the nearest is {nearest}")]
    Unknown {
        /// Where, for example `attachment.button[0].url`.
        field: String,
        /// The known field with the most similar name.
        nearest: &'static str,
    },
    /// One field given twice, or by two of its names.
    #[error("{field}: given twice, allowed is once")]
    Twice {
        /// Where.
        field: String,
    },
    /// A part of an attachment, fallback or receiver that it cannot be without.
    #[error("{field}: missing, it is needed here")]
    Missing {
        /// Where.
        field: String,
    },
    /// A value of the wrong kind.
    #[error("{field}: got {got}, allowed is {allowed}")]
    Wrong {
        /// Where.
        field: String,
        /// The kind of value that came; the value itself when it is a time or a word.
        got: String,
        /// What belongs there.
        allowed: String,
    },
}

impl JsonError {
    /// Where, for example `attachment.button[0].type`; empty when the text is no JSON.
    pub fn field(&self) -> &str {
        match self {
            Self::Syntax { .. } => "",
            Self::Unknown { field, .. }
            | Self::Twice { field }
            | Self::Missing { field }
            | Self::Wrong { field, .. } => field,
        }
    }
}

/// A place in a request; costs nothing until it is written out in an error.
pub(crate) enum At<'a> {
    Root,
    Field(&'a At<'a>, &'a str),
    Item(&'a At<'a>, usize),
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("the request"),
            // A customer may name a field or a variable anything: 40 characters tell which.
            Self::Field(Self::Root, name) => write!(f, "{name:.40}"),
            Self::Field(parent, name) => write!(f, "{parent}.{name:.40}"),
            Self::Item(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}
