//! The least that a door can do: it takes a body, appends the bytes that the real one would, and answers.

use crate::{
    config::Config,
    http::Appender,
    log::{open_kafka, open_schemas},
    request,
};
use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use schemas::{Lane, Topic, examples};
use std::time::{Duration, Instant};
use topology::log::{Log as _, Outgoing};

/// What each request appends, and where.
#[derive(Clone)]
struct Bare {
    record: Outgoing,
    appender: Appender,
    within: Duration,
}

async fn append(State(bare): State<Bare>, _body: Bytes) -> Result<&'static str, StatusCode> {
    let until = Instant::now() + bare.within;
    bare.appender.append(bare.record.clone(), until).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(r#"{"code":"0000"}"#)
}

/// Serves at the address of the door until the process is killed.
pub fn serve(config: &Config) -> anyhow::Result<()> {
    let (schemas, _) = open_schemas(config)?;
    let record = request::record(&examples::request("at"), Topic::api(Lane::Realtime), &schemas)?;
    let within = Duration::from_millis(u64::from(config.http.acknowledged_within_ms));
    let log = open_kafka(config)?.appender("bare", 2 * within)?;
    let appender = Appender::start("bare", log, Topic::api(Lane::Realtime))?;
    let routes = Router::new().route("/{*path}", post(append)).with_state(Bare { record, appender, within });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(&config.http.listen).await?;
        axum::serve(listener, routes).await
    })?)
}
