//! What operators say of vendors while they are in use: one row, under the lock, with its line in the audit.

use super::{
    edit::{By, Editor, Unchanged},
    held::{Held, Map},
    row::{Kind, Placed},
    writing::{Writing, Written},
};
use processors::{
    ports::Away,
    reference::{Reference, Vendor, VendorWeight},
};
use std::{collections::BTreeSet, sync::Arc};

/// What is to become of a vendor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VendorChange {
    /// Nothing leaves to it, or it is in use again.
    Paused(bool),
    /// Its weight of all messages that none of its other weights speaks of.
    Weight(u32),
    /// One of its weights for some messages.
    WeightOf(VendorWeight),
    /// The same, taken out: what is broader counts again. What the row says of its weight is not looked at.
    NoWeightOf(VendorWeight),
}

/// Why nothing became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoSuch {
    /// There is no vendor of this name; these are there.
    Vendor(Vec<String>),
    /// It has no such weight.
    Weight,
}

impl Editor {
    /// Changes a vendor, which keeps its place among the others; whether it was otherwise before. Running processes take
    /// it up.
    pub fn change_vendor(
        &mut self,
        by: &By,
        name: &str,
        change: &VendorChange,
    ) -> Result<Result<bool, Unchanged<NoSuch>>, Away> {
        let Self { database, cipher, .. } = self;
        let done = database.transact(
            async |connection| {
                let mut writing = Writing::begin(connection, cipher, &by.actor, by.at_ms).await?;
                let before = Held::vendors(writing.connection, cipher).await?;
                let after = match changed(&before, name, change) {
                    Ok(after) => after,
                    Err(none) => return Ok((Err(Unchanged::Refused(none)), false)),
                };
                // Data that no process could take up would hold up every change after it.
                if let Err(wrong) = Reference::of(after.rows()) {
                    return Ok((Err(Unchanged::Contents(wrong.0.join("; "))), false));
                }
                writing.exchange(&before.vendors, &after.vendors).await?;
                writing.exchange(&before.vendor_weights, &after.vendor_weights).await?;
                Ok(match writing.end().await? {
                    Written::Rows => (Ok(true), true),
                    Written::Nothing => (Ok(false), false),
                    Written::Unfit(row, reason) => (Err(Unchanged::Contents(format!("{row}: {reason}"))), false),
                })
            },
            |(_, changed)| *changed,
        );
        done.map(|(told, _)| told)
    }
}

fn changed(before: &Held, name: &str, change: &VendorChange) -> Result<Held, NoSuch> {
    let mut after = before.clone();
    let Some(vendor) = after.vendors.get_mut(name) else {
        let names: BTreeSet<String> = before.vendors.keys().cloned().collect();
        return Err(NoSuch::Vendor(names.into_iter().collect()));
    };
    let row: &mut Vendor = Arc::make_mut(&mut vendor.row);
    match change {
        VendorChange::Paused(paused) => row.paused = *paused,
        VendorChange::Weight(weight) => row.weight = *weight,
        VendorChange::WeightOf(weight) => drop(put(&mut after.vendor_weights, weight)),
        VendorChange::NoWeightOf(weight) => {
            let key = VendorWeight::key(&Placed::from(weight.clone()));
            after.vendor_weights.remove(&key).ok_or(NoSuch::Weight)?;
        }
    }
    Ok(after)
}

fn put(weights: &mut Map<VendorWeight>, weight: &VendorWeight) -> Option<Placed<VendorWeight>> {
    let placed = Placed::from(weight.clone());
    weights.insert(VendorWeight::key(&placed), placed)
}
