//! Coupons of brand messages.

use super::super::field::Field;
use super::super::{link::Links, text};
use crate::refusal::{Code, Refusal};
use schemas::{CouponOf, Text};

/// Channel coupons have links of this form.
const CHANNEL_COUPON: &str = "alimtalk=coupon://";

/// A title of one of the five patterns, a description, and a way to the coupon: a mobile web link, or a channel coupon's
/// link in one of the app links.
pub fn check<S: Text>(
    at: &Field<'_>,
    coupon: &CouponOf<S>,
    longest_description: usize,
    longest_link: usize,
) -> Result<(), Refusal> {
    if !is_title(&coupon.title) {
        return Err(Refusal::new(
            Code::Attachment,
            &at.of("title"),
            "must be \"N원 할인 쿠폰\" (N 1 to 99999999), \"N% 할인 쿠폰\" (N 1 to 100), \"배송비 할인 쿠폰\", \
             \"… 무료 쿠폰\" or \"… UP 쿠폰\" (… 1 to 7 characters without blanks)",
        ));
    }
    if text::is_blank(&coupon.description) {
        return Err(Refusal::new(Code::Attachment, &at.of("description"), "missing"));
    }
    text::at_most(Code::Attachment, &at.of("description"), &coupon.description, longest_description)?;
    let channel = [&coupon.scheme_android, &coupon.scheme_ios];
    if text::given(&coupon.url_mobile).is_none()
        && !channel.into_iter().flatten().any(|link| link.starts_with(CHANNEL_COUPON))
    {
        return Err(Refusal::new(
            Code::Attachment,
            &at.of("url_mobile"),
            format_args!("missing, a coupon needs it or an app link {CHANNEL_COUPON}…"),
        ));
    }
    Links::from(coupon).check(Code::Attachment, at, longest_link)
}

/// The five patterns (NHN Cloud 브랜드 메시지 API guide, coupon.title; Aligo API, template_coupon; that a name has no
/// blanks: solapi-nodejs bmsCoupon.ts).
fn is_title(title: &str) -> bool {
    let number = |digits: &str, most: u32| {
        !digits.starts_with('0')
            && digits.bytes().all(|b| b.is_ascii_digit())
            && digits.parse().is_ok_and(|n: u32| n <= most)
    };
    let name = |name: &str| (1..=7).contains(&name.chars().count()) && !name.contains(char::is_whitespace);
    title == "배송비 할인 쿠폰"
        || title.strip_suffix("원 할인 쿠폰").is_some_and(|n| number(n, 99_999_999))
        || title.strip_suffix("% 할인 쿠폰").is_some_and(|n| number(n, 100))
        || title.strip_suffix(" 무료 쿠폰").is_some_and(name)
        || title.strip_suffix(" UP 쿠폰").is_some_and(name)
}

#[cfg(test)]
mod tests {
    use super::super::super::field::top;
    use super::*;
    use schemas::Coupon;

    fn coupon() -> Coupon {
        Coupon {
            title: "10% 할인 쿠폰".into(),
            description: "첫 구매 고객".into(),
            url_mobile: Some("https://m.example.kr/c".into()),
            ..Coupon::default()
        }
    }

    fn passes(coupon: &Coupon) -> bool {
        check(&top("coupon"), coupon, 12, 1000).is_ok()
    }

    #[test]
    fn a_title_has_one_of_five_patterns() {
        for title in [
            "1원 할인 쿠폰",
            "99999999원 할인 쿠폰",
            "1% 할인 쿠폰",
            "100% 할인 쿠폰",
            "배송비 할인 쿠폰",
            "아메리카노 무료 쿠폰",
            "일이삼사오육칠 무료 쿠폰",
            "적립금 UP 쿠폰",
        ] {
            assert!(is_title(title), "{title}");
        }
        for title in [
            "",
            "0원 할인 쿠폰",
            "01원 할인 쿠폰",
            "1,000원 할인 쿠폰",
            "100000000원 할인 쿠폰",
            "+1원 할인 쿠폰",
            "0% 할인 쿠폰",
            "101% 할인 쿠폰",
            "% 할인 쿠폰",
            "배송비 할인 쿠폰 ",
            " 무료 쿠폰",
            "일이삼사오육칠팔 무료 쿠폰",
            "신규 가입 무료 쿠폰",
            "적립금 up 쿠폰",
            "할인 쿠폰",
        ] {
            assert!(!is_title(title), "{title}");
        }
    }

    #[test]
    fn a_description_holds_at_the_limit_and_fails_beyond() {
        let described = |n| Coupon { description: "가".repeat(n), ..coupon() };
        assert!(passes(&described(12)));
        assert!(!passes(&described(13)));
        assert!(!passes(&described(0)));
    }

    #[test]
    fn a_coupon_leads_somewhere() {
        assert!(!passes(&Coupon { url_mobile: None, ..coupon() }));
        let channel = |link: &str| Coupon { url_mobile: None, scheme_ios: Some(link.into()), ..coupon() };
        assert!(passes(&channel("alimtalk=coupon://1")));
        assert!(!passes(&channel("myapp://coupon")));
    }
}
