//! This process's part of what a vendor allows to all of us: that of its partitions.

use crate::send::family_of;
use rustc_hash::FxHashMap;
use schemas::{Family, Lane, Topic};

/// SEND topic → the lane whose rate it takes part of, partitions that this process owns, and how many there are; None: as
/// many as the largest has that it knows.
pub type Owned = FxHashMap<Topic, (Lane, u32, Option<u32>)>;

/// Of the partitions of these families in a lane.
pub fn of_lane(owned: &Owned, families: &[Family], lane: Lane) -> f64 {
    let largest = largest(owned, |of| of == lane);
    let families = families.iter().filter(|family| has(**family, lane));
    share(families.map(|family| partitions(owned, *family, lane, largest)))
}

/// Of the partitions of these families in all lanes.
pub fn of_all(owned: &Owned, families: &[Family]) -> f64 {
    let largest = largest(owned, |_| true);
    let lanes = |family: &Family| {
        let family = *family;
        Lane::ALL.iter().filter(move |lane| has(family, **lane)).map(move |lane| (family, *lane))
    };
    share(families.iter().flat_map(lanes).map(|(family, lane)| partitions(owned, family, lane, largest)))
}

/// Whether any partition of these families is this process's.
pub fn some(owned: &Owned, families: &[Family]) -> bool {
    let ours = |family| families.contains(&family);
    owned.iter().any(|(topic, (_, mine, _))| *mine > 0 && family_of(*topic).is_some_and(ours))
}

/// Whether a family has a topic of a lane: one that is nowhere is not somebody else's either.
fn has(family: Family, lane: Lane) -> bool {
    lane != Lane::Auth || family.has_auth()
}

fn largest(owned: &Owned, is_meant: impl Fn(Lane) -> bool) -> u32 {
    owned.values().filter(|(lane, ..)| is_meant(*lane)).filter_map(|(.., of)| *of).max().unwrap_or(0)
}

/// Partitions of a family in a lane, ours and all: those of the topic of all, and of routing groups'.
///
/// A topic that this process does not read, of a role or lane that it has not, counts as large as the largest it knows:
/// somebody else owns it, and the parts of all processes must not be more than 1 together.
fn partitions(owned: &Owned, family: Family, lane: Lane, largest: u32) -> (u32, u32) {
    let known = owned.iter().filter(|(topic, (of, ..))| *of == lane && family_of(**topic) == Some(family));
    let (mine, all) = known.fold((0, 0), |(mine, all), (_, (_, ours, of))| (mine + ours, all + of.unwrap_or(largest)));
    let others = if owned.contains_key(&Topic::send(family, lane)) { 0 } else { largest };
    (mine, all + others)
}

fn share(partitions: impl Iterator<Item = (u32, u32)>) -> f64 {
    let (mine, all) = partitions.fold((0, 0), |(mine, all), (ours, of)| (mine + ours, all + of));
    if all == 0 { 0.0 } else { f64::from(mine) / f64::from(all) }
}
