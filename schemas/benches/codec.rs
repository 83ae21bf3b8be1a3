//! What it costs to read and write a record: ours beside apache-avro, in the same run.
//!
//! `cargo bench -p schemas`; docs/benchmarks.md has figures and says how to read them.

use apache_avro::{Schema, reader::datum::GenericDatumReader, types::Value, writer::datum::GenericDatumWriter};
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime};
use schemas::avro::{Borrow, Encode};
use schemas::{
    AcceptedView, Avro, Channel, DecodeError, Dispatch, Input, Lane, MessageType, Record, Schemas, SendRequest,
    examples, json,
};
use serde::{Serialize, de::DeserializeOwned};
use std::hint::black_box;

include!(concat!(env!("OUT_DIR"), "/sample.rs"));

fn sample() -> Sample {
    let accepted = examples::accepted();
    Sample {
        track_id: accepted.track_id,
        username: accepted.username,
        service_key: accepted.service_key,
        message_id: accepted.message_id,
        channel: accepted.channel,
        message_type: accepted.message_type,
        lane: accepted.lane,
        ad: accepted.ad,
        step: accepted.step,
        requested_at: accepted.requested_at,
        send_at: None,
        phone_number: accepted.recipient.phone_number,
        template_code: accepted.content.template_code,
        message: "[한빛상점] 김하늘님 주문이 완료되었습니다. 배송이 시작되면 알려 드립니다".into(),
        bill_code: None,
    }
}

fn datum_of(record: &impl Avro) -> Vec<u8> {
    let mut out = Vec::new();
    record.encode(&mut out);
    out
}

fn ours<R: Record>(group: &mut BenchmarkGroup<'_, WallTime>, record: &R) {
    let datum = datum_of(record);
    group.bench_function("decode", |b| b.iter(|| R::decode(&mut Input::new(black_box(&datum)))));
    let mut out = Vec::with_capacity(datum.len());
    group.bench_function("encode", |b| {
        b.iter(|| {
            out.clear();
            black_box(record).encode(&mut out);
            out.len()
        });
    });
}

/// apache-avro with all that can be cached, cached.
fn general<R: Record + Serialize + DeserializeOwned>(group: &mut BenchmarkGroup<'_, WallTime>, record: &R) {
    let datum = datum_of(record);
    let schema = Schema::parse_str(R::SCHEMA).expect("our schema");
    let reader = GenericDatumReader::builder(&schema).build().expect("a reader");
    let writer = GenericDatumWriter::builder(&schema).build().expect("a writer");
    let value: Value = reader.read_value(&mut datum.as_slice()).expect("our datum");
    reader.read_deser::<R>(&mut datum.as_slice()).expect("our datum");
    writer.write_ser(&mut Vec::new(), record).expect("our record");
    group.bench_function("apache-avro decode to Value", |b| b.iter(|| reader.read_value(&mut black_box(&datum[..]))));
    group.bench_function("apache-avro encode of Value", |b| {
        b.iter(|| writer.write_value_ref(&mut Vec::new(), black_box(&value)))
    });
    group.bench_function("apache-avro read_deser", |b| b.iter(|| reader.read_deser::<R>(&mut black_box(&datum[..]))));
    group.bench_function("apache-avro write_ser", |b| b.iter(|| writer.write_ser(&mut Vec::new(), black_box(record))));
}

fn sample_of_15_fields(c: &mut Criterion) {
    let record = sample();
    let datum = datum_of(&record);
    assert_eq!(datum.len(), 246, "the size that the figures are about");
    let mut group = c.benchmark_group("15 fields, 246 bytes");
    ours(&mut group, &record);
    group.bench_function("view of 5 fields", |b| b.iter(|| SampleView::decode(&mut Input::new(black_box(&datum)))));
    general(&mut group, &record);
}

fn dispatch_of_an_order_message(c: &mut Criterion) {
    let dispatch = examples::dispatch();
    let accepted = datum_of(&dispatch.accepted);
    let mut group = c.benchmark_group(format!("AT Dispatch, {} bytes", datum_of(&dispatch).len()));
    ours(&mut group, &dispatch);
    group.bench_function("the router's view of its Accepted", |b| {
        b.iter(|| AcceptedView::decode(&mut Input::new(black_box(&accepted))));
    });
    general::<Dispatch>(&mut group, &dispatch);
}

/// A request of a producer that has not upgraded, and one that came as JSON.
fn request_of_an_order_message(c: &mut Criterion) {
    const FOREIGN: u32 = 4_711;
    let request = examples::request("at");
    let mut group = c.benchmark_group(format!("AT SendRequest, {} bytes", datum_of(&request).len()));
    ours(&mut group, &request);

    let mut older: serde_json::Value = serde_json::from_str(SendRequest::SCHEMA).expect("our schema");
    older["fields"].as_array_mut().expect("fields").pop();
    let older = older.to_string();
    let schemas = Schemas::embedded();
    schemas.learn(FOREIGN, &older).expect("an older schema");
    let mut datum = datum_of(&request);
    datum.pop();
    let value = [&[0], &FOREIGN.to_be_bytes()[..], &datum].concat();
    group.bench_function("resolve and decode an older version", |b| {
        b.iter(|| schemas.decode::<SendRequest>(black_box(&value)));
    });
    let (writer, reader) =
        (Schema::parse_str(&older).expect("an older schema"), Schema::parse_str(SendRequest::SCHEMA).expect("ours"));
    let general = GenericDatumReader::builder(&writer).reader_schema(&reader).build().expect("a reader");
    group.bench_function("apache-avro resolve an older version to Value", |b| {
        b.iter(|| general.read_value(&mut black_box(&datum[..])));
    });

    let text = examples::REQUESTS[0].json.as_bytes();
    group.bench_function("from JSON", |b| b.iter(|| json::send_request(black_box(text))));
}

criterion_group!(benches, sample_of_15_fields, dispatch_of_an_order_message, request_of_an_order_message);
criterion_main!(benches);
