//! Who wants no ads.

use super::{Center, OTHER, code};
use crate::http::tests::BANK;
use axum::http::Method;
use connectors::reference::SqlOptOuts;
use processors::{ports::OptOuts as _, reference::OptOut};
use serde_json::{Value, json};
use std::sync::Arc;

impl Center {
    /// As ingest asks.
    fn refused(&self, recipient: &str) -> bool {
        let (at, cipher) = (self.0.stores.reference().unwrap(), Arc::new(self.0.stores.cipher().unwrap()));
        let out = OptOut { username: "hanbit-shop".into(), recipient: recipient.into() };
        let ask = move || SqlOptOuts::open(&at, cipher).unwrap().refused(&[out]).unwrap()[0];
        std::thread::spawn(ask).join().unwrap()
    }

    async fn all(&self) -> Vec<Value> {
        let (mut items, mut query) = (Vec::new(), "opt-outs?limit=2".to_owned());
        loop {
            let page = self.own(Method::GET, &query, Value::Null).await;
            items.extend(page["data"]["items"].as_array().unwrap().clone());
            match page["data"]["next"].as_str() {
                Some(next) => query = format!("opt-outs?limit=2&cursor={next}"),
                None => return items,
            }
        }
    }
}

#[tokio::test]
async fn an_opt_out_is_in_force_at_once_listed_and_taken_back() {
    let center = Center::new();
    let before = center.all().await.len();
    let wish = json!({"recipients": ["010-7777-0001", "+82 10 7777 0001", "Hana@Example.com"], "app_user_ids": ["hana"],
        "source": "call"});
    let added = center.own(Method::POST, "opt-outs", wish).await;
    assert_eq!(added["data"]["count"], 3, "{added}");
    center.0.at(schemas::examples::seed::NOW_MS + 5);
    let again = center.own(Method::POST, "opt-outs", json!({"recipients": ["01077770001", "01077770002"]})).await;
    assert_eq!(again["data"]["count"], 1);
    for recipient in ["821077770001", "821077770002", "hana@example.com", "hana"] {
        assert!(center.refused(recipient), "{recipient}");
    }
    let all = center.all().await;
    assert_eq!(all.len(), before + 4);
    let last = all.last().unwrap();
    assert_eq!((&last["recipient"], &last["source"]), (&json!("821077770002"), &json!("customer")));
    assert!(all.iter().any(|one| one["recipient"] == "hana@example.com" && one["source"] == "call"), "{all:?}");
    let gone = json!({"recipients": ["01077770001", "01099999999"]});
    assert_eq!(center.own(Method::POST, "opt-outs/remove", gone).await["data"]["count"], 1);
    assert!(!center.refused("821077770001") && center.refused("821077770002"));
    let lines = center.audit();
    assert_eq!(lines.len(), 3);
    assert!(lines[0].1.contains("{\"added\":3}") && lines[2].1.contains("{\"removed\":1}"), "{lines:?}");
    assert!(lines.iter().all(|(line, told)| !format!("{line}{told}").contains("7777")), "{lines:?}");
}

#[tokio::test]
async fn another_customers_opt_outs_are_not_touched() {
    let center = Center::new();
    let path = format!("/ims/{BANK}/opt-outs");
    let wish = json!({"recipients": ["01077770001"]});
    center.call(OTHER, Method::POST, &path, wish.clone()).await;
    assert!(!center.refused("821077770001"));
    assert_eq!(center.own(Method::POST, "opt-outs/remove", wish).await["data"]["count"], 0);
    let (_, theirs) = center.call(OTHER, Method::GET, &path, Value::Null).await;
    assert!(theirs.to_string().contains("821077770001"), "{theirs}");
    assert!(!center.all().await.iter().any(|one| one["recipient"] == "821077770001"));
}

#[tokio::test]
async fn what_is_no_recipient_is_refused_by_its_place() {
    let center = Center::new();
    for (wish, said) in [
        (json!({"recipients": ["01012345678", "010-1234-567x"]}), "recipients[1]: character 13 is no digit"),
        (json!({"recipients": ["a@"]}), "recipients[0]: "),
        (json!({"app_user_ids": [" "]}), "app_user_ids[0]: missing"),
        (json!({}), "recipients: got 0 with app_user_ids, 1 to 1000 are allowed"),
        (json!({"recipients": vec!["01012345678"; 1001]}), "recipients: got 1001"),
        (json!({"recipients": ["01012345678"], "source": "import"}), "source: call, click or customer is allowed"),
    ] {
        let answer = center.own(Method::POST, "opt-outs", wish).await;
        assert!(["1400", "2020"].contains(&code(&answer)), "{answer}");
        assert!(answer["message"].as_str().unwrap().starts_with(said), "{answer}");
        assert!(!answer.to_string().contains("1234"), "{answer}");
    }
}
