//! The promises of reference data in a store, on a file and on MariaDB.

#![allow(clippy::print_stderr, reason = "a test that measures tells what")]

mod at_dealers;
mod audit_lines;
mod changes;
mod consents;
mod dormant;
mod edits;
mod exports;
mod imports;
mod secrets;
mod sender_claims;
mod sender_groups;
mod speed;
mod suppressed;
mod tokens;
mod users;
mod vendors;

use super::*;
use crate::{
    reference::{DEMO, FileReference, parse},
    sql::{
        Dialect, StoreError,
        testing::{Server, Store, on_both},
    },
};
use processors::{
    access::{Scope, SecretHash},
    ports::OptOuts as _,
    reference::{
        Approval, Customer, OptOut, Protocol, Role, RoutingGroup, SecretKey, Seed, ServiceKey, Template, User,
        UserToken,
    },
};
use schemas::{Channel, Family, Lane};
use serde_json::json;

use {
    at_dealers::*, audit_lines::*, changes::*, consents::*, dormant::*, edits::*, exports::*, imports::*, secrets::*,
    sender_claims::*, sender_groups::*, speed::*, suppressed::*, tokens::*, users::*, vendors::*,
};

on_both! {
    what_is_imported_is_what_a_file_would_give
    a_change_is_taken_up_and_only_once
    an_endpoint_is_read_back_and_stands_nowhere_in_the_clear
    what_is_wrong_is_refused_whole_and_named
    a_row_that_no_column_holds_is_named_and_nothing_is_written
    an_export_is_a_true_copy
    what_was_removed_is_not_exported
    a_store_without_its_tables_has_nothing_to_export
    an_import_waits_for_another_and_says_so
    an_import_that_breaks_in_the_middle_leaves_nothing
    of_imports_at_the_same_time_each_is_whole
    contradicting_rows_are_told_once_and_leave_the_old_data_in_force
    the_audit_tells_who_changed_what_without_secrets
    who_refused_ads_is_asked_in_a_batch_and_never_forgotten
    dead_tokens_are_known_to_all_and_stand_nowhere_in_the_clear
    every_question_goes_by_an_index
    nobodys_phone_is_filled_with_tokens
    a_claim_is_kept_sealed_and_moved_by_who_saw_it_last
    a_profile_is_its_provers_and_becomes_what_its_dealer_says
    a_group_keeps_its_topics
    a_store_that_lacks_its_tables_is_told_and_not_touched
    vendors_of_before_are_simulated_and_new_ones_keep_their_protocol
    an_older_copy_of_the_store_is_read_whole
    data_that_need_something_wait_until_it_is_made
    what_could_not_be_made_is_left_out_until_it_is_asked_for_again
    a_single_change_is_taken_up_with_its_line_in_the_audit
    what_an_operator_does_is_noted_as_it_begins_and_ends_and_is_no_change
    a_long_text_is_told_by_its_digest
    a_refused_change_leaves_nothing
    changes_at_the_same_time_are_made_one_after_another
    a_list_goes_on_where_it_ended_and_tells_what_changed_since
    lists_go_by_an_index
    opt_outs_come_and_go_one_by_one_and_are_listed_by_time
    a_customer_has_so_many_rows_and_no_more
    consents_come_are_taken_back_and_are_listed_by_change
    who_agreed_is_asked_in_a_batch
    of_consents_in_a_file_what_was_said_last_counts
    who_took_all_back_is_not_told_of_an_older_word
    so_many_that_are_due_are_counted
    a_list_without_times_moves_no_consent_that_stands
    a_customer_keeps_so_many_consents_and_no_more
    consents_are_due_on_their_day_and_told_once
    a_change_of_law_reckons_what_is_due_anew
    users_are_kept_changed_and_taken_up_and_told_without_their_hashes
    an_import_adds_users_leaves_the_others_and_takes_them_out_with_their_customer
    a_group_of_sender_profiles_is_kept_changed_and_taken_up
    a_customer_is_held_against_the_rules_as_it_is_to_be
    an_import_adds_push_tokens_and_leaves_those_that_the_store_knows
    the_tokens_of_users_are_told_in_a_batch_the_newest_first
    tokens_that_die_while_they_are_registered_are_counted_right
    a_file_that_was_cut_off_is_found_and_forgotten
    files_that_messages_name_are_told_in_a_batch_and_remembered
    inspected_templates_are_told_in_pages_and_retired
    templates_wait_for_their_dealer_under_profiles_that_are_approved
    a_dealers_word_is_written_on_what_it_inspected_alone
    what_nobody_has_any_more_is_left_to_be_deleted
    one_process_at_a_time_asks_a_dealer
    one_vendor_is_changed_and_keeps_its_place
    weights_of_a_vendor_come_and_go_and_never_sum_to_zero
    suppressed_mailboxes_are_known_to_all_until_an_operator_takes_them_out
    lines_that_tell_numbers_end_and_those_that_prove_or_are_needed_stay
    lines_of_a_kind_are_found_by_an_index
    a_token_that_is_registered_again_as_it_was_leaves_no_line
    many_customers_are_loaded_in_time
}

/// Nothing has to be made first.
const READY: fn(&mut Reference) -> Result<(), Away> = |_| Ok(());
const BOUNDS: Bounds = Bounds {
    sender_profiles: 100,
    sender_groups: 2,
    sender_numbers: 100,
    templates: 1_000,
    service_keys: 100,
    users: 2,
    opt_outs: 1_000,
    consents: 1_000,
    push_tokens: 3_000,
    files: 100,
    file_bytes: 1_000,
};
const AT_MS: i64 = 1_772_377_199_999;

fn cipher() -> Arc<Cipher> {
    Arc::new(Cipher::new(&[7; 32]))
}

impl Store {
    fn import(&self, seed: Seed) -> Result<Option<Imported>, ReferenceError> {
        self.imported(seed).map(|(imported, _)| imported)
    }

    /// With how many users the store keeps as it had them.
    fn imported(&self, seed: Seed) -> Result<(Option<Imported>, u64), ReferenceError> {
        Importer::open(&self.location, cipher()).unwrap().import("seed.toml", seed, "kim", AT_MS, || {})
    }

    fn reference(&self) -> SqlReference {
        SqlReference::open(&self.location, cipher()).unwrap()
    }

    fn count(&self, table: &str) -> i64 {
        self.rows(&format!("SELECT count(*) AS n FROM {table}"))[0].get("n").unwrap()
    }
}

fn demo() -> Seed {
    parse("demo", DEMO).unwrap()
}

/// Customers `c0` to `c<n>`, each with a service key.
fn customers(count: usize) -> Seed {
    let customer = |n| Customer { username: format!("c{n}"), ..Customer::default() };
    let key =
        |n| ServiceKey { key: format!("{n:0>40}"), username: format!("c{n}"), active: true, ..ServiceKey::default() };
    Seed {
        customers: (0..count).map(customer).collect(),
        service_keys: (0..count).map(key).collect(),
        ..Seed::default()
    }
}

fn template(n: usize, username: &str) -> Template {
    Template {
        code: format!("T{n}"),
        username: username.to_owned(),
        channel: Channel::At,
        message: "한빛상점입니다. #{name} 고객님의 주문이 발송되었습니다.".into(),
        ..Template::default()
    }
}

const URI: &str = "https://shop.example/ims?token=gilbut";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqrTwjU";

fn with_endpoint() -> Seed {
    let mut seed = customers(1);
    let key = &mut seed.service_keys[0];
    key.callback_uri = Some(URI.into());
    key.callback_secrets = vec![SECRET.to_owned().try_into().unwrap()];
    key.callback_batch = Some(serde_json::from_value(json!({"reports": 100, "wait_ms": 500})).unwrap());
    key.callback_enabled_at = Some("2026-03-11T10:30:00.123456+09:00".parse().unwrap());
    seed
}

/// Every optional part of every kind, beside what the demo has.
fn with_every_part() -> Seed {
    let mut seed = demo();
    seed.routing_groups = serde_json::from_value(json!([
        {"name": "VIP", "priority": "REALTIME", "usernames": ["hanbit-shop"], "service_keys": [seed.service_keys[1].key],
         "topics": ["AT", "SMS"], "partitions": 6, "replicas": 2}
    ]))
    .unwrap();
    seed.patterns = serde_json::from_value(json!([
        {"priority": "MASS", "channel": "MT", "message_type": "LMS", "message_id_prefix": "bulk-"},
        {"priority": "AUTH"}
    ]))
    .unwrap();
    let every_part = json!({"expires_at": "2027-03-31T00:00:00.123+09:00", "networks": ["203.0.113.0/24", "2001:db8::/32"],
        "scopes": ["report", "cancel"], "username": "hanbit-shop", "name": "2027", "hash": seed.secret_keys[1].hash});
    seed.secret_keys.push(serde_json::from_value(every_part).unwrap());
    seed.vendor_weights = serde_json::from_value(json!([
        {"vendor": "text-one", "priority": "MASS", "username": "hanbit-shop", "weight": 7},
        {"vendor": "text-one", "family": "SMS", "weight": 0}
    ]))
    .unwrap();
    seed.templates[0].state = Approval::Dormant;
    seed.templates[0].html = Some("<p>안녕하세요</p>".into());
    seed
}
