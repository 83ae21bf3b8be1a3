//! How a vendor stands with us: whether it is reached and lets us in, since when it is not, and why. The operator is told
//! each cause once, and once that it is over: a vendor that comes and goes fills no log.

use serde::Serialize;

/// A cause that was told is not told again so soon, though it was over in between, milliseconds.
const AGAIN_MS: i64 = 60_000;
/// So many requests in a row without an answer are no accident.
const IN_A_ROW: u32 = 3;
/// One that did not leave is none either when nothing was answered for so long, milliseconds.
const SILENT_MS: i64 = 10_000;
/// Causes that are kept apart: of a vendor that finds more, the others are not told.
const MOST_CAUSES: usize = 8;

/// What the end of a request says of its vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word<'w> {
    /// It works, whatever it said about the message.
    Well,
    /// It answered with this code, which speaks of trouble of its own.
    Ailing(&'w str),
    /// It answered that it wants to be left alone for a while.
    Throttled,
    /// It refuses our key, account or address, with this code and in these words.
    LockedOut(&'w str, &'w str),
    /// The request did not leave, for this reason.
    NotSent(&'w str),
    /// The request left and nothing came, for this reason.
    NoAnswer(&'w str),
    /// Nothing.
    Nothing,
}

/// What keeps messages from a vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// It refuses our key, account or address.
    LockedOut,
    /// Requests do not leave.
    NotReached,
    /// Requests leave, and nothing comes back.
    NotAnswering,
}

/// Trouble that lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lasting {
    /// Of which kind it is now.
    pub trouble: Trouble,
    /// Since when there is any, Unix milliseconds.
    pub since_ms: i64,
    /// The newest cause, with its remedy where it is known.
    pub why: String,
}

/// What the operator is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// There is trouble, of a cause that was not told.
    Begun(Lasting),
    /// What was told is over.
    Ended(Lasting),
}

/// How one vendor stands.
#[derive(Debug, Default)]
pub struct Standing {
    lasting: Option<Lasting>,
    told: Vec<Told>,
    /// Requests of which the same became, one behind the other.
    in_a_row: Option<(Trouble, u32)>,
    /// When it answered last, Unix milliseconds.
    answered_ms: Option<i64>,
    /// Whether it lets nobody in, as far as it said, whatever became of requests since.
    locked_out: bool,
}

#[derive(Debug)]
struct Told {
    cause: String,
    at_ms: i64,
    /// Of the trouble that lasts.
    now: bool,
}

impl Standing {
    /// A request ended so.
    pub fn heard(&mut self, word: Word<'_>, now_ms: i64) -> Option<News> {
        let (trouble, why) = match word {
            Word::Nothing => return None,
            Word::Well => return self.answered(true, now_ms),
            Word::Ailing(_) | Word::Throttled => return self.answered(false, now_ms),
            Word::LockedOut(code, "") => (Trouble::LockedOut, code.to_owned()),
            Word::LockedOut(code, text) => (Trouble::LockedOut, format!("{code} {text}")),
            Word::NotSent(why) => (Trouble::NotReached, why.to_owned()),
            Word::NoAnswer(why) => (Trouble::NotAnswering, why.to_owned()),
        };
        let silent = self.answered_ms.is_none_or(|at_ms| now_ms - at_ms >= SILENT_MS);
        let before = self.in_a_row.filter(|(same, _)| *same == trouble).map_or(0, |(_, count)| count);
        let in_a_row = before.saturating_add(1);
        self.in_a_row = Some((trouble, in_a_row));
        let certain = match trouble {
            Trouble::LockedOut => {
                (self.locked_out, self.answered_ms) = (true, Some(now_ms));
                true
            }
            Trouble::NotReached => silent || in_a_row >= IN_A_ROW,
            Trouble::NotAnswering => in_a_row >= IN_A_ROW,
        };
        if !certain {
            return None;
        }
        let since_ms = self.lasting.as_ref().map_or(now_ms, |lasting| lasting.since_ms);
        let lasting = self.lasting.insert(Lasting { trouble, since_ms, why }).clone();
        self.is_new(&lasting.why, now_ms).then_some(News::Begun(lasting))
    }

    /// What lasts; None: nothing is known against it.
    pub fn lasting(&self) -> Option<&Lasting> {
        self.lasting.as_ref()
    }

    /// Whether it answered or lets nobody in, and may be told so; None: nobody has asked it, or not often enough.
    pub fn is_reached(&self) -> Option<bool> {
        match &self.lasting {
            Some(lasting) => Some(lasting.trouble == Trouble::LockedOut),
            None => self.answered_ms.map(|_| true),
        }
    }

    /// What speaks of trouble of its own proves that it is reached, and not that it lets us in.
    fn answered(&mut self, well: bool, now_ms: i64) -> Option<News> {
        (self.in_a_row, self.answered_ms) = (None, Some(now_ms));
        self.locked_out &= !well;
        let over = self.lasting.take_if(|_| !self.locked_out)?;
        let was_told = self.told.iter().any(|told| told.now);
        self.told.iter_mut().for_each(|told| told.now = false);
        was_told.then_some(News::Ended(over))
    }

    fn is_new(&mut self, cause: &str, now_ms: i64) -> bool {
        self.told.retain(|told| told.now || (0..AGAIN_MS).contains(&(now_ms - told.at_ms)));
        let is_known = self.told.iter().any(|told| told.cause == cause);
        if is_known || self.told.len() >= MOST_CAUSES {
            return false;
        }
        self.told.push(Told { cause: cause.to_owned(), at_ms: now_ms, now: true });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: Word<'_> = Word::NotSent("connection refused");

    fn begun(news: Option<News>) -> Option<(Trouble, i64, String)> {
        match news {
            Some(News::Begun(Lasting { trouble, since_ms, why })) => Some((trouble, since_ms, why)),
            _ => None,
        }
    }

    #[test]
    fn who_is_not_reached_is_told_once_and_once_that_it_is_over() {
        let mut standing = Standing::default();
        assert_eq!(standing.is_reached(), None, "nobody asked");
        assert_eq!(
            begun(standing.heard(REFUSED, 1_000)),
            Some((Trouble::NotReached, 1_000, "connection refused".into()))
        );
        // However long it lasts.
        assert!((0..1_000).all(|n| standing.heard(REFUSED, 2_000 + n * 1_000).is_none()));
        assert_eq!((standing.is_reached(), standing.lasting().map(|l| l.since_ms)), (Some(false), Some(1_000)));
        assert!(matches!(standing.heard(Word::Well, 2_000_000), Some(News::Ended(l)) if l.since_ms == 1_000));
        assert_eq!((standing.heard(Word::Well, 2_000_001), standing.is_reached()), (None, Some(true)));
    }

    #[test]
    fn another_cause_is_told_while_the_trouble_lasts() {
        let mut standing = Standing::default();
        assert!(standing.heard(REFUSED, 0).is_some());
        let told = begun(standing.heard(Word::NotSent("certificate"), 5_000));
        assert_eq!(told, Some((Trouble::NotReached, 0, "certificate".into())), "since the first");
        assert!(standing.heard(REFUSED, 6_000).is_none(), "that was told");
    }

    #[test]
    fn a_vendor_that_comes_and_goes_is_told_of_once_a_minute() {
        let mut standing = Standing::default();
        let mut told = 0;
        for at_ms in (0..120_000).step_by(100) {
            told += usize::from(standing.heard(Word::LockedOut("401", ""), at_ms).is_some());
            told += usize::from(standing.heard(Word::Well, at_ms + 50).is_some());
        }
        assert_eq!(told, 4, "begun and ended, twice");
    }

    #[test]
    fn what_lasts_is_told_though_it_began_soon_after_it_was_told_last() {
        let mut standing = Standing::default();
        assert!(standing.heard(REFUSED, 0).is_some());
        assert!(standing.heard(Word::Well, 1_000).is_some());
        assert!((0..4).all(|n| standing.heard(REFUSED, 20_000 + n * 10_000).is_none()));
        assert!(standing.heard(REFUSED, 60_000).is_some());
    }

    #[test]
    fn single_requests_that_come_to_nothing_between_others_are_no_trouble() {
        let mut standing = Standing::default();
        standing.heard(Word::Well, 0);
        for at_ms in 0..100 {
            assert!(standing.heard(REFUSED, at_ms).is_none());
            assert!(standing.heard(Word::NoAnswer("late"), at_ms).is_none());
            standing.heard(Word::Ailing("500"), at_ms);
        }
        assert_eq!(standing.is_reached(), Some(true));
        assert!((0..2).all(|_| standing.heard(Word::NoAnswer("late"), 100).is_none()));
        let third = begun(standing.heard(Word::NoAnswer("late"), 100));
        assert_eq!(third.map(|(trouble, ..)| trouble), Some(Trouble::NotAnswering));
    }

    #[test]
    fn only_an_answer_to_a_message_proves_that_we_are_let_in() {
        let mut standing = Standing::default();
        let told = begun(standing.heard(Word::LockedOut("A401", "no such key"), 0));
        assert_eq!(told.map(|(_, _, why)| why).as_deref(), Some("A401 no such key"));
        assert_eq!(standing.heard(Word::Ailing("500"), 1), None);
        assert_eq!(standing.heard(Word::Throttled, 1), None);
        assert_eq!(
            (standing.lasting().map(|l| l.trouble), standing.is_reached()),
            (Some(Trouble::LockedOut), Some(true))
        );
        assert!(standing.heard(Word::Well, 2).is_some());
    }

    #[test]
    fn a_request_that_is_lost_does_not_end_that_nobody_is_let_in() {
        const LATE: Word<'_> = Word::NoAnswer("late");
        let mut standing = Standing::default();
        for at_ms in [0, 20_000, 20_001] {
            standing.heard(Word::LockedOut("401", ""), at_ms);
        }
        assert!(standing.heard(LATE, 20_002).is_none());
        assert!(standing.heard(REFUSED, 20_003).is_none());
        let trouble = |standing: &Standing| standing.lasting().map(|lasting| lasting.trouble);
        assert_eq!(trouble(&standing), Some(Trouble::LockedOut));
        assert!((0..3).any(|n| standing.heard(LATE, 20_010 + n).is_some()), "three in a row are another trouble");
        assert_eq!(standing.heard(Word::Ailing("500"), 20_020), None, "which is no end of the first");
        assert!(matches!(standing.heard(Word::Well, 20_030), Some(News::Ended(lasting)) if lasting.since_ms == 0));
        assert_eq!(trouble(&standing), None);
    }

    #[test]
    fn requests_that_did_not_leave_do_not_count_with_those_that_were_not_answered() {
        let mut standing = Standing::default();
        standing.heard(Word::Well, 0);
        let others = [REFUSED, REFUSED, Word::NoAnswer("late"), Word::NoAnswer("late"), REFUSED];
        assert!((1..).zip(others).all(|(at_ms, word)| standing.heard(word, at_ms).is_none()));
    }

    #[test]
    fn causes_without_end_are_told_up_to_a_number() {
        let mut standing = Standing::default();
        let told = (0..100).filter(|n| standing.heard(Word::NotSent(&format!("cause {n}")), *n).is_some());
        assert_eq!(told.count(), MOST_CAUSES);
    }
}
