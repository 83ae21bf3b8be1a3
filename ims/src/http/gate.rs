//! Who may come in: x-ims-key, held against the secret keys of the reference data.

use super::{answer::Problem, learn::Learner};
use aws_lc_rs::{hmac, rand::SystemRandom};
use processors::{
    access::{Credentials, Scope},
    ports::{Clock, ReferenceSource},
    reference::{Customer, Reference, SecretKey},
    refusal::{Code, Refusal},
    rules::field::top,
};
use rustc_hash::FxHashMap;
use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError, Weak},
};

/// Who asks, and the reference data that said so.
#[derive(Clone)]
pub struct Caller {
    /// The customer.
    pub username: Arc<str>,
    /// Its key.
    pub key: Arc<SecretKey>,
    /// The data in force when it came in.
    pub reference: Arc<Reference>,
}

impl Caller {
    /// The customer of a service key, if that is the caller; another's is as unknown as one that does not exist.
    pub fn own(&self, service_key: &str) -> Result<Arc<Customer>, Refusal> {
        self.customer(service_key, false)
    }

    /// The same, or any customer for who operates.
    pub fn whose(&self, service_key: &str) -> Result<Arc<Customer>, Refusal> {
        self.customer(service_key, self.key.allows(Scope::Operate))
    }

    fn customer(&self, service_key: &str, anybodys: bool) -> Result<Arc<Customer>, Refusal> {
        match self.reference.service_key(service_key) {
            Some((_, customer)) if anybodys || *customer.username == *self.username => Ok(Arc::clone(customer)),
            _ => Err(unknown_service_key()),
        }
    }
}

/// Nobody's, or another's.
pub fn unknown_service_key() -> Refusal {
    Refusal::new(Code::UnknownServiceKey, &top("service_key"), "unknown")
}

/// Hashing a secret is dear ([`Learner`]); one that was right is known from then on by a keyed digest.
pub struct Gate {
    reference: Arc<dyn ReferenceSource>,
    clock: Arc<dyn Clock>,
    /// Made at the start and told nobody: who sees the digests learns nothing.
    digest_key: hmac::Key,
    known: Mutex<Known>,
    learner: Learner,
}

/// Secrets that were right under the reference data in force; as many as these have secret keys, at most.
#[derive(Default)]
struct Known {
    under: Weak<Reference>,
    keys: FxHashMap<[u8; 32], Arc<SecretKey>>,
}

impl Gate {
    /// Opens it; knows nobody yet.
    pub fn new(reference: Arc<dyn ReferenceSource>, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        Ok(Self {
            reference,
            clock,
            digest_key: key.map_err(|_| anyhow::anyhow!("the system gives no randomness"))?,
            known: Mutex::default(),
            learner: Learner::new()?,
        })
    }

    /// Lets a caller in, or says why not. Unknown customers, wrong secrets and expired ones are told, and timed, alike.
    pub async fn admit(&self, header: Option<&[u8]>, from: IpAddr, scope: Scope) -> Result<Caller, Problem> {
        let credentials = header.and_then(Credentials::read).ok_or(Problem::Unauthorized)?;
        let reference = self.reference.current();
        let digest = self.digest(&credentials);
        let key = match self.known(&digest, &reference) {
            Some(key) => key,
            None => self.learn(&digest, &credentials, from, &reference).await?,
        };
        if !key.is_valid(self.clock.now_ms()) {
            return Err(Problem::Unauthorized);
        }
        if !key.admits(from) {
            return Err(Problem::WrongNetwork);
        }
        if !key.allows(scope) {
            return Err(Problem::WrongScope);
        }
        Ok(Caller { username: key.username.as_str().into(), key, reference })
    }

    /// Turns away whoever is not known yet.
    #[cfg(test)]
    pub fn close_hashing(&self) {
        self.learner.close();
    }

    fn digest(&self, credentials: &Credentials) -> [u8; 32] {
        let mut digest = hmac::Context::with_key(&self.digest_key);
        digest.update(credentials.username.as_bytes());
        // No name has it: where one ends and the other begins is certain.
        digest.update(b":");
        digest.update(&credentials.secret);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.sign().as_ref());
        bytes
    }

    fn known(&self, digest: &[u8; 32], reference: &Arc<Reference>) -> Option<Arc<SecretKey>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.follow(reference);
        // Another row of the same secret may still be in time.
        known.keys.get(digest).filter(|key| key.is_valid(self.clock.now_ms())).cloned()
    }

    async fn learn(
        &self,
        digest: &[u8; 32],
        credentials: &Credentials,
        from: IpAddr,
        reference: &Arc<Reference>,
    ) -> Result<Arc<SecretKey>, Problem> {
        let found = self.learner.key(digest, credentials, from, reference, self.clock.now_ms()).await?;
        let key = found.ok_or(Problem::Unauthorized)?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.under.as_ptr() == Arc::as_ptr(reference) {
            known.keys.insert(*digest, Arc::clone(&key));
        }
        Ok(key)
    }
}

impl Known {
    /// Forgets, when the data changed, the keys that are not theirs any more.
    fn follow(&mut self, reference: &Arc<Reference>) {
        if self.under.as_ptr() == Arc::as_ptr(reference) {
            return;
        }
        self.under = Arc::downgrade(reference);
        self.keys.retain(|_, key| reference.secret_keys(&key.username).contains(key));
    }
}
