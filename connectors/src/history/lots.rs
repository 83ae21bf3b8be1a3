//! The lots of a file: rows as they came, 16,384 each. Every index that history is looked up by begins with the lot, so
//! that writing touches the pages of one lot alone, however many customers and recipients there are; a look-up asks lot
//! after lot, the newest first. A server has none: its memory holds the pages of its indexes.

use crate::sql::Connection;
use schemas::History;
use std::collections::VecDeque;
use std::ops::{Range, RangeInclusive};

/// As migrations/sqlite/history has it.
const ROWS_SHIFT: u32 = 14;
/// Lots of one question at most: a page of each is read and sorted, and a customer may have stood still for a month before.
const MOST_TOGETHER: usize = 64;

/// What becomes of a lot that is noted already.
const WIDER: &str = "ON CONFLICT (lot) DO UPDATE
    SET earliest = MIN(earliest, excluded.earliest), latest = MAX(latest, excluded.latest)";

/// Notes when the messages of rows were requested, in the transaction that has just inserted them.
pub(super) async fn note(connection: &mut Connection, rows: &[(usize, &History)]) -> sqlx::Result<()> {
    let text = format!("INSERT INTO history_lots (lot, earliest, latest) VALUES (?, ?, ?) {WIDER}");
    let last = connection.query("SELECT MAX(id) AS last FROM history").fetch_one().await?;
    // One writer at a time, and each row gets the id behind the largest.
    let behind: i64 = last.get::<Option<i64>>("last")?.unwrap_or_default() + 1;
    let ids = behind - rows.len() as i64..behind;
    let times: Vec<(i64, i64)> = ids.map(lot_of).zip(rows.iter().map(|(_, row)| row.received_at)).collect();
    for of_a_lot in times.chunk_by(|(lot, _), (next, _)| lot == next) {
        let received_at = || of_a_lot.iter().map(|(_, received_at)| *received_at);
        let query = connection.query(&text).bind(of_a_lot[0].0);
        query.bind(received_at().min()).bind(received_at().max()).execute().await?;
    }
    Ok(())
}

/// Notes what a process of an older version has written since the file was brought to this one.
pub(super) async fn note_the_rest(connection: &mut Connection) -> sqlx::Result<()> {
    let text = format!(
        "INSERT INTO history_lots (lot, earliest, latest) SELECT lot, MIN(received_at), MAX(received_at) FROM history
         WHERE id >= (SELECT COALESCE(MAX(lot), 0) FROM history_lots) << {ROWS_SHIFT} GROUP BY lot {WIDER}"
    );
    connection.execute(&text).await
}

fn lot_of(id: i64) -> i64 {
    id >> ROWS_SHIFT
}

/// Lots that are still to be asked, the newest first.
pub(super) struct Lots {
    left: VecDeque<Lot>,
    /// How many are asked next.
    together: usize,
}

struct Lot {
    lot: i64,
    latest: i64,
}

impl Lots {
    /// Those that have messages of this time.
    pub(super) async fn of(connection: &mut Connection, received_ms: &Range<i64>) -> sqlx::Result<Self> {
        let text = "SELECT lot, latest FROM history_lots WHERE latest >= ? AND earliest < ? ORDER BY lot DESC";
        let mut left = VecDeque::new();
        let lots = connection.query(text).bind(received_ms.start).bind(received_ms.end);
        lots.for_each(|row| {
            left.push_back(Lot { lot: row.get("lot")?, latest: row.get("latest")? });
            Ok(())
        })
        .await?;
        Ok(Self { left, together: 1 })
    }

    /// The next ones, of those that have messages of this time or later: each time twice as many, so that who sends much
    /// is found in the newest alone, and who sends little in few questions. None: no others have any.
    pub(super) fn next(&mut self, since_ms: i64) -> Option<RangeInclusive<i64>> {
        self.left.retain(|lot| lot.latest >= since_ms);
        let together = self.together.min(self.left.len());
        self.together = (self.together * 2).min(MOST_TOGETHER);
        let mut asked = self.left.drain(..together).map(|lot| lot.lot);
        let newest = asked.next()?;
        Some(asked.next_back().unwrap_or(newest)..=newest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lots_are_asked_from_the_newest_on_ever_more_at_a_time_and_none_twice() {
        let left = (0..300).rev().map(|lot| Lot { lot, latest: lot * 10 }).collect();
        let mut lots = Lots { left, together: 1 };
        let asked: Vec<_> = std::iter::from_fn(|| lots.next(0)).collect();
        assert_eq!(asked[..4], [299..=299, 297..=298, 293..=296, 285..=292]);
        assert!(asked.windows(2).all(|two| *two[1].end() == two[0].start() - 1));
        assert_eq!((asked.last().unwrap().start(), asked.len()), (&0, 7 + 3), "64 at a time, and what is left");

        let left = (0..300).rev().map(|lot| Lot { lot, latest: lot * 10 }).collect();
        let mut lots = Lots { left, together: 1 };
        assert_eq!([lots.next(0), lots.next(2_980), lots.next(2_981)], [Some(299..=299), Some(298..=298), None]);
    }
}
