//! Who agreed to ads.

use super::{Center, OTHER, code};
use crate::http::tests::{BANK, SHOP, key};
use axum::{
    body::Body,
    http::{Method, Request},
};
use connectors::reference::SqlConsents;
use processors::{
    center::consent::Agreed,
    ports::{AskedConsent, Consents as _},
};
use schemas::{Channel, examples::seed};
use serde_json::{Value, json};
use std::sync::Arc;

impl Center {
    /// As ingest asks.
    fn agreed(&self, recipient: &str, channel: Channel) -> Agreed {
        let (at, cipher) = (self.0.stores.reference().unwrap(), Arc::new(self.0.stores.cipher().unwrap()));
        let asked =
            AskedConsent { username: "hanbit-shop".into(), names: vec![recipient.into()], channels: vec![channel] };
        let ask = move || SqlConsents::open(&at, cipher).unwrap().agreed(&[asked]).unwrap()[0];
        std::thread::spawn(ask).join().unwrap()
    }

    async fn file(&self, bytes: &[u8]) -> Value {
        let request = Request::builder().method(Method::POST).uri(format!("/ims/{SHOP}/consents/csv"));
        let request = request.header("x-ims-key", key(super::CUSTOMER.0, super::CUSTOMER.1));
        let request = request.header("content-type", "application/octet-stream");
        self.0.call(request.body(Body::from(bytes.to_owned())).unwrap()).await.2
    }
}

#[tokio::test]
async fn a_consent_is_kept_found_and_taken_back() {
    let center = Center::new();
    let given = json!({"consents": [
        {"recipient": "010-7777-0001", "consented_at": "2024-03-15T10:30:00+09:00"},
        {"recipient": "010-7777-0001", "kind": "night", "channel": "mt"},
        {"app_user_id": "hana", "channel": "push", "kind": "ad"},
    ]});
    assert_eq!(center.own(Method::POST, "consents", given.clone()).await["data"]["count"], 3);
    assert_eq!(center.own(Method::POST, "consents", given).await["data"]["count"], 0, "they are kept");
    assert_eq!(center.agreed("821077770001", Channel::Mt), Agreed { missing: None, night: true });
    assert_eq!(center.agreed("821077770001", Channel::Rc), Agreed { missing: None, night: false });
    assert_eq!(center.agreed("hana", Channel::Em).missing, Some(Channel::Em));
    center.0.at(seed::NOW_MS + 5);
    let list = json!({"consents": [{"recipient": "01077770001"}, {"app_user_id": "hana", "channel": "push"}]});
    assert_eq!(center.own(Method::POST, "consents", list).await["data"]["count"], 0, "what stands stays as it is");
    let night = json!({"recipients": ["01077770001"], "kind": "night"});
    assert_eq!(center.own(Method::POST, "consents/withdraw", night).await["data"]["count"], 1);
    assert_eq!(center.agreed("821077770001", Channel::Mt), Agreed { missing: None, night: false });
    let found = center.own(Method::POST, "consents/find", json!({"recipients": ["+82 10 7777 0001"]})).await;
    let items = found["data"]["items"].as_array().unwrap();
    assert_eq!(items.len(), 3, "that of all is kept where nothing stood: {found}");
    assert_eq!(
        items[0],
        json!({"recipient": "821077770001", "app_user": false, "channel": null, "kind": "ad",
            "consented_at": "2024-03-15T01:30:00.000Z", "withdrawn_at": null, "noticed_at": null})
    );
    assert_eq!((&items[2]["channel"], items[2]["withdrawn_at"].is_string()), (&json!("mt"), true), "{found}");
    let page = center.own(Method::GET, "consents?limit=2", Value::Null).await;
    let next = page["data"]["next"].as_str().unwrap();
    let rest = center.own(Method::GET, &format!("consents?limit=2&cursor={next}"), Value::Null).await;
    assert_eq!(
        (page["data"]["items"].as_array().unwrap().len(), rest["data"]["items"].as_array().unwrap().len()),
        (2, 2)
    );
    assert_eq!(rest["data"]["items"][0]["kind"], "night", "what changed last stands last");
    let lines = center.audit();
    assert!(lines.iter().all(|(line, told)| !format!("{line}{told}").contains("7777")), "{lines:?}");
    let (_, theirs) = center.call(OTHER, Method::GET, &format!("/ims/{BANK}/consents"), Value::Null).await;
    assert_eq!(theirs["data"]["items"], json!([]));
}

#[tokio::test]
async fn consents_of_a_file_are_kept_all_or_none() {
    let center = Center::new();
    let good = "\u{feff}recipient,channel,kind,consented_at\r\n010-7777-0001,mt,ad,2024-03-15T10:30:00+09:00\r\nhana@example.com,,,\r\n";
    assert_eq!(center.file(good.as_bytes()).await["data"]["count"], 2);
    assert_eq!(center.agreed("hana@example.com", Channel::Em).missing, None);
    let told = |answer: Value| answer["message"].as_str().unwrap().to_owned();
    let wrong = "recipient\n01077770002\n010-7777-000x\n";
    assert!(told(center.file(wrong.as_bytes()).await).starts_with("line 3, column recipient: "));
    assert!(center.agreed("821077770002", Channel::Mt).missing.is_some(), "none");
    let latin = b"recipient,channel\n01077770003,\xb0\xa1\n";
    for (file, said) in [
        (&b"recipient,number\nhana@example.com,01077770002\n"[..], "line 1, column 2: columns recipient, app_user_id"),
        (b"recipient,channel\n01077770003,fax\n", "line 2, column channel: at, ft"),
        (b"recipient,channel\n\n01077770003,mt\n01077770003\n", "line 4: got 1 columns, the first line has 2"),
        (b"kind,recipient\n\"a\nd\",01077770003\nall,01077770003\n", "line 2, column kind: ad or night"),
        (b"channel\nmt\n", "line 2, column recipient or app_user_id: missing"),
        (b"kind,kind\nad,ad\n", "line 2"),
        (latin, "line 2, column 2: columns"),
    ] {
        let told = told(center.file(file).await);
        assert!(told.starts_with(said) && !told.contains("7777"), "{told}");
    }
    assert!(told(center.file(b"recipient\n").await).starts_with("lines: there are none"));
}

#[tokio::test]
async fn what_is_no_consent_is_refused_by_its_place() {
    let center = Center::new();
    let one = |one: Value| json!({"consents": [one]});
    for (path, wish, said) in [
        ("consents", json!({"consents": []}), "consents: got 0, 1 to 1000 are allowed"),
        ("consents", one(json!({})), "consents[0].recipient or app_user_id: missing"),
        ("consents", one(json!({"recipient": "01012345678", "kind": "all"})), "consents[0].kind: ad or night"),
        ("consents", one(json!({"recipient": "01012345678", "channel": "fax"})), "consents[0].channel: at, ft"),
        (
            "consents",
            one(json!({"recipient": "01012345678", "consented_at": "2099-01-01T00:00:00Z"})),
            "consents[0].consented_at",
        ),
        ("consents", one(json!({"recipient": "01012345678", "consented_at": "yesterday"})), "consents[0].consented_at"),
        ("consents/withdraw", json!({"kind": "ad"}), "recipients: got 0"),
        ("consents/find", json!({"recipients": ["010-1234-567x"]}), "recipients[0]: "),
    ] {
        let answer = center.own(Method::POST, path, wish).await;
        assert!(["1400", "2020"].contains(&code(&answer)), "{answer}");
        assert!(answer["message"].as_str().unwrap().starts_with(said), "{answer}");
        assert!(!answer.to_string().contains("1234"), "{answer}");
    }
}

#[tokio::test]
async fn a_customer_says_whether_its_ads_need_consent_and_how_it_is_told_again() {
    let center = Center::new();
    let rules = center.own(Method::GET, "consents/rules", Value::Null).await;
    assert_eq!(rules["data"], json!({"ads_by_consent": false, "notices": []}));
    let notice = json!({"service_key": SHOP, "channel": "MT", "message_type": "LMS", "sender": "0234567890",
        "template_code": null, "title": null, "message": "#{sender}: #{date}에 동의하셨습니다. 철회 080-123-4567"});
    let wish = json!({"ads_by_consent": true, "notices": [notice]});
    center.own(Method::PUT, "consents/rules", wish.clone()).await;
    assert_eq!(center.own(Method::GET, "consents/rules", Value::Null).await["data"], wish);
    center.follow();
    let reference = center.0.reference.0.lock().unwrap().clone();
    let customer = reference.customer("hanbit-shop").unwrap();
    assert!(customer.ads_by_consent && customer.consent_notices.len() == 1);
    let mut of_another = wish.clone();
    of_another["notices"][0]["service_key"] = BANK.into();
    let mut without_day = wish.clone();
    without_day["notices"][0]["message"] = "동의하셨습니다".into();
    let mut twice = wish.clone();
    twice["notices"] = json!([wish["notices"][0], wish["notices"][0]]);
    for (wish, said) in [
        (of_another, "notices[0].service_key: unknown"),
        (without_day, "notices[0]: message must tell the day of consent"),
        (twice, "notices[1]: another notice of this channel"),
    ] {
        let answer = center.own(Method::PUT, "consents/rules", wish).await;
        assert!(answer["message"].as_str().unwrap().starts_with(said), "{answer}");
    }
    let told = center.audit().pop().unwrap();
    assert!(told.0.ends_with("customers hanbit-shop") && !told.1.contains(SHOP), "{told:?}");
}
