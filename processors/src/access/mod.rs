//! Who may come in over HTTP: the secret keys of customers, what each may do from where and how much of it, and what is
//! told when a request is repeated.

mod credentials;
pub mod exchange;
mod hash;
mod limits;
mod repeat;
mod scope;

pub use credentials::Credentials;
pub use hash::{HashError, SecretHash};
pub use limits::{Limits, Taken, Usage, Use, Verdict, day_of};
pub use repeat::{Begun, Contents, End, KEPT, Kept, LARGEST_KEPT, Mark, RepeatKey};
pub use scope::Scope;

use crate::reference::SecretKey;
use std::{net::IpAddr, sync::Arc};

/// Secret keys that a customer may have at a time: one, or two while they are exchanged.
pub const MOST_KEYS: usize = 2;

impl SecretKey {
    /// Whether it is in time.
    pub fn is_valid(&self, now_ms: i64) -> bool {
        self.expires_at.is_none_or(|at| now_ms < at.as_millisecond())
    }

    /// Whether it may be used from this address; an IPv4 address that comes as IPv6 is the IPv4 address.
    pub fn admits(&self, from: IpAddr) -> bool {
        let from = from.to_canonical();
        self.networks.is_empty() || self.networks.iter().any(|network| network.contains(&from))
    }

    /// Whether it may be used for this.
    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

/// The valid key that a secret belongs to, of one customer's; none for a customer that does not exist.
///
/// It takes as long for one as for the other: a place without a key is looked at as if `nobody` had one there. That is
/// tens of milliseconds, so callers remember what they learnt.
pub fn find<'k>(
    keys: &'k [Arc<SecretKey>],
    secret: &[u8],
    nobody: &SecretHash,
    now_ms: i64,
) -> Option<&'k Arc<SecretKey>> {
    let mut found = None;
    for place in 0..MOST_KEYS {
        let key = keys.get(place);
        if key.map_or(nobody, |key| &key.hash).is_of(secret) {
            found = found.or(key.filter(|key| key.is_valid(now_ms)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    /// As cheap as a hash may be: these tests are not about its strength.
    fn key(secret: &str) -> SecretKey {
        SecretKey { hash: hash::tests::cheap(secret), ..SecretKey::default() }
    }

    fn found(keys: Vec<SecretKey>, secret: &str, now_ms: i64) -> Option<usize> {
        let keys: Vec<_> = keys.into_iter().map(Arc::new).collect();
        let key = find(&keys, secret.as_bytes(), &hash::tests::cheap("nobody's"), now_ms)?;
        keys.iter().position(|known| Arc::ptr_eq(known, key))
    }

    #[test]
    fn each_of_two_keys_is_found_and_no_other_secret() {
        let two = || vec![key("old"), key("new")];
        assert_eq!((found(two(), "old", 0), found(two(), "new", 0)), (Some(0), Some(1)));
        for wrong in ["", "Old", "old ", "nobody's"] {
            assert_eq!(found(two(), wrong, 0), None, "{wrong:?}");
            assert_eq!(found(Vec::new(), wrong, 0), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_wrong_secret_takes_as_long_whoever_it_is_said_of() {
        let hash = || SecretHash::of(b"right", &[7; 16]).unwrap();
        let customers = [0, 1, 2].map(|keys| {
            let key = || Arc::new(SecretKey { hash: hash(), ..SecretKey::default() });
            (0..keys).map(|_| key()).collect::<Vec<_>>()
        });
        let nobody = hash();
        // The shortest of several, taken in turn: what else the machine did is not in it.
        let mut took = [Duration::MAX; 3];
        for _ in 0..12 {
            for (keys, shortest) in customers.iter().zip(&mut took) {
                let began = Instant::now();
                assert!(find(keys, b"wrong", &nobody, 0).is_none());
                *shortest = began.elapsed().min(*shortest);
            }
        }
        let (shortest, longest) = (took.iter().min().unwrap(), took.iter().max().unwrap());
        assert!(*longest < *shortest * 3 / 2, "{took:?}");
    }

    #[test]
    fn a_key_ends_in_the_millisecond_that_it_names() {
        let until = |ms| SecretKey { expires_at: jiff::Timestamp::from_millisecond(ms).ok(), ..key("a") };
        assert_eq!((found(vec![until(5)], "a", 4), found(vec![until(5)], "a", 5)), (Some(0), None));
        // The same secret may go on under a later end.
        assert_eq!(found(vec![until(5), until(9)], "a", 7), Some(1));
    }

    #[test]
    fn a_key_is_used_from_its_networks_and_for_its_scopes_alone() {
        let networks = ["10.1.0.0/16", "2001:db8::/32"].map(|network| network.parse().unwrap());
        let key = SecretKey { networks: networks.into(), scopes: vec![Scope::Report], ..SecretKey::default() };
        let admits = |from: &str| key.admits(from.parse().unwrap());
        assert!(admits("10.1.2.3") && admits("::ffff:10.1.2.3") && admits("2001:db8::1"));
        assert!(!admits("10.2.0.1") && !admits("::ffff:10.2.0.1") && !admits("2001:db9::1"));
        assert!(SecretKey::default().admits("10.2.0.1".parse().unwrap()), "without networks from everywhere");
        assert!(key.allows(Scope::Report) && !key.allows(Scope::Send));
    }
}
