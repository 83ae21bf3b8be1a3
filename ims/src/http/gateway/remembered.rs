//! The last answers to questions for reports, history and statistics, for when nobody can be asked.

use bytes::Bytes;
use processors::access::Contents;
use rustc_hash::FxHashMap;
use std::{
    collections::VecDeque,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Largest answer that is kept, bytes.
pub const LARGEST: usize = 64 << 10;
/// All of them, bytes: many reports, or some pages of history.
const MOST_BYTES: usize = 64 << 20;

/// Who asked for what. A digest: no key of a customer is kept, and nobody is told what another's key was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Question(Contents);

impl Question {
    /// `path`: with what is asked of it.
    pub fn new(key: &[u8], path: &str, from: IpAddr) -> Self {
        // A key may be for some addresses alone.
        Self(Contents::of([key, path.as_bytes(), from.to_canonical().to_string().as_bytes()]))
    }
}

/// As many as it is made for; the oldest go first.
pub struct Remembered {
    most: usize,
    longest: Duration,
    answers: Mutex<Answers>,
}

#[derive(Default)]
struct Answers {
    by_question: FxHashMap<Question, (Instant, Bytes)>,
    /// In the order of their times; a question that was answered again stands there twice.
    order: VecDeque<(Instant, Question)>,
    bytes: usize,
}

impl Answers {
    fn remove(&mut self, question: &Question) {
        if let Some((_, answer)) = self.by_question.remove(question) {
            self.bytes -= answer.len();
        }
    }
}

impl Remembered {
    pub fn new(most: usize, longest: Duration) -> Self {
        Self { most, longest, answers: Mutex::default() }
    }

    /// Keeps an answer.
    pub fn keep(&self, question: Question, answer: Bytes, now: Instant) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.remove(&question);
        answers.bytes += answer.len();
        answers.by_question.insert(question, (now, answer));
        answers.order.push_back((now, question));
        while answers.by_question.len() > self.most
            || answers.order.len() > 2 * self.most.max(1)
            || answers.bytes > MOST_BYTES
        {
            let Some((at, oldest)) = answers.order.pop_front() else { break };
            if answers.by_question.get(&oldest).is_some_and(|(kept_at, _)| *kept_at == at) {
                answers.remove(&oldest);
            }
        }
    }

    /// Forgets what was answered: it is not so any more, or not to be told.
    pub fn forget(&self, question: &Question) {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).remove(question);
    }

    /// The last answer and its age, when it is not too old.
    pub fn last(&self, question: &Question, now: Instant) -> Option<(Duration, Bytes)> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, answer) = answers.by_question.get(question)?;
        let age = now.saturating_duration_since(*at);
        (age <= self.longest).then(|| (age, answer.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn the_newest_are_remembered_for_a_while() {
        let (remembered, began) = (Remembered::new(2, Duration::from_secs(60)), Instant::now());
        let of = |n: u8| Question::new(b"key", &format!("/{n}"), HERE);
        let at = |s| began + Duration::from_secs(s);
        (0..3).for_each(|n| remembered.keep(of(n), vec![n].into(), at(n.into())));
        assert_eq!(remembered.last(&of(0), at(3)), None);
        assert_eq!(remembered.last(&of(1), at(3)), Some((Duration::from_secs(2), vec![1].into())));
        // Answered again it is the newest.
        remembered.keep(of(1), vec![11].into(), at(4));
        remembered.keep(of(3), vec![3].into(), at(5));
        assert_eq!(remembered.last(&of(2), at(5)), None);
        assert_eq!(remembered.last(&of(1), at(5)).unwrap().1, vec![11]);
        assert_eq!(remembered.last(&of(1), at(65)), None, "too old");
    }

    #[test]
    fn one_that_is_asked_for_again_and_again_takes_no_more_room() {
        let (remembered, now) = (Remembered::new(10, Duration::from_secs(60)), Instant::now());
        let question = Question::new(b"key", "/", HERE);
        (0..1_000).for_each(|n| remembered.keep(question, Bytes::new(), now + Duration::from_millis(n)));
        assert!(remembered.answers.lock().unwrap().order.len() <= 20);
        assert!(remembered.last(&question, now + Duration::from_secs(1)).is_some());
    }

    #[test]
    fn large_answers_leave_room_for_fewer() {
        let (remembered, now) = (Remembered::new(10_000, Duration::from_secs(60)), Instant::now());
        let of = |n: usize| Question::new(b"key", &format!("/{n}"), HERE);
        let many = 2 * MOST_BYTES / LARGEST;
        (0..many).for_each(|n| remembered.keep(of(n), vec![0; LARGEST].into(), now));
        let kept = (0..many).filter(|n| remembered.last(&of(*n), now).is_some());
        assert_eq!(kept.collect::<Vec<_>>(), (many / 2..many).collect::<Vec<_>>(), "the newest");
        (0..many).for_each(|n| remembered.forget(&of(n)));
        assert_eq!(remembered.answers.lock().unwrap().bytes, 0);
    }

    #[test]
    fn another_key_asks_another_question() {
        assert_ne!(Question::new(b"a", "/b", HERE), Question::new(b"b", "/b", HERE));
        assert_ne!(Question::new(b"a", "b/", HERE), Question::new(b"ab", "/", HERE));
    }
}
