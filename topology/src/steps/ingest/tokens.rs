//! The push tokens of users, which ingest asks for: they come on top of what a request unfolds to, and are bounded like it.

use super::{Answer, Batch, Checks, Stores, transaction_bytes};
use crate::engine::Outputs;
use processors::{
    ingest::{MESSAGE_BYTES, unfolded_bytes},
    ports::{AppUser, Away},
};
use std::{
    collections::VecDeque,
    mem::take,
    time::{Duration, Instant},
};

/// How many users are asked for at a time. Each may have 160 kB of tokens: those of a whole batch would fill the memory.
const PIECE: usize = 500;
/// After so long a batch is parted before the next piece: a lane does not stand for a store that is slow at each.
const ASKED_FOR: Duration = Duration::from_secs(2);

/// Users whose tokens are missing, in the order of the batch.
struct Asking {
    users: Vec<AppUser>,
    /// Places of their answers.
    places: Vec<usize>,
    next: usize,
    /// Of those that were asked for; None: nobody can be asked.
    told: VecDeque<Option<Vec<String>>>,
    begun: Instant,
}

impl Stores {
    /// Gives pushes that name a user alone the tokens that are registered for it; who has none is its sender's to say.
    /// While nobody can be asked bulk waits; the other lanes do not stop for a push, and refuse it.
    ///
    /// A message that is too large with its tokens is refused, and all of a request whose messages are too large together.
    /// A batch is parted before the request that would be too much for its transaction.
    pub(super) fn name_tokens(
        &mut self,
        checked: &mut Checks,
        batch: &Batch<'_>,
        out: &mut Outputs,
    ) -> Result<(), Away> {
        if checked.users.is_empty() {
            return Ok(());
        }
        let (users, places) = (take(&mut checked.users), take(&mut checked.users_of));
        let mut asking = Asking { users, places, next: 0, told: VecDeque::new(), begun: Instant::now() };
        let (most, most_of_one) = (transaction_bytes(batch.lane()), unfolded_bytes(batch.lane()));
        let mut bytes = 0;
        for at in 0..checked.before.len() {
            let (mut request, end) = (checked.bytes_of(at), checked.of_record(at).end);
            while let Some(place) = asking.place().filter(|place| *place < end) {
                if asking.told.is_empty() {
                    if at > 0 && asking.begun.elapsed() >= ASKED_FOR {
                        checked.part(at);
                        return Ok(());
                    }
                    asking.told = self.tokens(asking.piece(), batch)?;
                }
                let added = checked.name(place, asking.tokens(), batch.now_ms, out);
                request += added;
                if added > 0 && request > most_of_one {
                    checked.refuse_many_tokens(at, most_of_one, batch.now_ms, out);
                }
            }
            let request = checked.bytes_of(at);
            if bytes > 0 && bytes + request > most {
                checked.part(at);
                return Ok(());
            }
            bytes += request;
        }
        Ok(())
    }

    fn tokens(&mut self, users: &[AppUser], batch: &Batch<'_>) -> Result<VecDeque<Option<Vec<String>>>, Away> {
        let asked = || self.push_tokens.of(users);
        Ok(match self.patience.ask(batch, "pushes to users are refused (9998)", asked)? {
            Some(told) => told.into_iter().map(Some).collect(),
            None => users.iter().map(|_| None).collect(),
        })
    }
}

impl Asking {
    /// The place of the next one's answer.
    fn place(&self) -> Option<usize> {
        self.places.get(self.next).copied()
    }

    /// Those to be asked for now.
    fn piece(&self) -> &[AppUser] {
        let left = &self.users[self.next..];
        &left[..left.len().min(PIECE)]
    }

    /// What is told of the next one.
    fn tokens(&mut self) -> Option<Vec<String>> {
        self.next += 1;
        self.told.pop_front().flatten()
    }
}

impl Checks {
    /// Bytes of what is not refused of the record at this place of the batch.
    fn bytes_of(&self, at: usize) -> usize {
        let bytes = |answer: &Answer| if let Answer::Candidate(written) = answer { written.value.len() } else { 0 };
        self.answers[self.of_record(at)].iter().map(bytes).sum()
    }

    /// Gives one message its tokens, or refuses it; by how many bytes it grew.
    fn name(&mut self, place: usize, tokens: Option<Vec<String>>, now_ms: i64, out: &mut Outputs) -> usize {
        let Some(mut candidate) = self.candidate(place, out) else { return 0 };
        let Some(tokens) = tokens else {
            self.answers[place] = Answer::Refused(candidate.without_tokens(now_ms));
            return 0;
        };
        let added = tokens.iter().map(String::len).sum();
        if added == 0 {
            return 0;
        }
        candidate.accepted.recipient.push_tokens = tokens;
        let all = self.rewrite(place, &candidate.accepted, out);
        if all > MESSAGE_BYTES {
            self.answers[place] = Answer::Refused(candidate.with_large_tokens(all, now_ms));
            return 0;
        }
        added
    }

    /// Refuses what of a request is not refused yet.
    fn refuse_many_tokens(&mut self, at: usize, most: usize, now_ms: i64, out: &Outputs) {
        for place in self.of_record(at) {
            if let Some(candidate) = self.candidate(place, out) {
                self.answers[place] = Answer::Refused(candidate.with_many_tokens(most, now_ms));
            }
        }
    }
}
