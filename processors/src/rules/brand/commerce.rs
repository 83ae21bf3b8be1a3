//! Products and prices, in KRW.

use super::super::field::Field;
use super::super::text;
use crate::refusal::{Code, Refusal};
use schemas::{CommerceOf, Text};

/// A name, a regular price, and a discount that says what it is.
pub fn check<S: Text>(at: &Field<'_>, commerce: &CommerceOf<S>) -> Result<(), Refusal> {
    let CommerceOf { title, regular_price_krw, discount_price_krw, discount_rate_percent, discount_fixed_krw } =
        commerce;
    if text::is_blank(title) {
        return Err(Refusal::new(Code::Attachment, &at.of("title"), "missing"));
    }
    text::at_most(Code::Attachment, &at.of("title"), title, 30)?;
    amount(&at.of("regular_price_krw"), Some(*regular_price_krw), 0, 99_999_999)?;
    amount(&at.of("discount_price_krw"), *discount_price_krw, 0, 99_999_999)?;
    // A rate of 0 is refused by Kakao since 2026-08-04 (Bizgo BrandMessageCommerce): leave it out instead.
    amount(&at.of("discount_rate_percent"), discount_rate_percent.map(i64::from), 1, 100)?;
    amount(&at.of("discount_fixed_krw"), *discount_fixed_krw, 0, 999_999)?;
    match (discount_price_krw, discount_rate_percent, discount_fixed_krw) {
        (Some(_), None, None) => Err(Refusal::new(
            Code::Attachment,
            &at.of("discount_price_krw"),
            "needs discount_rate_percent or discount_fixed_krw beside it",
        )),
        (None, Some(_), _) | (None, _, Some(_)) => {
            Err(Refusal::new(Code::Attachment, &at.of("discount_price_krw"), "missing, a discount needs it"))
        }
        _ => Ok(()),
    }
}

fn amount(at: &Field<'_>, got: Option<i64>, least: i64, most: i64) -> Result<(), Refusal> {
    match got {
        Some(got) if !(least..=most).contains(&got) => {
            Err(Refusal::new(Code::Attachment, at, format_args!("got {got}, {least} to {most} are allowed")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::field::top;
    use super::*;
    use schemas::Commerce;

    fn product() -> Commerce {
        Commerce { title: "원두 1kg".into(), regular_price_krw: 30_000, ..Commerce::default() }
    }

    fn refused(commerce: &Commerce) -> Option<String> {
        check(&top("commerce"), commerce).err().map(|r| r.message)
    }

    #[test]
    fn prices_hold_at_the_limit_and_fail_beyond() {
        for (price, passes) in [(0, true), (99_999_999, true), (100_000_000, false), (-1, false)] {
            assert_eq!(refused(&Commerce { regular_price_krw: price, ..product() }).is_none(), passes, "{price}");
        }
        let reduced = |price, rate, fixed| Commerce {
            discount_price_krw: price,
            discount_rate_percent: rate,
            discount_fixed_krw: fixed,
            ..product()
        };
        for (rate, passes) in [(1, true), (100, true), (0, false), (101, false)] {
            assert_eq!(refused(&reduced(Some(1), Some(rate), None)).is_none(), passes, "{rate}");
        }
        for (fixed, passes) in [(0, true), (999_999, true), (1_000_000, false), (-1, false)] {
            assert_eq!(refused(&reduced(Some(1), None, Some(fixed))).is_none(), passes, "{fixed}");
        }
        assert!(refused(&reduced(Some(100_000_000), Some(1), None)).is_some());
    }

    #[test]
    fn a_discount_has_a_price_and_says_what_it_is() {
        let alone = Commerce { discount_price_krw: Some(20_000), ..product() };
        assert!(refused(&alone).unwrap().contains("needs discount_rate_percent or discount_fixed_krw"));
        let unpriced = Commerce { discount_rate_percent: Some(10), ..product() };
        assert!(refused(&unpriced).unwrap().starts_with("commerce.discount_price_krw: missing"));
    }

    #[test]
    fn a_name_holds_at_the_limit_and_fails_beyond() {
        let named = |n| Commerce { title: "가".repeat(n), ..product() };
        assert_eq!(refused(&named(30)), None);
        assert_eq!(refused(&named(31)).unwrap(), "commerce.title: got 31 characters, at most 30");
        assert_eq!(refused(&named(0)).unwrap(), "commerce.title: missing");
    }
}
