//! Many rows that are asked for by few statements.

use std::iter::{from_fn, repeat_n};

/// Rows of a statement, of which SQLite takes expressions 1000 deep; few sizes stay in the connection's cache of
/// statements.
const SIZES: [usize; 3] = [5, 50, 500];

/// Lots of what is asked for, each with the size of its statement; the last stands in for those that are missing to a whole
/// statement.
pub(super) fn lots_of<T>(mut rest: &[T]) -> impl Iterator<Item = (usize, impl Iterator<Item = &T>)> {
    from_fn(move || {
        let last = rest.last()?;
        let size = SIZES.into_iter().find(|size| rest.len() <= *size).unwrap_or(SIZES[SIZES.len() - 1]);
        let (some, others) = rest.split_at(size.min(rest.len()));
        rest = others;
        Some((size, some.iter().chain(repeat_n(last, size - some.len()))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_asked_for_and_statements_are_of_few_sizes() {
        let lots = |rows: usize| {
            let all: Vec<usize> = (0..rows).collect();
            lots_of(&all).map(|(size, lot)| (size, lot.copied().collect::<Vec<_>>())).collect::<Vec<_>>()
        };
        assert_eq!(lots(0), []);
        assert_eq!(lots(2), [(5, vec![0, 1, 1, 1, 1])]);
        assert_eq!(lots(5), [(5, vec![0, 1, 2, 3, 4])]);
        let [(500, first), (50, rest)] = &lots(507)[..] else { panic!("{:?}", lots(507)) };
        assert_eq!((first.len(), rest.len()), (500, 50));
        assert_eq!((first[499], &rest[..7], rest[49]), (499, &[500, 501, 502, 503, 504, 505, 506][..], 506));
    }
}
