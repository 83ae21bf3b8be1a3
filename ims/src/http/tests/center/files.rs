//! Files that go with messages.

use super::{CUSTOMER, Center, OTHER, code};
use crate::{
    config,
    http::{
        routes::Peer,
        tests::{BANK, SHOP, key},
    },
};
use axum::{
    body::Body,
    http::{Method, Request, StatusCode, request::Builder},
};
use connectors::reference::Bounds;
use serde_json::{Value, json};
use tower_service::Service as _;

/// The head of a JPEG of this size.
fn jpeg(width: u16, height: u16) -> Vec<u8> {
    let app0 = [&[0xff, 0xd8, 0xff, 0xe0, 0, 16][..], b"JFIF\0", &[1, 1, 0, 0, 1, 0, 1, 0, 0]].concat();
    let frame = [&[0xff, 0xc0, 0, 17, 8][..], &height.to_be_bytes(), &width.to_be_bytes(), &[3; 10]].concat();
    [app0, frame, vec![0xff, 0xd9]].concat()
}

fn upload(path: &str) -> Builder {
    Request::post(format!("/ims/{SHOP}/files/{path}")).header("x-ims-key", key(CUSTOMER.0, CUSTOMER.1))
}

impl Center {
    async fn upload(&self, path: &str, bytes: impl Into<Body>) -> Value {
        let request = upload(path).header("content-type", "application/octet-stream").body(bytes.into()).unwrap();
        let (status, _, answer) = self.0.call(request).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        answer
    }

    /// As senders read it.
    async fn read(&self, username: &str, key: &str) -> Option<connectors::files::File> {
        self.0.files.read(username, key).await.unwrap()
    }
}

#[tokio::test]
async fn a_file_is_uploaded_shown_read_by_senders_and_removed() {
    let center = Center::new();
    let told = center.upload("mt?name=%EB%B4%84.jpg", jpeg(640, 480)).await;
    let image = &told["data"];
    assert_eq!((&image["channel"], &image["name"]), (&json!("mt"), &json!("봄.jpg")));
    assert_eq!(
        (&image["content_type"], &image["width"], &image["height"]),
        (&json!("image/jpeg"), &json!(640), &json!(480))
    );
    let told = center.upload("email?name=a.html", "<p>안녕</p>").await;
    let html = told["data"]["file_key"].as_str().unwrap();
    assert_eq!((&told["data"]["width"], &told["data"]["bytes"]), (&Value::Null, &json!(13)));
    let file = center.read("hanbit-shop", html).await.unwrap();
    assert_eq!((&*file.name, &*file.content_type), ("a.html", "text/html; charset=utf-8"));
    assert_eq!(file.bytes, "<p>안녕</p>".as_bytes());
    let path = format!("files/email/{html}");
    assert_eq!(center.own(Method::GET, &path, Value::Null).await["data"], told["data"]);
    assert_eq!(code(&center.own(Method::GET, &format!("files/mt/{html}"), Value::Null).await), "2110");
    assert_eq!(center.own(Method::GET, "files/mt", Value::Null).await["data"]["items"], json!([image]));
    assert_eq!(code(&center.own(Method::DELETE, &path, Value::Null).await), "0000");
    assert_eq!(code(&center.own(Method::DELETE, &path, Value::Null).await), "2110");
    assert_eq!(
        (
            center.read("hanbit-shop", html).await,
            center.own(Method::GET, "files/email", Value::Null).await["data"]["items"].clone()
        ),
        (None, json!([]))
    );
    let lines = format!("{:?}", center.audit());
    assert!(
        lines.contains("added") && lines.contains("removed") && !lines.contains("봄") && !lines.contains("a.html"),
        "{lines}"
    );
}

#[tokio::test]
async fn files_are_listed_page_by_page() {
    let center = Center::new();
    for n in 0..5 {
        center.upload(&format!("email?name={n}.txt"), "x").await;
    }
    let (mut names, mut path) = (Vec::new(), "files/email?limit=2".to_owned());
    loop {
        let page = center.own(Method::GET, &path, Value::Null).await;
        names.extend(page["data"]["items"].as_array().unwrap().iter().map(|item| item["name"].clone()));
        match page["data"]["next"].as_str() {
            Some(next) => path = format!("files/email?limit=2&cursor={next}"),
            None => break,
        }
    }
    names.sort_by_key(Value::to_string);
    assert_eq!(names, ["0.txt", "1.txt", "2.txt", "3.txt", "4.txt"]);
}

#[tokio::test]
async fn a_file_is_what_its_content_is() {
    let center = Center::new();
    for (path, bytes, reason) in [
        ("mt?name=a.jpg", &b"\x89PNG\r\n\x1a\n"[..], "file: an image of an MMS is a JPEG, by its content"),
        ("mt?name=a.jpg", &jpeg(1001, 1), "file: got 1001 x 1 pixels, at most 1000 x 1000"),
        ("mt?name=a.jpg", &[jpeg(1, 1), vec![0; 307_200]].concat(), "file: got 307241 bytes"),
        ("email?name=a.pdf", b"<script>", "name: its ending is that of pdf"),
        ("email?name=a.exe", b"x", "name: programs are not taken"),
        ("email?name=a", b"MZ\x90\0\xff", "file: it is a program"),
        ("email?name=..%2F..%2Fetc%2Fpasswd", b"x", "name: allowed is a name without /"),
        ("email?name=a%00b", b"x", "name: "),
        ("email?name=a%0d%0aBcc:%20x", b"x", "name: "),
        ("email", b"x", "name: missing"),
        ("email?name=a.txt", b"", "file: got 0 bytes"),
    ] {
        let told = center.upload(path, bytes.to_vec()).await;
        assert!(["1400", "2020"].contains(&code(&told)), "{path}: {told}");
        assert!(told["message"].as_str().unwrap().starts_with(reason), "{path}: {told}");
    }
    assert_eq!(code(&center.upload("push?name=a.txt", "x").await), "2110");
    assert_eq!(center.own(Method::GET, "files/email", Value::Null).await["data"]["items"], json!([]));
}

/// 10 bytes of a zip that says it holds 4 GiB.
const ZIP_OF_DEATH: &[u8] =
    b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x01\0\0\0a\x03\0";

#[tokio::test]
async fn nothing_is_unpacked() {
    let center = Center::new();
    let told = center.upload("email?name=a.zip", ZIP_OF_DEATH).await;
    assert_eq!(
        (&told["data"]["content_type"], &told["data"]["bytes"]),
        (&json!("application/zip"), &json!(ZIP_OF_DEATH.len()))
    );
    for (name, value) in [
        ("content-encoding", "gzip"),
        ("content-type", "multipart/form-data; boundary=x"),
        ("content-type", "application/x-www-form-urlencoded"),
    ] {
        let plain = ("content-type", "application/octet-stream");
        let mut request = upload("email?name=a.txt").header(name, value);
        if name != plain.0 {
            request = request.header(plain.0, plain.1);
        }
        let (status, _, answer) = center.0.call(request.body("x".into()).unwrap()).await;
        assert_eq!((status, code(&answer)), (StatusCode::UNSUPPORTED_MEDIA_TYPE, "415"), "{value}");
    }
}

#[tokio::test]
async fn a_file_is_as_large_as_it_may_be() {
    let center = Center::new();
    let told = center.upload("email?name=a.bin", vec![0; 10_000_000]).await;
    assert_eq!(told["data"]["bytes"], 10_000_000);
    let request = upload("email?name=a.bin").header("content-type", "application/octet-stream");
    let (status, _, answer) = center.0.call(request.body(vec![0; 10_000_001].into()).unwrap()).await;
    assert_eq!((status, code(&answer)), (StatusCode::PAYLOAD_TOO_LARGE, "413"));
}

#[tokio::test]
async fn uploads_and_exports_have_so_many_places_and_a_customer_half_of_them() {
    let asks = async |center: &Center, who: (&str, &str), path: &str| {
        let (method, path) = path.split_once(' ').unwrap();
        let request = Request::builder().method(method).uri(path).header("x-ims-key", key(who.0, who.1));
        let request = request.header("content-type", "application/octet-stream");
        let mut request = request.body(Body::from("x")).unwrap();
        request.extensions_mut().insert(Peer("127.0.0.1:1".parse().unwrap()));
        let answer = center.0.routes().call(request).await.unwrap();
        (answer.status(), answer.headers().get("retry-after").cloned())
    };
    let center = Center::new();
    let file = |service_key: &str| format!("POST /ims/{service_key}/files/email?name=a.txt");
    let refused = (StatusCode::TOO_MANY_REQUESTS, Some("1".parse().unwrap()));
    let files = &center.0.door.files;
    let half: Vec<_> = std::iter::from_fn(|| files.places.take(CUSTOMER.0.into())).collect();
    assert_eq!(half.len(), 4);
    assert_eq!(asks(&center, CUSTOMER, &file(SHOP)).await, refused);
    assert_eq!(asks(&center, OTHER, &file(BANK)).await.0, StatusCode::OK);
    let _others: Vec<_> = std::iter::from_fn(|| files.places.take("others".into())).collect();
    assert_eq!(asks(&center, OTHER, &file(BANK)).await, refused);
    let export = |service_key: &str| format!("GET /ims/{service_key}/audit?format=csv");
    let own = CUSTOMER.0.into();
    let exports: Vec<_> = std::iter::from_fn(|| center.0.door.exports.place(&own)).collect();
    assert_eq!((exports.len(), asks(&center, CUSTOMER, &export(SHOP)).await), (2, refused));
    assert_eq!(asks(&center, OTHER, &export(BANK)).await.0, StatusCode::OK);
    drop(exports);
    assert_eq!(asks(&center, CUSTOMER, &export(SHOP)).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_customer_has_so_many_files_and_bytes_of_them() {
    let bounds = config::load(None, []).unwrap().center;
    let center = Center::bound(Bounds { files: 2, file_bytes: 10, ..bounds }, |_| {});
    let first = center.upload("email?name=a.txt", "12345").await;
    assert_eq!(
        center.upload("email?name=b.txt", "123456").await["message"],
        "file_bytes: a customer has 10 at most: remove some"
    );
    assert_eq!(code(&center.upload("email?name=b.txt", "12345").await), "0000");
    assert_eq!(center.upload("email?name=c.txt", "1").await["message"], "files: a customer has 2 at most: remove some");
    let path = format!("files/email/{}", first["data"]["file_key"].as_str().unwrap());
    center.own(Method::DELETE, &path, Value::Null).await;
    assert_eq!(code(&center.upload("email?name=c.txt", "12345").await), "0000");
}

#[tokio::test]
async fn another_customers_file_is_as_unknown_as_none() {
    let center = Center::new();
    let told = center.upload("email?name=a.txt", "x").await;
    let key = told["data"]["file_key"].as_str().unwrap();
    let (theirs, nobodys) =
        (format!("/ims/{BANK}/files/email/{key}"), format!("/ims/{BANK}/files/email/{}", "A".repeat(26)));
    for method in [Method::GET, Method::DELETE] {
        let theirs = center.call(OTHER, method.clone(), &theirs, Value::Null).await;
        assert_eq!(code(&theirs.1), "2110");
        assert_eq!(theirs, center.call(OTHER, method, &nobodys, Value::Null).await);
    }
    assert_eq!(center.read("dure-bank", key).await, None);
    assert!(center.read("hanbit-shop", key).await.is_some());
    for path in ["..%2F..%2Fx", "%2e%2e", "a%2fb", "%00"] {
        let path = format!("files/email/{path}");
        assert_eq!(code(&center.own(Method::GET, &path, Value::Null).await), "2110", "{path}");
    }
}
