//! Our codec against apache-avro's general path, both ways, for every example.

use apache_avro::{Schema, reader::datum::GenericDatumReader, types::Value, writer::datum::GenericDatumWriter};
use schemas::{Input, Record, examples};
use serde::Serialize;
use std::fmt::Debug;

/// What apache-avro makes of the record's JSON: knows nothing of our codec.
fn general_value<R: Record + Serialize>(record: &R, schema: &Schema) -> Value {
    Value::try_from(serde_json::to_value(record).unwrap()).unwrap().resolve(schema).unwrap()
}

fn agree<R: Record + Serialize + PartialEq + Debug>(record: &R, general: Value, schema: &Schema) {
    let mut ours = Vec::new();
    record.encode(&mut ours);
    let reader = GenericDatumReader::builder(schema).build().unwrap();
    let mut rest = ours.as_slice();
    assert_eq!(reader.read_value(&mut rest).unwrap(), general);
    assert!(rest.is_empty());

    let theirs = GenericDatumWriter::builder(schema).build().unwrap().write_value_to_vec(general).unwrap();
    let mut input = Input::new(&theirs);
    assert_eq!(R::decode(&mut input).as_ref(), Ok(record));
    assert_eq!(input.finish(), Ok(()));
}

fn interoperates<R: Record + Serialize + PartialEq + Debug>(record: &R) {
    let schema = Schema::parse_str(R::SCHEMA).unwrap();
    agree(record, general_value(record, &schema), &schema);
}

#[test]
fn every_request_means_the_same_to_both_libraries() {
    for example in examples::REQUESTS {
        interoperates(&example.request());
    }
}

#[test]
fn every_record_means_the_same_to_both_libraries() {
    interoperates(&examples::accepted());
    interoperates(&examples::dispatch());
    interoperates(&examples::result());
    interoperates(&examples::open_step());
    interoperates(&examples::report());
    interoperates(&examples::callback());
    interoperates(&examples::endpoint_state());
    interoperates(&examples::history());
    interoperates(&examples::analyze_log());
}

#[test]
fn bytes_mean_the_same_to_both_libraries() {
    // Bytes are Base64 in our JSON, so the general value gets them by hand.
    let delayed = examples::delayed();
    let schema = Schema::parse_str(schemas::Delayed::SCHEMA).unwrap();
    let Value::Record(mut fields) = general_value(&delayed, &schema) else { panic!("a record") };
    for (name, value) in &mut fields {
        if name == "payload" {
            *value = Value::Bytes(delayed.payload.to_vec());
        }
    }
    agree(&delayed, Value::Record(fields), &schema);
}
