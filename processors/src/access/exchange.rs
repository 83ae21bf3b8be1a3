//! Exchanging the secret keys of a customer: made, exchanged with two that are valid, taken out.

use super::{MOST_KEYS, Scope};
use crate::{
    reference::SecretKey,
    refusal::{Code, Refusal},
    rules::field::{Field, top},
};
use ipnet::IpNet;

/// Longest name, characters.
const LONGEST_NAME: usize = 64;
/// How long the old key stays beside the new one when nobody says, and at most.
pub const OVERLAP_HOURS: u32 = 24;
/// The longest.
pub const LONGEST_OVERLAP_HOURS: u32 = 24 * 30;

/// The name of a new key: it stands in paths.
pub fn name(at: &Field<'_>, name: &str) -> Result<(), Refusal> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(plain) && name.bytes().any(|b| b != b'.') {
        return Ok(());
    }
    Err(Refusal::bad(at, format_args!("1 to {LONGEST_NAME} letters, digits, '.', '_' and '-' are allowed")))
}

/// What a key may not do itself, from elsewhere or after its end, it does not hand on; an operator's may make every key
/// that is no operator's.
pub fn may_grant(by: &SecretKey, new: &SecretKey, now_ms: i64) -> Result<(), Refusal> {
    if new.scopes.is_empty() {
        return Err(Refusal::bad(&top("scopes"), "is empty: leave it out for those of your own key"));
    }
    if !new.is_valid(now_ms) {
        return Err(Refusal::bad(&top("expires_at"), "is over already"));
    }
    // An operator makes keys of customers, which outlive its own; not one more of its own kind.
    if by.allows(Scope::Operate) && !new.allows(Scope::Operate) {
        return Ok(());
    }
    if let Some(ends) = by.expires_at
        && new.expires_at.is_none_or(|at| at > ends)
    {
        return Err(Refusal::bad(&top("expires_at"), format_args!("must not be after that of your own key, {ends}")));
    }
    if let Some(scope) = new.scopes.iter().find(|scope| !by.allows(**scope)) {
        return Err(Refusal::bad(&top("scopes"), format_args!("{} is none of your own key's", scope.as_str())));
    }
    let inside = |new: &IpNet| by.networks.iter().any(|own| own.contains(new));
    if !by.networks.is_empty() && (new.networks.is_empty() || !new.networks.iter().all(inside)) {
        return Err(Refusal::bad(&top("networks"), "must lie within those of your own key"));
    }
    Ok(())
}

/// Adds a key; those that are over make room for it.
pub fn add(keys: &mut Vec<SecretKey>, new: SecretKey, now_ms: i64) -> Result<(), Refusal> {
    keys.retain(|key| key.is_valid(now_ms));
    if keys.iter().any(|key| key.name == new.name) {
        return Err(Refusal::new(Code::Exists, &top("name"), "another key has it"));
    }
    if keys.len() >= MOST_KEYS {
        let reason = format_args!("there are {MOST_KEYS} valid keys, which is the most: take one out first");
        return Err(Refusal::new(Code::WrongState, &top("name"), reason));
    }
    keys.push(new);
    Ok(())
}

/// Puts a new key beside an old one, which ends at a time, or earlier if it would have anyway. The new one is good for the
/// same things from the same places, and no longer than the old one was to be.
pub fn rotate(
    keys: &mut Vec<SecretKey>,
    old: &str,
    mut new: SecretKey,
    ends: jiff::Timestamp,
    now_ms: i64,
) -> Result<SecretKey, Refusal> {
    let before = find(keys, old)?;
    (new.networks, new.scopes) = (before.networks.clone(), before.scopes.clone());
    new.expires_at = new.expires_at.into_iter().chain(before.expires_at).min();
    before.expires_at = Some(before.expires_at.map_or(ends, |at| at.min(ends)));
    add(keys, new.clone(), now_ms)?;
    Ok(new)
}

/// Takes a key out. A customer does not shut itself out: a key that may manage, and is valid, is left.
pub fn remove(keys: &mut Vec<SecretKey>, name: &str, by: &SecretKey, now_ms: i64) -> Result<(), Refusal> {
    find(keys, name)?;
    keys.retain(|key| key.name != name);
    let manages = |key: &SecretKey| key.is_valid(now_ms) && key.allows(Scope::Manage);
    if by.allows(Scope::Operate) || keys.iter().any(manages) {
        return Ok(());
    }
    let reason = "no key would be left that may manage keys: make another first";
    Err(Refusal::new(Code::WrongState, &top("name"), reason))
}

fn find<'k>(keys: &'k mut [SecretKey], name: &str) -> Result<&'k mut SecretKey, Refusal> {
    let found = keys.iter_mut().find(|key| key.name == name);
    found.ok_or_else(|| Refusal::new(Code::NotFound, &top("name"), "there is no such key"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, scopes: &[Scope]) -> SecretKey {
        SecretKey { name: name.into(), scopes: scopes.to_vec(), ..SecretKey::default() }
    }

    fn at(ms: i64) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(ms).unwrap()
    }

    fn names(keys: &[SecretKey]) -> Vec<&str> {
        keys.iter().map(|key| &*key.name).collect()
    }

    const ALL: &[Scope] = &[Scope::Send, Scope::Report, Scope::Cancel, Scope::Read, Scope::Manage];

    #[test]
    fn a_name_can_stand_in_a_path() {
        for right in ["a", "2026-03", "a.b_c", &"x".repeat(64)] {
            assert_eq!(name(&top("name"), right), Ok(()), "{right}");
        }
        for wrong in ["", ".", "..", "a/b", "a b", "가", "a\0", &"x".repeat(65)] {
            assert!(name(&top("name"), wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn nobody_hands_on_what_he_may_not_do() {
        let field = |by: &SecretKey, new: &SecretKey| may_grant(by, new, 5).map_err(|refusal| refusal.field);
        let manager = key("a", &[Scope::Read, Scope::Manage]);
        assert_eq!(field(&manager, &key("b", &[Scope::Read])), Ok(()));
        for scope in [Scope::Send, Scope::Operate] {
            assert_eq!(field(&manager, &key("b", &[scope])), Err("scopes".into()));
        }
        assert_eq!(field(&manager, &key("b", &[])), Err("scopes".into()));
        let over = SecretKey { expires_at: Some(at(5)), ..key("b", &[Scope::Read]) };
        assert_eq!(field(&manager, &over), Err("expires_at".into()));
        let near = SecretKey { networks: vec!["10.1.0.0/16".parse().unwrap()], ..manager.clone() };
        let from = |network: &str| SecretKey { networks: vec![network.parse().unwrap()], ..key("b", &[Scope::Read]) };
        assert_eq!(field(&near, &from("10.1.2.0/24")), Ok(()));
        assert_eq!(field(&near, &from("10.0.0.0/8")), Err("networks".into()));
        assert_eq!(field(&near, &key("b", &[Scope::Read])), Err("networks".into()));
        let operator = key("o", &[Scope::Operate]);
        assert_eq!(field(&operator, &key("b", ALL)), Ok(()));
        // A key that ends makes none that outlives it, and an operator's none that may do as much from elsewhere.
        let ends = |at_ms, key: SecretKey| SecretKey { expires_at: Some(at(at_ms)), ..key };
        let brief = ends(100, manager);
        assert_eq!(field(&brief, &ends(100, key("b", &[Scope::Read]))), Ok(()));
        assert_eq!(field(&brief, &ends(101, key("b", &[Scope::Read]))), Err("expires_at".into()));
        assert_eq!(field(&brief, &key("b", &[Scope::Read])), Err("expires_at".into()));
        let operator = ends(100, SecretKey { networks: near.networks, ..operator });
        assert_eq!(field(&operator, &key("b", ALL)), Ok(()), "a customer's");
        let another = key("b", &[Scope::Operate]);
        assert_eq!(field(&operator, &another), Err("expires_at".into()));
        assert_eq!(field(&operator, &ends(100, another)), Err("networks".into()));
    }

    #[test]
    fn two_are_valid_and_one_that_is_over_makes_room() {
        let mut keys = vec![key("a", ALL)];
        add(&mut keys, key("b", ALL), 0).unwrap();
        assert_eq!(add(&mut keys, key("b", ALL), 0).unwrap_err().code, Code::Exists);
        assert_eq!(add(&mut keys, key("c", ALL), 0).unwrap_err().code, Code::WrongState);
        keys[0].expires_at = Some(at(10));
        assert_eq!(add(&mut keys, key("c", ALL), 9).unwrap_err().code, Code::WrongState);
        add(&mut keys, key("c", ALL), 10).unwrap();
        assert_eq!(names(&keys), ["b", "c"]);
    }

    #[test]
    fn a_rotated_key_ends_at_its_time_and_the_new_one_is_good_for_the_same() {
        let networks = vec!["10.1.0.0/16".parse().unwrap()];
        let mut keys = vec![SecretKey { networks: networks.clone(), ..key("a", &[Scope::Send]) }];
        let new = rotate(&mut keys, "a", key("b", ALL), at(100), 0).unwrap();
        assert_eq!((new.networks, new.scopes), (networks, vec![Scope::Send]));
        assert_eq!((names(&keys), keys[0].expires_at), (vec!["a", "b"], Some(at(100))));
        assert_eq!(rotate(&mut keys, "b", key("c", ALL), at(100), 0).unwrap_err().code, Code::WrongState);
        let mut keys = vec![SecretKey { expires_at: Some(at(50)), ..key("a", ALL) }];
        rotate(&mut keys, "a", key("b", ALL), at(100), 0).unwrap();
        assert_eq!(keys[0].expires_at, Some(at(50)), "never longer than before");
        assert_eq!(keys[1].expires_at, Some(at(50)), "nor is the new one");
        assert_eq!(rotate(&mut keys, "x", key("c", ALL), at(100), 0).unwrap_err().code, Code::NotFound);
    }

    #[test]
    fn a_customer_does_not_shut_itself_out() {
        let mut keys = vec![key("a", ALL), key("b", &[Scope::Send])];
        let by = keys[0].clone();
        assert_eq!(remove(&mut keys.clone(), "a", &by, 0).unwrap_err().code, Code::WrongState);
        remove(&mut keys.clone(), "a", &key("o", &[Scope::Operate]), 0).unwrap();
        remove(&mut keys, "b", &by, 0).unwrap();
        assert_eq!(names(&keys), ["a"]);
        assert_eq!(remove(&mut keys, "b", &by, 0).unwrap_err().code, Code::NotFound);
    }
}
