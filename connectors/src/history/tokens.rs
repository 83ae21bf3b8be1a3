//! The tokens that a push went to beside the value that its row is found by: a row for each, so that history is found by
//! any of them. Most pushes go to one token and have none.

use super::recipient_key;
use crate::{
    cipher::Cipher,
    sql::{Connection, Dialect, Insert, Merge},
};
use schemas::{Channel, History};
use std::collections::BTreeSet;

const KEY: &str = "track_id, step, token_lookup";

/// Tokens of a batch, each once for its step.
pub(super) struct Tokens<'e>(Vec<(&'e History, Vec<u8>)>);

impl<'e> Tokens<'e> {
    /// The statement that keeps them. What retention has left of them while their step was read again is the same row.
    pub(super) fn insert(dialect: Dialect) -> Insert {
        let head = format!("INSERT INTO history_tokens ({KEY}, received_at)");
        Insert::new(&head, &dialect.on_conflict(KEY, Merge::Largest, &["received_at"]))
    }

    /// Of steps that went to tokens.
    pub(super) fn of(rows: &[(usize, &'e History)], cipher: &Cipher) -> Self {
        let pushes = rows.iter().map(|(_, step)| *step).filter(|step| step.channel == Channel::Pu);
        let tokens = pushes.flat_map(|step| {
            let key = recipient_key(&step.recipient);
            let others = step.recipient.push_tokens.iter().filter(|token| key.as_ref() != Some(*token));
            let others: BTreeSet<&String> = others.collect();
            others.into_iter().map(|token| (step, cipher.lookup(token))).collect::<Vec<_>>()
        });
        Self(tokens.collect())
    }

    /// Keeps them.
    pub(super) async fn write(self, connection: &mut Connection, insert: &Insert) -> sqlx::Result<()> {
        let kept = insert.rows(connection, &self.0, |(step, lookup), row| {
            row.put(step.track_id.as_str())?.put(step.step)?.put(lookup.as_slice())?.put(step.received_at).map(drop)
        });
        kept.await.map(drop)
    }
}
