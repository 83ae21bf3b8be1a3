//! Push tokens that customers registered: by service key, found by the HMAC of the token or of its user.

use super::{
    audit::Line,
    counts::{count, counted},
    edit::{By, Editor, Unchanged},
    held::Map,
    lots::lots_of,
    row::{decode, encode, tail},
    writing::Writing,
};
use crate::{
    cipher::Cipher,
    sql::{Connection, Insert, Merge, Record, question_marks},
};
use processors::{
    ports::Away,
    reference::{ServiceKey, UserToken},
};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const KIND: &str = "push_tokens";

/// Whose tokens.
#[derive(Debug, Clone)]
pub struct App {
    /// The service key that it sends with.
    pub service_key: String,
    /// Its customer.
    pub username: String,
}

/// A token of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushToken {
    /// Id in the customer's app.
    pub app_user_id: String,
    /// The token.
    pub token: String,
}

/// A token of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredToken {
    /// The token and whose it is.
    pub token: PushToken,
    /// When it was registered last, Unix milliseconds.
    pub registered_at_ms: i64,
    /// Where the list goes on behind it.
    pub behind: TokenPlace,
}

/// The last token of a page; says nothing of whom it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenPlace {
    registered_at_ms: i64,
    lookup: String,
}

/// A row as it is written.
struct Row {
    lookup: Vec<u8>,
    user_lookup: Vec<u8>,
    token: Vec<u8>,
    app_user_id: Vec<u8>,
}

impl Editor {
    /// Registers tokens, of which the last of two alike counts: those that are there belong to their new user from now on,
    /// and what a service called dead before is alive. How many were new.
    pub fn register_tokens<E>(
        &mut self,
        by: &By,
        app: &App,
        tokens: &[PushToken],
    ) -> Result<Result<u64, Unchanged<E>>, Away> {
        let Self { database, cipher, bounds } = self;
        let most = u64::from(bounds.push_tokens);
        database.transact(
            async |connection| {
                let mut writing = Writing::beside(connection, cipher, &by.actor, by.at_ms).await?;
                let Registered { new, changed } = register(&mut writing, app, tokens, by.at_ms).await?;
                if new > 0 && counted(writing.connection, &app.username, KIND).await? > most {
                    return Ok(Err(Unchanged::Full { what: KIND, most }));
                }
                // Apps register their token at each start: that alone is no change.
                if changed > 0 {
                    writing.note(Line::counted(KIND, &app.username, &subject(app), "registered", changed));
                }
                writing.end_fitting().await.map(|()| Ok(new))
            },
            Result::is_ok,
        )
    }

    /// Gives the user of a token another in its place; whether it was there.
    pub fn replace_token(&mut self, by: &By, app: &App, old: &str, new: &str) -> Result<bool, Away> {
        let Self { database, cipher, .. } = self;
        database.transact(
            async |connection| {
                let mut writing = Writing::beside(connection, cipher, &by.actor, by.at_ms).await?;
                let text = "SELECT * FROM push_tokens WHERE service_key = ? AND token_lookup = ?";
                let query = writing.connection.query(text).bind(app.service_key.as_str()).bind(cipher.lookup(old));
                let Some(record) = query.fetch_optional().await? else { return Ok(false) };
                let app_user_id = read(&record, cipher, &app.service_key)?.token.app_user_id;
                if old != new {
                    let gone = remove(writing.connection, cipher, app, &[old.to_owned()]).await?;
                    count(writing.connection, &app.username, KIND, -gone.cast_signed()).await?;
                }
                let new_one = [PushToken { app_user_id, token: new.to_owned() }];
                let Registered { changed, .. } = register(&mut writing, app, &new_one, by.at_ms).await?;
                if old != new || changed > 0 {
                    writing.note(Line::counted(KIND, &app.username, &subject(app), "replaced", 1));
                }
                writing.end_fitting().await.map(|()| true)
            },
            |there| *there,
        )
    }

    /// Forgets tokens, and all tokens of users; how many were there.
    pub fn forget_tokens(&mut self, by: &By, app: &App, tokens: &[String], users: &[String]) -> Result<u64, Away> {
        let Self { database, cipher, .. } = self;
        database.transact(
            async |connection| {
                let mut writing = Writing::beside(connection, cipher, &by.actor, by.at_ms).await?;
                let mut gone = remove(writing.connection, cipher, app, tokens).await?;
                for user in users {
                    let text = "DELETE FROM push_tokens WHERE service_key = ? AND user_lookup = ?";
                    let query = writing.connection.query(text).bind(app.service_key.as_str());
                    gone += query.bind(cipher.lookup(user)).execute().await?;
                }
                count(writing.connection, &app.username, KIND, -gone.cast_signed()).await?;
                if gone > 0 {
                    writing.note(Line::counted(KIND, &app.username, &subject(app), "removed", gone));
                }
                writing.end_fitting().await.map(|()| gone)
            },
            |gone| *gone > 0,
        )
    }

    /// An app's tokens, of one user or of all, those that were registered last at the end, behind a place.
    pub fn tokens(
        &mut self,
        service_key: &str,
        user: Option<&str>,
        behind: Option<&TokenPlace>,
        most: u32,
    ) -> Result<Vec<RegisteredToken>, Away> {
        let Self { database, cipher, .. } = self;
        let at_ms = behind.map_or(i64::MIN, |place| place.registered_at_ms);
        let lookup = behind.and_then(|place| hex::decode(&place.lookup).ok()).unwrap_or_default();
        database.run(async |connection| {
            let text = question(user.is_some());
            let mut query = connection.query(&text).bind(service_key);
            if let Some(user) = user {
                query = query.bind(cipher.lookup(user));
            }
            let query = query.bind(at_ms).bind(at_ms).bind(lookup.as_slice());
            let found = query.bind(most).fetch_all().await?;
            found.iter().map(|record| read(record, cipher, service_key)).collect()
        })
    }
}

/// The question for a page.
pub(super) fn question(of_user: bool) -> String {
    let user = if of_user { "AND user_lookup = ? " } else { "" };
    format!(
        "SELECT * FROM push_tokens WHERE service_key = ? {user}AND registered_at >= ? \
         AND (registered_at > ? OR token_lookup > ?) ORDER BY registered_at, token_lookup LIMIT ?"
    )
}

/// Where an encrypted value belongs.
pub(super) fn place(service_key: &str, column: &str) -> String {
    format!("push_tokens/{service_key}/{column}")
}

fn subject(app: &App) -> String {
    format!("{}/{}", app.username, tail(&app.service_key))
}

fn read(record: &Record, cipher: &Cipher, service_key: &str) -> sqlx::Result<RegisteredToken> {
    let open = |column: &str| -> sqlx::Result<String> {
        let sealed: Vec<u8> = record.get(column)?;
        let plain = cipher.open(&place(service_key, column), &sealed).map_err(|error| decode(column, error))?;
        String::from_utf8(plain).map_err(|error| decode(column, error.utf8_error()))
    };
    let (registered_at_ms, lookup): (i64, Vec<u8>) = (record.get("registered_at")?, record.get("token_lookup")?);
    Ok(RegisteredToken {
        token: PushToken { app_user_id: open("app_user_id")?, token: open("token")? },
        registered_at_ms,
        behind: TokenPlace { registered_at_ms, lookup: hex::encode(lookup) },
    })
}

impl Writing<'_> {
    /// Adds those that the store does not know, whosever they are there; how many.
    pub async fn add_push_tokens(&mut self, tokens: &[UserToken], keys: &Map<ServiceKey>) -> sqlx::Result<u64> {
        let mut of_apps: BTreeMap<&str, Vec<&UserToken>> = BTreeMap::new();
        tokens.iter().for_each(|one| of_apps.entry(&one.service_key).or_default().push(one));
        let (mut added, at_ms) = (0, self.at_ms());
        for (service_key, tokens) in of_apps {
            let Some(key) = keys.get(service_key) else { continue };
            let app = App { service_key: service_key.to_owned(), username: key.row.username.clone() };
            let lookups: Vec<Vec<u8>> = tokens.iter().map(|one| self.cipher.lookup(&one.token)).collect();
            let named: Vec<&[u8]> = lookups.iter().map(Vec::as_slice).collect();
            let there = there(self.connection, service_key, &named).await?;
            let fresh = tokens.iter().zip(&lookups).filter(|(_, lookup)| !there.contains_key(*lookup));
            let fresh: Vec<PushToken> = fresh
                .map(|(one, _)| PushToken { app_user_id: one.app_user_id.clone(), token: one.token.clone() })
                .collect();
            if fresh.is_empty() {
                continue;
            }
            let Registered { new, .. } = register(self, &app, &fresh, at_ms).await?;
            self.note(Line::counted(KIND, &app.username, &subject(&app), "registered", new));
            added += new;
        }
        Ok(added)
    }
}

/// How many tokens.
struct Registered {
    /// Were not there.
    new: u64,
    /// Are new, another user's than before, or alive again.
    changed: u64,
}

/// Writes them.
async fn register(writing: &mut Writing<'_>, app: &App, tokens: &[PushToken], at_ms: i64) -> sqlx::Result<Registered> {
    let cipher = writing.cipher;
    let seal = |column, plain: &str| cipher.seal(&place(&app.service_key, column), plain.as_bytes()).map_err(encode);
    let mut rows: BTreeMap<Vec<u8>, Row> = BTreeMap::new();
    for PushToken { app_user_id, token } in tokens {
        let row = Row {
            lookup: cipher.lookup(token),
            user_lookup: cipher.lookup(app_user_id),
            token: seal("token", token)?,
            app_user_id: seal("app_user_id", app_user_id)?,
        };
        rows.insert(row.lookup.clone(), row);
    }
    let rows: Vec<Row> = rows.into_values().collect();
    let lookups: Vec<&[u8]> = rows.iter().map(|row| row.lookup.as_slice()).collect();
    let revived = revive(writing.connection, &lookups).await?;
    let there = there(writing.connection, &app.service_key, &lookups).await?;
    let tail = writing.connection.dialect().on_conflict(
        "service_key, token_lookup",
        Merge::Replace,
        &["username", "user_lookup", "token", "app_user_id", "registered_at"],
    );
    let head =
        "INSERT INTO push_tokens (service_key, token_lookup, username, user_lookup, token, app_user_id, registered_at)";
    let insert = Insert::new(head, &tail);
    let inserted = insert.rows(writing.connection, &rows, |row, to| {
        to.put(app.service_key.as_str())?.put(row.lookup.as_slice())?.put(app.username.as_str())?;
        to.put(row.user_lookup.as_slice())?.put(row.token.as_slice())?.put(row.app_user_id.as_slice())?;
        to.put(at_ms).map(drop)
    });
    if let Some(refused) = inserted.await?.refused.first() {
        return Err(encode(format!("push_tokens: {}", refused.reason)));
    }
    let new = (rows.len() - there.len()) as u64;
    count(writing.connection, &app.username, KIND, new.cast_signed()).await?;
    let as_it_was =
        |row: &&Row| there.get(&row.lookup) == Some(&row.user_lookup) && !revived.contains(row.lookup.as_slice());
    let changed = (rows.len() - rows.iter().filter(as_it_was).count()) as u64;
    Ok(Registered { new, changed })
}

/// Whatever service called them dead; which of them were.
async fn revive(connection: &mut Connection, lookups: &[&[u8]]) -> sqlx::Result<FxHashSet<Vec<u8>>> {
    let mut dead = FxHashSet::default();
    for (size, lot) in lots_of(lookups) {
        let of_them = format!("FROM dead_push_tokens WHERE token_lookup IN ({})", question_marks(size));
        let (ask, delete) = (format!("SELECT token_lookup {of_them}"), format!("DELETE {of_them}"));
        let lot: Vec<&[u8]> = lot.copied().collect();
        let query = connection.query(&ask);
        for record in lot.iter().fold(query, |query, lookup| query.bind(*lookup)).fetch_all().await? {
            dead.insert(record.get("token_lookup")?);
        }
        lot.iter().fold(connection.query(&delete), |query, lookup| query.bind(*lookup)).execute().await?;
    }
    Ok(dead)
}

/// Which are there, each with the HMAC of its user.
async fn there(
    connection: &mut Connection,
    service_key: &str,
    lookups: &[&[u8]],
) -> sqlx::Result<FxHashMap<Vec<u8>, Vec<u8>>> {
    let mut there = FxHashMap::default();
    for (size, lot) in lots_of(lookups) {
        let text = format!(
            "SELECT token_lookup, user_lookup FROM push_tokens WHERE service_key = ? AND token_lookup IN ({})",
            question_marks(size)
        );
        let query = connection.query(&text).bind(service_key);
        for record in lot.fold(query, |query, lookup| query.bind(*lookup)).fetch_all().await? {
            there.insert(record.get("token_lookup")?, record.get("user_lookup")?);
        }
    }
    Ok(there)
}

/// Tokens of an app; how many were there.
async fn remove(connection: &mut Connection, cipher: &Cipher, app: &App, tokens: &[String]) -> sqlx::Result<u64> {
    let lookups: Vec<Vec<u8>> = tokens.iter().map(|token| cipher.lookup(token)).collect();
    let mut gone = 0;
    for (size, lot) in lots_of(&lookups) {
        let text =
            format!("DELETE FROM push_tokens WHERE service_key = ? AND token_lookup IN ({})", question_marks(size));
        let query = connection.query(&text).bind(app.service_key.as_str());
        gone += lot.fold(query, |query, lookup| query.bind(lookup.as_slice())).execute().await?;
    }
    Ok(gone)
}

/// Where a token is registered.
pub(super) struct Place {
    pub service_key: String,
    pub username: String,
    pub registered_at_ms: i64,
}

/// Where these tokens are registered, by their HMAC.
pub(super) async fn registered(
    connection: &mut Connection,
    lookups: &[&[u8]],
) -> sqlx::Result<FxHashMap<Vec<u8>, Vec<Place>>> {
    let mut found: FxHashMap<Vec<u8>, Vec<Place>> = FxHashMap::default();
    for (size, lot) in lots_of(lookups) {
        let text = format!(
            "SELECT DISTINCT service_key, username, token_lookup, registered_at FROM push_tokens WHERE token_lookup IN ({})",
            question_marks(size)
        );
        for record in lot.fold(connection.query(&text), |query, lookup| query.bind(*lookup)).fetch_all().await? {
            found.entry(record.get("token_lookup")?).or_default().push(Place {
                service_key: record.get("service_key")?,
                username: record.get("username")?,
                registered_at_ms: record.get("registered_at")?,
            });
        }
    }
    Ok(found)
}

/// Forgets a token that its service no longer knows, unless it was registered since.
pub(super) async fn die(connection: &mut Connection, lookup: &[u8], of: &Place) -> sqlx::Result<()> {
    let text = "DELETE FROM push_tokens WHERE service_key = ? AND token_lookup = ? AND registered_at = ?";
    let query = connection.query(text).bind(of.service_key.as_str()).bind(lookup).bind(of.registered_at_ms);
    let gone = query.execute().await?;
    count(connection, &of.username, KIND, -gone.cast_signed()).await
}
