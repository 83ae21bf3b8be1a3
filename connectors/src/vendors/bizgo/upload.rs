//! Uploads of images: published requests MmsFileUploadRequest, RcsFileUploadRequest, BrandMessage…FileUploadRequest, and
//! their answers.

use super::answer::refusal;
use aws_lc_rs::rand;
use hyper::body::Bytes;
use jiff::Timestamp;
use processors::{codes::judge, reference::CodeTable};
use serde::Deserialize;
use std::str::FromStr;

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
}

impl Use {
    /// All, with the words that people know them by.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::Mms, "mms"),
        (Self::Rcs, "rcs"),
        (Self::Image, "image"),
        (Self::Wide, "wide"),
        (Self::WideItemFirst, "wide-item-first"),
        (Self::WideItem, "wide-item"),
        (Self::CarouselFeed, "carousel-feed"),
        (Self::CarouselCommerce, "carousel-commerce"),
    ];

    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Mms => "/api/comm/v1/file/mms",
            Self::Rcs => "/api/comm/v1/file/rcs",
            Self::Image => "/api/comm/v1/file/brandmessage/default",
            Self::Wide => "/api/comm/v1/file/brandmessage/wide",
            Self::WideItemFirst => "/api/comm/v1/file/brandmessage/wideItemList/first",
            Self::WideItem => "/api/comm/v1/file/brandmessage/wideItemList",
            Self::CarouselFeed => "/api/comm/v1/file/brandmessage/carouselFeed",
            Self::CarouselCommerce => "/api/comm/v1/file/brandmessage/carouselCommerce",
        }
    }
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

#[derive(Deserialize)]
struct Answer {
    data: Service,
}

#[derive(Deserialize)]
struct Service {
    data: Given,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Given {
    file_key: Option<String>,
    media: Option<String>,
    img_url: Option<String>,
    expired: Option<String>,
}

/// An image as a form (RFC 7578): its content type and its body. The error says what is wrong with the file's name.
pub fn form(file_name: &str, image: &[u8]) -> Result<(String, Bytes), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if file_name.is_empty() || !file_name.bytes().all(plain) {
        return Err("name the file with A-Z, a-z, 0-9, '-', '_' and '.' alone".into());
    }
    let mime = if image.starts_with(b"\x89PNG") { "image/png" } else { "image/jpeg" };
    let mut random = [0; 16];
    rand::fill(&mut random).map_err(|_| "there are no random numbers".to_owned())?;
    let boundary = format!("ims-{}", hex::encode(random));
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{file_name}\"\r\n\
         Content-Type: {mime}\r\n\r\n"
    );
    let body = [head.as_bytes(), image, format!("\r\n--{boundary}--\r\n").as_bytes()].concat();
    Ok((format!("multipart/form-data; boundary={boundary}"), body.into()))
}

/// What came of an upload; the error is the vendor's refusal, or that its answer cannot be read.
pub fn uploaded(status: u16, body: &[u8]) -> Result<Uploaded, String> {
    if let Some(code) = refusal(status, body) {
        return Err(format!("HTTP {status}, {code}: {}", judge(CodeTable::Bizgo, &code).meaning));
    }
    let unread = |_| "an answer without a key".to_owned();
    let Answer { data: Service { data } } = serde_json::from_slice(body).map_err(unread)?;
    let key = data.file_key.or(data.media).or(data.img_url).filter(|key| !key.is_empty());
    let key = key.ok_or("an answer without a key")?;
    Ok(Uploaded { key, expires_at: data.expired.and_then(|time| time.parse().ok()) })
}
