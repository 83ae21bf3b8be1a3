//! Who may come in: x-ims-key, held against the secret keys of the reference data.

use super::{answer::Problem, metrics::SECRETS};
use aws_lc_rs::{
    hmac,
    rand::{SystemRandom, fill},
};
use metrics::counter;
use processors::{
    access::{Credentials, Scope, SecretHash, find},
    ports::{Clock, ReferenceSource},
    reference::{Reference, SecretKey},
};
use rustc_hash::FxHashMap;
use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError, Weak},
    thread,
};
use tokio::sync::Semaphore;

/// Requests that may wait for their secret to be hashed; more are told to come again.
const WAITING: usize = 256;

/// Who asks, and the reference data that said so.
#[derive(Clone)]
pub struct Caller {
    /// The customer.
    pub username: Arc<str>,
    /// The data in force when it came in.
    pub reference: Arc<Reference>,
}

/// Hashing a secret takes tens of milliseconds and 19 MiB, twice for each question: as many cores as half of the machine
/// has do it at most, and a secret that was right is known from then on by a keyed digest.
pub struct Gate {
    reference: Arc<dyn ReferenceSource>,
    clock: Arc<dyn Clock>,
    /// Made at the start and told nobody: who sees the digests learns nothing.
    digest_key: hmac::Key,
    known: Mutex<Known>,
    waiting: Arc<Semaphore>,
    hashing: Arc<Semaphore>,
    /// Looked at in the place of keys that a customer does not have.
    nobody: Arc<SecretHash>,
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
        let no_randomness = |_| anyhow::anyhow!("the system gives no randomness");
        let (mut secret, mut salt) = ([0; 32], [0; 16]);
        fill(&mut secret).and_then(|()| fill(&mut salt)).map_err(no_randomness)?;
        let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
        Ok(Self {
            reference,
            clock,
            digest_key: hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).map_err(no_randomness)?,
            known: Mutex::default(),
            waiting: Arc::new(Semaphore::new(WAITING)),
            hashing: Arc::new(Semaphore::new(cores.div_ceil(2))),
            nobody: Arc::new(SecretHash::of(&secret, &salt)?),
        })
    }

    /// Lets a caller in, or says why not. Unknown customers, wrong secrets and expired ones are told, and timed, alike.
    pub async fn admit(&self, header: Option<&[u8]>, from: IpAddr, scope: Scope) -> Result<Caller, Problem> {
        let credentials = header.and_then(Credentials::read).ok_or(Problem::Unauthorized)?;
        let reference = self.reference.current();
        let digest = self.digest(&credentials);
        let key = match self.known(&digest, &reference) {
            Some(key) => key,
            None => self.learn(&digest, &credentials, &reference).await?,
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
        Ok(Caller { username: key.username.as_str().into(), reference })
    }

    /// Turns away whoever is not known yet.
    #[cfg(test)]
    pub fn close_hashing(&self) {
        self.hashing.close();
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
        reference: &Arc<Reference>,
    ) -> Result<Arc<SecretKey>, Problem> {
        let place = Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| Problem::TooMany)?;
        let turn = Arc::clone(&self.hashing).acquire_owned().await.map_err(|_| Problem::Unexpected)?;
        // Many requests of one caller come together: the first of them learnt it for all.
        if let Some(key) = self.known(digest, reference) {
            return Ok(key);
        }
        let keys = reference.secret_keys(&credentials.username).to_vec();
        let (secret, nobody, now_ms) = (credentials.secret.clone(), Arc::clone(&self.nobody), self.clock.now_ms());
        let found = tokio::task::spawn_blocking(move || {
            // A caller that goes away ends its request and not the hashing: the turn is the work's.
            let _held = (place, turn);
            find(&keys, &secret, &nobody, now_ms).cloned()
        });
        let found = found.await;
        let Some(key) = found.map_err(|_| Problem::Unexpected)? else {
            counter!(SECRETS, "result" => "refused").increment(1);
            return Err(Problem::Unauthorized);
        };
        counter!(SECRETS, "result" => "known").increment(1);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assemble::SystemClock;
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use connectors::reference::FileReference;
    use std::time::{Duration, Instant};

    #[tokio::test]
    async fn who_goes_away_keeps_its_turn_until_its_secret_is_hashed() {
        let gate = Gate::new(Arc::new(FileReference::demo().unwrap()), Arc::new(SystemClock)).unwrap();
        let (places, turns) = (gate.waiting.available_permits(), gate.hashing.available_permits());
        let header = STANDARD.encode("nobody:secret");
        let admit = gate.admit(Some(header.as_bytes()), [127, 0, 0, 1].into(), Scope::Send);
        assert!(tokio::time::timeout(Duration::ZERO, admit).await.is_err(), "hashed at once");
        assert_eq!((gate.waiting.available_permits(), gate.hashing.available_permits()), (places - 1, turns - 1));
        let end = Instant::now() + Duration::from_secs(60);
        while gate.hashing.available_permits() < turns || gate.waiting.available_permits() < places {
            assert!(Instant::now() < end, "the turn is never given back");
            tokio::task::yield_now().await;
        }
    }
}
