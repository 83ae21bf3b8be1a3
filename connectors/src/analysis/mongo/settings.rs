//! Where MongoDB is, how it is entered, and how long it keeps what.

use mongodb::bson::Document;
use mongodb::options::{
    ClientOptions, ConnectionString, HostInfo, ReadConcern, ReadPreference, SelectionCriteria, Tls, WriteConcern,
};
use std::fmt;
use std::time::Duration;

/// How long a server is looked for, and a connection made: a stream that waits says so, and tries again.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often each member is looked at.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// One sink or reader asks one thing at a time; the driver watches the members on connections of its own.
const CONNECTIONS: u32 = 2;

/// Why the settings make no client. Names no part of the URL: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MongoSettingsError {
    /// The address cannot be used.
    #[error("analysis.url: {0}; write mongodb://USER:PASSWORD@HOST:PORT,HOST:PORT/?replicaSet=NAME")]
    Url(&'static str),
    /// The name of the database cannot be used.
    #[error("analysis.database = {0:?}: must be 1 to 38 letters, digits, '_' or '-'")]
    Database(String),
}

/// A replica set, and a database on it.
#[derive(Clone)]
pub struct MongoSettings {
    address: ConnectionString,
    database: String,
    keep: Option<Duration>,
}

impl MongoSettings {
    /// By its URL. `keep` is how long events, counters and anomalies are kept; None: for ever.
    pub fn new(url: &str, database: &str, keep: Option<Duration>) -> Result<Self, MongoSettingsError> {
        let refused = |what| Err(MongoSettingsError::Url(what));
        if url.starts_with("mongodb+srv://") {
            return refused("members are not looked up in DNS (mongodb+srv): name them");
        }
        if !url.starts_with("mongodb://") {
            return refused("does not begin with mongodb://");
        }
        let Ok(address) = ConnectionString::parse(url) else {
            return refused("cannot be understood");
        };
        if !matches!(&address.host_info, HostInfo::HostIdentifiers(hosts) if !hosts.is_empty()) {
            return refused("names no host");
        }
        if address.replica_set.is_none() {
            return refused(
                "replicaSet is missing: counters and positions move in transactions, which need a replica set",
            );
        }
        if let Some(Tls::Enabled(tls)) = &address.tls
            && (tls.allow_invalid_certificates == Some(true))
        {
            return refused("an unknown certificate is not trusted here: name its authority as tlsCAFile");
        }
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        if database.is_empty() || database.len() > 38 || !database.bytes().all(fits) {
            return Err(MongoSettingsError::Database(database.into()));
        }
        Ok(Self { address, database: database.into(), keep })
    }

    /// With this password, whatever the URL says.
    pub fn with_password(mut self, password: &str) -> Self {
        self.address.credential.get_or_insert_default().password = Some(password.into());
        self
    }

    pub(super) fn database(&self) -> &str {
        &self.database
    }

    pub(super) fn keep(&self) -> Option<Duration> {
        self.keep
    }

    /// For the driver; nothing is asked yet.
    pub(super) async fn options(&self) -> mongodb::error::Result<ClientOptions> {
        let mut options = ClientOptions::parse(self.address.clone()).await?;
        options.app_name.get_or_insert_with(|| "ims".into());
        options.server_selection_timeout = Some(PATIENCE);
        options.connect_timeout = Some(PATIENCE);
        options.heartbeat_freq = Some(HEARTBEAT);
        options.max_pool_size = Some(CONNECTIONS);
        options.write_concern = Some(write_concern());
        options.read_concern = Some(ReadConcern::majority());
        options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
        Ok(options)
    }
}

/// What is answered stands on most members, in their journals: it outlives each of them.
pub(super) fn write_concern() -> WriteConcern {
    let mut concern = WriteConcern::majority();
    concern.journal = Some(true);
    concern.w_timeout = Some(Duration::from_secs(10));
    concern
}

/// As a command wants it.
pub(super) fn majority() -> Document {
    mongodb::bson::doc! { "w": "majority", "j": true, "wtimeout": 10_000 }
}

/// Names places, never a password.
impl fmt::Debug for MongoSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoSettings")
            .field("hosts", &self.address.host_info)
            .field("replica_set", &self.address.replica_set)
            .field("database", &self.database)
            .field("keep", &self.keep)
            .finish_non_exhaustive()
    }
}
