//! What is sent, what an answer means, and what a server that misbehaves leads to.

mod answers;
mod bodies;
mod doubts;
mod refusals;
mod results;
mod simulated;
mod talk;

use super::NhnSettings;
use crate::vendors::VendorSettings;
use crate::vendors::contract::{Bench, Dealer, code, contract, dispatch, sms};

const APP_KEY: &str = "app-key-1";

fn settings() -> VendorSettings {
    let nhn = NhnSettings { app_key: APP_KEY.into(), look_back_h: 1, ..NhnSettings::default() };
    VendorSettings { nhn: Some(nhn), ..VendorSettings::default() }
}

static SMS: Dealer = Dealer {
    row: || {
        serde_json::json!({
            "families": ["SMS", "LMS", "MMS"], "codes": "nhn-sms", "protocol": "nhn", "in_doubt": "query",
        })
    },
    settings,
    key_header: "x-secret-key",
    accepted: (
        r#"{"header":{"isSuccessful":true,"resultCode":0,"resultMessage":"SUCCESS"},"body":{"data":{"requestId":"20180810100630ReZQ6KZzAH0","statusCode":"2","senderGroupingKey":"SenderGroupingKey","sendResultList":[{"recipientNo":"01000000000","resultCode":0,"resultMessage":"SUCCESS","recipientSeq":1,"recipientGroupingKey":"RecipientGroupingKey"}]}}}"#,
        "0",
    ),
    no_key: (
        "200 OK",
        r#"{"header":{"isSuccessful":false,"resultCode":-1000,"resultMessage":"Invalid appKey."}}"#,
        "-1000",
    ),
    signed: |secret, _| format!("X-Toast-Webhook-Signature: {secret}\r\n"),
    hooks: "nhn",
    report: (
        r#"{"hooksId":"202007271010101010sadasdavas","webhookConfigId":"String","productName":"SMS","appKey":"app-key-1","event":"MESSAGE_RESULT_UPDATE","hooks":[{"hookId":"20240429205809GcSUXthVA00","senderType":"NORMAL_SMS","requestId":"20240429205802y0Tl7Gbz0e0","recipientSeq":1,"requestDate":"2026-03-02T11:59:58","receiveDate":"2026-03-02T12:00:00","sendNo":"15446859","recipientNo":"01012341234","messageStatus":"COMPLETED","recipientGropuingKey":"S-0R","senderGroupingKey":"SenderGroupingKey","resultCode":"1000","messageCount":1}]}"#,
        "S-0R 1000 1772420400000",
        "{}",
    ),
};

contract!(SMS);
