//! Where the next page of a list begins.

use crate::refusal::Refusal;
use crate::rules::field::Field;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

/// Longest cursor that is read, bytes: the longest key of a row has room.
const LONGEST: usize = 2048;

/// The last row of a page, by what its list is ordered by. To customers it is a word without meaning; one that was made
/// up finds nothing that its list would not show anyway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor<P> {
    /// Which list it is of, so that one is not taken for another's.
    list: String,
    place: P,
}

impl<P: Serialize + for<'de> Deserialize<'de>> Cursor<P> {
    /// Behind this place of a list.
    pub fn behind(list: &str, place: P) -> Self {
        Self { list: list.to_owned(), place }
    }

    /// As a customer gets it.
    pub fn write(&self) -> String {
        // Texts and numbers always make JSON.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// The place that a customer's cursor of this list names.
    pub fn read(at: &Field<'_>, list: &str, text: &str) -> Result<P, Refusal> {
        let decoded =
            Some(text).filter(|text| text.len() <= LONGEST).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        let read = decoded.and_then(|json| serde_json::from_slice::<Self>(&json).ok());
        let of_this_list = read.filter(|cursor| cursor.list == list);
        of_this_list.map(|cursor| cursor.place).ok_or_else(|| {
            Refusal::bad(at, "is none that this list gave: send `next` of the page before as it came, or nothing")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::field::top;
    use proptest::prelude::*;

    type Place = (i64, String);

    fn read(list: &str, text: &str) -> Option<Place> {
        Cursor::<Place>::read(&top("cursor"), list, text).ok()
    }

    #[test]
    fn a_cursor_is_read_back_by_its_own_list_alone() {
        let place = (7, "01KJ주문".to_owned());
        let text = Cursor::behind("hist", place.clone()).write();
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{text}");
        assert_eq!(read("hist", &text), Some(place));
        assert_eq!(read("templates", &text), None);
        assert_eq!(read("hist", &text[1..]), None);
        assert_eq!(read("hist", &"A".repeat(LONGEST + 1)), None);
        let refused = Cursor::<(u8, u8)>::read(&top("cursor"), "hist", &text).unwrap_err();
        assert!(!refused.message.contains(&text), "{refused}");
    }

    proptest! {
        #[test]
        fn no_text_panics(text: String) {
            let _ = read("hist", &text);
        }
    }
}
