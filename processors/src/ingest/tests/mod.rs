//! Ingest as a whole, on the examples that all tests share.

mod channels;

mod fallbacks;
mod frame;
mod laws;
mod many;
mod nul;
mod shared;

use super::*;
use crate::reference::{
    Approval, Customer, OptOut, Seed, SenderNumber, SenderProfile, ServiceKey, Template, Unencodable,
};
use schemas::examples::{self, seed};
use schemas::{Accepted, Channel, Lane, Receiver, Report, SendRequest};

/// The customer of the examples with all that it registered, and one more customer.
fn seed_data() -> Seed {
    let sender = |number: &str, channel| SenderNumber {
        number: number.into(),
        username: seed::USERNAME.into(),
        channel,
        state: Approval::Approved,
    };
    let mut sender_numbers: Vec<SenderNumber> =
        seed::SENDER_NUMBERS.iter().map(|number| sender(number, Channel::Mt)).collect();
    sender_numbers.push(sender(seed::CHATBOT_ID, Channel::Rc));
    sender_numbers.push(sender(seed::FROM_EMAIL, Channel::Em));
    let template = |t: &seed::Template| Template {
        code: t.code.into(),
        username: seed::USERNAME.into(),
        channel: t.channel,
        sender_key: (t.channel == Channel::At).then(|| seed::SENDER_KEY.into()),
        auth_allowed: t.auth,
        message: t.message.unwrap_or_default().into(),
        ..Template::default()
    };
    Seed {
        customers: vec![
            Customer { username: seed::USERNAME.into(), auth_allowed: true, ..Customer::default() },
            Customer { username: "other".into(), ..Customer::default() },
        ],
        service_keys: vec![
            ServiceKey {
                key: seed::SERVICE_KEY.into(),
                username: seed::USERNAME.into(),
                active: true,
                ..ServiceKey::default()
            },
            ServiceKey { key: "X".repeat(40), username: "other".into(), active: false, ..ServiceKey::default() },
            ServiceKey { key: "Y".repeat(40), username: "other".into(), active: true, ..ServiceKey::default() },
        ],
        sender_profiles: vec![SenderProfile {
            sender_key: seed::SENDER_KEY.into(),
            username: seed::USERNAME.into(),
            state: Approval::Approved,
        }],
        templates: seed::TEMPLATES.iter().map(template).collect(),
        sender_numbers,
        ..Seed::default()
    }
}

fn reference_with(change: impl FnOnce(&mut Seed)) -> Reference {
    let mut data = seed_data();
    change(&mut data);
    Reference::new(data).unwrap()
}

fn reference() -> Reference {
    reference_with(|_| ())
}

fn place(lane: Lane) -> Received {
    let api = Api { cluster: 0, lane, partition: 3, offset: 77, receiver: 0 };
    Received { api, timestamp_ms: seed::NOW_MS, value_bytes: 400 }
}

fn run_in(reference: &Reference, lane: Lane, request: SendRequest) -> Vec<Checked> {
    check(request, &place(lane), reference, seed::NOW_MS + 8, &Settings::default()).unwrap()
}

/// The one answer to a request of one.
fn one_in(reference: &Reference, lane: Lane, request: SendRequest) -> Result<Box<Candidate>, Box<Refused>> {
    match run_in(reference, lane, request).pop().unwrap() {
        Checked::Candidate(candidate) => Ok(candidate),
        Checked::Refused(refused) => Err(refused),
    }
}

fn one(request: SendRequest) -> Result<Box<Candidate>, Box<Refused>> {
    one_in(&reference(), Lane::Realtime, request)
}

fn accepted(request: SendRequest) -> Accepted {
    one(request).unwrap_or_else(|refused| panic!("{}", refused.report.message)).accepted
}

fn refused(request: SendRequest) -> Report {
    match one(request) {
        Err(refused) => refused.report,
        Ok(candidate) => panic!("{} was accepted", candidate.accepted.message_id),
    }
}

/// Code and text of the refusal of an example, changed.
fn refusal(name: &str, change: impl FnOnce(&mut SendRequest)) -> (String, String) {
    let mut request = examples::request(name);
    change(&mut request);
    let report = refused(request);
    (report.code, report.message)
}

/// Whether an example, changed, is accepted.
fn passes(name: &str, change: impl FnOnce(&mut SendRequest)) -> bool {
    let mut request = examples::request(name);
    change(&mut request);
    one(request).is_ok()
}
