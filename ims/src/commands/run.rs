//! `ims run`: the roles of this process, until a signal or a reason to stop.

use crate::{
    admin,
    assemble::{self, Deployment},
    cli::Globals,
    exit::{self, Exit},
    groups::{GroupTopics, Groups},
    logging, output,
    reload::Reloading,
    retention::Purging,
    signal,
    stores::AnalysisStore,
    watching::Watching,
};
use clap::Args as ClapArgs;
use std::sync::Arc;
use topology::graph::Role;

/// Runs roles of the chain in this process until SIGTERM or Ctrl-C, then finishes what is in flight and leaves.
///
/// More processes of a role share its work: start as many as you like, each with a deployment.instance of its own (or
/// none). A process that dies is replaced by the others; nothing is lost either way.
///
/// A change of the reference data is taken up within 5 seconds; one that is wrong is told and the old data stays. Topics
/// of a routing group's own are made before; those that Kafka refuses hold up nothing else, and are asked for again.
#[derive(Debug, ClapArgs)]
#[command(after_long_help = exit::help(EXAMPLES, &[Exit::Done, Exit::Usage, Exit::Away, Exit::Stopped]))]
pub struct Args {
    /// Roles of this process, separated by commas; all when left out.
    #[arg(long, value_delimiter = ',', value_name = "ROLES")]
    roles: Vec<Role>,
}

const EXAMPLES: &str = "  ims topics create && ims run              everything in one process
  ims run --roles ingest,router             a part of the chain
  ims run --set deployment.instance=node-1  with a name that a restart keeps";

/// Runs the command.
pub fn run(args: &Args, globals: &Globals) -> anyhow::Result<Exit> {
    let config = globals.config()?;
    logging::start(&config.logs, globals.verbose)?;
    let roles = if args.roles.is_empty() { Role::ALL.to_vec() } else { args.roles.clone() };
    let names = roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(",");
    let _admin = admin::open(&config.admin)?;
    let deployment = Deployment::new(&config)?;
    let reference = deployment.reference();
    let topics = GroupTopics::new(config.clone());
    reference.prepare(&|reference| topics.begin(reference));
    let _purging = Purging::start(assemble::retention(&config, &roles)?)?;
    let _watching = Watching::start(AnalysisStore::of(&config)?, &roles)?;
    let runtime = Arc::new(deployment.start(&roles)?);
    let _reloading =
        Reloading::start(reference, Groups::new(deployment.parts(), &roles, Arc::clone(&runtime), topics))?;
    output::note(format_args!("IMS {} runs {names}", env!("CARGO_PKG_VERSION")));
    signal::until_stopped(&runtime)?;
    runtime.stop();
    runtime.join()?;
    Ok(Exit::Done)
}
