//! A request as it leaves, and a doubt that nobody can end any more.

use super::{Bench, DEALER, KEY, Now, code, sms};
use crate::vendors::testing::{Server, answer};
use processors::ports::{Clock as _, Reply};
use schemas::Dispatch;

#[test]
fn a_request_is_as_published() {
    let server = Server::saying(answer("200 OK", "Content-Type: application/json\r\n", DEALER.accepted.0));
    assert_eq!(code(&Bench::of(&DEALER, &server.url).reply()), "A000");
    let request = server.requests().remove(0).to_lowercase();
    assert!(request.starts_with("post /api/comm/v1/send/omni http/1.1\r\n"), "{request}");
    // Raw: with a word before it the vendor answers 401.
    assert!(request.contains(&format!("\r\nauthorization: {KEY}\r\n")), "{request}");
    assert!(request.contains("\r\ncontent-type: application/json\r\n"), "{request}");
}

#[test]
fn a_doubt_that_the_vendor_has_forgotten_is_not_asked_about() {
    let server = Server::saying(answer("200 OK", "", DEALER.accepted.0));
    let mut bench = Bench::of(&DEALER, &server.url);
    let routed_ago = |seconds: i64, in_doubt| {
        let routed_at = Now.now_ms() - seconds * 1_000;
        Dispatch { routed_at, in_doubt, ..sms("S-0R") }
    };
    bench.submit(1, routed_ago(86_100, true));
    assert!(matches!(bench.next().reply, Reply::Forgotten(_)));
    assert_eq!(server.requests().len(), 0);
    for asked in [routed_ago(86_000, true), routed_ago(90_000, false)] {
        bench.submit(1, asked);
        assert_eq!(code(&bench.next().reply), "A000");
    }
}
