//! Settings that cannot work are refused with the remedy.

use super::{SmppSettings, VendorSettings, file, open, smpp, vendor};

#[test]
fn what_cannot_work_is_refused_with_the_remedy() {
    let (_kept, key_file) = file("geheim\n");
    let (_long, long_key) = file("geheim-password\n");
    let with = |smpp| VendorSettings { key_file: key_file.clone(), smpp: Some(smpp), ..VendorSettings::default() };
    let (outside, inside) = ("smpp://smsc.example.kr", "smpp://127.0.0.1:2775");
    let plain = || SmppSettings { plaintext: true, ..smpp() };
    for (url, settings, remedy) in [
        (inside, with(SmppSettings::default()), "write the one that the carrier gave you"),
        (inside, with(SmppSettings { system_id: "0123456789abcdef".into(), ..smpp() }), "1 to 15"),
        (inside, with(SmppSettings { system_type: "0123456789abc".into(), ..smpp() }), "12 visible"),
        (inside, with(SmppSettings { service_type: "123456".into(), ..smpp() }), "5 ASCII"),
        (inside, with(SmppSettings { window: 0, ..smpp() }), "1 to 10000"),
        (inside, with(SmppSettings { enquire_link_s: 0, ..smpp() }), "1 to 3600"),
        (inside, with(SmppSettings { throttle_pause_ms: 0, ..smpp() }), "1 to 900000"),
        (inside, with(SmppSettings { short_bytes: Some(5), ..smpp() }), "20 to 254"),
        (inside, with(SmppSettings { source_ton: 7, ..smpp() }), "0 to 6"),
        (inside, with(SmppSettings { origin_tag: Some(0x13FF), ..smpp() }), "5120 to 16383 (0x1400 to 0x3FFF)"),
        (inside, with(SmppSettings { origin_tag: Some(0x4000), ..smpp() }), "5120 to 16383 (0x1400 to 0x3FFF)"),
        (inside, with(SmppSettings { source_npi: 2, ..smpp() }), "source_npi"),
        (inside, VendorSettings { key_file: long_key, ..with(smpp()) }, "at most 8 characters"),
        (inside, VendorSettings { key_file: "/nowhere/key".into(), ..with(smpp()) }, "name a file"),
        (outside, with(smpp()), "write smpps://"),
        ("smpps://smsc.example.kr", with(plain()), "leave out [vendors.carrier.smpp] plaintext"),
        ("smpps://smsc.example.kr", with(SmppSettings { ca_file: "/nowhere/ca".into(), ..smpp() }), "smpp.ca_file"),
        (inside, VendorSettings { key_file: key_file.clone(), ..VendorSettings::default() }, "[vendors.carrier.smpp]"),
    ] {
        let told = open(&vendor(url, 5_000), settings).err().expect("it passed").to_string();
        assert!(told.contains(remedy) && !told.contains("geheim"), "{remedy}: {told}");
    }
    for (url, settings) in [(outside, with(plain())), (inside, with(smpp())), ("smpps://smsc.example.kr", with(smpp()))]
    {
        open(&vendor(url, 5_000), settings).unwrap();
    }
}
