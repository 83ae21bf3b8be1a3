//! Settings that cannot work are refused with the remedy.

use super::{SmtpSettings, UNSUBSCRIBE_KEY, VendorSettings, file, open, plain, secure, vendor, with, with_ads};

fn refused(url: &str, settings: VendorSettings) -> String {
    let told = open(&vendor(url), settings).and_then(|vendors| vendors.all_have_keys());
    told.expect_err("it passed").to_string()
}

fn signed(domain: &str, selector: &str, key_file: &str) -> SmtpSettings {
    SmtpSettings {
        dkim_domain: domain.into(),
        dkim_selector: selector.into(),
        dkim_key_file: key_file.into(),
        ..secure()
    }
}

#[test]
fn what_cannot_work_is_refused_with_the_remedy() {
    let (_kept, key_file) = file("geheim-password\n");
    let (_kept_too, long_key) = file(UNSUBSCRIBE_KEY);
    let keyed = |smtp| VendorSettings { key_file: key_file.clone(), ..with(smtp) };
    let user = |smtp| SmtpSettings { user: "ims".into(), ..smtp };
    let (outside, inside) = ("smtp://mail.example.kr", "smtp://127.0.0.1:25");
    for (url, settings, remedy) in [
        (outside, with(SmtpSettings::default()), "write this host's full name"),
        (outside, with(SmtpSettings { hello: "a\r\nRSET".into(), ..secure() }), "write this host's full name"),
        (outside, with(user(secure())), "name a file"),
        (outside, keyed(secure()), "set smtp.user"),
        (outside, keyed(user(plain())), "leave out [vendors.relay.smtp] plaintext"),
        ("smtps://mail.example.kr", with(plain()), "leave out [vendors.relay.smtp] plaintext"),
        (outside, with(SmtpSettings { ca_file: "/nowhere/ca.crt".into(), ..secure() }), "name the server's authority"),
        (outside, with(SmtpSettings { ca_file: key_file.clone(), ..secure() }), "name the server's authority"),
        (inside, with(SmtpSettings { ca_file: key_file.clone(), ..plain() }), "leave out smtp.plaintext"),
        (outside, with(SmtpSettings { return_path: "bounces".into(), ..secure() }), "write bounces@example.kr"),
        (outside, with(SmtpSettings { unsubscribe_url: "http://a.example/".into(), ..secure() }), "write https://"),
        (outside, with(with_ads("".into(), secure())), "smtp.unsubscribe_key_file"),
        (outside, with(with_ads(key_file.clone(), secure())), "32 characters or more"),
        (outside, with(SmtpSettings { ads: true, ..secure() }), "or smtp.ads = false where this server is sent none"),
        (outside, with(SmtpSettings { ads: true, ..secure() }), "제50조 ④"),
        (
            outside,
            with(SmtpSettings { relay_signs: false, ..with_ads(long_key.clone(), secure()) }),
            "set the three smtp.dkim_…, or smtp.relay_signs = true",
        ),
        (outside, VendorSettings { key_file: key_file.clone(), ..VendorSettings::default() }, "[vendors.relay.smtp]"),
        (outside, VendorSettings { ca_file: "/nowhere/ca.crt".into(), ..with(secure()) }, "set smtp.ca_file"),
        (outside, with(SmtpSettings { dkim_domain: "a.example".into(), ..secure() }), "set all, or none"),
        (outside, with(signed("a.example", "s1", "/nowhere/dkim.pem")), "name a file with an RSA key"),
        (outside, with(signed("a.example", "s1", key_file.to_str().unwrap())), "PKCS #8 in PEM form"),
        (outside, with(signed("a.example;", "s1", "/nowhere")), "smtp.dkim_domain"),
        (outside, with(signed("a.example", "s 1", "/nowhere")), "smtp.dkim_selector"),
    ] {
        let told = refused(url, settings);
        assert!(told.contains(remedy) && !told.contains("geheim"), "{remedy}: {told}");
    }
    for (url, settings) in [
        (outside, with(secure())),
        (outside, keyed(user(secure()))),
        (outside, with(plain())),
        (outside, with(with_ads(long_key.clone(), secure()))),
        (inside, keyed(user(plain()))),
        ("smtps://mail.example.kr", keyed(user(secure()))),
    ] {
        open(&vendor(url), settings).unwrap().all_have_keys().unwrap();
    }
}
