//! Phone numbers: the receiver's in one normal form, the sender's as Korean law lets it be shown (spec/mt.md §2).

use super::field::Field;
use crate::refusal::Refusal;

/// Korea's country calling code, taken when a request names none.
const KOREA: &str = "82";

/// A receiver's number in its one normal form: country code, and national digits without the leading 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receiver {
    /// Digits, for example 82.
    pub country_code: String,
    /// Digits, for example 1012345678.
    pub number: String,
}

impl Receiver {
    /// Whether it is a number abroad.
    pub fn is_abroad(&self) -> bool {
        self.country_code != KOREA
    }
}

/// Drops '-' and blanks, reads one '+' in front and refuses anything else that is no digit. `longest` counts what is
/// left, the '+' included.
fn digits<'t>(field: &Field<'_>, raw: &str, longest: usize, into: &'t mut String) -> Result<(bool, &'t str), Refusal> {
    let mut plus = false;
    for (i, c) in raw.chars().enumerate() {
        match c {
            '0'..='9' => into.push(c),
            '-' | ' ' | '\t' | '\u{a0}' => {}
            '+' if into.is_empty() && !plus => plus = true,
            _ => {
                return Err(Refusal::bad(
                    field,
                    format_args!("character {} is no digit; digits, '-', blanks and a leading + are allowed", i + 1),
                ));
            }
        }
    }
    match into.len() + usize::from(plus) {
        got if got > longest => {
            Err(Refusal::bad(field, format_args!("got {got} characters besides '-' and blanks, at most {longest}")))
        }
        _ => Ok((plus, into)),
    }
}

/// Brings a receiver's number to its normal form. `longest` is the field's limit before '-' and blanks are dropped.
pub fn receiver(
    field: &Field<'_>,
    raw: &str,
    longest: usize,
    country_field: &Field<'_>,
    country: Option<&str>,
) -> Result<Receiver, Refusal> {
    let (mut buffer, mut country_buffer) = (String::with_capacity(16), String::new());
    let (plus, digits_given) = digits(field, raw, longest, &mut buffer)?;
    let country = match country {
        None => None,
        Some(raw) => {
            let (_, code) = digits(country_field, raw, 10, &mut country_buffer)?;
            if !(1..=3).contains(&code.len()) || code.starts_with('0') {
                return Err(Refusal::bad(
                    country_field,
                    format_args!("got {} digits, 1 to 3 that do not start with 0 are allowed", code.len()),
                ));
            }
            Some(code)
        }
    };
    let national = match (plus, country) {
        (false, _) => digits_given,
        (true, country) => digits_given.strip_prefix(country.unwrap_or(KOREA)).ok_or_else(|| {
            Refusal::bad(field, "starts with + and another country code than country_code (82 when that is absent)")
        })?,
    };
    let national = national.strip_prefix('0').unwrap_or(national);
    let country = country.unwrap_or(KOREA);
    // Korea: from 8 (a 15YY number, or 02 with seven digits) to 11 (050X); E.164: 15 with the country code.
    let (shortest, longest) = if country == KOREA { (8, 11) } else { (4, 15 - country.len()) };
    let got = national.len();
    if !(shortest..=longest).contains(&got) {
        return Err(Refusal::bad(
            field,
            format_args!("got {got} digits without country code and leading 0, {shortest} to {longest} are allowed"),
        ));
    }
    Ok(Receiver { country_code: country.to_owned(), number: national.to_owned() })
}

/// A receiver's number as it is dialled within Korea, out of its national digits: with a 0 in front, which 15YY, 16YY and
/// 18YY numbers have not.
pub fn domestic(national: &str) -> String {
    if is_15yy(national) { national.to_owned() } else { format!("0{national}") }
}

/// Whether national digits are a number without area code. No other has 8 digits and begins so: 02 with seven digits begins
/// with 2, 01X with seven has 9.
fn is_15yy(national: &str) -> bool {
    national.len() == 8 && matches!(national.as_bytes(), [b'1', b'5' | b'6' | b'8', ..])
}

/// Brings a sender number to plain domestic digits and refuses what no Korean number looks like.
///
/// 8 to 11 digits (전기통신사업법, 발신번호 사전등록제): 15YY, 16YY and 18YY without area code; 02 and 0NN area codes;
/// 010-ABYY-YYYY; 0N0 services. 070-0YYY, 070-1YYY, 010-0YYY and 010-1YYY do not exist.
pub fn sender(field: &Field<'_>, raw: &str) -> Result<String, Refusal> {
    let mut buffer = String::with_capacity(12);
    let (plus, given) = digits(field, raw, 20, &mut buffer)?;
    let number = match given.strip_prefix(KOREA) {
        // 15YY numbers have no 0 in front at home either.
        Some(national) if plus && (national.starts_with('0') || national.len() == 8 && national.starts_with('1')) => {
            national.to_owned()
        }
        Some(national) if plus => format!("0{national}"),
        _ if plus => return Err(Refusal::bad(field, "is a number abroad; a Korean sender number is needed")),
        _ => given.to_owned(),
    };
    match shape(&number) {
        Ok(()) => Ok(number),
        Err(reason) => Err(Refusal::bad(field, reason)),
    }
}

fn shape(number: &str) -> Result<(), String> {
    let length = number.len();
    if !(8..=11).contains(&length) {
        return Err(format!("got {length} digits, a sender number has 8 to 11"));
    }
    let exactly = |kind: &str, allowed: std::ops::RangeInclusive<usize>| {
        if allowed.contains(&length) {
            return Ok(());
        }
        let (from, to) = (allowed.start(), allowed.end());
        Err(match from == to {
            true => format!("got {length} digits, {kind} has {from}"),
            false => format!("got {length} digits, {kind} has {from} to {to}"),
        })
    };
    let exists = |kind: &str| match number.as_bytes()[3] {
        b'0' | b'1' => Err(format!("{kind} with an exchange of 0 or 1 does not exist")),
        _ => Ok(()),
    };
    let no_area_code_before_15yy = |area: usize| match &number.as_bytes()[area..] {
        [b'1', b'5' | b'6' | b'8', rest @ ..] if rest.len() == 6 => {
            Err("a 15YY, 16YY or 18YY number has no area code in front".to_owned())
        }
        _ => Ok(()),
    };
    match number.as_bytes() {
        [b'1', b'5' | b'6' | b'8', ..] => exactly("a 15YY, 16YY or 18YY number", 8..=8),
        [b'0', b'1', b'0', ..] => exactly("a 010 number", 11..=11).and_then(|()| exists("a 010 number")),
        [b'0', b'7', b'0', ..] => exactly("a 070 number", 11..=11).and_then(|()| exists("a 070 number")),
        [b'0', b'3' | b'5' | b'6' | b'8', b'0', ..] => exactly("a 0N0 number", 10..=11),
        [b'0', b'2', ..] => exactly("a 02 number", 9..=10).and_then(|()| no_area_code_before_15yy(2)),
        [b'0', b'3', b'1'..=b'3', ..]
        | [b'0', b'4', b'1'..=b'4', ..]
        | [b'0', b'5', b'1'..=b'5', ..]
        | [b'0', b'6', b'1'..=b'4', ..] => {
            exactly("a landline number", 10..=11).and_then(|()| no_area_code_before_15yy(3))
        }
        _ => Err("has no prefix of a Korean sender number (010, 02, an area code, 0N0, 15YY, 16YY, 18YY)".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::field::top;
    use super::*;
    use crate::refusal::Code;
    use proptest::prelude::*;

    fn normal(raw: &str, country: Option<&str>) -> Result<(String, String), Refusal> {
        receiver(&top("phone_number"), raw, 16, &top("country_code"), country).map(|r| (r.country_code, r.number))
    }

    fn sender_of(raw: &str) -> Result<String, Refusal> {
        sender(&top("callback"), raw)
    }

    #[test]
    fn every_way_to_write_a_number_is_one_number() {
        let one = Ok(("82".to_owned(), "1012345678".to_owned()));
        for (raw, country) in [
            ("01012345678", None),
            ("010-1234-5678", None),
            ("010 1234 5678", None),
            ("1012345678", None),
            ("+821012345678", None),
            ("+82 10-1234-5678", None),
            ("+82 010-1234-5678", None),
            ("01012345678", Some("82")),
            ("1012345678", Some("82")),
            ("1012345678", Some("+82")),
            ("+821012345678", Some("82")),
        ] {
            assert_eq!(normal(raw, country), one, "{raw} {country:?}");
        }
    }

    #[test]
    fn a_number_is_dialled_at_home_as_it_is_known() {
        for (given, dialled) in [
            ("010-1234-5678", "01012345678"),
            ("02-1588-123", "021588123"),
            ("011-234-5678", "0112345678"),
            ("1588-1234", "15881234"),
            ("+82 1661-1234", "16611234"),
            ("1899 1234", "18991234"),
            ("050-2345-67890", "050234567890"),
        ] {
            assert_eq!(domestic(&normal(given, None).unwrap().1), dialled, "{given}");
        }
    }

    #[test]
    fn a_number_abroad_needs_its_country_code() {
        assert_eq!(normal("415-555-0132", Some("1")), Ok(("1".into(), "4155550132".into())));
        assert_eq!(normal("+1 415-555-0132", Some("1")), Ok(("1".into(), "4155550132".into())));
        assert_eq!(normal("+1 415-555-0132", None).unwrap_err().code, Code::BadRequest);
        assert_eq!(normal("+81 90-1234-567", Some("82")).unwrap_err().code, Code::BadRequest);
    }

    #[test]
    fn limits_hold_at_the_limit_and_fail_beyond() {
        assert!(normal("+123456789012345", Some("123")).is_ok()); // 16 characters
        let over = normal("+1234567890123456", Some("123")).unwrap_err();
        assert_eq!(over.message, "phone_number: got 17 characters besides '-' and blanks, at most 16");
        assert!(normal("12345678", None).is_ok());
        assert!(normal("1234567", None).is_err());
        assert!(normal("012345678901", None).is_ok());
        assert!(normal("0123456789012", None).is_err());
        assert!(normal("12345678901234", Some("1")).is_ok());
        assert!(normal("123456789012345", Some("1")).is_err());
        assert!(normal("1234", Some("999")).is_ok());
        assert!(normal("1234", Some("9999")).is_err());
        assert!(normal("1234", Some("0")).is_err());
    }

    #[test]
    fn what_is_no_digit_is_refused_by_its_place_and_not_by_its_value() {
        let refused = normal("010-1234-567x", None).unwrap_err();
        assert!(refused.message.contains("character 13 is no digit"), "{}", refused.message);
        assert!(!refused.message.contains("1234"));
        assert!(normal("+82+1012345678", None).is_err());
        assert!(normal("", None).is_err());
    }

    #[test]
    fn sender_numbers_of_every_kind_pass() {
        for (raw, number) in [
            ("02-345-6789", "023456789"),
            ("02-3456-7890", "0234567890"),
            ("02-1234-5678", "0212345678"),
            ("031-234-5678", "0312345678"),
            ("064-2345-6789", "06423456789"),
            ("010-2345-6789", "01023456789"),
            ("+82 10-2345-6789", "01023456789"),
            ("+82 2-3456-7890", "0234567890"),
            ("+82 02-345-6789", "023456789"),
            ("+82 1588-1234", "15881234"),
            ("070-2345-6789", "07023456789"),
            ("080-123-4567", "0801234567"),
            ("050-2345-6789", "05023456789"),
            ("1588-1234", "15881234"),
            ("1661 1234", "16611234"),
            ("1899-1234", "18991234"),
        ] {
            assert_eq!(sender_of(raw), Ok(number.to_owned()), "{raw}");
        }
    }

    #[test]
    fn sender_numbers_that_do_not_exist_are_refused() {
        for raw in [
            "010-0234-5678",
            "010-1234-5678",
            "070-0234-5678",
            "070-1234-5678",
            "010-234-5678",
            "02-1588-1234",
            "031-1661-1234",
            "02-234-567",
            "02-34567-8901",
            "031-234-567",
            "034-234-5678",
            "011-234-5678",
            "1588-12345",
            "1788-1234",
            "15881",
            "0503-2345-67890",
            "+1 415 555 0132",
            "080-12-345",
            "call me",
            "",
        ] {
            let refused = sender_of(raw).unwrap_err();
            assert_eq!(refused.code, Code::BadRequest, "{raw}");
        }
    }

    proptest! {
        #[test]
        fn a_normal_form_is_its_own_normal_form(raw in "(010|011|02|031|1588)[0-9]{4,8}") {
            if let Ok((country, number)) = normal(&raw, None) {
                prop_assert_eq!(normal(&number, Some(&country)), Ok((country, number)));
            }
        }

        #[test]
        fn dashes_and_blanks_change_nothing(raw in "[0-9]{6,9}", at in 0usize..6) {
            let mut spaced = raw.clone();
            spaced.insert_str(at, "- ");
            prop_assert_eq!(normal(&raw, None).ok(), normal(&spaced, None).ok());
        }

        #[test]
        fn no_input_panics(raw: String, country: Option<String>) {
            let _ = normal(&raw, country.as_deref());
            let _ = sender_of(&raw);
        }
    }
}
