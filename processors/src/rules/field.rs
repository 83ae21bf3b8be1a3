//! The path of a field, written only when something is wrong with it.

use std::fmt;

/// A field of a request, by its way from the top. Building one costs nothing; printing it gives
/// `attachment.button[2].url_mobile`.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    parent: Option<&'a Field<'a>>,
    name: &'static str,
    index: Option<usize>,
}

impl<'a> Field<'a> {
    /// The request itself.
    pub const REQUEST: Field<'static> = Field { parent: None, name: "", index: None };

    /// A field of this one.
    pub const fn of(&'a self, name: &'static str) -> Field<'a> {
        Field { parent: Some(self), name, index: None }
    }

    /// An entry, counted from 0, of a list of this one.
    pub const fn entry(&'a self, name: &'static str, index: usize) -> Field<'a> {
        Field { parent: Some(self), name, index: Some(index) }
    }
}

/// A field of the request.
pub const fn top(name: &'static str) -> Field<'static> {
    Field { parent: None, name, index: None }
}

impl fmt::Display for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent
            && !(parent.parent.is_none() && parent.name.is_empty())
        {
            write!(f, "{parent}.")?;
        }
        f.write_str(self.name)?;
        match self.index {
            Some(index) => write!(f, "[{index}]"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_the_customer_wrote_it() {
        let request = Field::REQUEST;
        let attachment = request.of("attachment");
        let button = attachment.entry("button", 2);
        assert_eq!(button.of("url_mobile").to_string(), "attachment.button[2].url_mobile");
        let step = request.entry("fallback", 0);
        assert_eq!(step.of("message").to_string(), "fallback[0].message");
        assert_eq!(top("message_id").to_string(), "message_id");
    }
}
