//! Uploads of images: published requests MmsFileUploadRequest, RcsFileUploadRequest, BrandMessage…FileUploadRequest,
//! AlimtalkTemplateImageUploadRequest, and their answers.

use super::answer::refusal;
use crate::vendors::images::{Uploaded, Use};
use aws_lc_rs::rand;
use hyper::body::Bytes;
use processors::{codes::judge, reference::CodeTable};
use serde::Deserialize;

/// Where an image of this use is uploaded.
pub const fn path(what: Use) -> &'static str {
    match what {
        Use::Mms => "/api/comm/v1/file/mms",
        Use::Rcs => "/api/comm/v1/file/rcs",
        Use::Image => "/api/comm/v1/file/brandmessage/default",
        Use::Wide => "/api/comm/v1/file/brandmessage/wide",
        Use::WideItemFirst => "/api/comm/v1/file/brandmessage/wideItemList/first",
        Use::WideItem => "/api/comm/v1/file/brandmessage/wideItemList",
        Use::CarouselFeed => "/api/comm/v1/file/brandmessage/carouselFeed",
        Use::CarouselCommerce => "/api/comm/v1/file/brandmessage/carouselCommerce",
        Use::Template => "/api/comm/v1/file/alimtalk/template",
    }
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
