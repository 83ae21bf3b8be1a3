//! Why a server is not reached, in words that name the remedy and hold neither address nor body nor header.

use rustls::CertificateError;
use std::{
    error::Error,
    io::{self, ErrorKind},
};

/// `ca_file`: the setting that names the authority of its certificate. The words are the same for the same cause.
pub fn words(error: &(dyn Error + 'static), ca_file: &str) -> String {
    let chain = || std::iter::successors(Some(error), |error| below(*error));
    if let Some(tls) = chain().find_map(|error| error.downcast_ref::<rustls::Error>()) {
        return of_tls(tls, ca_file);
    }
    if chain().filter_map(|error| error.downcast_ref::<hyper::Error>()).any(is_no_http) {
        return "what answers there speaks no HTTP, or wants TLS: mend the scheme or the port of the vendor's url"
            .into();
    }
    match chain().find_map(|error| error.downcast_ref::<io::Error>()).map(io::Error::kind) {
        Some(ErrorKind::ConnectionRefused) => {
            "connection refused: nobody listens at the host and port of the vendor's url".into()
        }
        _ => chain().last().unwrap_or(error).to_string(),
    }
}

/// Of an answer whose head is only too long the port is right.
fn is_no_http(error: &hyper::Error) -> bool {
    error.is_parse() && !error.is_parse_too_large()
}

/// What an error is made of. What an error of input and output holds is not among its sources.
fn below<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(held) => Some(held),
        None => error.source(),
    }
}

fn of_tls(error: &rustls::Error, ca_file: &str) -> String {
    match error {
        rustls::Error::InvalidCertificate(why) => match why {
            // They name the moment, which is another one each time.
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "TLS: its certificate has expired, or the clock of this machine is wrong".into()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "TLS: its certificate is for another name: mend the host in the vendor's url".into()
            }
            why => {
                format!("TLS: its certificate is not trusted ({why}): name its authority in {ca_file}, and start again")
            }
        },
        rustls::Error::InvalidMessage(_) => {
            "TLS: what answers there speaks none: mend the scheme or the port of the vendor's url".into()
        }
        other => format!("TLS: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::InvalidMessage;

    /// As HTTP clients and connectors wrap it.
    fn wrapped(error: rustls::Error) -> io::Error {
        io::Error::other(io::Error::other(error))
    }

    #[test]
    fn a_stranger_is_told_with_the_setting_that_makes_it_known() {
        let stranger = wrapped(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer));
        let told = words(&stranger, "fcm.ca_file");
        assert!(
            told.contains("not trusted") && told.ends_with("name its authority in fcm.ca_file, and start again"),
            "{told}"
        );
        let other = wrapped(rustls::Error::InvalidCertificate(CertificateError::NotValidForName));
        assert!(words(&other, "ca_file").contains("mend the host"));
    }

    #[test]
    fn who_speaks_no_tls_is_told_with_the_address_that_may_be_wrong() {
        let plain = wrapped(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType));
        assert!(words(&plain, "ca_file").contains("mend the scheme or the port"));
    }

    #[test]
    fn another_cause_is_told_as_it_is() {
        assert!(words(&io::Error::from(ErrorKind::ConnectionRefused), "").starts_with("connection refused: "));
        let lost = io::Error::other("no such host");
        assert_eq!(words(&lost, ""), "no such host");
    }
}
