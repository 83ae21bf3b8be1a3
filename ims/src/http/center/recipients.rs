//! Lists that stand in a request: how long they may be, and recipients among them.

use processors::{
    center::{consent::Named, opt_out},
    refusal::{Code, Refusal},
    rules::field::{Field, top},
};

/// Most entries of one request.
const MOST: usize = 1000;

/// Refuses an empty list and one that is too long.
pub fn number(field: &str, got: usize) -> Result<(), Refusal> {
    let reason = format_args!("got {got}, 1 to {MOST} are allowed");
    if (1..=MOST).contains(&got) { Ok(()) } else { Err(Refusal::named(Code::BadRequest, field, reason)) }
}

/// Numbers and addresses, and ids in the customer's app, as they are kept.
pub fn named(recipients: &[String], app_user_ids: &[String]) -> Result<Vec<Named>, Refusal> {
    let got = recipients.len() + app_user_ids.len();
    if !(1..=MOST).contains(&got) {
        let reason = format_args!("got {got} with app_user_ids, 1 to {MOST} are allowed");
        return Err(Refusal::bad(&top("recipients"), reason));
    }
    let all = recipients.iter().enumerate().map(|(at, one)| ("recipients", at, one, false));
    let all = all.chain(app_user_ids.iter().enumerate().map(|(at, one)| ("app_user_ids", at, one, true)));
    all.map(|(name, at, given, app_user)| {
        let recipient = opt_out::recipient(&Field::REQUEST.entry(name, at), given, app_user)?;
        Ok(Named { recipient, app_user })
    })
    .collect()
}
