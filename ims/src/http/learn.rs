//! Secrets that must be hashed: each once, and few at a time of one customer and of one address, so that who tries
//! secrets, or makes new ones, takes nobody's turn but its own.

use super::{
    answer::Problem,
    clerk::PATIENCE,
    metrics::SECRETS,
    shares::{Share, Shares},
};
use crate::secret;
use metrics::counter;
use processors::{
    access::{Credentials, Holder, SecretHash, Who},
    reference::Reference,
};
use rustc_hash::FxHashMap;
use std::{
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
    thread,
};
use tokio::sync::{Semaphore, watch};

/// Secrets that may wait to be hashed; more are told to come again.
const WAITING: usize = 256;
/// Of these, of one customer or user, or of one name that nobody has.
const OF_NAME: usize = 8;
/// Of these, from one address. Behind a proxy all come from one: a restart meets so many customers at a time.
const OF_ADDRESS: usize = 32;

/// Hashing a secret takes tens of milliseconds and 19 MiB, twice for each question: as many cores as half of the machine
/// has do it at most.
pub struct Learner {
    under_way: Arc<UnderWay>,
    names: Shares<Who>,
    addresses: Shares<IpAddr>,
    turns: Arc<Semaphore>,
    /// Looked at in the place of keys that a customer does not have.
    nobody: Arc<SecretHash>,
}

/// Who asks the same meanwhile waits for the same answer.
type UnderWay = Mutex<FxHashMap<Question, watch::Receiver<Told>>>;

/// None as long as it is not known; then whose secret it is, if it is anybody's.
type Told = Option<Option<Holder>>;

/// A secret by its digest, and where the reference data stand that are asked: they stand there until the answer.
type Question = ([u8; 32], usize);

/// A question's place, until it is answered, whoever still waits for that.
struct Place {
    /// Before the question is: who finds none under way finds all places free.
    _shares: (Share<Who>, Share<IpAddr>),
    noted: Noted,
}

/// A question that is under way.
struct Noted {
    under_way: Arc<UnderWay>,
    question: Question,
    reference: Arc<Reference>,
}

impl Learner {
    /// Knows nobody.
    pub fn new() -> anyhow::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
        Ok(Self {
            under_way: Arc::default(),
            names: Shares::of(WAITING, OF_NAME),
            addresses: Shares::of(WAITING, OF_ADDRESS),
            turns: Arc::new(Semaphore::new(cores.div_ceil(2))),
            nobody: Arc::new(SecretHash::of(&secret::random::<32>()?, &secret::random()?)?),
        })
    }

    /// Whom these credentials let in; `digest` stands for them.
    pub async fn holder(
        &self,
        digest: &[u8; 32],
        credentials: &Credentials,
        from: IpAddr,
        reference: &Arc<Reference>,
        now_ms: i64,
    ) -> Result<Option<Holder>, Problem> {
        let mut told = self.ask(digest, credentials, from, reference, now_ms)?;
        let told = told.wait_for(Option::is_some).await.map_err(|_| Problem::Unexpected)?;
        Ok(told.clone().flatten())
    }

    /// Makes a hash of a new secret for somebody, in its turn, which it waits for as long as for a store.
    pub async fn hash<T: Send + 'static>(
        &self,
        by: Who,
        hash: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        let share = self.names.take(by).ok_or(Problem::TooMany)?;
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.map_err(|_| Problem::TooMany)?.map_err(|_| Problem::Unexpected)?;
        let made = tokio::task::spawn_blocking(move || {
            let _held = (turn, share);
            hash()
        });
        made.await.ok().and_then(Result::ok).ok_or(Problem::Unexpected)
    }

    fn ask(
        &self,
        digest: &[u8; 32],
        credentials: &Credentials,
        from: IpAddr,
        reference: &Arc<Reference>,
        now_ms: i64,
    ) -> Result<watch::Receiver<Told>, Problem> {
        let question = (*digest, Arc::as_ptr(reference) as usize);
        let (tell, told) = watch::channel(None);
        let place = {
            let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(told) = under_way.get(&question) {
                return Ok(told.clone());
            }
            if under_way.len() >= WAITING {
                return Err(Problem::TooMany);
            }
            let of_name = self.names.take(credentials.who.clone()).ok_or(Problem::TooMany)?;
            let of_address = self.addresses.take(network_of(from)).ok_or(Problem::TooMany)?;
            under_way.insert(question, told.clone());
            let noted = Noted { under_way: Arc::clone(&self.under_way), question, reference: Arc::clone(reference) };
            Place { _shares: (of_name, of_address), noted }
        };
        let (turns, nobody) = (Arc::clone(&self.turns), Arc::clone(&self.nobody));
        let credentials = credentials.clone();
        // A caller that goes away ends its request and not the hashing: the turn is the work's.
        tokio::spawn(async move {
            let Ok(turn) = turns.acquire_owned().await else { return };
            let found = tokio::task::spawn_blocking(move || {
                let _held = turn;
                let found = Holder::find(&place.noted.reference, &credentials, &nobody, now_ms);
                (found, place)
            });
            // Without an answer the sender goes, and who waits for it is told so.
            let Ok((found, place)) = found.await else { return };
            counter!(SECRETS, "result" => if found.is_some() { "known" } else { "refused" }).increment(1);
            let _ = tell.send(Some(found));
            drop(place);
        });
        Ok(told)
    }

    /// Turns away whoever must be hashed.
    #[cfg(test)]
    pub fn close(&self) {
        self.turns.close();
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.question);
    }
}

/// The address, or the network that one who has an IPv6 address has more of.
pub fn network_of(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use connectors::reference::FileReference;
    use processors::ports::ReferenceSource;
    use std::time::{Duration, Instant};

    struct Fixture {
        learner: Learner,
        reference: Arc<Reference>,
    }

    impl Fixture {
        fn new() -> Self {
            Self { learner: Learner::new().unwrap(), reference: FileReference::demo().unwrap().current() }
        }

        /// Asks, and leaves at once.
        fn ask(&self, username: &str, secret: usize, from: &str) -> Result<(), Problem> {
            let credentials = Credentials { who: Who::Customer(username.into()), secret: secret.to_string().into() };
            let mut digest = [0; 32];
            let said = format!("{username}:{secret}");
            digest[..said.len()].copy_from_slice(said.as_bytes());
            self.learner.ask(&digest, &credentials, from.parse().unwrap(), &self.reference, 0).map(drop)
        }

        fn waiting(&self) -> usize {
            self.learner.under_way.lock().unwrap().len()
        }
    }

    #[tokio::test]
    async fn who_tries_secrets_takes_no_turn_of_others() {
        let fixture = Fixture::new();
        // Nobody's turn comes.
        let turns = fixture.learner.turns.available_permits() as u32;
        let _held = fixture.learner.turns.clone().try_acquire_many_owned(turns).unwrap();
        for secret in 0..OF_NAME {
            assert_eq!(fixture.ask("victim", secret, &format!("10.0.0.{secret}")), Ok(()));
        }
        assert_eq!(fixture.ask("victim", 99, "10.0.0.99"), Err(Problem::TooMany));
        assert_eq!(fixture.ask("victim", 0, "10.0.0.99"), Ok(()), "who asks the same waits for the same");
        assert_eq!(fixture.ask("other", 99, "10.0.0.99"), Ok(()));
        for name in 0..OF_ADDRESS {
            assert_eq!(fixture.ask(&format!("guess{name}"), 0, &format!("2001:db8::{name}")), Ok(()));
        }
        assert_eq!(fixture.ask("guess", 0, "2001:db8::9:9:9:9"), Err(Problem::TooMany), "of the same network");
        assert_eq!(fixture.ask("guess", 0, "2001:db8:0:1::9"), Ok(()));
        assert_eq!(fixture.waiting(), OF_NAME + 1 + OF_ADDRESS + 1);
    }

    #[tokio::test]
    async fn who_makes_secrets_waits_for_its_turn_and_takes_none_of_others() {
        let learner = Arc::new(Learner::new().unwrap());
        let turns = learner.turns.available_permits();
        let held = learner.turns.clone().try_acquire_many_owned(turns as u32).unwrap();
        let hash = |by: &str| {
            let (learner, by) = (Arc::clone(&learner), Who::User(by.into()));
            async move { learner.hash(by, || Ok(())).await }
        };
        let waiting: Vec<_> = (0..OF_NAME).map(|_| tokio::spawn(hash("minsu"))).collect();
        let other = tokio::spawn(hash("yuna"));
        tokio::task::yield_now().await;
        assert_eq!(hash("minsu").await, Err(Problem::TooMany));
        assert!(!other.is_finished() && waiting.iter().all(|made| !made.is_finished()));
        drop(held);
        for made in waiting.into_iter().chain([other]) {
            assert_eq!(made.await.unwrap(), Ok(()));
        }
        assert!(learner.names.taken() == 0 && learner.turns.available_permits() == turns);
    }

    #[tokio::test]
    async fn who_goes_away_keeps_its_turn_until_its_secret_is_hashed() {
        let fixture = Fixture::new();
        let turns = fixture.learner.turns.available_permits();
        fixture.ask("nobody", 1, "10.0.0.1").unwrap();
        assert_eq!(fixture.waiting(), 1);
        let end = Instant::now() + Duration::from_secs(60);
        while fixture.learner.turns.available_permits() < turns || fixture.waiting() > 0 {
            assert!(Instant::now() < end, "the turn is never given back");
            tokio::task::yield_now().await;
        }
        assert_eq!((fixture.learner.names.taken(), fixture.learner.addresses.taken()), (0, 0));
    }
}
