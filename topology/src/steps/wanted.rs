//! Asks once more, before an ad that waited goes to its sender, whether its recipient still wants it: who refuses ads gets
//! none from then on (정보통신망법 제50조 ②), and between ingest and the end of a wait there may be 60 days.

use crate::engine::at_a_store;
use processors::{
    codes::OutcomeCode,
    ingest::{consent_of, opt_outs_of},
    ports::{Away, Consents, OptOuts},
    reference::Reference,
};
use schemas::Accepted;

/// Where refusals and consents are asked for.
pub struct Wanted {
    opt_outs: Box<dyn OptOuts>,
    consents: Box<dyn Consents>,
}

/// What keeps an ad that waited from going on as it was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// It may go on by day alone.
    ByDay,
    /// It ends, and why.
    Unwanted(OutcomeCode),
}

impl Wanted {
    /// Of this store.
    pub fn new(opt_outs: Box<dyn OptOuts>, consents: Box<dyn Consents>) -> Self {
        Self { opt_outs, consents }
    }

    /// What changed for these ads, in order; one round trip for the batch and kind.
    pub fn ask(&mut self, ads: &[Accepted], reference: &Reference) -> Result<Vec<Option<Changed>>, Away> {
        let mut found = vec![None; ads.len()];
        let (mut asked, mut asked_of) = (Vec::new(), Vec::new());
        let (mut consents, mut consents_of) = (Vec::new(), Vec::new());
        for (place, ad) in ads.iter().enumerate() {
            asked.extend(opt_outs_of(ad));
            asked_of.resize(asked.len(), place);
            consents.extend(consent_of(ad, reference));
            consents_of.resize(consents.len(), place);
        }
        if !consents.is_empty() {
            for (place, agreed) in consents_of.into_iter().zip(at_a_store(|| self.consents.agreed(&consents))?) {
                found[place] = match agreed.missing {
                    Some(_) => Some(Changed::Unwanted(OutcomeCode::NoConsent)),
                    None if agreed.night => None,
                    None => Some(Changed::ByDay),
                };
            }
        }
        if !asked.is_empty() {
            let refused = at_a_store(|| self.opt_outs.refused(&asked))?;
            for place in asked_of.into_iter().zip(refused).filter_map(|(place, refused)| refused.then_some(place)) {
                found[place] = Some(Changed::Unwanted(OutcomeCode::OptedOut));
            }
        }
        Ok(found)
    }
}
