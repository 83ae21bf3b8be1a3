//! Videos of PREMIUM_VIDEO.

use super::super::field::Field;
use super::super::link::{self, TEMPLATE_LINK};
use super::super::text;
use crate::refusal::{Code, Refusal};
use schemas::{Text, VideoOf};

/// A video on Kakao TV, `https://tv.kakao.com/v/<number>` or `https://tv.kakao.com/channel/<number>/cliplink/<number>`
/// (NHN Cloud 브랜드 메시지 overview), and a thumbnail when the video is private.
pub fn check<S: Text>(at: &Field<'_>, video: &VideoOf<S>) -> Result<(), Refusal> {
    let field = at.of("video_url");
    if !is_kakao_tv(&video.video_url) {
        return Err(Refusal::new(
            Code::Attachment,
            &field,
            "must be https://tv.kakao.com/v/<number> or https://tv.kakao.com/channel/<number>/cliplink/<number>",
        ));
    }
    text::at_most(Code::Attachment, &field, &video.video_url, TEMPLATE_LINK)?;
    match text::given(&video.thumbnail_url) {
        None => Ok(()),
        Some(url) => link::web(Code::Attachment, &at.of("thumbnail_url"), url, TEMPLATE_LINK),
    }
}

fn is_kakao_tv(url: &str) -> bool {
    let number = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let Some(path) = url.strip_prefix("https://tv.kakao.com/") else { return false };
    match path.strip_prefix("channel/") {
        Some(rest) => rest.split_once("/cliplink/").is_some_and(|(channel, clip)| number(channel) && number(clip)),
        None => path.strip_prefix("v/").is_some_and(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_video_is_on_kakao_tv() {
        assert!(is_kakao_tv("https://tv.kakao.com/v/123"));
        assert!(is_kakao_tv("https://tv.kakao.com/channel/1/cliplink/2"));
        for url in [
            "",
            "http://tv.kakao.com/v/1",
            "https://tv.kakao.com/v/",
            "https://tv.kakao.com/v/a",
            "https://tv.kakao.com.evil.kr/v/1",
            "https://tv.kakao.com/channel/1",
            "https://youtu.be/1",
        ] {
            assert!(!is_kakao_tv(url), "{url}");
        }
    }
}
