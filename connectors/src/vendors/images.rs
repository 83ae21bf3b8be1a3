//! Images that customers uploaded to us, as a vendor names them: uploaded there once, and known by its key until that ends.

use super::{Access, Part, judged};
use crate::files::{File, FileStore};
use jiff::Timestamp;
use processors::{
    codes::{Class, Handling, judge},
    night::Night,
    ports::{Clock, Reply},
    reference::{CodeTable, Vendor},
    rest::rests,
    seldom::Seldom,
};
use rustc_hash::FxHashMap;
use schemas::{Dispatch, Family};
use std::{
    future::Future,
    str::FromStr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};

static WAITS: Seldom = Seldom::new();

/// What the contract puts before a file of RCS.
const RCS: &str = "maapfile://";
/// How long a key is used before the image is looked for again: one that was taken out goes no longer.
const LONGEST_MS: i64 = 3_600_000;
/// How long it is believed that a file is none of ours, its key being the vendor's own, or that the vendor refuses it.
const SHORT_MS: i64 = 60_000;
/// How long before its end a key is used no more: clocks differ, and a message is on its way for a while.
const MARGIN_MS: i64 = 900_000;
/// Images whose keys are known; then all are forgotten.
const KNOWN: usize = 10_000;
/// Images that a process has in its memory at a time.
const AT_A_TIME: usize = 8;

/// What an image is for: each has a path of its own, and limits of its own at the vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// MMS: a key for `attach_file_list`.
    Mms,
    /// RCS: an address for `attachment.media`.
    Rcs,
    /// FT, FI, TEXT, IMAGE, COMMERCE: an address for `img_url`, as all that follow.
    Image,
    /// FW, WIDE.
    Wide,
    /// First row of WIDE_ITEM_LIST.
    WideItemFirst,
    /// The other rows.
    WideItem,
    /// CAROUSEL_FEED.
    CarouselFeed,
    /// CAROUSEL_COMMERCE.
    CarouselCommerce,
    /// A template of AT.
    Template,
}

impl Use {
    /// All, with the words that people know them by.
    pub const ALL: [(Self, &'static str); 9] = [
        (Self::Mms, "mms"),
        (Self::Rcs, "rcs"),
        (Self::Image, "image"),
        (Self::Wide, "wide"),
        (Self::WideItemFirst, "wide-item-first"),
        (Self::WideItem, "wide-item"),
        (Self::CarouselFeed, "carousel-feed"),
        (Self::CarouselCommerce, "carousel-commerce"),
        (Self::Template, "template"),
    ];
}

impl FromStr for Use {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|(_, name)| *name == word).map(|(found, _)| found);
        known.ok_or_else(|| format!("one of {}", Self::ALL.map(|(_, name)| name).join(", ")))
    }
}

/// What an upload gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// Key or address, as messages name it.
    pub key: String,
    /// Until when; None: the vendor names no end.
    pub expires_at: Option<Timestamp>,
}

/// What is known of an image, and until when that is believed.
#[derive(Debug)]
struct Known {
    /// What the vendor calls it; None: it is none of ours. Else its refusal.
    said: Result<Option<String>, Reply>,
    until_ms: i64,
}

/// Each is looked at by one at a time.
type Place = Arc<tokio::sync::Mutex<Option<Known>>>;

/// The images of one vendor that this process has uploaded.
#[derive(Debug)]
pub struct Images {
    /// By customer and key, and whether it is for RCS.
    known: Mutex<FxHashMap<(String, String, bool), Place>>,
    memory: Semaphore,
}

impl Default for Images {
    fn default() -> Self {
        Self { known: Mutex::default(), memory: Semaphore::new(AT_A_TIME) }
    }
}

impl Images {
    fn place(&self, name: (String, String, bool)) -> Place {
        let mut known = self.lock();
        if known.len() >= KNOWN && !known.contains_key(&name) {
            known.clear();
        }
        Arc::clone(known.entry(name).or_default())
    }

    fn lock(&self) -> MutexGuard<'_, FxHashMap<(String, String, bool), Place>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets keys that the vendor does not know any more; whether a message that went with them has others now.
    pub fn forget(&self, dispatch: &Dispatch, used: &[String]) -> bool {
        let username = &dispatch.accepted.username;
        let mut any = false;
        for ((what, key), used) in named(dispatch).zip(used) {
            let name = (username.clone(), key.to_owned(), what == Use::Rcs);
            let mut all = self.lock();
            let Some(place) = all.get(&name) else { continue };
            // One that is being looked at, or is another, is newer than what the vendor refused.
            let same = place.try_lock().is_ok_and(|known| match known.as_ref().map(|known| &known.said) {
                Some(Ok(Some(theirs))) => theirs == used,
                _ => false,
            });
            if same {
                all.remove(&name);
            }
            any |= !used.ends_with(key);
        }
        any
    }
}

/// Which files a message names, and what for.
fn named(dispatch: &Dispatch) -> impl Iterator<Item = (Use, &str)> {
    let accepted = &dispatch.accepted;
    let content = &accepted.content;
    let (mms, rcs) = match Family::of(accepted.channel, accepted.message_type) {
        Family::Mms => (&content.attach_file_list[..], &[][..]),
        Family::Rcs => (&[][..], content.attachment.as_deref().map_or(&[][..], |given| &given.media[..])),
        _ => (&[][..], &[][..]),
    };
    let of_rcs = rcs.iter().map(|media| (Use::Rcs, media.strip_prefix(RCS).unwrap_or(media)));
    mms.iter().map(|key| (Use::Mms, key.as_str())).chain(of_rcs)
}

/// What uploads of a sender need.
pub struct Desk<'d> {
    /// Where files are; None: they are the vendor's own.
    pub files: Option<&'d FileStore>,
    /// The part of the vendor's calls that this process has.
    pub part: &'d Part,
    /// Time.
    pub clock: &'d dyn Clock,
    /// When ads may not arrive.
    pub night: &'d Night,
}

/// A way to a vendor that wants an image before the message that has it.
pub trait Takes: Sync {
    /// Its code for "not now", with which a message is tried again.
    const LATER: &'static str;

    /// Key and times, and its row.
    fn of(&self) -> (&Access, &Vendor);

    /// Uploads an image; the error is what a message would be answered so.
    fn take(
        &self,
        what: Use,
        file_name: &str,
        image: &[u8],
        now_ms: i64,
    ) -> impl Future<Output = Result<Uploaded, Reply>> + Send;
}

/// The files of a message as the vendor names them, in its order; else what comes of the step, of which nothing has left.
/// `until`: when the rest of the message's time begins.
pub async fn images<W: Takes>(
    way: &W,
    dispatch: &Dispatch,
    desk: &Desk<'_>,
    until: Instant,
) -> Result<Vec<String>, Reply> {
    let mut keys = as_named(dispatch);
    let Some(files) = desk.files else { return Ok(keys) };
    let looked_for = async {
        for (at, (what, key)) in named(dispatch).enumerate() {
            if let Some(theirs) = image(way, &dispatch.accepted.username, (what, key), files, desk, until).await? {
                keys[at] = theirs;
            }
        }
        Ok(keys)
    };
    timeout_at(until, looked_for).await.unwrap_or_else(|_| Err(later::<W>(way)))
}

async fn image<W: Takes>(
    way: &W,
    username: &str,
    (what, key): (Use, &str),
    files: &FileStore,
    desk: &Desk<'_>,
    until: Instant,
) -> Result<Option<String>, Reply> {
    let images = &way.of().0.images;
    let place = images.place((username.to_owned(), key.to_owned(), what == Use::Rcs));
    // Who comes meanwhile waits for what the first one finds.
    let mut known = place.lock().await;
    let now_ms = desk.clock.now_ms();
    if let Some(Known { said, .. }) = known.as_ref().filter(|known| rests(known.until_ms, LONGEST_MS, now_ms)) {
        return said.clone();
    }
    let _memory = images.memory.acquire().await;
    let fresh = match files.read(username, key).await {
        Ok(Some(file)) => bring(way, (what, key), &file, now_ms, desk, until).await?,
        Ok(None) => Known { said: Ok(None), until_ms: now_ms + SHORT_MS },
        Err(error) => {
            if WAITS.is_news("") {
                tracing::warn!(%error, "a message waits for its images; others are told once a minute");
            }
            return Err(later(way));
        }
    };
    known.insert(fresh).said.clone()
}

async fn bring<W: Takes>(
    way: &W,
    (what, key): (Use, &str),
    file: &File,
    now_ms: i64,
    desk: &Desk<'_>,
    until: Instant,
) -> Result<Known, Reply> {
    let (access, vendor) = way.of();
    // A turn that came too late would be missing to those behind, and to the polls of reports.
    if !access.pace.turn_by(until, || (desk.part)(vendor)).await {
        return Err(later(way));
    }
    // Names of customers may have any letters, and be longer than the vendor takes.
    let ending = if file.content_type == "image/png" { "png" } else { "jpg" };
    match way.take(what, &format!("{key}.{ending}"), &file.bytes, now_ms).await {
        Ok(Uploaded { key, expires_at }) => {
            let end_ms = expires_at.map_or(i64::MAX, |end| end.as_millisecond().saturating_sub(MARGIN_MS));
            Ok(Known { said: Ok(Some(key)), until_ms: end_ms.min(now_ms.saturating_add(LONGEST_MS)) })
        }
        Err(reply) => {
            let refusal = refused(vendor.codes, reply);
            tracing::warn!(vendor = vendor.name, ?refusal, "a vendor does not take an image");
            match &refusal {
                // Each message that has it would ask again in vain.
                Reply::Unasked { code, .. } if judge(vendor.codes, code).class != Class::Retry => {
                    Ok(Known { said: Err(refusal), until_ms: now_ms + SHORT_MS })
                }
                _ => Err(refusal),
            }
        }
    }
}

/// What a refused upload means for the message, which has not left.
fn refused(table: CodeTable, reply: Reply) -> Reply {
    match reply {
        // An upload is no message: brought again, it is another key.
        Reply::NoAnswer(reason) => Reply::NotSent(reason),
        // Of an image it says nothing about the vendor's health, nor of an earlier request.
        Reply::Code { code, text } if judge(table, &code).handling != Handling::LockedOut => {
            Reply::Unasked { code, text }
        }
        other => other,
    }
}

/// To be tried again; of the vendor it says nothing.
fn later<W: Takes>(way: &W) -> Reply {
    judged::code(way.of().1.codes, W::LATER.into(), None).unasked()
}

/// The files of a message as it names them.
pub fn as_named(dispatch: &Dispatch) -> Vec<String> {
    let whole = |(what, key): (Use, &str)| if what == Use::Rcs { format!("{RCS}{key}") } else { key.to_owned() };
    named(dispatch).map(whole).collect()
}
