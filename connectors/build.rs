//! Writes down what stands in migrations/, a constant of scripts for each store.
//!
//! sqlx's own macro for it would bring its clients a second time, for the compiler, and SQLite and TLS with them.

use std::{env, fmt::Write, fs, io, path::Path};

const STORES: [(&str, &str); 6] = [
    ("SERVER", "mysql"),
    ("ANALYSIS", "sqlite/analysis"),
    ("CLAIMS", "sqlite/claims"),
    ("HISTORY", "sqlite/history"),
    ("REFERENCE", "sqlite/reference"),
    ("REPORTS", "sqlite/reports"),
];

const MANIFEST: &str = "CARGO_MANIFEST_DIR";

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=../migrations");
    let folder = Path::new("../migrations");
    let mut text = String::new();
    for (name, store) in STORES {
        let scripts = scripts(&folder.join(store))?;
        writeln!(text, "pub(crate) const {name}: Scripts = Cow::Borrowed(&[{scripts}]);").map_err(io::Error::other)?;
    }
    fs::write(Path::new(&env::var("OUT_DIR").map_err(io::Error::other)?).join("migrations.rs"), text)
}

/// The scripts of a folder, by their numbers: `0003_what_it_does.sql` is the third.
fn scripts(folder: &Path) -> io::Result<String> {
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort_unstable();
    let script = |path: &Path| {
        let name = path.file_name()?.to_str()?.strip_suffix(".sql")?;
        let (version, words) = name.split_once('_')?;
        let (version, words) = (version.parse::<i64>().ok()?, words.replace('_', " "));
        // Asked for when it is compiled: the checkout may have moved since this ran.
        let path = format!("concat!(env!({MANIFEST:?}), {:?})", Path::new("/").join(path));
        Some(format!("Script {{ version: {version}, name: {words:?}, sql: include_str!({path}) }}, "))
    };
    paths
        .iter()
        .map(|path| script(path).ok_or_else(|| io::Error::other(format!("{path:?} is no migration: 0001_words.sql"))))
        .collect()
}
