//! What customers ask of history (SPEC §5): by message_id, by recipient, by time.

use super::Filled;
use anyhow::{Context, ensure};
use connectors::{
    cipher::Cipher,
    history::{By, HistoryReader, Wanted, recipient_key},
    sql::Location,
};
use hdrhistogram::Histogram;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use schemas::examples;
use serde_json::{Value, json};
use std::{sync::Arc, time::Instant};

/// Rows of one page.
const PAGE: u32 = 100;
/// A minute of one service key.
const WINDOW_MS: i64 = 60_000;

/// Asks so often of each kind for rows anywhere in the store, one question at a time.
pub fn measure(location: &Location, cipher: Arc<Cipher>, filled: &Filled, count: u64) -> anyhow::Result<Value> {
    let mut reader = HistoryReader::open(location, cipher)?;
    let mut random = SmallRng::seed_from_u64(1);
    let (start_ms, end_ms) = (filled.start_ms, filled.start_ms + filled.next as i64);
    let mut took = [(); 3].map(|()| Histogram::<u64>::new(3));
    for _ in 0..count {
        let row = examples::step(start_ms, random.random_range(0..filled.next));
        let recipient = recipient_key(&row.recipient).context("an example without a recipient")?;
        let at = row.received_at;
        let kinds = [
            (By::MessageId(&row.message_id), start_ms..end_ms),
            (By::Recipient(&recipient), start_ms..end_ms),
            (By::Time, at + 1 - WINDOW_MS..at + 1),
        ];
        for ((by, received_ms), took) in kinds.into_iter().zip(&mut took) {
            let wanted = Wanted {
                service_key: &row.service_key,
                by,
                channels: &[row.requested_channel],
                received_ms,
                behind: None,
                most: PAGE,
            };
            let began = Instant::now();
            let found = reader.find(&wanted)?;
            if let Ok(took) = took {
                took.record(u64::try_from(began.elapsed().as_micros())?)?;
            }
            ensure!(
                found.iter().any(|found| found.track_id == row.track_id) || found.len() == PAGE as usize,
                "{by:?} finds nothing"
            );
        }
    }
    let told = |took: &Result<Histogram<u64>, _>| {
        let ms = |quantile| took.as_ref().map_or(0.0, |took| took.value_at_quantile(quantile) as f64 / 1e3);
        json!({"p50_ms": ms(0.5), "p99_ms": ms(0.99), "longest_ms": ms(1.0)})
    };
    Ok(json!({
        "rows": filled.next,
        "asked": count,
        "by_message_id": told(&took[0]),
        "by_recipient": told(&took[1]),
        "by_time": told(&took[2]),
    }))
}
