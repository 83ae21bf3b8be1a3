//! A customer that was named with --customer, and of whom nothing was found.

use crate::{
    assemble::open_reference,
    config::{Config, ReferenceKind},
    exit::usage,
    output,
};

/// Refuses a name that no customer has. For who found nothing of it: what is kept of a customer who has left is told
/// without asking. When the reference data cannot be read nobody knows, and nothing found is an answer; that is noted.
pub fn must_exist(config: &Config, username: &str) -> anyhow::Result<()> {
    match open_reference(config) {
        Ok(reference) if reference.current().customer(username).is_none() => Err(usage(format!(
            "--customer {username:?}: nothing is found of it, and no customer is called so; {}",
            where_names_stand(config)
        ))),
        Ok(_) => Ok(()),
        Err(error) => {
            output::note(format_args!("--customer {username:?}: nobody knows whether there is one: {error}"));
            Ok(())
        }
    }
}

fn where_names_stand(config: &Config) -> String {
    if config.reference.kind == ReferenceKind::Sql {
        return "`ims reference export --json | jq -r '.customers[].username'` tells the names".to_owned();
    }
    let file = config.reference.file.display().to_string();
    if file.is_empty() {
        return "the reference data are those of the demo (hanbit-shop and others): set reference.file, or \
                reference.kind = \"sql\""
            .to_owned();
    }
    format!("the rows [[customers]] of {file} tell the names")
}
