//! What a vendor speaks, and what its row must say for that.

use super::{CodeTable, InDoubt, Vendor};
use schemas::Family;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// Most mails in flight, each of which has a connection: Postfix allows 50 to a client, unless it is told otherwise.
const MOST_MAILS: u32 = 100;
/// Longest address that every store holds, characters.
const LONGEST_URL: usize = 255;

/// The protocol of a vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// None: it is answered for by the simulator in this process.
    #[default]
    Simulated,
    /// Infobank Bizgo, Communication API v1.
    Bizgo,
    /// Email over SMTP.
    Smtp,
    /// Firebase Cloud Messaging, HTTP v1.
    Fcm,
    /// Apple Push Notification service.
    Apns,
    /// SMPP 3.4, for text by a carrier.
    Smpp,
    /// NHN Cloud: SMS API v3.0, KakaoTalk Bizmessage API v2.3.
    Nhn,
}

impl Protocol {
    /// Whether it needs a connection.
    pub const fn is_wire(self) -> bool {
        !matches!(self, Self::Simulated)
    }

    /// Whether it tells a repeat of a serial number from a new message: what it then says is the end of the one message.
    /// Mail servers and carriers do not: what they refuse is the repeat, and the first request may have arrived.
    pub const fn knows_repeats(self) -> bool {
        !matches!(self, Self::Smtp | Self::Smpp)
    }

    /// Whether a push token is one of its service. Apple's are hexadecimal digits of 32 to 100 bytes; Google's have
    /// other characters too.
    pub fn takes_token(self, token: &str) -> bool {
        let digits = token.len().is_multiple_of(2) && token.bytes().all(|byte| byte.is_ascii_hexdigit());
        let of_apple = digits && (64..=200).contains(&token.len());
        match self {
            Self::Fcm => !of_apple,
            Self::Apns => of_apple,
            Self::Simulated | Self::Bizgo | Self::Smtp | Self::Smpp | Self::Nhn => true,
        }
    }

    /// What the row of a vendor that speaks it cannot say, with the remedy.
    pub(super) fn mistakes(self, vendor: &Vendor) -> Vec<String> {
        let mut wrong = self.of_itself(vendor);
        if vendor.in_doubt == InDoubt::Query && self != Self::Nhn {
            wrong
                .push("in_doubt = \"query\" is protocol \"nhn\"'s: others cannot be asked by our serial number".into());
        }
        wrong
    }

    fn of_itself(self, vendor: &Vendor) -> Vec<String> {
        match self {
            Self::Simulated if vendor.url.is_empty() => Vec::new(),
            Self::Simulated => {
                let named = "set protocol = \"bizgo\", \"nhn\", \"smtp\", \"fcm\", \"apns\" or \"smpp\", or no url";
                vec![format!("url is set and nothing is spoken there: {named}")]
            }
            Self::Bizgo => bizgo(vendor),
            Self::Smtp => smtp(vendor),
            Self::Fcm => push(vendor, "fcm", CodeTable::Fcm),
            Self::Apns => push(vendor, "apns", CodeTable::Apns),
            Self::Smpp => smpp(vendor),
            Self::Nhn => nhn(vendor),
        }
    }
}

fn push(vendor: &Vendor, protocol: &str, codes: CodeTable) -> Vec<String> {
    let mut wrong = Vec::new();
    if let Some(other) = vendor.families.iter().find(|family| **family != Family::Push) {
        wrong.push(format!("protocol \"{protocol}\" takes PUSH, not {other}"));
    }
    if vendor.codes != codes {
        wrong.push(format!("protocol \"{protocol}\" answers with its own codes: set codes = \"{protocol}\""));
    }
    if vendor.receipts {
        wrong.push(format!("protocol \"{protocol}\" reports nothing later: set receipts = false"));
    }
    if vendor.in_doubt == InDoubt::Receipt {
        wrong
            .push(format!("protocol \"{protocol}\" reports nothing later: set in_doubt = \"repeat\" or \"uncertain\""));
    }
    wrong.extend(address(&vendor.url));
    wrong
}

fn bizgo(vendor: &Vendor) -> Vec<String> {
    const NOT_ITS: [Family; 2] = [Family::Push, Family::Email];
    let mut wrong = Vec::new();
    if let Some(other) = vendor.families.iter().find(|family| NOT_ITS.contains(family)) {
        wrong.push(format!("protocol \"bizgo\" takes AT, FT, BT, SMS, LMS, MMS and RCS, not {other}"));
    }
    if vendor.codes != CodeTable::Bizgo {
        wrong.push("protocol \"bizgo\" answers with its own codes: set codes = \"bizgo\"".into());
    }
    if !vendor.receipts {
        wrong.push("protocol \"bizgo\" accepts now and reports later: set receipts = true".into());
    }
    wrong.extend(address(&vendor.url));
    wrong
}

/// Each of its products has an app key, an address and codes of its own: a row for each.
fn nhn(vendor: &Vendor) -> Vec<String> {
    let mut wrong = Vec::new();
    let text = |family: &Family| matches!(family, Family::Sms | Family::Lms | Family::Mms);
    let of_product = match vendor.codes {
        CodeTable::NhnSms => {
            vendor.families.iter().find(|family| !text(family)).map(|other| ("nhn-sms", "SMS, LMS and MMS", other))
        }
        CodeTable::NhnKakao => {
            vendor.families.iter().find(|family| **family != Family::At).map(|other| ("nhn-kakao", "AT", other))
        }
        _ => {
            wrong.push(
                "protocol \"nhn\" answers with its own codes: set codes = \"nhn-sms\" for SMS, LMS and MMS, \"nhn-kakao\" \
                 for AT"
                    .into(),
            );
            None
        }
    };
    if let Some((codes, families, other)) = of_product {
        wrong.push(format!(
            "codes \"{codes}\" are those of {families}, not of {other}: write a row for each product, with its own url and key"
        ));
    }
    if !vendor.receipts {
        wrong.push("protocol \"nhn\" accepts now and reports later: set receipts = true".into());
    }
    if vendor.in_doubt == InDoubt::Repeat && vendor.codes == CodeTable::NhnSms {
        wrong.push(
            "NHN's SMS knows no repeat and would send a second message: set in_doubt = \"query\", \"receipt\" or \
             \"uncertain\""
                .into(),
        );
    }
    wrong.extend(address(&vendor.url));
    wrong
}

fn smtp(vendor: &Vendor) -> Vec<String> {
    let mut wrong = Vec::new();
    if let Some(other) = vendor.families.iter().find(|family| **family != Family::Email) {
        wrong.push(format!("protocol \"smtp\" takes EMAIL, not {other}"));
    }
    if vendor.codes != CodeTable::Smtp {
        wrong.push("protocol \"smtp\" answers with enhanced status codes: set codes = \"smtp\"".into());
    }
    if vendor.receipts {
        wrong.push("protocol \"smtp\" reports nothing later: set receipts = false".into());
    }
    if vendor.in_doubt == InDoubt::Receipt {
        wrong.push("protocol \"smtp\" reports nothing later: set in_doubt = \"uncertain\" or \"repeat\"".into());
    }
    if vendor.max_in_flight > MOST_MAILS {
        wrong.push(format!(
            "protocol \"smtp\" has a connection for each request in flight: set max_in_flight to what the server allows, at \
             most {MOST_MAILS}"
        ));
    }
    wrong.extend(mail_server(&vendor.url));
    wrong
}

fn smpp(vendor: &Vendor) -> Vec<String> {
    let mut wrong = Vec::new();
    if let Some(other) = vendor.families.iter().find(|family| !matches!(family, Family::Sms | Family::Lms)) {
        wrong.push(format!("protocol \"smpp\" takes SMS and LMS, not {other}"));
    }
    if vendor.codes != CodeTable::Smpp {
        wrong.push("protocol \"smpp\" answers with its own codes: set codes = \"smpp\"".into());
    }
    if vendor.in_doubt == InDoubt::Receipt {
        wrong.push(
            "protocol \"smpp\" names a message by its answer alone, so no receipt can be awaited without one: set \
             in_doubt = \"uncertain\" or \"repeat\""
                .into(),
        );
    }
    wrong.extend(carrier(&vendor.url));
    wrong
}

/// What is wrong with the address of a mail server.
fn mail_server(url: &str) -> Option<String> {
    const REMEDY: &str = "write smtp://HOST:587 for STARTTLS, smtps://HOST:465 for TLS from the start";
    let holds = "url holds a name or password: they belong into [vendors.NAME], smtp.user and key_file";
    server(url, ["smtp", "smtps"], holds, &format!("url is no address of a mail server: {REMEDY}"), REMEDY)
}

/// What is wrong with the address of a carrier's message centre.
fn carrier(url: &str) -> Option<String> {
    const REMEDY: &str = "write smpp://HOST:2775, smpps://HOST:3550 for TLS";
    let holds = "url holds a name or password: they belong into [vendors.NAME], smpp.system_id and key_file";
    let none = format!("url is no address of a message centre: {REMEDY}");
    server(url, ["smpp", "smpps"], holds, &none, REMEDY)
}

/// What is wrong with an address of a server that is no web server.
fn server(url: &str, schemes: [&str; 2], holds: &str, none: &str, remedy: &str) -> Option<String> {
    if url.chars().count() > LONGEST_URL {
        return Some(format!("url is longer than {LONGEST_URL} characters"));
    }
    let parsed = match Url::parse(url) {
        Ok(parsed) => parsed,
        Err(error) => return Some(format!("url is no address: {error}: {remedy}")),
    };
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Some(holds.to_owned());
    }
    let beyond = !matches!(parsed.path(), "" | "/") || parsed.query().is_some() || parsed.fragment().is_some();
    let is_name = |host: &str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.[]:".contains(&byte));
    let nobody = !parsed.host_str().is_some_and(|host| !host.is_empty() && is_name(host)) || parsed.port() == Some(0);
    (beyond || nobody || !schemes.contains(&parsed.scheme())).then(|| none.to_owned())
}

/// What is wrong with an address that an API key goes to.
fn address(url: &str) -> Option<String> {
    if url.chars().count() > LONGEST_URL {
        return Some(format!("url is longer than {LONGEST_URL} characters"));
    }
    let parsed = match Url::parse(url) {
        Ok(parsed) => parsed,
        Err(error) => return Some(format!("url is no address: {error}: write https://HOST")),
    };
    let own = match parsed.host() {
        Some(Host::Ipv4(host)) => host.is_loopback(),
        Some(Host::Ipv6(host)) => host.is_loopback(),
        Some(Host::Domain(_)) | None => false,
    };
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Some("url holds a name or password: the key belongs into the file of [vendors.NAME] key_file".into());
    }
    if parsed.path() != "/" || parsed.query().is_some() || parsed.fragment().is_some() {
        return Some("url is the beginning of all addresses: write https://HOST and no path".into());
    }
    match parsed.scheme() {
        "https" => None,
        "http" if own => None,
        "http" => Some("url begins with http:// and would show the key to the network: write https://".into()),
        other => Some(format!("url begins with {other}: write https://")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::vendor;

    fn dealer(url: &str) -> Vendor {
        Vendor {
            families: vec![Family::At, Family::Sms],
            codes: CodeTable::Bizgo,
            receipts: true,
            protocol: Protocol::Bizgo,
            url: url.into(),
            ..vendor("dealer", 1)
        }
    }

    fn mistakes(vendor: &Vendor) -> String {
        vendor.protocol.mistakes(vendor).join("; ")
    }

    #[test]
    fn a_row_that_can_work_is_let_pass() {
        for url in
            ["https://mars.ibapi.kr", "https://sandbox-mars.ibapi.kr/", "http://127.0.0.1:8080", "http://[::1]:1"]
        {
            assert_eq!(mistakes(&dealer(url)), "", "{url}");
        }
    }

    #[test]
    fn a_key_is_sent_to_nobody_who_may_not_see_it() {
        for (url, remedy) in [
            ("http://mars.ibapi.kr", "write https://"),
            ("http://localhost.example", "write https://"),
            ("http://10.0.0.1", "write https://"),
            ("https://key@mars.ibapi.kr", "key_file"),
            ("https://mars.ibapi.kr/api/comm/v1", "no path"),
            ("https://mars.ibapi.kr?key=1", "no path"),
            ("ftp://mars.ibapi.kr", "write https://"),
            ("", "write https://HOST"),
        ] {
            let told = mistakes(&dealer(url));
            assert!(told.contains(remedy), "{url}: {told}");
        }
    }

    fn relay(url: &str) -> Vendor {
        Vendor {
            families: vec![Family::Email],
            codes: CodeTable::Smtp,
            protocol: Protocol::Smtp,
            max_in_flight: 20,
            url: url.into(),
            ..vendor("relay", 1)
        }
    }

    #[test]
    fn a_mail_server_is_named_with_how_it_is_reached() {
        for url in
            ["smtp://mail.example.kr", "smtps://mail.example.kr:465/", "smtp://127.0.0.1:25", "smtp://[::1]:2525"]
        {
            assert_eq!(mistakes(&relay(url)), "", "{url}");
        }
        for (url, remedy) in [
            ("https://mail.example.kr", "write smtp://HOST"),
            ("mail.example.kr:25", "write smtp://HOST"),
            ("smtp://mail.example.kr/inbox", "write smtp://HOST"),
            ("smtp://", "write smtp://HOST"),
            ("smtp://a%0d%0ab", "write smtp://HOST"),
            ("smtp://ims:geheim@mail.example.kr", "smtp.user and key_file"),
            ("", "write smtp://HOST"),
        ] {
            let told = mistakes(&relay(url));
            assert!(told.contains(remedy) && !told.contains("geheim"), "{url}: {told}");
        }
        let good = relay("smtp://mail.example.kr");
        for (vendor, part) in [
            (Vendor { families: vec![Family::Sms], ..good.clone() }, "not SMS"),
            (Vendor { codes: CodeTable::Text, ..good.clone() }, "codes = \"smtp\""),
            (Vendor { receipts: true, ..good.clone() }, "receipts = false"),
            (Vendor { max_in_flight: 101, ..good.clone() }, "at most 100"),
            (Vendor { in_doubt: InDoubt::Receipt, ..good }, "in_doubt = \"uncertain\""),
        ] {
            let told = mistakes(&vendor);
            assert!(told.contains(part), "{told}");
        }
    }

    #[test]
    fn a_carrier_is_named_with_how_it_is_reached() {
        let carrier = |url: &str| Vendor {
            families: vec![Family::Sms, Family::Lms],
            codes: CodeTable::Smpp,
            protocol: Protocol::Smpp,
            in_doubt: InDoubt::Uncertain,
            receipts: true,
            url: url.into(),
            ..vendor("carrier", 1)
        };
        for url in ["smpp://smsc.example:2775", "smpps://smsc.example", "smpp://127.0.0.1", "smpp://[::1]:2775"] {
            assert_eq!(mistakes(&carrier(url)), "", "{url}");
        }
        for (url, remedy) in [
            ("https://smsc.example", "write smpp://HOST"),
            ("smsc.example:2775", "write smpp://HOST"),
            ("smpp://smsc.example/x", "write smpp://HOST"),
            ("smpp://ims:geheim@smsc.example", "smpp.system_id and key_file"),
            ("", "write smpp://HOST"),
        ] {
            let told = mistakes(&carrier(url));
            assert!(told.contains(remedy) && !told.contains("geheim"), "{url}: {told}");
        }
        let good = carrier("smpp://smsc.example");
        for (vendor, part) in [
            (Vendor { families: vec![Family::Sms, Family::Mms], ..good.clone() }, "not MMS"),
            (Vendor { codes: CodeTable::Text, ..good.clone() }, "codes = \"smpp\""),
            (Vendor { in_doubt: InDoubt::Receipt, ..good }, "in_doubt = \"uncertain\""),
        ] {
            let told = mistakes(&vendor);
            assert!(told.contains(part), "{told}");
        }
    }

    #[test]
    fn each_product_of_nhn_is_a_row_of_its_own() {
        let text = Vendor {
            families: vec![Family::Sms, Family::Lms, Family::Mms],
            codes: CodeTable::NhnSms,
            protocol: Protocol::Nhn,
            in_doubt: InDoubt::Query,
            receipts: true,
            url: "https://sms.api.nhncloudservice.com".into(),
            ..vendor("nhn", 1)
        };
        let talk = Vendor {
            families: vec![Family::At],
            codes: CodeTable::NhnKakao,
            in_doubt: InDoubt::Repeat,
            ..text.clone()
        };
        assert_eq!((mistakes(&text), mistakes(&talk)), (String::new(), String::new()));
        for (vendor, part) in [
            (Vendor { families: vec![Family::Sms, Family::At], ..text.clone() }, "not of AT: write a row for each"),
            (Vendor { families: vec![Family::At, Family::Sms], ..talk.clone() }, "not of SMS: write a row for each"),
            (Vendor { codes: CodeTable::Text, ..text.clone() }, "codes = \"nhn-sms\""),
            (Vendor { receipts: false, ..talk }, "receipts = true"),
            (Vendor { in_doubt: InDoubt::Repeat, ..text.clone() }, "in_doubt = \"query\""),
            (Vendor { url: "http://10.0.0.1".into(), ..text }, "write https://"),
            (Vendor { in_doubt: InDoubt::Query, ..dealer("https://mars.ibapi.kr") }, "is protocol \"nhn\"'s"),
        ] {
            let told = mistakes(&vendor);
            assert!(told.contains(part), "{told}");
        }
    }

    #[test]
    fn a_push_token_belongs_to_one_service() {
        let apples = "0123456789abcdefABCDEF0123456789".repeat(2);
        for token in [apples.clone(), apples.repeat(3)] {
            assert!(Protocol::Apns.takes_token(&token) && !Protocol::Fcm.takes_token(&token), "{token}");
        }
        let long = "ab".repeat(101);
        for token in ["dGVzdA:APA91bH_x-y", "", &apples[..62], &apples[..63], &long, &format!("{apples}g1")] {
            assert!(Protocol::Fcm.takes_token(token) && !Protocol::Apns.takes_token(token), "{token}");
        }
        assert!(Protocol::Simulated.takes_token(&apples) && Protocol::Simulated.takes_token("x:y"));
    }

    #[test]
    fn a_push_service_is_a_row_of_its_own_kind() {
        let row = |protocol, codes, url: &str| Vendor {
            families: vec![Family::Push],
            codes,
            protocol,
            url: url.into(),
            ..vendor("app", 1)
        };
        let google = row(Protocol::Fcm, CodeTable::Fcm, "https://fcm.googleapis.com");
        let apple = row(Protocol::Apns, CodeTable::Apns, "https://api.push.apple.com");
        assert_eq!((mistakes(&google), mistakes(&apple)), (String::new(), String::new()));
        for (vendor, part) in [
            (Vendor { families: vec![Family::Push, Family::Sms], ..google.clone() }, "not SMS"),
            (Vendor { codes: CodeTable::Apns, ..google.clone() }, "codes = \"fcm\""),
            (Vendor { codes: CodeTable::Fcm, ..apple.clone() }, "codes = \"apns\""),
            (Vendor { receipts: true, ..apple.clone() }, "receipts = false"),
            (Vendor { in_doubt: InDoubt::Receipt, ..google }, "in_doubt = \"repeat\""),
            (Vendor { url: "https://api.push.apple.com/3/device".into(), ..apple }, "no path"),
        ] {
            let told = mistakes(&vendor);
            assert!(told.contains(part), "{told}");
        }
    }

    #[test]
    fn a_row_must_fit_its_protocol() {
        let good = dealer("https://mars.ibapi.kr");
        for (vendor, part) in [
            (Vendor { families: vec![Family::Sms, Family::Push], ..good.clone() }, "not PUSH"),
            (Vendor { codes: CodeTable::Text, ..good.clone() }, "codes = \"bizgo\""),
            (Vendor { receipts: false, ..good.clone() }, "receipts = true"),
            (Vendor { protocol: Protocol::Simulated, ..good }, "protocol = \"bizgo\""),
        ] {
            let told = mistakes(&vendor);
            assert!(told.contains(part), "{told}");
        }
    }
}
