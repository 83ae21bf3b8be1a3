//! A gateway before API processes, over TLS from end to end.

use super::{Customer, SHOP, SHOP_KEY, calls, example, settle, sms};
use crate::support::{CHAIN, Deployment, PATIENCE, Process, simulator, until};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::{
    fs,
    time::{Duration, Instant},
};

/// What a route is answered within that nobody serves.
const AT_ONCE: Duration = Duration::from_millis(50);
/// Answers of which half must come at once: this machine does other things too.
const ASKED: usize = 51;

/// Files of an authority and of a server here; the variables that name the server's, and the authority in PEM form.
fn certificates(deployment: &Deployment) -> ([(&'static str, String); 2], String) {
    let (mut of_authority, authority_key) = (CertificateParams::default(), KeyPair::generate().unwrap());
    of_authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = of_authority.self_signed(&authority_key).unwrap().pem();
    let issuer = Issuer::new(of_authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let write = |name: &str, text: &str| {
        fs::write(deployment.file(name), text).unwrap();
        deployment.file(name).display().to_string()
    };
    write("ca.pem", &authority);
    let variables = [
        ("IMS__HTTP__CERTIFICATE_FILE", write("server.pem", &server.pem())),
        ("IMS__HTTP__KEY_FILE", write("server.key", &key.serialize_pem())),
    ];
    (variables, authority)
}

/// Sends by the route that the second process has alone; the code of the answer, and how long it took.
fn by_its_own_route(customer: &Customer, message_id: &str) -> (String, Duration) {
    let (body, began) = (example("email", message_id).to_string(), Instant::now());
    let (_, told) = customer.post_by("email", SHOP, SHOP_KEY, &body);
    (told["code"].as_str().unwrap().to_owned(), began.elapsed())
}

#[test]
fn one_of_two_api_processes_that_is_killed_costs_no_answer_and_doubles_no_message() {
    let Some(deployment) = Deployment::alone(&simulator::everything_arrives(5)) else { return };
    let (certificates, authority) = certificates(&deployment);
    let tls: Vec<_> = certificates.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut chain = deployment.run("chain", &format!("reports,{CHAIN}"));
    let mut first = deployment.run_with("first", "api", &tls);
    let mut second = deployment.run_with("second", "api", &tls);
    let processes = [&mut chain, &mut first, &mut second];
    processes.into_iter().for_each(Process::until_ready);
    let (one, two) = (first.door().unwrap(), second.door().unwrap());
    let upstreams = format!(
        "[{{ path = \"/\", urls = [\"https://{one}\", \"https://{two}\"] }}, \
         {{ path = \"/ims/{SHOP}/email/\", urls = [\"https://{two}\"] }}]"
    );
    let ca_file = deployment.file("ca.pem").display().to_string();
    // Nobody looks: what is known of a process its breaker found out.
    let of_gateway = [
        ("IMS__GATEWAY__UPSTREAMS", &*upstreams),
        ("IMS__GATEWAY__CA_FILE", &*ca_file),
        ("IMS__GATEWAY__LOOK_EVERY_MS", "3600000"),
        ("IMS__GATEWAY__BREAKER__WINDOW_S", "2"),
        ("IMS__GATEWAY__BREAKER__OPEN_MS", "2000"),
    ];
    let mut gateway = deployment.run_with("gateway", "gateway", &[tls.as_slice(), &of_gateway].concat());
    gateway.until_ready();
    let customer = Customer::over_tls(&gateway, &authority);
    customer.until_confirmed("FIRST", &sms("FIRST"));
    let mut mails = Vec::new();
    let mut mail = || {
        let id = format!("MAIL-{}", mails.len());
        let answer = by_its_own_route(&customer, &id);
        mails.push(id);
        answer
    };
    until("the second answers by its own route", PATIENCE, || (mail().0 == "0000").then_some(()));

    let told = calls::under_load(&customer, |more| {
        more("while both are there");
        second.kill();
        until("its breaker is open", PATIENCE, || {
            assert_eq!(mail().0, "9998");
            gateway.written().contains("\"after\":\"Open\"").then_some(())
        });
        let mut took: Vec<_> = (0..ASKED).map(|_| mail()).collect();
        assert!(took.iter().all(|(code, _)| code == "9998"));
        took.sort_by_key(|(_, took)| *took);
        eprintln!("its route was answered after {:?}, at most {:?}", took[ASKED / 2].1, took[ASKED - 1].1);
        assert!(took[ASKED / 2].1 < AT_ONCE, "{:?}", took[ASKED / 2].1);
        more("while one is away");
        second = deployment.run_at("second", "api", &two, &tls);
        until("it comes back by trial", PATIENCE, || (mail().0 == "0000").then_some(()));
        more("after it came back");
    });
    assert!(gateway.written().contains("\"after\":\"Closed\""), "{}", gateway.written());
    for id in &told.unconfirmed {
        customer.until_kept(id, &sms(id), true);
    }
    for id in &mails {
        until(&format!("{id} is confirmed"), PATIENCE, || (by_its_own_route(&customer, id).0 == "0000").then_some(()));
    }
    let sent = told.confirmed.into_iter().chain(told.unconfirmed).chain(["FIRST".to_owned()]).chain(mails);
    settle(&deployment, sent.collect());
    gateway.stop();
    [&mut first, &mut second, &mut chain].into_iter().for_each(Process::stop);
}

#[test]
fn an_api_process_that_is_told_to_stop_fails_no_request_and_doubles_no_message() {
    let Some(deployment) = Deployment::alone(&simulator::everything_arrives(5)) else { return };
    let (certificates, authority) = certificates(&deployment);
    let tls: Vec<_> = certificates.iter().map(|(name, value)| (*name, value.as_str())).collect();
    // What fails is what the stop made fail: a busy machine has its time.
    let patient = [tls.as_slice(), &[("IMS__HTTP__ACKNOWLEDGED_WITHIN_MS", "20000")]].concat();
    let mut chain = deployment.run("chain", &format!("reports,{CHAIN}"));
    let mut first = deployment.run_with("first", "api", &patient);
    let mut second = deployment.run_with("second", "api", &patient);
    [&mut chain, &mut first, &mut second].into_iter().for_each(Process::until_ready);
    let (one, two) = (first.door().unwrap(), second.door().unwrap());
    let upstreams = format!("[{{ path = \"/\", urls = [\"https://{one}\", \"https://{two}\"] }}]");
    let ca_file = deployment.file("ca.pem").display().to_string();
    let of_gateway = [
        ("IMS__GATEWAY__UPSTREAMS", &*upstreams),
        ("IMS__GATEWAY__CA_FILE", &*ca_file),
        ("IMS__GATEWAY__ANSWER_WITHIN_MS", "25000"),
    ];
    let mut gateway = deployment.run_with("gateway", "gateway", &[tls.as_slice(), &of_gateway].concat());
    gateway.until_ready();
    let customer = Customer::over_tls(&gateway, &authority);
    customer.until_confirmed("FIRST", &sms("FIRST"));
    let answered = |process: &Process| process.written().matches("\"code\":\"0000\"").count();
    let leaves = |closing: bool, times: usize| {
        let said = format!("\"closing\":{closing}");
        until(&format!("the gateway says {said}"), PATIENCE, || {
            (gateway.written().matches(&said).count() == times).then_some(())
        });
    };

    let told = calls::under_load(&customer, |more| {
        for times in 1..=2 {
            more("while both are there");
            second.signal("TERM");
            // It is told so by an answer: the process was still there.
            leaves(true, times);
            assert!(second.end().success(), "{}", second.written());
            more("while one is away");
            second = deployment.run_at("second", "api", &two, &patient);
            leaves(false, times);
            until("it is asked again", PATIENCE, || (answered(&second) > calls::PER_SECOND / 10).then_some(()));
        }
    });
    assert!(told.unconfirmed.is_empty() && told.unjudged.is_empty(), "{:?} {:?}", told.unconfirmed, told.unjudged);
    let requests =
        deployment.decoded::<schemas::SendRequest>(schemas::Lane::ALL.iter().map(|&lane| schemas::Topic::api(lane)));
    assert_eq!(requests.len(), told.confirmed.len() + 1, "each is written once");
    settle(&deployment, told.confirmed.into_iter().chain(["FIRST".to_owned()]).collect());
    gateway.stop();
    [&mut first, &mut second, &mut chain].into_iter().for_each(Process::stop);
}
