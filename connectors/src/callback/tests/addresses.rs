//! Which addresses are connected to.

use super::*;

const NOBODY: Reply = Reply::Failed(Failure::Forbidden);

#[test]
fn a_name_with_a_private_address_is_not_connected_to() {
    for address in ["10.0.0.1", "169.254.169.254", "::1", "::ffff:192.168.0.1", "fd00:ec2::254", "100.64.0.1"] {
        let mut bench = Bench::knowing(&[address], &[]);
        assert_eq!(bench.reply("https://shop.example/"), NOBODY, "{address}");
        assert_eq!((bench.asked(), bench.connected()), (vec!["shop.example".to_owned()], vec![]), "{address}");
    }
}

#[test]
fn one_private_address_among_others_is_enough() {
    let mut bench = Bench::knowing(&["127.0.0.1", "10.0.0.1"], &["127.0.0.0/8"]);
    assert_eq!(bench.reply("http://shop.example/"), NOBODY);
    assert_eq!(bench.connected(), []);
}

#[test]
fn the_address_that_was_judged_is_the_one_that_is_connected_to() {
    let server = Server::saying("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    let mut bench = Bench::new();
    assert_eq!(bench.reply(&server.uri()), status(200));
    assert_eq!(bench.asked(), ["shop.example"], "looked up once");
    assert_eq!(bench.connected(), [SocketAddr::from(([127, 0, 0, 1], server.port))]);
    assert_eq!(bench.reply(&server.uri()), status(200));
    assert_eq!(bench.asked().len(), 2, "and once for the next connection");
}

#[test]
fn a_call_that_panics_is_answered_and_the_next_one_is_made() {
    let server = Server::saying("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    // The network of these tests panics rather than connect to another machine.
    let mut bench = Bench::knowing(&["10.0.0.1"], &["10.0.0.0/8", "127.0.0.1/32"]);
    assert_eq!(bench.reply("http://shop.example/"), Reply::Failed(Failure::Lost));
    assert_eq!(bench.reply(&format!("http://127.0.0.1:{}/", server.port)), status(200));
}

#[test]
fn of_several_addresses_the_next_is_tried_when_one_is_dead() {
    let server = Server::saying("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    // The server listens on 127.0.0.1 alone.
    let mut bench = Bench::knowing(&["127.0.0.2", "127.0.0.1"], &["127.0.0.0/8"]);
    assert_eq!(bench.reply(&server.uri()), status(200));
    assert_eq!(bench.connected().len(), 2);
}

#[test]
fn an_address_in_the_uri_is_judged_as_one_behind_a_name() {
    let server = Server::saying("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let mut bench = Bench::knowing(&[], &[]);
    for host in ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "10.0.0.1", "[fe80::1]"] {
        assert_eq!(bench.reply(&format!("http://{host}:{}/", server.port)), NOBODY, "{host}");
    }
    assert_eq!((bench.asked().len(), bench.connected().len()), (0, 0));
    let mut bench = Bench::knowing(&[], &["127.0.0.1/32"]);
    assert_eq!(bench.reply(&format!("http://127.0.0.1:{}/", server.port)), status(200), "allowed");
}

#[test]
fn nobody_there_and_no_such_name_are_told_apart() {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    assert_eq!(Bench::new().reply(&format!("http://shop.example:{free}/")), Reply::Failed(Failure::Unreachable));
    assert_eq!(Bench::knowing(&[], &[]).reply("http://shop.example/"), Reply::Failed(Failure::Unresolved));
}
