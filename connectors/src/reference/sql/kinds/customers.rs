//! Customers, their service keys and their secret keys.

use super::super::{
    held::key_of,
    row::{
        Kind, Owned, Placed, count, decode, encode, json, maybe_count, maybe_of_json, of_json, said, tail, understood,
    },
};
use crate::{
    cipher::Cipher,
    sql::{Arguments, Record},
};
use processors::{
    callback::{Batch, Endpoint, Secret},
    reference::{Customer, Rows, SecretKey, ServiceKey},
};
use std::sync::Arc;

impl Kind for Customer {
    const TABLE: &'static str = "customers";
    const KEY: usize = 1;
    const COLUMNS: &'static [&'static str] = &[
        "username",
        "name",
        "auth_allowed",
        "night_ads",
        "unencodable",
        "origin_code",
        "rate_per_second",
        "daily_quota",
        "ads_by_consent",
        "consent_notices",
    ];

    fn key(Placed { row, .. }: &Placed<Self>) -> String {
        row.username.clone()
    }

    fn username(&self) -> Option<&str> {
        Some(&self.username)
    }

    fn bind<'q>(Placed { row, .. }: &'q Placed<Self>, _: &Cipher, to: &mut Arguments<'q>) -> sqlx::Result<()> {
        to.put(row.username.as_str())?.put(row.name.as_str())?.put(row.auth_allowed)?;
        to.put(said(&row.night_ads)?)?.put(said(&row.unencodable)?)?.put(row.origin_code.as_str())?;
        to.put(row.rate_per_second.map(i64::from))?.put(row.daily_quota.map(i64::from))?;
        let notices = (!row.consent_notices.is_empty()).then(|| json(&row.consent_notices)).transpose()?;
        to.put(row.ads_by_consent)?.put(notices).map(drop)
    }

    fn read(record: &Record, _: &Cipher) -> sqlx::Result<Placed<Self>> {
        Ok(Placed::from(Self {
            username: record.get("username")?,
            name: record.get("name")?,
            auth_allowed: record.get("auth_allowed")?,
            night_ads: understood(record, "night_ads")?,
            unencodable: understood(record, "unencodable")?,
            origin_code: record.get("origin_code")?,
            rate_per_second: maybe_count(record, "rate_per_second")?,
            daily_quota: maybe_count(record, "daily_quota")?,
            ads_by_consent: record.get("ads_by_consent")?,
            consent_notices: maybe_of_json(record, "consent_notices")?.unwrap_or_default(),
        }))
    }

    /// Service keys open doors: their ends tell them apart.
    fn told(&self) -> serde_json::Value {
        let mut told = serde_json::to_value(self).unwrap_or_default();
        for (told, notice) in told["consent_notices"].as_array_mut().into_iter().flatten().zip(&self.consent_notices) {
            told["service_key"] = tail(&notice.service_key).into();
        }
        told
    }
}

impl Owned for Customer {
    const NAME: &'static [&'static str] = &[];

    fn alone(rows: Vec<Arc<Self>>) -> Rows {
        Rows { customers: rows, ..Rows::default() }
    }
}

/// Where an encrypted value of a service key belongs; moved to another row or column it cannot be read.
fn place(service_key: &str, column: &str) -> String {
    format!("service_keys/{service_key}/{column}")
}

impl Kind for ServiceKey {
    const TABLE: &'static str = "service_keys";
    const KEY: usize = 1;
    const COLUMNS: &'static [&'static str] = &[
        "service_key",
        "username",
        "active",
        "callback_uri",
        "callback_secrets",
        "callback_batch_reports",
        "callback_batch_wait_ms",
        "callback_enabled_at",
    ];

    fn key(Placed { row, .. }: &Placed<Self>) -> String {
        row.key.clone()
    }

    fn username(&self) -> Option<&str> {
        Some(&self.username)
    }

    fn bind<'q>(Placed { row, .. }: &'q Placed<Self>, cipher: &Cipher, to: &mut Arguments<'q>) -> sqlx::Result<()> {
        let seal = |column, plain: &str| cipher.seal(&place(&row.key, column), plain.as_bytes()).map_err(encode);
        let uri = row.callback_uri.as_ref().map(|uri| seal("callback_uri", uri)).transpose()?;
        let secrets: Vec<String> = row.callback_secrets.iter().map(Secret::reveal).collect();
        let secrets = (!secrets.is_empty()).then(|| seal("callback_secrets", &json(&secrets)?)).transpose()?;
        to.put(row.key.as_str())?.put(row.username.as_str())?.put(row.active)?.put(uri)?.put(secrets)?;
        to.put(row.callback_batch.map(|batch| i64::from(batch.reports)))?;
        to.put(row.callback_batch.map(|batch| i64::from(batch.wait_ms)))?;
        to.put(row.callback_enabled_at.map(|at| at.as_millisecond())).map(drop)
    }

    fn read(record: &Record, cipher: &Cipher) -> sqlx::Result<Placed<Self>> {
        let key: String = record.get("service_key")?;
        let open = |column: &str| -> sqlx::Result<Option<Vec<u8>>> {
            let sealed: Option<Vec<u8>> = record.get(column)?;
            sealed.map(|sealed| cipher.open(&place(&key, column), &sealed).map_err(|e| decode(column, e))).transpose()
        };
        let uri = open("callback_uri")?.map(String::from_utf8).transpose().map_err(|e| decode("callback_uri", e))?;
        let secrets = open("callback_secrets")?.map(|json| serde_json::from_slice(&json)).transpose();
        let batch: (Option<i64>, Option<i64>) =
            (record.get("callback_batch_reports")?, record.get("callback_batch_wait_ms")?);
        let enabled_at: Option<i64> = record.get("callback_enabled_at")?;
        let enabled_at = enabled_at.map(jiff::Timestamp::from_millisecond).transpose();
        Ok(Placed::from(Self {
            username: record.get("username")?,
            active: record.get("active")?,
            callback_uri: uri,
            callback_secrets: secrets.map_err(|e| decode("callback_secrets", e))?.unwrap_or_default(),
            callback_batch: match batch {
                (Some(_), Some(_)) => Some(Batch {
                    reports: count(record, "callback_batch_reports")?,
                    wait_ms: count(record, "callback_batch_wait_ms")?,
                }),
                _ => None,
            },
            callback_enabled_at: enabled_at.map_err(|e| decode("callback_enabled_at", e))?,
            key,
        }))
    }

    /// The key and the URI open doors: their ends and hashes tell them apart.
    fn told(&self) -> serde_json::Value {
        let mut told = serde_json::to_value(self).unwrap_or_default();
        told["key"] = tail(&self.key).into();
        if let Ok(Some(endpoint)) = Endpoint::of(self) {
            told["callback_uri"] = format!("sha256:{}", &endpoint.uri_sha256).into();
        }
        told
    }

    fn subject(key: &str) -> String {
        tail(key)
    }

    /// Without what calls are made and signed with.
    fn remains(Placed { row, .. }: &Placed<Self>) -> Placed<Self> {
        let (key, username) = (row.key.clone(), row.username.clone());
        Placed::from(Self { key, username, active: false, ..Self::default() })
    }
}

impl Owned for ServiceKey {
    const NAME: &'static [&'static str] = &["service_key"];

    fn alone(rows: Vec<Arc<Self>>) -> Rows {
        Rows { service_keys: rows, ..Rows::default() }
    }
}

impl Kind for SecretKey {
    const TABLE: &'static str = "secret_keys";
    const KEY: usize = 2;
    const COLUMNS: &'static [&'static str] = &["username", "name", "hash", "expires_at", "networks", "scopes"];

    fn key(Placed { row, .. }: &Placed<Self>) -> String {
        key_of(&[&row.username, &row.name])
    }

    fn username(&self) -> Option<&str> {
        Some(&self.username)
    }

    fn bind<'q>(Placed { row, .. }: &'q Placed<Self>, _: &Cipher, to: &mut Arguments<'q>) -> sqlx::Result<()> {
        to.put(row.username.as_str())?.put(row.name.as_str())?.put(row.hash.as_str())?;
        to.put(row.expires_at.map(|at| at.as_millisecond()))?;
        to.put(json(&row.networks)?)?.put(json(&row.scopes)?).map(drop)
    }

    fn read(record: &Record, _: &Cipher) -> sqlx::Result<Placed<Self>> {
        let expires_at: Option<i64> = record.get("expires_at")?;
        let expires_at = expires_at.map(jiff::Timestamp::from_millisecond).transpose();
        let hash: &str = record.get("hash")?;
        Ok(Placed::from(Self {
            username: record.get("username")?,
            name: record.get("name")?,
            hash: hash.parse().map_err(|e| decode("hash", e))?,
            expires_at: expires_at.map_err(|e| decode("expires_at", e))?,
            networks: of_json(record, "networks")?,
            scopes: of_json(record, "scopes")?,
        }))
    }

    /// The end of a hash tells it from another.
    fn told(&self) -> serde_json::Value {
        let mut told = serde_json::to_value(self).unwrap_or_default();
        told["hash"] = tail(self.hash.as_str()).into();
        told
    }
}

impl Owned for SecretKey {
    const NAME: &'static [&'static str] = &["name"];

    fn alone(rows: Vec<Arc<Self>>) -> Rows {
        Rows { secret_keys: rows, ..Rows::default() }
    }
}
