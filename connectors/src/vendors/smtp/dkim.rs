//! Signs mails (DKIM, RFC 6376), by rsa-sha256 over relaxed headers and body: what a relay that folds lines or trims
//! blanks leaves as it was.
//!
//! A mail of ours is ASCII with CR LF at every line's end, so this is the part of the standard that a signer needs.

use super::settings::SmtpSettings;
use crate::vendors::jwt::SigningKey;
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, prelude::BASE64_STANDARD};

/// Headers that are signed where a mail has them: all that a reader sees, and what one-click unsubscribe needs (RFC 8058 §4).
const SIGNED: [&str; 10] = [
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "list-unsubscribe",
    "list-unsubscribe-post",
];
/// Named once more than they are there: one that is added later breaks the signature (§8.15).
const CLOSED: [&str; 4] = ["from", "to", "subject", "date"];
/// Characters of the signature on one line.
const LINE: usize = 64;

/// Whose signature, and its key.
pub struct Dkim {
    domain: String,
    selector: String,
    key: SigningKey,
}

impl Dkim {
    /// Reads the key; None: mails are not signed. The error is the reason with its remedy.
    pub fn open(settings: &SmtpSettings) -> Result<Option<Self>, String> {
        let SmtpSettings { dkim_domain: domain, dkim_selector: selector, dkim_key_file: path, .. } = settings;
        match (domain.is_empty(), selector.is_empty(), path.as_os_str().is_empty()) {
            (true, true, true) => return Ok(None),
            (false, false, false) => {}
            _ => {
                return Err(
                    "smtp.dkim_domain, smtp.dkim_selector and smtp.dkim_key_file go together: set all, or none".into(),
                );
            }
        }
        for (key, name) in [("smtp.dkim_domain", domain), ("smtp.dkim_selector", selector)] {
            if !is_name(name) {
                return Err(format!("{key} = {name:?} is no name of DNS: write letters, digits, - and dots"));
            }
        }
        let named = |reason: String| {
            format!(
                "smtp.dkim_key_file {path:?}: {reason}: name a file with an RSA key of 2048 bits or more, PKCS #8 in PEM form"
            )
        };
        let pem = std::fs::read_to_string(path).map_err(|error| named(error.to_string()))?;
        let key = SigningKey::rsa(&pem).map_err(named)?;
        Ok(Some(Self { domain: domain.clone(), selector: selector.clone(), key }))
    }

    /// The mail with its signature before it.
    pub fn signed(&self, mail: &[u8], now_ms: i64) -> Result<Vec<u8>, String> {
        let (headers, body) = parts(mail);
        let there: Vec<(String, String)> = headers.iter().filter_map(|header| relaxed_header(header)).collect();
        let mut names: Vec<&str> = Vec::new();
        let mut said = String::new();
        for name in SIGNED {
            // The last of a name is the first that a verifier takes (§5.4.2); ours has one of each.
            for (_, value) in there.iter().rev().filter(|(found, _)| found == name) {
                names.push(name);
                said.push_str(&format!("{name}:{value}\r\n"));
            }
        }
        names.extend(CLOSED);
        let hash = BASE64_STANDARD.encode(digest(&SHA256, &relaxed_body(body)));
        let value = format!(
            "v=1; a=rsa-sha256; c=relaxed/relaxed; d={}; s={};\r\n\tt={}; h={};\r\n\tbh={hash};\r\n\tb=",
            self.domain,
            self.selector,
            now_ms.div_euclid(1_000).max(0),
            names.join(":\r\n\t "),
        );
        said.push_str(&format!("dkim-signature:{}", relaxed(&value)));
        let signature = BASE64_STANDARD.encode(self.key.sign(said.as_bytes()).ok_or("the key does not sign")?);
        let mut signed = format!("DKIM-Signature: {value}").into_bytes();
        for line in signature.as_bytes().chunks(LINE) {
            signed.extend_from_slice(b"\r\n\t");
            signed.extend_from_slice(line);
        }
        signed.extend_from_slice(b"\r\n");
        signed.extend_from_slice(mail);
        Ok(signed)
    }
}

fn is_name(name: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty() && label.len() <= 63 && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    name.len() <= 253 && name.split('.').all(label)
}

/// The headers, unfolded, and the body.
fn parts(mail: &[u8]) -> (Vec<String>, &[u8]) {
    let end = mail.windows(4).position(|four| four == b"\r\n\r\n");
    let (head, body) = end.map_or((mail, &b""[..]), |end| (&mail[..end], &mail[end + 4..]));
    let mut headers: Vec<String> = Vec::new();
    for line in String::from_utf8_lossy(head).split("\r\n") {
        match headers.last_mut() {
            Some(last) if line.starts_with([' ', '\t']) => last.push_str(line),
            _ => headers.push(line.to_owned()),
        }
    }
    (headers, body)
}

/// Name and value as they are signed (§3.4.2).
fn relaxed_header(header: &str) -> Option<(String, String)> {
    let (name, value) = header.split_once(':')?;
    Some((name.trim_end().to_ascii_lowercase(), relaxed(value)))
}

/// Blanks in a row are one, and there are none at the ends.
fn relaxed(text: &str) -> String {
    text.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The body as it is signed (§3.4.4): blanks in a row are one and none end a line, no empty lines end the body.
fn relaxed_body(body: &[u8]) -> Vec<u8> {
    let mut relaxed = Vec::with_capacity(body.len());
    let mut empty = 0;
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line).trim_ascii_end();
        if line.is_empty() {
            empty += 1;
            continue;
        }
        relaxed.extend(b"\r\n".repeat(std::mem::take(&mut empty)));
        let mut blank = false;
        for byte in line {
            let is_blank = matches!(byte, b' ' | b'\t');
            match (is_blank, blank) {
                (true, true) => {}
                (true, false) => relaxed.push(b' '),
                (false, _) => relaxed.push(*byte),
            }
            blank = is_blank;
        }
        relaxed.extend_from_slice(b"\r\n");
    }
    relaxed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vendors::testing::RSA_KEY;
    use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    fn dkim() -> Dkim {
        let key = SigningKey::rsa(&RSA_KEY).unwrap();
        Dkim { domain: "hanbit.example".into(), selector: "s1".into(), key }
    }

    #[test]
    fn canonical_forms_are_those_of_the_standards_examples() {
        // RFC 6376 §3.4.5.
        let mail = b"A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n";
        let (headers, body) = parts(mail);
        let headers: Vec<_> = headers.iter().filter_map(|header| relaxed_header(header)).collect();
        assert_eq!(headers, [("a".into(), "X".into()), ("b".into(), "Y Z".into())]);
        assert_eq!(relaxed_body(body), b" C\r\nD E\r\n");
        assert_eq!(relaxed_body(b""), b"");
        assert_eq!(relaxed_body(b"\r\n\r\n"), b"");
        assert_eq!(relaxed_body(b"a\r\n\r\nb"), b"a\r\n\r\nb\r\n");
    }

    #[test]
    fn the_signature_covers_headers_and_body_and_the_mail_stays_as_it_was() {
        let mail = b"From: a@hanbit.example\r\nSubject: x\r\nX-Other: y\r\n\r\nbody\r\n";
        let signed = dkim().signed(mail, 1_773_219_600_999).unwrap();
        assert!(signed.ends_with(mail));
        let text = String::from_utf8(signed[..signed.len() - mail.len()].to_vec()).unwrap();
        assert!(text.lines().all(|line| line.len() <= 78), "{text}");
        let flat = relaxed(&text);
        assert!(flat.contains("t=1773219600; h=from: subject: from: to: subject: date; bh="), "{flat}");
        let (head, signature) = text.split_once("b=\r\n").map(|(head, rest)| (format!("{head}b="), rest)).unwrap();
        let said = format!(
            "from:a@hanbit.example\r\nsubject:x\r\ndkim-signature:{}",
            relaxed(head.strip_prefix("DKIM-Signature:").unwrap())
        );
        let signature = BASE64_STANDARD.decode(signature.split_whitespace().collect::<String>()).unwrap();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, dkim().key.public());
        assert!(public.verify(said.as_bytes(), &signature).is_ok());
        assert!(public.verify(said.replace('x', "z").as_bytes(), &signature).is_err());
    }
}
