//! A deployment whose store and reference data are on MariaDB: every step stands there once and is counted once,
//! whatever becomes of the processes that write it.

use crate::support::{
    CHAIN, Deployment, Expected, PATIENCE, Process, Settled, figure, load::Stream, load::request, mariadb::MariaDb,
    now_ms, simulator, until,
};
use reqwest::blocking::Client;
use schemas::{Channel, History, Lane, State, Topic};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const STORES: &str = "store,reports";
/// What `ims run` promises for a change of the reference data.
const TAKEN_UP_WITHIN_MS: i64 = 5_000;
/// A customer of the demo, and base64 of hanbit-shop:demo-only-secret-of-hanbit-shop.
const SHOP: &str = "IMSDEMO0SERVICEKEY0000000000000000000001";
const SHOP_KEY: &str = "aGFuYml0LXNob3A6ZGVtby1vbmx5LXNlY3JldC1vZi1oYW5iaXQtc2hvcA==";
/// A service key that comes while the program runs.
const NEW_KEY: &str = "IMSE2E00SERVICEKEY0000000000000000000001";

fn demo() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../connectors/seed/demo.toml")).unwrap()
}

fn import(deployment: &Deployment, mariadb: &MariaDb, text: &str) {
    let file = deployment.file("seed.toml");
    std::fs::write(&file, text).unwrap();
    let done = deployment.ims_with(&["reference", "import", &file.display().to_string()], &mariadb.variables());
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// The file that the example of a mail names, as if its customer had uploaded it.
fn upload(mariadb: &MariaDb) {
    let key = schemas::examples::seed::FILE_KEYS[1];
    mariadb.execute(&format!(
        "INSERT INTO files (username, file_key, channel, name, content_type, bytes, state, created_at) \
         VALUES ('hanbit-shop', '{key}', 'EM', '', 'text/plain', 1, 'kept', 0)"
    ));
}

/// What statistics count, by day in Korea, service key, requested channel and type: total, success, fail, uncertain,
/// expired, cancelled, fallback, fallback_success.
type Statistics = BTreeMap<[String; 4], [i64; 8]>;

const COUNTED: [&str; 8] =
    ["total", "success", "fail", "uncertain", "expired", "cancelled", "fallback", "fallback_success"];

fn counted_by_hand(steps: &[History]) -> Statistics {
    let mut counted = Statistics::new();
    for step in steps.iter().filter(|step| step.last_step) {
        let in_korea = jiff::Timestamp::from_millisecond(step.received_at + 9 * 3_600_000).unwrap();
        let key = [
            in_korea.to_string()[..10].to_owned(),
            step.service_key.clone(),
            step.requested_channel.to_string(),
            step.requested_type.to_string(),
        ];
        let is = |state| i64::from(step.state == state);
        let (delivered, cancelled) = (is(State::Delivered), is(State::Cancelled));
        let fallback = i64::from(step.step > 0);
        let one = [
            1,
            delivered,
            1 - delivered - cancelled,
            is(State::Uncertain),
            is(State::Expired),
            cancelled,
            fallback,
            fallback * delivered,
        ];
        counted.entry(key).or_default().iter_mut().zip(one).for_each(|(sum, one)| *sum += one);
    }
    counted
}

fn counted_by_the_store(mariadb: &MariaDb) -> Statistics {
    let rows = mariadb.rows("SELECT * FROM daily_statistics");
    let key = |row: &_| {
        ["day", "service_key", "channel", "message_type"]
            .map(|column| connectors::sql::Record::get(row, column).unwrap())
    };
    rows.iter().map(|row| (key(row), COUNTED.map(|column| row.get(column).unwrap()))).collect()
}

/// Every step of HIST stands in the store once, every report of REPORT is its message's newest, and statistics are what
/// both say.
#[track_caller]
fn the_store_agrees(deployment: &Deployment, mariadb: &MariaDb, settled: &Settled) {
    let steps = deployment.decoded::<History>(Channel::ALL.iter().map(|&channel| Topic::hist(channel)));
    until("every step and report is stored", PATIENCE, || {
        let (rows, reports) = (mariadb.count("history"), mariadb.count("reports"));
        assert!(rows <= steps.len() && reports <= settled.ends.len(), "{rows} rows, {reports} reports");
        (rows == steps.len() && reports == settled.ends.len()).then_some(())
    });
    let told: BTreeMap<(String, i64), (String, String, bool)> = steps
        .iter()
        .map(|step| {
            let said = (step.state.to_string(), step.code.clone(), step.last_step);
            ((step.track_id.clone(), i64::from(step.step)), said)
        })
        .collect();
    assert_eq!(told.len(), steps.len(), "a step stands twice in HIST");
    let rows = mariadb.rows("SELECT track_id, step, state, code, last_step FROM history");
    let stored: BTreeMap<_, _> = rows
        .iter()
        .map(|row| {
            let said = (row.get("state").unwrap(), row.get("code").unwrap(), row.get("last_step").unwrap());
            ((row.get("track_id").unwrap(), row.get("step").unwrap()), said)
        })
        .collect();
    assert_eq!(stored, told);

    for row in mariadb.rows("SELECT track_id, report FROM reports") {
        let (track_id, report): (String, String) = (row.get("track_id").unwrap(), row.get("report").unwrap());
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        let end = &settled.ends[&track_id.parse().unwrap()];
        assert_eq!(report["state"], serde_json::to_value(end.state).unwrap(), "{track_id}");
    }

    let counted = counted_by_the_store(mariadb);
    assert_eq!(counted, counted_by_hand(&steps));
    let sum = |column: usize| counted.values().map(|counts| counts[column]).sum::<i64>() as usize;
    assert_eq!(
        (sum(0), sum(1), sum(5)),
        (settled.ends.len(), settled.count(State::Delivered), settled.count(State::Cancelled))
    );
}

/// How often it was given partitions of HIST.
fn joined(process: &Process) -> usize {
    process.written().matches(r#""message":"assigned","stream":"store""#).count()
}

#[test]
fn every_step_is_stored_and_counted_once_whoever_dies_or_stands_still() {
    let Some(deployment) = Deployment::new(&simulator::any_day(5)) else { return };
    let Some(mariadb) = MariaDb::start(&deployment) else { return };
    import(&deployment, &mariadb, &demo());
    upload(&mariadb);
    let mut chain = deployment.run_with("chain", CHAIN, &mariadb.variables());
    let store = |name: &str| deployment.run_with(name, STORES, &mariadb.variables());
    let mut first = store("first");
    chain.until_ready();

    let kills = figure(4, 20);
    let (sent, mut heir) = std::thread::scope(|scope| {
        let load = Stream::start(scope, &deployment, 5, 40);
        let until_more = |rows: usize| {
            let before = mariadb.count("history");
            until("more steps are stored", PATIENCE, || (mariadb.count("history") >= before + rows).then_some(()));
        };
        for _ in 0..kills {
            until_more(50);
            first.kill();
            first = store("first");
        }
        until_more(50);

        // It stands still beyond its session; another takes over, and it wakes.
        let mut heir = store("heir");
        heir.until_owns(&["store".to_owned(), "reports".to_owned()]);
        for _ in 0..figure(1, 3) {
            first.until_ready();
            let before = (joined(&first), joined(&heir));
            first.signal("STOP");
            until("the other takes its partitions over", PATIENCE, || (joined(&heir) > before.1).then_some(()));
            until_more(100);
            first.signal("CONT");
            until("it joins again", PATIENCE, || (joined(&first) > before.0).then_some(()));
            until_more(100);
        }
        (load.end(), heir)
    });
    let settled = deployment.settle(Expected { messages: sent, within: PATIENCE });
    the_store_agrees(&deployment, &mariadb, &settled);
    eprintln!("{kills} kills, {sent} messages, {} steps: {:?}", mariadb.count("history"), settled.balance.ended);

    a_new_key_may_send_in_time(&deployment, &mariadb, &chain, sent);
    what_a_customer_registers_is_in_force_in_time(&deployment, &mariadb, &chain);
    [&mut first, &mut heir, &mut chain].into_iter().for_each(Process::stop);
}

/// A customer registers a text at one process's door, and another process sends it.
fn what_a_customer_registers_is_in_force_in_time(deployment: &Deployment, mariadb: &MariaDb, chain: &Process) {
    let mut api = deployment.run_with("door", "api", &mariadb.variables());
    api.until_ready();
    let template = json!({"template_code": "e2e", "message": "주문이 발송되었습니다."});
    let client = Client::builder().timeout(PATIENCE).no_proxy().build().unwrap();
    let path = format!("http://{}/ims/{SHOP}/templates/mt", api.door().unwrap());
    let request = client.post(path).header("x-ims-key", SHOP_KEY).header("content-type", "application/json");
    let told: Value = request.body(template.to_string()).send().unwrap().json().unwrap();
    assert_eq!((&told["code"], &told["data"]["state"]), (&json!("0000"), &json!("approved")), "{told}");
    let changed_ms = now_ms();
    until("the template is taken up", PATIENCE, || {
        chain.written().contains(r#""changes":"1 templates added""#).then_some(())
    });
    let waited_ms = now_ms() - changed_ms;
    eprintln!("the template was taken up after {waited_ms} ms");
    assert!(waited_ms <= TAKEN_UP_WITHIN_MS, "{waited_ms} ms");
    api.stop();
}

/// Reference data of the store change while the program runs.
fn a_new_key_may_send_in_time(deployment: &Deployment, mariadb: &MariaDb, chain: &Process, sent: usize) {
    let key = format!("[[service_keys]]\nkey = \"{NEW_KEY}\"\nusername = \"hanbit-shop\"\n");
    import(deployment, mariadb, &format!("{}\n{key}", demo()));
    let changed_ms = now_ms();
    until("the change is taken up", PATIENCE, || {
        chain.written().contains(r#""changes":"1 service keys added""#).then_some(())
    });
    let waited_ms = now_ms() - changed_ms;
    eprintln!("the change was taken up after {waited_ms} ms");
    assert!(waited_ms <= TAKEN_UP_WITHIN_MS, "{waited_ms} ms");
    let of_new_key: Vec<_> = (0..5)
        .map(|_| schemas::SendRequest { service_key: NEW_KEY.to_owned(), ..request("at") })
        .map(|request| deployment.record(Lane::Realtime, &request))
        .collect();
    deployment.append(&of_new_key);
    let settled = deployment.settle(Expected { messages: sent + of_new_key.len(), within: PATIENCE });
    assert_eq!(settled.balance.rejected, 0, "{:?}", settled.balance);
    the_store_agrees(deployment, mariadb, &settled);
}
