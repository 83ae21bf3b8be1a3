//! The HTTP door: what it confirms is sent and reported, what it does not confirm is neither lost nor doubled.

mod calls;
mod gateway;
mod kills;
mod repeats;

use crate::support::{CHAIN, Deployment, Expected, PATIENCE, Process, now_ms, simulator, until};
use reqwest::{
    Certificate, Method,
    blocking::{Client, RequestBuilder},
};
use schemas::{Channel, Lane, Report, SendRequest, Topic, examples};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

const SHOP: &str = "IMSDEMO0SERVICEKEY0000000000000000000001";
const BANK: &str = "IMSDEMO0SERVICEKEY0000000000000000000002";
/// base64 of hanbit-shop:demo-only-secret-of-hanbit-shop and of dure-bank:demo-only-secret-of-dure-bank.
const SHOP_KEY: &str = "aGFuYml0LXNob3A6ZGVtby1vbmx5LXNlY3JldC1vZi1oYW5iaXQtc2hvcA==";
const BANK_KEY: &str = "ZHVyZS1iYW5rOmRlbW8tb25seS1zZWNyZXQtb2YtZHVyZS1iYW5r";

/// A customer on the way to a process's door.
struct Customer {
    client: Client,
    /// Where it is, without what is spoken there.
    door: String,
    scheme: &'static str,
}

impl Customer {
    fn of(process: &Process) -> Self {
        Self { client: client(None), door: process.door().unwrap(), scheme: "http" }
    }

    /// Over TLS, of a door whose certificate has this authority.
    fn over_tls(process: &Process, authority: &str) -> Self {
        let authority = Certificate::from_pem(authority.as_bytes()).unwrap();
        Self { client: client(Some(authority)), door: process.door().unwrap(), scheme: "https" }
    }

    fn request(&self, method: Method, path: &str, key: &str) -> RequestBuilder {
        self.client.request(method, format!("{}://{}{path}", self.scheme, self.door)).header("x-ims-key", key)
    }

    /// Sends a text as this customer.
    fn post(&self, service_key: &str, key: &str, body: &str) -> (u16, Value) {
        self.post_by("mt", service_key, key, body)
    }

    fn post_by(&self, channel: &str, service_key: &str, key: &str, body: &str) -> (u16, Value) {
        let request = self.request(Method::POST, &format!("/ims/{service_key}/{channel}/sendMessage"), key);
        answer(request.header("content-type", "application/json").body(body.to_owned()))
    }

    /// Sends as the shop, whose key is right.
    fn send(&self, body: &Value) -> (u16, Value) {
        self.post(SHOP, SHOP_KEY, &body.to_string())
    }

    fn report(&self, message_id: &str) -> Value {
        let (status, answer) = answer(self.request(Method::GET, &format!("/ims/{SHOP}/report/{message_id}"), SHOP_KEY));
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Sends until it is confirmed: a machine that is busy may take longer than the door waits.
    #[track_caller]
    fn until_confirmed(&self, message_id: &str, body: &Value) -> Value {
        self.until_kept(message_id, body, false)
    }

    /// The same, and whether it was told 9998 before: an id that is used after that is this message's.
    #[track_caller]
    fn until_kept(&self, message_id: &str, body: &Value, mut unconfirmed: bool) -> Value {
        until(&format!("{message_id} is confirmed"), PATIENCE, || {
            let (status, told) = self.send(body);
            match (status, told["code"].as_str()) {
                (200, Some("0000")) if told["data"] == message_id => Some(told),
                (200, Some("2030")) if unconfirmed => Some(told),
                (503, Some("9998")) => {
                    unconfirmed = true;
                    None
                }
                _ => panic!("{status} {told}"),
            }
        })
    }

    /// Asks until the report tells this state.
    #[track_caller]
    fn until_report(&self, message_id: &str, state: &str) -> Value {
        until(&format!("{message_id} is {state}"), PATIENCE, || {
            let answer = self.report(message_id);
            (answer["data"]["state"] == state).then_some(answer)
        })
    }
}

fn client(authority: Option<Certificate>) -> Client {
    // What is slower than any promise of the door is a failure of its own.
    let client = Client::builder().timeout(Duration::from_secs(30)).no_proxy();
    match authority {
        Some(authority) => client.tls_certs_only([authority]),
        None => client,
    }
    .build()
    .unwrap()
}

fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    (response.status().as_u16(), response.json().unwrap())
}

/// The example of a text message under an id of its own.
fn sms(message_id: &str) -> Value {
    example("sms", message_id)
}

fn example(name: &str, message_id: &str) -> Value {
    let example = examples::REQUESTS.iter().find(|example| example.name == name).unwrap();
    let mut body: Value = serde_json::from_str(example.json).unwrap();
    body["message_id"] = message_id.into();
    body
}

#[test]
fn what_is_sent_by_http_is_delivered_and_reported_by_http() {
    let Some(deployment) = Deployment::new(&simulator::everything_arrives(5)) else { return };
    let expired = "name = \"demo\"\nexpires_at = \"2020-01-01T00:00:00Z\"";
    deployment.change_reference(&[(
        "username = \"dure-bank\"\nname = \"demo\"",
        &format!("username = \"dure-bank\"\n{expired}"),
    )]);
    let mut process = deployment.run("one", &format!("api,reports,{CHAIN}"));
    process.until_ready();
    let customer = Customer::of(&process);

    assert_eq!(customer.report("ONE")["code"], "2100");
    customer.until_confirmed("ONE", &sms("ONE"));
    let told = customer.until_report("ONE", "DELIVERED");
    assert_eq!((&told["code"], &told["data"]["message_id"]), (&json!("0000"), &json!("ONE")));

    let mut many = sms("MANY");
    many.as_object_mut().unwrap().remove("phone_number");
    many["receiver_list"] =
        json!([{"phone_number": "01020000001"}, {"phone_number": "12"}, {"phone_number": "01020000003"}]);
    let told = customer.until_confirmed("MANY", &many);
    let codes: Vec<&str> = told["receivers"].as_array().unwrap().iter().map(|r| r["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["0000", "1400", "0000"]);
    customer.until_report("MANY-0001", "DELIVERED");
    customer.until_report("MANY-0003", "DELIVERED");

    let mut later = sms("LATER");
    later["send_at"] = (now_ms() + 3_600_000).into();
    customer.until_confirmed("LATER", &later);
    customer.until_report("LATER", "SCHEDULED");
    let cancel = customer.request(Method::DELETE, &format!("/ims/{SHOP}/message/LATER"), SHOP_KEY);
    assert_eq!(answer(cancel).1["data"]["asked"], true);
    assert_eq!(customer.until_report("LATER", "CANCELLED")["data"]["code"], "5020");

    // An ad has a priority of its own, whatever lane it came by.
    let mut ad: Value = serde_json::from_str(include_str!("../../../schemas/examples/requests/lms_ad.json")).unwrap();
    ad["message_id"] = "LATER-AD".into();
    ad["send_at"] = later["send_at"].clone();
    customer.until_confirmed("LATER-AD", &ad);
    customer.until_report("LATER-AD", "SCHEDULED");
    let cancel = customer.request(Method::DELETE, &format!("/ims/{SHOP}/message/LATER-AD"), SHOP_KEY);
    assert_eq!(answer(cancel).1["data"]["asked"], true);
    customer.until_report("LATER-AD", "CANCELLED");

    nobody_else_comes_in(&customer);
    settle(
        &deployment,
        ["ONE", "MANY-0001", "MANY-0003", "LATER", "LATER-AD"].into_iter().map(str::to_owned).collect(),
    );
    process.stop();
    let told = process.written();
    for secret in [SHOP_KEY, BANK_KEY, "demo-only-secret", SHOP, BANK] {
        assert!(!told.contains(secret), "{secret} stands in what the process wrote");
    }
    assert!(told.contains("\"target\":\"access\"") && told.contains("\"username\":\"hanbit-shop\""));
}

/// What is refused before it is read, and what cannot be read.
fn nobody_else_comes_in(customer: &Customer) {
    let body = sms("NO").to_string();
    let refused = |service_key: &str, key: &str, body: &str| {
        let (status, answer) = customer.post(service_key, key, body);
        assert!(answer["message"].is_string() && !answer.to_string().contains("secret-of"), "{answer}");
        (status, answer["code"].as_str().unwrap().to_owned())
    };
    let told = |status, code: &str| (status, code.to_owned());
    // Missing, no base64, of nobody, with a wrong secret.
    for wrong in ["", "%%%", "bm9ib2R5OmE=", "aGFuYml0LXNob3A6YQ=="] {
        assert_eq!(refused(SHOP, wrong, &body), told(401, "401"), "{wrong}");
    }
    // It was right until its time was over.
    assert_eq!(refused(BANK, BANK_KEY, &body), told(401, "401"));
    // Swapped: a right key, and another customer's service key.
    assert_eq!(refused(BANK, SHOP_KEY, &body.replace(SHOP, BANK)), told(200, "1100"));
    let deep = format!("{{\"mapping\":{}1{}}}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    assert_eq!(refused(SHOP, SHOP_KEY, &deep), told(200, "1400"));

    let mut stream = TcpStream::connect(&customer.door).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "POST /ims/{SHOP}/mt/sendMessage HTTP/1.1\r\nhost: ims\r\nx-ims-key: {SHOP_KEY}\r\n\
         content-type: application/json\r\ncontent-length: 100000000\r\n\r\n"
    )
    .unwrap();
    let mut told = String::new();
    let _ = stream.read_to_string(&mut told);
    assert!(told.starts_with("HTTP/1.1 413 ") && told.contains("\"code\":\"413\""), "{told}");
}

/// Closes the books: of each of these ids one message was accepted, and of no other.
fn settle(deployment: &Deployment, ids: BTreeSet<String>) {
    let requests = deployment.decoded::<SendRequest>(Lane::ALL.iter().map(|&lane| Topic::api(lane)));
    let messages = requests.iter().map(|request| request.receiver_list.len().max(1)).sum();
    let settled = deployment.settle(Expected { messages, within: PATIENCE });
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    settled.ends.values().for_each(|report| *ends.entry(report.message_id.clone()).or_default() += 1);
    assert_eq!(ends, ids.into_iter().map(|id| (id, 1)).collect());
    let reports = deployment.decoded::<Report>(Channel::ALL.iter().map(|&channel| Topic::report(channel)));
    let refused = reports.iter().filter(|report| report.state == schemas::State::Rejected);
    assert!(refused.clone().all(|report| report.code == "2030"), "{:?}", refused.collect::<Vec<_>>());
}
