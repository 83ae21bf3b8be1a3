//! Customers who all send the same order message, and the vendor that delivers all of it.

use anyhow::Context;
use connectors::{
    reference::DEMO,
    simulator::{Behaviour, SimulatorSettings},
};
use processors::reference::{Customer, Seed, SenderNumber, SenderProfile, ServiceKey, Template, Vendor};
use schemas::{SendRequest, examples};

/// The one vendor.
pub const VENDOR: &str = "talk-one";
/// The example that they send, and its template.
const EXAMPLE: &str = "at";

/// So many customers, each with a key, a profile, a template and a sender number of its own.
#[derive(Debug, Clone, Copy)]
pub struct Customers {
    /// How many.
    pub count: u64,
    /// Requests a second that their vendor takes.
    pub tps: u32,
    /// Whether the vendor notes every request.
    pub watched: bool,
}

impl Customers {
    /// Their reference data: the demo's first customer again and again.
    pub fn reference(&self) -> anyhow::Result<Seed> {
        let demo: Seed = toml::from_str(DEMO)?;
        let example = examples::request(EXAMPLE);
        let template = example.template_code.context("a template")?;
        let template = demo.templates.into_iter().find(|found| found.code == template).context("its template")?;
        let number = demo.sender_numbers.into_iter().find(|found| found.username == template.username);
        let number = number.context("its sender number")?;
        let profile =
            demo.sender_profiles.into_iter().find(|found| Some(&found.sender_key) == template.sender_key.as_ref());
        let profile = profile.context("its profile")?;
        let vendor = demo.vendors.into_iter().find(|found| found.name == VENDOR).context("its vendor")?;
        // What it takes at a time must not limit what it takes a second: its answers take less than a tenth.
        let max_in_flight = vendor.max_in_flight.max(self.tps / 10);
        let mut seed = Seed { vendors: vec![Vendor { tps: self.tps, max_in_flight, ..vendor }], ..Seed::default() };
        for n in 0..self.count {
            let (username, sender_key) = (username(n), sender_key(n));
            seed.customers.push(Customer { username: username.clone(), ..Customer::default() });
            seed.service_keys.push(ServiceKey {
                key: service_key(n),
                username: username.clone(),
                active: true,
                ..ServiceKey::default()
            });
            seed.sender_profiles.push(SenderProfile {
                sender_key: sender_key.clone(),
                username: username.clone(),
                ..profile.clone()
            });
            seed.sender_numbers.push(SenderNumber { username: username.clone(), ..number.clone() });
            seed.templates.push(Template { username, sender_key: Some(sender_key), ..template.clone() });
        }
        Ok(seed)
    }

    /// The n-th request of all, sent by a customer.
    pub fn request(&self, customer: u64, n: u64) -> SendRequest {
        SendRequest {
            service_key: service_key(customer),
            sender_key: Some(sender_key(customer)),
            message_id: format!("B{n}"),
            ..examples::request(EXAMPLE)
        }
    }

    /// It delivers everything, as fast as it does on other days.
    pub fn vendor_behaviour(&self, simulator: &SimulatorSettings) -> Behaviour {
        Behaviour { codes: [("0000".to_owned(), 1.0)].into(), ..simulator.of(VENDOR).clone() }
    }
}

fn username(customer: u64) -> String {
    format!("customer-{customer}")
}

fn service_key(customer: u64) -> String {
    format!("BENCH{customer:035}")
}

fn sender_key(customer: u64) -> String {
    format!("{customer:040}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use processors::reference::Reference;
    use schemas::Channel;

    #[test]
    fn what_each_customer_sends_names_what_is_registered_for_him() {
        let customers = Customers { count: 20, tps: 1, watched: false };
        let reference = Reference::new(customers.reference().unwrap()).unwrap();
        for customer in 0..customers.count {
            let request = customers.request(customer, 7);
            let username = &reference.service_key(&request.service_key).unwrap().0.username;
            let (template, sender_key) = (request.template_code.unwrap(), request.sender_key.unwrap());
            assert!(reference.template(Channel::At, username, &template).is_some());
            assert_eq!(&reference.sender_profile(&sender_key).unwrap().username, username);
        }
    }
}
