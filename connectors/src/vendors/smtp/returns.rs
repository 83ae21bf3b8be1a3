//! Where what cannot be delivered is returned to: an address of each mail's own (VERP), which only we can make.

use super::mail::address;
use aws_lc_rs::{constant_time, hmac};

/// Characters of each signature: 40 bits, of which every guess is a mail.
const TAG: usize = 10;
/// Longest name that leaves room for a serial number and both signatures: a local part has 64 characters (RFC 5321 §4.5.3).
const LONGEST_NAME: usize = 13;

/// The return address without what is of one mail, and the key that signs it.
pub struct Returns {
    name: String,
    domain: String,
    key: hmac::Key,
}

/// What a return address tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// Of which mail.
    pub serial_number: String,
    /// Signature of the recipient's address.
    recipient: String,
}

impl Returns {
    /// None: this address has no room for what is added.
    pub fn new(return_path: &str, key: &str) -> Option<Self> {
        address(return_path)?;
        let (name, domain) = return_path.rsplit_once('@')?;
        let fits = !name.is_empty() && name.len() <= LONGEST_NAME && !name.contains('+');
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
        fits.then(|| Self { name: name.to_owned(), domain: domain.to_owned(), key })
    }

    /// `NAME+SERIAL.‹signature of the serial number›‹signature of the recipient›@DOMAIN`.
    pub fn address(&self, serial_number: &str, to: &str) -> String {
        let Self { name, domain, .. } = self;
        let (of_mail, of_recipient) = (self.tag("mail", serial_number), self.tag("recipient", &mailbox(to)));
        format!("{name}+{serial_number}.{of_mail}{of_recipient}@{domain}")
    }

    /// What an address tells that we made; None: it is none of ours.
    pub fn read(&self, address: &str) -> Option<Returned> {
        let (local, domain) = address.rsplit_once('@')?;
        let (name, rest) = local.split_once('+')?;
        let (serial_number, tags) = rest.rsplit_once('.')?;
        // A server on its way may have made all of it small.
        let (serial_number, tags) = (serial_number.to_ascii_uppercase(), tags.to_ascii_lowercase());
        let (of_mail, of_recipient) = tags.split_at_checked(TAG)?;
        let ours = name.eq_ignore_ascii_case(&self.name) && domain.eq_ignore_ascii_case(&self.domain);
        let signed = same(of_mail, &self.tag("mail", &serial_number));
        (ours && signed).then(|| Returned { serial_number, recipient: of_recipient.to_owned() })
    }

    /// Whether the mail went to this address: what a report says of its recipient may be anybody's word.
    pub fn went_to(&self, returned: &Returned, to: &str) -> bool {
        same(&returned.recipient, &self.tag("recipient", &mailbox(to)))
    }

    fn tag(&self, of: &str, text: &str) -> String {
        let signature = hmac::sign(&self.key, format!("{of} {text}").as_bytes());
        hex::encode(&signature.as_ref()[..TAG / 2])
    }
}

/// A mailbox as it is compared: servers that tell large letters from small ones are not met.
pub fn mailbox(address: &str) -> String {
    address.to_ascii_lowercase()
}

fn same(one: &str, other: &str) -> bool {
    constant_time::verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERIAL: &str = "01KKCJ3N1F0000000000000001-0A";
    const TO: &str = "Haneul.Kim@mail.example";

    #[test]
    fn an_address_tells_its_mail_and_a_changed_one_nothing() {
        let returns = Returns::new("bounces@hanbit.example", "a-key").unwrap();
        let address = returns.address(SERIAL, TO);
        let local = address.split_once('@').unwrap().0;
        assert!(local.len() <= 64, "{local}");
        for address in [address.clone(), address.to_lowercase()] {
            let returned = returns.read(&address).unwrap();
            assert_eq!(returned.serial_number, SERIAL);
            assert!(returns.went_to(&returned, "haneul.kim@mail.example"));
            assert!(!returns.went_to(&returned, "victim@mail.example"));
        }
        for wrong in [
            address.replace("0000001-0A", "0000002-0A"),
            address.replace("bounces+", "others+"),
            address.replace("hanbit.example", "other.example"),
            address.replace(&address[address.find('.').unwrap() + 1..][..1], "~"),
            "bounces@hanbit.example".into(),
            "bounces+.@hanbit.example".into(),
            "bounces+x.é@hanbit.example".into(),
            String::new(),
        ] {
            assert_eq!(returns.read(&wrong), None, "{wrong}");
        }
        assert_eq!(Returns::new("bounces@hanbit.example", "another").unwrap().read(&address), None);
    }

    #[test]
    fn an_address_without_room_is_refused() {
        for path in ["", "bounces", "abcdefghijklmn@hanbit.example", "a+b@hanbit.example"] {
            assert!(Returns::new(path, "a-key").is_none(), "{path}");
        }
        assert!(Returns::new("abcdefghijklm@hanbit.example", "a-key").is_some());
    }
}
