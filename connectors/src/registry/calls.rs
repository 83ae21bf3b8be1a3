//! The requests, and what their failures mean: wait, or stop.

use processors::ports::Away;
use reqwest::blocking::{Client, RequestBuilder};
use schema_registry_converter::blocking::schema_registry::{
    SrSettings, get_schema_by_id, perform_sr_call, post_schema,
};
use schema_registry_converter::error::SRCError;
use schema_registry_converter::schema_registry_common::{RawError, SchemaType, SrCall, SuppliedSchema};
use serde::Deserialize;
use serde_json::json;
use std::error::Error;
use std::time::Duration;

/// What /health/ready calls it.
const NAME: &str = "schema registry";
/// Data teams and our own hops upgrade in any order.
pub const COMPATIBILITY: &str = "FULL_TRANSITIVE";

/// Where a registry is.
#[derive(Clone)]
pub struct RegistrySettings {
    /// Base URL of the Confluent API, for example `http://127.0.0.1:8081`.
    pub url: String,
    /// Name and password of basic authentication.
    pub credentials: Option<(String, String)>,
    /// How long one request may take.
    pub timeout: Duration,
    /// What stands before the name of every topic, and so before that of every subject.
    pub topic_prefix: String,
}

impl std::fmt::Debug for RegistrySettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let username = self.credentials.as_ref().map(|(username, _)| username);
        f.debug_struct("RegistrySettings").field("url", &self.url).field("username", &username).finish_non_exhaustive()
    }
}

/// Why the registry cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// It may answer later: wait.
    #[error(transparent)]
    Away(#[from] Away),
    /// The settings make no client: stop.
    #[error("schema registry settings: {0}")]
    Settings(String),
    /// It refuses what we ask: stop.
    #[error("the schema registry refuses {subject}: {cause}")]
    Refused {
        /// The subject.
        subject: String,
        /// What it says: not compatible with an older version, no rights.
        cause: String,
    },
    /// Subjects lack a schema that this program writes with: stop. One line each, with the remedy.
    #[error("subjects of the schema registry are not as they should be:\n  {}", .0.join("\n  "))]
    Lacking(Vec<String>),
}

#[derive(Debug)]
pub struct Calls {
    settings: SrSettings,
    client: Client,
    /// For what the registry crate has no call for.
    own: RegistrySettings,
}

#[derive(Deserialize)]
struct Compatibility {
    /// What a GET answers; some registries name it as the PUT does.
    #[serde(rename = "compatibilityLevel", alias = "compatibility")]
    level: String,
}

/// A version of a subject.
#[derive(Debug, Deserialize)]
pub struct Version {
    pub id: u32,
    pub schema: String,
}

#[derive(Deserialize)]
struct IsCompatible {
    is_compatible: bool,
}

/// The URL itself may hold a password.
fn no_such_page(subject: &str) -> RegistryError {
    Answer::Refused("404 no such page: is registry.url the base URL of a Confluent-compatible registry?".into())
        .error(subject)
}

impl Calls {
    pub fn new(settings: &RegistrySettings) -> Result<Self, RegistryError> {
        let refused = |e: &dyn std::fmt::Display| RegistryError::Settings(e.to_string());
        let url = settings.url.trim_end_matches('/').to_owned();
        reqwest::Url::parse(&url).map_err(|e| refused(&e))?;
        let mut builder = SrSettings::new_builder(url.clone());
        builder.set_timeout(settings.timeout);
        if let Some((username, password)) = &settings.credentials {
            builder.set_basic_authorization(username, Some(password));
        }
        Ok(Self {
            settings: builder.build().map_err(|e| refused(&e.error))?,
            client: Client::builder().timeout(settings.timeout).build().map_err(|e| refused(&e))?,
            own: RegistrySettings { url, ..settings.clone() },
        })
    }

    /// The id of a schema under a subject; None when it is not registered there.
    pub fn id_of(&self, subject: &str, schema: &str) -> Result<Option<u32>, RegistryError> {
        let body = json!({ "schema": schema, "schemaType": "AVRO" }).to_string();
        match perform_sr_call(&self.settings, SrCall::PostForVersion(subject, &body)) {
            Ok(found) => Ok(found.id),
            Err(e) => match Answer::of(&e) {
                Answer::NotFound => Ok(None),
                other => Err(other.error(subject)),
            },
        }
    }

    /// Registers a schema under a subject.
    pub fn register(&self, subject: &str, schema: &str) -> Result<u32, RegistryError> {
        let supplied = SuppliedSchema::new(None, SchemaType::Avro, schema.to_owned());
        let registered = post_schema(&self.settings, subject.to_owned(), supplied);
        registered.map(|schema| schema.id).map_err(|e| Answer::of(&e).error(subject))
    }

    /// The schema of an id.
    pub fn schema(&self, id: u32) -> Result<Option<String>, Away> {
        match get_schema_by_id(id, &self.settings) {
            Ok(found) => Ok(Some(found.schema)),
            Err(e) => match Answer::of(&e) {
                Answer::NotFound => Ok(None),
                Answer::Refused(cause) | Answer::Away(cause) => Err(Away { dependency: NAME, cause }),
            },
        }
    }

    /// The versions of a subject; None when there is none of that name.
    pub fn versions(&self, subject: &str) -> Result<Option<Vec<u32>>, RegistryError> {
        self.send(self.client.get(format!("{}/subjects/{subject}/versions", self.own.url)), subject)
    }

    /// One version of a subject; None when there is none of that number.
    pub fn version(&self, subject: &str, version: u32) -> Result<Option<Version>, RegistryError> {
        self.send(self.client.get(format!("{}/subjects/{subject}/versions/{version}", self.own.url)), subject)
    }

    /// What changes a subject lets in, by its own setting.
    pub fn level(&self, subject: &str) -> Result<Option<String>, RegistryError> {
        let is: Option<Compatibility> = self.send(self.client.get(self.config_of(subject)), subject)?;
        Ok(is.map(|is| is.level))
    }

    /// Sets a subject to FULL_TRANSITIVE, also one that has no version yet.
    pub fn set_level(&self, subject: &str) -> Result<(), RegistryError> {
        let set = self.client.put(self.config_of(subject)).json(&json!({ "compatibility": COMPATIBILITY }));
        self.send::<serde_json::Value>(set, subject)?.map(|_| ()).ok_or_else(|| no_such_page(subject))
    }

    /// Whether a schema keeps a subject's level beside all its versions.
    pub fn is_compatible(&self, subject: &str, schema: &str) -> Result<bool, RegistryError> {
        let url = format!("{}/compatibility/subjects/{subject}/versions", self.own.url);
        let ask = self.client.post(url).json(&json!({ "schema": schema, "schemaType": "AVRO" }));
        let said: Option<IsCompatible> = self.send(ask, subject)?;
        said.map(|said| said.is_compatible).ok_or_else(|| no_such_page(subject))
    }

    fn config_of(&self, subject: &str) -> String {
        format!("{}/config/{subject}", self.own.url)
    }

    /// Sends a request that the registry crate does not know; None when what it asks for is not there.
    fn send<T: serde::de::DeserializeOwned>(
        &self,
        mut request: RequestBuilder,
        subject: &str,
    ) -> Result<Option<T>, RegistryError> {
        if let Some((username, password)) = &self.own.credentials {
            request = request.basic_auth(username, Some(password));
        }
        let away = |e: reqwest::Error| Answer::Away(causes(&e)).error(subject);
        let answer = request.send().map_err(away)?;
        match answer.status().as_u16() {
            200..=299 => answer.json().map(Some).map_err(away),
            404 => Ok(None),
            status => Err(Answer::with(status, answer.text().unwrap_or_default()).error(subject)),
        }
    }
}

/// What the registry's answer to a failed request means.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    NotFound,
    Refused(String),
    Away(String),
}

impl Answer {
    fn of(error: &SRCError) -> Self {
        let raw = error.source().and_then(|source| source.downcast_ref::<RawError>());
        match raw {
            // Confluent's codes begin with the status: 40403 is a schema that is not found.
            Some(raw) if raw.error_code > 0 => {
                let mut status = raw.error_code;
                while status > 999 {
                    status /= 10;
                }
                Self::with(status as u16, raw.message.clone())
            }
            _ => Self::Away(error.source().map_or_else(|| error.error.clone(), causes)),
        }
    }

    fn with(status: u16, text: String) -> Self {
        match status {
            404 => Self::NotFound,
            400..=499 if status != 408 && status != 429 => Self::Refused(format!("{status} {text}")),
            _ => Self::Away(format!("{status} {text}")),
        }
    }

    fn error(self, subject: &str) -> RegistryError {
        match self {
            Self::NotFound => no_such_page(subject),
            Self::Refused(cause) => RegistryError::Refused { subject: subject.to_owned(), cause },
            Self::Away(cause) => Away { dependency: NAME, cause }.into(),
        }
    }
}

/// A refusal of what is asked while streams run is waited out like an absence: somebody may mend it.
pub fn waited_for(error: RegistryError) -> Away {
    match error {
        RegistryError::Away(away) => away,
        error => Away { dependency: NAME, cause: error.to_string() },
    }
}

/// An error with what it comes from, in one line: reqwest keeps "connection refused" two levels down.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_whether_to_wait_or_to_stop() {
        assert_eq!(Answer::with(404, String::new()), Answer::NotFound);
        for stop in [400, 401, 403, 409, 422] {
            assert!(matches!(Answer::with(stop, String::new()), Answer::Refused(_)), "{stop}");
        }
        for wait in [408, 429, 500, 502, 503, 504] {
            assert!(matches!(Answer::with(wait, String::new()), Answer::Away(_)), "{wait}");
        }
    }

    #[test]
    fn a_password_does_not_print() {
        let settings = RegistrySettings {
            url: "http://127.0.0.1:1".into(),
            credentials: Some(("ims".into(), "hunter2".into())),
            timeout: Duration::from_secs(1),
            topic_prefix: String::new(),
        };
        let calls = Calls::new(&settings).unwrap();
        assert!(!format!("{settings:?} {:?}", calls.own).contains("hunter2"));
    }
}
