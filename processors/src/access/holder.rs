//! Who a secret belongs to.

use super::{Credentials, MOST_KEYS, SecretHash, Who};
use crate::reference::{Reference, SecretKey, User};
use std::{array::from_fn, sync::Arc};

/// Who came in.
#[derive(Debug, Clone)]
pub enum Holder {
    /// A customer's program, by this key.
    Key(Arc<SecretKey>),
    /// A person.
    User(Arc<User>),
}

impl Holder {
    /// Whom these credentials are of, if they are anybody's who may come in now.
    ///
    /// It takes as long for one as for the other, and for who does not exist: a place without a hash is looked at as if
    /// `nobody` had one there. That is tens of milliseconds, so callers remember what they learnt.
    pub fn find(reference: &Reference, credentials: &Credentials, nobody: &SecretHash, now_ms: i64) -> Option<Self> {
        let secret = &credentials.secret;
        match &credentials.who {
            Who::Customer(username) => {
                find(reference.secret_keys(username), secret, nobody, now_ms).cloned().map(Self::Key)
            }
            Who::User(login) => find_user(reference.user(login), secret, nobody).cloned().map(Self::User),
        }
    }

    /// Whether it may still come in; of a user the reference data say so.
    pub fn is_valid(&self, now_ms: i64) -> bool {
        match self {
            Self::Key(key) => key.is_valid(now_ms),
            Self::User(user) => user.active,
        }
    }

    /// Whether its row, as it is `now`, still lets it do as much: by the same secret, in time, for nothing less, and from
    /// the same addresses.
    pub fn stands(&self, now: &Self, now_ms: i64) -> bool {
        let as_much = |before: &SecretKey, now: &SecretKey| {
            now.username == before.username
                && now.networks == before.networks
                && before.scopes.iter().all(|scope| now.allows(*scope))
        };
        now.is_valid(now_ms)
            && match (self, now) {
                (Self::Key(before), Self::Key(now)) => before.hash == now.hash && as_much(before, now),
                (Self::User(before), Self::User(now)) => {
                    before.hash == now.hash && as_much(&before.as_key(), &now.as_key())
                }
                (Self::Key(_), Self::User(_)) | (Self::User(_), Self::Key(_)) => false,
            }
    }

    /// Whether its row, as it is `now`, ends earlier than it did.
    pub fn is_cut_short(&self, now: &Self) -> bool {
        let (Self::Key(before), Self::Key(now)) = (self, now) else { return false };
        now.expires_at.is_some_and(|end| before.expires_at.is_none_or(|before| end < before))
    }

    /// Whether it stands so in these reference data.
    pub fn is_of(&self, reference: &Reference) -> bool {
        match self {
            Self::Key(key) => reference.secret_keys(&key.username).contains(key),
            Self::User(user) => reference.user(&user.login) == Some(user),
        }
    }
}

/// The valid key that a secret belongs to, of one customer's; none for a customer that does not exist.
pub fn find<'k>(
    keys: &'k [Arc<SecretKey>],
    secret: &[u8],
    nobody: &SecretHash,
    now_ms: i64,
) -> Option<&'k Arc<SecretKey>> {
    let places: [_; MOST_KEYS] = from_fn(|place| keys.get(place));
    let right = tried(places.map(|key| key.map(|key| &key.hash)), secret, nobody);
    let found = places.into_iter().zip(right).filter_map(|(key, right)| key.filter(|_| right));
    found.into_iter().find(|key| key.is_valid(now_ms))
}

/// The user, if the password is its own and it may come in.
fn find_user<'u>(user: Option<&'u Arc<User>>, password: &[u8], nobody: &SecretHash) -> Option<&'u Arc<User>> {
    let mut places = [None; MOST_KEYS];
    places[0] = user.map(|user| &user.hash);
    let [right, ..] = tried(places, password, nobody);
    user.filter(|user| right && user.active)
}

/// All places, whatever is found in the first of them.
fn tried(places: [Option<&SecretHash>; MOST_KEYS], secret: &[u8], nobody: &SecretHash) -> [bool; MOST_KEYS] {
    places.map(|hash| hash.unwrap_or(nobody).is_of(secret))
}

#[cfg(test)]
mod tests {
    use super::{super::hash::tests::cheap, *};
    use std::time::{Duration, Instant};

    /// As cheap as a hash may be: these tests are not about its strength.
    fn key(secret: &str) -> SecretKey {
        SecretKey { hash: cheap(secret), ..SecretKey::default() }
    }

    fn found(keys: Vec<SecretKey>, secret: &str, now_ms: i64) -> Option<usize> {
        let keys: Vec<_> = keys.into_iter().map(Arc::new).collect();
        let key = find(&keys, secret.as_bytes(), &cheap("nobody's"), now_ms)?;
        keys.iter().position(|known| Arc::ptr_eq(known, key))
    }

    #[test]
    fn each_of_two_keys_is_found_and_no_other_secret() {
        let two = || vec![key("old"), key("new")];
        assert_eq!((found(two(), "old", 0), found(two(), "new", 0)), (Some(0), Some(1)));
        for wrong in ["", "Old", "old ", "nobody's"] {
            assert_eq!(found(two(), wrong, 0), None, "{wrong:?}");
            assert_eq!(found(Vec::new(), wrong, 0), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_user_comes_in_by_its_own_password_while_it_is_active() {
        let user = |active| Arc::new(User { hash: cheap("right"), active, ..User::default() });
        let found = |user: Option<&Arc<User>>, password: &str| {
            find_user(user, password.as_bytes(), &cheap("nobody's")).is_some()
        };
        assert!(found(Some(&user(true)), "right"));
        assert!(!found(Some(&user(false)), "right"));
        for wrong in ["", "Right", "right ", "nobody's"] {
            assert!(!found(Some(&user(true)), wrong) && !found(None, wrong), "{wrong:?}");
        }
    }

    #[test]
    fn a_wrong_secret_takes_as_long_whoever_it_is_said_of() {
        let hash = || SecretHash::of(b"right", &[7; 16]).unwrap();
        let customers = [0, 1, 2].map(|keys| {
            let key = || Arc::new(SecretKey { hash: hash(), ..SecretKey::default() });
            (0..keys).map(|_| key()).collect::<Vec<_>>()
        });
        let user = |active| Arc::new(User { hash: hash(), active, ..User::default() });
        let users = [None, Some(user(true)), Some(user(false))];
        let nobody = hash();
        // The shortest of several, taken in turn: what else the machine did is not in it, if there are enough of them.
        let mut took = [Duration::MAX; 6];
        let alike = |took: &[Duration; 6]| {
            let (shortest, longest) = (took.iter().min().unwrap(), took.iter().max().unwrap());
            *longest < *shortest * 3 / 2
        };
        for turn in 0..100 {
            if turn >= 12 && alike(&took) {
                break;
            }
            let (of_customers, of_users) = took.split_at_mut(3);
            for (keys, shortest) in customers.iter().zip(of_customers) {
                let began = Instant::now();
                assert!(find(keys, b"wrong", &nobody, 0).is_none());
                *shortest = began.elapsed().min(*shortest);
            }
            for (user, shortest) in users.iter().zip(of_users) {
                let began = Instant::now();
                assert!(find_user(user.as_ref(), b"wrong", &nobody).is_none());
                *shortest = began.elapsed().min(*shortest);
            }
        }
        assert!(alike(&took), "{took:?}");
    }

    #[test]
    fn a_key_ends_in_the_millisecond_that_it_names() {
        let until = |ms| SecretKey { expires_at: jiff::Timestamp::from_millisecond(ms).ok(), ..key("a") };
        assert_eq!((found(vec![until(5)], "a", 4), found(vec![until(5)], "a", 5)), (Some(0), None));
        // The same secret may go on under a later end.
        assert_eq!(found(vec![until(5), until(9)], "a", 7), Some(1));
    }
}
