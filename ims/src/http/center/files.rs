//! Files that go with messages: images of MMS, attachments of mails.

use super::{
    change::Done,
    page::{Filling, Page},
    params::{FilesOf, NewFile, OneFile},
    query::Query,
    senders::nobodys,
};
use crate::{
    http::{
        answer::{Answer, Problem},
        ask, body,
        gate::Caller,
        routes::Door,
        shares::Shares,
        stop::{Stop, Told},
        words::Words,
    },
    moment::iso,
};
use axum::{
    Extension,
    body::{Body, Bytes},
    extract::State,
    http::{
        HeaderMap, HeaderValue, Uri,
        header::{CONTENT_ENCODING, CONTENT_TYPE},
    },
};
use connectors::{
    files::{self, File, FileSettings, FileStore},
    reference::{FilePlace, FileRow},
};
use processors::{
    center::{
        Cursor,
        file::{Look, look},
    },
    ports::Away,
    refusal::Refusal,
};
use schemas::Channel;
use serde::Serialize;
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use utoipa::ToSchema;

const LIST: &str = "files";
/// A file may take so many times as long to come as a request.
pub const PATIENCE: u32 = 6;
/// How often it is looked for files that were cut off on their way, and after what time they are.
const SWEEP_EVERY_MS: i64 = 60_000;
const CUT_AFTER_MS: i64 = 3_600_000;
/// How many at a time.
const SWEPT: u32 = 100;

/// Where files go.
pub struct Files {
    store: FileStore,
    largest: usize,
    /// Each of them is in memory.
    pub places: Shares<Arc<str>>,
    swept_ms: AtomicI64,
}

impl Files {
    /// Nothing is asked yet.
    pub fn new(store: FileStore, settings: &FileSettings) -> Self {
        Self {
            store,
            largest: settings.largest_bytes,
            places: Shares::half(settings.uploads),
            swept_ms: AtomicI64::new(0),
        }
    }
}

/// A file that was uploaded.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = File)]
pub struct FileTold {
    /// What `attach_file_list` of a message names.
    pub file_key: String,
    /// mt or email: what it goes with.
    pub channel: &'static str,
    /// As it was given.
    pub name: String,
    /// By its content.
    pub content_type: String,
    /// How large it is.
    pub bytes: u64,
    /// Pixels of an image of an MMS.
    #[schema(required = true)]
    pub width: Option<u32>,
    /// The same.
    #[schema(required = true)]
    pub height: Option<u32>,
    /// When it came.
    pub created_at: String,
}

impl From<FileRow> for FileTold {
    fn from(row: FileRow) -> Self {
        Self {
            file_key: row.key,
            channel: ask::word(row.channel),
            name: row.name,
            content_type: row.content_type,
            bytes: row.bytes,
            width: row.pixels.map(|(width, _)| width),
            height: row.pixels.map(|(_, height)| height),
            created_at: iso(row.created_at_ms),
        }
    }
}

/// What files go with.
fn channel(word: &str) -> Result<Channel, Refusal> {
    ask::channel(word).filter(|channel| matches!(channel, Channel::Mt | Channel::Em)).ok_or_else(nobodys)
}

/// The bytes of a file come as they are: what is packed for the way could unfold to anything.
pub fn are_bytes(headers: &HeaderMap) -> bool {
    let is = |name, value: &[u8]| {
        headers.get(&name).map(HeaderValue::as_bytes).is_some_and(|v| v.eq_ignore_ascii_case(value))
    };
    is(CONTENT_TYPE, b"application/octet-stream") && headers.get(CONTENT_ENCODING).is_none()
}

impl Door {
    /// Removes bytes and row of what is there no more.
    async fn forget(&self, username: String, key: String) -> Result<(), Problem> {
        let whose = username.as_str().into();
        self.files.store.remove(&key).await.map_err(told_away)?;
        self.editor(&whose)?.ask(move |editor| editor.forget_file(&username, &key)).await
    }

    /// Forgets what was cut off on its way, now and then.
    fn sweep(self: Arc<Self>) {
        let now_ms = self.clock.now_ms();
        let last_ms = self.files.swept_ms.load(Ordering::Relaxed);
        let due = now_ms - last_ms >= SWEEP_EVERY_MS;
        let swept = &self.files.swept_ms;
        if !due || swept.compare_exchange(last_ms, now_ms, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return;
        }
        tokio::spawn(async move {
            let Ok(editor) = self.editor(&"files".into()) else { return };
            let found = editor.ask(move |editor| editor.cut_files(now_ms - CUT_AFTER_MS, SWEPT)).await;
            for (username, key) in found.unwrap_or_default() {
                // What is left now is found the next time.
                let _ = self.forget(username, key).await;
            }
        });
    }
}

fn told_away(away: Away) -> Problem {
    tracing::warn!(%away, "a store does not answer");
    Problem::StoreAway
}

/// Uploads a file, whose type is told by its content: of MMS a JPEG of 300 KB and 1000 × 1000 pixels, of email what mail
/// servers take, at most 10 MB.
#[utoipa::path(
    post,
    path = "/ims/{service_key}/files/{channel}",
    operation_id = "uploadFile",
    tag = "files",
    params(NewFile)
)]
pub async fn upload(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words((service_key, word)): Words<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Told<FileTold> {
    if !are_bytes(&headers) {
        return Err(Problem::NotBytes.into());
    }
    let files = &door.files;
    let _place = files.places.take(Arc::clone(&caller.username)).ok_or(Problem::TooMany)?;
    let bytes: Bytes = body::read(body, files.largest, door.body_within * PATIENCE).await?;
    let username = caller.whose(&service_key)?.username.clone();
    let channel = channel(&word)?;
    let query = Query::read(uri.query(), &["name"])?;
    let name = query.get("name").unwrap_or_default().to_owned();
    let Look { content_type, pixels } = look(channel, &name, &bytes)?;
    let key = files::new_key().map_err(|_| Problem::Unexpected)?;
    let by = door.by(&caller);
    let row = FileRow {
        key: key.clone(),
        channel,
        name: name.clone(),
        content_type: content_type.clone(),
        bytes: bytes.len() as u64,
        pixels,
        created_at_ms: by.at_ms,
    };
    let (whose, told, by_whom) = (username.clone(), row.clone(), by.clone());
    let expected = door.editor(&caller.username)?.ask(move |editor| editor.expect_file(&by_whom, &whose, &row));
    expected.await?.map_err(Stop::from)?;
    let file = File { name, content_type, bytes: bytes.to_vec() };
    files.store.write(&username, &key, &file).await.map_err(told_away)?;
    let kept = door.editor(&caller.username)?.ask(move |editor| editor.keep_file(&by, &username, &key)).await?;
    Arc::clone(&door).sweep();
    if !kept {
        // It came so late that it was taken for one that was cut off.
        return Err(Problem::StoreAway.into());
    }
    Ok(Answer::success(told.into()))
}

/// Lists files, the oldest first.
#[utoipa::path(
    get,
    path = "/ims/{service_key}/files/{channel}",
    operation_id = "files",
    tag = "files",
    params(FilesOf)
)]
pub async fn list(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words((service_key, word)): Words<(String, String)>,
    uri: Uri,
) -> Told<Page<FileTold>> {
    let username = caller.whose(&service_key)?.username.clone();
    let channel = channel(&word)?;
    let query = Query::read(uri.query(), &["limit", "cursor"])?;
    let (behind, most) = (query.behind::<FilePlace>(LIST)?, query.limit()?);
    let found = door.editor(&caller.username)?.ask(move |editor| {
        Filling::fill(most, behind, |behind, rows| {
            let files = editor.files(&username, channel, behind, rows)?;
            Ok(files.into_iter().map(|file| (file.place(), FileTold::from(file))).collect())
        })
    });
    Ok(Answer::success(found.await?.page(|behind| Cursor::behind(LIST, behind).write())))
}

/// Shows what is known of a file.
#[utoipa::path(
    get,
    path = "/ims/{service_key}/files/{channel}/{file_key}",
    operation_id = "file",
    tag = "files",
    params(OneFile)
)]
pub async fn show(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words((service_key, word, key)): Words<(String, String, String)>,
) -> Told<FileTold> {
    let username = caller.whose(&service_key)?.username.clone();
    Ok(Answer::success(door.found_file(&caller, username, channel(&word)?, key).await?.into()))
}

impl Door {
    async fn found_file(
        &self,
        caller: &Caller,
        username: String,
        channel: Channel,
        key: String,
    ) -> Result<FileRow, Stop> {
        let found = self.editor(&caller.username)?.ask(move |editor| editor.file(&username, &key)).await?;
        Ok(found.filter(|file| file.channel == channel).ok_or_else(nobodys)?)
    }
}

/// Takes a file out; messages that name it and have not left fail.
#[utoipa::path(
    delete,
    path = "/ims/{service_key}/files/{channel}/{file_key}",
    operation_id = "removeFile",
    tag = "files",
    params(OneFile)
)]
pub async fn remove(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words((service_key, word, key)): Words<(String, String, String)>,
) -> Told<Done> {
    let username = caller.whose(&service_key)?.username.clone();
    door.found_file(&caller, username.clone(), channel(&word)?, key.clone()).await?;
    let (by, whose, named) = (door.by(&caller), username.clone(), key.clone());
    let dropped = door.editor(&caller.username)?.ask(move |editor| editor.drop_file(&by, &whose, &named)).await?;
    if !dropped {
        return Err(nobodys().into());
    }
    // It is out, whatever becomes of its bytes: what is left of it is swept.
    let _ = door.forget(username, key.clone()).await;
    Arc::clone(&door).sweep();
    Ok(Answer::success(Done { name: key }))
}
