//! Who may come in: x-ims-key, held against the secret keys and users of the reference data.

use super::{
    answer::Problem,
    learn::{Learner, network_of},
    shares::Shares,
};
use aws_lc_rs::{hmac, rand::SystemRandom};
use processors::{
    access::{Credentials, Holder, Scope, Who},
    ports::{Clock, ReferenceSource},
    reference::{Customer, Reference, SecretKey, User},
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
    /// The customer; of an operator who is a user, a name that no customer has.
    pub username: Arc<str>,
    /// Its key; of a user the one that may do the same.
    pub key: Arc<SecretKey>,
    /// Who it is, if it is a person.
    pub user: Option<Arc<User>>,
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
    /// Places of those who are not known yet, of which one address has half: what they wait for holds up nobody who is.
    newcomers: Shares<IpAddr>,
}

/// Secrets that were right under the reference data in force; as many as these have secret keys and users, at most.
#[derive(Default)]
struct Known {
    under: Weak<Reference>,
    holders: FxHashMap<[u8; 32], Holder>,
}

impl Gate {
    /// Opens it; knows nobody yet. So many may wait at a time until they are known.
    pub fn new(reference: Arc<dyn ReferenceSource>, clock: Arc<dyn Clock>, newcomers: usize) -> anyhow::Result<Self> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        Ok(Self {
            reference,
            clock,
            digest_key: key.map_err(|_| anyhow::anyhow!("the system gives no randomness"))?,
            known: Mutex::default(),
            learner: Learner::new()?,
            newcomers: Shares::half(newcomers),
        })
    }

    /// Lets a caller in, or says why not. Unknown names, wrong secrets, expired ones and users that are not active are
    /// told, and timed, alike.
    pub async fn admit(&self, header: Option<&[u8]>, from: IpAddr, scope: Scope) -> Result<Caller, Problem> {
        let credentials = header.and_then(Credentials::read).ok_or(Problem::Unauthorized)?;
        let reference = self.reference.current();
        let digest = self.digest(&credentials);
        let holder = match self.known(&digest, &reference) {
            Some(holder) => holder,
            None => self.learn(&digest, &credentials, from, &reference).await?,
        };
        if !holder.is_valid(self.clock.now_ms()) {
            return Err(Problem::Unauthorized);
        }
        let (key, user) = match holder {
            Holder::Key(key) => (key, None),
            Holder::User(user) => (Arc::new(user.as_key()), Some(user)),
        };
        if !key.admits(from) {
            return Err(Problem::WrongNetwork);
        }
        if !key.allows(scope) {
            return Err(Problem::WrongScope);
        }
        Ok(Caller { username: key.username.as_str().into(), key, user, reference })
    }

    /// Makes a hash of a new secret, in the caller's turn among those who come in.
    pub async fn hash<T: Send + 'static>(
        &self,
        caller: &Caller,
        hash: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        let customer = || Who::Customer(caller.username.to_string());
        let by = caller.user.as_ref().map_or_else(customer, |user| Who::User(user.login.clone()));
        self.learner.hash(by, hash).await
    }

    /// Turns away whoever is not known yet, and hashes nothing.
    #[cfg(test)]
    pub fn close_hashing(&self) {
        self.learner.close();
    }

    /// All places of who comes from there and is not known yet.
    #[cfg(test)]
    pub fn places_of(&self, from: IpAddr) -> Vec<super::shares::Share<IpAddr>> {
        std::iter::from_fn(|| self.newcomers.take(network_of(from))).collect()
    }

    fn digest(&self, credentials: &Credentials) -> [u8; 32] {
        let mut digest = hmac::Context::with_key(&self.digest_key);
        // No name is empty or has a colon: where one ends and the other begins is certain, and whose it is.
        match &credentials.who {
            Who::Customer(username) => digest.update(username.as_bytes()),
            Who::User(login) => {
                digest.update(b":");
                digest.update(login.as_bytes());
            }
        }
        digest.update(b":");
        digest.update(&credentials.secret);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.sign().as_ref());
        bytes
    }

    fn known(&self, digest: &[u8; 32], reference: &Arc<Reference>) -> Option<Holder> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.follow(reference);
        // Another row of the same secret may still be in time.
        known.holders.get(digest).filter(|holder| holder.is_valid(self.clock.now_ms())).cloned()
    }

    async fn learn(
        &self,
        digest: &[u8; 32],
        credentials: &Credentials,
        from: IpAddr,
        reference: &Arc<Reference>,
    ) -> Result<Holder, Problem> {
        let _place = self.newcomers.take(network_of(from)).ok_or(Problem::TooMany)?;
        let found = self.learner.holder(digest, credentials, from, reference, self.clock.now_ms()).await?;
        let holder = found.ok_or(Problem::Unauthorized)?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.under.as_ptr() == Arc::as_ptr(reference) {
            known.holders.insert(*digest, holder.clone());
        }
        Ok(holder)
    }
}

impl Known {
    /// Forgets, when the data changed, whoever is not theirs any more.
    fn follow(&mut self, reference: &Arc<Reference>) {
        if self.under.as_ptr() == Arc::as_ptr(reference) {
            return;
        }
        self.under = Arc::downgrade(reference);
        self.holders.retain(|_, holder| holder.is_of(reference));
    }
}
