//! A step as a request, against the published examples.

use super::super::{
    Product,
    request::{self, Sending, Unfit},
};
use super::{APP_KEY, Bench, SMS, code, dispatch, sms};
use crate::vendors::testing::{Server, answer};
use schemas::{Channel, Dispatch, Lane, MessageType};
use serde_json::{Value, json};

fn text(dispatch: &Dispatch, origin_code: &str) -> Result<Sending, Unfit> {
    request::request(Product::Sms, dispatch, origin_code, &dispatch.accepted.content.attach_file_list)
}

fn list_of(dispatch: &Dispatch) -> &'static str {
    request::list_of(Product::Sms, dispatch)
}

fn sent(dispatch: &Dispatch) -> (&'static str, Value) {
    let Sending { path, body } = text(dispatch, "").unwrap();
    (path, serde_json::from_slice(&body).unwrap())
}

fn long(message_type: MessageType) -> Dispatch {
    dispatch("L-0R", Channel::Mt, message_type)
}

#[test]
fn a_request_is_as_published() {
    let server = Server::saying(answer("200 OK", "", SMS.accepted.0));
    assert_eq!(code(&Bench::of(&SMS, &server.url).reply()), "0");
    let request = server.requests().remove(0).to_lowercase();
    assert!(request.starts_with(&format!("post /sms/v3.0/appkeys/{APP_KEY}/sender/sms http/1.1\r\n")), "{request}");
    assert!(request.contains("\r\nx-secret-key: test-api-key\r\n"), "{request}");
    assert!(request.contains("\r\ncontent-type: application/json\r\n"), "{request}");
}

#[test]
fn a_short_text_has_one_recipient_whose_key_is_the_serial_number() {
    let at_home = json!({
        "body": "준비되었습니다", "sendNo": "0212345678",
        "recipientList": [{"recipientNo": "01012345678", "recipientGroupingKey": "S-0R"}],
    });
    assert_eq!(sent(&sms("S-0R")), ("/sender/sms", at_home));
    let mut to_15yy = sms("S-0R");
    to_15yy.accepted.recipient.phone_number = Some("15881234".into());
    assert_eq!(sent(&to_15yy).1["recipientList"][0]["recipientNo"], "15881234");
    let mut abroad = sms("S-0R");
    abroad.accepted.recipient.country_code = Some("1".into());
    abroad.accepted.recipient.phone_number = Some("2025550123".into());
    assert_eq!(
        sent(&abroad).1["recipientList"],
        json!([{"internationalRecipientNo": "12025550123", "recipientGroupingKey": "S-0R"}])
    );
    let coded: Value = serde_json::from_slice(&text(&sms("S-0R"), "123456789").unwrap().body).unwrap();
    assert_eq!(coded["originCode"], "123456789");
}

#[test]
fn a_long_text_has_a_title_always() {
    let mut lms = long(MessageType::Lms);
    lms.accepted.content.title = Some("안내".into());
    let (path, body) = sent(&lms);
    assert_eq!((path, &body["title"]), ("/sender/mms", &json!("안내")));
    lms.accepted.content.title = None;
    for (message, title) in [
        ("\n  주문이 준비되었습니다  \n둘째 줄", "주문이 준비되었습니다"),
        ("가나다라마바사아자차카타파하거너더러머버서", "가나다라마바사아자차카타파하거너더러머버"),
        (&"a".repeat(41), &"a".repeat(40)),
    ] {
        lms.accepted.content.message = Some(message.into());
        assert_eq!(sent(&lms).1["title"], title);
        assert_eq!(sent(&lms).1["body"], message, "the text itself is never cut");
    }
}

#[test]
fn ads_and_authentications_have_ways_of_their_own() {
    let mut ad = sms("S-0R");
    ad.accepted.ad = true;
    let mut long_ad = long(MessageType::Lms);
    long_ad.accepted.ad = true;
    let mut auth = Dispatch { priority: Lane::Auth, ..sms("S-0R") };
    let ways = |dispatch: &Dispatch| (sent(dispatch).0, list_of(dispatch));
    assert_eq!(ways(&ad), ("/sender/ad-sms", "/sender/sms"));
    assert_eq!(ways(&long_ad), ("/sender/ad-mms", "/sender/mms"));
    assert_eq!(ways(&auth), ("/sender/sms", "/sender/sms"), "without a word of an authentication it would be refused");
    for text in ["인증번호 123456", "Your PASSWORD is 123456", "비밀번호: 123456"] {
        auth.accepted.content.message = Some(text.into());
        assert_eq!(ways(&auth), ("/sender/auth/sms", "/sender/auth/sms"), "{text}");
        assert_eq!(ways(&Dispatch { priority: Lane::Mass, ..auth.clone() }).0, "/sender/sms", "{text}");
    }
}

#[test]
fn what_the_schema_cannot_say_gets_the_code_without_a_request() {
    let server = Server::saying(answer("200 OK", "", SMS.accepted.0));
    let mut abroad = long(MessageType::Lms);
    abroad.accepted.recipient.country_code = Some("1".into());
    let mut nobody = sms("S-0R");
    nobody.accepted.recipient.phone_number = None;
    let mut file = long(MessageType::Mms);
    file.accepted.content.attach_file_list = vec!["a-key-of-another-dealer".into()];
    let mut bench = Bench::of(&SMS, &server.url);
    for (step, unfit) in [(abroad, Unfit::Abroad), (nobody, Unfit::NoNumber), (file, Unfit::File)] {
        assert_eq!(text(&step, "").err(), Some(unfit));
        assert_eq!(code(&bench.reply_to(step)), unfit.code(Product::Sms));
    }
    assert!(server.requests().is_empty());
}
