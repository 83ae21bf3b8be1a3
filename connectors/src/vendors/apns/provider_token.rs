//! The token that says who we are. Apple takes one for an hour, and refuses new ones that come within 20 minutes.

use crate::vendors::{jwt::SigningKey, watched::Watched};
use hyper::header::HeaderValue;
use serde::Serialize;
use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A token is used for so long.
const RENEWED_MS: i64 = 40 * 60_000;
/// One that is refused is exchanged when it is so old.
const YOUNGEST_MS: i64 = 20 * 60_000;

/// A signing key and its token, which all senders of the process share.
pub struct ProviderToken {
    key_id: String,
    team_id: String,
    state: Mutex<State>,
}

struct State {
    key: Watched<SigningKey>,
    token: Option<(HeaderValue, i64)>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    iat: i64,
}

impl ProviderToken {
    /// Reads the key; the error is the reason with its remedy.
    pub fn open(path: &Path, key_id: &str, team_id: &str) -> Result<Self, String> {
        let state = Mutex::new(State { key: Watched::open(path, "a signing key", read)?, token: None });
        Ok(Self { key_id: key_id.into(), team_id: team_id.into(), state })
    }

    /// What goes into `authorization`.
    pub fn authorization(&self, now_ms: i64) -> Result<HeaderValue, String> {
        let mut state = self.lock();
        if state.key.follow() {
            tracing::info!(file = %state.key.path().display(), "a signing key was exchanged");
            state.token = None;
        }
        // A clock that was set back says nothing of its age.
        let good = |made_ms: i64| (made_ms..made_ms + RENEWED_MS).contains(&now_ms);
        match &state.token {
            Some((header, made_ms)) if good(*made_ms) => Ok(header.clone()),
            _ => {
                let claims = Claims { iss: &self.team_id, iat: now_ms.div_euclid(1_000) };
                let token = state.key.value().token(&self.key_id, &claims)?;
                let mut header =
                    HeaderValue::from_str(&format!("bearer {token}")).map_err(|error| error.to_string())?;
                header.set_sensitive(true);
                state.token = Some((header.clone(), now_ms));
                Ok(header)
            }
        }
    }

    /// `used` was refused: another one is made, unless it is too young for that.
    pub fn refused(&self, used: &HeaderValue, now_ms: i64) {
        let mut state = self.lock();
        if state
            .token
            .as_ref()
            .is_some_and(|(header, made_ms)| header == used && !(0..YOUNGEST_MS).contains(&(now_ms - made_ms)))
        {
            state.token = None;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(path: &Path) -> Result<SigningKey, String> {
    const REMEDY: &str = "name the AuthKey_….p8 of Apple's developer account";
    if path.as_os_str().is_empty() {
        return Err(REMEDY.into());
    }
    let text = std::fs::read_to_string(path).map_err(|error| format!("{error}: {REMEDY}"))?;
    SigningKey::p256(&text).map_err(|reason| format!("{reason}: {REMEDY}"))
}
