//! What customers ask of history and statistics (SPEC §5), as the center API asks for them: each group of channels by
//! each of its keys and by time, and statistics of a day and of a year.

use super::Filled;
use anyhow::{Context, ensure};
use connectors::{
    cipher::Cipher,
    history::{By, HistoryReader, Wanted, recipient_key},
    sql::Location,
};
use hdrhistogram::Histogram;
use jiff::ToSpan;
use processors::{
    center::Group,
    korea::{DAY_MS, day_of},
};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use schemas::History;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
    time::{Duration, Instant},
};

/// Rows of one page.
const PAGE: u32 = 100;
/// A minute of one service key.
const WINDOW_MS: i64 = 60_000;
/// The longest span that may be asked for.
const LONGEST_DAYS: i64 = 366;

/// Asks so often of each kind for rows anywhere in the store, one question at a time.
pub fn measure(location: &Location, cipher: Arc<Cipher>, filled: &Filled, count: u64) -> anyhow::Result<Value> {
    let mut reader = HistoryReader::open(location, cipher)?;
    let mut random = SmallRng::seed_from_u64(1);
    let mut took = Took::default();
    for group in Group::ALL {
        for _ in 0..count {
            let row = any_of(group, filled, &mut random);
            let person = recipient_key(&row.recipient).context("an example without a recipient")?;
            for (name, by) in questions(&row, &person) {
                let began = Instant::now();
                let found = reader.find(&wanted(group, &row, by))?;
                took.add(group.as_str(), name, began.elapsed())?;
                let there = found.iter().any(|found| found.track_id == row.track_id);
                ensure!(there || found.len() == PAGE as usize, "{} {name} finds nothing", group.as_str());
            }
        }
    }
    for _ in 0..count {
        let row = filled.record(random.random_range(filled.mixed.clone()));
        let to = day_of(row.received_at);
        for (name, days) in [("of_a_day", 1), ("of_a_year", LONGEST_DAYS)] {
            let from = to.checked_sub((days - 1).days())?;
            let began = Instant::now();
            let found = reader.statistics(&row.service_key, &from.to_string(), &to.to_string())?;
            took.add("stat", name, began.elapsed())?;
            ensure!(!found.is_empty(), "statistics {name} find nothing");
        }
    }
    let mut told = took.told();
    told["rows"] = filled.next.into();
    told["asked_of_each"] = count.into();
    Ok(told)
}

/// A row of one of these channels; of ten rows each has one or more.
fn any_of(group: Group, filled: &Filled, random: &mut SmallRng) -> History {
    loop {
        let row = filled.record(random.random_range(filled.mixed.clone()));
        if group.channels().contains(&row.requested_channel) {
            return row;
        }
    }
}

/// A question, and its name.
type Question<'a> = (&'static str, By<'a>);

/// What leads to a row: its own id, whom it went to, when.
fn questions<'a>(row: &'a History, person: &'a str) -> Vec<Question<'a>> {
    let mut questions = vec![("by_message_id", By::MessageId(&row.message_id)), ("by_time", By::Time)];
    let to = &row.recipient;
    if let Some(token) = to.push_tokens.last() {
        questions.push(("by_token", By::Token(token)));
    }
    let name = match (&to.phone_number, &to.to, &to.app_user_id) {
        (Some(_), ..) => "by_recipient",
        (_, Some(_), _) => "by_address",
        (.., Some(_)) => "by_app_user_id",
        _ => return questions,
    };
    questions.push((name, By::Recipient(person)));
    questions
}

fn wanted<'a>(group: Group, row: &'a History, by: By<'a>) -> Wanted<'a> {
    let end_ms = row.received_at + 1;
    let start_ms = end_ms - if by == By::Time { WINDOW_MS } else { LONGEST_DAYS * DAY_MS };
    Wanted {
        service_key: &row.service_key,
        by,
        channels: group.channels(),
        received_ms: start_ms..end_ms,
        behind: None,
        most: PAGE,
    }
}

/// How long answers took, by what was asked and how.
#[derive(Default)]
struct Took(BTreeMap<(&'static str, &'static str), Histogram<u64>>);

impl Took {
    fn add(&mut self, group: &'static str, name: &'static str, took: Duration) -> anyhow::Result<()> {
        let took_us = u64::try_from(took.as_micros())?;
        let histogram = match self.0.entry((group, name)) {
            Entry::Occupied(there) => there.into_mut(),
            Entry::Vacant(free) => free.insert(Histogram::new(3)?),
        };
        Ok(histogram.record(took_us)?)
    }

    fn told(&self) -> Value {
        let mut told = json!({});
        for ((group, name), took) in &self.0 {
            let ms = |quantile| took.value_at_quantile(quantile) as f64 / 1e3;
            told[group][name] = json!({"p50_ms": ms(0.5), "p99_ms": ms(0.99), "longest_ms": ms(1.0)});
        }
        told
    }
}
