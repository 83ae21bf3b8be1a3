//! Files of customers: what is known of them beside their bytes, which are in another store ([`crate::files`]).
//!
//! A row is there before the bytes come and until they are gone, so that nothing is kept that no row names: what was cut off
//! in between is found by its state.

use super::{
    audit::Line,
    counts::{count, counted},
    edit::{By, Editor, Unchanged},
    row::{decode, encode},
    writing::Writing,
};
use crate::{
    cipher::Cipher,
    sql::{Record, word},
};
use processors::ports::Away;
use schemas::Channel;
use serde::{Deserialize, Serialize};

const FILES: &str = "files";
const BYTES: &str = "file_bytes";

/// What is known of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRow {
    /// What messages name.
    pub key: String,
    /// What it may go with, MT or EM.
    pub channel: Channel,
    /// As its customer calls it.
    pub name: String,
    /// By its content.
    pub content_type: String,
    /// How many.
    pub bytes: u64,
    /// Width and height of an image of an MMS.
    pub pixels: Option<(u32, u32)>,
    /// When it came, Unix milliseconds.
    pub created_at_ms: i64,
}

/// The last file of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilePlace {
    created_at_ms: i64,
    key: String,
}

impl FileRow {
    /// Where a list goes on behind it.
    pub fn place(&self) -> FilePlace {
        FilePlace { created_at_ms: self.created_at_ms, key: self.key.clone() }
    }

    fn read(record: &Record, cipher: &Cipher) -> sqlx::Result<Self> {
        let (username, key): (String, String) = (record.get("username")?, record.get("file_key")?);
        let sealed: Vec<u8> = record.get("name")?;
        let name = cipher.open(&place(&username, &key), &sealed).map_err(|error| decode("name", error))?;
        let side = |column| -> sqlx::Result<Option<u32>> {
            let side: Option<i64> = record.get(column)?;
            side.map(|side| u32::try_from(side).map_err(|error| decode(column, error))).transpose()
        };
        let bytes: i64 = record.get("bytes")?;
        Ok(Self {
            key,
            channel: word(record, "channel")?,
            name: String::from_utf8(name).map_err(|error| decode("name", error.utf8_error()))?,
            content_type: record.get("content_type")?,
            bytes: bytes.max(0).unsigned_abs(),
            pixels: side("width")?.zip(side("height")?),
            created_at_ms: record.get("created_at")?,
        })
    }
}

/// Where an encrypted name belongs.
fn place(username: &str, key: &str) -> String {
    format!("files/{username}/{key}/name")
}

/// The question for a page.
pub(super) const PAGE: &str = "SELECT * FROM files WHERE username = ? AND channel = ? AND state = 'kept' \
     AND created_at >= ? AND (created_at > ? OR file_key > ?) ORDER BY created_at, file_key LIMIT ?";

impl Editor {
    /// Makes room for a file whose bytes are about to be written.
    pub fn expect_file<E>(
        &mut self,
        by: &By,
        username: &str,
        file: &FileRow,
    ) -> Result<Result<(), Unchanged<E>>, Away> {
        let Self { database, cipher, bounds } = self;
        let bounds = [(FILES, u64::from(bounds.files), 1), (BYTES, bounds.file_bytes, file.bytes)];
        database.transact(
            async |connection| {
                let writing = Writing::beside(connection, cipher, &by.actor, by.at_ms).await?;
                for (what, most, more) in bounds {
                    count(writing.connection, username, what, more.cast_signed()).await?;
                    if counted(writing.connection, username, what).await? > most {
                        return Ok(Err(Unchanged::Full { what, most }));
                    }
                }
                let name = cipher.seal(&place(username, &file.key), file.name.as_bytes()).map_err(encode)?;
                let text = "INSERT INTO files (username, file_key, channel, name, content_type, bytes, width, height, \
                            state, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'coming', ?)";
                let query = writing.connection.query(text).bind(username).bind(file.key.as_str());
                let query = query.bind(file.channel.as_str()).bind(name).bind(file.content_type.as_str());
                let query = query.bind(file.bytes.cast_signed());
                let query = query.bind(file.pixels.map(|(width, _)| i64::from(width)));
                let query = query.bind(file.pixels.map(|(_, height)| i64::from(height)));
                query.bind(file.created_at_ms).execute().await?;
                Ok(Ok(()))
            },
            Result::is_ok,
        )
    }

    /// Its bytes are kept: it is there.
    pub fn keep_file(&mut self, by: &By, username: &str, key: &str) -> Result<bool, Away> {
        self.move_file(by, username, key, ("coming", "kept"), "added")
    }

    /// It is there no more; its bytes are about to be removed. Whether it was there.
    pub fn drop_file(&mut self, by: &By, username: &str, key: &str) -> Result<bool, Away> {
        self.move_file(by, username, key, ("kept", "going"), "removed")
    }

    fn move_file(
        &mut self,
        by: &By,
        username: &str,
        key: &str,
        (from, to): (&str, &str),
        what: &str,
    ) -> Result<bool, Away> {
        let Self { database, cipher, .. } = self;
        database.transact(
            async |connection| {
                let mut writing = Writing::beside(connection, cipher, &by.actor, by.at_ms).await?;
                let text = "UPDATE files SET state = ? WHERE username = ? AND file_key = ? AND state = ?";
                let query = writing.connection.query(text).bind(to).bind(username).bind(key).bind(from);
                if query.execute().await? == 0 {
                    return Ok(false);
                }
                writing.note(Line::counted(FILES, username, &format!("{username}/{key}"), what, 1));
                writing.end().await.map(|_| true)
            },
            |moved| *moved,
        )
    }

    /// Its bytes are gone.
    pub fn forget_file(&mut self, username: &str, key: &str) -> Result<(), Away> {
        let Self { database, .. } = self;
        database.transact(
            async |connection| {
                let text = "SELECT bytes FROM files WHERE username = ? AND file_key = ? AND state <> 'kept'";
                let row = connection.query(text).bind(username).bind(key).fetch_optional().await?;
                let Some(row) = row else { return Ok(()) };
                let bytes: i64 = row.get("bytes")?;
                let text = "DELETE FROM files WHERE username = ? AND file_key = ? AND state <> 'kept'";
                if connection.query(text).bind(username).bind(key).execute().await? > 0 {
                    count(connection, username, FILES, -1).await?;
                    count(connection, username, BYTES, -bytes).await?;
                }
                Ok(())
            },
            |()| true,
        )
    }

    /// Files that were cut off on their way since before a time: their customers and keys.
    pub fn cut_files(&mut self, before_ms: i64, most: u32) -> Result<Vec<(String, String)>, Away> {
        let Self { database, .. } = self;
        database.run(async |connection| {
            let text =
                "SELECT username, file_key FROM files WHERE state IN ('coming', 'going') AND created_at < ? LIMIT ?";
            let rows = connection.query(text).bind(before_ms).bind(most).fetch_all().await?;
            rows.iter().map(|row| Ok((row.get("username")?, row.get("file_key")?))).collect()
        })
    }

    /// A customer's file.
    pub fn file(&mut self, username: &str, key: &str) -> Result<Option<FileRow>, Away> {
        let Self { database, cipher, .. } = self;
        database.run(async |connection| {
            let text = "SELECT * FROM files WHERE username = ? AND file_key = ? AND state = 'kept'";
            let row = connection.query(text).bind(username).bind(key).fetch_optional().await?;
            row.map(|row| FileRow::read(&row, cipher)).transpose()
        })
    }

    /// A customer's files for a channel, the oldest first, behind a place.
    pub fn files(
        &mut self,
        username: &str,
        channel: Channel,
        behind: Option<&FilePlace>,
        most: u32,
    ) -> Result<Vec<FileRow>, Away> {
        let Self { database, cipher, .. } = self;
        let (at_ms, key) = behind.map_or((i64::MIN, ""), |place| (place.created_at_ms, &*place.key));
        database.run(async |connection| {
            let query = connection.query(PAGE).bind(username).bind(channel.as_str());
            let rows = query.bind(at_ms).bind(at_ms).bind(key).bind(most).fetch_all().await?;
            rows.iter().map(|row| FileRow::read(row, cipher)).collect()
        })
    }
}
