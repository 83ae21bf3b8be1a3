//! How a mail server is reached, beside its row and what every vendor's settings say.

use super::{attached::AT_A_TIME, dkim::Dkim, maildir::Maildir, returns::Returns};
use crate::unsubscribe::{Links, Refusing};
use crate::vendors::{VendorSettings, key::Key, tls};
use processors::{law::Rule, reference::Vendor};
use serde::{Deserialize, Serialize};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;
use url::Url;

/// What the configuration says of a mail server, `[vendors.NAME.smtp]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmtpSettings {
    /// What this host calls itself in EHLO: its full name.
    pub hello: String,
    /// User of AUTH; empty: the server knows us by our address. The password is in the vendor's `key_file`.
    pub user: String,
    /// Speaks without TLS, also where the server offers it.
    pub plaintext: bool,
    /// Authority of the server's certificate in PEM form; empty: the system's.
    pub ca_file: PathBuf,
    /// Where what cannot be delivered is returned to; empty: to the sender's address.
    pub return_path: String,
    /// File that holds the key alone that return addresses are signed with, one for each mail; empty: all mails have the same.
    pub bounce_key_file: PathBuf,
    /// Folder that mails which came back are put into (Maildir); empty: this process reads none.
    pub bounces: PathBuf,
    /// Domain that mails are signed for (DKIM); empty: they are not signed here.
    pub dkim_domain: String,
    /// Which of the domain's keys: `SELECTOR._domainkey.DOMAIN` has its public part.
    pub dkim_selector: String,
    /// File that holds its private part alone: RSA of 2048 bits or more, PKCS #8 in PEM form.
    pub dkim_key_file: PathBuf,
    /// The server signs what it takes (DKIM), so mails are not signed here.
    pub relay_signs: bool,
    /// Ads may go through this server; they need what follows.
    pub ads: bool,
    /// Beginning of the address of one-click unsubscribe, https: where the HTTP door is reached, `/unsubscribe/`.
    pub unsubscribe_url: String,
    /// File that holds the key alone that these addresses are sealed with; the HTTP door reads it too.
    pub unsubscribe_key_file: PathBuf,
}

impl Default for SmtpSettings {
    fn default() -> Self {
        Self {
            hello: String::new(),
            user: String::new(),
            plaintext: false,
            ca_file: PathBuf::new(),
            return_path: String::new(),
            bounce_key_file: PathBuf::new(),
            bounces: PathBuf::new(),
            dkim_domain: String::new(),
            dkim_selector: String::new(),
            dkim_key_file: PathBuf::new(),
            relay_signs: false,
            ads: true,
            unsubscribe_url: String::new(),
            unsubscribe_key_file: PathBuf::new(),
        }
    }
}

/// What a process knows of a mail server besides its row.
pub struct Access {
    /// Times.
    pub times: VendorSettings,
    /// The rest.
    pub smtp: SmtpSettings,
    /// The password, when there is a user.
    pub password: Option<Key>,
    /// One-click unsubscribe, when there is an address.
    pub unsubscribe: Option<Unsubscribe>,
    /// Return addresses of mails, when there is a key.
    pub returns: Option<Returns>,
    /// Where mails come back to, when this process reads them.
    pub bounces: Option<Maildir>,
    /// Mails with files that may be in memory.
    pub attaching: Semaphore,
    /// Signs mails, when there is a key.
    pub dkim: Option<Dkim>,
    /// Makes a connection TLS.
    pub tls: TlsConnector,
}

impl Access {
    /// Reads the keys. The error is every mistake with its remedy.
    pub fn open(name: &str, times: &VendorSettings, smtp: &SmtpSettings) -> Result<Arc<Self>, Vec<String>> {
        let mut wrong = mistakes(times, smtp);
        let mut read = |key: &str, path: &Path| {
            Key::read(path).map_err(|reason| wrong.push(format!("{key} {path:?}: {reason}"))).ok()
        };
        let password = (!smtp.user.is_empty()).then(|| read("key_file", &times.key_file)).flatten();
        let returns = (!smtp.bounce_key_file.as_os_str().is_empty())
            .then(|| read("smtp.bounce_key_file", &smtp.bounce_key_file))
            .flatten()
            .map(|key| Returns::new(&smtp.return_path, &key.reveal()));
        let links = (!smtp.unsubscribe_url.is_empty()).then(|| Links::read(&smtp.unsubscribe_key_file)).transpose();
        let unsubscribe = match links {
            Ok(links) => links.map(|links| Unsubscribe::new(&smtp.unsubscribe_url, links)),
            Err(reason) => {
                wrong.push(format!("smtp.unsubscribe_key_file {:?}: {reason}", smtp.unsubscribe_key_file));
                None
            }
        };
        if returns.as_ref().is_some_and(Option::is_none) {
            wrong.push("smtp.return_path has no room for a mail's own part: write one of at most 13 characters before the @, without +, bounces@example.kr".to_owned());
        }
        let returns = returns.flatten();
        let bounces = (!smtp.bounces.as_os_str().is_empty()).then(|| Maildir::open(&smtp.bounces));
        let bounces = match bounces.transpose() {
            Ok(bounces) => bounces,
            Err(reason) => {
                wrong.push(format!("smtp.bounces {:?}: {reason}", smtp.bounces));
                None
            }
        };
        let dkim = Dkim::open(smtp).map_err(|reason| wrong.push(reason)).ok().flatten();
        let tls = tls::config(&smtp.ca_file, CA_FILE).map_err(|reason| wrong.push(reason)).ok();
        let tls = tls.map(|config| TlsConnector::from(Arc::new(config)));
        match tls {
            Some(tls) if wrong.is_empty() => Ok(Arc::new(Self {
                times: times.clone(),
                smtp: smtp.clone(),
                password,
                unsubscribe,
                returns,
                bounces,
                attaching: Semaphore::new(AT_A_TIME),
                dkim,
                tls,
            })),
            _ => Err(wrong.into_iter().map(|reason| format!("vendors.{name}.{reason}")).collect()),
        }
    }

    /// Why this server cannot be reached as its row and the settings say together.
    pub fn mistake(&self, vendor: &Vendor) -> Option<String> {
        let server = Server::of(&vendor.url)?;
        let what = format!("vendor {}, {}", vendor.name, vendor.url);
        if !self.smtp.plaintext {
            return None;
        }
        if server.implicit_tls {
            return Some(format!("{what}, is TLS from the start: leave out [vendors.{}.smtp] plaintext", vendor.name));
        }
        (self.password.is_some() && !server.is_loopback()).then(|| {
            format!(
                "{what}, would be sent its password without TLS: leave out [vendors.{}.smtp] plaintext",
                vendor.name
            )
        })
    }
}

/// The setting of its authority.
pub const CA_FILE: &str = "smtp.ca_file";

/// Longest beginning of an address: with what follows it is less than a line may have (RFC 5322 §2.1.1).
const LONGEST_BEGINNING: usize = 300;

fn mistakes(times: &VendorSettings, smtp: &SmtpSettings) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut refuse = |is_wrong: bool, reason: &str| {
        if is_wrong {
            wrong.push(reason.to_owned());
        }
    };
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.[]:".contains(&byte))
    };
    refuse(!is_name(&smtp.hello), "smtp.hello is no host name: write this host's full name, ims.example.kr");
    let is_word = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    refuse(!is_word(&smtp.user), "smtp.user has characters that are not visible ASCII");
    refuse(
        smtp.user.is_empty() && !times.key_file.as_os_str().is_empty(),
        "key_file holds a password and nobody to log in: set smtp.user, or no key_file",
    );
    let no_address = !smtp.return_path.is_empty() && super::mail::address(&smtp.return_path).is_none();
    refuse(no_address, "smtp.return_path is no address: write bounces@example.kr");
    refuse(
        !smtp.bounces.as_os_str().is_empty() && smtp.bounce_key_file.as_os_str().is_empty(),
        "smtp.bounces is read for mails whose return address we signed: set smtp.return_path and smtp.bounce_key_file",
    );
    refuse(smtp.plaintext && !smtp.ca_file.as_os_str().is_empty(), "smtp.ca_file is for TLS: leave out smtp.plaintext");
    let https = |text: &str| {
        let short =
            text.len() <= LONGEST_BEGINNING && text.bytes().all(|b| b.is_ascii_graphic() && b != b'<' && b != b'>');
        short && Url::parse(text).is_ok_and(|url| url.scheme() == "https" && url.has_host())
    };
    refuse(
        !smtp.unsubscribe_url.is_empty() && !https(&smtp.unsubscribe_url),
        "smtp.unsubscribe_url must be https, visible ASCII, at most 300 characters: write https://HOST/unsubscribe/",
    );
    refuse(
        smtp.ads && smtp.unsubscribe_url.is_empty(),
        &format!(
            "smtp.unsubscribe_url is missing, and an ad says how to refuse the next ({}): set it and \
             smtp.unsubscribe_key_file, or smtp.ads = false where this server is sent none",
            Rule::Shown
        ),
    );
    refuse(
        !smtp.unsubscribe_url.is_empty() && smtp.dkim_domain.is_empty() && !smtp.relay_signs,
        "smtp.unsubscribe_url is heeded under a signature alone (RFC 8058 §4): set the three smtp.dkim_…, or \
         smtp.relay_signs = true where the server signs",
    );
    wrong
}

/// Where a mail server listens: `smtp://HOST[:587]`, STARTTLS, or `smtps://HOST[:465]`, TLS from the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Name or address, an IPv6 one without its brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// TLS before the first word.
    pub implicit_tls: bool,
}

impl Server {
    /// None: no such address, which the reference data refuse.
    pub fn of(url: &str) -> Option<Self> {
        let url = Url::parse(url).ok()?;
        let implicit_tls = match url.scheme() {
            "smtp" => false,
            "smtps" => true,
            _ => return None,
        };
        let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
        Some(Self { host, port: url.port().unwrap_or(if implicit_tls { 465 } else { 587 }), implicit_tls })
    }

    fn is_loopback(&self) -> bool {
        self.host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

/// Addresses of one-click unsubscribe (RFC 8058), each of one mail and hard to forge.
pub struct Unsubscribe {
    beginning: String,
    links: Links,
}

impl Unsubscribe {
    pub(super) fn new(beginning: &str, links: Links) -> Self {
        Self { beginning: beginning.to_owned(), links }
    }

    /// The beginning and the token that says whose ads are refused by whom; None: it cannot be sealed.
    pub fn address(&self, who: &Refusing) -> Option<String> {
        Some(format!("{}{}", self.beginning, self.links.token(who)?))
    }
}
