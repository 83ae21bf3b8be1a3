//! Ended messages by day, service key, requested channel and type: a batch is added up in memory first.

use crate::sql::{Connection, Dialect, Insert, Merge};
use jiff::civil::Date;
use processors::{korea::calendar_day, ports::Refused};
use schemas::{Channel, History, MessageType, State};
use std::collections::BTreeMap;

const KEY: &str = "service_key, day, channel, message_type";
const COUNTED: [&str; 8] =
    ["total", "success", "fail", "uncertain", "expired", "cancelled", "fallback", "fallback_success"];

/// What a batch adds. In the order of its keys: two writers that add to the same rows never wait for each other in a
/// circle.
pub(super) struct Counts<'e>(BTreeMap<Key<'e>, [i64; COUNTED.len()]>);

type Key<'e> = (&'e str, Date, Channel, MessageType);

impl<'e> Counts<'e> {
    /// The statement that adds them.
    pub(super) fn insert(dialect: Dialect) -> Insert {
        let head = format!("INSERT INTO daily_statistics ({KEY}, {})", COUNTED.join(", "));
        Insert::new(&head, &dialect.on_conflict(KEY, Merge::Add, &COUNTED))
    }

    /// Of rows, each with its place in the batch; or those whose time no calendar has.
    pub(super) fn of(rows: &[(usize, &'e History)]) -> Result<Self, Vec<Refused>> {
        let (mut counts, mut refused) = (BTreeMap::new(), Vec::new());
        for &(row, step) in rows.iter().filter(|(_, step)| step.last_step) {
            let Some(day) = calendar_day(step.received_at).filter(|day| day.year() >= 0) else {
                refused.push(Refused { row, reason: "received_at is no time of the years 0 to 9999".into() });
                continue;
            };
            let key = (&*step.service_key, day, step.requested_channel, step.requested_type);
            let counted = counts.entry(key).or_insert([0; COUNTED.len()]);
            for (count, one) in counted.iter_mut().zip(ended(step)) {
                *count += i64::from(one);
            }
        }
        if refused.is_empty() { Ok(Self(counts)) } else { Err(refused) }
    }

    /// Adds them to the day's rows.
    pub(super) async fn write(self, connection: &mut Connection, insert: &Insert) -> sqlx::Result<()> {
        let counts: Vec<_> = self.0.into_iter().collect();
        let add = insert.rows(connection, &counts, |((service_key, day, channel, message_type), counted), row| {
            row.put(*service_key)?.put(day.to_string())?.put(channel.as_str())?.put(message_type.as_str())?;
            counted.iter().try_for_each(|count| row.put(*count).map(drop))
        });
        add.await.map(drop)
    }
}

/// What an ended message adds to each of the counts.
fn ended(step: &History) -> [bool; COUNTED.len()] {
    let (delivered, cancelled) = (step.state == State::Delivered, step.state == State::Cancelled);
    // What was sent once more in the morning is what was asked for.
    let asked_for = (step.channel, step.message_type) == (step.requested_channel, step.requested_type);
    let fallback = step.step > 0 && !asked_for;
    [
        true,
        delivered,
        !delivered && !cancelled,
        step.state == State::Uncertain,
        step.state == State::Expired,
        cancelled,
        fallback,
        fallback && delivered,
    ]
}
