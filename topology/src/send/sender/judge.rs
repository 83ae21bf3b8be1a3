//! Asks the rules of sending, with everything that they look at.

use crate::send::Allowance;
use processors::{
    night::Night,
    ports::{Clock, ReferenceSource, Reply},
    reference::{Reference, Vendor},
    retry::{Desk, Paces, Plan, plan, stop},
    route::Rules,
};
use schemas::{Dispatch, Family};
use std::sync::Arc;

/// The rules of sending as they are now.
pub struct Judge {
    pub clock: Arc<dyn Clock>,
    pub reference: Arc<dyn ReferenceSource>,
    pub night: Night,
    pub paces: Paces,
    pub allowance: Arc<Allowance>,
}

impl Judge {
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Whether a step may not leave now.
    pub fn stop(&self, reference: &Reference, dispatch: &Dispatch) -> Option<Plan> {
        self.desk(reference, dispatch, |desk| stop(dispatch, desk))
    }

    /// What an answer leads to.
    pub fn plan(&self, reference: &Reference, reply: &Reply, dispatch: &Dispatch, vendor: &Vendor) -> Plan {
        self.desk(reference, dispatch, |desk| plan(reply, dispatch, vendor, desk))
    }

    fn desk<T>(&self, reference: &Reference, dispatch: &Dispatch, look: impl FnOnce(&Desk<'_>) -> T) -> T {
        let family = Family::of(dispatch.accepted.channel, dispatch.accepted.message_type);
        let down = |name: &str| {
            reference.vendor(family, name).is_none_or(|vendor| self.allowance.down_until(vendor).is_some())
        };
        let rules = Rules { reference, night: &self.night };
        look(&Desk { rules, paces: &self.paces, down: &down, now_ms: self.now_ms() })
    }

    /// The last moment at which a step may leave before a night stops it, Unix milliseconds.
    pub fn last_allowed_ms(&self, dispatch: &Dispatch) -> Option<i64> {
        let accepted = &dispatch.accepted;
        let family = Family::of(accepted.channel, accepted.message_type);
        self.night.last_allowed(family, accepted.ad, accepted.night_agreed, self.now_ms())
    }
}
