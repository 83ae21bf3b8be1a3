//! Every answer of the door: one shape, and the table of what it refuses by itself.

use axum::{
    body::Body,
    http::{
        HeaderValue, Response, StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER},
    },
    response::IntoResponse,
};
use processors::refusal::{Code, Refusal};
use serde::Serialize;
use std::borrow::Cow;
use utoipa::ToSchema;

/// Why the door refuses by itself, whatever a request says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// What came is no request.
    NotHttp,
    /// TLS is spoken, and HTTP came.
    NotTls,
    /// x-ims-key is missing, wrong or expired.
    Unauthorized,
    /// The key may not be used from this address.
    WrongNetwork,
    /// The key may not be used for this.
    WrongScope,
    /// Reference data of a file are not changed here.
    ReadOnly,
    /// No such path.
    NotFound,
    /// The path has no such method.
    MethodNotAllowed,
    /// The headers did not come in time.
    HeadersTooSlow,
    /// The body did not come in time.
    TooSlow,
    /// The body is too large.
    TooLarge,
    /// The body is not said to be JSON.
    NotJson,
    /// The body is not said to be the bytes of a file.
    NotBytes,
    /// The same request, under this Idempotency-Key, is being answered.
    KeyUnderWay,
    /// Something else was asked under this Idempotency-Key.
    KeyReused,
    /// More than the door takes at a time.
    TooMany,
    /// More than the customer may send a second.
    OverRate,
    /// Its headers are too many or too large.
    HeadersTooLarge,
    /// A defect of ours.
    Unexpected,
    /// Kafka has not acknowledged in time.
    NotConfirmed,
    /// A store does not answer.
    StoreAway,
    /// Behind a gateway no process can be asked.
    NobodyThere,
}

impl Problem {
    /// All of them, by status.
    pub const ALL: [Self; 22] = [
        Self::NotHttp,
        Self::NotTls,
        Self::Unauthorized,
        Self::WrongNetwork,
        Self::WrongScope,
        Self::ReadOnly,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::HeadersTooSlow,
        Self::TooSlow,
        Self::KeyUnderWay,
        Self::TooLarge,
        Self::NotJson,
        Self::NotBytes,
        Self::KeyReused,
        Self::TooMany,
        Self::OverRate,
        Self::HeadersTooLarge,
        Self::Unexpected,
        Self::NotConfirmed,
        Self::StoreAway,
        Self::NobodyThere,
    ];

    /// Status, code and words.
    pub const fn told(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::NotHttp => (StatusCode::BAD_REQUEST, "400", "this is no request of HTTP/1.1 or HTTP/2"),
            Self::NotTls => (StatusCode::BAD_REQUEST, "400", "TLS is spoken here: write https://"),
            Self::Unauthorized => (
                StatusCode::UNAUTHORIZED,
                "401",
                "x-ims-key is missing or wrong: send base64(username:secret_key) of a valid key, or base64(:login:password) of a \
                 user",
            ),
            Self::WrongNetwork => (StatusCode::FORBIDDEN, "403", "this key may not be used from this address"),
            Self::WrongScope => (StatusCode::FORBIDDEN, "403", "this key may not be used for this"),
            Self::ReadOnly => {
                (StatusCode::FORBIDDEN, "403", "the reference data come from a file: they are changed there")
            }
            Self::NotFound => (StatusCode::NOT_FOUND, "404", "there is no such path"),
            Self::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "405", "this path has no such method; the header Allow names its own")
            }
            Self::HeadersTooSlow => (StatusCode::REQUEST_TIMEOUT, "408", "the headers did not come in time"),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "408", "the body did not come in time"),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "413",
                "the body is too large: split its receiver_list, or send a smaller file",
            ),
            Self::NotJson => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "415", "send JSON, as application/json"),
            Self::NotBytes => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "415",
                "send the file itself, as application/octet-stream and without content-encoding",
            ),
            Self::KeyUnderWay => (
                StatusCode::CONFLICT,
                "409",
                "the same request is being answered under this idempotency-key: repeat it later",
            ),
            Self::KeyReused => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "422",
                "something else was asked under this idempotency-key: take a new one",
            ),
            Self::OverRate => (
                StatusCode::TOO_MANY_REQUESTS,
                "429",
                "more than your rate_per_second: repeat it after the time of Retry-After",
            ),
            Self::TooMany => (StatusCode::TOO_MANY_REQUESTS, "429", "too many requests at a time: repeat it later"),
            Self::HeadersTooLarge => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "431",
                "more headers than 64, or more than 16 KiB of them with the path",
            ),
            Self::Unexpected => (StatusCode::INTERNAL_SERVER_ERROR, Code::Unexpected.as_str(), "unexpected error"),
            Self::NotConfirmed => (
                StatusCode::SERVICE_UNAVAILABLE,
                Code::NotConfirmed.as_str(),
                "not confirmed: repeat it with the same message_id",
            ),
            Self::StoreAway => {
                (StatusCode::SERVICE_UNAVAILABLE, Code::Unexpected.as_str(), "the store does not answer now: ask again")
            }
            Self::NobodyThere => {
                (StatusCode::SERVICE_UNAVAILABLE, Code::Unexpected.as_str(), "nobody can answer this now: ask again")
            }
        }
    }

    /// When it is told, for docs/http.md.
    const fn when(self) -> &'static str {
        match self {
            Self::NotHttp => "also another version of HTTP; its connection ends",
            Self::NotTls => "the door has a certificate; its connection ends",
            Self::Unauthorized => "no key, an unknown customer, a wrong or an expired secret: told and timed alike",
            Self::WrongNetwork => "the key has `networks`",
            Self::WrongScope => "the key has `scopes`",
            Self::ReadOnly => "`reference.kind` is \"file\"",
            Self::NotFound => "also a channel that there is not",
            Self::MethodNotAllowed => "",
            Self::HeadersTooSlow => "`headers_within_ms`; its connection ends, of HTTP/2 without a word",
            Self::TooSlow => "`body_within_ms`",
            Self::TooLarge => "`body_bytes`; of files `largest_bytes`",
            Self::NotJson => "",
            Self::NotBytes => "files",
            Self::KeyUnderWay => "who asked first may have left",
            Self::KeyReused => "another body, path, lane or version",
            Self::OverRate => "the customer has a rate",
            Self::TooMany => {
                "half of the places are taken by one, or all are: `requests` under way, files `uploads`, 4 exports, 4 test calls, 256 questions that wait for a store, of customers; `requests` of who is not known yet, of addresses. Or too many secrets are to be hashed: 256, and 8 of a customer, 32 of an address"
            }
            Self::HeadersTooLarge => {
                "of HTTP/1.1 its connection ends; of HTTP/2 more than 16 KiB are told the status alone"
            }
            Self::Unexpected => "a defect",
            Self::NotConfirmed => {
                "a message or the wish to cancel one: Kafka did not acknowledge within `acknowledged_within_ms`, of which Redis may have taken a part; a message behind a gateway: no API process answers"
            }
            Self::StoreAway => "the store is away: also a report that is looked up, which is never told 9998",
            Self::NobodyThere => "anything but a message behind a gateway: no API process answers",
        }
    }

    /// After which time it may, for docs/http.md.
    const fn again(self) -> &'static str {
        match self {
            Self::OverRate => "until one message is let in",
            _ if self.passes() => "1 s",
            _ => "",
        }
    }

    /// Whether the same request may succeed in a second.
    pub const fn passes(self) -> bool {
        matches!(
            self,
            Self::KeyUnderWay
                | Self::TooMany
                | Self::OverRate
                | Self::NotConfirmed
                | Self::StoreAway
                | Self::NobodyThere
        )
    }
}

/// Codes that are told with another status than 200, as a [`Problem`].
pub const OF_DOOR: [Code; 2] = [Code::NotConfirmed, Code::Unexpected];

/// Status and code of every case, as docs/http.md has it.
pub fn table() -> String {
    let mut table = String::from("| HTTP | Code | Meaning | When | Retry-After |\n|---|---|---|---|---|\n");
    let mut row = |status: StatusCode, code: &str, meaning: &str, when: &str, again: &str| {
        let cells = [status.as_str(), code, meaning, when, again];
        table.push_str(&format!("| {} |\n", cells.join(" | ")));
    };
    for code in Code::ALL.iter().filter(|code| !OF_DOOR.contains(code)) {
        row(StatusCode::OK, code.as_str(), code.meaning(), "", "");
    }
    for problem in Problem::ALL {
        let (status, code, message) = problem.told();
        row(status, code, message, problem.when(), problem.again());
    }
    table
}

/// What became of one receiver of many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ReceiverAnswer)]
pub struct Receiver {
    /// Its own id, or the parent's with its place.
    pub message_id: String,
    /// 0000, or why it was refused.
    pub code: &'static str,
    /// The refusal in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub message: Option<String>,
}

/// The one shape: `code`, and `data` or `message`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer<D = String> {
    /// 0000, or why not.
    pub code: Cow<'static, str>,
    /// What was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<D>,
    /// Why not, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Of a request with a receiver_list: each of them, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub receivers: Vec<Receiver>,
}

impl<D> Answer<D> {
    /// 0000 with data.
    pub fn success(data: D) -> Self {
        Self { code: Code::Success.as_str().into(), data: Some(data), message: None, receivers: Vec::new() }
    }

    /// A code of the contract with its words.
    pub fn refused(code: &'static str, message: String) -> Self {
        Self { code: code.into(), data: None, message: Some(message), receivers: Vec::new() }
    }
}

impl<D> From<Refusal> for Answer<D> {
    fn from(refusal: Refusal) -> Self {
        Self::refused(refusal.code.as_str(), refusal.message)
    }
}

/// The code of an answer, for the access log and metrics.
#[derive(Debug, Clone)]
pub struct ToldCode(pub Cow<'static, str>);

impl<D: Serialize> Answer<D> {
    /// As it goes over the wire.
    pub fn to_bytes(&self) -> Vec<u8> {
        bytes(self)
    }
}

/// Success in a shape of its own, which the contract has for statistics of all channels.
pub fn bare(data: &impl Serialize) -> Response<Body> {
    kept(bytes(data))
}

/// An answer that was 0000 before, once more.
pub fn kept(bytes: Vec<u8>) -> Response<Body> {
    json(bytes, StatusCode::OK, Code::Success.as_str().into())
}

fn bytes(body: &impl Serialize) -> Vec<u8> {
    // Structs of texts and lists of them always make JSON.
    serde_json::to_vec(body).unwrap_or_default()
}

fn json(bytes: Vec<u8>, status: StatusCode, code: Cow<'static, str>) -> Response<Body> {
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.extensions_mut().insert(ToldCode(code));
    response
}

impl<D: Serialize> IntoResponse for Answer<D> {
    /// The contract answers 200 whatever became of the request.
    fn into_response(self) -> Response<Body> {
        json(self.to_bytes(), StatusCode::OK, self.code)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        let (status, code, message) = self.told();
        let answer = Answer::<String>::refused(code, message.to_owned());
        let mut response = json(answer.to_bytes(), status, code.into());
        if self.passes() {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_has_the_table_of_the_code() {
        let docs = include_str!("../../../docs/http.md");
        let (_, rest) = docs.split_once("<!-- by `ims openapi --table` -->\n").unwrap();
        let (written, _) = rest.split_once("<!-- until here -->").unwrap();
        assert_eq!(written, table(), "put what `ims openapi --table` prints into docs/http.md");
    }

    #[test]
    fn the_table_has_a_row_for_each_code_and_each_refusal() {
        let rows = table().lines().count() - 2;
        assert_eq!(rows, Code::ALL.len() - OF_DOOR.len() + Problem::ALL.len());
        assert!(Problem::ALL.is_sorted_by_key(|problem| problem.told().0));
    }
}
