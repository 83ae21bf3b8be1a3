//! Email addresses, as far as RFC 5321 carries them without quoting or SMTPUTF8, and ids of users of an app.

use super::{field::Field, text};
use crate::refusal::{Code, Refusal};

/// Refuses what is no mailbox `local@domain`: a dot-atom of at most 64 characters, and a domain of at least two labels.
/// `longest` is the field's limit in characters.
pub fn mailbox(field: &Field<'_>, address: &str, longest: usize) -> Result<(), Refusal> {
    let refused = |reason: &str| Err(Refusal::bad(field, reason));
    if !address.is_ascii() {
        return refused("has characters outside ASCII; write the domain in punycode");
    }
    if address.len() > longest {
        return Err(Refusal::bad(field, format_args!("got {} characters, at most {longest}", address.len())));
    }
    let Some((local, domain)) = address.rsplit_once('@') else {
        return refused("has no @");
    };
    let dot_atom = local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atom));
    if !dot_atom || local.len() > 64 {
        return refused("the part before @ must be 1 to 64 letters, digits, dots between them and !#$%&'*+-/=?^_`{|}~");
    }
    if domain.len() > 255 || !domain.contains('.') || !domain.split('.').all(is_label) {
        return refused("the part after @ must be a domain name of at least two labels, at most 255 characters");
    }
    Ok(())
}

/// RFC 5322 atext.
fn is_atom(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

/// RFC 1123: letters, digits and hyphens inside.
fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Checks the id of a user of the customer's app.
pub fn app_user(field: &Field<'_>, id: &str, longest: usize) -> Result<(), Refusal> {
    text::at_most(Code::BadRequest, field, id, longest)?;
    text::one_line(field, id)
}

#[cfg(test)]
mod tests {
    use super::super::field::top;
    use super::*;

    fn to(address: &str) -> Result<(), Refusal> {
        mailbox(&top("to"), address, 320)
    }

    #[test]
    fn mailboxes_pass() {
        for address in ["hana.kim@example.co.kr", "a@b.kr", "o'neil+tag@sub.example.com", "x_1@xn--bj0bj06e.kr"] {
            assert_eq!(to(address), Ok(()), "{address}");
        }
    }

    #[test]
    fn what_is_no_mailbox_is_refused_without_repeating_it() {
        for address in [
            "",
            "hana",
            "@example.com",
            "hana@",
            "hana@localhost",
            "a b@example.com",
            "a..b@example.com",
            ".a@example.com",
            "a@exa mple.com",
            "a@-x.com",
            "a@x-.com",
            "a@x..com",
            "a@example.com\r\nBcc: b@example.com",
            "\"a\"@example.com",
            "김@example.com",
            "a@b@c.com",
        ] {
            let refused = to(address).unwrap_err();
            assert!(address.is_empty() || !refused.message.contains(address), "{address}");
        }
    }

    #[test]
    fn limits_hold_at_the_limit_and_fail_beyond() {
        let local = "a".repeat(64);
        let domain = |n: usize| format!("{}.{}.{}.{}", "b".repeat(63), "c".repeat(63), "d".repeat(63), "e".repeat(n));
        assert!(to(&format!("{local}@{}", domain(63))).is_ok()); // 64 + 1 + 255 = 320
        assert!(to(&format!("{local}a@{}", domain(10))).is_err());
        assert!(to(&format!("{local}@{}.f", domain(62))).is_err()); // a domain of 256
        let short = |n| mailbox(&top("from_email"), &format!("{}@example.com", "a".repeat(n)), 20);
        assert!(short(8).is_ok());
        assert_eq!(short(9).unwrap_err().message, "from_email: got 21 characters, at most 20");
    }
}
