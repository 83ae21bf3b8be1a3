//! Users: people, who sign in with a login name and a password, as opposed to the programs that secret keys are for.

use super::{Scope, exchange::may_grant};
use crate::{
    reference::{Role, SecretKey, User},
    refusal::{Code, Refusal},
    rules::field::{Field, top},
};

/// Longest login name, characters.
const LONGEST_LOGIN: usize = 64;
/// Shortest password, characters: people choose them, and nobody is shut out for having tried.
pub const SHORTEST_PASSWORD: usize = 12;
/// Longest, bytes: what a header has room for beside the longest login name.
pub const LONGEST_PASSWORD: usize = 256;

/// A login name: it stands in paths and headers, and one way alone to write it.
pub fn login(at: &Field<'_>, login: &str) -> Result<(), Refusal> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-@".contains(&byte);
    let first = login.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if first && login.len() <= LONGEST_LOGIN && login.bytes().all(plain) {
        return Ok(());
    }
    let reason = format_args!(
        "1 to {LONGEST_LOGIN} small letters, digits, '.', '_', '-' and '@' are allowed, a letter or digit first"
    );
    Err(Refusal::bad(at, reason))
}

/// A password that somebody chose. What it is stays untold.
pub fn password(at: &Field<'_>, password: &str) -> Result<(), Refusal> {
    let (characters, bytes) = (password.chars().count(), password.len());
    if characters < SHORTEST_PASSWORD {
        return Err(Refusal::bad(at, format_args!("got {characters} characters, at least {SHORTEST_PASSWORD}")));
    }
    if bytes > LONGEST_PASSWORD {
        return Err(Refusal::bad(at, format_args!("got {bytes} bytes, at most {LONGEST_PASSWORD}")));
    }
    match password.chars().any(char::is_control) {
        true => Err(Refusal::bad(at, "a control character is none of a password's")),
        false => Ok(()),
    }
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Operator, Self::Manager, Self::Reader];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Manager => "manager",
            Self::Reader => "reader",
        }
    }

    /// What it may be used for, as secret keys may.
    pub const fn scopes(self) -> &'static [Scope] {
        match self {
            Self::Operator => &[Scope::Read, Scope::Manage, Scope::Operate],
            Self::Manager => &Scope::ALL,
            Self::Reader => &[Scope::Report, Scope::Read],
        }
    }

    /// The role of who has or has no customer, when nobody says; the least of them.
    pub const fn least(of_customer: bool) -> Self {
        if of_customer { Self::Reader } else { Self::Operator }
    }

    /// An operator has no customer, and everybody else has one.
    pub fn check(self, at: &Field<'_>, of_customer: bool) -> Result<(), Refusal> {
        match (self, of_customer) {
            (Self::Operator, false) | (Self::Manager | Self::Reader, true) => Ok(()),
            (role, true) => {
                Err(Refusal::bad(at, format_args!("a customer's user is manager or reader, not {}", role.as_str())))
            }
            (role, false) => {
                Err(Refusal::bad(at, format_args!("who has no customer is operator, not {}", role.as_str())))
            }
        }
    }
}

impl User {
    /// The customer's name, or one that no customer has: a colon ends theirs.
    pub fn account(&self) -> String {
        self.username.clone().unwrap_or_else(|| self.name())
    }

    /// As the audit names who did something.
    pub fn actor(&self) -> String {
        let name = self.name();
        self.username.as_ref().map_or(name.clone(), |username| format!("{username}/{name}"))
    }

    /// Where a secret key's name would stand; no key has it.
    fn name(&self) -> String {
        format!(":{}", self.login)
    }

    /// The key that may do the same as this user: for ever, and from everywhere.
    pub fn as_key(&self) -> SecretKey {
        SecretKey {
            username: self.account(),
            name: self.name(),
            scopes: self.role.scopes().to_vec(),
            ..SecretKey::default()
        }
    }
}

/// Whether who comes in with this key may make a user so, or give it a password: nobody makes a user that may do more than
/// he himself.
pub fn may_make(by: &SecretKey, user: &User, now_ms: i64) -> Result<(), Refusal> {
    may_grant(by, &user.as_key(), now_ms).map_err(|refusal| {
        Refusal::new(refusal.code, &top("role"), format_args!("{}: {}", user.role.as_str(), refusal.message))
    })
}

/// Changes a user; nobody changes himself, who might not come back.
pub fn change(
    user: &mut User,
    role: Option<Role>,
    active: Option<bool>,
    by: &SecretKey,
    now_ms: i64,
) -> Result<(), Refusal> {
    if by.name == user.name() {
        return Err(Refusal::new(Code::WrongState, &top("login"), "is your own: somebody else changes it"));
    }
    let after = User { role: role.unwrap_or(user.role), active: active.unwrap_or(user.active), ..user.clone() };
    after.role.check(&top("role"), after.username.is_some())?;
    // To be let in no more is nobody's right.
    if after.active {
        may_make(by, &after, now_ms)?;
    }
    *user = after;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(role: Role) -> User {
        let username = (role != Role::Operator).then(|| "shop".to_owned());
        User { login: "kim".into(), username, role, active: true, ..User::default() }
    }

    fn key(scopes: &[Scope]) -> SecretKey {
        SecretKey { username: "shop".into(), name: "2026".into(), scopes: scopes.to_vec(), ..SecretKey::default() }
    }

    #[test]
    fn names_and_passwords_are_of_their_form() {
        for right in ["kim", "7", "kim.haneul@shop.example", "a_b-c", &"x".repeat(64)] {
            assert_eq!(login(&top("login"), right), Ok(()), "{right}");
        }
        for wrong in ["", "Kim", ".kim", "@", "a/b", "a:b", "a b", "김", "a\0", &"x".repeat(65)] {
            assert_eq!(login(&top("login"), wrong).unwrap_err().code, Code::BadRequest, "{wrong}");
        }
        let told = |given: &str| password(&top("password"), given).map_err(|refusal| refusal.message);
        assert_eq!(told("열두글자가되는비밀번호요"), Ok(()));
        assert_eq!(told(&"p:".repeat(128)), Ok(()));
        for (wrong, said) in [
            ("elevenchars", "got 11 characters, at least 12"),
            (&*"p".repeat(257), "got 257 bytes, at most 256"),
            ("twelve\nchars", "a control character"),
        ] {
            let reason = told(wrong).unwrap_err();
            assert!(reason.contains(said) && !reason.contains(wrong), "{reason}");
        }
    }

    #[test]
    fn a_user_is_told_by_a_name_that_no_customer_and_no_key_has() {
        assert_eq!((user(Role::Reader).account(), user(Role::Reader).actor()), ("shop".into(), "shop/:kim".into()));
        assert_eq!((user(Role::Operator).account(), user(Role::Operator).actor()), (":kim".into(), ":kim".into()));
        assert_eq!(super::super::exchange::name(&top("name"), ":kim").unwrap_err().code, Code::BadRequest);
    }

    #[test]
    fn a_role_is_an_operators_or_a_customers() {
        for role in Role::ALL {
            for of_customer in [true, false] {
                let fits = (role != Role::Operator) == of_customer;
                assert_eq!(role.check(&top("role"), of_customer).is_ok(), fits, "{role:?}");
            }
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
        assert!([true, false].iter().all(|of| Role::least(*of).check(&top("role"), *of).is_ok()));
    }

    #[test]
    fn nobody_makes_a_user_that_may_do_more() {
        let may = |scopes: &[Scope], role| may_make(&key(scopes), &user(role), 0).map_err(|refusal| refusal.field);
        assert_eq!(may(&Scope::ALL, Role::Manager), Ok(()));
        let manages = [Scope::Report, Scope::Read, Scope::Manage];
        assert_eq!(may(&manages, Role::Reader), Ok(()));
        assert_eq!(may(&manages, Role::Manager), Err("role".into()), "it may send");
        assert_eq!(may(&Scope::ALL, Role::Operator), Err("role".into()));
        assert_eq!(may(&[Scope::Operate], Role::Manager), Ok(()), "a customer's");
        assert_eq!(may(Role::Operator.scopes(), Role::Operator), Ok(()));
        // A user comes from everywhere and has no end.
        let near = SecretKey { networks: vec!["10.1.0.0/16".parse().unwrap()], ..key(&Scope::ALL) };
        let brief = SecretKey { expires_at: jiff::Timestamp::from_millisecond(9).ok(), ..key(&Scope::ALL) };
        for by in [near, brief] {
            assert_eq!(may_make(&by, &user(Role::Reader), 0).unwrap_err().field, "role");
        }
    }

    #[test]
    fn a_user_is_changed_by_another_with_as_much_right() {
        let manager = key(&Scope::ALL);
        let mut kim = user(Role::Reader);
        change(&mut kim, Some(Role::Manager), None, &manager, 0).unwrap();
        assert_eq!((kim.role, kim.active), (Role::Manager, true));
        let weak = key(&[Scope::Read, Scope::Manage]);
        assert_eq!(change(&mut kim.clone(), None, Some(true), &weak, 0).unwrap_err().field, "role");
        change(&mut kim, None, Some(false), &weak, 0).unwrap();
        assert!(!kim.active);
        assert_eq!(change(&mut kim.clone(), None, Some(true), &weak, 0).unwrap_err().field, "role");
        let own = user(Role::Manager).as_key();
        assert_eq!(change(&mut kim, None, Some(true), &own, 0).unwrap_err().code, Code::WrongState);
        assert_eq!(change(&mut kim, Some(Role::Operator), None, &manager, 0).unwrap_err().field, "role");
    }
}
