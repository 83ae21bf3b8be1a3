//! A mended record: JSON with the fields of its schema, framed as its topic holds it.

use bytes::Bytes;
use schemas::{
    Accepted, AnalyzeLog, Callback, Delayed, Dispatch, History, Record, Report, Schemas, StepResult, Topic, json,
    topics::Kind,
};
use serde::de::DeserializeOwned;

/// The value for a topic. What a request may say is the HTTP contract's JSON; other records are read field by field.
pub fn value(topic: Topic, json: &[u8], schemas: &Schemas) -> Result<Bytes, String> {
    match topic.kind() {
        Kind::Api(_) => {
            let request = json::send_request(json).map_err(|error| error.to_string())?;
            Ok(schemas.encode(&request).into())
        }
        Kind::Recv(..) | Kind::Fallback(_) => read::<Accepted>(json, schemas),
        Kind::Send(..) | Kind::Group(..) => read::<Dispatch>(json, schemas),
        Kind::Result(_) => read::<StepResult>(json, schemas),
        Kind::Hist(_) => read::<History>(json, schemas),
        Kind::AnalyzeLog => read::<AnalyzeLog>(json, schemas),
        Kind::Delay(_) => read::<Delayed>(json, schemas),
        Kind::Report(_) => read::<Report>(json, schemas),
        Kind::Callback => read::<Callback>(json, schemas),
        Kind::Open(_) | Kind::Endpoint | Kind::DeadLetter(_) => Err(format!("{topic} has no dead letters")),
    }
}

fn read<R: Record + DeserializeOwned>(json: &[u8], schemas: &Schemas) -> Result<Bytes, String> {
    let record: R = serde_json::from_slice(json).map_err(|error| format!("no {}: {error}", R::NAME))?;
    Ok(schemas.encode(&record).into())
}
