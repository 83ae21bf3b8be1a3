//! `ims reference secret`: a secret key for one customer, told once.

use crate::{
    exit::{Exit, usage},
    output, secret,
};
use clap::Args as ClapArgs;
use ipnet::IpNet;
use jiff::Timestamp;
use processors::{access::Scope, reference::SecretKey};
use serde::Serialize;

/// What the key is for.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The customer whose key it is.
    username: String,
    /// Tells it from the customer's other one, for example the month.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// From then on it is not valid, for example 2027-01-31T00:00:00+09:00; without it, it stays.
    #[arg(long, value_name = "TIME")]
    expires_at: Option<Timestamp>,
    /// From where it may be used, for example 203.0.113.0/24; from everywhere when left out.
    #[arg(long = "network", value_name = "NETWORK")]
    networks: Vec<IpNet>,
    /// What it may be used for; everything but operate when left out.
    #[arg(long = "scope", value_name = "SCOPE", value_parser = scope)]
    scopes: Vec<Scope>,
}

fn scope(word: &str) -> Result<Scope, String> {
    let known = Scope::EVERY.into_iter().find(|scope| scope.as_str() == word);
    known.ok_or_else(|| format!("one of {} is allowed", Scope::EVERY.map(Scope::as_str).join(", ")))
}

/// What is told.
#[derive(Serialize)]
struct Made {
    /// Told here and nowhere else.
    secret: String,
    /// What the customer sends as x-ims-key.
    header: String,
    /// What stands in the reference data.
    secret_keys: [SecretKey; 1],
}

/// Makes one; writes nothing anywhere.
pub fn run(args: &Args, json: bool) -> anyhow::Result<Exit> {
    let Args { username, name, expires_at, networks, scopes } = args;
    if username.is_empty() || username.contains(':') {
        return Err(usage("the customer's name is empty or has a colon, which ends it in x-ims-key"));
    }
    let (secret, hash) = secret::secret_key()?;
    let key = SecretKey {
        username: username.clone(),
        name: name.clone(),
        hash,
        expires_at: *expires_at,
        networks: networks.clone(),
        scopes: if scopes.is_empty() { Scope::ALL.to_vec() } else { scopes.clone() },
    };
    let header = secret::header(username, &secret);
    let made = Made { secret, header, secret_keys: [key] };
    let rows = toml::to_string(&Rows { secret_keys: &made.secret_keys })?;
    output::result(json, &made, || {
        let Made { secret, header, .. } = &made;
        format!(
            "# Told once, for the customer: secret_key {secret}\n# x-ims-key: {header}\n\
             # For the file of the reference data (two keys of a customer at most):\n{rows}"
        )
    })?;
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Rows<'r> {
    secret_keys: &'r [SecretKey],
}
