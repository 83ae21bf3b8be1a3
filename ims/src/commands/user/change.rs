//! What an operator says of a user: to the store, since a file is its owner's to write.

use super::{Chosen, Named, told};
use crate::{
    assemble::now_ms,
    commands::{by, unchanged},
    config::{Config, ReferenceKind},
    exit::{Exit, usage},
    output, secret,
    stores::Stores,
};
use connectors::reference::{By, Editor, Which};
use jiff::Timestamp;
use processors::{
    access::{SecretHash, user},
    reference::{Role, User},
    refusal::Refusal,
    rules::field::top,
};
use serde_json::Value;
use std::{
    io::{IsTerminal, Read},
    sync::Arc,
};

/// More than a password may have.
const MOST_BYTES: u64 = 4096;

/// Makes a user.
pub fn add(
    config: &Config,
    json: bool,
    named: &Named,
    customer: Option<&String>,
    role: Option<Role>,
    password: &Chosen,
) -> anyhow::Result<Exit> {
    let role = role.unwrap_or(Role::least(customer.is_some()));
    user::login(&top("login"), &named.login).map_err(wrong)?;
    role.check(&top("--role"), customer.is_some()).map_err(wrong)?;
    let (made, hash) = password.fresh()?;
    let at_ms = now_ms();
    let new = User {
        login: named.login.clone(),
        username: customer.cloned(),
        role,
        hash,
        active: true,
        created_at: Timestamp::from_millisecond(at_ms).ok(),
    };
    let told = new.clone();
    let added = change(&mut open(config)?, named, at_ms, customer.map_or("", String::as_str), |users| {
        if !users.is_empty() {
            return Err(format!(
                "there is a user {:?} already: `ims user password` gives it another password",
                new.login
            ));
        }
        users.push(new);
        Ok(told)
    })?;
    tell(json, &added, made, "made")
}

/// Lets a user in, or no more.
pub fn activate(config: &Config, json: bool, named: &Named, active: bool) -> anyhow::Result<Exit> {
    let changed = of_one(config, named, |user| user.active = active)?;
    tell(json, &changed, None, if active { "let in" } else { "let in no more" })
}

/// Gives a user another password.
pub fn password(config: &Config, json: bool, named: &Named, password: &Chosen) -> anyhow::Result<Exit> {
    let (made, hash) = password.fresh()?;
    let changed = of_one(config, named, |user| user.hash = hash)?;
    tell(json, &changed, made, "has another password")
}

impl Chosen {
    /// The password that was made, if nobody chose one, and the hash.
    fn fresh(&self) -> anyhow::Result<(Option<String>, SecretHash)> {
        if !self.password_stdin {
            let (made, hash) = secret::secret_key()?;
            return Ok((Some(made), hash));
        }
        let mut input = std::io::stdin();
        if input.is_terminal() {
            output::note("the password, which the terminal shows, and a line break:");
        }
        let mut text = String::new();
        input
            .by_ref()
            .take(MOST_BYTES)
            .read_to_string(&mut text)
            .map_err(|error| usage(format!("standard input: {error}")))?;
        let chosen = text.strip_suffix('\n').map_or(&*text, |line| line.strip_suffix('\r').unwrap_or(line));
        user::password(&top("standard input"), chosen).map_err(wrong)?;
        Ok((None, secret::hash_of(chosen)?))
    }
}

fn wrong(refusal: Refusal) -> anyhow::Error {
    usage(refusal.message)
}

/// Changes one user that is there.
fn of_one(config: &Config, named: &Named, how: impl FnOnce(&mut User)) -> anyhow::Result<User> {
    let mut editor = open(config)?;
    let there = editor.rows::<User>(&Which::of([("login", &*named.login)]))?;
    let owner = there.first().and_then(|user| user.username.clone()).unwrap_or_default();
    change(&mut editor, named, now_ms(), &owner, |users| {
        let user = users.first_mut().ok_or_else(|| format!("there is no user {:?}: `ims user list`", named.login))?;
        how(user);
        Ok(user.clone())
    })
}

fn open(config: &Config) -> anyhow::Result<Editor> {
    if config.reference.kind == ReferenceKind::File {
        return Err(usage(
            "the reference data are those of a file: write [[users]] there, as connectors/seed/demo.toml does, with a hash \
             of `ims reference secret`; or set reference.kind = \"sql\"",
        ));
    }
    let stores = Stores::of(config);
    Ok(Editor::open(&stores.reference()?, Arc::new(stores.cipher()?), config.center)?)
}

fn change(
    editor: &mut Editor,
    named: &Named,
    at_ms: i64,
    owner: &str,
    decide: impl FnOnce(&mut Vec<User>) -> Result<User, String>,
) -> anyhow::Result<User> {
    let by = By::named(by(named.by.as_ref())?, at_ms);
    let which = Which::of([("login", &*named.login)]);
    editor.change(&by, owner, &which, decide)?.map_err(|error| unchanged(error, |reason| reason))
}

fn tell(json: bool, user: &User, made: Option<String>, what: &str) -> anyhow::Result<Exit> {
    let mut shown = told(user);
    if let Some(password) = &made {
        shown["password"] = Value::from(password.as_str());
        shown["header"] = secret::header(&format!(":{}", user.login), password).into();
    }
    output::result(json, &shown, || {
        let head = format!("{}: {what}; running processes take it up within 5 s", user.login);
        made.as_ref().map_or(head.clone(), |password| format!("{head}\npassword, told once: {password}"))
    })?;
    Ok(Exit::Done)
}
