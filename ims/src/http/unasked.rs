//! Answers to what never became a request: no route sees it, and the server of HTTP/1 would answer it with a bare status.

use super::answer::{Answer, Problem};

/// Of an answer without a body.
const EMPTY: &[u8] = b"\r\ncontent-length: 0";

/// An answer of HTTP/1.1 with which its connection ends.
pub fn told(problem: Problem) -> Vec<u8> {
    let (status, code, message) = problem.told();
    let body = Answer::<()>::refused(code, message.to_owned()).to_bytes();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body].concat()
}

/// What is said in the place of an answer that the server gives by itself, to headers that it cannot read: routes give
/// these statuses with a body.
pub fn instead_of(said: &[u8]) -> Option<Vec<u8>> {
    let head = said.strip_prefix(b"HTTP/1.")?.strip_suffix(b"\r\n\r\n")?;
    let problem = match head.get(2..5)? {
        b"400" => Problem::NotHttp,
        b"414" | b"431" => Problem::HeadersTooLarge,
        _ => return None,
    };
    head.windows(EMPTY.len()).any(|part| part == EMPTY).then(|| told(problem))
}
