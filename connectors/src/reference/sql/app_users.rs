//! The push tokens of users of apps: asked for in batches by the HMAC of the user.

use super::{SCHEMA, lots::lots_of, push_tokens::place, row::decode};
use crate::{
    cipher::Cipher,
    sql::{Connection, Database, Location, StoreError},
};
use processors::ports::{AppUser, Away, PushTokens, TOKENS_OF_USER};
use rustc_hash::FxHashMap;
use std::{sync::Arc, time::Duration};

/// How long an answer may take: rows by an index, which a lane waits for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Tokens of a store.
#[derive(Debug)]
pub struct SqlPushTokens {
    database: Database,
    cipher: Arc<Cipher>,
}

impl SqlPushTokens {
    /// Connects.
    pub fn open(location: &Location, cipher: Arc<Cipher>) -> Result<Self, StoreError> {
        Ok(Self { database: Database::connect(location, &SCHEMA)?.patient(PATIENCE), cipher })
    }
}

impl PushTokens for SqlPushTokens {
    fn of(&mut self, users: &[AppUser]) -> Result<Vec<Vec<String>>, Away> {
        let Self { database, cipher } = self;
        if users.is_empty() {
            return Ok(Vec::new());
        }
        database.run(async |connection| tokens(connection, cipher, users).await)
    }
}

/// Tokens as they are kept, with the time of their registration.
type Sealed = Vec<(i64, Vec<u8>)>;

async fn tokens(connection: &mut Connection, cipher: &Cipher, users: &[AppUser]) -> sqlx::Result<Vec<Vec<String>>> {
    let mut keys: Vec<(&str, Vec<u8>)> =
        users.iter().map(|user| (user.service_key.as_str(), cipher.lookup(&user.app_user_id))).collect();
    let asked = keys.clone();
    keys.sort_unstable();
    keys.dedup();
    let mut found: FxHashMap<(String, Vec<u8>), Sealed> = FxHashMap::default();
    for (size, lot) in lots_of(&keys) {
        let text = text(size);
        let query = lot.fold(connection.query(&text), |query, (key, user)| query.bind(*key).bind(user.as_slice()));
        for row in query.fetch_all().await? {
            let of = found.entry((row.get("service_key")?, row.get("user_lookup")?)).or_default();
            of.push((row.get("registered_at")?, row.get("token")?));
        }
    }
    for rows in found.values_mut() {
        rows.sort_unstable_by(|one, other| other.cmp(one));
        // The last user of a lot is asked for until the statement is full.
        rows.dedup();
    }
    let open = |service_key: &str, sealed: &[u8]| -> sqlx::Result<String> {
        let plain = cipher.open(&place(service_key, "token"), sealed).map_err(|error| decode("token", error))?;
        String::from_utf8(plain).map_err(|error| decode("token", error.utf8_error()))
    };
    asked
        .into_iter()
        .map(|(service_key, user)| {
            let rows = found.get(&(service_key.to_owned(), user)).map_or(&[][..], Vec::as_slice);
            rows.iter().map(|(_, sealed)| open(service_key, sealed)).collect()
        })
        .collect()
}

/// The question for so many users.
pub(super) fn text(users: usize) -> String {
    let of_one = |at: usize| {
        format!(
            "SELECT * FROM (SELECT service_key, user_lookup, token, registered_at FROM push_tokens \
             WHERE service_key = ? AND user_lookup = ? ORDER BY registered_at DESC LIMIT {TOKENS_OF_USER}) AS u{at}"
        )
    };
    (0..users).map(of_one).collect::<Vec<_>>().join(" UNION ALL ")
}
