//! Sender profiles, against the simulator and servers that answer badly.

use super::{
    Bench, DEALER, KEY, VendorSettings,
    simulated::{listen_with, well},
};
use crate::{
    simulator::{Behaviour, ProfileBehaviour},
    vendors::{
        Brings, Registrar, Seen, Trouble,
        testing::{Server, answer},
    },
};
use processors::center::claim::{Handed, Standing};
use serde_json::{Value, json};

fn registrar(url: &str) -> Registrar {
    let settings = VendorSettings { profiles_every_ms: 60_000, calls_per_second: 1_000, ..VendorSettings::default() };
    Bench::within(&DEALER, url, 5_000, settings).vendors.registrar(Brings::Profiles).unwrap().unwrap()
}

fn handed(token: &str) -> Handed {
    Handed {
        token: token.into(),
        category_code: "00100010001".into(),
        unsubscribe_phone_number: Some("080-000-0000".into()),
        unsubscribe_auth_number: None,
    }
}

fn refused<T: std::fmt::Debug>(told: Result<T, Trouble>) -> bool {
    matches!(told, Err(Trouble::Refused(_)))
}

#[test]
fn a_channel_is_registered_with_its_token_looked_at_and_woken() {
    let profiles = ProfileBehaviour { dormant: vec!["잠".into()], ..ProfileBehaviour::default() };
    let listener = listen_with(None, Behaviour { profiles, ..well() }, 0);
    let registrar = registrar(&listener.url());
    let visit = registrar.visit().unwrap();
    let (channel, phone) = ("@잠꾸러기", "01023456789");
    assert!(refused(visit.register_profile(channel, phone, &handed("456789"))), "no token was asked for");
    assert_eq!(visit.ask_token(channel, phone), Ok(()));
    assert_eq!(visit.channel(channel), Ok(Seen::Absent));
    assert!(refused(visit.register_profile(channel, phone, &handed("456780"))), "another token");
    assert!(refused(visit.register_profile(channel, "01023456780", &handed("456789"))), "another phone");
    let sender_key = visit.register_profile(channel, phone, &handed("456789")).unwrap();
    assert_eq!(visit.register_profile(channel, phone, &handed("456789")), Ok(sender_key.clone()), "told again");
    assert_eq!(visit.channel(channel), Ok(Seen::There(sender_key.clone())));
    assert_eq!(visit.profile(&sender_key), Ok(Some((Standing::Dormant, None))));
    assert_eq!(visit.recover_profile(&sender_key), Ok(()));
    assert_eq!(visit.profile(&sender_key), Ok(Some((Standing::Active, None))));
    assert_eq!(visit.profile(&"f".repeat(40)), Ok(None));
    assert!(refused(visit.recover_profile(&"f".repeat(40))));
    assert!(visit.categories().unwrap().iter().any(|category| category.code == "00100010001"));
}

fn of_center(profile: &Value) -> String {
    json!({
        "common": {"authCode": "A000"},
        "data": {"code": "A000", "result": "Success", "data": {"kakao": {"senderProfile": profile}}},
    })
    .to_string()
}

#[test]
fn a_profile_is_said_and_read_as_published() {
    let registered =
        r#"{"common":{"authCode":"A000"},"data":{"code":"A000","kakao":{"senderProfile":{"senderKey":"k"}}}}"#;
    let server = Server::saying(answer("200 OK", "", registered));
    let registrar_of = registrar(&server.url);
    let visit = registrar_of.visit().unwrap();
    assert_eq!(visit.register_profile("@hanbit", "01023456789", &handed("1a")), Ok("k".to_owned()));
    let request = server.requests().pop().unwrap();
    assert!(request.starts_with("POST /api/comm/v1/account/kakao/sender HTTP/1.1\r\n"), "{request}");
    let lower = request.to_lowercase();
    assert!(lower.contains("\r\ntoken: 1a\r\n") && lower.contains("\r\nphonenumber: 01023456789\r\n"), "{request}");
    let body: Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
    let told = json!({"yellowId": "@hanbit", "categoryCode": "00100010001", "unsubscribePhoneNumber": "080-000-0000"});
    assert_eq!(body, told);
    assert_eq!(visit.channel("@hanbit"), Ok(Seen::Unclear), "it names no channel");

    let key = "f".repeat(40);
    let stands = |more: Value| {
        let mut profile = json!({"senderKey": key, "status": "A", "block": false, "dormant": false});
        profile.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let server = Server::saying(answer("200 OK", "", &of_center(&profile)));
        registrar(&server.url).visit().unwrap().profile(&key)
    };
    for (more, standing) in [
        (json!({}), Standing::Active),
        (json!({"profileStatus": "A"}), Standing::Active),
        (json!({"block": true, "dormant": true}), Standing::Blocked),
        (json!({"profileStatus": "B"}), Standing::Blocked),
        (json!({"profileStatus": "C", "dormant": true}), Standing::Deactivated),
        (json!({"profileStatus": "E"}), Standing::Deleting),
        (json!({"dormant": true}), Standing::Dormant),
        (json!({"status": "X"}), Standing::Unclear),
        (json!({"profileStatus": "X"}), Standing::Unclear),
    ] {
        assert_eq!(stands(more.clone()).unwrap().unwrap().0, standing, "{more}");
    }
    let warned = stands(json!({"profileMessageSpamLevel": "활동제한"})).unwrap();
    assert_eq!(warned, Some((Standing::Active, Some("profileMessageSpamLevel 활동제한".to_owned()))));
    assert!(refused(stands(json!({"senderKey": "another"}))));
    assert!(refused(stands(json!({"senderKey": null}))));
}

#[test]
fn whether_a_token_was_sent_is_known_or_not() {
    let told = |status: &str, body: &str| {
        let server = Server::saying(answer(status, "", body));
        let told = registrar(&server.url).visit().unwrap().ask_token("@hanbit", "01023456789").unwrap_err();
        assert!(!format!("{told:?}").contains(KEY) && !format!("{told:?}").contains("0102345"), "{told:?}");
        match told {
            Trouble::Away { .. } => "not sent",
            Trouble::Failed(_) => "perhaps",
            Trouble::Refused(_) => "refused",
        }
    };
    let service =
        |code: &str| format!(r#"{{"common":{{"authCode":"A000"}},"data":{{"code":"{code}","result":"no"}}}}"#);
    assert_eq!(told("429 Too Many Requests", ""), "not sent");
    assert_eq!(told("400 Bad Request", &service("A020")), "not sent");
    assert_eq!(told("401 Unauthorized", &service("A100")), "not sent");
    assert_eq!(told("403 Forbidden", "<html>"), "not sent");
    assert_eq!(told("200 OK", "<html>"), "perhaps");
    assert_eq!(told("502 Bad Gateway", "<html>"), "perhaps");
    assert_eq!(told("200 OK", &service("A999")), "perhaps");
    assert_eq!(told("400 Bad Request", &service("A213")), "refused");
}
