//! What an answer calls for: a function of status and body.

use processors::refusal::Code;
use serde::Deserialize;

/// What to do after an answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// It is kept.
    Sent {
        /// Receivers of it that are not.
        refused_receivers: u64,
    },
    /// It is not, and never will be.
    Refused(String),
    /// Nobody knows, or not now: the same again.
    Again(String),
    /// No request will be taken.
    Hopeless(String),
}

#[derive(Deserialize)]
struct Answer {
    code: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    receivers: Vec<Receiver>,
}

#[derive(Deserialize)]
struct Receiver {
    code: String,
}

/// Reads an answer. After a repetition, "this message_id was used" means that the first one was kept; of a list the first
/// refusal's code is the answer's, which may be another receiver's.
pub fn next(status: u16, body: &[u8], repeated: bool) -> Next {
    let answer: Option<Answer> = serde_json::from_slice(body).ok();
    let said = match &answer {
        Some(Answer { code, message, .. }) => format!("{code} {message}"),
        None => format!("HTTP {status}"),
    };
    match (status, answer) {
        (200, Some(Answer { code, receivers, .. })) => {
            let was_kept = |code: &str| repeated && code == Code::Duplicate.as_str();
            let kept = |code: &str| code == Code::Success.as_str() || was_kept(code);
            if kept(&code) || receivers.iter().any(|receiver| was_kept(&receiver.code)) {
                let refused = receivers.iter().filter(|receiver| !kept(&receiver.code));
                Next::Sent { refused_receivers: refused.count() as u64 }
            } else {
                Next::Refused(said)
            }
        }
        (200, None) => Next::Hopeless("what answers is no door of IMS: check the URL".into()),
        (408 | 429 | 500.., _) => Next::Again(said),
        (413 | 422, _) => Next::Refused(said),
        _ => Next::Hopeless(said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_what_to_do() {
        let sent = |refused_receivers| Next::Sent { refused_receivers };
        let answered = |status, body: &str| next(status, body.as_bytes(), false);
        assert_eq!(answered(200, r#"{"code":"0000","data":"A"}"#), sent(0));
        let receivers = r#"[{"message_id":"A","code":"0000"},{"message_id":"B","code":"1400","message":"x"}]"#;
        assert_eq!(answered(200, &format!(r#"{{"code":"0000","data":"A","receivers":{receivers}}}"#)), sent(1));
        let refused = r#"{"code":"1400","message":"title: got a number"}"#;
        assert_eq!(answered(200, refused), Next::Refused("1400 title: got a number".into()));
        for (status, code) in [(503, "9998"), (500, "9999"), (429, "429"), (408, "408")] {
            let body = format!(r#"{{"code":"{code}","message":"later"}}"#);
            assert_eq!(answered(status, &body), Next::Again(format!("{code} later")));
        }
        assert_eq!(answered(502, "<html>"), Next::Again("HTTP 502".into()));
        assert_eq!(answered(413, "{}"), Next::Refused("HTTP 413".into()));
        for status in [301, 401, 403, 404, 405, 415] {
            assert!(matches!(answered(status, "{}"), Next::Hopeless(_)), "{status}");
        }
        assert!(matches!(answered(200, "<html>"), Next::Hopeless(_)));
    }

    #[test]
    fn a_duplicate_of_its_own_repetition_was_sent() {
        let duplicate = br#"{"code":"2030","message":"message_id: used"}"#;
        assert!(matches!(next(200, duplicate, false), Next::Refused(_)));
        assert_eq!(next(200, duplicate, true), Next::Sent { refused_receivers: 0 });
        let of_list = br#"{"code":"1400","message":"x","receivers":[{"code":"1400"},{"code":"2030"}]}"#;
        assert!(matches!(next(200, of_list, false), Next::Refused(_)));
        assert_eq!(next(200, of_list, true), Next::Sent { refused_receivers: 1 });
    }
}
