//! What is promised in time, one test after the other. They stand side by side in the order of names, so that the
//! others, which share the machine, wait for them once.

mod caps;
pub mod groups;
mod membership;
mod overtaking;
mod reload;
mod schedules;
mod takeover;

/// Of moments in order, Unix milliseconds: how many lie within a second at most.
fn most_in_a_second(came: &[i64]) -> usize {
    let within = |first: usize| came[first..].iter().take_while(|at| **at < came[first] + 1_000).count();
    (0..came.len()).map(within).max().unwrap_or(0)
}
