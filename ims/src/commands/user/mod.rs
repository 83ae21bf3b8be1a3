//! `ims user`: the people who sign in.

mod change;

use crate::{
    assemble::open_reference,
    cli::Globals,
    exit::{self, Exit},
    logging, output,
};
use processors::reference::{Role, User};
use serde_json::{Value, json};

/// Look at the people who sign in, and let them in or not: operators, and customers' own.
///
/// A user signs in with x-ims-key: base64(:login:password). Secret keys are for programs: `ims reference secret`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make a user, an operator when no customer is named.
    ///
    /// The password is made and told once, or read from standard input. The reference data must be those of the store
    /// (reference.kind = "sql"); running processes take it up within 5 seconds.
    #[command(after_long_help = exit::help(ADD, EXITS))]
    Add {
        #[command(flatten)]
        named: Named,
        /// The customer whose user it is; an operator has none.
        #[arg(long, value_name = "USERNAME")]
        customer: Option<String>,
        /// manager or reader, of a customer; reader when left out.
        #[arg(long, value_parser = role)]
        role: Option<Role>,
        #[command(flatten)]
        password: Chosen,
    },
    /// List the users, without their passwords.
    #[command(after_long_help = exit::help(LIST, &[Exit::Done, Exit::Usage, Exit::Away, Exit::Stopped]))]
    List {
        /// Of this customer alone.
        #[arg(long, value_name = "USERNAME")]
        customer: Option<String>,
    },
    /// Let a user in no more; running processes take it up within 5 seconds. Keys that it made stay (docs/center.md).
    #[command(after_long_help = exit::help(DISABLE, EXITS))]
    Disable(Named),
    /// Let a user in again.
    #[command(after_long_help = exit::help(ENABLE, EXITS))]
    Enable(Named),
    /// Give a user another password: one that is made and told once, or is read from standard input.
    #[command(after_long_help = exit::help(PASSWORD, EXITS))]
    Password {
        #[command(flatten)]
        named: Named,
        #[command(flatten)]
        password: Chosen,
    },
}

/// A user, and who speaks.
#[derive(Debug, clap::Args)]
pub struct Named {
    /// The login name: small letters, digits, `.`, `_`, `-` and `@`.
    login: String,
    /// Who changes it, for the audit; the user of the system when left out.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// Where a password comes from.
#[derive(Debug, clap::Args)]
pub struct Chosen {
    /// Read it from standard input, one line of 12 characters at least.
    #[arg(long)]
    password_stdin: bool,
}

const EXITS: &[Exit] = &[Exit::Done, Exit::Failed, Exit::Usage, Exit::Away, Exit::Stopped];

const ADD: &str = "  ims user add kim
  ims user add hana --customer hanbit-shop --role manager --json | jq -r .header
  ims user add kim --password-stdin < password.txt";

const LIST: &str = "  ims user list
  ims user list --customer hanbit-shop --json | jq -r '.[] | select(.active) | .login'";

const DISABLE: &str = "  ims user disable kim --by lee";

const ENABLE: &str = "  ims user enable kim";

const PASSWORD: &str = "  ims user password kim
  ims user password kim --password-stdin < password.txt";

fn role(word: &str) -> Result<Role, String> {
    let known = Role::ALL.into_iter().find(|role| role.as_str() == word);
    known.ok_or_else(|| format!("one of {} is allowed", Role::ALL.map(Role::as_str).join(", ")))
}

/// Runs the command.
pub fn run(command: &Command, globals: &Globals) -> anyhow::Result<Exit> {
    let config = globals.config()?;
    logging::start(&config.logs, globals.verbose)?;
    match command {
        Command::Add { named, customer, role, password } => {
            change::add(&config, globals.json, named, customer.as_ref(), *role, password)
        }
        Command::List { customer } => {
            let reference = open_reference(&config)?.current();
            let of = |user: &&std::sync::Arc<User>| customer.is_none() || user.username == *customer;
            let mut users: Vec<&User> = reference.users().filter(of).map(|user| &**user).collect();
            users.sort_by(|a, b| (&a.username, &a.login).cmp(&(&b.username, &b.login)));
            let told: Vec<Value> = users.iter().map(|user| told(user)).collect();
            output::result(globals.json, &told, || table(&users))?;
            Ok(Exit::Done)
        }
        Command::Disable(named) => change::activate(&config, globals.json, named, false),
        Command::Enable(named) => change::activate(&config, globals.json, named, true),
        Command::Password { named, password } => change::password(&config, globals.json, named, password),
    }
}

fn told(user: &User) -> Value {
    json!({
        "login": user.login, "customer": user.username, "role": user.role.as_str(), "active": user.active,
        "created_at": user.created_at.map(|at| at.to_string()),
    })
}

fn table(users: &[&User]) -> String {
    if users.is_empty() {
        return "no users: `ims user add` makes one".to_owned();
    }
    let width = users.iter().map(|user| user.login.len()).max().unwrap_or_default();
    let line = |user: &&User| {
        let of = user.username.as_ref().map_or(String::new(), |username| format!(" of {username}"));
        let state = if user.active { "" } else { ", not active" };
        format!("{:width$}  {}{of}{state}", user.login, user.role.as_str())
    };
    users.iter().map(line).collect::<Vec<_>>().join("\n")
}
