//! Which lane a claim is granted (SPEC §1).

use crate::reference::{Customer, Template};
use schemas::{Family, Lane};

/// Grants a lane; true when an AUTH claim was not granted and goes on as REALTIME.
///
/// AUTH is for what must not wait: families that have it, customers and templates that may, and never an ad.
pub fn grant(
    claimed: Lane,
    family: Family,
    customer: &Customer,
    template: Option<&Template>,
    ad: bool,
) -> (Lane, bool) {
    let may = family.has_auth() && customer.auth_allowed && template.is_none_or(|t| t.auth_allowed) && !ad;
    match claimed {
        Lane::Auth if !may => (Lane::Realtime, true),
        lane => (lane, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auth_is_granted_where_family_customer_and_template_allow_it() {
        let customer = |auth_allowed| Customer { auth_allowed, ..Customer::default() };
        let template = |auth_allowed| Template { auth_allowed, ..Template::default() };
        let granted = |family, customer: &Customer, template: Option<&Template>, ad| {
            grant(Lane::Auth, family, customer, template, ad) == (Lane::Auth, false)
        };
        for family in Family::ALL {
            assert_eq!(granted(family, &customer(true), None, false), family.has_auth(), "{family}");
        }
        assert!(granted(Family::At, &customer(true), Some(&template(true)), false));
        assert!(!granted(Family::At, &customer(true), Some(&template(false)), false));
        assert!(!granted(Family::At, &customer(false), Some(&template(true)), false));
        assert!(!granted(Family::Sms, &customer(true), None, true));
    }

    #[test]
    fn what_is_not_granted_goes_on_as_realtime_and_is_counted() {
        let refused = grant(Lane::Auth, Family::Lms, &Customer::default(), None, false);
        assert_eq!(refused, (Lane::Realtime, true));
        for lane in [Lane::Realtime, Lane::Mass, Lane::Ad] {
            assert_eq!(grant(lane, Family::Lms, &Customer::default(), None, false), (lane, false));
        }
    }
}
