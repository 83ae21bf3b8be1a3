//! Who may come in over HTTP: the secret keys of customers and the people who are users, what each may do from where and
//! how much of it, and what is told when a request is repeated.

mod credentials;
pub mod exchange;
mod hash;
mod holder;
mod limits;
mod repeat;
mod scope;
pub mod user;

pub use credentials::{Credentials, Who};
pub use hash::{HashError, SecretHash};
pub use holder::Holder;
pub use limits::{LONGEST_WAIT_MS, Limits, Taken, Usage, Use, Verdict, day_of};
pub use repeat::{Begun, Contents, End, KEPT, Kept, Mark, RepeatKey};
pub use scope::Scope;

use crate::reference::SecretKey;
use std::net::IpAddr;

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

#[cfg(test)]
mod tests {
    use super::*;

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
