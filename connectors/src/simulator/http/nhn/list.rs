//! What was sent, by its key, and results, by when they came.

use super::{LISTED, Served, refused, request_id, success};
use crate::simulator::receipts::Due;
use axum::{
    extract::{Path, RawQuery, State},
    http::{HeaderMap, HeaderValue, header::DATE},
    response::Response,
};
use jiff::{Timestamp, civil::DateTime, tz::Offset};
use processors::{
    codes::{Class, judge},
    reference::CodeTable,
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};
use url::form_urlencoded;

const KOREA: Offset = Offset::constant(9);
const DAY_MS: i64 = 86_400_000;
/// Times of text and of 알림톡.
const SECONDS: &str = "%Y-%m-%d %H:%M:%S";
const MINUTES: &str = "%Y-%m-%d %H:%M";

/// Parameters by name, of the product with this table.
struct Query {
    table: CodeTable,
    given: BTreeMap<String, String>,
}

impl Query {
    fn read(table: CodeTable, text: Option<&str>) -> Self {
        Self { table, given: form_urlencoded::parse(text.unwrap_or_default().as_bytes()).into_owned().collect() }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.given.get(name).map(String::as_str)
    }

    /// Two times that have to be there, at most so many days apart, Unix milliseconds.
    fn times(&self, from: &str, to: &str, days: i64) -> Result<(i64, i64), i64> {
        let (format, none, wrong, apart) = match self.table {
            CodeTable::NhnKakao => (MINUTES, -4103, -4103, -4003),
            _ => (SECONDS, -2011, -2000, -4000),
        };
        let time = |name| {
            let at = DateTime::strptime(format, self.get(name).ok_or(none)?).map_err(|_| wrong)?;
            KOREA.to_timestamp(at).map(Timestamp::as_millisecond).map_err(|_| wrong)
        };
        let (from_ms, to_ms) = (time(from)?, time(to)?);
        if to_ms - from_ms > days * DAY_MS { Err(apart) } else { Ok((from_ms, to_ms)) }
    }

    /// Number and size of a page.
    fn page(&self) -> Result<(usize, usize), i64> {
        let wrong = if self.table == CodeTable::NhnKakao { -4000 } else { -1005 };
        let number = |name, other| self.get(name).map_or(Ok(other), |text| text.parse().map_err(|_| wrong));
        match (number("pageNum", 1)?, number("pageSize", 15)?) {
            (page @ 1.., size @ 1..=1_000) => Ok((page, size)),
            _ => Err(wrong),
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
    let query = Query::read(table, query.as_deref());
    let days = if table == CodeTable::NhnKakao { 30 } else { 31 };
    let asked = || query.times("startCreateDate", "endCreateDate", days).and_then(|_| query.page());
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

/// 결과 업데이트 기준 메시지 검색 of text.
pub async fn text_results(
    served: State<Arc<Served>>,
    app_key: Path<String>,
    query: RawQuery,
    headers: HeaderMap,
) -> Response {
    results(
        CodeTable::NhnSms,
        served,
        app_key,
        query,
        &headers,
        |told, total, (page, size)| json!({"body": {"pageNum": page, "pageSize": size, "totalCount": total, "data": told}}),
    )
}

/// 메시지 결과 업데이트 조회 of 알림톡.
pub async fn talk_results(
    served: State<Arc<Served>>,
    app_key: Path<String>,
    query: RawQuery,
    headers: HeaderMap,
) -> Response {
    results(CodeTable::NhnKakao, served, app_key, query, &headers, |told, _, _| json!({"messages": told}))
}

fn results(
    table: CodeTable,
    State(served): State<Arc<Served>>,
    Path(app_key): Path<String>,
    RawQuery(query): RawQuery,
    headers: &HeaderMap,
    written: fn(Vec<Value>, usize, (usize, usize)) -> Value,
) -> Response {
    let refused = |code| refused(table, code);
    let Some(shared) = served.vendor(&app_key, headers) else { return refused(-1000) };
    let query = Query::read(table, query.as_deref());
    // How far apart those of 알림톡 may be is not published.
    let days = if table == CodeTable::NhnKakao { 30 } else { 1 };
    let asked = || Ok((query.times("startUpdateDate", "endUpdateDate", days)?, query.page()?));
    let ((from_ms, to_ms), (page, size)) = match asked() {
        Ok(asked) => asked,
        Err(code) => return refused(code),
    };
    let mut all = served.results();
    let results = all.entry(shared.vendor.name.clone()).or_default();
    results.extend(served.simulator.deliveries.due_of(&shared.vendor.name, usize::MAX));
    let forgotten = results.len().saturating_sub(LISTED);
    results.drain(..forgotten);
    let ahead_ms = served.simulator.ahead_ms(&shared.vendor.name);
    // To the end of what the words name.
    let end_ms = to_ms + if table == CodeTable::NhnKakao { 60_000 } else { 1_000 };
    let within = |due: &&Due| (from_ms..end_ms).contains(&(due.receipt.at_ms + ahead_ms));
    let total = results.iter().filter(within).count();
    let shown = results.iter().filter(within).skip((page - 1) * size).take(size);
    let told = shown.map(|due| result(shared, &served.simulator.as_told(due))).collect();
    let mut said = success(written(told, total, (page, size)));
    let now = Timestamp::from_millisecond(served.simulator.now_ms_at(&shared.vendor.name)).unwrap_or_default();
    let date = HeaderValue::try_from(now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string());
    said.headers_mut().extend(date.ok().map(|date| (DATE, date)));
    said
}

fn result(shared: &crate::vendors::Shared, Due { receipt, family, .. }: &Due) -> Value {
    let at = Timestamp::from_millisecond(receipt.at_ms).unwrap_or_default();
    let at = KOREA.to_datetime(at).strftime("%Y-%m-%d %H:%M:%S.0").to_string();
    if shared.vendor.codes == CodeTable::NhnKakao {
        let done = judge(shared.vendor.codes, &receipt.code).class == Class::Done;
        return json!({
            "requestId": request_id(&receipt.serial_number), "recipientSeq": 1, "requestDate": at, "createDate": at,
            "receiveDate": at, "resendStatus": "RSC01", "resendStatusName": "대체 발송 미대상", "resendResultCode": null,
            "resendRequestId": null, "messageStatus": if done { "COMPLETED" } else { "FAILED" },
            "resultCode": receipt.code, "resultCodeName": judge(shared.vendor.codes, &receipt.code).meaning,
        });
    }
    json!({
        "messageType": family, "requestId": request_id(&receipt.serial_number), "recipientSeq": 1,
        "resultCode": receipt.code, "resultCodeName": judge(shared.vendor.codes, &receipt.code).meaning,
        "requestDate": at, "resultDate": at, "updateDate": at, "telecomCode": "10002", "telecomCodeName": "KT",
        "senderGroupingKey": null, "recipientGroupingKey": receipt.serial_number,
    })
}
