//! What a process of `ims run` does: roles of the chain, the HTTP door in front of it, or a gateway before such doors.

use std::{fmt, str::FromStr};
use topology::graph::Role;

/// One word of `--roles`. The door is no stream: it reads no topic and has no group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// The HTTP door.
    Api,
    /// Before HTTP doors of other processes.
    Gateway,
    /// A role of the chain.
    Chain(Role),
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Api => f.write_str("api"),
            Self::Gateway => f.write_str("gateway"),
            Self::Chain(role) => role.fmt(f),
        }
    }
}

impl FromStr for Work {
    /// Names every role.
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "api" => Ok(Self::Api),
            "gateway" => Ok(Self::Gateway),
            role => role.parse().map(Self::Chain).map_err(|_| {
                let roles = Role::ALL.map(|role| role.to_string()).join(", ");
                format!("there is no role {role:?}: there are {roles}, and api and gateway")
            }),
        }
    }
}

/// The work of one process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roles {
    /// Whether it opens the HTTP door.
    pub api: bool,
    /// Its roles of the chain.
    pub chain: Vec<Role>,
}

impl Roles {
    /// As asked for; everything when nothing was.
    pub fn of(asked: &[Work]) -> Self {
        let chain = asked.iter().filter_map(|work| match work {
            Work::Api | Work::Gateway => None,
            Work::Chain(role) => Some(*role),
        });
        match asked {
            [] => Self { api: true, chain: Role::ALL.to_vec() },
            _ => Self { api: asked.contains(&Work::Api), chain: chain.collect() },
        }
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let api = self.api.then_some(Work::Api);
        let names = api.into_iter().chain(self.chain.iter().copied().map(Work::Chain)).map(|work| work.to_string());
        f.write_str(&names.collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_does_what_is_asked_for_and_all_when_nothing_is() {
        let of = |words: &[&str]| Roles::of(&words.iter().map(|word| word.parse().unwrap()).collect::<Vec<_>>());
        assert_eq!(of(&["api"]), Roles { api: true, chain: Vec::new() });
        assert_eq!(of(&["delay", "router"]), Roles { api: false, chain: vec![Role::Delay, Role::Router] });
        assert_eq!(of(&["router", "api"]).to_string(), "api,router");
        assert_eq!(of(&[]).chain, Role::ALL);
        assert!(of(&[]).api);
        let told = "senders".parse::<Work>().unwrap_err();
        let roles = Role::ALL.iter().map(|role| role.to_string()).chain(["api".into(), "gateway".into()]);
        roles.for_each(|role| assert!(told.contains(&role), "{role}: {told}"));
        assert_eq!("gateway".parse::<Work>().unwrap().to_string(), "gateway");
    }
}
