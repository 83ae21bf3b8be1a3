//! Which addresses a customer may have us call: those of the public Internet, and networks that the configuration
//! allows. Registries: IANA IPv4 and IPv6 Special-Purpose Address Spaces.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::LazyLock,
};

/// What is not public in IPv4, and what it is.
const IPV4: &[(&str, &str)] = &[
    ("0.0.0.0/8", "this network"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "carrier-grade NAT"),
    ("127.0.0.0/8", "loopback"),
    ("168.63.129.16/32", "metadata"),
    ("169.254.0.0/16", "link-local"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "protocol assignments"),
    ("192.0.2.0/24", "documentation"),
    ("192.88.99.0/24", "6to4 relay"),
    ("192.168.0.0/16", "private"),
    ("198.18.0.0/15", "benchmarking"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
];

/// What is not public within 2000::/3; everything outside is not public either.
const IPV6: &[(&str, &str)] = &[
    ("2001::/23", "protocol assignments, Teredo"),
    ("2001:db8::/32", "documentation"),
    ("2002::/16", "6to4"),
    ("3fff::/20", "documentation"),
];

/// Named for those who read the log; all of them lie outside of 2000::/3.
const IPV6_OUTSIDE: &[(&str, &str)] = &[
    ("::/128", "unspecified"),
    ("::1/128", "loopback"),
    ("64:ff9b:1::/48", "NAT64"),
    ("fc00::/7", "unique local"),
    ("fe80::/10", "link-local"),
    ("ff00::/8", "multicast"),
];

/// The well-known prefix of NAT64 (RFC 6052): the last four bytes are an IPv4 address.
const NAT64: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);
const GLOBAL_UNICAST: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Networks and what they are.
type Networks<N> = Vec<(N, &'static str)>;

static TABLES: LazyLock<(Networks<Ipv4Net>, Networks<Ipv6Net>)> = LazyLock::new(|| {
    let table = "the tables above hold networks";
    (
        IPV4.iter().map(|(net, what)| (net.parse().expect(table), *what)).collect(),
        IPV6.iter().chain(IPV6_OUTSIDE).map(|(net, what)| (net.parse().expect(table), *what)).collect(),
    )
});

/// An address that is not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{address} is not called: {what}; callback.allow_networks may allow it")]
pub struct Forbidden {
    /// The address.
    pub address: IpAddr,
    /// What it is.
    pub what: &'static str,
}

/// Judges all addresses of a name: one that is forbidden forbids the name, or a second look-up might bring it alone.
pub fn judge(addresses: &[IpAddr], allowed: &[IpNet]) -> Result<(), Forbidden> {
    addresses.iter().try_for_each(|&address| match kind(address, allowed) {
        None => Ok(()),
        Some(what) => Err(Forbidden { address, what }),
    })
}

/// What makes an address forbidden; None: nothing does.
fn kind(address: IpAddr, allowed: &[IpNet]) -> Option<&'static str> {
    // What reaches an IPv4 address is judged, and allowed, as that address.
    let reached = match address {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => embedded(v6).map_or(IpAddr::V6(v6), IpAddr::V4),
    };
    if allowed.iter().any(|net| net.contains(&reached)) {
        return None;
    }
    let (ipv4, ipv6) = &*TABLES;
    match reached {
        IpAddr::V4(v4) => ipv4.iter().find(|(net, _)| net.contains(&v4)).map(|(_, what)| *what),
        IpAddr::V6(v6) => match ipv6.iter().find(|(net, _)| net.contains(&v6)) {
            Some((_, what)) => Some(what),
            None => (!GLOBAL_UNICAST.contains(&v6)).then_some("not global unicast"),
        },
    }
}

/// The IPv4 address that a packet to this one reaches: v4-mapped, or by way of NAT64.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [.., a, b, c, d] = address.octets();
    if NAT64.contains(&address) { Some(Ipv4Addr::new(a, b, c, d)) } else { address.to_ipv4_mapped() }
}
