//! Reading values of the contract from JSON text, each with its place.

use super::error::{At, JsonError};
use super::time;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::{borrow::Cow, collections::BTreeMap, fmt};

/// What the HTTP contract called these fields before units came into their names.
pub(super) const FORMER_NAMES: &[(&str, &str)] = &[
    ("ttl", "ttl_seconds"),
    ("regular_price", "regular_price_krw"),
    ("discount_price", "discount_price_krw"),
    ("discount_rate", "discount_rate_percent"),
    ("discount_fixed", "discount_fixed_krw"),
];

/// A type that JSON text can be read into.
pub(crate) trait FromJson: Sized {
    fn from_json(json: &RawValue, at: &At<'_>) -> Result<Self, JsonError>;
}

/// The fields of one object, checked against the names it may have; each is asked for by its place among them.
pub(crate) struct Fields<'a, const N: usize> {
    at: &'a At<'a>,
    names: &'static [&'static str; N],
    given: [Option<&'a RawValue>; N],
}

impl<'a, const N: usize> Fields<'a, N> {
    pub(crate) fn read(
        json: &'a RawValue,
        at: &'a At<'a>,
        names: &'static [&'static str; N],
    ) -> Result<Self, JsonError> {
        let mut given = [None; N];
        entries(json, at, |name, value| {
            let place = place_of(&name, names).ok_or_else(|| unknown(&name, at, names))?;
            match given[place].replace(value) {
                Some(_) => Err(JsonError::Twice { field: At::Field(at, names[place]).to_string() }),
                None => Ok(()),
            }
        })?;
        Ok(Self { at, names, given })
    }

    /// A field that has a default; null is the same as not given.
    pub(crate) fn given_or<T: FromJson>(&self, place: usize, default: T) -> Result<T, JsonError> {
        match self.given(place) {
            None => Ok(default),
            Some(json) => T::from_json(json, &self.place(place)),
        }
    }

    /// A field without a default. Of the request itself none is needed here: its door or ingest asks for it.
    pub(crate) fn required<T: FromJson + Default>(&self, place: usize) -> Result<T, JsonError> {
        match (self.given(place), self.at) {
            (Some(json), _) => T::from_json(json, &self.place(place)),
            (None, At::Root) => Ok(T::default()),
            (None, _) => Err(JsonError::Missing { field: self.place(place).to_string() }),
        }
    }

    /// A time that may be missing, in Unix milliseconds.
    pub(crate) fn time(&self, place: usize) -> Result<Option<i64>, JsonError> {
        self.given(place).map(|json| time::instant_ms(json, &self.place(place))).transpose()
    }

    fn place(&self, place: usize) -> At<'a> {
        At::Field(self.at, self.names[place])
    }

    fn given(&self, place: usize) -> Option<&'a RawValue> {
        self.given[place].filter(|json| json.get() != "null")
    }
}

fn place_of(name: &str, names: &[&str]) -> Option<usize> {
    let find = |wanted: &str| names.iter().position(|known| *known == wanted);
    find(name).or_else(|| FORMER_NAMES.iter().find(|(former, _)| *former == name).and_then(|(_, now)| find(now)))
}

fn unknown(name: &str, at: &At<'_>, names: &'static [&'static str]) -> JsonError {
    let same_case = shown(name).to_lowercase();
    let likeness = |known: &str| strsim::jaro_winkler(known, &same_case);
    let nearest = names.iter().copied().max_by(|a, b| likeness(a).total_cmp(&likeness(b))).unwrap_or_default();
    JsonError::Unknown { field: At::Field(at, shown(name)).to_string(), nearest }
}

/// The entries of a JSON object in their order, doubles included.
fn entries<'a>(
    json: &'a RawValue,
    at: &At<'_>,
    mut each: impl FnMut(Cow<'a, str>, &'a RawValue) -> Result<(), JsonError>,
) -> Result<(), JsonError> {
    let mut failed = None;
    let each = Each(|name, value| each(name, value).map_err(|error| failed = Some(error)));
    let read = serde_json::Deserializer::from_str(json.get()).deserialize_map(each);
    match (failed, read) {
        (Some(error), _) => Err(error),
        (None, Err(_)) => Err(wrong(json, at, "an object")),
        (None, Ok(())) => Ok(()),
    }
}

/// Is told each entry of a map, until it fails.
struct Each<F>(F);

impl<'de, F: FnMut(Cow<'de, str>, &'de RawValue) -> Result<(), ()>> Visitor<'de> for Each<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some((Name(name), value)) = map.next_entry()? {
            (self.0)(name, value).map_err(|()| A::Error::custom("an entry"))?;
        }
        Ok(())
    }
}

/// A name of an object's field, which is copied only if it is written with escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }
            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(name.into()))
            }
            fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
                Ok(Name(name.to_owned().into()))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

pub(super) fn wrong(json: &RawValue, at: &At<'_>, allowed: &str) -> JsonError {
    JsonError::Wrong { field: at.to_string(), got: kind_of(json).into(), allowed: allowed.into() }
}

/// A wrong word or time is told as it came: it is not personal.
pub(super) fn wrong_word(word: &str, at: &At<'_>, allowed: &str) -> JsonError {
    JsonError::Wrong { field: at.to_string(), got: format!("{:?}", shown(word)), allowed: allowed.into() }
}

/// As much of a word as is told.
fn shown(word: &str) -> &str {
    word.char_indices().nth(40).map_or(word, |(end, _)| &word[..end])
}

fn kind_of(json: &RawValue) -> &'static str {
    match json.get().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "text",
        Some(b't' | b'f') => "true or false",
        Some(b'n') => "null",
        _ => "a number",
    }
}

impl FromJson for String {
    fn from_json(json: &RawValue, at: &At<'_>) -> Result<Self, JsonError> {
        // Well-formed JSON text still fails when it escapes half a surrogate pair.
        let allowed = if json.get().starts_with('"') { "text in Unicode" } else { "text" };
        serde_json::from_str(json.get()).map_err(|_| wrong(json, at, allowed))
    }
}

impl FromJson for bool {
    fn from_json(json: &RawValue, at: &At<'_>) -> Result<Self, JsonError> {
        json.get().parse().map_err(|_| wrong(json, at, "true or false"))
    }
}

impl FromJson for i64 {
    fn from_json(json: &RawValue, at: &At<'_>) -> Result<Self, JsonError> {
        json.get().parse().map_err(|_| wrong(json, at, "a whole number"))
    }
}

impl FromJson for i32 {
    fn from_json(json: &RawValue, at: &At<'_>) -> Result<Self, JsonError> {
        json.get().parse().map_err(|_| wrong(json, at, "a whole number of at most 2147483647"))
    }
}

impl<T: FromJson> FromJson for Option<T> {
    fn from_json(json: &RawValue, at: &At<'_>) -> Result<Self, JsonError> {
        T::from_json(json, at).map(Some)
    }
}

impl<T: FromJson> FromJson for Box<T> {
    fn from_json(json: &RawValue, at: &At<'_>) -> Result<Self, JsonError> {
        T::from_json(json, at).map(Self::new)
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(json: &RawValue, at: &At<'_>) -> Result<Self, JsonError> {
        let items: Vec<&RawValue> = serde_json::from_str(json.get()).map_err(|_| wrong(json, at, "an array"))?;
        items.into_iter().enumerate().map(|(index, item)| T::from_json(item, &At::Item(at, index))).collect()
    }
}

impl FromJson for BTreeMap<String, String> {
    fn from_json(json: &RawValue, at: &At<'_>) -> Result<Self, JsonError> {
        let mut values = Self::new();
        entries(json, at, |name, value| {
            let at = At::Field(at, &name);
            let text = match value.get().as_bytes().first() {
                // A number becomes its text as it was written: 10.50 stays 10.50.
                Some(b'-' | b'0'..=b'9') => value.get().to_owned(),
                _ => serde_json::from_str(value.get()).map_err(|_| wrong(value, &at, "text or a number"))?,
            };
            if values.contains_key(&*name) {
                return Err(JsonError::Twice { field: at.to_string() });
            }
            values.insert(name.into_owned(), text);
            Ok(())
        })?;
        Ok(values)
    }
}

/// A symbol of one of the contract's enums.
pub(crate) fn word<T: std::str::FromStr + Copy + fmt::Display>(
    json: &RawValue,
    at: &At<'_>,
    all: &[T],
) -> Result<T, JsonError> {
    let allowed = || all.iter().map(T::to_string).collect::<Vec<_>>().join(", ");
    let text: String = serde_json::from_str(json.get()).map_err(|_| wrong(json, at, &allowed()))?;
    text.parse().map_err(|_| wrong_word(&text, at, &allowed()))
}
