//! Each kind of rows in its table.

use super::{
    held::key_of,
    row::{
        Kind, Owned, Placed, count, decode, encode, json, maybe_count, maybe_of_json, maybe_understood, of_json, said,
        tail, understood,
    },
};
use crate::{
    cipher::Cipher,
    sql::{Arguments, Record, word},
};
use processors::{
    callback::{Batch, Endpoint, Secret},
    reference::{
        Customer, Pattern, RoutingGroup, Rows, SecretKey, SenderNumber, SenderProfile, ServiceKey, Template, Vendor,
        VendorWeight,
    },
};
use schemas::Family;
use serde::{Serialize, de::DeserializeOwned};
use std::{collections::BTreeMap, sync::Arc};

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

impl Kind for SenderProfile {
    const TABLE: &'static str = "sender_profiles";
    const KEY: usize = 1;
    const COLUMNS: &'static [&'static str] = &["sender_key", "username", "state"];

    fn key(Placed { row, .. }: &Placed<Self>) -> String {
        row.sender_key.clone()
    }

    fn username(&self) -> Option<&str> {
        Some(&self.username)
    }

    fn bind<'q>(Placed { row, .. }: &'q Placed<Self>, _: &Cipher, to: &mut Arguments<'q>) -> sqlx::Result<()> {
        to.put(row.sender_key.as_str())?.put(row.username.as_str())?.put(said(&row.state)?).map(drop)
    }

    fn read(record: &Record, _: &Cipher) -> sqlx::Result<Placed<Self>> {
        Ok(Placed::from(Self {
            sender_key: record.get("sender_key")?,
            username: record.get("username")?,
            state: understood(record, "state")?,
        }))
    }
}

impl Owned for SenderProfile {
    const NAME: &'static [&'static str] = &["sender_key"];

    fn alone(rows: Vec<Arc<Self>>) -> Rows {
        Rows { sender_profiles: rows, ..Rows::default() }
    }
}

impl Kind for Template {
    const TABLE: &'static str = "templates";
    const KEY: usize = 3;
    const COLUMNS: &'static [&'static str] = &[
        "channel",
        "username",
        "code",
        "sender_key",
        "state",
        "auth_allowed",
        "message",
        "title",
        "header",
        "html",
        "attachment",
        "supplement",
    ];

    fn key(Placed { row, .. }: &Placed<Self>) -> String {
        key_of(&[row.channel.as_str(), &row.username, &row.code])
    }

    fn username(&self) -> Option<&str> {
        Some(&self.username)
    }

    fn bind<'q>(Placed { row, .. }: &'q Placed<Self>, _: &Cipher, to: &mut Arguments<'q>) -> sqlx::Result<()> {
        to.put(row.channel.as_str())?.put(row.username.as_str())?.put(row.code.as_str())?;
        to.put(row.sender_key.as_deref())?.put(said(&row.state)?)?.put(row.auth_allowed)?;
        to.put(row.message.as_str())?.put(row.title.as_deref())?.put(row.header.as_deref())?;
        to.put(row.html.as_deref())?;
        to.put(row.attachment.as_ref().map(json).transpose()?)?;
        to.put(row.supplement.as_ref().map(json).transpose()?).map(drop)
    }

    fn read(record: &Record, _: &Cipher) -> sqlx::Result<Placed<Self>> {
        Ok(Placed::from(Self {
            channel: word(record, "channel")?,
            username: record.get("username")?,
            code: record.get("code")?,
            sender_key: record.get("sender_key")?,
            state: understood(record, "state")?,
            auth_allowed: record.get("auth_allowed")?,
            message: record.get("message")?,
            title: record.get("title")?,
            header: record.get("header")?,
            html: record.get("html")?,
            attachment: maybe_of_json(record, "attachment")?,
            supplement: maybe_of_json(record, "supplement")?,
        }))
    }

    fn bytes(&self) -> usize {
        self.message.len() + self.html.as_ref().map_or(0, String::len)
    }
}

impl Owned for Template {
    const NAME: &'static [&'static str] = &["channel", "code"];

    fn alone(rows: Vec<Arc<Self>>) -> Rows {
        Rows { templates: rows, ..Rows::default() }
    }
}

impl Kind for SenderNumber {
    const TABLE: &'static str = "sender_numbers";
    const KEY: usize = 3;
    const COLUMNS: &'static [&'static str] = &["channel", "username", "number", "state"];

    fn key(Placed { row, .. }: &Placed<Self>) -> String {
        key_of(&[row.channel.as_str(), &row.username, &row.number])
    }

    fn username(&self) -> Option<&str> {
        Some(&self.username)
    }

    fn bind<'q>(Placed { row, .. }: &'q Placed<Self>, _: &Cipher, to: &mut Arguments<'q>) -> sqlx::Result<()> {
        to.put(row.channel.as_str())?.put(row.username.as_str())?.put(row.number.as_str())?;
        to.put(said(&row.state)?).map(drop)
    }

    fn read(record: &Record, _: &Cipher) -> sqlx::Result<Placed<Self>> {
        Ok(Placed::from(Self {
            channel: word(record, "channel")?,
            username: record.get("username")?,
            number: record.get("number")?,
            state: understood(record, "state")?,
        }))
    }
}

impl Owned for SenderNumber {
    const NAME: &'static [&'static str] = &["channel", "number"];

    fn alone(rows: Vec<Arc<Self>>) -> Rows {
        Rows { sender_numbers: rows, ..Rows::default() }
    }
}

/// Families in a text column, separated by blanks.
fn families(record: &Record, column: &str) -> sqlx::Result<Vec<Family>> {
    let names: &str = record.get(column)?;
    let family = |name: &str| {
        let known = Family::ALL.into_iter().find(|family| family.as_str() == name);
        known.ok_or_else(|| decode(column, format_args!("{name:?} is no family")))
    };
    names.split(' ').filter(|name| !name.is_empty()).map(family).collect()
}

/// What messages cost, by family; none: nothing is known.
fn by_family<T: DeserializeOwned>(record: &Record, column: &str) -> sqlx::Result<BTreeMap<Family, T>> {
    let listed: Option<BTreeMap<String, T>> = maybe_of_json(record, column)?;
    let one = |(name, value): (String, T)| {
        let known = Family::ALL.into_iter().find(|family| family.as_str() == name);
        Ok((known.ok_or_else(|| decode(column, format_args!("{name:?} is no family")))?, value))
    };
    listed.into_iter().flatten().map(one).collect()
}

/// NULL when there is nothing.
fn json_by_family<T: Serialize>(of: &BTreeMap<Family, T>) -> sqlx::Result<Option<String>> {
    let named: BTreeMap<&str, &T> = of.iter().map(|(family, value)| (family.as_str(), value)).collect();
    (!named.is_empty()).then(|| json(&named)).transpose()
}

fn names_of(families: &[Family]) -> String {
    families.iter().map(|family| family.as_str()).collect::<Vec<_>>().join(" ")
}

impl Kind for RoutingGroup {
    const TABLE: &'static str = "routing_groups";
    const KEY: usize = 1;
    const COLUMNS: &'static [&'static str] =
        &["name", "priority", "usernames", "service_keys", "topics", "partitions", "replicas"];

    fn key(Placed { row, .. }: &Placed<Self>) -> String {
        row.name.clone()
    }

    fn bind<'q>(Placed { row, .. }: &'q Placed<Self>, _: &Cipher, to: &mut Arguments<'q>) -> sqlx::Result<()> {
        to.put(row.name.as_str())?.put(row.priority.as_str())?;
        to.put(json(&row.usernames)?)?.put(json(&row.service_keys)?)?.put(names_of(&row.topics))?;
        to.put(row.partitions.map(i64::from))?.put(row.replicas.map(i64::from)).map(drop)
    }

    fn read(record: &Record, _: &Cipher) -> sqlx::Result<Placed<Self>> {
        Ok(Placed::from(Self {
            name: record.get("name")?,
            priority: word(record, "priority")?,
            usernames: of_json(record, "usernames")?,
            service_keys: of_json(record, "service_keys")?,
            topics: families(record, "topics")?,
            partitions: maybe_count(record, "partitions")?,
            replicas: maybe_count(record, "replicas")?,
        }))
    }

    fn told(&self) -> serde_json::Value {
        let keys: Vec<String> = self.service_keys.iter().map(|key| tail(key)).collect();
        serde_json::to_value(Self { service_keys: keys, ..self.clone() }).unwrap_or_default()
    }

    fn bytes(&self) -> usize {
        self.usernames.iter().chain(&self.service_keys).map(|member| member.len() + 3).sum()
    }
}

impl Kind for Pattern {
    const TABLE: &'static str = "routing_patterns";
    const KEY: usize = 1;
    const COLUMNS: &'static [&'static str] = &["position", "priority", "channel", "message_type", "message_id_prefix"];

    fn key(row: &Placed<Self>) -> String {
        row.position.to_string()
    }

    fn bind<'q>(Placed { position, row }: &'q Placed<Self>, _: &Cipher, to: &mut Arguments<'q>) -> sqlx::Result<()> {
        to.put(*position)?.put(row.priority.as_str())?.put(row.channel.map(|channel| channel.as_str()))?;
        to.put(row.message_type.map(|message_type| message_type.as_str()))?;
        to.put(row.message_id_prefix.as_deref()).map(drop)
    }

    fn read(record: &Record, _: &Cipher) -> sqlx::Result<Placed<Self>> {
        let row = Self {
            priority: word(record, "priority")?,
            channel: maybe_understood(record, "channel")?,
            message_type: maybe_understood(record, "message_type")?,
            message_id_prefix: record.get("message_id_prefix")?,
        };
        Ok(Placed { position: record.get("position")?, row: Arc::new(row) })
    }
}

impl Kind for Vendor {
    const TABLE: &'static str = "vendors";
    const KEY: usize = 1;
    const COLUMNS: &'static [&'static str] = &[
        "name",
        "position",
        "families",
        "codes",
        "weight",
        "tps",
        "max_in_flight",
        "timeout_ms",
        "receipts",
        "receipt_hours",
        "in_doubt",
        "title_bytes",
        "protocol",
        "url",
        "paused",
        "cost_krw",
        "receipt_hours_of",
    ];

    fn key(Placed { row, .. }: &Placed<Self>) -> String {
        row.name.clone()
    }

    fn bind<'q>(Placed { position, row }: &'q Placed<Self>, _: &Cipher, to: &mut Arguments<'q>) -> sqlx::Result<()> {
        to.put(row.name.as_str())?.put(*position)?.put(names_of(&row.families))?.put(said(&row.codes)?)?;
        for number in [row.weight, row.tps, row.max_in_flight, row.timeout_ms] {
            to.put(i64::from(number))?;
        }
        to.put(row.receipts)?.put(i64::from(row.receipt_hours))?.put(said(&row.in_doubt)?)?;
        to.put(i64::from(row.title_bytes))?.put(said(&row.protocol)?)?.put(row.url.as_str())?;
        to.put(row.paused)?.put(json_by_family(&row.cost_krw)?)?;
        to.put(json_by_family(&row.receipt_hours_of)?).map(drop)
    }

    fn read(record: &Record, _: &Cipher) -> sqlx::Result<Placed<Self>> {
        let row = Self {
            name: record.get("name")?,
            families: families(record, "families")?,
            codes: understood(record, "codes")?,
            weight: count(record, "weight")?,
            tps: count(record, "tps")?,
            max_in_flight: count(record, "max_in_flight")?,
            timeout_ms: count(record, "timeout_ms")?,
            receipts: record.get("receipts")?,
            receipt_hours: count(record, "receipt_hours")?,
            in_doubt: understood(record, "in_doubt")?,
            title_bytes: count(record, "title_bytes")?,
            protocol: understood(record, "protocol")?,
            url: record.get("url")?,
            paused: record.get("paused")?,
            cost_krw: by_family(record, "cost_krw")?,
            receipt_hours_of: by_family(record, "receipt_hours_of")?,
        };
        Ok(Placed { position: record.get("position")?, row: Arc::new(row) })
    }
}

impl Kind for VendorWeight {
    const TABLE: &'static str = "vendor_weights";
    const KEY: usize = 4;
    const COLUMNS: &'static [&'static str] = &["vendor", "family", "priority", "username", "weight"];

    fn key(Placed { row, .. }: &Placed<Self>) -> String {
        let family = row.family.map_or("", |family| family.as_str());
        let priority = row.priority.map_or("", |lane| lane.as_str());
        key_of(&[&row.vendor, family, priority, row.username.as_deref().unwrap_or_default()])
    }

    fn bind<'q>(Placed { row, .. }: &'q Placed<Self>, _: &Cipher, to: &mut Arguments<'q>) -> sqlx::Result<()> {
        // A key has no NULL: what holds for all is empty.
        to.put(row.vendor.as_str())?.put(row.family.map_or("", |family| family.as_str()))?;
        to.put(row.priority.map_or("", |lane| lane.as_str()))?;
        to.put(row.username.as_deref().unwrap_or_default())?.put(i64::from(row.weight)).map(drop)
    }

    fn read(record: &Record, _: &Cipher) -> sqlx::Result<Placed<Self>> {
        let priority: String = record.get("priority")?;
        let username: String = record.get("username")?;
        Ok(Placed::from(Self {
            vendor: record.get("vendor")?,
            family: families(record, "family")?.first().copied(),
            priority: if priority.is_empty() { None } else { Some(word(record, "priority")?) },
            username: (!username.is_empty()).then_some(username),
            weight: count(record, "weight")?,
        }))
    }
}
