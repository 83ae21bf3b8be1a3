//! The access token: got with the service account's key (RFC 7523), kept, renewed before it ends, by one at a time.

use super::account::ServiceAccount;
use crate::vendors::{
    http::{Answered, Client, Failed, Times},
    watched::Watched,
};
use http_body_util::Full;
use hyper::{
    Request,
    body::Bytes,
    header::{CONTENT_TYPE, HeaderValue},
};
use serde::Deserialize;
use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A token is renewed so long before it ends; meanwhile it is used.
const EARLY_MS: i64 = 300_000;
/// What is told of a failure is told to everybody for so long, without another call.
const FAILED_MS: i64 = 1_000;
/// A token that is refused is exchanged when it is so old: one that is refused at once would be got for every message.
const REFUSED_MS: i64 = 30_000;
/// Words of a refusal that is of the account and not of the moment (RFC 6749 §5.2).
const LOCKED_OUT: [&str; 3] = ["invalid_client", "invalid_grant", "unauthorized_client"];
/// Bytes of an answer.
const MOST_ANSWER: usize = 64 << 10;

/// A service account and its access token, which all senders of the process share.
pub struct Account {
    state: Mutex<State>,
    renewing: tokio::sync::Mutex<()>,
}

struct State {
    account: Watched<Arc<ServiceAccount>>,
    token: Option<Token>,
    failed: Option<(i64, NoToken)>,
}

/// Why there is no access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoToken {
    /// Google lets this account in no more: a key that was revoked, or a clock that is wrong.
    LockedOut(String),
    /// Google could not be asked, or did not answer.
    Away(String),
}

impl NoToken {
    fn reason(&self) -> &str {
        match self {
            Self::LockedOut(reason) | Self::Away(reason) => reason,
        }
    }
}

#[derive(Clone)]
struct Token {
    header: HeaderValue,
    got_ms: i64,
    ends_ms: i64,
}

impl Token {
    fn is_good(&self, now_ms: i64) -> bool {
        // A clock that was set back says nothing of its age.
        (self.got_ms..self.ends_ms).contains(&now_ms)
    }

    fn is_fresh(&self, now_ms: i64) -> bool {
        let half_ms = (self.ends_ms - self.got_ms) / 2;
        self.is_good(now_ms) && now_ms < self.ends_ms - EARLY_MS.min(half_ms)
    }
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: i64,
}

#[derive(Deserialize)]
struct Refused {
    error: String,
}

impl Account {
    /// Reads the key; the error is the reason with its remedy.
    pub fn open(path: &Path) -> Result<Self, String> {
        let read = |path: &Path| ServiceAccount::read(path).map(Arc::new);
        let account = Watched::open(path, "the key of a service account", read)?;
        let state = Mutex::new(State { account, token: None, failed: None });
        Ok(Self { state, renewing: tokio::sync::Mutex::default() })
    }

    /// The service account as its file says now.
    pub fn current(&self) -> Arc<ServiceAccount> {
        let mut state = self.lock();
        if state.account.follow() {
            tracing::info!(file = %state.account.path().display(), "the key of a service account was exchanged");
            (state.token, state.failed) = (None, None);
        }
        Arc::clone(state.account.value())
    }

    /// The service account as it was last looked at.
    pub fn known(&self) -> Arc<ServiceAccount> {
        Arc::clone(self.lock().account.value())
    }

    /// What goes into `Authorization`. Nothing of a message has left when this fails.
    pub async fn authorization(&self, client: &Client, times: Times, now_ms: i64) -> Result<HeaderValue, NoToken> {
        let account = self.current();
        let kept = self.lock().token.clone().filter(|token| token.is_good(now_ms));
        let _one = match kept {
            Some(token) if token.is_fresh(now_ms) => return Ok(token.header),
            Some(token) => match self.renewing.try_lock() {
                Ok(one) => one,
                Err(_) => return Ok(token.header),
            },
            None => self.renewing.lock().await,
        };
        {
            let state = self.lock();
            let good = state.token.as_ref().filter(|token| token.is_good(now_ms));
            let failed = state.failed.as_ref().filter(|(at_ms, _)| (now_ms - at_ms).abs() < FAILED_MS);
            match (good, failed) {
                // Another one was quicker, or has just tried.
                (Some(token), failed) if token.is_fresh(now_ms) || failed.is_some() => return Ok(token.header.clone()),
                (None, Some((_, why))) => return Err(why.clone()),
                (Some(_) | None, _) => {}
            }
        }
        let got = get(client, times, &account, now_ms).await;
        let mut state = self.lock();
        match got {
            Ok(token) => {
                let header = token.header.clone();
                (state.token, state.failed) = (Some(token), None);
                Ok(header)
            }
            Err(why) => {
                let good = state.token.as_ref().filter(|token| token.is_good(now_ms)).map(|token| token.header.clone());
                // Whoever gets none tells that the vendor is not reached. Told again when it is something else, or was well in
                // between.
                if good.is_some() && state.failed.as_ref().is_none_or(|(_, before)| *before != why) {
                    tracing::warn!(reason = why.reason(), "an access token of Google is not renewed, and ends soon");
                }
                state.failed = Some((now_ms, why.clone()));
                good.ok_or(why)
            }
        }
    }

    /// `used` was refused: it is not used again, unless it is quite new.
    pub fn refused(&self, used: &HeaderValue, now_ms: i64) {
        let mut state = self.lock();
        let old = |token: &Token| token.header == *used && (now_ms - token.got_ms).abs() >= REFUSED_MS;
        if state.token.as_ref().is_some_and(old) {
            state.token = None;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn get(client: &Client, times: Times, account: &ServiceAccount, now_ms: i64) -> Result<Token, NoToken> {
    // Every character of it may stand in a form as it is.
    let assertion = account.assertion(now_ms).map_err(NoToken::Away)?;
    let form = format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}");
    let request = Request::post(&account.token_uri)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Full::new(Bytes::from(form)))
        .map_err(|error| NoToken::Away(error.to_string()))?;
    let away = |reason: &str| NoToken::Away(format!("no access token: {reason}"));
    match client.exchange(request, times, MOST_ANSWER).await {
        Err(Failed::NotSent(reason) | Failed::NoAnswer(reason)) => Err(away(&reason)),
        Ok(Answered { status, body, .. }) if (200..300).contains(&status) => {
            let granted: Granted = serde_json::from_slice(&body).map_err(|_| away("an answer that has none"))?;
            let mut header = HeaderValue::from_str(&format!("Bearer {}", granted.access_token))
                .map_err(|_| away("it is no header"))?;
            header.set_sensitive(true);
            let lives_ms = granted.expires_in.clamp(1, 86_400) * 1_000;
            Ok(Token { header, got_ms: now_ms, ends_ms: now_ms.saturating_add(lives_ms) })
        }
        Ok(Answered { status, body, .. }) => {
            let word = serde_json::from_slice(&body).map_or(String::new(), |Refused { error }| error);
            let word: String = word.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(40).collect();
            let hint =
                if word == "invalid_grant" { ": is the key revoked, or this machine's clock wrong?" } else { "" };
            let reason = format!("no access token: HTTP {status} {word}{hint}");
            Err(if LOCKED_OUT.contains(&&*word) { NoToken::LockedOut(reason) } else { NoToken::Away(reason) })
        }
    }
}
