//! The parameters behind the `?` of a path.

use processors::{
    center::Cursor,
    refusal::{Code, Refusal},
    rules::field::top,
};
use serde::{Serialize, de::DeserializeOwned};
use std::borrow::Cow;

/// Rows of a page when nobody says how many, and most of them.
const PAGE: u32 = 100;
const LONGEST_PAGE: u32 = 1000;

/// Parameters of known names, each given once; an empty one is not given.
pub struct Query<'q>(Vec<(&'static str, Cow<'q, str>)>);

impl<'q> Query<'q> {
    /// Reads them; the names are those that the path knows.
    pub fn read(query: Option<&'q str>, names: &[&'static str]) -> Result<Self, Refusal> {
        let mut given = Vec::new();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let Some(known) = names.iter().find(|known| **known == name) else {
                let name: String = name.chars().take(40).collect();
                let reason = format_args!("there is no such parameter here, there are {}", names.join(", "));
                return Err(Refusal::named(Code::BadRequest, name, reason));
            };
            if given.iter().any(|(before, _)| before == known) {
                return Err(Refusal::bad(&top(known), "given twice, allowed is once"));
            }
            given.push((*known, value));
        }
        given.retain(|(_, value)| !value.is_empty());
        Ok(Self(given))
    }

    /// A parameter that is given.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| *given == name).map(|(_, value)| &**value)
    }

    /// The place behind which a list goes on.
    pub fn behind<P: Serialize + DeserializeOwned>(&self, list: &str) -> Result<Option<P>, Refusal> {
        self.get("cursor").map(|text| Cursor::read(&top("cursor"), list, text)).transpose()
    }

    /// Whether all of it is asked for as CSV.
    pub fn csv(&self) -> Result<bool, Refusal> {
        match self.get("format") {
            None | Some("json") => Ok(false),
            Some("csv") => Ok(true),
            Some(_) => Err(Refusal::bad(&top("format"), "json or csv is allowed")),
        }
    }

    /// Rows of a page.
    pub fn limit(&self) -> Result<u32, Refusal> {
        let Some(text) = self.get("limit") else { return Ok(PAGE) };
        text.parse().ok().filter(|limit| (1..=LONGEST_PAGE).contains(limit)).ok_or_else(|| {
            let got: String = text.chars().take(20).collect();
            Refusal::bad(&top("limit"), format_args!("got {got:?}, 1 to {LONGEST_PAGE} are allowed"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(query: &str) -> Result<u32, String> {
        Query::read(Some(query), &["limit", "from"]).and_then(|query| query.limit()).map_err(|refusal| refusal.message)
    }

    #[test]
    fn parameters_are_known_and_given_once() {
        assert_eq!((limit(""), limit("limit=7&from=a"), limit("limit=")), (Ok(100), Ok(7), Ok(100)));
        assert_eq!(limit("form=a").unwrap_err(), "form: there is no such parameter here, there are limit, from");
        assert_eq!(limit("limit=7&limit=8").unwrap_err(), "limit: given twice, allowed is once");
        for wrong in ["0", "1001", "-1", "x", "1%00", "99999999999"] {
            assert!(limit(&format!("limit={wrong}")).unwrap_err().contains("1 to 1000 are allowed"), "{wrong}");
        }
        assert_eq!(Query::read(Some("from=%2B09:00+x"), &["from"]).unwrap().get("from"), Some("+09:00 x"));
    }

    #[test]
    fn whatever_stands_behind_the_question_mark_ends_in_an_answer() {
        for bytes in schemas::examples::spoilt(&[b"limit=20&cursor=abc&from=%ea%b0%80", b"limit=20&limit=20"]) {
            if let Ok(query) = Query::read(Some(&String::from_utf8_lossy(&bytes)), &["limit", "cursor", "from"]) {
                let _ = (query.limit(), query.behind::<(i64, String)>("hist"));
            }
        }
    }
}
