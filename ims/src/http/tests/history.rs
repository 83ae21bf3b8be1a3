//! Statistics and history.

use super::{BANK, Fixture, SHOP, SHOP_SECRET, key, signed};
use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use connectors::history::HistorySink;
use processors::{
    access::Scope,
    ports::{Logged, Move, Sink as _, Written},
};
use schemas::{Channel, History, MessageType, Recipient, State, Topic, examples::seed::NOW_MS};
use serde_json::{Value, json};
use std::sync::Arc;

fn row(id: u32, channel: Channel, message_type: MessageType, state: State) -> History {
    History {
        track_id: format!("01KJMXCWW00000000000{id:06}"),
        last_step: true,
        username: "hanbit-shop".into(),
        service_key: SHOP.into(),
        message_id: format!("order-{id}"),
        requested_channel: channel,
        requested_type: message_type,
        channel,
        message_type,
        state,
        code: "0000".into(),
        recipient: Recipient {
            phone_number: Some(format!("10{id:08}")),
            country_code: Some("82".into()),
            ..Recipient::default()
        },
        message: Some("주문이 발송되었습니다.".into()),
        received_at: NOW_MS - 10_000 + i64::from(id),
        report_at: NOW_MS,
        ..History::default()
    }
}

impl Fixture {
    /// As the role `store` writes.
    fn history(&self, rows: Vec<History>) {
        let (at, cipher) = (self.stores.history().unwrap(), Arc::new(self.stores.cipher().unwrap()));
        let topic = Topic::hist(Channel::At);
        let count = rows.len() as i64;
        let written = std::thread::spawn(move || {
            let logged = |(offset, record)| Logged { topic, partition: 0, offset, record };
            let batch: Vec<_> = (0..).zip(rows).map(logged).collect();
            let moves = [Move { topic, partition: 0, from: None, to: count }];
            HistorySink::history(&at, cipher).unwrap().write(&batch, &moves)
        });
        assert_eq!(written.join().unwrap(), Ok(Written::Moved));
    }

    async fn ids(&self, query: &str) -> (Vec<String>, Value) {
        let (status, answer) = self.get(&format!("/ims/{SHOP}/hist/{query}")).await;
        assert_eq!((status, &answer["code"]), (StatusCode::OK, &json!("0000")), "{query}: {answer}");
        let items = answer["data"]["items"].as_array().unwrap();
        let ids = items.iter().map(|item| item["message_id"].as_str().unwrap().to_owned()).collect();
        (ids, answer["data"]["next"].clone())
    }
}

fn filled() -> Fixture {
    let fixture = Fixture::new();
    let mail = Recipient { to: Some("Hana@example.com".into()), ..Recipient::default() };
    let app = Recipient { push_tokens: vec!["token-1".into(), "token-2".into()], ..Recipient::default() };
    let user = Recipient { app_user_id: Some("hana".into()), ..Recipient::default() };
    fixture.history(vec![
        row(1, Channel::At, MessageType::At, State::Delivered),
        row(2, Channel::At, MessageType::Ai, State::Failed),
        row(3, Channel::Bt, MessageType::Wide, State::Cancelled),
        row(4, Channel::Mt, MessageType::Lms, State::Uncertain),
        History { recipient: mail, ..row(5, Channel::Em, MessageType::Em, State::Delivered) },
        History { recipient: app, ..row(6, Channel::Pu, MessageType::Pu, State::Delivered) },
        History { recipient: user, ..row(7, Channel::Ft, MessageType::Ft, State::Expired) },
        History { service_key: BANK.into(), ..row(8, Channel::At, MessageType::At, State::Delivered) },
        History { message: Some("=1+1".into()), ..row(9, Channel::At, MessageType::At, State::Delivered) },
    ]);
    fixture
}

#[tokio::test]
async fn statistics_have_the_shape_of_the_contract() {
    let fixture = filled();
    let day = jiff::Timestamp::from_millisecond(NOW_MS).unwrap().in_tz("Asia/Seoul").unwrap().date();
    let of = |path: &str| format!("/ims/{SHOP}/stat{path}?from={day}&to={day}");
    let counts = |total: i64, success: i64, fail: i64| json!({"total": total, "success": success, "fail": fail});
    let whole = json!({
        "email": {"EMAIL": counts(1, 1, 0)},
        "kakao": {"AT": counts(2, 2, 0), "AI": counts(1, 0, 1), "FT": counts(1, 0, 1), "WIDE": counts(1, 0, 0)},
        "mt": {"LMS": counts(1, 0, 1)},
        "push": {"PUSH": counts(1, 1, 0)},
    });
    assert_eq!(fixture.get(&of("")).await, (StatusCode::OK, whole.clone()));
    for group in ["email", "kakao", "mt", "push"] {
        let answer = json!({"code": "0000", "data": whole[group]});
        assert_eq!(fixture.get(&of(&format!("/{group}"))).await, (StatusCode::OK, answer));
    }
    let one = fixture.get(&format!("{}&type=AI", of("/kakao"))).await.1;
    assert_eq!(one, json!({"code": "0000", "data": {"AI": counts(1, 0, 1)}}));
    assert_eq!(fixture.get(&format!("{}&type=", of("/mt"))).await.1["data"], whole["mt"], "an empty type is none");
    let before = format!("/ims/{SHOP}/stat?from=2020-01-01&to=2020-12-31");
    assert_eq!(fixture.get(&before).await.1, json!({"email": null, "kakao": null, "mt": null, "push": null}));
    let before = format!("/ims/{SHOP}/stat/kakao?from=2020-01-01&to=2020-12-31");
    assert_eq!(fixture.get(&before).await.1, json!({"code": "0000", "data": {}}));
}

#[tokio::test]
async fn statistics_come_as_csv_by_day_and_type() {
    let fixture = filled();
    let day = jiff::Timestamp::from_millisecond(NOW_MS).unwrap().in_tz("Asia/Seoul").unwrap().date();
    for (path, name, expected) in [
        ("", "stat", vec!["AT,AI,1,0,1", "AT,AT,2,2,0", "BT,WIDE,1,0,0", "EM,EMAIL,1,1,0", "FT,FT,1,0,1"]),
        ("/kakao", "stat-kakao", vec!["AT,AI,1,0,1", "AT,AT,2,2,0", "BT,WIDE,1,0,0", "FT,FT,1,0,1"]),
    ] {
        let path = format!("/ims/{SHOP}/stat{path}?from={day}&to={day}&format=csv");
        let (head, body) = fixture.raw("127.0.0.1:1", signed(Request::get(path)).body(Body::empty()).unwrap()).await;
        assert_eq!(head.headers["content-type"], "text/csv; charset=utf-8");
        assert_eq!(head.headers["content-disposition"], format!("attachment; filename=\"{name}.csv\""));
        let text = String::from_utf8(body).unwrap();
        let mut lines = text.lines();
        let columns =
            "day,channel,message_type,total,success,fail,uncertain,expired,cancelled,fallback,fallback_success";
        assert_eq!(lines.next(), Some(&*format!("\u{feff}{columns}")));
        let rows: Vec<_> = lines.collect();
        for expected in expected {
            assert!(rows.iter().any(|row| row.starts_with(&format!("{day},{expected},"))), "{expected}: {rows:?}");
        }
        assert_eq!(rows.len(), if name == "stat" { 7 } else { 4 }, "{rows:?}");
    }
    let refused = fixture.get(&format!("/ims/{SHOP}/stat?from={day}&to={day}&format=xml")).await.1;
    assert_eq!(refused["message"], "format: json or csv is allowed");
}

#[tokio::test]
async fn history_is_found_by_each_key() {
    let fixture = filled();
    for (query, expected) in [
        ("kakao", vec!["order-9", "order-7", "order-3", "order-2", "order-1"]),
        ("mt", vec!["order-4"]),
        ("email", vec!["order-5"]),
        ("push", vec!["order-6"]),
        ("kakao?message_id=order-2", vec!["order-2"]),
        ("mt?message_id=order-2", vec![]),
        ("kakao?recipient=010-0000-0003", vec!["order-3"]),
        ("kakao?recipient=1000000003&country_code=82", vec!["order-3"]),
        ("kakao?app_user_id=hana", vec!["order-7"]),
        ("email?address=hana@EXAMPLE.com", vec!["order-5"]),
        ("push?token=token-1", vec!["order-6"]),
        ("push?token=token-2", vec!["order-6"]),
        ("push?token=token-3", vec![]),
        ("kakao?from=2020-01-01&to=2020-01-31", vec![]),
    ] {
        assert_eq!(fixture.ids(query).await.0, expected, "{query}");
    }
    let (_, answer) = fixture.get(&format!("/ims/{SHOP}/hist/mt")).await;
    let step = &answer["data"]["items"][0];
    assert_eq!(step["recipient"], json!({"phone_number": "1000000004", "country_code": "82"}));
    assert_eq!((&step["state"], &step["requested_type"]), (&json!("UNCERTAIN"), &json!("LMS")));
    assert!(step["received_at"].as_str().unwrap().ends_with("Z") && step["sent_at"].is_null(), "{step}");
}

#[tokio::test]
async fn a_key_that_belongs_into_a_statement_finds_nothing() {
    let fixture = filled();
    for key in ["x%27%20OR%20%271%27=%271", "%27%20OR%201=1%20--", "%27;DELETE%20FROM%20history;--", "%25", "order_1"] {
        for query in ["kakao?message_id=", "kakao?app_user_id=", "push?token="] {
            assert_eq!(fixture.ids(&format!("{query}{key}")).await.0, [""; 0], "{query}{key}");
        }
    }
    assert_eq!(fixture.ids("email?address=x%27OR%271%27=%271@example.com").await.0, [""; 0]);
    assert_eq!(fixture.ids("kakao").await.0.len(), 5, "all of it stands there");
}

#[tokio::test]
async fn pages_follow_each_other_to_the_end() {
    let fixture = filled();
    let (mut told, mut query) = (Vec::new(), "kakao?limit=2".to_owned());
    for _ in 0..3 {
        let (ids, next) = fixture.ids(&query).await;
        told.extend(ids);
        match next.as_str() {
            Some(next) => query = format!("kakao?limit=2&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(told, ["order-9", "order-7", "order-3", "order-2", "order-1"]);
    let elsewhere = query.replace("kakao?", "mt?");
    assert_eq!(fixture.get(&format!("/ims/{SHOP}/hist/{elsewhere}")).await.1["code"], "1400", "another list's cursor");
}

#[tokio::test]
async fn a_question_that_is_not_understood_is_refused_with_its_parameter() {
    let fixture = Fixture::new();
    for (query, said) in [
        ("stat", "from: missing"),
        ("stat?from=2026-03-01&to=2027-03-02", "to: 367 days"),
        ("stat?from=20260301&to=2026-03-01", "from: got \"20260301\""),
        ("stat/kakao?from=2026-03-01&to=2026-03-01&type=SMS", "type: got \"SMS\", kakao has AT AI"),
        ("stat?from=2026-03-01&to=2026-03-01&type=SMS", "type: there is no such parameter"),
        ("hist/mt?limit=1001", "limit: got \"1001\", 1 to 1000 are allowed"),
        ("hist/mt?message_id=a&recipient=01012345678", "recipient: cannot be given beside message_id"),
        ("hist/mt?recipient=' OR 1=1 --", "recipient: character 1 is no digit"),
        ("hist/mt?from=2026-01-01&to=2026-03-01", "from: 60 days before to, at most 31"),
        ("hist/mt?cursor=AAAA", "cursor: is none that this list gave"),
        ("hist/mt?format=xml", "format: json or csv is allowed"),
        ("hist/mt?message_id=a&message_id=b", "message_id: given twice"),
    ] {
        let query = query.replace(' ', "%20");
        let (status, answer) = fixture.get(&format!("/ims/{SHOP}/{query}")).await;
        assert_eq!(status, StatusCode::OK, "{query}");
        assert!(["1400", "2020", "4001"].contains(&answer["code"].as_str().unwrap()), "{query}: {answer}");
        assert!(answer["message"].as_str().unwrap().starts_with(said), "{query}: {answer}");
    }
    for path in ["stat/rcs", "hist/fax", "hist", "stat/kakao/AT"] {
        assert_eq!(fixture.get(&format!("/ims/{SHOP}/{path}")).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn another_customer_sees_what_nobody_sees() {
    let mut fixture = filled();
    for path in ["stat?from=2026-03-01&to=2026-03-02", "stat/kakao?from=2026-03-01&to=2026-03-02", "hist/kakao"] {
        let nobody = fixture.get(&format!("/ims/IMSDEMO0SERVICEKEY0000000000000000000088/{path}")).await;
        assert_eq!(fixture.get(&format!("/ims/{BANK}/{path}")).await, nobody, "{path}");
        assert_eq!((nobody.0, &nobody.1["code"]), (StatusCode::OK, &json!("1100")));
    }
    fixture.reload(|seed| seed.secret_keys.iter_mut().for_each(|key| key.scopes = vec![Scope::Send]));
    assert_eq!(fixture.get(&format!("/ims/{SHOP}/hist/kakao")).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_export_has_every_row_and_no_formula() {
    let fixture = Fixture::new();
    let texts = |id: u32| match id {
        7 => "=HYPERLINK(\"http://x\")".to_owned(),
        8 => "두 줄,\n\"따옴표\"".to_owned(),
        _ => format!("{id}"),
    };
    let row = |id| History { message: Some(texts(id)), ..row(id, Channel::Mt, MessageType::Sms, State::Delivered) };
    // More than two parts.
    fixture.history((1..=2100).map(row).collect());
    let path = format!("/ims/{SHOP}/hist/mt?format=csv");
    let request = signed(Request::get(path)).body(Body::empty()).unwrap();
    let (head, body) = fixture.raw("127.0.0.1:1", request).await;
    let headers = head.headers;
    assert_eq!((head.status, headers["content-type"].to_str().unwrap()), (StatusCode::OK, "text/csv; charset=utf-8"));
    assert_eq!(headers["content-disposition"], "attachment; filename=\"hist-mt.csv\"");
    let text = String::from_utf8(body).unwrap();
    let text = text.strip_prefix('\u{feff}').unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let column = |name: &str, reader: &mut csv::Reader<&[u8]>| {
        reader.headers().unwrap().iter().position(|column| column == name).unwrap()
    };
    let (id, message) = (column("message_id", &mut reader), column("message", &mut reader));
    let rows: Vec<_> = reader.records().map(|row| row.unwrap()).collect();
    let ids: Vec<_> = rows.iter().map(|row| row[id].to_owned()).collect();
    assert_eq!(ids.len(), 2100);
    assert!(ids.iter().zip((1..=2100).rev()).all(|(got, id)| *got == format!("order-{id}")));
    let told = |id: usize| rows[2100 - id][message].to_owned();
    assert_eq!((told(7), told(8)), ("'=HYPERLINK(\"http://x\")".to_owned(), texts(8)));
}

#[tokio::test]
async fn a_store_that_is_away_is_said_and_not_waited_for() {
    let fixture = Fixture::new();
    std::fs::write(fixture.stores.file("history"), "no database").unwrap();
    for path in ["stat?from=2026-03-01&to=2026-03-02", "hist/mt", "hist/mt?format=csv"] {
        let request = Request::get(format!("/ims/{SHOP}/{path}")).header("x-ims-key", key("hanbit-shop", SHOP_SECRET));
        let (status, headers, answer) = fixture.call(request.body(Body::empty()).unwrap()).await;
        assert_eq!((status, &answer["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("9999")), "{path}");
        assert_eq!(headers["retry-after"], "1");
    }
}
