//! Vendors that show certificates, right and wrong ones.

use super::{
    comes::{Comes, KINDS},
    settings,
    steps::step,
    well,
    world::World,
};
use crate::simulator::SimulatorSettings;
use Comes::Waits;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use std::{fs, path::PathBuf};
use tempfile::TempDir;

/// Certificate and key of the vendors' ports, and who is said to have issued it.
struct Papers {
    chain: PathBuf,
    key: PathBuf,
    authority: PathBuf,
}

/// A certificate for a name, valid until a year, and its issuer's.
fn papers(folder: &TempDir, name: &str, until: i32) -> Papers {
    let (mut authority, issuers) = (CertificateParams::default(), KeyPair::generate().unwrap());
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let written = |of: &str, text: String| {
        let path = folder.path().join(of);
        fs::write(&path, text).unwrap();
        path
    };
    let authority_file = written("ca.pem", authority.self_signed(&issuers).unwrap().pem());
    let key = KeyPair::generate().unwrap();
    let mut server = CertificateParams::new([name.to_owned()]).unwrap();
    server.not_after = date_time_ymd(until, 1, 1);
    let chain = server.signed_by(&key, &Issuer::new(authority, issuers)).unwrap().pem();
    Papers {
        chain: written("chain.pem", chain),
        key: written("key.pem", key.serialize_pem()),
        authority: authority_file,
    }
}

#[test]
fn who_cannot_show_that_he_is_the_vendor_is_sent_nothing() {
    for (trouble, name, until, known, remedy) in [
        ("none", "127.0.0.1", 4_000, true, ""),
        ("of an authority that nobody knows", "127.0.0.1", 4_000, false, "name its authority in"),
        ("expired", "127.0.0.1", 2_020, true, "has expired, or the clock"),
        ("another's", "other.example", 4_000, true, "mend the host in the vendor's url"),
    ] {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let papers = papers(&folder, name, until);
        let trusted = if known { papers.authority } else { self::papers(&elsewhere, name, until).authority };
        let all_well = settings("nobody", &well());
        let with = SimulatorSettings { certificate_file: papers.chain, key_file: papers.key, ..all_well };
        let mut world = World::new(with, &trusted);
        let steps = KINDS.map(|(kind, _)| step(kind));
        let replies = world.replies(&steps);
        for ((kind, good), (dispatch, reply)) in KINDS.into_iter().zip(steps.iter().zip(&replies)) {
            let expected = if trouble == "none" { good } else { Waits };
            assert_eq!(Comes::of(&world.settle(dispatch, reply)), expected, "{trouble}, at {kind}: {reply:?}");
            assert_eq!(world.requests(kind).len(), usize::from(expected == good), "{trouble}, at {kind}");
            let told = format!("{reply:?}");
            assert!(told.contains(remedy) && (known || told.contains("ca_file")), "{trouble}, at {kind}: {told}");
        }
    }
}
