//! Requests with an Idempotency-Key of a customer with a rate, repeated while Redis and Kafka are killed, also by callers
//! that were gone before they read their answer.

use super::{Customer, SHOP, SHOP_KEY, answer, settle, sms};
use crate::support::{CHAIN, Deployment, PATIENCE, redis::Redis, simulator, until};
use reqwest::Method;
use schemas::{Lane, SendRequest, Topic};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    net::{Shutdown, TcpStream},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

/// Messages a second that the customer may send; its callers try for several times as many.
const RATE: usize = 20;
const CALLERS: usize = 8;
/// How long a caller waits that was told to come again.
const PAUSE: Duration = Duration::from_millis(100);

/// A message that was answered, under its id as its key.
struct Answered {
    id: String,
    /// None: it was told 2030, because an answer that nobody read, or 9998, was this message's.
    told: Option<Value>,
    /// Whether somebody left before the answer, or was told 9998.
    doubtful: bool,
}

/// What all callers saw.
#[derive(Default)]
struct Seen {
    stop: AtomicBool,
    confirmed: AtomicUsize,
    /// 429.
    limited: AtomicUsize,
    /// Everything else: each has used one of the rate.
    let_in: AtomicUsize,
    /// 9998.
    unconfirmed: AtomicUsize,
}

/// Asks once.
fn ask(customer: &Customer, id: &str, seen: &Seen) -> (u16, Value) {
    let request = customer.request(Method::POST, &format!("/ims/{SHOP}/mt/sendMessage"), SHOP_KEY);
    let request = request.header("content-type", "application/json").header("idempotency-key", id);
    let (status, told) = answer(request.body(sms(id).to_string()));
    let count = if status == 429 { &seen.limited } else { &seen.let_in };
    count.fetch_add(1, Relaxed);
    (status, told)
}

/// Asks until it is answered.
fn until_answered(customer: &Customer, id: &str, mut doubtful: bool, seen: &Seen) -> Answered {
    // Kafka may be away for one of them.
    let told = until(&format!("{id} is answered"), 3 * PATIENCE, || {
        let (status, told) = ask(customer, id, seen);
        match (status, told["code"].as_str()) {
            (200, Some("0000")) => return Some(Some(told)),
            (200, Some("2030")) if doubtful => return Some(None),
            (503, Some("9998")) => {
                doubtful = true;
                seen.unconfirmed.fetch_add(1, Relaxed);
            }
            (409 | 429, _) => {}
            _ => panic!("{id}: {status} {told}"),
        }
        thread::park_timeout(PAUSE);
        None
    });
    Answered { id: id.to_owned(), told, doubtful }
}

/// Asks, and is gone: at once, or when the answer is there, which it does not read.
fn leave(customer: &Customer, id: &str, at_once: bool) {
    let body = sms(id).to_string();
    let mut stream = TcpStream::connect(&customer.door).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "POST /ims/{SHOP}/mt/sendMessage HTTP/1.1\r\nhost: ims\r\nx-ims-key: {SHOP_KEY}\r\nidempotency-key: {id}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    if !at_once {
        stream.peek(&mut [0]).unwrap();
    }
    // A door that was quicker has perhaps gone.
    let _ = stream.shutdown(Shutdown::Both);
}

/// Sends until it is told to stop.
fn caller(customer: &Customer, name: usize, seen: &Seen) -> Vec<Answered> {
    let mut all = Vec::new();
    while !seen.stop.load(Relaxed) {
        let (id, n) = (format!("R{name}-{}", all.len()), all.len());
        let leaves = n % 4 == 1;
        if leaves {
            leave(customer, &id, n % 8 == 1);
        }
        all.push(until_answered(customer, &id, leaves, seen));
        seen.confirmed.fetch_add(1, Relaxed);
    }
    all
}

#[test]
fn a_key_has_one_answer_and_a_rate_holds_when_redis_and_kafka_are_killed() {
    let Some(redis) = Redis::start() else { return };
    let Some(deployment) = Deployment::alone_with_brokers(1, &simulator::everything_arrives(5)) else { return };
    let demo = include_str!("../../../../connectors/seed/demo.toml");
    // What was announced and perhaps not asked, when a sender lost its partitions, ends at once.
    let demo = demo.replace("in_doubt = \"receipt\"", "in_doubt = \"uncertain\"");
    let (shop, rate) = ("username = \"hanbit-shop\"\nname = \"한빛상점\"\n", format!("rate_per_second = {RATE}\n"));
    assert!(demo.contains(shop));
    fs::write(deployment.file("reference.toml"), demo.replace(shop, &format!("{shop}{rate}"))).unwrap();
    let mut process = deployment.run_with("one", &format!("api,reports,{CHAIN}"), &redis.variables());
    process.until_ready();
    let (customer, seen, began) = (Customer::of(&process), Seen::default(), Instant::now());
    let (customer, seen) = (&customer, &seen);

    let mut answered = Vec::new();
    let more = |what: &str| {
        let enough = [&seen.confirmed, &seen.limited].map(|count| count.load(Relaxed) + 2 * RATE);
        until(&format!("more are confirmed, and more limited, {what}"), PATIENCE, || {
            let counts = [&seen.confirmed, &seen.limited].map(|count| count.load(Relaxed));
            (counts[0] >= enough[0] && counts[1] >= enough[1]).then_some(())
        });
    };
    thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS).map(|name| scope.spawn(move || caller(customer, name, seen))).collect();
        let ended = catch_unwind(AssertUnwindSafe(|| {
            more("while all is there");
            redis.kill();
            more("while Redis is away");
            redis.restart();
            more("after Redis was away");
            deployment.cluster().kill(1);
            until("Kafka is missed", PATIENCE, || (seen.unconfirmed.load(Relaxed) > 0).then_some(()));
            redis.kill();
            deployment.cluster().restart(1);
            redis.restart();
            more("after both were away");
        }));
        seen.stop.store(true, Relaxed);
        answered.extend(callers.into_iter().flat_map(|caller| caller.join().unwrap()));
        ended.unwrap_or_else(|panic| resume_unwind(panic));
    });
    // A second's worth at once at the start, and once more each time that another keeps the count.
    let (let_in, most) = (seen.let_in.load(Relaxed), RATE * (began.elapsed().as_secs() as usize + 1 + 4));
    assert!(let_in <= most, "{let_in} were let in, {most} might be");

    for Answered { id, told, .. } in &answered {
        let again = until_answered(customer, id, told.is_none(), seen);
        assert_eq!(again.told, *told, "{id}");
        assert!(told.iter().all(|told| *told == json!({"code": "0000", "data": id})), "{told:?}");
    }
    eprintln!(
        "{} messages, {} of them with a doubt; {} answers let in, {} limited, {} not confirmed",
        answered.len(),
        answered.iter().filter(|one| one.doubtful).count(),
        seen.let_in.load(Relaxed),
        seen.limited.load(Relaxed),
        seen.unconfirmed.load(Relaxed)
    );
    let requests = deployment.decoded::<SendRequest>(Lane::ALL.iter().map(|&lane| Topic::api(lane)));
    let mut written: BTreeMap<String, usize> = BTreeMap::new();
    requests.into_iter().for_each(|request| *written.entry(request.message_id).or_default() += 1);
    for Answered { id, doubtful, .. } in &answered {
        let times = written.get(id).copied().unwrap_or_default();
        assert!(times == 1 || *doubtful && times > 1, "{id} is written {times} times");
    }
    settle(&deployment, answered.into_iter().map(|one| one.id).collect());
    process.stop();
}
