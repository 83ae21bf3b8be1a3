//! Rules of telling customers.

use super::{address::judge, *};
use crate::reference::{Customer, Reference, Seed, ServiceKey};
use proptest::prelude::*;
use schemas::examples;
use std::net::IpAddr;

const NOW: i64 = 1_773_192_603_000;

fn status(status: u16) -> Reply {
    Reply::Status { status, retry_after: None }
}

fn asking(status: u16, retry_after: &str) -> Reply {
    Reply::Status { status, retry_after: Some(retry_after.to_owned()) }
}

fn secret(letter: &str) -> Secret {
    format!("whsec_{}", letter.repeat(32)).try_into().unwrap()
}

#[test]
fn the_n_th_retry_comes_n2_minus_n_plus_1_minutes_after_the_failure_before_it() {
    let waits: Vec<i64> = (0..10)
        .map(|failed| match plan(&status(500), failed, NOW) {
            After::Again { due_ms } => (due_ms - NOW) / 1_000,
            other => panic!("{failed}: {other:?}"),
        })
        .collect();
    assert_eq!(waits, [60, 180, 420, 780, 1_260, 1_860, 2_580, 3_420, 4_380, 5_460]);
    assert_eq!(plan(&status(500), 10, NOW), After::GiveUp, "the tenth retry was the last");
}

#[test]
fn a_status_of_2xx_is_success_and_nothing_else_is() {
    for code in 100..600 {
        let after = plan(&status(code), 0, NOW);
        match code {
            200..=299 => assert_eq!(after, After::Done, "{code}"),
            410 => assert_eq!(after, After::Disable),
            _ => assert_eq!(after, After::Again { due_ms: NOW + 60_000 }, "{code}"),
        }
    }
    for failure in [Failure::Forbidden, Failure::Unresolved, Failure::Unreachable, Failure::Broken, Failure::TimedOut] {
        assert_eq!(plan(&Reply::Failed(failure), 1, NOW), After::Again { due_ms: NOW + 180_000 }, "{failure:?}");
    }
}

#[test]
fn a_retry_after_that_asks_for_longer_wins() {
    let due = |text: &str, failed| match plan(&asking(429, text), failed, NOW) {
        After::Again { due_ms } => due_ms - NOW,
        other => panic!("{other:?}"),
    };
    assert_eq!(due("3600", 0), 3_600_000);
    assert_eq!(due("30", 0), 60_000, "sooner than the plan says is not asked for");
    assert_eq!(due("Wed, 11 Mar 2026 02:30:03 GMT", 0), 3_600_000);
    assert_eq!(due("Wed, 11 Mar 2020 02:30:03 GMT", 0), 60_000, "that is past");
    assert_eq!(due("tomorrow", 0), 60_000);
    assert_eq!(due("-5", 0), 60_000);
    assert_eq!(due("99999999999999999999999", 0), TOLD_WITHIN_MS, "as long as REPORT keeps it");
    assert_eq!(plan(&asking(503, "3600"), 10, NOW), After::GiveUp);
}

proptest! {
    #[test]
    fn no_header_makes_a_wait_shorter_or_endless(text in "\\PC{0,40}", failed in 0u32..10) {
        let After::Again { due_ms } = plan(&asking(503, &text), failed, NOW) else { panic!("{failed}") };
        let After::Again { due_ms: least } = plan(&status(503), failed, NOW) else { panic!("{failed}") };
        prop_assert!((least..=NOW + TOLD_WITHIN_MS).contains(&due_ms));
    }

    #[test]
    fn no_private_ipv4_address_gets_through_in_any_dress(bits: u32) {
        let v4 = std::net::Ipv4Addr::from(bits);
        let private = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast()
            || v4.is_unspecified() || v4.is_broadcast() || v4.is_documentation();
        let nat64: IpAddr = format!("64:ff9b::{v4}").parse().unwrap();
        for dressed in [IpAddr::V4(v4), IpAddr::V6(v4.to_ipv6_mapped()), nat64] {
            prop_assert_eq!(judge(&[dressed], &[]).is_err(), judge(&[IpAddr::V4(v4)], &[]).is_err());
            prop_assert!(!private || judge(&[dressed], &[]).is_err(), "{}", dressed);
        }
    }
}

#[test]
fn addresses_that_are_not_public_are_refused_by_name() {
    for (address, what) in [
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("10.0.0.1", "private"),
        ("172.31.255.255", "private"),
        ("192.168.0.1", "private"),
        ("169.254.169.254", "link-local"),
        ("168.63.129.16", "metadata"),
        ("100.100.100.200", "carrier-grade NAT"),
        ("192.0.0.192", "protocol assignments"),
        ("224.0.0.1", "multicast"),
        ("255.255.255.255", "reserved"),
        ("0.0.0.0", "this network"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("::ffff:10.0.0.1", "private"),
        ("::7f00:1", "not global unicast"),
        ("64:ff9b::10.0.0.1", "private"),
        ("64:ff9b:1::1", "NAT64"),
        ("fd00:ec2::254", "unique local"),
        ("fe80::1", "link-local"),
        ("fec0::1", "not global unicast"),
        ("ff02::1", "multicast"),
        ("2002:7f00:1::", "6to4"),
        ("2001:0:53aa:64c::1", "protocol assignments, Teredo"),
        ("2001:db8::1", "documentation"),
    ] {
        let refused = judge(&[address.parse().unwrap()], &[]).expect_err(address);
        assert_eq!(refused.what, what, "{address}");
    }
    for address in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111", "64:ff9b::1.1.1.1"] {
        assert_eq!(judge(&[address.parse().unwrap()], &[]), Ok(()), "{address}");
    }
}

#[test]
fn one_forbidden_address_forbids_the_name_and_only_allowed_networks_are_excused() {
    let both: [IpAddr; 2] = ["1.1.1.1".parse().unwrap(), "10.0.0.1".parse().unwrap()];
    assert_eq!(judge(&both, &[]).unwrap_err().address, both[1]);
    assert_eq!(judge(&both, &["10.0.0.0/8".parse().unwrap()]), Ok(()));
    assert!(judge(&both, &["10.1.0.0/16".parse().unwrap()]).is_err());
    assert!(judge(&["::ffff:127.0.0.1".parse().unwrap()], &["127.0.0.0/8".parse().unwrap()]).is_ok());
}

#[test]
fn the_signature_is_that_of_the_standards_own_example() {
    // https://github.com/standard-webhooks/standard-webhooks: the vector that its libraries test with.
    let secret = Secret::try_from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()).unwrap();
    let (id, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", br#"{"test": 2432232314}"#);
    assert_eq!(
        signature(std::slice::from_ref(&secret), id, 1_614_265_330, body),
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    );
    let two = signature(&[secret, self::secret("B")], id, 1_614_265_330, body);
    let (first, second) = two.split_once(' ').unwrap();
    assert!(first.ends_with("OLJ1OE=") && second.starts_with("v1,") && first != second, "{two}");
}

#[test]
fn a_secret_is_checked_and_never_printed() {
    for wrong in ["", "whsec_", "abc", "whsec_!!!!", "whsec_c2hvcnQ=", &format!("whsec_{}", "A".repeat(100))] {
        assert_eq!(Secret::try_from(wrong.to_owned()), Err(NoSecret), "{wrong}");
    }
    let secret = secret("A");
    assert_eq!(format!("{secret:?} {}", serde_json::to_string(&secret).unwrap()), "whsec_… \"whsec_…\"");
}

#[test]
fn the_body_has_the_fields_of_the_contract_in_its_order() {
    let Message { id, body } = message(&[examples::report()], false);
    assert_eq!(id, examples::report().track_id);
    let expected = concat!(
        r#"{"type":"message.report","timestamp":"2026-03-11T01:30:02.960Z","data":{"#,
        r#""message_id":"ORD-20260311-000123","track_id":"01KKD87PHR0500R000005M4K00","channel":"AT","#,
        r#""message_type":"SMS","state":"DELIVERED","code":"0000","message":"","vendor_code":"1000","#,
        r#""requested_at":"2026-03-11T01:30:00.120Z","sent_at":"2026-03-11T01:30:00.206Z","#,
        r#""reported_at":"2026-03-11T01:30:02.960Z","steps":["#,
        r#"{"step":0,"channel":"AT","message_type":"AT","state":"FAILED","origin":"VENDOR","code":"3018","#,
        r#""vendor":"talk-one","vendor_code":"3018","sent_at":"2026-03-11T01:30:00.141Z","#,
        r#""reported_at":"2026-03-11T01:30:00.184Z"},"#,
        r#"{"step":1,"channel":"MT","message_type":"SMS","state":"DELIVERED","origin":"IMS","code":"0000","#,
        r#""vendor":"text-one","vendor_code":"1000","sent_at":"2026-03-11T01:30:00.206Z","#,
        r#""reported_at":"2026-03-11T01:30:02.960Z"}],"bill_code":"SHOP-ORDER"}}"#,
    );
    assert_eq!(String::from_utf8(body).unwrap(), expected);
}

#[test]
fn a_batch_is_a_list_whose_id_tells_its_company() {
    let of = |id: &str| Report { track_id: id.into(), ..examples::report() };
    let (two, others) = (message(&[of("A"), of("B")], true), message(&[of("A"), of("C")], true));
    let told: serde_json::Value = serde_json::from_slice(&two.body).unwrap();
    assert_eq!((&told["type"], told["data"].as_array().unwrap().len()), (&"message.reports".into(), 2));
    assert!(two.id.starts_with("A-") && !two.id.contains('.') && two.id != others.id, "{} {}", two.id, others.id);
    assert_eq!(two, message(&[of("A"), of("B")], true), "the same on every retry");
    let alone: serde_json::Value = serde_json::from_slice(&message(&[of("A")], true).body).unwrap();
    assert!(alone["data"].is_array(), "who asked for lists gets lists");
}

#[test]
fn what_ends_a_message_is_told_and_a_refused_duplicate_is_not() {
    let report = examples::report;
    assert!(is_told(&report()));
    assert!(!is_told(&Report { terminal: false, state: State::Sent, ..report() }));
    assert!(!is_told(&Report { kind: ReportKind::Late, terminal: false, ..report() }));
    assert!(is_told(&Report { state: State::Rejected, code: "2010".into(), ..report() }));
    assert!(!is_told(&Report { state: State::Rejected, code: "2030".into(), ..report() }));
}

fn key(uri: &str) -> ServiceKey {
    ServiceKey {
        key: "k".repeat(40),
        username: "shop".into(),
        active: true,
        callback_uri: Some(uri.into()),
        callback_secrets: vec![secret("A")],
        ..ServiceKey::default()
    }
}

fn refused(key: ServiceKey) -> String {
    let customers = vec![Customer { username: "shop".into(), ..Customer::default() }];
    Reference::new(Seed { customers, service_keys: vec![key], ..Seed::default() }).unwrap_err().to_string()
}

#[test]
fn a_malformed_endpoint_is_refused_when_it_is_loaded() {
    for (uri, reason) in [
        ("shop.example/callback", "is no URI"),
        ("https://", "is no URI"),
        ("http://[::1", "is no URI"),
        ("ftp://shop.example/", "must begin with https://"),
        ("file:///etc/passwd", "must begin with https://"),
        ("https://name:token@shop.example/", "name or password"),
        ("https://shop.example/#here", "fragment"),
        ("https://shop.example:0/", "port 0"),
        (&format!("https://shop.example/{}", "x".repeat(2_048)), "longer than 2048"),
    ] {
        let told = refused(key(uri));
        assert!(told.contains(reason) && told.contains("…kkkk") && !told.contains("token"), "{uri}: {told}");
    }
    let none = Vec::new();
    let told = refused(ServiceKey { callback_secrets: none, ..key("https://shop.example/") });
    assert!(told.contains("one secret, or two"), "{told}");
    let batch = Some(Batch { reports: 0, wait_ms: 60_001 });
    let told = refused(ServiceKey { callback_batch: batch, callback_uri: None, ..key("") });
    assert!(told.contains("secrets without") && told.contains("batch without"), "{told}");
    let told = refused(ServiceKey { callback_batch: batch, ..key("https://shop.example/") });
    assert!(told.contains("reports must be") && told.contains("wait_ms must be"), "{told}");
}

#[test]
fn an_endpoint_that_is_gone_comes_back_by_another_uri_or_by_a_date() {
    let gone = Endpoint::of(&key("https://shop.example/a")).unwrap().unwrap();
    let state = gone.disabled(None, NOW);
    assert!(gone.is_disabled_by(&state));
    assert!(!Endpoint::of(&key("https://shop.example/b")).unwrap().unwrap().is_disabled_by(&state));
    let enabled = |at: i64| ServiceKey {
        callback_enabled_at: Some(jiff::Timestamp::from_millisecond(at).unwrap()),
        ..key("https://shop.example/a")
    };
    assert!(!Endpoint::of(&enabled(NOW + 1)).unwrap().unwrap().is_disabled_by(&state));
    assert!(Endpoint::of(&enabled(NOW - 1)).unwrap().unwrap().is_disabled_by(&state), "410 came after that");
}

#[test]
fn the_event_of_an_attempt_says_what_came() {
    let reply = Reply::Failed(Failure::TimedOut);
    let first = Attempt {
        number: 3,
        reply: &reply,
        sent_at: Some(1),
        at_ms: 2,
        replay: "",
        endpoint: "https://shop.example",
        after: After::Again { due_ms: 9 },
    };
    let told = event(&examples::report(), &first);
    assert_eq!((told.event, told.code.as_str()), (schemas::LogEvent::Callback, "timed_out"));
    assert_eq!((told.attempt, told.ambiguous, told.sent_at, told.at), (3, true, Some(1), 2));
    let reply = status(204);
    assert_eq!(
        (told.endpoint.as_str(), told.outcome.as_str(), told.next_at),
        ("https://shop.example", "again", Some(9))
    );
    let told =
        event(&examples::report(), &Attempt { number: 1, reply: &reply, replay: "R1", after: After::Done, ..first });
    assert_eq!((told.code.as_str(), told.ambiguous, told.replay.as_str()), ("204", false, "R1"));
    assert_eq!((told.outcome.as_str(), told.next_at), ("told", None));
}

#[test]
fn what_followed_from_a_call_of_an_older_version_is_told_by_its_answer() {
    let of = |code, attempt| outcome("", code, attempt);
    assert_eq!([of("200", 1), of("204", 11), of("410", 1), of("500", 10)], ["told", "told", "disabled", "again"]);
    assert_eq!([of("timed_out", 11), of("lost", 1), of("2", 11)], ["given_up", "again", "given_up"]);
    assert_eq!(outcome("again", "200", 11), "again", "what is said counts");
}

#[test]
fn of_an_endpoint_its_place_is_told_and_nothing_that_may_be_secret() {
    let place = |uri| Endpoint::of(&key(uri)).unwrap().unwrap().place();
    assert_eq!(place("https://shop.example/ims/hunter2?token=hunter2"), "https://shop.example");
    assert_eq!(place("http://[::1]:8080/x"), "http://[::1]:8080");
}
