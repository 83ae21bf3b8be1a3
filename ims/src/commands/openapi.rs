//! `ims openapi`: what the HTTP door is asked and answers, for tools.

use crate::{
    exit::{self, Exit},
    http, output,
};

/// Print the description of the HTTP door, OpenAPI 3.1.
///
/// It is the document that a running door serves at /openapi.json (and at /docs to be read): made with the routes, so that
/// what is served is what is described.
#[derive(Debug, clap::Args)]
#[command(after_long_help = exit::help(EXAMPLES, &[Exit::Done, Exit::Usage]))]
pub struct Args {
    /// Instead, the table of HTTP statuses and codes in docs/http.md.
    #[arg(long)]
    table: bool,
}

const EXAMPLES: &str = "  ims openapi > ims.json
  ims openapi | jq '.components.schemas.Code.oneOf[] | {const, description}'";

/// Prints it.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    if args.table {
        output::line(http::table().trim_end())?;
    } else {
        output::line(format_args!("{:#}", http::document()))?;
    }
    Ok(Exit::Done)
}
