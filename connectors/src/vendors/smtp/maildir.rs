//! The folder that a mail server puts returned mails into (Maildir): read from `new`, removed when what they say is in the
//! log, set aside in `.unmatched` when they say nothing of ours.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Mails of one look.
const MOST: usize = 100;
/// Bytes of a mail that are read: a report stands before what it returns.
const MOST_BYTES: u64 = 1 << 20;

/// A mail in the folder.
pub struct Found {
    path: PathBuf,
    /// What it says, or its beginning.
    pub bytes: Vec<u8>,
}

/// A Maildir.
#[derive(Debug, Clone)]
pub struct Maildir(PathBuf);

impl Maildir {
    /// The error is the reason with its remedy.
    pub fn open(path: &Path) -> Result<Self, String> {
        let this = Self(path.to_owned());
        // What could not be removed would be reported again and again.
        let usable = fs::read_dir(this.0.join("new")).and_then(|_| {
            let probe = this.0.join("new").join(format!(".ims-{}", std::process::id()));
            fs::write(&probe, "").and_then(|()| fs::remove_file(&probe))
        });
        usable.map(|()| this).map_err(|error| {
            format!("{error}: name a Maildir, a folder with cur, new and tmp, that this process may read and write")
        })
    }

    /// The oldest mails that nobody has taken. One that another process takes meanwhile is passed over.
    pub fn look(&self) -> io::Result<Vec<Found>> {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(self.0.join("new"))?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
        // Hidden ones are no mails.
        paths.retain(|path| path.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b".")));
        // Their names begin with when they came.
        paths.sort_unstable();
        let mut found = Vec::new();
        for path in paths.into_iter().take(MOST) {
            match read(&path) {
                Ok(bytes) => found.push(Found { path, bytes }),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// What it said is in the log.
    pub fn remove(&self, found: &Found) -> io::Result<()> {
        gone_is_fine(fs::remove_file(&found.path))
    }

    /// It says nothing of ours: kept for the operator, in a folder that mail programs show.
    pub fn set_aside(&self, found: &Found) -> io::Result<()> {
        let folder = self.0.join(".unmatched");
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(folder.join(part))?;
        }
        let name = found.path.file_name().unwrap_or_default();
        gone_is_fine(fs::rename(&found.path, folder.join("new").join(name)))
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    use io::Read;
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(MOST_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Another process was quicker.
fn gone_is_fine(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}
