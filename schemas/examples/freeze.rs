//! Commits the next version of every record whose schema changed: `cargo run -p schemas --example freeze`.
//!
//! Writes `avro/versions/<record>/<n>.avsc`, self-contained, or refuses what is not FULL_TRANSITIVE with all before it.
//! A version that has not been released may be mended: delete its file and freeze again.

use schemas::{Schemas, evolution};
use std::{error::Error, fs, io::Write, path::Path, process::ExitCode};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/avro/versions"));
    let (mut out, mut refused) = (std::io::stdout(), false);
    for (record, schema) in Schemas::records() {
        let schema = serde_json::from_str(schema)?;
        let versions = evolution::committed(folder, record)?;
        if versions.last() == Some(&schema) {
            continue;
        }
        let mut reasons = evolution::faults(&schema);
        reasons.extend(versions.iter().flat_map(|version| evolution::breaks(version, &schema)));
        if reasons.is_empty() {
            let file = evolution::version_file(folder, record, versions.len() + 1);
            fs::create_dir_all(folder.join(record))?;
            fs::write(&file, serde_json::to_string_pretty(&schema)? + "\n")?;
            writeln!(out, "{}", file.display())?;
        }
        for reason in &reasons {
            writeln!(out, "{record} is not frozen: {reason}")?;
        }
        refused |= !reasons.is_empty();
    }
    Ok(if refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
