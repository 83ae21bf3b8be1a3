//! What one request costs ingest, decoding and encoding apart: an 알림톡 with a fallback, an SMS, a job of a thousand.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use processors::ingest::{Checked, Received, Settings, check};
use processors::reference::{Customer, Reference, Seed, SenderNumber, SenderProfile, ServiceKey, Template};
use schemas::examples::{self, seed};
use schemas::{Api, Channel, Lane, Receiver, SendRequest};

fn reference() -> Reference {
    let username = seed::USERNAME.to_owned();
    let customer = Customer { username: username.clone(), ..Customer::default() };
    let key =
        ServiceKey { key: seed::SERVICE_KEY.into(), username: username.clone(), active: true, ..ServiceKey::default() };
    let profile =
        SenderProfile { sender_key: seed::SENDER_KEY.into(), username: username.clone(), state: Default::default() };
    let number = |number: &&str| SenderNumber {
        number: (*number).into(),
        username: username.clone(),
        channel: Channel::Mt,
        state: Default::default(),
    };
    let template = |t: &seed::Template| Template {
        code: t.code.into(),
        username: username.clone(),
        channel: t.channel,
        message: t.message.unwrap_or_default().into(),
        ..Template::default()
    };
    let data = Seed {
        customers: vec![customer],
        service_keys: vec![key],
        sender_profiles: vec![profile],
        sender_numbers: seed::SENDER_NUMBERS.iter().map(number).collect(),
        templates: seed::TEMPLATES.iter().map(template).collect(),
        ..Seed::default()
    };
    Reference::new(data).expect("the examples' reference data")
}

fn job(receivers: usize) -> SendRequest {
    let mut request = examples::request("sms_many");
    let receiver = |i| Receiver {
        phone_number: Some(format!("0102{i:07}")),
        mapping: [("name".to_owned(), "김하늘".to_owned())].into(),
        ..Receiver::default()
    };
    request.receiver_list = (0..receivers).map(receiver).collect();
    request
}

fn ingest(c: &mut Criterion) {
    let reference = reference();
    let api = Api { cluster: 0, lane: Lane::Realtime, partition: 0, offset: 1, receiver: 0 };
    let record = Received { api, timestamp_ms: seed::NOW_MS, value_bytes: 500 };
    let run = |request| check(request, &record, &reference, seed::NOW_MS, &Settings::default());
    let cases = [("at", examples::request("at")), ("sms", examples::request("sms")), ("sms × 1000", job(1000))];
    for (name, request) in cases {
        let all = run(request.clone()).expect("a channel");
        assert!(all.iter().all(|one| matches!(one, Checked::Candidate(_))), "{name} is refused");
        c.bench_function(name, |b| b.iter_batched(|| request.clone(), run, BatchSize::SmallInput));
    }
}

criterion_group!(benches, ingest);
criterion_main!(benches);
