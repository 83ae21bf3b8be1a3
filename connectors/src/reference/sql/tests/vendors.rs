//! What operators say of a vendor while it is in use.

use super::*;
use crate::reference::{By, Editor, NoSuch, Unchanged, VendorChange};
use processors::reference::{Asked, Vendor, VendorWeight};

fn change(store: &Store, name: &str, change: VendorChange) -> Result<bool, Unchanged<NoSuch>> {
    let by = By::named("kim", AT_MS);
    Editor::open(&store.location, cipher(), BOUNDS).unwrap().change_vendor(&by, name, &change).unwrap()
}

fn names(reference: &SqlReference, family: Family) -> Vec<String> {
    reference.current().vendors(family).iter().map(|vendor| vendor.name.clone()).collect()
}

pub(super) fn one_vendor_is_changed_and_keeps_its_place(store: &Store) {
    store.import(demo()).unwrap();
    let reference = store.reference();
    let before = names(&reference, Family::Sms);
    let last = before.last().unwrap().clone();
    assert!(before.len() > 1);
    for (what, is) in [
        (VendorChange::Paused(true), (|vendor| vendor.paused) as fn(&Vendor) -> bool),
        (VendorChange::Weight(77), |vendor| vendor.paused && vendor.weight == 77),
        (VendorChange::Paused(false), |vendor| !vendor.paused && vendor.weight == 77),
    ] {
        assert_eq!(change(store, &last, what.clone()), Ok(true));
        assert_eq!(reference.reload(&READY).unwrap().unwrap().to_string(), "1 vendors changed");
        assert!(is(reference.current().vendor(Family::Sms, &last).unwrap()), "{what:?}");
        assert_eq!(names(&reference, Family::Sms), before);
        assert_eq!((change(store, &last, what), reference.reload(&READY).unwrap()), (Ok(false), None), "it was so");
    }
    let lines = store.rows("SELECT * FROM audit WHERE kind = 'vendors' AND state_before IS NOT NULL");
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|line| line.get::<String>("subject").unwrap() == last));
    let Err(Unchanged::Refused(NoSuch::Vendor(there))) = change(store, "nobody", VendorChange::Paused(true)) else {
        panic!("a vendor that is not there was changed");
    };
    assert!(before.iter().all(|name| there.contains(name)));
}

pub(super) fn weights_of_a_vendor_come_and_go_and_never_sum_to_zero(store: &Store) {
    store.import(demo()).unwrap();
    let reference = store.reference();
    let vendors = names(&reference, Family::Sms);
    let username = reference.current().service_key(&demo().service_keys[0].key).unwrap().1.username.clone();
    let weight = |vendor: &str, weight| VendorWeight {
        vendor: vendor.into(),
        family: Some(Family::Sms),
        priority: Some(Lane::Mass),
        username: Some(username.clone()),
        weight,
    };
    let (first, others) = vendors.split_first().unwrap();
    for other in others {
        assert_eq!(change(store, other, VendorChange::WeightOf(weight(other, 0))), Ok(true));
    }
    match change(store, first, VendorChange::WeightOf(weight(first, 0))) {
        Err(Unchanged::Contents(reason)) => {
            assert!(reason.contains("SMS's vendors sum to zero for customer") && reason.contains("MASS"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    let nobody = VendorWeight { username: Some("nobody".into()), ..weight(first, 1) };
    assert!(matches!(change(store, first, VendorChange::WeightOf(nobody)), Err(Unchanged::Contents(_))));
    reference.reload(&READY).unwrap().unwrap();
    let share = |name: &str, username: &str| {
        let current = reference.current();
        let asked = Asked { family: Family::Sms, priority: Lane::Mass, username };
        current.weight(current.vendor(Family::Sms, name).unwrap(), asked)
    };
    assert_eq!(share(&others[0], &username), 0);
    let of_row = reference.current().vendor(Family::Sms, &others[0]).unwrap().weight;
    assert_eq!(share(&others[0], "somebody-else"), of_row);
    assert_eq!(change(store, &others[0], VendorChange::NoWeightOf(weight(&others[0], 9))), Ok(true));
    let none = change(store, &others[0], VendorChange::NoWeightOf(weight(&others[0], 9)));
    assert_eq!(none, Err(Unchanged::Refused(NoSuch::Weight)));
    reference.reload(&READY).unwrap().unwrap();
    assert_eq!(share(&others[0], &username), of_row);
}
