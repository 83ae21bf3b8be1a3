//! The push tokens of users, which ingest asks for: they come on top of what a request unfolds to, and are bounded like it.

use super::{Answer, Batch, Checks, Stores, transaction_bytes};
use crate::engine::Outputs;
use processors::{
    ingest::MESSAGE_BYTES,
    ports::{AppUser, Away},
};
use std::mem::take;

/// How many users are asked for at a time. Each may have 160 kB of tokens: those of a whole batch would fill the memory.
const PIECE: usize = 500;

/// Bytes of the tokens that were named: of a batch, and of the request at hand, whose place in it is `at`.
#[derive(Default)]
struct Named {
    batch: usize,
    request: usize,
    at: usize,
}

impl Stores {
    /// Gives pushes that name a user alone the tokens that are registered for it; who has none is its sender's to say.
    /// While nobody can be asked bulk waits; the other lanes do not stop for a push, and refuse it.
    ///
    /// A message that is too large with them is refused, and all of a request with too many. A batch is parted before the
    /// request at which its tokens are more than a transaction takes.
    pub(super) fn name_tokens(
        &mut self,
        checked: &mut Checks,
        batch: &Batch<'_>,
        out: &mut Outputs,
    ) -> Result<(), Away> {
        let (users, places) = (take(&mut checked.users), take(&mut checked.users_of));
        let (most, mut named) = (transaction_bytes(batch.records), Named::default());
        for (users, places) in users.chunks(PIECE).zip(places.chunks(PIECE)) {
            for (place, tokens) in places.iter().zip(self.tokens(users, batch)?) {
                let Some(Answer::Candidate(written)) = checked.answers.get(*place) else { continue };
                if written.at != named.at {
                    if named.batch > most {
                        checked.part(written.at);
                        return Ok(());
                    }
                    named = Named { at: written.at, request: 0, ..named };
                }
                checked.name(*place, tokens, &mut named, batch.now_ms, out);
                if named.request > most {
                    checked.refuse_many_tokens(named.at, most, batch.now_ms, out);
                    named.batch -= take(&mut named.request);
                }
            }
        }
        Ok(())
    }

    /// The tokens of each; None: nobody can be asked.
    fn tokens(&mut self, users: &[AppUser], batch: &Batch<'_>) -> Result<Vec<Option<Vec<String>>>, Away> {
        let asked = || self.push_tokens.of(users);
        Ok(match self.patience.ask(batch, "pushes to users are refused (9998)", asked)? {
            Some(told) => told.into_iter().map(Some).collect(),
            None => vec![None; users.len()],
        })
    }
}

impl Checks {
    /// Gives one message its tokens, or refuses it.
    fn name(&mut self, place: usize, tokens: Option<Vec<String>>, named: &mut Named, now_ms: i64, out: &mut Outputs) {
        let Some(mut candidate) = self.candidate(place, out) else { return };
        let Some(tokens) = tokens else {
            self.answers[place] = Answer::Refused(candidate.without_tokens(now_ms));
            return;
        };
        let bytes: usize = tokens.iter().map(String::len).sum();
        candidate.accepted.recipient.push_tokens = tokens;
        let all = self.rewrite(place, &candidate.accepted, out);
        if all > MESSAGE_BYTES {
            self.answers[place] = Answer::Refused(candidate.with_large_tokens(all, now_ms));
            return;
        }
        named.batch += bytes;
        named.request += bytes;
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
