//! Families by the words that rows have for them, for serde.

use schemas::Family;
use serde::de::Error;

pub mod by_family {
    use super::family;
    use schemas::Family;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::collections::BTreeMap;

    pub fn serialize<S: Serializer, T: Serialize>(of: &BTreeMap<Family, T>, to: S) -> Result<S::Ok, S::Error> {
        of.iter().map(|(family, value)| (family.as_str(), value)).collect::<BTreeMap<_, _>>().serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
        from: D,
    ) -> Result<BTreeMap<Family, T>, D::Error> {
        let of = BTreeMap::<String, T>::deserialize(from)?;
        of.into_iter().map(|(name, value)| Ok((family::<D::Error>(&name)?, value))).collect()
    }
}

pub mod maybe_family {
    use super::family;
    use schemas::Family;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(of: &Option<Family>, to: S) -> Result<S::Ok, S::Error> {
        of.map(|family| family.as_str()).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Family>, D::Error> {
        Option::<String>::deserialize(from)?.map(|name| family(&name)).transpose()
    }
}

pub mod families {
    use super::family;
    use schemas::Family;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(families: &[Family], to: S) -> Result<S::Ok, S::Error> {
        families.iter().map(|f| f.as_str()).collect::<Vec<_>>().serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Family>, D::Error> {
        let names = Vec::<String>::deserialize(from)?;
        names.iter().map(|name| family(name)).collect()
    }
}

fn family<E: Error>(name: &str) -> Result<Family, E> {
    Family::ALL
        .into_iter()
        .find(|family| family.as_str() == name)
        .ok_or_else(|| E::custom(format!("{name:?} is no family: AT FT BT SMS LMS MMS RCS PUSH EMAIL")))
}
