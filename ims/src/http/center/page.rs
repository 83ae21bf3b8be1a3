//! A page of a list: as many rows as are asked for, or fewer large ones.

use serde::Serialize;

/// Bytes of a page, as it is told; a row that is larger stands alone.
const PAGE_BYTES: usize = 4 << 20;
/// Rows of the first question. The next ask for twice as many as the one before, or as many as will fit.
const FIRST_ROWS: usize = 32;

/// One page of a list.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    /// What was found, in the order of the list.
    pub items: Vec<T>,
    /// What `cursor` says to have the next page; null: there is none.
    pub next: Option<String>,
}

/// A page that is being filled.
#[derive(Debug)]
pub struct Filling<T, B> {
    items: Vec<T>,
    most: usize,
    bytes: usize,
    /// Where the last row stands.
    behind: Option<B>,
    more: bool,
}

impl<T: Serialize, B: Clone> Filling<T, B> {
    /// Asks for parts, each behind a place and of so many rows at most, until it is full or there are no more.
    pub fn fill<E>(
        most: u32,
        behind: Option<B>,
        mut ask: impl FnMut(Option<&B>, u32) -> Result<Vec<(B, T)>, E>,
    ) -> Result<Self, E> {
        let most = most as usize;
        let mut page = Self { items: Vec::new(), most, bytes: 0, behind, more: false };
        let mut rows = FIRST_ROWS;
        while !page.more {
            // One row more tells whether there is a next page.
            rows = rows.min(page.most - page.items.len() + 1);
            let part = ask(page.behind.as_ref(), rows as u32)?;
            let came = part.len();
            part.into_iter().for_each(|(behind, item)| page.add(behind, item));
            if came < rows {
                break;
            }
            let fitting = (PAGE_BYTES.saturating_sub(page.bytes)) / (page.bytes / page.items.len().max(1)).max(1);
            rows = (2 * rows).min(fitting + 1);
        }
        Ok(page)
    }

    fn add(&mut self, behind: B, item: T) {
        if self.more {
            return;
        }
        // Rows are text and numbers: they can be told.
        let bytes = serde_json::to_vec(&item).map_or(0, |told| told.len());
        if self.items.len() == self.most || (!self.items.is_empty() && self.bytes + bytes > PAGE_BYTES) {
            self.more = true;
            return;
        }
        self.bytes += bytes;
        self.items.push(item);
        self.behind = Some(behind);
    }

    /// Its rows, and where the next ones begin, if there are more.
    pub fn part(self) -> (Vec<T>, Option<B>) {
        (self.items, self.behind.filter(|_| self.more))
    }

    /// The page with its cursor, written by where its last row stands.
    pub fn page(self, cursor: impl FnOnce(B) -> String) -> Page<T> {
        let (items, next) = self.part();
        Page { items, next: next.map(cursor) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pages of rows of such lengths, and the most rows that were asked for at a time.
    fn pages(most: u32, lengths: &[usize]) -> (Vec<usize>, u32) {
        let (mut pages, mut largest, mut behind) = (Vec::new(), 0, None);
        loop {
            let page = Filling::fill(most, behind, |behind: Option<&usize>, rows| {
                largest = largest.max(rows);
                let from = behind.map_or(0, |behind| behind + 1);
                let rows = lengths.iter().enumerate().skip(from).take(rows as usize);
                Ok::<_, ()>(rows.map(|(at, length)| (at, "x".repeat(*length))).collect())
            });
            let page = page.unwrap();
            behind = page.behind;
            let more = page.more;
            let page = page.page(|behind| behind.to_string());
            assert_eq!(page.next.is_some(), more);
            pages.push(page.items.len());
            if !more {
                return (pages, largest);
            }
        }
    }

    #[test]
    fn small_rows_are_bounded_by_their_number() {
        assert_eq!(pages(100, &[10; 250]).0, [100, 100, 50]);
        assert_eq!(pages(100, &[10; 200]).0, [100, 100]);
        assert_eq!(pages(1, &[10; 3]).0, [1, 1, 1]);
        assert_eq!(pages(1000, &[10; 1001]).0, [1000, 1]);
        assert_eq!(pages(10, &[]).0, [0]);
    }

    #[test]
    fn large_rows_are_bounded_by_their_bytes() {
        let (told, largest) = pages(1000, &[512 << 10; 100]);
        assert_eq!((told.iter().sum::<usize>(), told[0], largest), (100, 7, 32));
        assert_eq!(pages(1000, &[10, 5 << 20, 5 << 20, 10]).0, [1, 1, 1, 1], "one that is larger stands alone");
    }
}
