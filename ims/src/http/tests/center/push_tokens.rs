//! Push tokens of the users of a customer's app.

use super::{Center, OTHER, code};
use crate::{config, http::tests::BANK};
use axum::http::{Method, StatusCode};
use connectors::reference::SqlDeadTokens;
use processors::ports::{DeadToken, DeadTokens as _};
use schemas::examples::seed::NOW_MS;
use serde_json::{Value, json};
use std::sync::Arc;

impl Center {
    /// As senders know and note dead tokens.
    fn dead<T: Send + 'static>(&self, act: impl FnOnce(&mut SqlDeadTokens) -> T + Send + 'static) -> T {
        let (at, cipher) = (self.0.stores.reference().unwrap(), Arc::new(self.0.stores.cipher().unwrap()));
        let act = move || act(&mut SqlDeadTokens::open(&at, cipher).unwrap());
        std::thread::spawn(act).join().unwrap()
    }

    fn dies(&self, token: &str, code: &str, since_ms: i64) {
        let dead = DeadToken { vendor: "google".into(), token: token.into(), code: code.into(), since_ms };
        self.dead(move |tokens| tokens.note(&[dead], NOW_MS + 10).unwrap());
    }

    fn is_dead(&self, token: &str) -> bool {
        let asked = [("google".to_owned(), token.to_owned())];
        self.dead(move |tokens| tokens.known(&asked, NOW_MS + 10).unwrap()[0].is_some())
    }

    /// Registered tokens as `user token`.
    async fn tokens(&self, query: &str) -> Vec<String> {
        let (mut all, mut path) = (Vec::new(), format!("push-tokens?limit=2{query}"));
        loop {
            let page = self.own(Method::GET, &path, Value::Null).await;
            let told = |item: &Value| format!("{} {}", item["app_user_id"], item["token"]).replace('"', "");
            all.extend(page["data"]["items"].as_array().unwrap().iter().map(told));
            match page["data"]["next"].as_str() {
                Some(next) => path = format!("push-tokens?limit=2{query}&cursor={next}"),
                None => return all,
            }
        }
    }

    async fn register(&self, tokens: &[(&str, &str)]) -> Value {
        let tokens: Vec<_> = tokens.iter().map(|(user, token)| json!({"app_user_id": user, "token": token})).collect();
        self.own(Method::POST, "push-tokens", json!({"tokens": tokens})).await
    }
}

#[tokio::test]
async fn tokens_are_registered_listed_exchanged_and_forgotten() {
    let center = Center::new();
    let told = center.register(&[("hana", "a:1"), ("hana", "a:2"), ("dul", "b:1"), ("hana", "b:1")]).await;
    assert_eq!(told["data"]["count"], 3, "the last of two alike counts");
    center.0.at(NOW_MS + 1);
    assert_eq!(center.register(&[("dul", "b:2"), ("dul", "a:2")]).await["data"]["count"], 1, "one moved");
    let mut first = center.tokens("").await;
    assert_eq!(first[2..].iter().map(|line| &line[..3]).collect::<Vec<_>>(), ["dul", "dul"], "the newest at the end");
    first.sort();
    assert_eq!(first, ["dul a:2", "dul b:2", "hana a:1", "hana b:1"]);
    assert_eq!(center.tokens("&app_user_id=hana").await.len(), 2);
    assert_eq!(center.tokens("&app_user_id=HANA").await.len(), 0);
    assert_eq!(center.register(&[("dul", "b:2"), ("hana", "a:1")]).await["data"]["count"], 0, "no line: as they were");
    let exchanged = json!({"token": "a:1", "new_token": "a:3"});
    assert_eq!(code(&center.own(Method::PUT, "push-tokens", exchanged.clone()).await), "0000");
    assert_eq!(code(&center.own(Method::PUT, "push-tokens", exchanged).await), "2110");
    let mut of_hana = center.tokens("&app_user_id=hana").await;
    of_hana.sort();
    assert_eq!(of_hana, ["hana a:3", "hana b:1"]);
    let gone = json!({"tokens": ["a:3", "a:9"], "app_user_ids": ["dul"]});
    assert_eq!(center.own(Method::POST, "push-tokens/remove", gone).await["data"]["count"], 3);
    assert_eq!(center.tokens("").await, ["hana b:1"]);
    let lines = center.audit();
    assert_eq!(lines.len(), 4, "{lines:?}");
    let all = format!("{lines:?}");
    assert!(!all.contains("hana b") && !all.contains("a:") && !all.contains("dul"), "{all}");
    assert!(all.contains("{\\\"registered\\\":3}") && all.contains("{\\\"removed\\\":3}"), "{all}");
}

#[tokio::test]
async fn a_token_that_is_registered_again_is_alive_again() {
    let center = Center::new();
    center.dies("a:1", "UNREGISTERED", NOW_MS - 1);
    center.dies("b:1", "SENDER_ID_MISMATCH", NOW_MS - 1);
    assert!(center.is_dead("a:1") && center.is_dead("b:1"));
    center.register(&[("hana", "a:1"), ("hana", "a:2"), ("hana", "b:1")]).await;
    assert!(!center.is_dead("a:1") && !center.is_dead("b:1"));
    // What the service says of the time before is old.
    center.dies("a:1", "Unregistered", NOW_MS - 1);
    assert!(!center.is_dead("a:1"));
    assert_eq!(center.tokens("").await.len(), 3);
    center.dies("a:1", "Unregistered", NOW_MS);
    assert!(center.is_dead("a:1"));
    let mut left = center.tokens("").await;
    left.sort();
    assert_eq!(left, ["hana a:2", "hana b:1"], "what its service no longer knows is taken out");
    // One that the service never knew may be another app's.
    center.dies("b:1", "SENDER_ID_MISMATCH", NOW_MS);
    assert!(center.is_dead("b:1") && center.tokens("").await.len() == 2);
}

#[tokio::test]
async fn a_customer_has_so_many_tokens_and_no_more() {
    let bounds = config::load(None, []).unwrap().center;
    let center = Center::bound(connectors::reference::Bounds { push_tokens: 3, ..bounds }, |_| {});
    assert_eq!(center.register(&[("hana", "a:1"), ("hana", "a:2")]).await["data"]["count"], 2);
    let refused = center.register(&[("hana", "a:3"), ("hana", "a:4")]).await;
    assert_eq!(code(&refused), "2140");
    assert_eq!(refused["message"], "push_tokens: a customer has 3 at most: remove some");
    assert_eq!(center.tokens("").await.len(), 2, "all or nothing");
    assert_eq!(code(&center.register(&[("hana", "a:3"), ("dul", "a:1")]).await), "0000", "one is new");
    assert_eq!(code(&center.register(&[("dul", "a:4")]).await), "2140");
    center.dies("a:1", "UNREGISTERED", NOW_MS + 10);
    assert_eq!(code(&center.register(&[("dul", "a:4")]).await), "0000", "a dead one makes room");
    let exchanged = json!({"token": "a:4", "new_token": "a:5"});
    assert_eq!(code(&center.own(Method::PUT, "push-tokens", exchanged).await), "0000");
    let remove = json!({"app_user_ids": ["hana", "dul"]});
    assert_eq!(center.own(Method::POST, "push-tokens/remove", remove).await["data"]["count"], 3);
    assert_eq!(code(&center.register(&[("a", "c:1"), ("a", "c:2"), ("a", "c:3")]).await), "0000");
}

#[tokio::test]
async fn tokens_are_another_customers_and_told_to_nobody_else() {
    let center = Center::new();
    center.register(&[("hana", "a:1")]).await;
    let path = format!("/ims/{BANK}/push-tokens");
    let (status, told) = center.call(OTHER, Method::GET, &path, Value::Null).await;
    assert_eq!((status, &told["data"]["items"]), (StatusCode::OK, &json!([])));
    let remove = json!({"tokens": ["a:1"], "app_user_ids": ["hana"]});
    let (_, told) = center.call(OTHER, Method::POST, &format!("{path}/remove"), remove).await;
    assert_eq!((&told["data"]["count"], center.tokens("").await.len()), (&json!(0), 1));
}

#[tokio::test]
async fn a_wrong_token_is_refused_by_its_place() {
    let center = Center::new();
    let long = "x".repeat(1601);
    for (token, user) in [
        ("", "hana"),
        ("a b", "hana"),
        ("토큰", "hana"),
        (&*long, "hana"),
        ("a:1", ""),
        ("a:1", "ha\0na"),
        ("a:1", &long[..65]),
    ] {
        let told = center.register(&[("hana", "a:1"), (user, token)]).await;
        assert!(told["message"].as_str().unwrap().starts_with("tokens[1]."), "{told}");
    }
    let many: Vec<(String, String)> = (0..1001).map(|n| ("hana".to_owned(), format!("a:{n}"))).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(user, token)| (&**user, &**token)).collect();
    assert_eq!(code(&center.register(&many).await), "1400");
    assert_eq!(center.register(&many[..1000]).await["data"]["count"], 1000);
    assert_eq!(code(&center.register(&[]).await), "1400");
}
