//! The rows that a process holds, by their keys.

use super::row::{Kind, PARTS, Placed};
use crate::{cipher::Cipher, sql::Connection};
use processors::reference::{
    Customer, Pattern, RoutingGroup, Rows, SecretKey, SenderGroup, SenderNumber, SenderProfile, ServiceKey, Template,
    User, Vendor, VendorWeight,
};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// Rows of a kind, by key.
pub(super) type Map<K> = FxHashMap<String, Placed<K>>;

/// All kinds of rows.
#[derive(Debug, Clone, Default)]
pub(super) struct Held {
    pub customers: Map<Customer>,
    pub service_keys: Map<ServiceKey>,
    pub secret_keys: Map<SecretKey>,
    pub users: Map<User>,
    pub sender_profiles: Map<SenderProfile>,
    pub sender_groups: Map<SenderGroup>,
    pub templates: Map<Template>,
    pub sender_numbers: Map<SenderNumber>,
    pub routing_groups: Map<RoutingGroup>,
    pub patterns: Map<Pattern>,
    pub vendors: Map<Vendor>,
    pub vendor_weights: Map<VendorWeight>,
}

impl Held {
    /// Of rows that stand somewhere else.
    pub fn of(rows: &Rows) -> Self {
        Self {
            customers: by_key(&rows.customers, false),
            service_keys: by_key(&rows.service_keys, false),
            secret_keys: by_key(&rows.secret_keys, false),
            users: by_key(&rows.users, false),
            sender_profiles: by_key(&rows.sender_profiles, false),
            sender_groups: by_key(&rows.sender_groups, false),
            templates: by_key(&rows.templates, false),
            sender_numbers: by_key(&rows.sender_numbers, false),
            routing_groups: by_key(&rows.routing_groups, false),
            patterns: by_key(&rows.patterns, true),
            vendors: by_key(&rows.vendors, true),
            vendor_weights: by_key(&rows.vendor_weights, false),
        }
    }

    /// Takes up what was written after a version.
    pub async fn fetch(&mut self, connection: &mut Connection, cipher: &Cipher, since: i64) -> sqlx::Result<()> {
        newer(connection, cipher, since, &mut self.customers).await?;
        newer(connection, cipher, since, &mut self.service_keys).await?;
        newer(connection, cipher, since, &mut self.secret_keys).await?;
        newer(connection, cipher, since, &mut self.users).await?;
        newer(connection, cipher, since, &mut self.sender_profiles).await?;
        newer(connection, cipher, since, &mut self.sender_groups).await?;
        newer(connection, cipher, since, &mut self.templates).await?;
        newer(connection, cipher, since, &mut self.sender_numbers).await?;
        newer(connection, cipher, since, &mut self.routing_groups).await?;
        newer(connection, cipher, since, &mut self.patterns).await?;
        newer(connection, cipher, since, &mut self.vendors).await?;
        newer(connection, cipher, since, &mut self.vendor_weights).await
    }

    /// Vendors and their weights alone, and the customers whom these may name.
    pub async fn vendors(connection: &mut Connection, cipher: &Cipher) -> sqlx::Result<Self> {
        let mut this = Self::default();
        newer(connection, cipher, -1, &mut this.customers).await?;
        newer(connection, cipher, -1, &mut this.vendors).await?;
        newer(connection, cipher, -1, &mut this.vendor_weights).await?;
        Ok(this)
    }

    /// To be indexed.
    pub fn rows(&self) -> Rows {
        Rows {
            customers: shared(&self.customers),
            service_keys: shared(&self.service_keys),
            secret_keys: shared(&self.secret_keys),
            users: shared(&self.users),
            sender_profiles: shared(&self.sender_profiles),
            sender_groups: shared(&self.sender_groups),
            templates: shared(&self.templates),
            sender_numbers: shared(&self.sender_numbers),
            opt_outs: Vec::new(),
            consents: Vec::new(),
            push_tokens: Vec::new(),
            routing_groups: shared(&self.routing_groups),
            patterns: shared(&self.patterns),
            vendors: shared(&self.vendors),
            vendor_weights: shared(&self.vendor_weights),
        }
    }
}

/// The statement that asks for what is newer than a version.
pub(super) fn newer_text(table: &str) -> String {
    format!("SELECT * FROM {table} WHERE version > ?")
}

async fn newer<K: Kind>(
    connection: &mut Connection,
    cipher: &Cipher,
    since: i64,
    held: &mut Map<K>,
) -> sqlx::Result<()> {
    let text = newer_text(K::TABLE);
    for record in connection.query(&text).bind(since).fetch_all().await? {
        let row = K::read(&record, cipher)?;
        let key = K::key(&row);
        match record.get("removed")? {
            true => drop(held.remove(&key)),
            false => drop(held.insert(key, row)),
        }
    }
    Ok(())
}

/// Rows by their keys; where their order means something it is their place.
pub(super) fn by_key<K: Kind>(rows: &[Arc<K>], ordered: bool) -> Map<K> {
    let place = |(position, row): (i32, &Arc<K>)| {
        let row = Placed { position: if ordered { position } else { 0 }, row: Arc::clone(row) };
        (K::key(&row), row)
    };
    (0..).zip(rows).map(place).collect()
}

fn shared<K: Kind>(held: &Map<K>) -> Vec<Arc<K>> {
    let mut rows: Vec<_> = held.iter().map(|(key, row)| (row.position, key, &row.row)).collect();
    rows.sort_unstable_by_key(|(position, key, _)| (*position, *key));
    rows.into_iter().map(|(.., row)| Arc::clone(row)).collect()
}

/// A key of several parts.
pub(super) fn key_of(parts: &[&str]) -> String {
    parts.join(PARTS.encode_utf8(&mut [0; 4]))
}
