//! Headers that are of one connection, and end with it.

use axum::http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CONNECTION, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE},
};
use std::net::IpAddr;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const OF_CONNECTION: [HeaderName; 9] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HOST,
];

/// Takes them out (RFC 9110, 7.6.1); of a request, says last who sent it.
pub fn pass_on(headers: &mut HeaderMap, from: Option<IpAddr>) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    named.into_iter().chain(OF_CONNECTION).for_each(|name| drop(headers.remove(name)));
    let Some(from) = from else { return };
    let before = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
    let all: Vec<String> = before.map(str::to_owned).chain([from.to_canonical().to_string()]).collect();
    if let Ok(all) = HeaderValue::try_from(all.join(", ")) {
        headers.insert(FORWARDED_FOR, all);
    }
}

/// Who sent a request: what a proxy of ours says last, or the connection's other end.
pub fn sender(peer: IpAddr, headers: &HeaderMap, behind: &[ipnet::IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    if !behind.iter().any(|net| net.contains(&peer)) {
        return peer;
    }
    let last = headers.get_all(FORWARDED_FOR).iter().next_back().and_then(|value| value.to_str().ok());
    let last = last.and_then(|all| all.rsplit(',').next()?.trim().parse().ok());
    last.map_or(peer, |from: IpAddr| from.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn what_is_of_a_connection_ends_with_it() {
        let mut headers = of(&[
            ("connection", "close, x-hop"),
            ("x-hop", "1"),
            ("transfer-encoding", "chunked"),
            ("x-ims-key", "a"),
            ("x-forwarded-for", "203.0.113.9"),
        ]);
        pass_on(&mut headers, Some("::ffff:198.51.100.1".parse().unwrap()));
        let expected = of(&[("x-ims-key", "a"), ("x-forwarded-for", "203.0.113.9, 198.51.100.1")]);
        assert_eq!(headers, expected);
    }

    #[test]
    fn a_proxy_is_believed_when_it_is_ours() {
        let behind = ["10.0.0.0/8".parse().unwrap()];
        let headers = of(&[("x-forwarded-for", "203.0.113.9, 198.51.100.1")]);
        let sender = |peer: &str, headers: &HeaderMap| sender(peer.parse().unwrap(), headers, &behind).to_string();
        assert_eq!(sender("10.1.2.3", &headers), "198.51.100.1");
        assert_eq!(sender("::ffff:10.1.2.3", &headers), "198.51.100.1");
        assert_eq!(sender("192.0.2.1", &headers), "192.0.2.1", "anybody can say anything");
        assert_eq!(sender("10.1.2.3", &HeaderMap::new()), "10.1.2.3");
        assert_eq!(sender("10.1.2.3", &of(&[("x-forwarded-for", "unknown")])), "10.1.2.3");
    }

    #[test]
    fn whatever_proxies_say_somebody_sent_it() {
        let (peer, behind) = ("10.1.2.3".parse().unwrap(), ["10.0.0.0/8".parse().unwrap()]);
        for bytes in schemas::examples::spoilt(&[b"203.0.113.9, 198.51.100.1", b"2001:db8::1", b"close, x-hop"]) {
            let Ok(value) = HeaderValue::from_bytes(&bytes) else { continue };
            let mut headers = HeaderMap::new();
            headers.insert(CONNECTION, value.clone());
            headers.insert(FORWARDED_FOR, value);
            let said = sender(peer, &headers, &behind);
            pass_on(&mut headers, Some(said));
            assert_eq!(sender(peer, &headers, &behind), said, "{bytes:?}");
        }
    }
}
