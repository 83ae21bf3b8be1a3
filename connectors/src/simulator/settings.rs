//! How the simulated vendors behave.

use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf};

/// Settings of a simulator.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SimulatorSettings {
    /// The same seed gives each attempt of each step the same fate.
    pub seed: u64,
    /// Where each request is written before it is answered; none: nowhere, and duplicates and open receipts are
    /// forgotten with the process. One file for each process.
    pub request_log: Option<PathBuf>,
    /// How vendors behave that are not named below.
    pub every_vendor: Behaviour,
    /// Vendors with a behaviour of their own, by name.
    pub vendors: BTreeMap<String, Behaviour>,
    /// Certificate chain of the vendors behind sockets, PEM; empty: they speak no TLS.
    pub certificate_file: PathBuf,
    /// Its private key, PEM.
    pub key_file: PathBuf,
}

/// How one vendor behaves. Shares are parts of 1. The defaults are those of a good day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// How long an answer takes. One that takes longer than the vendor's time-out does not come.
    pub latency_ms: Spread,
    /// Weight of each code of the vendor's own table in its answers; empty: the usual ones.
    pub codes: BTreeMap<String, f64>,
    /// Requests that are never answered.
    pub no_answer_share: f64,
    /// Of these, what the vendor took all the same.
    pub no_answer_taken_share: f64,
    /// Requests that are refused as too many, at random.
    pub throttled_share: f64,
    /// How long a throttled sender is asked to wait.
    pub retry_after_ms: u32,
    /// Requests a second beyond which all are refused as too many; none: no limit.
    pub tps: Option<u32>,
    /// Requests that are answered, with an answer that is spoiled on its way.
    pub spoiled: SpoiledShares,
    /// How far the vendor's clock is ahead of ours, seconds; below 0: behind.
    pub clock_ahead_s: i64,
    /// Whether a serial number that was taken before is refused, where the vendor's table has a code for it.
    pub refuses_duplicates: bool,
    /// What fails altogether.
    pub outage: Outage,
    /// Delivery reports, of vendors that give them.
    pub receipts: ReceiptBehaviour,
    /// Inspection of templates, of vendors that register them.
    pub inspection: InspectionBehaviour,
    /// Sender profiles, of vendors that register them.
    pub profiles: ProfileBehaviour,
}

/// Of all requests, those whose answers are spoiled: the vendor has done what it was asked, and nobody can read so.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpoiledShares {
    /// The connection is reset instead (HTTP/2: the request's stream).
    pub reset: f64,
    /// The answer begins in time and ends after the vendor's time-out (SMPP: comes after it).
    pub slow_body: f64,
    /// Half of the answer's body is missing.
    pub wrong_json: f64,
    /// The answer's body has Korean in EUC-KR, and says nothing of it.
    pub wrong_charset: f64,
}

/// How one answer is spoiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoiled {
    /// [`SpoiledShares::reset`]
    Reset,
    /// [`SpoiledShares::slow_body`]
    SlowBody,
    /// [`SpoiledShares::wrong_json`]
    WrongJson,
    /// [`SpoiledShares::wrong_charset`]
    WrongCharset,
}

impl Spoiled {
    /// As the request log calls it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::SlowBody => "slow_body",
            Self::WrongJson => "wrong_json",
            Self::WrongCharset => "wrong_charset",
        }
    }
}

impl SpoiledShares {
    /// Each with its share.
    pub const fn all(&self) -> [(Spoiled, f64); 4] {
        [
            (Spoiled::Reset, self.reset),
            (Spoiled::SlowBody, self.slow_body),
            (Spoiled::WrongJson, self.wrong_json),
            (Spoiled::WrongCharset, self.wrong_charset),
        ]
    }
}

/// How a vendor reports deliveries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReceiptBehaviour {
    /// How long after its request a receipt comes; receipts overtake each other by it.
    pub delay_ms: Spread,
    /// Weight of each code of the vendor's own table; empty: the usual ones, of a mail server none. What has a 5yz code comes
    /// back from one, into the folder of `smtp.bounces`; without one nobody hears of it.
    pub codes: BTreeMap<String, f64>,
    /// Receipts that come twice.
    pub twice_share: f64,
    /// Receipts that come before the answer to their request.
    pub before_answer_share: f64,
    /// Messages that are never reported.
    pub never_share: f64,
    /// Where a vendor behind a socket brings its reports (`ims simulate --listen`); none: they are polled.
    pub webhook_url: Option<String>,
}

/// How Kakao inspects templates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InspectionBehaviour {
    /// How long an inspection takes, milliseconds.
    pub takes_ms: u32,
    /// Words for which a template is rejected: one of them in its text is enough.
    pub rejects: Vec<String>,
}

/// How sender profiles stand at Kakao.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProfileBehaviour {
    /// Words in the id of a channel that is blocked.
    pub blocked: Vec<String>,
    /// Words in that of one that sleeps until it is woken.
    pub dormant: Vec<String>,
}

/// A log-normal spread, as network times are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// Half of all are shorter, milliseconds; 0: all are 0.
    pub median: f64,
    /// 99 of 100 are shorter, milliseconds.
    pub p99: f64,
}

impl Spread {
    /// All the same.
    pub const fn exactly(ms: f64) -> Self {
        Self { median: ms, p99: ms }
    }
}

/// What a vendor's outage looks like from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outage {
    /// None.
    #[default]
    None,
    /// Connections are refused: no request leaves.
    Refusing,
    /// Requests vanish: none is taken, none is answered.
    Silent,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            latency_ms: Spread { median: 20.0, p99: 150.0 },
            codes: BTreeMap::new(),
            no_answer_share: 0.000_5,
            no_answer_taken_share: 0.5,
            throttled_share: 0.000_5,
            retry_after_ms: 1_000,
            tps: None,
            spoiled: SpoiledShares::default(),
            clock_ahead_s: 0,
            refuses_duplicates: true,
            outage: Outage::None,
            receipts: ReceiptBehaviour::default(),
            inspection: InspectionBehaviour::default(),
            profiles: ProfileBehaviour::default(),
        }
    }
}

impl Default for InspectionBehaviour {
    fn default() -> Self {
        Self { takes_ms: 3_000, rejects: vec!["(광고)".into()] }
    }
}

impl Default for ReceiptBehaviour {
    fn default() -> Self {
        Self {
            delay_ms: Spread { median: 1_200.0, p99: 15_000.0 },
            codes: BTreeMap::new(),
            twice_share: 0.002,
            before_answer_share: 0.002,
            never_share: 0.001,
            webhook_url: None,
        }
    }
}

impl Behaviour {
    /// Answers at once, with the codes that its vendor gives on other days, and reports each delivery at once: for tests
    /// that are about something else.
    pub fn perfect() -> Self {
        Self {
            latency_ms: Spread::exactly(0.0),
            no_answer_share: 0.0,
            throttled_share: 0.0,
            receipts: ReceiptBehaviour {
                delay_ms: Spread::exactly(0.0),
                twice_share: 0.0,
                before_answer_share: 0.0,
                never_share: 0.0,
                ..ReceiptBehaviour::default()
            },
            ..Self::default()
        }
    }
}

impl SimulatorSettings {
    /// The behaviour of a vendor.
    pub fn of(&self, vendor: &str) -> &Behaviour {
        self.vendors.get(vendor).unwrap_or(&self.every_vendor)
    }

    /// Everything that is wrong.
    pub fn mistakes(&self) -> Vec<String> {
        let named = self.vendors.iter().map(|(name, behaviour)| (format!("vendors.{name}"), behaviour));
        let all = [("every_vendor".to_owned(), &self.every_vendor)].into_iter().chain(named);
        let mut wrong: Vec<String> = all.flat_map(|(at, behaviour)| behaviour.mistakes(&at)).collect();
        if self.certificate_file.as_os_str().is_empty() != self.key_file.as_os_str().is_empty() {
            wrong.push("certificate_file and key_file go together".into());
        }
        wrong
    }
}

impl Behaviour {
    fn mistakes(&self, at: &str) -> Vec<String> {
        let Self { latency_ms, codes, receipts, spoiled, .. } = self;
        let mut wrong = Vec::new();
        let spoiled = spoiled.all();
        for (name, share) in [
            ("no_answer_share", self.no_answer_share),
            ("no_answer_taken_share", self.no_answer_taken_share),
            ("throttled_share", self.throttled_share),
            ("receipts.twice_share", receipts.twice_share),
            ("receipts.before_answer_share", receipts.before_answer_share),
            ("receipts.never_share", receipts.never_share),
            ("spoiled", spoiled.iter().map(|(_, share)| share).sum()),
        ] {
            if !(0.0..=1.0).contains(&share) {
                wrong.push(format!("{at}.{name} = {share}: a share is between 0 and 1"));
            }
        }
        for (how, share) in spoiled.into_iter().filter(|(_, share)| !(0.0..=1.0).contains(share)) {
            wrong.push(format!("{at}.spoiled.{} = {share}: a share is between 0 and 1", how.as_str()));
        }
        for (name, spread) in [("latency_ms", latency_ms), ("receipts.delay_ms", &receipts.delay_ms)] {
            let sound = spread.median >= 0.0 && spread.p99 >= spread.median && spread.p99.is_finite();
            if !sound {
                wrong.push(format!("{at}.{name}: p99 must be at least the median, and both at least 0"));
            }
        }
        for (name, weights) in [("codes", codes), ("receipts.codes", &receipts.codes)] {
            let sum: f64 = weights.values().sum();
            if !weights.is_empty() && (weights.values().any(|w| w.is_nan() || *w < 0.0) || sum <= 0.0) {
                wrong.push(format!("{at}.{name}: weights must not be below 0, and one must be above"));
            }
        }
        wrong
    }
}
