//! Reference data from a file or from the relational store: checked as a whole, exchanged as a whole when it changes.

mod error;
mod file;
mod sql;
mod text;

pub use error::ReferenceError;
pub use file::{DEMO, FileReference, parse};
pub use sql::{
    App, AtDealer, AuditPlace, Audited, Behind, Bounds, By, Claim, ConsentPlace, Deed, Deeds, DueClaim, DueNotice,
    Editor, FilePlace, FileRow, GivenConsent, Imported, Importer, Inspected, Leftover, Listed, ListedConsent, LookedAt,
    MOST_COUNTED, NoSuch, Owned, PushToken, Refusal, RefusalPlace, RegisteredToken, SCHEMA, SqlConsents, SqlDeadTokens,
    SqlFiles, SqlOptOuts, SqlPushTokens, SqlReference, SqlRefusals, SqlSuppressed, Suppressed, TokenPlace, Unchanged,
    VendorChange, Waiting, Which, Withdrawal, export,
};
pub use text::Revealed;

use processors::{
    ports::{Away, ReferenceSource},
    reference::{Changes, Reference},
};
use std::sync::{Arc, PoisonError, RwLock};

/// Makes what data need before they are in force, and takes out of them what cannot be made.
pub type Prepare<'p> = &'p dyn Fn(&mut Reference) -> Result<(), Away>;

/// Reference data that may change while it is used.
pub trait Reloaded: ReferenceSource {
    /// Prepares the data in force: once, before anybody uses them.
    fn prepare(&self, prepare: &dyn Fn(&mut Reference));

    /// Lets the next call of `reload` take up the newest data whether or not they changed: what could not be prepared
    /// before now can.
    fn again(&self);

    /// Looks whether the data changed, and takes it over once `prepare` has made what it needs. The answer is what
    /// changed; None: nothing new.
    ///
    /// What is wrong with new data is told once, and leaves the old data in force until it changes again. A source that
    /// is away is told at each call, and so is what cannot be prepared.
    fn reload(&self, prepare: Prepare<'_>) -> Result<Option<Changes>, ReferenceError>;
}

/// The data in force.
#[derive(Debug)]
struct Current(RwLock<Arc<Reference>>);

impl Current {
    fn new(reference: Reference) -> Self {
        Self(RwLock::new(Arc::new(reference)))
    }

    fn get(&self) -> Arc<Reference> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn prepare(&self, prepare: &dyn Fn(&mut Reference)) {
        prepare(Arc::make_mut(&mut self.0.write().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Takes new data over.
    fn exchange(
        &self,
        mut fresh: Reference,
        prepare: Prepare<'_>,
        name: &dyn Fn() -> String,
    ) -> Result<Changes, ReferenceError> {
        if fresh.is_empty() {
            // A start may find nothing yet; nobody means to take every customer away from a running process.
            return Err(ReferenceError::Nobody { name: name() });
        }
        self.get().may_become(&fresh).map_err(|cause| ReferenceError::Contents { name: name(), cause })?;
        prepare(&mut fresh)?;
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let changes = Changes::between(&current, &fresh);
        *current = Arc::new(fresh);
        Ok(changes)
    }
}
