//! Vendors of each kind behind ports of the simulator, and a sender that reaches them.

use crate::simulator::{Listener, RequestLog, Requested, Simulator, SimulatorSettings, SmppListener, SmtpListener};
use crate::vendors::{
    ApnsSettings, FcmSettings, NhnSettings, Shared, SmppSettings, SmtpSettings, VendorSettings, Vendors,
    push::testing::{Moved, NOW_MS},
    testing::{Fixed, Nobody, P256_KEY, PATIENCE, RSA_KEY},
};
use processors::{
    night::Night,
    outcome::news::{Settled, of_sender},
    ports::{Provider, Reply, Request},
    reference::{Protocol, Reference, Seed, Vendor},
    retry::{Desk, Paces, plan},
    route::Rules,
};
use schemas::Dispatch;
use std::{collections::BTreeMap, fs, path::Path, sync::Arc};
use tempfile::TempDir;

/// Time of a request in all.
const TIMEOUT_MS: u32 = 1_000;

/// The same where there is TLS: the handshakes of all take their time, and nobody hangs.
const TLS_TIMEOUT_MS: u32 = 10_000;

fn vendor(name: &str, family: &str, codes: &str, in_doubt: &str, receipts: bool, url: &str) -> Vendor {
    let protocol = if codes.starts_with("nhn") { "nhn" } else { codes };
    serde_json::from_value(serde_json::json!({
        "name": name, "families": [family], "codes": codes, "weight": 1, "tps": 1_000, "receipts": receipts,
        "in_doubt": in_doubt, "protocol": protocol, "url": url, "max_in_flight": 20,
    }))
    .unwrap()
}

/// Vendors behind ports, and a sender that reaches them.
pub(super) struct World {
    reference: Arc<Reference>,
    provider: Box<dyn Provider>,
    folder: TempDir,
    _open: (Listener, SmppListener, SmtpListener),
}

impl World {
    pub(super) fn new(settings: SimulatorSettings, trusting: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let request_log = Some(folder.path().join("requests.jsonl"));
        let clock = Moved::at(NOW_MS);
        let simulator =
            Simulator::open(SimulatorSettings { request_log, ..settings }, Arc::new(clock.clone())).unwrap();
        let key = "a-dealers-key";
        let secure = !trusting.as_os_str().is_empty();
        let timeout_ms = if secure { TLS_TIMEOUT_MS } else { TIMEOUT_MS };
        let know = |http: &str, smpp: &str, smtp: &str| {
            let vendors = [
                vendor("dealer", "AT", "bizgo", "repeat", true, http),
                vendor("rcs-dealer", "RCS", "bizgo", "repeat", true, http),
                vendor("google", "PUSH", "fcm", "repeat", false, http),
                vendor("apple", "PUSH", "apns", "repeat", false, http),
                vendor("carrier", "SMS", "smpp", "uncertain", true, smpp),
                vendor("text-dealer", "SMS", "nhn-sms", "query", true, http),
                vendor("talk-dealer", "AT", "nhn-kakao", "repeat", true, http),
                vendor("relay", "EMAIL", "smtp", "uncertain", false, smtp),
            ];
            let vendors = vendors.map(|vendor| Vendor { timeout_ms, ..vendor }).into();
            Arc::new(Reference::new(Seed { vendors, ..Seed::default() }).unwrap())
        };
        let account = serde_json::json!({
            "type": "service_account", "project_id": "shop-1234", "private_key_id": "key-1",
            "private_key": RSA_KEY.as_str(), "client_email": "ims@shop-1234.iam.gserviceaccount.com",
            "token_uri": "http://127.0.0.1:1/token",
        });
        let account_file = file("account.json", &account.to_string());
        let apple = file("apple.p8", P256_KEY.as_str());
        let product = |app_key: &str| VendorSettings {
            key_file: file(app_key, key),
            ca_file: trusting.to_owned(),
            nhn: Some(NhnSettings { app_key: app_key.to_owned(), ..NhnSettings::default() }),
            ..VendorSettings::default()
        };
        let settings = BTreeMap::from([
            ("text-dealer".to_owned(), product("app-of-text")),
            ("talk-dealer".to_owned(), product("app-of-talk")),
            (
                "dealer".to_owned(),
                VendorSettings {
                    key_file: file("dealer", key),
                    ca_file: trusting.to_owned(),
                    ..VendorSettings::default()
                },
            ),
            (
                "rcs-dealer".to_owned(),
                VendorSettings {
                    key_file: file("rcs-dealer", &format!("{key}-of-rcs")),
                    ca_file: trusting.to_owned(),
                    rcs_brands_file: file("brands", "0237001234 brand-key\n"),
                    ..VendorSettings::default()
                },
            ),
            (
                "google".to_owned(),
                VendorSettings {
                    fcm: Some(FcmSettings { service_account_file: account_file.clone(), ca_file: trusting.to_owned() }),
                    ..VendorSettings::default()
                },
            ),
            (
                "apple".to_owned(),
                VendorSettings {
                    apns: Some(ApnsSettings {
                        key_file: apple,
                        key_id: "ABC123DEFG".into(),
                        team_id: "DEF123GHIJ".into(),
                        topic: "kr.example.app".into(),
                        ca_file: trusting.to_owned(),
                    }),
                    ..VendorSettings::default()
                },
            ),
            (
                "carrier".to_owned(),
                VendorSettings {
                    key_file: file("carrier", "secret"),
                    smpp: Some(SmppSettings {
                        system_id: "ims".into(),
                        billing_identification: true,
                        ca_file: trusting.to_owned(),
                        ..SmppSettings::default()
                    }),
                    ..VendorSettings::default()
                },
            ),
            (
                "relay".to_owned(),
                VendorSettings {
                    key_file: file("relay", "secret"),
                    smtp: Some(SmtpSettings {
                        hello: "ims.example.kr".into(),
                        user: "ims".into(),
                        plaintext: !secure,
                        ca_file: trusting.to_owned(),
                        ads: false,
                        ..SmtpSettings::default()
                    }),
                    ..VendorSettings::default()
                },
            ),
        ]);
        let open = |reference: &Arc<Reference>| {
            Vendors::open(&settings, "", Arc::new(Fixed(Arc::clone(reference))), Arc::new(clock.clone()))
        };
        let (http, smpp) = if secure { ("https", "smpps") } else { ("http", "smpp") };
        let nowhere = |scheme: &str| format!("{scheme}://127.0.0.1:1");
        let shared = open(&know(&nowhere(http), &nowhere(smpp), &nowhere("smtp"))).shared();
        let of = |protocols: &[Protocol]| -> Vec<Shared> {
            shared.iter().filter(|shared| protocols.contains(&shared.vendor.protocol)).cloned().collect()
        };
        let dealers = of(&[Protocol::Bizgo, Protocol::Nhn, Protocol::Fcm, Protocol::Apns]);
        let http = Listener::open(Arc::clone(&simulator), "127.0.0.1:0", dealers).unwrap();
        let smpp = SmppListener::open(Arc::clone(&simulator), "127.0.0.1:0", of(&[Protocol::Smpp])).unwrap();
        let smtp = SmtpListener::open(simulator, "127.0.0.1:0", of(&[Protocol::Smtp])).unwrap();
        let mut account = account;
        account["token_uri"] = format!("{}/token", http.url()).into();
        fs::write(&account_file, account.to_string()).unwrap();
        let reference = know(&http.url(), &smpp.url(), &smtp.url());
        let vendors = open(&reference);
        vendors.all_have_keys().unwrap();
        let provider = vendors.provider(Box::new(Nobody));
        Self { reference, provider, folder, _open: (http, smpp, smtp) }
    }

    fn vendor(&self, name: &str) -> Arc<Vendor> {
        schemas::Family::ALL.into_iter().find_map(|family| self.reference.vendor(family, name)).cloned().unwrap()
    }

    /// What comes of each, in their order, whichever is answered first.
    pub(super) fn replies(&mut self, dispatches: &[Dispatch]) -> Vec<Reply> {
        for (ticket, dispatch) in dispatches.iter().enumerate() {
            let vendor = self.vendor(&dispatch.vendor);
            self.provider.submit(Request { ticket: ticket as u64, dispatch: Arc::new(dispatch.clone()), vendor });
        }
        let mut answers = Vec::new();
        while answers.len() < dispatches.len() {
            let before = answers.len();
            self.provider.answers(PATIENCE, &mut answers);
            assert!(answers.len() > before, "no answer in time");
        }
        answers.sort_by_key(|answer| answer.ticket);
        answers.into_iter().map(|answer| answer.reply).collect()
    }

    /// What a sender makes of a reply.
    pub(super) fn settle(&self, dispatch: &Dispatch, reply: &Reply) -> Settled {
        let (night, paces) = (Night::default(), Paces::default());
        let rules = Rules { reference: &self.reference, night: &night };
        let desk = Desk { rules, paces: &paces, down: &|_| false, now_ms: NOW_MS };
        let plan = plan(reply, dispatch, &self.vendor(&dispatch.vendor), &desk);
        of_sender(dispatch.clone(), plan, Some(NOW_MS), NOW_MS)
    }

    pub(super) fn requests(&self, vendor: &str) -> Vec<Requested> {
        let all = RequestLog::read(&self.folder.path().join("requests.jsonl")).unwrap();
        all.into_iter().filter(|request| request.vendor == vendor).collect()
    }
}
