//! A message in doubt is asked about by its serial number, and never sent again.

use super::{Bench, SMS, VendorSettings, code, settings, sms};
use crate::vendors::testing::{Server, answer};
use processors::ports::Reply;
use schemas::Dispatch;
use std::{
    io::Write,
    net::{Ipv4Addr, TcpListener},
    time::Duration,
};

fn in_doubt() -> Dispatch {
    Dispatch { in_doubt: true, routed_at: 1_772_420_400_000, ..sms("S-0R") }
}

fn listed(key: &str) -> String {
    let body = format!(
        r#"{{"header":{{"resultCode":0,"resultMessage":"SUCCESS","isSuccessful":true}},"body":{{"pageNum":1,"pageSize":1,"totalCount":1,"data":[{{"requestId":"r","recipientSeq":1,"msgStatus":"1","resultCode":null,"recipientGroupingKey":"{key}"}}]}}}}"#
    );
    answer("200 OK", "", &body)
}

const NONE: &str = r#"{"header":{"resultCode":0,"resultMessage":"SUCCESS","isSuccessful":true},"body":{"pageNum":1,"pageSize":1,"totalCount":0,"data":[]}}"#;

#[test]
fn what_the_vendor_lists_was_sent_even_when_it_is_listed_late() {
    let server = Server::doing(|stream, number| {
        let text = if number < 2 { answer("200 OK", "", NONE) } else { listed("S-0R") };
        let _ = stream.write_all(text.as_bytes());
    });
    assert_eq!(code(&Bench::of(&SMS, &server.url).reply_to(in_doubt())), "0");
    let requests = server.requests();
    assert!(requests.iter().all(|request| request.starts_with("GET ")), "{requests:?}");
    let asked = "/sms/v3.0/appKeys/app-key-1/sender/sms?startCreateDate=2026-03-02%2011:00:00&endCreateDate=";
    assert!(requests[0].contains(asked) && requests[0].contains("&recipientGroupingKey=S-0R&"), "{requests:?}");
    assert_eq!(requests.len(), 2);
}

#[test]
fn what_the_vendor_does_not_list_is_not_sent_again() {
    for text in [answer("200 OK", "", NONE), listed("another")] {
        let server = Server::saying(text);
        let reply = Bench::within(&SMS, &server.url, 1_500, settings()).reply_to(in_doubt());
        assert_eq!(reply, Reply::Forgotten("the vendor does not list this message".into()));
        assert!(server.requests().iter().all(|request| request.starts_with("GET ")));
    }
}

#[test]
fn asking_in_vain_sends_nothing_and_says_nothing_of_the_message() {
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let nobody = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    assert!(matches!(Bench::of(&SMS, &nobody).reply_to(in_doubt()), Reply::NotSent(_)));
    let undecided = [
        answer("200 OK", "", "<html>"),
        answer("500 Internal Server Error", "", NONE),
        answer("503 Service Unavailable", "", SMS.no_key.1),
        answer("200 OK", "", &NONE.replace("\"resultCode\":0", "\"resultCode\":-4000")),
    ];
    for text in undecided {
        let server = Server::saying(text.clone());
        assert!(matches!(Bench::of(&SMS, &server.url).reply_to(in_doubt()), Reply::Undecided(_)), "{text}");
    }
}

#[test]
fn what_holds_for_every_request_is_told_as_it_is_when_asking() {
    let server = Server::saying(answer("429 Too Many Requests", "Retry-After: 7\r\n", ""));
    let reply = Bench::of(&SMS, &server.url).reply_to(in_doubt());
    assert_eq!(reply, Reply::Throttled(Duration::from_secs(7)));
    for (status, body) in [("200 OK", SMS.no_key.1), ("401 Unauthorized", "a proxy's page")] {
        let server = Server::saying(answer(status, "", body));
        assert_eq!(code(&Bench::of(&SMS, &server.url).reply_to(in_doubt())), "-1000", "nobody is let in");
    }
}

#[test]
fn a_look_that_gets_no_turn_in_time_is_none() {
    let server = Server::saying(listed("S-0R"));
    let slow = VendorSettings { calls_per_second: 1, ..settings() };
    let reply = Bench::within(&SMS, &server.url, 600, slow).reply_to(in_doubt());
    assert!(matches!(reply, Reply::Undecided(_)), "{reply:?}");
    assert!(server.requests().is_empty());
}

#[test]
fn a_row_that_is_strange_elsewhere_still_tells_that_the_message_was_sent() {
    let server = Server::saying(
        listed("S-0R")
            .replace("\"recipientSeq\":1", "\"recipientSeq\":9")
            .replace("\"requestId\":\"r\"", "\"requestId\":700"),
    );
    assert_eq!(code(&Bench::of(&SMS, &server.url).reply_to(in_doubt())), "0");
}
