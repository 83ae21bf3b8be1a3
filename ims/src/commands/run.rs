//! `ims run`: the roles of this process, until a signal or a reason to stop.

use crate::{
    admin::{self, Admin},
    assemble::{self, Deployment, SystemClock},
    checked::{self, Checking, Unchecked},
    cli::Globals,
    config::Config,
    dormancy,
    exit::{self, Exit, usage},
    findings,
    groups::{GroupTopics, Groups},
    http::{self, Door},
    logging, notices, output, registering, reload, retention,
    roles::{Roles, Work},
    signal,
    stores::AnalysisStore,
    watching, without_redis,
};
use clap::Args as ClapArgs;
use std::sync::Arc;

/// Runs roles of the chain in this process until SIGTERM or Ctrl-C, then finishes what is in flight and leaves; the second
/// one ends it at once, as kill -9 does.
///
/// More processes of a role share its work: start as many as you like, each with a deployment.instance of its own (or
/// none). A process that dies is replaced by the others; nothing is lost either way.
///
/// First of all the topics of these roles and the brokers are checked, as by `ims topics check`: a topic that is missing or
/// wrong, or brokers without transactions, end the process before anything has begun. While no broker answers the process
/// starts, waits, and checks when one does.
///
/// A change of the reference data is taken up within 5 seconds; one that is wrong is told and the old data stays. Topics
/// of a routing group's own are made before; those that Kafka refuses hold up nothing else, and are asked for again.
#[derive(Debug, ClapArgs)]
#[command(after_long_help = exit::help(EXAMPLES, &EXITS))]
pub struct Args {
    /// Roles of this process, separated by commas; all when left out. Of the chain: ingest, router, kakao, text, rcs,
    /// push, email, outcome, delay, store, reports, analyzer, callback. `api` opens the HTTP door of `[http]`; `gateway`,
    /// alone in its process, forwards to such doors (`[gateway]`).
    #[arg(long, value_delimiter = ',', value_name = "ROLES")]
    roles: Vec<Work>,
}

const EXITS: [Exit; 7] =
    [Exit::Done, Exit::Failed, Exit::Usage, Exit::Away, Exit::Stopped, Exit::Interrupted, Exit::Terminated];
const EXAMPLES: &str = "  ims topics create && ims run              everything in one process
  ims run --roles ingest,router             a part of the chain
  ims run --roles api                       the HTTP door alone
  ims run --roles gateway                   before the doors of other processes
  ims run --set deployment.instance=node-1  with a name that a restart keeps";

/// Runs the command.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<Exit> {
    let config = globals.config()?;
    logging::start(&config.logs, globals.verbose)?;
    if args.roles.contains(&Work::Gateway) {
        return gateway(args, &config);
    }
    let roles = Roles::of(&args.roles);
    let chain = &roles.chain;
    let admin = admin::open(&config.admin)?;
    // Before a store is opened or a group hears of it.
    let unchecked = checked::before_start(&config, &roles)?;
    let deployment = Deployment::new(&config)?;
    deployment.check(&config, chain)?;
    let reference = deployment.reference();
    if let Some(lack) = findings::lack(&config, &reference.current()) {
        tracing::warn!("{lack}");
    }
    admin.iter().for_each(|admin| admin.tells_of(deployment.senders()));
    let topics = GroupTopics::new(config.clone());
    reference.prepare(&|reference| topics.begin(reference));
    let _dormancy = dormancy::begin(deployment.templates(&config, chain)?)?;
    let _notices = notices::begin(deployment.notices(&config, chain)?, config.ads.notice_hour)?;
    let _registering =
        registering::begin(deployment.registration(&config, chain)?, deployment.profiles(&config, chain)?)?;
    let _purging = retention::begin(assemble::retention(&config, chain)?)?;
    let _watching = watching::begin(AnalysisStore::of(&config)?, chain)?;
    let _redis = without_redis::begin(&config, &roles, deployment.name_ids())?;
    // Before any stream: a port in use ends the process, and no group should hear of it.
    let door = if roles.api { deployment.open_door(&config, chain)? } else { None };
    let runtime = Arc::new(deployment.start(chain)?);
    let checking = unchecked.map(|unchecked| Unchecked::check_beside(unchecked, &runtime)).transpose()?;
    let _reloading = reload::begin(reference, Groups::new(deployment.parts(), chain, Arc::clone(&runtime), topics))?;
    admin.iter().for_each(Admin::all_has_begun);
    output::note(format_args!("IMS {} runs {roles}", env!("CARGO_PKG_VERSION")));
    signal::until_stopped(&runtime, door.as_ref())?;
    // First: who is answered 0000 is in the log, whatever ends after.
    let closed = door.map_or(Ok(()), Door::close);
    runtime.stop();
    runtime.join()?;
    closed?;
    checking.map_or(Ok(()), Checking::end)?;
    Ok(Exit::Done)
}

/// The role that needs nothing but the processes behind it.
fn gateway(args: &Args, config: &Config) -> anyhow::Result<Exit> {
    if args.roles.len() > 1 {
        return Err(usage(
            "--roles gateway stands alone: it listens where a door would, and forwards to other processes",
        ));
    }
    let admin = admin::open(&config.admin)?;
    let door = http::open_gateway(config, Arc::new(SystemClock))?;
    admin.iter().for_each(Admin::all_has_begun);
    output::note(format_args!("IMS {} runs gateway at {}", env!("CARGO_PKG_VERSION"), door.url()));
    signal::until(|| door.has_ended())?;
    door.close()?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use topology::graph::Role;

    #[test]
    fn help_names_every_role() {
        let help = Args::augment_args(clap::Command::new("run")).render_long_help().to_string();
        let roles = Role::ALL.map(|role| role.to_string());
        let missing: Vec<_> = roles.iter().filter(|role| !help.contains(role.as_str())).collect();
        assert!(missing.is_empty(), "{missing:?}:\n{help}");
    }
}
