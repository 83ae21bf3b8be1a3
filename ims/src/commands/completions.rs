//! `ims completions`: what a shell needs to complete our command line.

use crate::{
    cli::Cli,
    exit::{self, Exit},
    output,
};
use clap::CommandFactory;
use clap_complete::{Shell, generate};

/// Print the completions of a shell.
///
/// Source the output, or put it where your shell looks for completions.
#[derive(Debug, clap::Args)]
#[command(after_long_help = exit::help(EXAMPLES, &[Exit::Done, Exit::Usage]))]
pub struct Args {
    /// The shell.
    shell: Shell,
}

const EXAMPLES: &str = "  source <(ims completions bash)
  ims completions zsh > ~/.zfunc/_ims
  ims completions fish > ~/.config/fish/completions/ims.fish";

/// Prints them.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let mut text = Vec::new();
    generate(args.shell, &mut Cli::command(), "ims", &mut text);
    output::line(String::from_utf8(text)?.trim_end())?;
    Ok(Exit::Done)
}
