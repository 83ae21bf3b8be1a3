//! Reference data that are refused, and their keys.

use super::{DONE, USAGE, code, command, file, ims, shown, told};

#[test]
fn a_malformed_callback_is_refused_with_the_reference_data_that_holds_it() {
    let demo = include_str!("../../../connectors/seed/demo.toml");
    let key = "[[service_keys]]\nkey = \"IMSDEMO0SERVICEKEY0000000000000000000001\"\n";
    let secret = format!("callback_secrets = [\"whsec_{}\"]\n", "A".repeat(32));
    let check = |callback: &str| {
        let file = file(&demo.replace(key, &format!("{key}{callback}")));
        ims(&["config", "check", "--set", &format!("reference.file={}", file.path().display())])
    };
    assert_eq!(code(&check(&format!("callback_uri = \"https://shop.example/ims\"\n{secret}"))), DONE);
    for (callback, reason) in [
        (format!("callback_uri = \"ftp://shop.example/\"\n{secret}"), "…0001: callback_uri must begin with https://"),
        ("callback_uri = \"https://shop.example/\"\n".to_owned(), "callback_secrets must hold one secret, or two"),
        ("callback_secrets = [\"whsec_hunter2\"]\n".to_owned(), "a secret is whsec_ and the Base64"),
    ] {
        let refused = check(&callback);
        let told = told(&refused);
        assert!(code(&refused) == USAGE && told.contains(reason) && !told.contains("hunter2"), "{told}");
    }
}

#[test]
fn a_vendor_that_cannot_be_reached_as_its_row_says_is_refused_with_the_remedy() {
    let demo = include_str!("../../../connectors/seed/demo.toml");
    let key = file("hunter2-is-the-key\n");
    let check = |row: &str, key_file: &str| {
        let vendor = "name = \"text-one\"\nfamilies = [\"SMS\", \"LMS\", \"MMS\"]\ncodes = \"text\"\n";
        let codes = "name = \"text-one\"\nfamilies = [\"SMS\", \"LMS\", \"MMS\"]\ncodes = \"bizgo\"\n";
        let reference = file(&demo.replace(vendor, &format!("{codes}{row}")));
        let mut arguments = vec!["config", "check", "--set"];
        let (reference, key_file) =
            (format!("reference.file={}", reference.path().display()), format!("vendors.text-one.key_file={key_file}"));
        arguments.push(&reference);
        if !key_file.ends_with('=') {
            arguments.extend(["--set", &key_file]);
        }
        ims(&arguments)
    };
    let (good, path) = ("protocol = \"bizgo\"\nurl = \"https://mars.ibapi.kr\"\n", key.path().display().to_string());
    assert_eq!(code(&check(good, &path)), DONE);
    for (row, key_file, remedy) in [
        (good, "", "[vendors.text-one] key_file"),
        (good, "/nowhere/dealer.key", "name a file that holds the vendor's key alone"),
        ("protocol = \"bizgo\"\nurl = \"http://mars.ibapi.kr\"\n", &path, "write https://"),
        (
            "protocol = \"bisgo\"\nurl = \"https://mars.ibapi.kr\"\n",
            &path,
            "expected one of `simulated`, `bizgo`, `smtp`",
        ),
        ("url = \"https://mars.ibapi.kr\"\n", &path, "set protocol = \"bizgo\""),
    ] {
        let refused = check(row, key_file);
        let told = told(&refused);
        assert!(code(&refused) == USAGE && told.contains(remedy) && !told.contains("hunter2"), "{row}: {told}");
    }
}

#[test]
fn a_mail_server_that_cannot_be_reached_as_its_row_says_is_refused_with_the_remedy() {
    let demo = include_str!("../../../connectors/seed/demo.toml");
    let password = file("hunter2-is-the-password\n");
    let check = |row: &str, settings: &[&str]| {
        let row = format!("name = \"smtp-spare\"\nfamilies = [\"EMAIL\"]\n{row}");
        let reference = file(&demo.replace("name = \"smtp-spare\"\nfamilies = [\"EMAIL\"]\n", &row));
        let reference = format!("reference.file={}", reference.path().display());
        let sets = settings.iter().flat_map(|set| ["--set", set]);
        ims(&["config", "check", "--set", &reference].into_iter().chain(sets).collect::<Vec<_>>())
    };
    let good = "max_in_flight = 20\nprotocol = \"smtp\"\nurl = \"smtp://mail.example.kr:587\"\n";
    let key_file = format!("vendors.smtp-spare.key_file={}", password.path().display());
    let (hello, user) = ("vendors.smtp-spare.smtp.hello=ims.example.kr", "vendors.smtp-spare.smtp.user=ims");
    let plaintext = "vendors.smtp-spare.smtp.plaintext=true";
    let no_ads = "vendors.smtp-spare.smtp.ads=false";
    for settings in [&[hello, no_ads][..], &[hello, no_ads, user, &key_file]] {
        assert_eq!(code(&check(good, settings)), DONE, "{settings:?}");
    }
    for (row, settings, remedy) in [
        (good, &[][..], "write [vendors.smtp-spare.smtp]"),
        (good, &[user, &key_file], "smtp.hello"),
        (good, &[hello], "set it and smtp.unsubscribe_key_file, or smtp.ads = false"),
        (good, &[hello, user], "vendors.smtp-spare.key_file"),
        (good, &[hello, no_ads, user, &key_file, plaintext], "leave out [vendors.smtp-spare.smtp] plaintext"),
        ("protocol = \"smtp\"\nurl = \"https://mail.example.kr\"\n", &[hello, no_ads], "write smtp://HOST:587"),
        ("protocol = \"smtp\"\nurl = \"smtp://mail.example.kr\"\n", &[hello, no_ads], "set max_in_flight"),
    ] {
        let refused = check(row, settings);
        let told = told(&refused);
        assert!(code(&refused) == USAGE && told.contains(remedy) && !told.contains("hunter2"), "{remedy}: {told}");
    }
}

#[test]
fn a_secret_key_is_told_once_and_its_row_fits_the_reference_data() {
    let made = shown(&["reference", "secret", "hanbit-shop", "--name", "next", "--network", "203.0.113.0/24"]);
    let secret = made.lines().find_map(|line| line.strip_prefix("# Told once, for the customer: secret_key ")).unwrap();
    assert_eq!(secret.len(), 43, "256 bits");
    assert_eq!(made.matches(secret).count(), 1, "the row has its hash alone");
    assert!(made.contains("[[secret_keys]]") && made.contains("hash = \"$argon2id$v=19$m=19456,t=2,p=1$"), "{made}");
    let demo = include_str!("../../../connectors/seed/demo.toml");
    let check = |rows: &str| {
        let reference = file(&format!("{demo}{rows}"));
        ims(&["config", "check", "--set", &format!("reference.file={}", reference.path().display())])
    };
    // As it was told, comments and all.
    let checked = check(&made);
    assert_eq!(code(&checked), DONE, "{}", told(&checked));
    let third = check(&format!("{made}{}", made.replace("\"next\"", "\"third\"")));
    assert!(code(&third) == USAGE && told(&third).contains("\"hanbit-shop\" has 3 secret keys"), "{}", told(&third));
    let plain = check(&made.replace("$argon2id$", "$1$"));
    assert!(code(&plain) == USAGE && told(&plain).contains("`ims reference secret` makes one"), "{}", told(&plain));
    assert_eq!(code(&ims(&["reference", "secret", "a:b", "--name", "x"])), USAGE);
    assert_eq!(code(&ims(&["reference", "secret", "a", "--name", "x", "--scope", "all"])), USAGE);
}

#[test]
fn no_port_is_opened_before_the_settings_of_vendors_are_right() {
    let (taken, folder) = (std::net::TcpListener::bind("127.0.0.1:0").unwrap(), tempfile::tempdir().unwrap());
    let listen = format!("http.listen={}", taken.local_addr().unwrap());
    let memory = ["log.kind=memory", "state.kind=memory", "admin.listen=", &listen];
    let run = |more: &[&str]| {
        let sets = memory.iter().chain(more).flat_map(|set| ["--set", set]);
        let arguments: Vec<&str> = ["run", "--roles", "text,api"].into_iter().chain(sets).collect();
        let output = command(&arguments).current_dir(folder.path()).output().unwrap();
        assert_eq!(code(&output), USAGE, "{}", told(&output));
        told(&output)
    };
    assert!(run(&[]).contains("is in use"), "the door is what else is wrong");
    let refused = run(&["vendors.dealer.key_file=/nowhere/dealer.key"]);
    assert!(refused.contains("vendors.dealer.key_file") && !refused.contains("is in use"), "{refused}");
}
