//! Reference data from the relational store: held in memory, what is newer is fetched when the version moves.
//!
//! Opt-outs and consents may be millions and are not held: [`SqlOptOuts`] and [`SqlConsents`] ask for those of a batch.

mod app_users;
mod audit;
mod claims;
mod consents;
mod counts;
mod dead_tokens;
mod dealer_profiles;
mod dealer_templates;
mod dormant;
mod edit;
mod export;
mod files;
mod held;
mod import;
mod kinds;
mod list;
mod lots;
mod named_files;
mod notices;
mod opt_outs;
mod push_tokens;
mod refusals;
mod row;
mod sender_groups;
mod suppressed;
#[cfg(test)]
mod tests;
mod users;
mod vendors;
mod writing;

pub use app_users::SqlPushTokens;
pub use audit::{AuditPlace, Audited, Deed, Deeds};
pub use claims::{Claim, DueClaim};
pub use consents::{ConsentPlace, GivenConsent, ListedConsent, SqlConsents, Withdrawal};
pub use counts::Bounds;
pub use dead_tokens::SqlDeadTokens;
pub use dealer_profiles::LookedAt;
pub use dealer_templates::{AtDealer, Leftover, Waiting};
pub use dormant::Inspected;
pub use edit::{By, Editor, Unchanged};
pub use export::export;
pub use files::{FilePlace, FileRow};
pub use import::{Imported, Importer};
pub use list::{Behind, Listed, Which};
pub use named_files::SqlFiles;
pub use notices::{DueNotice, MOST_COUNTED};
pub use opt_outs::SqlOptOuts;
pub use push_tokens::{App, PushToken, RegisteredToken, TokenPlace};
pub use refusals::{Refusal, RefusalPlace, SqlRefusals};
pub use row::Owned;
pub use suppressed::{SqlSuppressed, Suppressed};
pub use vendors::{NoSuch, VendorChange};

use super::{Current, Prepare, ReferenceError, Reloaded};
use crate::{
    cipher::Cipher,
    sql::{Connection, Database, Location, Schema, embedded},
};
use held::Held;
use processors::{
    ports::{Away, ReferenceSource},
    reference::{Changes, Reference},
};
use std::sync::{Arc, Mutex, PoisonError};

/// The tables of reference data.
pub const SCHEMA: Schema = Schema { name: "reference store", file: embedded::REFERENCE, server: embedded::SERVER };

/// Reference data of a store.
#[derive(Debug)]
pub struct SqlReference {
    current: Current,
    mirror: Mutex<Mirror>,
}

/// The rows of the store as they were last read.
#[derive(Debug)]
struct Mirror {
    database: Database,
    cipher: Arc<Cipher>,
    store: String,
    version: i64,
    held: Held,
    /// They are to be taken up although nothing is newer.
    again: bool,
}

impl SqlReference {
    /// Reads all of it. A store without reference data leaves nobody, until something is written there.
    ///
    /// # Errors
    /// A store that lacks migrations: nothing is migrated here, so that who only looks changes nothing.
    pub fn open(location: &Location, cipher: Arc<Cipher>) -> Result<Self, ReferenceError> {
        SCHEMA.ready(location)?;
        let mut mirror = Mirror {
            database: Database::connect(location, &SCHEMA)?,
            cipher,
            store: location.to_string(),
            version: -1,
            held: Held::default(),
            again: false,
        };
        mirror.fetch()?;
        let current = Current::new(mirror.reference()?);
        Ok(Self { current, mirror: Mutex::new(mirror) })
    }
}

impl ReferenceSource for SqlReference {
    fn current(&self) -> Arc<Reference> {
        self.current.get()
    }
}

impl Reloaded for SqlReference {
    fn prepare(&self, prepare: &dyn Fn(&mut Reference)) {
        self.current.prepare(prepare);
    }

    fn again(&self) {
        self.mirror.lock().unwrap_or_else(PoisonError::into_inner).again = true;
    }

    fn reload(&self, prepare: Prepare<'_>) -> Result<Option<Changes>, ReferenceError> {
        let mut mirror = self.mirror.lock().unwrap_or_else(PoisonError::into_inner);
        let newer = mirror.fetch()?;
        if !std::mem::take(&mut mirror.again) && !newer {
            return Ok(None);
        }
        let fresh = mirror.reference()?;
        let exchanged = self.current.exchange(fresh, prepare, &|| mirror.store.clone());
        mirror.again = matches!(exchanged, Err(ReferenceError::Away(_)));
        exchanged.map(Some)
    }
}

impl Mirror {
    /// Takes up the rows that are newer than those it has; whether there was something newer.
    fn fetch(&mut self) -> Result<bool, Away> {
        let Self { database, cipher, version, held, .. } = self;
        let now = database.run(async |connection| version_of(connection).await)?;
        if now == *version {
            return Ok(false);
        }
        // A version that went back is another store, or an older copy of it: nothing of before counts.
        let since = if now < *version { -1 } else { *version };
        let base = if since < 0 { Held::default() } else { held.clone() };
        // All tables as they were at one moment: a row and what it names come together.
        let (seen, newer) = database.snapshot(async |connection| {
            let mut newer = base;
            let seen = version_of(connection).await?;
            newer.fetch(connection, cipher, since).await?;
            Ok((seen, newer))
        })?;
        (*version, *held) = (seen, newer);
        Ok(true)
    }

    fn reference(&self) -> Result<Reference, ReferenceError> {
        let refused = |cause| ReferenceError::Contents { name: self.store.clone(), cause };
        Reference::of(self.held.rows()).map_err(refused)
    }
}

async fn version_of(connection: &mut Connection) -> sqlx::Result<i64> {
    connection.query("SELECT version FROM reference_version").fetch_one().await?.get("version")
}
