//! Who refuses ads at a vendor, on the way into the store: one transaction for all that wait.

use super::asked::Question;
use processors::{
    ports::{Away, Refusals},
    reference::OptOut,
};
use std::collections::BTreeMap;
use tokio::sync::oneshot;

/// Some who refused, as one vendor told.
pub struct Refused {
    pub outs: Vec<OptOut>,
    /// Who tells, for the audit.
    pub by: String,
    /// When we were told, Unix milliseconds.
    pub at_ms: i64,
    /// Told when they are entered, and dropped when they are not.
    pub entered: oneshot::Sender<()>,
}

impl Question for Refused {
    type Store = dyn Refusals;
    const THREAD: &'static str = "refusals";
    const AWAY: &'static str = "who refuses ads at vendors cannot be entered: they are told so, and may say it again";
    const MOST: usize = 5_000;

    fn size(&self) -> usize {
        self.outs.len()
    }

    fn ask(all: Vec<Self>, store: &mut Self::Store, _: i64) -> Result<(), Away> {
        let mut of: BTreeMap<String, Vec<Self>> = BTreeMap::new();
        for one in all {
            of.entry(one.by.clone()).or_default().push(one);
        }
        for (by, all) in of {
            let at_ms = all.iter().map(|one| one.at_ms).max().unwrap_or_default();
            let (outs, wait): (Vec<_>, Vec<_>) = all.into_iter().map(|one| (one.outs, one.entered)).unzip();
            store.heard(&outs.concat(), &by, at_ms)?;
            for entered in wait {
                // Who stopped waiting may tell it again.
                let _ = entered.send(());
            }
        }
        Ok(())
    }
}
