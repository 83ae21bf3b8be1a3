//! Who refuses ads at the vendor refuses them here too, in the store that ingest asks.

use super::{APP_KEY, Bench, NhnSettings, SMS, VendorSettings, code, settings, sms};
use crate::{
    cipher::Cipher,
    reference::{Bounds, Editor, SCHEMA, SqlOptOuts, SqlRefusals},
    simulator::Behaviour,
    sql::testing::Store,
    vendors::{
        contract::{SECRET, always, free_port, listening},
        testing::{self, Nobody, serve, until},
    },
};
use processors::{
    ports::{Away, OptOuts as _, Refusals},
    reference::OptOut,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
};

fn cipher() -> Arc<Cipher> {
    Arc::new(Cipher::new(&[7; 32]))
}

/// A customer has as many opt-outs as recipients refuse its ads, whatever is allowed.
fn kept() -> (Store, Box<SqlRefusals>) {
    let store = Store::file();
    SCHEMA.migrate(&store.location).unwrap();
    let bounds = Bounds {
        sender_profiles: 0,
        sender_groups: 0,
        sender_numbers: 0,
        templates: 0,
        service_keys: 0,
        users: 0,
        opt_outs: 0,
        consents: 0,
        push_tokens: 0,
        files: 0,
        file_bytes: 0,
    };
    let editor = Editor::open(&store.location, cipher(), bounds).unwrap();
    (store, Box::new(SqlRefusals::new(editor)))
}

/// Whether the next ad of a customer to this number ends at ingest.
fn refuses(store: &Store, username: &str, recipient: &str) -> bool {
    let asked = OptOut { username: username.into(), recipient: recipient.into() };
    SqlOptOuts::open(&store.location, cipher()).unwrap().refused(&[asked]).unwrap()[0]
}

/// How each opt-out came, and who says so in each line of the audit.
fn told(store: &Store) -> (Vec<String>, Vec<String>) {
    let column = |of: &str, name| store.rows(of).iter().map(|row| row.get(name).unwrap()).collect();
    (
        column("SELECT source FROM opt_outs", "source"),
        column("SELECT actor FROM audit WHERE kind = 'opt_outs'", "actor"),
    )
}

#[test]
fn whom_the_vendor_knows_to_have_refused_ads_gets_no_other_of_that_customer() {
    let refusing = Behaviour { codes: always("-6001"), ..Behaviour::perfect() };
    let listener = listening(&SMS, APP_KEY, None, refusing, 0);
    let mut bench = Bench::of(&SMS, &format!("http://{}", listener.address()));
    let (store, refusals) = kept();
    bench.provider = bench.vendors.clone().telling(refusals).provider(Box::new(Nobody));
    let mut send_to = |number: &str, serial_number: &str, ad: bool, username: &str| {
        let mut sms = sms(serial_number);
        (sms.accepted.username, sms.accepted.ad) = (username.into(), ad);
        sms.accepted.recipient.phone_number = number.strip_prefix("82").map(Into::into);
        sms.accepted.content.message = Some("(광고) 봄맞이\n무료수신거부 0808880327".into());
        assert_eq!(code(&bench.reply_to(sms)), "-6001");
    };
    let (number, another) = ("821012345678", "821012345679");
    send_to(number, "S-0R", false, "hanbit-shop");
    send_to(number, "S-0S", true, "nobodys-shop");
    send_to(number, "S-0A", true, "hanbit-shop");
    until("it is entered", || refuses(&store, "hanbit-shop", number));
    let of_each = |count: usize| (vec!["call".to_owned(); count], vec!["vendor/dealer".to_owned(); count]);
    assert_eq!(told(&store), of_each(1), "of the ad of a customer alone");
    assert!(!refuses(&store, "nobodys-shop", number));
    // What is told again changes nothing: it is entered before what is told after it.
    send_to(number, "S-1A", true, "hanbit-shop");
    send_to(another, "S-1B", true, "hanbit-shop");
    until("the next one is entered", || refuses(&store, "hanbit-shop", another));
    assert_eq!(told(&store), of_each(2));
}

/// Of the webhook with this call: the status of its answer.
fn called(refusals: Box<dyn Refusals>, numbers: &[(&str, &str)], hooks: Value) -> String {
    let numbers: BTreeMap<_, _> = numbers.iter().map(|(number, whose)| ((*number).into(), (*whose).into())).collect();
    let listen = format!("127.0.0.1:{}", free_port());
    let (_kept, webhook_secret_file) = testing::file(SECRET);
    let nhn = NhnSettings { app_key: APP_KEY.into(), unsubscribe_numbers: numbers, ..NhnSettings::default() };
    let settings = VendorSettings { nhn: Some(nhn), webhook_secret_file, ..settings() };
    let bench = Bench::listening(&SMS, "http://127.0.0.1:9", 1_000, settings, &listen);
    let vendors = bench.vendors.clone().telling(refusals);
    let _receipts = vendors.receipts(Box::new(Nobody), serve()).unwrap();
    let body = json!({"hooksId": "h", "appKey": APP_KEY, "event": "UNSUBSCRIBE", "hooks": hooks}).to_string();
    let mut stream = TcpStream::connect(&listen).unwrap();
    write!(
        stream,
        "POST /nhn/dealer HTTP/1.1\r\nHost: ims\r\nConnection: close\r\nX-Toast-Webhook-Signature: {SECRET}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

/// As it is published.
fn hook() -> Value {
    json!({
        "hookId": "202007271010101010sadasdavas", "recipientNo": "01012341234", "unsubscribeNo": "08012341234",
        "enterpriseName": "NHN Cloud", "createdDateTime": "2020-09-09T11:25:10.000+09:00",
    })
}

#[test]
fn who_calls_a_free_number_has_refused_the_ads_of_its_customer_before_the_vendor_is_answered() {
    let (store, refusals) = kept();
    let numbers = [("08012341234", "hanbit-shop"), ("0801111111", "nobodys-shop")];
    // And four that say nothing that can be entered.
    let hooks = json!([
        hook(),
        {"recipientNo": "010-5555-6666", "unsubscribeNo": "080-1234-1234"},
        {"recipientNo": "01077778888", "unsubscribeNo": "0809999999"},
        {"recipientNo": "01077778888", "unsubscribeNo": "0801111111"},
        {"recipientNo": "nobody", "unsubscribeNo": "08012341234"},
        7,
    ]);
    // Of a customer that is not known here yet it is told again, by whom it may be.
    assert_eq!(called(refusals, &numbers, hooks), "503");
    for recipient in ["821012341234", "821055556666"] {
        assert!(refuses(&store, "hanbit-shop", recipient), "{recipient}");
    }
    assert!(["hanbit-shop", "nobodys-shop"].iter().all(|username| !refuses(&store, username, "821077778888")));
    assert_eq!(store.rows("SELECT * FROM opt_outs").len(), 2);
    let (store, refusals) = kept();
    let nobodys_number = json!([hook(), {"recipientNo": "01077778888", "unsubscribeNo": "0809999999"}]);
    assert_eq!(called(refusals, &numbers, nobodys_number), "200");
    assert_eq!(store.rows("SELECT * FROM opt_outs").len(), 1);
}

/// A store that is away.
struct Gone;

impl Refusals for Gone {
    fn heard(&mut self, _: &[OptOut], _: &str, _: i64) -> Result<(), Away> {
        Err(Away { dependency: "reference store", cause: "gone".into() })
    }
}

#[test]
fn a_refusal_that_cannot_be_entered_is_not_taken() {
    assert_eq!(called(Box::new(Gone), &[("08012341234", "hanbit-shop")], json!([hook()])), "503");
}

#[test]
fn what_is_no_free_number_is_refused() {
    for (number, is_one) in [("08012341234", true), ("0212345678", false), ("080-1234-1234", false), ("", false)] {
        let numbers = BTreeMap::from([(number.to_owned(), "hanbit-shop".to_owned())]);
        let settings = NhnSettings { app_key: APP_KEY.into(), unsubscribe_numbers: numbers, ..NhnSettings::default() };
        let mistakes = settings.mistakes("nhn").join("\n");
        assert_eq!(mistakes.contains("unsubscribe_numbers"), !is_one, "{number}: {mistakes}");
    }
}

#[test]
fn all_mistakes_of_its_settings_are_told_at_once_each_with_its_key() {
    let number = |number: &str| (number.to_owned(), "hanbit-shop".to_owned());
    let unsubscribe_numbers = BTreeMap::from(["02123", "080-1", "08012341234"].map(number));
    let settings = NhnSettings { app_key: "a key".into(), look_back_h: 0, unsubscribe_numbers };
    let told = settings.mistakes("dealer");
    let keys = ["app_key", "unsubscribe_numbers: \"02123\"", "unsubscribe_numbers: \"080-1\"", "look_back_h"];
    assert_eq!(told.len(), keys.len(), "{told:?}");
    for (told, key) in told.iter().zip(keys) {
        assert!(told.starts_with(&format!("vendors.dealer.nhn.{key}")), "{told}");
    }
}

#[test]
fn a_free_number_of_nobody_is_refused() {
    for (username, is_known) in [("hanbit-shop", true), ("hanbit-shap", false)] {
        let numbers = BTreeMap::from([("08012341234".to_owned(), username.to_owned())]);
        let nhn = NhnSettings { app_key: APP_KEY.into(), unsubscribe_numbers: numbers, ..NhnSettings::default() };
        let bench = Bench::within(&SMS, "http://127.0.0.1:9", 1_000, VendorSettings { nhn: Some(nhn), ..settings() });
        let wrong = bench.vendors.wrong.join("\n");
        assert_eq!(wrong.contains("08012341234 is said to be \"hanbit-shap\"'s"), !is_known, "{wrong}");
    }
}
