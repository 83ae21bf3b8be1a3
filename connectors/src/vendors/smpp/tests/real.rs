//! A message centre that is not ours, npm's smpp (dev/smpp): what it reads in what is written, and what it answers.

use super::{Bench, SmppSettings, VendorSettings, code, file, long, smpp, taken, text, told, until, vendor};
use crate::{
    testing::{Script, variable},
    vendors::smpp::{settings::Long, text::Encoding},
};
use processors::ports::Reply;
use schemas::Dispatch;
use serde_json::Value;
use std::path::Path;

struct Real {
    script: Script,
    said: String,
}

impl Real {
    fn start() -> Option<Self> {
        let (script, said) = Script::start("smpp", &[])?;
        Some(Self { script, said })
    }

    fn told(&self, name: &str) -> String {
        variable(&self.said, name)
    }

    fn bench(&self, url: &str, settings: SmppSettings) -> Bench {
        self.knocking(url, settings, &self.told("SMPP_PASSWORD"))
    }

    fn knocking(&self, url: &str, settings: SmppSettings, password: &str) -> Bench {
        let (kept, key_file) = file(password);
        let smpp = Some(SmppSettings { system_id: self.told("SMPP_SYSTEM_ID"), ..settings });
        let settings = VendorSettings { key_file, smpp, ..VendorSettings::default() };
        Bench::of_file(vendor(&self.told(url), 10_000), settings, kept)
    }

    /// The lines that it wrote of what has this key.
    fn noted(&self, key: &str) -> Vec<Value> {
        let written = std::fs::read_to_string(Path::new(&self.told("SMPP_SUBMITS"))).unwrap();
        let lines = written.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line.get(key).is_some()).collect()
    }
}

fn to(serial_number: &str, number: &str, message: &str) -> Dispatch {
    let mut dispatch = text(serial_number, message);
    dispatch.accepted.recipient.phone_number = Some(number.into());
    dispatch
}

#[test]
fn a_real_message_centre_reads_every_alphabet_and_joins_the_parts() {
    let Some(real) = Real::start() else { return };
    let with = |encoding, long| SmppSettings { encoding, long, ca_file: real.told("SMPP_CA_FILE").into(), ..smpp() };
    let (korean, latin) = ("가나다라 마바사 😀 ".repeat(20), "Your code: [123456] {€} ".repeat(20));
    let cp949 = "똠방각하 펲시콜라 ".repeat(20);
    for (encoding, long, message, coding, parts) in [
        (Encoding::Auto, Long::Udh, "Code [1] €", 0, 1),
        (Encoding::Auto, Long::Udh, &latin, 0, 4),
        (Encoding::Auto, Long::Udh, &korean, 8, 4),
        (Encoding::Auto, Long::Payload, &korean, 8, 1),
        (Encoding::Ksc5601, Long::Payload, &cp949, 14, 1),
        (Encoding::Ksc5601, Long::Udh, &cp949, 14, 3),
    ] {
        let before = real.noted("id").len();
        let mut bench = real.bench("SMPPS_URL", with(encoding, long));
        assert_eq!(code(&bench.reply(text("T1-0R", message))), "0x00000000");
        let mut submits = real.noted("id").split_off(before);
        assert_eq!(submits.len(), parts, "{submits:?}");
        // The last two digits of the header are the part's number.
        submits.sort_by_key(|submit| submit["header"][0].as_str().unwrap_or_default().to_owned());
        let joined: String = submits.iter().map(|submit| submit["text"].as_str().unwrap()).collect();
        assert_eq!(joined, message);
        for submit in submits {
            assert_eq!(
                (&submit["coding"], &submit["to"], &submit["from"]),
                (&coding.into(), &"821012345678".into(), &"0212345678".into())
            );
        }
    }
    assert!(real.noted("bind").iter().all(|bind| bind["tls"] == true && bind["version"] == 0x34));
}

#[test]
fn a_real_message_centres_answers_and_receipts_are_its_codes() {
    let Some(real) = Real::start() else { return };
    let mut bench = real.bench("SMPP_URL", smpp());
    let mut receipts = bench.receipts();
    assert_eq!(code(&bench.reply(to("T1-0R", "01011112220", "a"))), "0x0000000B");
    assert!(matches!(bench.reply(to("T2-0R", "01011112258", "a")), Reply::Throttled(_)));
    // Receipts of every other one overtake their answers.
    for (serial_number, number) in
        [("T2-0R", "01011112258"), ("T3-0R", "01011112222"), ("T4-0R", "01011112227"), ("T5-0R", "01011112227")]
    {
        assert_eq!(code(&bench.reply(to(serial_number, number, "a"))), "0x00000000");
    }
    assert_eq!(code(&bench.reply(long("T6-0R"))), "0x00000000");
    let mut all = taken(&mut *receipts, 5);
    all.sort_by(|a, b| a.serial_number.cmp(&b.serial_number));
    let expected = [
        ("T2-0R", "DELIVRD.000"),
        ("T3-0R", "DELIVRD.000"),
        ("T4-0R", "UNDELIV.001"),
        ("T5-0R", "UNDELIV.001"),
        ("T6-0R", "DELIVRD.000"),
    ];
    assert_eq!(told(&all), expected);
    drop(bench);
    until("its senders have not taken their leave", || !real.noted("unbind").is_empty());
}

#[test]
fn a_real_message_centre_that_does_not_know_us_is_sent_nothing() {
    let Some(real) = Real::start() else { return };
    let reply = real.knocking("SMPP_URL", smpp(), "another").reply(text("T1-0R", "a"));
    assert_eq!(code(&reply), "0x0000000E");
    // The system's authorities know no such server.
    let reply = real.bench("SMPPS_URL", smpp()).reply(text("T1-0R", "a"));
    assert!(matches!(&reply, Reply::NotSent(reason) if reason.starts_with("TLS: ")), "{reply:?}");
    assert_eq!((real.noted("bind").len(), real.noted("id").len()), (0, 0));
    assert!(real.script.folder().exists());
}
