//! What a reply means.

use crate::vendors::smtp::reply::Reply;
use schemas::examples;

async fn read(bytes: &str) -> Result<Reply, String> {
    Reply::read(&mut bytes.as_bytes()).await
}

#[tokio::test]
async fn the_enhanced_code_counts_unless_it_contradicts_the_digits() {
    for (said, code) in [
        ("250 2.0.0 Ok: queued as 1\r\n", "2.0.0"),
        ("250 OK\r\n", "250"),
        ("550 5.1.1 <a@b.example> no such user\r\n", "5.1.1"),
        ("550-5.7.26 one line\r\n550 5.7.26 another\r\n", "5.7.26"),
        ("451 4.7.1 greylisted\n", "4.7.1"),
        ("550 2.1.5 odd\r\n", "550"),
        ("452 5.2.2 odd\r\n", "452"),
        ("554 10.0.0.1 is listed\r\n", "554"),
        ("554 5.7.1.2 is no code\r\n", "554"),
        ("421\r\n", "421"),
    ] {
        assert_eq!(read(said).await.unwrap().table_code(), code, "{said}");
    }
}

#[tokio::test]
async fn what_is_no_reply_is_refused_without_end_or_repetition() {
    let endless = "250-more\r\n".repeat(1_000);
    let long = "2".repeat(10_000);
    for said in ["", "hello\r\n", "99 a\r\n", "250", "250_a\r\n", "25\r\n", "650 a\r\n", "250-a\r\n", &endless, &long] {
        let refused = read(said).await.unwrap_err();
        assert!(refused.len() < 60 && !refused.contains("hello"), "{refused}");
    }
}

#[tokio::test]
async fn a_servers_own_words_are_not_passed_on() {
    let reply = read("550 5.1.1 <haneul.kim@mail.example> unknown\r\n").await.unwrap().answer();
    assert!(!format!("{reply:?}").contains("haneul"), "{reply:?}");
}

#[test]
fn whatever_comes_as_a_reply_ends_in_one_or_in_a_reason() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for bytes in examples::spoilt(&[b"250-2.1.0 ok\r\n250 2.0.0 queued\r\n", b"421 4.7.0 later\r\n"]) {
        if let Ok(reply) = runtime.block_on(Reply::read(&mut bytes.as_slice())) {
            reply.table_code();
        }
    }
}
