//! Who is let in.

use super::{BANK, Fixture, SHOP, SHOP_SECRET, key, post, signed, sms};
use crate::{
    config,
    http::{facing, routes::Peer},
};
use axum::{body::Body, http::StatusCode};
use processors::{access::Scope, reference::SecretKey};
use schemas::{Lane, SendRequest, Topic, examples::seed::NOW_MS};
use tower_service::Service as _;

impl Fixture {
    async fn sends(&self, peer: &str, key: Option<&str>) -> u16 {
        let request = key.into_iter().fold(post(SHOP), |request, key| request.header("x-ims-key", key));
        let (status, _, answer) = self.call_from(peer, request.body(sms().into()).unwrap()).await;
        assert!(!answer.to_string().contains("secret-of"), "{answer}");
        status.as_u16()
    }
}

const HERE: &str = "127.0.0.1:1";

#[tokio::test]
async fn nobody_comes_in_without_a_key_that_is_right() {
    let fixture = Fixture::new();
    let right = key("hanbit-shop", SHOP_SECRET);
    for wrong in [
        None,
        Some(""),
        Some("hanbit-shop:demo-only-secret-of-hanbit-shop"),
        Some(&*key("hanbit-shop", "")),
        Some(&*key("hanbit-shop", "demo-only-secret-of-dure-bank")),
        Some(&*key("hanbit-shop", &format!("{SHOP_SECRET} "))),
        Some(&*key("dure-bank", SHOP_SECRET)),
        Some(&*key("nobody", SHOP_SECRET)),
        Some(&*key("mirae-clinic", SHOP_SECRET)),
        Some(&*format!("{right}AAAA")),
    ] {
        assert_eq!(fixture.sends(HERE, wrong).await, 401, "{wrong:?}");
    }
    // Of two nobody knows which counts.
    let twice = signed(post(SHOP)).header("x-ims-key", key("dure-bank", "demo-only-secret-of-dure-bank"));
    assert_eq!(fixture.call(twice.body(sms().into()).unwrap()).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(fixture.sends(HERE, Some(&right)).await, 200);
    assert_eq!(fixture.written::<SendRequest>(Topic::api(Lane::Realtime)).len(), 1);
}

#[tokio::test]
async fn another_customers_service_key_is_as_unknown_as_one_of_nobody() {
    let fixture = Fixture::new();
    let mut told = Vec::new();
    for service_key in [BANK, "IMSDEMO0SERVICEKEY0000000000000000000088"] {
        let body = sms().replace(SHOP, service_key);
        let (status, _, answer) = fixture.call(signed(post(service_key)).body(body.into()).unwrap()).await;
        assert_eq!((status, answer["code"].as_str()), (StatusCode::OK, Some("1100")));
        told.push(answer);
    }
    assert_eq!(told[0], told[1]);
    assert!(fixture.written::<SendRequest>(Topic::api(Lane::Realtime)).is_empty());
}

/// Changes the shop's key.
fn change(fixture: &mut Fixture, change: impl FnOnce(&mut SecretKey)) {
    fixture.reload(|seed| change(seed.secret_keys.iter_mut().find(|key| key.username == "hanbit-shop").unwrap()));
}

#[tokio::test]
async fn a_key_ends_at_its_time_and_when_its_row_goes() {
    let mut fixture = Fixture::new();
    let right = key("hanbit-shop", SHOP_SECRET);
    assert_eq!(fixture.sends(HERE, Some(&right)).await, 200);
    change(&mut fixture, |key| key.expires_at = jiff::Timestamp::from_millisecond(NOW_MS + 10).ok());
    assert_eq!(fixture.sends(HERE, Some(&right)).await, 200);
    fixture.at(NOW_MS + 10);
    assert_eq!(fixture.sends(HERE, Some(&right)).await, 401, "it was known, and is over");
    change(&mut fixture, |key| key.expires_at = None);
    assert_eq!(fixture.sends(HERE, Some(&right)).await, 200);
    fixture.reload(|seed| seed.secret_keys.retain(|key| key.username != "hanbit-shop"));
    assert_eq!(fixture.sends(HERE, Some(&right)).await, 401, "it was known, and is gone");
}

#[tokio::test]
async fn of_two_keys_both_are_right_while_they_are_exchanged() {
    let mut fixture = Fixture::new();
    fixture.reload(|seed| {
        let hash = seed.secret_keys.iter().find(|key| key.username == "dure-bank").unwrap().hash.clone();
        let shop = seed.secret_keys.iter().find(|key| key.username == "hanbit-shop").unwrap().clone();
        seed.secret_keys.push(SecretKey { name: "next".into(), hash, ..shop });
    });
    for secret in [SHOP_SECRET, "demo-only-secret-of-dure-bank"] {
        assert_eq!(fixture.sends(HERE, Some(&key("hanbit-shop", secret))).await, 200);
    }
}

#[tokio::test]
async fn a_key_is_good_from_its_networks_and_for_its_scopes() {
    let mut fixture = Fixture::new();
    let right = key("hanbit-shop", SHOP_SECRET);
    change(&mut fixture, |key| key.networks = vec!["203.0.113.0/24".parse().unwrap()]);
    assert_eq!(fixture.sends("203.0.113.9:7", Some(&right)).await, 200);
    assert_eq!(fixture.sends("[::ffff:203.0.113.9]:7", Some(&right)).await, 200);
    assert_eq!(fixture.sends("198.51.100.1:7", Some(&right)).await, 403);
    assert_eq!(fixture.sends("198.51.100.1:7", Some(&key("hanbit-shop", "wrong"))).await, 401, "told to nobody else");
    change(&mut fixture, |key| (key.networks, key.scopes) = (Vec::new(), vec![Scope::Report, Scope::Cancel]));
    assert_eq!(fixture.sends(HERE, Some(&right)).await, 403);
    change(&mut fixture, |key| key.scopes = vec![Scope::Send]);
    assert_eq!(fixture.sends(HERE, Some(&right)).await, 200);
}

#[tokio::test]
async fn behind_a_gateway_a_key_is_good_from_the_networks_of_who_asks_there() {
    let mut fixture = Fixture::new();
    change(&mut fixture, |key| key.networks = vec!["203.0.113.0/24".parse().unwrap()]);
    let http = config::load(None, []).unwrap().http;
    let ours = config::Http { behind: vec!["10.0.0.0/8".parse().unwrap()], ..http.clone() };
    for (http, peer, asks_there, status) in [
        (&ours, "10.1.2.3:7", Some("203.0.113.9"), 200),
        (&ours, "10.1.2.3:7", Some("198.51.100.1, 203.0.113.9"), 200),
        (&ours, "10.1.2.3:7", Some("203.0.113.9, 198.51.100.1"), 403),
        (&ours, "10.1.2.3:7", None, 403),
        // Who is no gateway of ours may say what he likes.
        (&ours, "198.51.100.1:7", Some("203.0.113.9"), 403),
        (&ours, "203.0.113.9:7", Some("198.51.100.1"), 200),
        (&http, "10.1.2.3:7", Some("203.0.113.9"), 403),
    ] {
        let request =
            asks_there.into_iter().fold(signed(post(SHOP)), |of, address| of.header("x-forwarded-for", address));
        let mut request = request.body(Body::from(sms())).unwrap();
        request.extensions_mut().insert(Peer(peer.parse().unwrap()));
        let answer = facing(fixture.routes(), http).call(request).await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{peer} {asks_there:?}");
    }
}

#[tokio::test]
async fn a_key_that_was_right_is_not_hashed_again() {
    let mut fixture = Fixture::new();
    let right = key("hanbit-shop", SHOP_SECRET);
    assert_eq!(fixture.sends(HERE, Some(&right)).await, 200);
    // From now on whoever must be hashed is turned away.
    fixture.door.gate.close_hashing();
    assert_eq!(fixture.sends(HERE, Some(&right)).await, 200);
    assert_eq!(fixture.sends(HERE, Some(&key("hanbit-shop", "wrong"))).await, 500);
    // Other rows change: it stays known. Its own does: it is not.
    fixture.reload(|seed| seed.secret_keys.retain(|key| key.username == "hanbit-shop"));
    assert_eq!(fixture.sends(HERE, Some(&right)).await, 200);
    change(&mut fixture, |key| key.name = "other".into());
    assert_eq!(fixture.sends(HERE, Some(&right)).await, 500);
}

#[tokio::test]
async fn who_is_not_known_yet_takes_no_place_of_who_is() {
    let fixture = Fixture::new();
    let (right, wrong) = (key("hanbit-shop", SHOP_SECRET), key("hanbit-shop", "wrong"));
    assert_eq!(fixture.sends(HERE, Some(&right)).await, 200);
    let held = fixture.door.gate.places_of("127.0.0.1".parse().unwrap());
    assert_eq!((held.len(), fixture.door.places.taken()), (50, 0));
    assert_eq!(fixture.sends(HERE, Some(&right)).await, 200, "it is known");
    assert_eq!(fixture.sends(HERE, Some(&wrong)).await, 429);
    assert_eq!(fixture.sends("192.0.2.1:7", Some(&wrong)).await, 401, "half of the places are one address's");
}
