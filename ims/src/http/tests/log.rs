//! What the access log says.

use super::{Fixture, SHOP, SHOP_SECRET, key, post, signed, sms, sms_id, started};
use serde_json::Value;
use std::{
    io,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use topology::log::{Appender, LogError, Outgoing, Told};
use tracing::Level;

/// All that is logged.
#[derive(Clone, Default)]
pub struct Kept(Arc<Mutex<Vec<u8>>>);

impl io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Kept {
    /// Listens to what all tests log, also to what `-v` would show: a subscriber of one thread alone misses lines that
    /// another thread met first.
    pub fn listen() -> Self {
        static LISTENING: OnceLock<Kept> = OnceLock::new();
        let listening = LISTENING.get_or_init(|| {
            let kept = Self::default();
            let writer = kept.clone();
            let subscriber = tracing_subscriber::fmt()
                .json()
                .with_max_level(Level::DEBUG)
                .with_writer(move || writer.clone())
                .finish();
            tracing::subscriber::set_global_default(subscriber).expect("nobody else listens");
            kept
        });
        listening.clone()
    }

    /// What was logged since it is listened.
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The line of a request, with its fields.
    pub fn line(&self, request_id: &str) -> (String, Value) {
        let text = self.text();
        let of_request = |line: &&str| line.contains(&format!("\"{request_id}\""));
        let lines: Vec<&str> = text.lines().filter(of_request).collect();
        let [line] = lines[..] else { panic!("{} lines of {request_id}", lines.len()) };
        let told: Value = serde_json::from_str(line).unwrap();
        assert_eq!(told["target"], "access");
        (line.to_owned(), told["fields"].clone())
    }
}

/// A log that says nothing: who waits for it is handed to the test.
pub struct Silent(pub UnboundedSender<Told>);

impl Appender for Silent {
    fn append(&mut self, records: Vec<(Outgoing, Told)>, _: Duration) {
        records.into_iter().for_each(|(_, told)| self.0.send(told).unwrap_or_default());
    }

    fn reach(&mut self, _: schemas::Topic, _: Duration) -> Result<(), LogError> {
        Ok(())
    }
}

#[tokio::test]
async fn who_leaves_before_its_answer_stands_there() {
    let kept = Kept::listen();
    let (tell, mut waiting) = unbounded_channel();
    let fixture = Fixture::with(|door| door.others = started(Box::new(Silent(tell))));
    let request = signed(post(SHOP)).header("x-request-id", "LEFT-1").body(sms().into()).unwrap();
    tokio::select! {
        answered = fixture.call(request) => panic!("answered {answered:?}"),
        waits = waiting.recv() => assert!(waits.is_some()),
    }
    let (_, line) = kept.line("LEFT-1");
    let told = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
    assert_eq!(
        (told("route"), told("username"), line["status"].as_u64()),
        ("send".into(), "hanbit-shop".into(), Some(499))
    );
}

#[tokio::test]
async fn it_has_neither_secret_nor_path_nor_body_nor_number() {
    let kept = Kept::listen();
    let fixture = Fixture::new();
    let request = signed(post(SHOP)).header("x-request-id", "SENT-1").body(sms().into()).unwrap();
    assert_eq!(fixture.call(request).await.0, 200);
    let guess = key("hanbit-shop", "guess-at-it");
    let request = post(SHOP).header("x-ims-key", &guess).header("x-request-id", "SENT-2").body(sms().into()).unwrap();
    assert_eq!(fixture.call(request).await.0, 401);
    let ((sent, fields), (refused, _)) = (kept.line("SENT-1"), kept.line("SENT-2"));
    assert_eq!((&fields["status"], &fields["code"]), (&200.into(), &"0000".into()));
    let body: Value = serde_json::from_str(&sms()).unwrap();
    let (number, message) = (body["phone_number"].as_str().unwrap(), body["message"].as_str().unwrap());
    let right = key("hanbit-shop", SHOP_SECRET);
    for secret in [SHOP_SECRET, &right, &guess, "guess-at-it", SHOP, number, &sms_id(), message] {
        assert!(!sent.contains(secret) && !refused.contains(secret), "{secret} stands in {sent} {refused}");
    }
}
