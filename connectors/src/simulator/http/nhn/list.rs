//! What was sent, by its key, and results, by when they came.

use super::{LISTED, Served, refused, request_id, success};
use crate::simulator::receipts::Due;
use axum::{
    extract::{Path, RawQuery, State},
    http::HeaderMap,
    response::Response,
};
use jiff::{Timestamp, civil::DateTime, tz::Offset};
use processors::{codes::judge, reference::CodeTable};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};
use url::form_urlencoded;

const KOREA: Offset = Offset::constant(9);
const DAY_MS: i64 = 86_400_000;
/// Times of text and of 알림톡.
const SECONDS: &str = "%Y-%m-%d %H:%M:%S";
const MINUTES: &str = "%Y-%m-%d %H:%M";

/// Parameters by name.
struct Query(BTreeMap<String, String>);

impl Query {
    fn read(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A time that has to be there, Unix milliseconds.
    fn time(&self, name: &str, format: &str) -> Result<i64, i64> {
        let at = DateTime::strptime(format, self.get(name).ok_or(-2011)?).map_err(|_| -2000)?;
        KOREA.to_timestamp(at).map(Timestamp::as_millisecond).map_err(|_| -2000)
    }

    /// Number and size of a page.
    fn page(&self) -> Result<(usize, usize), i64> {
        let number = |name, other| self.get(name).map_or(Ok(other), |text| text.parse().map_err(|_| -1005));
        match (number("pageNum", 1)?, number("pageSize", 15)?) {
            (page @ 1.., size @ 1..=1_000) => Ok((page, size)),
            _ => Err(-1005),
        }
    }
}

/// 발송목록 검색 of text: the messages with a key.
pub async fn texts(served: State<Arc<Served>>, app_key: Path<String>, query: RawQuery, headers: HeaderMap) -> Response {
    sent(
        CodeTable::NhnSms,
        served,
        app_key,
        query,
        &headers,
        |told, total, (page, size)| json!({"body": {"pageNum": page, "pageSize": size, "totalCount": total, "data": told}}),
    )
}

/// 메시지 리스트 조회 of 알림톡: the messages with a key.
pub async fn talks(served: State<Arc<Served>>, app_key: Path<String>, query: RawQuery, headers: HeaderMap) -> Response {
    sent(
        CodeTable::NhnKakao,
        served,
        app_key,
        query,
        &headers,
        |told, total, _| json!({"messageSearchResultResponse": {"messages": told, "totalCount": total}}),
    )
}

fn sent(
    table: CodeTable,
    State(served): State<Arc<Served>>,
    Path(app_key): Path<String>,
    RawQuery(query): RawQuery,
    headers: &HeaderMap,
    written: fn(Value, usize, (usize, usize)) -> Value,
) -> Response {
    let refused = |code| refused(table, code);
    let Some(shared) = served.vendor(&app_key, headers) else { return refused(-1000) };
    let query = Query::read(query.as_deref().unwrap_or_default());
    let format = if table == CodeTable::NhnKakao { MINUTES } else { SECONDS };
    let asked = || {
        let (from, to) = (query.time("startCreateDate", format)?, query.time("endCreateDate", format)?);
        let page = query.page()?;
        if to - from > 31 * DAY_MS { Err(-4000) } else { Ok(page) }
    };
    let (page, size) = match asked() {
        Ok(page) => page,
        Err(code) => return refused(code),
    };
    let key = query.get("recipientGroupingKey").unwrap_or_default();
    let is_there = served.simulator.lock().taken.contains(&shared.vendor.name, key);
    let told = if is_there && page == 1 {
        json!([{"requestId": request_id(key), "recipientSeq": 1, "resultCode": null, "recipientGroupingKey": key}])
    } else {
        json!([])
    };
    success(written(told, usize::from(is_there), (page, size)))
}

/// 결과 업데이트 기준 메시지 검색.
pub async fn results(
    State(served): State<Arc<Served>>,
    Path(app_key): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let refused = |code| refused(CodeTable::NhnSms, code);
    let Some(shared) = served.vendor(&app_key, &headers) else { return refused(-1000) };
    let query = Query::read(query.as_deref().unwrap_or_default());
    let asked = || {
        let (from, to) = (query.time("startUpdateDate", SECONDS)?, query.time("endUpdateDate", SECONDS)?);
        let (page, size) = query.page()?;
        if to - from > DAY_MS { Err(-4000) } else { Ok((from, to, page, size)) }
    };
    let (from_ms, to_ms, page, size) = match asked() {
        Ok(asked) => asked,
        Err(code) => return refused(code),
    };
    let mut all = served.results();
    let results = all.entry(shared.vendor.name.clone()).or_default();
    results.extend(served.simulator.deliveries.due_of(&shared.vendor.name, usize::MAX));
    let forgotten = results.len().saturating_sub(LISTED);
    results.drain(..forgotten);
    let ahead_ms = served.simulator.ahead_ms(&shared.vendor.name);
    let within = |due: &&Due| (from_ms..to_ms + 1_000).contains(&(due.receipt.at_ms + ahead_ms));
    let total = results.iter().filter(within).count();
    let shown = results.iter().filter(within).skip((page - 1) * size).take(size);
    let data: Vec<Value> = shown.map(|due| result(shared, &served.simulator.as_told(due))).collect();
    success(json!({"body": {"pageNum": page, "pageSize": size, "totalCount": total, "data": data}}))
}

fn result(shared: &crate::vendors::Shared, Due { receipt, family, .. }: &Due) -> Value {
    let at = Timestamp::from_millisecond(receipt.at_ms).unwrap_or_default();
    let at = KOREA.to_datetime(at).strftime("%Y-%m-%d %H:%M:%S.0").to_string();
    json!({
        "messageType": family, "requestId": request_id(&receipt.serial_number), "recipientSeq": 1,
        "resultCode": receipt.code, "resultCodeName": judge(shared.vendor.codes, &receipt.code).meaning,
        "requestDate": at, "resultDate": at, "updateDate": at, "telecomCode": "10002", "telecomCodeName": "KT",
        "senderGroupingKey": null, "recipientGroupingKey": receipt.serial_number,
    })
}
