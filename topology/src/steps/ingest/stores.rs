//! What ingest asks of the reference store: who refused ads and who agreed to them, which files there are; in `tokens`,
//! which tokens users have.

use super::{Answer, Batch, Checks};
use crate::engine::{Outputs, at_a_store};
use processors::{
    center::consent::Agreed,
    ingest::IMAGES_BYTES,
    ports::{Away, Consents, Files, NoFiles, NoPushTokens, OptOuts, PushTokens},
    rest::rests,
};
use schemas::Channel;
use std::{collections::BTreeMap, mem::take};

/// How long nobody is asked after an answer did not come: each question may cost the lane its patience.
const UNASKED_MS: i64 = 30_000;

/// Where ingest asks.
pub struct Stores {
    opt_outs: Box<dyn OptOuts>,
    consents: Box<dyn Consents>,
    files: Box<dyn Files>,
    pub(super) push_tokens: Box<dyn PushTokens>,
    pub(super) patience: Patience,
}

/// Until then nobody is asked: an answer did not come.
pub(super) struct Patience {
    unasked_until_ms: i64,
}

impl Stores {
    /// Of opt-outs and consents alone: nobody uploads files or registers push tokens.
    pub fn new(opt_outs: Box<dyn OptOuts>, consents: Box<dyn Consents>) -> Self {
        let patience = Patience { unasked_until_ms: i64::MIN };
        Self { opt_outs, consents, files: Box::new(NoFiles), push_tokens: Box::new(NoPushTokens), patience }
    }

    /// The same where customers have uploaded files.
    pub fn with_files(self, files: Box<dyn Files>) -> Self {
        Self { files, ..self }
    }

    /// The same where users of apps have registered push tokens.
    pub fn with_push_tokens(self, push_tokens: Box<dyn PushTokens>) -> Self {
        Self { push_tokens, ..self }
    }

    /// Refuses the ads of those who want none, before their message_ids are claimed. While nobody can be asked bulk
    /// waits; the other lanes do not stop for an ad, and refuse it.
    pub(super) fn refuse_opted_out(
        &mut self,
        checked: &mut Checks,
        batch: &Batch<'_>,
        out: &Outputs,
    ) -> Result<(), Away> {
        if checked.asked.is_empty() {
            return Ok(());
        }
        let answer = self.patience.ask(batch, "ads are refused (9998)", || self.opt_outs.refused(&checked.asked))?;
        let unasked = answer.is_none();
        let refused = answer.unwrap_or_else(|| vec![true; checked.asked.len()]);
        let places = checked.asked_of.iter().zip(refused).filter(|(_, refused)| *refused).map(|(place, _)| *place);
        for place in places {
            if let Some(candidate) = checked.candidate(place, out) {
                let now_ms = batch.now_ms;
                let refused = if unasked { candidate.unasked(now_ms) } else { candidate.opted_out(now_ms) };
                checked.answers[place] = Answer::Refused(refused);
            }
        }
        Ok(())
    }

    /// Refuses the ads of those who did not agree to them, where their customer keeps consents here; who agreed to none by
    /// night is held by night, whatever its request says. While nobody can be asked it is as with opt-outs.
    pub(super) fn refuse_without_consent(
        &mut self,
        checked: &mut Checks,
        batch: &Batch<'_>,
        out: &mut Outputs,
    ) -> Result<(), Away> {
        if checked.consents.is_empty() {
            return Ok(());
        }
        let asked = || self.consents.agreed(&checked.consents);
        let told = match self.patience.ask(batch, "ads that need consent are refused (9998)", asked)? {
            Some(told) => told.into_iter().map(Some).collect(),
            None => vec![None; checked.consents.len()],
        };
        for (place, agreed) in take(&mut checked.consents_of).into_iter().zip(told) {
            let Some(mut candidate) = checked.candidate(place, out) else { continue };
            match agreed {
                None => checked.answers[place] = Answer::Refused(candidate.unasked(batch.now_ms)),
                Some(Agreed { missing: Some(channel), .. }) => {
                    checked.answers[place] = Answer::Refused(candidate.without_consent(channel, batch.now_ms));
                }
                Some(Agreed { missing: None, night }) if !night && candidate.accepted.night_agreed => {
                    candidate.accepted.night_agreed = false;
                    checked.rewrite(place, &candidate.accepted, out);
                }
                Some(Agreed { missing: None, .. }) => {}
            }
        }
        Ok(())
    }

    /// Refuses what names files that are not there, and an MMS whose images are too large together. While nobody can be
    /// asked bulk waits; of the other lanes they are their senders' to miss, who read them.
    pub(super) fn refuse_without_files(
        &mut self,
        checked: &mut Checks,
        batch: &Batch<'_>,
        out: &Outputs,
    ) -> Result<(), Away> {
        if checked.files.is_empty() {
            return Ok(());
        }
        let now_ms = batch.now_ms;
        let asked = || self.files.there(&checked.files, now_ms);
        let Some(there) = self.patience.ask(batch, "files are not asked for", asked)? else { return Ok(()) };
        let mut images: BTreeMap<usize, u64> = BTreeMap::new();
        let named = take(&mut checked.files_of).into_iter().zip(take(&mut checked.files));
        for (((place, at_file), file), bytes) in named.zip(there) {
            match bytes {
                Some(bytes) if file.channel == Channel::Mt => *images.entry(place).or_default() += bytes,
                Some(_) => {}
                None => {
                    if let Some(candidate) = checked.candidate(place, out) {
                        checked.answers[place] = Answer::Refused(candidate.without_file(at_file, now_ms));
                    }
                }
            }
        }
        for (place, bytes) in images.into_iter().filter(|(_, bytes)| *bytes > IMAGES_BYTES) {
            if let Some(candidate) = checked.candidate(place, out) {
                checked.answers[place] = Answer::Refused(candidate.with_large_images(bytes, now_ms));
            }
        }
        Ok(())
    }
}

impl Patience {
    /// What is answered; None: nobody can be asked, and the lane does not wait.
    pub(super) fn ask<T>(
        &mut self,
        batch: &Batch<'_>,
        else_what: &'static str,
        ask: impl FnOnce() -> Result<T, Away>,
    ) -> Result<Option<T>, Away> {
        if rests(self.unasked_until_ms, UNASKED_MS, batch.now_ms) {
            return Ok(None);
        }
        match at_a_store(ask) {
            Ok(answer) => Ok(Some(answer)),
            Err(away) if batch.waits() => Err(away),
            Err(away) => {
                self.unasked_until_ms = batch.now_ms + UNASKED_MS;
                tracing::warn!(cause = %away, "{else_what}: the store cannot be asked");
                Ok(None)
            }
        }
    }
}
